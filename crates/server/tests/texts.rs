//! The two languages have the same texts, the templates use no other, and every word of the tables has one.

use std::{collections::BTreeSet, fs, path::Path};

use sizao_app::{
    authorization::{Action, Purpose},
    board::Group,
    identity::{Role, UnitKind},
    mandates::Collection,
};
use sizao_model::{FactKind, MeasureKind};
use sizao_server::{Lang, keys, text};

#[test]
fn both_languages_have_the_same_keys_in_the_same_order() {
    assert_eq!(keys(Lang::Zh), keys(Lang::En));
    let unique: BTreeSet<&str> = keys(Lang::Zh).into_iter().collect();
    assert_eq!(unique.len(), keys(Lang::Zh).len(), "a key stands once");
    assert!(unique.len() > 400);
}

/// Texts in quotes after a call that looks one up.
fn used(file: &Path) -> Vec<String> {
    let source = fs::read_to_string(file).unwrap();
    let mut found = Vec::new();
    for call in ["c.t(\"", "c.t1(\"", "c.t2(\"", "c.n(\""] {
        let calls = source.split(call).skip(1);
        found.extend(calls.filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    found
}

#[test]
fn templates_and_pages_use_only_texts_that_there_are() {
    let known: BTreeSet<&str> = keys(Lang::Zh).into_iter().collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in ["templates", "src", "src/pages", "src/pages/packs", "src/charts"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                for key in used(&path) {
                    assert!(known.contains(key.as_str()), "{}: {key}", path.display());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn every_word_of_the_tables_has_a_text_in_both_languages() {
    let mut wanted: Vec<String> = Vec::new();
    wanted.extend(Role::ALL.map(|role| format!("role-{}", role.name())));
    wanted.extend(UnitKind::ALL.map(|kind| format!("unit-{}", kind.name())));
    wanted.extend(Action::ALL.map(|action| format!("action-{}", action.name())));
    wanted.extend(Purpose::ALL.map(|purpose| format!("purpose-{}", purpose.name())));
    wanted.extend(Collection::ALL.map(|collection| format!("collection-{}", collection.name())));
    wanted.extend(FactKind::ALL.map(|kind| format!("fact-{}", kind.name())));
    for group in Group::ALL {
        wanted.extend([format!("group-{}", group.name()), format!("def-{}", group.name())]);
    }
    for kind in [
        MeasureKind::CaseIsolation,
        MeasureKind::CentralIsolation,
        MeasureKind::HomeIsolation,
        MeasureKind::StayIndoors,
        MeasureKind::Exclusion,
        MeasureKind::HomeMonitoring,
        MeasureKind::StayInArea,
        MeasureKind::TwoTestsThreeDays,
        MeasureKind::LandingTest,
        MeasureKind::Hold,
        MeasureKind::SelfMonitoring,
        MeasureKind::FollowUp,
    ] {
        wanted.push(format!("measure-{}", kind.name()));
    }
    for part in [
        "general",
        "window",
        "close_contact",
        "secondary_contact",
        "case",
        "inbound_traveller",
        "area",
        "arrival",
        "immunity",
        "offers",
        "special",
        "transport",
        "planning",
        "risk_area_traveller",
        "same_city_traveller",
        "same_county_traveller",
        "area_resident",
        "hold",
    ] {
        wanted.push(format!("pack-part-{part}"));
    }
    for change in ["released", "shortened", "milder", "unchanged", "stricter", "lengthened", "newly-restricted"] {
        wanted.push(format!("change-{change}"));
    }
    wanted.extend(["in-force", "coming", "at-hand", "past"].map(|state| format!("pack-state-{state}")));
    wanted.extend(["proposed", "adopted", "effective", "withdrawn", "lapsed"].map(|state| format!("adoption-{state}")));
    for code in [
        "signed-out",
        "not-allowed",
        "not-found",
        "credentials",
        "locked",
        "link-over",
        "no-mandate",
        "out-of-scope",
        "protected",
        "key-used",
        "same-unit",
        "changed",
        "busy",
    ] {
        wanted.extend([format!("failure-{code}"), format!("refusal-{code}")]);
    }
    for key in wanted {
        for lang in [Lang::Zh, Lang::En] {
            assert_ne!(text(lang, &key, &[]), key, "{key} in {lang:?}");
        }
    }
}

#[test]
fn chinese_texts_are_chinese_and_english_ones_are_not() {
    let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    for key in keys(Lang::Zh) {
        assert!(!text(Lang::En, key, &[]).chars().any(is_han), "{key} in English has Chinese in it");
    }
    let han = keys(Lang::Zh).into_iter().filter(|key| text(Lang::Zh, key, &[]).chars().any(is_han)).count();
    assert!(han > 400, "{han}");
}
