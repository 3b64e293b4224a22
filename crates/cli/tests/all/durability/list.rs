//! A list of facts of which each tells the number of its row by when it happened.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use sizao_model::Instant;

/// Rows of the import under test: some batches, so that there is something to be stopped between.
pub const ROWS: u64 = 6_100;
/// Lists lie so far apart that no second belongs to two.
const LIST_SECONDS: i64 = 10_000;
/// Results of the second half name samples that are so many rows back: in a batch of an earlier run, mostly.
const FAR_BACK: u64 = 4_001;
const PEOPLE: u64 = 997;

/// A file of facts, one a row: samples, results of them, some diagnoses.
pub struct List {
    pub name: String,
    pub path: PathBuf,
    pub rows: u64,
    first_second: i64,
}

impl List {
    /// Writes list `number` into a folder.
    pub fn write(folder: &Path, number: u64, rows: u64) -> Self {
        let first_second =
            Instant::parse("2022-03-01T08:00:00+08:00").unwrap().as_micros() / 1_000_000 + number as i64 * LIST_SECONDS;
        let list = Self {
            name: format!("list-{number}"),
            path: folder.join(format!("list-{number}.ndjson")),
            rows,
            first_second,
        };
        let mut text = String::new();
        for row in 1..=rows {
            list.write_row(&mut text, row);
        }
        std::fs::write(&list.path, text).unwrap();
        list
    }

    fn write_row(&self, out: &mut String, row: u64) {
        let at = Instant::from_micros((self.first_second + row as i64) * 1_000_000).to_rfc3339();
        let person = format!(r#""person":"p{}","#, row % PEOPLE);
        let (kind, person, body) = match Self::sample_of(row) {
            Some(sample) => {
                let outcome = if row.is_multiple_of(50) { "positive" } else { "negative" };
                ("result", "", format!(r#"{{"sample":"f{sample}","outcome":"{outcome}"}}"#))
            }
            None if Self::is_diagnosis(row) => ("diagnosis", &*person, r#"{"status":"confirmed_case"}"#.to_owned()),
            None => ("sample", &*person, r#"{"method":"nucleic_test"}"#.to_owned()),
        };
        writeln!(out, r#"{{"id":"f{row}","kind":"{kind}",{person}"happened":{{"at":"{at}"}},"body":{body}}}"#).unwrap();
    }

    const fn is_diagnosis(row: u64) -> bool {
        row.is_multiple_of(40)
    }

    /// The row of the sample whose result this row is.
    pub const fn sample_of(row: u64) -> Option<u64> {
        match row {
            _ if !row.is_multiple_of(2) || Self::is_diagnosis(row) => None,
            _ if row > FAR_BACK => Some(row - FAR_BACK),
            _ => Some(row - 1),
        }
    }

    /// The row of the fact that happened then, if it is one of this list.
    pub fn row_at(&self, happened: Instant) -> Option<u64> {
        let row = happened.as_micros() / 1_000_000 - self.first_second;
        u64::try_from(row).ok().filter(|row| (1..=self.rows).contains(row))
    }
}
