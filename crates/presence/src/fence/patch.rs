//! What is believed about somebody's place: a patch of squares with probabilities.

/// Squares along each side of a patch.
pub const SIDE: usize = 13;
/// Sixteen lanes a row, so that rows are read in one go; the last three are always 0.
pub const LANES: usize = 16;
/// How far the tower that is seen may be from the patch's middle, in squares, before the patch is moved.
pub const LOOSE: usize = 3;
/// So far from its tower a square of the patch can be.
pub const REACH: usize = SIDE / 2 + LOOSE;

/// A patch in full precision.
#[derive(Debug, Clone, Copy)]
pub struct Patch(pub [[f32; LANES]; SIDE]);

impl Patch {
    /// Nothing anywhere.
    pub const ZERO: Self = Self([[0.0; LANES]; SIDE]);

    /// All probabilities added up.
    pub fn sum(&self) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        for row in &self.0 {
            for (lane, value) in lanes.iter_mut().zip(row) {
                *lane += value;
            }
        }
        lanes.iter().sum()
    }

    /// The same somewhere else: square (x, y) of the result is (x + dx, y + dy) of this.
    pub fn shifted(&self, dx: i32, dy: i32) -> Self {
        let mut result = Self::ZERO;
        let side = SIDE as i32;
        if dx.abs() >= side || dy.abs() >= side {
            return result;
        }
        for y in 0.max(-dy)..side.min(side - dy) {
            for x in 0.max(-dx)..side.min(side - dx) {
                result.0[y as usize][x as usize] = self.0[(y + dy) as usize][(x + dx) as usize];
            }
        }
        result
    }

    /// The mean over the squares up to `reach` away each way, what lies outside the patch being 0.
    pub fn spread(&self, reach: usize) -> Self {
        let mut result = Self::ZERO;
        let share = 1.0 / ((2 * reach + 1) as f32 * (2 * reach + 1) as f32);
        let mut columns = [0.0_f32; LANES];
        for row in &self.0[..reach.min(SIDE)] {
            add(&mut columns, row, 1.0);
        }
        for y in 0..SIDE {
            if y + reach < SIDE {
                add(&mut columns, &self.0[y + reach], 1.0);
            }
            if y > reach {
                add(&mut columns, &self.0[y - reach - 1], -1.0);
            }
            let mut running = [0.0_f32; LANES + 2 * SIDE];
            let mut sum = 0.0;
            for x in 0..SIDE {
                sum += columns[x];
                running[SIDE + x] = sum;
            }
            running[2 * SIDE..].fill(sum);
            for x in 0..SIDE {
                result.0[y][x] = ((running[SIDE + x + reach] - running[SIDE + x - reach - 1]) * share).max(0.0);
            }
        }
        result
    }

    /// In bytes: roots, so that small probabilities are kept too.
    pub fn pack(&self, into: &mut [u8; SIDE * SIDE]) {
        let most = self.0.iter().flatten().fold(1e-20_f32, |most, value| most.max(*value));
        let scale = 1.0 / most;
        for (row, bytes) in self.0.iter().zip(into.chunks_exact_mut(SIDE)) {
            for (byte, value) in bytes.iter_mut().zip(row) {
                *byte = ((value * scale).sqrt() * 255.0 + 0.5) as u8;
            }
        }
    }

    /// From bytes, adding up to 1 (or 0 if all are 0).
    pub fn unpack(bytes: &[u8; SIDE * SIDE]) -> Self {
        let mut result = Self::ZERO;
        for (row, bytes) in result.0.iter_mut().zip(bytes.chunks_exact(SIDE)) {
            for (value, byte) in row.iter_mut().zip(bytes) {
                let root = f32::from(*byte);
                *value = root * root;
            }
        }
        let sum = result.sum();
        if sum > 0.0 {
            result.scale(1.0 / sum);
        }
        result
    }

    /// Multiplies all.
    pub fn scale(&mut self, factor: f32) {
        for value in self.0.iter_mut().flatten() {
            *value *= factor;
        }
    }
}

fn add(sum: &mut [f32; LANES], row: &[f32; LANES], factor: f32) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += factor * value;
    }
}
