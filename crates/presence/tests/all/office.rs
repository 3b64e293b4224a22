//! An office of 217 people with measured face-to-face contacts (SocioPatterns, InVS15) as a ledger: who is found when
//! only a part of them check in. Read from the reference folder; nothing of it is kept here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use sizao_presence::{CaseNo, Duration, ExposureRules, IndexCase, PersonNo, PlaceNo, Span, Stay, View, find_contacts};

/// A quarter of an hour together within 24 hours makes a close contact.
const RULES: ExposureRules =
    ExposureRules { duration: Duration::Cumulated { least_s: 900, within_s: 86_400 }, airborne_lag_s: 0 };

fn reference() -> Option<PathBuf> {
    let folder = std::env::var_os("SIZAO_REFERENCE").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI runs with SIZAO_REFERENCE");
        eprintln!("not run: reference data absent");
    }
    Some(folder?.join("data/sociopatterns"))
}

struct Office {
    department_of: BTreeMap<u32, String>,
    /// End of each 20 s of contact, and the two.
    contacts: Vec<(u32, u32, u32)>,
}

fn office() -> Option<Office> {
    let folder = reference()?;
    let text = std::fs::read_to_string(folder.join("workplace_InVS15_metadata.txt")).expect("the departments");
    let department = |line: &str| {
        let (person, department) = line.split_once('\t')?;
        Some((person.trim().parse().ok()?, department.trim().to_owned()))
    };
    let out = Command::new("gzip").arg("-dc").arg(folder.join("workplace_InVS15_tij.dat.gz")).output();
    let out = out.expect("gzip is there").stdout;
    let contact = |line: &str| {
        let numbers: Vec<u32> = line.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        (numbers[0], numbers[1].min(numbers[2]), numbers[1].max(numbers[2]))
    };
    let contacts = std::str::from_utf8(&out).expect("text").lines().map(contact).collect();
    Some(Office { department_of: text.lines().filter_map(department).collect(), contacts })
}

/// Added to a person's number: what they tell when they are a case, whether or not they checked in.
const TOLD: u32 = 1_000_000;

/// Close contacts of every person as a case: each pair's meetings are a place of their own, a case tells where it was,
/// and the others are found where they checked in.
fn found(office: &Office, checks_in: impl Fn(u32) -> bool) -> BTreeSet<(u32, u32)> {
    let mut places: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut stays = Vec::new();
    for &(end_s, a, b) in &office.contacts {
        let next = places.len() as u32;
        let place = PlaceNo(*places.entry((a, b)).or_insert(next));
        let mut stay =
            |person| stays.push(Stay { person: PersonNo(person), place, enter_s: end_s - 20, leave_s: end_s });
        for person in [a, b] {
            stay(TOLD + person);
            if checks_in(person) {
                stay(person);
            }
        }
    }
    let people: BTreeSet<u32> = office.contacts.iter().flat_map(|&(_, a, b)| [a, b]).collect();
    let window = Span { from_s: 0, until_s: u32::MAX };
    let index = |&case: &u32| IndexCase { case: CaseNo(case), person: PersonNo(TOLD + case), window };
    let view = View::from_stays(stays).expect("the office fits");
    let contacts = find_contacts(&view, &people.iter().map(index).collect::<Vec<_>>(), &RULES);
    let pairs = contacts.iter().map(|contact| (contact.case.0, contact.contact.0));
    pairs.filter(|&(case, contact)| contact < TOLD && contact != case).collect()
}

/// The obvious count: seconds of contact of each pair in every window of 24 hours that ends with one of them.
fn close_pairs(office: &Office) -> BTreeSet<(u32, u32)> {
    let mut ends: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
    office.contacts.iter().for_each(|&(end_s, a, b)| ends.entry((a, b)).or_default().push(end_s));
    let mut pairs = BTreeSet::new();
    for ((a, b), ends) in ends {
        let enough = ends.iter().any(|&last| {
            let inside = ends.iter().filter(|&&end| end <= last && end - 20 + 86_400 >= last).count();
            inside * 20 >= 900
        });
        if enough {
            pairs.extend([(a, b), (b, a)]);
        }
    }
    pairs
}

/// Whether somebody is among the share that checks in; each seed draws others.
fn draws(person: u32, seed: u64, percent: u64) -> bool {
    let mut mixed = (u64::from(person) << 32 | seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ mixed >> 32) % 100 < percent
}

#[test]
fn with_everybody_checking_in_the_ledger_finds_exactly_the_close_contacts() {
    let Some(office) = office() else { return };
    assert_eq!((office.contacts.len(), office.department_of.len()), (78_249, 232));
    assert_eq!(found(&office, |_| true), close_pairs(&office));
}

#[test]
fn a_share_that_checks_in_finds_that_share_of_every_departments_contacts() {
    let Some(office) = office() else { return };
    let truth = close_pairs(&office);
    for percent in [40, 60, 80] {
        let mut by_department: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let mut sums = (0, 0);
        for seed in 0..10 {
            let checks_in = |person| draws(person, seed, percent);
            let found = found(&office, checks_in);
            let expected: BTreeSet<_> = truth.iter().copied().filter(|&(_, contact)| checks_in(contact)).collect();
            assert_eq!(found, expected, "seed {seed}, {percent} %");
            for pair in &truth {
                let tally = by_department.entry(&office.department_of[&pair.0]).or_default();
                tally.0 += usize::from(found.contains(pair));
                tally.1 += 1;
            }
            sums = (sums.0 + found.len(), sums.1 + truth.len());
        }
        println!("{percent} %: {} of {} contacts", sums.0, sums.1);
        for (department, (found, of)) in &by_department {
            println!("  {department}: {:.0} % of {}", 100.0 * *found as f64 / *of as f64, of / 10);
        }
        let share = sums.0 as f64 / sums.1 as f64;
        assert!((share - percent as f64 / 100.0).abs() < 0.06, "{share}");
    }
}
