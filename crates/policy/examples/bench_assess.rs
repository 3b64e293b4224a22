//! How many people are assessed per second on one core, over invented dossiers drawn from a seed.
//!
//!     cargo run --release -p sizao-policy --example bench_assess
//!
//! 200,000 people with some five facts each: tests, doses and symptoms for all; a stay or an arrival for one in five;
//! an exposure to a diagnosed case for one in twenty. All packs of the repository are in force in their turn.

use std::{path::Path, time::Instant as Stopwatch};

use serde_json::{Value, json};
use sizao_model::{CivilDay, Fact, Instant, PersonId};
use sizao_policy::{Dossier, FactIndex, Pack, PackTimeline, assess};

const PEOPLE: u64 = 200_000;
const CASES: u64 = 500;
const SEED: u64 = 20_220_317;

fn main() {
    let packs = packs();
    let begin = CivilDay::parse("2022-06-10").expect("a day").start();
    let at = begin.plus_hours(24 * 20);
    let facts = facts(begin);
    let index = FactIndex::new(&facts);
    let gathering = stopwatch();
    let dossiers: Vec<Dossier<'_>> = index.persons().map(|person| index.dossier(person)).collect();
    let gathered = gathering.elapsed();
    println!("{} people, {} facts", dossiers.len(), facts.len());
    println!("gather dossiers: {:.0} people/s", dossiers.len() as f64 / gathered.as_secs_f64());
    for (name, keep) in [
        ("everybody", (|_| true) as fn(&Dossier<'_>) -> bool),
        ("nothing that could open a measure", |dossier| !has(dossier, &["exposure", "stay", "arrival", "diagnosis"])),
        ("a stay or an arrival", |dossier| has(dossier, &["stay", "arrival"])),
        ("an exposure", |dossier| has(dossier, &["exposure"])),
    ] {
        let chosen: Vec<&Dossier<'_>> = dossiers.iter().filter(|dossier| keep(dossier)).collect();
        measure(name, &chosen, &packs, at);
    }
}

fn measure(name: &str, dossiers: &[&Dossier<'_>], packs: &PackTimeline, at: Instant) {
    let mut best = f64::INFINITY;
    let mut measures = 0;
    for _ in 0..5 {
        let running = stopwatch();
        measures = dossiers.iter().map(|dossier| assess(dossier, packs, at, at).measures.len()).sum();
        best = best.min(running.elapsed().as_secs_f64());
    }
    println!(
        "assess, {name}: {} people, {measures} measures, {:.0} people/s",
        dossiers.len(),
        dossiers.len() as f64 / best
    );
}

#[expect(clippy::disallowed_methods, reason = "a bench measures durations")]
fn stopwatch() -> Stopwatch {
    Stopwatch::now()
}

fn has(dossier: &Dossier<'_>, kinds: &[&str]) -> bool {
    dossier.facts.iter().any(|fact| fact.person == Some(dossier.person) && kinds.contains(&fact.body.kind().name()))
}

fn packs() -> PackTimeline {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let ids = [
        "cn-covid-v8",
        "ha-normal-2.0",
        "ha-arrival-0322",
        "cn-covid-v9",
        "cn-twenty",
        "cn-new-ten",
        "cn-class-B-B",
        "measles-cn",
        "ebola-who",
    ];
    let read = |id: &str| {
        let text = std::fs::read_to_string(folder.join(id).join("pack.toml")).expect("the pack is in the repository");
        Pack::from_toml(id, &text).expect("the packs of the repository are valid")
    };
    PackTimeline::new(ids.into_iter().map(read).collect()).expect("the packs of the repository make a timeline")
}

fn facts(begin: Instant) -> Vec<Fact> {
    let mut dice = Dice(SEED);
    let mut facts = Facts { dice: Dice(SEED ^ 1), begin, facts: Vec::new() };
    for case in 0..CASES {
        let id = format!("c{case}");
        let at = facts.moment(480);
        facts.add("diagnosis", Some(&id), at, json!({"status": "confirmed_case", "onset": at.day().plus_days(-1)}));
        facts.add("isolation_started", Some(&id), at.plus_hours(5), json!({"site": "hospital-1"}));
    }
    for area in 0..20 {
        let body = json!({"area": format!("4101{area:02}001"), "level": if area % 2 == 0 { "high" } else { "medium" },
            "until": begin.plus_hours(24 * 60), "evidence": ["case-1"], "signers": ["a", "b"]});
        let at = facts.moment(300);
        facts.add("area_declared", None, at, body);
    }
    for person in 0..PEOPLE {
        let id = format!("p{person}");
        for _ in 0..2 {
            let at = facts.moment(470);
            let sample = facts.add("sample", Some(&id), at, json!({"method": "nucleic_test", "lab": "lab-1"}));
            facts.add("result", None, at.plus_hours(8), json!({"sample": sample, "outcome": "negative"}));
        }
        let at = facts.moment(470);
        match dice.below(20) {
            0 => {
                let body = json!({"case": format!("c{}", dice.below(CASES)), "evidence": "interview", "class": "close_contact"});
                facts.add("exposure", Some(&id), at, body);
                facts.add("isolation_started", Some(&id), at.plus_hours(20), json!({"site": "site-1", "floor": 3}));
            }
            1 | 2 => {
                let body = json!({"area": format!("4101{:02}001", dice.below(40)), "evidence": "declared"});
                facts.add("stay", Some(&id), at, body);
            }
            3 | 4 => {
                facts.add("arrival", Some(&id), at, json!({"from": "310115", "into": "410102", "evidence": "ticket"}));
            }
            _ => {
                facts.add("vaccine_dose", Some(&id), at, json!({"disease": "covid", "product": "inactivated"}));
            }
        }
    }
    facts.facts
}

struct Facts {
    dice: Dice,
    begin: Instant,
    facts: Vec<Fact>,
}

impl Facts {
    fn moment(&mut self, hours: u64) -> Instant {
        self.begin.plus_hours(self.dice.below(hours) as i64)
    }

    fn add(&mut self, kind: &str, person: Option<&str>, at: Instant, body: Value) -> String {
        let id = format!("f{}", self.facts.len());
        let happened = match kind {
            "stay" | "exposure" => json!({"from": at.plus_hours(-2), "to": at}),
            _ => json!({"at": at}),
        };
        let mut value =
            json!({"id": id, "kind": kind, "happened": happened, "recorded_at": at.plus_hours(1), "body": body});
        if let Some(person) = person {
            value["person"] = json!(PersonId::from_label(person));
        }
        self.facts.push(Fact::from_json(&value.to_string()).expect("the bench writes valid facts"));
        id
    }
}

/// SplitMix64: small, seeded, good enough to spread dossiers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}
