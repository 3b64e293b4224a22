//! Arrivals: one journey, several channels that saw it, each with its own time and delay; some seen by none.

use sizao_model::fact::{EvidenceKind, Outcome, TestMethod};

use super::{Book, DAY, HOUR, MISTAKES, delay};
use crate::{
    city::{
        City, Owner, day_of,
        event::{Area, Desk, FactRef, Fix, Site, Time, What},
        trips::{ABROAD, Trip},
        truth::Truth,
    },
    random::{Process, Stream},
};

const HANDLING: Process = Process::named("handling of samples");
const CHANNELS: Process = Process::named("arrival channels");

/// Channels with the share of arrivals that they see: desk, evidence, share, delay of recording in hours at most.
const CHANNELS_SEEN: [(Desk, EvidenceKind, f64, u32); 5] = [
    (Desk::Carrier, EvidenceKind::Ticket, 0.35, 3),
    (Desk::Checkpoint, EvidenceKind::Checkpoint, 0.30, 1),
    (Desk::Person, EvidenceKind::Declared, 0.45, 22),
    (Desk::AssistList, EvidenceKind::ListRow, 0.10, 40),
    (Desk::Checkpoint, EvidenceKind::Camera, 0.06, 6),
];

/// Laboratory and times of a single sample; seconds since 1970.
pub(in crate::city) struct Handling {
    pub lab: u16,
    /// The sample is on record.
    pub taken_at: u32,
    /// The result is there.
    pub ready_at: u32,
    /// The result is on record.
    pub told_at: u32,
}

impl Book<'_> {
    pub(super) fn enter_arrivals(&mut self, person: u32) {
        let (start, end) = (self.city.midnight(0), self.city.midnight(self.city.options().days));
        for (index, trip) in self.city.trips(person).iter().enumerate() {
            if (start..end).contains(&trip.back_at) {
                let mut rng = self.stream(CHANNELS, person, index as u32);
                let facts = self.enter_arrival(person, trip, &mut rng);
                if trip.origin == ABROAD {
                    self.enter_inbound_isolation(person, trip, &mut rng);
                } else if !trip.is_transit && rng.chance(0.35) {
                    let area = Area::Elsewhere(trip.origin);
                    let days = Time::Days(day_of(trip.left_at), day_of(trip.back_at));
                    let what = What::Stay { area, evidence: EvidenceKind::Declared };
                    let recorded_at = self.city.after_day(trip.back_at) + rng.between(0, 6 * HOUR);
                    self.enter(Owner::person(person), Desk::Person, days, recorded_at, what);
                }
                let Trip { origin, back_at: at, is_transit, .. } = *trip;
                self.records.truths.push(Truth::Arrival { person, origin, at, is_transit, facts });
            }
        }
    }

    fn enter_arrival(&mut self, person: u32, trip: &Trip, rng: &mut Stream) -> Vec<FactRef> {
        let county = self.city.blocks()[self.block as usize].county;
        let mut facts = Vec::new();
        for (desk, evidence, share, hours) in CHANNELS_SEEN {
            let share = if trip.origin == ABROAD && evidence == EvidenceKind::Ticket { 1.0 } else { share };
            if !rng.chance(share) {
                continue;
            }
            // A checkpoint sees the county, the traveller names the community; each has a clock of its own.
            let into = if evidence == EvidenceKind::Declared { Area::Block(self.block) } else { Area::County(county) };
            let at = trip.back_at + rng.below(900);
            let owner = match evidence {
                EvidenceKind::Declared | EvidenceKind::ListRow if self.city.has_second_record(person) => {
                    Owner::second(person)
                }
                _ => Owner::person(person),
            };
            let recorded_at = at + rng.between(30, hours * HOUR) + delay(rng);
            let mistyped = rng.chance(0.001);
            let written = if mistyped { at - DAY } else { at };
            let what = What::Arrival {
                origin: trip.origin,
                into,
                evidence,
                is_transit: trip.is_transit,
                leaves_at: trip.leaves_at.filter(|_| desk == Desk::Checkpoint),
            };
            let fact = self.enter(owner, desk, Time::At(written), recorded_at, what);
            if mistyped {
                let correction = self.correct(fact, recorded_at + rng.between(2 * HOUR, 2 * DAY), Fix::Happened(at));
                self.records.truths.push(Truth::WrongTime { fact, right: at, correction });
            }
            facts.push(fact);
        }
        facts
    }

    /// From the airport to an isolation hotel, with the tests of Henan 2.0 (days 1, 4, 7, 10, 14).
    fn enter_inbound_isolation(&mut self, person: u32, trip: &Trip, rng: &mut Stream) {
        let county = self.city.blocks()[self.block as usize].county;
        let owner = Owner::person(person);
        let site = Site::Hotel { county, number: rng.below(4) as u8, floor: rng.between(2, 9) as u8 };
        let entered = trip.back_at + rng.between(2 * HOUR, 6 * HOUR);
        let recorded_at = entered + rng.between(60, HOUR);
        self.enter(owner, Desk::Community, Time::At(entered), recorded_at, What::IsolationStarted { site });
        for day in [1, 4, 7, 10, 14] {
            let at =
                entered.max(self.city.midnight_of(entered) + (day - 1) * DAY + 9 * HOUR) + rng.between(300, 2 * HOUR);
            self.enter_single(owner, at, self.city.outcome(person, at));
        }
    }

    /// A single sample and its result.
    pub(in crate::city) fn enter_single(&mut self, owner: Owner, at: u32, outcome: Outcome) -> FactRef {
        let person = owner.person_number().expect("samples are taken from persons");
        let Handling { lab, taken_at, ready_at, told_at } = self.city.handling(person, at);
        let what = What::Sample { method: TestMethod::NucleicTest, lab, tube: None };
        let sample = self.enter(owner, Desk::SamplingSite, Time::At(at), taken_at, what);
        self.enter(owner, Desk::Laboratory, Time::At(ready_at), told_at, What::Result { sample, outcome });
        sample
    }

    /// One in some thousand single samples is put down for the neighbour in the queue; most of these are put right.
    pub(super) fn enter_misfiled(&mut self, person: u32, neighbour: u32, at: u32) {
        let mut rng = self.stream(MISTAKES, person, at);
        let fact = self.enter_single(Owner::person(neighbour), at, Outcome::Negative);
        let found = at + 4 * DAY + rng.between(HOUR, 3 * DAY);
        let correction = rng.chance(0.75).then(|| self.correct(fact, found, Fix::Person(person)));
        self.records.truths.push(Truth::WrongPerson { fact, right: person, correction });
    }
}

impl City {
    /// How a single sample taken at a moment is handled: result after eight hours in the median.
    pub(in crate::city) fn handling(&self, person: u32, at: u32) -> Handling {
        let mut rng = Stream::new(self.options().seed, HANDLING, person.into(), at.into());
        let county = self.blocks()[self.block_of(Owner::person(person)) as usize].county;
        let taken_at = at + delay(&mut rng);
        let ready_at = at + (rng.lognormal(8.0, 0.4).clamp(2.0, 60.0) * 3600.0) as u32;
        let told_at = ready_at.max(taken_at) + rng.between(60, 1200);
        Handling { lab: (county * 3 + rng.below(3)) as u16, taken_at, ready_at, told_at }
    }

    /// What the laboratory finds in a sample taken at a moment.
    pub(in crate::city) fn outcome(&self, person: u32, at: u32) -> Outcome {
        let is_found = self.outbreak().detects(self.options().seed, person, at);
        if is_found { Outcome::Positive } else { Outcome::Negative }
    }

    /// The midnight before a moment.
    pub(in crate::city) const fn midnight_of(&self, at: u32) -> u32 {
        crate::city::midnight(day_of(at))
    }

    /// The midnight after a moment.
    pub(in crate::city) const fn after_day(&self, at: u32) -> u32 {
        self.midnight_of(at) + DAY
    }
}
