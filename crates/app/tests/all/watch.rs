//! The watch over proposals: in invented cities with two hostile officers, and through a store.

mod city;

use std::collections::BTreeSet;

use sizao_app::watch::{Registers, judge};
use sizao_model::Instant;

use self::city::{Proposals, honest};

/// Both hostile officers are found in every city, and no honest one is held: on seeds that no setting was chosen by.
#[test]
fn the_two_hostile_officers_of_a_city_are_found_within_minutes_and_no_honest_one() {
    let asked = |name: &str, usual: u64| std::env::var(name).map_or(usual, |text| text.parse().expect("a number"));
    let (people, count) = (asked("SIZAO_WATCH_PEOPLE", 50_000) as u32, asked("SIZAO_WATCH_SEEDS", 1));
    let seeds: Vec<u64> = (201..201 + count).collect();
    let (mut hostile, mut found, mut held, mut honest_officers, mut slowest) = (0, 0, 0, 0, 0);
    for seed in &seeds {
        let mut proposals = Proposals::of(people, 14, *seed);
        let (mut frozen, mut at) = (BTreeSet::new(), proposals.first());
        let mut first = std::collections::BTreeMap::new();
        // Every quarter of an hour round the acts in the middle of the time, every hour before and after.
        let middle = proposals.first().plus_hours(24 * 7);
        while at < proposals.end() {
            let near = (middle.plus_hours(-48)..middle.plus_hours(72)).contains(&at);
            let minutes = if near { 15 } else { 60 };
            at = at.plus_minutes(minutes);
            let Some((rows, peers)) = proposals.at(at, minutes) else { continue };
            for suspect in judge(&rows, &peers, &Registers::default(), &[], at) {
                if frozen.insert(suspect.officer.clone()) {
                    first.insert(suspect.officer.clone(), (at, suspect.own.proposals, suspect.sign, suspect.tail));
                }
            }
        }
        let officers: BTreeSet<String> = proposals.rows.iter().map(|row| row.officer.clone()).collect();
        for officer in officers.iter().filter(|officer| !honest(officer)) {
            hostile += 1;
            found += u64::from(frozen.contains(officer));
            if let Some((at, proposed, sign, tail)) = first.get(officer) {
                let mut times: Vec<Instant> =
                    proposals.rows.iter().filter(|row| row.officer == *officer).map(|row| row.at).collect();
                times.sort_unstable();
                // Three proposals are the least that is a sign: what counts is the time from the third on.
                let minutes = (at.as_micros() - times[2].as_micros()) / 60_000_000;
                slowest = slowest.max(minutes);
                println!(
                    "seed {seed}: {officer}: {minutes} min after the third of {}: {sign}, {proposed} in, chance {tail:.1e}",
                    times.len()
                );
            } else {
                let rows: Vec<_> = proposals.rows.iter().filter(|row| row.officer == *officer).collect();
                let marked = rows.iter().filter(|row| row.untied && row.copied).count();
                println!("seed {seed}: {officer} was not found: {} proposals, {marked} marked", rows.len());
            }
        }
        honest_officers += officers.iter().filter(|officer| honest(officer)).count();
        for officer in frozen.iter().filter(|officer| honest(officer)) {
            held += 1;
            println!("seed {seed}: {officer} is honest and was held: {:?}", first[officer]);
        }
    }
    println!(
        "figure: {} cities of {people}, {honest_officers} honest officers: recall {found}/{hostile}, precision {found}/{}, slowest {slowest} min",
        seeds.len(),
        found + held,
    );
    assert_eq!(found, hostile, "recall");
    assert_eq!(held, 0, "honest officers held");
    assert!(slowest <= 15, "{slowest} minutes");
}
