//! What a method says about one series, and the table written from it.

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use jiff::civil::Date;
use sizao_epi::{EpiError, parallel};

use super::{
    series::{Series, SeriesTable, read_series},
    series_args::SeriesArgs,
};
use crate::output::WholeFile;

/// One row per period of a series.
pub struct Outcome {
    /// Values by column, then by period; NaN is an empty cell and has its reason under `notes`.
    values: Vec<Vec<f64>>,
    /// The remark on each period, by its place in `texts`.
    notes: Vec<u32>,
    /// [`UNSET`]: why periods that were never set are empty. [`NOTHING`]: no remark.
    texts: Vec<Arc<str>>,
}

const UNSET: u32 = 0;
const NOTHING: u32 = 1;
const NOT_FINITE: &str = "no finite value";

impl Outcome {
    /// Empty cells, all with one reason.
    pub fn empty(columns: usize, periods: usize, reason: &str) -> Self {
        let values = (0..columns).map(|_| vec![f64::NAN; periods]).collect();
        Self { values, notes: vec![UNSET; periods], texts: vec![reason.into(), "".into()] }
    }

    /// Whole columns, all judged from the period `first` on. Before it every cell is NaN for one reason.
    pub fn of_columns(values: Vec<Vec<f64>>, first: usize, reason: &str) -> Self {
        let periods = values.first().map_or(0, Vec::len);
        let mut outcome = Self { values, notes: vec![UNSET; periods], texts: vec![reason.into(), "".into()] };
        outcome.notes[first..].fill(NOTHING);
        for column in 0..outcome.values.len() {
            if outcome.values[column][first..].iter().all(|value| value.is_finite()) {
                continue;
            }
            for period in first..periods {
                let cell = &mut outcome.values[column][period];
                if !cell.is_finite() {
                    *cell = f64::NAN;
                    outcome.say(period, NOT_FINITE);
                }
            }
        }
        outcome
    }

    /// Fills the cells of one period and takes its reason away. A value that is no number stays out and is said.
    pub fn set<const N: usize>(&mut self, period: usize, cells: [Option<f64>; N], note: Option<Arc<str>>) {
        let mut is_said = note.is_some();
        match note {
            None => self.notes[period] = NOTHING,
            Some(note) => self.say(period, &note),
        }
        for (column, cell) in cells.into_iter().enumerate() {
            let is_number = cell.is_none_or(f64::is_finite);
            self.values[column][period] = cell.filter(|_| is_number).unwrap_or(f64::NAN);
            if !is_number && !is_said {
                self.say(period, NOT_FINITE);
                is_said = true;
            }
        }
    }

    /// Says why a period is empty, in place of the reason of the others.
    pub fn say(&mut self, period: usize, reason: &str) {
        if self.texts.len() == 2 || self.texts.last().is_none_or(|last| **last != *reason) {
            self.texts.push(reason.into());
        }
        self.notes[period] = self.texts.len() as u32 - 1;
    }

    fn note(&self, period: usize) -> &str {
        &self.texts[self.notes[period] as usize]
    }
}

/// A method that judges a series period by period.
pub trait Method: Sync {
    /// Names of the columns between count and note.
    fn columns(&self) -> &'static [&'static str];

    /// Judges one series.
    fn judge(&self, series: &Series) -> Result<Outcome, EpiError>;
}

/// Strata judged before their rows are written: few enough that memory is used again and again.
const STRATA_AT_ONCE: usize = 128;

/// Reads, judges every stratum, writes one row per period.
///
/// Exit codes: 0 every stratum was judged, 2 some could not be (their rows say why), 1 none.
pub fn run(args: &SeriesArgs, method: &dyn Method) -> Result<ExitCode> {
    let table = read_series(args)?;
    table.remarks.iter().for_each(|remark| eprintln!("{remark}"));
    let mut out = Rows { args, header: header(&table, method), out: None, waiting: Vec::new() };
    let (mut time, mut failed, mut first_error) = (Time::default(), 0, None);
    for strata in table.series.chunks(STRATA_AT_ONCE) {
        let judged = parallel::map(strata, args.threads, |series| {
            let begun = (args.times).then(|| (crate::node::thread_time(), crate::node::stopwatch()));
            let outcome = method.judge(series);
            let time = begun.map_or(Time::default(), |(processor, wall)| Time {
                processor: crate::node::thread_time().saturating_sub(processor),
                wall: wall.elapsed(),
                periods: outcome.as_ref().map_or(0, judged_periods),
            });
            let text = rows_as_text(series, method, &outcome);
            (outcome.err(), text, time)
        });
        for (error, text, took) in judged {
            time.processor += took.processor;
            time.wall += took.wall;
            time.periods += took.periods;
            failed += usize::from(error.is_some());
            out.push(text, error.is_none())?;
            first_error = first_error.or(error);
        }
    }
    if args.times {
        let (processor, wall) = (time.processor.as_secs_f64(), time.wall.as_secs_f64());
        eprintln!("judged {} {processor:.6} {wall:.6}", time.periods);
    }
    let judged = out.finish()?;
    match first_error {
        None => Ok(ExitCode::SUCCESS),
        Some(error) if !judged => bail!("{error}"),
        Some(error) => {
            let all = table.series.len();
            eprintln!("{failed} of {all} strata have no result; their rows say why. The first: {error}");
            Ok(ExitCode::from(2))
        }
    }
}

/// What judging took: of processors, and by the clock on the wall, which also counts what others had of them.
#[derive(Default)]
struct Time {
    processor: Duration,
    wall: Duration,
    periods: usize,
}

fn judged_periods(outcome: &Outcome) -> usize {
    outcome.values.first().map_or(0, |column| column.iter().filter(|value| !value.is_nan()).count())
}

fn header(table: &SeriesTable, method: &dyn Method) -> String {
    let stratum = if table.series[0].stratum.is_some() { "stratum," } else { "" };
    format!("date,{stratum}count,{},note\n", method.columns().join(","))
}

/// The rows of an answer; nothing is written before the first stratum with a result.
struct Rows<'a> {
    args: &'a SeriesArgs,
    header: String,
    out: Option<WholeFile>,
    /// Rows that say why their stratum has no result.
    waiting: Vec<u8>,
}

impl Rows<'_> {
    fn push(&mut self, text: Vec<u8>, is_judged: bool) -> Result<()> {
        match &mut self.out {
            Some(out) => out.write_all(&text)?,
            None if is_judged => {
                let mut out = WholeFile::create(&self.args.out)?;
                out.write_all(self.header.as_bytes())?;
                out.write_all(&std::mem::take(&mut self.waiting))?;
                out.write_all(&text)?;
                self.out = Some(out);
            }
            None => self.waiting.extend(text),
        }
        Ok(())
    }

    /// Whether anything was written.
    fn finish(self) -> Result<bool> {
        let Some(out) = self.out else { return Ok(false) };
        out.finish()?;
        Ok(true)
    }
}

fn rows_as_text(series: &Series, method: &dyn Method, outcome: &Result<Outcome, EpiError>) -> Vec<u8> {
    let unjudged;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            unjudged = Outcome::empty(method.columns().len(), series.dates.len(), &error.to_string());
            &unjudged
        }
    };
    let mut name = Vec::new();
    if let Some(stratum) = &series.stratum {
        push_field(&mut name, stratum);
        name.push(b',');
    }
    let mut text = Vec::with_capacity(series.dates.len() * (24 + name.len() + 20 * outcome.values.len()));
    for (period, date) in series.dates.iter().enumerate() {
        push_day(&mut text, *date);
        text.push(b',');
        text.extend_from_slice(&name);
        push_number(&mut text, Some(series.counts.as_slice()[period]));
        for column in &outcome.values {
            text.push(b',');
            push_number(&mut text, Some(column[period]));
        }
        text.push(b',');
        push_field(&mut text, outcome.note(period));
        text.push(b'\n');
    }
    text
}

/// `2022-01-04`.
fn push_day(text: &mut Vec<u8>, date: Date) {
    let Ok(year) = u16::try_from(date.year()) else {
        // Before year 0 there are other rules.
        let _ = write!(text, "{date}");
        return;
    };
    let digit = |number: u16| b'0' + (number % 10) as u8;
    let (month, day) = (date.month() as u16, date.day() as u16);
    let year = [digit(year / 1000), digit(year / 100), digit(year / 10), digit(year)];
    text.extend_from_slice(&year);
    text.extend_from_slice(&[b'-', digit(month / 10), digit(month), b'-', digit(day / 10), digit(day)]);
}

/// A number in the fewest digits that read back to it; nothing for no value.
pub fn push_number(text: &mut Vec<u8>, value: Option<f64>) {
    let Some(value) = value.filter(|value| value.is_finite()) else { return };
    let small = value as i64;
    if small as f64 == value && small.abs() < 1 << 53 {
        text.extend_from_slice(itoa::Buffer::new().format(small).as_bytes());
    } else {
        text.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    }
}

/// A field, in quotes where it has to be.
pub fn push_field(text: &mut Vec<u8>, field: &str) {
    if field.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        text.push(b'"');
        text.extend_from_slice(field.replace('"', "\"\"").as_bytes());
        text.push(b'"');
    } else {
        text.extend_from_slice(field.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_reads_back_to_itself() {
        let values = [0.0, -0.0, 1.0, -12.0, 0.1, 1e-7, 12.5e-9, 1e15 + 0.5, 9e15, 1e16, 1e300, 5e-324, -1.0 / 3.0];
        for value in values {
            let mut text = Vec::new();
            push_number(&mut text, Some(value));
            let text = String::from_utf8(text).unwrap();
            assert_eq!(text.parse::<f64>().unwrap(), value, "{text}");
        }
        let mut text = Vec::new();
        [None, Some(f64::NAN), Some(f64::INFINITY)].into_iter().for_each(|value| push_number(&mut text, value));
        assert!(text.is_empty());
    }

    #[test]
    fn days_are_written_like_the_library_writes_them() {
        for (year, month, day) in [(2024, 2, 29), (999, 12, 31), (0, 1, 1), (-44, 3, 15), (9999, 12, 31)] {
            let date = Date::new(year, month, day).unwrap();
            let mut text = Vec::new();
            push_day(&mut text, date);
            assert_eq!(String::from_utf8(text).unwrap(), date.to_string());
        }
    }

    #[test]
    fn a_period_never_set_has_the_common_reason_and_no_number_is_said() {
        let mut outcome = Outcome::empty(2, 4, "too early");
        outcome.set(1, [Some(1.0), Some(2.0)], None);
        outcome.set(2, [Some(f64::NAN), Some(2.0)], None);
        outcome.say(3, "apart");
        let notes: Vec<&str> = (0..4).map(|period| outcome.note(period)).collect();
        assert_eq!(notes, ["too early", "", "no finite value", "apart"]);
        let cells: Vec<Option<f64>> = outcome.values[0].iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect();
        assert_eq!(cells, [None, Some(1.0), None, None]);
    }
}
