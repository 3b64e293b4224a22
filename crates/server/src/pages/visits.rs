//! The community worker's day on a phone: visits in the order of work, four clears in four taps, checks and needs.

use askama::Template;
use axum::extract::Path;
use sizao_app::loops::{Fields as Entered, LoopTask, TaskKind, Urgency, Visit};
use sizao_model::{PersonId, fact::Need};
use uuid::Uuid;

use super::{Answer, page};
use crate::{
    context::Ctx,
    form::Sent,
    outbox::{Entry, kept, received},
    view::Chrome,
};

#[derive(Template)]
#[template(path = "visits.html")]
struct VisitsTemplate {
    c: Chrome,
    lines: Vec<Line>,
    total: u64,
    at: String,
    drawn_at: String,
}

struct Line {
    id: Uuid,
    name: String,
    number: String,
    place: String,
    rule: String,
    opened_by: Uuid,
    rule_word: String,
    ends: String,
    urgency: &'static str,
    tasks: Vec<(String, String, bool)>,
    needs: Vec<(Uuid, String)>,
    counted: bool,
    identified: bool,
    placed: Option<String>,
    controlled: bool,
}

/// Today's visits; the page is kept on the device.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    let found = ctx.app().visits(&ctx.actor, ctx.wall()).await?;
    let c = Chrome::keeping(&ctx);
    let lines = found.visits.iter().map(|visit| line(visit, &c, found.at)).collect();
    let (at, drawn_at) = (c.at(&found.at), ctx.wall().to_rfc3339());
    page(&VisitsTemplate { c, lines, total: found.total, at, drawn_at }).map(kept)
}

fn line(visit: &Visit, c: &Chrome, now: sizao_model::Instant) -> Line {
    let closed_loop = &visit.closed_loop;
    let known = &closed_loop.known;
    let tasks = closed_loop.tasks.iter().map(|task| (task_words(c, task), c.at(&task.due_at), task.due_at <= now));
    Line {
        id: visit.line.person.uuid(),
        name: visit.line.name.clone().unwrap_or_else(|| visit.line.number.clone()),
        number: visit.line.number.clone(),
        place: c.place(&visit.division),
        rule: closed_loop.rule.to_string(),
        opened_by: closed_loop.opened_by.uuid(),
        rule_word: closed_loop.kind_at(now).map_or_else(|| "–".to_owned(), |kind| c.word("measure", kind.name())),
        ends: c.at(&closed_loop.due_at),
        urgency: match visit.urgency {
            Urgency::Overdue => "bad",
            Urgency::Escalated | Urgency::Reminded => "warn",
            Urgency::Calm => "idle",
        },
        tasks: tasks.collect(),
        needs: closed_loop.tasks.iter().filter_map(|task| care_of(c, task)).collect(),
        counted: known.reply.is_some(),
        identified: known.identified.is_some(),
        placed: known.place.as_ref().map(|(place, at)| format!("{place} · {}", c.at(at))),
        controlled: known.control.is_some(),
    }
}

/// What was seen of one person: a step, a check, a need. The device gets a receipt.
pub(crate) async fn enter(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let entered = Entered {
        step: fields.text("step"),
        rule: fields.text("rule"),
        of: fields.text("of"),
        basis: fields.text("basis"),
        site: fields.text("site"),
        words: fields.text("words"),
        temperature: fields.text("temperature"),
        symptoms: fields.text("symptoms"),
        need: fields.text("need"),
    };
    // Rights first: a wrong key tells nobody anything.
    let entry = Entry::of(&fields, ctx.wall());
    let key = entry.as_ref().map_or("", |entry| entry.key.as_str()).to_owned();
    let at = match &entry {
        // In a simulated node the device's clock is not the node's.
        Ok(entry) if !ctx.app().store().kind().has_simulated_clock() => entry.entered_at,
        _ => ctx.app().now(),
    };
    ctx.app().may_enter(&ctx.actor, PersonId::new(id)).await?;
    entry?;
    let step = ctx.app().enter_step(&ctx.actor, PersonId::new(id), &entered, &key, at, ctx.wall()).await?;
    Ok(received(&ctx.asked, step.fact, "/visits"))
}

fn task_words(c: &Chrome, task: &LoopTask) -> String {
    match task.kind {
        TaskKind::Care { need, .. } => c.word("need", need_word(need)),
        kind => c.word("task", kind.name()),
    }
}

fn care_of(c: &Chrome, task: &LoopTask) -> Option<(Uuid, String)> {
    match task.kind {
        TaskKind::Care { of, need } => Some((of.uuid(), c.word("need", need_word(need)))),
        _ => None,
    }
}

const fn need_word(need: Need) -> &'static str {
    match need {
        Need::Medicine => "medicine",
        Need::Dialysis => "dialysis",
        Need::Food => "food",
        Need::Doctor => "doctor",
        Need::Other => "other",
    }
}
