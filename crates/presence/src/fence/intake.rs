//! Tables of the fence as bytes: towers, priors, records. What is wrong is named, counted and left out; the stream goes on.

use std::hash::{DefaultHasher, Hasher};

use rustc_hash::FxHashMap;

use super::{
    coverage::Tower,
    detector::{Observation, TOWERS_MAX},
};
use crate::point::{Gcj02, Point};

/// Longest id of a person or a tower that is taken; bytes.
pub const ID_MAX: usize = 128;
/// Times of receipt from here on are refused: 1 January 2100; milliseconds since 1970.
pub const RECV_MS_MAX: i64 = 4_102_444_800_000;
/// Most that an event may lie before its receipt; milliseconds. Older ones tell nothing about now.
const EVENT_OLD_MS: i64 = 86_400_000;
/// Most that an event may lie after its receipt, by a wrong clock; milliseconds.
const EVENT_AHEAD_MS: i64 = 3_600_000;

/// What can be wrong with a row of the fence's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowFault {
    /// Fewer cells than columns: cut off, or a delimiter is missing.
    TruncatedRow,
    /// More cells than columns.
    TooManyCells,
    /// A cell that should be a whole number, or a coordinate, is none.
    NotANumber,
    /// An id is empty or longer than [`ID_MAX`] bytes.
    BadId,
    /// The tower is not in the list of towers, or its row there was refused.
    UnknownTower,
    /// Received before 1970.
    ReceivedBefore1970,
    /// Received in 2100 or later.
    ReceivedAfter2100,
    /// Happened more than a day before it was received.
    EventTooOld,
    /// Happened more than an hour after it was received.
    EventAhead,
    /// Longitude and latitude are turned round.
    Swapped,
    /// No position on Earth.
    OutOfRange,
    /// Farther than a degree from the border's box: at sea, elsewhere, or in another datum.
    FarFromBorder,
    /// The id has been seen before; the first row counts.
    Repeated,
    /// A side other than `in` or `out`.
    UnknownSide,
}

impl RowFault {
    /// Stable name, for tables and counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TruncatedRow => "truncated_row",
            Self::TooManyCells => "too_many_cells",
            Self::NotANumber => "not_a_number",
            Self::BadId => "bad_id",
            Self::UnknownTower => "unknown_tower",
            Self::ReceivedBefore1970 => "received_before_1970",
            Self::ReceivedAfter2100 => "received_after_2100",
            Self::EventTooOld => "event_too_old",
            Self::EventAhead => "event_ahead",
            Self::Swapped => "swapped",
            Self::OutOfRange => "out_of_range",
            Self::FarFromBorder => "far_from_border",
            Self::Repeated => "repeated_id",
            Self::UnknownSide => "unknown_side",
        }
    }
}

/// Faults counted, with the first row of each (the header is row 1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(FxHashMap<RowFault, (u64, u64)>);

impl Faults {
    /// Counts one.
    pub fn count(&mut self, fault: RowFault, row: u64) {
        self.0.entry(fault).or_insert((0, row)).0 += 1;
    }

    /// Each fault with its count and first row, in the order of [`RowFault`].
    #[must_use]
    pub fn sorted(&self) -> Vec<(RowFault, u64, u64)> {
        let mut all: Vec<_> = self.0.iter().map(|(fault, (count, row))| (*fault, *count, *row)).collect();
        all.sort_unstable();
        all
    }

    /// Rows refused in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().map(|(count, _)| count).sum()
    }
}

/// A header that lacks columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table}: the header has no column `{column}`; columns wanted: {wanted}")]
pub struct ColumnMissing {
    /// Which table.
    pub table: &'static str,
    /// Which column.
    pub column: &'static str,
    /// All of them.
    pub wanted: String,
}

/// A table of plain cells (no quotes), read row by row.
#[derive(Debug)]
pub struct PlainTable<'a, const N: usize> {
    rest: &'a [u8],
    positions: [usize; N],
    cells: usize,
    /// Number of the last row given out; the header is row 1.
    pub row: u64,
}

impl<'a, const N: usize> PlainTable<'a, N> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ColumnMissing`] names the first column that is not there.
    pub fn open(table: &'static str, bytes: &'a [u8], columns: [&'static str; N]) -> Result<Self, ColumnMissing> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let (header, rest) = split_line(bytes);
        let names: Vec<&[u8]> = header.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
        let mut positions = [0; N];
        for (position, column) in positions.iter_mut().zip(columns) {
            let found = names.iter().position(|name| name.eq_ignore_ascii_case(column.as_bytes()));
            *position = found.ok_or_else(|| ColumnMissing { table, column, wanted: columns.join(", ") })?;
        }
        Ok(Self { rest, positions, cells: names.len(), row: 1 })
    }

    /// The next row that is not blank: its wanted cells, or what is wrong with it.
    #[inline]
    pub fn next_row(&mut self) -> Option<Result<[&'a [u8]; N], RowFault>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (line, rest) = split_line(self.rest);
            self.rest = rest;
            self.row += 1;
            if !line.is_empty() {
                return Some(self.cells_of(line));
            }
        }
    }

    #[inline]
    fn cells_of(&self, line: &'a [u8]) -> Result<[&'a [u8]; N], RowFault> {
        let mut cells = [&[] as &[u8]; N];
        let mut number = 0;
        let mut begin = 0;
        for end in 0..=line.len() {
            if end < line.len() && line[end] != b',' {
                continue;
            }
            for (cell, position) in cells.iter_mut().zip(self.positions) {
                if position == number {
                    *cell = &line[begin..end];
                }
            }
            number += 1;
            begin = end + 1;
        }
        match number.cmp(&self.cells) {
            std::cmp::Ordering::Less => Err(RowFault::TruncatedRow),
            std::cmp::Ordering::Greater => Err(RowFault::TooManyCells),
            std::cmp::Ordering::Equal => Ok(cells),
        }
    }
}

/// A line without its end, and what follows.
#[inline]
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let rest = &bytes[(end + 1).min(bytes.len())..];
    let line = &bytes[..end];
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

/// A whole number of up to 18 digits.
#[inline]
fn integer(cell: &[u8]) -> Option<i64> {
    let (negative, digits) = match cell {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// The key of a person: plain numbers are themselves, other ids a hash with the top bit set.
#[inline]
#[must_use]
pub fn person_key(id: &[u8]) -> Option<u64> {
    if id.is_empty() || id.len() > ID_MAX {
        return None;
    }
    let is_plain = id[0] != b'-' && (id[0] != b'0' || id.len() == 1);
    if let Some(number) = integer(id).filter(|_| is_plain) {
        return Some(number as u64);
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(id);
    Some(hasher.finish() | 1 << 63)
}

/// The towers of a list, numbered as they come.
#[derive(Debug, Default, Clone)]
pub struct TowerTable {
    /// Positions and classes.
    pub towers: Vec<Tower>,
    numbers: FxHashMap<Vec<u8>, u32>,
    /// Numbers of towers whose id is a small plain number, plus one.
    dense: Vec<u32>,
    /// Rows that were refused.
    pub faults: Faults,
}

impl TowerTable {
    /// Reads `tower_id, lon, lat, class`; other columns are ignored.
    ///
    /// - `border`: south-western and north-eastern corner of the border; degrees.
    ///
    /// # Errors
    /// [`ColumnMissing`].
    pub fn read(bytes: &[u8], border: ((f64, f64), (f64, f64))) -> Result<Self, ColumnMissing> {
        let mut table = PlainTable::open("towers", bytes, ["tower_id", "lon", "lat", "class"])?;
        let mut result = Self::default();
        while let Some(row) = table.next_row() {
            if let Err(fault) = row.and_then(|cells| result.add(cells, border)) {
                result.faults.count(fault, table.row);
            }
        }
        Ok(result)
    }

    fn add(
        &mut self,
        [id, lon, lat, class]: [&[u8]; 4],
        (south_west, north_east): ((f64, f64), (f64, f64)),
    ) -> Result<(), RowFault> {
        if id.is_empty() || id.len() > ID_MAX || self.towers.len() >= TOWERS_MAX {
            return Err(RowFault::BadId);
        }
        let degrees = |cell: &[u8]| std::str::from_utf8(cell).ok().and_then(|text| text.trim().parse::<f64>().ok());
        let (lon, lat) = degrees(lon).zip(degrees(lat)).ok_or(RowFault::NotANumber)?;
        let point = Point::<Gcj02>::new(lon, lat).map_err(|fault| match fault {
            crate::point::PointFault::NotANumber => RowFault::NotANumber,
            crate::point::PointFault::Swapped => RowFault::Swapped,
            crate::point::PointFault::OutOfRange => RowFault::OutOfRange,
        })?;
        let near = |value: f64, low: f64, high: f64| value >= low - 1.0 && value <= high + 1.0;
        if !near(lon, south_west.0, north_east.0) || !near(lat, south_west.1, north_east.1) {
            return Err(RowFault::FarFromBorder);
        }
        if self.number(id).is_some() {
            return Err(RowFault::Repeated);
        }
        let number = self.towers.len() as u32;
        match dense_index(id) {
            Some(index) => {
                self.dense.resize(self.dense.len().max(index + 1), 0);
                self.dense[index] = number + 1;
            }
            None => {
                self.numbers.insert(id.to_vec(), number);
            }
        }
        self.towers.push(Tower { lon: point.lon(), lat: point.lat(), is_small: class.trim_ascii() == b"small" });
        Ok(())
    }

    /// The number of a tower.
    #[inline]
    #[must_use]
    pub fn number(&self, id: &[u8]) -> Option<u32> {
        match dense_index(id) {
            Some(index) => self.dense.get(index).and_then(|number| number.checked_sub(1)),
            None => self.numbers.get(id).copied(),
        }
    }

    /// Reads one row of records.
    ///
    /// # Errors
    /// What is wrong with it.
    #[inline]
    pub fn observation(&self, [recv, person, tower, event]: [&[u8]; 4]) -> Result<Observation, RowFault> {
        let recv_ms = integer(recv).ok_or(RowFault::NotANumber)?;
        let event_ms = integer(event).ok_or(RowFault::NotANumber)?;
        let person = person_key(person).ok_or(RowFault::BadId)?;
        if recv_ms < 0 {
            return Err(RowFault::ReceivedBefore1970);
        }
        if recv_ms >= RECV_MS_MAX {
            return Err(RowFault::ReceivedAfter2100);
        }
        if event_ms < recv_ms - EVENT_OLD_MS {
            return Err(RowFault::EventTooOld);
        }
        if event_ms > recv_ms + EVENT_AHEAD_MS {
            return Err(RowFault::EventAhead);
        }
        let tower = self.number(tower).ok_or(RowFault::UnknownTower)?;
        Ok(Observation { recv_ms, person, tower, event_ms })
    }
}

/// Ids that are plain small numbers index a plain list.
#[inline]
fn dense_index(id: &[u8]) -> Option<usize> {
    if id.len() > 6 || (id.len() > 1 && id[0] == b'0') {
        return None;
    }
    integer(id).and_then(|number| usize::try_from(number).ok())
}

/// Reads `person_id, prior_side`: who was last known inside. A side is `in` or `out`.
///
/// # Errors
/// [`ColumnMissing`].
pub fn read_priors(bytes: &[u8]) -> Result<(FxHashMap<u64, bool>, Faults), ColumnMissing> {
    let mut table = PlainTable::open("prior", bytes, ["person_id", "prior_side"])?;
    let (mut priors, mut faults) = (FxHashMap::default(), Faults::default());
    while let Some(row) = table.next_row() {
        let entry = row.and_then(|[person, side]| {
            let person = person_key(person).ok_or(RowFault::BadId)?;
            match side.trim_ascii() {
                b"in" => Ok((person, true)),
                b"out" => Ok((person, false)),
                _ => Err(RowFault::UnknownSide),
            }
        });
        match entry {
            Ok((person, _)) if priors.contains_key(&person) => faults.count(RowFault::Repeated, table.row),
            Ok((person, inside)) => {
                priors.insert(person, inside);
            }
            Err(fault) => faults.count(fault, table.row),
        }
    }
    Ok((priors, faults))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BORDER: ((f64, f64), (f64, f64)) = ((110.0, 31.0), (117.0, 37.0));
    const TOWERS: &str = "tower_id,site,lon,lat,class\n0,0,113.5,34.5,macro\nA7,0,113.6,34.6,small\n2,0,NaN,34.5,macro\n\
                          3,0,34.5,113.5,macro\n4,0,121.9,30.9,macro\n0,0,113.7,34.7,macro\n5,0,113.5\n";

    #[test]
    fn towers_that_are_wrong_are_named_and_the_others_are_taken() {
        let table = TowerTable::read(TOWERS.as_bytes(), BORDER).unwrap();
        assert_eq!((table.number(b"0"), table.number(b"A7"), table.number(b"2")), (Some(0), Some(1), None));
        let faults: Vec<_> = table.faults.sorted().into_iter().map(|(fault, _, row)| (fault.name(), row)).collect();
        let expected =
            [("truncated_row", 8), ("not_a_number", 4), ("swapped", 5), ("far_from_border", 6), ("repeated_id", 7)];
        assert_eq!(faults, expected);
    }

    #[test]
    fn records_that_are_wrong_are_named() {
        let towers = TowerTable::read(TOWERS.as_bytes(), BORDER).unwrap();
        let long = "x".repeat(10_000);
        let check = |row: [&str; 4], expect: &str| {
            let answer = towers.observation(row.map(str::as_bytes)).map_err(RowFault::name);
            assert_eq!(answer.err(), Some(expect), "{row:?}");
        };
        check(["1000", &long, "0", "900"], "bad_id");
        check(["1000", "7", "99", "900"], "unknown_tower");
        check(["1000", "7", "2", "900"], "unknown_tower");
        check(["-5", "7", "0", "-6"], "received_before_1970");
        check(["4102444800000", "7", "0", "4102444800000"], "received_after_2100");
        check(["1647500000000", "7", "0", "-31536000000"], "event_too_old");
        check(["1647500000000", "7", "0", "4102444800000"], "event_ahead");
        check(["1000", "7", "0", "9e2"], "not_a_number");
        check(["", "7", "0", "900"], "not_a_number");
        assert!(towers.observation([b"1000", b"p-7", b"A7", b"-200000"]).is_ok());
    }

    #[test]
    fn a_plain_number_and_the_same_with_zeros_in_front_are_two_people() {
        assert_eq!(person_key(b"7"), Some(7));
        assert_ne!(person_key(b"007"), Some(7));
        assert_ne!(person_key(b"-7"), person_key(b"7"));
    }
}
