//! Explanations: the same in both languages, and never another patient.

use proptest::prelude::*;
use sizao_model::{Fact, Instant, PersonId};
use sizao_policy::{FactIndex, assess, explain};
use support::packs;

use crate::files as support;
use crate::world;
use crate::world::{PEOPLE, TIMELINES, person, read};

fn contact() -> Vec<Fact> {
    vec![
        read(
            &serde_json::json!({"id": "f1", "kind": "diagnosis", "person": "case", "happened": {"at": "2022-07-10T12:30:00+08:00"},
            "recorded_at": "2022-07-10T12:30:00+08:00", "body": {"status": "confirmed_case", "onset": "2022-07-09"}}),
        ),
        read(
            &serde_json::json!({"id": "f2", "kind": "exposure", "person": "me", "happened": {"from": "2022-07-10T10:00:00+08:00", "to": "2022-07-10T11:30:00+08:00"},
            "recorded_at": "2022-07-11T13:00:00+08:00", "body": {"case": "case", "evidence": "interview", "class": "close_contact"}}),
        ),
        read(
            &serde_json::json!({"id": "f3", "kind": "stay", "person": "me", "happened": {"from": "2022-07-01", "to": "2022-07-02"},
            "recorded_at": "2022-07-03T13:00:00+08:00", "body": {"area": "410102", "evidence": "cell_location"}}),
        ),
    ]
}

#[test]
fn a_contact_reads_rule_evidence_tests_and_end_in_both_languages() {
    let facts = contact();
    let (packs, at) = (packs(&["cn-covid-v9"]), Instant::parse("2022-07-12T09:00:00+08:00").unwrap());
    let dossier = FactIndex::new(&facts).dossier(PersonId::from_label("me"));
    let told = explain(&assess(&dossier, &packs, at, at), &dossier, &packs, at);
    let lines = |pick: fn(&sizao_model::Finding) -> &str| {
        told.findings.iter().flat_map(|finding| finding.walk()).map(pick).collect::<Vec<_>>().join("\n")
    };
    let (zh, en) = (lines(|finding| &finding.zh), lines(|finding| &finding.en));
    for words in [
        "健康码:红码",
        "集中隔离医学观察",
        "密切接触者",
        "流调询问",
        "咽拭子",
        "自动结束",
        "申诉",
        "手机信令",
        "永不产生措施",
        "不显示他人身份",
    ] {
        assert!(zh.contains(words), "{words} in\n{zh}");
    }
    for words in [
        "Health code: red",
        "quarantine at a site, from 2022-07-11T13:00:00+08:00 to 2022-07-18T00:00:00+08:00",
        "an exposure (2022-07-10), known from an interview",
        "without names: a diagnosis (1)",
        "Test: day 1, 2022-07-11, throat swab, samples: 1",
        "It ends by itself at 2022-07-18T00:00:00+08:00",
        "You may appeal",
        "the cell of a phone: only a reason to ask",
    ] {
        assert!(en.contains(words), "{words} in\n{en}");
    }
    assert!(!en.contains("default, not official"), "every number of this rule has a source");
    assert_eq!(told.findings[1].rule.as_deref(), Some("cn-covid-v9:close_contact"));
}

#[test]
fn nobody_under_measures_reads_that() {
    let (packs, at) = (packs(&["cn-covid-v9"]), Instant::parse("2022-07-12T09:00:00+08:00").unwrap());
    let facts: Vec<Fact> = Vec::new();
    let dossier = FactIndex::new(&facts).dossier(PersonId::from_label("me"));
    let told = explain(&assess(&dossier, &packs, at, at), &dossier, &packs, at);
    assert_eq!(
        told.findings.iter().map(|finding| finding.en.as_str()).collect::<Vec<_>>(),
        ["Health code: green", "No measure holds for you."]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_explanation_never_names_another_person_or_their_facts(timeline in world::timeline(), seeds in world::seeds(40), hours in 0i64..1000) {
        let facts: Vec<Fact> = world::facts(timeline, &seeds)
            .into_iter()
            .filter(|fact| !matches!(fact.body.kind().name(), "identity_link" | "correction"))
            .collect();
        let (packs, at) = (packs(TIMELINES[timeline]), world::moment(timeline, hours));
        let index = FactIndex::new(&facts);
        for number in 0..PEOPLE {
            let dossier = index.dossier(person(number));
            let told = serde_json::to_string(&explain(&assess(&dossier, &packs, at, at), &dossier, &packs, at)).unwrap();
            for other in (0..PEOPLE).filter(|other| *other != number) {
                prop_assert!(!told.contains(&person(other).to_string()));
            }
            for fact in facts.iter().filter(|fact| fact.person != Some(person(number))) {
                prop_assert!(!told.contains(&fact.id.to_string()));
            }
        }
    }

    #[test]
    fn corrections_and_links_name_nobody_either(timeline in world::timeline(), seeds in world::seeds(60), hours in 0i64..1000) {
        let facts = world::facts(timeline, &seeds);
        let (packs, at) = (packs(TIMELINES[timeline]), world::moment(timeline, hours));
        let index = FactIndex::new(&facts);
        for number in 0..PEOPLE {
            let dossier = index.dossier(person(number));
            let told = serde_json::to_string(&explain(&assess(&dossier, &packs, at, at), &dossier, &packs, at)).unwrap();
            for other in (0..PEOPLE).filter(|other| *other != number) {
                prop_assert!(!told.contains(&person(other).to_string()));
            }
            // Nobody reads of another's diagnosis, unless their records are linked.
            let linked = facts.iter().any(|fact| fact.body.kind().name() == "identity_link");
            let corrected = facts.iter().any(|fact| fact.body.kind().name() == "correction");
            let others = facts.iter().filter(|fact| fact.person.is_some_and(|of| of != person(number)));
            for fact in others.filter(|_| !linked && !corrected) {
                prop_assert!(!told.contains(&fact.id.to_string()));
            }
        }
    }
}
