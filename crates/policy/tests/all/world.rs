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
    let bytes = (0u8..46, 0..PEOPLE, 0..PEOPLE, 0u8..22, 0u8..24, 0u8..40, 0u8..20, any::<u8>());
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
    let mut facts: Vec<Fact> = Vec::with_capacity(seeds.len());
    for seed in seeds {
        let fact = fact(timeline, &facts, *seed);
        facts.push(fact);
    }
    facts
}

/// Any fact.
pub fn read(value: &Value) -> Fact {
    Fact::from_json(&value.to_string()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn fact(timeline: usize, before: &[Fact], seed: Seed) -> Fact {
    let Seed { kind, who, other, day, hour, length, delay, pick } = seed;
    let at = moment(timeline, i64::from(day) * 24 + i64::from(hour));
    let end = at.plus_hours(i64::from(length));
    let recorded_at = at.plus_hours(i64::from(delay) * 2);
    let one_of = |from: u8, count: u8| format!("p{}", from + pick % count);
    // Mostly the last two fall ill and the others meet them; now and then it is the other way round.
    let is_odd = pick % 16 == 15;
    let me = if is_odd { format!("p{who}") } else { one_of(0, PEOPLE - 2) };
    let case = if is_odd {
        format!("p{}", if other == who { (who + 1) % PEOPLE } else { other })
    } else {
        format!("p{}", PEOPLE - 2 + other % 2)
    };
    let you = format!("p{}", (who + 1 + other % (PEOPLE - 1)) % PEOPLE);
    let earlier = |kinds: &[&str]| {
        let of: Vec<&Fact> =
            before.iter().filter(|fact| kinds.is_empty() || kinds.contains(&fact.body.kind().name())).collect();
        of.get(usize::from(length) % of.len().max(1)).map_or_else(|| "f0".to_owned(), |fact| fact.id.to_string())
    };
    let disease = match timeline {
        4 => "made_up_fever",
        5 => ["measles", "ebola", "covid"][usize::from(other % 3)],
        _ => "covid",
    };
    let evidence =
        ["interview", "ticket", "interview", "declared", "list_row", "cell_location"][usize::from(delay % 6)];
    let area = ["410102001", "410102", "410102002", "410103", "4101", "410301001"][usize::from(length % 6)];
    let site = ["site-1", "site-2"][usize::from(other % 2)];
    let instant = json!({"at": at});
    let span = json!({"from": at, "to": end});
    let (kind, person, happened, body) = match kind {
        0..=6 => {
            let class = ["close_contact", "close_contact", "close_contact", "general_contact"][usize::from(length % 4)];
            (
                "exposure",
                Some(me),
                span,
                json!({"case": case, "evidence": evidence, "class": class, "disease": disease}),
            )
        }
        7..=10 => {
            let body = json!({"via": you, "evidence": evidence, "class": "secondary_contact", "disease": disease});
            ("exposure", Some(me), span, body)
        }
        11..=14 => {
            let status =
                ["confirmed_case", "asymptomatic_infection", "confirmed_case", "excluded"][usize::from(length % 4)];
            (
                "diagnosis",
                Some(case),
                instant,
                json!({"status": status, "onset": at.day().plus_days(-1), "disease": disease}),
            )
        }
        15..=18 => ("isolation_started", Some(me), instant, json!({"site": site, "floor": length % 4})),
        19..=22 => {
            let pool = if length % 4 == 0 { json!("tube") } else { Value::Null };
            let body = json!({"method": "nucleic_test", "lab": format!("lab-{}", length % 3), "disease": disease, "pool": pool});
            ("sample", Some(me), instant, body)
        }
        23..=26 => {
            let outcome = ["negative", "negative", "positive", "grey_zone", "invalid"][usize::from(delay % 5)];
            let body = if pick % 8 == 0 {
                json!({"pool": "tube", "outcome": outcome})
            } else {
                json!({"sample": earlier(&["sample"]), "outcome": outcome})
            };
            ("result", None, instant, body)
        }
        27..=28 => {
            ("confirmation", None, instant, json!({"of": earlier(&["exposure", "stay", "arrival"]), "by": "person"}))
        }
        29..=31 => {
            let to = if pick % 3 == 0 { Value::Null } else { json!(end.plus_hours(i64::from(length) * 2)) };
            ("stay", Some(me), json!({"from": at, "to": to}), json!({"area": area, "evidence": evidence}))
        }
        32..=34 => {
            let level = ["high", "medium", "sealed", "controlled", "low"][usize::from(other % 5)];
            let until = at.plus_hours(24 * (3 + i64::from(length)));
            let body = json!({"area": area, "level": level, "until": until, "evidence": ["e"], "signers": ["a", "b"]});
            ("area_declared", None, instant, body)
        }
        35 => ("area_ended", None, instant, json!({"area": area})),
        36..=37 => {
            let from = ["310115", "abroad", "310115"][usize::from(other % 3)];
            ("arrival", Some(me), instant, json!({"from": from, "into": "410102", "evidence": evidence}))
        }
        38 => {
            let body = match pick % 4 {
                0 => json!({"of": earlier(&[]), "retract": true}),
                1 => json!({"of": earlier(&[]), "person": you}),
                2 => json!({"of": earlier(&["exposure"]), "body": {"case": you, "via": null}}),
                _ => json!({"of": earlier(&["exposure", "stay"]), "happened": {"from": at, "to": end}}),
            };
            ("correction", None, instant, body)
        }
        39 => {
            let basis = ["document", "person", "automatic"][usize::from(length % 3)];
            ("identity_link", Some(me), instant, json!({"other": you, "basis": basis}))
        }
        40 => ("identity_unlink", Some(me), instant, json!({"link": earlier(&["identity_link"])})),
        41 => {
            let body = json!({"site": site, "floor": length % 4, "scope": "floors", "evidence": [earlier(&["result", "sample"])]});
            ("site_reset", None, instant, body)
        }
        42..=43 => {
            let rule = ["close_contact", "case", "risk_area_traveller", "inbound_traveller"][usize::from(other % 4)];
            let evidence = earlier(&["result", "sample", "exposure"]);
            let body = json!({"rule": rule, "until": end.day().plus_days(8), "evidence": [evidence], "officer": "o", "signers": ["a", "b"]});
            ("extension", Some(if rule == "case" { case } else { me }), instant, body)
        }
        44 => match length % 4 {
            0 | 1 => ("discharge", Some(case), instant, json!({"disease": disease})),
            2 => ("vaccine_dose", Some(me), instant, json!({"disease": "measles", "product": "mmr"})),
            _ => ("death", Some(me), instant, json!({})),
        },
        _ => {
            let traits = if length % 4 == 0 { json!(["pregnant"]) } else { json!([]) };
            let born = at.day().plus_days(-(i32::from(length) * 200));
            (
                "person",
                Some(me),
                json!({"day": at.day()}),
                json!({"birth_day": born, "parents": [you], "traits": traits}),
            )
        }
    };
    let mut value = json!({
        "id": format!("f{}", before.len()), "kind": kind, "happened": happened, "recorded_at": recorded_at, "body": body,
    });
    if let Some(person) = person {
        value["person"] = json!(person);
    }
    read(&value)
}
