//! Refusing an order (拒绝执行): "this conflicts with rule r" is a fact that the next level and the auditor read. Nobody can
//! take it back, and nothing follows from it for whoever wrote it.

use sizao_model::{FactBody, FactKind, Happened, Instant, division::DivisionLevel, fact::OrderRefused};
use sizao_store::{Channel, RefusedOrder};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, can, purposes},
    identity::{Actor, UnitKind},
    loops::Addition,
    refusal::Refusal,
};

/// Rules with which an order may conflict, as words.
pub const RULES: [&str; 12] = [
    "evidence",
    "list",
    "second-person",
    "end",
    "true-reason",
    "appeal",
    "scan",
    "care",
    "mandate",
    "retention",
    "identity",
    "other",
];
const LISTED_MAX: u32 = 100;
const UNITS_MAX: u32 = 20_000;
const CHUNK: u64 = 20_000;

/// A refused order with the names of the units.
#[derive(Clone, Debug)]
pub struct OrderLine {
    /// The record.
    pub record: RefusedOrder,
    /// What it says.
    pub order: OrderRefused,
    /// Unit that refused.
    pub unit: String,
    /// The next level, if there is one.
    pub told: Option<String>,
}

impl App {
    /// Puts on record that an order is refused because it conflicts with a rule.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn refuse_order(
        &self,
        actor: &Actor,
        order: &str,
        by: &str,
        rule: &str,
        key: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        can(actor, Action::RefuseOrders, actor.division, Purpose::Audit)?;
        let rule = RULES.into_iter().find(|known| *known == rule).ok_or(Refusal::field("rule", "choose"))?;
        let order = crate::loops::text("order", order)?.ok_or(Refusal::field("order", "empty"))?;
        let by = crate::loops::text("by", by)?.ok_or(Refusal::field("by", "empty"))?;
        let told = self.next_level(actor).await?;
        self.log_deed(actor, Action::RefuseOrders, Purpose::Audit, None, Reason::of(rule), wall).await?;
        let now = self.now();
        let body = OrderRefused {
            order,
            by,
            rule: rule.into(),
            unit: actor.unit.to_string().into(),
            officer: actor.account.to_string().into(),
            told: told.map(|unit| unit.to_string().into()),
        };
        let addition = Addition {
            person: None,
            division: actor.division,
            happened: Happened::at(now),
            body: body.into(),
            key: format!("order/{}/{key}", actor.account),
            channel: Channel::Page,
        };
        self.append_all("orders", vec![addition]).await?;
        self.follow_orders().await
    }

    /// Refused orders: all of the auditor's division; for others those of the own unit and those told to it.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_orders(&self, actor: &Actor) -> Result<Vec<OrderLine>, AppError> {
        can(actor, Action::RefuseOrders, actor.division, Purpose::Audit)?;
        self.follow_orders().await?;
        let audits = !purposes(actor.role, Action::WatchProposals).is_empty();
        let unit = (!audits).then_some(actor.unit);
        let mut lines = Vec::new();
        for record in self.store().list_orders(actor.division, unit, LISTED_MAX).await? {
            let Ok(FactBody::OrderRefused(order)) = FactBody::from_json("order_refused", &record.body) else {
                continue;
            };
            let unit = self.unit_name(&record.unit).await?.unwrap_or_default();
            let told = self.unit_name(&record.told).await?;
            lines.push(OrderLine { record, order, unit, told });
        }
        Ok(lines)
    }

    async fn unit_name(&self, id: &str) -> Result<Option<String>, AppError> {
        let Ok(id) = Uuid::try_parse(id) else { return Ok(None) };
        Ok(self.store().load_unit(id).await?.map(|unit| unit.name))
    }

    /// The headquarters of the smallest division above the actor's, else another one of the same division.
    async fn next_level(&self, actor: &Actor) -> Result<Option<Uuid>, AppError> {
        let Some(province) = actor.division.at(DivisionLevel::Province) else { return Ok(None) };
        let units = self.store().list_units(province, UNITS_MAX).await?;
        let above = units.iter().filter(|unit| {
            unit.kind == UnitKind::Headquarters.name()
                && unit.closed_at.is_none()
                && unit.id != actor.unit
                && actor.division.is_under(unit.division)
        });
        let nearest = above.max_by_key(|unit| {
            let higher = unit.division != actor.division;
            (higher, unit.division.to_string().len(), std::cmp::Reverse(unit.id))
        });
        Ok(nearest.map(|unit| unit.id))
    }

    async fn follow_orders(&self) -> Result<(), AppError> {
        let size = self.store().size().await?;
        let mut from = self.store().watermark("order").await?;
        while from < size {
            let to = (from + CHUNK).min(size);
            let facts = self.store().load_kinds_among(from, to, &[FactKind::OrderRefused]).await?;
            let order = |stored: &sizao_store::StoredFact| match &stored.fact.body {
                FactBody::OrderRefused(order) => Some(RefusedOrder {
                    fact: stored.fact.id,
                    at: stored.fact.recorded_at,
                    division: stored.division,
                    unit: order.unit.to_string(),
                    told: order.told.as_deref().unwrap_or_default().to_owned(),
                    body: stored.fact.body.to_json(),
                }),
                _ => None,
            };
            let orders: Vec<RefusedOrder> = facts.iter().filter_map(order).collect();
            self.store().save_orders(&orders, to).await?;
            from = to;
        }
        Ok(())
    }
}
