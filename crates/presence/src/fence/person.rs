//! What is kept of one person between two records.

use super::patch::SIDE;

/// Towers remembered.
pub const MEMORY: usize = 8;

/// A tower in a person's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Remembered {
    /// Number of the tower plus one; 0 for none.
    pub tower: u16,
    /// Records at it in the present stay.
    pub here: u8,
    /// Records at it in all.
    pub all: u8,
    /// Mean probability of having been inside when it was seen; 255 for 1.
    pub inside: u8,
}

/// State of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[repr(C)]
pub struct Person {
    /// Roots of probabilities per square.
    pub belief: [u8; SIDE * SIDE],
    /// Probability of being on the way; 255 for 1.
    pub moving: u8,
    /// Records in the present stay.
    pub records: u8,
    /// Bit 0: has been seen. Bit 1: an entry has been asked about and no departure seen since, or known to be inside.
    pub flags: u8,
    /// Probability of being inside; 65535 for 1.
    pub inside: u16,
    pub home_records: u8,
    pub home_x: u16,
    pub home_y: u16,
    /// Crossings of the border believed in.
    pub crossings: u8,
    pub memory: [Remembered; MEMORY],
    /// South-western square of the patch.
    pub x: u16,
    pub y: u16,
    /// Corrected time of the last record; milliseconds.
    pub last_ms: i64,
    /// Digests of the last records taken, to know repetitions.
    pub recent: [u32; 3],
}

impl Person {
    pub const SEEN: u8 = 1;
    pub const INSIDE: u8 = 2;

    /// Somebody of whom no record is known.
    pub fn new(prior_inside: bool) -> Self {
        Self {
            belief: [0; SIDE * SIDE],
            moving: 0,
            records: 0,
            flags: if prior_inside { Self::INSIDE } else { 0 },
            inside: 0,
            home_records: 0,
            home_x: 0,
            home_y: 0,
            crossings: 0,
            memory: [Remembered::default(); MEMORY],
            x: 0,
            y: 0,
            last_ms: i64::MIN,
            recent: [0; 3],
        }
    }
}
