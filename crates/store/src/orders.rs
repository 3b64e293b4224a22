//! Orders that were refused because of a rule, as lists show them.

use sizao_model::{DivisionCode, FactId, Instant};
use uuid::Uuid;

use crate::{
    db::{commit, on},
    error::StoreError,
    projections::set_watermark,
    store::Store,
    vault::{division_key, division_range},
};

/// A refused order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedOrder {
    /// The fact.
    pub fact: FactId,
    /// When.
    pub at: Instant,
    /// Where the unit is that refused.
    pub division: DivisionCode,
    /// That unit.
    pub unit: String,
    /// The unit of the next level; empty where there is none.
    pub told: String,
    /// The fact's body, as JSON.
    pub body: String,
}

impl Store {
    /// Adds refused orders that were read from the log up to a leaf.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_orders(&self, orders: &[RefusedOrder], upto: u64) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for order in orders {
                sqlx::query(
                    "INSERT INTO refused_order (fact, at, division, unit, told, body) VALUES ($1, $2, $3, $4, $5, $6) \
                     ON CONFLICT (fact) DO NOTHING",
                )
                .bind(order.fact.uuid()).bind(order.at.as_micros()).bind(division_key(order.division))
                .bind(&order.unit).bind(&order.told).bind(&order.body).execute(&mut **tx).await?;
            }
        });
        set_watermark(&mut tx, "order", upto).await?;
        commit(tx).await
    }

    /// Refused orders, latest first: all of a division, or only those that a unit refused or was told of.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_orders(
        &self,
        within: DivisionCode,
        unit: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<RefusedOrder>, StoreError> {
        // What was told to a unit may come from outside its division.
        let (from, to) = if unit.is_some() { (0, i64::MAX) } else { division_range(within) };
        let unit = unit.map(|unit| unit.to_string());
        let rows: Vec<(Uuid, i64, i64, String, String, String)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT fact, at, division, unit, told, body FROM refused_order \
                 WHERE division >= $1 AND division < $2 AND ($3 IS NULL OR unit = $3 OR told = $3) \
                 ORDER BY at DESC, fact LIMIT $4",
            )
            .bind(from).bind(to).bind(unit).bind(i64::from(limit)).fetch_all(pool).await?
        });
        let order = |(fact, at, division, unit, told, body): (Uuid, i64, i64, String, String, String)| RefusedOrder {
            fact: FactId::new(fact),
            at: Instant::from_micros(at),
            division: crate::identity::division_of(division),
            unit,
            told,
            body,
        };
        Ok(rows.into_iter().map(order).collect())
    }
}
