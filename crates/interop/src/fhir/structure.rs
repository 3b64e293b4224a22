//! What is wrong with a resource's structure: the rules of JSON in FHIR for all, and the elements of the resources that
//! laboratories send.

use super::{FhirProblem, Json};
use crate::hl7v2::Dtm;

/// Everything that is wrong; empty when nothing is.
pub(super) fn check(root: &Json) -> Vec<FhirProblem> {
    let mut problems = Vec::new();
    check_resource(root, None, &mut problems);
    problems
}

fn refuse(problems: &mut Vec<FhirProblem>, path: &str, rule: &'static str) {
    problems.push(FhirProblem { path: path.to_owned(), rule });
}

fn check_resource(json: &Json, within: Option<&str>, problems: &mut Vec<FhirProblem>) {
    let Some(kind) = json.get("resourceType").and_then(Json::as_str) else {
        return refuse(problems, within.unwrap_or("resource"), "a resource names its type (resourceType)");
    };
    let path = within.map_or(kind.to_owned(), |within| format!("{within}.{kind}"));
    if !kind.chars().all(|letter| letter.is_ascii_alphabetic()) || !kind.starts_with(|c: char| c.is_ascii_uppercase()) {
        refuse(problems, &path, "the type is a name such as Observation");
    }
    let id = json.get("id").and_then(Json::as_str).unwrap_or("x");
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if id.is_empty() || id.len() > 64 || !id.bytes().all(allowed) {
        refuse(problems, &format!("{path}.id"), "an id has 1 to 64 letters, digits, hyphens and points");
    }
    check_values(json, &path, problems);
    if let Some(elements) = elements_of(kind) {
        check_elements(json, &path, elements, problems);
    }
}

/// The rules of JSON in FHIR: nothing is empty, and null stands only in lists, for a primitive without a value.
fn check_values(json: &Json, path: &str, problems: &mut Vec<FhirProblem>) {
    match json {
        Json::Object(entries) if entries.is_empty() => refuse(problems, path, "an object has at least one element"),
        Json::Object(entries) => {
            for (key, value) in entries {
                let below = format!("{path}.{key}");
                match value {
                    Json::Null => refuse(problems, &below, "an element without a value is left out"),
                    Json::Object(_) if value.get("resourceType").is_some() => {
                        check_resource(value, Some(path), problems)
                    }
                    _ => check_values(value, &below, problems),
                }
            }
        }
        Json::List(items) if items.is_empty() => refuse(problems, path, "a list has at least one item"),
        Json::List(items) => {
            for item in items {
                match item {
                    Json::Object(_) if item.get("resourceType").is_some() => check_resource(item, Some(path), problems),
                    Json::List(_) => refuse(problems, path, "a list holds no lists"),
                    _ => check_values(item, path, problems),
                }
            }
        }
        Json::Text(text) if text.trim().is_empty() => refuse(problems, path, "a text has at least one character"),
        _ => {}
    }
}

/// What an element holds.
#[derive(Clone, Copy)]
enum Holds {
    /// Anything that is an object.
    Object,
    Text,
    Bool,
    Number,
    /// Date, dateTime or instant.
    Time,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// Name, whether it is a list, whether it is needed, what it holds. A name with `[x]` stands for all its types, of which
/// one may be there.
struct Element(&'static str, bool, bool, Holds);

use Holds::{Bool, Number, Object, Text, Time, Word};

/// Elements that every resource of a domain has.
const COMMON: &[Element] = &[
    Element("resourceType", false, true, Text),
    Element("id", false, false, Text),
    Element("meta", false, false, Object),
    Element("implicitRules", false, false, Text),
    Element("language", false, false, Text),
    Element("text", false, false, Object),
    Element("contained", true, false, Object),
    Element("extension", true, false, Object),
    Element("modifierExtension", true, false, Object),
];

const OBSERVATION_STATUS: &[&str] =
    &["registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown"];

const OBSERVATION: &[Element] = &[
    Element("identifier", true, false, Object),
    Element("basedOn", true, false, Object),
    Element("partOf", true, false, Object),
    Element("status", false, true, Word(OBSERVATION_STATUS)),
    Element("category", true, false, Object),
    Element("code", false, true, Object),
    Element("subject", false, false, Object),
    Element("focus", true, false, Object),
    Element("encounter", false, false, Object),
    Element("effective[x]", false, false, Object),
    Element("issued", false, false, Time),
    Element("performer", true, false, Object),
    Element("value[x]", false, false, Object),
    Element("dataAbsentReason", false, false, Object),
    Element("interpretation", true, false, Object),
    Element("note", true, false, Object),
    Element("bodySite", false, false, Object),
    Element("method", false, false, Object),
    Element("specimen", false, false, Object),
    Element("device", false, false, Object),
    Element("referenceRange", true, false, Object),
    Element("hasMember", true, false, Object),
    Element("derivedFrom", true, false, Object),
    Element("component", true, false, Object),
];

const REPORT_STATUS: &[&str] = &[
    "registered",
    "partial",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "appended",
    "cancelled",
    "entered-in-error",
    "unknown",
];

const REPORT: &[Element] = &[
    Element("identifier", true, false, Object),
    Element("basedOn", true, false, Object),
    Element("status", false, true, Word(REPORT_STATUS)),
    Element("category", true, false, Object),
    Element("code", false, true, Object),
    Element("subject", false, false, Object),
    Element("encounter", false, false, Object),
    Element("effective[x]", false, false, Object),
    Element("issued", false, false, Time),
    Element("performer", true, false, Object),
    Element("resultsInterpreter", true, false, Object),
    Element("specimen", true, false, Object),
    Element("result", true, false, Object),
    Element("imagingStudy", true, false, Object),
    Element("media", true, false, Object),
    Element("conclusion", false, false, Text),
    Element("conclusionCode", true, false, Object),
    Element("presentedForm", true, false, Object),
];

const PATIENT: &[Element] = &[
    Element("identifier", true, false, Object),
    Element("active", false, false, Bool),
    Element("name", true, false, Object),
    Element("telecom", true, false, Object),
    Element("gender", false, false, Word(&["male", "female", "other", "unknown"])),
    Element("birthDate", false, false, Time),
    Element("deceased[x]", false, false, Object),
    Element("address", true, false, Object),
    Element("maritalStatus", false, false, Object),
    Element("multipleBirth[x]", false, false, Object),
    Element("photo", true, false, Object),
    Element("contact", true, false, Object),
    Element("communication", true, false, Object),
    Element("generalPractitioner", true, false, Object),
    Element("managingOrganization", false, false, Object),
    Element("link", true, false, Object),
];

const SPECIMEN: &[Element] = &[
    Element("identifier", true, false, Object),
    Element("accessionIdentifier", false, false, Object),
    Element("status", false, false, Word(&["available", "unavailable", "unsatisfactory", "entered-in-error"])),
    Element("type", false, false, Object),
    Element("subject", false, false, Object),
    Element("receivedTime", false, false, Time),
    Element("parent", true, false, Object),
    Element("request", true, false, Object),
    Element("collection", false, false, Object),
    Element("processing", true, false, Object),
    Element("container", true, false, Object),
    Element("condition", true, false, Object),
    Element("note", true, false, Object),
];

const BUNDLE_TYPES: &[&str] = &[
    "document",
    "message",
    "transaction",
    "transaction-response",
    "batch",
    "batch-response",
    "history",
    "searchset",
    "collection",
];

const BUNDLE: &[Element] = &[
    Element("identifier", false, false, Object),
    Element("type", false, true, Word(BUNDLE_TYPES)),
    Element("timestamp", false, false, Time),
    Element("total", false, false, Number),
    Element("link", true, false, Object),
    Element("entry", true, false, Object),
    Element("signature", false, false, Object),
];

fn elements_of(kind: &str) -> Option<&'static [Element]> {
    Some(match kind {
        "Observation" => OBSERVATION,
        "DiagnosticReport" => REPORT,
        "Patient" => PATIENT,
        "Specimen" => SPECIMEN,
        "Bundle" => BUNDLE,
        _ => return None,
    })
}

fn check_elements(json: &Json, path: &str, elements: &'static [Element], problems: &mut Vec<FhirProblem>) {
    let Json::Object(entries) = json else { return };
    let known = || COMMON.iter().chain(elements);
    for (key, value) in entries {
        let below = format!("{path}.{key}");
        // The twin of a primitive, with its id and extensions.
        let name = key.strip_prefix('_').unwrap_or(key);
        match known().find(|element| element.is_named(name)) {
            None => refuse(problems, &below, "the resource has no such element"),
            Some(_) if name != key => {}
            Some(element) => check_element(value, &below, element, problems),
        }
    }
    for element in known() {
        let twin = format!("_{}", element.0);
        let mut found = entries.iter().filter(|(key, _)| element.is_named(key));
        let count = found.by_ref().count();
        if count > 1 {
            refuse(problems, &format!("{path}.{}", element.0), "of the types of this element one may be there");
        }
        if element.2 && count == 0 && !entries.iter().any(|(key, _)| *key == twin) {
            refuse(problems, &format!("{path}.{}", element.0), "this element is needed");
        }
    }
}

impl Element {
    fn is_named(&self, key: &str) -> bool {
        match self.0.strip_suffix("[x]") {
            None => self.0 == key,
            Some(stem) => {
                key.strip_prefix(stem).is_some_and(|kind| kind.starts_with(|letter: char| letter.is_ascii_uppercase()))
            }
        }
    }
}

fn check_element(value: &Json, path: &str, element: &Element, problems: &mut Vec<FhirProblem>) {
    if element.0.ends_with("[x]") {
        return check_choice(value, path, problems);
    }
    if element.1 != matches!(value, Json::List(_)) {
        return refuse(problems, path, if element.1 { "this element is a list" } else { "this element is no list" });
    }
    for item in value.items() {
        check_kind(item, path, element.3, problems);
    }
}

fn check_kind(value: &Json, path: &str, holds: Holds, problems: &mut Vec<FhirProblem>) {
    let rule = match (holds, value) {
        (Object, Json::Object(_)) | (Text, Json::Text(_)) | (Bool, Json::Bool(_)) | (Number, Json::Number(_)) => return,
        (Time, Json::Text(text)) if is_time(text) => return,
        (Word(words), Json::Text(text)) if words.contains(&text.as_str()) => return,
        (Object, _) => "this element is an object",
        (Text, _) => "this element is a text",
        (Bool, _) => "this element is true or false",
        (Number, _) => "this element is a number",
        (Time, _) => "this element is a date or time such as 2022-03-17T09:30:00+08:00, and the day exists",
        (Word(_), _) => "this element is one of the words of its value set",
    };
    refuse(problems, path, rule);
}

fn check_choice(value: &Json, path: &str, problems: &mut Vec<FhirProblem>) {
    let holds = match path {
        _ if path.ends_with("DateTime") || path.ends_with("Instant") => Time,
        _ if path.ends_with("String") || path.ends_with("Time") || path.ends_with("Code") => Text,
        _ if path.ends_with("Boolean") => Bool,
        _ if path.ends_with("Integer") || path.ends_with("Decimal") => Number,
        _ => Object,
    };
    check_kind(value, path, holds, problems);
}

/// A date, dateTime or instant: a time of day comes with seconds and an offset.
fn is_time(text: &str) -> bool {
    let shaped = match text.split_once('T') {
        None => matches!(text.len(), 4 | 7 | 10),
        Some((day, clock)) => {
            day.len() == 10 && clock.len() >= 9 && clock.as_bytes()[2] == b':' && clock.contains(['Z', '+', '-'])
        }
    };
    shaped && Dtm::parse_fhir(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(text: &str, expect: &[&str]) {
        let found: Vec<String> = check(&Json::parse(text).unwrap()).iter().map(|one| one.path.clone()).collect();
        assert_eq!(found, expect, "{text}");
    }

    #[test]
    fn each_rule_is_named_where_it_is_broken() {
        check_one(r#"{"resourceType":"Observation","status":"final","code":{"text":"x"}}"#, &[]);
        check_one(r#"{"resourceType":"Observation","status":"done","code":{"text":"x"}}"#, &["Observation.status"]);
        check_one(r#"{"resourceType":"Observation","status":"final"}"#, &["Observation.code"]);
        check_one(r#"{"resourceType":"Patient","colour":"red"}"#, &["Patient.colour"]);
        check_one(r#"{"resourceType":"Patient","birthDate":"2022-02-30"}"#, &["Patient.birthDate"]);
        check_one(r#"{"resourceType":"Patient","gender":"boy"}"#, &["Patient.gender"]);
        check_one(r#"{"resourceType":"Patient","name":{"family":"Li"}}"#, &["Patient.name"]);
        check_one(r#"{"resourceType":"Patient","name":[{"family":""}]}"#, &["Patient.name.family"]);
        check_one(
            r#"{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2022"}"#,
            &["Patient.deceased[x]"],
        );
        check_one(
            r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Patient","id":"a b"}}]}"#,
            &["Bundle.entry.Patient.id"],
        );
    }
}
