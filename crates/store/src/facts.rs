//! Appending facts and reading them back.
//!
//! A fact is accepted and sealed in the same commit: the transaction that inserts it holds the head of the log, gives
//! it the next leaf and signs the new root. There is no moment at which an accepted fact has no leaf.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Arc, Mutex, atomic::AtomicU64},
};

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use rayon::prelude::*;
use sizao_model::{CivilDay, FactId, FactKind, Instant, PersonId, fact::RetentionClass};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Either, Tx, commit, on},
    envelope::{FactRow, select_facts},
    error::StoreError,
    imports::{self, ImportState},
    keys::{DataKey, sha256},
    log::checkpoint,
    merkle::{FinishedNode, Frontier, Hash},
    seal::{self, NewFact, SealedFact, StoredFact},
    sqlite::{read_all, read_on},
    store::Store,
    tiered::INTAKE,
};

/// A batch of facts with the recorder's signature over them.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The recorder's key.
    pub recorder: Uuid,
    /// Digest of the facts' contents, in order.
    pub digest: [u8; 32],
    /// Ed25519 over the digest.
    pub signature: Vec<u8>,
}

impl Submission {
    /// Signs sealed facts on behalf of a recorder.
    pub fn sign(facts: &[SealedFact], key: &SigningKey) -> Self {
        let digest = batch_digest(facts);
        let signature = key.sign(&digest).to_bytes().to_vec();
        Self { recorder: recorder_id(&key.verifying_key()), digest, signature }
    }
}

/// What became of one fact of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is in the log.
    Stored {
        /// Number of its leaf.
        leaf: u64,
        /// Its id.
        id: FactId,
    },
    /// The same key and content came before: this is what was stored then.
    Repeat {
        /// Id of the first one.
        id: FactId,
    },
    /// The same key came before with other content: nothing was stored.
    Conflict {
        /// Id of the first one.
        id: FactId,
    },
}

impl Receipt {
    /// Id of the fact that stands for the key now.
    pub const fn id(self) -> FactId {
        match self {
            Self::Stored { id, .. } | Self::Repeat { id } | Self::Conflict { id } => id,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Appended {
    /// One receipt a fact, in order.
    pub receipts: Vec<Receipt>,
}

/// What is remembered between calls; all of it can be read again.
#[derive(Default)]
pub(crate) struct Caches {
    recorders: Mutex<HashMap<Uuid, VerifyingKey>>,
    checkpointed_at: Mutex<Option<Instant>>,
    /// Held by whoever names people: who was not found is not there until that one put them in.
    pub(crate) naming: tokio::sync::Mutex<()>,
    /// Lists that this process imports.
    pub(crate) lists: Arc<Mutex<HashSet<String>>>,
    /// Tokens put into the vault's small table since its size was last looked at.
    pub(crate) tokens_added: AtomicU64,
}

/// At most one signed checkpoint is kept a second; the head is signed at every commit.
const CHECKPOINT_EVERY_MICROS: i64 = 1_000_000;

impl Store {
    /// Makes a recorder known: an account, a device, a sending system. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_recorder(&self, name: &str, key: &VerifyingKey, now: Instant) -> Result<Uuid, StoreError> {
        let id = recorder_id(key);
        let mut tx = self.db.begin().await?;
        bulk::insert(
            &mut tx,
            "recorder",
            "ON CONFLICT (id) DO NOTHING",
            &[
                ("id", Column::Id(vec![id])),
                ("name", Column::Text(vec![name.to_owned()])),
                ("public_key", Column::Bytes(vec![key.as_bytes().to_vec()])),
                ("added_at", Column::Int(vec![now.as_micros()])),
            ],
        )
        .await?;
        commit(tx).await?;
        Ok(id)
    }

    /// Number of the source that gives intake keys under this name: a list, a sender.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn source(&self, scope: &str) -> Result<i64, StoreError> {
        let found: Option<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT no FROM source WHERE scope = $1").bind(scope).fetch_optional(pool).await?
        });
        if let Some(no) = found {
            return Ok(no);
        }
        let mut tx = self.db.begin().await?;
        lock_head(&mut tx).await?;
        let no = on!(&mut tx, tx => {
            sqlx::query("INSERT INTO source (no, scope) SELECT COALESCE(MAX(no), 0) + 1, $1 FROM source WHERE TRUE ON CONFLICT (scope) DO NOTHING")
                .bind(scope).execute(&mut **tx).await?;
            sqlx::query_scalar("SELECT no FROM source WHERE scope = $1").bind(scope).fetch_one(&mut **tx).await?
        });
        commit(tx).await?;
        Ok(no)
    }

    /// Whether no fact came under a key of this source yet.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn is_new_source(&self, source: i64) -> Result<bool, StoreError> {
        for table in [INTAKE.recent, INTAKE.merged] {
            let query = format!("SELECT leaf FROM {table} WHERE source = $1 LIMIT 1");
            let found: Option<i64> = on!(self.db.reader(), pool => {
                sqlx::query_scalar(AssertSqlSafe(query)).bind(source).fetch_optional(pool).await?
            });
            if found.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The key of each fact's retention class and day, ready to seal with.
    ///
    /// # Errors
    /// [`StoreError::Erasure`] when a day was erased, [`StoreError::Database`].
    pub async fn sealer<'a>(&'a self, facts: &[NewFact]) -> Result<Sealer<'a>, StoreError> {
        let mut data_keys = HashMap::new();
        for fact in facts {
            let place = (fact.body.kind().retention(), fact.recorded_at.day());
            if let Entry::Vacant(entry) = data_keys.entry(place) {
                let seed = self.random_bytes::<32>();
                let mut fill = seeded(seed);
                entry.insert(self.keys.data_key(&self.db, place.0, place.1, &mut fill).await?);
            }
        }
        Ok(Sealer { store: self, data_keys })
    }

    /// So many salts, each to be used once.
    pub fn salts(&self, count: usize) -> Vec<[u8; 32]> {
        let mut fill = seeded(self.random_bytes::<32>());
        let mut salts = vec![[0; 32]; count];
        salts.iter_mut().for_each(|salt| fill(salt));
        salts
    }

    /// Appends a batch: all of it is committed and sealed when this returns, or nothing is.
    ///
    /// Facts whose key came before are not stored again; their receipts say so. `progress` of an import is saved in the
    /// same commit.
    ///
    /// # Errors
    /// [`StoreError::Signature`], [`StoreError::DiskFull`], [`StoreError::Database`].
    pub async fn append(
        &self,
        facts: Vec<SealedFact>,
        submission: &Submission,
        progress: Option<&ImportState>,
        now: Instant,
    ) -> Result<Appended, StoreError> {
        self.check_submission(&facts, submission).await?;
        let mut tx = self.db.begin().await?;
        let frontier = lock_head(&mut tx).await?;
        let before = frontier.size();
        let receipts = self.append_in(&mut tx, facts, submission, frontier, now).await?;
        if let Some(state) = progress {
            imports::save(&mut tx, state).await?;
        }
        let stored = receipts.iter().filter(|receipt| matches!(receipt, Receipt::Stored { .. })).count();
        if let Some((state, account)) = progress.and_then(|state| Some((state, state.by?))).filter(|_| stored > 0) {
            imports::save_proposed(&mut tx, (before, stored as u64), account, &state.list).await?;
        }
        commit(tx).await?;
        self.db.wrote(stored as u64);
        self.merge_when_due(&INTAKE, before, before + stored as u64).await?;
        Ok(Appended { receipts })
    }

    /// Appends within a transaction that holds the head of the log.
    pub(crate) async fn append_in(
        &self,
        tx: &mut Tx,
        facts: Vec<SealedFact>,
        submission: &Submission,
        frontier: Frontier,
        now: Instant,
    ) -> Result<Vec<Receipt>, StoreError> {
        let (facts, receipts, frontier, nodes) = self.give_leaves(tx, facts, frontier).await?;
        if !facts.is_empty() {
            self.write(tx, facts, &frontier, nodes, submission, now).await?;
        }
        Ok(receipts)
    }

    /// The key under which a decision of this moment is sealed.
    pub(crate) async fn data_key_for_governance(&self, now: Instant) -> Result<DataKey, StoreError> {
        let mut fill = seeded(self.random_bytes::<32>());
        self.keys.data_key(&self.db, RetentionClass::Governance, now.day(), &mut fill).await
    }

    /// Leaves in the log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn size(&self) -> Result<u64, StoreError> {
        let size: i64 = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT size FROM log_head").fetch_one(pool).await?
        });
        Ok(size as u64)
    }

    /// How far the log and everything derived from it have come: what was counted holds while this stays the same, but
    /// for what changes with time alone.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn stand(&self) -> Result<(u64, u64), StoreError> {
        let (size, derived): (i64, i64) = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT size, (SELECT CAST(COALESCE(SUM(leaf), 0) AS BIGINT) FROM watermark) FROM log_head")
                .fetch_one(pool).await?
        });
        Ok((size as u64, derived as u64))
    }

    /// The facts of these leaves, in order, each checked; those erased are left out.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] at the first that does not fit, [`StoreError::Database`].
    pub async fn load_leaves(&self, from: u64, to: u64) -> Result<Vec<StoredFact>, StoreError> {
        let rows: Vec<FactRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(concat!(select_facts!(), "WHERE f.leaf >= $1 AND f.leaf < $2 ORDER BY f.leaf"
            ))
            .bind(from as i64).bind(to as i64).fetch_all(pool).await?
        });
        self.open_rows(rows).await
    }

    /// The same, with those that do not fit their seal left out and named in the second value.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_leaves_that_fit(
        &self,
        from: u64,
        to: u64,
    ) -> Result<(Vec<StoredFact>, Vec<StoreError>), StoreError> {
        const QUERY: &str = concat!(select_facts!(), "WHERE f.leaf >= $1 AND f.leaf < $2 ORDER BY f.leaf");
        let (from, to) = (from as i64, to as i64);
        let rows: Vec<FactRow> = match self.db.lookup() {
            Either::Sqlite(pool) => {
                let read = |connection: &rusqlite::Connection| read_all(&mut connection.prepare(QUERY)?, [[from, to]]);
                read_on(&mut *pool.acquire().await?, read).await?
            }
            Either::Postgres(pool) => sqlx::query_as(QUERY).bind(from).bind(to).fetch_all(pool).await?,
        };
        self.open_rows_that_fit(rows).await
    }

    /// Facts of some kinds among these leaves, in order; those that do not fit their seal or are erased are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_kinds_among(
        &self,
        from: u64,
        to: u64,
        kinds: &[FactKind],
    ) -> Result<Vec<StoredFact>, StoreError> {
        let codes: Vec<String> = kinds.iter().map(|kind| kind.code().to_string()).collect();
        let query = format!(
            "{} WHERE f.leaf >= $1 AND f.leaf < $2 AND f.kind IN ({}) ORDER BY f.leaf",
            select_facts!(),
            codes.join(",")
        );
        let rows: Vec<FactRow> = on!(self.db.lookup(), pool => {
            sqlx::query_as(AssertSqlSafe(query)).bind(from as i64).bind(to as i64).fetch_all(pool).await?
        });
        Ok(self.open_rows_that_fit(rows).await?.0)
    }

    /// Facts of a few kinds of which there are few: declarations of areas, resets of sites.
    ///
    /// # Errors
    /// [`StoreError::Tampered`], [`StoreError::Database`].
    pub async fn load_kinds(&self, kinds: &[FactKind]) -> Result<Vec<StoredFact>, StoreError> {
        let mut rows: Vec<FactRow> = Vec::new();
        for kind in kinds {
            let found: Vec<FactRow> = on!(self.db.reader(), pool => {
                sqlx::query_as(concat!(select_facts!(), "WHERE f.kind IN (11, 12, 16) AND f.kind = $1 ORDER BY f.leaf"
                ))
                .bind(i64::from(kind.code())).fetch_all(pool).await?
            });
            rows.extend(found);
        }
        Ok(self.open_rows_that_fit(rows).await?.0)
    }

    /// Whom these facts are about; facts that are not there or are about nobody are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn subjects_of(&self, ids: &[FactId]) -> Result<HashMap<FactId, PersonId>, StoreError> {
        let ids = Column::Id(ids.iter().map(|id| id.uuid()).collect());
        let select = "SELECT id, subject FROM fact WHERE subject IS NOT NULL AND id";
        let rows: Vec<(Uuid, Uuid)> = bulk::find(self.db.lookup(), select, &ids, "").await?;
        Ok(rows.into_iter().map(|(id, subject)| (FactId::new(id), PersonId::new(subject))).collect())
    }

    /// The facts with these ids that are there, fit their seal and are not erased.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_facts(&self, ids: &[FactId]) -> Result<Vec<StoredFact>, StoreError> {
        let ids = Column::Id(ids.iter().map(|id| id.uuid()).collect());
        let rows = bulk::find(self.db.lookup(), concat!(select_facts!(), "WHERE f.id"), &ids, "").await?;
        Ok(self.open_rows_that_fit(rows).await?.0)
    }

    /// The facts of these leaves that fit their seal and are not erased, and those that do not fit.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_at(&self, leaves: &[u64]) -> Result<(Vec<StoredFact>, Vec<StoreError>), StoreError> {
        let leaves = Column::Int(leaves.iter().map(|leaf| *leaf as i64).collect());
        let rows = bulk::find(self.db.lookup(), concat!(select_facts!(), "WHERE f.leaf"), &leaves, "").await?;
        self.open_rows_that_fit(rows).await
    }

    /// The fact with this id, if it is there and not erased.
    ///
    /// # Errors
    /// [`StoreError::Tampered`], [`StoreError::Database`].
    pub async fn load_fact(&self, id: FactId) -> Result<Option<StoredFact>, StoreError> {
        let rows: Vec<FactRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(concat!(select_facts!(), "WHERE f.id = $1"))
            .bind(id.uuid()).fetch_all(pool).await?
        });
        Ok(self.open_rows(rows).await?.pop())
    }

    /// The ids of the facts that a sender calls by these keys; missing where there is none.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_by_sender_keys(
        &self,
        source: i64,
        keys: &[Box<str>],
    ) -> Result<HashMap<Box<str>, FactId>, StoreError> {
        let mut texts: HashMap<Vec<u8>, &Box<str>> =
            keys.iter().map(|key| (seal::IntakeKey::Sender(key.clone()).bytes(&self.keys, source), key)).collect();
        let wanted: Vec<Vec<u8>> = texts.keys().cloned().collect();
        let mut found = HashMap::new();
        let mut tx = self.db.begin_read().await?;
        for (key, id, _) in find_intake_keys(&mut tx, source, &wanted).await? {
            if let Some(text) = texts.remove(&key) {
                found.insert(text.clone(), FactId::new(id));
            }
        }
        commit(tx).await?;
        Ok(found)
    }

    pub(crate) async fn open_rows(&self, rows: Vec<FactRow>) -> Result<Vec<StoredFact>, StoreError> {
        let mut facts = Vec::with_capacity(rows.len());
        for row in rows {
            let key = self.key_for(&row).await?;
            facts.extend(seal::open(&row, &self.keys, key.as_ref())?);
        }
        Ok(facts)
    }

    /// Opens rows on all cores; those that do not fit their seal are the second value.
    async fn open_rows_that_fit(&self, rows: Vec<FactRow>) -> Result<(Vec<StoredFact>, Vec<StoreError>), StoreError> {
        let mut keys: HashMap<i64, Option<DataKey>> = HashMap::new();
        for row in &rows {
            if let Entry::Vacant(entry) = keys.entry(row.data_key) {
                entry.insert(self.key_for(row).await?);
            }
        }
        let open = |row: &FactRow| seal::open(row, &self.keys, keys[&row.data_key].as_ref());
        let opened: Vec<_> = rows.par_iter().map(open).collect();
        let mut facts = Vec::with_capacity(opened.len());
        let mut refused = Vec::new();
        for each in opened {
            match each {
                Ok(fact) => facts.extend(fact),
                Err(error) => refused.push(error),
            }
        }
        Ok((facts, refused))
    }

    pub(crate) async fn key_for(&self, row: &FactRow) -> Result<Option<DataKey>, StoreError> {
        match self.keys.by_no(row.data_key) {
            Some(key) => Ok(Some(key)),
            None if row.sealed.is_none() => Ok(None),
            None => self.keys.refresh(&self.db, row.data_key).await,
        }
    }

    async fn check_submission(&self, facts: &[SealedFact], submission: &Submission) -> Result<(), StoreError> {
        if facts.iter().any(|fact| fact.envelope.recorder != submission.recorder) {
            return Err(StoreError::Signature("a fact names another recorder"));
        }
        if batch_digest(facts) != submission.digest {
            return Err(StoreError::Signature("the digest is not that of the facts"));
        }
        let key = self.recorder_key(submission.recorder).await?;
        let signature =
            Signature::from_slice(&submission.signature).map_err(|_| StoreError::Signature("not a signature"))?;
        key.verify(&submission.digest, &signature).map_err(|_| StoreError::Signature("the signature does not fit"))
    }

    async fn recorder_key(&self, id: Uuid) -> Result<VerifyingKey, StoreError> {
        if let Some(key) = self.caches.recorders.lock().expect("no thread panics with it").get(&id) {
            return Ok(*key);
        }
        let bytes: Option<Vec<u8>> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT public_key FROM recorder WHERE id = $1").bind(id).fetch_optional(pool).await?
        });
        let key = bytes
            .and_then(|bytes| VerifyingKey::try_from(bytes.as_slice()).ok())
            .filter(|key| recorder_id(key) == id)
            .ok_or(StoreError::Signature("unknown recorder"))?;
        self.caches.recorders.lock().expect("no thread panics with it").insert(id, key);
        Ok(key)
    }

    /// Drops what came before and gives the rest their leaves.
    async fn give_leaves(
        &self,
        tx: &mut Tx,
        facts: Vec<SealedFact>,
        mut frontier: Frontier,
    ) -> Result<Placed, StoreError> {
        let mut before = self.find_before(tx, &facts).await?;
        let mut kept = Vec::with_capacity(facts.len());
        let mut receipts = Vec::with_capacity(facts.len());
        let mut nodes = Vec::new();
        for fact in facts {
            match before.entry((fact.source, fact.intake_key.clone())) {
                Entry::Occupied(first) => {
                    let (id, digest) = *first.get();
                    let same = digest.is_none_or(|digest| digest == fact.content_digest);
                    receipts.push(if same { Receipt::Repeat { id } } else { Receipt::Conflict { id } });
                }
                Entry::Vacant(place) => {
                    let id = fact.envelope.id;
                    place.insert((id, Some(fact.content_digest)));
                    receipts.push(Receipt::Stored { leaf: frontier.size(), id });
                    frontier.push(fact.leaf_hash, |node| nodes.push(node));
                    kept.push(fact);
                }
            }
        }
        Ok((kept, receipts, frontier, nodes))
    }

    /// The facts already stored under keys of this batch, with the digest of their content unless it was erased.
    async fn find_before(&self, tx: &mut Tx, facts: &[SealedFact]) -> Result<Before, StoreError> {
        let mut by_source: HashMap<i64, Vec<Vec<u8>>> = HashMap::new();
        for fact in facts {
            by_source.entry(fact.source).or_default().push(fact.intake_key.clone());
        }
        let mut before = HashMap::new();
        for (source, keys) in by_source {
            for (key, id, leaf) in find_intake_keys(tx, source, &keys).await? {
                let digest = self.stored_digest(tx, leaf).await?;
                before.insert((source, key), (FactId::new(id), digest));
            }
        }
        Ok(before)
    }

    async fn stored_digest(&self, tx: &mut Tx, leaf: i64) -> Result<Option<Hash>, StoreError> {
        let row: FactRow = on!(tx, tx => {
            sqlx::query_as(concat!(select_facts!(), "WHERE f.leaf = $1"))
            .bind(leaf).fetch_one(&mut **tx).await?
        });
        let key = self.keys.by_no(row.data_key);
        Ok(key.and_then(|key| seal::stored_content_digest(&row, &key)))
    }

    async fn write(
        &self,
        tx: &mut Tx,
        facts: Vec<SealedFact>,
        frontier: &Frontier,
        nodes: Vec<FinishedNode>,
        submission: &Submission,
        now: Instant,
    ) -> Result<(), StoreError> {
        let first_leaf = (frontier.size() - facts.len() as u64) as i64;
        bulk::insert(
            tx,
            "submission",
            "",
            &[
                ("first_leaf", Column::Int(vec![first_leaf])),
                ("facts", Column::Int(vec![facts.len() as i64])),
                ("recorder", Column::Id(vec![submission.recorder])),
                ("digest", Column::Bytes(vec![submission.digest.to_vec()])),
                ("signature", Column::Bytes(vec![submission.signature.clone()])),
                ("received_at", Column::Int(vec![now.as_micros()])),
            ],
        )
        .await?;
        insert_facts(tx, facts, first_leaf).await?;
        insert_nodes(tx, &nodes).await?;
        let head = checkpoint::sign(&self.keys, self.id(), frontier, now);
        checkpoint::save_head(tx, frontier, &head).await?;
        let mut last = *self.caches.checkpointed_at.lock().expect("no thread panics with it");
        if last.is_none_or(|last| now.as_micros() - last.as_micros() >= CHECKPOINT_EVERY_MICROS) {
            checkpoint::keep(tx, &head).await?;
            last = Some(now);
        }
        *self.caches.checkpointed_at.lock().expect("no thread panics with it") = last;
        Ok(())
    }
}

type Placed = (Vec<SealedFact>, Vec<Receipt>, Frontier, Vec<FinishedNode>);
type Before = HashMap<(i64, Vec<u8>), (FactId, Option<Hash>)>;

/// Seals facts of one batch; may be used from several threads at once.
pub struct Sealer<'a> {
    store: &'a Store,
    data_keys: HashMap<(RetentionClass, CivilDay), DataKey>,
}

impl Sealer<'_> {
    /// Seals a fact. `salt` is random and used for this fact alone.
    ///
    /// # Panics
    /// When the fact was not among those that the sealer was made for.
    pub fn seal(&self, fact: NewFact, salt: &[u8; 32]) -> SealedFact {
        let place = (fact.body.kind().retention(), fact.recorded_at.day());
        let key = self.data_keys.get(&place).expect("the sealer was made for this fact");
        SealedFact::seal(fact, &self.store.keys, key, salt)
    }
}

/// First 16 bytes of SHA-256 over the public key.
pub(crate) fn recorder_id(key: &VerifyingKey) -> Uuid {
    Uuid::from_slice(&sha256(&[key.as_bytes()])[..16]).expect("a UUID has sixteen bytes")
}

fn batch_digest(facts: &[SealedFact]) -> [u8; 32] {
    let parts: Vec<&[u8]> = facts.iter().map(|fact| fact.content_digest.as_slice()).collect();
    sha256(&parts)
}

/// Randomness for one new key, stretched from a random seed with SHA-256 in counter mode.
pub(crate) fn seeded(seed: [u8; 32]) -> impl FnMut(&mut [u8]) + Send {
    let mut counter = 0u64;
    move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(32) {
            counter += 1;
            let block = sha256(&[&seed, &counter.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

/// Takes the head of the log: whoever holds it is the one sequencer until the transaction ends.
pub(crate) async fn lock_head(tx: &mut Tx) -> Result<Frontier, StoreError> {
    let (size, peaks): (i64, Vec<u8>) = match tx {
        Either::Sqlite(tx) => sqlx::query_as("SELECT size, frontier FROM log_head").fetch_one(&mut **tx).await?,
        Either::Postgres(tx) => {
            sqlx::query_as("SELECT size, frontier FROM log_head FOR UPDATE").fetch_one(&mut **tx).await?
        }
    };
    Frontier::from_parts(size as u64, &peaks).ok_or(StoreError::Tampered { leaf: size as u64, what: "head of the log" })
}

/// Which facts of a source have one of these intake keys: key, id, leaf.
async fn find_intake_keys(tx: &mut Tx, source: i64, keys: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, Uuid, i64)>, StoreError> {
    let mut tokens: Vec<Vec<u8>> = keys.iter().map(|key| token(key).to_vec()).collect();
    tokens.sort_unstable();
    let tokens = Column::Bytes(tokens);
    let mut leaves = Vec::new();
    for table in [INTAKE.recent, INTAKE.merged] {
        let select = format!("SELECT leaf FROM {table} WHERE source = {source} AND token");
        let found: Vec<(i64,)> = bulk::find_in(tx, &select, &tokens, "").await?;
        leaves.extend(found.into_iter().map(|(leaf,)| leaf));
    }
    leaves.sort_unstable();
    // Two keys may share a token: the fact has the whole key.
    let select = "SELECT intake_key, id, leaf FROM fact WHERE leaf";
    let mut found: Vec<(Vec<u8>, Uuid, i64)> = bulk::find_in(tx, select, &Column::Int(leaves), "").await?;
    let wanted: HashSet<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    found.retain(|(key, ..)| wanted.contains(key.as_slice()));
    Ok(found)
}

/// What stands for an intake key in its index.
fn token(intake_key: &[u8]) -> &[u8] {
    &intake_key[1..9]
}

async fn insert_facts(tx: &mut Tx, facts: Vec<SealedFact>, first_leaf: i64) -> Result<(), StoreError> {
    let leaves: Vec<i64> = (first_leaf..).take(facts.len()).collect();
    let ints = |value: fn(&SealedFact) -> i64| Column::Int(facts.iter().map(value).collect());
    let bytes = |value: fn(&SealedFact) -> Vec<u8>| Column::Bytes(facts.iter().map(value).collect());
    let columns = [
        ("leaf", Column::Int(leaves.clone())),
        ("id", Column::Id(facts.iter().map(|fact| fact.envelope.id.uuid()).collect())),
        ("kind", ints(|fact| fact.envelope.kind.code().into())),
        ("happened_form", ints(|fact| fact.time.form)),
        ("happened_from", ints(|fact| fact.time.from)),
        ("happened_to", ints(|fact| fact.time.to)),
        ("zone", Column::OptText(facts.iter().map(zone).collect())),
        ("recorded_at", ints(|fact| fact.envelope.recorded_at.as_micros())),
        ("recorder", Column::Id(facts.iter().map(|fact| fact.envelope.recorder).collect())),
        ("channel", ints(|fact| fact.envelope.channel.code().into())),
        ("data_key", ints(|fact| fact.data_key)),
        ("commitment", bytes(|fact| fact.commitment.to_vec())),
        ("leaf_hash", bytes(|fact| fact.leaf_hash.to_vec())),
        ("mac", bytes(|fact| fact.mac.to_vec())),
        ("source", ints(|fact| fact.source)),
        ("intake_key", bytes(|fact| fact.intake_key.clone())),
        ("subject", Column::OptId(facts.iter().map(|fact| fact.subject).collect())),
    ];
    bulk::insert(tx, "fact", "", &columns).await?;
    let mut intake: Vec<(i64, &[u8], i64)> =
        facts.iter().zip(&leaves).map(|(fact, leaf)| (fact.source, token(&fact.intake_key), *leaf)).collect();
    intake.sort_unstable();
    let columns = [
        ("source", Column::Int(intake.iter().map(|row| row.0).collect())),
        ("token", Column::Bytes(intake.iter().map(|row| row.1.to_vec()).collect())),
        ("leaf", Column::Int(intake.iter().map(|row| row.2).collect())),
    ];
    let table = INTAKE.takes_new(tx);
    bulk::insert(tx, table, "", &columns).await?;
    let data_keys = ints(|fact| fact.data_key);
    let sealed = Column::Bytes(facts.into_iter().map(|fact| fact.sealed).collect());
    bulk::insert(tx, "body", "", &[("leaf", Column::Int(leaves)), ("data_key", data_keys), ("sealed", sealed)]).await
}

fn zone(fact: &SealedFact) -> Option<String> {
    let zone = &fact.envelope.happened.zone;
    (!zone.is_shanghai()).then(|| zone.name().to_owned())
}

pub(crate) async fn insert_nodes(tx: &mut Tx, nodes: &[FinishedNode]) -> Result<(), StoreError> {
    bulk::insert(
        tx,
        "log_node",
        "",
        &[
            ("level", Column::Int(nodes.iter().map(|node| node.level.into()).collect())),
            ("position", Column::Int(nodes.iter().map(|node| node.position as i64).collect())),
            ("hash", Column::Bytes(nodes.iter().map(|node| node.hash.to_vec()).collect())),
        ],
    )
    .await
}
