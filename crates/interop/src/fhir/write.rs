//! What a laboratory says, as a bundle of a person, samples, observations and a report each.

use uuid::Uuid;

use super::{Json, Resource, read::SUB_ID_SYSTEM};
use crate::lab::{
    Code, Coded, Identifier, LabMessage, LabPatient, LabReport, LabResult, LabSpecimen, ResultValue, Status,
};

/// Namespace of the addresses inside a bundle: the same message always gives the same bundle.
const BUNDLE_NAMESPACE: Uuid = Uuid::from_u128(0x52b1_6f35_6a0e_4d0f_8f1e_0f4b_94ad_7c11);

/// Writes a bundle of type `collection`.
pub fn write_lab(message: &LabMessage) -> Resource {
    let mut writer = Writer { scope: format!("{}\u{1f}{}", message.sender, message.id), entries: Vec::new() };
    for (index, report) in message.reports.iter().enumerate() {
        writer.add_report(report, index);
    }
    let identifier = (!message.id.is_empty()).then(|| {
        let id = Identifier { value: message.id.clone(), system: String::new(), kind: String::new() };
        identifier(&id)
    });
    let trial = message.is_trial.then(|| {
        let tag = Json::object([
            ("system", Some(Json::text("http://terminology.hl7.org/CodeSystem/v2-0103"))),
            ("code", Some(Json::text("T"))),
        ]);
        Json::object([("tag", Some(Json::List(vec![tag])))])
    });
    Resource::new(Json::object([
        ("resourceType", Some(Json::text("Bundle"))),
        ("meta", trial),
        ("identifier", identifier),
        ("type", Some(Json::text("collection"))),
        ("timestamp", message.sent_at.as_ref().filter(|at| at.instant().is_some()).map(|at| Json::text(at.to_fhir()))),
        ("entry", list(writer.entries)),
    ]))
}

struct Writer {
    scope: String,
    entries: Vec<Json>,
}

impl Writer {
    /// Puts a resource into the bundle; the reference to it.
    fn add(&mut self, name: &str, resource: Json) -> Json {
        let url =
            format!("urn:uuid:{}", Uuid::new_v5(&BUNDLE_NAMESPACE, format!("{}\u{1f}{name}", self.scope).as_bytes()));
        self.entries.push(Json::object([("fullUrl", Some(Json::text(url.clone()))), ("resource", Some(resource))]));
        Json::object([("reference", Some(Json::text(url)))])
    }

    fn add_report(&mut self, report: &LabReport, index: usize) {
        let subject = self.add(&format!("{index}/patient"), patient(&report.patient));
        let specimens: Vec<Json> = report
            .specimens
            .iter()
            .enumerate()
            .map(|(number, one)| self.add(&format!("{index}/specimen/{number}"), specimen(one, &subject)))
            .collect();
        let results: Vec<Json> = report
            .results
            .iter()
            .enumerate()
            .map(|(number, one)| {
                let resource = observation(one, &subject, specimens.first());
                self.add(&format!("{index}/observation/{number}"), resource)
            })
            .collect();
        let placer = report.placer.as_ref().map(|one| identifier_of_kind(one, "PLAC"));
        let filler = report.filler.as_ref().map(|one| identifier_of_kind(one, "FILL"));
        let resource = Json::object([
            ("resourceType", Some(Json::text("DiagnosticReport"))),
            ("identifier", list(placer.into_iter().chain(filler).collect())),
            ("status", Some(Json::text(report.status.fhir()))),
            ("code", Some(concept_or(&report.code, "laboratory report"))),
            ("subject", Some(subject)),
            ("effectiveDateTime", report.observed_at.as_ref().map(|at| Json::text(at.to_fhir()))),
            ("issued", issued(report.reported_at.as_ref())),
            ("specimen", list(specimens)),
            ("result", list(results)),
        ]);
        self.add(&format!("{index}/report"), resource);
    }
}

/// An instant: FHIR wants seconds and an offset here, so a day alone is left out.
fn issued(at: Option<&crate::hl7v2::Dtm>) -> Option<Json> {
    at.filter(|at| at.instant().is_some()).map(|at| Json::text(at.to_fhir()))
}

fn list(items: Vec<Json>) -> Option<Json> {
    (!items.is_empty()).then_some(Json::List(items))
}

fn said(text: &str) -> Option<Json> {
    (!text.trim().is_empty()).then(|| Json::text(text))
}

fn identifier(one: &Identifier) -> Json {
    let is_oid = !one.system.is_empty() && one.system.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let system = match one.system.as_str() {
        oid if is_oid => said(&format!("urn:oid:{oid}")),
        uri if uri.contains(':') => said(uri),
        _ => None,
    };
    // A name is no address: it stands as the one who assigned the number.
    let assigner = (system.is_none() && !one.system.is_empty()).then(|| Json::object([("display", said(&one.system))]));
    let kind = (!one.kind.is_empty()).then(|| {
        let coding = Json::object([
            ("system", Some(Json::text("http://terminology.hl7.org/CodeSystem/v2-0203"))),
            ("code", said(&one.kind)),
        ]);
        Json::object([("coding", Some(Json::List(vec![coding])))])
    });
    Json::object([("type", kind), ("system", system), ("value", said(&one.value)), ("assigner", assigner)])
}

fn identifier_of_kind(one: &Identifier, kind: &str) -> Json {
    identifier(&Identifier { kind: kind.to_owned(), ..one.clone() })
}

fn patient(one: &LabPatient) -> Json {
    let given = one.given.as_deref().and_then(said).map(|given| Json::List(vec![given]));
    let name = (one.family.is_some() || given.is_some())
        .then(|| Json::object([("family", one.family.as_deref().and_then(said)), ("given", given)]));
    let phone = |number: &String| Json::object([("system", Some(Json::text("phone"))), ("value", said(number))]);
    // A day of birth has no time.
    let born =
        one.born.as_ref().map(|at| at.to_fhir()).map(|text| Json::text(text.split('T').next().unwrap_or_default()));
    Json::object([
        ("resourceType", Some(Json::text("Patient"))),
        ("identifier", list(one.identifiers.iter().map(identifier).collect())),
        ("name", list(name.into_iter().collect())),
        ("telecom", list(one.phones.iter().map(phone).collect())),
        ("gender", one.gender.map(Json::text)),
        ("birthDate", born),
    ])
}

fn specimen(one: &LabSpecimen, subject: &Json) -> Json {
    let pooled = one.is_pool.then(|| {
        let coding = Json::object([
            ("system", Some(Json::text("http://terminology.hl7.org/CodeSystem/v2-0493"))),
            ("code", Some(Json::text("POOL"))),
        ]);
        Json::List(vec![Json::object([("coding", Some(Json::List(vec![coding])))])])
    });
    let collected = one.collected_at.as_ref().map(|at| Json::object([("collectedDateTime", said(&at.to_fhir()))]));
    Json::object([
        ("resourceType", Some(Json::text("Specimen"))),
        ("accessionIdentifier", one.id.as_ref().map(identifier)),
        ("type", concept(&one.kind)),
        ("subject", (!one.is_pool).then(|| subject.clone())),
        ("receivedTime", one.received_at.as_ref().map(|at| Json::text(at.to_fhir()))),
        ("collection", collected),
        ("condition", pooled),
    ])
}

fn observation(one: &LabResult, subject: &Json, specimen: Option<&Json>) -> Json {
    let category = if one.is_question { "survey" } else { "laboratory" };
    let coding = Json::object([
        ("system", Some(Json::text("http://terminology.hl7.org/CodeSystem/observation-category"))),
        ("code", Some(Json::text(category))),
    ]);
    let category = Json::object([("coding", Some(Json::List(vec![coding])))]);
    let sub_id = (!one.sub_id.is_empty())
        .then(|| Json::object([("system", Some(Json::text(SUB_ID_SYSTEM))), ("value", said(&one.sub_id))]));
    let (name, value) = value(&one.value);
    let absent = (value.is_none() && one.status != Status::EnteredInError).then(|| {
        let coding = Json::object([
            ("system", Some(Json::text("http://terminology.hl7.org/CodeSystem/data-absent-reason"))),
            ("code", Some(Json::text("unknown"))),
        ]);
        Json::object([("coding", Some(Json::List(vec![coding])))])
    });
    Json::object([
        ("resourceType", Some(Json::text("Observation"))),
        ("identifier", list(sub_id.into_iter().collect())),
        ("status", Some(Json::text(one.status.fhir()))),
        ("category", Some(Json::List(vec![category]))),
        ("code", Some(concept_or(&one.code, "observation"))),
        ("subject", Some(subject.clone())),
        ("effectiveDateTime", one.observed_at.as_ref().map(|at| Json::text(at.to_fhir()))),
        ("issued", issued(one.analysed_at.as_ref())),
        (name, value),
        ("dataAbsentReason", absent),
        ("interpretation", list(one.interpretation.iter().filter_map(concept).collect())),
        ("specimen", specimen.cloned()),
    ])
}

fn concept(one: &Coded) -> Option<Json> {
    let codes: Vec<Json> = one.codes.iter().map(coding).filter(|json| *json != Json::Object(Vec::new())).collect();
    let text = said(&one.text);
    (!codes.is_empty() || text.is_some()).then(|| Json::object([("coding", list(codes)), ("text", text)]))
}

/// A concept that has to be there says at least what it is about.
fn concept_or(one: &Coded, otherwise: &str) -> Json {
    concept(one).unwrap_or_else(|| Json::object([("text", Some(Json::text(otherwise)))]))
}

fn coding(one: &Code) -> Json {
    Json::object([
        ("system", fhir_system(&one.system)),
        ("code", code_text(&one.code)),
        ("display", said(&one.display)),
    ])
}

/// A code has no white space at its ends and no two blanks inside.
fn code_text(code: &str) -> Option<Json> {
    said(&code.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn fhir_system(name: &str) -> Option<Json> {
    Some(Json::text(match name {
        "LN" => "http://loinc.org".to_owned(),
        "SCT" => "http://snomed.info/sct".to_owned(),
        "UCUM" => "http://unitsofmeasure.org".to_owned(),
        uri if uri.contains(':') => uri.to_owned(),
        _ => {
            let table = name
                .strip_prefix("HL7")
                .filter(|table| table.len() == 4 && table.bytes().all(|b| b.is_ascii_digit()))?;
            format!("http://terminology.hl7.org/CodeSystem/v2-{table}")
        }
    }))
}

fn quantity(comparator: &str, number: &str, unit: &Coded) -> Option<Json> {
    let digits = fhir_decimal(number)?;
    let code = unit.codes.first();
    let system = code.and_then(|code| fhir_system(&code.system));
    let words = code.map(|code| if code.display.is_empty() { &code.code } else { &code.display });
    Some(Json::object([
        ("value", Some(Json::Number(digits))),
        ("comparator", said(comparator)),
        ("unit", words.and_then(|words| said(words))),
        // A code needs its system.
        ("code", system.is_some().then(|| code.and_then(|code| code_text(&code.code))).flatten()),
        ("system", system),
    ]))
}

/// JSON has no plus sign, no leading zero and no bare point.
fn fhir_decimal(number: &str) -> Option<String> {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number.strip_prefix('+').unwrap_or(number)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let all_digits = whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit());
    let point = if part.is_empty() { "" } else { "." };
    (all_digits && !digits.is_empty()).then(|| format!("{sign}{whole}{point}{part}"))
}

/// Name and content of the element that holds a value.
fn value(value: &ResultValue) -> (&'static str, Option<Json>) {
    match value {
        ResultValue::Absent => ("valueString", None),
        ResultValue::Quantity { comparator, number, unit } => ("valueQuantity", quantity(comparator, number, unit)),
        ResultValue::Range { low, high, unit } => {
            let ends = [("low", quantity("", low, unit)), ("high", quantity("", high, unit))];
            let some = ends.iter().any(|(_, end)| end.is_some());
            ("valueRange", some.then(|| Json::object(ends)))
        }
        ResultValue::Ratio { numerator, denominator, unit } => {
            let parts =
                [("numerator", quantity("", numerator, unit)), ("denominator", quantity("", denominator, unit))];
            let all = parts.iter().all(|(_, part)| part.is_some());
            ("valueRatio", all.then(|| Json::object(parts)))
        }
        ResultValue::Coded(values) => ("valueCodeableConcept", values.first().and_then(concept)),
        ResultValue::Text(text) => ("valueString", said(text)),
        ResultValue::When(when) => ("valueDateTime", Some(Json::text(when.to_fhir()))),
        ResultValue::Clock(clock) => match fhir_clock(clock) {
            Some(clock) => ("valueTime", Some(Json::text(clock))),
            None => ("valueString", said(clock)),
        },
        ResultValue::Period(start, end) => {
            let ends =
                [("start", start), ("end", end)].map(|(key, at)| (key, at.as_ref().map(|at| Json::text(at.to_fhir()))));
            let some = ends.iter().any(|(_, end)| end.is_some());
            ("valuePeriod", some.then(|| Json::object(ends)))
        }
        ResultValue::Data { kind, .. } => ("valueString", said(&format!("[{kind}]"))),
    }
}

/// HHMM or HHMMSS as hh:mm:ss.
fn fhir_clock(clock: &str) -> Option<String> {
    let digits = clock.split(['.', '+', '-']).next()?;
    let digits = if digits.len() == 4 { format!("{digits}00") } else { digits.to_owned() };
    let good = digits.len() == 6
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && digits[..2] < *"24"
        && digits[2..4] < *"60";
    good.then(|| format!("{}:{}:{}", &digits[..2], &digits[2..4], &digits[4..]))
}
