//! CUSUM charts of counts around an expected value: small lasting rises add up.

mod seasonal_mean;
mod transform;

use std::ops::RangeInclusive;

use crate::Counts;
use crate::error::{EpiError, require, require_positive};
use seasonal_mean::seasonal_means;
pub use transform::CusumTransform;

/// Where the expected count comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ExpectedCount {
    /// Mean of all counts before the first judged period.
    HistoryMean,
    /// Poisson regression of those counts on cos and sin of 2πt / `periods_per_year`, carried forward.
    Seasonal {
        /// 52 for weeks, 12 for months, 365 for days.
        periods_per_year: usize,
        /// Period of the year of the first count, from 1.
        first_period: usize,
    },
    /// A value known from elsewhere; persons per period.
    Fixed(f64),
}

/// Settings of a CUSUM chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CusumSettings {
    /// Reference value k: the drift per period that is let pass; standard deviations.
    pub reference_value: f64,
    /// Decision interval h: alarm when the sum reaches it; standard deviations.
    pub decision_interval: f64,
    /// How counts are made nearly normal.
    pub transform: CusumTransform,
    /// Where the expected count comes from.
    pub expected: ExpectedCount,
}

/// One judged period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CusumRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// Expected count; persons.
    pub expected: f64,
    /// The sum S after this period; standard deviations.
    pub statistic: f64,
    /// Count from which this period would have been an alarm, 0 where the sum was there already.
    pub upper_bound: f64,
    /// Whether the sum has reached the decision interval.
    pub is_alarm: bool,
}

/// Runs a CUSUM chart over the `judged` periods.
///
/// S = max(0, S + z - k) from S = 0, alarm when S >= h; the sum is not reset after an alarm. z is the transformed
/// count, see [`CusumTransform`].
///
/// - `counts`: persons per period, oldest first.
/// - `judged`: first and last place to judge, from 0; everything before it is history for the expected count.
/// - returns: one row per judged period.
///
/// # Errors
/// [`EpiError::PositionOutside`], [`EpiError::SeriesTooShort`] without enough history for the expected count,
/// [`EpiError::NotIdentifiable`] when the history has no case at all, [`EpiError::InvalidSetting`].
/// # Limits
/// With an expected count below about 1 no transform is close to normal and the false-alarm rate is off; the alarm
/// stays on for long after a large outbreak, because the sum has to come down again.
/// # Source
/// Rossi, Lampugnani and Marchi 1999, Stat Med 18:2111-2122; Pierce and Schafer 1986, JASA 81:977-986.
/// Checked against surveillance 1.20.3: family `cusum` of the surveillance reference.
pub fn cusum(
    counts: &Counts,
    judged: RangeInclusive<usize>,
    settings: &CusumSettings,
) -> Result<Vec<CusumRow>, EpiError> {
    require("reference_value", settings.reference_value, "0 or more", settings.reference_value >= 0.0)?;
    require_positive("decision_interval", settings.decision_interval)?;
    settings.transform.check()?;
    if *judged.end() >= counts.len() {
        return Err(EpiError::PositionOutside { position: judged.end() + 1, periods: counts.len() });
    }
    let means = expected_counts(counts, &judged, settings.expected)?;
    let (k, h) = (settings.reference_value, settings.decision_interval);
    let mut statistic: f64 = 0.0;
    let rows = judged.zip(means).map(|(position, expected)| {
        let upper_bound = settings.transform.invert(h + k - statistic, expected);
        let z = settings.transform.apply(counts.as_slice()[position], expected);
        statistic = (statistic + z - k).max(0.0);
        CusumRow { position, expected, statistic, upper_bound, is_alarm: statistic >= h }
    });
    Ok(rows.collect())
}

/// The expected count of each judged period.
fn expected_counts(
    counts: &Counts,
    judged: &RangeInclusive<usize>,
    expected: ExpectedCount,
) -> Result<Vec<f64>, EpiError> {
    let history = &counts.as_slice()[..*judged.start()];
    let need = match expected {
        ExpectedCount::HistoryMean => 1,
        ExpectedCount::Seasonal { .. } => 4,
        ExpectedCount::Fixed(_) => 0,
    };
    if history.len() < need {
        let (have, what) = (history.len(), "the history of a CUSUM chart");
        return Err(EpiError::SeriesTooShort { have, need, what });
    }
    if need > 0 && history.iter().all(|&y| y == 0.0) {
        let (quantity, reason) = ("the expected count", "the history has no case; give a fixed expected count");
        return Err(EpiError::NotIdentifiable { quantity, reason });
    }
    match expected {
        ExpectedCount::HistoryMean => {
            let mean = history.iter().sum::<f64>() / history.len() as f64;
            Ok(judged.clone().map(|_| mean).collect())
        }
        ExpectedCount::Seasonal { periods_per_year, first_period } => {
            require("periods_per_year", periods_per_year as f64, "at least 3", periods_per_year >= 3)?;
            seasonal_means(history, judged.clone(), periods_per_year, first_period)
        }
        ExpectedCount::Fixed(mean) => {
            require_positive("expected", mean)?;
            Ok(judged.clone().map(|_| mean).collect())
        }
    }
}
