//! The look-up.

use crate::point::Point;

use super::{
    area::{Area, GeometryError, Level, UnitNo},
    build,
    grid::{COARSE, FINE, Frame},
    piece::Piece,
    predicate::orientation,
};

/// The units that a point lies in: number plus one per level in 16 bits each, 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Place(pub(super) u64);

impl Place {
    /// Outside every polygon.
    pub const NOWHERE: Self = Self(0);

    /// The unit of a level, or `None` where no polygon of that level is.
    #[inline]
    #[must_use]
    pub fn unit(self, level: Level) -> Option<UnitNo> {
        let number = (self.0 >> (16 * level as u32)) as u16;
        number.checked_sub(1).map(UnitNo)
    }
}

/// A line of a polygon from its southern to its northern end, and what is added to a place when it is crossed eastward.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub low: (f64, f64),
    pub high: (f64, f64),
    pub eastward: u64,
}

/// What a square holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Square {
    /// The place at its south-western corner.
    pub corner: u64,
    /// Longitude and latitude of this corner.
    pub at: (f64, f64),
    /// Its lines: a range of `Locator::lines`.
    pub begin: u32,
    pub end: u32,
}

/// Polygons of up to three levels, ready for questions. Immutable.
#[derive(Debug, Clone)]
pub struct Locator<Datum> {
    pub(super) frame: Frame,
    /// Per coarse square: a place (one answer), or with [`FINER`] a block of fine squares.
    pub(super) coarse: Vec<u32>,
    /// Per fine square: an index into `places`, or with [`FINER`] one into `pieces`.
    pub(super) fine: Vec<u32>,
    /// Different places, so that a square holds 4 bytes.
    pub(super) places: Vec<u64>,
    pub(super) pieces: Vec<Piece>,
    pub(super) squares: Vec<Square>,
    /// Lines, copied for every square that they run through, so that a question reads them in one go.
    pub(super) lines: Vec<Line>,
    pub(super) datum: std::marker::PhantomData<Datum>,
}

/// Mark of an entry that leads on.
pub(super) const FINER: u32 = 1 << 31;

impl<Datum> Locator<Datum> {
    /// Makes the look-up from polygons, all in the datum of its type.
    ///
    /// # Errors
    /// Vertices that are no positions, rings that are too short, outlines that cross themselves, overlaps within a level.
    pub fn new(areas: &[Area]) -> Result<Self, GeometryError> {
        build::build(areas)
    }

    /// The units that a point lies in. See the module for points on a line; outside all polygons it is [`Place::NOWHERE`].
    #[inline]
    #[must_use]
    pub fn locate(&self, point: Point<Datum>) -> Place {
        self.locate_degrees(point.lon(), point.lat())
    }

    /// The same for bare degrees of the right datum; what is no number is nowhere.
    #[inline]
    #[must_use]
    pub fn locate_degrees(&self, lon: f64, lat: f64) -> Place {
        let Some((column, row)) = self.frame.square((lon, lat)) else {
            return Place::NOWHERE;
        };
        let entry = self.coarse[(row / FINE) * COARSE + column / FINE];
        if entry & FINER == 0 {
            return Place(self.places[entry as usize]);
        }
        let block = (entry & !FINER) as usize;
        let entry = self.fine[block * FINE * FINE + (row % FINE) * FINE + column % FINE];
        if entry & FINER == 0 {
            return Place(self.places[entry as usize]);
        }
        let piece = &self.pieces[(entry & !FINER) as usize];
        match piece.place((lon, lat)) {
            Some(place) => Place(self.places[place as usize]),
            None => self.among_lines(&self.squares[piece.square as usize], (lon, lat)),
        }
    }

    /// Goes from the square's corner north, then east, and adds up what is crossed.
    #[inline(never)]
    fn among_lines(&self, square: &Square, point: (f64, f64)) -> Place {
        let turn = (square.at.0, point.1);
        let mut place = square.corner;
        for line in &self.lines[square.begin as usize..square.end as usize] {
            place =
                place.wrapping_add(crossed_north(line, square.at, turn)).wrapping_add(crossed_east(line, turn, point));
        }
        Place(place)
    }

    /// Bytes that the look-up holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.coarse)
            + size_of_val(&*self.fine)
            + size_of_val(&*self.places)
            + size_of_val(&*self.pieces)
            + size_of_val(&*self.squares)
            + size_of_val(&*self.lines)
    }
}

/// Whether a point is east of a line, the point being a hair east of where it is; the line reaches the point's latitude.
#[inline]
pub(super) fn is_east(line: &Line, point: (f64, f64)) -> bool {
    orientation(line.low, line.high, point) <= 0
}

/// Whether a line reaches the latitude of a point that is a hair north of where it is.
#[inline]
pub(super) fn reaches(line: &Line, lat: f64) -> bool {
    line.low.1 <= lat && lat < line.high.1
}

/// What is added on the way east from `from` to `to`, which have one latitude.
#[inline]
fn crossed_east(line: &Line, from: (f64, f64), to: (f64, f64)) -> u64 {
    if !reaches(line, to.1) {
        return 0;
    }
    let (before, after) = (is_east(line, from), is_east(line, to));
    // A point may, by rounding, lie a hair west of its square's side: then the way goes west.
    match (before, after) {
        (false, true) => line.eastward,
        (true, false) => line.eastward.wrapping_neg(),
        _ => 0,
    }
}

/// What is added on the way from `from` to `to`, which have one longitude.
///
/// A line that is crossed going north is one whose meeting with this meridian lies between. Both ends are a hair east.
#[inline]
fn crossed_north(line: &Line, from: (f64, f64), to: (f64, f64)) -> u64 {
    let meridian = from.0;
    // A hair east of the meridian: an end on the meridian lies west of it.
    let (low_west, high_west) = (line.low.0 <= meridian, line.high.0 <= meridian);
    if low_west == high_west {
        return 0;
    }
    let north_of = |point: (f64, f64)| {
        let side = orientation(line.low, line.high, point);
        // Going up a line that leans east, what is left of it is north of it; leaning west, what is right of it.
        if low_west { side > 0 } else { side < 0 }
    };
    // On the line: a hair east of it. Leaning east that is south of it, leaning west north of it; due east, the smaller
    // hair counts, and that is north.
    let on_line_is_north = !low_west || line.low.1 == line.high.1;
    let is_north = |point| {
        if orientation(line.low, line.high, point) == 0 { on_line_is_north } else { north_of(point) }
    };
    // North of a line that leans east is west of it.
    match (is_north(from), is_north(to)) {
        (false, true) if low_west => line.eastward.wrapping_neg(),
        (false, true) => line.eastward,
        (true, false) if low_west => line.eastward,
        (true, false) => line.eastward.wrapping_neg(),
        _ => 0,
    }
}
