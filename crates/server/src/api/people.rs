//! People: lists, search, one person, what holds and why, who looked, and opening an identity.

use std::collections::BTreeMap;

use axum::{Json, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sizao_app::{
    authorization::Action,
    board::Group,
    people::{PeoplePage, PersonLine, PersonView},
};
use sizao_model::{Colour, Fact, FactBody, Finding, Measure, PersonId};

use super::{
    Operation, Told,
    node::Access,
    op,
    read::{Asks, Body, Id},
    wire::{Anything, Day, Division, GroupWord, Key, Line, Moment, PurposeWord},
};
use crate::{context::Ctx, routes::Who::May};

pub(super) const OPERATIONS: &[Operation] = &[
    op!(get "/people" May(Action::ListPeople) => list)
        .says("listPeople", "A group of people, masked")
        .more("Fifty an answer; `next` is the `after` of the following one. Without a group: everybody under a measure.")
        .query::<WhichPeople>()
        .gives::<People>(200),
    op!(post "/people/search" May(Action::ListPeople) => search)
        .says("searchPeople", "People by name, pinyin, initials, number of a document, last four digits of a telephone, code of a list")
        .more("Sent as a body, so that no name stands in an address. At most fifty are found. The search is on record, its text is not.")
        .takes::<Search>(r#"{"q": "欧阳"}"#)
        .gives::<People>(200),
    op!(get "/people/{id}" May(Action::ViewPerson) => show)
        .says("getPerson", "One person, masked: facts, measures, who looked")
        .more("The reading is on record before it is answered. Facts never name another person.")
        .gives::<Person>(200),
    op!(get "/people/{id}/assessment" May(Action::ViewPerson) => assessment)
        .says("getAssessment", "What holds for a person, and why")
        .more("Computed anew from the facts. The reasons are the sentences that the person reads too, in both languages.")
        .gives::<Assessment>(200),
    op!(post "/people/{id}/identity" May(Action::OpenIdentity) => open)
        .says("openIdentity", "Name, documents and telephones in full")
        .more("For a purpose of one's role and with a reason; both are on record before the identity is given.")
        .takes::<Reason>(r#"{"purpose": "control", "reason": "Call about the test of day 3"}"#)
        .gives::<Identity>(200),
];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WhichPeople {
    group: Option<GroupWord>,
    /// A division within one's own; without it, one's own.
    division: Option<Division>,
    /// `next` of the answer before.
    after: Option<Key>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Search {
    /// What is known of the person.
    q: Line<1, 60>,
}

/// Some of a list.
#[derive(Serialize, JsonSchema)]
struct People {
    people: Vec<Summary>,
    /// Of the whole list; none for a search.
    total: Option<u64>,
    next: Option<Key>,
}

/// A person, masked.
#[derive(Serialize, JsonSchema)]
struct Summary {
    id: Key,
    /// Number to speak of the person by.
    number: String,
    /// Family name and stars.
    name: Option<String>,
    division: Option<Division>,
    /// `contact`, `suspected`, `confirmed`, `asymptomatic`; none for others.
    status: Option<&'static str>,
    onset_on: Option<Day>,
    reported_at: Option<Moment>,
    measures: Vec<MeasureLine>,
}

/// A measure with its evidence and its end.
#[derive(Serialize, JsonSchema)]
struct MeasureLine {
    kind: &'static str,
    starts_at: Moment,
    ends_at: Moment,
    /// `<pack>:<rule>`.
    rule: String,
    /// The facts that opened it.
    because: Vec<Key>,
    /// Days on which a test is due.
    tests_on: Vec<Day>,
    review_at: Option<Moment>,
    active: bool,
}

/// One person.
#[derive(Serialize, JsonSchema)]
struct Person {
    #[serde(flatten)]
    summary: Summary,
    /// Masked.
    phones: Vec<String>,
    facts: Vec<FactLine>,
    /// Who looked, latest first; this reading included.
    looks: Vec<Access>,
    /// Purposes for which the identity may be opened.
    may_open_for: Vec<PurposeWord>,
}

/// A fact as it is shown.
#[derive(Serialize, JsonSchema)]
struct FactLine {
    id: Key,
    kind: &'static str,
    /// None where the day is part of the identity.
    happened: Option<Anything>,
    recorded_at: Moment,
    /// Of a person, never about another one.
    said: BTreeMap<&'static str, String>,
    /// A later fact says that it was wrong.
    corrected: bool,
}

/// What holds for a person at a moment.
#[derive(Serialize, JsonSchema)]
struct Assessment {
    person: Key,
    at: Moment,
    /// Computed, never set; none where the pack uses no colours.
    colour: Option<&'static str>,
    measures: Vec<MeasureLine>,
    next_change_at: Option<Moment>,
    explanation: Vec<Reasoned>,
}

/// A finding and what it rests on.
#[derive(Serialize, JsonSchema)]
struct Reasoned {
    rule: Option<String>,
    facts: Vec<Key>,
    zh: String,
    en: String,
    children: Vec<Reasoned>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    purpose: PurposeWord,
    reason: Line<4, 200>,
}

/// An identity, opened.
#[derive(Serialize, JsonSchema)]
struct Identity {
    full_name: Option<String>,
    phones: Vec<String>,
    /// Numbers of documents and codes of lists.
    names: Vec<String>,
}

async fn list(ctx: Ctx, Asks(which): Asks<WhichPeople>) -> Told<People> {
    let group = which.group.map_or(Group::UnderMeasures, |group| group.0);
    let after = which.after.map(|after| PersonId::new(after.0));
    let found = ctx.app().list_people(&ctx.actor, group, which.division.map(|division| division.0), after).await?;
    Ok((StatusCode::OK, Json(People::of(&found, &ctx))))
}

async fn search(ctx: Ctx, Body(sent): Body<Search>) -> Told<People> {
    let found = ctx.app().search(&ctx.actor, &sent.q.0, ctx.wall()).await?;
    Ok((StatusCode::OK, Json(People::of(&found, &ctx))))
}

async fn show(ctx: Ctx, Id(id): Id) -> Told<Person> {
    let view = ctx.app().view_person(&ctx.actor, PersonId::new(id), ctx.wall()).await?;
    let facts = fact_lines(&view);
    let person = Person {
        summary: Summary::of(&view.line, &ctx),
        phones: view.phones,
        facts,
        looks: view.looks.into_iter().map(Access::of).collect(),
        may_open_for: view.may_open_for.iter().copied().map(PurposeWord).collect(),
    };
    Ok((StatusCode::OK, Json(person)))
}

async fn assessment(ctx: Ctx, Id(id): Id) -> Told<Assessment> {
    let view = ctx.app().view_person(&ctx.actor, PersonId::new(id), ctx.wall()).await?;
    let found = view.explained.assessment;
    let told = Assessment {
        person: Key(id),
        at: Moment(view.at),
        colour: found.colour.map(|colour| match colour {
            Colour::Green => "green",
            Colour::Yellow => "yellow",
            Colour::Red => "red",
        }),
        measures: found.measures.iter().map(|measure| MeasureLine::of(measure, view.at)).collect(),
        next_change_at: found.next_change_at.map(Moment),
        explanation: view.explained.explanation.findings.into_iter().map(Reasoned::of).collect(),
    };
    Ok((StatusCode::OK, Json(told)))
}

async fn open(ctx: Ctx, Id(id): Id, Body(sent): Body<Reason>) -> Told<Identity> {
    let person = PersonId::new(id);
    let purpose = sent.purpose.0.name();
    let found = ctx.app().open_identity(&ctx.actor, person, purpose, &sent.reason.0, ctx.wall()).await?;
    let identity = Identity { full_name: found.full_name, phones: found.phones, names: found.names };
    Ok((StatusCode::OK, Json(identity)))
}

impl People {
    fn of(page: &PeoplePage, ctx: &Ctx) -> Self {
        Self {
            people: page.lines.iter().map(|line| Summary::of(line, ctx)).collect(),
            total: page.total,
            next: page.next.map(|next| Key(next.uuid())),
        }
    }
}

impl Summary {
    fn of(line: &PersonLine, ctx: &Ctx) -> Self {
        let now = ctx.app().now();
        let measures = line.assessment.iter().flat_map(|found| &found.measures);
        let course = line.course.as_ref();
        Self {
            id: Key(line.person.uuid()),
            number: line.number.clone(),
            name: line.name.clone(),
            division: line.division.map(Division),
            status: course.map(|course| match course.status {
                1 => "suspected",
                2 => "confirmed",
                3 => "asymptomatic",
                _ => "contact",
            }),
            onset_on: course.and_then(|course| course.onset_on).map(Day),
            reported_at: course.and_then(|course| course.reported_at.or(course.contact_at)).map(Moment),
            measures: measures.map(|measure| MeasureLine::of(measure, now)).collect(),
        }
    }
}

impl MeasureLine {
    fn of(measure: &Measure, now: sizao_model::Instant) -> Self {
        Self {
            kind: measure.kind().name(),
            starts_at: Moment(measure.starts_at()),
            ends_at: Moment(measure.ends_at()),
            rule: measure.rule().to_owned(),
            because: measure.because().iter().map(|fact| Key(fact.uuid())).collect(),
            tests_on: measure.tests().iter().map(|test| Day(test.date)).collect(),
            review_at: measure.review_at().map(Moment),
            active: measure.is_active(now),
        }
    }
}

impl Reasoned {
    fn of(finding: Finding) -> Self {
        Self {
            rule: finding.rule.map(|rule| rule.as_ref().to_owned()),
            facts: finding.facts.iter().map(|fact| Key(fact.uuid())).collect(),
            zh: finding.zh,
            en: finding.en,
            children: finding.children.into_iter().map(Self::of).collect(),
        }
    }
}

/// Words of a body that say nothing about anybody else.
const SAID: [&str; 7] = ["class", "evidence", "method", "onset", "outcome", "stage", "status"];

fn fact_lines(view: &PersonView) -> Vec<FactLine> {
    let facts = &view.explained.facts;
    let corrected = |fact: &Fact| {
        facts.iter().any(|by| matches!(&by.body, FactBody::Correction(correction) if correction.of == fact.id))
    };
    let line = |fact: &Fact| {
        let body: serde_json::Value = serde_json::from_str(&fact.body.to_json()).unwrap_or_default();
        let said = SAID.iter().filter_map(|name| Some((*name, body.get(*name)?.as_str()?.to_owned())));
        let is_birthday = matches!(fact.body, FactBody::Person(_));
        let happened = serde_json::to_value(&fact.happened).ok().filter(|_| !is_birthday);
        FactLine {
            id: Key(fact.id.uuid()),
            kind: fact.body.kind().name(),
            happened: happened.map(Anything),
            recorded_at: Moment(fact.recorded_at),
            said: said.collect(),
            corrected: corrected(fact),
        }
    };
    facts.iter().map(line).collect()
}
