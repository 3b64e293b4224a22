//! What is kept of one person between two records.

use super::patch::SIDE;

/// Towers remembered per person.
pub const MEMORY: usize = 8;

/// Towers that a person was seen by; columns, so that nothing is lost to alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Number of the tower plus one; 0 for none.
    pub tower: [u16; MEMORY],
    /// Records at it in the present stay.
    pub here: [u8; MEMORY],
    /// Records at it in all, at most 100.
    pub all: [u8; MEMORY],
    /// Mean probability of having been inside when it was seen; 255 for 1.
    pub inside: [u8; MEMORY],
}

impl Memory {
    /// Where a tower is remembered.
    #[inline]
    pub fn find(&self, tower: usize) -> Option<usize> {
        self.tower.iter().position(|entry| usize::from(*entry) == tower + 1)
    }
}

/// State of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Corrected time of the last record; milliseconds.
    pub last_ms: i64,
    /// Digest of the last record taken, to know its repetition.
    pub recent: u32,
    /// South-western square of the patch.
    pub x: u16,
    /// See `x`.
    pub y: u16,
    /// Square where the present or last stay is thought to be.
    pub stay_x: u16,
    /// See `stay_x`.
    pub stay_y: u16,
    /// Probability of being inside; 65535 for 1.
    pub inside: u16,
    pub memory: Memory,
    /// Probability of being on the way; 255 for 1.
    pub moving: u8,
    /// Records in the present stay.
    pub records: u8,
    /// Crossings of the border believed in.
    pub crossings: u8,
    /// See the constants.
    pub flags: u8,
    /// Roots of probabilities per square.
    pub belief: [u8; SIDE * SIDE],
}

impl Person {
    /// A record has been seen.
    pub const SEEN: u8 = 1;
    /// Known to be inside, or an entry has been asked about; no departure seen since.
    pub const INSIDE: u8 = 2;
    /// A stay has been located.
    pub const STAYED: u8 = 4;

    /// Somebody of whom no record is known.
    pub fn new(prior_inside: bool) -> Self {
        Self {
            last_ms: i64::MIN,
            recent: 0,
            x: 0,
            y: 0,
            stay_x: 0,
            stay_y: 0,
            inside: 0,
            memory: Memory::default(),
            moving: 0,
            records: 0,
            crossings: 0,
            flags: if prior_inside { Self::INSIDE } else { 0 },
            belief: [0; SIDE * SIDE],
        }
    }

    /// No record has been seen yet.
    #[inline]
    pub fn is_fresh(&self) -> bool {
        self.flags & Self::SEEN == 0
    }
}
