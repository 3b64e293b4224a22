//! Gamma, log-normal and Weibull delays.

use crate::special::{gamma_lr, gamma_quantile, ln_gamma, normal_cdf, normal_quantile};

/// Shape of a delay distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelayFamily {
    /// Gamma.
    Gamma,
    /// Log-normal.
    LogNormal,
    /// Weibull.
    Weibull,
}

/// A delay distribution with its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DelayDistribution {
    /// Gamma with shape and scale (days).
    Gamma {
        /// Shape; dimensionless.
        shape: f64,
        /// Scale; days.
        scale: f64,
    },
    /// Log-normal; parameters of the logarithm of days.
    LogNormal {
        /// Mean of the logarithm.
        log_mean: f64,
        /// Standard deviation of the logarithm.
        log_sd: f64,
    },
    /// Weibull with shape and scale (days).
    Weibull {
        /// Shape; dimensionless.
        shape: f64,
        /// Scale; days.
        scale: f64,
    },
}

impl DelayDistribution {
    /// The two parameters in the order of the variant's fields.
    pub fn parameters(&self) -> (f64, f64) {
        match *self {
            DelayDistribution::Gamma { shape, scale } | DelayDistribution::Weibull { shape, scale } => (shape, scale),
            DelayDistribution::LogNormal { log_mean, log_sd } => (log_mean, log_sd),
        }
    }

    /// Mean; days.
    pub fn mean_days(&self) -> f64 {
        match *self {
            DelayDistribution::Gamma { shape, scale } => shape * scale,
            DelayDistribution::LogNormal { log_mean, log_sd } => (log_mean + log_sd * log_sd / 2.0).exp(),
            DelayDistribution::Weibull { shape, scale } => scale * ln_gamma(1.0 + 1.0 / shape).exp(),
        }
    }

    /// The delay, in days, that a share `p` (strictly between 0 and 1) does not exceed.
    pub fn quantile_days(&self, p: f64) -> f64 {
        match *self {
            DelayDistribution::Gamma { shape, scale } => gamma_quantile(p, shape) * scale,
            DelayDistribution::LogNormal { log_mean, log_sd } => (log_mean + log_sd * normal_quantile(p)).exp(),
            DelayDistribution::Weibull { shape, scale } => scale * (-(-p).ln_1p()).powf(1.0 / shape),
        }
    }

    /// Share of delays up to `days`.
    pub fn share_within(&self, days: f64) -> f64 {
        self.prepared().cdf(days)
    }

    /// The member of a family at a point of the search: logarithms of what has to be positive.
    pub(super) fn at(family: DelayFamily, point: [f64; 2]) -> Self {
        match family {
            DelayFamily::Gamma => DelayDistribution::Gamma { shape: point[0].exp(), scale: point[1].exp() },
            DelayFamily::LogNormal => DelayDistribution::LogNormal { log_mean: point[0], log_sd: point[1].exp() },
            DelayFamily::Weibull => DelayDistribution::Weibull { shape: point[0].exp(), scale: point[1].exp() },
        }
    }

    /// Where to begin the search, from rough moments.
    pub(super) fn start(family: DelayFamily, mean: f64, sd: f64) -> [f64; 2] {
        let variation = sd / mean;
        match family {
            DelayFamily::Gamma => [-2.0 * variation.ln(), (sd * variation).ln()],
            DelayFamily::LogNormal => {
                let log_variance = (variation * variation).ln_1p();
                [mean.ln() - log_variance / 2.0, log_variance.ln() / 2.0]
            }
            // Justus et al. 1978: shape is close to (mean/sd)^1.086.
            DelayFamily::Weibull => [-1.086 * variation.ln(), mean.ln()],
        }
    }

    pub(super) fn prepared(&self) -> Prepared {
        let log_norm = match *self {
            DelayDistribution::Gamma { shape, scale } => -ln_gamma(shape) - shape * scale.ln(),
            DelayDistribution::LogNormal { log_sd, .. } => -log_sd.ln() - 0.5 * std::f64::consts::TAU.ln(),
            DelayDistribution::Weibull { shape, scale } => shape.ln() - shape * scale.ln(),
        };
        Prepared { distribution: *self, mean: self.mean_days(), log_norm }
    }
}

/// A distribution with what every pair needs again.
pub(super) struct Prepared {
    distribution: DelayDistribution,
    mean: f64,
    log_norm: f64,
}

impl Prepared {
    pub(super) fn density(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        let log = match self.distribution {
            DelayDistribution::Gamma { shape, scale } => (shape - 1.0) * x.ln() - x / scale,
            DelayDistribution::LogNormal { log_mean, log_sd } => -x.ln() - 0.5 * ((x.ln() - log_mean) / log_sd).powi(2),
            DelayDistribution::Weibull { shape, scale } => (shape - 1.0) * x.ln() - (x / scale).powf(shape),
        };
        (self.log_norm + log).exp()
    }

    /// F(x).
    pub(super) fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        match self.distribution {
            DelayDistribution::Gamma { shape, scale } => gamma_lr(shape, x / scale),
            DelayDistribution::LogNormal { log_mean, log_sd } => normal_cdf((x.ln() - log_mean) / log_sd),
            DelayDistribution::Weibull { shape, scale } => -(-(x / scale).powf(shape)).exp_m1(),
        }
    }

    /// ∫_0^x F(u) du = x F(x) - ∫_0^x u f(u) du.
    pub(super) fn integral(&self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        let share_of_mean = match self.distribution {
            DelayDistribution::Gamma { shape, scale } => gamma_lr(shape + 1.0, x / scale),
            DelayDistribution::LogNormal { log_mean, log_sd } => normal_cdf((x.ln() - log_mean) / log_sd - log_sd),
            DelayDistribution::Weibull { shape, scale } => gamma_lr(1.0 + 1.0 / shape, (x / scale).powf(shape)),
        };
        x * self.cdf(x) - self.mean * share_of_mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [DelayDistribution; 3] = [
        DelayDistribution::Gamma { shape: 2.3, scale: 1.4 },
        DelayDistribution::LogNormal { log_mean: 0.8, log_sd: 0.5 },
        DelayDistribution::Weibull { shape: 1.7, scale: 3.1 },
    ];

    #[test]
    fn density_cdf_and_integral_belong_together() {
        for distribution in ALL {
            let d = distribution.prepared();
            for x in [0.5, 1.0, 2.0, 4.0, 9.0] {
                let h = 1e-4;
                let slope = (d.cdf(x + h) - d.cdf(x - h)) / (2.0 * h);
                assert!((slope - d.density(x)).abs() < 1e-6, "{distribution:?} {x}");
                let slope = (d.integral(x + h) - d.integral(x - h)) / (2.0 * h);
                assert!((slope - d.cdf(x)).abs() < 1e-6, "{distribution:?} {x}");
            }
        }
    }

    #[test]
    fn quantiles_invert_the_cdf() {
        for distribution in ALL {
            for p in [0.05, 0.5, 0.95] {
                assert!((distribution.share_within(distribution.quantile_days(p)) - p).abs() < 1e-9);
            }
        }
    }
}
