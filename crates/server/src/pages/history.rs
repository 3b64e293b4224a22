//! The history of a person's record: each fact with who put it there, what corrects it, and a form to correct it.

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use serde::Deserialize;
use sizao_app::history::{CorrectionForm, HistoryLine};
use sizao_model::{FactId, PersonId};
use uuid::Uuid;

use super::{
    Answer, Wrong, beside, on_to, page_with,
    person::{particulars, when},
    wrong,
};
use crate::{
    context::Ctx,
    form::Sent,
    view::{Chrome, number},
};

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    c: Chrome,
    person: Uuid,
    number: String,
    lines: Vec<Line>,
    /// The fact whose form was refused, with what it said.
    tried: Option<(Uuid, CorrectionForm)>,
    wrong: Option<Wrong>,
}

struct Line {
    id: Uuid,
    recorded: String,
    who: String,
    unit: String,
    channel: &'static str,
    when: String,
    what: String,
    more: String,
    leaf: String,
    corrected: bool,
    may_correct: bool,
}

impl HistoryPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn is_tried(&self, id: &Uuid) -> bool {
        self.tried.as_ref().is_some_and(|(tried, _)| tried == id)
    }

    fn said(&self, id: &Uuid, field: &str) -> &str {
        match self.tried.as_ref().filter(|(tried, _)| tried == id) {
            Some((_, form)) => match field {
                "what" => &form.what,
                "day" => &form.day,
                _ => &form.reason,
            },
            None => "",
        }
    }
}

/// The page; that it was read is recorded first.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    filled(&ctx, PersonId::new(id), None, None).await
}

/// Whose page shows the form again when it is refused.
#[derive(Deserialize)]
pub(crate) struct Whose {
    #[serde(default)]
    of: String,
}

/// Puts a correction on record.
pub(crate) async fn correct(Path(id): Path<Uuid>, Query(whose): Query<Whose>, Sent(ctx, fields): Sent) -> Answer {
    let form = CorrectionForm {
        what: fields.text("what"),
        day: fields.text("day"),
        reason: fields.get("reason").chars().take(200).collect(),
    };
    match ctx.app().correct_fact(&ctx.actor, FactId::new(id), &form, ctx.wall()).await {
        Ok(person) => on_to(&format!("/people/{}/history", person.uuid())),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            let person = Uuid::try_parse(&whose.of).map_err(|_| sizao_app::Refusal::NotFound)?;
            filled(&ctx, PersonId::new(person), Some((id, form)), Some(wrong)).await
        }
    }
}

async fn filled(ctx: &Ctx, person: PersonId, tried: Option<(Uuid, CorrectionForm)>, wrong: Option<Wrong>) -> Answer {
    let lines = ctx.app().history_of(&ctx.actor, person, ctx.wall()).await?;
    let c = Chrome::of(ctx);
    let lines = lines.iter().map(|line| shown(line, &c)).collect();
    let number = sizao_app::people::number(person);
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page_with(status, &HistoryPage { c, person: person.uuid(), number, lines, tried, wrong })
}

fn shown(line: &HistoryLine, c: &Chrome) -> Line {
    use sizao_app::history::Channel;
    let recorded = line.recorded.as_ref();
    let (who, unit) = match recorded.and_then(|recorded| recorded.account.clone()) {
        Some(account) => account,
        None => (c.t("history-node"), String::new()),
    };
    let channel = match recorded.and_then(|recorded| recorded.channel) {
        Some(Channel::Page) => "page",
        Some(Channel::Import) => "import",
        Some(Channel::Api) => "api",
        Some(Channel::System) | None => "system",
    };
    let (more, ..) = particulars(&line.fact, c);
    Line {
        id: line.fact.id.uuid(),
        recorded: c.at(&line.fact.recorded_at),
        who,
        unit,
        channel,
        when: when(&line.fact, c),
        what: c.word("fact", line.fact.body.kind().name()),
        more,
        leaf: recorded.map_or_else(|| "–".to_owned(), |recorded| number(&recorded.leaf)),
        corrected: !line.corrected_by.is_empty(),
        may_correct: line.may_correct && line.corrected_by.is_empty(),
    }
}
