//! `sizao epi reference`

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use sizao_epi::reference::{FAMILIES, FamilyReport, run_reference_family};

use crate::output::say;

pub const EXAMPLES: &str = "\
Example:
  sizao epi reference reference/surveillance            every FAMILY.jsonl of the folder
  sizao epi reference reference/surveillance --family ears --family cusum

A file holds one case a line: family, id, settings, input, output, tolerance. A case passes when every output named under
`tolerance` agrees. Exit codes: 0 every case that could be run passed, 1 a case failed or the folder has no family.";

/// Failures printed per family, unless --verbose is given.
const FAILURES_SHOWN: usize = 5;

#[derive(Args, Debug)]
pub struct Reference {
    /// Folder with one FAMILY.jsonl per family, or the folder above its `surveillance`.
    pub folder: PathBuf,
    /// Only these families.
    #[arg(long, value_name = "NAME")]
    pub family: Vec<String>,
    /// Print every failure, and what is to be said of cases that passed.
    #[arg(long)]
    pub verbose: bool,
}

pub fn run(order: &Reference, json: bool) -> Result<ExitCode> {
    let files = family_files(order)?;
    let reports = run_all(&files)?;
    let absent: Vec<&str> = FAMILIES
        .into_iter()
        .filter(|family| !files.contains_key(*family))
        .filter(|family| order.family.is_empty() || order.family.iter().any(|asked| asked == family))
        .collect();
    say(
        json,
        || words(&reports, &absent, order.verbose),
        || json!({"families": reports.iter().map(as_json).collect::<Vec<_>>(), "absent": absent}),
    );
    let is_failed = reports.iter().any(|report| report.failed > 0);
    Ok(if is_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The families of the folder with their files, in the order of their names.
fn family_files(order: &Reference) -> Result<BTreeMap<String, PathBuf>> {
    let mut files = jsonl_files(&order.folder)?;
    let inner = order.folder.join("surveillance");
    if files.is_empty() && inner.is_dir() {
        files = jsonl_files(&inner)?;
    }
    if files.is_empty() {
        bail!("{} has no FAMILY.jsonl. Name a folder laid out as reference/surveillance.", order.folder.display());
    }
    if !order.family.is_empty() {
        if let Some(unknown) = order.family.iter().find(|family| !files.contains_key(*family)) {
            let known: Vec<&str> = files.keys().map(String::as_str).collect();
            bail!("{} has no {unknown}.jsonl. It has: {}.", order.folder.display(), known.join(", "));
        }
        files.retain(|family, _| order.family.contains(family));
    }
    Ok(files)
}

fn jsonl_files(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading the folder {}", folder.display()))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let is_family = path.extension().is_some_and(|extension| extension == "jsonl");
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_family && path.is_file()) {
            files.insert(name.to_owned(), path);
        }
    }
    Ok(files)
}

/// One thread per processor takes the next family.
fn run_all(files: &BTreeMap<String, PathBuf>) -> Result<Vec<FamilyReport>> {
    let texts: Vec<(&String, String)> = files
        .iter()
        .map(|(family, path)| {
            let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            Ok((family, text))
        })
        .collect::<Result<_>>()?;
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, |n| n.get()).min(texts.len());
    let work = || {
        let take = || texts.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(take).map(|(family, text)| run_reference_family(family, text)).collect::<Vec<_>>()
    };
    let mut reports: Vec<FamilyReport> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a family runs without panic")).collect()
    });
    reports.sort_by(|a, b| a.family.cmp(&b.family));
    Ok(reports)
}

fn words(reports: &[FamilyReport], absent: &[&str], verbose: bool) -> String {
    let mut lines = vec![format!("{:22} {:>7} {:>7} {:>9}  worst error", "family", "passed", "failed", "values")];
    for report in reports.iter().filter(|report| report.is_built) {
        let worst = report.worst.as_ref().map_or("-".to_owned(), |w| {
            format!("{:.1e} of {:.0e} allowed ({}, {})", w.error, w.tolerance, w.case_id, w.what)
        });
        lines.push(format!(
            "{:22} {:>7} {:>7} {:>9}  {worst}",
            report.family, report.passed, report.failed, report.values_compared
        ));
        let shown = if verbose { usize::MAX } else { FAILURES_SHOWN };
        lines.extend(report.failures.iter().take(shown).map(|failure| format!("    failed: {failure}")));
        if report.failures.len() > shown {
            lines.push(format!("    … and {} more; --verbose shows all", report.failures.len() - shown));
        }
        if verbose {
            lines.extend(report.notes.iter().map(|note| format!("    note: {note}")));
        }
    }
    let (passed, failed) = (total(reports, |r| r.passed), total(reports, |r| r.failed));
    lines.push(format!("{:22} {passed:>7} {failed:>7} {:>9}", "all", total(reports, |r| r.values_compared)));
    let unbuilt: Vec<&str> = reports.iter().filter(|r| !r.is_built).map(|r| r.family.as_str()).collect();
    lines.push(format!("families not built: {}", list(&unbuilt)));
    lines.push(format!("families not in the folder: {}", list(absent)));
    lines.join("\n")
}

fn total(reports: &[FamilyReport], of: impl Fn(&FamilyReport) -> usize) -> usize {
    reports.iter().map(of).sum()
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn as_json(report: &FamilyReport) -> serde_json::Value {
    json!({
        "family": report.family,
        "is_built": report.is_built,
        "passed": report.passed,
        "failed": report.failed,
        "values_compared": report.values_compared,
        "worst": report.worst.as_ref().map(|w| json!({
            "case": w.case_id, "what": w.what, "error": w.error, "tolerance": w.tolerance
        })),
        "failures": report.failures,
        "notes": report.notes,
    })
}
