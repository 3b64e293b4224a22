//! Indexes by random keys in two tables: a small one that takes what comes, and a large one into which the small one is
//! merged in order of the keys.
//!
//! A row with a random key costs a page of a large index, written to the log of the database and again to its file. In
//! a small table rows share pages; merged in order they share them in the large one too.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::AssertSqlSafe;

use crate::{
    db::{Db, Either, Tx, commit, on},
    error::StoreError,
    facts::lock_head,
    store::Store,
};

/// An index in two tables of the same columns.
pub(crate) struct Tiered {
    /// Table that takes what comes. Read it first: a row that is being merged is in either.
    pub recent: &'static str,
    /// Table of everything else.
    pub merged: &'static str,
    /// Columns of the primary key.
    key: &'static str,
    /// All columns.
    columns: &'static str,
    /// Facts, or rows of the small table, between two merges.
    every: u64,
}

impl Tiered {
    /// The table into which new rows go. PostgreSQL keeps many pages in memory and writes small records of what changed in
    /// them: there a second insertion and a deletion cost more than they save.
    pub(crate) const fn takes_new(&self, tx: &Tx) -> &'static str {
        match tx {
            Either::Sqlite(_) => self.recent,
            Either::Postgres(_) => self.merged,
        }
    }

    /// Both tables as one, to select from.
    pub(crate) fn both(&self) -> String {
        let Self { recent, merged, columns, .. } = self;
        format!("(SELECT {columns} FROM {merged} UNION SELECT {columns} FROM {recent}) AS both_tables")
    }
}

/// Which leaf has which intake key.
pub(crate) const INTAKE: Tiered = Tiered {
    recent: "intake_recent",
    merged: "intake",
    key: "source, token, leaf",
    columns: "source, token, leaf",
    every: 1 << 18,
};

/// Which fact mentions what.
pub(crate) const MENTION: Tiered = Tiered {
    recent: "mention_recent",
    merged: "mention",
    key: "key, kind, leaf",
    columns: "key, kind, leaf, strong",
    every: 1 << 19,
};

/// Whom a token of the vault leads to.
pub(crate) const VAULT_TOKEN: Tiered = Tiered {
    recent: "vault_token_recent",
    merged: "vault_token",
    key: "token, person",
    columns: "token, person",
    every: 1 << 17,
};

/// Rows of one transaction: the writer is held for some tens of milliseconds.
const ROWS_AT_A_TIME: u64 = 16_384;
/// Rows added between two looks at how large the small table has become.
const LOOK_EVERY: u64 = 8_192;

impl Store {
    /// Merges an index when the log grew past the next multiple of its interval.
    pub(crate) async fn merge_when_due(&self, index: &Tiered, before: u64, after: u64) -> Result<(), StoreError> {
        if !self.db.is_sqlite() || before / index.every == after / index.every {
            Ok(())
        } else {
            self.merge(index).await
        }
    }

    /// Merges an index when its small table has become large. `added` counts what this process put into it
    /// since it last looked.
    pub(crate) async fn merge_when_large(&self, index: &Tiered, added: &AtomicU64) -> Result<(), StoreError> {
        if !self.db.is_sqlite() || added.load(Ordering::Relaxed) < LOOK_EVERY {
            return Ok(());
        }
        added.store(0, Ordering::Relaxed);
        let text = format!("SELECT COUNT(*) FROM {}", index.recent);
        let rows: i64 = on!(self.db.reader(), pool => sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(pool).await?);
        if (rows as u64) < index.every { Ok(()) } else { self.merge(index).await }
    }

    /// Moves everything from the small table into the large one, a portion at a time. Stopped anywhere, it goes on next
    /// time.
    async fn merge(&self, index: &Tiered) -> Result<(), StoreError> {
        let Tiered { recent, merged, key, columns, .. } = index;
        let first = format!("SELECT {key} FROM {recent} ORDER BY {key} LIMIT {ROWS_AT_A_TIME}");
        let copy = format!(
            "INSERT INTO {merged} ({columns}) SELECT {columns} FROM {recent} ORDER BY {key} LIMIT {ROWS_AT_A_TIME} \
             ON CONFLICT DO NOTHING"
        );
        let remove = format!("DELETE FROM {recent} WHERE ({key}) IN ({first})");
        loop {
            let mut tx = self.db.begin().await?;
            // Nobody appends or merges beside this.
            lock_head(&mut tx).await?;
            let moved = on!(&mut tx, tx => {
                sqlx::query(AssertSqlSafe(copy.clone())).execute(&mut **tx).await?;
                sqlx::query(AssertSqlSafe(remove.clone())).execute(&mut **tx).await?.rows_affected()
            });
            commit(tx).await?;
            if moved < ROWS_AT_A_TIME {
                return Ok(());
            }
        }
    }
}

/// Makes the index of intake keys anew from the facts.
pub(crate) async fn index_intake(db: &Db) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    on!(&mut tx, tx => {
        for text in [
            "DELETE FROM intake_recent",
            "DELETE FROM intake",
            "INSERT INTO intake (source, token, leaf) SELECT source, substr(intake_key, 2, 8), leaf FROM fact ORDER BY 1, 2, 3",
        ] {
            sqlx::query(text).execute(&mut **tx).await?;
        }
    });
    commit(tx).await
}
