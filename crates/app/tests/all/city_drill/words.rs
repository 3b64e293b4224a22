//! Whether a text speaks of anybody else: by name, by number, by a place of few, by an id.

use std::collections::{HashMap, HashSet};

use sizao_model::{Explanation, Finding, PersonId, draft::PersonName};

use super::{
    deliveries::Deliveries,
    node::{Node, SENDER},
};

/// What says something in any case: a name of two signs may be a word of the rules.
const LANGUAGE: [&str; 4] = [
    "policies/cn-covid-v8/pack.toml",
    "policies/ha-arrival-0322/pack.toml",
    "crates/policy/src/explain.rs",
    "crates/policy/src/explain/words.rs",
];

/// The names of a city, with whose they are, and the words of the rules themselves.
pub struct Words {
    people: HashMap<String, PersonId>,
    names: HashMap<String, HashSet<PersonId>>,
    language: String,
}

impl Words {
    pub async fn of(node: &Node, deliveries: &Deliveries) -> Self {
        let mut words = Self { people: HashMap::new(), names: HashMap::new(), language: String::new() };
        for (code, name) in &deliveries.names {
            let named = PersonName::Code { scope: SENDER.into(), code: code.as_str().into() };
            let Some(person) = node.app().store().find_person(&named).await.unwrap() else { continue };
            words.people.insert(code.clone(), person);
            words.names.entry(name.clone()).or_default().insert(person);
        }
        for file in LANGUAGE {
            let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
            words.language.push_str(&std::fs::read_to_string(path).unwrap());
        }
        words
    }

    /// Everybody in the register, in order.
    pub fn people(&self) -> Vec<PersonId> {
        let mut people: Vec<PersonId> = self.people.values().copied().collect();
        people.sort_unstable();
        people
    }

    /// Reads every sentence of an explanation in both languages; how many.
    pub fn check(&self, person: PersonId, explanation: &Explanation) -> u64 {
        let mut read = 0;
        for finding in explanation.findings.iter().flat_map(Finding::walk) {
            for text in [&*finding.zh, &*finding.en] {
                self.check_text(person, text);
                read += 1;
            }
        }
        read
    }

    fn check_text(&self, person: PersonId, text: &str) {
        let chars: Vec<char> = text.chars().collect();
        for width in 2..=4 {
            for window in chars.windows(width) {
                let word: String = window.iter().collect();
                let is_of_another = self.names.get(&word).is_some_and(|who| !who.contains(&person));
                assert!(!is_of_another || self.language.contains(&word), "3: the text names somebody else: {text}");
            }
        }
        // Years, minutes and days are short, a second has six parts; identity numbers, telephones and divisions below a
        // county are longer.
        let longest = chars.split(|c| !c.is_ascii_digit()).map(<[char]>::len).max().unwrap_or(0);
        assert!(longest < 7, "3: a number that may identify somebody or a place of few: {text}");
        let words = || text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let is_id = |word: &str| word.len() == 36 && word.bytes().filter(|byte| *byte == b'-').count() == 4;
        assert!(!words().any(is_id), "3: an id: {text}");
        assert!(!words().any(|word| self.people.contains_key(word)), "3: a code of a person: {text}");
        let is_place = |word: &str| ["home-", "site-", "hospital-"].iter().any(|kind| word.starts_with(kind));
        assert!(!words().any(is_place), "3: a place of few: {text}");
    }
}
