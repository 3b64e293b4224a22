//! Where somebody may be who is seen by a tower: a map of small squares with the border upon it, and each tower's coverage.

use rustc_hash::FxHashMap;

use super::{patch::REACH, rules::FenceRules};

/// Side of a square; km. About half of what the records can tell apart.
pub const CELL_KM: f64 = 0.6;
/// Kilometres of a degree of latitude.
const KM_PER_LAT: f64 = 110.574;
/// Kilometres of a degree of longitude at the equator.
const KM_PER_LON: f64 = 111.320;
/// How many towers around a spot can serve it.
const NEAREST: usize = 10;
/// How far a tower's coverage is tabulated, in squares each way.
pub const SPAN: usize = 2 * REACH + 1;
/// Values of one table; some are padding, so that rows can be read sixteen at a time.
pub const TABLE: usize = SPAN * SPAN + 16;

/// A tower as the operator lists it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tower {
    /// Longitude; degrees, in the datum of the border.
    pub lon: f64,
    /// Latitude; degrees.
    pub lat: f64,
    /// A small cell, as in towns.
    pub is_small: bool,
}

/// Squares, border and coverage of all towers.
#[derive(Debug, Clone)]
pub struct Coverage {
    west: f64,
    south: f64,
    per_lon: f64,
    per_lat: f64,
    width: usize,
    height: usize,
    /// 1 for squares whose middle is inside, row by row; bytes, so that what is looked at stays near the processor.
    inside: Vec<u8>,
    /// Square of each tower.
    squares: Vec<(u16, u16)>,
    /// P(tower | square) around each tower.
    tables: Vec<f32>,
}

impl Coverage {
    /// - `towers`: in the order of their numbers.
    /// - `is_inside`: whether a longitude and latitude lie inside the border.
    pub fn new(towers: &[Tower], is_inside: impl Fn(f64, f64) -> bool, rules: &FenceRules) -> Self {
        let fold = |value: fn(&Tower) -> f64, pick: fn(f64, f64) -> f64, start: f64| {
            towers.iter().map(value).fold(start, pick)
        };
        let (west, east) = (fold(|t| t.lon, f64::min, f64::INFINITY), fold(|t| t.lon, f64::max, f64::NEG_INFINITY));
        let (south, north) = (fold(|t| t.lat, f64::min, f64::INFINITY), fold(|t| t.lat, f64::max, f64::NEG_INFINITY));
        let middle = f64::midpoint(south, north).to_radians().cos();
        let (per_lon, per_lat) = (KM_PER_LON * middle / CELL_KM, KM_PER_LAT / CELL_KM);
        // Room for a table and a patch on every side.
        let margin = (2 * REACH + 16) as f64;
        let (west, south) = (west - margin / per_lon, south - margin / per_lat);
        let width = ((east - west) * per_lon + margin) as usize;
        let height = ((north - south) * per_lat + margin) as usize;
        let square = |tower: &Tower| (((tower.lon - west) * per_lon) as u16, ((tower.lat - south) * per_lat) as u16);
        let squares = towers.iter().map(square).collect();
        let mut coverage =
            Self { west, south, per_lon, per_lat, width, height, inside: Vec::new(), squares, tables: Vec::new() };
        coverage.mark_inside(&is_inside);
        coverage.fill_tables(towers, rules);
        coverage
    }

    fn middle_of(&self, x: usize, y: usize) -> (f64, f64) {
        (self.west + (x as f64 + 0.5) / self.per_lon, self.south + (y as f64 + 0.5) / self.per_lat)
    }

    fn mark_inside(&mut self, is_inside: impl Fn(f64, f64) -> bool) {
        self.inside = vec![0; self.width * self.height];
        let mut needed = vec![false; self.width * self.height];
        let far = REACH + 8;
        for (x, y) in &self.squares {
            for row in usize::from(*y) - far..=usize::from(*y) + far {
                let begin = row * self.width + usize::from(*x);
                needed[begin - far..=begin + far].fill(true);
            }
        }
        for y in 0..self.height {
            for x in 0..self.width {
                if needed[y * self.width + x] {
                    let (lon, lat) = self.middle_of(x, y);
                    self.inside[y * self.width + x] = u8::from(is_inside(lon, lat));
                }
            }
        }
    }

    /// P(tower | square) = a logit over the nearest towers of their mean levels.
    ///
    /// The level at distance d is power − loss · log10(d + 0.1 km); what differs from it for unknown reasons is taken as Gumbel,
    /// so the strongest of several is a multinomial logit (McFadden 1974).
    fn fill_tables(&mut self, towers: &[Tower], rules: &FenceRules) {
        let exponent = f64::from(rules.loss_db) / (f64::from(rules.level_scale_db) * std::f64::consts::LN_10);
        let small = (-f64::from(rules.small_db) / f64::from(rules.level_scale_db)).exp();
        let mut near: FxHashMap<(usize, usize), Vec<u32>> = FxHashMap::default();
        for (number, (x, y)) in self.squares.iter().enumerate() {
            near.entry((usize::from(*x) / 8, usize::from(*y) / 8)).or_default().push(number as u32);
        }
        self.tables = vec![rules.stray_share; towers.len() * TABLE];
        let mut candidates: Vec<(f64, u32)> = Vec::new();
        for y in 0..self.height {
            for x in 0..self.width {
                let middle = self.middle_of(x, y);
                let cos = middle.1.to_radians().cos();
                candidates.clear();
                for by in (y / 8).saturating_sub(1)..=y / 8 + 1 {
                    for bx in (x / 8).saturating_sub(1)..=x / 8 + 1 {
                        for number in near.get(&(bx, by)).into_iter().flatten() {
                            let tower = &towers[*number as usize];
                            let east = (tower.lon - middle.0) * KM_PER_LON * cos;
                            let north = (tower.lat - middle.1) * KM_PER_LAT;
                            // The square has a size: its mean squared radius is a sixth of its side, squared.
                            candidates.push(((east * east + north * north + CELL_KM * CELL_KM / 6.0).sqrt(), *number));
                        }
                    }
                }
                candidates.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                candidates.truncate(NEAREST);
                let weight = |(km, number): &(f64, u32)| {
                    (km + 0.1).powf(-exponent) * if towers[*number as usize].is_small { small } else { 1.0 }
                };
                let total: f64 = candidates.iter().map(weight).sum();
                for candidate in &candidates {
                    let (tx, ty) = self.squares[candidate.1 as usize];
                    // Beyond the table to the south or west it wraps to a huge number.
                    let (dx, dy) =
                        ((x + REACH).wrapping_sub(usize::from(tx)), (y + REACH).wrapping_sub(usize::from(ty)));
                    if dx < SPAN && dy < SPAN {
                        let share = (weight(candidate) / total) as f32;
                        self.tables[candidate.1 as usize * TABLE + dy * SPAN + dx] += (1.0 - rules.stray_share) * share;
                    }
                }
            }
        }
    }

    /// Square of a tower.
    #[inline]
    pub fn square(&self, tower: usize) -> (u16, u16) {
        self.squares[tower]
    }

    /// Row of a tower's table: `dy` and `dx` squares from the south-western corner of the table.
    #[inline]
    pub fn table_row(&self, tower: usize, dx: usize, dy: usize) -> &[f32; 16] {
        let begin = tower * TABLE + dy * SPAN + dx;
        (&self.tables[begin..begin + 16]).try_into().expect("sixteen")
    }

    /// Whether squares are inside, sixteen to the east of a square.
    #[inline]
    pub fn inside_row(&self, x: usize, y: usize) -> &[u8; 16] {
        let begin = y * self.width + x;
        (&self.inside[begin..begin + 16]).try_into().expect("sixteen")
    }

    /// Whether the tower itself stands inside, to the precision of a square.
    pub fn stands_inside(&self, tower: usize) -> bool {
        let (x, y) = self.squares[tower];
        self.inside[usize::from(y) * self.width + usize::from(x)] == 1
    }
}
