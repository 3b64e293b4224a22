//! What sentinel sites reported: a projection of the facts of that kind, and the sums that detectors read.

use sizao_model::{CivilDay, DivisionCode, FactId, Instant};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// Name of the watermark.
const SENTINEL: &str = "sentinel";

/// One report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRecord {
    /// The fact.
    pub fact: FactId,
    /// Of which institution.
    pub institution: Uuid,
    /// Where that is.
    pub division: DivisionCode,
    /// What was seen: a number given by `app`.
    pub kind: i64,
    /// Kinds of drugs, one bit each.
    pub drugs: i64,
    /// Persons, or sales.
    pub count: i64,
    /// To which day it counts.
    pub on_day: CivilDay,
    /// When it was seen.
    pub seen_at: Instant,
    /// When it was on record here.
    pub reported_at: Instant,
    /// When it was entered, by the device.
    pub entered_at: Option<Instant>,
}

/// What an institution reported of one kind on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyCount {
    /// Which institution.
    pub institution: Uuid,
    /// What.
    pub kind: i64,
    /// Kinds of drugs, one bit each.
    pub drugs: i64,
    /// When.
    pub on_day: CivilDay,
    /// The sum.
    pub count: i64,
}

struct Row {
    fact: Uuid,
    institution: Uuid,
    division: i64,
    kind: i64,
    drugs: i64,
    count: i64,
    on_day: i64,
    seen_at: i64,
    reported_at: i64,
    entered_at: Option<i64>,
}
positional!(Row {
    fact: 0,
    institution: 1,
    division: 2,
    kind: 3,
    drugs: 4,
    count: 5,
    on_day: 6,
    seen_at: 7,
    reported_at: 8,
    entered_at: 9,
});

macro_rules! reports {
    ($condition:literal) => {
        concat!(
            "SELECT fact, institution, division, kind, drugs, count, on_day, seen_at, reported_at, entered_at \
             FROM sentinel_report WHERE ",
            $condition
        )
    };
}

impl Store {
    /// How far reports were read from the log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sentinel_watermark(&self) -> Result<u64, StoreError> {
        self.watermark(SENTINEL).await
    }

    /// Keeps reports read from the log up to a leaf; one that is there already is left as it is.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_reports(&self, reports: &[ReportRecord], upto: u64) -> Result<(), StoreError> {
        let ints = |value: fn(&ReportRecord) -> i64| Column::Int(reports.iter().map(value).collect());
        let columns = [
            ("fact", Column::Id(reports.iter().map(|report| report.fact.uuid()).collect())),
            ("institution", Column::Id(reports.iter().map(|report| report.institution).collect())),
            ("division", ints(|report| division_key(report.division))),
            ("kind", ints(|report| report.kind)),
            ("drugs", ints(|report| report.drugs)),
            ("count", ints(|report| report.count)),
            ("on_day", ints(|report| report.on_day.number().into())),
            ("seen_at", ints(|report| report.seen_at.as_micros())),
            ("reported_at", ints(|report| report.reported_at.as_micros())),
            ("entered_at", {
                Column::OptInt(reports.iter().map(|report| report.entered_at.map(Instant::as_micros)).collect())
            }),
        ];
        let mut tx = self.db.begin().await?;
        bulk::insert(&mut tx, "sentinel_report", "ON CONFLICT (fact) DO NOTHING", &columns).await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO watermark (projection, leaf) VALUES ($1, $2) ON CONFLICT (projection) DO UPDATE \
                 SET leaf = excluded.leaf WHERE watermark.leaf < excluded.leaf",
            )
            .bind(SENTINEL).bind(upto as i64).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Reports of an institution from a day on, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn reports_of(
        &self,
        institution: Uuid,
        from: CivilDay,
        limit: u32,
    ) -> Result<Vec<ReportRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(reports!(
                "institution = $1 AND on_day >= $2 ORDER BY reported_at DESC, fact LIMIT $3"
            ))
            .bind(institution).bind(i64::from(from.number())).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Reports of a division from a day on, oldest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn reports_in(
        &self,
        within: DivisionCode,
        from: CivilDay,
        limit: u32,
    ) -> Result<Vec<ReportRecord>, StoreError> {
        let (low, high) = division_range(within);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(reports!(
                "division >= $1 AND division < $2 AND on_day >= $3 ORDER BY reported_at, fact LIMIT $4"
            ))
            .bind(low).bind(high).bind(i64::from(from.number())).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Sums per institution, kind and day, from a day on, in a division or everywhere.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn daily_counts(
        &self,
        within: Option<DivisionCode>,
        from: CivilDay,
    ) -> Result<Vec<DailyCount>, StoreError> {
        let (low, high) = within.map_or((0, i64::MAX), division_range);
        let rows: Vec<(Uuid, i64, i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT institution, kind, drugs, on_day, CAST(SUM(count) AS BIGINT) FROM sentinel_report \
                 WHERE division >= $1 AND division < $2 AND on_day >= $3 \
                 GROUP BY institution, kind, drugs, on_day ORDER BY institution, kind, drugs, on_day",
            )
            .bind(low).bind(high).bind(i64::from(from.number())).fetch_all(pool).await?
        });
        let count = |(institution, kind, drugs, on_day, count)| DailyCount {
            institution,
            kind,
            drugs,
            on_day: CivilDay::from_number(on_day as i32),
            count,
        };
        Ok(rows.into_iter().map(count).collect())
    }

    /// Forgets what was read of reports; the log is read again from its beginning.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn clear_reports(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("DELETE FROM sentinel_report").execute(&mut **tx).await?;
            sqlx::query("DELETE FROM watermark WHERE projection = $1").bind(SENTINEL).execute(&mut **tx).await?;
        });
        commit(tx).await
    }
}

impl Row {
    fn into_record(self) -> ReportRecord {
        ReportRecord {
            fact: FactId::new(self.fact),
            institution: self.institution,
            division: division_of(self.division),
            kind: self.kind,
            drugs: self.drugs,
            count: self.count,
            on_day: CivilDay::from_number(self.on_day as i32),
            seen_at: Instant::from_micros(self.seen_at),
            reported_at: Instant::from_micros(self.reported_at),
            entered_at: self.entered_at.map(Instant::from_micros),
        }
    }
}
