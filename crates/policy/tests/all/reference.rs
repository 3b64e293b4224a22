//! The expected answers of the policy reference, compared as its `run_cases.py` does: instants as instants, everything
//! else exactly, the order of lists not at all; `because` has to hold the ids listed and only ids of the file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use sizao_model::{Assessment, Fact, FactId, Instant, Measure, PersonId};
use sizao_policy::{FactIndex, assess};
use support::{packs, reference};

use crate::files as support;

#[derive(Deserialize)]
struct Case {
    id: String,
    note: String,
    packs: Vec<String>,
    person: PersonId,
    facts: Vec<Value>,
    known_at: Instant,
    at: Instant,
    expect: Assessment,
}

#[test]
fn every_case_of_the_reference_is_answered_as_expected() {
    let Some(folder) = reference("policy/cases") else { return };
    let mut tally: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut report = String::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let family = file.file_stem().unwrap().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let case: Case = serde_json::from_str(line).unwrap();
            let wrong = differences(&case);
            let (passed, failed) = tally.entry(family.clone()).or_default();
            if wrong.is_empty() {
                *passed += 1;
            } else {
                *failed += 1;
                report.push_str(&format!("FAIL {}: {}\n     {}\n", case.id, case.note, wrong.join("\n     ")));
            }
        }
    }
    assert!(tally.values().map(|(passed, _)| passed).sum::<usize>() > 0, "no case was read");
    assert!(report.is_empty(), "{report}\n{tally:?}");
}

fn differences(case: &Case) -> Vec<String> {
    let facts: Vec<Fact> = case.facts.iter().map(|fact| Fact::from_json(&fact.to_string()).unwrap()).collect();
    let ids: Vec<FactId> = facts.iter().map(|fact| fact.id).collect();
    let index = FactIndex::new(&facts);
    assert!(index.persons().any(|person| person == case.person), "{}: no line for its person", case.id);
    let got = assess(&index.dossier(case.person), &packs(&case.packs), case.known_at, case.at);
    compare(&case.expect, &got, &ids)
}

fn compare(want: &Assessment, got: &Assessment, ids: &[FactId]) -> Vec<String> {
    let mut wrong = Vec::new();
    if want.person != got.person || want.colour != got.colour {
        wrong.push(format!("colour: want {:?}, got {:?}", want.colour, got.colour));
    }
    if want.next_change_at != got.next_change_at {
        wrong.push(format!("next_change_at: want {:?}, got {:?}", want.next_change_at, got.next_change_at));
    }
    let sorted = |assessment: &Assessment| {
        let (mut classes, mut offers) = (assessment.classes.clone(), assessment.offers.clone());
        classes.sort();
        offers.sort();
        (classes, offers)
    };
    if sorted(want) != sorted(got) {
        wrong.push(format!("classes and offers: want {:?}, got {:?}", sorted(want), sorted(got)));
    }
    let (wanted, found) = (by_time(&want.measures), by_time(&got.measures));
    if wanted.len() != found.len() {
        wrong.push(format!("measures: want {wanted:#?}, got {found:#?}"));
        return wrong;
    }
    for (want, got) in wanted.iter().zip(found) {
        if shape(want) != shape(got) {
            wrong.push(format!("measure: want {:?}\n                got  {:?}", shape(want), shape(got)));
        }
        if !want.because().iter().all(|id| got.because().contains(id))
            || !got.because().iter().all(|id| ids.contains(id))
        {
            wrong.push(format!("because of {}: want {:?}, got {:?}", want.rule(), want.because(), got.because()));
        }
    }
    wrong
}

fn by_time(measures: &[Measure]) -> Vec<&Measure> {
    let mut sorted: Vec<&Measure> = measures.iter().collect();
    sorted.sort_by_key(|measure| {
        (measure.starts_at(), measure.ends_at(), measure.rule().to_owned(), measure.kind().name())
    });
    sorted
}

type Shape<'m> = (&'m str, Instant, Instant, &'m str, Option<Instant>, &'m [sizao_model::measure::PlannedTest]);

fn shape(measure: &Measure) -> Shape<'_> {
    (
        measure.kind().name(),
        measure.starts_at(),
        measure.ends_at(),
        measure.rule(),
        measure.review_at(),
        measure.tests(),
    )
}
