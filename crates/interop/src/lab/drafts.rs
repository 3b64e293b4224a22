//! What a laboratory says becomes drafts of facts: a sample of a person, a result of a sample or of a pool.
//!
//! Keys make every fact come in once: a sample is the sender's number of it, a result the sample, what was looked for
//! and which of several. The same result in another message is the same fact; another outcome under the same key is a
//! contradiction unless the laboratory says that it corrects, and then the correction is keyed by its message.

use sizao_model::{
    DivisionCode, FactBody, Happened, Instant, PersonId,
    draft::{FactDraft, Origin, PersonDraft, PersonName, provisional_fact},
    fact::{Correction, Outcome, Sample, TestResult},
    identity::{Document, DocumentKind, Phone, PhoneRole},
};

use super::{Identifier, LabMessage, LabPatient, LabReport, LabResult, LabSpecimen, Status, method_of, outcome_of};
use crate::{
    problem::{Note, NoteKind, Problem},
    row::{Row, RowSource, digest_of, is_ahead},
};

const RESEND: &str = "Correct it and send the message again";

/// Where a message came from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Line or number of it in the file.
    pub row: u64,
    /// Its text, to be handed back.
    pub text: &'a str,
    /// In whose scope its numbers have a meaning.
    pub sender: &'a str,
    /// Where the people are looked after.
    pub division: DivisionCode,
    /// What happened more than five minutes later is refused.
    pub now: Instant,
}

impl Source<'_> {
    /// Something to be known, though the message is in.
    pub(crate) fn note(&self, subject: &str, text: String) -> Note {
        let kind = NoteKind::Unusable;
        Note { row: self.row, kind, subject: subject.into(), value: "".into(), text: text.into(), person: None }
    }
}

/// The drafts of a message.
///
/// # Errors
/// Everything for which it has to go back: no result that can be read, no number of a sample, no time of sampling.
pub fn row_of(message: &LabMessage, source: &Source<'_>) -> Result<Row, Vec<Problem>> {
    let origin = Origin { row: source.row, part: 0, line_digest: digest_of(std::iter::once(source.text)) };
    let end = u32::try_from(source.text.len()).unwrap_or(u32::MAX);
    let kept = RowSource::new(source.row, source.text, std::iter::once((0, end)));
    let row = Row { origin, people: Vec::new(), facts: Vec::new(), notes: Vec::new(), source: kept };
    let mut drafter = Drafter { message, source, row, problems: Vec::new(), results: 0 };
    if message.is_trial {
        drafter.refuse("processing id", "this is a trial message", "Send it as production, or to a store for drills");
    }
    for report in &message.reports {
        drafter.add_report(report);
    }
    if drafter.results == 0 && drafter.problems.is_empty() {
        drafter.refuse("result", "no observation is a test's result that is known here", RESEND);
    }
    if drafter.problems.is_empty() { Ok(drafter.row) } else { Err(drafter.problems) }
}

struct Drafter<'a> {
    message: &'a LabMessage,
    source: &'a Source<'a>,
    row: Row,
    problems: Vec<Problem>,
    results: usize,
}

impl Drafter<'_> {
    fn refuse(&mut self, place: &str, rule: &'static str, cure: &'static str) {
        let problem = Problem { column: Some(place.into()), value: "".into(), rule: rule.into(), cure: cure.into() };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn add_report(&mut self, report: &LabReport) {
        let tests: Vec<(&LabResult, Outcome)> = report
            .results
            .iter()
            .filter(|result| !result.is_question && method_of(result).is_some())
            .filter_map(|result| outcome_of(&result.value).map(|outcome| (result, outcome)))
            .collect();
        let Some((first, _)) = tests.first() else { return };
        let specimen = report.specimens.first();
        let Some(number) =
            specimen.and_then(|one| one.id.as_ref()).or(report.filler.as_ref()).or(report.placer.as_ref())
        else {
            return self.refuse("sample", "a result needs the number of its sample (SPM-2) or order (OBR-3)", RESEND);
        };
        let number = &*number.value;
        let is_pool = specimen.is_some_and(|one| one.is_pool);
        if !is_pool {
            let Some(person) = self.person(&report.patient) else { return };
            let Some(taken) = sampled(report, specimen, first) else {
                let rule = "a result needs the time of sampling (SPM-17, OBR-7 or OBX-14), at least its day";
                return self.refuse("sample", rule, RESEND);
            };
            let lab = (!self.message.sender.is_empty()).then(|| self.message.sender.as_str().into());
            let method = method_of(first).expect("only tests with a method are kept");
            self.push(
                Some(format!("sample:{number}")),
                Some(person),
                taken,
                Sample { method, lab, pool: None, disease: None }.into(),
            );
        }
        for (result, outcome) in tests {
            self.add_result(report, result, outcome, number, is_pool);
        }
    }

    fn add_result(&mut self, report: &LabReport, result: &LabResult, outcome: Outcome, number: &str, is_pool: bool) {
        let code = result.code.codes.first().map_or("", |code| &code.code);
        let key = format!("result:{number}/{code}/{}", result.sub_id);
        let status = if result.status == Status::Unknown { report.status } else { result.status };
        let times = [&result.analysed_at, &report.reported_at, &self.message.sent_at];
        let Some(happened) = times.into_iter().flatten().find_map(|time| time.happened()) else {
            return self.refuse("result", "a result needs a time (OBX-19, OBR-22 or MSH-7)", RESEND);
        };
        self.results += 1;
        let of = provisional_fact(self.source.sender, &key);
        let correction = |retract: bool| Correction {
            of,
            retract,
            reason: Some("the laboratory corrected its result".into()),
            person: None,
            happened: None,
            body: (!retract).then(|| {
                let outcome = serde_json::to_value(outcome).expect("an outcome is a word");
                serde_json::Map::from_iter([("outcome".to_owned(), outcome)])
            }),
        };
        let (sample, pool) = match is_pool {
            true => (None, Some(number.into())),
            false => (Some(provisional_fact(self.source.sender, &format!("sample:{number}"))), None),
        };
        let (key, body): (String, FactBody) = match status {
            Status::Corrected | Status::Amended => (format!("{key}#{}", self.message.id), correction(false).into()),
            Status::EnteredInError => (format!("{key}#{}", self.message.id), correction(true).into()),
            Status::Final => (key, TestResult { sample, pool, outcome }.into()),
            _ => {
                let text = format!("its status is '{}': a result counts when it is final", status.fhir());
                return self.row.notes.push(self.source.note("result", text));
            }
        };
        self.push(Some(key), None, happened, body);
    }

    fn push(&mut self, key: Option<String>, person: Option<PersonId>, happened: Happened, body: FactBody) {
        if is_ahead(body.kind(), &happened, self.source.now) {
            return self.refuse(
                "time",
                "it happened later than now",
                "Set the clock of the sender right and send the message again",
            );
        }
        let key = key.map(String::into_boxed_str);
        if self.row.facts.iter().any(|fact| fact.key == key) {
            return;
        }
        let part = u16::try_from(self.row.facts.len()).unwrap_or(u16::MAX);
        let origin = Origin { part, ..self.row.origin };
        let division = self.source.division;
        self.row.facts.push(FactDraft { origin, key, person, division, happened, recorded_at: None, body });
    }

    fn person(&mut self, patient: &LabPatient) -> Option<PersonId> {
        let names: Vec<PersonName> = patient.identifiers.iter().map(|one| self.name(one)).collect();
        let Some(first) = names.first() else {
            self.refuse("patient", "a patient needs a number, with who gave it", RESEND);
            return None;
        };
        let id = first.provisional();
        let phones = patient.phones.iter().filter_map(|number| Phone::new(number, PhoneRole::Own).ok()).collect();
        let draft = PersonDraft { names, full_name: full_name(patient), phones, division: self.source.division };
        if self.row.people.iter().all(|known| known.names != draft.names) {
            self.row.people.push(draft);
        }
        Some(id)
    }

    /// A resident's number and a passport are documents; every other number is a code of whoever gave it.
    fn name(&self, identifier: &Identifier) -> PersonName {
        // Object identifier of resident identity numbers in Chinese health messages.
        let is_resident = matches!(&*identifier.kind, "NI" | "NNCHN") || identifier.system == "2.16.156.10011.1.3";
        let kind = match &*identifier.kind {
            _ if is_resident => Some(DocumentKind::ResidentId),
            "PPN" => Some(DocumentKind::Passport),
            _ => None,
        };
        let document = kind.and_then(|kind| Document::new(kind, &identifier.value).ok());
        document.map(PersonName::Document).unwrap_or_else(|| PersonName::Code {
            scope: format!("{}/{}", self.source.sender, identifier.system).into(),
            code: identifier.value.as_str().into(),
        })
    }
}

fn sampled(report: &LabReport, specimen: Option<&LabSpecimen>, result: &LabResult) -> Option<Happened> {
    let collected = specimen.and_then(|one| one.collected_at.as_ref());
    [collected, result.observed_at.as_ref(), report.observed_at.as_ref()]
        .into_iter()
        .flatten()
        .find_map(|time| time.happened())
}

/// Chinese names are written without a space.
fn full_name(patient: &LabPatient) -> Option<Box<str>> {
    let (family, given) = (patient.family.as_deref(), patient.given.as_deref());
    let parts: Vec<&str> = [family, given].into_iter().flatten().collect();
    let is_ascii = parts.iter().any(|part| part.is_ascii());
    (!parts.is_empty()).then(|| parts.join(if is_ascii { " " } else { "" }).into())
}
