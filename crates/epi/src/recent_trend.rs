//! Do the last days leave the trend of the days before? The model is chosen anew each time.

use crate::Counts;
use crate::error::{EpiError, require, require_probability};
use crate::regression::{PoissonFit, poisson_regression};
use crate::special::{CountDistribution, ln_gamma};

/// Periods of training that every candidate can be fitted to.
const TRAINING_MIN: usize = 12;
/// Days of training from which weekdays may enter.
const WEEKDAYS_MIN: usize = 28;

/// The candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrendModel {
    /// One mean.
    Constant,
    /// Log-linear trend.
    Linear,
    /// Log-linear trend and a factor of seven weekdays.
    LinearWeekday,
}

/// Settings of the comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecentTrendSettings {
    /// Last periods that are judged and not learned from.
    pub recent: usize,
    /// Probability of a judged period outside its interval without a change, both sides together.
    pub alpha: f64,
    /// Whether the periods are days, so that weekdays may matter.
    pub is_daily: bool,
}

/// How a period lies to its interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Fewer cases than the interval.
    Below,
    /// Within the interval.
    Within,
    /// More cases than the interval.
    Above,
}

/// One period, learned from or judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecentTrendRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// Mean by the chosen model; persons.
    pub expected: f64,
    /// Smallest count of the interval.
    pub lower: f64,
    /// Largest count of the interval.
    pub upper: f64,
    /// How the count lies to it.
    pub departure: Departure,
    /// Whether the period is one of the last ones, kept out of the fit.
    pub is_recent: bool,
}

/// The comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentTrend {
    /// The candidate with the least AIC.
    pub model: TrendModel,
    /// Dispersion of the counts around it: variance over mean, at least 1.
    pub dispersion: f64,
    /// Slope of the logarithm of the mean per period, for models that have one.
    pub trend_per_period: Option<f64>,
    /// All periods.
    pub rows: Vec<RecentTrendRow>,
}

/// Compares the last periods with the trend of those before.
///
/// The candidates of [`TrendModel`] are fitted by Poisson regression to all but the last `recent` periods; that with the
/// least AIC (negative binomial with variance φ μ where φ > 1) gives each period an interval: quantiles of a negative binomial
/// with the fitted mean and variance φ μ + φ μ² x'(X'WX)^-1 x, which holds the uncertainty of the mean.
///
/// - `counts`: persons per period, oldest first; a few weeks to months.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] below twelve periods of training; [`EpiError::NotIdentifiable`] without a case there;
/// [`EpiError::InvalidSetting`].
/// # Limits
/// One straight trend: over more than about two months choose a shorter series. An extrapolated trend widens quickly.
/// # Source
/// In the manner of ASMODEE: Jombart et al. 2021, Phil Trans R Soc B 376:20200266, doi:10.1098/rstb.2020.0266, with
/// fewer candidates and a fixed number of recent periods.
pub fn compare_recent_trend(counts: &Counts, settings: &RecentTrendSettings) -> Result<RecentTrend, EpiError> {
    require_probability("alpha", settings.alpha)?;
    require("recent", settings.recent as f64, "at least 1", settings.recent >= 1)?;
    counts.require_len(TRAINING_MIN + settings.recent, "a comparison with the recent trend")?;
    let y = counts.as_slice();
    let training = &y[..y.len() - settings.recent];
    let none = EpiError::NotIdentifiable { quantity: "a trend", reason: "the periods before have no case" };
    if training.iter().all(|&v| v == 0.0) {
        return Err(none);
    }
    let mut candidates = vec![TrendModel::Constant, TrendModel::Linear];
    if settings.is_daily && training.len() >= WEEKDAYS_MIN {
        candidates.push(TrendModel::LinearWeekday);
    }
    let fits = candidates.into_iter().filter_map(|model| {
        let rows: Vec<Vec<f64>> = (0..training.len()).map(|t| design_row(model, t)).collect();
        let fit = poisson_regression(&rows, training)?;
        let dispersion = fit.dispersion(training);
        Some((aic(&fit, training, dispersion), model, fit, dispersion))
    });
    let (_, model, fit, dispersion) = fits.min_by(|a, b| a.0.total_cmp(&b.0)).ok_or(none)?;
    let rows = (0..y.len()).map(|t| {
        let (lower, upper, expected) = interval(&fit, &design_row(model, t), dispersion, settings.alpha);
        let departure = if y[t] > upper {
            Departure::Above
        } else if y[t] < lower {
            Departure::Below
        } else {
            Departure::Within
        };
        RecentTrendRow { position: t, expected, lower, upper, departure, is_recent: t >= training.len() }
    });
    let trend_per_period = (model != TrendModel::Constant).then(|| fit.beta[1]);
    Ok(RecentTrend { model, dispersion, trend_per_period, rows: rows.collect() })
}

fn design_row(model: TrendModel, t: usize) -> Vec<f64> {
    match model {
        TrendModel::Constant => vec![1.0],
        TrendModel::Linear => vec![1.0, t as f64],
        TrendModel::LinearWeekday => {
            let mut row = vec![0.0; 8];
            (row[0], row[1]) = (1.0, t as f64);
            // The first weekday of the series is the one that the others are compared with.
            if let Some(slot) = (t % 7).checked_sub(1) {
                row[2 + slot] = 1.0;
            }
            row
        }
    }
}

fn aic(fit: &PoissonFit, y: &[f64], dispersion: f64) -> f64 {
    let log_likelihood: f64 = y.iter().zip(&fit.means).map(|(&y, &mean)| log_mass(y, mean, dispersion)).sum();
    let parameters = fit.beta.len() + usize::from(dispersion > 1.0);
    2.0 * parameters as f64 - 2.0 * log_likelihood
}

/// Logarithm of the probability of a count with variance `dispersion` x mean.
fn log_mass(y: f64, mean: f64, dispersion: f64) -> f64 {
    if dispersion <= 1.0 + 1e-9 {
        return y * mean.ln() - mean - ln_gamma(y + 1.0);
    }
    let size = mean / (dispersion - 1.0);
    ln_gamma(size + y) - ln_gamma(size) - ln_gamma(y + 1.0) - size * dispersion.ln() + y * (1.0 - 1.0 / dispersion).ln()
}

fn interval(fit: &PoissonFit, row: &[f64], dispersion: f64, alpha: f64) -> (f64, f64, f64) {
    let mean = fit.log_mean(row).exp().clamp(f64::EPSILON, 1e15);
    let total = dispersion * (1.0 + mean * fit.variance_factor(row));
    let counts = CountDistribution::new(mean, total.clamp(1.0, 1e12));
    (counts.quantile(alpha / 2.0), counts.quantile(1.0 - alpha / 2.0), mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAILY: RecentTrendSettings = RecentTrendSettings { recent: 7, alpha: 0.05, is_daily: true };

    fn run(y: impl IntoIterator<Item = f64>) -> RecentTrend {
        compare_recent_trend(&Counts::new(y).unwrap(), &DAILY).unwrap()
    }

    #[test]
    fn growth_that_goes_on_is_no_departure_and_growth_that_stops_is_one() {
        let growth = |t: i32| (20.0 * (0.05 * f64::from(t)).exp()).round();
        let on = run((0..42).map(growth));
        assert_eq!(on.model, TrendModel::Linear);
        assert!((on.trend_per_period.unwrap() - 0.05).abs() < 0.003);
        assert!(on.rows.iter().all(|r| r.departure == Departure::Within));
        let off = run((0..42).map(|t| growth(t.min(34))));
        assert_eq!(off.rows[41].departure, Departure::Below);
    }

    #[test]
    fn quiet_weekends_are_learned_and_a_jump_is_found() {
        let week = |t: i32| if t % 7 >= 5 { 20.0 } else { 60.0 };
        let mut y: Vec<f64> = (0..63).map(week).collect();
        assert_eq!(run(y.clone()).model, TrendModel::LinearWeekday);
        y[61] = 60.0;
        let found = run(y);
        let above: Vec<usize> =
            found.rows.iter().filter(|r| r.departure == Departure::Above).map(|r| r.position).collect();
        assert_eq!(above, [61]);
    }

    #[test]
    fn an_even_series_stays_with_one_mean() {
        let even = run((0..40).map(|t| f64::from(10 + (t * 7919) % 5)));
        assert_eq!(even.model, TrendModel::Constant);
    }

    #[test]
    fn too_little_to_learn_from_is_refused() {
        let short = compare_recent_trend(&Counts::new([3.0; 18]).unwrap(), &DAILY);
        assert!(matches!(short, Err(EpiError::SeriesTooShort { have: 18, need: 19, .. })));
        let empty = compare_recent_trend(&Counts::new([0.0; 30]).unwrap(), &DAILY);
        assert!(matches!(empty, Err(EpiError::NotIdentifiable { .. })));
    }
}
