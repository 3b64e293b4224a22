//! `sizao epi cori`, `wallinga-teunis`, `epi-filter`: reproduction numbers.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use clap::Args;
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use sizao_epi::{
    Counts, EpiError, Incidence, SerialInterval, Step, Window,
    cori::{
        ReproductionPrior, ReproductionRow, TruncatedNormal, UncertainSerialInterval, estimate_r_cori,
        estimate_r_cori_aggregated, estimate_r_cori_uncertain,
    },
    epi_filter::{EpiFilterSettings, estimate_r_epi_filter},
    wallinga_teunis::estimate_r_wallinga_teunis,
};

use super::{
    outcome::{Method, Outcome},
    series::Series,
    series_args::SeriesArgs,
};

/// The serial interval, in one of two ways.
#[derive(Args, Debug)]
pub struct Interval {
    /// Mean of the serial interval, above 1; days.
    #[arg(long, required_unless_present = "si_weights", requires = "si_sd")]
    pub si_mean: Option<f64>,
    /// Standard deviation of the serial interval; days.
    #[arg(long, requires = "si_mean")]
    pub si_sd: Option<f64>,
    /// File with the weights of day 0, 1, 2, … of the serial interval, divided by commas or lines; day 0 is 0.
    #[arg(long, value_name = "FILE", conflicts_with = "si_mean")]
    pub si_weights: Option<PathBuf>,
}

/// The serial interval as read.
pub enum GivenInterval {
    Gamma { mean_days: f64, sd_days: f64, latest: Latest },
    Weights(Arc<SerialInterval>),
}

/// The weights made last and the days of the series that they are for: strata of one length share them.
type Latest = Mutex<Option<(usize, Arc<SerialInterval>)>>;

impl Interval {
    pub fn read(&self) -> Result<GivenInterval> {
        let Some(path) = &self.si_weights else {
            let (mean_days, sd_days) = (self.si_mean.unwrap_or(f64::NAN), self.si_sd.unwrap_or(f64::NAN));
            SerialInterval::shifted_gamma(mean_days, sd_days, 1)?;
            return Ok(GivenInterval::Gamma { mean_days, sd_days, latest: Latest::default() });
        };
        let text = fs::read_to_string(path).with_context(|| format!("opening {}", path.display()))?;
        let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        let weights = words.map(|word| word.parse().with_context(|| format!("the weight `{word}` is not a number")));
        let weights: Vec<f64> = weights.collect::<Result<_>>().with_context(|| path.display().to_string())?;
        let weights = SerialInterval::new(weights).with_context(|| path.display().to_string())?;
        Ok(GivenInterval::Weights(Arc::new(weights)))
    }
}

impl GivenInterval {
    /// Weights up to the last day that a series of `days` days can use.
    pub fn weights(&self, days: usize) -> Result<Arc<SerialInterval>, EpiError> {
        let (mean_days, sd_days, latest) = match self {
            Self::Gamma { mean_days, sd_days, latest } => (*mean_days, *sd_days, latest),
            Self::Weights(weights) => return Ok(Arc::clone(weights)),
        };
        let mut latest = latest.lock().expect("nobody panics with the lock in hand");
        if let Some((of, weights)) = &*latest
            && *of == days
        {
            return Ok(Arc::clone(weights));
        }
        let weights = Arc::new(SerialInterval::shifted_gamma(mean_days, sd_days, days.saturating_sub(1))?);
        *latest = Some((days, Arc::clone(&weights)));
        Ok(weights)
    }
}

#[derive(Args, Debug)]
pub struct CoriArgs {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub interval: Interval,
    /// Length of the window that an estimate looks back over; days.
    #[arg(long, default_value_t = 7)]
    pub window: usize,
    /// Prior mean of R.
    #[arg(long, default_value_t = 5.0)]
    pub prior_mean: f64,
    /// Prior standard deviation of R.
    #[arg(long, default_value_t = 5.0)]
    pub prior_sd: f64,
    /// Standard deviation of the mean of the serial interval, where it is uncertain; days.
    #[arg(long, requires = "si_sd_sd", requires = "si_mean")]
    pub si_mean_sd: Option<f64>,
    /// Standard deviation of its standard deviation; days.
    #[arg(long, requires = "si_mean_sd")]
    pub si_sd_sd: Option<f64>,
    /// Seed of the serial intervals drawn where they are uncertain.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

pub struct Cori<'a> {
    pub args: &'a CoriArgs,
    pub interval: GivenInterval,
}

impl Method for Cori<'_> {
    fn columns(&self) -> &'static [&'static str] {
        &["r_mean", "r_sd", "r_lower", "r_median", "r_upper", "window_cases", "window_infectivity"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let prior = ReproductionPrior { mean: self.args.prior_mean, sd: self.args.prior_sd };
        let days_per_period = match series.step {
            Step::Day => 1,
            Step::Week => 7,
            Step::Month => return Err(step_too_long()),
        };
        let periods = series.counts.len();
        let mut outcome = Outcome::empty(7, periods, "no full window before this period");
        for row in self.rows(series, days_per_period, prior)? {
            let period = row.window.last / days_per_period;
            let Some(estimate) = row.estimate else {
                outcome.say(period, "before the mean serial interval is over: infectors are not in the series");
                continue;
            };
            let (lower, upper) = estimate.interval_95();
            let cells = [estimate.mean, estimate.sd, lower, estimate.median(), upper, row.cases, row.infectivity];
            let is_prior = row.cases == 0.0 && row.infectivity == 0.0;
            let note =
                is_prior.then(|| "no case in the window and none that could have infected: this is the prior".into());
            outcome.set(period, cells.map(Some), note);
        }
        Ok(outcome)
    }
}

impl Cori<'_> {
    fn rows(
        &self,
        series: &Series,
        days_per_period: usize,
        prior: ReproductionPrior,
    ) -> Result<Vec<ReproductionRow>, EpiError> {
        let days = series.counts.len() * days_per_period;
        if days_per_period > 1 {
            let windows = period_windows(series.counts.len(), days_per_period, self.args.window);
            return estimate_r_cori_aggregated(
                &series.counts,
                days_per_period,
                &*self.interval.weights(days)?,
                &windows,
                prior,
            );
        }
        let incidence = incidence(series)?;
        let windows = Window::sliding(days, self.args.window);
        if windows.is_empty() {
            let (need, what) = (self.args.window + 1, "a reproduction number on this window");
            return Err(EpiError::SeriesTooShort { have: days, need, what });
        }
        match self.uncertain() {
            Some(interval) => {
                let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.args.seed);
                estimate_r_cori_uncertain(&incidence, &interval, &windows, prior, &mut rng)
            }
            None => estimate_r_cori(&incidence, &*self.interval.weights(days)?, &windows, prior),
        }
    }

    /// Mean and standard deviation within three standard deviations of what was given, the mean above 1.
    fn uncertain(&self) -> Option<UncertainSerialInterval> {
        let (mean_sd, sd_sd) = (self.args.si_mean_sd?, self.args.si_sd_sd?);
        let (mean, sd) = (self.args.interval.si_mean?, self.args.interval.si_sd?);
        let around = |mean: f64, sd: f64, least: f64| TruncatedNormal {
            mean,
            sd,
            min: (mean - 3.0 * sd).max(least),
            max: mean + 3.0 * sd,
        };
        let (mean_days, sd_days) = (around(mean, mean_sd, 1.01), around(sd, sd_sd, 0.1));
        Some(UncertainSerialInterval { mean_days, sd_days, intervals: 500 })
    }
}

/// Windows that end with a period, from the second period on.
fn period_windows(periods: usize, days_per_period: usize, window: usize) -> Vec<Window> {
    let ends = (2..=periods).map(|period| period * days_per_period - 1);
    let windows = ends.filter_map(|last| Some(Window { first: (last + 1).checked_sub(window.max(1))?, last }));
    windows.filter(|window| window.first >= days_per_period).collect()
}

fn incidence(series: &Series) -> Result<Incidence, EpiError> {
    let Some(imported) = &series.imported else {
        return Ok(Incidence::from_first_day_imported(&series.counts));
    };
    let local = series.counts.as_slice().iter().zip(imported.as_slice()).map(|(all, imported)| all - imported);
    Incidence::new(Counts::new(local)?, imported.clone())
}

fn step_too_long() -> EpiError {
    EpiError::InvalidSetting {
        name: "step in days",
        value: 30.0,
        rule: "1 or 7: a month is longer than any serial interval",
    }
}

fn daily(series: &Series) -> Result<(), EpiError> {
    if series.step == Step::Day {
        return Ok(());
    }
    let value = if series.step == Step::Week { 7.0 } else { 30.0 };
    Err(EpiError::InvalidSetting {
        name: "step in days",
        value,
        rule: "1 for this method; `sizao epi cori` reads weeks",
    })
}

#[derive(Args, Debug)]
pub struct WallingaTeunisArgs {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub interval: Interval,
    /// Length of the window over which cases are averaged; days.
    #[arg(long, default_value_t = 7)]
    pub window: usize,
}

pub struct WallingaTeunis<'a> {
    pub args: &'a WallingaTeunisArgs,
    pub interval: GivenInterval,
}

impl Method for WallingaTeunis<'_> {
    fn columns(&self) -> &'static [&'static str] {
        &["r_mean", "r_sd", "r_lower", "r_upper", "window_cases"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        daily(series)?;
        let days = series.counts.len();
        let windows = Window::sliding(days, self.args.window);
        let mut outcome = Outcome::empty(5, days, "no full window before this day, or no case in it");
        for row in estimate_r_wallinga_teunis(&series.counts, &*self.interval.weights(days)?, &windows)? {
            let cells = [row.mean, row.sd, row.lower, row.upper, row.cases].map(Some);
            outcome.set(row.window.last, cells, None);
        }
        Ok(outcome)
    }
}

#[derive(Args, Debug)]
pub struct EpiFilterArgs {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub interval: Interval,
    /// How far R may move in a day: its standard deviation is this times √R.
    #[arg(long, default_value_t = 0.1)]
    pub volatility: f64,
}

pub struct EpiFilter<'a> {
    pub args: &'a EpiFilterArgs,
    pub interval: GivenInterval,
}

impl Method for EpiFilter<'_> {
    fn columns(&self) -> &'static [&'static str] {
        &["r_mean", "r_lower", "r_median", "r_upper", "r_mean_so_far"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        daily(series)?;
        let days = series.counts.len();
        let settings = EpiFilterSettings { volatility: self.args.volatility, ..EpiFilterSettings::default() };
        let mut outcome = Outcome::empty(5, days, "the first day has nothing before it");
        for row in estimate_r_epi_filter(&incidence(series)?, &*self.interval.weights(days)?, &settings)? {
            let cells = [row.mean, row.lower, row.median, row.upper, row.filtered_mean].map(Some);
            outcome.set(row.day, cells, None);
        }
        Ok(outcome)
    }
}
