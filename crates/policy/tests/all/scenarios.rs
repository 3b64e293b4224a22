//! Every scenario beside a pack passes, and one with a wrong expectation does not.

use std::path::Path;

use sizao_policy::{Pack, PackTimeline, Scenario};
use support::{packs, policies};

use crate::files as support;

#[test]
fn every_scenario_passes() {
    every_one_passes(&policies(), |_, ids| packs(ids));
}

/// Diseases written from the page on packs alone, with the answers worked out by hand in the head of each scenario.
#[test]
fn diseases_written_from_the_page_alone_give_the_answers_worked_out_by_hand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/from_the_page");
    every_one_passes(&folder, |id, _| {
        let text = std::fs::read_to_string(folder.join(id).join("pack.toml")).unwrap();
        PackTimeline::new(vec![Pack::from_toml(id, &text).unwrap_or_else(|faults| panic!("{faults:?}"))]).unwrap()
    });
}

#[track_caller]
fn every_one_passes(folder: &Path, packs: impl Fn(&str, &[String]) -> PackTimeline) {
    let mut wrong = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap();
        let id = folder.file_name().into_string().unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path().join("scenarios"))
            .unwrap_or_else(|_| panic!("{id} has no scenarios"))
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(!files.is_empty(), "{id} has no scenarios");
        for file in files {
            let name = format!("{id}/{}", file.file_name().unwrap().to_string_lossy());
            let scenario = Scenario::from_toml(&std::fs::read_to_string(&file).unwrap())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let ids = if scenario.packs.is_empty() { vec![id.clone()] } else { scenario.packs.clone() };
            for difference in scenario.run(&packs(&id, &ids)) {
                wrong.push_str(&format!("{name}: {difference}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The invented disease that the page on packs works through is read from the page and run.
#[test]
fn the_disease_worked_through_in_the_documentation_runs() {
    let page = std::fs::read_to_string(policies().join("../docs/methods/policy.md")).unwrap();
    let mut blocks = page.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    let pack = Pack::from_toml("lantern-fever", blocks.next().unwrap()).unwrap();
    let scenario = Scenario::from_toml(blocks.next().unwrap()).unwrap();
    assert_eq!(scenario.run(&PackTimeline::new(vec![pack]).unwrap()), Vec::<String>::new());
}

#[test]
fn a_wrong_expectation_is_told_in_words() {
    let text = "title = 'nothing'\nperson = 'a'\nat = '2022-03-10T12:00:00+08:00'\n[expect]\ncolour = 'red'\n\
        [[expect.measures]]\nkind = 'hold'\nrule = 'cn-covid-v8:hold'\nstarts_at = '2022-03-10'\nends_at = '2022-03-11'\n";
    let differences = Scenario::from_toml(text).unwrap().run(&packs(&["cn-covid-v8"]));
    assert_eq!(differences.len(), 2, "{differences:?}");
    assert_eq!(differences[0], "colour: expected red, got green");
    assert!(differences[1].starts_with("expected: hold by cn-covid-v8:hold"));
}

#[test]
fn facts_that_are_not_known_yet_are_named_when_a_scenario_fails() {
    let text = "title = 't'\nperson = 'a'\nat = '2022-03-10T12:00:00+08:00'\n[[facts]]\nid = 'f1'\nkind = 'sample'\nperson = 'a'\n\
        happened = '2022-03-11'\nbody = { method = 'nucleic_test' }\n[expect]\ncolour = 'red'\n";
    let differences = Scenario::from_toml(text).unwrap().run(&packs(&["cn-covid-v8"]));
    assert_eq!(differences[1], "not known yet at 2022-03-10T12:00:00+08:00, so left out: f1");
}

#[test]
fn a_wrong_fact_is_named() {
    let text = "title = 't'\nperson = 'a'\nat = '2022-03-10T12:00:00+08:00'\n[[facts]]\nid = 'f1'\nkind = 'sample'\nperson = 'a'\n\
        happened = '2022-02-30'\nbody = { method = 'nucleic_test' }\n[expect]\ncolour = 'green'\n";
    assert!(Scenario::from_toml(text).unwrap_err().to_string().starts_with("fact 'f1': "));
}

/// The page and the folder show the same pack.
#[test]
fn the_disease_worked_through_lies_among_the_packs_as_it_stands_on_the_page() {
    let page = std::fs::read_to_string(policies().join("../docs/methods/policy.md")).unwrap();
    for file in ["pack.toml", "scenarios/enters_two_days_late.toml"] {
        let text = std::fs::read_to_string(policies().join("lantern-fever").join(file)).unwrap();
        assert!(page.contains(&format!("```toml\n{text}```")), "{file} differs from the page");
    }
}
