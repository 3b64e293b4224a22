//! What the common codes mean: the outcome of a test and how it was made.

use sizao_model::fact::{Outcome, TestMethod};

use super::{Coded, LabResult, ResultValue};

/// What a result says; nothing when its codes and words are none that a test of an infection has.
///
/// Codes before words: SNOMED CT and LOINC answers as public-health laboratories use them, then English and Chinese
/// words. A presumptive, inconclusive or equivocal result is a grey zone (灰区); an unusable sample is invalid.
pub fn outcome_of(value: &ResultValue) -> Option<Outcome> {
    match value {
        ResultValue::Coded(values) => values
            .iter()
            .find_map(outcome_of_codes)
            .or_else(|| values.iter().find_map(|coded| outcome_of_words(coded.words()))),
        ResultValue::Text(text) => outcome_of_words(text),
        _ => None,
    }
}

fn outcome_of_codes(coded: &Coded) -> Option<Outcome> {
    coded.codes.iter().find_map(|code| {
        Some(match &*code.code {
            "260373001" | "10828004" | "462371000124108" | "LA6576-8" | "LA11882-0" | "POS" => Outcome::Positive,
            "260415000" | "260385009" | "895231008" | "LA6577-6" | "LA11883-8" | "NEG" => Outcome::Negative,
            "419984006" | "42425007" | "720735008" | "LA9663-1" | "LA11885-3" | "IND" => Outcome::GreyZone,
            "455371000124106" | "125154007" | "373121007" | "LA15841-2" => Outcome::Invalid,
            _ => return None,
        })
    })
}

fn outcome_of_words(words: &str) -> Option<Outcome> {
    let words = words.trim().to_lowercase();
    let is = |list: &[&str]| list.contains(&&*words);
    // Negations first: "not detected" holds "detected".
    if is(&["not detected", "negative", "neg", "non-reactive", "阴性", "未检出"]) {
        Some(Outcome::Negative)
    } else if is(&["detected", "positive", "pos", "reactive", "abnormal detected", "阳性", "检出"]) {
        Some(Outcome::Positive)
    } else if is(&["inconclusive", "indeterminate", "equivocal", "presumptive positive", "灰区", "可疑"]) {
        Some(Outcome::GreyZone)
    } else if is(&["invalid", "unsatisfactory", "specimen unsatisfactory", "无效"]) {
        Some(Outcome::Invalid)
    } else {
        None
    }
}

/// How a result was made, by its LOINC code, else by the words for it.
pub fn method_of(result: &LabResult) -> Option<TestMethod> {
    const ANTIGEN: [&str; 4] = ["94558-4", "95209-3", "96119-3", "97097-0"];
    const ANTIBODY: [&str; 9] =
        ["94505-5", "94506-3", "94507-1", "94508-9", "94547-7", "94562-6", "94563-4", "94564-2", "94762-2"];
    const NUCLEIC: [&str; 14] = [
        "94306-8", "94309-2", "94314-2", "94316-7", "94500-6", "94531-1", "94533-7", "94534-5", "94559-2", "94565-9",
        "94759-8", "94845-5", "95406-5", "96986-5",
    ];
    let loinc = result.code.in_system("LN").unwrap_or_default();
    if NUCLEIC.contains(&loinc) {
        return Some(TestMethod::NucleicTest);
    }
    if ANTIGEN.contains(&loinc) {
        return Some(TestMethod::AntigenTest);
    }
    if ANTIBODY.contains(&loinc) {
        return Some(TestMethod::Igg);
    }
    let words = result.code.words();
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    // "RNA" and "Ag" stand as words in LOINC's names, which are never written in small letters.
    if has(&["RNA", "NAA ", "PCR", "核酸"]) {
        Some(TestMethod::NucleicTest)
    } else if has(&[" Ag ", "Antigen", "抗原"]) {
        Some(TestMethod::AntigenTest)
    } else if has(&["IgG", "IgM", " Ab ", "抗体"]) {
        Some(TestMethod::Igg)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_detected_is_negative() {
        for (words, expect) in [
            ("Not detected", Some(Outcome::Negative)),
            ("DETECTED", Some(Outcome::Positive)),
            ("阳性", Some(Outcome::Positive)),
            ("Inconclusive", Some(Outcome::GreyZone)),
            ("Invalid", Some(Outcome::Invalid)),
            ("Yes", None),
        ] {
            assert_eq!(outcome_of(&ResultValue::Text(words.to_owned())), expect, "{words}");
        }
    }
}
