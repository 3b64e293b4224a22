//! Negative binomial and Poisson counts: tail probabilities and whole-number quantiles.

use statrs::function::gamma::{gamma_ur, ln_gamma};

use super::{beta::beta_reg, normal::normal_quantile};

/// A count with mean `mean` and variance `dispersion` x `mean`: Poisson where the dispersion is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CountDistribution {
    mean: f64,
    /// size = mean / (dispersion - 1); none for the Poisson.
    size: Option<f64>,
    success: f64,
}

impl CountDistribution {
    /// `mean` >= 0; `dispersion` >= 1.
    pub(crate) fn new(mean: f64, dispersion: f64) -> Self {
        if dispersion > 1.0 {
            Self { mean, size: Some(mean / (dispersion - 1.0)), success: 1.0 / dispersion }
        } else {
            Self { mean, size: None, success: 1.0 }
        }
    }

    /// P(Y <= y) for a whole y.
    pub(crate) fn cdf(&self, y: f64) -> f64 {
        if y < 0.0 {
            0.0
        } else if self.mean <= 0.0 {
            1.0
        } else {
            match self.size {
                Some(size) => beta_reg(size, y + 1.0, self.success),
                None => gamma_ur(y + 1.0, self.mean),
            }
        }
    }

    /// P(Y >= y) for a whole y, accurate in the upper tail.
    pub(crate) fn upper(&self, y: f64) -> f64 {
        if y <= 0.0 {
            1.0
        } else if self.mean <= 0.0 {
            0.0
        } else {
            match self.size {
                Some(size) => beta_reg(y, size, 1.0 - self.success),
                None => super::gamma_lr(y, self.mean),
            }
        }
    }

    /// The smallest whole y with P(Y <= y) >= p.
    pub(crate) fn quantile(&self, p: f64) -> f64 {
        if self.mean <= 0.0 {
            return 0.0;
        }
        let variance = self.mean / self.success;
        let skew = (2.0 - self.success) / variance.sqrt();
        let z = normal_quantile(p);
        let guess = self.mean + variance.sqrt() * (z + skew * (z * z - 1.0) / 6.0);
        let mut y = guess.round().max(0.0);
        if y > 1e9 {
            return self.bisect(p, y);
        }
        // One value of the cdf, then single steps by the ratio of neighbouring probabilities.
        let mut cdf = self.cdf(y);
        let mut mass = self.mass(y);
        if !(cdf.is_finite() && mass.is_finite() && mass > 0.0) {
            return self.bisect(p, y);
        }
        let mut steps = 0;
        if cdf < p {
            while cdf < p && steps < 10_000 {
                y += 1.0;
                mass *= self.ratio(y);
                cdf += mass;
                steps += 1;
            }
        } else {
            while y > 0.0 && cdf - mass >= p && steps < 10_000 {
                cdf -= mass;
                mass /= self.ratio(y);
                y -= 1.0;
                steps += 1;
            }
        }
        if steps == 10_000 { self.bisect(p, y) } else { y }
    }

    /// P(Y = y) / P(Y = y - 1).
    fn ratio(&self, y: f64) -> f64 {
        match self.size {
            Some(size) => (1.0 - self.success) * (size + y - 1.0) / y,
            None => self.mean / y,
        }
    }

    fn mass(&self, y: f64) -> f64 {
        let log_mass = match self.size {
            Some(size) => {
                ln_gamma(size + y) - ln_gamma(size) - ln_gamma(y + 1.0)
                    + size * self.success.ln()
                    + y * (-self.success).ln_1p()
            }
            None => y * self.mean.ln() - self.mean - ln_gamma(y + 1.0),
        };
        log_mass.exp()
    }

    fn bisect(&self, p: f64, guess: f64) -> f64 {
        let (mut low, mut high) = (-1.0, guess.max(1.0));
        while self.cdf(high) < p && high < 1e300 {
            (low, high) = (high, high * 2.0);
        }
        while high - low > 1.0 {
            let middle = ((low + high) / 2.0).floor();
            if middle <= low || middle >= high {
                break;
            }
            if self.cdf(middle) >= p {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The obvious version: add up the probabilities from zero.
    fn quantile_by_sum(mean: f64, dispersion: f64, p: f64) -> f64 {
        let size = mean / (dispersion - 1.0);
        let success = 1.0 / dispersion;
        let mut mass = if dispersion > 1.0 { success.powf(size) } else { (-mean).exp() };
        let (mut y, mut cdf) = (0.0, mass);
        while cdf < p {
            y += 1.0;
            mass *= if dispersion > 1.0 { (1.0 - success) * (size + y - 1.0) / y } else { mean / y };
            cdf += mass;
        }
        y
    }

    #[test]
    fn quantiles_equal_a_plain_sum_from_zero() {
        for mean in [0.01, 0.3, 1.0, 4.2, 37.5, 210.0] {
            for dispersion in [1.0, 1.0001, 1.4, 3.0, 12.0] {
                for p in [0.005, 0.5, 0.95, 0.995, 0.9999] {
                    let y = CountDistribution::new(mean, dispersion).quantile(p);
                    assert_eq!(y, quantile_by_sum(mean, dispersion, p), "mean {mean}, phi {dispersion}, p {p}");
                }
            }
        }
    }

    #[test]
    fn upper_and_lower_tail_add_to_one() {
        for dispersion in [1.0, 2.5] {
            let d = CountDistribution::new(6.3, dispersion);
            for y in 0..30 {
                let y = f64::from(y);
                assert!((d.cdf(y - 1.0) + d.upper(y) - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_mean_of_zero_has_all_mass_at_zero() {
        let d = CountDistribution::new(0.0, 1.0);
        assert_eq!((d.quantile(0.99), d.cdf(0.0), d.upper(1.0), d.upper(0.0)), (0.0, 1.0, 0.0, 1.0));
    }

    #[test]
    fn a_large_mean_ends() {
        let d = CountDistribution::new(1e9, 5e4);
        let y = d.quantile(0.995);
        assert!(d.cdf(y) >= 0.995 && d.cdf(y - 1e5) < 0.995);
    }
}
