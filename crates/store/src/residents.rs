//! What residents have: links to their own page, passes, and appeals as officers list them.

use sizao_model::{DivisionCode, FactId, Instant, PersonId};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    keys::sha256,
    store::Store,
    vault::{division_key, division_range},
};

/// A pass as it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassRecord {
    /// Its number.
    pub id: Uuid,
    /// Whose.
    pub person: PersonId,
    /// When it was issued.
    pub issued_at: Instant,
    /// When it is over.
    pub expires_at: Instant,
    /// What it says: 0 no colour, 1 green, 2 yellow, 3 red.
    pub colour: i64,
}

/// What is known of a pass at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassState {
    /// Its number.
    pub id: Uuid,
    /// What it says.
    pub colour: i64,
    /// What would be said now; none: nothing is known of the person.
    pub colour_now: Option<i64>,
    /// When what would be said now may change by itself.
    pub changes_at: Option<Instant>,
    /// Taken back.
    pub withdrawn: bool,
}

/// An appeal as officers list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppealRecord {
    /// The fact of the appeal.
    pub fact: FactId,
    /// Whose.
    pub person: PersonId,
    /// Where the person is looked after.
    pub division: DivisionCode,
    /// `<pack>:<rule>` of the measure.
    pub rule: String,
    /// The first of the facts that opened the measure.
    pub opened_by: FactId,
    /// The decision against which this is the second instance.
    pub against: Option<FactId>,
    /// When it was filed.
    pub filed_at: Instant,
    /// By when it has to be decided.
    pub deadline_at: Instant,
    /// 0 open, 1 upheld, 2 rejected, 3 lapsed.
    pub outcome: i64,
    /// When it was decided.
    pub decided_at: Option<Instant>,
    /// The fact of the decision.
    pub decision: Option<FactId>,
    /// The unit that decided; empty: none.
    pub unit: String,
}

struct AppealRow {
    fact: Uuid,
    person: Uuid,
    division: i64,
    rule: String,
    opened_by: Uuid,
    against: Option<Uuid>,
    filed_at: i64,
    deadline_at: i64,
    outcome: i64,
    decided_at: Option<i64>,
    decision: Option<Uuid>,
    unit: String,
}
positional!(AppealRow {
    fact: 0,
    person: 1,
    division: 2,
    rule: 3,
    opened_by: 4,
    against: 5,
    filed_at: 6,
    deadline_at: 7,
    outcome: 8,
    decided_at: 9,
    decision: 10,
    unit: 11,
});

macro_rules! appeals {
    ($condition:literal) => {
        concat!(
            "SELECT fact, person, division, rule, opened_by, against, filed_at, deadline_at, outcome, decided_at, decision, \
             unit FROM appeal WHERE ",
            $condition
        )
    };
}

/// What somebody proposed, for the limits of 24 hours.
#[derive(Clone, Debug)]
pub struct Restricting {
    /// When.
    pub at: Instant,
    /// The account.
    pub proposer: Uuid,
    /// From which source: a list, a page.
    pub source: String,
    /// Where.
    pub place: DivisionCode,
    /// Which class: `exposure`, `stay`, `area`, …
    pub class: String,
    /// How many people.
    pub people: u64,
    /// A second person confirmed the batch in which they come.
    pub seconded: bool,
}

impl Store {
    /// A link to a resident's own page, and what the paper shows: 32 random bytes of which the store keeps the hash.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_resident_link(
        &self,
        person: PersonId,
        by: Uuid,
        now: Instant,
        expires_at: Instant,
    ) -> Result<[u8; 32], StoreError> {
        let token = self.random_bytes::<32>();
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("INSERT INTO resident_link (token, person, made_by, made_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
                .bind(sha256(&[&token]).to_vec()).bind(person.uuid()).bind(by).bind(now.as_micros())
                .bind(expires_at.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await?;
        Ok(token)
    }

    /// Whose page a link opens, while it holds.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_resident_link(&self, token: &[u8], now: Instant) -> Result<Option<PersonId>, StoreError> {
        let found: Option<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT person FROM resident_link WHERE token = $1 AND expires_at > $2 AND ended_at IS NULL")
                .bind(sha256(&[token]).to_vec()).bind(now.as_micros()).fetch_optional(pool).await?
        });
        Ok(found.map(PersonId::new))
    }

    /// Keeps that a pass was issued.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_pass(&self, pass: &PassRecord) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("INSERT INTO pass (id, person, issued_at, expires_at, colour) VALUES ($1, $2, $3, $4, $5)")
                .bind(pass.id).bind(pass.person.uuid()).bind(pass.issued_at.as_micros())
                .bind(pass.expires_at.as_micros()).bind(pass.colour).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Takes passes of a person back; how many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn withdraw_passes(&self, person: PersonId, now: Instant) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let done = on!(&mut tx, tx => {
            sqlx::query("UPDATE pass SET withdrawn_at = $2 WHERE person = $1 AND withdrawn_at IS NULL AND expires_at > $2")
                .bind(person.uuid()).bind(now.as_micros()).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(done)
    }

    /// Forgets passes that were over before a moment; how many.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_passes(&self, before: Instant) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let done = on!(&mut tx, tx => {
            sqlx::query("DELETE FROM pass WHERE expires_at < $1").bind(before.as_micros())
                .execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(done)
    }

    /// What is known of these passes; those that were never issued here are missing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn pass_states(&self, ids: &[Uuid]) -> Result<Vec<PassState>, StoreError> {
        type Row = (Uuid, i64, Option<i64>, Option<i64>, Option<i64>);
        let select = "SELECT p.id, p.colour, p.withdrawn_at, a.colour, a.next_change_at FROM pass p \
                      LEFT JOIN assessment a ON a.person = p.person WHERE p.id";
        let rows: Vec<Row> = bulk::find(self.db.lookup(), select, &Column::Id(ids.to_vec()), "").await?;
        let state = |(id, colour, withdrawn, colour_now, changes): Row| PassState {
            id,
            colour,
            colour_now,
            changes_at: changes.filter(|at| *at != i64::MAX).map(Instant::from_micros),
            withdrawn: withdrawn.is_some(),
        };
        Ok(rows.into_iter().map(state).collect())
    }

    /// Saves appeals and decisions that were read from the log up to a leaf. A decision of an appeal that is not there is
    /// left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_appeals(
        &self,
        filed: &[AppealRecord],
        decided: &[(FactId, i64, Instant, FactId, String)],
        upto: u64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for appeal in filed {
                sqlx::query(
                    "INSERT INTO appeal (fact, person, division, rule, opened_by, against, filed_at, deadline_at, outcome, unit) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '') ON CONFLICT (fact) DO NOTHING",
                )
                .bind(appeal.fact.uuid()).bind(appeal.person.uuid()).bind(division_key(appeal.division))
                .bind(&appeal.rule).bind(appeal.opened_by.uuid()).bind(appeal.against.map(|fact| fact.uuid()))
                .bind(appeal.filed_at.as_micros()).bind(appeal.deadline_at.as_micros()).execute(&mut **tx).await?;
            }
            for (of, outcome, at, decision, unit) in decided {
                // The first decision stands: a second one needs a second appeal.
                sqlx::query("UPDATE appeal SET outcome = $2, decided_at = $3, decision = $4, unit = $5 WHERE fact = $1 AND outcome = 0")
                    .bind(of.uuid()).bind(outcome).bind(at.as_micros()).bind(decision.uuid()).bind(unit)
                    .execute(&mut **tx).await?;
            }
            sqlx::query(
                "INSERT INTO watermark (projection, leaf) VALUES ('appeal', $1) ON CONFLICT (projection) DO UPDATE \
                 SET leaf = excluded.leaf WHERE watermark.leaf < excluded.leaf",
            )
            .bind(upto as i64).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// An appeal.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_appeal(&self, fact: FactId) -> Result<Option<AppealRecord>, StoreError> {
        let row: Option<AppealRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(appeals!("fact = $1")).bind(fact.uuid()).fetch_optional(pool).await?
        });
        Ok(row.map(AppealRow::into_record))
    }

    /// Appeals of a division, the open ones first, by deadline; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_appeals(&self, within: DivisionCode, limit: u32) -> Result<Vec<AppealRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<AppealRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(appeals!(
                "division >= $1 AND division < $2 ORDER BY CASE WHEN outcome = 0 THEN 0 ELSE 1 END, deadline_at, fact LIMIT $3"
            ))
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(AppealRow::into_record).collect())
    }

    /// Appeals of a person, latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn appeals_of(&self, person: PersonId) -> Result<Vec<AppealRecord>, StoreError> {
        let rows: Vec<AppealRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(appeals!("person = $1 ORDER BY filed_at DESC, fact LIMIT 50"))
                .bind(person.uuid()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(AppealRow::into_record).collect())
    }

    /// Open appeals whose time is over; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn late_appeals(&self, now: Instant, limit: u32) -> Result<Vec<AppealRecord>, StoreError> {
        let rows: Vec<AppealRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(appeals!("outcome = 0 AND deadline_at <= $1 ORDER BY deadline_at, fact LIMIT $2"))
                .bind(now.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(AppealRow::into_record).collect())
    }

    /// Counts what somebody proposes against limits, in one transaction: people of the last 24 hours by proposer, by
    /// source, by place and class. It is kept only when every count stays within its limit; the first that does not is
    /// the answer.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_restricting(
        &self,
        entry: &Restricting,
        limits: [u64; 3],
    ) -> Result<Result<(), (usize, u64)>, StoreError> {
        let since = entry.at.plus_hours(-24).as_micros();
        let place = division_key(entry.place);
        let mut tx = self.db.begin().await?;
        let counts: [i64; 3] = on!(&mut tx, tx => {
            // Whoever counts holds the head of the log, so that two at once cannot both fit.
            sqlx::query("UPDATE log_head SET size = size").execute(&mut **tx).await?;
            let by_proposer = sqlx::query_scalar("SELECT CAST(COALESCE(SUM(people), 0) AS BIGINT) FROM restricting WHERE at > $1 AND proposer = $2")
                .bind(since).bind(entry.proposer).fetch_one(&mut **tx).await?;
            let by_source = sqlx::query_scalar("SELECT CAST(COALESCE(SUM(people), 0) AS BIGINT) FROM restricting WHERE at > $1 AND source = $2")
                .bind(since).bind(&entry.source).fetch_one(&mut **tx).await?;
            let by_place = sqlx::query_scalar("SELECT CAST(COALESCE(SUM(people), 0) AS BIGINT) FROM restricting WHERE at > $1 AND place = $2 AND class = $3")
                .bind(since).bind(place).bind(&entry.class).fetch_one(&mut **tx).await?;
            [by_proposer, by_source, by_place]
        });
        for (index, (count, limit)) in counts.into_iter().zip(limits).enumerate() {
            if count as u64 + entry.people > limit {
                return Ok(Err((index, limit)));
            }
        }
        on!(&mut tx, tx => {
            sqlx::query("INSERT INTO restricting (at, proposer, source, place, class, people, seconded) VALUES ($1, $2, $3, $4, $5, $6, $7)")
                .bind(entry.at.as_micros()).bind(entry.proposer).bind(&entry.source).bind(place).bind(&entry.class)
                .bind(entry.people as i64).bind(i64::from(entry.seconded)).execute(&mut **tx).await?;
        });
        commit(tx).await?;
        Ok(Ok(()))
    }

    /// How many people an account proposed since a moment on its word alone.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn proposed_alone(&self, proposer: Uuid, since: Instant) -> Result<u64, StoreError> {
        let people: i64 = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT CAST(COALESCE(SUM(people), 0) AS BIGINT) FROM restricting \
                 WHERE at > $1 AND proposer = $2 AND seconded = 0",
            )
            .bind(since.as_micros()).bind(proposer).fetch_one(pool).await?
        });
        Ok(people as u64)
    }
}

impl AppealRow {
    fn into_record(self) -> AppealRecord {
        let at = Instant::from_micros;
        AppealRecord {
            fact: FactId::new(self.fact),
            person: PersonId::new(self.person),
            division: division_of(self.division),
            rule: self.rule,
            opened_by: FactId::new(self.opened_by),
            against: self.against.map(FactId::new),
            filed_at: at(self.filed_at),
            deadline_at: at(self.deadline_at),
            outcome: self.outcome,
            decided_at: self.decided_at.map(at),
            decision: self.decision.map(FactId::new),
            unit: self.unit,
        }
    }
}
