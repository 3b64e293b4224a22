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
    let EarsColumns { expected, upper_bound } = ears_columns(y, settings)?;
    let first = settings.warm_up();
    let columns = y.iter().zip(&expected).zip(&upper_bound).enumerate().skip(first);
    let rows = columns.map(|(position, ((count, &expected), &upper_bound))| EarsRow {
        position,
        expected,
        upper_bound,
        is_alarm: *count > upper_bound,
    });
    Ok(rows.collect())
}

/// A judged series column by column, one entry per period.
#[derive(Debug, Clone, PartialEq)]
pub struct EarsColumns {
    /// Baseline means; persons per period. NaN before [`EarsSettings::warm_up`], where there is no full baseline.
    pub expected: Vec<f64>,
    /// Counts above which a period is an alarm; NaN in the same places.
    pub upper_bound: Vec<f64>,
}

/// [`ears_on_values`] as columns, for many series at once: nothing is computed one period at a time that a processor can
/// do for several.
///
/// # Errors
/// As for [`ears_on_values`].
pub fn ears_columns(y: &[f64], settings: &EarsSettings) -> Result<EarsColumns, EpiError> {
    settings.check()?;
    let need = settings.warm_up() + 1;
    if y.len() < need {
        return Err(EpiError::SeriesTooShort { have: y.len(), need, what: "this EARS chart" });
    }
    if let Some(place) = y.iter().position(|v| !v.is_finite()) {
        return Err(EpiError::MissingCount { position: place + 1 });
    }
    let z = normal_quantile(1.0 - settings.alpha);
    // Of C3 the first two judged periods of C2 only feed the sum.
    let c2_gap = if settings.method == EarsMethod::C1 { 0 } else { 2 };
    let (mut expected, mut spread) = (vec![f64::NAN; y.len()], vec![f64::NAN; y.len()]);
    let first = settings.baseline + c2_gap;
    baselines(&y[..y.len() - c2_gap], settings, &mut expected[first..], &mut spread[first..]);
    let upper_bound = match settings.method {
        EarsMethod::C1 | EarsMethod::C2 => {
            spread.iter_mut().zip(&expected).for_each(|(sd, mean)| *sd = mean + z * *sd);
            spread
        }
        EarsMethod::C3 => c3_bounds(y, z, &mut expected, spread, first),
    };
    Ok(EarsColumns { expected, upper_bound })
}

fn c3_bounds(y: &[f64], z: f64, expected: &mut [f64], mut spread: Vec<f64>, first: usize) -> Vec<f64> {
    let mut earlier = [0.0; 2];
    for (position, count) in y.iter().enumerate().skip(first) {
        let (mean, sd) = (expected[position], spread[position]);
        spread[position] = c3_bound(*count, sd, z, earlier[0] + earlier[1]);
        earlier = [earlier[1], (excess_ratio(count - mean, sd) - 1.0).max(0.0)];
    }
    expected[first..first + 2].fill(f64::NAN);
    spread[first..first + 2].fill(f64::NAN);
    spread
}

/// An excess without limit two periods ago brings the bound down to 0 whatever the spread now.
fn c3_bound(y: f64, sd: f64, z: f64, excess: f64) -> f64 {
    if excess.is_infinite() { 0.0 } else { (y + sd * (z - excess)).max(0.0) }
}

fn excess_ratio(difference: f64, sd: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference / sd }
}

/// Mean and standard deviation of every baseline that begins in `y`, but of the one that ends with it.
fn baselines(y: &[f64], settings: &EarsSettings, means: &mut [f64], spreads: &mut [f64]) {
    let (length, n) = (settings.baseline, settings.baseline as f64);
    if !whole_number_sums(y, length, means, spreads) {
        for ((baseline, mean), sd) in y.windows(length).zip(means).zip(spreads) {
            (*mean, *sd) = mean_and_sd(baseline, settings.sd_min);
        }
        return;
    }
    for (mean, sd) in means.iter_mut().zip(spreads) {
        // The second sum is n Σ y² - (Σ y)², exact.
        *mean /= n;
        *sd = (*sd / (n * (n - 1.0))).sqrt().max(settings.sd_min);
    }
}

/// Σ y and n Σ y² - (Σ y)² of every baseline, where both are exact; false where they are not.
fn whole_number_sums(y: &[f64], length: usize, sums: &mut [f64], squares: &mut [f64]) -> bool {
    // Whole numbers whose sums of squares, times the length, stay below 2^53 are added without rounding, in any order.
    let count_max = ((1u64 << 52) as f64).sqrt() / length as f64;
    let whole = |v: f64| (v as i64, v.abs() <= count_max && (v as i64) as f64 == v);
    let n = length as i64;
    let (mut sum, mut square, mut is_whole) = (0i64, 0i64, true);
    for &v in &y[..length - 1] {
        let (v, fits) = whole(v);
        is_whole &= fits;
        (sum, square) = (sum.wrapping_add(v), square.wrapping_add(v.wrapping_mul(v)));
    }
    let ends = y[length - 1..].iter().zip(y);
    for (((&entering, &leaving), sum_out), square_out) in ends.zip(sums).zip(squares) {
        let ((entering, fits), leaving) = (whole(entering), leaving as i64);
        is_whole &= fits;
        sum = sum.wrapping_add(entering);
        square = square.wrapping_add(entering.wrapping_mul(entering));
        *sum_out = sum as f64;
        *square_out = n.wrapping_mul(square).wrapping_sub(sum.wrapping_mul(sum)) as f64;
        sum = sum.wrapping_sub(leaving);
        square = square.wrapping_sub(leaving.wrapping_mul(leaving));
    }
    is_whole
}

fn mean_and_sd(baseline: &[f64], sd_min: f64) -> (f64, f64) {
    let n = baseline.len() as f64;
    let mean = baseline.iter().sum::<f64>() / n;
    let squares: f64 = baseline.iter().map(|y| (y - mean) * (y - mean)).sum();
    (mean, (squares / (n - 1.0)).sqrt().max(sd_min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_sums_give_what_each_baseline_gives_alone() {
        let wave = |t: usize| (40.0 * (1.0 + (t as f64 / 9.0).sin())).floor();
        for scale in [0.0, 1.0, 1e4, 1e5, 1e9] {
            let y: Vec<f64> = (0..60).map(|t| wave(t) * scale).collect();
            for baseline in [2, 7, 28] {
                let settings = EarsSettings { baseline, ..EarsSettings::usual(EarsMethod::C1) };
                let z = normal_quantile(1.0 - settings.alpha);
                for row in ears_on_values(&y, &settings).unwrap() {
                    let (mean, sd) = mean_and_sd(&y[row.position - baseline..row.position], 0.0);
                    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs();
                    assert!(
                        near(row.expected, mean) && near(row.upper_bound, mean + z * sd),
                        "{scale} {baseline} {row:?}"
                    );
                }
            }
        }
    }
}
