//! Importing a file: rows become people in the vault and facts in the log, batch by batch.
//!
//! A bad row costs one row. Each batch commits with how far the file has come, so that a killed import goes on where it
//! stopped; a row that was stored before is recognised by its key and changes nothing.

mod people;
mod sites;

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sizao_interop::{ImportError, Imported, Note, Row, RowError, RowSource};
use sizao_model::{
    Fact, FactId, Instant,
    draft::{FactDraft, Origin, provisional_fact},
};
use sizao_store::{Channel, ImportState, IntakeKey, NewFact, Receipt, SealedFact, StoredFact, Submission};
use tokio::{sync::mpsc, task::JoinHandle};

use self::{
    people::{KnownBatch, People},
    sites::{Fault, Sites},
};
use crate::{
    App, AppError,
    assessments::{CaughtUp, PORTION},
    pens::Pen,
};

/// Facts of one transaction: the writer is held for some tens of milliseconds.
const BATCH_FACTS: usize = 2_048;
/// Batches between two stages.
const QUEUE: usize = 2;
/// Facts of this import that later rows may refer to without asking the store.
const REMEMBERED_MAX: usize = 1 << 20;

/// What is imported, and under which names.
#[derive(Clone, Debug)]
pub struct ImportOrder {
    /// Name of the list; repeating a list changes nothing.
    pub list: String,
    /// Who gives the keys of facts.
    pub sender: String,
    /// SHA-256 of the file.
    pub file_digest: [u8; 32],
    /// Digest of the mapping, hexadecimal.
    pub mapping: String,
    /// Bytes of the file, for the progress.
    pub file_bytes: u64,
    /// The account that brings it in; none for the command line.
    pub by: Option<uuid::Uuid>,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportProgress {
    /// Rows dealt with.
    pub rows: u64,
    /// Facts committed by this run.
    pub facts: u64,
    /// Bytes of the file read.
    pub bytes: u64,
}

/// Who watches an import.
pub trait ImportWatcher: Send {
    /// A batch was committed: everything up to this row is durable.
    fn committed(&mut self, progress: ImportProgress);

    /// A row is handed back. Called once a row, in the order of the file but for rows that the store refuses.
    ///
    /// # Errors
    /// The import ends when the row cannot be kept for its sender.
    fn refused(&mut self, row: &RowError) -> std::io::Result<()>;

    /// What became of a fact of a row; in the order of the file.
    fn answered(&mut self, _row: u64, _receipt: &Receipt) {}
}

/// Nobody watches.
impl ImportWatcher for () {
    fn committed(&mut self, _progress: ImportProgress) {}

    fn refused(&mut self, _row: &RowError) -> std::io::Result<()> {
        Ok(())
    }
}

/// What became of a file.
#[derive(Clone, Debug, Default)]
pub struct ImportReport {
    /// Rows taken, those of earlier runs included.
    pub accepted: u64,
    /// Rows handed back, those of earlier runs included.
    pub rejected: u64,
    /// Facts stored by this run.
    pub stored: u64,
    /// Facts that were there already.
    pub repeated: u64,
    /// Rows skipped because an earlier run dealt with them.
    pub resumed_after: u64,
    /// Whether an earlier run had dealt with the whole list.
    pub was_finished: bool,
    /// The first rows handed back, by the reader or by the store.
    pub refused: Vec<RowError>,
    /// What should be known about how rows were read.
    pub notes: Vec<Note>,
    /// What was assessed.
    pub caught_up: CaughtUp,
}

/// At most so many refused rows are kept for the report, and ten times as many notes; the watcher gets all.
pub const REFUSED_KEPT_MAX: usize = 1_000;

/// Some rows of a file, with the bytes read up to their end.
pub struct RowBatch {
    rows: Vec<Imported>,
    bytes: u64,
}

/// Sends the rows of a file to an import; runs on a thread of its own until the file ends or the import does.
///
/// # Errors
/// [`ImportError`] when the file cannot be read on.
pub fn pump<I>(mut rows: I, bytes_read: impl Fn(&I) -> u64, to: &mpsc::Sender<RowBatch>) -> Result<(), ImportError>
where
    I: Iterator<Item = Result<Imported, ImportError>>,
{
    let mut batch = Vec::new();
    let mut facts = 0;
    while let Some(row) = rows.next() {
        let row = row?;
        facts += if let Imported::Accepted(row) = &row { row.facts.len().max(1) } else { 1 };
        batch.push(row);
        if facts >= BATCH_FACTS {
            facts = 0;
            let sent = to.blocking_send(RowBatch { rows: std::mem::take(&mut batch), bytes: bytes_read(&rows) });
            if sent.is_err() {
                return Ok(());
            }
        }
    }
    let _ = to.blocking_send(RowBatch { rows: batch, bytes: bytes_read(&rows) });
    Ok(())
}

impl App {
    /// Imports the rows that come through `rows` (see [`pump`]).
    ///
    /// When this returns, every row counted as accepted is durable, and projections and assessments are current.
    ///
    /// # Errors
    /// [`AppError::BeingImported`], [`AppError::OtherFile`], [`AppError::Store`].
    pub async fn import(
        self: &Arc<Self>,
        order: ImportOrder,
        rows: mpsc::Receiver<RowBatch>,
        watcher: impl ImportWatcher + 'static,
    ) -> Result<ImportReport, AppError> {
        let pen = match order.by {
            Some(account) => self.pen_of(account).await?,
            None => self.own_pen(),
        };
        let list = order.list.clone();
        let _alone = self.store().lease_list(&list).await?.ok_or(AppError::BeingImported { list })?;
        let state = self.begin(&order).await?;
        let (to_writer, from_reader) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(write_batches(self.clone(), state.clone(), from_reader, watcher));
        let sender_source = self.store().source(&order.sender).await?;
        let mut reader = Reader {
            app: self,
            pen,
            list_source: self.store().source(&order.list).await?,
            sender_source,
            may_repeat: !self.store().is_new_source(sender_source).await?,
            sender: order.sender,
            facts: Remembered::default(),
            sites: Sites::default(),
        };
        let (to_reader, mut named) = mpsc::channel(QUEUE);
        let people = tokio::spawn(People::new(self.clone()).run(rows, state.rows_done, to_reader));
        while let Some(batch) = named.recv().await {
            let batch = reader.read(batch).await?;
            if to_writer.send(batch).await.is_err() {
                break;
            }
        }
        drop((to_writer, named));
        let report = writer.await.map_err(|_| AppError::Stopped("the writer ended"))??;
        people.await.map_err(|_| AppError::Stopped("nobody looked for the people"))??;
        Ok(ImportReport { resumed_after: state.rows_done, was_finished: state.finished, ..report })
    }

    /// Remembers facts just appended until they are assessed; leaves in the log, if any is new.
    fn remember(&self, facts: Vec<StoredFact>, receipts: &[Receipt]) -> Option<u64> {
        let new = facts.into_iter().zip(receipts).filter_map(|(stored, receipt)| match receipt {
            Receipt::Stored { leaf, .. } => Some(Arc::new(StoredFact { leaf: *leaf, ..stored })),
            _ => None,
        });
        let new: Vec<Arc<StoredFact>> = new.collect();
        let size = new.last()?.leaf + 1;
        self.recent.lock().expect("no thread panics with it").push(new);
        Some(size)
    }

    async fn begin(&self, order: &ImportOrder) -> Result<ImportState, AppError> {
        let before = self.store().import_state(&order.list).await?;
        if let Some(state) = before {
            if state.file_digest != order.file_digest {
                return Err(AppError::OtherFile { list: order.list.clone(), rows_done: state.rows_done });
            }
            return Ok(ImportState { by: order.by, ..state });
        }
        Ok(ImportState {
            list: order.list.clone(),
            file_digest: order.file_digest,
            mapping: order.mapping.clone(),
            rows_done: 0,
            accepted: 0,
            rejected: 0,
            finished: false,
            started_at: self.now(),
            by: order.by,
        })
    }
}

fn row_number(row: &Imported) -> u64 {
    match row {
        Imported::Accepted(row) => row.origin.row,
        Imported::Rejected(error) => error.row,
    }
}

/// Rows with their people known, their facts sealed and signed.
struct ReadyBatch {
    sealed: Vec<SealedFact>,
    /// The same facts as they will be read, without their leaves.
    facts: Vec<StoredFact>,
    /// For each fact, which of the sources is its row.
    rows_of_facts: Vec<usize>,
    sources: Vec<RowSource>,
    submission: Option<Submission>,
    last_row: u64,
    refused: Vec<RowError>,
    notes: Vec<Note>,
    bytes: u64,
}

struct Reader<'a> {
    app: &'a App,
    pen: Pen,
    list_source: i64,
    sender_source: i64,
    sender: String,
    sites: Sites,
    /// Whether the store may have facts of this sender that this run does not remember.
    may_repeat: bool,
    facts: Remembered,
}

/// Ids of facts by their provisional ones. The youngest are never forgotten: batches on their way to the writer cannot
/// be found in the store yet.
#[derive(Default)]
struct Remembered {
    young: FxHashMap<FactId, FactId>,
    old: FxHashMap<FactId, FactId>,
}

impl Remembered {
    fn get(&self, provisional: FactId) -> Option<FactId> {
        self.young.get(&provisional).or_else(|| self.old.get(&provisional)).copied()
    }

    fn insert(&mut self, provisional: FactId, id: FactId) {
        self.young.insert(provisional, id);
    }

    fn forget(&mut self, provisional: FactId) {
        self.young.remove(&provisional);
        self.old.remove(&provisional);
    }

    /// Forgets half when there are too many; whether it did.
    fn forget_old(&mut self) -> bool {
        if self.young.len() < REMEMBERED_MAX / 2 {
            return false;
        }
        let forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        !forgotten.is_empty()
    }
}

impl Reader<'_> {
    async fn read(&mut self, batch: KnownBatch) -> Result<ReadyBatch, AppError> {
        let KnownBatch { rows, refused, last_row, bytes } = batch;
        let mut ready = ReadyBatch {
            sealed: Vec::new(),
            facts: Vec::new(),
            rows_of_facts: Vec::new(),
            sources: Vec::new(),
            submission: None,
            last_row,
            refused,
            notes: Vec::new(),
            bytes,
        };
        let now = self.app.now();
        if self.may_repeat {
            self.learn_repeated(&rows).await?;
        }
        let minted: Vec<Vec<FactId>> = rows.iter().map(|row| self.mint(row, now)).collect();
        self.learn_referred(&rows).await?;
        self.sites.learn(self.app, &rows).await?;
        let mut facts = Vec::new();
        for (mut row, minted) in rows.into_iter().zip(minted) {
            ready.notes.append(&mut row.notes);
            let made: Result<Vec<NewFact>, Fault> = row.facts.into_iter().map(|draft| self.fact(draft, now)).collect();
            match made {
                Ok(new) => {
                    ready.rows_of_facts.extend(std::iter::repeat_n(ready.sources.len(), new.len()));
                    ready.sources.push(row.source);
                    facts.extend(new);
                }
                Err((rule, cure)) => {
                    ready.refused.push(row.source.refuse(rule, cure));
                    // What refers to a refused row is refused too.
                    minted.into_iter().for_each(|key| self.facts.forget(key));
                }
            }
        }
        self.seal(facts, &mut ready).await?;
        Ok(ready)
    }

    /// Gives keyed facts of a row that are not in the store their ids, so that facts beside them can refer to them; their
    /// provisional ids.
    fn mint(&mut self, row: &Row, now: Instant) -> Vec<FactId> {
        let mut new = Vec::with_capacity(row.facts.len());
        for key in row.facts.iter().filter_map(|draft| draft.key.as_ref()) {
            let provisional = provisional_fact(&self.sender, key);
            if self.facts.get(provisional).is_none() {
                self.facts.insert(provisional, self.app.store().new_fact_id(now));
                new.push(provisional);
            }
        }
        new
    }

    /// Asks the store for facts that these rows repeat: what refers to them means the first of that key.
    async fn learn_repeated(&mut self, rows: &[Row]) -> Result<(), AppError> {
        let keys = rows.iter().flat_map(|row| &row.facts).filter_map(|draft| draft.key.as_ref());
        let ids = keys.map(|key| provisional_fact(&self.sender, key)).collect();
        self.learn_facts(ids).await
    }

    /// Asks the store for facts to which these rows refer.
    async fn learn_referred(&mut self, rows: &[Row]) -> Result<(), AppError> {
        let ids = rows.iter().flat_map(|row| &row.facts).flat_map(|draft| draft.body.facts_named()).collect();
        self.learn_facts(ids).await
    }

    /// Asks the store for those of these facts that are not remembered.
    async fn learn_facts(&mut self, ids: Vec<FactId>) -> Result<(), AppError> {
        let unknown = ids.into_iter().filter(|id| self.facts.get(*id).is_none());
        let mut wanted: Vec<Box<str>> = unknown.map(|id| id.to_string().into()).collect();
        if !wanted.is_empty() {
            wanted.sort_unstable();
            wanted.dedup();
            for (text, id) in self.app.store().find_by_sender_keys(self.sender_source, &wanted).await? {
                self.facts.insert(FactId::from_label(&text), id);
            }
        }
        Ok(())
    }

    fn fact(&self, draft: FactDraft, now: Instant) -> Result<NewFact, Fault> {
        self.sites.check(&draft)?;
        let FactDraft { origin, key, person, division, happened, recorded_at, mut body } = draft;
        body.try_map_facts(|id| self.facts.get(id).ok_or("it refers to a record that is not in this store"))
            .map_err(|rule| (rule.to_owned(), "Send that list first, then this row again"))?;
        let store = self.app.store();
        let recorded_at = recorded_at.filter(|_| store.kind().has_simulated_clock()).unwrap_or(now);
        let (id, source, intake_key) = match key {
            Some(key) => {
                let provisional = provisional_fact(&self.sender, &key);
                let id = self.facts.get(provisional).unwrap_or_else(|| store.new_fact_id(now));
                (id, self.sender_source, IntakeKey::Sender(provisional.to_string().into()))
            }
            None => {
                let Origin { row, part, line_digest } = origin;
                (store.new_fact_id(now), self.list_source, IntakeKey::Row { row, part, line: line_digest })
            }
        };
        let (recorder, channel) = (self.pen.recorder, Channel::Import);
        Ok(NewFact { id, person, division, happened, recorded_at, body, recorder, channel, source, intake_key })
    }

    async fn seal(&mut self, facts: Vec<NewFact>, ready: &mut ReadyBatch) -> Result<(), AppError> {
        self.may_repeat |= self.facts.forget_old();
        if facts.is_empty() {
            return Ok(());
        }
        let store = self.app.store();
        let sealer = store.sealer(&facts).await?;
        let salts = store.salts(facts.len());
        (ready.facts, ready.sealed) = tokio::task::block_in_place(|| {
            let each = facts.into_par_iter().zip(salts);
            each.map(|(fact, salt)| (as_stored(&fact), sealer.seal(fact, &salt))).unzip()
        });
        ready.submission = Some(self.pen.sign(&ready.sealed));
        Ok(())
    }
}

/// A fact as it will be read back, without its leaf.
fn as_stored(new: &NewFact) -> StoredFact {
    let NewFact { id, person, division, ref happened, recorded_at, ref body, .. } = *new;
    let fact = Fact { id, person, happened: happened.clone(), recorded_at, body: body.clone() };
    StoredFact { leaf: 0, division, fact }
}

/// Brings projections up to date beside an import, a portion at a time.
#[derive(Default)]
struct Following {
    running: Option<JoinHandle<Result<CaughtUp, AppError>>>,
    assessed_to: u64,
    done: CaughtUp,
}

impl Following {
    /// Starts on the next portion when it is full. An import that runs ahead of its assessments waits for them.
    async fn follow(&mut self, app: &Arc<App>, size: u64) -> Result<(), AppError> {
        if size - self.assessed_to < PORTION {
            return Ok(());
        }
        if let Some(running) = self.running.take() {
            self.add(running).await?;
        }
        let app = app.clone();
        self.assessed_to = size;
        self.running = Some(tokio::spawn(async move { app.keep_up().await }));
        Ok(())
    }

    /// Assesses what is left.
    async fn finish(mut self, app: &App) -> Result<CaughtUp, AppError> {
        if let Some(running) = self.running.take() {
            self.add(running).await?;
        }
        self.done += app.catch_up(|_| {}).await?;
        Ok(self.done)
    }

    async fn add(&mut self, running: JoinHandle<Result<CaughtUp, AppError>>) -> Result<(), AppError> {
        self.done += running.await.map_err(|_| AppError::Stopped("assessing ended"))??;
        Ok(())
    }
}

async fn write_batches(
    app: Arc<App>,
    mut state: ImportState,
    mut batches: mpsc::Receiver<ReadyBatch>,
    mut watcher: impl ImportWatcher,
) -> Result<ImportReport, AppError> {
    let mut report = ImportReport::default();
    let mut following = Following::default();
    let mut bytes = 0;
    let done_before = state.rows_done;
    while let Some(mut batch) = batches.recv().await {
        bytes = batch.bytes;
        state.rows_done = state.rows_done.max(batch.last_row);
        state.accepted += batch.sources.len() as u64;
        state.rejected += batch.refused.iter().filter(|row| row.row > done_before).count() as u64;
        match &batch.submission {
            Some(submission) => {
                let appended = app.store().append(batch.sealed, submission, Some(&state), app.now()).await?;
                if let Some(size) = app.remember(batch.facts, &appended.receipts) {
                    following.follow(&app, size).await?;
                }
                for (receipt, source) in appended.receipts.iter().zip(&batch.rows_of_facts) {
                    watcher.answered(batch.sources[*source].row(), receipt);
                }
                let conflicts = report.count(&appended.receipts, &batch.rows_of_facts, &batch.sources);
                state.accepted -= conflicts.len() as u64;
                state.rejected += conflicts.len() as u64;
                batch.refused.extend(conflicts);
            }
            None => app.store().save_import_state(&state).await?,
        }
        for row in &batch.refused {
            watcher.refused(row).map_err(AppError::BadRows)?;
        }
        report.keep(batch.refused, batch.notes);
        watcher.committed(ImportProgress { rows: state.rows_done, facts: report.stored, bytes });
    }
    state.finished = true;
    app.store().save_import_state(&state).await?;
    watcher.committed(ImportProgress { rows: state.rows_done, facts: report.stored, bytes });
    let caught_up = following.finish(&app).await?;
    Ok(ImportReport { accepted: state.accepted, rejected: state.rejected, caught_up, ..report })
}

impl ImportReport {
    /// Counts what became of facts; rows with a fact that contradicts an earlier one are handed back.
    fn count(&mut self, receipts: &[Receipt], rows: &[usize], sources: &[RowSource]) -> Vec<RowError> {
        let mut conflicts: Vec<RowError> = Vec::new();
        for (receipt, row) in receipts.iter().zip(rows) {
            match receipt {
                Receipt::Stored { .. } => self.stored += 1,
                Receipt::Repeat { .. } => self.repeated += 1,
                Receipt::Conflict { id } => {
                    let source = &sources[*row];
                    if conflicts.last().is_none_or(|last| last.row != source.row()) {
                        let rule =
                            format!("its key was used before with other content: fact {id} holds what came first");
                        conflicts
                            .push(source.refuse(rule, "To change what is recorded, send a correction of that fact"));
                    }
                }
            }
        }
        conflicts
    }

    fn keep(&mut self, refused: Vec<RowError>, notes: Vec<Note>) {
        let room = REFUSED_KEPT_MAX.saturating_sub(self.refused.len());
        self.refused.extend(refused.into_iter().take(room));
        let room = (10 * REFUSED_KEPT_MAX).saturating_sub(self.notes.len());
        self.notes.extend(notes.into_iter().take(room));
    }
}
