//! Reads `date,count[,stratum]` tables into checked series.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result, bail};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sizao_epi::{COUNT_MAX, Counts, Gaps, Step, align_series};

use super::{files::read_whole, records::Records, series_args::SeriesArgs};

/// Complaints printed before the rest is only counted.
const COMPLAINTS_SHOWN: usize = 20;

/// One stratum of a table.
pub struct Series {
    /// What the column `stratum` says; `None` where the table has no such column.
    pub stratum: Option<String>,
    /// Length of a period.
    pub step: Step,
    /// First day of each period, ascending, without gaps.
    pub dates: Vec<Date>,
    /// Persons per period.
    pub counts: Counts,
    /// Persons under surveillance per period, from the column `population`.
    pub population: Option<Vec<f64>>,
    /// Cases among `counts` infected elsewhere, from the column `imported`.
    pub imported: Option<Counts>,
}

/// A table of series.
pub struct SeriesTable {
    /// One per stratum, in the order in which they first occur.
    pub series: Vec<Series>,
    /// What a reader should know of how the rows were read.
    pub remarks: Vec<String>,
}

/// Reads a table, checks every row and names those that are wrong.
pub fn read_series(args: &SeriesArgs) -> Result<SeriesTable> {
    parse_series(&read_whole(&args.input)?, &args.input, args)
}

/// One row as written.
struct Row {
    date: Date,
    count: f64,
    population: Option<f64>,
    imported: Option<f64>,
}

/// The rows of one stratum, column by column; the last two are empty where the table has no such column.
#[derive(Default)]
struct Stratum {
    name: Option<String>,
    counts: Vec<(Date, Option<f64>)>,
    population: Vec<f64>,
    imported: Vec<f64>,
}

impl Stratum {
    fn push(&mut self, row: &Row) {
        self.counts.push((row.date, Some(row.count)));
        self.population.extend(row.population);
        self.imported.extend(row.imported);
    }
}

fn parse_series(text: &[u8], path: &Path, args: &SeriesArgs) -> Result<SeriesTable> {
    let mut records = Records::new(text);
    let columns = Columns::find(&records.header()?, path)?;
    let mut days = DayReader::new(&args.zone)?;
    let mut strata = Strata::default();
    let mut complaints = Complaints::default();
    records.each(|line, cells| match read_row(cells, &columns, &mut days, args.gaps()) {
        Ok(row) => strata.of(columns.stratum.map(|column| cell(cells, column))).push(&row),
        Err(complaint) => complaints.push(line, &complaint),
    })?;
    complaints.check(path)?;
    days.check()?;
    let strata = strata.all;
    if strata.is_empty() {
        bail!("{} has a header but no row. Send at least one date with its count.", path.display());
    }
    let step = args.step().unwrap_or_else(|| infer_step(&strata));
    let series = strata
        .into_iter()
        .map(|stratum| align(stratum, step, args.gaps(), &columns))
        .collect::<Result<Vec<_>>>()
        .with_context(|| path.display().to_string())?;
    Ok(SeriesTable { series, remarks: days.remarks() })
}

/// Strata in the order in which they first occur.
#[derive(Default)]
struct Strata {
    all: Vec<Stratum>,
    places: HashMap<Vec<u8>, usize>,
    last: usize,
}

impl Strata {
    fn of(&mut self, name: Option<&[u8]>) -> &mut Stratum {
        let wanted = name.unwrap_or_default();
        // Tables mostly hold one stratum after the other.
        let is_last = self
            .all
            .get(self.last)
            .is_some_and(|last| last.name.as_ref().map_or(name.is_none(), |last| last.as_bytes() == wanted));
        if !is_last {
            self.last = match self.places.get(wanted) {
                Some(place) => *place,
                None => {
                    let name = name.map(|name| String::from_utf8_lossy(name).into_owned());
                    self.all.push(Stratum { name, ..Stratum::default() });
                    self.places.insert(wanted.to_vec(), self.all.len() - 1);
                    self.all.len() - 1
                }
            };
        }
        &mut self.all[self.last]
    }
}

struct Columns {
    date: usize,
    count: usize,
    stratum: Option<usize>,
    population: Option<usize>,
    imported: Option<usize>,
}

impl Columns {
    fn find(names: &[String], path: &Path) -> Result<Self> {
        let find = |name: &str| names.iter().position(|found| found == name);
        let need = |name: &str| {
            find(name).with_context(|| {
                format!(
                    "{} has the columns {}; the column `{name}` is missing. The first line must name date and count, \
                     and may name stratum, population and imported, divided by commas.",
                    path.display(),
                    names.join(", ")
                )
            })
        };
        Ok(Self {
            date: need("date")?,
            count: need("count")?,
            stratum: find("stratum"),
            population: find("population"),
            imported: find("imported"),
        })
    }
}

fn cell<'a>(cells: &[&'a [u8]], column: usize) -> &'a [u8] {
    cells.get(column).copied().unwrap_or_default()
}

fn read_row(cells: &[&[u8]], columns: &Columns, days: &mut DayReader, gaps: Gaps) -> Result<Row, String> {
    let text = |column: usize| std::str::from_utf8(cell(cells, column)).unwrap_or("\u{fffd}");
    let date = days.read(cell(cells, columns.date))?;
    let count = match few_digits(cell(cells, columns.count)) {
        Some(count) => count,
        None => match text(columns.count) {
            text if is_absent(text) && gaps == Gaps::AreZero => 0.0,
            text if is_absent(text) => {
                return Err(
                    "count is missing: write 0 where nothing was seen, or read the file with --gaps zero".into()
                );
            }
            text => read_count("count", text)?,
        },
    };
    let imported = columns.imported.map(|column| read_count("imported", text(column))).transpose()?;
    if let Some(part) = imported.filter(|part| *part > count) {
        return Err(format!("imported {part} is more than count {count}: imported cases are part of the count"));
    }
    let population = columns.population.map(|column| read_population(text(column))).transpose()?;
    Ok(Row { date, count, population, imported })
}

/// A number of up to nine digits, without the detour of a general parser.
fn few_digits(text: &[u8]) -> Option<f64> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    let mut sum = 0u32;
    for digit in text {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        sum = sum * 10 + u32::from(digit);
    }
    Some(f64::from(sum))
}

fn is_absent(text: &str) -> bool {
    matches!(text, "" | "NA" | "NaN" | "nan" | "null" | "-")
}

fn read_count(name: &str, text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{name} `{text}` is not a number"))?;
    if !value.is_finite() {
        Err(format!("{name} `{text}` is not a finite number"))
    } else if value < 0.0 {
        Err(format!("{name} {text} is negative: a count of persons is 0 or more"))
    } else if value.fract() != 0.0 {
        Err(format!("{name} {text} is not a whole number: send counts of persons, not rates or averages"))
    } else if value > COUNT_MAX {
        Err(format!("{name} {text} is above {COUNT_MAX}: check the unit"))
    } else {
        Ok(value)
    }
}

fn read_population(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0);
    value.ok_or_else(|| format!("population `{text}` must be a number above 0"))
}

/// Reads civil days, or instants that become days of one zone; a file holds one kind only.
struct DayReader {
    zone: TimeZone,
    zone_name: String,
    civil: usize,
    instants: usize,
}

impl DayReader {
    fn new(zone_name: &str) -> Result<Self> {
        let zone = TimeZone::get(zone_name).with_context(|| format!("the zone {zone_name}"))?;
        Ok(Self { zone, zone_name: zone_name.to_owned(), civil: 0, instants: 0 })
    }

    fn read(&mut self, text: &[u8]) -> Result<Date, String> {
        if let Some(date) = day_of(text) {
            self.civil += 1;
            return Ok(date);
        }
        let text = std::str::from_utf8(text).unwrap_or("\u{fffd}");
        if let Ok(at) = text.parse::<Timestamp>() {
            self.instants += 1;
            return Ok(at.to_zoned(self.zone.clone()).date());
        }
        Err(if text.len() > 10 && text.get(10..11).is_some_and(|mark| mark == "T" || mark == " ") {
            format!("date `{text}` has a time without a zone: write 2022-01-04, or 2022-01-04T09:30:00+08:00")
        } else {
            format!("date `{text}` is not a day that exists, written like 2022-01-04")
        })
    }

    fn check(&self) -> Result<()> {
        if self.civil > 0 && self.instants > 0 {
            bail!(
                "{} rows have plain days and {} have instants with a zone: a plain day does not say whose day it is. \
                 Send all rows as days, or all as instants; instants become days of {} (--zone).",
                self.civil,
                self.instants,
                self.zone_name
            );
        }
        Ok(())
    }

    fn remarks(&self) -> Vec<String> {
        let remark = format!("{} instants were read as days of {} (--zone).", self.instants, self.zone_name);
        if self.instants > 0 { vec![remark] } else { Vec::new() }
    }
}

/// `2022-01-04`, without the detour of a general parser.
pub fn plain_day(text: &str) -> Option<Date> {
    day_of(text.as_bytes())
}

fn day_of(text: &[u8]) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    Date::new(number(&digits[..4]), number(&digits[4..6]) as i8, number(&digits[6..]) as i8).ok()
}

/// Weeks where all days of every stratum are whole weeks apart, months where all have one day of the month, else days.
fn infer_step(strata: &[Stratum]) -> Step {
    let days_of = |date: Date| date.duration_since(Date::ZERO).as_hours() / 24;
    let first = |stratum: &Stratum| stratum.counts[0].0;
    let mut others =
        strata.iter().flat_map(|stratum| stratum.counts[1..].iter().map(|(date, _)| (first(stratum), *date)));
    if others.clone().all(|(first, date)| first == date) {
        Step::Day
    } else if others.clone().all(|(first, date)| (days_of(date) - days_of(first)) % 7 == 0) {
        Step::Week
    } else if others.all(|(first, date)| first.day() == date.day()) {
        Step::Month
    } else {
        Step::Day
    }
}

fn align(stratum: Stratum, step: Step, gaps: Gaps, columns: &Columns) -> Result<Series> {
    let aligned = align_series(&stratum.counts, step, gaps)
        .with_context(|| stratum.name.as_ref().map_or("the series".to_owned(), |name| format!("stratum {name}")))?;
    let by_date = |values: &[f64]| -> HashMap<Date, f64> {
        stratum.counts.iter().map(|(date, _)| *date).zip(values.iter().copied()).collect()
    };
    let population = columns.population.map(|_| {
        let known = by_date(&stratum.population);
        let mut last = 0.0;
        let mut on = |date: &Date| {
            last = known.get(date).copied().unwrap_or(last);
            last
        };
        aligned.dates.iter().map(&mut on).collect()
    });
    let imported = columns.imported.map(|_| {
        let known = by_date(&stratum.imported);
        Counts::new(aligned.dates.iter().map(|date| known.get(date).copied().unwrap_or(0.0)))
    });
    let imported = imported.transpose()?;
    Ok(Series { stratum: stratum.name, step, dates: aligned.dates, counts: aligned.counts, population, imported })
}

#[derive(Default)]
struct Complaints {
    shown: Vec<String>,
    all: usize,
}

impl Complaints {
    fn push(&mut self, line: u64, text: &str) {
        self.all += 1;
        if self.shown.len() < COMPLAINTS_SHOWN {
            self.shown.push(format!("line {line}: {text}"));
        }
    }

    fn check(&self, path: &Path) -> Result<()> {
        if self.all == 0 {
            return Ok(());
        }
        let more = self.all - self.shown.len();
        let more = if more > 0 { format!("\n  … and {more} more") } else { String::new() };
        bail!(
            "{}: {} rows cannot be read. Correct them and send the file again; nothing was written.\n  {}{more}",
            path.display(),
            self.all,
            self.shown.join("\n  ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, more: &[&str]) -> Result<SeriesTable> {
        parse_series(text.as_bytes(), Path::new("t.csv"), &SeriesArgs::for_tests(more))
    }

    fn error(text: &str) -> String {
        format!("{:#}", read(text, &[]).err().expect("the table is refused"))
    }

    #[test]
    fn every_bad_row_is_named_with_its_line() {
        let text = "date,count\n2024-01-01,-1\n2024-01-02,2.5\n2024-01-03,\n2024-02-30,4\n2024-01-05,x\n";
        let error = error(text);
        for part in ["5 rows", "line 2: count -1", "line 3: count 2.5", "line 4: count is missing", "line 5: date"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_repeated_day_names_its_stratum() {
        let error = error("stratum,date,count\na,2024-01-01,1\nb,2024-01-01,1\nb,2024-01-01,2\n");
        assert!(error.contains("stratum b") && error.contains("more than once"), "{error}");
    }

    #[test]
    fn a_gap_is_refused_or_read_as_zero() {
        let text = "date,count\n2024-01-01,1\n2024-01-02,1\n2024-01-05,2\n";
        assert!(error(text).contains("2024-01-03"));
        assert_eq!(read(text, &["--gaps", "zero"]).unwrap().series[0].counts.as_slice(), [1.0, 1.0, 0.0, 0.0, 2.0]);
    }

    #[test]
    fn instants_of_any_zone_become_days_of_one() {
        let text = "date,count\n2024-01-01T20:00:00Z,1\n2024-01-03T07:00:00+08:00,2\n";
        let table = read(text, &[]).unwrap();
        assert_eq!(table.series[0].dates[0].to_string(), "2024-01-02");
        assert_eq!(table.series[0].counts.len(), 2);
        assert!(table.remarks[0].contains("Asia/Shanghai"));
    }

    #[test]
    fn plain_days_among_instants_and_times_without_zone_are_refused() {
        assert!(error("date,count\n2024-01-01T20:00:00Z,1\n2024-01-03,2\n").contains("plain day"));
        assert!(error("date,count\n2024-01-01T20:00:00,1\n").contains("without a zone"));
    }

    #[test]
    fn a_table_with_quotes_is_read_like_one_without() {
        let plain = "date,stratum,count,population\n2024-01-01,a b,1,10\n\n2024-01-02,a b, 12 ,11\n2024-01-01,c,3,9\n";
        let quoted = plain.replace("a b", "\"a b\"").replace('\n', "\r\n");
        let (plain, quoted) = (read(plain, &[]).unwrap(), read(&quoted, &[]).unwrap());
        assert_eq!(plain.series.len(), 2);
        for (one, other) in plain.series.iter().zip(&quoted.series) {
            assert_eq!((&one.stratum, &one.dates, &one.counts), (&other.stratum, &other.dates, &other.counts));
            assert_eq!(one.population, other.population);
        }
        assert_eq!(plain.series[0].counts.as_slice(), [1.0, 12.0]);
        assert_eq!(plain.series[0].stratum.as_deref(), Some("a b"));
    }

    #[test]
    fn the_last_line_needs_no_end_and_short_rows_are_named() {
        assert_eq!(read("date,count\n2024-01-01,1\n2024-01-02,7", &[]).unwrap().series[0].counts.total(), 8.0);
        assert!(error("date,count\n\n2024-01-01,1\n2024-01-02\n").contains("line 4: count is missing"));
    }

    #[test]
    fn the_step_is_seen_in_the_days() {
        let step = |text: &str| read(&format!("date,count\n{text}"), &[]).unwrap().series[0].step;
        assert_eq!(step("2024-01-01,1\n2024-01-08,1\n2024-01-15,3\n"), Step::Week);
        assert_eq!(step("2024-01-01,1\n2024-02-01,1\n2024-03-01,3\n"), Step::Month);
        assert_eq!(step("2024-01-02,1\n2024-01-01,1\n"), Step::Day);
        assert_eq!(step("2024-01-02,1000000000\n"), Step::Day);
    }
}
