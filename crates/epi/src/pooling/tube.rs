//! One tube, from the moment it is opened to the laboratory's word: who is in it, where it is, what it said.
//!
//! A tube holds what was scanned into it and nothing else. Its capacity is fixed when it is opened, each swab is bound
//! to a person by a scan, it is closed before it travels, and its barcode is never used again. Each step is a method
//! that gives the next state or says why there is none.

use sizao_model::{Instant, PersonId, fact::Outcome};
use thiserror::Error;

/// The largest pool that may be opened (混采): 20-in-1.
pub const CAPACITY_MAX: u32 = 20;

/// Why a step of a tube is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TubeError {
    /// The barcode was used before, in whatever round.
    #[error("barcode {barcode} was used before: take a new tube, and put this one aside")]
    BarcodeReused {
        /// Which.
        barcode: Box<str>,
    },
    /// No pool has such a size.
    #[error("a tube holds 1 to {CAPACITY_MAX} swabs; {capacity} were asked for")]
    Capacity {
        /// What was asked for.
        capacity: u32,
    },
    /// The tube is full.
    #[error("the tube is full with {capacity} swabs: close it and open the next one")]
    Full {
        /// How many it holds.
        capacity: u32,
    },
    /// The person is in this tube already.
    #[error("this person is in this tube already: one swab of a person in a tube")]
    PersonTwice,
    /// The step does not follow from where the tube is.
    #[error("a tube that is {state} cannot be {step}")]
    OutOfOrder {
        /// Where it is.
        state: &'static str,
        /// What was tried.
        step: &'static str,
    },
    /// Nobody's swab is in it.
    #[error("the tube is empty: put it back unopened, or scan who is in it")]
    Empty,
    /// The step lies before the one that it follows.
    #[error("this happened before the step that it follows: set the clock of the device right")]
    BeforeItsStep,
}

/// How swabs are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TubeKind {
    /// One person's.
    Single,
    /// Of people who need not know each other, up to so many.
    Pool(u32),
    /// Of one household, up to so many.
    Household(u32),
}

impl TubeKind {
    /// How many swabs it may hold.
    pub const fn capacity(self) -> u32 {
        match self {
            Self::Single => 1,
            Self::Pool(capacity) | Self::Household(capacity) => capacity,
        }
    }
}

/// One swab in a tube.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swab {
    /// Whose.
    pub person: PersonId,
    /// When it was taken.
    pub taken_at: Instant,
    /// Whether the person has another swab in this round: both are kept, and neither replaces the other.
    pub is_repeat: bool,
}

/// Where a tube is. Each state holds what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TubeState {
    /// Swabs are being added.
    Open,
    /// Closed: nothing goes in any more.
    Sealed {
        /// Since when.
        at: Instant,
    },
    /// On its way, in a box.
    Sent {
        /// Since when.
        at: Instant,
        /// The box (转运箱).
        in_box: Box<str>,
    },
    /// In the laboratory.
    Received {
        /// Since when.
        at: Instant,
    },
    /// The laboratory has said something.
    Tested {
        /// When.
        at: Instant,
        /// What.
        outcome: Outcome,
    },
}

impl TubeState {
    const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sealed { .. } => "sealed",
            Self::Sent { .. } => "on its way",
            Self::Received { .. } => "in the laboratory",
            Self::Tested { .. } => "tested",
        }
    }
}

/// One tube (采样管).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tube {
    barcode: Box<str>,
    kind: TubeKind,
    opened_at: Instant,
    swabs: Vec<Swab>,
    state: TubeState,
    /// Earlier words of the laboratory, oldest first; the last word is in the state.
    corrected: Vec<(Instant, Outcome)>,
}

impl Tube {
    /// Opens a tube.
    ///
    /// - `is_used`: whether a barcode was ever used; the caller remembers all of them.
    ///
    /// # Errors
    /// [`TubeError::BarcodeReused`], [`TubeError::Capacity`].
    pub fn open(
        barcode: &str,
        kind: TubeKind,
        at: Instant,
        is_used: impl FnOnce(&str) -> bool,
    ) -> Result<Self, TubeError> {
        if !(1..=CAPACITY_MAX).contains(&kind.capacity()) {
            return Err(TubeError::Capacity { capacity: kind.capacity() });
        }
        if is_used(barcode) {
            return Err(TubeError::BarcodeReused { barcode: barcode.into() });
        }
        let (swabs, corrected) = (Vec::new(), Vec::new());
        Ok(Self { barcode: barcode.into(), kind, opened_at: at, swabs, state: TubeState::Open, corrected })
    }

    /// Binds a person's swab to the tube.
    ///
    /// - `is_in_round`: whether the person has a swab in another tube of this round; both count, and this one says so.
    ///
    /// # Errors
    /// [`TubeError::OutOfOrder`] when it is closed, [`TubeError::Full`], [`TubeError::PersonTwice`],
    /// [`TubeError::BeforeItsStep`].
    pub fn add(&mut self, person: PersonId, at: Instant, is_in_round: bool) -> Result<(), TubeError> {
        if self.state != TubeState::Open {
            return Err(self.refused("filled"));
        }
        if self.swabs.iter().any(|swab| swab.person == person) {
            return Err(TubeError::PersonTwice);
        }
        let capacity = self.kind.capacity();
        if self.swabs.len() >= capacity as usize {
            return Err(TubeError::Full { capacity });
        }
        if at < self.opened_at {
            return Err(TubeError::BeforeItsStep);
        }
        self.swabs.push(Swab { person, taken_at: at, is_repeat: is_in_round });
        Ok(())
    }

    /// Closes the tube.
    ///
    /// # Errors
    /// [`TubeError::OutOfOrder`], [`TubeError::Empty`], [`TubeError::BeforeItsStep`].
    pub fn seal(&mut self, at: Instant) -> Result<(), TubeError> {
        if self.state != TubeState::Open {
            return Err(self.refused("sealed"));
        }
        let Some(last) = self.swabs.iter().map(|swab| swab.taken_at).max() else { return Err(TubeError::Empty) };
        self.step(last, at, TubeState::Sealed { at })
    }

    /// Puts the closed tube into a box and on its way.
    ///
    /// # Errors
    /// [`TubeError::OutOfOrder`] unless it is sealed, [`TubeError::BeforeItsStep`].
    pub fn send(&mut self, in_box: &str, at: Instant) -> Result<(), TubeError> {
        let TubeState::Sealed { at: before } = self.state else { return Err(self.refused("sent")) };
        self.step(before, at, TubeState::Sent { at, in_box: in_box.into() })
    }

    /// The laboratory has it. One that was carried over without a box is taken in too: it is there.
    ///
    /// # Errors
    /// [`TubeError::OutOfOrder`] when it was never closed or has come in before, [`TubeError::BeforeItsStep`].
    pub fn receive(&mut self, at: Instant) -> Result<(), TubeError> {
        let (TubeState::Sent { at: before, .. } | TubeState::Sealed { at: before }) = self.state else {
            return Err(self.refused("received"));
        };
        self.step(before, at, TubeState::Received { at })
    }

    /// The laboratory's word; a later one corrects an earlier one, and both are kept.
    ///
    /// A result for a tube that is still open, or from before its last swab, is of another tube.
    ///
    /// # Errors
    /// [`TubeError::OutOfOrder`] when it was never closed, [`TubeError::BeforeItsStep`].
    pub fn report(&mut self, outcome: Outcome, at: Instant) -> Result<(), TubeError> {
        let before = match &self.state {
            TubeState::Open => return Err(self.refused("tested")),
            TubeState::Sealed { at } | TubeState::Sent { at, .. } | TubeState::Received { at } => *at,
            TubeState::Tested { at: earlier, outcome: said } => {
                if *said == outcome {
                    return Ok(());
                }
                let (earlier, said) = (*earlier, *said);
                if at < earlier {
                    return Err(TubeError::BeforeItsStep);
                }
                self.corrected.push((earlier, said));
                earlier
            }
        };
        self.step(before, at, TubeState::Tested { at, outcome })
    }

    /// Its barcode.
    pub fn barcode(&self) -> &str {
        &self.barcode
    }

    /// What is in it, in the order of the scans.
    pub fn swabs(&self) -> &[Swab] {
        &self.swabs
    }

    /// Where it is.
    pub const fn state(&self) -> &TubeState {
        &self.state
    }

    /// Earlier words of the laboratory, oldest first.
    pub fn corrected(&self) -> &[(Instant, Outcome)] {
        &self.corrected
    }

    fn step(&mut self, before: Instant, at: Instant, next: TubeState) -> Result<(), TubeError> {
        if at < before {
            return Err(TubeError::BeforeItsStep);
        }
        self.state = next;
        Ok(())
    }

    fn refused(&self, step: &'static str) -> TubeError {
        TubeError::OutOfOrder { state: self.state.name(), step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Instant {
        Instant::from_micros(1_650_000_000_000_000).plus_minutes(minutes)
    }

    fn person(number: u32) -> PersonId {
        PersonId::from_label(&format!("p{number}"))
    }

    fn filled(count: u32) -> Tube {
        let mut tube = Tube::open("T1", TubeKind::Pool(10), at(0), |_| false).unwrap();
        (0..count).for_each(|number| tube.add(person(number), at(1), false).unwrap());
        tube
    }

    #[test]
    fn a_tube_takes_as_many_as_it_was_opened_for() {
        let mut tube = filled(10);
        assert_eq!(tube.add(person(10), at(2), false), Err(TubeError::Full { capacity: 10 }));
        assert_eq!(tube.add(person(3), at(2), false), Err(TubeError::PersonTwice));
        assert_eq!(tube.swabs().len(), 10);
    }

    #[test]
    fn a_barcode_is_used_once_for_ever() {
        let again = Tube::open("T1", TubeKind::Single, at(0), |barcode| barcode == "T1");
        assert_eq!(again, Err(TubeError::BarcodeReused { barcode: "T1".into() }));
        assert!(matches!(Tube::open("T2", TubeKind::Pool(30), at(0), |_| false), Err(TubeError::Capacity { .. })));
    }

    #[test]
    fn a_tube_is_closed_before_it_travels_and_then_stays_closed() {
        let mut tube = filled(2);
        assert!(matches!(tube.send("B", at(3)), Err(TubeError::OutOfOrder { .. })));
        assert!(matches!(tube.report(Outcome::Positive, at(3)), Err(TubeError::OutOfOrder { .. })));
        tube.seal(at(3)).unwrap();
        assert!(matches!(tube.add(person(5), at(4), false), Err(TubeError::OutOfOrder { .. })));
        tube.send("B", at(4)).unwrap();
        tube.receive(at(5)).unwrap();
        assert!(matches!(tube.receive(at(6)), Err(TubeError::OutOfOrder { .. })));
        assert_eq!(tube.report(Outcome::Negative, at(4)), Err(TubeError::BeforeItsStep));
        tube.report(Outcome::Negative, at(60)).unwrap();
    }

    #[test]
    fn an_empty_tube_is_not_sent() {
        assert_eq!(filled(0).seal(at(2)), Err(TubeError::Empty));
    }

    #[test]
    fn a_corrected_result_keeps_the_first_word() {
        let mut tube = filled(2);
        tube.seal(at(3)).unwrap();
        tube.report(Outcome::Negative, at(60)).unwrap();
        tube.report(Outcome::Negative, at(61)).unwrap();
        tube.report(Outcome::Positive, at(90)).unwrap();
        assert_eq!(tube.corrected(), [(at(60), Outcome::Negative)]);
        assert_eq!(*tube.state(), TubeState::Tested { at: at(90), outcome: Outcome::Positive });
    }
}
