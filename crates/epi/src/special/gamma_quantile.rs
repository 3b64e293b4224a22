//! Quantiles of the gamma distribution.

use statrs::function::gamma::{gamma_lr, gamma_ur, ln_gamma};

use super::normal::normal_quantile;

/// The x with P(X <= x) = p for a gamma variable of the given shape and scale 1; 0 < p < 1, shape > 0.
///
/// Starts from Wilson and Hilferty 1931 (doi:10.1073/pnas.17.12.684), or from the leading term x^a / Γ(a+1)
/// where the shape is small, and polishes by Newton steps on the logarithm of x inside a bracket.
pub(crate) fn gamma_quantile(p: f64, shape: f64) -> f64 {
    let ln_norm = ln_gamma(shape);
    let mut log_x = start(p, shape, ln_norm);
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..100 {
        let x = log_x.exp();
        // The smaller of the two tails keeps its relative accuracy.
        let excess = if p <= 0.5 { gamma_lr(shape, x) - p } else { (1.0 - p) - gamma_ur(shape, x) };
        if excess > 0.0 {
            high = log_x;
        } else {
            low = log_x;
        }
        // d P / d log x = x^a e^-x / Γ(a); its own logarithmic slope a - x gives Halley's correction.
        let slope = (shape * log_x - x - ln_norm).exp();
        let newton = excess / slope;
        let halley = newton / (1.0 - 0.5 * (newton * (shape - x)).clamp(-1.0, 1.0));
        let mut next = log_x - halley;
        if !(next > low && next < high) {
            next = match (low.is_finite(), high.is_finite()) {
                (true, true) => 0.5 * (low + high),
                (true, false) => log_x + 1.0,
                (false, true) => log_x - 1.0 - log_x.abs() * 0.5,
                (false, false) => log_x,
            };
        }
        let moved = (next - log_x).abs();
        log_x = next;
        // Third-order steps: one below 1e-5 leaves an error near 1e-15.
        if moved < 1e-5 && next > low && next < high || moved <= 1e-15 {
            break;
        }
    }
    log_x.exp()
}

fn start(p: f64, shape: f64, ln_norm: f64) -> f64 {
    let z = normal_quantile(p);
    let ninth = 1.0 / (9.0 * shape);
    let cube_root = 1.0 - ninth + z * ninth.sqrt();
    let small = (p.ln() + ln_norm + shape.ln()) / shape;
    if cube_root > 0.3 && shape > 0.5 { shape.ln() + 3.0 * cube_root.ln() } else { small }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_one_is_the_exponential_distribution() {
        for p in [1e-6, 0.025, 0.5, 0.975, 1.0 - 1e-6] {
            let exact = -f64::ln_1p(-p);
            assert!((gamma_quantile(p, 1.0) / exact - 1.0).abs() < 1e-11, "{p}: {}", gamma_quantile(p, 1.0));
        }
    }

    #[test]
    fn the_cdf_at_a_quantile_gives_the_probability_back() {
        for shape in [1e-2, 0.1, 0.6, 1.0, 2.5, 9.0, 33.0, 1e3, 2e5] {
            for p in [0.001, 0.025, 0.25, 0.5, 0.75, 0.975, 0.999] {
                let x = gamma_quantile(p, shape);
                let back = gamma_lr(shape, x);
                assert!((back - p).abs() < 1e-7 * p.min(1.0 - p), "shape {shape}, p {p}: {back}");
            }
        }
    }
}
