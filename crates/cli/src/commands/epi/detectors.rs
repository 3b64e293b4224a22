//! Detectors of aberrations, one struct of arguments each.

use std::ops::RangeInclusive;

use clap::{Args, ValueEnum};
use sizao_epi::{
    Counts, EpiError, Step,
    day_effects::{HolidayCalendar, estimate_day_effects},
    ears::{EarsMethod, EarsSettings, ears_columns},
    glr::{GlrSettings, Shift, glr_poisson},
    outbreak_p::outbreak_p,
    recent_trend::{Departure, RecentTrendSettings, compare_recent_trend},
    reference_values::{ReferenceValueRow, ReferenceValues, simple_bayes, simple_rki},
    rogerson::{RogersonSettings, poisson_reference_value, rogerson},
    sparse::{SparseSettings, judge_sparse},
};

use super::{
    outcome::{Method, Outcome},
    series::Series,
    series_args::SeriesArgs,
};

const BOUND_COLUMNS: &[&str] = &["expected", "upper_bound", "alarm"];

/// 1 and 0 in a table.
pub fn flag(value: bool) -> Option<f64> {
    Some(f64::from(u8::from(value)))
}

#[derive(Args, Debug)]
pub struct Ears {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Which chart: C1 (baseline just before), C2 (two periods apart), C3 (three-period sum of C2).
    #[arg(long, value_enum, default_value = "C2")]
    pub chart: Chart,
    /// Length of the baseline; periods.
    #[arg(long, default_value_t = 7)]
    pub baseline: usize,
    /// One-sided probability of a false alarm per period; 0.001 for C1 and C2 and 0.025 for C3 if left out.
    #[arg(long)]
    pub alpha: Option<f64>,
    /// Least standard deviation of the baseline; persons.
    #[arg(long, default_value_t = 0.0)]
    pub sd_min: f64,
    /// Days only: clean weekdays, or weekdays and Chinese holidays, out of the series first.
    #[arg(long, value_enum, default_value = "none")]
    pub clean: Clean,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
#[value(rename_all = "UPPER")]
pub enum Chart {
    C1,
    C2,
    C3,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
pub enum Clean {
    /// Nothing.
    None,
    /// Days of the week.
    Weekdays,
    /// Days of the week, holidays and make-up working days of mainland China.
    China,
}

impl Method for Ears {
    fn columns(&self) -> &'static [&'static str] {
        BOUND_COLUMNS
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let method = match self.chart {
            Chart::C1 => EarsMethod::C1,
            Chart::C2 => EarsMethod::C2,
            Chart::C3 => EarsMethod::C3,
        };
        let usual = EarsSettings::usual(method);
        let alpha = self.alpha.unwrap_or(usual.alpha);
        let settings = EarsSettings { baseline: self.baseline, sd_min: self.sd_min, alpha, ..usual };
        let factors = self.factors(series)?;
        let y = series.counts.as_slice();
        let clean: Option<Vec<f64>> =
            factors.as_ref().map(|factors| y.iter().zip(factors).map(|(y, factor)| y / factor).collect());
        let judged = clean.as_deref().unwrap_or(y);
        let mut columns = ears_columns(judged, &settings)?;
        let alarm =
            |(count, bound): (&f64, &f64)| if bound.is_nan() { f64::NAN } else { f64::from(u8::from(count > bound)) };
        let alarms = judged.iter().zip(&columns.upper_bound).map(alarm).collect();
        if let Some(factors) = &factors {
            columns.expected.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
            columns.upper_bound.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
        }
        let values = vec![columns.expected, columns.upper_bound, alarms];
        Ok(Outcome::of_columns(values, settings.warm_up(), "warm-up: no full baseline before this period"))
    }
}

impl Ears {
    fn factors(&self, series: &Series) -> Result<Option<Vec<f64>>, EpiError> {
        let calendar = match self.clean {
            Clean::None => return Ok(None),
            Clean::Weekdays => HolidayCalendar::weekdays_only(),
            Clean::China => HolidayCalendar::china(),
        };
        let effects = estimate_day_effects(&series.dates, &series.counts, &calendar, 10.0)?;
        Ok(Some(series.dates.iter().map(|date| effects.factor(*date, &calendar).max(1e-6)).collect()))
    }
}

/// Which part of a series is history and which is judged.
#[derive(Args, Debug)]
pub struct Split {
    /// Periods of history before the first judged one; half of the series if left out.
    #[arg(long)]
    pub history: Option<usize>,
}

impl Split {
    pub fn judged(&self, counts: &Counts, what: &'static str) -> Result<RangeInclusive<usize>, EpiError> {
        let history = self.history.unwrap_or(counts.len() / 2);
        if history >= counts.len() {
            return Err(EpiError::SeriesTooShort { have: counts.len(), need: history + 1, what });
        }
        Ok(history..=counts.len() - 1)
    }
}

/// Mean of the history.
fn history_mean(counts: &Counts, first: usize) -> Result<f64, EpiError> {
    let history = &counts.as_slice()[..first];
    let mean = history.iter().sum::<f64>() / first.max(1) as f64;
    if mean > 0.0 {
        return Ok(mean);
    }
    let (quantity, reason) = ("the expected count", "the history has no case; give --expected");
    Err(EpiError::NotIdentifiable { quantity, reason })
}

const HISTORY: &str = "history: not judged";

#[derive(Args, Debug)]
pub struct Rogerson {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub split: Split,
    /// Expected count per period; the mean of the history if left out.
    #[arg(long)]
    pub expected: Option<f64>,
    /// The rise to be found, as a multiple of the expected count; gives the reference value k.
    #[arg(long, default_value_t = 2.0)]
    pub rise: f64,
    /// Decision interval h; persons.
    #[arg(long, default_value_t = 8.0)]
    pub h: f64,
    /// Start at h / 2 and go on from there after an alarm.
    #[arg(long)]
    pub fast_initial_response: bool,
}

impl Method for Rogerson {
    fn columns(&self) -> &'static [&'static str] {
        &["statistic", "upper_bound", "alarm"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let judged = self.split.judged(&series.counts, "a Poisson CUSUM")?;
        let mean = self.expected.map_or_else(|| history_mean(&series.counts, *judged.start()), Ok)?;
        let settings = RogersonSettings {
            reference_value: poisson_reference_value(mean, mean * self.rise)?,
            decision_interval: self.h,
            fast_initial_response: self.fast_initial_response,
        };
        let mut outcome = Outcome::empty(3, series.counts.len(), HISTORY);
        for row in rogerson(&series.counts, judged, &settings)? {
            outcome.set(row.position, [Some(row.statistic), Some(row.upper_bound), flag(row.is_alarm)], None);
        }
        Ok(outcome)
    }
}

#[derive(Args, Debug)]
pub struct Glr {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub split: Split,
    /// Expected count per period; the mean of the history if left out.
    #[arg(long)]
    pub expected: Option<f64>,
    /// Alarm when the log-likelihood ratio reaches it.
    #[arg(long, default_value_t = 5.0)]
    pub threshold: f64,
    /// Logarithm of the change, if it is known (0.6 is a rise to 1.8 times); else it is estimated.
    #[arg(long, allow_negative_numbers = true)]
    pub shift: Option<f64>,
    /// Look for a fall instead of a rise.
    #[arg(long)]
    pub fall: bool,
    /// Periods that a change has to have lasted.
    #[arg(long, default_value_t = 1)]
    pub lasted_min: usize,
    /// Periods to look back for the change; all since the last alarm if left out.
    #[arg(long)]
    pub look_back: Option<usize>,
    /// Count both as the R package does (Mtilde and M): see docs/methods/epi-sequential.md.
    #[arg(long)]
    pub compat: bool,
}

impl Method for Glr {
    fn columns(&self) -> &'static [&'static str] {
        &["expected", "statistic", "alarm"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let judged = self.split.judged(&series.counts, "a likelihood-ratio chart")?;
        let first = *judged.start();
        let mean = self.expected.map_or_else(|| history_mean(&series.counts, first), Ok)?;
        let shift = match (self.shift, self.fall) {
            (Some(known), _) => Shift::Known(known),
            (None, true) => Shift::Fall,
            (None, false) => Shift::Rise,
        };
        let (threshold, lasted_min, look_back) = (self.threshold, self.lasted_min, self.look_back);
        let settings = GlrSettings { threshold, shift, lasted_min, look_back, compat: self.compat };
        let expected = vec![mean; series.counts.len() - first];
        let mut outcome = Outcome::empty(3, series.counts.len(), HISTORY);
        for row in glr_poisson(&series.counts, first, &expected, &settings)? {
            outcome.set(row.position, [Some(mean), Some(row.statistic), flag(row.is_alarm)], None);
        }
        Ok(outcome)
    }
}

#[derive(Args, Debug)]
pub struct OutbreakP {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub split: Split,
    /// Alarm when the statistic is above it.
    #[arg(long, default_value_t = 100.0)]
    pub threshold: f64,
}

impl Method for OutbreakP {
    fn columns(&self) -> &'static [&'static str] {
        &["log_statistic", "alarm"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let judged = self.split.judged(&series.counts, "outbreakP")?;
        let mut outcome = Outcome::empty(2, series.counts.len(), HISTORY);
        for row in outbreak_p(&series.counts, judged, self.threshold)? {
            outcome.set(row.position, [Some(row.log_statistic), flag(row.is_alarm)], None);
        }
        Ok(outcome)
    }
}

#[derive(Args, Debug)]
pub struct Rki {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub values: Reference,
}

#[derive(Args, Debug)]
pub struct Bayes {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub values: Reference,
    /// One-sided probability of a false alarm per period.
    #[arg(long, default_value_t = 0.05)]
    pub alpha: f64,
}

#[derive(Args, Debug)]
pub struct Reference {
    /// Years of reference data.
    #[arg(long, default_value_t = 2)]
    pub years_back: usize,
    /// Periods on either side of the same week.
    #[arg(long, default_value_t = 4)]
    pub half_window: usize,
    /// Use the last periods of this year as well.
    #[arg(long)]
    pub current_year: bool,
    /// Count as the R package does: with --half-window 0 this year gives the judged period itself and the one before.
    #[arg(long)]
    pub compat: bool,
}

impl Reference {
    fn judge(
        &self,
        series: &Series,
        rule: impl Fn(&ReferenceValues, &[usize]) -> Result<Vec<ReferenceValueRow>, EpiError>,
    ) -> Result<Outcome, EpiError> {
        let periods_per_year = series.step.periods_per_year();
        let reference = ReferenceValues {
            years_back: self.years_back,
            half_window: self.half_window,
            uses_current_year: self.current_year,
            periods_per_year,
            compat: self.compat,
        };
        let need = (self.years_back * periods_per_year + self.half_window).max(self.half_window);
        if series.counts.len() <= need {
            let (have, need, what) = (series.counts.len(), need + 1, "this rule of reference values");
            return Err(EpiError::SeriesTooShort { have, need, what });
        }
        let positions: Vec<usize> = (need..series.counts.len()).collect();
        let mut outcome = Outcome::empty(3, series.counts.len(), HISTORY);
        for row in rule(&reference, &positions)? {
            outcome.set(row.position, [Some(row.expected), Some(row.upper_bound), flag(row.is_alarm)], None);
        }
        Ok(outcome)
    }
}

impl Method for Rki {
    fn columns(&self) -> &'static [&'static str] {
        BOUND_COLUMNS
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        self.values.judge(series, |reference, positions| simple_rki(&series.counts, reference, positions))
    }
}

impl Method for Bayes {
    fn columns(&self) -> &'static [&'static str] {
        BOUND_COLUMNS
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        self.values.judge(series, |reference, positions| simple_bayes(&series.counts, reference, self.alpha, positions))
    }
}

#[derive(Args, Debug)]
pub struct Sparse {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Lengths of the stretches looked at; periods.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4")]
    pub spans: Vec<usize>,
    /// Periods of history before the longest stretch; 364 days, 52 weeks or 12 months if left out.
    #[arg(long)]
    pub history: Option<usize>,
    /// Probability of a false alarm per period, over all stretches together.
    #[arg(long, default_value_t = 0.005)]
    pub alpha: f64,
    /// Cases that a stretch needs for an alarm.
    #[arg(long, default_value_t = 2.0)]
    pub cases_min: f64,
}

impl Method for Sparse {
    fn columns(&self) -> &'static [&'static str] {
        &["span", "cases_in_span", "expected_in_span", "p_value", "alarm"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let year = if series.step == Step::Day { 364 } else { series.step.periods_per_year() };
        let settings = SparseSettings {
            spans: self.spans.clone(),
            history: self.history.unwrap_or(year),
            alpha: self.alpha,
            cases_min: self.cases_min,
        };
        let mut outcome = Outcome::empty(5, series.counts.len(), HISTORY);
        for row in judge_sparse(&series.counts, &settings)? {
            let cells =
                [Some(row.span as f64), Some(row.cases), Some(row.expected), Some(row.p_value), flag(row.is_alarm)];
            outcome.set(row.position, cells, None);
        }
        Ok(outcome)
    }
}

#[derive(Args, Debug)]
pub struct Trend {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Last periods, compared with the trend of those before.
    #[arg(long, default_value_t = 7)]
    pub recent: usize,
    /// Probability that a period without change lies outside the limits.
    #[arg(long, default_value_t = 0.05)]
    pub alpha: f64,
}

impl Method for Trend {
    fn columns(&self) -> &'static [&'static str] {
        &["expected", "lower_bound", "upper_bound", "is_recent", "alarm"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let settings =
            RecentTrendSettings { recent: self.recent, alpha: self.alpha, is_daily: series.step == Step::Day };
        let mut outcome = Outcome::empty(5, series.counts.len(), HISTORY);
        for row in compare_recent_trend(&series.counts, &settings)?.rows {
            let is_alarm = row.is_recent && row.departure == Departure::Above;
            let cells = [Some(row.expected), Some(row.lower), Some(row.upper), flag(row.is_recent), flag(is_alarm)];
            outcome.set(row.position, cells, None);
        }
        Ok(outcome)
    }
}
