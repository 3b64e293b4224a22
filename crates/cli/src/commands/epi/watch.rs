//! `sizao epi watch`: when would each detector have spoken on a real series, and how often for nothing?

use std::{io::Write, process::ExitCode};

use anyhow::{Result, bail};
use clap::Args;
use jiff::{ToSpan, civil::Date};
use serde_json::json;
use sizao_epi::{
    Counts, EpiError, Step,
    ears::{EarsMethod, EarsSettings, ears},
    farrington::{FarringtonSettings, NoBound, SeasonalSeries, farrington, first_judged_position},
    sparse::{SparseSettings, judge_sparse},
};

use super::{
    plot::{Band, Line, Plot, Scale, draw},
    series::{Series, read_series},
    series_args::SeriesArgs,
    signals::day_number,
};
use crate::output::{WholeFile, say};

pub const EXAMPLES: &str = "\
Example:
  sizao epi watch --in henan.csv --event 2021-07-31..2021-08-20 --event 2022-01-02..2022-01-25 --svg henan.svg

For every stratum and detector: the first alarm in each event and its distance in days from the event's first day, and
alarms per week in the periods outside all events (and their margins). A period counts as one alarm however high it is.";

#[derive(Args, Debug)]
pub struct Watch {
    #[command(flatten)]
    pub series: SeriesArgs,
    /// First and last day of something that should have been found, divided by two dots; more than one may be given.
    #[arg(long, value_name = "FIRST..LAST", value_parser = parse_event)]
    pub event: Vec<(Date, Date)>,
    /// Days before and after an event that are neither event nor quiet.
    #[arg(long, default_value_t = 14)]
    pub margin: i64,
    /// Judge only days from this one on; the days before are history.
    #[arg(long)]
    pub from: Option<Date>,
    /// Judge only days up to this one.
    #[arg(long)]
    pub to: Option<Date>,
    /// Draw the first stratum with the bound of EARS C2 and its alarms.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<std::path::PathBuf>,
}

fn parse_event(text: &str) -> Result<(Date, Date), String> {
    let (first, last) = text.split_once("..").ok_or("write 2021-07-31..2021-08-20")?;
    let day = |text: &str| text.parse::<Date>().map_err(|_| format!("`{text}` is not a day like 2021-07-31"));
    let (first, last) = (day(first)?, day(last)?);
    if last < first { Err("the last day lies before the first".to_owned()) } else { Ok((first, last)) }
}

/// Alarms of one detector by period; `None` where it did not judge.
struct Alarms {
    name: &'static str,
    by_period: Vec<Option<bool>>,
    bounds: Vec<Option<f64>>,
    error: Option<EpiError>,
}

pub fn run(order: &Watch, json: bool) -> Result<ExitCode> {
    let table = read_series(&order.series)?;
    table.remarks.iter().for_each(|remark| eprintln!("{remark}"));
    let mut lines = Vec::new();
    let mut values = Vec::new();
    let mut is_judged = false;
    for series in &table.series {
        let name = series.stratum.as_deref().unwrap_or("series");
        lines.push(format!("{name}: {} periods from {}", series.counts.len(), series.dates[0]));
        for alarms in all_alarms(series) {
            if let Some(error) = &alarms.error {
                lines.push(format!("  {:26} no result: {error}", alarms.name));
                values.push(json!({"stratum": name, "detector": alarms.name, "error": error.to_string()}));
                continue;
            }
            is_judged = true;
            let found: Vec<Found> = order.event.iter().map(|event| first_alarm(series, &alarms, *event)).collect();
            let quiet = quiet_alarms(order, series, &alarms);
            lines.push(format!("  {:26} {}; {}", alarms.name, found_words(&found), quiet.words()));
            values.push(json!({
                "stratum": name,
                "detector": alarms.name,
                "events": found.iter().map(Found::as_json).collect::<Vec<_>>(),
                "quiet_periods": quiet.periods,
                "quiet_alarms": quiet.alarms,
                "quiet_alarms_per_week": quiet.per_week(),
            }));
        }
    }
    if !is_judged {
        bail!("no detector can judge this series: {}", lines.join("\n"));
    }
    if let Some(path) = &order.svg {
        let mut out = WholeFile::create(path)?;
        out.write_all(draw(&[plot(order, &table.series[0])]).as_bytes())?;
        out.finish()?;
    }
    say(json, || lines.join("\n"), || json!({"results": values}));
    Ok(ExitCode::SUCCESS)
}

fn all_alarms(series: &Series) -> Vec<Alarms> {
    let counts = &series.counts;
    let mut all = Vec::new();
    for (name, method) in [("EARS C1", EarsMethod::C1), ("EARS C2", EarsMethod::C2), ("EARS C3", EarsMethod::C3)] {
        let settings = EarsSettings { sd_min: 0.5, ..EarsSettings::usual(method) };
        let rows = ears(counts, &settings);
        all.push(collect(
            name,
            counts,
            rows.map(|rows| rows.into_iter().map(|row| (row.position, Some(row.upper_bound), row.is_alarm)).collect()),
        ));
    }
    let year = if series.step == Step::Day { 90 } else { series.step.periods_per_year() };
    let settings = SparseSettings { spans: vec![1, 3, 7], history: year, alpha: 0.002, cases_min: 2.0 };
    all.push(collect(
        "sparse",
        counts,
        judge_sparse(counts, &settings)
            .map(|rows| rows.into_iter().map(|row| (row.position, None, row.is_alarm)).collect()),
    ));
    if series.step != Step::Day {
        all.push(collect("Farrington flexible", counts, judge_farrington(series)));
    }
    all
}

type Judged = Vec<(usize, Option<f64>, bool)>;

fn judge_farrington(series: &Series) -> Result<Judged, EpiError> {
    let per_year = series.step.periods_per_year();
    let years = (series.counts.len() / per_year).saturating_sub(1).clamp(1, 5);
    let is_month = series.step == Step::Month;
    let settings = FarringtonSettings {
        years_back: years.min(5),
        half_window: if is_month { 1 } else { 3 },
        periods_excluded: if is_month { 6 } else { 26 },
        seasonal_levels: if is_month { 5 } else { 10 },
        trend: years >= 3,
        ..FarringtonSettings::noufaily_2013()
    };
    let dates = Some(series.dates.as_slice());
    let seasonal = SeasonalSeries { counts: &series.counts, periods_per_year: per_year, dates, population: None };
    let positions: Vec<usize> = (first_judged_position(&seasonal, &settings)..series.counts.len()).collect();
    let rows = farrington(&seasonal, &settings, &positions)?;
    let judged =
        rows.into_iter().filter(|row| row.upper_bound.is_some() || row.no_bound == Some(NoBound::TooFewRecentCases));
    Ok(judged.map(|row| (row.position, row.upper_bound, row.is_alarm)).collect())
}

fn collect(name: &'static str, counts: &Counts, rows: Result<Judged, EpiError>) -> Alarms {
    let mut alarms =
        Alarms { name, by_period: vec![None; counts.len()], bounds: vec![None; counts.len()], error: None };
    match rows {
        Ok(rows) => rows.into_iter().for_each(|(period, bound, is_alarm)| {
            alarms.by_period[period] = Some(is_alarm);
            alarms.bounds[period] = bound;
        }),
        Err(error) => alarms.error = Some(error),
    }
    alarms
}

/// What happened in an event.
enum Found {
    Alarm { event: Date, on: Date },
    Silent { event: Date },
    NotJudged { event: Date },
}

impl Found {
    fn as_json(&self) -> serde_json::Value {
        match self {
            Self::Alarm { event, on } => {
                json!({"event": event.to_string(), "first_alarm": on.to_string(), "days": day_number(*on) - day_number(*event)})
            }
            Self::Silent { event } => json!({"event": event.to_string(), "first_alarm": null}),
            Self::NotJudged { event } => json!({"event": event.to_string(), "first_alarm": null, "note": "not judged"}),
        }
    }
}

/// An alarm belongs to the day on which its period is over.
fn known_on(series: &Series, period: usize) -> Date {
    let date = series.dates[period];
    match series.step {
        Step::Day => date,
        Step::Week => date.saturating_add(6.days()),
        Step::Month => date.last_of_month(),
    }
}

fn first_alarm(series: &Series, alarms: &Alarms, (first, last): (Date, Date)) -> Found {
    let inside =
        || (0..series.dates.len()).filter(|period| known_on(series, *period) >= first && series.dates[*period] <= last);
    if inside().all(|period| alarms.by_period[period].is_none()) {
        return Found::NotJudged { event: first };
    }
    match inside().find(|period| alarms.by_period[*period] == Some(true)) {
        Some(period) => Found::Alarm { event: first, on: known_on(series, period) },
        None => Found::Silent { event: first },
    }
}

fn found_words(found: &[Found]) -> String {
    let words: Vec<String> = found
        .iter()
        .map(|found| match found {
            Found::Alarm { event, on } => {
                format!("alarm {on} (day {:+} of {event})", day_number(*on) - day_number(*event))
            }
            Found::Silent { event } => format!("no alarm in {event}"),
            Found::NotJudged { event } => format!("{event} not judged"),
        })
        .collect();
    if words.is_empty() { "no event given".to_owned() } else { words.join(", ") }
}

struct Quiet {
    periods: usize,
    alarms: usize,
    days_per_period: f64,
}

impl Quiet {
    fn per_week(&self) -> Option<f64> {
        (self.periods > 0).then(|| self.alarms as f64 * 7.0 / (self.periods as f64 * self.days_per_period))
    }

    fn words(&self) -> String {
        let rate = self.per_week().map_or("-".to_owned(), |rate| format!("{rate:.3}"));
        format!("quiet: {} alarms in {} periods, {rate} a week", self.alarms, self.periods)
    }
}

fn quiet_alarms(order: &Watch, series: &Series, alarms: &Alarms) -> Quiet {
    let is_near = |date: Date| {
        let margin = order.margin.days();
        order
            .event
            .iter()
            .any(|(first, last)| date >= first.saturating_sub(margin) && date <= last.saturating_add(margin))
    };
    let is_asked = |date: Date| order.from.is_none_or(|from| date >= from) && order.to.is_none_or(|to| date <= to);
    let judged: Vec<bool> = (0..series.dates.len())
        .filter(|period| is_asked(series.dates[*period]) && !is_near(series.dates[*period]))
        .filter_map(|period| alarms.by_period[period])
        .collect();
    let days_per_period = match series.step {
        Step::Day => 1.0,
        Step::Week => 7.0,
        Step::Month => 365.25 / 12.0,
    };
    Quiet { periods: judged.len(), alarms: judged.iter().filter(|alarm| **alarm).count(), days_per_period }
}

fn plot(order: &Watch, series: &Series) -> Plot {
    let alarms = all_alarms(series).into_iter().find(|alarms| {
        alarms.error.is_none()
            && (alarms.name == "Farrington flexible" || series.step == Step::Day && alarms.name == "EARS C2")
    });
    let is_shown = |date: &Date| order.from.is_none_or(|from| *date >= from) && order.to.is_none_or(|to| *date <= to);
    let shown: Vec<usize> = (0..series.dates.len()).filter(|period| is_shown(&series.dates[*period])).collect();
    let x = |period: usize| day_number(series.dates[period]) as f64;
    let y = |period: usize| series.counts.as_slice()[period];
    let mut bands = Vec::new();
    let mut marks = Vec::new();
    let mut name = "no detector".to_owned();
    if let Some(alarms) = alarms {
        name = alarms.name.to_owned();
        let points = shown.iter().filter_map(|&period| Some((x(period), 0.0, alarms.bounds[period]?))).collect();
        bands.push(Band { name: format!("usual, up to the bound of {name}"), points });
        marks = shown
            .iter()
            .filter(|period| alarms.by_period[**period] == Some(true))
            .map(|&period| (x(period), y(period), format!("{} {}", series.dates[period], y(period))))
            .collect();
    }
    Plot {
        title: format!(
            "{}: counts, bound of {name} (shaded), alarms (dots)",
            series.stratum.as_deref().unwrap_or("series")
        ),
        x_name: "first day of the period".to_owned(),
        y_name: "persons".to_owned(),
        x_scale: Scale::Date,
        lines: vec![Line {
            name: "counts".to_owned(),
            points: shown.iter().map(|&p| (x(p), y(p))).collect(),
            is_bold: false,
        }],
        bands,
        marks,
    }
}
