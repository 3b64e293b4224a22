//! Batches of restricting facts that wait for a second person of another unit, and the decision about them.

use askama::Template;
use axum::extract::Path;
use sizao_app::batches::{BatchLine, BatchState};
use uuid::Uuid;

use super::{Answer, on_to, page};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "batches.html")]
struct BatchesTemplate {
    c: Chrome,
    lines: Vec<Line>,
    waiting: Option<usize>,
    at: String,
}

struct Line {
    id: Uuid,
    name: String,
    counts: String,
    proposer: String,
    place: String,
    since: String,
    by: String,
    state: &'static str,
    digest: String,
    reason: String,
    same_unit: bool,
}

impl Line {
    fn waits(&self) -> bool {
        self.state == BatchState::Waiting.name()
    }
}

/// Batches of the last days, those that wait first.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    let lines = ctx.app().list_batches(&ctx.actor).await?;
    let c = Chrome::of(&ctx);
    let lines: Vec<Line> = lines.into_iter().map(|line| shown(line, &ctx, &c)).collect();
    let waiting = Some(lines.iter().filter(|line| line.waits()).count()).filter(|count| *count > 0);
    let at = c.at(&ctx.app().now());
    page(&BatchesTemplate { c, lines, waiting, at })
}

fn shown(line: BatchLine, ctx: &Ctx, c: &Chrome) -> Line {
    let BatchLine { record, counts, digest, proposer, state, decision } = line;
    let count = |(class, n): (&String, &u64)| format!("{} {n}", c.word("batch-class", class));
    Line {
        id: record.id,
        counts: counts.iter().map(count).collect::<Vec<_>>().join(" · "),
        place: c.place(&record.division),
        since: c.at(&record.made_at),
        by: c.at(&record.made_at.plus_hours(sizao_app::batches::WAITS_HOURS)),
        state: state.name(),
        digest,
        reason: decision.map_or_else(String::new, |decision| decision.reason.to_string()),
        same_unit: record.unit == ctx.actor.unit,
        name: record.name,
        proposer,
    }
}

/// Confirms or refuses a batch.
pub(crate) async fn decide(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let (outcome, reason) = (fields.get("outcome"), fields.get("reason"));
    ctx.app().decide_batch(&ctx.actor, id, outcome, reason, ctx.wall()).await?;
    on_to("/batches")
}
