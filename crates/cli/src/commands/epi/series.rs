//! Reads `date,count[,stratum]` tables into checked series.

use std::{collections::HashMap, io::Read, path::Path};

use anyhow::{Context, Result, bail};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sizao_epi::{COUNT_MAX, Counts, Gaps, Step, align_series};

use super::{files::open, series_args::SeriesArgs};

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
    let mut text = Vec::new();
    open(&args.input)?.read_to_end(&mut text).with_context(|| format!("reading {}", args.input.display()))?;
    parse_series(&text, &args.input, args)
}

/// One row as written.
struct Row {
    date: Date,
    count: Option<f64>,
    population: Option<f64>,
    imported: Option<f64>,
}

#[derive(Default)]
struct Stratum {
    name: Option<String>,
    rows: Vec<Row>,
}

fn parse_series(text: &[u8], path: &Path, args: &SeriesArgs) -> Result<SeriesTable> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text);
    let columns = Columns::find(reader.byte_headers().context("reading the header")?, path)?;
    let mut days = DayReader::new(&args.zone)?;
    let mut strata: Vec<Stratum> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut complaints = Complaints::default();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).context("reading the rows")? {
        let line = record.position().map_or(0, csv::Position::line);
        let name = columns.stratum.and_then(|column| record.get(column)).unwrap_or_default();
        match read_row(&record, &columns, &mut days, args.gaps()) {
            Ok(row) => {
                let place = match places.get(name) {
                    Some(place) => *place,
                    None => {
                        let text = columns.stratum.map(|_| String::from_utf8_lossy(name).into_owned());
                        strata.push(Stratum { name: text, rows: Vec::new() });
                        places.insert(name.to_vec(), strata.len() - 1);
                        strata.len() - 1
                    }
                };
                strata[place].rows.push(row);
            }
            Err(complaint) => complaints.push(line, &complaint),
        }
    }
    complaints.check(path)?;
    days.check()?;
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

struct Columns {
    date: usize,
    count: usize,
    stratum: Option<usize>,
    population: Option<usize>,
    imported: Option<usize>,
}

impl Columns {
    fn find(header: &csv::ByteRecord, path: &Path) -> Result<Self> {
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase()).collect();
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

fn read_row(record: &csv::ByteRecord, columns: &Columns, days: &mut DayReader, gaps: Gaps) -> Result<Row, String> {
    let cell = |column: usize| std::str::from_utf8(record.get(column).unwrap_or_default()).unwrap_or("\u{fffd}");
    let date = days.read(cell(columns.date))?;
    let count = match cell(columns.count) {
        text if is_absent(text) && gaps == Gaps::AreZero => Some(0.0),
        text if is_absent(text) => {
            return Err("count is missing: write 0 where nothing was seen, or read the file with --gaps zero".into());
        }
        text => Some(read_count("count", text)?),
    };
    let imported = columns.imported.map(|column| read_count("imported", cell(column))).transpose()?;
    if let (Some(all), Some(part)) = (count, imported.filter(|part| count.is_some_and(|all| *part > all))) {
        return Err(format!("imported {part} is more than count {all}: imported cases are part of the count"));
    }
    let population = columns.population.map(|column| read_population(cell(column))).transpose()?;
    Ok(Row { date, count, population, imported })
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

    fn read(&mut self, text: &str) -> Result<Date, String> {
        if let Some(date) = plain_day(text) {
            self.civil += 1;
            return Ok(date);
        }
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
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0i16, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    Date::new(number(&digits[..4]), number(&digits[4..6]) as i8, number(&digits[6..]) as i8).ok()
}

/// Weeks where all days of every stratum are whole weeks apart, months where all have one day of the month, else days.
fn infer_step(strata: &[Stratum]) -> Step {
    let dates = |stratum: &Stratum| -> Vec<Date> {
        let mut dates: Vec<Date> = stratum.rows.iter().map(|row| row.date).collect();
        dates.sort_unstable();
        dates.dedup();
        dates
    };
    let dates: Vec<Vec<Date>> = strata.iter().map(dates).collect();
    let pairs = || dates.iter().flat_map(|dates| dates.windows(2)).map(|pair| (pair[0], pair[1]));
    let days = |(a, b): (Date, Date)| (b - a).get_days();
    if pairs().next().is_none() {
        Step::Day
    } else if pairs().all(|pair| days(pair) % 7 == 0) {
        Step::Week
    } else if pairs().all(|(a, b)| a.day() == b.day()) {
        Step::Month
    } else {
        Step::Day
    }
}

fn align(stratum: Stratum, step: Step, gaps: Gaps, columns: &Columns) -> Result<Series> {
    let pairs: Vec<(Date, Option<f64>)> = stratum.rows.iter().map(|row| (row.date, row.count)).collect();
    let aligned = align_series(&pairs, step, gaps)
        .with_context(|| stratum.name.as_ref().map_or("the series".to_owned(), |name| format!("stratum {name}")))?;
    let by_date: HashMap<Date, &Row> = match columns.population.or(columns.imported) {
        Some(_) => stratum.rows.iter().map(|row| (row.date, row)).collect(),
        None => HashMap::new(),
    };
    let mut last = 0.0;
    let mut population_on = |date: &Date| {
        last = by_date.get(date).and_then(|row| row.population).unwrap_or(last);
        last
    };
    let population = columns.population.map(|_| aligned.dates.iter().map(&mut population_on).collect());
    let imported_on = |date: &Date| by_date.get(date).and_then(|row| row.imported).unwrap_or(0.0);
    let imported = columns.imported.map(|_| Counts::new(aligned.dates.iter().map(imported_on))).transpose()?;
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
    fn the_step_is_seen_in_the_days() {
        let step = |text: &str| read(&format!("date,count\n{text}"), &[]).unwrap().series[0].step;
        assert_eq!(step("2024-01-01,1\n2024-01-08,1\n2024-01-15,3\n"), Step::Week);
        assert_eq!(step("2024-01-01,1\n2024-02-01,1\n2024-03-01,3\n"), Step::Month);
        assert_eq!(step("2024-01-02,1\n2024-01-01,1\n"), Step::Day);
        assert_eq!(step("2024-01-02,1000000000\n"), Step::Day);
    }
}
