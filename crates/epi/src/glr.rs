//! Likelihood-ratio detection of a lasting change in a Poisson mean.

use crate::Counts;
use crate::error::{EpiError, require, require_positive};

/// The change looked for: the mean becomes exp(κ) times the expected one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shift {
    /// κ is known: CUSUM of log-likelihood ratios. Above 0 for a rise, below for a fall.
    Known(f64),
    /// κ >= 0 is estimated for every change point.
    Rise,
    /// κ <= 0 is estimated for every change point.
    Fall,
}

/// Settings of the detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlrSettings {
    /// Alarm when the statistic reaches it; log-likelihood.
    pub threshold: f64,
    /// The change looked for.
    pub shift: Shift,
    /// Periods that a change has to have lasted, at least 1.
    pub lasted_min: usize,
    /// Periods to look back for the change; `None` for all since the last alarm.
    pub look_back: Option<usize>,
    /// Count as the R package does: with `look_back` M a change has lasted from `lasted_min` + 1 to M + 1 periods;
    /// without it `lasted_min` only silences the first `lasted_min` - 1 periods after an alarm. A fall to no case at all is
    /// never looked at. A known shift uses neither number.
    pub compat: bool,
}

/// One judged period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlrRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// Largest log-likelihood ratio over change points (and shifts).
    pub statistic: f64,
    /// Whether it has reached the threshold; the statistic begins anew after an alarm.
    pub is_alarm: bool,
}

/// Judges a stretch of a series against its expected counts.
///
/// For a change point k the log-likelihood ratio of the shift κ is Σ_{t>=k} (κ y_t - μ_t (e^κ - 1)). For a known κ its
/// maximum over k is the recursion S = max(0, S + κ y - μ (e^κ - 1)); for an unknown one κ = log(Σ y / Σ μ) within the
/// sign asked for.
///
/// - `counts`: persons per period.
/// - `expected`: μ of the judged periods, one value per period; persons.
/// - `first`: place of the first judged period, from 0.
///
/// # Errors
/// [`EpiError::PositionOutside`] when the judged periods pass the end of the series, [`EpiError::InvalidSetting`].
/// # Limits
/// The expected counts are taken as known; an error in them is found as a change.
/// # Source
/// Höhle and Paul 2008, Comput Stat Data Anal 52:4357-4368, doi:10.1016/j.csda.2008.02.015.
/// Checked against surveillance 1.20.3: family `glr_poisson` of the surveillance reference.
pub fn glr_poisson(
    counts: &Counts,
    first: usize,
    expected: &[f64],
    settings: &GlrSettings,
) -> Result<Vec<GlrRow>, EpiError> {
    require_positive("threshold", settings.threshold)?;
    require("lasted_min", settings.lasted_min as f64, "at least 1", settings.lasted_min >= 1 || settings.compat)?;
    if let Shift::Known(shift) = settings.shift {
        require("shift", shift, "not 0", shift != 0.0)?;
    }
    expected.iter().try_for_each(|&mean| require_positive("expected", mean))?;
    let end = first + expected.len();
    let Some(y) = counts.as_slice().get(first..end) else {
        return Err(EpiError::PositionOutside { position: end, periods: counts.len() });
    };
    let mut start = 0;
    let mut known: f64 = 0.0;
    let rows = (0..y.len()).map(|t| {
        let statistic = match settings.shift {
            Shift::Known(shift) => {
                known = (known + shift * y[t] - expected[t] * shift.exp_m1()).max(0.0);
                known
            }
            Shift::Rise | Shift::Fall => best_change(&y[start..=t], &expected[start..=t], settings),
        };
        let is_alarm = statistic >= settings.threshold;
        if is_alarm {
            (start, known) = (t + 1, 0.0);
        }
        GlrRow { position: first + t, statistic, is_alarm }
    });
    Ok(rows.collect())
}

/// The largest ratio over the change points, walking back from now.
fn best_change(y: &[f64], expected: &[f64], settings: &GlrSettings) -> f64 {
    let (mut cases, mut mean, mut best): (f64, f64, f64) = (0.0, 0.0, 0.0);
    let (shortest, reach) = match (settings.compat, settings.look_back) {
        (false, reach) => (settings.lasted_min, reach.unwrap_or(usize::MAX)),
        (true, Some(reach)) => (settings.lasted_min + 1, reach.saturating_add(1)),
        (true, None) if y.len() < settings.lasted_min => return 0.0,
        (true, None) => (1, usize::MAX),
    };
    for (lasted, (y, m)) in y.iter().zip(expected).rev().take(reach).enumerate() {
        cases += y;
        mean += m;
        let is_in_direction = match settings.shift {
            Shift::Fall => cases < mean && (cases > 0.0 || !settings.compat),
            _ => cases > mean,
        };
        if lasted + 1 >= shortest && is_in_direction {
            let log_part = if cases > 0.0 { cases * (cases / mean).ln() } else { 0.0 };
            best = best.max(log_part - (cases - mean));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(shift: Shift) -> GlrSettings {
        GlrSettings { threshold: 4.0, shift, lasted_min: 1, look_back: None, compat: false }
    }

    fn run(y: &[f64], shift: Shift) -> Vec<GlrRow> {
        glr_poisson(&Counts::new(y.iter().copied()).unwrap(), 0, &vec![3.0; y.len()], &settings(shift)).unwrap()
    }

    #[test]
    fn a_rise_is_found_and_the_statistic_begins_anew() {
        let rows = run(&[3.0, 2.0, 4.0, 12.0, 3.0], Shift::Rise);
        assert!(rows[3].is_alarm && !rows[4].is_alarm);
        assert_eq!(rows[4].statistic, 0.0);
    }

    #[test]
    fn a_fall_is_not_a_rise() {
        assert!(run(&[0.0; 8], Shift::Rise).iter().all(|r| r.statistic == 0.0));
        assert!(run(&[0.0; 8], Shift::Fall).iter().any(|r| r.is_alarm));
    }

    #[test]
    fn a_change_has_to_have_lasted_and_not_for_longer_than_is_looked_back() {
        let y = [3.0, 3.0, 12.0, 3.0];
        let at = |lasted_min, look_back, compat| {
            let settings = GlrSettings { lasted_min, look_back, compat, threshold: 99.0, shift: Shift::Rise };
            let rows = glr_poisson(&Counts::new(y).unwrap(), 0, &[3.0; 4], &settings).unwrap();
            rows.iter().map(|r| (r.statistic * 1e3).round() / 1e3).collect::<Vec<_>>()
        };
        // 12 of 3: 12 ln 4 - 9 = 7.636; 15 of 6: 15 ln 2.5 - 9 = 4.744; 18 of 9: 18 ln 2 - 9 = 3.477;
        // 21 of 12: 21 ln 1.75 - 9 = 2.752.
        assert_eq!(at(1, None, false), [0.0, 0.0, 7.636, 4.744]);
        assert_eq!(at(2, None, false), [0.0, 0.0, 4.744, 4.744]);
        assert_eq!(at(1, Some(1), false), [0.0, 0.0, 7.636, 0.0]);
        // The package: with M = 1 a change is exactly two periods old; with M = 2 and two needed exactly three.
        assert_eq!(at(1, Some(1), true), [0.0, 0.0, 4.744, 4.744]);
        assert_eq!(at(2, Some(2), true), [0.0, 0.0, 3.477, 3.477]);
        assert_eq!(at(4, None, true), [0.0, 0.0, 0.0, 4.744]);
    }

    #[test]
    fn the_known_shift_equals_the_maximum_over_change_points() {
        let y = [3.0, 5.0, 2.0, 4.0, 5.0];
        let shift = 0.4;
        let rows = run(&y, Shift::Known(shift));
        for (t, row) in rows.iter().enumerate() {
            let ratio = |k: usize| y[k..=t].iter().map(|y| shift * y - 3.0 * f64::exp_m1(shift)).sum::<f64>();
            let slow = (0..=t).map(ratio).fold(0.0, f64::max);
            assert!((row.statistic - slow).abs() < 1e-12);
        }
    }
}
