//! The course of each case and contact, derived from the log, and what boards and lists ask of it.
//!
//! A number on a board and the list behind it share one condition ([`CourseFilter`]), so that they cannot differ. Every
//! question names the division it is limited to; the limit is a range of the row's own key.

mod questions;

use std::collections::HashMap;

use sizao_model::{CivilDay, DivisionCode, Instant, PersonId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

pub use self::questions::{DayCount, Earlies, ListedPerson, PeopleFilter, PlaceCount};
use crate::{
    bulk::{self, Column},
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::division_key,
};

/// What happened to a person, as far as boards count it. Instants of day precision are the end of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CourseRecord {
    /// Who.
    pub person: PersonId,
    /// Where the person is looked after.
    pub division: DivisionCode,
    /// 0 contact, 1 suspected case, 2 confirmed case, 3 asymptomatic infection.
    pub status: i64,
    /// First day of symptoms.
    pub onset_on: Option<CivilDay>,
    /// First sample.
    pub sampled_at: Option<Instant>,
    /// First positive result, by when it was known.
    pub positive_at: Option<Instant>,
    /// Diagnosis.
    pub diagnosed_at: Option<Instant>,
    /// When the diagnosis was put on record.
    pub reported_at: Option<Instant>,
    /// Day of that record: the day by which curves count.
    pub reported_on: Option<CivilDay>,
    /// When the person was put on record as a contact.
    pub contact_at: Option<Instant>,
    /// When isolation began.
    pub isolated_at: Option<Instant>,
}

/// A group of people that a number counts and a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CourseFilter {
    /// Infections put on record within 24 hours.
    New24h,
    /// Infections put on record within 7 days.
    New7d,
    /// Confirmed cases among them.
    Confirmed7d,
    /// Asymptomatic infections among them.
    Asymptomatic7d,
    /// Infections of 7 days who were in isolation before they were known to be infected.
    InControl7d,
    /// Infections of 7 days who were not.
    InCommunity7d,
    /// People under a restricting measure.
    UnderMeasures,
    /// People under a restricting measure that changes within 24 hours.
    ChangingSoon,
    /// Measures whose end has passed while the stored assessment still has them.
    DueNotReleased,
    /// Contacts put on record within 7 days.
    Contacts7d,
    /// Early detection: infections of 7 days with an onset.
    DetectionAll,
    /// Those sampled later than two days after the day of onset.
    DetectionLate,
    /// Early report: infections of 7 days with a diagnosis.
    ReportAll,
    /// Those put on record later than two hours after it.
    ReportLate,
    /// Early isolation: contacts of 7 days whose twelve hours are over or who are in isolation.
    IsolationAll,
    /// Those not in isolation within twelve hours.
    IsolationLate,
    /// Early treatment: infections of 7 days with a positive result, in care or with six hours over.
    TreatmentAll,
    /// Those not in care within six hours.
    TreatmentLate,
}

impl CourseFilter {
    /// Every group.
    pub const ALL: [Self; 18] = [
        Self::New24h,
        Self::New7d,
        Self::Confirmed7d,
        Self::Asymptomatic7d,
        Self::InControl7d,
        Self::InCommunity7d,
        Self::UnderMeasures,
        Self::ChangingSoon,
        Self::DueNotReleased,
        Self::Contacts7d,
        Self::DetectionAll,
        Self::DetectionLate,
        Self::ReportAll,
        Self::ReportLate,
        Self::IsolationAll,
        Self::IsolationLate,
        Self::TreatmentAll,
        Self::TreatmentLate,
    ];

    /// The word in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New24h => "new-24h",
            Self::New7d => "new-7d",
            Self::Confirmed7d => "confirmed-7d",
            Self::Asymptomatic7d => "asymptomatic-7d",
            Self::InControl7d => "in-control-7d",
            Self::InCommunity7d => "in-community-7d",
            Self::UnderMeasures => "under-measures",
            Self::ChangingSoon => "changing-soon",
            Self::DueNotReleased => "due-not-released",
            Self::Contacts7d => "contacts-7d",
            Self::DetectionAll => "detection",
            Self::DetectionLate => "detection-late",
            Self::ReportAll => "report",
            Self::ReportLate => "report-late",
            Self::IsolationAll => "isolation",
            Self::IsolationLate => "isolation-late",
            Self::TreatmentAll => "treatment",
            Self::TreatmentLate => "treatment-late",
        }
    }

    /// The group of a word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }

    /// The table that the group is read from.
    const fn table(self) -> &'static str {
        match self {
            Self::UnderMeasures | Self::ChangingSoon | Self::DueNotReleased => "assessment",
            _ => "course",
        }
    }

    /// Its condition. `$3` is the present moment in microseconds, `$4` today; both engines read the same text.
    fn condition(self) -> String {
        const INFECTION_7D: &str = "status IN (2, 3) AND reported_on > $4 - 7 AND reported_on <= $4";
        const CONTROLLED: &str =
            "(isolated_at IS NOT NULL AND isolated_at <= COALESCE(positive_at, diagnosed_at, reported_at))";
        const CONTACT_7D: &str = "contact_at > $3 - 604800000000 AND contact_at <= $3";
        // Onset is a day of Shanghai, eight hours ahead of UTC; two days after its end.
        const DETECTED: &str =
            "COALESCE(sampled_at, diagnosed_at, reported_at) <= (onset_on + 3) * 86400000000 - 28800000000";
        const ISOLATED: &str = "(isolated_at IS NOT NULL AND isolated_at <= contact_at + 43200000000)";
        const TREATED: &str = "(isolated_at IS NOT NULL AND isolated_at <= positive_at + 21600000000)";
        let isolation = format!("{CONTACT_7D} AND (isolated_at IS NOT NULL OR contact_at + 43200000000 <= $3)");
        let treatment = format!(
            "{INFECTION_7D} AND positive_at IS NOT NULL AND (isolated_at IS NOT NULL OR positive_at + 21600000000 <= $3)"
        );
        match self {
            Self::New24h => "status IN (2, 3) AND reported_at > $3 - 86400000000 AND reported_at <= $3".to_owned(),
            Self::New7d => INFECTION_7D.to_owned(),
            Self::Confirmed7d => format!("{INFECTION_7D} AND status = 2"),
            Self::Asymptomatic7d => format!("{INFECTION_7D} AND status = 3"),
            Self::InControl7d => format!("{INFECTION_7D} AND {CONTROLLED}"),
            Self::InCommunity7d => format!("{INFECTION_7D} AND NOT {CONTROLLED}"),
            Self::UnderMeasures => "strictness > 0 AND ends_at > $3".to_owned(),
            Self::ChangingSoon => "strictness > 0 AND ends_at > $3 AND next_change_at <= $3 + 86400000000".to_owned(),
            Self::DueNotReleased => "strictness > 0 AND ends_at <= $3 - 900000000".to_owned(),
            Self::Contacts7d => CONTACT_7D.to_owned(),
            Self::DetectionAll => format!("{INFECTION_7D} AND onset_on IS NOT NULL"),
            Self::DetectionLate => format!("{INFECTION_7D} AND onset_on IS NOT NULL AND NOT ({DETECTED})"),
            Self::ReportAll => format!("{INFECTION_7D} AND diagnosed_at IS NOT NULL"),
            Self::ReportLate => {
                format!("{INFECTION_7D} AND diagnosed_at IS NOT NULL AND reported_at > diagnosed_at + 7200000000")
            }
            Self::IsolationAll => isolation,
            Self::IsolationLate => format!("{isolation} AND NOT {ISOLATED}"),
            Self::TreatmentAll => treatment,
            Self::TreatmentLate => format!("{treatment} AND NOT {TREATED}"),
        }
    }
}

struct CourseRow {
    person: Uuid,
    division: i64,
    status: i64,
    onset_on: Option<i64>,
    sampled_at: Option<i64>,
    positive_at: Option<i64>,
    diagnosed_at: Option<i64>,
    reported_at: Option<i64>,
    reported_on: Option<i64>,
    contact_at: Option<i64>,
    isolated_at: Option<i64>,
}
positional!(CourseRow {
    person: 0,
    division: 1,
    status: 2,
    onset_on: 3,
    sampled_at: 4,
    positive_at: 5,
    diagnosed_at: 6,
    reported_at: 7,
    reported_on: 8,
    contact_at: 9,
    isolated_at: 10,
});

impl CourseRow {
    fn into_record(self) -> CourseRecord {
        let at = |micros: Option<i64>| micros.map(Instant::from_micros);
        let on = |day: Option<i64>| day.map(|day| CivilDay::from_number(day as i32));
        CourseRecord {
            person: PersonId::new(self.person),
            division: division_of(self.division),
            status: self.status,
            onset_on: on(self.onset_on),
            sampled_at: at(self.sampled_at),
            positive_at: at(self.positive_at),
            diagnosed_at: at(self.diagnosed_at),
            reported_at: at(self.reported_at),
            reported_on: on(self.reported_on),
            contact_at: at(self.contact_at),
            isolated_at: at(self.isolated_at),
        }
    }
}

/// Name of the watermark of courses.
const COURSE: &str = "course";

impl Store {
    /// How far courses were read from the log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn course_watermark(&self) -> Result<u64, StoreError> {
        self.watermark(COURSE).await
    }

    /// Saves courses as they are now, takes those of `gone` away, and notes that the log was read up to `upto`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_courses(
        &self,
        mut courses: Vec<CourseRecord>,
        gone: &[PersonId],
        upto: u64,
    ) -> Result<(), StoreError> {
        courses.sort_unstable_by_key(|course| course.person);
        let ints = |value: fn(&CourseRecord) -> i64| Column::Int(courses.iter().map(value).collect());
        let times = |value: fn(&CourseRecord) -> Option<Instant>| {
            Column::OptInt(courses.iter().map(|course| value(course).map(Instant::as_micros)).collect())
        };
        let days = |value: fn(&CourseRecord) -> Option<CivilDay>| {
            Column::OptInt(courses.iter().map(|course| value(course).map(|day| day.number().into())).collect())
        };
        let columns = [
            ("person", Column::Id(courses.iter().map(|course| course.person.uuid()).collect())),
            ("division", ints(|course| division_key(course.division))),
            ("status", ints(|course| course.status)),
            ("onset_on", days(|course| course.onset_on)),
            ("sampled_at", times(|course| course.sampled_at)),
            ("positive_at", times(|course| course.positive_at)),
            ("diagnosed_at", times(|course| course.diagnosed_at)),
            ("reported_at", times(|course| course.reported_at)),
            ("reported_on", days(|course| course.reported_on)),
            ("contact_at", times(|course| course.contact_at)),
            ("isolated_at", times(|course| course.isolated_at)),
        ];
        let mut tx = self.db.begin().await?;
        let replace = "ON CONFLICT (person) DO UPDATE SET division = excluded.division, status = excluded.status, \
                       onset_on = excluded.onset_on, sampled_at = excluded.sampled_at, \
                       positive_at = excluded.positive_at, diagnosed_at = excluded.diagnosed_at, \
                       reported_at = excluded.reported_at, reported_on = excluded.reported_on, \
                       contact_at = excluded.contact_at, isolated_at = excluded.isolated_at";
        bulk::insert(&mut tx, "course", replace, &columns).await?;
        on!(&mut tx, tx => {
            for person in gone {
                sqlx::query("DELETE FROM course WHERE person = $1").bind(person.uuid()).execute(&mut **tx).await?;
            }
            sqlx::query(
                "INSERT INTO watermark (projection, leaf) VALUES ($1, $2) ON CONFLICT (projection) DO UPDATE \
                 SET leaf = excluded.leaf WHERE watermark.leaf < excluded.leaf",
            )
            .bind(COURSE).bind(upto as i64).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// The course of a person, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_course(&self, person: PersonId) -> Result<Option<CourseRecord>, StoreError> {
        let row: Option<CourseRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(AssertSqlSafe(
                "SELECT person, division, status, onset_on, sampled_at, positive_at, diagnosed_at, reported_at, \
                 reported_on, contact_at, isolated_at FROM course WHERE person = $1",
            ))
            .bind(person.uuid()).fetch_optional(pool).await?
        });
        Ok(row.map(CourseRow::into_record))
    }

    /// The courses of these people, of those who have one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_courses(&self, people: &[PersonId]) -> Result<HashMap<PersonId, CourseRecord>, StoreError> {
        let select = "SELECT person, division, status, onset_on, sampled_at, positive_at, diagnosed_at, reported_at, \
                      reported_on, contact_at, isolated_at FROM course WHERE person";
        let people = Column::Id(people.iter().map(|person| person.uuid()).collect());
        let rows: Vec<CourseRow> = bulk::find(self.db.reader(), select, &people, "").await?;
        Ok(rows.into_iter().map(CourseRow::into_record).map(|course| (course.person, course)).collect())
    }

    /// Forgets all courses; the log is read again from its beginning.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn clear_courses(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("DELETE FROM course").execute(&mut **tx).await?;
            sqlx::query("DELETE FROM watermark WHERE projection = $1").bind(COURSE).execute(&mut **tx).await?;
        });
        commit(tx).await
    }
}
