//! Work that only one may do at a time, over all processes of a store. A lease goes with its holder, however it ends.
//!
//! One process owns a SQLite file, so there it is enough to ask within the process. On PostgreSQL a lease is an advisory
//! lock of an open transaction.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use sizao_model::Instant;
use sqlx::{Postgres, Transaction};

use crate::{
    db::{Either, Tx},
    error::StoreError,
    keys::sha256,
    store::Store,
};

/// First half of the keys of our advisory locks: "SIZA".
const OURS: i32 = 0x5349_5a41;
/// Second half of the one for bringing assessments up to date.
const ASSESSING: i32 = 1;
/// And of the one for scanning tubes and swabs.
const SCANNING: i32 = 2;
/// Second half of the one for messages of other nodes.
const ASSISTS: i32 = 5;
/// Second half of the one for a round of jobs.
const JOBS: i32 = 7;
/// Under which name the store keeps when jobs last ended a round.
const JOBS_NOTE: &str = "jobs_at";

/// The right to bring assessments up to date; ends when dropped.
pub struct AssessingLease {
    _held: Option<Transaction<'static, Postgres>>,
}

/// The right to run a round of jobs; ends when dropped.
pub struct JobsLease {
    _held: Option<Transaction<'static, Postgres>>,
}

/// The right to decide about scans; ends when dropped.
pub struct ScanningLease {
    _held: Option<Transaction<'static, Postgres>>,
}

/// The right to import a list; ends when dropped.
pub struct ListLease {
    list: String,
    within: Arc<Mutex<HashSet<String>>>,
    held: Option<Transaction<'static, Postgres>>,
}

impl ListLease {
    /// Gives the right back before it returns. Where the lease is only dropped, the database hears of it a little later.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the right is given back all the same.
    pub async fn release(mut self) -> Result<(), StoreError> {
        if let Some(tx) = self.held.take() {
            tx.rollback().await?;
        }
        Ok(())
    }
}

/// Waits until no other process works on messages of other nodes; until the transaction ends.
pub(crate) async fn lock_assists(tx: &mut Transaction<'static, Postgres>) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)").bind(OURS).bind(ASSISTS).execute(&mut **tx).await?;
    Ok(())
}

impl Drop for ListLease {
    fn drop(&mut self) {
        self.within.lock().expect("no thread panics with it").remove(&self.list);
    }
}

impl Store {
    /// Waits until no other process brings assessments up to date, and keeps others waiting until the lease is dropped.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lease_assessing(&self) -> Result<AssessingLease, StoreError> {
        let mut held = self.postgres_tx().await?;
        if let Some(tx) = &mut held {
            sqlx::query("SELECT pg_advisory_xact_lock($1, $2)").bind(OURS).bind(ASSESSING).execute(&mut **tx).await?;
        }
        Ok(AssessingLease { _held: held })
    }

    /// The right to run a round of jobs, or nothing while another process runs one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lease_jobs(&self) -> Result<Option<JobsLease>, StoreError> {
        let mut held = self.postgres_tx().await?;
        if let Some(tx) = &mut held {
            let got: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1, $2)")
                .bind(OURS)
                .bind(JOBS)
                .fetch_one(&mut **tx)
                .await?;
            if !got {
                return Ok(None);
            }
        }
        Ok(Some(JobsLease { _held: held }))
    }

    /// Notes that a round of jobs has ended, whichever process ran it: what a dead man's alarm waits for.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn note_jobs(&self, _lease: &JobsLease, at: Instant) -> Result<(), StoreError> {
        self.set_note(JOBS_NOTE, &at.as_micros().to_string()).await
    }

    /// When jobs last ended a round, in whichever process.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn jobs_noted_at(&self) -> Result<Option<Instant>, StoreError> {
        let note = self.note(JOBS_NOTE).await?;
        Ok(note.and_then(|micros| micros.parse().ok()).map(Instant::from_micros))
    }

    /// Waits until no other process decides about scans, and keeps others waiting until the lease is dropped. Within a
    /// process the caller sees to that.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lease_scanning(&self) -> Result<ScanningLease, StoreError> {
        let mut held = self.postgres_tx().await?;
        if let Some(tx) = &mut held {
            sqlx::query("SELECT pg_advisory_xact_lock($1, $2)").bind(OURS).bind(SCANNING).execute(&mut **tx).await?;
        }
        Ok(ScanningLease { _held: held })
    }

    /// The right to import this list, or nothing while somebody else has it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lease_list(&self, list: &str) -> Result<Option<ListLease>, StoreError> {
        let within = self.caches.lists.clone();
        if !within.lock().expect("no thread panics with it").insert(list.to_owned()) {
            return Ok(None);
        }
        let mut lease = ListLease { list: list.to_owned(), within, held: None };
        if let Some(mut tx) = self.postgres_tx().await? {
            let digest = sha256(&[b"list", list.as_bytes()]);
            let key = i64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"));
            let got: bool =
                sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(key).fetch_one(&mut *tx).await?;
            if !got {
                return Ok(None);
            }
            lease.held = Some(tx);
        }
        Ok(Some(lease))
    }

    async fn postgres_tx(&self) -> Result<Option<Transaction<'static, Postgres>>, StoreError> {
        if self.db.is_sqlite() {
            return Ok(None);
        }
        let tx: Tx = self.db.begin().await?;
        Ok(match tx {
            Either::Postgres(tx) => Some(tx),
            Either::Sqlite(_) => None,
        })
    }
}
