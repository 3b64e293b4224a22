//! Invented worlds: a few people, and facts of every kind within some weeks, as dense as possible.

use proptest::prelude::*;
use serde_json::{Value, json};
use sizao_model::{CivilDay, Fact, Instant, PersonId};

/// How many people a world has.
pub const PEOPLE: u8 = 6;

/// The raw material of one fact.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    kind: u8,
    who: u8,
    other: u8,
    day: u8,
    hour: u8,
    length: u8,
    delay: u8,
    pick: u8,
}

/// Packs that a world may be assessed under.
pub const TIMELINES: [&[&str]; 6] = [
    &["cn-covid-v8", "cn-covid-v9", "cn-twenty"],
    &["cn-covid-v8", "ha-normal-2.0", "ha-arrival-0322", "ha-window-4"],
    &["cn-covid-v9"],
    &["cn-covid-v9", "cn-twenty", "cn-new-ten", "cn-class-B-B"],
    &["made-up-fever", "made-up-fever-2"],
    &["measles-cn", "ebola-who", "cn-covid-v8"],
];

/// First days, one for each of [`TIMELINES`], so that adoptions fall into the weeks of the world.
const FIRST_DAYS: [&str; 6] = ["2022-06-15", "2022-03-15", "2022-07-01", "2022-11-25", "2022-04-20", "2022-05-01"];

/// The packs and the diseases of facts.
pub fn timeline() -> impl Strategy<Value = usize> {
    0..TIMELINES.len()
}

/// The seeds of a world.
pub fn seeds(most: usize) -> impl Strategy<Value = Vec<Seed>> {
    let bytes = (0u8..36, 0..PEOPLE, 0..PEOPLE, 0u8..30, 0u8..24, 0u8..40, 0u8..30, any::<u8>());
    proptest::collection::vec(
        bytes.prop_map(|(kind, who, other, day, hour, length, delay, pick)| Seed {
            kind,
            who,
            other,
            day,
            hour,
            length,
            delay,
            pick,
        }),
        1..most,
    )
}

/// The moment so many hours after the beginning of a world.
pub fn moment(timeline: usize, hours: i64) -> Instant {
    CivilDay::parse(FIRST_DAYS[timeline]).unwrap().start().plus_hours(hours)
}

/// A person of the world.
pub fn person(number: u8) -> PersonId {
    PersonId::from_label(&format!("p{number}"))
}

/// The facts that seeds make; the id of the n-th is `f<n>`.
pub fn facts(timeline: usize, seeds: &[Seed]) -> Vec<Fact> {
    seeds.iter().enumerate().map(|(number, seed)| fact(timeline, number, *seed)).collect()
}

/// Any fact.
pub fn read(value: &Value) -> Fact {
    Fact::from_json(&value.to_string()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn fact(timeline: usize, number: usize, seed: Seed) -> Fact {
    let Seed { kind, who, other, day, hour, length, delay, pick } = seed;
    let at = moment(timeline, i64::from(day) * 24 + i64::from(hour));
    let end = at.plus_hours(i64::from(length));
    let recorded_at = at.plus_hours(i64::from(delay) * 2);
    let (me, you) = (format!("p{who}"), format!("p{}", if other == who { (who + 1) % PEOPLE } else { other }));
    let earlier = |back: u8| format!("f{}", number.saturating_sub(1 + usize::from(back % 6)));
    let disease = match timeline {
        4 => "made_up_fever",
        5 => ["measles", "ebola", "covid"][usize::from(pick % 3)],
        _ => "covid",
    };
    let evidence =
        ["interview", "ticket", "interview", "venue_scan", "list_row", "cell_location"][usize::from(pick % 6)];
    let area = ["410102001", "410102", "410102002", "410103", "4101", "410301001"][usize::from(pick / 6 % 6)];
    let site = ["site-1", "site-2"][usize::from(pick % 2)];
    let instant = json!({"at": at});
    let span = json!({"from": at, "to": end});
    let (kind, person, happened, body) = match kind {
        0..=7 => {
            let class =
                ["close_contact", "close_contact", "close_contact", "general_contact"][usize::from(pick / 6 % 4)];
            ("exposure", Some(me), span, json!({"case": you, "evidence": evidence, "class": class, "disease": disease}))
        }
        8..=9 => (
            "exposure",
            Some(me),
            span,
            json!({"via": you, "evidence": evidence, "class": "secondary_contact", "disease": disease}),
        ),
        10..=13 => {
            let status =
                ["confirmed_case", "asymptomatic_infection", "confirmed_case", "excluded"][usize::from(pick % 4)];
            (
                "diagnosis",
                Some(me),
                instant,
                json!({"status": status, "onset": at.day().plus_days(-1), "disease": disease}),
            )
        }
        14..=16 => ("isolation_started", Some(me), instant, json!({"site": site, "floor": pick % 4})),
        17..=20 => (
            "sample",
            Some(me),
            instant,
            json!({"method": "nucleic_test", "lab": format!("lab-{}", pick % 3), "disease": disease}),
        ),
        21..=22 => {
            let outcome = ["negative", "negative", "positive", "grey_zone", "invalid"][usize::from(pick % 5)];
            ("result", None, instant, json!({"sample": earlier(pick / 5), "outcome": outcome}))
        }
        23 => ("confirmation", None, instant, json!({"of": earlier(pick), "by": "person"})),
        24..=25 => {
            let to = if pick % 3 == 0 { Value::Null } else { json!(end.plus_hours(i64::from(length) * 4)) };
            ("stay", Some(me), json!({"from": at, "to": to}), json!({"area": area, "evidence": evidence}))
        }
        26 => {
            let level = ["high", "medium", "sealed", "controlled", "low"][usize::from(pick % 5)];
            let until = at.plus_hours(24 * (3 + i64::from(length)));
            (
                "area_declared",
                None,
                instant,
                json!({"area": area, "level": level, "until": until, "evidence": ["e"], "signers": ["a", "b"]}),
            )
        }
        27 => ("area_ended", None, instant, json!({"area": area})),
        28 => {
            let from = ["310115", "abroad", "410300"][usize::from(pick % 3)];
            ("arrival", Some(me), instant, json!({"from": from, "into": "410102", "evidence": evidence}))
        }
        29 => {
            let body = match pick % 4 {
                0 => json!({"of": earlier(pick / 4), "retract": true}),
                1 => json!({"of": earlier(pick / 4), "person": you}),
                _ => json!({"of": earlier(pick / 4), "happened": {"from": at, "to": end}}),
            };
            ("correction", None, instant, body)
        }
        30 => {
            let basis = ["document", "person", "automatic"][usize::from(pick % 3)];
            ("identity_link", Some(me), instant, json!({"other": you, "basis": basis}))
        }
        31 => ("identity_unlink", Some(me), instant, json!({"link": earlier(pick)})),
        32 => (
            "site_reset",
            None,
            instant,
            json!({"site": site, "floor": pick % 4, "scope": "floors", "evidence": [earlier(pick)]}),
        ),
        33 => {
            let rule = ["close_contact", "case", "risk_area_traveller"][usize::from(pick % 3)];
            let body = json!({"rule": rule, "until": end.day().plus_days(5), "evidence": [earlier(pick)], "officer": "o", "signers": ["a", "b"]});
            ("extension", Some(me), instant, body)
        }
        34 => match pick % 3 {
            0 => ("discharge", Some(me), instant, json!({"disease": disease})),
            1 => ("vaccine_dose", Some(me), instant, json!({"disease": "measles", "product": "mmr"})),
            _ => ("death", Some(me), instant, json!({})),
        },
        _ => {
            let traits = if pick % 2 == 0 { json!(["pregnant"]) } else { json!([]) };
            let born = at.day().plus_days(-(i32::from(pick) * 40));
            (
                "person",
                Some(me),
                json!({"day": at.day()}),
                json!({"birth_day": born, "parents": [you], "traits": traits}),
            )
        }
    };
    let mut value = json!({"id": format!("f{number}"), "kind": kind, "happened": happened, "recorded_at": recorded_at, "body": body});
    if let Some(person) = person {
        value["person"] = json!(person);
    }
    read(&value)
}
