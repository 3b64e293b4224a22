//! Batches of restricting facts that wait for a second person (批次复核).

use sizao_model::{DivisionCode, FactId, Instant};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// A batch that waits, or about which somebody decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// Its id.
    pub id: Uuid,
    /// Who brings it.
    pub account: Uuid,
    /// Of which unit.
    pub unit: Uuid,
    /// Where.
    pub division: DivisionCode,
    /// SHA-256 of what would go in.
    pub content: [u8; 32],
    /// How it is called: a file's name.
    pub name: String,
    /// Restricting facts by class, as JSON.
    pub counts: String,
    /// Since when it waits.
    pub made_at: Instant,
    /// The decision, a fact.
    pub decision: Option<FactId>,
}

struct Row {
    id: Uuid,
    account: Uuid,
    unit: Uuid,
    division: i64,
    content: Vec<u8>,
    name: String,
    counts: String,
    made_at: i64,
    decision: Option<Uuid>,
}
positional!(Row { id: 0, account: 1, unit: 2, division: 3, content: 4, name: 5, counts: 6, made_at: 7, decision: 8 });

macro_rules! batches {
    ($rest:literal) => {
        concat!("SELECT id, account, unit, division, content, name, counts, made_at, decision FROM batch ", $rest)
    };
}

impl Store {
    /// Keeps that a batch waits, unless it does already. The one that waits. What is older than `oldest` is forgotten, and
    /// so is the same batch where its time was over: undecided after `hours`, decided after twice as many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn propose_batch(
        &self,
        batch: &BatchRecord,
        hours: i64,
        oldest: Instant,
    ) -> Result<BatchRecord, StoreError> {
        let mut tx = self.db.begin().await?;
        let over = [1, 2].map(|times| batch.made_at.plus_hours(-hours * times).as_micros());
        let row: Row = on!(&mut tx, tx => {
            sqlx::query(
                "DELETE FROM batch WHERE account = $1 AND content = $2 \
                 AND (made_at <= $4 OR (made_at <= $3 AND decision IS NULL))",
            )
            .bind(batch.account).bind(batch.content.to_vec()).bind(over[0]).bind(over[1]).execute(&mut **tx).await?;
            sqlx::query("DELETE FROM batch WHERE made_at < $1").bind(oldest.as_micros()).execute(&mut **tx).await?;
            sqlx::query(
                "INSERT INTO batch (id, account, unit, division, content, name, counts, made_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account, content) DO NOTHING",
            )
            .bind(batch.id).bind(batch.account).bind(batch.unit).bind(division_key(batch.division))
            .bind(batch.content.to_vec()).bind(&batch.name).bind(&batch.counts).bind(batch.made_at.as_micros())
            .execute(&mut **tx).await?;
            sqlx::query_as(batches!("WHERE account = $1 AND content = $2"))
                .bind(batch.account).bind(batch.content.to_vec()).fetch_one(&mut **tx).await?
        });
        commit(tx).await?;
        Ok(row.into_record())
    }

    /// A batch by its id.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_batch(&self, id: Uuid) -> Result<Option<BatchRecord>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(batches!("WHERE id = $1")).bind(id).fetch_optional(pool).await?
        });
        Ok(row.map(Row::into_record))
    }

    /// Batches of a division since a moment, those that wait first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_batches(
        &self,
        within: DivisionCode,
        since: Instant,
        limit: u32,
    ) -> Result<Vec<BatchRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(batches!(
                "WHERE division >= $1 AND division < $2 AND made_at >= $3 \
                 ORDER BY CASE WHEN decision IS NULL THEN 0 ELSE 1 END, made_at DESC, id LIMIT $4"
            ))
            .bind(from).bind(to).bind(since.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Notes the decision about a batch; false where there was one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn note_batch_decision(&self, id: Uuid, decision: FactId) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let noted = on!(&mut tx, tx => {
            sqlx::query("UPDATE batch SET decision = $1 WHERE id = $2 AND decision IS NULL")
                .bind(decision.uuid()).bind(id).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(noted == 1)
    }
}

impl Row {
    fn into_record(self) -> BatchRecord {
        BatchRecord {
            id: self.id,
            account: self.account,
            unit: self.unit,
            division: division_of(self.division),
            content: self.content.try_into().unwrap_or([0; 32]),
            name: self.name,
            counts: self.counts,
            made_at: Instant::from_micros(self.made_at),
            decision: self.decision.map(FactId::new),
        }
    }
}
