//! `sizao epi growth`, `day-effects`: one answer for a whole series.

use std::{io::Write, process::ExitCode};

use anyhow::{Result, bail};
use clap::Args;
use sizao_epi::{
    Counts, EpiError, Step,
    day_effects::{HolidayCalendar, estimate_day_effects},
    growth::{Growth, find_growth_split, fit_growth, growth_to_reproduction},
};

use super::{
    detectors::Clean,
    outcome::{push_field, push_number},
    series::{Series, read_series},
    series_args::SeriesArgs,
};
use crate::output::WholeFile;

#[derive(Args, Debug)]
pub struct GrowthArgs {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Fit only so many of the last periods.
    #[arg(long)]
    pub last: Option<usize>,
    /// Find the date at which growth turned into decline, and fit both parts.
    #[arg(long)]
    pub split: bool,
    /// Level of the intervals.
    #[arg(long, default_value_t = 0.95)]
    pub level: f64,
    /// Mean of the generation interval, to turn r into R; days.
    #[arg(long, requires = "gi_sd")]
    pub gi_mean: Option<f64>,
    /// Standard deviation of the generation interval; days.
    #[arg(long, requires = "gi_mean")]
    pub gi_sd: Option<f64>,
}

const GROWTH_HEADER: &str = "stratum,part,first,last,rate_per_day,rate_lower,rate_upper,doubling_days,doubling_lower,\
                             doubling_upper,halving_days,halving_lower,halving_upper,adjusted_r2,reproduction,note";
const GROWTH_CELLS: usize = 11;

pub fn run_growth(args: &GrowthArgs) -> Result<ExitCode> {
    write_per_stratum(&args.series, GROWTH_HEADER, |series| growth_rows(args, series), GROWTH_CELLS + 3)
}

fn growth_rows(args: &GrowthArgs, series: &Series) -> Result<Vec<Vec<u8>>, EpiError> {
    let days = match series.step {
        Step::Day => 1.0,
        Step::Week => 7.0,
        Step::Month => 365.25 / 12.0,
    };
    let skipped = args.last.map_or(0, |last| series.counts.len().saturating_sub(last));
    let counts = Counts::new(series.counts.as_slice()[skipped..].iter().copied())?;
    let end = counts.len() - 1;
    let parts = if args.split {
        let split = find_growth_split(&counts, days, args.level)?;
        vec![("growth", 0, split.position, split.before), ("decline", split.position, end, split.after)]
    } else {
        vec![("whole", 0, end, fit_growth(&counts, days, args.level)?)]
    };
    parts
        .into_iter()
        .map(|(name, first, last, fit)| {
            let mut row = Vec::new();
            push_field(&mut row, series.stratum.as_deref().unwrap_or_default());
            let (first, last) = (series.dates[skipped + first], series.dates[skipped + last]);
            let _ = write!(row, ",{name},{first},{last}");
            let reproduction = match (args.gi_mean, args.gi_sd) {
                (Some(mean), Some(sd)) => Some(growth_to_reproduction(fit.rate, mean, sd)?),
                _ => None,
            };
            for cell in growth_cells(&fit, reproduction) {
                row.push(b',');
                push_number(&mut row, cell);
            }
            let _ = writeln!(row, ",{}", growth_note(&fit, reproduction.is_some()));
            Ok(row)
        })
        .collect()
}

/// Why cells of a row are empty.
fn growth_note(fit: &Growth, has_reproduction: bool) -> String {
    let mut reasons = Vec::new();
    if fit.rate_lower.is_none() {
        reasons.push("two points: no interval");
    }
    match (&fit.doubling, &fit.halving) {
        (Some(_), Some(_)) => {}
        (Some(_), None) => reasons.push("growing: no halving time"),
        (None, Some(_)) => reasons.push("declining: no doubling time"),
        (None, None) => reasons.push("no change: neither doubling nor halving time"),
    }
    if !has_reproduction {
        reasons.push("R needs --gi-mean and --gi-sd");
    }
    reasons.join("; ")
}

fn growth_cells(fit: &Growth, reproduction: Option<f64>) -> [Option<f64>; GROWTH_CELLS] {
    let (doubling, halving) = (fit.doubling.as_ref(), fit.halving.as_ref());
    [
        Some(fit.rate),
        fit.rate_lower,
        fit.rate_upper,
        doubling.map(|time| time.days),
        doubling.and_then(|time| time.lower),
        doubling.and_then(|time| time.upper),
        halving.map(|time| time.days),
        halving.and_then(|time| time.lower),
        halving.and_then(|time| time.upper),
        fit.adjusted_r2,
        reproduction,
    ]
}

#[derive(Args, Debug)]
pub struct DayEffectsArgs {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// Which days are apart.
    #[arg(long, value_enum, default_value = "china")]
    pub calendar: Clean,
    /// Cases at factor 1 added to every type of day: keeps a type with few days near 1.
    #[arg(long, default_value_t = 10.0)]
    pub prior_cases: f64,
}

pub fn run_day_effects(args: &DayEffectsArgs) -> Result<ExitCode> {
    let calendar =
        if args.calendar == Clean::China { HolidayCalendar::china() } else { HolidayCalendar::weekdays_only() };
    let rows = |series: &Series| {
        let effects = estimate_day_effects(&series.dates, &series.counts, &calendar, args.prior_cases)?;
        let rows = effects.factors().iter().map(|factor| {
            let mut row = Vec::new();
            push_field(&mut row, series.stratum.as_deref().unwrap_or_default());
            let _ = write!(row, ",{:?},{},", factor.day_type, factor.days);
            push_number(&mut row, Some(factor.factor));
            row.push(b',');
            push_number(&mut row, factor.log_standard_error);
            let note = match (factor.days, factor.log_standard_error) {
                (0, _) => "no such day in the series",
                (_, None) => "no case on such days: the factor rests on nothing",
                _ => "",
            };
            let _ = writeln!(row, ",{note}");
            row
        });
        Ok(rows.collect())
    };
    write_per_stratum(&args.series, "stratum,day_type,days,factor,log_standard_error,note", rows, 4)
}

/// Writes the rows of every stratum; one without result has a row that says why. Exit codes as for the detectors.
fn write_per_stratum(
    args: &SeriesArgs,
    header: &str,
    rows: impl Fn(&Series) -> Result<Vec<Vec<u8>>, EpiError>,
    empty_cells: usize,
) -> Result<ExitCode> {
    let table = read_series(args)?;
    table.remarks.iter().for_each(|remark| eprintln!("{remark}"));
    let judged: Vec<_> = table.series.iter().map(rows).collect();
    let errors: Vec<&EpiError> = judged.iter().filter_map(|rows| rows.as_ref().err()).collect();
    if errors.len() == judged.len() {
        bail!("{}", errors[0]);
    }
    let mut out = WholeFile::create(&args.out)?;
    writeln!(out, "{header}")?;
    for (series, rows) in table.series.iter().zip(&judged) {
        match rows {
            Ok(rows) => rows.iter().try_for_each(|row| out.write_all(row))?,
            Err(error) => {
                let mut row = Vec::new();
                push_field(&mut row, series.stratum.as_deref().unwrap_or_default());
                row.extend(std::iter::repeat_n(b',', empty_cells + 1));
                push_field(&mut row, &error.to_string());
                row.push(b'\n');
                out.write_all(&row)?;
            }
        }
    }
    out.finish()?;
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
