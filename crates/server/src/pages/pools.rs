//! Pools that are not negative: the list, and one with its members, clocks and what came of it.

use askama::Template;
use axum::extract::Path;
use sizao_app::{
    Refusal,
    authorization::{Action, purposes},
    laboratory::{CaseWord, MemberView, PoolLine, PoolView, Resolution, outcome_name},
};
use sizao_model::{PersonId, fact::Outcome};
use uuid::Uuid;

use super::{Answer, on_to, page};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "pools.html")]
struct ListPage {
    c: Chrome,
    pools: Vec<PoolLine>,
}

#[derive(Template)]
#[template(path = "pool.html")]
struct PoolPage {
    c: Chrome,
    view: PoolView,
    may_diagnose: bool,
}

fn resolution(resolution: &Resolution) -> &'static str {
    match resolution {
        Resolution::Pending => "pending",
        Resolution::NotConfirmed { .. } => "not-confirmed",
        Resolution::Cases { .. } => "cases",
    }
}

impl ListPage {
    fn outcome(&self, line: &PoolLine) -> String {
        self.c.word("outcome", outcome_name(line.outcome))
    }

    fn told(&self, line: &PoolLine) -> String {
        line.tube.told_at.map_or_else(String::new, |at| self.c.at(&at))
    }

    fn resolution(&self, line: &PoolLine) -> &'static str {
        resolution(&line.resolution)
    }
}

impl PoolPage {
    fn outcome(&self) -> String {
        self.c.word("outcome", outcome_name(self.view.outcome))
    }

    fn resolution(&self) -> &'static str {
        resolution(&self.view.resolution)
    }

    fn time(&self, at: &Option<sizao_model::Instant>) -> String {
        at.map_or_else(|| "–".to_owned(), |at| self.c.at(&at))
    }

    fn limits(&self) -> Vec<(String, String, bool)> {
        let over = |at: sizao_model::Instant| at < self.view.at;
        self.view
            .limits()
            .into_iter()
            .map(|(word, at)| (self.c.word("pool-clock", word), self.c.at(&at), over(at)))
            .collect()
    }

    fn single(&self, member: &MemberView) -> Option<(String, bool)> {
        let (at, outcome) = member.single?;
        let told = format!("{} · {}", self.c.word("outcome", outcome_name(outcome)), self.c.at(&at));
        Some((told, outcome == Outcome::Positive))
    }

    fn overdue(&self, member: &MemberView) -> Option<String> {
        use sizao_app::laboratory::RecallStep;
        let (step, since) = member.overdue?;
        let word = match step {
            RecallStep::Call => "call",
            RecallStep::Reach => "reach",
            RecallStep::Resample => "resample",
            RecallStep::Result => "result",
        };
        let minutes = (self.view.at.as_micros() - since.as_micros()).div_euclid(60_000_000) + 1;
        Some(self.c.t2("pool-late", ("what", &self.c.word("pool-step", word)), ("m", &minutes.to_string())))
    }

    fn report(&self, member: &MemberView) -> Option<String> {
        member.report.as_ref().map(|(_, standing)| self.c.standing(standing))
    }

    fn is_positive(&self, member: &MemberView) -> bool {
        matches!(member.single, Some((_, Outcome::Positive)))
    }

    /// Positive, and nobody has said yet that the person is a case.
    fn asks_for_word(&self, member: &MemberView) -> bool {
        self.may_diagnose && self.is_positive(member) && member.report.is_some_and(|(clock, _)| clock.done_at.is_none())
    }

    fn is_to_assess(&self, member: &MemberView) -> bool {
        matches!(&self.view.resolution, Resolution::Cases { to_assess, .. } if to_assess.contains(&member.line.person))
    }
}

/// The pools of the actor's division.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    let pools = ctx.app().list_pools(&ctx.actor).await?;
    page(&ListPage { c: Chrome::of(&ctx), pools })
}

/// One pool.
pub(crate) async fn show(ctx: Ctx, Path(barcode): Path<String>) -> Answer {
    let view = ctx.app().view_pool(&ctx.actor, &barcode, ctx.wall()).await?;
    let may_diagnose = !purposes(ctx.actor.role, Action::DiagnoseCases).is_empty();
    page(&PoolPage { c: Chrome::of(&ctx), view, may_diagnose })
}

/// A member was called or reached.
pub(crate) async fn note(Path(barcode): Path<String>, Sent(ctx, fields): Sent) -> Answer {
    let person = person(fields.get("person"));
    ctx.app().note_member(&ctx.actor, &barcode, person, fields.get("step"), ctx.wall()).await?;
    on_to(&format!("/pools/{barcode}"))
}

/// A member with a positive single sample is a case.
pub(crate) async fn diagnose(Path(barcode): Path<String>, Sent(ctx, fields): Sent) -> Answer {
    let word = match fields.get("word") {
        "confirmed" => Ok(CaseWord::Confirmed),
        "asymptomatic" => Ok(CaseWord::Asymptomatic),
        _ => Err(Refusal::field("word", "choose")),
    };
    let person = person(fields.get("person"));
    // Whoever may not, or asks for what is not there, learns nothing about how the form is wrong.
    let asked = word.clone().unwrap_or(CaseWord::Asymptomatic);
    if word.is_ok() {
        ctx.app().diagnose_member(&ctx.actor, &barcode, person, asked, ctx.wall()).await?;
    } else {
        ctx.app().may_diagnose(&ctx.actor, &barcode).await?;
        word?;
    }
    on_to(&format!("/pools/{barcode}"))
}

fn person(text: &str) -> PersonId {
    PersonId::new(Uuid::try_parse(text).unwrap_or_default())
}
