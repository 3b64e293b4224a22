//! R where the serial interval itself is uncertain.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{R_QUANTILES, ReproductionEstimate, ReproductionPrior, ReproductionRow, check};
use crate::error::{EpiError, require, require_positive};
use crate::incidence::infectivity_of;
use crate::serial_interval::discretise_shifted_gamma;
use crate::special::{gamma_lr, gamma_quantile};
use crate::{Incidence, Window};

/// Groups of equal size into which the posteriors are gathered for the quantiles.
const GROUPS: usize = 64;
/// Rejection draws before a truncated normal gives up.
const DRAWS_MAX: usize = 100_000;

/// A normal distribution cut off at both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruncatedNormal {
    /// Mean before cutting; days.
    pub mean: f64,
    /// Standard deviation before cutting; days.
    pub sd: f64,
    /// Smallest value; days.
    pub min: f64,
    /// Largest value; days.
    pub max: f64,
}

/// What is known about mean and standard deviation of the serial interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UncertainSerialInterval {
    /// Distribution of the mean.
    pub mean_days: TruncatedNormal,
    /// Distribution of the standard deviation; draws above the mean drawn with them are thrown away.
    pub sd_days: TruncatedNormal,
    /// Pairs of mean and standard deviation to draw.
    pub intervals: usize,
}

/// Instantaneous reproduction number that carries the uncertainty of the serial interval along.
///
/// Draws pairs (mean, sd) from two truncated normal distributions and computes the gamma posterior of
/// [`super::estimate_r_cori`] for each. The answer is the mixture of these posteriors: mean and standard deviation exact
/// given the pairs, quantiles by solving the mixture's distribution function, gathered into 64 groups.
///
/// - `incidence`, `windows`, `prior`: as for [`super::estimate_r_cori`].
/// - `rng`: a seeded generator; the same seed gives the same answer.
/// - returns: one row per window. `None` where the window ends on or before the largest mean serial interval drawn.
///
/// # Errors
/// [`EpiError::InvalidSetting`] when a truncated normal has no mass between its ends or a mean could be 1 day or less,
/// and those of [`super::estimate_r_cori`].
/// # Limits
/// Monte Carlo in the serial interval: with 1000 pairs the estimates wander by about 1 %.
/// # Source
/// Cori et al. 2013, doi:10.1093/aje/kwt133, Web Appendix 4; Thompson et al. 2019, doi:10.1016/j.epidem.2019.100356.
/// Checked against EpiEstim 2.2-4: family `epiestim_uncertain` of the surveillance reference.
pub fn estimate_r_cori_uncertain(
    incidence: &Incidence,
    serial_interval: &UncertainSerialInterval,
    windows: &[Window],
    prior: ReproductionPrior,
    rng: &mut impl Rng,
) -> Result<Vec<ReproductionRow>, EpiError> {
    check(incidence, windows, prior)?;
    check_interval(serial_interval)?;
    let days = incidence.days();
    let cases: Vec<f64> = (0..days).map(|day| incidence.total_on(day)).collect();
    let mut mean_days_max: f64 = 0.0;
    let mut infectivities = Vec::with_capacity(serial_interval.intervals);
    for _ in 0..serial_interval.intervals {
        let (mean, sd) = draw_pair(serial_interval, rng)?;
        mean_days_max = mean_days_max.max(mean);
        infectivities.push(infectivity_of(&cases, &discretise_shifted_gamma(mean, sd, days)?));
    }
    let rows = windows.iter().map(|&window| {
        let cases: f64 = incidence.local()[window.first..=window.last].iter().sum();
        let shape = prior.shape() + cases;
        let sums: Vec<f64> = infectivities.iter().map(|l| l[window.first..=window.last].iter().sum()).collect();
        let is_reached = (window.last + 1) as f64 > mean_days_max;
        let estimate = is_reached.then(|| {
            let mut scales: Vec<f64> = sums.iter().map(|sum| 1.0 / (1.0 / prior.scale() + sum)).collect();
            mixture(shape, &mut scales)
        });
        let infectivity = sums.iter().sum::<f64>() / sums.len() as f64;
        ReproductionRow { window, cases, infectivity, estimate }
    });
    Ok(rows.collect())
}

/// The mixture of gamma distributions of one shape and several scales.
fn mixture(shape: f64, scales: &mut [f64]) -> ReproductionEstimate {
    let n = scales.len() as f64;
    let mean = shape * scales.iter().sum::<f64>() / n;
    let second = shape * (shape + 1.0) * scales.iter().map(|s| s * s).sum::<f64>() / n;
    scales.sort_unstable_by(f64::total_cmp);
    let size = scales.len().div_ceil(GROUPS);
    let groups: Vec<(f64, f64)> = scales
        .chunks(size)
        .map(|group| (group.len() as f64 / n, group.iter().sum::<f64>() / group.len() as f64))
        .collect();
    let quantiles = R_QUANTILES.map(|p| mixture_quantile(shape, &groups, p));
    ReproductionEstimate { mean, sd: (second - mean * mean).max(0.0).sqrt(), quantiles }
}

/// Bisection between the quantiles of the narrowest and the widest component.
fn mixture_quantile(shape: f64, groups: &[(f64, f64)], p: f64) -> f64 {
    let unit = gamma_quantile(p, shape);
    let (mut low, mut high) = (unit * groups[0].1, unit * groups[groups.len() - 1].1);
    while high - low > 1e-7 * high {
        let middle = 0.5 * (low + high);
        let cdf: f64 = groups.iter().map(|(weight, scale)| weight * gamma_lr(shape, middle / scale)).sum();
        if cdf < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

fn draw_pair(interval: &UncertainSerialInterval, rng: &mut impl Rng) -> Result<(f64, f64), EpiError> {
    for _ in 0..DRAWS_MAX {
        let mean = draw(&interval.mean_days, rng)?;
        let sd = draw(&interval.sd_days, rng)?;
        if sd < mean {
            return Ok((mean, sd));
        }
    }
    Err(EpiError::InvalidSetting { name: "sd_days.mean", value: interval.sd_days.mean, rule: "below the mean" })
}

fn draw(normal: &TruncatedNormal, rng: &mut impl Rng) -> Result<f64, EpiError> {
    for _ in 0..DRAWS_MAX {
        let z: f64 = StandardNormal.sample(rng);
        let value = normal.mean + normal.sd * z;
        if (normal.min..=normal.max).contains(&value) {
            return Ok(value);
        }
    }
    Err(EpiError::InvalidSetting { name: "truncated normal mean", value: normal.mean, rule: "near its ends" })
}

fn check_interval(interval: &UncertainSerialInterval) -> Result<(), EpiError> {
    for normal in [&interval.mean_days, &interval.sd_days] {
        require(
            "truncated normal mean",
            normal.mean,
            "between its ends",
            (normal.min..=normal.max).contains(&normal.mean),
        )?;
        require_positive("truncated normal sd", normal.sd)?;
    }
    require("mean_days.min", interval.mean_days.min, "above 1 day", interval.mean_days.min > 1.0)?;
    require_positive("sd_days.min", interval.sd_days.min)?;
    require_positive("intervals", interval.intervals as f64)
}
