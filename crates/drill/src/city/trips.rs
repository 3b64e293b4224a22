//! Journeys: who was away where, when they came back, and lorries that come and go.

use super::{City, Occupation};
use crate::random::{Process, Stream};

const TRIPS: Process = Process::named("trips");
const DAY: f64 = 86_400.0;

/// A place outside the province from which people come: code, or `abroad`, with how often and how risky it is.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// City code of four digits, or `abroad`.
    pub code: &'static str,
    weight: u64,
    /// Whether infected people come from there in this world.
    pub is_risky: bool,
}

/// Cities outside Henan with invented shares, and the world.
pub const ORIGINS: [Origin; 20] = [
    origin("1101", 10, false),
    origin("3101", 12, true),
    origin("4403", 9, true),
    origin("4401", 10, false),
    origin("2201", 3, true),
    origin("2202", 2, true),
    origin("3702", 4, true),
    origin("3701", 5, false),
    origin("3205", 7, false),
    origin("3301", 7, false),
    origin("4201", 8, false),
    origin("4206", 4, false),
    origin("6101", 8, true),
    origin("1401", 4, false),
    origin("1304", 5, false),
    origin("3401", 5, false),
    origin("3412", 4, false),
    origin("1201", 4, true),
    origin("5101", 4, false),
    origin("abroad", 1, true),
];

const fn origin(code: &'static str, weight: u64, is_risky: bool) -> Origin {
    Origin { code, weight, is_risky }
}

/// The place in [`ORIGINS`] of people from abroad.
pub const ABROAD: u8 = 19;

/// Time away from the city, with the way back in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Left at; seconds since 1970.
    pub left_at: u32,
    /// Came back at.
    pub back_at: u32,
    /// Where from, by place in [`ORIGINS`].
    pub origin: u8,
    /// Passes through without leaving the motorway.
    pub is_transit: bool,
    /// Leaves again at, where that is known on arrival (lorries).
    pub leaves_at: Option<u32>,
}

impl City {
    /// Trips of a person that touch the days of the city or the three weeks before, in order of time.
    pub fn trips(&self, person: u32) -> Vec<Trip> {
        let mut trips = Vec::new();
        let someone = &self.people()[person as usize];
        let (gap_days, away_days) = match someone.occupation {
            Occupation::Trucker => (1.2, 2.5),
            Occupation::AtHome if someone.age < 3 || someone.age > 75 => (700.0, 4.0),
            Occupation::Pupil if someone.age < 18 => (300.0, 3.0),
            _ => (95.0, 3.0),
        };
        let is_trucker = someone.occupation == Occupation::Trucker;
        let mut rng = Stream::new(self.options().seed, TRIPS, person.into(), 0);
        let before = if is_trucker { 6.0 } else { 21.0 };
        let start = f64::from(self.midnight(0)) - before * DAY;
        let end = f64::from(self.midnight(self.options().days));
        let mut at = start + rng.exponential(gap_days) * DAY;
        while at < end {
            let left_at = at as u32;
            let back_at = at + rng.lognormal(away_days, 0.5).clamp(0.3, 20.0) * DAY;
            let origin = rng.weighted(ORIGINS.iter().map(|origin| origin.weight)) as u8;
            let origin = if is_trucker && origin == ABROAD { 0 } else { origin };
            at = back_at + rng.exponential(gap_days).max(0.25) * DAY;
            let is_transit = is_trucker && rng.chance(0.1);
            let leaves_at = (is_trucker && rng.chance(0.7)).then_some(at as u32);
            trips.push(Trip { left_at, back_at: back_at as u32, origin, is_transit, leaves_at });
        }
        trips
    }
}
