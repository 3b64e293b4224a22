//! Questions of boards and lists, each limited to a division.

use sizao_model::{CivilDay, DivisionCode, Instant, PersonId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{CourseFilter, CourseRecord};
use crate::{
    db::{Either, on},
    error::StoreError,
    identity::division_of,
    projections::StoredAssessment,
    store::Store,
    vault::division_range,
};

/// Infections of one day of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The day.
    pub day: CivilDay,
    /// Confirmed cases.
    pub confirmed: u64,
    /// Asymptomatic infections.
    pub asymptomatic: u64,
}

/// Infections of a county in the last seven days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceCount {
    /// The county; the city where no county is known.
    pub county: DivisionCode,
    /// In seven days.
    pub week: u64,
    /// On the last of them.
    pub day: u64,
}

/// Of a group, how many there are and how many were late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Earlies {
    /// Everybody whom the clock concerns.
    pub all: u64,
    /// Those beyond the limit.
    pub late: u64,
}

/// Whom a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeopleFilter {
    /// Nobody outside it.
    pub within: DivisionCode,
    /// Which group.
    pub group: CourseFilter,
    /// The moment at which it is asked.
    pub now: Instant,
    /// The day of that moment.
    pub today: CivilDay,
}

/// A line of a list.
#[derive(Clone, Debug)]
pub struct ListedPerson {
    /// Who.
    pub person: PersonId,
    /// The course, of cases and contacts.
    pub course: Option<CourseRecord>,
    /// The stored assessment, if its MAC fits.
    pub assessment: Option<StoredAssessment>,
}

impl Store {
    /// How many people a group has.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_group(&self, filter: PeopleFilter) -> Result<u64, StoreError> {
        let text = format!("SELECT COUNT(*) {}", from_where(filter.group));
        let (from, to) = division_range(filter.within);
        let count: i64 = on!(self.db.reader(), pool => {
            sqlx::query_scalar(AssertSqlSafe(text)).bind(from).bind(to).bind(filter.now.as_micros())
                .bind(i64::from(filter.today.number())).fetch_one(pool).await?
        });
        Ok(count as u64)
    }

    /// Some people of a group, after `after`; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_group(
        &self,
        filter: PeopleFilter,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        let text = format!("SELECT person {} AND person > $5 ORDER BY person LIMIT $6", from_where(filter.group));
        let (from, to) = division_range(filter.within);
        let ids: Vec<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(AssertSqlSafe(text)).bind(from).bind(to).bind(filter.now.as_micros())
                .bind(i64::from(filter.today.number())).bind(after.map_or(Uuid::nil(), PersonId::uuid))
                .bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(ids.into_iter().map(PersonId::new).collect())
    }

    /// Which of these people have a course.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn with_courses(&self, people: &[PersonId]) -> Result<Vec<PersonId>, StoreError> {
        let mut found: Vec<Uuid> = Vec::new();
        match self.db.reader() {
            Either::Sqlite(pool) => {
                for chunk in people.chunks(500) {
                    let places = chunk.len().next_power_of_two();
                    let text = format!("SELECT person FROM course WHERE person IN ({})", vec!["?"; places].join(","));
                    let mut query = sqlx::query_scalar::<_, Uuid>(AssertSqlSafe(text));
                    for at in 0..places {
                        query = query.bind(chunk.get(at).map(|person| person.uuid()));
                    }
                    found.extend(query.fetch_all(pool).await?);
                }
            }
            Either::Postgres(pool) => {
                let people: Vec<Uuid> = people.iter().map(|person| person.uuid()).collect();
                found = sqlx::query_scalar("SELECT person FROM course WHERE person = ANY($1)")
                    .bind(people)
                    .fetch_all(pool)
                    .await?;
            }
        }
        Ok(found.into_iter().map(PersonId::new).collect())
    }

    /// People whose stored assessment changes by itself at or before a moment, soonest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn due_assessments(&self, now: Instant, limit: u32) -> Result<Vec<PersonId>, StoreError> {
        let due: Vec<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT person FROM assessment WHERE next_change_at <= $1 ORDER BY next_change_at LIMIT $2")
                .bind(now.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(due.into_iter().map(PersonId::new).collect())
    }

    /// Lines of a list for these people, in their order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_lines(&self, people: &[PersonId]) -> Result<Vec<ListedPerson>, StoreError> {
        let (mut courses, mut assessments) = (self.load_courses(people).await?, self.load_assessments(people).await?);
        let line = |person: &PersonId| ListedPerson {
            person: *person,
            course: courses.remove(person),
            assessment: assessments.remove(person),
        };
        Ok(people.iter().map(line).collect())
    }

    /// Infections by day of record, from a day to another, both included; days without any are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn infections_by_day(
        &self,
        within: DivisionCode,
        first: CivilDay,
        last: CivilDay,
    ) -> Result<Vec<DayCount>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT reported_on, CAST(SUM(CASE WHEN status = 2 THEN 1 ELSE 0 END) AS BIGINT), \
                 CAST(SUM(CASE WHEN status = 3 THEN 1 ELSE 0 END) AS BIGINT) FROM course \
                 WHERE division >= $1 AND division < $2 AND status IN (2, 3) AND reported_on >= $3 \
                 AND reported_on <= $4 GROUP BY reported_on ORDER BY reported_on",
            )
            .bind(from).bind(to).bind(i64::from(first.number())).bind(i64::from(last.number()))
            .fetch_all(pool).await?
        });
        let count = |(day, confirmed, asymptomatic): (i64, i64, i64)| DayCount {
            day: CivilDay::from_number(day as i32),
            confirmed: confirmed as u64,
            asymptomatic: asymptomatic as u64,
        };
        Ok(rows.into_iter().map(count).collect())
    }

    /// Infections of the seven days up to `today`, by county.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn infections_by_county(
        &self,
        within: DivisionCode,
        today: CivilDay,
    ) -> Result<Vec<PlaceCount>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT division / 1000000, COUNT(*), CAST(SUM(CASE WHEN reported_on = $3 THEN 1 ELSE 0 END) AS BIGINT) \
                 FROM course WHERE division >= $1 AND division < $2 AND status IN (2, 3) AND reported_on > $3 - 7 \
                 AND reported_on <= $3 GROUP BY division / 1000000 ORDER BY 2 DESC, 1",
            )
            .bind(from).bind(to).bind(i64::from(today.number())).fetch_all(pool).await?
        });
        let place = |(county, week, day): (i64, i64, i64)| PlaceCount {
            county: division_of(county * 1_000_000),
            week: week as u64,
            day: day as u64,
        };
        Ok(rows.into_iter().map(place).collect())
    }
}

/// The part of a question that number and list share.
fn from_where(group: CourseFilter) -> String {
    format!(
        "FROM {} WHERE division >= $1 AND division < $2 AND $3 IS NOT NULL AND $4 IS NOT NULL AND {}",
        group.table(),
        group.condition()
    )
}
