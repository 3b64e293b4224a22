//! Key people, rounds, and who was reminded.

use std::collections::HashMap;

use sizao_model::{CivilDay, DivisionCode, FactId, Instant, PersonId};
use uuid::Uuid;

use super::{SELF_TESTS, ScreeningChanges, SelfTestRecord, SelfTestRow};
use crate::{
    bulk::{self, Column},
    db::{Tx, commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// Somebody belongs to a key group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMemberRecord {
    /// Who.
    pub person: PersonId,
    /// Which group, by its name in the catalogue.
    pub group: String,
    /// First day.
    pub from: CivilDay,
    /// Last day.
    pub until: Option<CivilDay>,
    /// Where.
    pub division: DivisionCode,
}

/// Somebody is not tested for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPauseRecord {
    /// The fact that says so.
    pub fact: FactId,
    /// Who.
    pub person: PersonId,
    /// 0 leave, 1 infant, 2 medical, 3 recovered.
    pub reason: i64,
    /// First day.
    pub from: CivilDay,
    /// Last day.
    pub until: Option<CivilDay>,
    /// Where.
    pub division: DivisionCode,
}

/// A day on which somebody was sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledOn {
    /// Who.
    pub person: PersonId,
    /// When.
    pub taken_at: Instant,
}

/// A round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundRecord {
    /// The fact that opened it.
    pub fact: FactId,
    /// Where.
    pub division: DivisionCode,
    /// Its name.
    pub name: String,
    /// Its beginning.
    pub from_at: Instant,
    /// Its end.
    pub until_at: Instant,
    /// How many swabs a tube holds.
    pub capacity: i64,
    /// Sites, as JSON.
    pub sites: String,
}

struct RoundRow {
    fact: Uuid,
    division: i64,
    name: String,
    from_at: i64,
    until_at: i64,
    capacity: i64,
    sites: String,
}
positional!(RoundRow { fact: 0, division: 1, name: 2, from_at: 3, until_at: 4, capacity: 5, sites: 6 });

fn day(number: i64) -> CivilDay {
    CivilDay::from_number(number as i32)
}

impl Store {
    /// Everybody of a division who belongs to a key group on a day.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn key_members(&self, within: DivisionCode, on: CivilDay) -> Result<Vec<KeyMemberRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(Uuid, String, i64, Option<i64>, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT person, grp, from_on, until_on, division FROM key_member WHERE division >= $1 AND division < $2 \
                 AND from_on <= $3 AND (until_on IS NULL OR until_on >= $3) ORDER BY person, from_on, grp",
            )
            .bind(from).bind(to).bind(i64::from(on.number())).fetch_all(pool).await?
        });
        let record = |(person, group, from, until, division): (Uuid, String, i64, Option<i64>, i64)| KeyMemberRecord {
            person: PersonId::new(person),
            group,
            from: day(from),
            until: until.map(day),
            division: division_of(division),
        };
        Ok(rows.into_iter().map(record).collect())
    }

    /// Pauses of people of a division that reach to a day or beyond.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn key_pauses(&self, within: DivisionCode, since: CivilDay) -> Result<Vec<KeyPauseRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(Uuid, Uuid, i64, i64, Option<i64>, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT fact, person, reason, from_on, until_on, division FROM key_pause WHERE division >= $1 \
                 AND division < $2 AND (until_on IS NULL OR until_on >= $3) ORDER BY person, from_on, fact",
            )
            .bind(from).bind(to).bind(i64::from(since.number())).fetch_all(pool).await?
        });
        let record =
            |(fact, person, reason, from, until, division): (Uuid, Uuid, i64, i64, Option<i64>, i64)| KeyPauseRecord {
                fact: FactId::new(fact),
                person: PersonId::new(person),
                reason,
                from: day(from),
                until: until.map(day),
                division: division_of(division),
            };
        Ok(rows.into_iter().map(record).collect())
    }

    /// When people of key groups of a division were sampled since a day and before another, for whatever reason.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn key_samples(
        &self,
        within: DivisionCode,
        since: CivilDay,
        before: CivilDay,
    ) -> Result<Vec<SampledOn>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(Uuid, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT s.person, s.taken_at FROM swab s WHERE s.taken_at >= $3 AND s.taken_at < $4 AND s.person IN \
                 (SELECT person FROM key_member WHERE division >= $1 AND division < $2) ORDER BY s.person, s.taken_at",
            )
            .bind(from).bind(to).bind(since.start().as_micros()).bind(before.start().as_micros())
            .fetch_all(pool).await?
        });
        let sampled = |(person, at)| SampledOn { person: PersonId::new(person), taken_at: Instant::from_micros(at) };
        Ok(rows.into_iter().map(sampled).collect())
    }

    /// Rounds whose area lies in a division, or holds it, the latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_rounds(&self, limit: u32) -> Result<Vec<RoundRecord>, StoreError> {
        let rows: Vec<RoundRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT fact, division, name, from_at, until_at, capacity, sites FROM screening_round \
                 ORDER BY from_at DESC, fact LIMIT $1",
            )
            .bind(i64::from(limit)).fetch_all(pool).await?
        });
        let record = |row: RoundRow| RoundRecord {
            fact: FactId::new(row.fact),
            division: division_of(row.division),
            name: row.name,
            from_at: Instant::from_micros(row.from_at),
            until_at: Instant::from_micros(row.until_at),
            capacity: row.capacity,
            sites: row.sites,
        };
        Ok(rows.into_iter().map(record).collect())
    }

    /// Antigen tests of a division that were told since a moment and were not negative, the latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn self_tests_told(
        &self,
        within: DivisionCode,
        since: Instant,
        limit: u32,
    ) -> Result<Vec<SelfTestRecord>, StoreError> {
        let (from, to) = division_range(within);
        let text = format!(
            "{SELF_TESTS}division >= $1 AND division < $2 AND told_at >= $3 AND outcome > 0 ORDER BY told_at DESC, fact LIMIT $4"
        );
        let rows: Vec<SelfTestRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(text.clone())).bind(from).bind(to).bind(since.as_micros())
                .bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(SelfTestRow::into_record).collect())
    }

    /// Notes that people were reminded of tests due since a day; the first time stands.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn note_reminded(
        &self,
        people: &[(PersonId, CivilDay)],
        by: Uuid,
        now: Instant,
    ) -> Result<(), StoreError> {
        let columns = [
            ("person", Column::Id(people.iter().map(|(person, _)| person.uuid()).collect())),
            ("since_on", Column::Int(people.iter().map(|(_, since)| since.number().into()).collect())),
            ("at", Column::Int(vec![now.as_micros(); people.len()])),
            ("account", Column::Id(vec![by; people.len()])),
        ];
        let mut tx = self.db.begin().await?;
        bulk::insert(&mut tx, "reminded", "ON CONFLICT (person, since_on) DO NOTHING", &columns).await?;
        commit(tx).await
    }

    /// When people were reminded of a test due since a day.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn reminded_among(
        &self,
        people: &[PersonId],
    ) -> Result<HashMap<(PersonId, CivilDay), Instant>, StoreError> {
        let keys = Column::Id(people.iter().map(|person| person.uuid()).collect());
        let rows: Vec<(Uuid, i64, i64)> =
            bulk::find(self.db.lookup(), "SELECT person, since_on, at FROM reminded WHERE person", &keys, "").await?;
        Ok(rows
            .into_iter()
            .map(|(person, since, at)| ((PersonId::new(person), day(since)), Instant::from_micros(at)))
            .collect())
    }
}

/// Saves what the log brought about people and rounds.
pub(super) async fn save(tx: &mut Tx, changes: &ScreeningChanges) -> Result<(), StoreError> {
    // The last word about a group and first day counts, and a batch may hold several.
    let mut members: HashMap<(PersonId, &str, CivilDay), &KeyMemberRecord> = HashMap::new();
    for member in &changes.members {
        members.insert((member.person, &member.group, member.from), member);
    }
    let mut members: Vec<&KeyMemberRecord> = members.into_values().collect();
    members.sort_unstable_by(|a, b| (a.person, &a.group, a.from).cmp(&(b.person, &b.group, b.from)));
    let columns = [
        ("person", Column::Id(members.iter().map(|member| member.person.uuid()).collect())),
        ("grp", Column::Text(members.iter().map(|member| member.group.clone()).collect())),
        ("from_on", Column::Int(members.iter().map(|member| member.from.number().into()).collect())),
        (
            "until_on",
            Column::OptInt(members.iter().map(|member| member.until.map(|day| day.number().into())).collect()),
        ),
        ("division", Column::Int(members.iter().map(|member| division_key(member.division)).collect())),
    ];
    let last = "ON CONFLICT (person, grp, from_on) DO UPDATE SET until_on = excluded.until_on, \
                division = excluded.division";
    bulk::insert(tx, "key_member", last, &columns).await?;
    let pauses = &changes.pauses;
    let columns = [
        ("fact", Column::Id(pauses.iter().map(|pause| pause.fact.uuid()).collect())),
        ("person", Column::Id(pauses.iter().map(|pause| pause.person.uuid()).collect())),
        ("reason", Column::Int(pauses.iter().map(|pause| pause.reason).collect())),
        ("from_on", Column::Int(pauses.iter().map(|pause| pause.from.number().into()).collect())),
        ("until_on", Column::OptInt(pauses.iter().map(|pause| pause.until.map(|day| day.number().into())).collect())),
        ("division", Column::Int(pauses.iter().map(|pause| division_key(pause.division)).collect())),
    ];
    bulk::insert(tx, "key_pause", "ON CONFLICT (fact) DO NOTHING", &columns).await?;
    let rounds = &changes.rounds;
    let columns = [
        ("fact", Column::Id(rounds.iter().map(|round| round.fact.uuid()).collect())),
        ("division", Column::Int(rounds.iter().map(|round| division_key(round.division)).collect())),
        ("name", Column::Text(rounds.iter().map(|round| round.name.clone()).collect())),
        ("from_at", Column::Int(rounds.iter().map(|round| round.from_at.as_micros()).collect())),
        ("until_at", Column::Int(rounds.iter().map(|round| round.until_at.as_micros()).collect())),
        ("capacity", Column::Int(rounds.iter().map(|round| round.capacity).collect())),
        ("sites", Column::Text(rounds.iter().map(|round| round.sites.clone()).collect())),
    ];
    bulk::insert(tx, "screening_round", "ON CONFLICT (fact) DO NOTHING", &columns).await
}
