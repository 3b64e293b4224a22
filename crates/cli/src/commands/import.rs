//! `sizao import`

use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use serde_json::json;
use sha2::{Digest, Sha256};
use sizao_app::imports::{ImportOrder, ImportReport, pump};
use sizao_interop::{CsvImport, ImportError, Imported, Mapping, ndjson::FactImport};
use sizao_model::{Clock, DivisionCode, Instant};
use sizao_store::{hex, sha256};
use tokio::{runtime::Runtime, sync::mpsc};

use crate::{
    args::{Import, NodeArgs},
    node::{self, SystemClock, read_text},
    output::{self, say, thousands},
};

/// Refused rows that are printed; all are in the bad-rows file.
const SHOWN_MAX: usize = 10;

/// A file to take in, with what reads it.
struct Input {
    path: PathBuf,
    form: Form,
    /// Name of the list; for facts also the scope of their labels.
    list: String,
    digest: [u8; 32],
    bytes: u64,
}

enum Form {
    Table(Box<Mapping>, String),
    Facts,
}

pub fn run(node: &NodeArgs, order: Import, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    let input = Input::open(&order)?;
    if order.dry_run {
        return dry_run(&input, json);
    }
    let app = runtime.block_on(node::open_with(node, &order.packs))?;
    let bar = output::progress_bar(input.bytes, "bytes");
    let (to_import, rows) = mpsc::channel(2);
    let now = app.now();
    let import_order = input.order();
    let shown = bar.clone();
    let (read, report) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| input.pump(now, to_import));
        let report = runtime.block_on(app.import(import_order, rows, move |progress| {
            shown.set_position(progress.bytes);
            shown.set_message(format!("{} facts", thousands(progress.facts)));
        }));
        (reader.join(), report)
    });
    bar.finish_and_clear();
    let report = report?;
    read.map_err(|_| anyhow::anyhow!("the reader stopped"))??;
    let caught_up = runtime.block_on(app.catch_up(|_| {}))?;
    if let Some(app) = Arc::into_inner(app) {
        runtime.block_on(app.close());
    }
    say(
        json,
        || in_words(&report, caught_up.assessed),
        || {
            json!({
                "rows_accepted": report.accepted, "rows_rejected": report.rejected, "facts_stored": report.stored,
                "facts_repeated": report.repeated, "resumed_after_row": report.resumed_after,
                "people_assessed": caught_up.assessed,
                "refused": report.refused.iter().map(ToString::to_string).chain(contradictions(&report)).collect::<Vec<_>>(),
            })
        },
    );
    Ok(ExitCode::SUCCESS)
}

impl Input {
    fn open(order: &Import) -> Result<Self> {
        let path = order.file.clone();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let form = match (&order.mapping, extension) {
            (None, "ndjson" | "jsonl") => Form::Facts,
            (None, _) => bail!("{}: say with --mapping which columns mean what (see docs/imports.md)", path.display()),
            (Some(mapping), _) => {
                let text = read_text(mapping)?;
                let digest = hex(&sha256(&[text.as_bytes()]));
                let mapping = Mapping::from_toml(&text).with_context(|| format!("mapping {}", mapping.display()))?;
                Form::Table(Box::new(mapping), digest)
            }
        };
        let mut hasher = Sha256::new();
        let mut file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let bytes = io::copy(&mut file, &mut HashWriter(&mut hasher)).with_context(|| format!("reading {}", path.display()))?;
        let digest: [u8; 32] = hasher.finalize().into();
        let list = order.list.clone().unwrap_or_else(|| hex(&digest[..16]));
        Ok(Self { path, form, list, digest, bytes })
    }

    fn order(&self) -> ImportOrder {
        let list = self.list.clone();
        let (sender, mapping) = match &self.form {
            Form::Table(mapping, digest) => (mapping.sender().to_owned(), digest.clone()),
            Form::Facts => (list.clone(), "facts".to_owned()),
        };
        ImportOrder { list, sender, file_digest: self.digest, mapping, file_bytes: self.bytes }
    }

    fn pump(&self, now: Instant, to: mpsc::Sender<sizao_app::imports::RowBatch>) -> Result<()> {
        let file = BufReader::with_capacity(1 << 16, open(&self.path)?);
        match &self.form {
            Form::Table(mapping, _) => pump(CsvImport::new(file, mapping, now)?, CsvImport::bytes_read, &to)?,
            Form::Facts => {
                let rows = FactImport::new(file, &self.list, DivisionCode::HENAN, now);
                pump(rows, FactImport::bytes_read, &to)?;
            }
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("opening {}", path.display()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn dry_run(input: &Input, json: bool) -> Result<ExitCode> {
    let file = BufReader::with_capacity(1 << 16, open(&input.path)?);
    let now = SystemClock.now();
    let mut report = ImportReport::default();
    match &input.form {
        Form::Table(mapping, _) => read_all(CsvImport::new(file, mapping, now)?, &mut report)?,
        Form::Facts => read_all(FactImport::new(file, "dry run", DivisionCode::HENAN, now), &mut report)?,
    }
    say(
        json,
        || format!("Nothing was stored (dry run).\n{}", in_words(&report, 0)),
        || {
            let refused: Vec<String> = report.refused.iter().map(ToString::to_string).collect();
            json!({"dry_run": true, "rows_accepted": report.accepted, "rows_rejected": report.rejected, "facts": report.stored, "refused": refused})
        },
    );
    Ok(if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_all(rows: impl Iterator<Item = Result<Imported, ImportError>>, report: &mut ImportReport) -> Result<()> {
    for row in rows {
        match row? {
            Imported::Accepted(row) => {
                report.accepted += 1;
                report.stored += row.facts.len() as u64;
            }
            Imported::Rejected(error) => {
                report.rejected += 1;
                report.refused.push(error);
            }
        }
    }
    Ok(())
}

fn contradictions(report: &ImportReport) -> impl Iterator<Item = String> + '_ {
    report.contradicted.iter().map(|(row, reason)| format!("Row {row}: {reason}"))
}

fn in_words(report: &ImportReport, assessed: u64) -> String {
    let mut lines = Vec::new();
    let refused = report.refused.iter().map(|error| error.with_others(report.accepted)).chain(contradictions(report));
    lines.extend(refused.take(SHOWN_MAX));
    let more = (report.refused.len() + report.contradicted.len()).saturating_sub(SHOWN_MAX);
    if more > 0 {
        lines.push(format!("… and {} more", thousands(more as u64)));
    }
    if report.resumed_after > 0 {
        lines.push(format!("Went on after row {}, where an earlier import stopped.", thousands(report.resumed_after)));
    }
    let (taken, back) = (thousands(report.accepted), thousands(report.rejected));
    lines.push(format!("{taken} rows taken, {back} handed back: {} new facts, {} known already.", thousands(report.stored), thousands(report.repeated)));
    if assessed > 0 {
        lines.push(format!("{} people assessed.", thousands(assessed)));
    }
    lines.join("\n")
}
