//! Whom a fact concerns: the persons whose assessment has to be made again.

use serde_json::{Value, json};
use sizao_model::{Fact, PersonId};
use sizao_policy::{FactIndex, Mention, mentions};

use crate::world;

fn fact(id: &str, kind: &str, person: Option<&str>, happened: Value, body: Value) -> Fact {
    let mut value =
        json!({"id": id, "kind": kind, "happened": happened, "recorded_at": "2022-03-08T09:00:00+08:00", "body": body});
    if let Some(person) = person {
        value["person"] = json!(person);
    }
    world::read(&value)
}

fn at() -> Value {
    json!({"at": "2022-03-08T08:00:00+08:00"})
}

fn span() -> Value {
    json!({"from": "2022-03-07", "to": "2022-03-07"})
}

/// A case, her contact, his contact, the contact's child, somebody linked to the contact, and a stranger.
fn family() -> Vec<Fact> {
    let exposure = |id, person, body| fact(id, "exposure", Some(person), span(), body);
    vec![
        fact("diagnosis", "diagnosis", Some("case"), at(), json!({"status": "confirmed_case"})),
        exposure("e1", "contact", json!({"case": "case", "evidence": "interview", "class": "close_contact"})),
        exposure("e2", "second", json!({"via": "contact", "evidence": "interview", "class": "secondary_contact"})),
        fact("child", "person", Some("child"), json!({"day": "2022-03-01"}), json!({"parents": ["contact"]})),
        fact("link", "identity_link", Some("contact"), at(), json!({"other": "same", "basis": "document"})),
        fact("stay", "stay", Some("stranger"), span(), json!({"area": "410102001", "evidence": "declared"})),
        fact("sample", "sample", Some("stranger"), at(), json!({"method": "nucleic_test", "pool": "tube-1"})),
        fact("place", "isolation_started", Some("stranger"), at(), json!({"site": "site-1", "floor": 2})),
    ]
}

#[track_caller]
fn check(arriving: Fact, want: &[&str]) {
    let mut facts = family();
    facts.retain(|fact| fact.id != arriving.id);
    facts.push(arriving);
    let mut want: Vec<PersonId> = want.iter().map(|label| PersonId::from_label(label)).collect();
    want.sort_unstable();
    assert_eq!(FactIndex::new(&facts).concerned(facts.last().unwrap()), want);
}

#[test]
fn a_diagnosis_concerns_contacts_their_contacts_their_children_and_linked_records() {
    check(family().remove(0), &["case", "contact", "same", "second", "child"]);
}

#[test]
fn a_retraction_concerns_whom_the_retracted_fact_concerned() {
    let retraction = fact("c", "correction", None, at(), json!({"of": "diagnosis", "retract": true}));
    check(retraction, &["case", "contact", "same", "second", "child"]);
}

#[test]
fn a_correction_concerns_the_person_to_whom_it_moves_a_fact() {
    let moved = fact("c", "correction", None, at(), json!({"of": "stay", "person": "other"}));
    check(moved, &["stranger", "other"]);
}

#[test]
fn a_fact_that_a_correction_awaits_concerns_the_person_in_truth() {
    let mut facts = vec![fact("c", "correction", None, at(), json!({"of": "death", "person": "other"}))];
    facts.push(fact("death", "death", Some("wrong"), at(), json!({})));
    let mut want = ["wrong", "other"].map(PersonId::from_label);
    want.sort_unstable();
    assert_eq!(FactIndex::new(&facts).concerned(&facts[1]), want);
}

#[test]
fn an_area_concerns_who_stayed_in_its_city() {
    let declared = |area: &str| {
        let body = json!({"area": area, "level": "high", "until": "2022-04-08T08:00:00+08:00", "evidence": ["x"], "signers": ["a", "b"]});
        fact("area", "area_declared", None, at(), body)
    };
    check(declared("410104"), &["stranger"]);
    check(declared("41"), &["stranger"]);
    check(declared("4103"), &[]);
}

#[test]
fn a_result_of_a_tube_concerns_its_members_and_a_reset_who_is_at_the_site() {
    check(fact("r", "result", None, at(), json!({"pool": "tube-1", "outcome": "positive"})), &["stranger"]);
    let reset = json!({"site": "site-1", "floor": 3, "scope": "floors", "evidence": ["sample"]});
    check(fact("r", "site_reset", None, at(), reset), &["stranger"]);
}

#[test]
fn mentions_name_everything_but_the_person_a_fact_is_about() {
    let found = |fact: &Fact| mentions(fact).collect::<Vec<_>>();
    let person = |label| Mention::Person(PersonId::from_label(label));
    let family = family();
    assert_eq!(found(&family[1]), [person("case")]);
    assert_eq!(found(&family[3]), [person("contact")]);
    assert_eq!(found(&family[5]), [Mention::Area("410102001".into())]);
    assert_eq!(found(&family[6]), [Mention::Pool("tube-1".into())]);
    assert_eq!(found(&family[7]), [Mention::Site("site-1".into())]);
    let correction = fact(
        "c",
        "correction",
        None,
        at(),
        json!({"of": "e1", "person": "x", "body": {"case": "y", "class": "general_contact"}}),
    );
    assert_eq!(found(&correction), [Mention::Fact(family[1].id), person("x"), person("y")]);
}
