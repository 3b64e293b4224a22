//! `sizao interop`

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::json;
use sizao_interop::check::{ClassReport, Folder, check_set};

use crate::output::{say, thousands};

/// Failures that are printed of each class; with --json all are.
const SHOWN_MAX: usize = 20;

/// What can be typed behind `sizao interop`.
#[derive(Subcommand, Debug)]
pub enum Interop {
    /// Run samples with expected outcomes against our readers of HL7 v2, FHIR R4 and EU certificates.
    #[command(after_help = "\
A set is a folder with index.csv; DIR is one set, or a folder of several. Exit codes: 0 all passed, 1 something failed.")]
    Check {
        /// Folder of one set or of several.
        dir: PathBuf,
    },
}

pub fn run(command: &Interop, json: bool) -> Result<ExitCode> {
    match command {
        Interop::Check { dir } => check(dir, json),
    }
}

fn check(dir: &Path, json: bool) -> Result<ExitCode> {
    let mut failed = false;
    for set in sets(dir)? {
        let report = match check_set(&Disk(set.clone())) {
            Ok(report) => report,
            // Beside the sets there may be others, such as those of a format that is not read here.
            Err(error) if set != dir => {
                say(
                    json,
                    || format!("{}: not run: {error}", set.display()),
                    || json!({"folder": set.display().to_string(), "not_run": error.to_string()}),
                );
                continue;
            }
            Err(error) => return Err(error).with_context(|| format!("running {}", dir.display())),
        };
        failed |= report.failed > 0;
        say(json, || in_words(&report), || in_json(&report));
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The folder itself when it is a set, else those in it, by name.
fn sets(dir: &Path) -> Result<Vec<PathBuf>> {
    if dir.join("index.csv").is_file() {
        return Ok(vec![dir.to_owned()]);
    }
    let mut sets = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.join("index.csv").is_file() {
            sets.push(path);
        }
    }
    if sets.is_empty() {
        bail!("{}: there is no index.csv here, nor in a folder below: give the folder of a set", dir.display());
    }
    sets.sort();
    Ok(sets)
}

/// Reads files of one set and of nothing else.
struct Disk(PathBuf);

impl Folder for Disk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let path = Path::new(path);
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a path of an index stays inside its folder"));
        }
        fs::read(self.0.join(path))
    }
}

fn in_words(report: &ClassReport) -> String {
    let mut lines = vec![format!(
        "{}: {} passed, {} failed ({} expectations looked at)",
        report.class,
        thousands(report.passed),
        thousands(report.failed),
        thousands(report.checks)
    )];
    lines.extend(report.failures.iter().take(SHOWN_MAX).map(|failure| format!("  failed  {failure}")));
    let more = report.failures.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        lines.push(format!("  … and {more} more"));
    }
    for one in &report.contradictions {
        lines.push(format!("  contradicts itself  {one}"));
    }
    for (check, count) in &report.not_looked_at {
        lines.push(format!("  not looked at: {check}, {} times", thousands(*count)));
    }
    lines.join("\n")
}

fn in_json(report: &ClassReport) -> serde_json::Value {
    json!({
        "class": report.class.name(), "passed": report.passed, "failed": report.failed, "checks": report.checks,
        "failures": report.failures.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "contradictions": report.contradictions.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "not_looked_at": report.not_looked_at.iter().map(|(check, count)| json!({"check": check, "count": count})).collect::<Vec<_>>(),
    })
}
