//! Where everybody is at every moment: home, work or class, venues, away.

use super::{
    City, Occupation,
    outbreak::Confinement,
    trips::{ABROAD, Trip},
};
use crate::random::{Process, Stream};

const DAYS: Process = Process::named("days");
const SCANS: Process = Process::named("scans");
const HOUR: f64 = 3600.0;

/// Days in an isolation hotel after coming from abroad.
const INBOUND_DAYS: u32 = 14;
/// Share of visits to venues that are scanned.
pub const SCANNED_SHARE: f64 = 0.8;
/// Share of scans without one on leaving.
pub const OPEN_SCAN_SHARE: f64 = 0.3;

/// A stay at a place, half open; seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Place number.
    pub place: u32,
    /// From.
    pub enter: u32,
    /// Until.
    pub leave: u32,
}

/// A person's day: at most twelve stays, in order, none overlapping.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    stays: [Stay; 12],
    len: usize,
}

impl Day {
    const EMPTY: Self = Self { stays: [Stay { place: 0, enter: 0, leave: 0 }; 12], len: 0 };

    /// The stays.
    pub fn stays(&self) -> &[Stay] {
        &self.stays[..self.len]
    }

    fn push(&mut self, place: u32, enter: f64, leave: f64) {
        let (enter, leave) = (enter as u32, leave as u32);
        if enter < leave && self.len < self.stays.len() {
            self.stays[self.len] = Stay { place, enter, leave };
            self.len += 1;
        }
    }

    /// Takes out the times of isolation.
    pub(super) fn cut_all(&mut self, confinements: &[Confinement]) {
        for confinement in confinements {
            self.cut(confinement.from, confinement.until);
        }
    }

    /// Takes out what lies in [from, to).
    fn cut(&mut self, from: u32, to: u32) {
        let mut kept = Self::EMPTY;
        for stay in self.stays() {
            for (enter, leave) in [(stay.enter, stay.leave.min(from)), (stay.enter.max(to), stay.leave)] {
                kept.push(stay.place, enter.into(), leave.into());
            }
        }
        *self = kept;
    }
}

impl City {
    /// All stays of a person in the days of the city, in order; nights are one stay from evening to morning.
    pub fn stays_of(&self, person: u32, mut visit: impl FnMut(Stay)) {
        let trips = self.trips(person);
        let mut last: Option<Stay> = None;
        for day in 0..self.options().days {
            let mut plan = self.day(person, day, &trips);
            plan.cut_all(self.outbreak().confinements(person));
            for &stay in plan.stays() {
                match &mut last {
                    Some(before) if before.place == stay.place && before.leave == stay.enter => {
                        before.leave = stay.leave
                    }
                    _ => {
                        if let Some(before) = last.replace(stay) {
                            visit(before);
                        }
                    }
                }
            }
        }
        last.into_iter().for_each(visit);
    }

    /// Whether a visit to a venue was scanned, and if so whether leaving was too.
    pub fn scan(&self, person: u32, stay: &Stay) -> Option<bool> {
        let mut rng = Stream::new(self.options().seed, SCANS, person.into(), stay.enter.into());
        rng.chance(SCANNED_SHARE).then(|| !rng.chance(OPEN_SCAN_SHARE))
    }

    /// The stays of a person on day `day` of the city, as they would be without isolation; `trips` are the person's.
    pub fn day(&self, person: u32, day: u32, trips: &[Trip]) -> Day {
        let someone = &self.people()[person as usize];
        let mut rng = Stream::new(self.options().seed, DAYS, person.into(), day.into());
        let midnight = f64::from(self.midnight(day));
        let tomorrow = midnight + 24.0 * HOUR;
        let weekday = (self.first_day().number() + day as i32 + 3).rem_euclid(7);
        let goes_out = someone.age >= 3 && !matches!(someone.occupation, Occupation::AtHome) || rng.chance(0.6);
        let mut plan = Day::EMPTY;
        let home = someone.household;
        if !goes_out {
            plan.push(home, midnight, tomorrow);
        } else {
            let group = someone.group.filter(|_| weekday < 5 || someone.occupation == Occupation::Service);
            let first = if group.is_some() { rng.normal(7.5, 0.6) } else { rng.normal(9.6, 1.3) };
            let mut at = midnight + first.clamp(5.0, 14.0) * HOUR;
            plan.push(home, midnight, at);
            if let Some(group) = group {
                at = self.work(person, group, at, midnight, &mut plan, &mut rng);
            }
            let visits = match (group.is_some(), someone.age) {
                (_, 0..=9) => u32::from(rng.chance(0.25)),
                (true, _) => [0, 0, 0, 0, 1, 1, 1, 2][rng.below(8) as usize],
                (false, _) => rng.between(0, 3),
            };
            at = self.go_out(person, visits, at, tomorrow - 1.5 * HOUR, &mut plan, &mut rng);
            plan.push(home, at + f64::from(rng.between(600, 2400)), tomorrow);
        }
        for trip in trips {
            let isolated = if trip.origin == ABROAD { INBOUND_DAYS * 86_400 } else { 0 };
            plan.cut(trip.left_at, trip.back_at + isolated);
        }
        plan
    }

    /// Work or class with, for some, lunch in a restaurant nearby; returns when it is over.
    fn work(&self, person: u32, group: u32, from: f64, midnight: f64, plan: &mut Day, rng: &mut Stream) -> f64 {
        let someone = &self.people()[person as usize];
        let place = self.places().group_place(group);
        let begin = from + f64::from(rng.between(600, 3000));
        let end = match someone.age {
            0..=5 => rng.normal(16.5, 0.3),
            6..=14 => rng.normal(16.2, 0.6),
            15..=17 => rng.normal(20.5, 0.5),
            _ => rng.normal(17.8, 0.9),
        };
        let end = (midnight + end.min(21.0) * HOUR).max(begin + 2.0 * HOUR);
        if someone.age >= 18 && begin < midnight + 11.0 * HOUR && rng.chance(0.25) {
            let lunch = midnight + rng.normal(12.0, 0.25).clamp(11.3, 12.9) * HOUR;
            let back = lunch + f64::from(rng.between(1200, 3000));
            let county = self.places().groups()[group as usize].county;
            plan.push(place, begin, lunch - 300.0);
            plan.push(self.places().draw_venue(county, rng), lunch, back);
            plan.push(place, back + 300.0, end.max(back + HOUR));
            return end.max(back + HOUR);
        }
        plan.push(place, begin, end);
        end
    }

    /// Visits to venues, none beyond `latest`: nine of ten in the own county, the others in the city.
    fn go_out(&self, person: u32, visits: u32, from: f64, latest: f64, plan: &mut Day, rng: &mut Stream) -> f64 {
        let mut at = from;
        let household = &self.households()[self.people()[person as usize].household as usize];
        let own = self.blocks()[household.block as usize].county;
        for _ in 0..visits {
            let county = if rng.chance(0.9) { own } else { self.places().draw_neighbour(own, rng) };
            let venue = self.places().draw_venue(county, rng);
            let median = if self.places().kind(venue).is_close() { 65.0 } else { 28.0 };
            let enter = at + f64::from(rng.between(300, 3600));
            let leave = enter + rng.lognormal(median, 0.6).clamp(4.0, 180.0) * 60.0;
            if leave > latest {
                break;
            }
            plan.push(venue, enter, leave);
            at = leave;
        }
        at
    }
}
