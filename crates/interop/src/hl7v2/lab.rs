//! ORU^R01: what a laboratory says in a message, and everything that is wrong with it.

use std::borrow::Cow;

use super::{
    Dtm, Field, Hl7Problem, Message, Segment,
    value::{read_coded, read_value},
};
use crate::{
    lab::{Identifier, LabMessage, LabPatient, LabReport, LabResult, LabSpecimen, Status},
    mask,
};

/// Characters of a value that a problem shows.
const SHOWN_CHARS_MAX: usize = 40;
const RESEND: &str = "Correct it and send the message again";

/// Reads what a message says. A message with a fatal problem has to be refused; one with others has to be looked at.
pub fn read_lab(message: &Message<'_>) -> (LabMessage, Vec<Hl7Problem>) {
    let mut reader = Reader { message, lab: LabMessage::default(), problems: Vec::new(), counts: Vec::new() };
    reader.read();
    (reader.lab, reader.problems)
}

/// What the profile for laboratory reports to public health (ELR 2.5.1, release 1) asks beyond the standard: who
/// ordered under which number, and where the test was made. Receivers that onboard a laboratory insist; in daily work
/// the result counts without.
pub fn elr_problems(message: &Message<'_>) -> Vec<Hl7Problem> {
    let mut problems = Vec::new();
    let mut counts = std::collections::HashMap::new();
    for segment in message.segments() {
        let occurrence = counts.entry(segment.id()).and_modify(|count| *count += 1).or_insert(1u32);
        let mut need = |field: usize, missing: bool, rule: &'static str| {
            if missing {
                problems.push(problem(segment.id(), *occurrence, field, "", rule, false));
            }
        };
        match segment.id() {
            "ORC" => need(
                3,
                message.field(segment, 3).component(1).is_empty(),
                "the laboratory's number of the order is needed (EI.1)",
            ),
            "OBR" => need(
                3,
                message.field(segment, 3).component(1).is_empty(),
                "the laboratory's number of the order is needed (EI.1)",
            ),
            "OBX" if message.field(segment, 29).raw() != "QST" => {
                need(
                    23,
                    message.field(segment, 23).component(1).is_empty(),
                    "the laboratory that made the test is needed",
                );
                let whole = message.field(segment, 24);
                need(
                    24,
                    (1..=5).all(|part| whole.component(part).is_empty()),
                    "the address of the laboratory is needed",
                );
            }
            _ => {}
        }
    }
    problems
}

struct Reader<'m, 'a> {
    message: &'m Message<'a>,
    lab: LabMessage,
    problems: Vec<Hl7Problem>,
    counts: Vec<(&'a str, u32)>,
}

impl<'m, 'a> Reader<'m, 'a> {
    fn read(&mut self) {
        self.read_header();
        let mut patient = None;
        let mut loose_order: Option<&Segment<'a>> = None;
        for segment in self.message.segments() {
            let occurrence = self.count(segment.id());
            match segment.id() {
                "PID" => {
                    patient = Some(self.read_patient(segment, occurrence));
                    loose_order = None;
                }
                "ORC" => loose_order = Some(segment),
                "OBR" => {
                    let report = self.read_order(segment, occurrence, loose_order.take(), patient.clone());
                    self.lab.reports.push(report);
                }
                "OBX" => self.read_observation(segment, occurrence),
                "SPM" => self.read_specimen(segment, occurrence),
                _ if !segment.is_well_formed() => {
                    let rule = "a segment begins with three capitals or digits, such as OBX; a line end inside a text is written \\.br\\";
                    // What stands in its place may be part of anything, a name too.
                    self.refuse("line without id", occurrence, 0, "", rule);
                }
                _ => {}
            }
        }
        if patient.is_none() {
            self.refuse("PID", 0, 0, "", "the message names no patient");
        }
        if self.lab.reports.is_empty() {
            self.refuse("OBR", 0, 0, "", "the message has no order, and so no result");
        }
    }

    fn read_header(&mut self) {
        let header = |number| self.message.header(number);
        let kind = header(9);
        let (code, event) = (kind.component(1).text(), kind.component(2).text());
        self.lab.id = header(10).text().into_owned();
        let facility = header(4).component(1).said().or_else(|| header(3).component(1).said());
        self.lab.sender = facility.unwrap_or_default().into_owned();
        self.lab.sent_at = Dtm::parse(&header(7).component(1).text());
        self.lab.is_trial = matches!(&*header(11).component(1).text(), "T" | "D");
        if (&*code, &*event) != ("ORU", "R01") {
            self.refuse("MSH", 1, 9, kind.raw(), "only results are read here: ORU^R01");
        }
        if self.lab.id.is_empty() {
            self.refuse("MSH", 1, 10, "", "a message needs an id, so that it is never taken in twice");
        }
        let version = self.message.header(12).component(1).text();
        if !version.starts_with("2.") {
            self.note("MSH", 1, 12, &version, "the version is one of 2.3 to 2.8; it was read as 2.5.1");
        }
    }

    fn read_patient(&mut self, pid: &Segment<'a>, occurrence: u32) -> LabPatient {
        let field = |number| self.message.field(pid, number);
        let identifiers: Vec<Identifier> = field(3).repetitions().filter_map(read_cx).collect();
        let name = field(5);
        let part = |number: usize| name.component(number).subcomponent(1).said().map(Cow::into_owned);
        let born = field(7).component(1).said();
        let patient = LabPatient {
            family: part(1),
            given: part(2),
            born: born.as_deref().and_then(Dtm::parse),
            gender: gender(&field(8).component(1).text()),
            phones: field(13).repetitions().chain(field(14).repetitions()).filter_map(read_phone).collect(),
            identifiers,
        };
        if patient.identifiers.is_empty() {
            self.refuse("PID", occurrence, 3, "", "a patient needs a number, with who gave it");
        }
        if born.is_some() && patient.born.is_none() {
            self.note("PID", occurrence, 7, "", "the day of birth is no date such as 19800131, or no such day exists");
        }
        patient
    }

    fn read_order(
        &mut self,
        obr: &Segment<'a>,
        occurrence: u32,
        orc: Option<&Segment<'a>>,
        patient: Option<LabPatient>,
    ) -> LabReport {
        let field = |number| self.message.field(obr, number);
        let order =
            |number| read_ei(field(number)).or_else(|| orc.and_then(|orc| read_ei(self.message.field(orc, number))));
        let (code, status) = (read_coded(field(4)), field(25).text());
        let report = LabReport {
            patient: patient.unwrap_or_default(),
            placer: order(2),
            filler: order(3),
            observed_at: self.time(obr, occurrence, 7),
            reported_at: self.time(obr, occurrence, 22),
            status: Status::of_v2(&status).unwrap_or_default(),
            code,
            ..LabReport::default()
        };
        if Status::of_v2(&status).is_none() {
            self.note("OBR", occurrence, 25, &status, "the status is one of table 0123, such as F or C");
        }
        if report.code.is_empty() {
            self.refuse("OBR", occurrence, 4, "", "an order says what was to be tested");
        }
        report
    }

    fn read_observation(&mut self, obx: &Segment<'a>, occurrence: u32) {
        let field = |number| self.message.field(obx, number);
        let status_text = field(11).text();
        let value = read_value(self.message, obx);
        let result = LabResult {
            code: read_coded(field(3)),
            sub_id: field(4).text().into_owned(),
            status: Status::of_v2(&status_text).unwrap_or_default(),
            interpretation: field(8).repetitions().map(read_coded).filter(|coded| !coded.is_empty()).collect(),
            observed_at: self.time(obx, occurrence, 14),
            analysed_at: self.time(obx, occurrence, 19),
            is_question: field(29).raw() == "QST",
            value: value.clone().unwrap_or_default(),
        };
        if let Err(rule) = value {
            let about = if rule.starts_with("OBX-2 has") || rule.starts_with("OBX-2 names") { 2 } else { 5 };
            self.refuse("OBX", occurrence, about, field(about).raw(), rule);
        }
        if result.code.is_empty() {
            self.refuse("OBX", occurrence, 3, "", "an observation says what was looked for");
        }
        if Status::of_v2(&status_text).is_none() {
            self.refuse("OBX", occurrence, 11, &status_text, "the status is one of table 0085, such as F or C");
        }
        match self.lab.reports.last_mut() {
            Some(report) => report.results.push(result),
            None => self.refuse("OBX", occurrence, 0, "", "an observation stands behind its order (OBR)"),
        }
    }

    fn read_specimen(&mut self, spm: &Segment<'a>, occurrence: u32) {
        let field = |number| self.message.field(spm, number);
        // SPM-2 is a pair: the number of whoever took the sample, and the laboratory's.
        let pair = field(2);
        let id =
            [2, 1].into_iter().find_map(|number| read_ei_parts(pair.component(number), |ei, at| ei.subcomponent(at)));
        let collected = field(17);
        let specimen = LabSpecimen {
            id,
            kind: read_coded(field(4)),
            collected_at: Dtm::parse(&collected.component(1).subcomponent(1).text()),
            received_at: self.time(spm, occurrence, 18),
            is_pool: field(11).repetitions().any(|role| role.component(1).raw() == "L"),
        };
        match self.lab.reports.last_mut() {
            Some(report) => report.specimens.push(specimen),
            None => self.note("SPM", occurrence, 0, "", "a sample stands behind its order (OBR)"),
        }
    }

    /// A time; one that is none is noted and left out.
    fn time(&mut self, segment: &Segment<'a>, occurrence: u32, number: usize) -> Option<Dtm> {
        let text = self.message.field(segment, number).component(1).text();
        let time = Dtm::parse(&text);
        if time.is_none() && !text.trim().is_empty() {
            self.note(
                segment.id(),
                occurrence,
                number,
                &text,
                "this is no time such as 202203170930+0800, or no such day exists",
            );
        }
        time
    }

    fn count(&mut self, id: &'a str) -> u32 {
        match self.counts.iter_mut().find(|(known, _)| *known == id) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.counts.push((id, 1));
                1
            }
        }
    }

    fn refuse(&mut self, segment: &str, occurrence: u32, field: usize, value: &str, rule: &'static str) {
        self.problems.push(problem(segment, occurrence, field, value, rule, true));
    }

    fn note(&mut self, segment: &str, occurrence: u32, field: usize, value: &str, rule: &'static str) {
        self.problems.push(problem(segment, occurrence, field, value, rule, false));
    }
}

fn problem(segment: &str, occurrence: u32, field: usize, value: &str, rule: &'static str, fatal: bool) -> Hl7Problem {
    Hl7Problem {
        segment: segment.to_owned(),
        occurrence,
        field: field as u32,
        value: if segment == "PID" { String::new() } else { mask::shown(value, false, SHOWN_CHARS_MAX) },
        rule: rule.into(),
        cure: RESEND.into(),
        fatal,
    }
}

/// A number with who gave it (CX): number, check digit, scheme, authority, kind.
fn read_cx(field: Field<'_>) -> Option<Identifier> {
    let value = field.component(1).said()?.into_owned();
    let authority = field.component(4);
    let system = authority.subcomponent(2).said().or_else(|| authority.subcomponent(1).said()).unwrap_or_default();
    Some(Identifier { value, system: system.into_owned(), kind: field.component(5).text().into_owned() })
}

/// A number of an order (EI): number, namespace, id, kind of id.
fn read_ei(field: Field<'_>) -> Option<Identifier> {
    read_ei_parts(field, |ei, at| ei.component(at))
}

fn read_ei_parts<'a>(ei: Field<'a>, part: impl Fn(Field<'a>, usize) -> Field<'a>) -> Option<Identifier> {
    let value = part(ei, 1).said()?.into_owned();
    let system = part(ei, 3).said().or_else(|| part(ei, 2).said()).unwrap_or_default();
    Some(Identifier { value, system: system.into_owned(), kind: String::new() })
}

/// A number of the old form (XTN.1) or of the new one (country, area, number).
fn read_phone(field: Field<'_>) -> Option<String> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let parts = [5, 6, 7].map(|number| digits(&field.component(number).text()));
    let written = if parts[2].is_empty() { digits(&field.component(12).text()) } else { parts.concat() };
    let number = if written.is_empty() { digits(&field.component(1).text()) } else { written };
    (number.len() >= 7).then_some(number)
}

fn gender(code: &str) -> Option<&'static str> {
    Some(match code {
        "M" => "male",
        "F" => "female",
        "O" | "A" => "other",
        "U" | "N" => "unknown",
        _ => return None,
    })
}
