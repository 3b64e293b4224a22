//! Reads the tables of a question: CSV or Parquet files, of the ledger also folders of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sizao_presence::{CASE_COLUMNS, Cell, LEDGER_COLUMNS, PLACE_COLUMNS, TraceQuestion};
use sizao_warehouse::{Value, read_rows};

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
        } else if is_a(&path, "csv") || is_parquet(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn read_file(path: &Path, question: &mut TraceQuestion) -> Result<()> {
    let name = name(path);
    if is_parquet(path) {
        return each_row(path, &LEDGER_COLUMNS, |row, cells| question.add_stay(&name, row, cells));
    }
    Ok(question.add_ledger(&name, &read_bytes(path)?)?)
}

/// Takes index cases into the question.
pub fn read_cases(path: &Path, question: &mut TraceQuestion) -> Result<()> {
    let name = name(path);
    if is_parquet(path) {
        return each_row(path, &CASE_COLUMNS, |row, cells| question.add_case(&name, row, cells));
    }
    Ok(question.add_cases(&name, &read_bytes(path)?)?)
}

/// Takes risky places into the question.
pub fn read_risky_places(path: &Path, question: &mut TraceQuestion) -> Result<()> {
    let name = name(path);
    question.ask_visitors();
    if is_parquet(path) {
        return each_row(path, &PLACE_COLUMNS, |row, [cell]| question.add_risky_place(&name, row, cell));
    }
    Ok(question.add_risky_places(&name, &read_bytes(path)?)?)
}

fn each_row<const N: usize>(path: &Path, columns: &[&str; N], mut visit: impl FnMut(u64, [Cell<'_>; N])) -> Result<()> {
    read_rows(path, columns, |row, values| visit(row, values.map(as_cell)))?;
    Ok(())
}

fn as_cell(value: Value<'_>) -> Cell<'_> {
    match value {
        Value::Empty => Cell::Empty,
        Value::Number(number) => Cell::Number(number),
        Value::Text(text) => Cell::Text(text),
        Value::Unreadable => Cell::Unreadable,
    }
}

fn is_parquet(path: &Path) -> bool {
    is_a(path, "parquet")
}

fn is_a(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
