//! How far the import of a file has come: saved with each batch, so that a killed import goes on where it stopped.

use sizao_model::Instant;

use crate::{
    db::{Tx, on, positional},
    error::StoreError,
    store::Store,
};

/// How far an import has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportState {
    /// Name of the list.
    pub list: String,
    /// SHA-256 of the file.
    pub file_digest: [u8; 32],
    /// Digest of the mapping, hexadecimal.
    pub mapping: String,
    /// Rows of the file dealt with.
    pub rows_done: u64,
    /// Rows taken.
    pub accepted: u64,
    /// Rows handed back.
    pub rejected: u64,
    /// Whether the end of the file was reached.
    pub finished: bool,
    /// When it began.
    pub started_at: Instant,
    /// The account that brings it in, if one does: kept beside each batch.
    pub by: Option<uuid::Uuid>,
}

struct Row {
    list: String,
    file_digest: Vec<u8>,
    mapping: String,
    rows_done: i64,
    accepted: i64,
    rejected: i64,
    finished: i64,
    started_at: i64,
}

positional!(Row {
    list: 0,
    file_digest: 1,
    mapping: 2,
    rows_done: 3,
    accepted: 4,
    rejected: 5,
    finished: 6,
    started_at: 7,
});

impl Store {
    /// How far the import of this list has come, if it began.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn import_state(&self, list: &str) -> Result<Option<ImportState>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT list, file_digest, mapping, rows_done, accepted, rejected, finished, started_at \
                 FROM import WHERE list = $1",
            )
            .bind(list).fetch_optional(pool).await?
        });
        Ok(row.map(|row| ImportState {
            list: row.list,
            file_digest: row.file_digest.try_into().unwrap_or_default(),
            mapping: row.mapping,
            rows_done: row.rows_done as u64,
            accepted: row.accepted as u64,
            rejected: row.rejected as u64,
            finished: row.finished != 0,
            started_at: Instant::from_micros(row.started_at),
            by: None,
        }))
    }

    /// Saves how far an import has come, when there is no batch to save it with.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_import_state(&self, state: &ImportState) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        save(&mut tx, state).await?;
        crate::db::commit(tx).await
    }
}

pub(crate) async fn save(tx: &mut Tx, state: &ImportState) -> Result<(), StoreError> {
    on!(tx, tx => {
        sqlx::query(
            "INSERT INTO import (list, file_digest, mapping, rows_done, accepted, rejected, finished, started_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (list) DO UPDATE SET rows_done = excluded.rows_done, accepted = excluded.accepted, \
             rejected = excluded.rejected, finished = excluded.finished",
        )
        .bind(&state.list)
        .bind(state.file_digest.to_vec())
        .bind(&state.mapping)
        .bind(state.rows_done as i64)
        .bind(state.accepted as i64)
        .bind(state.rejected as i64)
        .bind(i64::from(state.finished))
        .bind(state.started_at.as_micros())
        .execute(&mut **tx)
        .await?;
    });
    Ok(())
}

/// Notes under whose account the leaves of a batch came in: so many from the first on.
pub(crate) async fn save_proposed(
    tx: &mut Tx,
    (first_leaf, facts): (u64, u64),
    account: uuid::Uuid,
    list: &str,
) -> Result<(), StoreError> {
    on!(tx, tx => {
        sqlx::query("INSERT INTO proposed (first_leaf, facts, account, list) VALUES ($1, $2, $3, $4)")
            .bind(first_leaf as i64)
            .bind(facts as i64)
            .bind(account)
            .bind(list)
            .execute(&mut **tx)
            .await?;
    });
    Ok(())
}
