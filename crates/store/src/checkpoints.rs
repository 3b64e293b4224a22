//! What checkpoints did, as their pages and the boards above them see it. Derived from the log.

use sizao_model::{DivisionCode, FactId, Instant, PersonId};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// A check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRecord {
    /// The fact.
    pub fact: FactId,
    /// The unit of the checkpoint.
    pub unit: String,
    /// Where.
    pub division: DivisionCode,
    /// When, by the server's reckoning.
    pub at: Instant,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// 0 pass, 1 slip, 2 document.
    pub shown: i64,
    /// 0 go, 1 sample and go, 2 hold, 3 care.
    pub verdict: i64,
    /// Why, as a word; empty: nothing.
    pub reason: String,
    /// From the first look to the verdict; seconds.
    pub desk_s: i64,
    /// By how much the device's clock was ahead; seconds.
    pub offset_s: i64,
    /// Made without a network.
    pub offline: bool,
    /// When a hold ended.
    pub ended_at: Option<Instant>,
    /// How; empty: not yet.
    pub outcome: String,
}

/// A lorry on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JourneyRecord {
    /// Number of the journey.
    pub journey: String,
    /// The driver.
    pub person: PersonId,
    /// Where it was seen last.
    pub division: DivisionCode,
    /// By which unit.
    pub unit: String,
    /// The last step, in the order of the steps.
    pub stage: i64,
    /// Since when.
    pub since: Instant,
    /// When it came to the lane.
    pub arrived_at: Instant,
    /// Number of the seal; empty: none.
    pub seal: String,
}

/// A disinfection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisinfectionRecord {
    /// The fact that began it.
    pub fact: FactId,
    /// Where.
    pub division: DivisionCode,
    /// The place in words.
    pub place: String,
    /// When it began.
    pub begun_at: Instant,
    /// When it was closed.
    pub closed_at: Option<Instant>,
    /// The fact that closed it.
    pub closed_by: Option<FactId>,
}

struct CheckRow {
    fact: Uuid,
    unit: String,
    division: i64,
    at: i64,
    recorded: i64,
    shown: i64,
    verdict: i64,
    reason: String,
    desk_s: i64,
    offset_s: i64,
    offline: i64,
    ended_at: Option<i64>,
    outcome: String,
}
positional!(CheckRow {
    fact: 0,
    unit: 1,
    division: 2,
    at: 3,
    recorded: 4,
    shown: 5,
    verdict: 6,
    reason: 7,
    desk_s: 8,
    offset_s: 9,
    offline: 10,
    ended_at: 11,
    outcome: 12,
});

impl CheckRow {
    fn into_record(self) -> CheckRecord {
        CheckRecord {
            fact: FactId::new(self.fact),
            unit: self.unit,
            division: division_of(self.division),
            at: Instant::from_micros(self.at),
            recorded_at: Instant::from_micros(self.recorded),
            shown: self.shown,
            verdict: self.verdict,
            reason: self.reason,
            desk_s: self.desk_s,
            offset_s: self.offset_s,
            offline: self.offline > 0,
            ended_at: self.ended_at.map(Instant::from_micros),
            outcome: self.outcome,
        }
    }
}

const CHECKPOINT: &str = "checkpoint";

macro_rules! select_checks {
    ($rest:literal) => {
        concat!(
            "SELECT fact, unit, division, at, recorded, shown, verdict, reason, desk_s, offset_s, offline, ended_at, \
             outcome FROM inspection WHERE ",
            $rest
        )
    };
}

impl Store {
    /// How far the log was read for checkpoints.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn checkpoint_watermark(&self) -> Result<u64, StoreError> {
        self.watermark(CHECKPOINT).await
    }

    /// Saves what was read from the log up to a leaf. Reading it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_checkpoints(
        &self,
        checks: &[CheckRecord],
        ended: &[(FactId, Instant, String)],
        journeys: &[JourneyRecord],
        disinfections: &[DisinfectionRecord],
        closed: &[(FactId, Instant, FactId)],
        upto: u64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for check in checks {
                sqlx::query(
                    "INSERT INTO inspection (fact, unit, division, at, recorded, shown, verdict, reason, desk_s, offset_s, \
                     offline, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '') ON CONFLICT (fact) DO NOTHING",
                )
                .bind(check.fact.uuid()).bind(&check.unit).bind(division_key(check.division)).bind(check.at.as_micros())
                .bind(check.recorded_at.as_micros()).bind(check.shown).bind(check.verdict).bind(&check.reason)
                .bind(check.desk_s).bind(check.offset_s).bind(i64::from(check.offline)).execute(&mut **tx).await?;
            }
            for (of, at, outcome) in ended {
                sqlx::query("UPDATE inspection SET ended_at = $2, outcome = $3 WHERE fact = $1 AND ended_at IS NULL")
                    .bind(of.uuid()).bind(at.as_micros()).bind(outcome).execute(&mut **tx).await?;
            }
            for journey in journeys {
                sqlx::query(
                    "INSERT INTO lane_journey (journey, person, division, unit, stage, since, arrived_at, seal) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (journey) DO UPDATE SET stage = excluded.stage, \
                     since = excluded.since, division = excluded.division, unit = excluded.unit, \
                     seal = CASE WHEN excluded.seal = '' THEN lane_journey.seal ELSE excluded.seal END \
                     WHERE lane_journey.since <= excluded.since",
                )
                .bind(&journey.journey).bind(journey.person.uuid()).bind(division_key(journey.division)).bind(&journey.unit)
                .bind(journey.stage).bind(journey.since.as_micros()).bind(journey.arrived_at.as_micros()).bind(&journey.seal)
                .execute(&mut **tx).await?;
            }
            for record in disinfections {
                sqlx::query(
                    "INSERT INTO disinfection (fact, division, place, begun_at) VALUES ($1, $2, $3, $4) ON CONFLICT (fact) DO NOTHING",
                )
                .bind(record.fact.uuid()).bind(division_key(record.division)).bind(&record.place)
                .bind(record.begun_at.as_micros()).execute(&mut **tx).await?;
            }
            for (of, at, by) in closed {
                sqlx::query("UPDATE disinfection SET closed_at = $2, closed_by = $3 WHERE fact = $1 AND closed_at IS NULL")
                    .bind(of.uuid()).bind(at.as_micros()).bind(by.uuid()).execute(&mut **tx).await?;
            }
            sqlx::query(
                "INSERT INTO watermark (projection, leaf) VALUES ($1, $2) ON CONFLICT (projection) DO UPDATE \
                 SET leaf = excluded.leaf WHERE watermark.leaf < excluded.leaf",
            )
            .bind(CHECKPOINT).bind(upto as i64).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Checks in a division since a moment, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn checks_since(
        &self,
        within: DivisionCode,
        since: Instant,
        limit: u32,
    ) -> Result<Vec<CheckRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<CheckRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(select_checks!("division >= $1 AND division < $2 AND at > $3 ORDER BY at DESC, fact LIMIT $4"))
                .bind(from).bind(to).bind(since.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(CheckRow::into_record).collect())
    }

    /// Who is held in a division, longest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn holds_open(&self, within: DivisionCode, limit: u32) -> Result<Vec<CheckRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<CheckRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(select_checks!(
                "division >= $1 AND division < $2 AND verdict = 2 AND ended_at IS NULL ORDER BY at, fact LIMIT $3"
            ))
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(CheckRow::into_record).collect())
    }

    /// A check.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_check(&self, fact: FactId) -> Result<Option<CheckRecord>, StoreError> {
        let row: Option<CheckRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(select_checks!("fact = $1")).bind(fact.uuid()).fetch_optional(pool).await?
        });
        Ok(row.map(CheckRow::into_record))
    }

    /// Lorries that have not left, longest in their step first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn journeys_open(&self, within: DivisionCode, limit: u32) -> Result<Vec<JourneyRecord>, StoreError> {
        let (from, to) = division_range(within);
        type Row = (String, Uuid, i64, String, i64, i64, i64, String);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT journey, person, division, unit, stage, since, arrived_at, seal FROM lane_journey \
                 WHERE division >= $1 AND division < $2 AND stage < 6 ORDER BY since, journey LIMIT $3",
            )
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        let record = |(journey, person, division, unit, stage, since, arrived_at, seal): Row| JourneyRecord {
            journey,
            person: PersonId::new(person),
            division: division_of(division),
            unit,
            stage,
            since: Instant::from_micros(since),
            arrived_at: Instant::from_micros(arrived_at),
            seal,
        };
        Ok(rows.into_iter().map(record).collect())
    }

    /// Disinfections of a division, the open ones first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn disinfections(&self, within: DivisionCode, limit: u32) -> Result<Vec<DisinfectionRecord>, StoreError> {
        let (from, to) = division_range(within);
        type Row = (Uuid, i64, String, i64, Option<i64>, Option<Uuid>);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT fact, division, place, begun_at, closed_at, closed_by FROM disinfection \
                 WHERE division >= $1 AND division < $2 ORDER BY CASE WHEN closed_at IS NULL THEN 0 ELSE 1 END, begun_at DESC, \
                 fact LIMIT $3",
            )
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        let record = |(fact, division, place, begun_at, closed_at, closed_by): Row| DisinfectionRecord {
            fact: FactId::new(fact),
            division: division_of(division),
            place,
            begun_at: Instant::from_micros(begun_at),
            closed_at: closed_at.map(Instant::from_micros),
            closed_by: closed_by.map(FactId::new),
        };
        Ok(rows.into_iter().map(record).collect())
    }

    /// Whose pass it is, if it was issued here.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn holder_of_pass(&self, id: Uuid) -> Result<Option<PersonId>, StoreError> {
        let found: Option<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT person FROM pass WHERE id = $1").bind(id).fetch_optional(pool).await?
        });
        Ok(found.map(PersonId::new))
    }
}
