//! The duty officer's board of closed loops: late ones first, by owner, and giving them to a unit.

use askama::Template;
use axum::extract::Query;
use serde::Deserialize;
use sizao_app::loops::LoopFilter;
use sizao_app::{Refusal, loops::LoopBoard};
use sizao_model::{FactId, Instant, PersonId};
use uuid::Uuid;

use super::{Answer, on_to, page};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    show: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    page: String,
}

#[derive(Template)]
#[template(path = "loops.html")]
struct LoopsTemplate {
    c: Chrome,
    board: LoopBoard,
    lines: Vec<Line>,
    unit: Option<Uuid>,
    may_assign: bool,
    at: String,
    next: Option<String>,
}

struct Line {
    value: String,
    person: Uuid,
    number: String,
    rule: String,
    place: String,
    state: &'static str,
    task: String,
    deadline: String,
    late: bool,
    soon: bool,
    due: String,
    unit: String,
}

const STATES: [&str; 7] = ["opened", "assigned", "notified", "located", "under-control", "due", "ended"];

impl LoopsTemplate {
    fn is(&self, filter: &LoopFilter) -> bool {
        *filter == self.board.filter
    }

    fn is_bad(&self, filter: &LoopFilter, count: &u64) -> bool {
        *count > 0 && matches!(filter, LoopFilter::Overdue | LoopFilter::Owed)
    }

    fn share(&self, count: impl std::borrow::Borrow<u64>) -> String {
        let total = self.board.clears.total;
        (count.borrow() * 100).checked_div(total).map_or_else(|| "–".to_owned(), |share| format!("{share} %"))
    }
}

/// The board, narrowed to a group of loops and to a unit.
pub(crate) async fn show(ctx: Ctx, Query(which): Query<Which>) -> Answer {
    let filter = LoopFilter::from_name(&which.show).unwrap_or(LoopFilter::Open);
    let unit = Uuid::try_parse(&which.unit).ok();
    let at_page: u32 = which.page.parse().unwrap_or(0);
    let board = ctx.app().loop_board(&ctx.actor, filter, unit, at_page).await?;
    let c = Chrome::of(&ctx);
    let lines: Vec<Line> = board.lines.iter().map(|line| shown(line, &c, board.at)).collect();
    let full = lines.len() == sizao_app::loops::PAGE as usize;
    let next = full.then(|| {
        let unit = unit.map_or(String::new(), |unit| format!("&unit={unit}"));
        format!("/loops?show={}{unit}&page={}", filter.name(), at_page + 1)
    });
    use sizao_app::authorization::{Action, purposes};
    let may_assign = !purposes(ctx.actor.role, Action::AssignLoops).is_empty();
    let at = c.at(&board.at);
    page(&LoopsTemplate { c, board, lines, unit, may_assign, at, next })
}

fn shown(line: &sizao_app::loops::BoardLine, c: &Chrome, now: Instant) -> Line {
    let record = &line.record;
    let late = record.deadline_at.is_some_and(|at| at <= now);
    Line {
        value: format!("{}|{}|{}", record.person.uuid(), record.opened_by.uuid(), record.rule),
        person: record.person.uuid(),
        number: line.number.clone(),
        rule: record.rule.rsplit(':').next().unwrap_or_default().replace('_', "-"),
        place: c.place(&record.division),
        state: STATES.get(record.state as usize).copied().unwrap_or("opened"),
        task: record.task.clone(),
        deadline: record.deadline_at.map_or("–".to_owned(), |at| c.at(&at)),
        late,
        soon: !late && record.deadline_at.is_some_and(|at| at <= now.plus_hours(1)),
        due: c.at(&record.ended_at.unwrap_or(record.due_at)),
        unit: line.unit.clone().unwrap_or_else(|| "–".to_owned()),
    }
}

/// Gives the loops that were ticked to a unit.
pub(crate) async fn assign(Sent(ctx, fields): Sent) -> Answer {
    let chosen: Result<Vec<_>, Refusal> = fields.all("loop").map(parse).collect();
    // Whoever may not assign learns nothing about how the form is wrong.
    let chosen = chosen.unwrap_or_default();
    ctx.app().assign_loops(&ctx.actor, fields.get("unit"), &chosen, ctx.wall()).await?;
    on_to("/loops?show=open")
}

fn parse(text: &str) -> Result<(PersonId, String, FactId), Refusal> {
    let refuse = || Refusal::field("loop", "choose");
    let mut parts = text.splitn(3, '|');
    let mut id = || parts.next().and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(refuse);
    let (person, opened_by) = (id()?, id()?);
    let rule = text.splitn(3, '|').nth(2).ok_or_else(refuse)?;
    Ok((PersonId::new(person), rule.chars().take(120).collect(), FactId::new(opened_by)))
}
