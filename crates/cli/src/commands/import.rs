//! `sizao import`

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use serde_json::json;
use sha2::{Digest, Sha256};
use sizao_app::imports::{ImportOrder, ImportProgress, ImportReport, ImportWatcher, RowBatch, pump};
use sizao_interop::{
    BadRows, BadRowsWorkbook, CsvImport, ImportError, Imported, Mapping, RowError, XlsxImport, fhir::BundleImport,
    hl7v2::MessageImport, ndjson::EXPORTED_FROM, ndjson::FactImport,
};
use sizao_model::{Clock, DivisionCode, Instant};
use sizao_store::{hex, sha256};
use tokio::{runtime::Runtime, sync::mpsc};

use crate::{
    args::{Format, Import, NodeArgs},
    node::{self, SystemClock, read_text},
    output::{self, say, thousands},
};

/// Exit code when the good rows are in and others came back.
const ROWS_HANDED_BACK: u8 = 2;
/// Refused rows that are printed; all are in the bad-rows file.
const SHOWN_MAX: usize = 10;

/// A file to take in, with what reads it.
struct Input {
    path: PathBuf,
    form: Form,
    /// Name of the list.
    list: String,
    /// Of a file of facts: in whose scope its labels have a meaning.
    sender: String,
    digest: [u8; 32],
    bytes: u64,
}

enum Form {
    Table(Arc<Mapping>, String),
    Facts,
    Messages(Format),
}

pub fn run(node: &NodeArgs, order: Import, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    let input = Input::open(&order)?;
    if order.dry_run {
        return dry_run(&input, json);
    }
    let app = runtime.block_on(node::open_with(node, &order.packs))?;
    input.is_from_elsewhere(&app.store().id().to_string())?;
    let bad_rows =
        Arc::new(Mutex::new(BadRowsFile::new(order.bad_rows.clone().unwrap_or_else(|| bad_rows_path(&input.path)))));
    let bar = output::progress_bar(input.bytes, "bytes");
    let watcher = Watcher { bar: bar.clone(), json, bad_rows: bad_rows.clone() };
    let (to_import, rows) = mpsc::channel(2);
    let now = app.now();
    let import_order = input.order();
    let (read, report) = std::thread::scope(|scope| {
        let (input, bad_rows) = (&input, &bad_rows);
        let reader = scope.spawn(move || input.pump(now, to_import, bad_rows));
        let report = runtime.block_on(app.import(import_order, rows, watcher));
        (reader.join(), report)
    });
    bar.finish_and_clear();
    let read = read.map_err(|_| anyhow::anyhow!("the reader stopped"))?;
    let report = report?;
    read?;
    if let Some(app) = Arc::into_inner(app) {
        runtime.block_on(app.close());
    }
    let bad_rows = bad_rows.lock().expect("no thread panics with it").finish()?;
    say(
        json,
        || in_words(&report, report.caught_up.assessed, bad_rows.as_deref()),
        || {
            json!({
                "rows_accepted": report.accepted, "rows_rejected": report.rejected, "facts_stored": report.stored,
                "facts_repeated": report.repeated, "resumed_after_row": report.resumed_after,
                "people_assessed": report.caught_up.assessed, "bad_rows": bad_rows,
                "refused": report.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        },
    );
    Ok(if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(ROWS_HANDED_BACK) })
}

/// Shows progress and writes rows that are handed back. With `--json` each commit is a line of its own.
struct Watcher {
    bar: ProgressBar,
    json: bool,
    bad_rows: Arc<Mutex<BadRowsFile>>,
}

impl ImportWatcher for Watcher {
    fn committed(&mut self, progress: ImportProgress) {
        self.bar.set_position(progress.bytes);
        self.bar.set_message(format!("{} facts", thousands(progress.facts)));
        if self.json {
            say(true, String::new, || json!({"committed": {"row": progress.rows, "facts": progress.facts}}));
        }
    }

    fn refused(&mut self, row: &RowError) -> io::Result<()> {
        self.bad_rows.lock().expect("no thread panics with it").push(row)
    }
}

/// `cases.csv` gives `cases-bad.csv`, or `cases-bad-2.csv` where that exists: somebody may be mending it.
fn bad_rows_path(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = file.extension().map_or(String::new(), |extension| format!(".{}", extension.to_string_lossy()));
    let names = std::iter::once(String::new()).chain((2..).map(|number| format!("-{number}")));
    let mut paths = names.map(|number| file.with_file_name(format!("{stem}-bad{number}{extension}")));
    paths.find(|path| !path.exists()).expect("there is always one more number")
}

/// The file of rows to mend, begun with the first of them.
struct BadRowsFile {
    path: PathBuf,
    form: BadRowsForm,
}

enum BadRowsForm {
    /// Nothing refused yet; how the file would begin.
    NotBegun(Option<Beginning>),
    Text(BadRows<BufWriter<File>>),
    Workbook(Box<BadRowsWorkbook>),
}

type Beginning = Box<dyn FnOnce(&Path) -> io::Result<BadRowsForm> + Send>;

impl BadRowsFile {
    const fn new(path: PathBuf) -> Self {
        Self { path, form: BadRowsForm::NotBegun(None) }
    }

    /// Says how the file begins, once the header of the input is known.
    fn begins(&mut self, beginning: impl FnOnce(&Path) -> io::Result<BadRowsForm> + Send + 'static) {
        self.form = BadRowsForm::NotBegun(Some(Box::new(beginning)));
    }

    fn push(&mut self, row: &RowError) -> io::Result<()> {
        if let BadRowsForm::NotBegun(beginning) = &mut self.form
            && let Some(beginning) = beginning.take()
        {
            self.form = beginning(&self.path)?;
        }
        match &mut self.form {
            BadRowsForm::NotBegun(_) => Ok(()),
            BadRowsForm::Text(rows) => rows.push(row),
            BadRowsForm::Workbook(rows) => rows.push(row),
        }
    }

    /// Ends the file; its path, if there is one.
    fn finish(&mut self) -> Result<Option<PathBuf>> {
        let failed = || format!("writing {}", self.path.display());
        match std::mem::replace(&mut self.form, BadRowsForm::NotBegun(None)) {
            BadRowsForm::NotBegun(_) => return Ok(None),
            BadRowsForm::Text(rows) => rows.finish().and_then(|out| out.get_ref().sync_all()).with_context(failed)?,
            BadRowsForm::Workbook(rows) => {
                let bytes = rows.finish().with_context(failed)?;
                std::fs::write(&self.path, bytes).with_context(failed)?;
            }
        }
        Ok(Some(self.path.clone()))
    }
}

fn text_file(path: &Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path)?))
}

impl Input {
    fn open(order: &Import) -> Result<Self> {
        let path = order.file.clone();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let form = match (&order.mapping, order.format, extension) {
            (_, Some(format), _) => Form::Messages(format),
            (None, None, "ndjson" | "jsonl") => Form::Facts,
            (None, None, _) => {
                bail!("{}: say with --mapping which columns mean what (see docs/imports.md)", path.display())
            }
            (Some(mapping), None, _) => {
                let text = read_text(mapping)?;
                let digest = hex(&sha256(&[text.as_bytes()]));
                let mapping = Mapping::from_toml(&text).with_context(|| format!("mapping {}", mapping.display()))?;
                Form::Table(Arc::new(mapping), digest)
            }
        };
        let mut hasher = Sha256::new();
        let mut file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let bytes =
            io::copy(&mut file, &mut HashWriter(&mut hasher)).with_context(|| format!("reading {}", path.display()))?;
        let digest: [u8; 32] = hasher.finalize().into();
        let list = order.list.clone().unwrap_or_else(|| hex(&digest[..16]));
        let sender = order.sender.clone().unwrap_or_else(|| list.clone());
        Ok(Self { path, form, list, sender, digest, bytes })
    }

    /// Facts that this store exported would stand in it twice, under new ids.
    fn is_from_elsewhere(&self, store: &str) -> Result<()> {
        if matches!(self.form, Form::Facts) {
            let mut first = String::new();
            // What is no text is refused where its line is read.
            let _ = BufReader::new(open(&self.path)?).take(200).read_line(&mut first);
            if first.strip_prefix(EXPORTED_FROM).is_some_and(|id| id.trim() == store) {
                bail!(
                    "{} was exported from this store: its facts are here already. Import it where they are not",
                    self.path.display()
                );
            }
        }
        Ok(())
    }

    fn order(&self) -> ImportOrder {
        let list = self.list.clone();
        let (sender, mapping) = match &self.form {
            Form::Table(mapping, digest) => (mapping.sender().to_owned(), digest.clone()),
            Form::Facts => (self.sender.clone(), "facts".to_owned()),
            Form::Messages(Format::Hl7v2) => (self.sender.clone(), "hl7v2".to_owned()),
            Form::Messages(Format::Fhir) => (self.sender.clone(), "fhir".to_owned()),
        };
        ImportOrder { list, sender, file_digest: self.digest, mapping, file_bytes: self.bytes, by: None }
    }

    fn pump(&self, now: Instant, to: mpsc::Sender<RowBatch>, bad_rows: &Mutex<BadRowsFile>) -> Result<()> {
        let begins = |beginning: Beginning| bad_rows.lock().expect("no thread panics with it").begins(beginning);
        match &self.form {
            Form::Table(mapping, _) if self.is_workbook() => {
                let rows = XlsxImport::new(&self.workbook()?, mapping, now)?;
                let header = rows.header().clone();
                begins(Box::new(move |_| Ok(BadRowsForm::Workbook(Box::new(BadRowsWorkbook::new(&header)?)))));
                let (all, bytes) = (rows.rows_left().max(1) as u64, self.bytes);
                pump(rows, move |rows| bytes - bytes * rows.rows_left() as u64 / all, &to)?;
            }
            Form::Table(mapping, _) => {
                let rows = CsvImport::new(open(&self.path)?, mapping, now)?;
                let (mapping, header) = (mapping.clone(), rows.header().clone());
                begins(Box::new(move |path| Ok(BadRowsForm::Text(BadRows::new(text_file(path)?, &mapping, &header)?))));
                pump(rows, CsvImport::bytes_read, &to)?;
            }
            Form::Facts => {
                begins(Box::new(|path| Ok(BadRowsForm::Text(BadRows::lines(text_file(path)?)))));
                let rows = FactImport::new(open(&self.path)?, &self.sender, DivisionCode::HENAN, now);
                pump(rows, FactImport::bytes_read, &to)?;
            }
            Form::Messages(format) => {
                begins(Box::new(|path| Ok(BadRowsForm::Text(BadRows::lines(text_file(path)?)))));
                let (file, sender) = (open(&self.path)?, &self.sender);
                match format {
                    Format::Hl7v2 => {
                        let rows = MessageImport::new(file, sender, DivisionCode::HENAN, now)?;
                        pump(rows, MessageImport::bytes_read, &to)?;
                    }
                    Format::Fhir => {
                        let rows = BundleImport::new(file, sender, DivisionCode::HENAN, now)?;
                        pump(rows, BundleImport::bytes_read, &to)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn is_workbook(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("xlsx"))
    }

    fn workbook(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.path).with_context(|| format!("reading {}", self.path.display()))
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
    let now = SystemClock.now();
    let mut report = ImportReport::default();
    match &input.form {
        Form::Table(mapping, _) if input.is_workbook() => {
            read_all(XlsxImport::new(&input.workbook()?, mapping, now)?, &mut report)?;
        }
        Form::Table(mapping, _) => read_all(CsvImport::new(open(&input.path)?, mapping, now)?, &mut report)?,
        Form::Facts => {
            read_all(FactImport::new(open(&input.path)?, "dry run", DivisionCode::HENAN, now), &mut report)?;
        }
        Form::Messages(Format::Hl7v2) => {
            read_all(MessageImport::new(open(&input.path)?, "dry run", DivisionCode::HENAN, now)?, &mut report)?;
        }
        Form::Messages(Format::Fhir) => {
            read_all(BundleImport::new(open(&input.path)?, "dry run", DivisionCode::HENAN, now)?, &mut report)?;
        }
    }
    say(
        json,
        || format!("Nothing was stored (dry run).\n{}", in_words(&report, 0, None)),
        || {
            let refused: Vec<String> = report.refused.iter().map(ToString::to_string).collect();
            json!({"dry_run": true, "rows_accepted": report.accepted, "rows_rejected": report.rejected, "facts": report.stored, "refused": refused})
        },
    );
    Ok(if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(ROWS_HANDED_BACK) })
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

fn in_words(report: &ImportReport, assessed: u64, bad_rows: Option<&Path>) -> String {
    let mut lines = Vec::new();
    lines.extend(report.refused.iter().take(SHOWN_MAX).map(|error| error.with_others(report.accepted)));
    let more = report.rejected.saturating_sub(SHOWN_MAX as u64);
    if more > 0 {
        lines.push(format!("… and {} more", thousands(more)));
    }
    if report.was_finished {
        lines.push("This list was taken in before, to its end.".to_owned());
    } else if report.resumed_after > 0 {
        lines.push(format!("Went on after row {}, where an earlier import stopped.", thousands(report.resumed_after)));
    }
    let (taken, back) = (thousands(report.accepted), thousands(report.rejected));
    let (stored, repeated) = (thousands(report.stored), thousands(report.repeated));
    lines.push(format!("{taken} rows taken, {back} handed back: {stored} new facts, {repeated} known already."));
    if let Some(path) = bad_rows {
        lines.push(format!("The rows handed back are in {}: mend them there and send that file.", path.display()));
    }
    if assessed > 0 {
        lines.push(format!("{} people assessed.", thousands(assessed)));
    }
    lines.join("\n")
}
