//! How large, how long, where, and how busy the city is.

use std::borrow::Cow;

use sizao_model::{CivilDay, DivisionCode};
use thiserror::Error;

use super::census::{CENSUS, DIVISIONS};

/// Which stays go into the ledger file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerShare {
    /// All: homes, work, school, venues.
    All,
    /// Venues only, as scans see them.
    Venues,
    /// No ledger file.
    None,
}

/// What to build.
#[derive(Clone, Debug)]
pub struct CityOptions {
    /// People; 100 to 10,000,000.
    pub people: u32,
    /// Days of records; 1 to 90.
    pub days: u32,
    /// Seed of all randomness.
    pub seed: u64,
    /// First day of records.
    pub start_on: CivilDay,
    /// Confines the city to one division, such as 4101 (Zhengzhou).
    pub within: Option<DivisionCode>,
    /// Facts per person over fourteen days, about; 1.5 to 50. Screening tests are made more or less frequent.
    pub facts_per_person: f64,
    /// Infected people who come in from outside; nothing: one in 25,000 people, at least three.
    pub imported: Option<u32>,
    /// Multiplies all chances of infection; 0 to 20.
    pub transmissibility: f64,
    /// Whether cases are looked for, isolated and traced; without it the outbreak runs free and nobody knows.
    pub is_controlled: bool,
    /// Which stays go into the ledger.
    pub ledger: LedgerShare,
    /// Census table in the layout of `data/census2020.csv`.
    pub census: Cow<'static, str>,
    /// Division table in the layout of `data/divisions.csv`.
    pub divisions: Cow<'static, str>,
    /// Village table (`code12,…` with a header): people then live in real villages, else in invented ones.
    pub villages: Option<Box<str>>,
}

impl CityOptions {
    /// So many people for so many days, in all Henan, from 4 March 2022.
    pub fn new(people: u32, days: u32, seed: u64) -> Self {
        Self {
            people,
            days,
            seed,
            start_on: CivilDay::from_ymd(2022, 3, 4).expect("a day of the calendar"),
            within: None,
            facts_per_person: 5.0,
            imported: None,
            transmissibility: 1.0,
            is_controlled: true,
            ledger: LedgerShare::All,
            census: CENSUS.into(),
            divisions: DIVISIONS.into(),
            villages: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), CityError> {
        let range = |name, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) { Ok(()) } else { Err(CityError::Range { name, value, low, high }) }
        };
        range("people", self.people.into(), 100.0, 10_000_000.0)?;
        range("days", self.days.into(), 1.0, 90.0)?;
        range("facts_per_person", self.facts_per_person, 1.5, 50.0)?;
        range("imported", self.imported.unwrap_or(0).into(), 0.0, f64::from(self.people) / 20.0)?;
        range("transmissibility", self.transmissibility, 0.0, 20.0)?;
        range("start_on (year)", self.start_on.ymd().0.into(), 2000.0, 2099.0)
    }
}

/// Why a city cannot be built.
#[derive(Debug, Error)]
pub enum CityError {
    /// An option lies outside what is allowed.
    #[error("{name} is {value}; choose from {low} to {high}")]
    Range {
        /// Which option.
        name: &'static str,
        /// What was asked for.
        value: f64,
        /// The least.
        low: f64,
        /// The most.
        high: f64,
    },
    /// A line of the census cannot be read.
    #[error("census table, line {line}: expected 56 cells, a division code in the third, numbers from the fourth on")]
    Census {
        /// Line, the header is 1.
        line: usize,
    },
    /// A line of the village table cannot be read.
    #[error("village table, line {line}: the first cell should be a division code of twelve digits")]
    Villages {
        /// Line, the header is 1.
        line: usize,
    },
    /// No county of the census lies in the division.
    #[error("no county of the census lies in {}: choose a division of Henan, such as 4101", .within.map_or("it".to_owned(), |code| code.to_string()))]
    Empty {
        /// Which division was asked for.
        within: Option<DivisionCode>,
    },
}
