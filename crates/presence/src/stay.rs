//! Stays: who was at which place from when to when, and the rules by which reported rows become stays.

use crate::error::PresenceError;

/// Number of a person in a ledger; any `u32`. Textual ids get theirs from a dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonNo(pub u32);

/// Number of a place in a ledger; any `u32`. A vehicle's trip is a place too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceNo(pub u32);

/// Half-open interval of time, `[from_s, until_s)`, in whole seconds since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First second inside.
    pub from_s: u32,
    /// First second after it; equal to or less than `from_s` means empty.
    pub until_s: u32,
}

impl Span {
    /// The part that both have; empty when they only touch.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self { from_s: self.from_s.max(other.from_s), until_s: self.until_s.min(other.until_s) }
    }

    /// Length in seconds, 0 when empty.
    #[must_use]
    pub fn length_s(self) -> u32 {
        self.until_s.saturating_sub(self.from_s)
    }

    /// Whether no second lies inside.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.until_s <= self.from_s
    }
}

/// A stay as it was reported, before any rule was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReportedStay {
    /// Who.
    pub person: PersonNo,
    /// Where.
    pub place: PlaceNo,
    /// When the person came; seconds since 1970.
    pub enter_s: u32,
    /// When the person left; `None` = still there, or never scanned out.
    pub leave_s: Option<u32>,
}

/// A stay with both ends, `[enter_s, leave_s)`. Length zero is a check-in only: presence, never a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stay {
    /// Who.
    pub person: PersonNo,
    /// Where.
    pub place: PlaceNo,
    /// First second there; seconds since 1970.
    pub enter_s: u32,
    /// First second no longer there.
    pub leave_s: u32,
}

impl Stay {
    /// The stay's interval.
    #[must_use]
    pub fn span(&self) -> Span {
        Span { from_s: self.enter_s, until_s: self.leave_s }
    }
}

/// How a reported row without an end is closed, and which rows are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StayRules {
    /// A stay without an end lasts at most this long; seconds.
    pub open_cap_s: u32,
    /// ... and not beyond this moment; seconds since 1970.
    pub now_s: u32,
    /// Longer stays are refused: a device that was never signed out is no person's stay; seconds.
    pub stay_max_s: u32,
}

/// Longest stay taken without a rule of its own: 31 days. A ledger keeps a pack's term, which is shorter.
pub const STAY_MAX_S: u32 = 31 * 86_400;

impl ReportedStay {
    /// Gives the row both ends: an empty end becomes `max(enter, min(enter + cap, now))`.
    ///
    /// # Errors
    /// [`PresenceError::LeaveBeforeEnter`] and [`PresenceError::StayTooLong`]; the row is then no stay.
    pub fn close(self, rules: &StayRules) -> Result<Stay, PresenceError> {
        let Self { person, place, enter_s, leave_s } = self;
        let leave_s = leave_s.unwrap_or_else(|| enter_s.saturating_add(rules.open_cap_s).min(rules.now_s).max(enter_s));
        if leave_s < enter_s {
            return Err(PresenceError::LeaveBeforeEnter { enter_s, leave_s });
        }
        if leave_s - enter_s > rules.stay_max_s {
            return Err(PresenceError::StayTooLong { length_s: leave_s - enter_s, max_s: rules.stay_max_s });
        }
        Ok(Stay { person, place, enter_s, leave_s })
    }
}

/// Merges stays of one person at one place that overlap or touch, so that nothing counts twice.
///
/// Exact duplicates vanish; a zero-length stay survives only away from every other stay of that person there.
/// Afterwards the stays are sorted by person, place and time.
pub fn merge_stays(stays: &mut Vec<Stay>) {
    stays.sort_unstable();
    stays.dedup_by(|later, kept| {
        let joins = later.person == kept.person && later.place == kept.place && later.enter_s <= kept.leave_s;
        if joins {
            kept.leave_s = kept.leave_s.max(later.leave_s);
        }
        joins
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: StayRules = StayRules { open_cap_s: 100, now_s: 1_000, stay_max_s: 5_000 };

    fn check(reported: (u32, Option<u32>), expect: Option<u32>) {
        let (enter_s, leave_s) = reported;
        let row = ReportedStay { person: PersonNo(1), place: PlaceNo(2), enter_s, leave_s };
        assert_eq!(row.close(&RULES).ok().map(|stay| stay.leave_s), expect, "{row:?}");
    }

    #[test]
    fn an_open_stay_ends_at_its_cap_or_now_but_never_before_it_began() {
        check((500, None), Some(600));
        check((950, None), Some(1_000));
        check((1_200, None), Some(1_200));
        check((u32::MAX, None), Some(u32::MAX));
    }

    #[test]
    fn a_row_that_leaves_before_it_enters_or_lasts_too_long_is_refused() {
        check((500, Some(499)), None);
        check((500, Some(500)), Some(500));
        check((500, Some(5_500)), Some(5_500));
        check((500, Some(5_501)), None);
    }

    fn stays(rows: &[(u32, u32, u32, u32)]) -> Vec<Stay> {
        let stay = |&(person, place, enter_s, leave_s): &(u32, u32, u32, u32)| Stay {
            person: PersonNo(person),
            place: PlaceNo(place),
            enter_s,
            leave_s,
        };
        rows.iter().map(stay).collect()
    }

    #[test]
    fn touching_stays_become_one_and_a_lone_check_in_stays() {
        let mut rows =
            stays(&[(1, 1, 20, 30), (1, 1, 10, 20), (1, 1, 30, 30), (1, 1, 32, 32), (1, 2, 30, 40), (2, 1, 30, 40)]);
        merge_stays(&mut rows);
        assert_eq!(rows, stays(&[(1, 1, 10, 30), (1, 1, 32, 32), (1, 2, 30, 40), (2, 1, 30, 40)]));
    }
}
