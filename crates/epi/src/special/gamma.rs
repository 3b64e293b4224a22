//! The regularised incomplete gamma function, also for shapes of millions.

use std::f64::consts::TAU;

use statrs::function::gamma::gamma_lr as gamma_lr_small;

use super::beta::{deviance, stirling_error};

/// Above it the library's leading factor, a difference of large logarithms, loses digits.
const SHAPE_MAX: f64 = 500.0;
/// Series and fraction need some ten times the root of the shape.
const TERMS_MAX: usize = 2_000_000;

/// P(a, x), the probability that a gamma variable of shape `a` > 0 and scale 1 is at most `x` >= 0.
///
/// Large shapes: the power series below the mean and the continued fraction of Lentz above it, with the leading factor
/// x^a e^-x / Γ(a + 1) by saddle point (Loader 2000, Fast and accurate computation of binomial probabilities).
pub(crate) fn gamma_lr(a: f64, x: f64) -> f64 {
    if a <= SHAPE_MAX || x <= 0.0 || !x.is_finite() || !a.is_finite() {
        gamma_lr_small(a, x)
    } else if x <= a {
        (factor(a, x) * series(a, x)).min(1.0)
    } else {
        (1.0 - factor(a, x) * a / x * fraction(a, x)).max(0.0)
    }
}

/// x^a e^-x / Γ(a + 1).
fn factor(a: f64, x: f64) -> f64 {
    (-stirling_error(a) - deviance(a, x)).exp() / (TAU * a).sqrt()
}

/// 1 + x/(a+1) + x²/((a+1)(a+2)) + …
fn series(a: f64, x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..TERMS_MAX {
        term *= x / (a + k as f64);
        sum += term;
        if term < 1e-17 * sum {
            break;
        }
    }
    sum
}

/// x Γ(a, x) e^x / x^a.
fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / away_from_zero(b);
    let mut value = d;
    for k in 1..TERMS_MAX {
        let term = -(k as f64) * (k as f64 - a);
        b += 2.0;
        d = 1.0 / away_from_zero(term * d + b);
        c = away_from_zero(b + term / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value * x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_shapes_meet() {
        for a in [501.0, 700.5] {
            for part in [0.7, 0.9, 0.97, 1.0, 1.001, 1.05, 1.3] {
                let (fast, library) = (gamma_lr(a, a * part), gamma_lr_small(a, a * part));
                assert!((fast - library).abs() < 1e-11, "{a} {part}: {fast} {library}");
            }
        }
    }

    /// Of a whole shape, 1 - P(a, x) is a Poisson tail: the sum of probabilities, each from the one before.
    #[test]
    fn a_large_shape_equals_a_plain_sum() {
        for (shape, x) in [(20_000u32, 20_100.0_f64), (20_000, 19_950.0), (608_400, 608_000.0), (608_400, 609_000.0)] {
            // P(Y >= shape) for a Poisson Y of mean x, from its mode on with the mode as unit.
            let mode = x.floor();
            let masses = |up: bool| {
                let mut mass = 1.0;
                (0..40_000).map(move |k| {
                    let value = mass;
                    mass *= if up { x / (mode + f64::from(k) + 1.0) } else { (mode - f64::from(k)) / x };
                    value
                })
            };
            let up: Vec<f64> = masses(true).collect();
            let down: Vec<f64> = masses(false).collect();
            let all: f64 = up.iter().sum::<f64>() + down[1..].iter().sum::<f64>();
            let at = f64::from(shape);
            let tail: f64 = if at > mode {
                up[(at - mode) as usize..].iter().sum()
            } else {
                up.iter().sum::<f64>() + down[1..=(mode - at) as usize].iter().sum::<f64>()
            };
            let found = gamma_lr(at, x);
            assert!((found - tail / all).abs() < 1e-11, "{shape} {x}: {found} {}", tail / all);
        }
    }
}
