//! Facts as lines of JSON with the city's own labels as ids, in the layout that `Fact::from_json` reads.

use std::io::Write;

use serde_json::to_string as quoted;
use sizao_model::{CivilDay, fact::EvidenceKind};

use crate::city::{
    City,
    event::{BASIS, Event, Fix, Owner, PRODUCTS, SIGNERS, SYMPTOMS, Time, What, push_lab},
    trips::ORIGINS,
};

/// RFC 3339 in Asia/Shanghai, from seconds since 1970.
pub fn rfc3339(at: u32) -> String {
    let mut out = Vec::with_capacity(25);
    push_time(at, &mut out);
    String::from_utf8(out).expect("digits are ASCII")
}

pub(super) fn push_time(at: u32, out: &mut Vec<u8>) {
    let local = u64::from(at) + 8 * 3600;
    push_day(CivilDay::from_number((local / 86_400) as i32), out);
    let seconds = local % 86_400;
    out.push(b'T');
    push_two(seconds / 3600, out);
    out.push(b':');
    push_two(seconds / 60 % 60, out);
    out.push(b':');
    push_two(seconds % 60, out);
    out.extend_from_slice(b"+08:00");
}

/// Appends year-month-day. Millions of days are written: the general calendar would take most of the time.
///
/// # Source
/// The Gregorian calendar counted from 1 March, in eras of 400 years.
pub(super) fn push_day(day: CivilDay, out: &mut Vec<u8>) {
    let shifted = u64::from((day.number() + 719_468) as u32);
    let in_era = shifted % 146_097;
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * in_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = shifted / 146_097 * 400 + year_of_era + u64::from(month <= 2);
    push_two(year / 100, out);
    push_two(year % 100, out);
    out.push(b'-');
    push_two(month, out);
    out.push(b'-');
    push_two(in_year - (153 * from_march + 2) / 5 + 1, out);
}

fn push_two(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
}

/// Appends one line.
pub(super) fn push_fact(city: &City, event: &Event, out: &mut Vec<u8>) {
    let kind = event.what.kind();
    out.extend_from_slice(br#"{"id":""#);
    event.of.push(out);
    out.extend_from_slice(br#"","kind":""#);
    out.extend_from_slice(kind.name().as_bytes());
    if kind.is_about_a_person() {
        out.extend_from_slice(br#"","person":""#);
        event.of.owner.push(out);
    }
    out.push(b'"');
    out.extend_from_slice(br#","happened":{"#);
    push_happened(event.happened, out);
    out.extend_from_slice(br#"},"recorded_at":""#);
    push_time(event.recorded_at, out);
    out.extend_from_slice(br#"","body":{"#);
    push_body(city, event, out);
    out.extend_from_slice(b"}}\n");
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes everything");
}

fn push_happened(time: Time, out: &mut Vec<u8>) {
    let mut field = |name: &str, push: &dyn Fn(&mut Vec<u8>)| {
        put(out, format_args!(r#"{name}":""#));
        push(out);
        out.push(b'"');
    };
    match time {
        Time::At(at) => field("\"at", &|out| push_time(at, out)),
        Time::On(day) => field("\"day", &|out| push_day(day, out)),
        Time::During(from, to) => {
            field("\"from", &|out| push_time(from, out));
            field(",\"to", &|out| push_time(to, out));
        }
        Time::Days(from, to) => {
            field("\"from", &|out| push_day(from, out));
            field(",\"to", &|out| push_day(to, out));
        }
    }
}

/// The word on the wire of one of the model's words, with quotes.
fn word<T: serde::Serialize>(value: &T) -> String {
    quoted(value).expect("words are strings")
}

pub(super) fn evidence(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Interview => "interview",
        EvidenceKind::Ticket => "ticket",
        EvidenceKind::Camera => "camera",
        EvidenceKind::Checkpoint => "checkpoint",
        EvidenceKind::Declared => "declared",
        EvidenceKind::VenueScan => "venue_scan",
        EvidenceKind::Payment => "payment",
        EvidenceKind::ListRow => "list_row",
        EvidenceKind::Model => "model",
        EvidenceKind::CellLocation => "cell_location",
    }
}

fn push_list(out: &mut Vec<u8>, items: impl Iterator<Item = String>) {
    for (i, item) in items.enumerate() {
        put(out, format_args!("{}{item}", if i > 0 { "," } else { "" }));
    }
}

fn push_body(city: &City, event: &Event, out: &mut Vec<u8>) {
    let code = |number: u32| Owner::person(number).code();
    match &event.what {
        What::Person => push_person(city, event, out),
        What::Dose { product } => {
            put(out, format_args!(r#""disease":"covid","product":"{}""#, PRODUCTS[usize::from(*product)]));
        }
        What::Link { other, basis } => put(out, format_args!(r#""other":"{}","basis":{}"#, other.code(), word(basis))),
        What::Arrival { origin, into, evidence: kind, is_transit, leaves_at } => {
            let (from, into) = (ORIGINS[usize::from(*origin)].code, city.area_code(*into));
            put(out, format_args!(r#""from":"{from}","into":"{into}","evidence":"{}""#, evidence(*kind)));
            if *is_transit {
                out.extend_from_slice(br#","transit":true"#);
            }
            if let Some(at) = leaves_at {
                put(out, format_args!(r#","leaves_at":"{}""#, rfc3339(*at)));
            }
        }
        What::Stay { area, evidence: kind } => {
            put(out, format_args!(r#""area":"{}","evidence":"{}""#, city.area_code(*area), evidence(*kind)));
        }
        What::Sample { method, lab, tube } => {
            put(out, format_args!(r#""method":{},"lab":""#, word(method)));
            push_lab(*lab, out);
            if let Some(tube) = tube {
                out.extend_from_slice(br#"","pool":""#);
                tube.push(out);
            }
            out.push(b'"');
        }
        What::Result { sample, outcome } => {
            out.extend_from_slice(br#""sample":""#);
            sample.push(out);
            put(out, format_args!(r#"","outcome":{}"#, word(outcome)));
        }
        What::TubeResult { tube, outcome } => {
            put(out, format_args!(r#""pool":"{}","outcome":{}"#, tube.code(), word(outcome)));
        }
        What::Symptoms { set, tenths } => {
            out.extend_from_slice(br#""symptoms":["#);
            push_list(out, SYMPTOMS[usize::from(*set)].iter().map(|symptom| format!("\"{symptom}\"")));
            out.push(b']');
            if *tenths > 0 {
                put(out, format_args!(r#","temperature":{}.{}"#, tenths / 10, tenths % 10));
            }
        }
        What::Diagnosis { status, onset, sampled } => {
            put(out, format_args!(r#""status":{}"#, word(status)));
            for (name, day) in [("onset", onset), ("sampled", sampled)] {
                if let Some(day) = day {
                    put(out, format_args!(r#","{name}":"{day}""#));
                }
            }
        }
        What::Exposure { case, via, evidence: kind, class } => {
            for (name, person) in [("case", case), ("via", via)] {
                if let Some(person) = person {
                    put(out, format_args!(r#""{name}":"{}","#, code(*person)));
                }
            }
            put(out, format_args!(r#""evidence":"{}","class":{}"#, evidence(*kind), word(class)));
        }
        What::Confirmation { of, by } => put(out, format_args!(r#""of":"{}","by":{}"#, of.label(), word(by))),
        What::AreaDeclared(declaration) => {
            let (area, until) = (city.area_code(declaration.area), rfc3339(declaration.until));
            put(
                out,
                format_args!(r#""area":"{area}","level":{},"until":"{until}","evidence":["#, word(&declaration.level)),
            );
            push_list(out, declaration.evidence.iter().map(|of| format!("\"{}\"", of.label())));
            put(out, format_args!(r#"],"basis":"{BASIS}","signers":["{}","{}"]"#, SIGNERS[0], SIGNERS[1]));
        }
        What::AreaEnded { area } => put(out, format_args!(r#""area":"{}""#, city.area_code(*area))),
        What::IsolationStarted { site } => {
            put(out, format_args!(r#""site":"{}""#, city.site_code(*site)));
            if let Some(floor) = site.floor() {
                put(out, format_args!(r#","floor":{floor}"#));
            }
        }
        What::IsolationLeft | What::Discharge | What::Death => {}
        What::Correction { of, fix } => {
            put(out, format_args!(r#""of":"{}","reason":"{}""#, of.label(), fix.reason()));
            match fix {
                Fix::Retract => out.extend_from_slice(br#","retract":true"#),
                Fix::Person(right) => put(out, format_args!(r#","person":"{}""#, code(*right))),
                Fix::Happened(at) => put(out, format_args!(r#","happened":{{"at":"{}"}}"#, rfc3339(*at))),
            }
        }
    }
}

fn push_person(city: &City, event: &Event, out: &mut Vec<u8>) {
    let number = event.of.owner.person_number().expect("the facts of persons are owned by persons");
    put(out, format_args!(r#""birth_day":"{}""#, city.people()[number as usize].birth_on));
    for (name, items) in [
        ("parents", city.parents(number).map(|parent| format!("\"{}\"", Owner::person(parent).code())).collect()),
        ("traits", city.traits(number).iter().map(word).collect::<Vec<_>>()),
    ] {
        if !items.is_empty() {
            put(out, format_args!(r#","{name}":["#));
            push_list(out, items.into_iter());
            out.push(b']');
        }
    }
}

#[cfg(test)]
mod tests {
    use sizao_model::time::Instant;

    use super::*;

    #[test]
    fn days_and_moments_are_written_as_the_calendar_writes_them() {
        let mut out = Vec::new();
        for number in (-40_000..60_000).step_by(17) {
            let day = CivilDay::from_number(number);
            out.clear();
            push_day(day, &mut out);
            assert_eq!(std::str::from_utf8(&out).unwrap(), day.to_string());
        }
        for at in [0, 1_646_323_199, 1_646_323_200, 1_709_135_999, 4_000_000_000] {
            assert_eq!(rfc3339(at), Instant::from_micros(i64::from(at) * 1_000_000).to_string());
        }
    }
}
