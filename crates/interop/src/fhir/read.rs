//! What a laboratory says, out of a bundle, a report with contained resources, or a single observation.

use super::{Json, Resource};
use crate::{
    hl7v2::Dtm,
    lab::{Code, Coded, Identifier, LabMessage, LabPatient, LabReport, LabResult, LabSpecimen, ResultValue, Status},
};

/// Reads what is said. Observations that no report lists make a report of their own; what is not a report, an
/// observation, a sample or a person is passed over.
pub fn read_lab(resource: &Resource) -> LabMessage {
    let reader = Reader { resources: collect(resource.json()) };
    reader.read(resource.json())
}

/// Resources with the names under which others refer to them.
struct Reader<'a> {
    resources: Vec<(Vec<String>, &'a Json)>,
}

/// All resources of a bundle and those contained in them. A resource that is no bundle counts as the only one.
fn collect(root: &Json) -> Vec<(Vec<String>, &Json)> {
    let mut found = Vec::new();
    add_resource(root, None, &mut found);
    for entry in root.list("entry") {
        if let Some(resource) = entry.get("resource") {
            add_resource(resource, entry.get("fullUrl").and_then(Json::as_str), &mut found);
        }
    }
    found
}

fn add_resource<'a>(resource: &'a Json, url: Option<&str>, found: &mut Vec<(Vec<String>, &'a Json)>) {
    let kind = resource.text_at(&["resourceType"]);
    let mut names: Vec<String> = url.map(str::to_owned).into_iter().collect();
    if let Some(id) = resource.get("id").and_then(Json::as_str) {
        names.push(format!("{kind}/{id}"));
    }
    found.push((names, resource));
    for contained in resource.list("contained") {
        found.push((vec![format!("#{}", contained.text_at(&["id"]))], contained));
    }
}

impl<'a> Reader<'a> {
    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &'a Json> {
        self.resources.iter().map(|(_, json)| *json).filter(move |json| json.text_at(&["resourceType"]) == kind)
    }

    /// What a reference means: by full address, by type and id, or contained.
    fn resolve(&self, reference: Option<&Json>) -> Option<&'a Json> {
        let target = reference?.get("reference").and_then(Json::as_str)?;
        let named = |names: &[String]| names.iter().any(|name| name == target || name.ends_with(&format!("/{target}")));
        self.resources.iter().find(|(names, _)| named(names)).map(|(_, json)| *json)
    }

    fn read(&self, root: &Json) -> LabMessage {
        let header = self.of_kind("MessageHeader").next();
        let mut message = LabMessage {
            id: root.text_at(&["identifier", "value"]).to_owned(),
            sender: header.map_or("", |header| header.text_at(&["source", "name"])).to_owned(),
            sent_at: root.get("timestamp").and_then(Json::as_str).and_then(Dtm::parse_fhir),
            is_trial: root
                .list("meta")
                .flat_map(|meta| meta.list("tag"))
                .any(|tag| matches!(tag.text_at(&["code"]), "T" | "D") && tag.text_at(&["system"]).contains("v2-0103")),
            reports: Vec::new(),
        };
        if message.id.is_empty() {
            message.id = root.text_at(&["id"]).to_owned();
        }
        let mut listed: Vec<&Json> = Vec::new();
        for report in self.of_kind("DiagnosticReport") {
            let results: Vec<&Json> = report.list("result").filter_map(|one| self.resolve(Some(one))).collect();
            listed.extend(&results);
            message.reports.push(self.report(report, &results));
        }
        for observation in self.of_kind("Observation") {
            if !listed.iter().any(|known| std::ptr::eq(*known, observation)) {
                message.reports.push(self.report(observation, &[observation]));
            }
        }
        message
    }

    /// A report, or an observation in the place of one.
    fn report(&self, json: &'a Json, observations: &[&'a Json]) -> LabReport {
        let referred = |kind: &str| {
            json.list("identifier").find(|one| one.text_at(&["type", "coding", "code"]) == kind).map(identifier)
        };
        let specimens = json.list("specimen").chain(observations.iter().flat_map(|one| one.list("specimen")));
        let mut known: Vec<&Json> = Vec::new();
        for specimen in specimens.filter_map(|reference| self.resolve(Some(reference))) {
            if !known.iter().any(|other| std::ptr::eq(*other, specimen)) {
                known.push(specimen);
            }
        }
        LabReport {
            patient: self.resolve(json.get("subject")).map(patient).unwrap_or_default(),
            placer: referred("PLAC"),
            filler: referred("FILL").or_else(|| json.list("identifier").next().map(identifier)),
            code: json.get("code").map(coded).unwrap_or_default(),
            status: Status::of_fhir(json.text_at(&["status"])),
            observed_at: effective(json),
            reported_at: time(json, "issued"),
            specimens: known.into_iter().map(specimen).collect(),
            results: observations.iter().map(|one| result(one)).collect(),
        }
    }
}

fn time(json: &Json, key: &str) -> Option<Dtm> {
    json.get(key).and_then(Json::as_str).and_then(Dtm::parse_fhir)
}

fn effective(json: &Json) -> Option<Dtm> {
    time(json, "effectiveDateTime")
        .or_else(|| time(json, "effectiveInstant"))
        .or_else(|| json.get("effectivePeriod").and_then(|period| time(period, "start")))
}

fn identifier(json: &Json) -> Identifier {
    let system = match json.text_at(&["system"]) {
        "" => json.text_at(&["assigner", "display"]),
        uri => uri.trim_start_matches("urn:oid:"),
    };
    Identifier {
        value: json.text_at(&["value"]).to_owned(),
        system: system.to_owned(),
        kind: json.text_at(&["type", "coding", "code"]).to_owned(),
    }
}

fn patient(json: &Json) -> LabPatient {
    let name = |path: &[&str]| Some(json.text_at(path).to_owned()).filter(|text| !text.is_empty());
    LabPatient {
        identifiers: json.list("identifier").map(identifier).filter(|one| !one.value.is_empty()).collect(),
        family: name(&["name", "family"]),
        given: name(&["name", "given"])
            .or_else(|| json.at(&["name", "given"]).and_then(|list| list.items().next()?.as_str().map(str::to_owned))),
        born: time(json, "birthDate"),
        gender: ["male", "female", "other", "unknown"].into_iter().find(|word| *word == json.text_at(&["gender"])),
        phones: json
            .list("telecom")
            .filter(|one| one.text_at(&["system"]) == "phone")
            .map(|one| one.text_at(&["value"]).to_owned())
            .collect(),
    }
}

fn specimen(json: &Json) -> LabSpecimen {
    let number = json.get("accessionIdentifier").or_else(|| json.list("identifier").next()).map(identifier);
    LabSpecimen {
        id: number.filter(|one| !one.value.is_empty()),
        kind: json.get("type").map(coded).unwrap_or_default(),
        collected_at: json.get("collection").and_then(|one| {
            time(one, "collectedDateTime")
                .or_else(|| one.get("collectedPeriod").and_then(|period| time(period, "start")))
        }),
        received_at: time(json, "receivedTime"),
        is_pool: json.list("condition").any(|one| one.text_at(&["coding", "code"]) == "POOL")
            || json.list("parent").count() > 1,
    }
}

/// The system as HL7 v2 names it, where it has a name.
pub(super) fn v2_system(uri: &str) -> String {
    match uri {
        "http://loinc.org" => "LN".to_owned(),
        "http://snomed.info/sct" => "SCT".to_owned(),
        "http://unitsofmeasure.org" => "UCUM".to_owned(),
        _ => match uri.strip_prefix("http://terminology.hl7.org/CodeSystem/v2-") {
            Some(table) => format!("HL7{table}"),
            None => uri.to_owned(),
        },
    }
}

fn coded(json: &Json) -> Coded {
    let code = |coding: &Json| Code {
        code: coding.text_at(&["code"]).to_owned(),
        system: v2_system(coding.text_at(&["system"])),
        display: coding.text_at(&["display"]).to_owned(),
    };
    Coded { codes: json.list("coding").map(code).collect(), text: json.text_at(&["text"]).to_owned() }
}

fn result(json: &Json) -> LabResult {
    LabResult {
        code: json.get("code").map(coded).unwrap_or_default(),
        sub_id: json
            .list("identifier")
            .find(|one| one.text_at(&["system"]) == SUB_ID_SYSTEM)
            .map_or(String::new(), |one| one.text_at(&["value"]).to_owned()),
        value: value(json),
        status: Status::of_fhir(json.text_at(&["status"])),
        interpretation: json.list("interpretation").map(coded).collect(),
        observed_at: effective(json),
        analysed_at: time(json, "issued"),
        is_question: json.list("category").any(|one| one.text_at(&["coding", "code"]) == "survey"),
    }
}

/// Under which OBX-4 is kept.
pub(super) const SUB_ID_SYSTEM: &str = "urn:sizao:obx-4";

fn unit(quantity: &Json) -> Coded {
    let code = Code {
        code: quantity.text_at(&["code"]).to_owned(),
        system: v2_system(quantity.text_at(&["system"])),
        display: quantity.text_at(&["unit"]).to_owned(),
    };
    let said = !code.code.is_empty() || !code.display.is_empty();
    Coded { codes: said.then_some(code).into_iter().collect(), text: String::new() }
}

fn value(json: &Json) -> ResultValue {
    let number = |quantity: Option<&Json>| {
        quantity.and_then(|one| one.get("value")).and_then(Json::as_number).unwrap_or_default().to_owned()
    };
    if let Some(quantity) = json.get("valueQuantity") {
        let comparator = quantity.text_at(&["comparator"]).to_owned();
        return ResultValue::Quantity { comparator, number: number(Some(quantity)), unit: unit(quantity) };
    }
    if let Some(digits) = json.get("valueInteger").and_then(Json::as_number) {
        return ResultValue::Quantity { comparator: String::new(), number: digits.to_owned(), unit: Coded::default() };
    }
    if let Some(concept) = json.get("valueCodeableConcept") {
        return ResultValue::Coded(vec![coded(concept)]);
    }
    if let Some(text) = json.get("valueString").and_then(Json::as_str) {
        return ResultValue::Text(text.to_owned());
    }
    if let Some(range) = json.get("valueRange") {
        let unit = range.get("low").or(range.get("high")).map(unit).unwrap_or_default();
        return ResultValue::Range { low: number(range.get("low")), high: number(range.get("high")), unit };
    }
    if let Some(ratio) = json.get("valueRatio") {
        return ResultValue::Ratio {
            numerator: number(ratio.get("numerator")),
            denominator: number(ratio.get("denominator")),
            unit: ratio.get("numerator").map(unit).unwrap_or_default(),
        };
    }
    if let Some(period) = json.get("valuePeriod") {
        return ResultValue::Period(time(period, "start"), time(period, "end"));
    }
    if let Some(when) = time(json, "valueDateTime") {
        return ResultValue::When(when);
    }
    match json.get("valueTime").and_then(Json::as_str) {
        Some(clock) => ResultValue::Clock(clock.to_owned()),
        None => ResultValue::Absent,
    }
}
