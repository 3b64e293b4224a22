//! How one stay of the index is laid out in 64 bits, and what does not fit there.
//!
//! From the top: one bit `first of its place`, the time of entering since the index's epoch, the length, the
//! person. Fields are as wide as the ledger at hand needs; the length takes what is left. Rows of one place sort
//! by entering as plain integers. A length that does not fit is written as all ones and kept in a side list.

use crate::error::PresenceError;
use crate::index::packed::width_of;

/// Bit that marks the first row of each place.
const FIRST: u64 = 1 << 63;

/// Widest length field: 2^20 s are 12 days; nothing is gained by more.
const LENGTH_BITS_MAX: u32 = 20;

/// Widths of the fields of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowLayout {
    person_bits: u32,
    length_bits: u32,
    enter_shift: u32,
}

impl RowLayout {
    /// The layout for persons below `person_count` and times of entering up to `enter_max_s` after the epoch.
    pub(crate) fn new(person_count: usize, enter_max_s: u32) -> Result<Self, PresenceError> {
        let person_bits = width_of(person_count.saturating_sub(1) as u64);
        let enter_bits = width_of(u64::from(enter_max_s));
        // Never reached with real terms: 10 million people need 24 bits, a year 25.
        let Some(left) = 62u32.checked_sub(person_bits + enter_bits) else {
            let max = 1u64 << (62 - enter_bits);
            return Err(PresenceError::TooMany {
                what: "persons for a term this long",
                count: person_count as u64,
                max,
            });
        };
        let length_bits = (left + 1).min(LENGTH_BITS_MAX);
        Ok(Self { person_bits, length_bits, enter_shift: person_bits + length_bits })
    }

    /// The length that says "see the side list", and so the first one that does not fit; seconds.
    #[inline]
    pub(crate) fn long_s(self) -> u32 {
        (1 << self.length_bits) - 1
    }

    /// The row, without the mark of the first; a length that does not fit is cut to [`Self::long_s`].
    #[inline]
    pub(crate) fn pack(self, person: u32, enter_s: u32, length_s: u32) -> u64 {
        u64::from(enter_s) << self.enter_shift
            | u64::from(length_s.min(self.long_s())) << self.person_bits
            | u64::from(person)
    }

    /// Person of a row.
    #[inline]
    pub(crate) fn person(self, row: u64) -> u32 {
        (row & ((1 << self.person_bits) - 1)) as u32
    }

    /// Time of entering of a row; seconds since the epoch.
    #[inline]
    pub(crate) fn enter_s(self, row: u64) -> u32 {
        ((row & !FIRST) >> self.enter_shift) as u32
    }

    /// Length as written in the row; seconds, or [`Self::long_s`].
    #[inline]
    pub(crate) fn length_s(self, row: u64) -> u32 {
        (row >> self.person_bits) as u32 & self.long_s()
    }
}

/// The row, marked as the first of its place.
pub(crate) fn as_first(row: u64) -> u64 {
    row | FIRST
}

/// Whether the row is the first of its place.
#[inline]
pub(crate) fn is_first(row: u64) -> bool {
    row & FIRST != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(person_count: usize, enter_max_s: u32, stay: (u32, u32, u32)) {
        let layout = RowLayout::new(person_count, enter_max_s).expect("the layout exists");
        let (person, enter_s, length_s) = stay;
        for row in [layout.pack(person, enter_s, length_s), as_first(layout.pack(person, enter_s, length_s))] {
            assert_eq!((layout.person(row), layout.enter_s(row)), (person, enter_s));
            assert_eq!(layout.length_s(row), length_s.min(layout.long_s()));
        }
    }

    #[test]
    fn a_row_gives_back_its_fields_at_every_edge() {
        check(1, 0, (0, 0, 0));
        check(1 << 23, 1 << 20, ((1 << 23) - 1, 1 << 20, 131_070));
        check(1 << 24, (1 << 22) - 1, ((1 << 24) - 1, (1 << 22) - 1, u32::MAX));
        check(1 << 30, u32::MAX, ((1 << 30) - 1, u32::MAX, 1));
        assert!(RowLayout::new(1 << 31, u32::MAX).is_err());
    }

    #[test]
    fn ten_million_people_and_a_month_leave_room_for_stays_of_a_day() {
        let layout = RowLayout::new(10_000_000, 31 * 86_400).expect("the layout exists");
        assert!(layout.long_s() >= 86_400);
    }
}
