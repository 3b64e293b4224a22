//! Closed loops as boards and work lists show them: a projection with a MAC, so that an inserted row counts for nothing.

use std::collections::HashSet;

use sizao_model::{DivisionCode, FactId, Instant, PersonId};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Tx, commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// A loop as a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopRecord {
    /// Whose.
    pub person: PersonId,
    /// `<pack>:<rule>`.
    pub rule: String,
    /// The first of the facts that opened the measure.
    pub opened_by: FactId,
    /// Where the person is looked after.
    pub division: DivisionCode,
    /// 0 opened, 1 assigned, 2 notified, 3 located, 4 under control, 5 due, 6 ended.
    pub state: i64,
    /// How strict what is asked now is.
    pub strictness: i64,
    /// Unit that has to act.
    pub unit: Option<Uuid>,
    /// Account that has to act.
    pub officer: Option<Uuid>,
    /// When the measure opened.
    pub opened_at: Instant,
    /// When its last restriction is over by plan.
    pub due_at: Instant,
    /// When it was over in truth.
    pub ended_at: Option<Instant>,
    /// Its end is not on record yet.
    pub owed: bool,
    /// The most urgent task, as a word; empty: none.
    pub task: String,
    /// By when.
    pub deadline_at: Option<Instant>,
    /// When any of this may change by itself.
    pub next_at: Option<Instant>,
    /// How the search ended: 0 not yet, else 1 to 5 in the order of the replies.
    pub reply: i64,
    /// Who it is was confirmed.
    pub identified: bool,
    /// There is an address with its time.
    pub placed: bool,
    /// There is what is kept and since when.
    pub controlled: bool,
}

/// Loops that a number counts and a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoopFilter {
    /// Open ones.
    Open,
    /// Whose most urgent task is late.
    Overdue,
    /// Whose most urgent task is due within an hour.
    Soon,
    /// Nobody's yet.
    Unowned,
    /// Over, and nobody has put it on record for a minute: has to be empty.
    Owed,
    /// Ending within 24 hours.
    EndingSoon,
    /// Without a final reply.
    Uncounted,
    /// Whose person is not confirmed.
    Unidentified,
    /// Without an address.
    Unplaced,
    /// Without control.
    Uncontrolled,
    /// Closed.
    Closed,
}

impl LoopFilter {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::Open,
        Self::Overdue,
        Self::Soon,
        Self::Unowned,
        Self::Owed,
        Self::EndingSoon,
        Self::Uncounted,
        Self::Unidentified,
        Self::Unplaced,
        Self::Uncontrolled,
        Self::Closed,
    ];

    /// The word in addresses and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Overdue => "overdue",
            Self::Soon => "soon",
            Self::Unowned => "unowned",
            Self::Owed => "owed",
            Self::EndingSoon => "ending-soon",
            Self::Uncounted => "uncounted",
            Self::Unidentified => "unidentified",
            Self::Unplaced => "unplaced",
            Self::Uncontrolled => "uncontrolled",
            Self::Closed => "closed",
        }
    }

    /// The one of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }

    /// Its condition; `$3` is the moment. Both engines read the same text.
    const fn condition(self) -> &'static str {
        match self {
            Self::Open => "(state < 6 OR owed = 1)",
            Self::Overdue => "(state < 6 OR owed = 1) AND deadline_at IS NOT NULL AND deadline_at <= $3",
            Self::Soon => {
                "(state < 6 OR owed = 1) AND deadline_at IS NOT NULL AND deadline_at > $3 AND deadline_at <= $3 + 3600000000"
            }
            Self::Unowned => "state < 6 AND unit IS NULL",
            Self::Owed => "owed = 1 AND ended_at IS NOT NULL AND ended_at <= $3 - 60000000",
            Self::EndingSoon => "state < 6 AND due_at > $3 AND due_at <= $3 + 86400000000",
            Self::Uncounted => "state < 6 AND reply = 0",
            Self::Unidentified => "state < 6 AND identified = 0",
            Self::Unplaced => "state < 6 AND placed = 0",
            Self::Uncontrolled => "state < 6 AND controlled = 0",
            Self::Closed => "state = 6 AND owed = 0",
        }
    }
}

/// Which loops are asked for.
#[derive(Clone, Copy, Debug)]
pub struct LoopQuery {
    /// Limit: this division and those under it.
    pub within: DivisionCode,
    /// Which.
    pub filter: LoopFilter,
    /// Of this unit alone.
    pub unit: Option<Uuid>,
    /// The moment.
    pub now: Instant,
}

struct LoopRow {
    person: Uuid,
    rule: String,
    opened_by: Uuid,
    division: i64,
    state: i64,
    strictness: i64,
    unit: Option<Uuid>,
    officer: Option<Uuid>,
    opened_at: i64,
    due_at: i64,
    ended_at: Option<i64>,
    owed: i64,
    task: String,
    deadline_at: Option<i64>,
    next_at: i64,
    reply: i64,
    identified: i64,
    placed: i64,
    controlled: i64,
    mac: Vec<u8>,
}
positional!(LoopRow {
    person: 0,
    rule: 1,
    opened_by: 2,
    division: 3,
    state: 4,
    strictness: 5,
    unit: 6,
    officer: 7,
    opened_at: 8,
    due_at: 9,
    ended_at: 10,
    owed: 11,
    task: 12,
    deadline_at: 13,
    next_at: 14,
    reply: 15,
    identified: 16,
    placed: 17,
    controlled: 18,
    mac: 19,
});

macro_rules! select_loops {
    () => {
        "SELECT person, rule, opened_by, division, state, strictness, unit, officer, opened_at, due_at, ended_at, owed, \
         task, deadline_at, next_at, reply, identified, placed, controlled, mac FROM closed_loop WHERE "
    };
}

/// Times that never come sort last.
const NEVER: i64 = i64::MAX;

impl Store {
    /// Which of these people have a loop on record.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn with_loops(&self, people: &[PersonId]) -> Result<HashSet<PersonId>, StoreError> {
        let people = Column::Id(people.iter().map(|person| person.uuid()).collect());
        let select = "SELECT DISTINCT person FROM closed_loop WHERE person";
        let found: Vec<(Uuid,)> = bulk::find(self.db.lookup(), select, &people, "").await?;
        Ok(found.into_iter().map(|(person,)| PersonId::new(person)).collect())
    }

    /// People whose loops have to be looked at: a fact changed them, or their time has come; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn loops_to_follow(&self, now: Instant, limit: u32) -> Result<Vec<PersonId>, StoreError> {
        let rows: Vec<(Uuid,)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT person FROM (SELECT person FROM loop_changed UNION SELECT person FROM closed_loop WHERE next_at <= $1) \
                 AS waiting ORDER BY person LIMIT $2",
            )
            .bind(now.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(person,)| PersonId::new(person)).collect())
    }

    /// Puts the loops of these people in place of those on record.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_loops(&self, people: &[PersonId], mut loops: Vec<LoopRecord>) -> Result<(), StoreError> {
        loops.sort_by(|a, b| (a.person, &a.rule, a.opened_by).cmp(&(b.person, &b.rule, b.opened_by)));
        let macs = loops.iter().map(|record| self.loop_mac(record)).collect();
        let ints = |value: fn(&LoopRecord) -> i64| Column::Int(loops.iter().map(value).collect());
        let times = |value: fn(&LoopRecord) -> Option<Instant>| {
            Column::OptInt(loops.iter().map(|record| value(record).map(Instant::as_micros)).collect())
        };
        let columns = [
            ("person", Column::Id(loops.iter().map(|record| record.person.uuid()).collect())),
            ("rule", Column::Text(loops.iter().map(|record| record.rule.clone()).collect())),
            ("opened_by", Column::Id(loops.iter().map(|record| record.opened_by.uuid()).collect())),
            ("division", ints(|record| division_key(record.division))),
            ("state", ints(|record| record.state)),
            ("strictness", ints(|record| record.strictness)),
            ("unit", Column::OptId(loops.iter().map(|record| record.unit).collect())),
            ("officer", Column::OptId(loops.iter().map(|record| record.officer).collect())),
            ("opened_at", ints(|record| record.opened_at.as_micros())),
            ("due_at", ints(|record| record.due_at.as_micros())),
            ("ended_at", times(|record| record.ended_at)),
            ("owed", ints(|record| record.owed.into())),
            ("task", Column::Text(loops.iter().map(|record| record.task.clone()).collect())),
            ("deadline_at", times(|record| record.deadline_at)),
            ("next_at", ints(|record| record.next_at.map_or(NEVER, Instant::as_micros))),
            ("reply", ints(|record| record.reply)),
            ("identified", ints(|record| record.identified.into())),
            ("placed", ints(|record| record.placed.into())),
            ("controlled", ints(|record| record.controlled.into())),
            ("mac", Column::Bytes(macs)),
        ];
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for person in people {
                for text in ["DELETE FROM closed_loop WHERE person = $1", "DELETE FROM loop_changed WHERE person = $1"] {
                    sqlx::query(text).bind(person.uuid()).execute(&mut **tx).await?;
                }
            }
        });
        bulk::insert(&mut tx, "closed_loop", "", &columns).await?;
        commit(tx).await
    }

    /// How many loops a query has.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_loops(&self, query: LoopQuery) -> Result<u64, StoreError> {
        let (from, to) = division_range(query.within);
        let text = format!(
            "SELECT COUNT(*) FROM closed_loop WHERE division >= $1 AND division < $2 AND $3 = $3 \
             AND ($4 IS NULL OR unit = $4) AND {}",
            query.filter.condition()
        );
        let text = self.typed(text);
        let count: i64 = on!(self.db.reader(), pool => {
            sqlx::query_scalar(sqlx::AssertSqlSafe(text)).bind(from).bind(to).bind(query.now.as_micros()).bind(query.unit)
                .fetch_one(pool).await?
        });
        Ok(count as u64)
    }

    /// The loops of a query, the most pressing first; those whose MAC does not fit are left out and counted.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_loops(
        &self,
        query: LoopQuery,
        offset: u32,
        limit: u32,
    ) -> Result<(Vec<LoopRecord>, usize), StoreError> {
        let (from, to) = division_range(query.within);
        let text = format!(
            "{}division >= $1 AND division < $2 AND $3 = $3 AND ($4 IS NULL OR unit = $4) AND {} \
             ORDER BY COALESCE(deadline_at, {NEVER}), person, rule, opened_by LIMIT $5 OFFSET $6",
            select_loops!(),
            query.filter.condition()
        );
        let text = self.typed(text);
        let rows: Vec<LoopRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(from).bind(to).bind(query.now.as_micros()).bind(query.unit)
                .bind(i64::from(limit)).bind(i64::from(offset)).fetch_all(pool).await?
        });
        Ok(self.accept_loops(rows))
    }

    /// How many open loops each unit has in a division, and how many of them are late.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn loop_workload(
        &self,
        within: DivisionCode,
        now: Instant,
    ) -> Result<Vec<(Option<Uuid>, u64, u64)>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(Option<Uuid>, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT unit, COUNT(*), COUNT(CASE WHEN deadline_at <= $3 THEN 1 END) FROM closed_loop \
                 WHERE division >= $1 AND division < $2 AND (state < 6 OR owed = 1) GROUP BY unit",
            )
            .bind(from).bind(to).bind(now.as_micros()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(unit, open, late)| (unit, open as u64, late as u64)).collect())
    }

    /// Counts for the four clears of the open loops of a division: total, replies, identified, placed, controlled.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn clears_of(&self, within: DivisionCode, rule: Option<&str>) -> Result<Vec<[i64; 5]>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(i64, i64, i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT reply, identified, placed, controlled, COUNT(*) FROM closed_loop \
                 WHERE division >= $1 AND division < $2 AND state < 6 AND (rule = $3 OR $3 = '') \
                 GROUP BY reply, identified, placed, controlled",
            )
            .bind(from).bind(to).bind(rule.unwrap_or_default()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(a, b, c, d, n)| [a, b, c, d, n]).collect())
    }

    /// PostgreSQL has to be told the type of a value that may be missing.
    pub(crate) fn typed(&self, text: String) -> String {
        if self.db.is_sqlite() { text } else { text.replace("$4 IS NULL", "$4::uuid IS NULL") }
    }

    fn accept_loops(&self, rows: Vec<LoopRow>) -> (Vec<LoopRecord>, usize) {
        let read = rows.len();
        let accept = |row: LoopRow| {
            let mac = row.mac.clone();
            let record = row.into_record();
            (self.loop_mac(&record) == mac).then_some(record)
        };
        let accepted: Vec<LoopRecord> = rows.into_iter().filter_map(accept).collect();
        let refused = read - accepted.len();
        (accepted, refused)
    }

    fn loop_mac(&self, record: &LoopRecord) -> Vec<u8> {
        let time = |at: Option<Instant>| at.map_or(NEVER, Instant::as_micros).to_be_bytes();
        let id = |id: Option<Uuid>| id.unwrap_or_default().into_bytes();
        let flags = [record.owed, record.identified, record.placed, record.controlled].map(u8::from);
        let mac = self.keys.assessment_mac(&[
            b"closed loop",
            record.person.as_bytes(),
            record.rule.as_bytes(),
            record.opened_by.as_bytes(),
            &division_key(record.division).to_be_bytes(),
            &record.state.to_be_bytes(),
            &record.strictness.to_be_bytes(),
            &id(record.unit),
            &id(record.officer),
            &record.opened_at.as_micros().to_be_bytes(),
            &record.due_at.as_micros().to_be_bytes(),
            &time(record.ended_at),
            record.task.as_bytes(),
            &time(record.deadline_at),
            &time(record.next_at),
            &record.reply.to_be_bytes(),
            &flags,
        ]);
        mac.to_vec()
    }
}

impl LoopRow {
    fn into_record(self) -> LoopRecord {
        let at = Instant::from_micros;
        LoopRecord {
            person: PersonId::new(self.person),
            rule: self.rule,
            opened_by: FactId::new(self.opened_by),
            division: division_of(self.division),
            state: self.state,
            strictness: self.strictness,
            unit: self.unit,
            officer: self.officer,
            opened_at: at(self.opened_at),
            due_at: at(self.due_at),
            ended_at: self.ended_at.map(at),
            owed: self.owed != 0,
            task: self.task,
            deadline_at: self.deadline_at.map(at),
            next_at: (self.next_at != NEVER).then(|| at(self.next_at)),
            reply: self.reply,
            identified: self.identified != 0,
            placed: self.placed != 0,
            controlled: self.controlled != 0,
        }
    }
}

/// Notes that the loops of these people have to be looked at again.
pub(crate) async fn note_loops_changed(tx: &mut Tx, people: &[PersonId]) -> Result<(), StoreError> {
    let mut ids: Vec<Uuid> = people.iter().map(|person| person.uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    bulk::insert(tx, "loop_changed", "ON CONFLICT DO NOTHING", &[("person", Column::Id(ids))]).await
}
