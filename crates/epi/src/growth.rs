//! Exponential growth and decline: rate, doubling time, and the reproduction number that goes with a rate.

mod split;

use crate::Counts;
use crate::error::{EpiError, require, require_positive, require_probability};
use crate::special::student_quantile;
pub use split::{GrowthSplit, SplitCandidate, find_growth_split};

/// Time for cases to double or to halve; days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangeTime {
    /// log 2 / |r|.
    pub days: f64,
    /// log 2 over the limit of r that gives the shorter time. Days; negative where the rate may have the other sign.
    pub lower: Option<f64>,
    /// log 2 over the other limit of r. Days; negative where the rate may have the other sign.
    pub upper: Option<f64>,
}

/// A period of the fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GrowthPoint {
    /// Place in the series, from 0.
    pub position: usize,
    /// Centre of the period, in days from the beginning of the first period kept.
    pub time_days: f64,
    /// Fitted count; persons per period.
    pub fit: f64,
    /// Lower confidence limit of the fitted line.
    pub lower: f64,
    /// Upper confidence limit of the fitted line.
    pub upper: f64,
}

/// Log-linear fit of counts on time.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// Growth rate r; per day.
    pub rate: f64,
    /// Lower confidence limit of r; `None` with two periods, which leave no residual.
    pub rate_lower: Option<f64>,
    /// Upper confidence limit of r.
    pub rate_upper: Option<f64>,
    /// Logarithm of the fitted count at the beginning of the first period kept.
    pub intercept: f64,
    /// R² adjusted for the slope; `None` with two periods, or where log counts do not vary.
    pub adjusted_r2: Option<f64>,
    /// Doubling time, where r > 0 and its limits are known.
    pub doubling: Option<ChangeTime>,
    /// Halving time, where r < 0 and its limits are known.
    pub halving: Option<ChangeTime>,
    /// Fitted line with its confidence band; the band is empty (equal to the fit) with two periods.
    pub points: Vec<GrowthPoint>,
}

/// Fits exponential growth to part of a series.
///
/// Least squares of log(count) on time; periods without cases are dropped. Limits by Student's t.
///
/// - `counts`: persons per period, oldest first; only the part to be fitted.
/// - `interval_days`: length of a period.
/// - `level`: of the confidence limits, usually 0.95.
///
/// # Errors
/// [`EpiError::NotIdentifiable`] with fewer than two periods that have cases; [`EpiError::InvalidSetting`].
/// # Limits
/// Dropping zeros biases the rate towards 0 at the ends of small outbreaks; days count alike whatever their counts.
/// # Source
/// Ordinary least squares, as used for epidemics by Jombart et al. (incidence 1.7.3).
/// Checked against it: family `growth` of the surveillance reference.
pub fn fit_growth(counts: &Counts, interval_days: f64, level: f64) -> Result<Growth, EpiError> {
    require_positive("interval_days", interval_days)?;
    require_probability("level", level)?;
    let kept: Vec<(usize, f64)> =
        counts.as_slice().iter().enumerate().filter(|(_, y)| **y > 0.0).map(|(i, y)| (i, y.ln())).collect();
    if kept.len() < 2 {
        let (quantity, reason) = ("a growth rate", "at least two periods with cases are needed");
        return Err(EpiError::NotIdentifiable { quantity, reason });
    }
    Ok(line(&kept, interval_days, level))
}

fn line(kept: &[(usize, f64)], interval_days: f64, level: f64) -> Growth {
    let n = kept.len() as f64;
    let first = kept[0].0;
    let time = |position: usize| ((position - first) as f64 + 0.5) * interval_days;
    let mean_time = kept.iter().map(|(i, _)| time(*i)).sum::<f64>() / n;
    let mean_log = kept.iter().map(|(_, y)| y).sum::<f64>() / n;
    let time_squares: f64 = kept.iter().map(|(i, _)| (time(*i) - mean_time).powi(2)).sum();
    let products: f64 = kept.iter().map(|(i, y)| (time(*i) - mean_time) * (y - mean_log)).sum();
    let rate = products / time_squares;
    let fitted = |position: usize| mean_log + rate * (time(position) - mean_time);
    let residual_squares: f64 = kept.iter().map(|(i, y)| (y - fitted(*i)).powi(2)).sum();
    let total_squares: f64 = kept.iter().map(|(_, y)| (y - mean_log).powi(2)).sum();
    let freedom = n - 2.0;
    let spread = (freedom > 0.0).then(|| {
        let t = student_quantile(0.5 + level / 2.0, freedom);
        (t, (residual_squares / freedom).sqrt())
    });
    let points = kept.iter().map(|&(position, _)| {
        let centre = fitted(position);
        let band = spread
            .map_or(0.0, |(t, sd)| t * sd * (1.0 / n + (time(position) - mean_time).powi(2) / time_squares).sqrt());
        let (lower, upper) = ((centre - band).exp(), (centre + band).exp());
        GrowthPoint { position, time_days: time(position), fit: centre.exp(), lower, upper }
    });
    let limits = spread.map(|(t, sd)| (rate - t * sd / time_squares.sqrt(), rate + t * sd / time_squares.sqrt()));
    let adjusted_r2 = (freedom > 0.0 && total_squares > 0.0)
        .then(|| 1.0 - (residual_squares / freedom) / (total_squares / (n - 1.0)));
    Growth {
        rate,
        rate_lower: limits.map(|l| l.0),
        rate_upper: limits.map(|l| l.1),
        intercept: mean_log - rate * mean_time,
        adjusted_r2,
        doubling: (rate > 0.0).then(|| change_time(rate, limits.map(|(low, high)| (high, low)))),
        halving: (rate < 0.0).then(|| change_time(-rate, limits.map(|(low, high)| (-low, -high)))),
        points: points.collect(),
    }
}

fn change_time(rate: f64, limits: Option<(f64, f64)>) -> ChangeTime {
    let days = |rate: f64| std::f64::consts::LN_2 / rate;
    let (lower, upper) = (limits.map(|(fast, _)| days(fast)), limits.map(|(_, slow)| days(slow)));
    ChangeTime { days: days(rate), lower, upper }
}

/// Reproduction number of exponential growth at rate r with a gamma-distributed generation time.
///
/// R = 1 / M(-r) = (1 + r sd²/mean)^((mean/sd)²), with M the moment generating function; R = exp(r mean) where sd = 0.
///
/// - `rate`: r per day.
/// - `mean_days`, `sd_days`: of the generation time.
///
/// # Errors
/// [`EpiError::InvalidSetting`] unless mean > 0, sd >= 0 and r > -mean/sd²: cases cannot fall faster than that.
/// # Source
/// Wallinga and Lipsitch 2007, Proc R Soc B 274:599-604, doi:10.1098/rspb.2006.3754.
/// Checked by quadrature: family `growth_to_R` of the surveillance reference.
pub fn growth_to_reproduction(rate: f64, mean_days: f64, sd_days: f64) -> Result<f64, EpiError> {
    require_positive("mean_days", mean_days)?;
    require("sd_days", sd_days, "0 or more", sd_days >= 0.0)?;
    if sd_days == 0.0 {
        require("rate", rate, "finite", true)?;
        return Ok((rate * mean_days).exp());
    }
    let scaled = rate * sd_days * sd_days / mean_days;
    require("rate", rate, "above -mean/sd²", scaled > -1.0)?;
    // The logarithm of 1 + x keeps its digits where the spread is small.
    Ok(((mean_days / sd_days).powi(2) * scaled.ln_1p()).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_doubling_every_three_days_is_found() {
        let counts = Counts::new((0..6).map(|i| 5.0 * 2f64.powi(i))).unwrap();
        let growth = fit_growth(&counts, 3.0, 0.95).unwrap();
        assert!((growth.doubling.unwrap().days - 3.0).abs() < 1e-12);
        assert!(growth.halving.is_none());
    }

    #[test]
    fn multiplying_all_counts_leaves_the_rate() {
        let y = [3.0, 5.0, 4.0, 9.0, 13.0, 12.0, 20.0];
        let plain = fit_growth(&Counts::new(y).unwrap(), 1.0, 0.95).unwrap();
        let scaled = fit_growth(&Counts::new(y.map(|v| v * 1000.0)).unwrap(), 1.0, 0.95).unwrap();
        assert!((plain.rate - scaled.rate).abs() < 1e-14);
        assert!((plain.rate_upper.unwrap() - scaled.rate_upper.unwrap()).abs() < 1e-13);
    }

    #[test]
    fn one_period_with_cases_is_not_enough() {
        let error = fit_growth(&Counts::new([0.0, 7.0, 0.0]).unwrap(), 1.0, 0.95);
        assert!(matches!(error, Err(EpiError::NotIdentifiable { .. })));
    }

    #[test]
    fn two_periods_give_a_rate_without_limits() {
        let growth = fit_growth(&Counts::new([4.0, 8.0]).unwrap(), 1.0, 0.95).unwrap();
        assert!((growth.rate - 2f64.ln()).abs() < 1e-15);
        assert_eq!((growth.rate_lower, growth.adjusted_r2), (None, None));
        let doubling = growth.doubling.unwrap();
        assert!((doubling.days - 1.0).abs() < 1e-15 && doubling.lower.is_none() && doubling.upper.is_none());
    }

    #[test]
    fn no_growth_is_a_reproduction_number_of_one() {
        assert_eq!(growth_to_reproduction(0.0, 4.8, 2.3).unwrap(), 1.0);
        let narrow = growth_to_reproduction(0.1, 5.0, 1e-6).unwrap();
        assert!((narrow - growth_to_reproduction(0.1, 5.0, 0.0).unwrap()).abs() < 1e-9);
        assert!(growth_to_reproduction(-3.0, 2.0, 2.0).is_err());
    }
}
