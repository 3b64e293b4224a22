//! Bringing in a list by page: checked first, and stored only under a mandate.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
    sync::Arc,
};

pub use sizao_interop::RowError;
use sizao_interop::{BadRows, BadRowsWorkbook, CsvImport, ImportError, Imported, Mapping, XlsxImport};
use sizao_model::{DivisionCode, FactKind, Instant};
use sizao_store::{hex, sha256};
use tokio::sync::mpsc;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, can},
    identity::Actor,
    imports::{ImportOrder, ImportReport, ImportWatcher, pump},
    limits::class_of,
    mandates::Collection,
    refusal::Refusal,
};

/// Largest file that a page takes, in bytes; larger ones come by the command line.
pub const FILE_BYTES_MAX: usize = 32 << 20;
/// Largest mapping, in bytes.
pub const MAPPING_BYTES_MAX: usize = 256 << 10;
/// Rows handed back that a report keeps.
const REFUSED_KEPT_MAX: usize = 500;

/// A file with the mapping by which it is read.
pub struct Upload {
    file: Vec<u8>,
    mapping: Mapping,
    mapping_digest: String,
    name: String,
    within: DivisionCode,
}

/// What a file would bring.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Rows that would be taken.
    pub accepted: u64,
    /// Rows that would be handed back.
    pub rejected: u64,
    /// Facts that the rows make, repeats included.
    pub facts: u64,
    /// What is collected by them.
    pub collections: BTreeSet<Collection>,
    /// Facts that would open a restriction by themselves, by class: counted against the limits of 24 hours.
    pub restricting: BTreeMap<&'static str, u64>,
    /// The first rows that would be handed back, with everything that is wrong with each.
    pub refused: Vec<RowError>,
    /// The rows that would be handed back as a file of the same form, with a reason each, to be mended and sent again.
    pub to_mend: Vec<u8>,
}

impl Upload {
    /// Puts a file and its mapping together.
    ///
    /// # Errors
    /// [`Refusal`]: who may not, a file too large or empty, a mapping that cannot be read; with line and column.
    pub fn new(actor: &Actor, name: &str, file: Vec<u8>, mapping: &str) -> Result<Self, UploadError> {
        can(actor, Action::Import, actor.division, Purpose::Reporting)?;
        if file.is_empty() {
            return Err(Refusal::field("file", "file-empty").into());
        }
        if file.len() > FILE_BYTES_MAX || mapping.len() > MAPPING_BYTES_MAX {
            return Err(Refusal::field("file", "file-large").into());
        }
        let parsed = Mapping::from_toml(mapping).map_err(|error| UploadError::Mapping(error.to_string()))?;
        let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        let mapping_digest = hex(&sha256(&[mapping.as_bytes()]));
        Ok(Self { file, mapping: parsed, mapping_digest, name, within: actor.division })
    }

    /// The file's name, as it came.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of all that would go in: the file and how it is read.
    pub fn content(&self) -> [u8; 32] {
        sha256(&[&sha256(&[&self.file]), self.mapping_digest.as_bytes()])
    }

    /// Title of the mapping.
    pub fn mapping_title(&self) -> &str {
        self.mapping.title()
    }

    /// Reads the whole file and stores nothing. Blocks: run it on a thread of its own.
    ///
    /// # Errors
    /// [`ImportError`] when the file cannot be read by this mapping.
    pub fn check(&self, now: Instant) -> Result<Checked, ImportError> {
        let mut checked = Checked::default();
        let unwritten = |_| ImportError::Workbook("the rows to mend could not be written".into());
        if self.is_workbook() {
            let rows = XlsxImport::new(&self.file, &self.mapping, now)?;
            let mut to_mend = BadRowsWorkbook::new(rows.header()).map_err(unwritten)?;
            checked.read(rows, self.within, |row| to_mend.push(row).map_err(unwritten))?;
            checked.to_mend = to_mend.finish().map_err(unwritten)?;
        } else {
            let rows = CsvImport::new(Cursor::new(&self.file), &self.mapping, now)?;
            let mut to_mend = BadRows::new(Vec::new(), &self.mapping, rows.header()).map_err(unwritten)?;
            checked.read(rows, self.within, |row| to_mend.push(row).map_err(unwritten))?;
            checked.to_mend = to_mend.finish().map_err(unwritten)?;
        }
        Ok(checked)
    }

    /// Whether it is a workbook; a table as text otherwise.
    pub fn is_workbook(&self) -> bool {
        self.file.starts_with(b"PK\x03\x04")
    }
}

impl Checked {
    fn read(
        &mut self,
        rows: impl Iterator<Item = Result<Imported, ImportError>>,
        within: DivisionCode,
        mut to_mend: impl FnMut(&RowError) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        for row in rows {
            match kept_within(row?, within) {
                Imported::Accepted(row) => {
                    self.accepted += 1;
                    self.facts += row.facts.len() as u64;
                    for class in row.facts.iter().filter_map(|fact| class_of(&fact.body)) {
                        *self.restricting.entry(class).or_default() += 1;
                    }
                    self.collections.extend(row.facts.iter().filter_map(|fact| Collection::of(fact.body.kind())));
                    // Who is named in a row goes into the vault, whatever the row says of them.
                    if !row.people.is_empty() && row.facts.is_empty() {
                        self.collections.insert(Collection::Registers);
                    }
                }
                Imported::Rejected(error) => {
                    self.rejected += 1;
                    to_mend(&error)?;
                    if self.refused.len() < REFUSED_KEPT_MAX {
                        self.refused.push(error);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Why a file is not taken at all.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// As elsewhere.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The mapping cannot be read.
    #[error("{0}")]
    Mapping(String),
}

impl App {
    /// Stores the rows of a file, each collection under a mandate in force; a mandate that ends meanwhile stops it.
    ///
    /// # Errors
    /// [`Refusal::NoMandate`] before anything is stored; [`AppError`].
    pub async fn take_in(
        self: &Arc<Self>,
        actor: &Actor,
        upload: Arc<Upload>,
        collections: &BTreeSet<Collection>,
        watcher: impl ImportWatcher + 'static,
        wall: Instant,
    ) -> Result<ImportReport, AppError> {
        can(actor, Action::Import, actor.division, Purpose::Reporting)?;
        let mut until = Instant::MAX;
        for collection in collections {
            until = until.min(self.require_mandate(*collection, actor.division).await?);
        }
        let told = Reason::of(&upload.name);
        self.log_deed(actor, Action::Import, Purpose::Reporting, None, told, wall).await?;
        let digest = sha256(&[&upload.file]);
        let order = ImportOrder {
            list: format!("{}/{}", actor.unit, hex(&digest[..16])),
            sender: upload.mapping.sender().to_owned(),
            file_digest: digest,
            mapping: upload.mapping_digest.clone(),
            file_bytes: upload.file.len() as u64,
            by: Some(actor.account),
        };
        let frozen = self.frozen_classes(actor.account).await?;
        let (to_import, rows) = mpsc::channel(2);
        let app = self.clone();
        let reader = tokio::task::spawn_blocking(move || upload.pump(&app, until, &frozen, &to_import));
        let report = self.import(order, rows, watcher).await?;
        reader.await.map_err(|_| AppError::Stopped("the reader ended"))??;
        self.follow_log().await?;
        Ok(report)
    }
}

impl Upload {
    fn pump(
        &self,
        app: &App,
        until: Instant,
        frozen: &[&str],
        to: &mpsc::Sender<crate::imports::RowBatch>,
    ) -> Result<(), ImportError> {
        let now = app.now();
        let gate = |row: Result<Imported, ImportError>| -> Result<Imported, ImportError> {
            Ok(match held_back(kept_within(row?, self.within), frozen) {
                Imported::Accepted(row) if app.now() >= until => Imported::Rejected(
                    row.source.refuse("the mandate for this collection has ended", "Send it again under a new mandate"),
                ),
                other => other,
            })
        };
        if self.is_workbook() {
            let rows = XlsxImport::new(&self.file, &self.mapping, now)?;
            let bytes = self.file.len() as u64;
            pump(rows.map(gate), |_| bytes, to)
        } else {
            let rows = CsvImport::new(Cursor::new(&self.file), &self.mapping, now)?;
            pump(rows.map(gate), |_| 0, to)
        }
    }
}

/// A row about people of another division is handed back: whose division it is, is that division's to say.
pub(crate) fn kept_within(row: Imported, within: DivisionCode) -> Imported {
    let Imported::Accepted(row) = row else { return row };
    // Decisions of two signers are made on their pages; a list is one person's.
    let decides = |kind| {
        use FactKind::{
            AppealDecision, AreaDeclared, BatchDecided, Erasure, LoopStep, Mandate, OrderRefused, PackAdopted,
            WatchDecision, WatchFreeze,
        };
        matches!(
            kind,
            PackAdopted
                | Mandate
                | Erasure
                | AreaDeclared
                | BatchDecided
                | AppealDecision
                | LoopStep
                | WatchFreeze
                | WatchDecision
                | OrderRefused
        )
    };
    let scanned = |kind| matches!(kind, FactKind::TubeStep | FactKind::ScreeningRound);
    if row.facts.iter().any(|fact| scanned(fact.body.kind())) {
        return Imported::Rejected(row.source.refuse(
            "where a tube is comes from scans, and rounds from their page",
            "Scan the tube at its desk or in the laboratory, or open the round on the page of plans",
        ));
    }
    if row.facts.iter().any(|fact| decides(fact.body.kind())) {
        return Imported::Rejected(row.source.refuse(
            "it decides for everybody, and a list is one person's word",
            "Propose it on the page of packs or of mandates, where two organisations sign",
        ));
    }
    let outside = row.people.iter().map(|person| person.division).chain(row.facts.iter().map(|fact| fact.division));
    match outside.into_iter().find(|division| !division.is_under(within)) {
        Some(division) => Imported::Rejected(row.source.refuse(
            format!("it is about {division}, outside {within}, for which your unit reports"),
            "Let the unit responsible there send it",
        )),
        None => Imported::Accepted(row),
    }
}

/// A row that would open what is frozen comes back; diagnoses, results and corrections never do for that.
pub(crate) fn held_back(row: Imported, frozen: &[&str]) -> Imported {
    let Imported::Accepted(row) = row else { return row };
    if row.facts.iter().filter_map(|fact| class_of(&fact.body)).any(|class| frozen.contains(&class)) {
        return Imported::Rejected(row.source.refuse(
            "new openings of this kind by this account are frozen until an auditor has looked at the last ones",
            "Send it again when the freeze is lifted or over; another officer who knows the person may record it",
        ));
    }
    Imported::Accepted(row)
}
