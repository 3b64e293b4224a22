//! The resident's own page: what holds and why, when it changes, what to do next, appeal, who looked, pass. Opened by
//! the link on the paper; whoever has the link sees the page, so it holds for thirty days and shows no whole name.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::header,
    response::IntoResponse,
};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::Deserialize;
use sizao_app::{
    appeals::AppealLine,
    own_data::{self, OwnDataRequest},
    residents::{Form, ResidentView, text_digest},
};
use sizao_model::{FactBody, FactId, Finding, MeasureKind, PersonId, fact::LoopStage};
use uuid::Uuid;

use super::{Answer, on_to, page, person::said};
use crate::{
    context::{Asked, Ctx},
    failure::Failure,
    form::{Open, Sent},
    lang::Lang,
    state::Shared,
    view::Chrome,
};

#[derive(Template)]
#[template(path = "my.html")]
struct MyTemplate {
    c: Chrome,
    token: String,
    view: ResidentView,
    colour: Option<&'static str>,
    holding: Vec<Holding>,
    why: Vec<String>,
    digest: String,
    next: Vec<(String, String)>,
    appeals: Vec<Answered>,
    looks: Vec<(String, u32)>,
    facts: Vec<(String, String)>,
    filed: bool,
    requests: Vec<Request>,
    asked: bool,
    /// Since when a test of a key group is due: a reminder.
    test_due: Option<String>,
}

struct Holding {
    what: String,
    until: String,
    rule: String,
    opened_by: Option<Uuid>,
}

struct Answered {
    filed: String,
    by: String,
    outcome: &'static str,
    words: String,
    reason: String,
}

/// A request about the own data, as it is shown.
struct Request {
    kind: &'static str,
    filed: String,
    by: String,
    outcome: &'static str,
    words: String,
    answer: String,
}

impl Request {
    fn of(request: &OwnDataRequest, c: &Chrome) -> Self {
        Self {
            kind: own_data::KINDS.get(request.kind as usize).copied().unwrap_or("correct"),
            filed: c.at(&request.filed_at),
            by: c.at(&request.answered_at.unwrap_or(request.deadline_at)),
            outcome: own_data::OUTCOMES.get(request.outcome as usize).copied().unwrap_or("open"),
            words: request.words.clone(),
            answer: request.answer.clone().unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    filed: String,
    #[serde(default)]
    asked: String,
    #[serde(default)]
    paper: String,
}

/// Largest list of passes, in bytes.
pub(crate) const PASSES_BYTES_MAX: usize = 1 << 20;

const OUTCOMES: [&str; 4] = ["open", "upheld", "rejected", "lapsed"];

/// The page.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(token): Path<String>,
    Query(which): Query<Which>,
) -> Answer {
    let person = shared.app.resident(&token, shared.now()).await?;
    let view = shared.app.view_resident(person).await?;
    let c = Chrome::open(&asked);
    let mut why = Vec::new();
    for finding in &view.explained.explanation.findings {
        told(finding, c.lang, &mut why);
    }
    let measures = &view.explained.assessment.measures;
    let rules = shared.app.rules();
    let packs = &rules.timeline;
    let holding = measures.iter().map(|measure| {
        let of = view.loops.iter().find(|closed_loop| {
            packs.is_same_rule(&closed_loop.rule, measure.rule()) && measure.because().contains(&closed_loop.opened_by)
        });
        Holding {
            what: c.word("measure", MeasureKind::name(measure.kind())),
            until: c.at(&measure.ends_at()),
            rule: of.map_or(measure.rule(), |closed_loop| &closed_loop.rule).to_owned(),
            opened_by: of.map(|closed_loop| closed_loop.opened_by.uuid()),
        }
    });
    let next = measures.iter().flat_map(|measure| {
        let tests = measure.tests().iter().filter(|test| test.date >= view.at.day());
        let tests = tests.map(|test| (test.date.start(), c.t("my-next-test"), c.on(&test.date)));
        tests.chain([(measure.ends_at(), c.t("ends-by-itself"), c.at(&measure.ends_at()))])
    });
    let mut next: Vec<_> = next.collect();
    next.sort();
    let holding = holding.collect();
    let appeals = view.appeals.iter().map(|line| answered(line, &c)).collect();
    let requests = shared.app.own_data_requests_of(person).await?;
    let page_of = MyTemplate {
        requests: requests.iter().map(|request| Request::of(request, &c)).collect(),
        asked: !which.asked.is_empty(),
        test_due: shared.app.due_of(person, view.at.day()).await?.map(|(_, since)| c.on(&since)),
        colour: view.explained.assessment.colour.map(super::people::colour_name),
        digest: text_digest(&view.explained.explanation, c.lang == Lang::Zh),
        next: next.into_iter().map(|(_, what, when)| (when, what)).collect(),
        filed: !which.filed.is_empty(),
        looks: looks(&view, &c),
        facts: view.explained.facts.iter().map(|fact| (c.at(&fact.recorded_at), fact_word(&fact.body, &c))).collect(),
        c,
        token,
        holding,
        why,
        appeals,
        view,
    };
    page(&page_of)
}

/// Who looked: what one unit did within one minute is one line, with how often.
fn looks(view: &ResidentView, c: &Chrome) -> Vec<(String, u32)> {
    let mut lines: Vec<(String, u32)> = Vec::new();
    for look in &view.looks {
        let (action, purpose) = (c.word("action", &look.record.action), c.word("purpose", &look.record.purpose));
        let line = format!("{} · {} · {action} · {purpose}", c.at(&look.record.at), look.unit_name);
        match lines.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => lines.push((line, 1)),
        }
    }
    lines
}

/// What a fact is: of a step of a loop, which.
fn fact_word(body: &FactBody, c: &Chrome) -> String {
    match body {
        FactBody::LoopStep(step) => match step.stage {
            LoopStage::Assigned => c.word("loop", "assigned"),
            LoopStage::Notified => c.word("loop", "notified"),
            LoopStage::Located => c.word("loop", "located"),
            LoopStage::Identified => c.t("clears-identified"),
            LoopStage::UnderControl => c.word("loop", "under-control"),
            LoopStage::Released => c.word("loop", "ended"),
            _ => c.word("fact", body.kind().name()),
        },
        _ => c.word("fact", body.kind().name()),
    }
}

fn told(finding: &Finding, lang: Lang, out: &mut Vec<String>) {
    out.push(said(finding, lang));
    finding.children.iter().for_each(|child| told(child, lang, out));
}

fn answered(line: &AppealLine, c: &Chrome) -> Answered {
    Answered {
        filed: c.at(&line.record.filed_at),
        by: c.at(&line.record.decided_at.unwrap_or(line.record.deadline_at)),
        outcome: OUTCOMES.get(line.record.outcome as usize).copied().unwrap_or("open"),
        words: line.words.clone(),
        reason: line.reason.clone().unwrap_or_default(),
    }
}

/// Files an appeal: from the page, by telephone through staff, or on paper.
pub(crate) async fn appeal(State(shared): State<Arc<Shared>>, Path(token): Path<String>, Open(fields): Open) -> Answer {
    let person = shared.app.resident(&token, shared.now()).await?;
    let of =
        Uuid::try_parse(fields.get("of")).map(FactId::new).map_err(|_| sizao_app::Refusal::field("of", "choose"))?;
    let key = sizao_app::digest(&[fields.get("words").as_bytes()]);
    shared.app.file_appeal(person, fields.get("rule"), of, fields.get("words"), &key).await?;
    on_to(&format!("/my/{token}?filed=1"))
}

/// A request to correct or erase something.
pub(crate) async fn request(
    State(shared): State<Arc<Shared>>,
    Path(token): Path<String>,
    Open(fields): Open,
) -> Answer {
    let person = shared.app.resident(&token, shared.now()).await?;
    shared.app.ask_about_own_data(person, fields.get("kind"), fields.get("words"), shared.now()).await?;
    on_to(&format!("/my/{token}?asked=1#own-data"))
}

/// Everything on the own page as a file for programs.
pub(crate) async fn copy(State(shared): State<Arc<Shared>>, Path(token): Path<String>) -> Answer {
    let person = shared.app.resident(&token, shared.now()).await?;
    let view = shared.app.view_resident(person).await?;
    let requests = shared.app.own_data_requests_of(person).await?;
    let named = [(header::CONTENT_DISPOSITION, "attachment; filename=\"my-data.json\"")];
    Ok((named, Json(own_data::copy_of(&view, &requests))).into_response())
}

#[derive(Template)]
#[template(path = "pass.html")]
struct PassTemplate {
    c: Chrome,
    token: String,
    code: String,
    text: String,
    colour: Option<&'static str>,
    until: String,
    paper: bool,
    number: String,
}

/// The pass as a code that gates read without a network; on paper it shows no colour.
pub(crate) async fn pass(
    State(shared): State<Arc<Shared>>,
    Extension(asked): Extension<Asked>,
    Path(token): Path<String>,
    Query(which): Query<Which>,
) -> Answer {
    let person = shared.app.resident(&token, shared.now()).await?;
    let paper = !which.paper.is_empty();
    let (pass, text) = shared.app.issue_pass(person, if paper { Form::Paper } else { Form::Phone }).await?;
    let c = Chrome::open(&asked);
    let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M)
        .map_err(|_| Failure::status(axum::http::StatusCode::INTERNAL_SERVER_ERROR))?;
    let code = code.render::<svg::Color<'_>>().min_dimensions(280, 280).build();
    // The drawing alone: what stands before it is for files.
    let code = code.find("<svg").map_or(String::new(), |from| code[from..].to_owned());
    let until = c.at(&pass.expires_at);
    let colour = pass.colour.map(super::people::colour_name);
    let number = sizao_app::people::number(person);
    page(&PassTemplate { c, token, code, text, colour, until, paper, number })
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkTemplate {
    c: Chrome,
    address: String,
    person: Uuid,
}

/// Makes a link to a person's own page, shown once to the worker who hands it over.
pub(crate) async fn give(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    let token = ctx.app().give_link(&ctx.actor, PersonId::new(id), ctx.wall()).await?;
    page(&LinkTemplate { c: Chrome::of(&ctx), address: format!("/my/{token}"), person: id })
}

#[derive(Template)]
#[template(path = "appeals.html")]
struct AppealsTemplate {
    c: Chrome,
    lines: Vec<Line>,
    requests: Vec<RequestShown>,
    at: String,
}

struct RequestShown {
    id: Uuid,
    person: Uuid,
    number: String,
    late: bool,
    open: bool,
    shown: Request,
}

struct Line {
    id: Uuid,
    person: Uuid,
    number: String,
    rule: String,
    place: String,
    second: bool,
    late: bool,
    open: bool,
    by: String,
    outcome: &'static str,
    words: String,
    reason: String,
}

/// The appeal officer's list.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    let appeals = ctx.app().list_appeals(&ctx.actor, ctx.wall()).await?;
    let (c, now) = (Chrome::of(&ctx), ctx.app().now());
    let line = |line: &AppealLine| {
        let shown = answered(line, &c);
        Line {
            id: line.record.fact.uuid(),
            person: line.record.person.uuid(),
            number: line.number.clone(),
            rule: line.record.rule.rsplit(':').next().unwrap_or_default().replace('_', "-"),
            place: c.place(&line.record.division),
            second: line.record.against.is_some(),
            late: line.record.outcome == 0 && line.record.deadline_at <= now,
            open: line.record.outcome == 0,
            by: shown.by,
            outcome: shown.outcome,
            words: shown.words,
            reason: shown.reason,
        }
    };
    let lines = appeals.iter().map(line).collect();
    let wall = ctx.wall();
    let requests = ctx.app().list_own_data_requests(&ctx.actor).await?;
    let requests = requests.iter().map(|line| RequestShown {
        id: line.request.id,
        person: line.request.person.uuid(),
        number: line.number.clone(),
        late: line.request.outcome == 0 && line.request.deadline_at <= wall,
        open: line.request.outcome == 0,
        shown: Request::of(&line.request, &c),
    });
    let requests = requests.collect();
    let at = c.at(&now);
    page(&AppealsTemplate { c, lines, requests, at })
}

/// The answer to a request about own data.
pub(crate) async fn answer(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let (outcome, reason) = (fields.get("outcome"), fields.get("reason"));
    ctx.app().answer_own_data_request(&ctx.actor, id, outcome, reason, ctx.wall()).await?;
    on_to("/appeals")
}

/// A decision, with its reasons.
pub(crate) async fn decide(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let (outcome, reason) = (fields.get("outcome"), fields.get("reason"));
    ctx.app().decide_appeal(&ctx.actor, FactId::new(id), outcome, reason, ctx.wall()).await?;
    on_to("/appeals")
}

/// Passes shown at a gate: one a line, at most a thousand; a word for each comes back in the same order.
pub(crate) async fn check(ctx: Ctx, body: String) -> Answer {
    let texts: Vec<String> = body.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let checked = ctx.app().check_passes(&ctx.actor, &texts).await?;
    let words: Vec<&str> = checked.iter().map(|one| one.code()).collect();
    Ok(Json(serde_json::json!({ "passes": words })).into_response())
}
