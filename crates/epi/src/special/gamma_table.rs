//! Gamma quantiles at a fixed set of probabilities, from Chebyshev series in place of root finding.
//!
//! The quantile over its mean, x_p(a) / a, is an analytic function of s = 1/√a. Two series cover s from 0 to 1, that is
//! every shape a of 1 and more; they are made once from [`gamma_quantile`] and agree with it to 1e-10.

use super::gamma_quantile::gamma_quantile;

/// Probabilities per table.
const LANES: usize = 7;
/// Terms of a series.
const TERMS: usize = 26;
/// Where the series meet: a = 16.
const SPLIT: f64 = 0.25;

/// Quantiles of gamma distributions at seven probabilities.
#[derive(Debug)]
pub(crate) struct GammaTable {
    probabilities: [f64; LANES],
    large: Series,
    small: Series,
}

#[derive(Debug)]
struct Series {
    low: f64,
    high: f64,
    coefficients: [[f64; LANES]; TERMS],
}

impl GammaTable {
    /// Computes the series.
    pub(crate) fn new(probabilities: [f64; LANES]) -> Self {
        let large = Series::new(0.0, SPLIT, probabilities);
        let small = Series::new(SPLIT, 1.0, probabilities);
        Self { probabilities, large, small }
    }

    /// The quantiles for a shape above 0 and scale 1.
    pub(crate) fn quantiles(&self, shape: f64) -> [f64; LANES] {
        if shape < 1.0 {
            return self.probabilities.map(|p| gamma_quantile(p, shape));
        }
        let s = 1.0 / shape.sqrt();
        let series = if s < SPLIT { &self.large } else { &self.small };
        series.at(s).map(|ratio| ratio * shape)
    }
}

impl Series {
    /// Interpolates at the Chebyshev nodes of the interval.
    fn new(low: f64, high: f64, probabilities: [f64; LANES]) -> Self {
        let angle = |i: usize| std::f64::consts::PI * (i as f64 + 0.5) / TERMS as f64;
        let node = |i: usize| 0.5 * (low + high) + 0.5 * (high - low) * angle(i).cos();
        let values: Vec<[f64; LANES]> = (0..TERMS)
            .map(|i| {
                let shape = node(i).powi(-2);
                probabilities.map(|p| gamma_quantile(p, shape) / shape)
            })
            .collect();
        let mut coefficients = [[0.0; LANES]; TERMS];
        for (k, row) in coefficients.iter_mut().enumerate() {
            for (lane, c) in row.iter_mut().enumerate() {
                let sum: f64 = (0..TERMS).map(|i| values[i][lane] * (k as f64 * angle(i)).cos()).sum();
                *c = sum * if k == 0 { 1.0 } else { 2.0 } / TERMS as f64;
            }
        }
        Self { low, high, coefficients }
    }

    /// Clenshaw's recursion for all probabilities at once.
    fn at(&self, s: f64) -> [f64; LANES] {
        let x = (2.0 * s - self.low - self.high) / (self.high - self.low);
        let (mut one, mut two) = ([0.0; LANES], [0.0; LANES]);
        for row in self.coefficients[1..].iter().rev() {
            for lane in 0..LANES {
                let next = row[lane] + 2.0 * x * one[lane] - two[lane];
                (two[lane], one[lane]) = (one[lane], next);
            }
        }
        let mut value = [0.0; LANES];
        for (lane, v) in value.iter_mut().enumerate() {
            *v = self.coefficients[0][lane] + x * one[lane] - two[lane];
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_equal_the_root_finder() {
        let table = GammaTable::new([0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975]);
        for shape in [0.3, 1.0, 1.4, 2.0, 5.7, 15.9, 16.1, 40.0, 333.0, 1e4, 3e6] {
            for (p, fast) in table.probabilities.iter().zip(table.quantiles(shape)) {
                let slow = gamma_quantile(*p, shape);
                assert!((fast / slow - 1.0).abs() < 1e-9, "shape {shape}, p {p}: {fast} {slow}");
            }
        }
    }
}
