//! What is derived from the log: which facts name whom, and the assessments. All of it can be rebuilt.
//!
//! A projection remembers how far it has read the log; what lies beyond is the work that is owed. A fact and that work
//! are therefore one commit, and a process that dies loses neither.

use std::collections::HashSet;

use sizao_model::{DivisionCode, FactKind, Instant, PersonId, id::AreaCode, id::FactId, id::PoolId, id::SiteId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Either, commit, on, positional},
    envelope::{FactRow, fact_columns},
    error::StoreError,
    keys::sha256,
    seal::StoredFact,
    store::Store,
    vault::division_key,
};

/// Something that facts name, as a key of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MentionKey(Vec<u8>);

impl MentionKey {
    /// A person whom a fact is about.
    pub fn about(id: PersonId) -> Self {
        Self::tagged(1, id.as_bytes())
    }

    /// A person whom a fact about somebody else names: a case, a parent, another identity.
    pub fn named(id: PersonId) -> Self {
        Self::tagged(6, id.as_bytes())
    }

    /// A fact that a fact names: the sample of a result.
    pub fn fact(id: FactId) -> Self {
        Self::tagged(2, id.as_bytes())
    }

    /// A tube.
    pub fn pool(pool: &PoolId) -> Self {
        Self::tagged(3, pool.as_str().as_bytes())
    }

    /// An isolation site.
    pub fn site(site: &SiteId) -> Self {
        Self::tagged(4, site.as_str().as_bytes())
    }

    /// An area.
    pub fn area(area: &AreaCode) -> Self {
        Self::tagged(5, area.as_str().as_bytes())
    }

    /// Every key of this kind that begins like this one: areas inside an area.
    fn range_end(&self) -> Vec<u8> {
        let mut end = self.0.clone();
        end.push(0xff);
        end
    }

    fn tagged(tag: u8, bytes: &[u8]) -> Self {
        let mut key = Vec::with_capacity(bytes.len() + 1);
        key.push(tag);
        key.extend_from_slice(bytes);
        Self(key)
    }
}

/// One entry of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MentionEntry {
    /// What is named.
    pub key: MentionKey,
    /// Kind of the fact that names it.
    pub kind: FactKind,
    /// Leaf of that fact.
    pub leaf: u64,
    /// How much the fact can change by itself; see `sizao_policy::Bearing`.
    pub bearing: u8,
    /// Of a stay, the first four digits of its area; else 0.
    pub city: u16,
}

/// An assessment as lists show it, with the MAC that makes it trustworthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAssessment {
    /// Whom it is about.
    pub person: PersonId,
    /// Where the person is looked after.
    pub division: DivisionCode,
    /// 0 none, 1 green, 2 yellow, 3 red.
    pub colour: i64,
    /// Strictest active measure; see `MeasureKind::strictness`.
    pub strictness: i64,
    /// When the last measure ends, or nothing.
    pub ends_at: Option<Instant>,
    /// When it may change by itself, or nothing.
    pub next_change_at: Option<Instant>,
    /// Leaves in the log when it was computed.
    pub known_leaf: u64,
    /// Digest of the facts that it rests on.
    pub dossier: [u8; 32],
    /// Digest of engine version and packs in force.
    pub context: [u8; 32],
    /// The assessment as JSON.
    pub answer: String,
}

/// Times that never come sort last.
const NEVER: i64 = i64::MAX;

struct AssessmentRow {
    person: Uuid,
    division: i64,
    colour: i64,
    strictness: i64,
    ends_at: i64,
    next_change_at: i64,
    known_leaf: i64,
    dossier: Vec<u8>,
    context: Vec<u8>,
    answer: String,
    mac: Vec<u8>,
}

positional!(AssessmentRow {
    person: 0,
    division: 1,
    colour: 2,
    strictness: 3,
    ends_at: 4,
    next_change_at: 5,
    known_leaf: 6,
    dossier: 7,
    context: 8,
    answer: 9,
    mac: 10,
});

struct MentionRow {
    key: Vec<u8>,
    fact: FactRow,
}

macro_rules! mention_row {
    ($row:ty) => {
        impl<'r> sqlx::FromRow<'r, $row> for MentionRow {
            fn from_row(row: &'r $row) -> Result<Self, sqlx::Error> {
                Ok(Self { fact: FactRow::from_row(row)?, key: sqlx::Row::try_get(row, 18)? })
            }
        }
    };
}
mention_row!(sqlx::sqlite::SqliteRow);
mention_row!(sqlx::postgres::PgRow);

impl Store {
    /// How far a projection has read the log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn watermark(&self, projection: &'static str) -> Result<u64, StoreError> {
        let leaf: Option<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT leaf FROM watermark WHERE projection = $1")
                .bind(projection).fetch_optional(pool).await?
        });
        Ok(leaf.unwrap_or(0) as u64)
    }

    /// Adds to the index which facts name whom, and that the log was read up to leaf `upto`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_mentions(&self, mut mentions: Vec<MentionEntry>, upto: u64) -> Result<(), StoreError> {
        // In the order of the index: neighbouring keys share pages.
        mentions.sort_unstable();
        mentions.dedup();
        let ints = |value: fn(&MentionEntry) -> i64| Column::Int(mentions.iter().map(value).collect());
        let columns = [
            ("kind", ints(|entry| entry.kind.code().into())),
            ("leaf", ints(|entry| entry.leaf as i64)),
            ("bearing", ints(|entry| entry.bearing.into())),
            ("city", ints(|entry| entry.city.into())),
            ("key", Column::Bytes(mentions.into_iter().map(|entry| entry.key.0).collect())),
        ];
        let mut tx = self.db.begin().await?;
        bulk::insert(&mut tx, "mention", "ON CONFLICT DO NOTHING", &columns).await?;
        set_watermark(&mut tx, "mention", upto).await?;
        commit(tx).await
    }

    /// Which of these people a strong fact is about or names, or a stay in one of these cities is about.
    ///
    /// - `strong`: least bearing of a strong fact.
    /// - `cities`: first four digits of areas.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn people_who_matter(
        &self,
        people: &[PersonId],
        strong: u8,
        cities: &[u16],
    ) -> Result<HashSet<PersonId>, StoreError> {
        // Cities are numbers of our own making: they are safe to write into the text.
        let cities: Vec<String> = cities.iter().map(u16::to_string).collect();
        let cities = if cities.is_empty() { "-1".to_owned() } else { cities.join(",") };
        let query = format!("SELECT DISTINCT key FROM mention WHERE (bearing >= $1 OR city IN ({cities})) AND key ");
        let mut found: Vec<Vec<u8>> = Vec::new();
        let keys: Vec<Vec<u8>> =
            people.iter().flat_map(|person| [MentionKey::about(*person).0, MentionKey::named(*person).0]).collect();
        match self.db.reader() {
            Either::Sqlite(pool) => {
                for chunk in keys.chunks(500) {
                    let places = chunk.len().next_power_of_two();
                    let text = format!("{query} IN ({})", vec!["?"; places].join(","));
                    let mut query = sqlx::query_scalar::<_, Vec<u8>>(AssertSqlSafe(text)).bind(i64::from(strong));
                    for at in 0..places {
                        query = query.bind(chunk.get(at).map(Vec::as_slice));
                    }
                    found.extend(query.fetch_all(pool).await?);
                }
            }
            Either::Postgres(pool) => {
                found = sqlx::query_scalar(AssertSqlSafe(format!("{query} = ANY($2)")))
                    .bind(i64::from(strong))
                    .bind(keys)
                    .fetch_all(pool)
                    .await?;
            }
        }
        Ok(found.iter().filter_map(|key| Uuid::from_slice(key.get(1..)?).ok()).map(PersonId::new).collect())
    }

    /// The facts of some kinds, or of all when none is given, that name any of these, with the key by which each was
    /// found; erased ones are left out.
    ///
    /// Facts that do not fit their seal are left out too and returned as the second value.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_mentioning(
        &self,
        keys: &[MentionKey],
        kinds: &[FactKind],
    ) -> Result<(Vec<(MentionKey, StoredFact)>, Vec<StoreError>), StoreError> {
        let mut rows: Vec<MentionRow> = Vec::new();
        macro_rules! query {
            ($condition:expr) => {
                concat!(
                    "SELECT ",
                    fact_columns!(),
                    ", m.key FROM mention m JOIN fact f ON f.leaf = m.leaf ",
                    "LEFT JOIN body b ON b.leaf = m.leaf WHERE m.key ",
                    $condition
                )
            };
        }
        let codes: Vec<String> = kinds.iter().map(|kind| kind.code().to_string()).collect();
        let of_kinds = if codes.is_empty() { String::new() } else { format!(" AND m.kind IN ({})", codes.join(",")) };
        match self.db.reader() {
            Either::Sqlite(pool) => {
                for chunk in keys.chunks(500) {
                    // Padded to a few lengths, so that few statements are prepared.
                    let places = chunk.len().next_power_of_two();
                    let text = format!("{}({}){of_kinds}", query!("IN "), vec!["?"; places].join(","));
                    let mut query = sqlx::query_as(AssertSqlSafe(text));
                    for at in 0..places {
                        query = query.bind(chunk.get(at).map(|key| key.0.as_slice()));
                    }
                    rows.extend(query.fetch_all(pool).await?);
                }
            }
            Either::Postgres(pool) => {
                let keys: Vec<&[u8]> = keys.iter().map(|key| key.0.as_slice()).collect();
                let text = format!("{}{of_kinds}", query!("= ANY($1)"));
                rows = sqlx::query_as(AssertSqlSafe(text)).bind(keys).fetch_all(pool).await?;
            }
        }
        let mut found = Vec::with_capacity(rows.len());
        let mut tampered = Vec::new();
        for row in rows {
            let key = self.key_for(&row.fact).await?;
            match crate::seal::open(&row.fact, &self.keys, key.as_ref()) {
                Ok(fact) => found.extend(fact.map(|fact| (MentionKey(row.key), fact))),
                Err(error) => tampered.push(error),
            }
        }
        Ok((found, tampered))
    }

    /// The areas inside this one, itself included, that any fact names.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn areas_mentioned_in(&self, area: &AreaCode) -> Result<Vec<AreaCode>, StoreError> {
        let key = MentionKey::area(area);
        let keys: Vec<Vec<u8>> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT DISTINCT key FROM mention WHERE key >= $1 AND key < $2")
                .bind(&key.0).bind(key.range_end()).fetch_all(pool).await?
        });
        Ok(keys.iter().filter_map(|key| std::str::from_utf8(&key[1..]).ok()).map(AreaCode::from).collect())
    }

    /// Which of these people have a stored assessment.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn stored_among(&self, people: &[PersonId]) -> Result<HashSet<PersonId>, StoreError> {
        let mut found: Vec<Uuid> = Vec::new();
        match self.db.reader() {
            Either::Sqlite(pool) => {
                for chunk in people.chunks(1_000) {
                    let places = chunk.len().next_power_of_two();
                    let text =
                        format!("SELECT person FROM assessment WHERE person IN ({})", vec!["?"; places].join(","));
                    let mut query = sqlx::query_scalar::<_, Uuid>(AssertSqlSafe(text));
                    for at in 0..places {
                        query = query.bind(chunk.get(at).map(|person| person.uuid()));
                    }
                    found.extend(query.fetch_all(pool).await?);
                }
            }
            Either::Postgres(pool) => {
                let people: Vec<Uuid> = people.iter().map(|person| person.uuid()).collect();
                found = sqlx::query_scalar("SELECT person FROM assessment WHERE person = ANY($1)")
                    .bind(people)
                    .fetch_all(pool)
                    .await?;
            }
        }
        Ok(found.into_iter().map(PersonId::new).collect())
    }

    /// Saves assessments, takes those of `gone` away, and notes that the log was assessed up to leaf `upto` when given.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_assessments(
        &self,
        mut assessments: Vec<StoredAssessment>,
        gone: Vec<PersonId>,
        upto: Option<u64>,
    ) -> Result<(), StoreError> {
        assessments.sort_unstable_by_key(|assessment| assessment.person);
        let macs = assessments.iter().map(|assessment| self.mac(assessment).to_vec()).collect();
        let ints = |value: fn(&StoredAssessment) -> i64| Column::Int(assessments.iter().map(value).collect());
        let bytes = |value: fn(&StoredAssessment) -> Vec<u8>| Column::Bytes(assessments.iter().map(value).collect());
        let columns = [
            ("person", Column::Id(assessments.iter().map(|row| row.person.uuid()).collect())),
            ("division", ints(|row| division_key(row.division))),
            ("colour", ints(|row| row.colour)),
            ("strictness", ints(|row| row.strictness)),
            ("ends_at", ints(|row| row.ends_at.map_or(NEVER, Instant::as_micros))),
            ("next_change_at", ints(|row| row.next_change_at.map_or(NEVER, Instant::as_micros))),
            ("known_leaf", ints(|row| row.known_leaf as i64)),
            ("dossier", bytes(|row| row.dossier.to_vec())),
            ("context", bytes(|row| row.context.to_vec())),
            ("answer", Column::Text(assessments.iter().map(|row| row.answer.clone()).collect())),
            ("mac", Column::Bytes(macs)),
        ];
        let mut tx = self.db.begin().await?;
        let replace = "ON CONFLICT (person) DO UPDATE SET division = excluded.division, colour = excluded.colour, \
                       strictness = excluded.strictness, ends_at = excluded.ends_at, \
                       next_change_at = excluded.next_change_at, known_leaf = excluded.known_leaf, \
                       dossier = excluded.dossier, context = excluded.context, answer = excluded.answer, \
                       mac = excluded.mac WHERE assessment.known_leaf <= excluded.known_leaf";
        bulk::insert(&mut tx, "assessment", replace, &columns).await?;
        for person in gone {
            on!(&mut tx, tx => {
                sqlx::query("DELETE FROM assessment WHERE person = $1").bind(person.uuid()).execute(&mut **tx).await?;
            });
        }
        if let Some(upto) = upto {
            set_watermark(&mut tx, "assessment", upto).await?;
        }
        commit(tx).await
    }

    /// The stored assessment of a person, if there is one and its MAC fits.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_assessment(&self, person: PersonId) -> Result<Option<StoredAssessment>, StoreError> {
        let row: Option<AssessmentRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT person, division, colour, strictness, ends_at, next_change_at, known_leaf, dossier, context, \
                 answer, mac FROM assessment WHERE person = $1",
            )
            .bind(person.uuid()).fetch_optional(pool).await?
        });
        Ok(row.and_then(|row| self.accept(row)))
    }

    /// Stored assessments whose MAC fits, by person, after `after`; at most `limit`. The second value counts those left
    /// out because their MAC does not fit.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_assessments(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<(Vec<StoredAssessment>, usize), StoreError> {
        let after = after.map_or(Uuid::nil(), PersonId::uuid);
        let rows: Vec<AssessmentRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT person, division, colour, strictness, ends_at, next_change_at, known_leaf, dossier, context, \
                 answer, mac FROM assessment WHERE person > $1 ORDER BY person LIMIT $2",
            )
            .bind(after).bind(i64::from(limit)).fetch_all(pool).await?
        });
        let read = rows.len();
        let accepted: Vec<StoredAssessment> = rows.into_iter().filter_map(|row| self.accept(row)).collect();
        let refused = read - accepted.len();
        Ok((accepted, refused))
    }

    /// Forgets every projection; the log is read again from its beginning.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn clear_projections(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for text in ["DELETE FROM mention", "DELETE FROM assessment", "DELETE FROM watermark"] {
                sqlx::query(text).execute(&mut **tx).await?;
            }
        });
        commit(tx).await
    }

    /// SHA-256 over index and answers in their order: equal before and after a rebuild.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn projection_digest(&self) -> Result<[u8; 32], StoreError> {
        use futures_util::TryStreamExt;
        let mut digest = [0; 32];
        on!(self.db.reader(), pool => {
            let mut rows = sqlx::query_as::<_, (Vec<u8>, i64)>("SELECT key, leaf FROM mention ORDER BY key, leaf").fetch(pool);
            while let Some((key, leaf)) = rows.try_next().await? {
                digest = sha256(&[&digest, &key, &leaf.to_be_bytes()]);
            }
            let mut rows =
                sqlx::query_as::<_, (Uuid, String)>("SELECT person, answer FROM assessment ORDER BY person").fetch(pool);
            while let Some((person, answer)) = rows.try_next().await? {
                digest = sha256(&[&digest, person.as_bytes(), answer.as_bytes()]);
            }
        });
        Ok(digest)
    }

    fn accept(&self, row: AssessmentRow) -> Option<StoredAssessment> {
        let time = |micros: i64| (micros != NEVER).then(|| Instant::from_micros(micros));
        let text = format!("{:012}", row.division);
        let assessment = StoredAssessment {
            person: PersonId::new(row.person),
            division: DivisionCode::parse(&text).ok()?,
            colour: row.colour,
            strictness: row.strictness,
            ends_at: time(row.ends_at),
            next_change_at: time(row.next_change_at),
            known_leaf: row.known_leaf as u64,
            dossier: row.dossier.try_into().ok()?,
            context: row.context.try_into().ok()?,
            answer: row.answer,
        };
        (self.mac(&assessment).as_slice() == row.mac).then_some(assessment)
    }

    fn mac(&self, row: &StoredAssessment) -> [u8; 16] {
        let time = |at: Option<Instant>| at.map_or(NEVER, Instant::as_micros).to_be_bytes();
        self.keys.assessment_mac(&[
            row.person.as_bytes(),
            &division_key(row.division).to_be_bytes(),
            &row.colour.to_be_bytes(),
            &row.strictness.to_be_bytes(),
            &time(row.ends_at),
            &time(row.next_change_at),
            &row.known_leaf.to_be_bytes(),
            &row.dossier,
            &row.context,
            row.answer.as_bytes(),
        ])
    }
}

async fn set_watermark(tx: &mut crate::db::Tx, projection: &'static str, leaf: u64) -> Result<(), StoreError> {
    on!(tx, tx => {
        sqlx::query(
            "INSERT INTO watermark (projection, leaf) VALUES ($1, $2) \
             ON CONFLICT (projection) DO UPDATE SET leaf = excluded.leaf WHERE watermark.leaf < excluded.leaf",
        )
        .bind(projection).bind(leaf as i64).execute(&mut **tx).await?;
    });
    Ok(())
}
