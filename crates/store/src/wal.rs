//! SQLite's write-ahead log: moving it into the file beside the writer, and emptying it.
//!
//! SQLite moves the log when a commit finds it long, and the writer waits. During an import that is a tenth of the time.
//! Here another connection moves most of it beside the writer, whose own limit is seldom reached.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::SqlitePool;
use tokio::sync::Mutex;

use crate::{
    db::{Db, Either},
    error::StoreError,
};

/// Rows written between two moves; some 40 MB of log.
const ROWS_BETWEEN: u64 = 8_192;
/// Times that emptying is tried while somebody reads an older state.
const TRIES_MAX: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// What was written since the log was moved last; one mover at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mover {
    rows: Arc<AtomicU64>,
    moving: Arc<Mutex<()>>,
}

impl Db {
    /// Notes that so many rows were committed; has the log moved when it is time.
    pub(crate) fn wrote(&self, rows: u64) {
        let Either::Sqlite(pool) = self.reader() else { return };
        let mover = self.mover().clone();
        if mover.rows.fetch_add(rows, Ordering::Relaxed) + rows < ROWS_BETWEEN {
            return;
        }
        let pool = pool.clone();
        tokio::spawn(async move {
            let Ok(_alone) = mover.moving.try_lock() else { return };
            mover.rows.store(0, Ordering::Relaxed);
            // What was not moved now is moved next time, or by the writer.
            if let Err(error) = checkpoint(&pool, "PRAGMA wal_checkpoint(PASSIVE)").await {
                tracing::debug!(%error, "The write-ahead log was not moved");
            }
        });
    }

    /// Moves the whole log into the file and leaves nothing of it on disk. Waits for readers of older states.
    pub(crate) async fn empty_log(&self) -> Result<(), StoreError> {
        let Either::Sqlite(pool) = self.writer() else { return Ok(()) };
        let _alone = self.mover().moving.lock().await;
        for _ in 0..TRIES_MAX {
            if checkpoint(pool, "PRAGMA wal_checkpoint(TRUNCATE)").await? {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        tracing::error!("Somebody has been reading an older state for long: the write-ahead log still holds it");
        Ok(())
    }
}

/// Whether the checkpoint went to its end.
async fn checkpoint(pool: &SqlitePool, query: &'static str) -> Result<bool, StoreError> {
    let (busy, ..): (i64, i64, i64) = sqlx::query_as(query).fetch_one(pool).await?;
    Ok(busy == 0)
}
