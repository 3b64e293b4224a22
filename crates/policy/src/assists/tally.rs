//! The four clears (四个查清) of a request, counted.

use sizao_model::assist::AssistOutcome;

use super::Line;

/// How many, who, where, under what control. Lines that were withdrawn are not asked for and not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssistClears {
    /// Lines that are asked for.
    pub total: u64,
    /// Lines with a final reply of each kind, in the order of [`AssistOutcome::ALL`].
    pub replied: [u64; 6],
    /// Lines without one.
    pub open: u64,
    /// 人头: whose person was confirmed by document or by the person.
    pub identified: u64,
    /// 位置: with an address and the time at which it was seen.
    pub placed: u64,
    /// 管控: with what is kept and since when.
    pub controlled: u64,
}

impl AssistClears {
    /// Adds a line.
    pub fn add(&mut self, line: &Line) {
        if line.withdrawn_in.is_some() {
            return;
        }
        let outcome = line.reply.map(|reply| reply.outcome);
        let known = line.reply.map_or([false; 3], |reply| [reply.identified, reply.placed, reply.controlled]);
        self.add_many(outcome, known, 1);
    }

    /// Adds lines that stand alike.
    pub fn add_many(&mut self, outcome: Option<AssistOutcome>, [identified, placed, controlled]: [bool; 3], n: u64) {
        self.total += n;
        match outcome {
            Some(outcome) => self.replied[outcome as usize] += n,
            None => self.open += n,
        }
        self.identified += n * u64::from(identified);
        self.placed += n * u64::from(placed);
        self.controlled += n * u64::from(controlled);
    }

    /// 人数: lines that are reconciled.
    pub fn counted(&self) -> u64 {
        self.replied.iter().sum()
    }

    /// How many ended in one way.
    pub const fn of(&self, outcome: AssistOutcome) -> u64 {
        self.replied[outcome as usize]
    }

    /// Whether the numbers add up: total = located here + moved on + not found + wrong data + already controlled +
    /// refuted + still open.
    pub fn adds_up(&self) -> bool {
        self.total == self.counted() + self.open
            && [self.identified, self.placed, self.controlled].iter().all(|clear| *clear <= self.counted())
    }

    /// Whether every line carries all four.
    pub fn is_clear(&self) -> bool {
        [self.counted(), self.identified, self.placed, self.controlled].iter().all(|clear| *clear == self.total)
    }
}
