//! Refusing an order because it conflicts with a rule, and the list of such refusals.

use askama::Template;
use sizao_app::orders::{OrderLine, RULES};

use super::{Answer, on_to, page};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersTemplate {
    c: Chrome,
    rules: Vec<(&'static str, String)>,
    lines: Vec<Line>,
    key: String,
}

struct Line {
    at: String,
    place: String,
    unit: String,
    told: String,
    order: String,
    by: String,
    rule: String,
}

/// The form, and what was refused.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    let lines = ctx.app().list_orders(&ctx.actor).await?;
    let c = Chrome::of(&ctx);
    let line = |line: OrderLine| Line {
        at: c.at(&line.record.at),
        place: c.place(&line.record.division),
        unit: line.unit,
        told: line.told.unwrap_or_else(|| "–".to_owned()),
        order: line.order.order.to_string(),
        by: line.order.by.to_string(),
        rule: c.word("order-rule", &line.order.rule),
    };
    let lines = lines.into_iter().map(line).collect();
    let rules = RULES.map(|rule| (rule, c.word("order-rule", rule))).into();
    let key = ctx.asked.request.clone();
    page(&OrdersTemplate { c, rules, lines, key })
}

/// Puts a refusal on record.
pub(crate) async fn refuse(Sent(ctx, fields): Sent) -> Answer {
    let (order, by, rule, key) = (fields.get("order"), fields.get("by"), fields.get("rule"), fields.get("key"));
    ctx.app().refuse_order(&ctx.actor, order, by, rule, key, ctx.wall()).await?;
    on_to("/orders")
}
