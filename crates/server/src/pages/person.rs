//! One person: what holds and why, the days, the facts, what comes next, who looked; and opening the identity.

use askama::Template;
use axum::{extract::Path, http::StatusCode};
use sizao_app::{
    authorization::{Action, Purpose, purposes},
    loops::ClosedLoop,
    people::{Identity, PersonView},
    residents::text_digest,
};
use sizao_model::{CivilDay, Fact, FactBody, Finding, Instant, PersonId, fact::EvidenceGrade};
use uuid::Uuid;

use super::{
    Answer, Wrong, beside, page_with,
    people::{Line, colour_name},
    wrong,
};
use crate::{
    charts,
    context::Ctx,
    form::Sent,
    lang::Lang,
    view::{self, Chrome},
};

#[derive(Template)]
#[template(path = "person.html")]
struct PersonTemplate {
    c: Chrome,
    view: PersonView,
    line: Line,
    axis: String,
    axis_height: i32,
    why: Vec<Why>,
    digest: String,
    facts: Vec<FactLine>,
    next: Vec<Step>,
    identity: Option<Identity>,
    wrong: Option<Wrong>,
    reason: String,
    may_protect: bool,
    may_ask: bool,
    clears: Option<Clears>,
}

/// The four clears of this person: what is known, by what.
struct Clears {
    lines: [(&'static str, Option<String>); 4],
    done: usize,
}

/// A reason and the lines under it.
struct Why {
    text: String,
    below: Vec<(usize, String)>,
}

struct FactLine {
    when: String,
    what: String,
    more: String,
    recorded: String,
    struck: bool,
    evidence: bool,
    lead: bool,
    positive: bool,
}

struct Step {
    at: Instant,
    when: String,
    what: String,
    soon: bool,
}

impl PersonTemplate {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn colour(&self) -> Option<&'static str> {
        self.view.explained.assessment.colour.map(colour_name)
    }

    fn next_change(&self) -> Option<String> {
        self.view.explained.assessment.next_change_at.map(|at| self.c.at(&at))
    }

    fn purposes(&self) -> &'static [Purpose] {
        self.view.may_open_for
    }
}

/// The page, masked; that it was looked at is recorded first.
pub(crate) async fn show(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    filled(&ctx, PersonId::new(id), StatusCode::OK, None, None, String::new()).await
}

/// The page with the identity opened, for this one answer.
pub(crate) async fn open(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let person = PersonId::new(id);
    let reason: String = fields.get("reason").chars().take(200).collect();
    match ctx.app().open_identity(&ctx.actor, person, fields.get("purpose"), &reason, ctx.wall()).await {
        Ok(identity) => filled(&ctx, person, StatusCode::OK, Some(identity), None, reason).await,
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            filled(&ctx, person, StatusCode::UNPROCESSABLE_ENTITY, None, Some(wrong), reason).await
        }
    }
}

async fn filled(
    ctx: &Ctx,
    person: PersonId,
    status: StatusCode,
    identity: Option<Identity>,
    wrong: Option<Wrong>,
    reason: String,
) -> Answer {
    let view = ctx.app().view_person(&ctx.actor, person, ctx.wall()).await?;
    let c = Chrome::of(ctx);
    let line = Line::of(&view.line, &c, view.at);
    let (axis, axis_height) = charts::days(&view.explained, view.at, &c);
    let why = view.explained.explanation.findings.iter().map(|finding| {
        let mut below = Vec::new();
        finding.children.iter().for_each(|child| reasons(child, 1, c.lang, &mut below));
        Why { text: said(finding, c.lang), below }
    });
    let why = why.collect();
    let digest = text_digest(&view.explained.explanation, c.lang == Lang::Zh);
    let may_protect = !purposes(ctx.actor.role, Action::ProtectPeople).is_empty();
    // Another city can be asked where one is on record.
    let may_ask = ctx.app().may_ask(&ctx.actor).await.is_ok() && !ctx.app().open_peers().await?.is_empty();
    let clears = clears(&ctx.app().loops_of(person).await?, &c);
    let facts = fact_lines(&view, &c);
    let next = steps(&view, &c);
    page_with(
        status,
        &PersonTemplate {
            c,
            view,
            line,
            axis,
            axis_height,
            why,
            digest,
            facts,
            next,
            identity,
            wrong,
            reason,
            may_protect,
            may_ask,
            clears,
        },
    )
}

/// What the open loops of a person know; none while no measure is followed.
fn clears(loops: &[ClosedLoop], c: &Chrome) -> Option<Clears> {
    let open: Vec<&ClosedLoop> = loops.iter().filter(|one| one.is_open()).collect();
    if open.is_empty() {
        return None;
    }
    let known = || open.iter().map(|one| &one.known);
    let counted = known().any(|known| known.reply.is_some()).then(|| c.t("clears-counted-yes"));
    let identified = known().any(|known| known.identified.is_some()).then(|| c.t("clears-identified-yes"));
    let placed = known().filter_map(|known| known.place.as_ref()).max_by_key(|(_, at)| *at);
    let placed = placed.map(|(site, at)| format!("{site} · {}", c.at(at)));
    let controlled = known().filter_map(|known| known.control).max_by_key(|(_, since)| *since);
    let controlled = controlled.map(|(kind, since)| format!("{} · {}", c.word("measure", kind.name()), c.at(&since)));
    let lines = [("counted", counted), ("identified", identified), ("placed", placed), ("controlled", controlled)];
    let done = lines.iter().filter(|(_, told)| told.is_some()).count();
    Some(Clears { lines, done })
}

fn reasons(finding: &Finding, depth: usize, lang: Lang, out: &mut Vec<(usize, String)>) {
    out.push((depth.min(3), said(finding, lang)));
    finding.children.iter().for_each(|child| reasons(child, depth + 1, lang, out));
}

/// The sentence that the person reads too, with its times as people write them.
pub(super) fn said(finding: &Finding, lang: Lang) -> String {
    let text = if lang == Lang::Zh { &finding.zh } else { &finding.en };
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let moment = moment_at(from).map(|(at, length)| (view::moment(lang, at), length));
        let day = || from.get(..10).and_then(|text| CivilDay::parse(text).ok()).map(|day| (view::day(lang, day), 10));
        let digits = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (shown, length) = moment.or_else(day).unwrap_or_else(|| (from[..digits].to_owned(), digits));
        out.push_str(&shown);
        rest = &from[length..];
    }
    out + rest
}

/// The moment with which a text begins, and how long it is written: with or without parts of a second.
fn moment_at(text: &str) -> Option<(Instant, usize)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || "T:.+-".contains(c))).unwrap_or(text.len());
    (25..=end).rev().find_map(|length| Some((Instant::parse(text.get(..length)?).ok()?, length)))
}

fn fact_lines(view: &PersonView, c: &Chrome) -> Vec<FactLine> {
    let facts = &view.explained.facts;
    let retracted = |fact: &Fact| {
        facts.iter().any(|by| matches!(&by.body, FactBody::Correction(correction) if correction.of == fact.id))
    };
    let opened: Vec<_> = view.explained.assessment.measures.iter().flat_map(|measure| measure.because()).collect();
    let line = |fact: &Fact| {
        let (more, lead, positive) = particulars(fact, c);
        FactLine {
            when: when(fact, c),
            what: c.word("fact", fact.body.kind().name()),
            more,
            recorded: c.at(&fact.recorded_at),
            struck: retracted(fact),
            evidence: opened.contains(&&fact.id),
            lead,
            positive,
        }
    };
    facts.iter().rev().map(line).collect()
}

/// When a fact happened, as precisely as it is known.
pub(super) fn when(fact: &Fact, c: &Chrome) -> String {
    // A personal record happens on the birthday, which is part of the identity.
    if matches!(fact.body, FactBody::Person(_)) {
        return "–".to_owned();
    }
    use sizao_model::{When, happened::Edge};
    let edge = |edge: Edge| match edge {
        Edge::At(at) => c.at(&at),
        Edge::Day(day) => c.on(&day),
    };
    match fact.happened.when {
        When::At(at) => c.at(&at),
        When::On(day) => c.on(&day),
        When::During(from, Some(to)) if edge(from) != edge(to) => format!("{} – {}", edge(from), edge(to)),
        When::During(from, _) => edge(from),
    }
}

/// What a fact says beside its kind, whether it is only a lead, and whether it is a positive result. Nobody else is
/// named.
pub(super) fn particulars(fact: &Fact, c: &Chrome) -> (String, bool, bool) {
    let word = |value: serde_json::Value| {
        value.as_str().map_or(String::new(), |name| c.word("value", &name.replace('_', "-")))
    };
    let json: serde_json::Value = serde_json::from_str(&fact.body.to_json()).unwrap_or_default();
    let field = |name: &str| json.get(name).cloned().unwrap_or_default();
    let grade = match &fact.body {
        FactBody::Exposure(body) => Some(body.evidence.grade()),
        FactBody::Stay(body) => Some(body.evidence.grade()),
        FactBody::Arrival(body) => Some(body.evidence.grade()),
        _ => None,
    };
    let lead = grade.is_some_and(|grade| grade != EvidenceGrade::Evidence);
    let text = match &fact.body {
        FactBody::Exposure(_) => [word(field("class")), word(field("evidence"))].join(" · "),
        FactBody::Stay(_) => word(field("evidence")),
        FactBody::Arrival(_) => word(field("evidence")),
        FactBody::Diagnosis(body) => {
            let onset = body.onset.map(|day| c.t1("onset-on", "day", c.on(&day)));
            [Some(word(field("status"))), onset].into_iter().flatten().collect::<Vec<_>>().join(" · ")
        }
        FactBody::TestResult(_) => word(field("outcome")),
        FactBody::Sample(_) => word(field("method")),
        FactBody::LoopStep(_) => word(field("stage")),
        FactBody::SymptomReport(body) => body.temperature.map_or(String::new(), |degrees| format!("{degrees:.1} ℃")),
        FactBody::IsolationStarted(body) => body.site.as_str().to_owned(),
        FactBody::Correction(body) => body.reason.as_deref().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let positive = field("outcome") == "positive";
    (text.trim_matches([' ', '·']).to_owned(), lead, positive)
}

/// What comes next, soonest first: tests, reviews, and that each measure ends by itself.
fn steps(view: &PersonView, c: &Chrome) -> Vec<Step> {
    let mut steps = Vec::new();
    for measure in &view.explained.assessment.measures {
        for test in measure.tests().iter().filter(|test| test.date >= view.at.day()) {
            steps.push(Step {
                at: test.date.start(),
                when: c.on(&test.date),
                what: c.t2("next-test", ("day", &test.day.to_string()), ("kind", &c.word("value", "nucleic-test"))),
                soon: test.date == view.at.day(),
            });
        }
        if let Some(review) = measure.review_at().filter(|review| *review > view.at) {
            steps.push(Step { at: review, when: c.at(&review), what: c.t("next-review"), soon: false });
        }
        if measure.ends_at() > view.at {
            let what = c.t1("next-end", "measure", c.word("measure", measure.kind().name()));
            let soon = measure.ends_at() <= view.at.plus_hours(24);
            steps.push(Step { at: measure.ends_at(), when: c.at(&measure.ends_at()), what, soon });
        }
    }
    steps.sort_by_key(|step| step.at);
    steps.dedup_by(|a, b| (&a.when, &a.what) == (&b.when, &b.what));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_reasons_read_as_people_write_them() {
        let finding = Finding::of(
            "集中隔离,2022-03-14T22:49:20+08:00 至 2022-03-22T00:00:00+08:00，第 4 天,2022-03-18",
            "from 2022-03-14T22:49:20+08:00",
        );
        assert_eq!(said(&finding, Lang::Zh), "集中隔离,3月14日 22:49 至 3月22日 00:00，第 4 天,3月18日");
        assert_eq!(said(&finding, Lang::En), "from 14 March 22:49");
    }
}
