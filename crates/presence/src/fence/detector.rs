//! The detector: records in order of receipt in, questions out.

use rustc_hash::FxHashMap;

use super::{
    coverage::{Coverage, Tower},
    person::Person,
    question::{Evidence, Question},
    rules::FenceRules,
    track,
};

/// One record of a tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// When it was received; milliseconds.
    pub recv_ms: i64,
    /// Whose.
    pub person: u64,
    /// Number of the tower in the list given.
    pub tower: u32,
    /// When it happened, by the clock of the tower; milliseconds.
    pub event_ms: i64,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Taken in; nothing to ask.
    Taken,
    /// A repetition, or older than what is known already: without effect.
    Old,
    /// Taken in, and a question came of it.
    Asked(Question),
}

/// The fence: reads records in order of receipt and asks when somebody seems to have come in.
///
/// Causal: an answer depends on the records taken before it and nothing else. Repetitions and records older than the last one of
/// the same person change nothing, so a stream with and without them gives the same questions.
#[derive(Debug, Clone)]
pub struct Detector {
    pub(super) coverage: Coverage,
    pub(super) rules: FenceRules,
    pub(super) people: Vec<Person>,
    pub(super) numbers: FxHashMap<u64, u32>,
    prior: FxHashMap<u64, bool>,
    /// Least time from event to receipt seen per tower; milliseconds.
    pub(super) clocks: Vec<i32>,
}

/// Most towers that a detector numbers.
pub const TOWERS_MAX: usize = u16::MAX as usize - 1;

impl Detector {
    /// A detector that has seen nothing.
    ///
    /// - `towers`: at most [`TOWERS_MAX`]; in the datum of the border; records name them by position.
    /// - `is_inside`: whether a longitude and latitude lie inside the border.
    /// - `prior`: who was last known to be inside (true) or outside; others count as outside.
    ///
    /// # Panics
    /// With no tower, or more than [`TOWERS_MAX`].
    #[must_use]
    pub fn new(
        towers: &[Tower],
        is_inside: impl Fn(f64, f64) -> bool,
        prior: FxHashMap<u64, bool>,
        rules: FenceRules,
    ) -> Self {
        assert!(!towers.is_empty() && towers.len() <= TOWERS_MAX, "the caller counts the towers");
        let coverage = Coverage::new(towers, is_inside, &rules);
        let clocks = vec![i32::MAX; towers.len()];
        Self { coverage, rules, people: Vec::new(), numbers: FxHashMap::default(), prior, clocks }
    }

    /// Takes a record; the tower must be one of those given.
    #[inline]
    pub fn take(&mut self, record: &Observation) -> Outcome {
        let tower = record.tower as usize;
        let late = (record.recv_ms - record.event_ms).clamp(-3_600_000, 86_400_000) as i32;
        let offset = clock_error_ms(self.clocks[tower].min(late));
        let at_ms = (record.event_ms + i64::from(offset)).min(record.recv_ms);
        let number = self.number(record.person);
        let person = &mut self.people[number];
        let digest = (record.event_ms as u32).wrapping_mul(0x9e37_79b1) ^ (record.tower + 1).wrapping_mul(0x85eb_ca6b);
        if person.recent == digest || at_ms <= person.last_ms {
            return Outcome::Old;
        }
        self.clocks[tower] = self.clocks[tower].min(late);
        person.recent = digest;
        let since_s = if person.is_fresh() { 0.0 } else { (at_ms - person.last_ms) as f32 / 1000.0 };
        person.last_ms = at_ms;
        let step = track::take(person, tower, since_s, &self.coverage, &self.rules);
        self.decide(number, record, step)
    }

    fn number(&mut self, person: u64) -> usize {
        let next = self.people.len() as u32;
        let number = *self.numbers.entry(person).or_insert(next);
        if number == next {
            self.people.push(Person::new(self.prior.get(&person).copied().unwrap_or(false)));
        }
        number as usize
    }

    fn decide(&mut self, number: usize, record: &Observation, step: track::Step) -> Outcome {
        let person = &mut self.people[number];
        if person.flags & Person::INSIDE == 0 {
            if step.inside >= self.rules.ask_at {
                person.flags |= Person::INSIDE;
                person.crossings = person.crossings.saturating_add(1);
                let evidence = Evidence::of(person, record.tower as usize, step.moved, &self.coverage);
                let (person, declared_ms) = (record.person, record.recv_ms);
                return Outcome::Asked(Question { person, declared_ms, probability: step.inside, evidence });
            }
        } else if step.inside < self.rules.left_at {
            person.flags &= !Person::INSIDE;
            person.crossings = person.crossings.saturating_add(1);
        }
        Outcome::Taken
    }

    /// People of whom something is known.
    #[must_use]
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// Bytes that are kept of one person, the entry of the index left out.
    #[must_use]
    pub const fn person_bytes() -> usize {
        size_of::<Person>()
    }
}

/// The error of a tower's clock, from the least delay seen. Only gross errors are mended: a delay cannot be negative, and the
/// least of many is short, so what lies beyond a minute is the clock's.
fn clock_error_ms(least: i32) -> i32 {
    if least == i32::MAX || least.abs() < 60_000 || least > 600_000 { 0 } else { least }
}
