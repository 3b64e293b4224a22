//! Stored assessments, and whom any strong fact has ever concerned.

use std::collections::HashSet;

use sizao_model::{DivisionCode, Instant, PersonId};
use uuid::Uuid;

use super::set_watermark;
use crate::{
    bulk::{self, Column},
    db::{commit, on, positional},
    error::StoreError,
    loops::note_loops_changed,
    store::Store,
    vault::division_key,
};

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

impl Store {
    /// Which of these people have a stored assessment.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn stored_among(&self, people: &[PersonId]) -> Result<HashSet<PersonId>, StoreError> {
        self.people_among("SELECT person FROM assessment WHERE person", people).await
    }

    /// Which of these people a strong fact has ever concerned.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn concerned_among(&self, people: &[PersonId]) -> Result<HashSet<PersonId>, StoreError> {
        self.people_among("SELECT person FROM concerned WHERE person", people).await
    }

    async fn people_among(&self, select: &str, people: &[PersonId]) -> Result<HashSet<PersonId>, StoreError> {
        let people = Column::Id(people.iter().map(|person| person.uuid()).collect());
        let found: Vec<(Uuid,)> = bulk::find(self.db.lookup(), select, &people, "").await?;
        Ok(found.into_iter().map(|(person,)| PersonId::new(person)).collect())
    }

    /// Saves assessments, takes those of `gone` away and notes whose loops have to be looked at.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_assessments(
        &self,
        mut assessments: Vec<StoredAssessment>,
        gone: Vec<PersonId>,
        loops_changed: &[PersonId],
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
        note_loops_changed(&mut tx, loops_changed).await?;
        bulk::insert(&mut tx, "assessment", replace, &columns).await?;
        for person in gone {
            on!(&mut tx, tx => {
                sqlx::query("DELETE FROM assessment WHERE person = $1").bind(person.uuid()).execute(&mut **tx).await?;
            });
        }
        commit(tx).await
    }

    /// Notes whom strong facts concern.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_concerned(&self, people: &[PersonId]) -> Result<(), StoreError> {
        let people = Column::Id(people.iter().map(|person| person.uuid()).collect());
        let mut tx = self.db.begin().await?;
        bulk::insert(&mut tx, "concerned", "ON CONFLICT DO NOTHING", &[("person", people)]).await?;
        commit(tx).await
    }

    /// Notes that everybody was assessed with the log up to leaf `upto`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_assessed(&self, upto: u64) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        set_watermark(&mut tx, "assessment", upto).await?;
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
