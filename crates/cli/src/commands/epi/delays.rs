//! `sizao epi nowcast`, `serial-interval`, `discretise`, `infectivity`: everything about delays.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use jiff::{ToSpan, civil::Date};
use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
use sizao_epi::{
    EpiError, Incidence,
    delay_fit::{DelayFamily, DelayPair, fit_delay},
    discretise_shifted_gamma,
    nowcast::{
        CasePrior, DelayModel, DelayWindow, ReportingTriangle, TruncatedDelays, nowcast_bayes,
        nowcast_beta_negative_binomial, nowcast_chain_ladder, nowcast_lawless,
    },
    overall_infectivity,
};

use super::{
    outcome::{Method, Outcome, push_number},
    reproduction::{GivenInterval, Interval},
    series::Series,
    series_args::SeriesArgs,
    table::Table,
};
use crate::output::WholeFile;

pub const NOWCAST_EXAMPLES: &str = "\
Example:
  sizao epi nowcast --in linelist.csv --delay-max 14 --out nowcast.csv

The table has one row a case: event (day of onset or sampling) and report (day on which it became known). The answer has one
row per event day that is not complete yet: date, observed (known so far), expected (final number), lower, upper, note.";

pub const INTERVAL_EXAMPLES: &str = "\
Example:
  sizao epi serial-interval --in pairs.csv

The table has one row a pair: first and second (exact), or first_from, first_to, second_from, second_to (intervals), as days
or as numbers of days; observed_until where a later second event could not have been seen. The answer has one row a family:
its two parameters, mean and quantiles in days, log-likelihood and AIC; the smaller the AIC, the better it fits.";

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum NowcastMethod {
    /// Reverse hazards of the delay (Lawless 1994), with the paper's variance.
    Lawless,
    /// Development factors (Mack 1993).
    ChainLadder,
    /// Beta-negative binomial, closed form.
    Bnb,
    /// Gamma prior; delays as they came.
    Bayes,
    /// Gamma prior; delays corrected for days that are not complete; sampled.
    BayesTrunc,
}

#[derive(Args, Debug)]
pub struct Nowcast {
    /// Table with the columns event and report; `-` is standard input.
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// Which method.
    #[arg(long, value_enum, default_value = "lawless")]
    pub method: NowcastMethod,
    /// Day as of which it is known; the last day of a report if left out.
    #[arg(long)]
    pub now: Option<Date>,
    /// Longest delay looked at; longer ones count as this one. Days.
    #[arg(long, default_value_t = 14)]
    pub delay_max: usize,
    /// Days that teach the delays; all if left out.
    #[arg(long)]
    pub window: Option<usize>,
    /// Level of the interval.
    #[arg(long, default_value_t = 0.95)]
    pub level: f64,
    /// Largest final number of a day that is looked at.
    #[arg(long, default_value_t = 3_000)]
    pub cases_max: usize,
    /// Mean of the prior for the cases of a day; the mean of the known days if left out.
    #[arg(long)]
    pub prior_mean: Option<f64>,
    /// Variance of that prior; ten times its mean if left out.
    #[arg(long)]
    pub prior_variance: Option<f64>,
    /// Samples of the delay distribution.
    #[arg(long, default_value_t = 2_000)]
    pub draws: usize,
    /// The same seed gives the same samples.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// One event day of the answer.
struct NowcastRow {
    day: usize,
    observed: f64,
    expected: Option<f64>,
    limits: Option<(f64, f64)>,
}

pub fn run_nowcast(order: &Nowcast) -> Result<ExitCode> {
    let table = Table::read(&order.input)?;
    let event = table.need("event", "day of onset or sampling")?;
    let report = table.need("report", "day on which it became known")?;
    let events = table.map(|row| match (row.day(event)?, row.day(report)?) {
        (event, report) if report < event => {
            Err(format!("reported on {report}, before the event on {event}: one of the two is wrong"))
        }
        pair => Ok(pair),
    })?;
    let last = events.iter().map(|(_, report)| *report).max().expect("a table has a row");
    let now = order.now.unwrap_or(last);
    let known: Vec<(Date, Date)> = events.into_iter().filter(|(_, report)| *report <= now).collect();
    let Some(first) = known.iter().map(|(event, _)| *event).min() else {
        bail!("nothing was reported by {now}: choose a later day for --now");
    };
    let triangle = ReportingTriangle::from_line_list(&known, first, now, order.delay_max)?;
    let rows = order.judge(&triangle)?;
    let mut out = WholeFile::create(&order.out)?;
    writeln!(out, "date,observed,expected,lower,upper,note")?;
    for row in rows {
        let mut text = format!("{},", first + (row.day as i64).days()).into_bytes();
        push_number(&mut text, Some(row.observed));
        for cell in [row.expected, row.limits.map(|l| l.0), row.limits.map(|l| l.1)] {
            text.push(b',');
            push_number(&mut text, cell);
        }
        let note = match (row.expected, row.limits) {
            (None, _) => "a longer delay has no data yet: no estimate",
            (_, None) => "no interval: too few events, or beyond --cases-max",
            _ => "",
        };
        writeln!(text, ",{note}")?;
        out.write_all(&text)?;
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

impl Nowcast {
    fn judge(&self, triangle: &ReportingTriangle) -> Result<Vec<NowcastRow>, EpiError> {
        match self.method {
            NowcastMethod::Lawless => self.lawless(triangle),
            NowcastMethod::ChainLadder => Ok(nowcast_chain_ladder(triangle, self.level)?
                .into_iter()
                .map(|row| NowcastRow {
                    day: row.day,
                    observed: row.observed,
                    expected: row.expected,
                    limits: row.lower.zip(row.upper),
                })
                .collect()),
            NowcastMethod::Bnb | NowcastMethod::Bayes | NowcastMethod::BayesTrunc => self.bayes(triangle),
        }
    }

    fn lawless(&self, triangle: &ReportingTriangle) -> Result<Vec<NowcastRow>, EpiError> {
        let window = self.window.map_or(DelayWindow::All, DelayWindow::LaggedDays);
        let rows = nowcast_lawless(triangle, window, self.level)?;
        // Youngest first there, oldest first here; a delay longer than the series has no day.
        let rows = rows.into_iter().rev().filter_map(|row| {
            Some(NowcastRow {
                day: (triangle.days() - 1).checked_sub(row.delay)?,
                observed: row.observed?,
                expected: row.expected,
                limits: row.interval.map(|interval| (interval.lower, interval.upper)),
            })
        });
        Ok(rows.collect())
    }

    fn bayes(&self, triangle: &ReportingTriangle) -> Result<Vec<NowcastRow>, EpiError> {
        let window = self.window.map_or(DelayWindow::All, DelayWindow::LastDays);
        let delays = DelayModel { window, prior_weight: 0.1 };
        let known: f64 = (0..triangle.days()).map(|day| triangle.observed(day)).sum();
        let mean = self.prior_mean.unwrap_or(known / triangle.days() as f64);
        let prior = CasePrior { mean, variance: self.prior_variance.unwrap_or(10.0 * mean) };
        let truncation = match self.method {
            NowcastMethod::BayesTrunc => TruncatedDelays::Corrected { draws: self.draws },
            _ => TruncatedDelays::Ignored,
        };
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(self.seed);
        let found = match self.method {
            NowcastMethod::Bnb => nowcast_beta_negative_binomial(triangle, delays, self.level, self.cases_max)?,
            _ => nowcast_bayes(triangle, delays, prior, truncation, self.level, self.cases_max, &mut rng)?,
        };
        let rows = found.rows.into_iter().map(|row| NowcastRow {
            day: row.day,
            observed: row.observed,
            expected: row.median,
            limits: row.lower.zip(row.upper),
        });
        Ok(rows.collect())
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum FamilyArg {
    /// Gamma: shape, scale.
    Gamma,
    /// Log-normal: mean and standard deviation of the logarithm.
    Lognormal,
    /// Weibull: shape, scale.
    Weibull,
}

#[derive(Args, Debug)]
pub struct SerialIntervalArgs {
    /// Table of pairs; `-` is standard input.
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// Only this family; all three if left out.
    #[arg(long, value_enum)]
    pub family: Option<FamilyArg>,
}

pub fn run_serial_interval(order: &SerialIntervalArgs) -> Result<ExitCode> {
    let pairs = read_pairs(&Table::read(&order.input)?)?;
    let all = [FamilyArg::Gamma, FamilyArg::Lognormal, FamilyArg::Weibull];
    let wanted: Vec<FamilyArg> = order.family.map_or(all.into(), |family| vec![family]);
    let mut out = WholeFile::create(&order.out)?;
    writeln!(out, "family,pairs,parameter_1,parameter_2,mean,q05,q50,q95,log_likelihood,aic")?;
    for family in wanted {
        let (name, of) = match family {
            FamilyArg::Gamma => ("gamma", DelayFamily::Gamma),
            FamilyArg::Lognormal => ("lognormal", DelayFamily::LogNormal),
            FamilyArg::Weibull => ("weibull", DelayFamily::Weibull),
        };
        let fit = fit_delay(&pairs, of)?;
        let (first, second) = fit.distribution.parameters();
        let quantile = |p| fit.distribution.quantile_days(p);
        let cells = [first, second, fit.distribution.mean_days(), quantile(0.05), quantile(0.5), quantile(0.95)];
        let mut text = format!("{name},{}", pairs.len()).into_bytes();
        for cell in cells.into_iter().chain([fit.log_likelihood, fit.aic]) {
            text.push(b',');
            push_number(&mut text, Some(cell));
        }
        text.push(b'\n');
        out.write_all(&text)?;
    }
    out.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn read_pairs(table: &Table) -> Result<Vec<DelayPair>> {
    let until = table.find("observed_until");
    let columns = match (table.find("first"), table.find("second")) {
        (Some(first), Some(second)) => [first, first, second, second],
        _ => [
            table.need("first_from", "earliest time of the first event, or first where it is exact")?,
            table.need("first_to", "latest time of the first event")?,
            table.need("second_from", "earliest time of the second event, or second where it is exact")?,
            table.need("second_to", "latest time of the second event")?,
        ],
    };
    table.map(|row| {
        let [first_from, first_to, second_from, second_to] = columns.map(|column| row.time(column));
        let observed_until = until.filter(|column| !row.text(*column).is_empty());
        Ok(DelayPair {
            first_from: first_from?,
            first_to: first_to?,
            second_from: second_from?,
            second_to: second_to?,
            observed_until: observed_until.map(|column| row.time(column)).transpose()?,
        })
    })
}

#[derive(Args, Debug)]
pub struct Discretise {
    /// Mean of the serial interval, above 1; days.
    #[arg(long)]
    pub si_mean: f64,
    /// Standard deviation of the serial interval; days.
    #[arg(long)]
    pub si_sd: f64,
    /// Last day written.
    #[arg(long, default_value_t = 30)]
    pub days: usize,
    /// File to write; `-` is standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
}

pub fn run_discretise(order: &Discretise) -> Result<ExitCode> {
    let weights = discretise_shifted_gamma(order.si_mean, order.si_sd, order.days)?;
    let mut out = WholeFile::create(&order.out)?;
    writeln!(out, "day,weight")?;
    for (day, weight) in weights.iter().enumerate() {
        let mut text = format!("{day},").into_bytes();
        push_number(&mut text, Some(*weight));
        text.push(b'\n');
        out.write_all(&text)?;
    }
    out.finish()?;
    let beyond = 1.0 - weights.iter().sum::<f64>();
    if beyond > 0.01 {
        eprintln!("{:.1} % of the interval lie after day {}: write more days (--days).", 100.0 * beyond, order.days);
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Args, Debug)]
pub struct InfectivityArgs {
    #[command(flatten)]
    pub series: SeriesArgs,
    #[command(flatten)]
    pub interval: Interval,
}

pub struct Infectivity {
    pub interval: GivenInterval,
}

impl Method for Infectivity {
    fn columns(&self) -> &'static [&'static str] {
        &["infectivity"]
    }

    fn judge(&self, series: &Series) -> Result<Outcome, EpiError> {
        let days = series.counts.len();
        let weights = self.interval.weights(days)?;
        let incidence = Incidence::from_first_day_imported(&series.counts);
        let mut outcome = Outcome::empty(1, days, "");
        for (day, value) in overall_infectivity(&incidence, &weights).into_iter().enumerate() {
            let note = (day == 0).then(|| "nothing is known from before the first day".into());
            outcome.set(day, [Some(value)], note);
        }
        Ok(outcome)
    }
}
