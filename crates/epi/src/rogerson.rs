//! Rogerson and Yamada's CUSUM of Poisson counts.

use std::ops::RangeInclusive;

use crate::Counts;
use crate::error::{EpiError, require_positive};

/// Settings of the chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RogersonSettings {
    /// Reference value k; persons per period. See [`poisson_reference_value`].
    pub reference_value: f64,
    /// Decision interval h; persons.
    pub decision_interval: f64,
    /// Fast initial response: the sum begins at h / 2, and after an alarm goes on from h / 2 at most.
    pub fast_initial_response: bool,
}

/// One judged period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RogersonRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// The sum S after this period; persons.
    pub statistic: f64,
    /// Smallest count that would have been an alarm; 0 where the sum was there already.
    pub upper_bound: f64,
    /// Whether the sum has reached the decision interval.
    pub is_alarm: bool,
}

/// Runs the chart over the `judged` periods: S = max(0, S + y - k), alarm when S >= h.
///
/// - `counts`: persons per period, oldest first.
/// - `judged`: first and last place to judge, from 0.
///
/// # Errors
/// [`EpiError::PositionOutside`], [`EpiError::InvalidSetting`].
/// # Limits
/// A constant expected count; with a season use [`crate::cusum::cusum`] and a seasonal expected count.
/// # Source
/// Rogerson and Yamada 2004, Stat Med 23:2195-2214, doi:10.1002/sim.1806; fast initial response after Lucas and Crosier
/// 1982. Checked against surveillance 1.20.3: family `rogerson` of the surveillance reference.
pub fn rogerson(
    counts: &Counts,
    judged: RangeInclusive<usize>,
    settings: &RogersonSettings,
) -> Result<Vec<RogersonRow>, EpiError> {
    let (k, h) = (settings.reference_value, settings.decision_interval);
    require_positive("reference_value", k)?;
    require_positive("decision_interval", h)?;
    let Some(y) = counts.as_slice().get(judged.clone()) else {
        return Err(EpiError::PositionOutside { position: judged.end() + 1, periods: counts.len() });
    };
    let mut sum = if settings.fast_initial_response { h / 2.0 } else { 0.0 };
    let rows = judged.zip(y).map(|(position, y)| {
        let upper_bound = (h - sum + k).ceil().max(0.0);
        sum = (sum + y - k).max(0.0);
        let row = RogersonRow { position, statistic: sum, upper_bound, is_alarm: sum >= h };
        if settings.fast_initial_response && row.is_alarm {
            sum = sum.min(h / 2.0);
        }
        row
    });
    Ok(rows.collect())
}

/// Reference value for a rise of the mean from `mean` to `raised_mean`: k = (θ1 - θ0) / (log θ1 - log θ0).
///
/// # Errors
/// [`EpiError::InvalidSetting`] unless 0 < θ0 < θ1.
/// # Source
/// Lucas 1985, Technometrics 27:129-144, doi:10.1080/00401706.1985.10488030.
pub fn poisson_reference_value(mean: f64, raised_mean: f64) -> Result<f64, EpiError> {
    require_positive("mean", mean)?;
    crate::error::require("raised_mean", raised_mean, "above the mean", raised_mean > mean)?;
    Ok((raised_mean - mean) / (raised_mean / mean).ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(y: &[f64], fast_initial_response: bool) -> Vec<RogersonRow> {
        let settings = RogersonSettings { reference_value: 2.0, decision_interval: 4.0, fast_initial_response };
        rogerson(&Counts::new(y.iter().copied()).unwrap(), 0..=y.len() - 1, &settings).unwrap()
    }

    #[test]
    fn the_bound_is_the_smallest_count_that_alarms() {
        for count in 0..10 {
            let row = run(&[f64::from(count)], false)[0];
            assert_eq!(row.is_alarm, f64::from(count) >= row.upper_bound);
        }
    }

    #[test]
    fn a_head_start_alarms_earlier() {
        assert!(run(&[4.0], true)[0].is_alarm && !run(&[4.0], false)[0].is_alarm);
    }

    #[test]
    fn the_reference_value_lies_between_the_means() {
        let k = poisson_reference_value(2.0, 4.0).unwrap();
        assert!(k > 2.0 && k < 4.0);
        assert!(poisson_reference_value(2.0, 2.0).is_err());
    }
}
