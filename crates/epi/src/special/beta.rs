//! The regularised incomplete beta function, also for parameters of millions.

use std::f64::consts::TAU;

use statrs::function::beta::beta_reg as beta_reg_small;

/// Above it the library's continued fraction ends too early.
const SMALL_MAX: f64 = 3_000.0;
/// The fraction needs about as many terms as the root of its larger parameter.
const TERMS_MAX: usize = 2_000_000;

/// I_x(a, b) for a, b > 0 and x from 0 to 1.
///
/// Large parameters: the continued fraction of Lentz with its leading factor by saddle point (Loader 2000, Fast and
/// accurate computation of binomial probabilities), which keeps the digits that differences of ln Γ would lose.
pub(crate) fn beta_reg(a: f64, b: f64, x: f64) -> f64 {
    let is_inside = x > 0.0 && x < 1.0 && a > 0.0 && b > 0.0;
    if a.max(b) <= SMALL_MAX || !is_inside || !(a + b).is_finite() {
        beta_reg_small(a, b, x)
    } else if x <= (a + 1.0) / (a + b + 2.0) {
        density(a, b, x) / a * fraction(a, b, x)
    } else {
        1.0 - density(b, a, 1.0 - x) / b * fraction(b, a, 1.0 - x)
    }
}

/// x^a (1 - x)^b / B(a, b).
fn density(a: f64, b: f64, x: f64) -> f64 {
    let n = a + b;
    let exponent =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * (1.0 - x));
    a * b / n * (n / (TAU * a * b)).sqrt() * exponent.exp()
}

/// ln Γ(n + 1) less Stirling's formula.
pub(super) fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let plain = (n + 0.5) * n.ln() - n + 0.5 * TAU.ln();
        return statrs::function::gamma::ln_gamma(n + 1.0) - plain;
    }
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square) / square)
        / n
}

/// x ln(x / m) + m - x without cancellation where x is near m.
pub(super) fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() + m - x;
    }
    let v = (x - m) / (x + m);
    let (mut sum, mut term) = ((x - m) * v, 2.0 * x * v);
    for k in 1..1_000 {
        term *= v * v;
        let next = sum + term / f64::from(2 * k + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..TERMS_MAX {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut step = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            step = c * d;
            value *= step;
        }
        if (step - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_and_small_parameters_meet() {
        for (a, b) in [(5.0, 3_000.0), (2_900.0, 12.5), (1_500.0, 2_999.0)] {
            let middle: f64 = a / (a + b);
            for x in [0.5 * middle, 0.97 * middle, middle, (1.02 * middle).min(0.9999), (1.0 + middle) / 2.0] {
                let by_fraction = if x <= (a + 1.0) / (a + b + 2.0) {
                    density(a, b, x) / a * fraction(a, b, x)
                } else {
                    1.0 - density(b, a, 1.0 - x) / b * fraction(b, a, 1.0 - x)
                };
                let library = beta_reg_small(a, b, x);
                assert!((by_fraction - library).abs() < 1e-11, "{a} {b} {x}: {by_fraction} {library}");
            }
        }
    }

    /// I_x(a, b) is a binomial tail: the sum of a million probabilities, each from the one before.
    #[test]
    fn a_large_tail_equals_a_plain_sum() {
        let (n, p) = (1_000_000u32, 0.3);
        let first = 300_500u32;
        let mut ln_choose = 0.0;
        for i in 0..first {
            ln_choose += (f64::from(n - i) / f64::from(i + 1)).ln();
        }
        let mut mass = (ln_choose + f64::from(first) * f64::ln(p) + f64::from(n - first) * f64::ln(1.0 - p)).exp();
        let mut tail = 0.0;
        for k in first..first + 20_000 {
            tail += mass;
            mass *= f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p);
        }
        let found = beta_reg(f64::from(first), f64::from(n - first + 1), p);
        assert!((found / tail - 1.0).abs() < 1e-7, "{found} {tail}");
    }
}
