//! EARS C1, C2 and C3: early aberration detection from a short moving baseline.

use crate::Counts;
use crate::error::{EpiError, require, require_probability};
use crate::special::normal_quantile;

/// Which of the three EARS charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarsMethod {
    /// Baseline directly before the period.
    C1,
    /// Baseline that ends three periods before, so that a slow rise does not enter its own baseline.
    C2,
    /// Three-period sum of C2 excesses.
    C3,
}

/// Settings of an EARS chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarsSettings {
    /// Which chart.
    pub method: EarsMethod,
    /// Length B of the baseline; periods, at least 2.
    pub baseline: usize,
    /// Lower bound of the baseline's standard deviation; persons, 0 for none.
    pub sd_min: f64,
    /// One-sided probability of a false alarm per period under a normal distribution.
    pub alpha: f64,
}

impl EarsSettings {
    /// The usual settings: baseline of 7 periods, alpha 0.001 for C1 and C2, 0.025 for C3, no lower bound.
    pub fn usual(method: EarsMethod) -> Self {
        let alpha = if method == EarsMethod::C3 { 0.025 } else { 0.001 };
        Self { method, baseline: 7, sd_min: 0.0, alpha }
    }

    /// Periods before the first one that can be judged.
    pub fn warm_up(&self) -> usize {
        self.baseline + self.gap()
    }

    fn gap(&self) -> usize {
        match self.method {
            EarsMethod::C1 => 0,
            EarsMethod::C2 => 2,
            EarsMethod::C3 => 4,
        }
    }

    fn check(&self) -> Result<(), EpiError> {
        require_probability("alpha", self.alpha)?;
        require("baseline", self.baseline as f64, "at least 2 periods", self.baseline >= 2)?;
        require("sd_min", self.sd_min, "0 or more", self.sd_min >= 0.0)
    }
}

/// One judged period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarsRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// Baseline mean; persons per period.
    pub expected: f64,
    /// Count above which the period is an alarm.
    pub upper_bound: f64,
    /// Whether the count exceeds the bound.
    pub is_alarm: bool,
}

/// Judges every period of a series that has a full baseline before it.
///
/// With mean m and sample standard deviation s (divisor B - 1, at least `sd_min`) of the baseline and z the normal
/// quantile of 1 - alpha:
///
/// - C1: baseline t-B..t-1, bound U = m + z s;
/// - C2: baseline t-B-2..t-3, the same bound;
/// - C3: U = max(0, y_t + s_t (z - Σ_{j=1,2} max(0, C2(t-j) - 1))) with C2(t) = (y_t - m_t) / s_t.
///
/// A period is an alarm when y > U. Where s = 0 (a constant baseline and no `sd_min`) 0/0 counts as 0, so that a
/// constant series never alarms, and x/0 with x > 0 counts as an excess without limit, so that the first case after a
/// quiet baseline does.
///
/// - `counts`: persons per period, oldest first.
/// - returns: one row per period from [`EarsSettings::warm_up`] on.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] when no period has a full baseline; [`EpiError::InvalidSetting`].
/// # Limits
/// No season and no trend: on weekly data with a season C1 to C3 alarm on the way up and go quiet on the way down.
/// Days of the week are not adjusted for; use a baseline of 7 or 14 days only where weekends report like weekdays.
/// # Source
/// Hutwagner et al. 2003, J Urban Health 80(2 Suppl 1):i89-i96, doi:10.1007/PL00022319; C3 in the form of Fricker,
/// Hegler and Dunfee 2008, Stat Med 27:3407, doi:10.1002/sim.3197.
/// Checked against surveillance 1.20.3: family `ears` of the surveillance reference.
pub fn ears(counts: &Counts, settings: &EarsSettings) -> Result<Vec<EarsRow>, EpiError> {
    ears_on_values(counts.as_slice(), settings)
}

/// [`ears`] on values that need not be whole numbers, such as counts cleaned of weekday effects
/// ([`crate::day_effects::DayEffects::adjusted`]) or rates.
///
/// # Errors
/// As for [`ears`], and [`EpiError::MissingCount`] for a value that is not a number.
pub fn ears_on_values(y: &[f64], settings: &EarsSettings) -> Result<Vec<EarsRow>, EpiError> {
    settings.check()?;
    let need = settings.warm_up() + 1;
    if y.len() < need {
        return Err(EpiError::SeriesTooShort { have: y.len(), need, what: "this EARS chart" });
    }
    if let Some(place) = y.iter().position(|v| !v.is_finite()) {
        return Err(EpiError::MissingCount { position: place + 1 });
    }
    let z = normal_quantile(1.0 - settings.alpha);
    let rows = match settings.method {
        EarsMethod::C1 => (settings.baseline..y.len()).map(|t| threshold_row(y, t, t, z, settings)).collect(),
        EarsMethod::C2 => (settings.baseline + 2..y.len()).map(|t| threshold_row(y, t, t - 2, z, settings)).collect(),
        EarsMethod::C3 => c3_rows(y, z, settings),
    };
    Ok(rows)
}

/// C1 and C2: the baseline is the B periods that end just before `baseline_end`.
fn threshold_row(y: &[f64], t: usize, baseline_end: usize, z: f64, settings: &EarsSettings) -> EarsRow {
    let (mean, sd) = mean_and_sd(&y[baseline_end - settings.baseline..baseline_end], settings.sd_min);
    let upper_bound = mean + z * sd;
    EarsRow { position: t, expected: mean, upper_bound, is_alarm: y[t] > upper_bound }
}

fn c3_rows(y: &[f64], z: f64, settings: &EarsSettings) -> Vec<EarsRow> {
    let first = settings.baseline + 2;
    let excess = |t: usize, mean: f64, sd: f64| (excess_ratio(y[t] - mean, sd) - 1.0).max(0.0);
    let mut earlier = [0.0; 2];
    let mut rows = Vec::with_capacity(y.len() - first - 2);
    for t in first..y.len() {
        let (mean, sd) = mean_and_sd(&y[t - first..t - 2], settings.sd_min);
        if t >= first + 2 {
            let upper_bound = c3_bound(y[t], sd, z, earlier[0] + earlier[1]);
            rows.push(EarsRow { position: t, expected: mean, upper_bound, is_alarm: y[t] > upper_bound });
        }
        earlier = [earlier[1], excess(t, mean, sd)];
    }
    rows
}

/// An excess without limit two periods ago brings the bound down to 0 whatever the spread now.
fn c3_bound(y: f64, sd: f64, z: f64, excess: f64) -> f64 {
    if excess.is_infinite() { 0.0 } else { (y + sd * (z - excess)).max(0.0) }
}

fn excess_ratio(difference: f64, sd: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference / sd }
}

fn mean_and_sd(baseline: &[f64], sd_min: f64) -> (f64, f64) {
    let n = baseline.len() as f64;
    let mean = baseline.iter().sum::<f64>() / n;
    let squares: f64 = baseline.iter().map(|y| (y - mean) * (y - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt().max(sd_min))
}
