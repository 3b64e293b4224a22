//! The file of a case, for those who trace: window, timeline, places, contacts found and on record, the chain, the
//! investigation with its clocks, and the report on paper.

pub(crate) mod sheet;

use askama::Template;
use axum::{
    extract::{Path, Query},
    http::StatusCode,
};
use serde::Deserialize;
use sizao_app::{
    Refusal,
    case_file::{CaseFile, Closeness, Found, KnownContact, MINUTES, Mark, Proposal, parts},
    people::PersonLine,
};
use sizao_model::{FactBody, FactId, Instant, PersonId};
use uuid::Uuid;

use super::{Answer, on_to, page, page_with, people::Line};
use crate::{
    charts,
    context::Ctx,
    form::Sent,
    map::{self, Drawn},
    view::{Chrome, clock, number},
};

/// Minutes together from which a meeting counts, unless the tracer chooses.
const MINUTES_USUAL: u32 = 15;

#[derive(Template)]
#[template(path = "cases.html")]
struct CasesTemplate {
    c: Chrome,
    lines: Vec<Line>,
    total: u64,
}

/// Cases put on record within seven days in the division.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    let found = ctx.app().list_cases(&ctx.actor).await?;
    let (c, now) = (Chrome::of(&ctx), ctx.app().now());
    let lines = found.lines.iter().map(|line: &PersonLine| Line::of(line, &c, now)).collect();
    page(&CasesTemplate { c, lines, total: found.total.unwrap_or(0) })
}

#[derive(Template)]
#[template(path = "case.html")]
struct CaseTemplate {
    c: Chrome,
    line: Line,
    window: Option<Window>,
    axis: String,
    axis_height: i32,
    places: Vec<PlaceVisited>,
    map: Option<Drawn>,
    contacts: Vec<ContactLine>,
    chain: String,
    chain_height: i32,
    chain_left_out: usize,
    marks: Vec<MarkLine>,
    parts: Vec<PartForm>,
    found: Option<FoundTemplate>,
    choices: Vec<(u32, bool)>,
    told: Option<String>,
    links: Vec<(Uuid, String, String)>,
}

struct Window {
    from: String,
    until: String,
    why: String,
}

struct PlaceVisited {
    name: String,
    kind: String,
    place: String,
    from: String,
    until: String,
    minutes: String,
}

struct ContactLine {
    id: Uuid,
    name: String,
    number: String,
    when: String,
    met: String,
    class: &'static str,
    counts: bool,
    how: String,
}

struct MarkLine {
    part: &'static str,
    hours: i64,
    due: String,
    state: &'static str,
    told: String,
}

struct PartForm {
    name: &'static str,
    questions: Vec<(String, bool, String)>,
    version: usize,
    told: String,
    open: bool,
}

/// What was found, as it stands in the page or comes alone.
#[derive(Template)]
#[template(path = "found.html")]
struct FoundTemplate {
    c: Chrome,
    case: Uuid,
    lines: Vec<FoundLine>,
    total: usize,
    fresh: usize,
    by: String,
    shown: String,
    minutes: u32,
}

struct FoundLine {
    id: Uuid,
    name: String,
    number: String,
    together: String,
    meetings: usize,
    met: Vec<MetLine>,
    nearness: &'static str,
    on_record: bool,
}

struct MetLine {
    place: String,
    kind: String,
    when: String,
    nearness: &'static str,
}

#[derive(Deserialize)]
pub(crate) struct Which {
    find: Option<u32>,
    minutes: Option<u32>,
    done: Option<u64>,
    again: Option<u64>,
    entered: Option<u64>,
}

/// The file.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>, Query(which): Query<Which>) -> Answer {
    let person = PersonId::new(id);
    let file = ctx.app().case_file(&ctx.actor, person, ctx.wall()).await?;
    let c = Chrome::of(&ctx);
    let line = Line::of(&file.line, &c, file.at);
    let chain = ctx.app().case_chain(&ctx.actor, person, &line.name, &file.sources, &file.contacts, ctx.wall()).await?;
    let (drawn_chain, chain_height) = charts::chain(&chain, &c);
    let (axis, axis_height) = charts::case_days(&file, &c);
    let found = match (which.find, &file.window) {
        (Some(minutes), Some(_)) => {
            let found = ctx.app().find_contacts(&ctx.actor, person, minutes, ctx.wall()).await?;
            Some(FoundTemplate::of(&ctx, id, found, minutes))
        }
        _ => None,
    };
    let told = match (which.done, which.entered) {
        (Some(done), _) => {
            let again = which.again.unwrap_or(0);
            Some(c.t2("case-confirmed", ("n", &done.to_string()), ("again", &again.to_string())))
        }
        (None, Some(entered)) => Some(c.n("case-entered", entered)),
        (None, None) => None,
    };
    let template = CaseTemplate {
        line,
        window: file.window.as_ref().map(|window| Window {
            from: c.at(&window.opens_at),
            until: window.closes_at.map_or_else(|| c.t("case-window-open"), |at| c.at(&at)),
            why: match window.onset_on {
                Some(day) => c.t1("onset-on", "day", c.on(&day)),
                None => c.t1("case-diagnosed-on", "day", c.on(&window.diagnosed_on)),
            },
        }),
        places: visited(&file, &c),
        map: drawn_map(&file, &c, &ctx),
        contacts: file.contacts.iter().map(|contact| contact_line(contact, &c)).collect(),
        chain: drawn_chain,
        chain_height,
        chain_left_out: chain.left_out,
        marks: file.marks.iter().map(|mark| mark_line(mark, &c, file.at)).collect(),
        parts: part_forms(&file, &c),
        found,
        choices: MINUTES.map(|choice| (choice, choice == which.find.unwrap_or(MINUTES_USUAL))).into(),
        told,
        links: links_of(&file, &c),
        axis,
        axis_height,
        c,
    };
    page(&template)
}

/// What the ledger proposes, alone: the page puts it in its place.
pub(crate) async fn found(ctx: Ctx, Path(id): Path<Uuid>, Query(which): Query<Which>) -> Answer {
    let minutes = which.minutes.unwrap_or(MINUTES_USUAL);
    let found = ctx.app().find_contacts(&ctx.actor, PersonId::new(id), minutes, ctx.wall()).await?;
    page(&FoundTemplate::of(&ctx, id, found, minutes))
}

impl FoundTemplate {
    fn of(ctx: &Ctx, case: Uuid, found: Found, minutes: u32) -> Self {
        let c = Chrome::of(ctx);
        let lines: Vec<FoundLine> = found.proposals.iter().map(|proposal| found_line(proposal, &c)).collect();
        let fresh = lines.iter().filter(|line| !line.on_record).count();
        let took = format!("{:.1}", found.took.as_secs_f64() * 1_000.0);
        let by = c.t2("found-by", ("stays", &number(&(found.stays as u64))), ("ms", &took));
        let (shown, total) = (lines.len().to_string(), found.total.to_string());
        let shown = c.t2("found-shown", ("shown", &shown), ("total", &total));
        Self { case, lines, total: found.total, fresh, by, shown, minutes, c }
    }
}

fn found_line(proposal: &Proposal, c: &Chrome) -> FoundLine {
    let met = proposal.met.iter().map(|met| MetLine {
        place: met.place.name.clone(),
        kind: c.word("place-kind", &met.place.kind.replace('_', "-")),
        when: span(c, met.from, met.until),
        nearness: nearness(met.closeness),
    });
    FoundLine {
        id: proposal.person.uuid(),
        name: proposal.name.clone().unwrap_or_else(|| proposal.number.clone()),
        number: proposal.number.clone(),
        together: length(c, proposal.together_s),
        meetings: proposal.meetings,
        met: met.collect(),
        nearness: nearness(proposal.closeness),
        on_record: proposal.on_record,
    }
}

const fn nearness(closeness: Closeness) -> &'static str {
    match closeness {
        Closeness::Close => "close",
        Closeness::Undetermined => "unknown",
        Closeness::General => "general",
    }
}

/// `3月11日 18:40–20:10`.
fn span(c: &Chrome, from: Instant, until: Instant) -> String {
    let (hour, minute) = clock(until);
    if from.day() == until.day() {
        format!("{}–{hour:02}:{minute:02}", c.at(&from))
    } else {
        format!("{} – {}", c.at(&from), c.at(&until))
    }
}

fn length(c: &Chrome, seconds: u64) -> String {
    let minutes = seconds / 60;
    if minutes < 60 {
        c.t1("minutes", "m", minutes)
    } else {
        c.t2("hours-minutes", ("h", &(minutes / 60).to_string()), ("m", &(minutes % 60).to_string()))
    }
}

/// Proposals that the tracer ticked become exposures.
pub(crate) async fn confirm(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let picked: Vec<PersonId> =
        fields.all("pick").filter_map(|pick| Uuid::try_parse(pick).ok()).map(PersonId::new).collect();
    let minutes = fields.get("minutes").parse().unwrap_or(MINUTES_USUAL);
    let done = ctx.app().confirm_contacts(&ctx.actor, PersonId::new(id), &picked, minutes, ctx.wall()).await?;
    on_to(&format!("/cases/{id}?done={}&again={}", done.recorded, done.repeated))
}

/// Answers to a part of the investigation.
pub(crate) async fn investigate(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let part = parts().iter().find(|part| part.name == fields.get("part")).ok_or(Refusal::field("part", "choose"));
    let questions = part.as_ref().map_or(&[][..], |part| part.questions);
    let answers: Vec<(String, String)> =
        questions.iter().map(|(question, _)| ((*question).to_owned(), fields.text(question))).collect();
    ctx.app().investigate(&ctx.actor, PersonId::new(id), fields.get("part"), &answers, ctx.wall()).await?;
    on_to(&format!("/cases/{id}#investigation"))
}

/// Two records are one human being.
pub(crate) async fn link(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let other = Uuid::try_parse(fields.get("other")).map_err(|_| Refusal::field("other", "choose"));
    let other = other.unwrap_or_else(|_| Uuid::nil());
    ctx.app()
        .link_as_same(&ctx.actor, PersonId::new(id), PersonId::new(other), fields.get("basis"), ctx.wall())
        .await?;
    on_to(&format!("/cases/{id}#links"))
}

/// They are not.
pub(crate) async fn unlink(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let link = Uuid::try_parse(fields.get("of")).unwrap_or_else(|_| Uuid::nil());
    ctx.app().unlink_same(&ctx.actor, PersonId::new(id), FactId::new(link), ctx.wall()).await?;
    on_to(&format!("/cases/{id}#links"))
}

fn visited(file: &CaseFile, c: &Chrome) -> Vec<PlaceVisited> {
    let line = |stay: &sizao_app::case_file::CaseStay| PlaceVisited {
        name: stay.place.name.clone(),
        kind: c.word("place-kind", &stay.place.kind.replace('_', "-")),
        place: c.place(&stay.place.division),
        from: c.at(&stay.from),
        until: c.at(&stay.until),
        minutes: length(c, ((stay.until.as_micros() - stay.from.as_micros()) / 1_000_000).max(0) as u64),
    };
    file.stays.iter().rev().map(line).collect()
}

/// The counties in which the case was, where it was anywhere.
fn drawn_map(file: &CaseFile, c: &Chrome, ctx: &Ctx) -> Option<Drawn> {
    let mut counties: Vec<_> = file
        .stays
        .iter()
        .filter_map(|stay| stay.place.division.at(sizao_model::division::DivisionLevel::County))
        .collect();
    counties.sort_unstable();
    counties.dedup();
    let marks: Vec<_> = counties.into_iter().map(|county| (county, true)).collect();
    (!marks.is_empty()).then(|| map::signals(ctx.actor.division, &marks, c.lang))
}

fn contact_line(contact: &KnownContact, c: &Chrome) -> ContactLine {
    let meeting = contact.exposure.meeting.as_deref();
    let words = [
        meeting.and_then(|meeting| meeting.relation.as_deref()).map(str::to_owned),
        meeting.and_then(|meeting| meeting.place.as_deref()).map(str::to_owned),
        meeting.and_then(|meeting| meeting.overlap_s).map(|seconds| length(c, seconds)),
    ];
    let class = match contact.exposure.class {
        Some(sizao_model::ContactClass::SecondaryContact) => "secondary",
        Some(sizao_model::ContactClass::GeneralContact) => "general",
        _ => "close",
    };
    let happened = &contact.happened;
    let when = match (happened.starts_at(), happened.ends_at()) {
        (from, Some(until)) if from != until => span(c, from, until),
        (from, _) => c.at(&from),
    };
    let word = serde_json::to_value(contact.exposure.evidence).ok();
    let how = word.and_then(|word| word.as_str().map(|word| word.replace('_', "-"))).unwrap_or_default();
    ContactLine {
        id: contact.person.uuid(),
        name: contact.name.clone().unwrap_or_else(|| contact.number.clone()),
        number: contact.number.clone(),
        when,
        met: words.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        class,
        counts: contact.counts,
        how: c.word("how", &how),
    }
}

fn mark_line(mark: &Mark, c: &Chrome, now: Instant) -> MarkLine {
    let state = match (mark.done_at, mark.late_minutes(now)) {
        (Some(_), None) => "ok",
        (Some(_), Some(_)) => "warn",
        (None, Some(_)) => "bad",
        (None, None) => "idle",
    };
    let told = match (mark.done_at, mark.late_minutes(now)) {
        (Some(at), None) => c.t1("mark-done", "at", c.at(&at)),
        (Some(at), Some(late)) => c.t2("mark-done-late", ("at", &c.at(&at)), ("m", &length(c, late as u64 * 60))),
        (None, Some(late)) => c.t1("mark-late", "m", length(c, late as u64 * 60)),
        (None, None) => {
            c.t1("mark-left", "m", length(c, ((mark.due_at.as_micros() - now.as_micros()) / 1_000_000).max(0) as u64))
        }
    };
    MarkLine { part: mark.part, hours: mark.hours, due: c.at(&mark.due_at), state, told }
}

fn part_forms(file: &CaseFile, c: &Chrome) -> Vec<PartForm> {
    let form = |part: &'static sizao_app::case_file::PartOf| {
        let answered = file.answered.iter().find(|answered| answered.part == part.name);
        let answer = |question: &str| answered.and_then(|one| one.answers.get(question)).cloned().unwrap_or_default();
        PartForm {
            name: part.name,
            questions: part
                .questions
                .iter()
                .map(|(name, wanted)| ((*name).to_owned(), *wanted, answer(name)))
                .collect(),
            version: answered.map_or(0, |one| one.version),
            told: answered.map_or_else(String::new, |one| {
                c.t2("inv-version", ("n", &one.version.to_string()), ("at", &c.at(&one.at)))
            }),
            open: answered.is_none() && part.name == "core",
        }
    };
    parts().iter().map(form).collect()
}

/// Links that were said and not taken back: the fact, the other's number, since when.
fn links_of(file: &CaseFile, c: &Chrome) -> Vec<(Uuid, String, String)> {
    let gone: Vec<FactId> = file
        .facts
        .iter()
        .filter_map(|fact| match &fact.body {
            FactBody::IdentityUnlink(one) => Some(one.link),
            _ => None,
        })
        .collect();
    let links = file.facts.iter().filter(|fact| !gone.contains(&fact.id)).filter_map(|fact| match &fact.body {
        FactBody::IdentityLink(one) => {
            Some((fact.id.uuid(), sizao_app::people::number(one.other), c.at(&fact.recorded_at)))
        }
        _ => None,
    });
    links.collect()
}

#[derive(Template)]
#[template(path = "case_report.html")]
struct ReportTemplate {
    c: Chrome,
    line: Line,
    window: Option<(String, String)>,
    facts: Vec<(String, String)>,
    places: Vec<PlaceVisited>,
    contacts: Vec<ContactLine>,
    close: usize,
    waiting: usize,
    marks: Vec<MarkLine>,
    parts: Vec<PartForm>,
    at: String,
    unit: String,
}

/// The report, for paper: masked names, no buttons.
pub(crate) async fn report(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    let file = ctx.app().case_file(&ctx.actor, PersonId::new(id), ctx.wall()).await?;
    let c = Chrome::of(&ctx);
    let contacts: Vec<ContactLine> = file.contacts.iter().map(|contact| contact_line(contact, &c)).collect();
    let facts = file.facts.iter().filter(|fact| {
        !matches!(fact.body, FactBody::LoopStep(_) | FactBody::Investigation(_) | FactBody::IdentityLink(_))
    });
    let template = ReportTemplate {
        line: Line::of(&file.line, &c, file.at),
        window: file.window.as_ref().map(|window| {
            (c.at(&window.opens_at), window.closes_at.map_or_else(|| c.t("case-window-open"), |at| c.at(&at)))
        }),
        facts: facts.map(|fact| (told_when(fact, &c), c.word("fact", fact.body.kind().name()))).collect(),
        places: visited(&file, &c),
        close: contacts.iter().filter(|contact| contact.class == "close").count(),
        waiting: contacts.iter().filter(|contact| !contact.counts).count(),
        contacts,
        marks: file.marks.iter().map(|mark| mark_line(mark, &c, file.at)).collect(),
        parts: part_forms(&file, &c),
        at: c.at(&file.at),
        unit: ctx.actor.unit_name.clone(),
        c,
    };
    page_with(StatusCode::OK, &template)
}

fn told_when(fact: &sizao_model::Fact, c: &Chrome) -> String {
    match fact.happened.when {
        sizao_model::When::On(day) => c.on(&day),
        _ => c.at(&fact.happened.starts_at()),
    }
}
