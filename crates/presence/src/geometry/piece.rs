//! The common squares: one line straight through, or two lines that meet. One read of 64 bytes answers without a branch.

use super::{
    grid::Frame,
    locator::Line,
    predicate::{orientation, sign},
};

/// The way a, b, c through a square, and the places on its two sides.
///
/// Left of the way is left of both lines where it bends left, left of either where it bends right. That is true in the whole
/// square because the way's ends lie outside it.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct Piece {
    a: (f64, f64),
    b: (f64, f64),
    c: (f64, f64),
    /// Number of the place right (0) and left (1) of the way.
    sides: [u32; 2],
    /// The square with all its lines, for points on a line and for squares that are no piece.
    pub square: u32,
    /// Bit (left of ab) + 2 (left of bc): whether that is left of the way. [`Piece::NONE`] where it is no piece.
    truth: u8,
}

/// How far, in squares, an end must lie outside a square.
const CLEAR: f64 = 1e-3;
const LEFT_OF_FIRST: u8 = 0b1010;
const LEFT_OF_BOTH: u8 = 0b1000;
const LEFT_OF_EITHER: u8 = 0b1110;

impl Piece {
    const NONE: u8 = 0xff;

    /// The number of the place of a point, or `None` where rounding might matter or the square is no piece.
    #[inline]
    pub fn place(&self, point: (f64, f64)) -> Option<u32> {
        let (first, second) = (sign(self.a, self.b, point), sign(self.b, self.c, point));
        if first == 0 || second == 0 || self.truth == Self::NONE {
            return None;
        }
        let bits = u8::from(first > 0) | (u8::from(second > 0) << 1);
        Some(self.sides[usize::from((self.truth >> bits) & 1)])
    }

    /// A square that must be asked line by line.
    pub fn none(square: u32) -> Self {
        let nil = (0.0, 0.0);
        Self { a: nil, b: nil, c: nil, sides: [0; 2], square, truth: Self::NONE }
    }

    /// A piece, if the lines of the square make one. `number` gives numbers to places.
    pub fn new(
        (square, at): (u32, (usize, usize)),
        (corner_at, corner): ((f64, f64), u64),
        (lines, frame): (&[Line], &Frame),
        number: impl FnMut(u64) -> u32,
    ) -> Self {
        let way = match lines {
            [line] => Some((line.low, line.high, line.low, line.eastward, LEFT_OF_FIRST)),
            [first, second] => bend(first, second),
            _ => None,
        };
        let Some((a, b, c, rightward, truth)) = way else { return Self::none(square) };
        let single = truth == LEFT_OF_FIRST;
        if !is_clear(frame, at, a) || !is_clear(frame, at, if single { b } else { c }) {
            return Self::none(square);
        }
        let (first, second) = (orientation(a, b, corner_at), orientation(b, c, corner_at));
        if first == 0 || second == 0 {
            return Self::none(square);
        }
        let bits = u8::from(first > 0) | (u8::from(second > 0) << 1);
        let corner_is_left = (truth >> bits) & 1 == 1;
        let left = if corner_is_left { corner } else { corner.wrapping_sub(rightward) };
        let sides = [left.wrapping_add(rightward), left].map(number);
        Self { a, b, c, sides, square, truth }
    }
}

/// Two lines that meet as a way: its three vertices, what is added from its left to its right, and how it bends.
type Way = ((f64, f64), (f64, f64), (f64, f64), u64, u8);

fn bend(first: &Line, second: &Line) -> Option<Way> {
    let ends =
        |line: &Line| [(line.low, line.high, line.eastward.wrapping_neg()), (line.high, line.low, line.eastward)];
    for (b, a, inward) in ends(first) {
        for (other, c, outward) in ends(second) {
            // From a to b the first line runs against `ends`, from b to c the second runs with it.
            if b == other {
                let turn = orientation(a, b, c);
                let truth = if turn > 0 { LEFT_OF_BOTH } else { LEFT_OF_EITHER };
                let same = inward == outward.wrapping_neg();
                return (same && turn != 0).then_some((a, b, c, inward, truth));
            }
        }
    }
    None
}

/// Whether a point lies outside a square, and not just beside it.
fn is_clear(frame: &Frame, (column, row): (usize, usize), point: (f64, f64)) -> bool {
    let (x, y) = frame.scaled(point);
    let outside = |value: f64, low: usize| value < low as f64 - CLEAR || value > low as f64 + 1.0 + CLEAR;
    outside(x, column) || outside(y, row)
}
