//! What a method says about one series, and the table written from it.

use std::{io::Write, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use sizao_epi::{EpiError, parallel};

use super::{
    series::{Series, SeriesTable, read_series},
    series_args::SeriesArgs,
};
use crate::output::WholeFile;

/// One row per period of a series.
pub struct Outcome {
    /// Values by column, then by period; `None` is an empty cell and has its reason under `notes`.
    pub values: Vec<Vec<Option<f64>>>,
    /// Remark per period.
    pub notes: Vec<Option<Arc<str>>>,
}

impl Outcome {
    /// Empty cells, all with one reason.
    pub fn empty(columns: usize, periods: usize, reason: &str) -> Self {
        let reason: Arc<str> = reason.into();
        Self { values: vec![vec![None; periods]; columns], notes: vec![Some(reason); periods] }
    }

    /// Fills the cells of one period and takes its reason away. A value that is no number stays out and is said.
    pub fn set<const N: usize>(&mut self, period: usize, cells: [Option<f64>; N], note: Option<Arc<str>>) {
        self.notes[period] = note;
        for (column, cell) in cells.into_iter().enumerate() {
            self.values[column][period] = cell.filter(|value| value.is_finite());
            if cell.is_some_and(|value| !value.is_finite()) && self.notes[period].is_none() {
                self.notes[period] = Some("no finite value".into());
            }
        }
    }
}

/// A method that judges a series period by period.
pub trait Method: Sync {
    /// Names of the columns between count and note.
    fn columns(&self) -> &'static [&'static str];

    /// Judges one series.
    fn judge(&self, series: &Series) -> Result<Outcome, EpiError>;
}

/// Reads, judges every stratum, writes one row per period.
///
/// Exit codes: 0 every stratum was judged, 2 some could not be (their rows say why), 1 none.
pub fn run(args: &SeriesArgs, method: &dyn Method) -> Result<ExitCode> {
    let table = read_series(args)?;
    table.remarks.iter().for_each(|remark| eprintln!("{remark}"));
    let judged = parallel::map(&table.series, args.threads, |series| {
        let begun = crate::node::stopwatch();
        let outcome = method.judge(series);
        let time = Time { judging: begun.elapsed(), periods: outcome.as_ref().map_or(0, judged_periods) };
        let text = rows_as_text(series, method, &outcome);
        (outcome.err(), text, time)
    });
    if args.times {
        let judging: Duration = judged.iter().map(|(_, _, time)| time.judging).sum();
        let periods: usize = judged.iter().map(|(_, _, time)| time.periods).sum();
        eprintln!("judged {periods} {:.6}", judging.as_secs_f64());
    }
    let errors: Vec<&EpiError> = judged.iter().filter_map(|(error, ..)| error.as_ref()).collect();
    if errors.len() == judged.len() {
        bail!("{}", errors[0]);
    }
    write_table(args, &table, method, judged.iter().map(|(_, text, _)| text.as_slice()))?;
    if errors.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "{} of {} strata have no result; their rows say why. The first: {}",
        errors.len(),
        judged.len(),
        errors[0]
    );
    Ok(ExitCode::from(2))
}

/// What judging one series took.
struct Time {
    judging: Duration,
    periods: usize,
}

fn judged_periods(outcome: &Outcome) -> usize {
    outcome.values.first().map_or(0, |column| column.iter().flatten().count())
}

fn write_table<'a>(
    args: &SeriesArgs,
    table: &SeriesTable,
    method: &dyn Method,
    parts: impl Iterator<Item = &'a [u8]>,
) -> Result<()> {
    let mut out = WholeFile::create(&args.out)?;
    let stratum = if table.series[0].stratum.is_some() { "stratum," } else { "" };
    writeln!(out, "date,{stratum}count,{},note", method.columns().join(","))?;
    for part in parts {
        out.write_all(part)?;
    }
    out.finish()
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
    let mut text = Vec::with_capacity(series.dates.len() * 48);
    for (period, date) in series.dates.iter().enumerate() {
        let _ = write!(text, "{date},");
        if let Some(stratum) = &series.stratum {
            push_field(&mut text, stratum);
            text.push(b',');
        }
        push_number(&mut text, Some(series.counts.as_slice()[period]));
        for column in &outcome.values {
            text.push(b',');
            push_number(&mut text, column[period]);
        }
        text.push(b',');
        push_field(&mut text, outcome.notes[period].as_deref().unwrap_or_default());
        text.push(b'\n');
    }
    text
}

/// A number in the fewest digits that read back to it; nothing for no value.
pub fn push_number(text: &mut Vec<u8>, value: Option<f64>) {
    let Some(value) = value.filter(|value| value.is_finite()) else { return };
    let small = value as i64;
    let _ = if small as f64 == value && small.abs() < 1 << 53 {
        write!(text, "{small}")
    } else if value.abs() < 1e-5 || value.abs() >= 1e16 {
        write!(text, "{value:e}")
    } else {
        write!(text, "{value}")
    };
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
