//! The investigation of a case (流行病学调查): what is asked, in parts, each with its clock; answers are facts in versions.

use std::collections::BTreeMap;

use sizao_model::{Fact, FactBody, FactId, Instant, PersonId, fact::Investigation};

use super::PURPOSE;
use crate::{
    App, AppError, access::Reason, authorization::Action, identity::Actor, mandates::Collection, refusal::Refusal,
};

/// Longest answer, in characters.
const ANSWER_MAX: usize = 500;

/// A part of the form: its name, within how many hours of the report it is owed, its questions.
pub struct Part {
    /// Word.
    pub name: &'static str,
    /// Hours after the case was put on record.
    pub hours: i64,
    /// Questions.
    pub questions: &'static [Question],
}

/// A question: word, and whether the part is answered without it.
pub type Question = (&'static str, bool);

/// Parts, in the order in which they are owed: core facts in two hours, movements and contacts in four, the report in a day.
pub const PARTS: [Part; 3] = [
    Part {
        name: "core",
        hours: 2,
        questions: &[
            ("onset", true),
            ("symptoms", true),
            ("address", true),
            ("work", true),
            ("household-size", true),
            ("isolated-where", true),
        ],
    },
    Part {
        name: "movements",
        hours: 4,
        questions: &[
            ("travel", true),
            ("venues", true),
            ("vehicles", true),
            ("gatherings", true),
            ("healthcare", false),
            ("key-people", false),
        ],
    },
    Part {
        name: "report",
        hours: 24,
        questions: &[
            ("source-likely", true),
            ("vaccination", true),
            ("underlying", false),
            ("risk", true),
            ("measures-taken", true),
            ("open-questions", false),
        ],
    },
];

/// The parts.
pub fn parts() -> &'static [Part] {
    &PARTS
}

/// A clock of the investigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which part.
    pub part: &'static str,
    /// Hours allowed.
    pub hours: i64,
    /// When it is owed.
    pub due_at: Instant,
    /// When it was first answered whole.
    pub done_at: Option<Instant>,
}

impl Mark {
    /// Minutes late, when it was done or by now; none in time.
    pub fn late_minutes(&self, now: Instant) -> Option<i64> {
        let late = self.done_at.unwrap_or(now).as_micros() - self.due_at.as_micros();
        (late > 0).then_some(late / 60_000_000)
    }
}

/// The newest version of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Which part.
    pub part: &'static str,
    /// Answers by question.
    pub answers: BTreeMap<String, String>,
    /// How many versions there are.
    pub version: usize,
    /// When the newest was recorded.
    pub at: Instant,
}

impl App {
    /// Records answers to a part; a new version, whatever was answered before.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn investigate(
        &self,
        actor: &Actor,
        person: PersonId,
        part: &str,
        answers: &[(String, String)],
        wall: Instant,
    ) -> Result<FactId, AppError> {
        self.may_touch(actor, Action::TraceCases, person, PURPOSE, wall).await?;
        let part = PARTS.iter().find(|known| known.name == part).ok_or(Refusal::field("part", "choose"))?;
        self.require_mandate(Collection::Cases, actor.division).await?;
        let mut kept = BTreeMap::new();
        for (question, answer) in answers {
            let answer = answer.trim();
            let known = part.questions.iter().find(|(name, _)| name == question);
            let Some((name, _)) = known.filter(|_| !answer.is_empty()) else { continue };
            if answer.chars().count() > ANSWER_MAX || answer.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
                return Err(Refusal::field("answer", "too-long").into());
            }
            kept.insert((*name).into(), answer.into());
        }
        if kept.is_empty() {
            return Err(Refusal::field("answer", "empty").into());
        }
        let told = Reason::of(&format!("investigation: {}", part.name));
        self.log_deed(actor, Action::TraceCases, PURPOSE, Some(person), told, wall).await?;
        let body = Investigation { part: part.name.into(), answers: kept };
        self.word_about(actor, person, body.into(), wall).await
    }
}

/// The clocks: from when the latest diagnosis was put on record. None for who is no case.
pub(super) fn marks(facts: &[Fact], _now: Instant) -> Vec<Mark> {
    let reported = facts.iter().filter(
        |fact| matches!(&fact.body, FactBody::Diagnosis(one) if one.status != sizao_model::fact::CaseStatus::Excluded),
    );
    let Some(reported_at) = reported.map(|fact| fact.recorded_at).max() else { return Vec::new() };
    PARTS
        .iter()
        .map(|part| {
            let done = facts.iter().filter(|fact| fact.recorded_at >= reported_at && is_whole(part, fact));
            let due_at = reported_at.plus_hours(part.hours);
            Mark { part: part.name, hours: part.hours, due_at, done_at: done.map(|fact| fact.recorded_at).min() }
        })
        .collect()
}

fn is_whole(part: &Part, fact: &Fact) -> bool {
    let FactBody::Investigation(one) = &fact.body else { return false };
    let wanted = part.questions.iter().filter(|(_, wanted)| *wanted);
    *one.part == *part.name && wanted.into_iter().all(|(name, _)| one.answers.contains_key(*name))
}

/// The newest version of each part.
pub(super) fn answered(facts: &[Fact]) -> Vec<Answered> {
    let of_part = |part: &Part| {
        let versions = facts.iter().filter_map(|fact| match &fact.body {
            FactBody::Investigation(one) if *one.part == *part.name => Some((fact.recorded_at, one)),
            _ => None,
        });
        let versions: Vec<_> = versions.collect();
        let (at, newest) = versions.iter().max_by_key(|(at, _)| *at)?;
        let answers = newest.answers.iter().map(|(question, answer)| (question.to_string(), answer.to_string()));
        Some(Answered { part: part.name, answers: answers.collect(), version: versions.len(), at: *at })
    };
    PARTS.iter().filter_map(of_part).collect()
}
