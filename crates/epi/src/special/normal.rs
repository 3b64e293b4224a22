//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use statrs::function::erf::{erfc, erfc_inv};

/// P(Z <= z).
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z * FRAC_1_SQRT_2)
}

/// P(Z > z), accurate far out in the tail.
pub(crate) fn normal_upper(z: f64) -> f64 {
    0.5 * erfc(z * FRAC_1_SQRT_2)
}

/// The z with P(Z <= z) = p, for 0 < p < 1.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_equal_tabulated_values() {
        // Abramowitz and Stegun 1964, table 26.5 and 26.6, to the digits printed there.
        for (p, z) in [(0.975, 1.959963984540054), (0.999, 3.090232306167813), (0.5, 0.0)] {
            assert!((normal_quantile(p) - z).abs() < 1e-13, "{p}: {}", normal_quantile(p));
            assert!((normal_cdf(z) - p).abs() < 1e-11, "{p}: {:e}", normal_cdf(z) - p);
        }
        assert!((normal_upper(1.959963984540054) - 0.025).abs() < 1e-11);
    }
}
