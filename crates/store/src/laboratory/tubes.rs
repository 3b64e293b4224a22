//! Lists of tubes: on their way, late, not negative; how long laboratories take.

use sizao_model::{CivilDay, DivisionCode, Instant};
use uuid::Uuid;

use super::{TubeRecord, TubeRow, tube_columns};
use crate::{
    db::{on, positional},
    error::StoreError,
    store::Store,
    vault::division_range,
};

macro_rules! tubes {
    ($where:literal) => {
        concat!("SELECT ", tube_columns!(), " FROM tube WHERE ", $where)
    };
}

/// Which tubes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TubeQuery {
    /// With swabs and without a result, the oldest first.
    Owed,
    /// With a result other than negative, the latest first.
    NotNegative,
}

/// How long one tube took at a laboratory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabTime {
    /// The laboratory; none: it was never received by scan.
    pub lab: Option<Uuid>,
    /// From the first swab to the result on record; microseconds.
    pub whole: i64,
    /// From its arrival to the result; none: it was never received by scan.
    pub inside: Option<i64>,
}

/// How far the tubes of a site have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TubeCount {
    /// Site and desk.
    pub site: String,
    /// Tubes.
    pub tubes: i64,
    /// Swabs in them.
    pub swabs: i64,
    /// Closed.
    pub sealed: i64,
    /// In the laboratory, or with a result.
    pub received: i64,
    /// With a result.
    pub told: i64,
    /// With a result other than negative.
    pub not_negative: i64,
}

struct CountRow {
    site: String,
    tubes: i64,
    swabs: i64,
    sealed: i64,
    received: i64,
    told: i64,
    not_negative: i64,
}
positional!(CountRow { site: 0, tubes: 1, swabs: 2, sealed: 3, received: 4, told: 5, not_negative: 6 });

impl Store {
    /// Tubes of a division; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_tubes(
        &self,
        within: DivisionCode,
        query: TubeQuery,
        limit: u32,
    ) -> Result<Vec<TubeRecord>, StoreError> {
        let (from, to) = division_range(within);
        let text = match query {
            TubeQuery::Owed => tubes!(
                "division >= $1 AND division < $2 AND outcome IS NULL AND first_at IS NOT NULL ORDER BY first_at, id LIMIT $3"
            ),
            TubeQuery::NotNegative => {
                tubes!("division >= $1 AND division < $2 AND outcome > 0 ORDER BY told_at DESC, id LIMIT $3")
            }
        };
        let rows: Vec<TubeRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(text).bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(TubeRow::into_record).collect())
    }

    /// Tubes of a division that are open, or closed and not yet on their way, the latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tubes_at_desks(&self, within: DivisionCode, limit: u32) -> Result<Vec<TubeRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<TubeRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(tubes!(
                "division >= $1 AND division < $2 AND sent_at IS NULL AND received_at IS NULL AND outcome IS NULL \
                 ORDER BY opened_at DESC, id LIMIT $3"
            ))
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(TubeRow::into_record).collect())
    }

    /// How many tubes of a division have swabs and no result.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_owed_tubes(&self, within: DivisionCode) -> Result<u64, StoreError> {
        let (from, to) = division_range(within);
        let count: i64 = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT COUNT(*) FROM tube WHERE division >= $1 AND division < $2 AND outcome IS NULL \
                 AND first_at IS NOT NULL",
            )
            .bind(from).bind(to).fetch_one(pool).await?
        });
        Ok(count as u64)
    }

    /// How long tubes took whose results came since a day; at most `limit` of the latest.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lab_times(
        &self,
        within: DivisionCode,
        since: CivilDay,
        limit: u32,
    ) -> Result<Vec<LabTime>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<(Option<Uuid>, i64, Option<i64>)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT lab, told_at - first_at, told_at - received_at FROM tube WHERE division >= $1 AND division < $2 \
                 AND told_at >= $3 AND outcome IS NOT NULL AND first_at IS NOT NULL ORDER BY told_at DESC LIMIT $4",
            )
            .bind(from).bind(to).bind(since.start().as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(lab, whole, inside)| LabTime { lab, whole, inside }).collect())
    }

    /// How far the tubes of a round have come, by site.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_tubes(&self, round: Uuid) -> Result<Vec<TubeCount>, StoreError> {
        let rows: Vec<CountRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT site, COUNT(*), CAST(SUM(swabs) AS BIGINT), COUNT(sealed_at), \
                 CAST(SUM(CASE WHEN received_at IS NOT NULL OR outcome IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT), \
                 COUNT(outcome), CAST(SUM(CASE WHEN outcome > 0 THEN 1 ELSE 0 END) AS BIGINT) \
                 FROM tube WHERE round = $1 GROUP BY site ORDER BY site LIMIT 10000",
            )
            .bind(round).fetch_all(pool).await?
        });
        let count = |row: CountRow| TubeCount {
            site: row.site,
            tubes: row.tubes,
            swabs: row.swabs,
            sealed: row.sealed,
            received: row.received,
            told: row.told,
            not_negative: row.not_negative,
        };
        Ok(rows.into_iter().map(count).collect())
    }

    /// The last tubes that a laboratory received, the latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tubes_received_by(
        &self,
        lab: Uuid,
        since: Instant,
        limit: u32,
    ) -> Result<Vec<TubeRecord>, StoreError> {
        let rows: Vec<TubeRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(tubes!("lab = $1 AND received_at >= $2 ORDER BY received_at DESC, id LIMIT $3"))
                .bind(lab).bind(since.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(TubeRow::into_record).collect())
    }
}
