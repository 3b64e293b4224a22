//! The names that a file gives to facts and people.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use serde::Deserialize;
use sizao_model::{FactId, PersonId};

/// What a file calls its facts and people, for those whose name is not simply their id.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    facts: FxHashMap<FactId, Box<str>>,
    people: FxHashMap<PersonId, Box<str>>,
}

impl Labels {
    /// The fact as the file calls it.
    pub fn fact(&self, id: FactId) -> Cow<'_, str> {
        self.facts.get(&id).map_or_else(|| Cow::Owned(id.to_string()), |label| Cow::Borrowed(&**label))
    }

    /// The person as the file calls it.
    pub fn person(&self, id: PersonId) -> Cow<'_, str> {
        self.people.get(&id).map_or_else(|| Cow::Owned(id.to_string()), |label| Cow::Borrowed(&**label))
    }

    /// The id of the person that a file, or somebody who read it, calls so.
    pub fn person_called(&self, label: &str) -> PersonId {
        PersonId::from_label(label)
    }

    /// Notes the names in a line that is known to be a fact.
    pub(crate) fn note(&mut self, line: &str) {
        if let Ok(wire) = serde_json::from_str::<FactLabels<'_>>(line) {
            self.note_fact(wire.id.as_deref());
            self.note_person(wire.person.as_deref());
            self.note_body(wire.body);
        }
    }

    /// Notes the names in a body that is known to be valid.
    pub(crate) fn note_body_text(&mut self, body: &str) {
        if let Ok(body) = serde_json::from_str::<BodyLabels<'_>>(body) {
            self.note_body(body);
        }
    }

    fn note_body(&mut self, body: BodyLabels<'_>) {
        let BodyLabels { other, parents, case, via, person, link, sample, of, opened_by, evidence, body } = body;
        for label in [other, case, via, person] {
            self.note_person(label.as_deref());
        }
        for label in parents.iter().flatten() {
            self.note_person(Some(label));
        }
        for label in [link, sample, of, opened_by] {
            self.note_fact(label.as_deref());
        }
        if let Some(Evidence::Facts(labels)) = &evidence {
            for label in labels {
                self.note_fact(Some(label));
            }
        }
        if let Some(body) = body {
            self.note_body(*body);
        }
    }

    fn note_fact(&mut self, label: Option<&str>) {
        let Some(label) = label else { return };
        let id = FactId::from_label(label);
        if !self.facts.contains_key(&id) && id.to_string() != label {
            self.facts.insert(id, label.into());
        }
    }

    fn note_person(&mut self, label: Option<&str>) {
        let Some(label) = label else { return };
        let id = PersonId::from_label(label);
        if !self.people.contains_key(&id) && id.to_string() != label {
            self.people.insert(id, label.into());
        }
    }
}

#[derive(Deserialize)]
struct FactLabels<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    person: Option<Cow<'a, str>>,
    #[serde(borrow)]
    body: BodyLabels<'a>,
}

/// Every field of a body that names a fact or a person; kinds share their names.
#[derive(Deserialize)]
struct BodyLabels<'a> {
    #[serde(borrow, default)]
    other: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    parents: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    case: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    via: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    person: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    link: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    sample: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    of: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    opened_by: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    evidence: Option<Evidence<'a>>,
    /// A correction's replacement.
    #[serde(borrow, default)]
    body: Option<Box<BodyLabels<'a>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Evidence<'a> {
    Facts(#[serde(borrow)] Vec<Cow<'a, str>>),
    /// How a stay or a contact is known.
    Kind(serde::de::IgnoredAny),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, facts: &[&str], people: &[&str]) {
        let mut labels = Labels::default();
        labels.note(&format!(r#"{{"id":"the fact","kind":"any","person":"p1","body":{body}}}"#));
        for label in facts.iter().chain(&["the fact"]) {
            assert_eq!(labels.fact(FactId::from_label(label)), *label);
        }
        for label in people.iter().chain(&["p1"]) {
            assert_eq!(labels.person(PersonId::from_label(label)), *label);
        }
        assert_eq!((labels.facts.len(), labels.people.len()), (facts.len() + 1, people.len() + 1));
    }

    #[test]
    fn labels_come_back_from_every_place_where_ids_stand() {
        check(r#"{"parents":["p2","p3"]}"#, &[], &["p2", "p3"]);
        check(r#"{"case":"c1","via":"v1","evidence":"interview"}"#, &[], &["c1", "v1"]);
        check(r#"{"rule":"case","evidence":["f2","f3"]}"#, &["f2", "f3"], &[]);
        check(r#"{"of":"f2","person":"p 4","body":{"case":"c2"}}"#, &["f2"], &["p 4", "c2"]);
        check(r#"{"other":"p2\u0041","link":"l","sample":"s","opened_by":"o"}"#, &["l", "s", "o"], &["p2A"]);
    }

    #[test]
    fn a_uuid_is_its_own_label_in_whatever_way_it_was_written() {
        let mut labels = Labels::default();
        let written = "0193A5B0-0000-7000-8000-00000000000A";
        labels.note(&format!(r#"{{"id":"{written}","body":{{}}}}"#));
        assert_eq!(labels.fact(FactId::from_label(written)), written);
        let other = FactId::from_label("0193a5b0-0000-7000-8000-00000000000b");
        assert_eq!(labels.fact(other), "0193a5b0-0000-7000-8000-00000000000b");
    }
}
