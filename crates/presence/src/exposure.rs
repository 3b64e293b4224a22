//! When presence together counts as exposure: shortest time, added-up minutes, air that stays behind.

use crate::stay::{PersonNo, Span};

/// Which encounters count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExposureRules {
    /// How long together is enough.
    pub duration: Duration,
    /// How long the air of a place stays infectious after the case has left; seconds. Measles: 7,200.
    ///
    /// Then an encounter lasts as long as the other person is there while the case is, or within this time after
    /// (one who enters exactly at its end is no contact). The case's part is first cut to the infectious window.
    pub airborne_lag_s: u32,
}

/// How long together is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duration {
    /// Each encounter counts that is at least this long; shorter ones are dropped one by one. 0 means any second.
    Each {
        /// Shortest encounter; seconds.
        least_s: u32,
    },
    /// Encounters of any length of the same two people are added up; if some window of time holds enough, all of
    /// them count.
    Cumulated {
        /// Time together needed within the window; seconds.
        least_s: u32,
        /// Length of the sliding window, 86,400 for "in 24 hours"; seconds.
        within_s: u32,
    },
}

impl ExposureRules {
    /// Each encounter of at least `least_s` seconds in the same place at the same time.
    #[must_use]
    pub fn at_least(least_s: u32) -> Self {
        Self { duration: Duration::Each { least_s }, airborne_lag_s: 0 }
    }

    /// Shortest piece of time together that can matter; at least 1 s, since a zero-length stay makes no contact.
    pub(crate) fn piece_s(&self) -> u32 {
        match self.duration {
            Duration::Each { least_s } => least_s.max(1),
            Duration::Cumulated { .. } => 1,
        }
    }
}

/// An index case's (指示病例) infectious window: who, and when they could infect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IndexCase {
    /// Number of the case; rows of the same number are one case with several windows.
    pub case: CaseNo,
    /// The person.
    pub person: PersonNo,
    /// Infectious window; may be empty.
    pub window: Span,
}

/// Number of an index case in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNo(pub u32);

/// Encounter of two people, seconds since 1970; persons by dense number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Encounter {
    pub(crate) contact: u32,
    pub(crate) start_s: u32,
    pub(crate) end_s: u32,
}

/// Whether some window of `within_s` seconds holds at least `least_s` seconds of these encounters of one pair.
///
/// The best window begins where an encounter begins or ends where one ends, since time inside only grows until then.
pub(crate) fn is_enough(encounters: &[Encounter], least_s: u32, within_s: u32) -> bool {
    let least_s = u64::from(least_s.max(1));
    let inside = |from: u64, until: u64| -> u64 {
        let part = |e: &Encounter| u64::from(e.end_s).min(until).saturating_sub(u64::from(e.start_s).max(from));
        encounters.iter().map(part).sum()
    };
    let within = u64::from(within_s);
    encounters.iter().any(|e| {
        let (start, end) = (u64::from(e.start_s), u64::from(e.end_s));
        inside(start, start + within) >= least_s || inside(end.saturating_sub(within), end) >= least_s
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encounters: &[(u32, u32)], least_s: u32, within_s: u32, expect: bool) {
        let encounters: Vec<Encounter> =
            encounters.iter().map(|&(start_s, end_s)| Encounter { contact: 0, start_s, end_s }).collect();
        assert_eq!(is_enough(&encounters, least_s, within_s), expect, "{encounters:?}");
    }

    #[test]
    fn three_short_meetings_in_a_day_add_up_and_spread_over_two_they_do_not() {
        let minutes = |start: u32, length: u32| (start * 60, (start + length) * 60);
        check(&[minutes(0, 5), minutes(300, 5), minutes(600, 5)], 900, 86_400, true);
        check(&[minutes(0, 5), minutes(300, 5), minutes(1_500, 5)], 900, 86_400, false);
        // The window may cut a meeting: 5 + 10 minutes of 20 lie within the 24 hours.
        check(&[minutes(0, 5), minutes(1_430, 20)], 900, 86_400, true);
        check(&[minutes(0, 20), minutes(1_450, 5)], 900, 86_400, true);
    }
}
