//! Sums for the page that is open to everybody: counted from projections and tables, without people.

use std::collections::BTreeMap;

use sizao_model::Instant;

use crate::{
    db::{commit, on},
    error::StoreError,
    projections::set_watermark,
    store::Store,
};

/// Loops of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// `<pack>:<rule>`.
    pub rule: String,
    /// Ever opened.
    pub opened: u64,
    /// Open now.
    pub open: u64,
    /// Median length of those that are over, in minutes.
    pub median_minutes: Option<i64>,
}

impl Store {
    /// Adds to counters what the log has up to a leaf.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_figures(&self, counts: &BTreeMap<String, u64>, upto: u64) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for (name, count) in counts {
                sqlx::query(
                    "INSERT INTO figure (name, count) VALUES ($1, $2) \
                     ON CONFLICT (name) DO UPDATE SET count = figure.count + excluded.count",
                )
                .bind(name).bind(*count as i64).execute(&mut **tx).await?;
            }
        });
        set_watermark(&mut tx, "figure", upto).await?;
        commit(tx).await
    }

    /// The counters.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn figures(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows: Vec<(String, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT name, count FROM figure").fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(name, count)| (name, count as u64)).collect())
    }

    /// Loops by rule.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_rules(&self) -> Result<Vec<RuleCount>, StoreError> {
        let rows: Vec<(String, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT rule, COUNT(*), CAST(SUM(CASE WHEN state < 6 THEN 1 ELSE 0 END) AS BIGINT) \
                 FROM closed_loop GROUP BY rule ORDER BY rule",
            )
            .fetch_all(pool).await?
        });
        let mut rules = Vec::new();
        for (rule, opened, open) in rows {
            let ended = opened - open;
            // The lower of the two in the middle.
            let median: Option<i64> = on!(self.db.reader(), pool => {
                sqlx::query_scalar(
                    "SELECT ended_at - opened_at AS length FROM closed_loop WHERE rule = $1 AND state = 6 \
                     AND ended_at IS NOT NULL ORDER BY length LIMIT 1 OFFSET $2",
                )
                .bind(&rule).bind((ended - 1).max(0) / 2).fetch_optional(pool).await?
            });
            rules.push(RuleCount {
                opened: opened as u64,
                open: open as u64,
                median_minutes: median.map(|micros| micros / 60_000_000),
                rule,
            });
        }
        Ok(rules)
    }

    /// Appeals by outcome: open, upheld, rejected, lapsed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_appeals(&self) -> Result<[u64; 4], StoreError> {
        let rows: Vec<(i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT outcome, COUNT(*) FROM appeal GROUP BY outcome").fetch_all(pool).await?
        });
        let mut counts = [0; 4];
        for (outcome, count) in rows {
            if let Some(slot) = usize::try_from(outcome).ok().and_then(|outcome| counts.get_mut(outcome)) {
                *slot = count as u64;
            }
        }
        Ok(counts)
    }

    /// Readings and deeds on record, by action.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_accesses(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows: Vec<(String, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT action, COUNT(*) FROM access_log GROUP BY action").fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(action, count)| (action, count as u64)).collect())
    }

    /// Certificates of erasure.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_erasures(&self) -> Result<u64, StoreError> {
        let count: i64 = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT COUNT(*) FROM erasure").fetch_one(pool).await?
        });
        Ok(count as u64)
    }

    /// Freezes: all, open at a moment, lifted, upheld.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_freezes(&self, now: Instant) -> Result<[u64; 4], StoreError> {
        let counts: (i64, i64, i64, i64) = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT COUNT(*), \
                 CAST(COALESCE(SUM(CASE WHEN outcome = 0 AND until_at > $1 THEN 1 ELSE 0 END), 0) AS BIGINT), \
                 CAST(COALESCE(SUM(CASE WHEN outcome = 1 THEN 1 ELSE 0 END), 0) AS BIGINT), \
                 CAST(COALESCE(SUM(CASE WHEN outcome = 2 THEN 1 ELSE 0 END), 0) AS BIGINT) FROM watch_freeze",
            )
            .bind(now.as_micros()).fetch_one(pool).await?
        });
        Ok([counts.0, counts.1, counts.2, counts.3].map(|count| count as u64))
    }
}
