//! Arrivals as boards and lists see them, and the tokens under which two records may be one person.
//!
//! A number on the board and the rows behind it share one condition ([`ArrivalFilter`]), so that they cannot differ.

use std::collections::HashMap;

use sizao_model::{
    DivisionCode, FactId, Instant, PersonId,
    identity::{Document, DocumentKind, PhoneRole},
};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{CODE, PART_FULL_NAME, PART_PHONES, division_key, division_range},
};

/// One arrival of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalRecord {
    /// The first fact that speaks of it.
    pub id: FactId,
    /// Whose; of several records that are one human being, the first.
    pub person: PersonId,
    /// Where to.
    pub division: DivisionCode,
    /// 0 expected, 1 to confirm, 2 arrived, 3 no show, 4 refuted.
    pub state: i64,
    /// When.
    pub arrived_at: Instant,
    /// When it was first known that the person is here.
    pub known_at: Option<Instant>,
    /// Which kinds of signals speak of it, as bits.
    pub channels: i64,
    /// What follows, as a number; 0: not yet said.
    pub class: i64,
    /// The strictest measure; empty: none needed.
    pub measure: String,
    /// When the class was given first.
    pub classed_at: Option<Instant>,
    /// The end of the log then.
    pub classed_leaf: u64,
    /// Who is responsible.
    pub unit: Option<Uuid>,
    /// Which person there.
    pub officer: Option<Uuid>,
    /// Since when.
    pub owned_at: Option<Instant>,
    /// From when on nobody is waited for; of one that is expected.
    pub no_show_at: Option<Instant>,
    /// By when the person's own word has to be there; none: it is, or none is needed.
    pub fill_by: Option<Instant>,
    /// How many records of the same person it was put together from.
    pub merged: i64,
}

/// Arrivals that a number counts and a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArrivalFilter {
    /// Known within 24 hours.
    Known,
    /// Known within 24 hours, with a class and a measure or none needed.
    Classed,
    /// Known within 24 hours, with a responsible unit.
    Owned,
    /// Without class or owner ten minutes after they were known.
    Overdue,
    /// By leads or questions alone: somebody has to ask.
    ToConfirm,
    /// Announced.
    Expected,
    /// Announced and did not come, within 24 hours.
    NoShow,
    /// The person's own word is missing 24 hours after the arrival was known.
    ToFill,
    /// Known by several channels or records, put together; within 24 hours.
    Merged,
    /// Refuted within 14 days.
    Refuted,
}

impl ArrivalFilter {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::Known,
        Self::Classed,
        Self::Owned,
        Self::Overdue,
        Self::ToConfirm,
        Self::Expected,
        Self::NoShow,
        Self::ToFill,
        Self::Merged,
        Self::Refuted,
    ];

    /// The word in addresses and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Classed => "classed",
            Self::Owned => "owned",
            Self::Overdue => "overdue",
            Self::ToConfirm => "to-confirm",
            Self::Expected => "expected",
            Self::NoShow => "no-show",
            Self::ToFill => "to-fill",
            Self::Merged => "merged",
            Self::Refuted => "refuted",
        }
    }

    /// The one of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }

    /// Its condition; `$3` is the moment. Both engines read the same text.
    const fn condition(self) -> &'static str {
        match self {
            Self::Known => "state IN (1, 2) AND known_at > $3 - 86400000000 AND known_at <= $3",
            Self::Classed => {
                "state IN (1, 2) AND known_at > $3 - 86400000000 AND known_at <= $3 AND classed_at IS NOT NULL"
            }
            Self::Owned => {
                "state IN (1, 2) AND known_at > $3 - 86400000000 AND known_at <= $3 AND owned_at IS NOT NULL"
            }
            Self::Overdue => {
                "state IN (1, 2) AND known_at <= $3 - 600000000 AND (classed_at IS NULL OR owned_at IS NULL)"
            }
            Self::ToConfirm => "state = 1",
            Self::Expected => "state = 0",
            Self::NoShow => "state = 3 AND no_show_at > $3 - 86400000000",
            Self::ToFill => "state IN (1, 2) AND fill_by IS NOT NULL AND fill_by <= $3",
            Self::Merged => "state IN (1, 2) AND known_at > $3 - 86400000000 AND known_at <= $3 AND merged > 1",
            Self::Refuted => "state = 4 AND known_at > $3 - 1209600000000",
        }
    }
}

/// Which arrivals are asked for.
#[derive(Clone, Copy, Debug)]
pub struct ArrivalQuery {
    /// Limit: this division and those under it.
    pub within: DivisionCode,
    /// Which.
    pub filter: ArrivalFilter,
    /// Of this unit alone.
    pub unit: Option<Uuid>,
    /// The moment.
    pub now: Instant,
}

/// What a unit has of the arrivals of 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrivalFigures {
    /// The unit; none: nobody's.
    pub unit: Option<Uuid>,
    /// Known.
    pub known: u64,
    /// With a class.
    pub classed: u64,
    /// With an owner.
    pub owned: u64,
    /// Overdue.
    pub overdue: u64,
    /// To be asked.
    pub to_confirm: u64,
}

/// How many arrivals a set of channels saw, by what came of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelOutcome {
    /// Bits of the kinds of signals.
    pub channels: i64,
    /// The class.
    pub class: i64,
    /// The county.
    pub division: DivisionCode,
    /// 1 to confirm, 2 arrived, 4 refuted.
    pub state: i64,
    /// How many.
    pub count: u64,
}

/// What the vault knows of a record, for comparing it with others. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub struct MatchDetails {
    /// Name as written.
    pub full_name: Option<String>,
    /// Telephones with their roles.
    pub phones: Vec<(PhoneRole, String)>,
    /// Papers that can be read.
    pub documents: Vec<Document>,
}

impl std::fmt::Debug for MatchDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MatchDetails(***)")
    }
}

struct ArrivalRow {
    id: Uuid,
    person: Uuid,
    division: i64,
    state: i64,
    arrived_at: i64,
    known_at: Option<i64>,
    channels: i64,
    class: i64,
    measure: String,
    classed_at: Option<i64>,
    classed_leaf: i64,
    unit: Option<Uuid>,
    officer: Option<Uuid>,
    owned_at: Option<i64>,
    no_show_at: Option<i64>,
    fill_by: Option<i64>,
    merged: i64,
}
positional!(ArrivalRow {
    id: 0,
    person: 1,
    division: 2,
    state: 3,
    arrived_at: 4,
    known_at: 5,
    channels: 6,
    class: 7,
    measure: 8,
    classed_at: 9,
    classed_leaf: 10,
    unit: 11,
    officer: 12,
    owned_at: 13,
    no_show_at: 14,
    fill_by: 15,
    merged: 16,
});

impl ArrivalRow {
    fn into_record(self) -> ArrivalRecord {
        let at = |micros: Option<i64>| micros.map(Instant::from_micros);
        ArrivalRecord {
            id: FactId::new(self.id),
            person: PersonId::new(self.person),
            division: division_of(self.division),
            state: self.state,
            arrived_at: Instant::from_micros(self.arrived_at),
            known_at: at(self.known_at),
            channels: self.channels,
            class: self.class,
            measure: self.measure,
            classed_at: at(self.classed_at),
            classed_leaf: self.classed_leaf as u64,
            unit: self.unit,
            officer: self.officer,
            owned_at: at(self.owned_at),
            no_show_at: at(self.no_show_at),
            fill_by: at(self.fill_by),
            merged: self.merged,
        }
    }
}

macro_rules! select_arrivals {
    () => {
        "SELECT id, person, division, state, arrived_at, known_at, channels, class, measure, classed_at, classed_leaf, \
         unit, officer, owned_at, no_show_at, fill_by, merged FROM arrival WHERE "
    };
}

/// Name of the watermark of arrivals.
const ARRIVAL: &str = "arrival";

impl Store {
    /// How far arrivals were read from the log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn arrival_watermark(&self) -> Result<u64, StoreError> {
        self.watermark(ARRIVAL).await
    }

    /// Puts the arrivals of these people in place of those on record, and notes how far the log was read.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_arrivals(
        &self,
        people: &[PersonId],
        mut arrivals: Vec<ArrivalRecord>,
        upto: Option<u64>,
    ) -> Result<(), StoreError> {
        arrivals.sort_unstable_by_key(|arrival| arrival.id);
        let ints = |value: fn(&ArrivalRecord) -> i64| Column::Int(arrivals.iter().map(value).collect());
        let times = |value: fn(&ArrivalRecord) -> Option<Instant>| {
            Column::OptInt(arrivals.iter().map(|record| value(record).map(Instant::as_micros)).collect())
        };
        let columns = [
            ("id", Column::Id(arrivals.iter().map(|record| record.id.uuid()).collect())),
            ("person", Column::Id(arrivals.iter().map(|record| record.person.uuid()).collect())),
            ("division", ints(|record| division_key(record.division))),
            ("state", ints(|record| record.state)),
            ("arrived_at", ints(|record| record.arrived_at.as_micros())),
            ("known_at", times(|record| record.known_at)),
            ("channels", ints(|record| record.channels)),
            ("class", ints(|record| record.class)),
            ("measure", Column::Text(arrivals.iter().map(|record| record.measure.clone()).collect())),
            ("classed_at", times(|record| record.classed_at)),
            ("classed_leaf", ints(|record| record.classed_leaf as i64)),
            ("unit", Column::OptId(arrivals.iter().map(|record| record.unit).collect())),
            ("officer", Column::OptId(arrivals.iter().map(|record| record.officer).collect())),
            ("owned_at", times(|record| record.owned_at)),
            ("no_show_at", times(|record| record.no_show_at)),
            ("fill_by", times(|record| record.fill_by)),
            ("merged", ints(|record| record.merged)),
        ];
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for person in people {
                sqlx::query("DELETE FROM arrival WHERE person = $1").bind(person.uuid()).execute(&mut **tx).await?;
            }
        });
        bulk::insert(&mut tx, "arrival", "ON CONFLICT (id) DO NOTHING", &columns).await?;
        if let Some(upto) = upto {
            on!(&mut tx, tx => {
                sqlx::query(
                    "INSERT INTO watermark (projection, leaf) VALUES ($1, $2) ON CONFLICT (projection) DO UPDATE \
                     SET leaf = excluded.leaf WHERE watermark.leaf < excluded.leaf",
                )
                .bind(ARRIVAL).bind(upto as i64).execute(&mut **tx).await?;
            });
        }
        commit(tx).await
    }

    /// The arrivals on record of these people.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn arrivals_of(&self, people: &[PersonId]) -> Result<Vec<ArrivalRecord>, StoreError> {
        let people = Column::Id(people.iter().map(|person| person.uuid()).collect());
        let rows: Vec<ArrivalRow> =
            bulk::find(self.db.lookup(), concat!(select_arrivals!(), "person"), &people, "").await?;
        Ok(rows.into_iter().map(ArrivalRow::into_record).collect())
    }

    /// An arrival.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_arrival(&self, id: FactId) -> Result<Option<ArrivalRecord>, StoreError> {
        let row: Option<ArrivalRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(concat!(select_arrivals!(), "id = $1")).bind(id.uuid()).fetch_optional(pool).await?
        });
        Ok(row.map(ArrivalRow::into_record))
    }

    /// People whose arrivals have to be looked at again though no fact of theirs is new: nobody is waited for any more, or
    /// their assessment was made anew; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn arrivals_to_follow(&self, now: Instant, limit: u32) -> Result<Vec<PersonId>, StoreError> {
        let rows: Vec<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT person FROM arrival WHERE state = 0 AND no_show_at <= $1 \
                 UNION SELECT r.person FROM arrival r JOIN assessment a ON a.person = r.person \
                 WHERE r.state IN (1, 2) AND r.arrived_at > $1 - 2592000000000 AND a.known_leaf > r.classed_leaf \
                 UNION SELECT r.person FROM arrival r LEFT JOIN assessment a ON a.person = r.person \
                 WHERE r.state IN (1, 2) AND r.measure <> '' AND a.person IS NULL \
                 UNION SELECT person FROM arrival WHERE state IN (1, 2) AND unit IS NULL AND known_at > $1 - 86400000000 \
                 LIMIT $2",
            )
            .bind(now.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(PersonId::new).collect())
    }

    /// How many arrivals a query has.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_arrivals(&self, query: ArrivalQuery) -> Result<u64, StoreError> {
        let (from, to) = division_range(query.within);
        let text = format!(
            "SELECT COUNT(*) FROM arrival WHERE division >= $1 AND division < $2 AND $3 = $3 \
             AND ($4 IS NULL OR unit = $4) AND {}",
            query.filter.condition()
        );
        let text = self.typed(text);
        let count: i64 = on!(self.db.reader(), pool => {
            sqlx::query_scalar(sqlx::AssertSqlSafe(text)).bind(from).bind(to).bind(query.now.as_micros())
                .bind(query.unit).fetch_one(pool).await?
        });
        Ok(count as u64)
    }

    /// The arrivals of a query, those first known first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_arrivals(
        &self,
        query: ArrivalQuery,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<ArrivalRecord>, StoreError> {
        let (from, to) = division_range(query.within);
        let text = format!(
            "{}division >= $1 AND division < $2 AND $3 = $3 AND ($4 IS NULL OR unit = $4) AND {} \
             ORDER BY COALESCE(known_at, arrived_at), id LIMIT $5 OFFSET $6",
            select_arrivals!(),
            query.filter.condition()
        );
        let text = self.typed(text);
        let rows: Vec<ArrivalRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(from).bind(to).bind(query.now.as_micros()).bind(query.unit)
                .bind(i64::from(limit)).bind(i64::from(offset)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(ArrivalRow::into_record).collect())
    }

    /// What each unit has of the arrivals of a division.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn arrival_figures(&self, within: DivisionCode, now: Instant) -> Result<Vec<ArrivalFigures>, StoreError> {
        let (from, to) = division_range(within);
        let text = format!(
            "SELECT unit, COUNT(CASE WHEN {} THEN 1 END), COUNT(CASE WHEN {} THEN 1 END), COUNT(CASE WHEN {} THEN 1 END), \
             COUNT(CASE WHEN {} THEN 1 END), COUNT(CASE WHEN {} THEN 1 END) FROM arrival \
             WHERE division >= $1 AND division < $2 AND state IN (1, 2) GROUP BY unit",
            ArrivalFilter::Known.condition(),
            ArrivalFilter::Classed.condition(),
            ArrivalFilter::Owned.condition(),
            ArrivalFilter::Overdue.condition(),
            ArrivalFilter::ToConfirm.condition(),
        );
        type Row = (Option<Uuid>, i64, i64, i64, i64, i64);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(text)).bind(from).bind(to).bind(now.as_micros()).fetch_all(pool).await?
        });
        let figures = |(unit, known, classed, owned, overdue, to_confirm): Row| ArrivalFigures {
            unit,
            known: known as u64,
            classed: classed as u64,
            owned: owned as u64,
            overdue: overdue as u64,
            to_confirm: to_confirm as u64,
        };
        Ok(rows.into_iter().map(figures).collect())
    }

    /// What came of the arrivals of 14 days, by the channels that saw them, class and county.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn channel_outcomes(
        &self,
        within: DivisionCode,
        now: Instant,
    ) -> Result<Vec<ChannelOutcome>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(i64, i64, i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT channels, class, division / 1000000, state, COUNT(*) FROM arrival \
                 WHERE division >= $1 AND division < $2 AND state IN (1, 2, 4) AND known_at > $3 - 1209600000000 \
                 AND known_at <= $3 GROUP BY channels, class, division / 1000000, state",
            )
            .bind(from).bind(to).bind(now.as_micros()).fetch_all(pool).await?
        });
        let outcome = |(channels, class, county, state, count): (i64, i64, i64, i64, i64)| ChannelOutcome {
            channels,
            class,
            division: division_of(county * 1_000_000),
            state,
            count: count as u64,
        };
        Ok(rows.into_iter().map(outcome).collect())
    }

    /// What the vault knows of these people, for comparing records.
    ///
    /// # Errors
    /// [`StoreError::Keys`] when an entry does not fit its seal, [`StoreError::Database`].
    pub async fn match_details(&self, people: &[PersonId]) -> Result<HashMap<PersonId, MatchDetails>, StoreError> {
        let ids = Column::Id(people.iter().map(|person| person.uuid()).collect());
        let mut found: HashMap<PersonId, MatchDetails> = HashMap::new();
        let select = "SELECT person, part, sealed FROM vault_detail WHERE person";
        let rows: Vec<(Uuid, i64, Vec<u8>)> = bulk::find(self.db.lookup(), select, &ids, "").await?;
        for (person, part, sealed) in rows {
            let text = self.open_vault(person, part, &sealed)?;
            let details = found.entry(PersonId::new(person)).or_default();
            if part == PART_FULL_NAME {
                details.full_name = Some(text);
            } else if part >= PART_PHONES
                && let Some((role, number)) = text.split_once('\t')
                && let Some(role) = role.parse().ok().and_then(PhoneRole::from_code)
            {
                details.phones.push((role, number.to_owned()));
            }
        }
        let select = "SELECT person, kind, sealed FROM vault_word WHERE person";
        let rows: Vec<(Uuid, i64, Vec<u8>)> = bulk::find(self.db.lookup(), select, &ids, "").await?;
        for (person, kind, sealed) in rows.into_iter().filter(|(_, kind, _)| *kind != CODE) {
            let text = self.open_vault(person, kind, &sealed)?;
            let kind = u8::try_from(kind).ok().and_then(DocumentKind::from_code);
            let document = kind.and_then(|kind| Document::new(kind, &text).ok());
            found.entry(PersonId::new(person)).or_default().documents.extend(document);
        }
        Ok(found)
    }

    /// Notes under which words records of people may be found for comparing; the words themselves are not kept.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_arrival_keys(&self, keys: &[(PersonId, Vec<String>)]) -> Result<(), StoreError> {
        let mut rows: Vec<(Vec<u8>, Uuid)> = keys
            .iter()
            .flat_map(|(person, words)| words.iter().map(|word| (self.arrival_token(word), person.uuid())))
            .collect();
        rows.sort_unstable();
        rows.dedup();
        let columns = [
            ("token", Column::Bytes(rows.iter().map(|row| row.0.clone()).collect())),
            ("person", Column::Id(rows.iter().map(|row| row.1).collect())),
        ];
        let mut tx = self.db.begin().await?;
        bulk::insert(&mut tx, "arrival_key", "ON CONFLICT DO NOTHING", &columns).await?;
        commit(tx).await
    }

    /// Who was noted under each of these words.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_arrival_keys(&self, words: &[String]) -> Result<HashMap<String, Vec<PersonId>>, StoreError> {
        let mut of_token: HashMap<Vec<u8>, &String> = HashMap::new();
        for word in words {
            of_token.insert(self.arrival_token(word), word);
        }
        let mut tokens: Vec<Vec<u8>> = of_token.keys().cloned().collect();
        tokens.sort_unstable();
        let select = "SELECT token, person FROM arrival_key WHERE token";
        let rows: Vec<(Vec<u8>, Uuid)> = bulk::find(self.db.lookup(), select, &Column::Bytes(tokens), "").await?;
        let mut found: HashMap<String, Vec<PersonId>> = HashMap::new();
        for (token, person) in rows {
            if let Some(word) = of_token.get(&token) {
                found.entry((*word).clone()).or_default().push(PersonId::new(person));
            }
        }
        Ok(found)
    }

    fn arrival_token(&self, word: &str) -> Vec<u8> {
        self.keys.search_token(&[b"arrival", word.as_bytes()]).to_vec()
    }
}
