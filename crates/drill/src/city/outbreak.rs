//! The outbreak: who infects whom day by day, how cases are found, and what that does to the days of those isolated.
//!
//! Infections spread only where two people were at one place at one time by [`City::day`], so the ledger holds the
//! truth that tracing has to find. Cases are found by symptoms, by screening and by the tests of traced contacts.

mod control;
mod course;
mod hostile;
mod spread;
mod tracing;

use rustc_hash::FxHashMap;

pub use self::course::Course;
use super::{
    City, Owner,
    days::Stay,
    event::{Desk, Event, FactRef, Time, What},
    truth::{TrueInfection, Truth},
};
use crate::random::{Process, Stream};

const SENSITIVITY: Process = Process::named("test sensitivity");
/// Probability that a nucleic test finds somebody who can be found.
pub const TEST_SENSITIVITY: f64 = 0.92;

/// One infection with its course.
#[derive(Clone, Debug)]
pub(super) struct Infection {
    pub truth: TrueInfection,
    pub course: Course,
}

/// When somebody is kept from the life of the city.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// From; seconds since 1970.
    pub from: u32,
    /// Until.
    pub until: u32,
}

/// The outbreak as it was played.
#[derive(Debug, Default)]
pub struct Outbreak {
    infections: Vec<Infection>,
    by_person: FxHashMap<u32, u32>,
    confined: FxHashMap<u32, Vec<Confinement>>,
    journal: Journal,
    remote_scans: FxHashMap<u32, Stay>,
}

/// Facts of the outbreak, by block, and the truth behind false ones.
#[derive(Debug, Default)]
pub(super) struct Journal {
    events: FxHashMap<u32, Vec<Event>>,
    counts: FxHashMap<Owner, u32>,
    truths: Vec<Truth>,
    /// By the right person, facts filed for a wrong one.
    moved: FxHashMap<u32, Vec<FactRef>>,
}

impl Journal {
    fn enter(
        &mut self,
        city: &City,
        owner: Owner,
        desk: Desk,
        happened: Time,
        recorded_at: u32,
        what: What,
    ) -> FactRef {
        let n = self.counts.entry(owner).or_insert(first_number(owner));
        let of = FactRef { owner, n: *n };
        *n += 1;
        self.events.entry(city.block_of(owner)).or_default().push(Event { of, recorded_at, happened, desk, what });
        of
    }
}

/// A person's first fact, number 0, is the register's.
const fn first_number(owner: Owner) -> u32 {
    if owner.person_number().is_some() && !owner.is_second() { 1 } else { 0 }
}

impl Outbreak {
    /// The infections, by the time at which they became known to the model.
    pub fn infections(&self) -> impl Iterator<Item = &TrueInfection> {
        self.infections.iter().map(|infection| &infection.truth)
    }

    /// When a person was isolated, in the order in which it was decided.
    pub fn confinements(&self, person: u32) -> &[Confinement] {
        self.confined.get(&person).map_or(&[], Vec::as_slice)
    }

    /// Whether a person was isolated at a moment.
    pub fn is_confined(&self, person: u32, at: u32) -> bool {
        self.confinements(person).iter().any(|confinement| (confinement.from..confinement.until).contains(&at))
    }

    /// What the journal says about false facts, and all infections.
    pub(super) fn truths(&self) -> impl Iterator<Item = Truth> + '_ {
        let infections = self.infections().map(|infection| Truth::Infection(infection.clone()));
        infections.chain(self.journal.truths.iter().cloned())
    }

    /// Numbers of facts already given to an owner.
    pub(super) fn next_number(&self, owner: Owner) -> u32 {
        self.journal.counts.get(&owner).copied().unwrap_or(first_number(owner))
    }

    pub(super) fn events_of_block(&self, block: u32) -> &[Event] {
        self.journal.events.get(&block).map_or(&[], Vec::as_slice)
    }

    /// Facts filed for somebody else that a correction gives to this person.
    pub(super) fn moved_to(&self, person: u32) -> &[FactRef] {
        self.journal.moved.get(&person).map_or(&[], Vec::as_slice)
    }

    /// A scan of a venue code from afar, if the person made one.
    pub(super) fn remote_scan(&self, person: u32) -> Option<Stay> {
        self.remote_scans.get(&person).copied()
    }

    fn confine(&mut self, person: u32, from: u32, until: u32) {
        self.confined.entry(person).or_default().push(Confinement { from, until });
    }

    /// Whether a nucleic sample taken from the person at that moment is positive.
    pub(super) fn detects(&self, seed: u64, person: u32, at: u32) -> bool {
        self.by_person.get(&person).is_some_and(|&index| {
            let course = &self.infections[index as usize].course;
            (course.detectable_from..course.detectable_until).contains(&at)
                && Stream::new(seed, SENSITIVITY, person.into(), at.into()).chance(TEST_SENSITIVITY)
        })
    }
}
