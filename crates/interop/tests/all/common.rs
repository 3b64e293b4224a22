//! What several tests need.

use sizao_interop::{CsvImport, Imported, Mapping, Row, RowError};
use sizao_model::Instant;

/// Everything that became of a file.
#[derive(Debug)]
pub struct All {
    pub accepted: Vec<Row>,
    pub rejected: Vec<RowError>,
}

pub fn now() -> Instant {
    Instant::parse("2022-03-17T12:00:00+08:00").unwrap()
}

pub fn lab_mapping() -> Mapping {
    Mapping::from_toml(include_str!("../data/lab.toml")).unwrap_or_else(|error| panic!("{error}"))
}

pub fn import(bytes: &[u8], mapping: &Mapping) -> All {
    let mut all = All { accepted: Vec::new(), rejected: Vec::new() };
    for step in CsvImport::new(bytes, mapping, now()).unwrap_or_else(|error| panic!("{error}")) {
        match step.unwrap() {
            Imported::Accepted(row) => all.accepted.push(row),
            Imported::Rejected(error) => all.rejected.push(error),
        }
    }
    all
}
