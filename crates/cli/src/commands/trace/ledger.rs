//! Reads a ledger: a CSV or Parquet file, or a folder of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sizao_presence::TraceQuestion;

use super::{name, read as read_bytes};

/// Folders in folders that are looked into: by year, month, day.
const DEPTH_MAX: usize = 4;

/// Takes the ledger at `path` into the question.
pub fn read(path: &Path, question: &mut TraceQuestion) -> Result<()> {
    let meta = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    if !meta.is_dir() {
        return read_file(path, question);
    }
    let mut files = Vec::new();
    collect(path, DEPTH_MAX, &mut files)?;
    if files.is_empty() {
        bail!("{}: no .csv or .parquet file in this folder", path.display());
    }
    // The answer does not depend on the order; messages do.
    files.sort();
    files.iter().try_for_each(|file| read_file(file, question))
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("reading {}", folder.display()))?.path();
        if path.is_dir() && depth > 0 {
            collect(&path, depth - 1, files)?;
        } else if is_a(&path, "csv") || is_a(&path, "parquet") {
            files.push(path);
        }
    }
    Ok(())
}

fn read_file(path: &Path, question: &mut TraceQuestion) -> Result<()> {
    if !is_a(path, "parquet") {
        return Ok(question.add_ledger(&name(path), &read_bytes(path)?)?);
    }
    bail!("{}: Parquet", path.display())
}

fn is_a(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
