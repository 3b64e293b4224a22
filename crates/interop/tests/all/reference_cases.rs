//! The facts of the reference's policy cases read, and their people and facts keep the names they were given.

use std::{fmt::Write as _, path::PathBuf};

use serde_json::Value;
use sizao_interop::ndjson;
use sizao_model::FactId;

#[test]
fn facts_of_all_reference_cases_are_read_with_their_names() {
    let Some(folder) = std::env::var_os("SIZAO_REFERENCE").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "SIZAO_REFERENCE is not set");
        println!("not run: reference data absent");
        return;
    };
    let mut cases = 0;
    for entry in std::fs::read_dir(folder.join("policy/cases")).unwrap() {
        let path = entry.unwrap().path();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let facts = case["facts"].as_array().unwrap();
            let text = facts.iter().fold(String::new(), |mut text, fact| {
                writeln!(text, "{fact}").unwrap();
                text
            });
            let (read, labels) = ndjson::read_facts(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors:?}"));
            for (fact, wire) in read.iter().zip(facts) {
                assert_eq!(labels.fact(fact.id), wire["id"].as_str().unwrap());
                assert_eq!(
                    fact.person.map(|person| labels.person(person).into_owned()).as_deref(),
                    wire["person"].as_str()
                );
            }
            let person = case["person"].as_str().unwrap();
            assert_eq!(labels.person(labels.person_called(person)), person);
            for fact in case["expect"]["measures"].as_array().into_iter().flatten() {
                for because in fact["because"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    assert_eq!(labels.fact(FactId::from_label(because)), because);
                }
            }
            cases += 1;
        }
    }
    assert!(cases >= 300, "{cases}");
}
