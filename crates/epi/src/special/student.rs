//! Student's t distribution.

use statrs::function::beta::beta_reg;
use statrs::function::gamma::ln_gamma;

use super::normal::normal_quantile;

/// Two-sided p-value P(|T| >= |t|) with `df` degrees of freedom; 1 for t = 0.
pub(crate) fn student_two_sided_p(t: f64, df: f64) -> f64 {
    if t.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    let x = df / (df + t * t);
    if x <= 0.0 { 0.0 } else { beta_reg(df / 2.0, 0.5, x) }
}

/// The t with P(T <= t) = p, for 0 < p < 1 and df > 0.
pub(crate) fn student_quantile(p: f64, df: f64) -> f64 {
    if p < 0.5 {
        return -student_quantile(1.0 - p, df);
    }
    let tail = 2.0 * (1.0 - p);
    if tail >= 1.0 {
        return 0.0;
    }
    // Two-sided tail falls steadily in t: bracket it, then Newton steps that may not leave the bracket.
    let (mut low, mut high) = (0.0, 1.0_f64.max(normal_quantile(p)));
    while student_two_sided_p(high, df) > tail {
        (low, high) = (high, high * 2.0);
    }
    let mut t = 0.5 * (low + high);
    for _ in 0..200 {
        let excess = student_two_sided_p(t, df) - tail;
        if excess > 0.0 {
            low = t;
        } else {
            high = t;
        }
        let newton = t + excess / (2.0 * student_density(t, df));
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        if (next - t).abs() <= 1e-15 * t.abs() {
            return next;
        }
        t = next;
    }
    t
}

fn student_density(t: f64, df: f64) -> f64 {
    let scale = ln_gamma((df + 1.0) / 2.0) - ln_gamma(df / 2.0) - 0.5 * (df * std::f64::consts::PI).ln();
    (scale - (df + 1.0) / 2.0 * (t * t / df).ln_1p()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_two_degrees_of_freedom_have_closed_forms() {
        for p in [0.6, 0.9, 0.975, 0.9995_f64] {
            let cauchy = (std::f64::consts::PI * (p - 0.5)).tan();
            assert!((student_quantile(p, 1.0) / cauchy - 1.0).abs() < 1e-11, "{p}");
            let two = (2.0 * p - 1.0) * (2.0 / (4.0 * p * (1.0 - p))).sqrt();
            assert!((student_quantile(p, 2.0) / two - 1.0).abs() < 1e-11, "{p}");
        }
    }

    #[test]
    fn the_p_value_at_a_quantile_gives_the_tail_back() {
        for df in [1.0, 3.0, 17.0, 150.0] {
            let t = student_quantile(0.975, df);
            assert!((student_two_sided_p(t, df) - 0.05).abs() < 1e-13);
        }
    }
}
