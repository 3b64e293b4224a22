//! Who read what about whom, and for which purpose. The table only grows; triggers refuse the rest.

use sizao_model::{DivisionCode, Instant, PersonId};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// One reading, or one deed that matters for rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRecord {
    /// When.
    pub at: Instant,
    /// Who.
    pub account: Uuid,
    /// Of which unit.
    pub unit: Uuid,
    /// Where that unit is.
    pub division: DivisionCode,
    /// What was done, as a word.
    pub action: String,
    /// What for, as a word.
    pub purpose: String,
    /// About whom, if about one person.
    pub person: Option<PersonId>,
    /// Why, in words; empty where none is asked.
    pub reason: String,
    /// Id of the request.
    pub request: String,
}

/// One line of the record as it is shown, with names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLine {
    /// Its number.
    pub no: i64,
    /// What was recorded.
    pub record: AccessRecord,
    /// Name of the account's holder.
    pub who: String,
    /// Name of the unit.
    pub unit_name: String,
}

struct Row {
    no: i64,
    at: i64,
    account: Uuid,
    unit: Uuid,
    division: i64,
    action: String,
    purpose: String,
    person: Option<Uuid>,
    reason: String,
    request: String,
    who: String,
    unit_name: String,
}
positional!(Row {
    no: 0,
    at: 1,
    account: 2,
    unit: 3,
    division: 4,
    action: 5,
    purpose: 6,
    person: 7,
    reason: 8,
    request: 9,
    who: 10,
    unit_name: 11,
});

macro_rules! lines {
    ($condition:literal) => {
        concat!(
            "SELECT l.no, l.at, l.account, l.unit, l.division, l.action, l.purpose, l.person, l.reason, l.request, \
             COALESCE(a.name, '–'), COALESCE(u.name, '–') FROM access_log l LEFT JOIN account a ON a.id = l.account LEFT JOIN unit u ON u.id = l.unit WHERE ",
            $condition,
            " ORDER BY l.no DESC LIMIT $1"
        )
    };
}

impl Store {
    /// Records a reading; it is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn log_access(&self, record: &AccessRecord) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO access_log (at, account, unit, division, action, purpose, person, reason, request) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(record.at.as_micros()).bind(record.account).bind(record.unit).bind(division_key(record.division))
            .bind(&record.action).bind(&record.purpose).bind(record.person.map(PersonId::uuid)).bind(&record.reason)
            .bind(&record.request).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Who read about a person, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn accesses_of(&self, person: PersonId, limit: u32) -> Result<Vec<AccessLine>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(lines!("l.person = $2")).bind(i64::from(limit)).bind(person.uuid()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_line).collect())
    }

    /// What units in a division and under it did, latest first, before line `before`; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn accesses_in(
        &self,
        within: DivisionCode,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AccessLine>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(lines!("l.division >= $2 AND l.division < $3 AND l.no < $4"))
                .bind(i64::from(limit)).bind(from).bind(to).bind(before.unwrap_or(i64::MAX)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_line).collect())
    }
}

impl Row {
    fn into_line(self) -> AccessLine {
        AccessLine {
            no: self.no,
            record: AccessRecord {
                at: Instant::from_micros(self.at),
                account: self.account,
                unit: self.unit,
                division: division_of(self.division),
                action: self.action,
                purpose: self.purpose,
                person: self.person.map(PersonId::new),
                reason: self.reason,
                request: self.request,
            },
            who: self.who,
            unit_name: self.unit_name,
        }
    }
}
