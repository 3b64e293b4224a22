//! A seeded synthetic city: homes, work and school, venues by popularity, in the structure of the reference ledger
//! (its random numbers are others, so the counts differ by chance).

use sizao_presence::{CaseNo, IndexCase, PersonNo, PlaceNo, Span, Stay};

use super::{DAY_S, Question, START_S};

const DAYS: u32 = 14;
const HOUR_S: f64 = 3_600.0;

/// Ledger, index cases and risky places of a city with about `rows` stays in 14 days.
pub(crate) fn ledger(rows: usize, seed: u64) -> Question {
    let mut dice = Dice(seed);
    let city = City::found(rows, &mut dice);
    let mut stays = Vec::with_capacity(rows + rows / 50);
    for person in 0..city.persons {
        city.live(person, &mut dice, &mut stays);
    }
    stays.sort_unstable_by_key(|stay| stay.leave_s);
    let cases = (0..1_000).map(|case| {
        let from_s = START_S + (dice.uniform(5.0, 8.0) * f64::from(DAY_S)) as u32;
        let until_s = from_s + (dice.uniform(3.0, 5.0) * f64::from(DAY_S)) as u32;
        let person = PersonNo(scatter(dice.below(city.persons)));
        IndexCase { case: CaseNo(case), person, window: Span { from_s, until_s } }
    });
    let cases = cases.collect();
    let risky = (0..city.places() / 100).map(|_| PlaceNo(scatter(dice.below(city.places())))).collect();
    Question { stays, cases, places: risky }
}

struct City {
    persons: u32,
    home_of: Vec<u32>,
    /// `u32::MAX`: no work or school.
    work_of: Vec<u32>,
    homes: u32,
    works: u32,
    districts: u32,
    venues: u32,
    /// Cumulated popularity of all venues, and of those of one district.
    popularity: Vec<f64>,
    popularity_near: Vec<f64>,
}

impl City {
    fn found(rows: usize, dice: &mut Dice) -> Self {
        let persons = (rows as f64 / (f64::from(DAYS) * 3.3)) as u32 + 50;
        let mut home_of = Vec::with_capacity(persons as usize);
        let mut homes = 0;
        while home_of.len() < persons as usize {
            let size = 1 + dice.pick(&[0.18, 0.46, 0.70, 0.87, 0.96, 1.0]);
            home_of.extend(std::iter::repeat_n(homes, size.min(persons as usize - home_of.len())));
            homes += 1;
        }
        let mut workers: Vec<u32> = (0..persons).filter(|_| dice.unit() < 0.65).collect();
        for last in (1..workers.len()).rev() {
            workers.swap(last, dice.below(last as u32 + 1) as usize);
        }
        let mut work_of = vec![u32::MAX; persons as usize];
        let (mut works, mut left) = (0, 0);
        for worker in workers {
            if left == 0 {
                works += 1;
                left = dice.lognormal(2.8, 1.0).max(1.0) as u32;
            }
            work_of[worker as usize] = works - 1;
            left -= 1;
        }
        let districts = (persons / 20_000).clamp(1, 64);
        let venues = (districts * 20).max(persons / 50 / districts * districts);
        let popularity = popularity(venues);
        let popularity_near = self::popularity(venues / districts);
        Self { persons, home_of, work_of, homes, works, districts, venues, popularity, popularity_near }
    }

    fn places(&self) -> u32 {
        self.venues + self.works + self.homes
    }

    fn venue(&self, home: u32, dice: &mut Dice) -> u32 {
        let district = (u64::from(home) * u64::from(self.districts) / u64::from(self.homes)) as u32;
        let near = dice.unit() < 0.7;
        let share = dice.unit();
        let rank = |shares: &[f64]| shares.partition_point(|&sum| sum < share) as u32;
        let venue = if near { rank(&self.popularity_near) * self.districts + district } else { rank(&self.popularity) };
        venue.min(self.venues - 1)
    }

    fn live(&self, person: u32, dice: &mut Dice, stays: &mut Vec<Stay>) {
        let home_no = self.home_of[person as usize];
        let home = self.venues + self.works + home_no;
        let work = self.work_of[person as usize];
        let mut back = 0.0;
        for day in 0..DAYS {
            let base = START_S + day * DAY_S;
            let mut stay = |place: u32, enter: f64, leave: f64| {
                let at = |moment: f64| (f64::from(base) + moment) as u32;
                let (person, place) = (PersonNo(scatter(person)), PlaceNo(scatter(place)));
                stays.push(Stay { person, place, enter_s: at(enter), leave_s: at(leave) });
            };
            let works = work != u32::MAX && (day + 1) % 7 < 5;
            let (mean, sd, outings) = if works { (7.4, 0.6, [0.35, 0.75, 1.0]) } else { (9.3, 1.3, [0.1, 0.33, 1.0]) };
            let up = dice.normal(mean, sd).clamp(5.0, 14.0) * HOUR_S;
            stay(home, back, up);
            let mut now = up;
            let mut visits = dice.pick(&outings);
            if works {
                let arrive = up + dice.uniform(600.0, 3_000.0);
                let mut go = (arrive + 2.0 * HOUR_S).max(dice.normal(17.6, 0.8) * HOUR_S).min(21.0 * HOUR_S);
                let place = self.venues + work;
                if dice.unit() < 0.35 && arrive < 11.0 * HOUR_S {
                    let out = (12.0 * HOUR_S + dice.normal(0.0, 900.0)).clamp(11.3 * HOUR_S, 12.9 * HOUR_S);
                    let again = out + dice.uniform(1_200.0, 3_000.0);
                    go = go.max(again + HOUR_S);
                    stay(place, arrive, out - 300.0);
                    stay(self.venue(home_no, dice), out, again);
                    stay(place, again + 300.0, go);
                } else {
                    stay(place, arrive, go);
                }
                now = go;
            } else if visits == 2 {
                visits += dice.pick(&[0.4, 0.75, 0.9, 1.0]);
            }
            for _ in 0..visits {
                let gap = if works { dice.uniform(300.0, 1_800.0) } else { dice.uniform(300.0, 7_000.0) };
                let length = (dice.lognormal(38f64.ln(), 0.7)).clamp(4.0, 180.0) * 60.0;
                if now + gap + length >= 26.0 * HOUR_S {
                    break;
                }
                stay(self.venue(home_no, dice), now + gap, now + gap + length);
                now += gap + length;
            }
            back = now + dice.uniform(600.0, 2_400.0) - f64::from(DAY_S);
        }
    }
}

/// Cumulated shares by Zipf-Mandelbrot: exponent 0.8, shift 10.
fn popularity(venues: u32) -> Vec<f64> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (0..venues)
        .map(|rank| {
            sum += (f64::from(rank) + 11.0).powf(-0.8);
            sum
        })
        .collect();
    sums.iter().map(|part| part / sum).collect()
}

/// Ids that carry no structure: an odd multiplier is a permutation of 24 bits.
fn scatter(number: u32) -> u32 {
    number.wrapping_mul(0x9e_3779) & 0xff_ffff
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn uniform(&mut self, from: f64, until: f64) -> f64 {
        from + (until - from) * self.unit()
    }

    fn below(&mut self, limit: u32) -> u32 {
        (self.unit() * f64::from(limit)) as u32
    }

    fn normal(&mut self, mean: f64, sd: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + sd * radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn lognormal(&mut self, mean: f64, sd: f64) -> f64 {
        self.normal(mean, sd).exp()
    }

    /// Position in cumulated shares.
    fn pick(&mut self, shares: &[f64]) -> usize {
        let share = self.unit();
        shares.iter().position(|&sum| share < sum).unwrap_or(shares.len() - 1)
    }
}
