//! Words under which a person can be found: the whole name, its pinyin, its initials.

use pinyin::ToPinyin;
use sizao_model::draft::{PersonDraft, PersonName};

/// The search terms of a person; telephones and documents have tokens of their own.
pub(crate) fn search_terms(draft: &PersonDraft) -> Vec<String> {
    let mut terms = name_terms(draft);
    // A list's code for somebody, such as a case number, finds them too.
    terms.extend(draft.names.iter().filter_map(|name| match name {
        PersonName::Code { code, .. } => Some(code.split_whitespace().collect::<String>().to_lowercase()),
        PersonName::Document(_) => None,
    }));
    terms
}

fn name_terms(draft: &PersonDraft) -> Vec<String> {
    let Some(name) = &draft.full_name else { return Vec::new() };
    let whole: String = name.split_whitespace().collect::<String>().to_lowercase();
    let mut spelt = String::new();
    let mut initials = String::new();
    for (character, pinyin) in whole.chars().zip(whole.as_str().to_pinyin()) {
        match pinyin {
            Some(pinyin) => {
                spelt.push_str(pinyin.plain());
                initials.push_str(&pinyin.plain()[..1]);
            }
            None => spelt.push(character),
        }
    }
    let mut terms = vec![whole];
    for term in [spelt, initials] {
        if term.len() > 1 && !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use sizao_model::DivisionCode;

    use super::*;

    fn terms(name: &str) -> Vec<String> {
        search_terms(&PersonDraft {
            names: Vec::new(),
            full_name: Some(name.into()),
            phones: Vec::new(),
            division: DivisionCode::parse("4101").unwrap(),
        })
    }

    #[test]
    fn a_name_is_found_whole_by_pinyin_and_by_initials() {
        assert_eq!(terms("李小明"), ["李小明", "lixiaoming", "lxm"]);
        assert_eq!(terms("Anna Li"), ["annali"]);
    }
}
