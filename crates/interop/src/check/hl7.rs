//! HL7 v2: every message is the same after reading and writing, and what it says is what the expected outcome says.

use super::{
    Folder, Tally, fhir,
    index::{Index, IndexRow},
};
use crate::{
    fhir::{Resource, cut, read_lab as read_fhir},
    hl7v2::{ChunkKind, Delimiters, Dtm, Message, decode, elr_problems, read_lab, split, unescape},
    lab::{Coded, LabMessage, LabPatient, LabReport, LabResult, ResultValue},
};

pub(super) fn check(folder: &dyn Folder, index: &Index, tally: &mut Tally) {
    for row in index.rows() {
        tally.begin(row.get("input"));
        let input = Sample::load(folder, row.get("input"), tally);
        let expected = match row.get("expected") {
            "" => None,
            path => Sample::load(folder, path, tally),
        };
        if let Some(input) = &input {
            check_row(row, input, expected.as_ref(), tally);
        }
        tally.end();
    }
}

/// A file that could be read.
enum Sample {
    /// Messages, decoded.
    Messages(Vec<String>),
    Bundle(LabMessage),
    /// A flat table: columns and rows.
    Table(Index),
}

impl Sample {
    /// Reads a file and checks that nothing is lost by it.
    fn load(folder: &dyn Folder, path: &str, tally: &mut Tally) -> Option<Self> {
        let outcome = if path.ends_with(".fhir") || path.ends_with(".json") {
            read_bundles(folder, path).map(Self::Bundle)
        } else {
            folder.read(path).map_err(|error| format!("{path} cannot be read: {error}")).and_then(|bytes| {
                if path.ends_with(".csv") {
                    return Ok(Self::Table(Index::parse(&bytes)));
                }
                read_messages(&bytes).map(Self::Messages)
            })
        };
        let check = format!("read and written {}", if path.is_empty() { "nothing" } else { path });
        match outcome {
            Ok(sample) => {
                tally.expect(&check, Ok(()));
                Some(sample)
            }
            Err(found) => {
                tally.expect(&check, Err(found));
                None
            }
        }
    }
}

/// The resource of a file, or those of its lines, each of which writes what was read.
fn read_bundles(folder: &dyn Folder, path: &str) -> Result<LabMessage, String> {
    let bytes = folder.read(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8"))?;
    let mut all = LabMessage::default();
    for text in cut(text).into_iter().map(|(_, text)| text) {
        let resource = Resource::parse(&text).map_err(|error| error.to_string())?;
        fhir::is_lossless(&text, &resource)?;
        all.reports.extend(read_fhir(&resource).reports);
    }
    Ok(all)
}

/// The messages of a file, each of which writes the text that it was read from.
fn read_messages(bytes: &[u8]) -> Result<Vec<String>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let chunks = split(bytes);
    if chunks.iter().map(|chunk| chunk.bytes).collect::<Vec<_>>().concat() != bytes {
        return Err("cutting the file lost bytes".to_owned());
    }
    let mut messages = Vec::new();
    for chunk in chunks {
        match chunk.kind {
            ChunkKind::Stray if chunk.bytes.iter().all(u8::is_ascii_whitespace) => {}
            ChunkKind::Stray => return Err(format!("line {} is part of no message", chunk.line)),
            ChunkKind::Envelope => {}
            ChunkKind::Message => {
                let text = decode(chunk.bytes).map_err(|error| error.to_string())?.into_owned();
                let message = Message::parse(&text).map_err(|error| error.to_string())?;
                if message.write() != text {
                    return Err(format!("the message of line {} differs after writing", chunk.line));
                }
                messages.push(text);
            }
        }
    }
    if messages.is_empty() { Err("the file has no message".to_owned()) } else { Ok(messages) }
}

fn check_row(row: IndexRow<'_>, input: &Sample, expected: Option<&Sample>, tally: &mut Tally) {
    match (row.get("suite"), input, expected) {
        ("validation", Sample::Messages(texts), _) => check_profile(row.get("result"), texts, tally),
        (_, Sample::Messages(texts), Some(Sample::Bundle(bundle))) => {
            compare(&read_all(texts), bundle, row.get("result") != "FAIL", tally);
        }
        (_, Sample::Messages(texts), Some(Sample::Messages(others))) => {
            let (ours, theirs) = (read_all(texts), read_all(others));
            let kept = results_of(&ours) == results_of(&theirs);
            let found = || format!("{:?} instead of {:?}", results_of(&ours), results_of(&theirs));
            tally.expect("results kept on the way", if kept { Ok(()) } else { Err(found()) });
        }
        (_, Sample::Messages(texts), Some(Sample::Table(table))) => compare_flat(texts, table, tally),
        (_, Sample::Bundle(bundle), Some(Sample::Messages(texts))) => compare_sent(bundle, &read_all(texts), tally),
        _ => {}
    }
}

fn read_all(texts: &[String]) -> LabMessage {
    let mut all = LabMessage::default();
    for text in texts {
        if let Ok(message) = Message::parse(text) {
            let (lab, _) = read_lab(&message);
            all.reports.extend(lab.reports);
        }
    }
    all
}

/// The strict profile for onboarding, and the daily one, which every readable result passes.
fn check_profile(expected: &str, texts: &[String], tally: &mut Tally) {
    let strict_fails = expected.contains("INVALID");
    let is_judged = expected.contains("VALID");
    for message in texts.iter().filter_map(|text| Message::parse(text).ok()) {
        let fatal = read_lab(&message).1.into_iter().find(|problem| problem.fatal);
        tally.expect("production profile", fatal.map_or(Ok(()), |problem| Err(problem.to_string())));
        if is_judged {
            let problem = elr_problems(&message).into_iter().next();
            let outcome = problem.map_or(Ok(()), |problem| Err(problem.to_string()));
            tally.expect_outcome("onboarding profile", !strict_fails, outcome);
        }
    }
}

/// What a message says, against the bundle that others made of it. Their mapping decides about much that is no result;
/// what is compared is the person and what was found.
fn compare(ours: &LabMessage, theirs: &LabMessage, passes: bool, tally: &mut Tally) {
    if !passes {
        return tally.pass_over("an outcome that upstream expects to differ");
    }
    let (mine, other) = (results_of(ours), results_of(theirs));
    let found = || format!("{mine:?} instead of {other:?}");
    tally.expect("results", if mine == other { Ok(()) } else { Err(found()) });
    let (Some(mine), Some(other)) = (first_patient(ours), first_patient(theirs)) else { return };
    for (what, mine, other) in [
        ("family name", &mine.family, &other.family),
        ("given name", &mine.given, &other.given),
        ("day of birth", &day(mine), &day(other)),
        ("gender", &mine.gender.map(str::to_owned), &other.gender.map(str::to_owned)),
    ] {
        tally.expect(what, equal(mine, other));
    }
    let numbers = |patient: &LabPatient| -> Vec<String> {
        let mut numbers: Vec<String> = patient.identifiers.iter().map(|one| one.value.clone()).collect();
        numbers.sort();
        numbers
    };
    let missing: Vec<String> = numbers(mine).into_iter().filter(|number| !numbers(other).contains(number)).collect();
    tally.expect(
        "numbers of the patient",
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} not there")) },
    );
}

/// A bundle against the message that others sent of it: a receiver's rules drop and add observations, so what has to
/// hold is that a test's result which stands in both says the same.
fn compare_sent(bundle: &LabMessage, sent: &LabMessage, tally: &mut Tally) {
    let theirs = results_by_code(bundle);
    for (code, values) in results_by_code(sent) {
        let Some((_, known)) = theirs.iter().find(|(other, _)| *other == code) else { continue };
        let strange: Vec<&String> = values.iter().filter(|value| !known.contains(value)).collect();
        let found = || format!("{strange:?} not among {known:?}");
        tally.expect(&format!("result {code}"), if strange.is_empty() { Ok(()) } else { Err(found()) });
    }
}

fn results_by_code(message: &LabMessage) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for result in message.reports.iter().flat_map(|report| &report.results).filter(|result| !result.is_question) {
        let code = first_code(&result.code);
        match found.iter_mut().find(|(known, _)| *known == code) {
            Some((_, values)) => values.push(value_key(&result.value)),
            None => found.push((code, vec![value_key(&result.value)])),
        }
    }
    found
}

/// What was found, in an order of its own: code, value, status.
fn results_of(message: &LabMessage) -> Vec<String> {
    let one = |result: &LabResult| format!("{} = {}", first_code(&result.code), value_key(&result.value));
    let mut all: Vec<String> = message.reports.iter().flat_map(|report: &LabReport| &report.results).map(one).collect();
    all.sort();
    all
}

fn first_code(coded: &Coded) -> String {
    coded
        .codes
        .first()
        .map_or(String::new(), |code| if code.code.is_empty() { code.display.clone() } else { code.code.clone() })
}

fn value_key(value: &ResultValue) -> String {
    match value {
        ResultValue::Absent | ResultValue::Data { .. } => String::new(),
        ResultValue::Quantity { comparator, number, .. } => format!("{comparator}{}", plain(number)),
        ResultValue::Range { low, high, .. } => format!("{}..{}", plain(low), plain(high)),
        ResultValue::Ratio { numerator, denominator, .. } => format!("{}:{}", plain(numerator), plain(denominator)),
        ResultValue::Coded(values) => values.first().map(first_code).unwrap_or_default(),
        // Some bundles keep the marks of formatted text, which end lines, as they came.
        ResultValue::Text(text) => {
            let text = unescape(text, Delimiters::default());
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        }
        ResultValue::When(when) => moment(when),
        ResultValue::Clock(clock) => clock.clone(),
        ResultValue::Period(start, end) => [start, end].map(|at| at.as_ref().map_or(String::new(), moment)).join("/"),
    }
}

/// A number without its trailing zeros: others' tools drop them.
fn plain(number: &str) -> String {
    match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => number.to_owned(),
    }
}

/// A time by its day: the zone of a time without one is a matter of the receiver.
fn moment(when: &Dtm) -> String {
    when.to_fhir().chars().take(10).collect()
}

fn first_patient(message: &LabMessage) -> Option<&LabPatient> {
    message.reports.first().map(|report| &report.patient)
}

fn day(patient: &LabPatient) -> Option<String> {
    patient.born.as_ref().map(moment)
}

fn equal(mine: &Option<String>, other: &Option<String>) -> Result<(), String> {
    if mine == other { Ok(()) } else { Err(format!("{mine:?} instead of {other:?}")) }
}

/// The flat table that others make of a message: one row for each report.
fn compare_flat(texts: &[String], table: &Index, tally: &mut Tally) {
    let Some(Ok(message)) = texts.first().map(|text| Message::parse(text)) else { return };
    let (lab, _) = read_lab(&message);
    let (Some(row), Some(report)) = (table.rows().next(), lab.reports.first()) else {
        return tally.expect("flat table", Err("no row, or no report".to_owned()));
    };
    let Some(result) = report.results.first() else {
        return tally.expect("flat table", Err("the report has no result".to_owned()));
    };
    let specimen = report.specimens.first();
    let patient = &report.patient;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let said = [
        ("message_id", lab.id.clone()),
        ("test_result", value_key(&result.value)),
        ("test_performed_code", first_code(&result.code)),
        ("ordered_test_code", first_code(&report.code)),
        ("observation_result_status", v2_status(result)),
        ("patient_last_name", text(&patient.family)),
        ("patient_first_name", text(&patient.given)),
        ("patient_dob", day(patient).unwrap_or_default().replace('-', "")),
        ("patient_id", patient.identifiers.first().map_or(String::new(), |one| one.value.clone())),
        ("filler_order_id", report.filler.as_ref().map_or(String::new(), |one| one.value.clone())),
        ("specimen_type", specimen.map_or(String::new(), |one| first_code(&one.kind))),
        ("abnormal_flag", result.interpretation.first().map_or(String::new(), first_code)),
    ];
    for (column, ours) in said {
        let theirs = row.get(column);
        // Upstream fills some columns from tables of its own where the message is silent; what the message says counts.
        if !ours.is_empty() && !theirs.is_empty() {
            tally.expect(column, if ours == theirs { Ok(()) } else { Err(format!("{ours:?} instead of {theirs:?}")) });
        }
    }
}

fn v2_status(result: &LabResult) -> String {
    match result.status.fhir() {
        "final" => "F".to_owned(),
        "corrected" => "C".to_owned(),
        _ => String::new(),
    }
}
