//! A slow, obvious version of every question: one boolean per second and nested loops over everybody. The engine has
//! to equal it on thousands of random ledgers, however these were reported, closed, reopened and compacted.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sizao_presence::{
    CaseNo, Contact, Duration, ExposureRules, IndexCase, Ledger, PersonNo, PlaceNo, ReportedStay, STAY_MAX_S,
    SecondaryContact, SecondaryRules, Span, Stay, View, Visitor, find_contacts, find_secondary_contacts, find_visitors,
};

/// The random ledgers live in these seconds; a "day" has 100 of them.
const END_S: u32 = 400;
const DAY_S: u32 = 100;
/// Some midnight; not zero, so that nothing counts from the wrong start.
const BASE_S: u32 = 1_646_092_800;

/// Persons of the ledgers, spread over the whole range of ids.
const PERSONS: [u32; 8] = [0, 1, 7, 65_535, 65_536, 1_000_000, u32::MAX - 1, u32::MAX];
const PLACES: [u32; 3] = [3, 70_000, u32::MAX];

#[derive(Debug, Clone)]
struct World {
    rows: Vec<ReportedStay>,
    cases: Vec<IndexCase>,
    rules: ExposureRules,
    latency_s: u32,
    now_s: u32,
    cap_s: u32,
    visits: Span,
    risky: Vec<PlaceNo>,
}

/// Seconds at which each person is at each place, and check-ins of no length.
struct Diary {
    here: BTreeMap<(u32, u32), Vec<bool>>,
    check_ins: BTreeMap<(u32, u32), BTreeSet<u32>>,
}

impl Diary {
    fn of(world: &World) -> Self {
        let mut diary = Self { here: BTreeMap::new(), check_ins: BTreeMap::new() };
        let mut ends: BTreeMap<(u32, u32), BTreeSet<u32>> = BTreeMap::new();
        for row in &world.rows {
            let cap = (row.enter_s + world.cap_s).min(world.now_s).max(row.enter_s);
            let leave_s = row.leave_s.unwrap_or(cap);
            let key = (row.person.0, row.place.0);
            if leave_s < row.enter_s {
                continue;
            }
            let here = diary.here.entry(key).or_insert_with(|| vec![false; 2 * END_S as usize]);
            (row.enter_s..leave_s).for_each(|second| here[(second - BASE_S) as usize] = true);
            if leave_s == row.enter_s {
                diary.check_ins.entry(key).or_default().insert(row.enter_s);
            } else {
                ends.entry(key).or_default().insert(leave_s);
            }
        }
        // A check-in inside a stay, or at either end of one, is part of it.
        for (key, check_ins) in &mut diary.check_ins {
            let here = &diary.here[key];
            let at = |second: u32| second >= BASE_S && here[(second - BASE_S) as usize];
            check_ins.retain(|&second| !at(second) && !at(second.wrapping_sub(1)));
        }
        diary
    }

    fn at(&self, person: u32, place: u32, second: u32) -> bool {
        let here = self.here.get(&(person, place));
        second >= BASE_S && here.is_some_and(|here| here.get((second - BASE_S) as usize) == Some(&true))
    }

    /// Seconds in which being at the place exposes others: there in the window, or there within the lag before.
    fn exposes(&self, person: u32, place: u32, window: Span, lag_s: u32) -> Vec<bool> {
        let seconds = BASE_S..BASE_S + 2 * END_S;
        let infectious = |s: u32| s >= window.from_s && s < window.until_s && self.at(person, place, s);
        let mut last = None;
        let exposes = |second: u32| {
            if infectious(second) {
                last = Some(second);
            }
            last.is_some_and(|last| second - last <= lag_s)
        };
        seconds.map(exposes).collect()
    }

    /// Maximal intervals in which `other` is where and when `person` exposes.
    fn encounters(&self, person: u32, other: u32, window: Span, rules: &ExposureRules) -> Vec<Span> {
        let mut found = Vec::new();
        for place in PLACES {
            let (Some(_), Some(here)) = (self.here.get(&(person, place)), self.here.get(&(other, place))) else {
                continue;
            };
            let exposes = self.exposes(person, place, window, rules.airborne_lag_s);
            let mut start = None;
            for second in BASE_S..=BASE_S + 2 * END_S {
                let at = (second - BASE_S) as usize;
                match (exposes.get(at) == Some(&true) && here[at], start) {
                    (true, None) => start = Some(second),
                    (false, Some(from_s)) => {
                        found.push(Span { from_s, until_s: second });
                        start = None;
                    }
                    _ => {}
                }
            }
        }
        match rules.duration {
            Duration::Each { least_s } => found.retain(|span| span.length_s() >= least_s),
            Duration::Cumulated { least_s, within_s } => {
                let inside = |from: u32| -> u32 {
                    let window = Span { from_s: from, until_s: from + within_s };
                    found.iter().map(|span| span.intersection(window).length_s()).sum()
                };
                if !(BASE_S - within_s..BASE_S + 2 * END_S).any(|from| inside(from) >= least_s.max(1)) {
                    found.clear();
                }
            }
        }
        found
    }

    fn contacts(&self, world: &World) -> Vec<Contact> {
        let mut rows = Vec::new();
        let numbers: BTreeSet<CaseNo> = world.cases.iter().map(|case| case.case).collect();
        for number in numbers {
            for other in PERSONS {
                let cases = world.cases.iter().filter(|case| case.case == number && case.person.0 != other);
                let met: Vec<Span> =
                    cases.flat_map(|case| self.encounters(case.person.0, other, case.window, &world.rules)).collect();
                if !met.is_empty() {
                    let (encounters, overlap_s, first_exposure_s, last_exposure_s) = sums(&met);
                    let contact = PersonNo(other);
                    rows.push(Contact {
                        case: number,
                        contact,
                        encounters,
                        overlap_s,
                        first_exposure_s,
                        last_exposure_s,
                    });
                }
            }
        }
        rows
    }

    fn secondary_contacts(&self, world: &World, contacts: &[Contact]) -> Vec<SecondaryContact> {
        let cases: BTreeSet<u32> = world.cases.iter().map(|case| case.person.0).collect();
        let degree_one: BTreeSet<u32> = contacts.iter().map(|row| row.contact.0).collect();
        let mut rows = Vec::new();
        for other in PERSONS.into_iter().filter(|other| !cases.contains(other) && !degree_one.contains(other)) {
            let (mut sources, mut met) = (0, Vec::new());
            for &source in degree_one.difference(&cases) {
                let first = contacts.iter().filter(|row| row.contact.0 == source).map(|row| row.first_exposure_s).min();
                let from_s = first.expect("a source is a contact") + world.latency_s;
                let window = Span { from_s, until_s: world.now_s };
                let with = self.encounters(source, other, window, &world.rules);
                sources += u32::from(!with.is_empty());
                met.extend(with);
            }
            if !met.is_empty() {
                let (encounters, overlap_s, first_exposure_s, last_exposure_s) = sums(&met);
                let contact = PersonNo(other);
                rows.push(SecondaryContact {
                    contact,
                    sources,
                    encounters,
                    overlap_s,
                    first_exposure_s,
                    last_exposure_s,
                });
            }
        }
        rows
    }

    fn visitors(&self, world: &World) -> Vec<Visitor> {
        let mut rows = Vec::new();
        let risky: BTreeSet<u32> = world.risky.iter().map(|place| place.0).collect();
        for person in PERSONS {
            let mut met = Vec::new();
            for &place in &risky {
                let mut start = None;
                for second in world.visits.from_s..=world.visits.until_s {
                    let here = second < world.visits.until_s && self.at(person, place, second);
                    match (here, start) {
                        (true, None) => start = Some(second),
                        (false, Some(from_s)) => {
                            met.push(Span { from_s, until_s: second });
                            start = None;
                        }
                        _ => {}
                    }
                }
                let check_ins = self.check_ins.get(&(person, place)).into_iter().flatten();
                let inside = check_ins.filter(|&&s| s >= world.visits.from_s && s < world.visits.until_s);
                met.extend(inside.map(|&second| Span { from_s: second, until_s: second }));
            }
            if !met.is_empty() {
                let (stays, total_s, first_s, last_s) = sums(&met);
                rows.push(Visitor { person: PersonNo(person), stays, total_s, first_s, last_s });
            }
        }
        rows
    }
}

fn sums(met: &[Span]) -> (u32, u64, u32, u32) {
    let total = met.iter().map(|span| u64::from(span.length_s())).sum();
    let first = met.iter().map(|span| span.from_s).min().unwrap_or(0);
    let last = met.iter().map(|span| span.until_s).max().unwrap_or(0);
    (met.len() as u32, total, first, last)
}

fn check(world: &World, view: &View) {
    let diary = Diary::of(world);
    let contacts = find_contacts(view, &world.cases, &world.rules);
    assert_eq!(contacts, diary.contacts(world), "T1");
    let secondary = SecondaryRules { latency_s: world.latency_s, now_s: world.now_s };
    let second = find_secondary_contacts(view, &world.cases, &contacts, &secondary, &world.rules);
    assert_eq!(second, diary.secondary_contacts(world, &contacts), "T2");
    assert_eq!(find_visitors(view, &world.risky, world.visits), diary.visitors(world), "T3");
}

fn moment() -> impl Strategy<Value = u32> {
    // Midnights and their neighbours come up often.
    prop_oneof![
        3 => 0..END_S,
        2 => (0..5u32, 0..5u32).prop_map(|(day, off)| (day * DAY_S + off).saturating_sub(2).min(END_S - 1)),
    ]
    .prop_map(|second| BASE_S + second)
}

fn row() -> impl Strategy<Value = ReportedStay> {
    let length = prop_oneof![4 => (0..60u32).prop_map(Some), 1 => (0..250u32).prop_map(Some), 1 => Just(None)];
    let ids = (prop::sample::select(&PERSONS[..]), prop::sample::select(&PLACES[..]));
    (ids, moment(), length, 0..20u32).prop_map(|((person, place), enter_s, length, spoilt)| ReportedStay {
        person: PersonNo(person),
        place: PlaceNo(place),
        enter_s,
        leave_s: length.map(|length| if spoilt == 0 { enter_s - 1 } else { enter_s + length }),
    })
}

fn world(rules: impl Strategy<Value = ExposureRules>) -> impl Strategy<Value = World> {
    let case = (0..3u32, prop::sample::select(&PERSONS[..]), moment(), 0..300u32);
    let cases = prop::collection::vec(case, 1..4);
    let rows = prop::collection::vec(row(), 0..60);
    let risky = prop::collection::vec(prop::sample::select(&[3u32, 70_000, 5][..]), 0..3);
    (rows, cases, rules, 0..150u32, moment(), 0..120u32, (moment(), 0..200u32), risky).prop_map(
        |(mut rows, cases, rules, latency_s, now_s, cap_s, (visit_s, length), risky)| {
            // Duplicates, and not side by side.
            rows.extend_from_within(..rows.len() / 5);
            let case = |(case, person, from_s, length): (u32, u32, u32, u32)| IndexCase {
                case: CaseNo(case),
                person: PersonNo(person),
                window: Span { from_s, until_s: from_s + length },
            };
            let cases = cases.into_iter().map(case).collect();
            let visits = Span { from_s: visit_s, until_s: visit_s + length };
            let risky = risky.into_iter().map(PlaceNo).collect();
            World { rows, cases, rules, latency_s, now_s, cap_s, visits, risky }
        },
    )
}

fn each() -> impl Strategy<Value = ExposureRules> {
    (1..15u32).prop_map(ExposureRules::at_least)
}

fn airborne_or_cumulated() -> impl Strategy<Value = ExposureRules> {
    let duration = prop_oneof![
        (1..15u32).prop_map(|least_s| Duration::Each { least_s }),
        (1..30u32, 1..90u32).prop_map(|(least_s, within_s)| Duration::Cumulated { least_s, within_s }),
    ];
    (duration, 0..40u32).prop_map(|(duration, airborne_lag_s)| ExposureRules { duration, airborne_lag_s })
}

/// The ledger as a live system has it: rows in this order, days closed and layers merged in between.
fn live(world: &World, steps: &[u8]) -> View {
    let mut ledger = Ledger::new(world.cap_s, STAY_MAX_S);
    let mut segments = Vec::new();
    let parts = world.rows.chunks(world.rows.len().div_ceil(steps.len() + 1).max(1));
    for (part, step) in parts.zip(steps.iter().chain(&[0])) {
        for &row in part {
            let refused = ledger.record(row).is_err();
            assert_eq!(refused, row.leave_s.is_some_and(|leave_s| leave_s < row.enter_s));
        }
        // A day is closed only when it is over: stays that end later, or may still be open, live on.
        let midnight_s = (BASE_S + u32::from(*step) * DAY_S).min(world.now_s);
        match step {
            5 => ledger.compact().expect("the ledger fits"),
            _ => segments.push(ledger.close_day(midnight_s).expect("the ledger fits")),
        }
    }
    let view = ledger.view(world.now_s).expect("the ledger fits");
    for segment in &segments {
        assert!(segment.stays().iter().all(|stay| stay.leave_s <= segment.until_s()));
    }
    view
}

fn batch(world: &World) -> View {
    let close = |row: &ReportedStay| {
        let cap = (row.enter_s + world.cap_s).min(world.now_s).max(row.enter_s);
        let leave_s = row.leave_s.unwrap_or(cap);
        (leave_s >= row.enter_s).then_some(Stay { person: row.person, place: row.place, enter_s: row.enter_s, leave_s })
    };
    View::from_stays(world.rows.iter().filter_map(close).collect()).expect("the ledger fits")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_read_at_once_equals_the_obvious_version(world in world(each())) {
        check(&world, &batch(&world));
    }

    #[test]
    fn lingering_air_and_added_minutes_equal_the_obvious_version(world in world(airborne_or_cumulated())) {
        check(&world, &batch(&world));
    }

    #[test]
    fn a_live_ledger_with_closed_days_and_layers_equals_the_obvious_version(
        world in world(each()),
        steps in prop::collection::vec(0u8..6, 0..5),
    ) {
        check(&world, &live(&world, &steps));
    }
}

#[test]
fn a_ledger_built_from_its_segments_answers_as_before_it_stopped() {
    let stay = |person, place, enter: u32, leave: u32| ReportedStay {
        person: PersonNo(person),
        place: PlaceNo(place),
        enter_s: BASE_S + enter,
        leave_s: Some(BASE_S + leave),
    };
    let mut ledger = Ledger::new(50, STAY_MAX_S);
    // Over midnight in two reports that touch, and in one.
    for row in [stay(1, 3, 90, 100), stay(1, 3, 100, 130), stay(2, 3, 95, 120), stay(3, 3, 150, 150)] {
        ledger.record(row).expect("the row is sound");
    }
    ledger.record(ReportedStay { leave_s: None, ..stay(4, 3, 180, 0) }).expect("the row is sound");
    let first = ledger.close_day(BASE_S + DAY_S).expect("the ledger fits");
    let second = ledger.close_day(BASE_S + 2 * DAY_S).expect("the ledger fits");
    let third = ledger.close_day(BASE_S + 3 * DAY_S).expect("the ledger fits");
    assert_eq!([first.stays().len(), second.stays().len(), third.stays().len()], [1, 3, 1]);
    assert_eq!(ledger.open_count(), 0);

    let before = ledger.view(BASE_S + END_S).expect("the ledger fits").stays();
    let again = Ledger::from_segments([third.clone(), first, second.clone()], 50, STAY_MAX_S);
    let again = again.and_then(|ledger| ledger.view(BASE_S + END_S)).expect("the ledger fits").stays();
    assert_eq!(before, again);
    let merged = Stay { person: PersonNo(1), place: PlaceNo(3), enter_s: BASE_S + 90, leave_s: BASE_S + 130 };
    assert_eq!(before[0], merged);

    // Retention: without the first day its part of the night is gone.
    let kept = Ledger::from_segments([second, third], 50, STAY_MAX_S).and_then(|ledger| ledger.view(BASE_S + END_S));
    assert_eq!(kept.expect("the ledger fits").stays()[0], Stay { enter_s: BASE_S + 100, ..merged });
}
