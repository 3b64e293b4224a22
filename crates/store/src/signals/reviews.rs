//! Reviews of a site's month: its objection to a score, and rewards and penalties that another person decides.

use sizao_model::{CivilDay, DivisionCode, Instant};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// An objection, or a proposed reward or penalty, with its decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRecord {
    /// Its id.
    pub id: Uuid,
    /// About which site.
    pub institution: Uuid,
    /// Where that is.
    pub division: DivisionCode,
    /// `objection`, `reward`, `penalty`.
    pub kind: String,
    /// First day of the month that it is about.
    pub month: CivilDay,
    /// Who wrote it.
    pub account: Uuid,
    /// When.
    pub at: Instant,
    /// What was said.
    pub told: String,
    /// Who decided, when, how (a word), and what was replied.
    pub decided: Option<(Uuid, Instant, String, String)>,
}

struct Row {
    id: Uuid,
    institution: Uuid,
    division: i64,
    kind: String,
    month: i64,
    account: Uuid,
    at: i64,
    told: String,
    decided_by: Option<Uuid>,
    decided_at: Option<i64>,
    decision: Option<String>,
    reply: Option<String>,
}
positional!(Row {
    id: 0,
    institution: 1,
    division: 2,
    kind: 3,
    month: 4,
    account: 5,
    at: 6,
    told: 7,
    decided_by: 8,
    decided_at: 9,
    decision: 10,
    reply: 11,
});

macro_rules! reviews {
    ($condition:literal) => {
        concat!(
            "SELECT id, institution, division, kind, month, account, at, told, decided_by, decided_at, decision, reply \
             FROM site_review WHERE ",
            $condition
        )
    };
}

impl Store {
    /// Keeps an objection or a proposal.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_review(&self, review: &ReviewRecord) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO site_review (id, institution, division, kind, month, account, at, told) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(review.id).bind(review.institution).bind(division_key(review.division)).bind(&review.kind)
            .bind(i64::from(review.month.number())).bind(review.account).bind(review.at.as_micros())
            .bind(&review.told).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Decides one; `false` when it was decided before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn decide_review(
        &self,
        id: Uuid,
        by: Uuid,
        at: Instant,
        decision: &str,
        reply: &str,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let decided = on!(&mut tx, tx => {
            sqlx::query(
                "UPDATE site_review SET decided_by = $2, decided_at = $3, decision = $4, reply = $5 \
                 WHERE id = $1 AND decided_at IS NULL",
            )
            .bind(id).bind(by).bind(at.as_micros()).bind(decision).bind(reply).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(decided == 1)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_review(&self, id: Uuid) -> Result<Option<ReviewRecord>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(reviews!("id = $1")).bind(id).fetch_optional(pool).await?
        });
        Ok(row.map(Row::into_record))
    }

    /// Those of a site, latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn reviews_of(&self, institution: Uuid) -> Result<Vec<ReviewRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(reviews!("institution = $1 ORDER BY at DESC, id LIMIT 100"))
                .bind(institution).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Those of a division that wait for a decision, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn reviews_waiting(&self, within: DivisionCode) -> Result<Vec<ReviewRecord>, StoreError> {
        let (low, high) = division_range(within);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(reviews!("division >= $1 AND division < $2 AND decided_at IS NULL ORDER BY at, id LIMIT 200"))
                .bind(low).bind(high).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }
}

impl Row {
    fn into_record(self) -> ReviewRecord {
        let decided = self.decided_by.zip(self.decided_at).zip(self.decision.zip(self.reply));
        ReviewRecord {
            id: self.id,
            institution: self.institution,
            division: division_of(self.division),
            kind: self.kind,
            month: CivilDay::from_number(self.month as i32),
            account: self.account,
            at: Instant::from_micros(self.at),
            told: self.told,
            decided: decided.map(|((by, at), (decision, reply))| (by, Instant::from_micros(at), decision, reply)),
        }
    }
}
