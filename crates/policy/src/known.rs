//! What was known at a moment: facts recorded by then, with their corrections applied.

use std::borrow::Cow;

use serde_json::Value;
use sizao_model::{Fact, FactBody, FactId, Happened, Instant, PersonId, fact::Correction};

use crate::grounds::{Grounds, grounds_of};

/// A fact as it was known, after corrections.
#[derive(Clone, Debug)]
pub(crate) struct Seen<'a> {
    pub id: FactId,
    pub person: Option<PersonId>,
    pub happened: Cow<'a, Happened>,
    /// When it was recorded; of a fact moved to another person, when that was recorded.
    pub recorded_at: Instant,
    pub body: Cow<'a, FactBody>,
    /// The corrections through which it counts.
    pub corrections: Vec<FactId>,
}

impl Seen<'_> {
    /// First instant.
    pub fn starts_at(&self) -> Instant {
        self.happened.starts_at()
    }
}

/// The facts known at `known_at`, oldest record first, corrections applied and taken out.
///
/// A correction that retracts makes the fact not exist. One of time or body keeps the first recording time; one that
/// changes the person counts from the correction. A declaration of an area that rests on no case does not exist.
pub(crate) fn read<'a>(facts: &[&'a Fact], known_at: Instant) -> Vec<Seen<'a>> {
    let mut known: Vec<&'a Fact> = facts.iter().copied().filter(|fact| fact.recorded_at <= known_at).collect();
    known.sort_unstable_by_key(|fact| (fact.recorded_at, fact.id));
    known.dedup_by_key(|fact| fact.id);
    let corrections = standing_corrections(&known);
    let mut seen: Vec<Seen<'a>> = known
        .iter()
        .filter(|fact| !matches!(fact.body, FactBody::Correction(_)))
        .filter(|fact| is_grounded(fact, &known))
        .filter_map(|fact| corrected(fact, &corrections))
        .collect();
    if !corrections.is_empty() {
        seen.sort_unstable_by_key(|seen| (seen.recorded_at, seen.id));
    }
    seen
}

/// Whether a declaration of an area rests on a case, as far as is known; anything else does not need one.
fn is_grounded(fact: &Fact, known: &[&Fact]) -> bool {
    let FactBody::AreaDeclared(declared) = &fact.body else { return true };
    let with_id = |id: FactId| known.iter().copied().find(|other| other.id == id);
    grounds_of(fact, &declared.evidence, with_id) != Grounds::None
}

/// Corrections that are not themselves retracted, oldest first, as they were corrected.
fn standing_corrections<'a>(known: &[&'a Fact]) -> Vec<(&'a Fact, Cow<'a, Correction>)> {
    let all: Vec<(&Fact, &Correction)> = known
        .iter()
        .filter_map(|fact| match &fact.body {
            FactBody::Correction(correction) => Some((*fact, correction)),
            _ => None,
        })
        .collect();
    let mut standing = all.clone();
    // A later correction may retract an earlier one, and be retracted in turn: judge from the last backwards.
    for index in (0..all.len()).rev() {
        let (fact, _) = all[index];
        let retracted = standing.iter().any(|(by, correction)| {
            correction.retract && correction.of == fact.id && (by.recorded_at, by.id) > (fact.recorded_at, fact.id)
        });
        if retracted {
            standing.retain(|(kept, _)| kept.id != fact.id);
        }
    }
    as_corrected(standing)
}

/// A correction that is itself corrected says what the later one says; judged from the last backwards.
fn as_corrected<'a>(standing: Vec<(&'a Fact, &'a Correction)>) -> Vec<(&'a Fact, Cow<'a, Correction>)> {
    let mut corrections: Vec<(&Fact, Cow<'_, Correction>)> =
        standing.into_iter().map(|(fact, correction)| (fact, Cow::Borrowed(correction))).collect();
    for index in (0..corrections.len()).rev() {
        let (before, later) = corrections.split_at_mut(index + 1);
        let Some((fact, correction)) = before.last_mut() else { continue };
        for fields in later.iter().filter(|(_, by)| by.of == fact.id).filter_map(|(_, by)| by.body.as_ref()) {
            let body = FactBody::Correction(correction.clone().into_owned());
            if let Some(FactBody::Correction(patched)) = patched(&body, fields) {
                *correction = Cow::Owned(patched);
            }
        }
    }
    corrections
}

fn corrected<'a>(fact: &&'a Fact, corrections: &[(&'a Fact, Cow<'a, Correction>)]) -> Option<Seen<'a>> {
    let fact: &'a Fact = fact;
    let mut seen = Seen {
        id: fact.id,
        person: fact.person,
        happened: Cow::Borrowed(&fact.happened),
        recorded_at: fact.recorded_at,
        body: Cow::Borrowed(&fact.body),
        corrections: Vec::new(),
    };
    for (by, correction) in corrections.iter().filter(|(_, correction)| correction.of == fact.id) {
        if correction.retract {
            return None;
        }
        if let Some(person) = correction.person.filter(|person| Some(*person) != seen.person) {
            seen.person = Some(person);
            seen.recorded_at = by.recorded_at.max(seen.recorded_at);
        }
        if let Some(happened) = &correction.happened {
            seen.happened = Cow::Owned(happened.clone());
        }
        if let Some(body) = correction.body.as_ref().and_then(|fields| patched(&seen.body, fields)) {
            seen.body = Cow::Owned(body);
        }
        seen.corrections.push(by.id);
    }
    Some(seen)
}

/// The body with these fields as they are in truth. A correction that would make no valid body changes nothing: it is
/// refused on the way in, and one malformed fact never stops an assessment.
fn patched(body: &FactBody, fields: &serde_json::Map<String, Value>) -> Option<FactBody> {
    let mut whole: serde_json::Map<String, Value> = serde_json::from_str(&body.to_json()).ok()?;
    for (field, value) in fields {
        if value.is_null() {
            whole.remove(field);
        } else {
            whole.insert(field.clone(), value.clone());
        }
    }
    FactBody::from_json(body.kind().name(), &Value::Object(whole).to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(json: &str) -> Fact {
        Fact::from_json(json).unwrap()
    }

    fn exposure() -> Fact {
        fact(
            r#"{"id":"f1","kind":"exposure","person":"p1","happened":{"day":"2022-03-04"},"recorded_at":"2022-03-05T13:00:00+08:00","body":{"case":"c1","evidence":"interview","class":"close_contact"}}"#,
        )
    }

    fn correction(id: &str, hour: u8, body: &str) -> Fact {
        let at = format!("2022-03-08T{hour:02}:00:00+08:00");
        fact(&format!(
            r#"{{"id":"{id}","kind":"correction","happened":{{"at":"{at}"}},"recorded_at":"{at}","body":{body}}}"#
        ))
    }

    fn known(facts: &[Fact], at: &str) -> Vec<(Option<PersonId>, String, String)> {
        let facts: Vec<&Fact> = facts.iter().collect();
        read(&facts, Instant::parse(at).unwrap())
            .iter()
            .map(|seen| (seen.person, seen.recorded_at.to_string(), seen.starts_at().to_string()))
            .collect()
    }

    const LATER: &str = "2022-03-10T12:00:00+08:00";

    #[test]
    fn a_correction_of_time_keeps_the_first_recording_time() {
        let facts = [exposure(), correction("f2", 9, r#"{"of":"f1","happened":{"day":"2022-03-03"}}"#)];
        let [(_, recorded_at, starts_at)] = &known(&facts, LATER)[..] else { panic!() };
        assert_eq!(
            (recorded_at.as_str(), starts_at.as_str()),
            ("2022-03-05T13:00:00+08:00", "2022-03-03T00:00:00+08:00")
        );
        let [(_, _, before)] = &known(&facts, "2022-03-08T08:59:59+08:00")[..] else { panic!() };
        assert_eq!(before, "2022-03-04T00:00:00+08:00", "not known yet");
    }

    #[test]
    fn a_correction_of_the_person_counts_from_the_correction() {
        let facts = [exposure(), correction("f2", 9, r#"{"of":"f1","person":"p2"}"#)];
        let [(person, recorded_at, _)] = &known(&facts, LATER)[..] else { panic!() };
        assert_eq!((*person, recorded_at.as_str()), (Some(PersonId::from_label("p2")), "2022-03-08T09:00:00+08:00"));
    }

    #[test]
    fn a_retraction_can_be_retracted() {
        let facts = [
            exposure(),
            correction("f2", 9, r#"{"of":"f1","retract":true}"#),
            correction("f3", 10, r#"{"of":"f2","retract":true}"#),
        ];
        assert_eq!(known(&facts[..2], LATER).len(), 0);
        assert_eq!(known(&facts, LATER).len(), 1);
        assert_eq!(known(&facts, "2022-03-08T09:30:00+08:00").len(), 0);
    }

    #[test]
    fn a_correction_that_was_corrected_says_what_the_later_one_says() {
        let facts = [
            exposure(),
            correction("f2", 9, r#"{"of":"f1","happened":{"day":"2022-03-02"}}"#),
            correction("f3", 10, r#"{"of":"f2","body":{"happened":{"day":"2022-03-01"}}}"#),
            correction("f4", 11, r#"{"of":"f3","body":{"body":{"happened":{"day":"2022-03-03"}}}}"#),
        ];
        let starts_at = |upto: usize| known(&facts[..upto], LATER)[0].2.clone();
        assert_eq!(starts_at(2), "2022-03-02T00:00:00+08:00");
        assert_eq!(starts_at(3), "2022-03-01T00:00:00+08:00");
        assert_eq!(starts_at(4), "2022-03-03T00:00:00+08:00");
        let taken_back = [
            facts[0].clone(),
            facts[1].clone(),
            facts[2].clone(),
            correction("f5", 12, r#"{"of":"f3","retract":true}"#),
        ];
        assert_eq!(known(&taken_back, LATER)[0].2, "2022-03-02T00:00:00+08:00");
    }

    #[test]
    fn a_correction_that_makes_no_valid_body_changes_nothing() {
        let facts = [exposure(), correction("f2", 9, r#"{"of":"f1","body":{"class":"hearsay"}}"#)];
        let seen: Vec<&Fact> = facts.iter().collect();
        let seen = read(&seen, Instant::parse(LATER).unwrap());
        assert_eq!(*seen[0].body, facts[0].body);
    }
}
