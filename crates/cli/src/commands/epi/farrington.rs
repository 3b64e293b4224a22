//! `sizao epi farrington` and `sizao epi cusum`: judged against history and season.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use sizao_epi::{
    EpiError, Step,
    cusum::{CusumSettings, CusumTransform, ExpectedCount, cusum},
    farrington::{
        BoundMethod, FarringtonMode, FarringtonRow, FarringtonSettings, NoBound, PowerTransform, SeasonalSeries,
        farrington, first_judged_position,
    },
};

use super::{
    detectors::{Split, flag},
    outcome::{Method, Outcome},
    series::Series,
    series_args::SeriesArgs,
};

#[derive(Args, Debug)]
pub struct Farrington {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Which settings to begin with: of 1996, or Noufaily's of 2013.
    #[arg(long, value_enum, default_value = "flexible")]
    pub form: Form,
    /// Years of reference data.
    #[arg(long)]
    pub years_back: Option<usize>,
    /// Periods on either side of the same week.
    #[arg(long)]
    pub half_window: Option<usize>,
    /// Levels of the seasonal factor; 1 for reference windows only.
    #[arg(long)]
    pub seasonal_levels: Option<usize>,
    /// Periods just before the judged one that are left out; half a year at most if left out.
    #[arg(long)]
    pub periods_excluded: Option<usize>,
    /// Probability of a false alarm per period (two-sided for the form of 1996).
    #[arg(long)]
    pub alpha: Option<f64>,
    /// p-value below which a trend is kept; 1 keeps it whenever the other rules allow.
    #[arg(long)]
    pub trend_p_max: Option<f64>,
    /// Never fit a trend.
    #[arg(long)]
    pub no_trend: bool,
    /// Do not weigh earlier outbreaks down.
    #[arg(long)]
    pub no_reweight: bool,
    /// How the bound is found.
    #[arg(long, value_enum)]
    pub bound: Option<Bound>,
    /// Cases needed in the last four periods; below it there is no bound.
    #[arg(long)]
    pub recent_cases_min: Option<f64>,
    /// Judge only so many of the last periods.
    #[arg(long)]
    pub last: Option<usize>,
    /// Count back 52 weeks (365 days, 12 months) instead of going by the calendar.
    #[arg(long)]
    pub by_index: bool,
    /// The arithmetic of the R package surveillance, to the last digits that it prints.
    #[arg(long)]
    pub compat: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// Noufaily et al. 2013.
    Flexible,
    /// Farrington et al. 1996.
    Original,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum Bound {
    /// Normal on the 2/3-power scale.
    TwoThirds,
    /// Normal on the scale of square roots.
    SquareRoot,
    /// Normal on the scale of counts.
    Plain,
    /// Quantile of the negative binomial.
    NegativeBinomial,
    /// The same around the upper limit of the mean.
    UpperMean,
}

impl Method for Farrington {
    fn columns(&self) -> &'static [&'static str] {
        &["expected", "upper_bound", "alarm", "score", "p_value", "dispersion", "trend_per_period"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let settings = self.settings(series.step);
        let seasonal = SeasonalSeries {
            counts: &series.counts,
            periods_per_year: series.step.periods_per_year(),
            dates: (!self.by_index && self.form == Form::Flexible).then_some(series.dates.as_slice()),
            population: series.population.as_deref(),
        };
        let (have, first) = (series.counts.len(), first_judged_position(&seasonal, &settings));
        if have <= first {
            return Err(EpiError::SeriesTooShort { have, need: first + 1, what: "Farrington's algorithm" });
        }
        let first = self.last.map_or(first, |last| first.max(have.saturating_sub(last)));
        let positions: Vec<usize> = (first..have).collect();
        let reason = format!("history: {first} periods come before the first judged one");
        let no_trend: Arc<str> = if self.no_trend { NO_TREND_ASKED } else { NO_TREND }.into();
        let mut outcome = Outcome::empty(7, have, &reason);
        for row in farrington(&seasonal, &settings, &positions)? {
            let note = row.no_bound.map(|reason| Arc::from(no_bound_words(reason)));
            let note = note.or_else(|| row.trend_per_period.is_none().then(|| Arc::clone(&no_trend)));
            outcome.set(row.position, cells(&row), note);
        }
        Ok(outcome)
    }
}

fn cells(row: &FarringtonRow) -> [Option<f64>; 7] {
    let alarm = flag(row.is_alarm).filter(|_| row.upper_bound.is_some());
    [row.expected, row.upper_bound, alarm, row.score, row.p_value, row.dispersion, row.trend_per_period]
}

const NO_TREND_ASKED: &str = "without trend, as asked";
const NO_TREND: &str = "trend left out: too few years, not significant, or leading above every earlier count";

fn no_bound_words(reason: NoBound) -> &'static str {
    match reason {
        NoBound::TooFewRecentCases => "too few cases in the last periods for an alarm",
        NoBound::NotConverged => "the regression did not settle",
        NoBound::Exploded => "the extrapolated trend leaves the range of counts",
    }
}

impl Farrington {
    fn settings(&self, step: Step) -> FarringtonSettings {
        let base = match self.form {
            Form::Flexible => FarringtonSettings::noufaily_2013(),
            Form::Original => FarringtonSettings::original_1996(),
        };
        let (half_window, excluded) = match step {
            Step::Month => (1, 6),
            Step::Week => (3, 26),
            Step::Day => (14, 182),
        };
        let mode = match (self.compat, self.form) {
            (false, _) => FarringtonMode::Textbook,
            (true, Form::Flexible) => FarringtonMode::CompatFlexible,
            (true, Form::Original) => FarringtonMode::CompatOriginal,
        };
        FarringtonSettings {
            years_back: self.years_back.unwrap_or(base.years_back),
            half_window: self.half_window.unwrap_or(half_window),
            seasonal_levels: self.seasonal_levels.unwrap_or(base.seasonal_levels),
            // Of 1996 nothing is left out; of 2013 half a year, whatever the step.
            periods_excluded: self.periods_excluded.unwrap_or(if base.periods_excluded > 0 { excluded } else { 0 }),
            alpha: self.alpha.unwrap_or(base.alpha),
            trend_p_max: self.trend_p_max.unwrap_or(base.trend_p_max),
            trend: !self.no_trend,
            reweight: !self.no_reweight,
            recent_cases_min: self.recent_cases_min.unwrap_or(base.recent_cases_min),
            bound: self.bound.map_or(base.bound, bound_method),
            mode,
            ..base
        }
    }
}

fn bound_method(bound: Bound) -> BoundMethod {
    match bound {
        Bound::TwoThirds => BoundMethod::Delta(PowerTransform::TwoThirds),
        Bound::SquareRoot => BoundMethod::Delta(PowerTransform::SquareRoot),
        Bound::Plain => BoundMethod::Delta(PowerTransform::None),
        Bound::NegativeBinomial => BoundMethod::NegativeBinomial,
        Bound::UpperMean => BoundMethod::NegativeBinomialUpperMean,
    }
}

#[derive(Args, Debug)]
pub struct Cusum {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub split: Split,
    /// Reference value k: drift per period that is let pass; standard deviations.
    #[arg(long, default_value_t = 1.04)]
    pub k: f64,
    /// Decision interval h; standard deviations.
    #[arg(long, default_value_t = 2.26)]
    pub h: f64,
    /// How counts become nearly normal.
    #[arg(long, value_enum, default_value = "rossi")]
    pub transform: Transform,
    /// Overdispersion a of the negative binomial transforms: variance m + a m².
    #[arg(long, default_value_t = 0.1)]
    pub overdispersion: f64,
    /// Expected count per period; the mean of the history if left out.
    #[arg(long, conflicts_with = "seasonal")]
    pub expected: Option<f64>,
    /// Expected counts from a yearly wave fitted to the history.
    #[arg(long)]
    pub seasonal: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum Transform {
    /// (x - m) / √m.
    Standard,
    /// Rossi's.
    Rossi,
    /// Anscombe's.
    Anscombe,
    /// Anscombe's of second order.
    AnscombeSecond,
    /// Pearson residual of the negative binomial.
    PearsonNegativeBinomial,
    /// Anscombe residual of the negative binomial.
    AnscombeNegativeBinomial,
}

impl Method for Cusum {
    fn columns(&self) -> &'static [&'static str] {
        &["expected", "statistic", "upper_bound", "alarm"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let judged = self.split.judged(&series.counts, "a CUSUM chart")?;
        let overdispersion = self.overdispersion;
        let transform = match self.transform {
            Transform::Standard => CusumTransform::Standard,
            Transform::Rossi => CusumTransform::Rossi,
            Transform::Anscombe => CusumTransform::Anscombe,
            Transform::AnscombeSecond => CusumTransform::AnscombeSecondOrder,
            Transform::PearsonNegativeBinomial => CusumTransform::PearsonNegativeBinomial { overdispersion },
            Transform::AnscombeNegativeBinomial => CusumTransform::AnscombeNegativeBinomial { overdispersion },
        };
        let expected = match (self.expected, self.seasonal) {
            (Some(mean), _) => ExpectedCount::Fixed(mean),
            (None, true) => {
                ExpectedCount::Seasonal { periods_per_year: series.step.periods_per_year(), first_period: 1 }
            }
            (None, false) => ExpectedCount::HistoryMean,
        };
        let settings = CusumSettings { reference_value: self.k, decision_interval: self.h, transform, expected };
        let mut outcome = Outcome::empty(4, series.counts.len(), "history: not judged");
        for row in cusum(&series.counts, judged, &settings)? {
            let cells = [Some(row.expected), Some(row.statistic), Some(row.upper_bound), flag(row.is_alarm)];
            outcome.set(row.position, cells, None);
        }
        Ok(outcome)
    }
}
