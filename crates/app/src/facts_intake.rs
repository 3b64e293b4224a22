//! Facts that a program sends: checked whole, gated by mandates, stored once whatever is sent again.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use sizao_interop::{ImportError, Imported, RowError, ndjson::FactImport};
use sizao_model::{DivisionCode, FactId, FactKind, Instant};
use sizao_store::{ApiAnswer, Receipt, hex, sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, can},
    identity::Actor,
    imports::{ImportOrder, ImportProgress, ImportWatcher, pump},
    intake::{held_back, kept_within},
    limits::class_of,
    mandates::Collection,
    refusal::Refusal,
};

/// Largest batch, in bytes.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// Longest idempotency key, in characters.
pub const KEY_MAX: usize = 64;
/// Lines handed back that an answer tells of.
const REFUSED_TOLD_MAX: usize = 1_000;

/// What became of a line that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Its number, counted from 1.
    pub line: u64,
    /// The fact in the log: the one just stored, or the one that came first.
    pub fact: Uuid,
    /// Whether it was stored now; otherwise it was there before.
    pub stored: bool,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedBack {
    /// Its number, counted from 1.
    pub line: u64,
    /// The rule that is broken, and what to do.
    pub reason: String,
}

/// The answer to a batch: the same however often it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchAnswer {
    /// Lines that are in.
    pub accepted: u64,
    /// Lines handed back.
    pub rejected: u64,
    /// The lines that are in.
    pub facts: Vec<Taken>,
    /// The first lines that were handed back.
    pub refused: Vec<HandedBack>,
}

/// A batch of facts, one a line, under the key that its sender gave it.
pub struct FactBatch {
    lines: Vec<u8>,
    key: String,
    unit: Uuid,
    within: DivisionCode,
    digest: [u8; 32],
}

impl FactBatch {
    /// Puts it together.
    ///
    /// # Errors
    /// [`Refusal`]: who may not, a key that is none, an empty or too large batch.
    pub fn new(actor: &Actor, key: &str, lines: Vec<u8>) -> Result<Self, Refusal> {
        can(actor, Action::Import, actor.division, Purpose::Reporting)?;
        if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::field("Idempotency-Key", "idempotency-key"));
        }
        if lines.len() > BATCH_BYTES_MAX {
            return Err(Refusal::field("body", "file-large"));
        }
        let digest = sha256(&[&lines]);
        Ok(Self { lines, key: key.to_owned(), unit: actor.unit, within: actor.division, digest })
    }

    /// Labels of facts and people mean something within the unit that sends them.
    fn sender(&self) -> String {
        format!("unit:{}", self.unit)
    }

    /// The batch as a list: its key may lead to somebody and is not kept in plain.
    fn list(&self) -> String {
        format!("api:{}", hex(&sha256(&[self.unit.as_bytes(), self.key.as_bytes()])[..16]))
    }

    fn rows<'s>(&'s self, sender: &'s str, now: Instant) -> FactImport<'s, Cursor<&'s [u8]>> {
        FactImport::new(Cursor::new(&self.lines), sender, self.within, now)
    }

    /// What would be collected; stores nothing.
    fn collections(&self, now: Instant) -> Result<BTreeSet<Collection>, ImportError> {
        let sender = self.sender();
        let mut found = BTreeSet::new();
        for row in self.rows(&sender, now) {
            if let Imported::Accepted(row) = self.kept(row?) {
                found.extend(row.facts.iter().filter_map(|fact| Collection::of(fact.body.kind())));
                // Who is named goes into the vault.
                if !row.people.is_empty() && row.facts.iter().all(|fact| Collection::of(fact.body.kind()).is_none()) {
                    found.insert(Collection::Registers);
                }
            }
        }
        Ok(found)
    }

    /// Facts that would open a restriction by themselves, by class.
    fn restricting(&self, now: Instant) -> Result<BTreeMap<&'static str, u64>, ImportError> {
        let sender = self.sender();
        let mut counts = BTreeMap::new();
        for row in self.rows(&sender, now) {
            if let Imported::Accepted(row) = self.kept(row?) {
                for class in row.facts.iter().filter_map(|fact| class_of(&fact.body)) {
                    *counts.entry(class).or_default() += 1;
                }
            }
        }
        Ok(counts)
    }

    /// Facts of the unit's division, of kinds that are collected or correct what was.
    fn kept(&self, row: Imported) -> Imported {
        let row = match kept_within(row, self.within) {
            Imported::Accepted(row) => row,
            refused => return refused,
        };
        let foreign = row.facts.iter().map(|fact| fact.body.kind()).find(|kind| !is_taken(*kind));
        match foreign {
            Some(kind) => Imported::Rejected(row.source.refuse(
                format!("kind '{kind}' is not taken here: it is put on record by those who decide it"),
                "Leave the line out",
            )),
            None => Imported::Accepted(row),
        }
    }
}

/// Kinds that programs may send.
pub fn is_taken(kind: FactKind) -> bool {
    Collection::of(kind).is_some() || kind == FactKind::Correction
}

/// Notes what becomes of each line.
#[derive(Default)]
struct Noted {
    taken: BTreeMap<u64, (FactId, bool)>,
    refused: BTreeMap<u64, String>,
}

struct Watcher(Arc<Mutex<Noted>>);

impl ImportWatcher for Watcher {
    fn committed(&mut self, _progress: ImportProgress) {}

    fn refused(&mut self, row: &RowError) -> std::io::Result<()> {
        self.0.lock().expect("no thread panics with it").refused.insert(row.row, row.reason());
        Ok(())
    }

    fn answered(&mut self, row: u64, receipt: &Receipt) {
        let mut noted = self.0.lock().expect("no thread panics with it");
        match receipt {
            Receipt::Stored { id, .. } => drop(noted.taken.insert(row, (*id, true))),
            Receipt::Repeat { id, .. } => drop(noted.taken.insert(row, (*id, false))),
            Receipt::Conflict { .. } => {}
        }
    }
}

impl App {
    /// Takes a batch in, each collection under a mandate in force; durable when this returns. The same batch under the
    /// same key gives the first answer again.
    ///
    /// # Errors
    /// [`Refusal::NoMandate`] and [`Refusal::SecondPerson`] before anything is stored; [`Refusal::KeyUsed`]; [`AppError`].
    pub async fn take_facts(
        self: &Arc<Self>,
        actor: &Actor,
        batch: FactBatch,
        wall: Instant,
    ) -> Result<BatchAnswer, AppError> {
        can(actor, Action::Import, actor.division, Purpose::Reporting)?;
        if let Some(before) = self.first_answer(&batch).await? {
            return Ok(before);
        }
        let now = self.now();
        let batch = Arc::new(batch);
        let reader = batch.clone();
        let read = move || Ok::<_, ImportError>((reader.collections(now)?, reader.restricting(now)?));
        let read = tokio::task::spawn_blocking(read).await;
        let (collections, restricting) = read.map_err(|_| AppError::Stopped("the reader ended"))??;
        let mut until = Instant::MAX;
        for collection in &collections {
            until = until.min(self.require_mandate(*collection, actor.division).await?);
        }
        let restricting = self.without_frozen(actor, &restricting).await?;
        self.propose_restrictions(actor, batch.digest, &batch.key, &restricting, wall).await?;
        self.log_deed(actor, Action::Import, Purpose::Reporting, None, Reason::of("facts by program"), wall).await?;
        let answer = self.store_batch(&batch, actor.account, until).await?;
        let told = serde_json::to_string(&answer).expect("an answer is made of values that JSON can hold");
        let kept = ApiAnswer { content: batch.digest, answer: told, made_at: wall };
        self.store().keep_api_answer(batch.unit, &batch.key, &kept).await?;
        // Another request of the same key may have been quicker; its answer is the first.
        Ok(self.first_answer(&batch).await?.unwrap_or(answer))
    }

    async fn first_answer(&self, batch: &FactBatch) -> Result<Option<BatchAnswer>, AppError> {
        let Some(before) = self.store().find_api_answer(batch.unit, &batch.key).await? else { return Ok(None) };
        if before.content != batch.digest {
            return Err(Refusal::KeyUsed.into());
        }
        Ok(serde_json::from_str(&before.answer).ok())
    }

    async fn store_batch(
        self: &Arc<Self>,
        batch: &Arc<FactBatch>,
        account: Uuid,
        until: Instant,
    ) -> Result<BatchAnswer, AppError> {
        let order = ImportOrder {
            list: batch.list(),
            sender: batch.sender(),
            file_digest: batch.digest,
            mapping: "facts".to_owned(),
            file_bytes: batch.lines.len() as u64,
            by: Some(account),
        };
        let noted = Arc::new(Mutex::new(Noted::default()));
        let (to_import, rows) = mpsc::channel(2);
        let (app, reading, frozen) = (self.clone(), batch.clone(), self.frozen_classes(account).await?);
        let reader = tokio::task::spawn_blocking(move || {
            let sender = reading.sender();
            let gate = |row: Result<Imported, ImportError>| -> Result<Imported, ImportError> {
                Ok(match held_back(reading.kept(row?), &frozen) {
                    Imported::Accepted(row) if app.now() >= until => Imported::Rejected(
                        row.source
                            .refuse("the mandate for this collection has ended", "Send it again under a new mandate"),
                    ),
                    other => other,
                })
            };
            pump(reading.rows(&sender, app.now()).map(gate), |_| 0, &to_import)
        });
        let report = self.import(order, rows, Watcher(noted.clone())).await;
        let report = report.map_err(|error| match error {
            AppError::OtherFile { .. } => Refusal::KeyUsed.into(),
            other => other,
        })?;
        reader.await.map_err(|_| AppError::Stopped("the reader ended"))??;
        self.follow_log().await?;
        let noted = std::mem::take(&mut *noted.lock().expect("no thread panics with it"));
        let facts = noted.taken.into_iter().map(|(line, (id, stored))| Taken { line, fact: id.uuid(), stored });
        let refused = noted.refused.into_iter().map(|(line, reason)| HandedBack { line, reason });
        Ok(BatchAnswer {
            accepted: report.accepted,
            rejected: report.rejected,
            facts: facts.collect(),
            refused: refused.take(REFUSED_TOLD_MAX).collect(),
        })
    }
}
