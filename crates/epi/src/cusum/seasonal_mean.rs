//! Expected counts from one yearly wave.

use std::f64::consts::TAU;
use std::ops::RangeInclusive;

use crate::error::EpiError;
use crate::regression::poisson_regression;

/// Means above it are an extrapolation gone wrong.
const MEAN_MAX: f64 = 1e15;

/// Expected counts of the `judged` periods from a wave fitted to the history.
pub(super) fn seasonal_means(
    history: &[f64],
    judged: RangeInclusive<usize>,
    periods_per_year: usize,
    first_period: usize,
) -> Result<Vec<f64>, EpiError> {
    let row = |index: usize| {
        let angle = TAU * (first_period + index) as f64 / periods_per_year as f64;
        vec![1.0, angle.cos(), angle.sin()]
    };
    let rows: Vec<Vec<f64>> = (0..history.len()).map(row).collect();
    let fit = poisson_regression(&rows, history).ok_or(EpiError::NotIdentifiable {
        quantity: "the seasonal wave of the expected count",
        reason: "the history is too short or too sparse for a yearly wave",
    })?;
    let means: Vec<f64> = judged.map(|index| fit.log_mean(&row(index)).exp()).collect();
    if means.iter().any(|mean| !(mean.is_normal() && *mean < MEAN_MAX)) {
        let (quantity, reason) = ("the expected count", "the wave fitted to so short a history leaves all bounds");
        return Err(EpiError::NotIdentifiable { quantity, reason });
    }
    Ok(means)
}
