//! The detector: records in order of receipt in, questions out.

use rustc_hash::FxHashMap;

use super::{
    coverage::{Coverage, Tower},
    person::Person,
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

/// A question whether somebody came in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// Who.
    pub person: u64,
    /// Time of receipt of the record at which it is asked; milliseconds.
    pub declared_ms: i64,
    /// Probability of being inside.
    pub probability: f32,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Nothing to ask.
    Taken(f32, f32),
    /// A repetition, or older than what is known.
    Old,
    /// Asked.
    Asked(Question),
}

/// Streaming detector.
pub struct Detector {
    coverage: Coverage,
    rules: FenceRules,
    people: Vec<Person>,
    numbers: FxHashMap<u64, u32>,
    prior: FxHashMap<u64, bool>,
    /// Least time from event to receipt seen per tower; milliseconds.
    clocks: Vec<i32>,
}

impl Detector {
    /// A detector without memory.
    pub fn new(towers: &[Tower], is_inside: impl Fn(f64, f64) -> bool, prior: FxHashMap<u64, bool>, rules: FenceRules) -> Self {
        let coverage = Coverage::new(towers, is_inside, &rules);
        let clocks = vec![i32::MAX; towers.len()];
        Self { coverage, rules, people: Vec::new(), numbers: FxHashMap::default(), prior, clocks }
    }

    /// Takes a record.
    pub fn take(&mut self, record: &Observation) -> Outcome {
        let tower = record.tower as usize;
        let late = (record.recv_ms - record.event_ms).clamp(-3_600_000, 86_400_000) as i32;
        let offset = clock_error_ms(self.clocks[tower].min(late));
        let at = (record.event_ms + i64::from(offset)).min(record.recv_ms);
        let next = self.people.len() as u32;
        let number = *self.numbers.entry(record.person).or_insert(next);
        if number == next {
            let inside = self.prior.get(&record.person).copied().unwrap_or(false);
            self.people.push(Person::new(inside));
        }
        let person = &mut self.people[number as usize];
        let digest = (record.event_ms as u32).wrapping_mul(0x9e37_79b1) ^ (record.tower + 1).wrapping_mul(0x85eb_ca6b);
        if person.recent.contains(&digest) || at <= person.last_ms {
            return Outcome::Old;
        }
        self.clocks[tower] = self.clocks[tower].min(late);
        person.recent.rotate_right(1);
        person.recent[0] = digest;
        let since_s = if person.last_ms == i64::MIN { 0.0 } else { (at - person.last_ms) as f32 / 1000.0 };
        person.last_ms = at;
        let step = track::take(person, tower, since_s, &self.coverage, &self.rules);
        if person.flags & Person::INSIDE == 0 {
            if step.inside >= self.rules.ask_at {
                person.flags |= Person::INSIDE;
                person.crossings = person.crossings.saturating_add(1);
                return Outcome::Asked(Question { person: record.person, declared_ms: record.recv_ms, probability: step.inside });
            }
        } else if step.inside < self.rules.left_at {
            person.flags &= !Person::INSIDE;
            person.crossings = person.crossings.saturating_add(1);
        }
        Outcome::Taken(step.inside, step.moved)
    }

    /// Debug.
    pub fn debug(&self, person: u64) -> String { let p = &self.people[self.numbers[&person] as usize]; format!("mov {} rec {} fl {} x {}", p.moving, p.records, p.flags, p.crossings) }
    /// Bytes.
    pub fn person_bytes(&self) -> usize { size_of::<Person>() }

    /// People known.
    pub fn people(&self) -> usize {
        self.people.len()
    }
}

/// The error of a tower's clock, from the least delay seen: only gross errors are mended.
fn clock_error_ms(least: i32) -> i32 {
    if least == i32::MAX || least.abs() < 60_000 || least > 600_000 { 0 } else { least }
}
