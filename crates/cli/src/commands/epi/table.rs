//! Reads small tables by the names of their columns; every cell that cannot be read is named with its line.

use std::{io::Read, path::Path};

use anyhow::{Context, Result, bail};
use jiff::civil::Date;

use super::{files::open, series::plain_day};

/// Rows named in one message at most.
const COMPLAINTS_SHOWN: usize = 20;

/// A table as text.
pub struct Table {
    header: Vec<String>,
    rows: Vec<(u64, Vec<String>)>,
    path: String,
}

impl Table {
    /// Reads a file with a header line; `-` is standard input, `.gz` and `.zst` are unpacked.
    pub fn read(path: &Path) -> Result<Self> {
        let mut text = Vec::new();
        open(path)?.read_to_end(&mut text).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text, &path.display().to_string())
    }

    fn parse(text: &[u8], path: &str) -> Result<Self> {
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text);
        let words = |record: &csv::ByteRecord| -> Vec<String> {
            record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
        };
        let header = words(reader.byte_headers().context("reading the header")?);
        let header = header.iter().map(|name| name.to_ascii_lowercase()).collect();
        let mut rows = Vec::new();
        for record in reader.byte_records() {
            let record = record.with_context(|| format!("reading {path}"))?;
            rows.push((record.position().map_or(0, csv::Position::line), words(&record)));
        }
        if rows.is_empty() {
            bail!("{path} has a header but no row.");
        }
        Ok(Self { header, rows, path: path.to_owned() })
    }

    /// Where a column stands, if there is one.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|found| found == name)
    }

    /// Where a column stands.
    pub fn need(&self, name: &str, meaning: &str) -> Result<usize> {
        self.find(name).with_context(|| {
            let Self { path, header, .. } = self;
            format!("{path} has the columns {}; the column `{name}` ({meaning}) is missing", header.join(", "))
        })
    }

    /// Makes something of every row; all rows that cannot be read are told at once.
    pub fn map<T>(&self, read: impl Fn(&Cells<'_>) -> Result<T, String>) -> Result<Vec<T>> {
        let mut complaints = Vec::new();
        let mut made = Vec::with_capacity(self.rows.len());
        for (line, cells) in &self.rows {
            match read(&Cells(cells)) {
                Ok(value) => made.push(value),
                Err(complaint) => complaints.push(format!("line {line}: {complaint}")),
            }
        }
        if complaints.is_empty() {
            return Ok(made);
        }
        let all = complaints.len();
        complaints.truncate(COMPLAINTS_SHOWN);
        bail!(
            "{}: {all} rows cannot be read. Correct them and send the file again; nothing was written.\n  {}",
            self.path,
            complaints.join("\n  ")
        )
    }
}

/// The cells of one row.
pub struct Cells<'a>(&'a [String]);

impl Cells<'_> {
    /// The text of a column; empty where the row is too short.
    pub fn text(&self, column: usize) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// A day.
    pub fn day(&self, column: usize) -> Result<Date, String> {
        let text = self.text(column);
        plain_day(text).ok_or_else(|| format!("`{text}` is not a day that exists, written like 2022-01-04"))
    }

    /// A finite number.
    pub fn number(&self, column: usize) -> Result<f64, String> {
        let text = self.text(column);
        let value: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite());
        value.ok_or_else(|| format!("`{text}` is not a number"))
    }

    /// A number of persons: whole and not negative.
    pub fn count(&self, column: usize) -> Result<f64, String> {
        let value = self.number(column)?;
        if value < 0.0 || value.fract() != 0.0 {
            return Err(format!("the count {value} is not a whole number of 0 or more"));
        }
        Ok(value)
    }

    /// A day as days since 1970-01-01, or a number of days.
    pub fn time(&self, column: usize) -> Result<f64, String> {
        if let Some(day) = plain_day(self.text(column)) {
            return Ok(f64::from((day - Date::constant(1970, 1, 1)).get_days()));
        }
        self.number(column)
            .map_err(|_| format!("`{}` is neither a day like 2022-01-04 nor a number of days", self.text(column)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_row_is_told_with_its_line() {
        let table = Table::parse(b"site,count\na,1\nb,-1\nc,2.5\nd,\n", "t.csv").unwrap();
        let column = table.need("count", "persons").unwrap();
        let error = table.map(|row| row.count(column)).unwrap_err().to_string();
        for part in ["3 rows", "line 3: the count -1", "line 4: the count 2.5", "line 5: `` is not"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(table.need("when", "day").unwrap_err().to_string().contains("site, count; the column `when`"));
    }

    #[test]
    fn a_time_is_a_day_or_a_number() {
        let table = Table::parse(b"at\n1970-01-03\n2.5\nx\n", "t.csv").unwrap();
        assert!(table.map(|row| row.time(0)).unwrap_err().to_string().contains("line 4: `x` is neither"));
        let table = Table::parse(b"at\n1970-01-03\n2.5\n", "t.csv").unwrap();
        assert_eq!(table.map(|row| row.time(0)).unwrap(), [2.0, 2.5]);
    }
}
