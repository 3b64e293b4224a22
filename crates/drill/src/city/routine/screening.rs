//! Screening: who is tested when, singly or ten to a tube, and what the laboratory says.

use sizao_model::fact::{Outcome, TestMethod};

use super::{Book, DAY, HOUR, MISTAKES};
use crate::{
    city::{
        City, Occupation, Owner,
        event::{Desk, FactRef, Fix, Time, Tube, What},
        trips::{ABROAD, Trip},
        truth::Truth,
    },
    random::{Process, Stream},
};

const SCREENING: Process = Process::named("screening");
const TUBES: Process = Process::named("tubes");
const RECALLS: Process = Process::named("recalls");

/// Swabs to a tube.
const TUBE_SIZE: usize = 10;
/// Facts a person over fourteen days beside screening: register, dose, arrivals, stays, complaints.
const OTHER_FACTS: f64 = 1.61;
/// Facts that one screening sample makes on average: itself, and its result or a tenth of a tube's.
const FACTS_PER_SAMPLE: f64 = 1.33;
/// Mean of the weights below over the people of Henan.
const WEIGHT_MEAN: f64 = 1.005;

/// A routine sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screening {
    /// Day of the city.
    pub day: u32,
    /// When it was taken.
    pub at: u32,
    /// Ten to a tube, or alone.
    pub is_pooled: bool,
}

impl City {
    /// The routine samples of a person, as if never isolated; none while away or in isolation after coming from abroad.
    pub fn screening(&self, person: u32, trips: &[Trip]) -> Vec<Screening> {
        let someone = &self.people()[person as usize];
        let mut rng = Stream::new(self.options().seed, SCREENING, person.into(), 0);
        let (weight, single) = match someone.occupation {
            Occupation::Exposed => (8.0, 1.0),
            Occupation::Health => (3.0, 0.5),
            Occupation::Service => (1.7, 0.25),
            Occupation::Trucker => (2.5, 0.6),
            Occupation::Pupil | Occupation::Teacher => (1.0, 0.1),
            Occupation::AtHome if someone.age < 3 => (0.2, 1.0),
            Occupation::AtHome | Occupation::Worker => (1.0, 0.3),
        };
        let samples = (self.options().facts_per_person - OTHER_FACTS).max(0.0) / FACTS_PER_SAMPLE;
        let per_day = (samples / 14.0 * weight / WEIGHT_MEAN).min(0.95);
        let days = self.options().days;
        let mut taken = Vec::new();
        for day in 0..days {
            if rng.chance(per_day) {
                let at = self.midnight(day) + 8 * HOUR + rng.below(10 * HOUR);
                let away = trips.iter().any(|trip| {
                    let until = trip.back_at + if trip.origin == ABROAD { 15 * DAY } else { 0 };
                    (trip.left_at..until).contains(&at)
                });
                let is_pooled = !rng.chance(single);
                if !away {
                    taken.push(Screening { day, at, is_pooled });
                }
            }
        }
        taken
    }

    /// When the results of a block's tubes of a day are ready: in the night after.
    pub fn tubes_ready_at(&self, block: u32, day: u32) -> u32 {
        let mut rng = Stream::new(self.options().seed, TUBES, block.into(), day.into());
        self.midnight(day) + 19 * HOUR + (rng.lognormal(6.0, 0.4).clamp(2.0, 40.0) * 3600.0) as u32
    }
}

impl Book<'_> {
    /// All routine samples of the block with their results.
    pub(super) fn enter_screening(&mut self) {
        let days = self.city.options().days as usize;
        let mut sessions: Vec<Vec<(u32, u32)>> = vec![Vec::new(); days];
        let people = &self.city.blocks()[self.block as usize];
        let last = people.first + people.size - 1;
        for person in people.first..=last {
            let trips = self.city.trips(person);
            let mut rng = self.stream(SCREENING, person, 1);
            for screening in self.city.screening(person, &trips) {
                if self.city.outbreak().is_confined(person, screening.at) {
                    continue;
                }
                let found = self.city.outcome(person, screening.at);
                if screening.is_pooled {
                    sessions[screening.day as usize].push((person, screening.at));
                } else if rng.chance(0.0005) && person < last && found == Outcome::Negative {
                    self.enter_misfiled(person, person + 1, screening.at);
                } else {
                    let spoilt = rng.chance(0.001) && found == Outcome::Negative;
                    let outcome = if spoilt { Outcome::Invalid } else { found };
                    let sample = self.enter_single(Owner::person(person), screening.at, outcome);
                    if rng.chance(0.0005) {
                        self.enter_twice(sample, screening.at);
                    }
                }
            }
        }
        for (day, session) in sessions.into_iter().enumerate() {
            for (number, members) in session.chunks(TUBE_SIZE).enumerate() {
                self.enter_tube(Tube { block: self.block, day: day as u16, number: number as u16 }, members);
            }
        }
    }

    /// A sample that was entered twice; the second entry is taken back.
    fn enter_twice(&mut self, sample: FactRef, at: u32) {
        let mut rng = self.stream(MISTAKES, at, sample.n);
        let taken = at + 100 * HOUR;
        let lab = 0;
        let what = What::Sample { method: TestMethod::NucleicTest, lab, tube: None };
        let fact = self.enter(sample.owner, Desk::SamplingSite, Time::At(at), taken, what);
        self.correct(fact, taken + rng.between(HOUR, DAY), Fix::Retract);
        self.records.truths.push(Truth::False { fact, reason: "double_entry" });
    }

    fn enter_tube(&mut self, tube: Tube, members: &[(u32, u32)]) {
        let mut rng = self.stream(RECALLS, tube.block, u32::from(tube.day) * 10_000 + u32::from(tube.number));
        let county = self.city.blocks()[self.block as usize].county;
        let lab = (county * 3 + rng.below(3)) as u16;
        for &(person, at) in members {
            let what = What::Sample { method: TestMethod::NucleicTest, lab, tube: Some(tube) };
            self.enter(Owner::person(person), Desk::SamplingSite, Time::At(at), at + rng.between(5, 180), what);
        }
        let ready = self.city.tubes_ready_at(self.block, tube.day.into());
        let is_positive = |member: &&(u32, u32)| self.city.outcome(member.0, member.1) == Outcome::Positive;
        let outcome = match members.iter().find(is_positive) {
            Some(_) => Outcome::Positive,
            None if rng.chance(0.001) => Outcome::Invalid,
            None => Outcome::Negative,
        };
        let what = What::TubeResult { tube, outcome };
        let told = ready + rng.between(60, 1800);
        self.enter(Owner::block(self.block), Desk::Laboratory, Time::At(ready), told, what);
        if outcome != Outcome::Negative {
            // Recalled at once and tested one by one; whoever is infected was seen to by those who find cases.
            for member in members.iter().filter(|member| !is_positive(member)) {
                let at = told + rng.between(HOUR, 3 * HOUR);
                if !self.city.outbreak().is_confined(member.0, at) {
                    self.enter_single(Owner::person(member.0), at, self.city.outcome(member.0, at));
                }
            }
        }
    }
}
