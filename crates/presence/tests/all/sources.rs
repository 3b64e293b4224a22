//! A planted source has to stand first, and what is merely popular must not stand out.

use sizao_presence::{CaseNo, IndexCase, PersonNo, PlaceNo, SourceRules, Span, Stay, View, find_sources};

const START_S: u32 = 1_646_092_800;
const PEOPLE: u32 = 3_000;
const MARKET: PlaceNo = PlaceNo(0);
const KARAOKE: PlaceNo = PlaceNo(77);

/// Numbers that look random, from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as u32) % limit
    }
}

fn stay(person: u32, place: PlaceNo, enter: u32, length: u32) -> Stay {
    let enter_s = START_S + enter;
    Stay { person: PersonNo(person), place, enter_s, leave_s: enter_s + length }
}

/// Everybody goes to the market and to three of sixty other places; nine of twelve cases, and six who did not fall
/// ill, sang together on the fifth evening.
fn town(seed: u64) -> (View, Vec<IndexCase>) {
    let mut dice = Dice(seed);
    let mut stays = Vec::new();
    for person in 0..PEOPLE {
        stays.push(stay(person, MARKET, dice.below(12 * 86_400), 1_200));
        for _ in 0..3 {
            let place = PlaceNo(1 + dice.below(60));
            stays.push(stay(person, place, dice.below(12 * 86_400), 1_800 + dice.below(3_600)));
        }
    }
    let evening = 4 * 86_400 + 20 * 3_600;
    for singer in (100..109).chain(2_000..2_006) {
        stays.push(stay(singer, KARAOKE, evening + dice.below(900), 7_200));
    }
    // A few others sang on other days.
    for other in 500..510 {
        stays.push(stay(other, KARAOKE, dice.below(3 * 86_400), 7_200));
    }
    let window = Span { from_s: START_S, until_s: START_S + 14 * 86_400 };
    let case = |case: u32| IndexCase { case: CaseNo(case), person: PersonNo(100 + case), window };
    (View::from_stays(stays).expect("the town fits"), (0..12).map(case).collect())
}

#[test]
fn the_evening_that_infected_stands_first_and_the_market_does_not_stand_out() {
    for seed in 1..=20 {
        let (view, cases) = town(seed);
        let found = find_sources(&view, &cases, &SourceRules::default());

        let first = &found.places[0];
        assert_eq!((first.place, first.visitors), (KARAOKE, 25), "seed {seed}");
        assert_eq!(first.weight.cases, (0..9).map(CaseNo).collect::<Vec<_>>());
        assert!((first.weight.expected - 12.0 * 25.0 / 3_000.0).abs() < 1e-12);
        assert!(first.weight.p_corrected < 1e-10);

        let event = &found.events[0];
        assert_eq!((event.place, event.visitors), (KARAOKE, 15));
        let evening_s = START_S + 4 * 86_400 + 20 * 3_600;
        assert!(event.span.from_s >= evening_s && event.span.until_s <= evening_s + 900 + 7_200);

        let market = found.places.iter().find(|place| place.place == MARKET).expect("all cases were there");
        assert_eq!((market.weight.cases.len(), market.visitors), (12, 3_000));
        assert_eq!(market.weight.p_value, 1.0);

        // Who sang met nine cases, the cases among them eight.
        let singers: Vec<u32> = found.people.iter().take(15).map(|person| person.person.0).collect();
        assert!(singers.iter().all(|person| (100..109).contains(person) || (2_000..2_006).contains(person)));
    }
}

#[test]
fn cases_without_stays_or_windows_have_nothing_in_common() {
    let (view, cases) = town(1);
    let empty = Span { from_s: START_S + 5, until_s: START_S + 5 };
    let nobody: Vec<IndexCase> = cases.iter().map(|case| IndexCase { window: empty, ..*case }).collect();
    let found = find_sources(&view, &nobody, &SourceRules::default());
    assert!(found.places.is_empty() && found.events.is_empty() && found.people.is_empty());
}
