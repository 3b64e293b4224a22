//! What is believed about somebody's place: a patch of squares with probabilities.

/// Squares along each side of a patch.
pub const SIDE: usize = 13;
/// Sixteen lanes a row, so that rows are read in one go; the last three are always 0.
pub const LANES: usize = 16;
/// How far the tower that is seen may be from the patch's middle, in squares, before the patch is moved.
pub const LOOSE: usize = 3;
/// So far from its tower a square of the patch can be.
pub const REACH: usize = SIDE / 2 + LOOSE;

/// 1 for the lanes that are squares, 0 for those that fill up a row.
pub const SQUARES: [f32; LANES] = {
    let mut lanes = [0.0; LANES];
    let mut x = 0;
    while x < SIDE {
        lanes[x] = 1.0;
        x += 1;
    }
    lanes
};

/// A patch in full precision.
#[derive(Debug, Clone, Copy)]
pub struct Patch(pub [[f32; LANES]; SIDE]);

impl Patch {
    /// Nothing anywhere.
    pub const ZERO: Self = Self([[0.0; LANES]; SIDE]);

    /// All probabilities added up.
    #[inline(always)]
    pub fn sum(&self) -> f32 {
        let mut lanes = [0.0_f32; LANES];
        for row in &self.0 {
            for x in 0..LANES {
                lanes[x] += row[x];
            }
        }
        total(lanes)
    }

    /// The mean over the squares up to `reach` (1 to 5) away each way, what lies outside the patch being 0. The lanes beyond the
    /// squares hold anything.
    #[inline(always)]
    pub fn spread(&self, reach: usize) -> Self {
        match reach {
            1 => self.mean_within::<1>(),
            2 => self.mean_within::<2>(),
            3 => self.mean_within::<3>(),
            4 => self.mean_within::<4>(),
            _ => self.mean_within::<5>(),
        }
    }

    /// All rows first and then all columns: what was just written in one width is slow to read in another.
    #[inline(always)]
    fn mean_within<const R: usize>(&self) -> Self {
        const MARGIN: usize = 8;
        let mut wide = [[0.0_f32; LANES + 2 * MARGIN]; SIDE];
        let mut columns = [0.0_f32; LANES];
        for row in &self.0[..R] {
            add(&mut columns, row, 1.0);
        }
        for (y, wide) in wide.iter_mut().enumerate() {
            if y + R < SIDE {
                add(&mut columns, &self.0[y + R], 1.0);
            }
            if y > R {
                add(&mut columns, &self.0[y - R - 1], -1.0);
            }
            wide[MARGIN..MARGIN + LANES].copy_from_slice(&columns);
        }
        let share = 1.0 / ((2 * R + 1) as f32 * (2 * R + 1) as f32);
        let mut result = Self::ZERO;
        for (result, wide) in result.0.iter_mut().zip(&wide) {
            let mut sum = [0.0_f32; LANES];
            for off in MARGIN - R..=MARGIN + R {
                for x in 0..LANES {
                    sum[x] += wide[off + x];
                }
            }
            for x in 0..LANES {
                result[x] = (sum[x] * share).max(0.0);
            }
        }
        result
    }

    /// In bytes: roots, so that small probabilities are kept too.
    #[inline(always)]
    pub fn pack(&self, into: &mut [u8; SIDE * SIDE]) {
        let mut lanes = [1e-20_f32; LANES];
        for row in &self.0 {
            for x in 0..LANES {
                lanes[x] = lanes[x].max(row[x]);
            }
        }
        let scale = 1.0 / lanes.iter().fold(0.0_f32, |most, lane| most.max(*lane));
        let mut wide = [0_u8; SIDE * SIDE + LANES - SIDE];
        for (y, row) in self.0.iter().enumerate() {
            let bytes: &mut [u8; LANES] = (&mut wide[SIDE * y..SIDE * y + LANES]).try_into().expect("sixteen");
            for x in 0..LANES {
                // Beyond 2^23 a float has no fraction: its last byte is the number rounded.
                bytes[x] = ((row[x] * scale).sqrt() * 255.0 + 8_388_608.0).to_bits() as u8;
            }
        }
        into.copy_from_slice(&wide[..SIDE * SIDE]);
    }

    /// From bytes, adding up to 1 (or 0 if all are 0), and then moved: square (x, y) of the result is (x + dx, y + dy) of the bytes.
    #[inline(always)]
    pub fn unpack(bytes: &[u8; SIDE * SIDE], (dx, dy): (i32, i32)) -> Self {
        let mut wide = [0_u8; SIDE * SIDE + LANES - SIDE];
        wide[..SIDE * SIDE].copy_from_slice(bytes);
        let mut result = Self::ZERO;
        for (y, row) in result.0.iter_mut().enumerate() {
            let bytes: &[u8; LANES] = wide[SIDE * y..SIDE * y + LANES].try_into().expect("sixteen");
            for x in 0..LANES {
                let root = f32::from(bytes[x]) * SQUARES[x];
                row[x] = root * root;
            }
        }
        let sum = result.sum();
        if sum > 0.0 {
            result.scale(1.0 / sum);
        }
        if dx == 0 && dy == 0 { result } else { result.shifted(dx, dy) }
    }

    /// The same somewhere else: square (x, y) of the result is (x + dx, y + dy) of this.
    fn shifted(&self, dx: i32, dy: i32) -> Self {
        let mut result = Self::ZERO;
        let side = SIDE as i32;
        if dx.abs() >= side || dy.abs() >= side {
            return result;
        }
        let (from, to) = (dx.max(0) as usize, (-dx).max(0) as usize);
        let count = SIDE - dx.unsigned_abs() as usize;
        for y in 0.max(-dy)..side.min(side - dy) {
            let row = &self.0[(y + dy) as usize];
            result.0[y as usize][to..to + count].copy_from_slice(&row[from..from + count]);
        }
        result
    }

    /// Multiplies all.
    #[inline(always)]
    pub fn scale(&mut self, factor: f32) {
        for value in self.0.iter_mut().flatten() {
            *value *= factor;
        }
    }
}

#[inline(always)]
fn add(sum: &mut [f32; LANES], row: &[f32; LANES], factor: f32) {
    for x in 0..LANES {
        sum[x] += factor * row[x];
    }
}

/// Lanes added up, halves first.
#[inline(always)]
pub fn total(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for x in 0..half {
            lanes[x] += lanes[x + half];
        }
        half /= 2;
    }
    lanes[0]
}
