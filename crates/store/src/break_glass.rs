//! Protected persons, the glasses broken to open somebody, and how the log was found each time it was verified.

use sizao_model::{DivisionCode, Instant, PersonId};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    store::Store,
    vault::{division_key, division_range},
};

/// Leave that an account took to open one person, for a time (破窗).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGlassRecord {
    /// Its id.
    pub id: Uuid,
    /// Who took it.
    pub account: Uuid,
    /// Where that account's unit is.
    pub division: DivisionCode,
    /// To open whom.
    pub person: PersonId,
    /// Why.
    pub reason: String,
    /// From when.
    pub begun_at: Instant,
    /// Until when.
    pub ends_at: Instant,
}

/// How the log was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastVerification {
    /// When.
    pub at: Instant,
    /// Leaves checked.
    pub leaves: u64,
    /// What did not fit.
    pub findings: u64,
}

struct Row {
    id: Uuid,
    account: Uuid,
    division: i64,
    person: Uuid,
    reason: String,
    begun_at: i64,
    ends_at: i64,
}
positional!(Row { id: 0, account: 1, division: 2, person: 3, reason: 4, begun_at: 5, ends_at: 6 });

impl Store {
    /// Puts a person under protection, or takes it away.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_protected(
        &self,
        person: PersonId,
        because: Option<&str>,
        by: Uuid,
        now: Instant,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            match because {
                Some(reason) => {
                    sqlx::query(
                        "INSERT INTO protected_person (person, reason, by, at) VALUES ($1, $2, $3, $4) \
                         ON CONFLICT (person) DO NOTHING",
                    )
                    .bind(person.uuid()).bind(reason).bind(by).bind(now.as_micros()).execute(&mut **tx).await?;
                }
                None => {
                    sqlx::query("DELETE FROM protected_person WHERE person = $1")
                        .bind(person.uuid()).execute(&mut **tx).await?;
                }
            }
        });
        commit(tx).await
    }

    /// Those of these people who are protected. At most one page of them is asked for at once.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn protected_among(&self, people: &[PersonId]) -> Result<Vec<PersonId>, StoreError> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (1..=people.len()).map(|place| format!("${place}")).collect();
        let text = format!("SELECT person FROM protected_person WHERE person IN ({})", places.join(", "));
        let found: Vec<Uuid> = on!(self.db.reader(), pool => {
            let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(text));
            for person in people {
                query = query.bind(person.uuid());
            }
            query.fetch_all(pool).await?
        });
        Ok(found.into_iter().map(PersonId::new).collect())
    }

    /// Records that a glass was broken; it is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_break_glass(&self, record: &BreakGlassRecord) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO break_glass (id, account, division, person, reason, begun_at, ends_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(record.id).bind(record.account).bind(division_key(record.division)).bind(record.person.uuid())
            .bind(&record.reason).bind(record.begun_at.as_micros()).bind(record.ends_at.as_micros())
            .execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Until when an account may open a person because it broke the glass.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn glass_broken_until(
        &self,
        account: Uuid,
        person: PersonId,
        now: Instant,
    ) -> Result<Option<Instant>, StoreError> {
        let until: Option<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT MAX(ends_at) FROM break_glass WHERE account = $1 AND person = $2 AND begun_at <= $3 AND ends_at > $3",
            )
            .bind(account).bind(person.uuid()).bind(now.as_micros()).fetch_one(pool).await?
        });
        Ok(until.map(Instant::from_micros))
    }

    /// Glasses broken by units in a division and under it, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_break_glass(
        &self,
        within: DivisionCode,
        limit: u32,
    ) -> Result<Vec<BreakGlassRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT id, account, division, person, reason, begun_at, ends_at FROM break_glass \
                 WHERE division >= $1 AND division < $2 ORDER BY begun_at DESC, id LIMIT $3",
            )
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Glasses that an account broke and that are still open.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn own_break_glass(&self, account: Uuid, now: Instant) -> Result<Vec<BreakGlassRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT id, account, division, person, reason, begun_at, ends_at FROM break_glass \
                 WHERE account = $1 AND ends_at > $2 ORDER BY begun_at DESC, id LIMIT 50",
            )
            .bind(account).bind(now.as_micros()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Notes how the log was found.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn note_verification(&self, found: PastVerification, by: Uuid) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO verification (at, leaves, findings, account) VALUES ($1, $2, $3, $4) ON CONFLICT (at) DO NOTHING",
            )
            .bind(found.at.as_micros()).bind(found.leaves as i64).bind(found.findings as i64).bind(by)
            .execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// How the log was found last.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn last_verification(&self) -> Result<Option<PastVerification>, StoreError> {
        let row: Option<(i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT at, leaves, findings FROM verification ORDER BY at DESC LIMIT 1")
                .fetch_optional(pool).await?
        });
        Ok(row.map(|(at, leaves, findings)| PastVerification {
            at: Instant::from_micros(at),
            leaves: leaves as u64,
            findings: findings as u64,
        }))
    }
}

impl Row {
    fn into_record(self) -> BreakGlassRecord {
        BreakGlassRecord {
            id: self.id,
            account: self.account,
            division: crate::identity::division_of(self.division),
            person: PersonId::new(self.person),
            reason: self.reason,
            begun_at: Instant::from_micros(self.begun_at),
            ends_at: Instant::from_micros(self.ends_at),
        }
    }
}
