//! What people ask about their own data, and what they were answered.

use sizao_model::{DivisionCode, Instant, PersonId};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// Part of a seal: what the person wrote.
const WORDS: i64 = 101;
/// Part of a seal: what was answered.
const ANSWER: i64 = 102;

/// A request of a person about the own data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnDataRequest {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub person: PersonId,
    /// Where the person is looked after.
    pub division: DivisionCode,
    /// 0 to correct, 1 to erase.
    pub kind: i64,
    /// What the person wrote.
    pub words: String,
    /// When.
    pub filed_at: Instant,
    /// By when it has to be answered.
    pub deadline_at: Instant,
    /// 0 open, 1 done, 2 refused.
    pub outcome: i64,
    /// What was answered.
    pub answer: Option<String>,
    /// When.
    pub answered_at: Option<Instant>,
}

struct Row {
    id: Uuid,
    person: Uuid,
    division: i64,
    kind: i64,
    words: Vec<u8>,
    filed_at: i64,
    deadline_at: i64,
    outcome: i64,
    answer: Option<Vec<u8>>,
    answered_at: Option<i64>,
}
positional!(Row {
    id: 0,
    person: 1,
    division: 2,
    kind: 3,
    words: 4,
    filed_at: 5,
    deadline_at: 6,
    outcome: 7,
    answer: 8,
    answered_at: 9,
});

macro_rules! requests {
    ($where:literal) => {
        concat!(
            "SELECT id, person, division, kind, words, filed_at, deadline_at, outcome, answer, answered_at \
             FROM own_data_request WHERE ",
            $where
        )
    };
}

impl Store {
    /// Keeps a request. False, and nothing kept, where `max` of the person are open.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_own_data_request(&self, request: &OwnDataRequest, max: u32) -> Result<bool, StoreError> {
        let words = self.seal_vault(request.id, WORDS, request.words.as_bytes());
        let mut tx = self.db.begin().await?;
        let fits = on!(&mut tx, tx => {
            let open: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM own_data_request WHERE person = $1 AND outcome = 0")
                .bind(request.person.uuid()).fetch_one(&mut **tx).await?;
            if open < i64::from(max) {
                sqlx::query(
                    "INSERT INTO own_data_request (id, person, division, kind, words, filed_at, deadline_at, outcome) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
                )
                .bind(request.id).bind(request.person.uuid()).bind(division_key(request.division)).bind(request.kind)
                .bind(words).bind(request.filed_at.as_micros()).bind(request.deadline_at.as_micros())
                .execute(&mut **tx).await?;
            }
            open < i64::from(max)
        });
        commit(tx).await?;
        Ok(fits)
    }

    /// The requests of a person, latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn own_data_requests_of(&self, person: PersonId) -> Result<Vec<OwnDataRequest>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(requests!("person = $1 ORDER BY filed_at DESC, id LIMIT 50"))
                .bind(person.uuid()).fetch_all(pool).await?
        });
        rows.into_iter().map(|row| self.opened(row)).collect()
    }

    /// Requests of people of a division, open ones first, by deadline; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn list_own_data_requests(
        &self,
        within: DivisionCode,
        limit: u32,
    ) -> Result<Vec<OwnDataRequest>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(requests!(
                "division >= $1 AND division < $2 ORDER BY CASE WHEN outcome = 0 THEN 0 ELSE 1 END, deadline_at, id LIMIT $3"
            ))
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        rows.into_iter().map(|row| self.opened(row)).collect()
    }

    /// Answers an open request of a person of a division; whether there was one. The first answer stands.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn answer_own_data_request(
        &self,
        (id, within): (Uuid, DivisionCode),
        (outcome, answer): (i64, &str),
        by: Uuid,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let (from, to) = division_range(within);
        let answer = self.seal_vault(id, ANSWER, answer.as_bytes());
        let mut tx = self.db.begin().await?;
        let done = on!(&mut tx, tx => {
            sqlx::query(
                "UPDATE own_data_request SET outcome = $2, answer = $3, answered_at = $4, account = $5 \
                 WHERE id = $1 AND outcome = 0 AND division >= $6 AND division < $7",
            )
            .bind(id).bind(outcome).bind(answer).bind(now.as_micros()).bind(by).bind(from).bind(to)
            .execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(done > 0)
    }

    fn opened(&self, row: Row) -> Result<OwnDataRequest, StoreError> {
        Ok(OwnDataRequest {
            words: self.open_vault(row.id, WORDS, &row.words)?,
            answer: row.answer.map(|answer| self.open_vault(row.id, ANSWER, &answer)).transpose()?,
            id: row.id,
            person: PersonId::new(row.person),
            division: division_of(row.division),
            kind: row.kind,
            filed_at: Instant::from_micros(row.filed_at),
            deadline_at: Instant::from_micros(row.deadline_at),
            outcome: row.outcome,
            answered_at: row.answered_at.map(Instant::from_micros),
        })
    }
}
