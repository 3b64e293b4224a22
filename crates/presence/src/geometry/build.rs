//! How a locator is made.

use std::marker::PhantomData;

use rustc_hash::FxHashMap;

use super::{
    area::{Area, GeometryError},
    check,
    grid::{COARSE, FINE, Frame, SIDE},
    locator::{FINER, Line, Locator, Square, is_east, reaches},
    piece::Piece,
};

/// Makes the look-up; see [`Locator::new`].
pub fn build<Datum>(areas: &[Area]) -> Result<Locator<Datum>, GeometryError> {
    check::vertices(areas)?;
    let lines = merged_lines(areas)?;
    let frame = frame_of(&lines)?;
    check::crossings(areas, &frame)?;
    let through = squares_with_lines(&lines, &frame);
    let mut parts = Parts {
        frame,
        lines: &lines,
        places: Numbered::default(),
        fine: Vec::new(),
        pieces: Vec::new(),
        squares: Vec::new(),
        copies: Vec::new(),
    };
    let mut coarse = Vec::with_capacity(COARSE * COARSE);
    let mut rest = through.as_slice();
    for row in 0..COARSE {
        let end = rest.partition_point(|entry| entry.row / FINE <= row);
        let (here, later) = rest.split_at(end);
        rest = later;
        parts.coarse_row(row, here, &mut coarse);
    }
    check::no_overlap(areas, &parts.places.values)?;
    Ok(Locator {
        frame,
        coarse,
        fine: parts.fine,
        places: parts.places.values,
        pieces: parts.pieces,
        squares: parts.squares,
        lines: parts.copies,
        datum: PhantomData,
    })
}

/// Every line of every ring once, with its changes of all levels added up. Lines that change nothing are left out.
fn merged_lines(areas: &[Area]) -> Result<Vec<Line>, GeometryError> {
    let mut numbers = [0_usize; 3];
    let mut changes: FxHashMap<[u64; 4], u64> = FxHashMap::default();
    for area in areas {
        let level = area.level as usize;
        numbers[level] += 1;
        if numbers[level] >= usize::from(u16::MAX) {
            let (level, count) = (area.level.name(), numbers[level]);
            return Err(GeometryError::TooMany { level, count, max: usize::from(u16::MAX) - 1 });
        }
        // Besides the number a count per level, in the top bits: where two units overlap it shows.
        let unit = ((numbers[level] as u64) << (16 * level)) | (1 << (48 + 4 * level));
        for (low, high, change) in signed_lines(area, unit) {
            let key = [low.0, low.1, high.0, high.1].map(|value| (value + 0.0).to_bits());
            let sum = changes.entry(key).or_default();
            *sum = sum.wrapping_add(change);
        }
    }
    let mut lines: Vec<Line> = changes
        .into_iter()
        .filter(|(_, change)| *change != 0)
        .map(|(key, eastward)| {
            let [a, b, c, d] = key.map(f64::from_bits);
            Line { low: (a, b), high: (c, d), eastward }
        })
        .collect();
    // The map has no order; the result must.
    lines.sort_by(|a, b| {
        (a.low.1, a.low.0, a.high.1, a.high.0).partial_cmp(&(b.low.1, b.low.0, b.high.1, b.high.0)).expect("finite")
    });
    Ok(lines)
}

/// A line from its low to its high end, with what crossing it eastward adds.
type SignedLine = ((f64, f64), (f64, f64), u64);

/// The lines of one area from low to high, each with what crossing it eastward adds.
///
/// Which side is inside follows from counting, not from the direction of the ring: going round in direction of the ring a line
/// upward and a line downward of it change with opposite signs, and the sign of a ring is that of its doubled area, turned
/// over when the ring lies inside an odd number of the others (a hole).
fn signed_lines(area: &Area, unit: u64) -> Vec<SignedLine> {
    let rings: Vec<&[(f64, f64)]> = area.rings.iter().map(|ring| check::open_ring(ring)).collect();
    let mut lines = Vec::new();
    for (number, ring) in rings.iter().enumerate() {
        let holes = rings
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number)
            .filter(|(_, other)| lies_in(ring, other))
            .count();
        let counter_clockwise = doubled_area(ring) > 0.0;
        let interior_left = counter_clockwise == (holes % 2 == 0);
        for (at, from) in ring.iter().enumerate() {
            let to = ring[(at + 1) % ring.len()];
            if *from == to {
                continue;
            }
            let upward = (from.1, from.0) < (to.1, to.0);
            let (low, high) = if upward { (*from, to) } else { (to, *from) };
            // Inside on the left of an upward line: going east one leaves.
            let change = if upward == interior_left { unit.wrapping_neg() } else { unit };
            lines.push((low, high, change));
        }
    }
    lines
}

fn doubled_area(ring: &[(f64, f64)]) -> f64 {
    // Relative to a vertex, so that small rings far from the origin keep their sign.
    let origin = ring[0];
    let at = |point: (f64, f64)| (point.0 - origin.0, point.1 - origin.1);
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    pairs.map(|(a, b)| (at(*a), at(*b))).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum()
}

/// Whether a ring lies in another of the same area: by a vertex that is none of the other's.
fn lies_in(ring: &[(f64, f64)], other: &[(f64, f64)]) -> bool {
    let Some(point) = ring.iter().find(|vertex| !other.contains(vertex)) else {
        return false;
    };
    let pairs = other.iter().zip(other.iter().cycle().skip(1));
    let crossed = pairs.filter(|(from, to)| {
        let (low, high) = if (from.1, from.0) < (to.1, to.0) { (**from, **to) } else { (**to, **from) };
        let line = Line { low, high, eastward: 0 };
        reaches(&line, point.1) && is_east(&line, *point)
    });
    crossed.count() % 2 == 1
}

fn frame_of(lines: &[Line]) -> Result<Frame, GeometryError> {
    let first = lines.first().ok_or(GeometryError::Empty)?;
    let (mut south_west, mut north_east) = (first.low, first.low);
    for point in lines.iter().flat_map(|line| [line.low, line.high]) {
        south_west = (south_west.0.min(point.0), south_west.1.min(point.1));
        north_east = (north_east.0.max(point.0), north_east.1.max(point.1));
    }
    Ok(Frame::around(south_west, north_east))
}

/// A line in a square.
pub struct Through {
    /// Row of the square.
    pub row: usize,
    /// Column of the square.
    pub column: usize,
    /// Number of the line.
    pub line: usize,
}

/// Every square that a line may touch, by row and column. A few too many do no harm.
pub fn squares_with_lines(lines: &[Line], frame: &Frame) -> Vec<Through> {
    let mut entries = Vec::new();
    for (line, Line { low, high, .. }) in lines.iter().enumerate() {
        let (low, high) = (frame.scaled(*low), frame.scaled(*high));
        let slope = (high.0 - low.0) / (high.1 - low.1).max(1e-12);
        let index = |value: f64| (value.max(0.0) as usize).min(SIDE - 1);
        for row in index(low.1 - Frame::SLACK)..=index(high.1 + Frame::SLACK) {
            let clamp = |y: f64| low.0 + slope * (y.clamp(low.1, high.1) - low.1);
            let (a, b) = if high.1 - low.1 < 1e-9 {
                (low.0, high.0)
            } else {
                (clamp(row as f64 - Frame::SLACK), clamp(row as f64 + 1.0 + Frame::SLACK))
            };
            for column in index(a.min(b) - Frame::SLACK)..=index(a.max(b) + Frame::SLACK) {
                entries.push(Through { row, column, line });
            }
        }
    }
    entries.sort_unstable_by_key(|entry| (entry.row, entry.column, entry.line));
    entries
}

/// Values with numbers, equal ones kept once.
#[derive(Default)]
struct Numbered {
    values: Vec<u64>,
    numbers: FxHashMap<u64, u32>,
}

impl Numbered {
    fn number(&mut self, value: u64) -> u32 {
        *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            self.values.len() as u32 - 1
        })
    }
}

struct Parts<'a> {
    frame: Frame,
    lines: &'a [Line],
    places: Numbered,
    fine: Vec<u32>,
    pieces: Vec<Piece>,
    squares: Vec<Square>,
    copies: Vec<Line>,
}

impl Parts<'_> {
    fn coarse_row(&mut self, row: usize, through: &[Through], coarse: &mut Vec<u32>) {
        let corners: Vec<Vec<u64>> = (0..FINE).map(|fine| self.corners(row * FINE + fine)).collect();
        let mut has_lines = vec![false; COARSE];
        for entry in through {
            has_lines[entry.column / FINE] = true;
        }
        for (column, has_lines) in has_lines.into_iter().enumerate() {
            if !has_lines {
                coarse.push(self.places.number(corners[0][column * FINE]));
                continue;
            }
            coarse.push(FINER | (self.fine.len() / (FINE * FINE)) as u32);
            for (y, corners) in corners.iter().enumerate() {
                let places = corners.iter().copied().enumerate().skip(column * FINE).take(FINE);
                for (x, corner) in places {
                    let entry = self.fine_square((row * FINE + y, x), corner, through);
                    self.fine.push(entry);
                }
            }
        }
    }

    /// The places at the south-western corners of a row of fine squares.
    fn corners(&self, row: usize) -> Vec<u64> {
        let lat = self.frame.y(row);
        let mut changes = vec![0_u64; SIDE + 1];
        for line in self.lines.iter().take_while(|line| line.low.1 <= lat).filter(|line| reaches(line, lat)) {
            let share = (lat - line.low.1) / (line.high.1 - line.low.1);
            let guess = self.frame.scaled((line.low.0 + share * (line.high.0 - line.low.0), lat)).0;
            let mut column = (guess.max(0.0) as usize).saturating_sub(1);
            while column < SIDE && !is_east(line, (self.frame.x(column), lat)) {
                column += 1;
            }
            while column > 0 && is_east(line, (self.frame.x(column - 1), lat)) {
                column -= 1;
            }
            changes[column] = changes[column].wrapping_add(line.eastward);
        }
        let mut place = 0_u64;
        changes
            .iter()
            .take(SIDE)
            .map(|change| {
                place = place.wrapping_add(*change);
                place
            })
            .collect()
    }

    fn fine_square(&mut self, (row, column): (usize, usize), corner: u64, through: &[Through]) -> u32 {
        let begin = through.partition_point(|entry| (entry.row, entry.column) < (row, column));
        let end = through.partition_point(|entry| (entry.row, entry.column) <= (row, column));
        if begin == end {
            return self.places.number(corner);
        }
        // Corners count as answers too, so that overlaps show.
        self.places.number(corner);
        let first = self.copies.len() as u32;
        self.copies.extend(through[begin..end].iter().map(|entry| self.lines[entry.line]));
        let at = (self.frame.x(column), self.frame.y(row));
        let square = self.squares.len() as u32;
        self.squares.push(Square { corner, at, begin: first, end: self.copies.len() as u32 });
        let (lines, places) = (&self.copies[first as usize..], &mut self.places);
        self.pieces.push(Piece::new((square, (column, row)), (at, corner), (lines, &self.frame), |place| {
            places.number(place)
        }));
        FINER | square
    }
}
