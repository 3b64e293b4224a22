//! The two languages have the same texts, the templates use no other, and every word of the tables has one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

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
        "second-person",
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

/// Messages of a language: key and the names of what is shown in it.
fn placeholders(tag: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../locales").join(tag);
    let files = fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let text: String = files.collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut key = String::new();
    for line in text.lines() {
        if let Some((name, _)) = line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            key = name.to_owned();
            found.entry(key.clone()).or_default();
        }
        // A number that only chooses the plural is not shown.
        let names = line.split('$').skip(1).filter(|rest| !rest.contains("->")).map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(rest.len());
            rest[..end].to_owned()
        });
        if let Some(names_of_key) = found.get_mut(&key).filter(|_| !line.starts_with('#')) {
            names_of_key.extend(names);
        }
    }
    found
}

#[test]
fn the_same_is_put_into_a_text_in_both_languages() {
    let (zh, en) = (placeholders("zh-CN"), placeholders("en"));
    assert!(zh.values().filter(|names| !names.is_empty()).count() > 50, "texts with something put in were read");
    for (key, names) in &zh {
        assert_eq!(Some(names), en.get(key), "{key}");
    }
}

/// What is read between tags and in attributes that are read aloud, without what the template puts in.
fn words_of(template: &str) -> Vec<String> {
    let mut text = template.to_owned();
    for (open, close) in [("{#", "#}"), ("{%", "%}"), ("{{", "}}"), ("<script", "</script>"), ("<style", "</style>")] {
        while let Some(from) = text.find(open) {
            let to = text[from..].find(close).map_or(text.len(), |at| from + at + close.len());
            text.replace_range(from..to, "\u{0}");
        }
    }
    let (mut words, mut tags) = (Vec::new(), Vec::new());
    let mut rest = text.as_str();
    while let Some(from) = rest.find('<') {
        words.push(rest[..from].to_owned());
        let to = rest[from..].find('>').map_or(rest.len(), |at| from + at + 1);
        tags.push(&rest[from..to]);
        rest = &rest[to..];
    }
    words.push(rest.to_owned());
    for tag in tags {
        for read_aloud in ["aria-label=\"", "title=\"", "placeholder=\"", "alt=\""] {
            let values = tag.split(read_aloud).skip(1).filter_map(|value| value.split('"').next());
            words.extend(values.map(str::to_owned));
        }
    }
    let pieces = words.iter().flat_map(|text| text.split('\u{0}'));
    let said = pieces.map(str::trim).filter(|piece| piece.chars().any(char::is_alphabetic) && !piece.starts_with('&'));
    said.map(str::to_owned).collect()
}

/// The same in every language: each language's own name, keys of the keyboard, names of formats and files.
const IN_NO_LANGUAGE: [&str; 12] = [
    "中文",
    "EN",
    "语言 Language",
    "SHA-256",
    "pack.toml",
    "Authorization: Bearer sizao_…",
    "JSON",
    "/arrive/",
    "Ctrl G",
    "Ctrl ↵",
    "Alt Y",
    "Alt N",
];

#[test]
fn no_template_says_anything_that_is_not_in_the_files_of_texts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut read = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        for said in words_of(&fs::read_to_string(&path).unwrap()) {
            let is_key = said.chars().count() == 1;
            assert!(is_key || IN_NO_LANGUAGE.contains(&said.as_str()), "{}: {said:?}", path.display());
        }
        read += 1;
    }
    assert!(read > 20, "{read}");
    assert_eq!(words_of("<p title=\"Hello\">Some <b>words</b>{{ c.t(\"x\") }}</p>"), ["Some", "words", "Hello"]);
}

/// Texts that are a word of the glossary in Chinese and have another meaning there, or a name.
const ANOTHER_MEANING: [&str; 9] = [
    "app-name",          // the name of the program
    "change-lengthened", // a measure that gets longer, not the extension that somebody asks for
    "clears-counted",    // the four clears are questions
    "clears-controlled",
    "clears-identified",
    "clears-placed",
    "pack-colour",          // the colour that is given, not the giving
    "sen-review-objection", // of an institution to its score, not of a place to another's decision
    "tab-packs",            // a pack is a file of rules, made after a protocol
];

#[test]
fn a_text_that_is_a_term_of_the_glossary_is_its_english_term_too() {
    let Some(reference) = std::env::var_os("SIZAO_REFERENCE") else {
        assert!(std::env::var_os("CI").is_none(), "CI reads the reference data");
        return println!("not run: reference data absent");
    };
    let glossary = fs::read_to_string(Path::new(&reference).join("glossary.tsv")).unwrap();
    let mut terms: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for line in glossary.lines().skip(1) {
        let mut columns = line.split('\t');
        if let (Some(zh), Some(en)) = (columns.next(), columns.next()) {
            let en = en.split('(').next().unwrap_or(en).to_lowercase();
            terms.entry(zh).or_default().extend(en.split([';', '/']).map(|term| term.trim().to_owned()));
        }
    }
    let mut compared = 0;
    for key in keys(Lang::Zh).into_iter().filter(|key| !ANOTHER_MEANING.contains(key)) {
        let Some(terms) = terms.get(text(Lang::Zh, key, &[]).as_str()) else { continue };
        let en = text(Lang::En, key, &[]).to_lowercase();
        let singular = |word: &str| word.trim_matches(',').trim_end_matches('s').to_owned();
        let fits = |term: &String| {
            let words: BTreeSet<String> = term.split(' ').map(singular).collect();
            // The term, with an ending or more words; or a shorter form of it.
            en.contains(term.as_str()) || en.split(' ').all(|word| words.contains(&singular(word)))
        };
        assert!(terms.iter().any(fits), "{key}: {en:?} is {terms:?} in the glossary");
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}
