//! The grid over all polygons: two steps of squares, of which only those with lines in them are kept fine.

/// Fine squares along each side of a coarse one.
pub const FINE: usize = 8;
/// Coarse squares along each side of the whole.
pub const COARSE: usize = 256;
/// Fine squares along each side of the whole.
pub const SIDE: usize = FINE * COARSE;

/// Where the squares lie; degrees.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    west: f64,
    south: f64,
    step_x: f64,
    step_y: f64,
    per_x: f64,
    per_y: f64,
}

impl Frame {
    /// A frame a little larger than the box of the polygons, so that its outermost squares are empty.
    pub fn around((west, south): (f64, f64), (east, north): (f64, f64)) -> Self {
        let side = SIDE as f64;
        // Four squares of margin; the odd share keeps grid lines off round coordinates, where vertices like to lie.
        let margin = 4.000_137;
        let step_x = ((east - west) / (side - 2.0 * margin)).max(1e-7);
        let step_y = ((north - south) / (side - 2.0 * margin)).max(1e-7);
        let (west, south) = (west - margin * step_x, south - margin * step_y);
        Self { west, south, step_x, step_y, per_x: 1.0 / step_x, per_y: 1.0 / step_y }
    }

    /// Longitude of the western side of column `column`.
    #[inline]
    pub fn x(&self, column: usize) -> f64 {
        self.west + self.step_x * column as f64
    }

    /// Latitude of the southern side of row `row`.
    #[inline]
    pub fn y(&self, row: usize) -> f64 {
        self.south + self.step_y * row as f64
    }

    /// Column and row of a point, or `None` outside (and for what is no number).
    ///
    /// By multiplication, so a point within rounding of a grid line may get the neighbour: squares overlap by [`Frame::SLACK`].
    #[inline]
    pub fn square(&self, point: (f64, f64)) -> Option<(usize, usize)> {
        let (column, row) = ((point.0 - self.west) * self.per_x, (point.1 - self.south) * self.per_y);
        let side = SIDE as f64;
        // Written so that NaN is outside.
        (column >= 0.0 && row >= 0.0 && column < side && row < side).then_some((column as usize, row as usize))
    }

    /// By how much, in squares, a line's box is widened when it is entered into squares. Rounding moves a point by less
    /// than 1e-9 of a square.
    pub const SLACK: f64 = 1e-6;

    /// A position in units of squares, as a real number.
    pub fn scaled(&self, point: (f64, f64)) -> (f64, f64) {
        ((point.0 - self.west) * self.per_x, (point.1 - self.south) * self.per_y)
    }
}
