//! The four clears (四个查清) of a list of people: how many, who, where, under what control.

use sizao_model::fact::LoopStage;

use super::{ClosedLoop, Known};

/// How the search for one line of a list ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reply {
    /// Found here.
    Located,
    /// Gone elsewhere.
    MovedOn,
    /// Looked for and not found.
    NotFound,
    /// Name, telephone or address are wrong.
    WrongData,
    /// There was no such exposure.
    Refuted,
}

impl Reply {
    /// Every reply.
    pub const ALL: [Self; 5] = [Self::Located, Self::MovedOn, Self::NotFound, Self::WrongData, Self::Refuted];

    /// The word in tables and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Located => "located",
            Self::MovedOn => "moved-on",
            Self::NotFound => "not-found",
            Self::WrongData => "wrong-data",
            Self::Refuted => "refuted",
        }
    }

    /// The reply that a step gives; under control is located.
    pub const fn of(stage: LoopStage) -> Option<Self> {
        Some(match stage {
            LoopStage::Located | LoopStage::UnderControl => Self::Located,
            LoopStage::MovedOn => Self::MovedOn,
            LoopStage::NotFound => Self::NotFound,
            LoopStage::WrongData => Self::WrongData,
            LoopStage::Refuted => Self::Refuted,
            _ => return None,
        })
    }
}

/// The four clears of a list, counted. The replies and the lines still open always add up to the total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FourClears {
    /// Lines.
    pub total: u64,
    /// Lines with a final reply of each kind, in the order of [`Reply::ALL`].
    pub replied: [u64; 5],
    /// Lines without one.
    pub open: u64,
    /// 人头: lines whose person was confirmed by document or by the person.
    pub identified: u64,
    /// 位置: lines with an address and the time at which it was seen.
    pub placed: u64,
    /// 管控: lines with what is kept and since when.
    pub controlled: u64,
}

impl FourClears {
    /// Adds a line.
    pub fn add(&mut self, known: &Known) {
        self.total += 1;
        match known.reply {
            Some(reply) => self.replied[Reply::ALL.iter().position(|one| *one == reply).unwrap_or_default()] += 1,
            None => self.open += 1,
        }
        self.identified += u64::from(known.identified.is_some());
        self.placed += u64::from(known.place.is_some());
        self.controlled += u64::from(known.control.is_some());
    }

    /// The clears of loops; each loop is a line.
    pub fn of<'l>(loops: impl IntoIterator<Item = &'l ClosedLoop>) -> Self {
        let mut clears = Self::default();
        loops.into_iter().for_each(|closed_loop| clears.add(&closed_loop.known));
        clears
    }

    /// 人数: lines that are reconciled: total less those without a final reply.
    pub fn counted(&self) -> u64 {
        self.replied.iter().sum()
    }

    /// Whether the numbers add up: total = located + moved on + refuted + wrong data + not found + open.
    pub fn adds_up(&self) -> bool {
        self.total == self.counted() + self.open
            && [self.identified, self.placed, self.controlled].iter().all(|clear| *clear <= self.total)
    }

    /// Whether every line carries all four.
    pub fn is_clear(&self) -> bool {
        [self.counted(), self.identified, self.placed, self.controlled].iter().all(|clear| *clear == self.total)
    }
}
