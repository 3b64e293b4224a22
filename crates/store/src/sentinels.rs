//! The register of sentinel sites (哨点): institutions, their capabilities, and who is responsible, with history.

mod reports;
mod sales;

use sizao_model::{CivilDay, DivisionCode, Instant};
use uuid::Uuid;

pub use self::{
    reports::{DailyCount, ReportRecord},
    sales::SaleRecord,
};
use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// An institution that reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstitutionRecord {
    /// Its id.
    pub id: Uuid,
    /// The unit whose accounts report for it.
    pub unit: Uuid,
    /// Its name.
    pub name: String,
    /// Clinic, hospital, pharmacy, school: as a word.
    pub kind: String,
    /// Where it is.
    pub division: DivisionCode,
    /// What it may do and has to report, one bit each.
    pub capabilities: i64,
    /// When it was entered.
    pub made_at: Instant,
    /// When it was closed.
    pub closed_at: Option<Instant>,
}

/// A line of the history of an institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstitutionChange {
    /// Which institution.
    pub institution: Uuid,
    /// When.
    pub at: Instant,
    /// Who changed it.
    pub account: Uuid,
    /// What, as a word.
    pub field: String,
    /// What it was set to.
    pub value: String,
}

/// A person who is responsible for an institution's reports from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponsibleRecord {
    /// Which institution.
    pub institution: Uuid,
    /// Name of the person.
    pub name: String,
    /// First day.
    pub from_on: CivilDay,
    /// Last day, if it is known.
    pub until_on: Option<CivilDay>,
    /// Who named the person.
    pub account: Uuid,
    /// When.
    pub set_at: Instant,
}

impl ResponsibleRecord {
    /// Whether the person is responsible on a day.
    pub fn holds_on(&self, day: CivilDay) -> bool {
        self.from_on <= day && self.until_on.is_none_or(|until| day <= until)
    }
}

struct Row {
    id: Uuid,
    unit: Uuid,
    name: String,
    kind: String,
    division: i64,
    capabilities: i64,
    made_at: i64,
    closed_at: Option<i64>,
}
positional!(Row { id: 0, unit: 1, name: 2, kind: 3, division: 4, capabilities: 5, made_at: 6, closed_at: 7 });

struct ChangeRow {
    institution: Uuid,
    at: i64,
    account: Uuid,
    field: String,
    value: String,
}
positional!(ChangeRow { institution: 0, at: 1, account: 2, field: 3, value: 4 });

struct ResponsibleRow {
    institution: Uuid,
    name: String,
    from_on: i64,
    until_on: Option<i64>,
    account: Uuid,
    set_at: i64,
}
positional!(ResponsibleRow { institution: 0, name: 1, from_on: 2, until_on: 3, account: 4, set_at: 5 });

macro_rules! institutions {
    ($condition:literal) => {
        concat!(
            "SELECT id, unit, name, kind, division, capabilities, made_at, closed_at FROM institution WHERE ",
            $condition
        )
    };
}

impl Store {
    /// Enters an institution, with the first line of its history.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_institution(&self, institution: &InstitutionRecord, by: Uuid) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO institution (id, unit, name, kind, division, capabilities, made_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(institution.id).bind(institution.unit).bind(&institution.name).bind(&institution.kind)
            .bind(division_key(institution.division)).bind(institution.capabilities)
            .bind(institution.made_at.as_micros()).execute(&mut **tx).await?;
            sqlx::query(CHANGE)
                .bind(institution.id).bind(institution.made_at.as_micros()).bind(by).bind("made")
                .bind(&institution.name).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Sets what an institution may do, with a line of its history; `false` when it is closed or was so already.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn set_capabilities(&self, change: &InstitutionChange, capabilities: i64) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let changed = on!(&mut tx, tx => {
            let changed = sqlx::query(
                "UPDATE institution SET capabilities = $2 WHERE id = $1 AND closed_at IS NULL AND capabilities <> $2",
            )
            .bind(change.institution).bind(capabilities).execute(&mut **tx).await?.rows_affected();
            if changed == 1 {
                sqlx::query(CHANGE)
                    .bind(change.institution).bind(change.at.as_micros()).bind(change.account).bind(&change.field)
                    .bind(&change.value).execute(&mut **tx).await?;
            }
            changed
        });
        commit(tx).await?;
        Ok(changed == 1)
    }

    /// Closes an institution, with a line of its history; `false` when it was closed before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close_institution(&self, change: &InstitutionChange) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let closed = on!(&mut tx, tx => {
            let closed = sqlx::query("UPDATE institution SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL")
                .bind(change.institution).bind(change.at.as_micros()).execute(&mut **tx).await?.rows_affected();
            if closed == 1 {
                sqlx::query(CHANGE)
                    .bind(change.institution).bind(change.at.as_micros()).bind(change.account).bind(&change.field)
                    .bind(&change.value).execute(&mut **tx).await?;
            }
            closed
        });
        commit(tx).await?;
        Ok(closed == 1)
    }

    /// Names who is responsible.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn name_responsible(&self, person: &ResponsibleRecord) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO responsible (institution, name, from_on, until_on, account, set_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(person.institution).bind(&person.name).bind(i64::from(person.from_on.number()))
            .bind(person.until_on.map(|day| i64::from(day.number()))).bind(person.account)
            .bind(person.set_at.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// An institution.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_institution(&self, id: Uuid) -> Result<Option<InstitutionRecord>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(institutions!("id = $1")).bind(id).fetch_optional(pool).await?
        });
        Ok(row.map(Row::into_record))
    }

    /// Institutions at work for which a unit reports.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn institutions_of(&self, unit: Uuid) -> Result<Vec<InstitutionRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(institutions!("unit = $1 AND closed_at IS NULL ORDER BY name, id LIMIT 50"))
                .bind(unit).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Institutions at work in a division and under it, or everywhere; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_institutions(
        &self,
        within: Option<DivisionCode>,
        limit: u32,
    ) -> Result<Vec<InstitutionRecord>, StoreError> {
        let (from, to) = within.map_or((0, i64::MAX), division_range);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(institutions!(
                "division >= $1 AND division < $2 AND closed_at IS NULL ORDER BY division, name, id LIMIT $3"
            ))
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Who was and is responsible for the institutions of a division, oldest line first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn responsible_in(&self, within: DivisionCode) -> Result<Vec<ResponsibleRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<ResponsibleRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT r.institution, r.name, r.from_on, r.until_on, r.account, r.set_at FROM responsible r \
                 JOIN institution i ON i.id = r.institution WHERE i.division >= $1 AND i.division < $2 \
                 ORDER BY r.institution, r.no",
            )
            .bind(from).bind(to).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(ResponsibleRow::into_record).collect())
    }

    /// The history of an institution, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn changes_of(&self, institution: Uuid, limit: u32) -> Result<Vec<InstitutionChange>, StoreError> {
        let rows: Vec<ChangeRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT institution, at, account, field, value FROM institution_change WHERE institution = $1 \
                 ORDER BY no DESC LIMIT $2",
            )
            .bind(institution).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(ChangeRow::into_record).collect())
    }
}

const CHANGE: &str =
    "INSERT INTO institution_change (institution, at, account, field, value) VALUES ($1, $2, $3, $4, $5)";

impl Row {
    fn into_record(self) -> InstitutionRecord {
        InstitutionRecord {
            id: self.id,
            unit: self.unit,
            name: self.name,
            kind: self.kind,
            division: division_of(self.division),
            capabilities: self.capabilities,
            made_at: Instant::from_micros(self.made_at),
            closed_at: self.closed_at.map(Instant::from_micros),
        }
    }
}

impl ChangeRow {
    fn into_record(self) -> InstitutionChange {
        let Self { institution, at, account, field, value } = self;
        InstitutionChange { institution, at: Instant::from_micros(at), account, field, value }
    }
}

impl ResponsibleRow {
    fn into_record(self) -> ResponsibleRecord {
        ResponsibleRecord {
            institution: self.institution,
            name: self.name,
            from_on: CivilDay::from_number(self.from_on as i32),
            until_on: self.until_on.map(|day| CivilDay::from_number(day as i32)),
            account: self.account,
            set_at: Instant::from_micros(self.set_at),
        }
    }
}
