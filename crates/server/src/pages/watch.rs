//! For the auditor: whose proposals stand out, what is frozen, and the decision about it.

use askama::Template;
use axum::extract::Path;
use sizao_app::watch::FreezeLine;
use sizao_model::FactId;
use uuid::Uuid;

use super::{Answer, on_to, page};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "watch.html")]
struct WatchTemplate {
    c: Chrome,
    lines: Vec<Line>,
    open: Option<usize>,
    at: String,
}

struct Line {
    id: Uuid,
    state: &'static str,
    open: bool,
    class: String,
    officer: String,
    told: String,
    of: String,
    chance: String,
    since: String,
    by: String,
    proposed: Vec<Uuid>,
    reason: String,
    decided: String,
    same_unit: bool,
}

/// Freezes of the auditor's division, open ones first.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    let lines = ctx.app().list_freezes(&ctx.actor, ctx.wall()).await?;
    let c = Chrome::of(&ctx);
    let lines: Vec<Line> = lines.into_iter().map(|line| shown(line, &ctx, &c)).collect();
    let open = Some(lines.iter().filter(|line| line.open).count()).filter(|count| *count > 0);
    let at = c.at(&ctx.app().now());
    page(&WatchTemplate { c, lines, open, at })
}

fn shown(line: FreezeLine, ctx: &Ctx, c: &Chrome) -> Line {
    let FreezeLine { record, freeze, decision, state, officer, unit } = line;
    let counts = [freeze.proposals, freeze.untied, freeze.copied].map(|count| count.to_string());
    Line {
        id: record.fact.uuid(),
        state: state.name(),
        open: state.name() == "open",
        class: c.word("watch-class", &freeze.class),
        told: [
            c.t2("watch-told", ("n", &counts[0]), ("untied", &counts[1])),
            c.t1("watch-told-copied", "copied", &counts[2]),
        ]
        .concat(),
        of: freeze.of.as_deref().map_or_else(String::new, |of| {
            let of = of.chars().take(60).collect::<String>();
            c.t1(if &*freeze.sign == "register" { "watch-of-register" } else { "watch-of" }, "of", of)
        }),
        chance: freeze.chance.to_string(),
        since: c.at(&record.at),
        by: c.at(&record.holds_till.unwrap_or(record.until_at)),
        proposed: freeze.proposed.iter().take(12).map(|fact| fact.uuid()).collect(),
        reason: decision.as_ref().map_or_else(String::new, |decision| decision.reason.to_string()),
        decided: record.decided_at.map_or_else(String::new, |at| c.at(&at)),
        same_unit: unit == Some(ctx.actor.unit),
        officer,
    }
}

/// Lifts or upholds a freeze.
pub(crate) async fn decide(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let (outcome, reason) = (fields.get("outcome"), fields.get("reason"));
    ctx.app().decide_freeze(&ctx.actor, FactId::new(id), outcome, reason, ctx.wall()).await?;
    on_to("/watch")
}
