//! A question put together row by row, from files of any format.

use super::cell::Cell;
use super::csv::Table;
use super::ids::Ids;
use super::report::{Rule, TraceReport};
use super::{TraceParams, read_params};
use crate::error::PresenceError;
use crate::exposure::{CaseNo, IndexCase};
use crate::stay::{PersonNo, PlaceNo, ReportedStay, STAY_MAX_S, Span, Stay, StayRules};
use crate::view::View;

/// A ledger with index cases, places and parameters, taken in row by row; then it is asked.
///
/// A bad row costs one row: it is refused, counted and named. Ids may be any text without line breaks. They sort by
/// value when they are whole numbers, and by their bytes, after all numbers, when they are not; `7` and `07` differ.
#[derive(Debug)]
pub struct TraceQuestion {
    pub(super) params: TraceParams,
    pub(super) people: Ids,
    pub(super) places: Ids,
    pub(super) case_ids: Ids,
    stays: Vec<Stay>,
    pub(super) cases: Vec<IndexCase>,
    pub(super) risky: Option<Vec<PlaceNo>>,
    pub(super) report: TraceReport,
}

/// Columns of a ledger.
pub const LEDGER_COLUMNS: [&str; 4] = ["person_id", "place_id", "enter_ts", "leave_ts"];

/// Column of a list of risky places.
pub const PLACE_COLUMNS: [&str; 1] = ["place_id"];

/// Columns of a list of index cases.
pub const CASE_COLUMNS: [&str; 4] = ["case_id", "person_id", "t0", "t1"];

type Refusal = (Rule, String);

impl TraceQuestion {
    /// A question with these parameters: a CSV table of one row, see [`super::TraceTables::params`].
    ///
    /// # Errors
    /// [`PresenceError::ColumnMissing`], [`PresenceError::ParamRows`], [`PresenceError::CellRefused`].
    pub fn new(params: &[u8]) -> Result<Self, PresenceError> {
        Ok(Self {
            params: read_params(params)?,
            people: Ids::default(),
            places: Ids::default(),
            case_ids: Ids::default(),
            stays: Vec::new(),
            cases: Vec::new(),
            risky: None,
            report: TraceReport::default(),
        })
    }

    /// Its parameters.
    #[must_use]
    pub fn params(&self) -> &TraceParams {
        &self.params
    }

    /// Takes in a ledger, or a part of one, from the bytes of a CSV file; `name` is for messages.
    ///
    /// # Errors
    /// [`PresenceError::ColumnMissing`], [`PresenceError::NotText`].
    pub fn add_ledger(&mut self, name: &str, csv: &[u8]) -> Result<(), PresenceError> {
        Table::open(name, csv, &LEDGER_COLUMNS)?.for_rows(|row| match row.cells() {
            Some(cells) => self.add_stay(name, row.number, cells),
            None => {
                self.report.rows += 1;
                self.report.refuse(Rule::Unreadable, name, row.number, row.unsound());
            }
        });
        Ok(())
    }

    /// Takes in a row of a ledger: person, place, enter, leave. `row` is its number in the file `name`.
    pub fn add_stay(&mut self, name: &str, row: u64, cells: [Cell<'_>; 4]) {
        self.report.rows += 1;
        match self.read_stay(cells) {
            Ok(stay) => self.stays.push(stay),
            Err((rule, detail)) => self.report.refuse(rule, name, row, detail),
        }
    }

    /// Makes room for so many more stays.
    pub fn reserve(&mut self, stays: usize) {
        self.stays.reserve(stays);
    }

    /// Takes in index cases from the bytes of a CSV file.
    ///
    /// # Errors
    /// [`PresenceError::ColumnMissing`], [`PresenceError::NotText`].
    pub fn add_cases(&mut self, name: &str, csv: &[u8]) -> Result<(), PresenceError> {
        Table::open(name, csv, &CASE_COLUMNS)?.for_rows(|row| match row.cells() {
            Some(cells) => self.add_case(name, row.number, cells),
            None => self.report.refuse(Rule::Unreadable, name, row.number, row.unsound()),
        });
        Ok(())
    }

    /// Takes in an index case: case, person, start and end of its window.
    pub fn add_case(&mut self, name: &str, row: u64, cells: [Cell<'_>; 4]) {
        match self.read_case(cells) {
            Ok(case) => self.cases.push(case),
            Err((rule, detail)) => self.report.refuse(rule, name, row, detail),
        }
    }

    /// Takes in risky places from the bytes of a CSV file; then T3 is asked.
    ///
    /// # Errors
    /// [`PresenceError::ColumnMissing`], [`PresenceError::NotText`].
    pub fn add_risky_places(&mut self, name: &str, csv: &[u8]) -> Result<(), PresenceError> {
        self.risky.get_or_insert_default();
        Table::open(name, csv, &PLACE_COLUMNS)?.for_rows(|row| match row.cells() {
            Some([cell]) => self.add_risky_place(name, row.number, cell),
            None => self.report.refuse(Rule::Unreadable, name, row.number, row.unsound()),
        });
        Ok(())
    }

    /// T3 is asked, even if no risky place follows.
    pub fn ask_visitors(&mut self) {
        self.risky.get_or_insert_default();
    }

    /// Takes in a risky place; then T3 is asked.
    pub fn add_risky_place(&mut self, name: &str, row: u64, cell: Cell<'_>) {
        match self.place(cell) {
            Ok(place) => self.risky.get_or_insert_default().push(place),
            Err((rule, detail)) => self.report.refuse(rule, name, row, detail),
        }
    }

    fn read_stay(&mut self, [person, place, enter, leave]: [Cell<'_>; 4]) -> Result<Stay, Refusal> {
        let enter_s = second("enter_ts", enter)?;
        let leave_s = if leave.is_empty() { None } else { Some(second("leave_ts", leave)?) };
        let (person, place) = (self.person(person)?, self.place(place)?);
        let TraceParams { open_cap_s, now_s, .. } = self.params;
        // A cap is no stay that somebody reported, so it is not refused for its length.
        let rules = StayRules { open_cap_s, now_s, stay_max_s: STAY_MAX_S.max(open_cap_s) };
        ReportedStay { person, place, enter_s, leave_s }.close(&rules).map_err(|error| {
            let rule = match error {
                PresenceError::LeaveBeforeEnter { .. } => Rule::LeaveBeforeEnter,
                _ => Rule::StayTooLong,
            };
            (rule, error.to_string())
        })
    }

    fn read_case(&mut self, [case, person, from, until]: [Cell<'_>; 4]) -> Result<IndexCase, Refusal> {
        let window = Span { from_s: clamped_second("t0", from)?, until_s: clamped_second("t1", until)? };
        let earlier =
            |change: &mut dyn FnMut(&mut u32)| self.cases.iter_mut().for_each(|case| change(&mut case.case.0));
        let case = self.case_ids.take(case, earlier).ok_or_else(|| no_id("case_id"))?;
        Ok(IndexCase { case: CaseNo(case), person: self.person(person)?, window })
    }

    fn person(&mut self, cell: Cell<'_>) -> Result<PersonNo, Refusal> {
        let earlier = |change: &mut dyn FnMut(&mut u32)| {
            self.stays.iter_mut().for_each(|stay| change(&mut stay.person.0));
            self.cases.iter_mut().for_each(|case| change(&mut case.person.0));
        };
        self.people.take(cell, earlier).map(PersonNo).ok_or_else(|| no_id("person_id"))
    }

    fn place(&mut self, cell: Cell<'_>) -> Result<PlaceNo, Refusal> {
        let earlier = |change: &mut dyn FnMut(&mut u32)| {
            self.stays.iter_mut().for_each(|stay| change(&mut stay.place.0));
            self.risky.iter_mut().flatten().for_each(|place| change(&mut place.0));
        };
        self.places.take(cell, earlier).map(PlaceNo).ok_or_else(|| no_id("place_id"))
    }

    /// Indexes what was taken in; afterwards no row may be added.
    pub(super) fn index(&mut self) -> Result<View, PresenceError> {
        if let Some(ranks) = self.people.rank() {
            self.stays.iter_mut().for_each(|stay| stay.person.0 = ranks[stay.person.0 as usize]);
            self.cases.iter_mut().for_each(|case| case.person.0 = ranks[case.person.0 as usize]);
        }
        if let Some(ranks) = self.places.rank() {
            self.stays.iter_mut().for_each(|stay| stay.place.0 = ranks[stay.place.0 as usize]);
            self.risky.iter_mut().flatten().for_each(|place| place.0 = ranks[place.0 as usize]);
        }
        if let Some(ranks) = self.case_ids.rank() {
            self.cases.iter_mut().for_each(|case| case.case.0 = ranks[case.case.0 as usize]);
        }
        self.report.accepted = self.stays.len() as u64;
        let view = View::from_stays(std::mem::take(&mut self.stays))?;
        self.report.note_stays(&view, &self.people, &self.places);
        let risky = self.risky.as_deref().unwrap_or_default();
        self.report.note_unknown(&view, &self.cases, risky, &self.people, &self.places);
        Ok(view)
    }
}

fn no_id(column: &str) -> Refusal {
    (Rule::Unreadable, format!("{column} is empty or no id"))
}

fn second(column: &str, cell: Cell<'_>) -> Result<u32, Refusal> {
    let whole = cell.whole().and_then(|whole| u32::try_from(whole).ok());
    whole.ok_or_else(|| {
        let shown = cell.shown();
        let detail = format!("{column} `{shown}`: whole seconds since 1970 are wanted, 0 to {}", u32::MAX);
        (Rule::Unreadable, detail)
    })
}

/// A window may begin before 1970 or end after 2106; no stay does.
fn clamped_second(column: &str, cell: Cell<'_>) -> Result<u32, Refusal> {
    match cell.whole() {
        Some(value) => Ok(value.clamp(0, i128::from(u32::MAX)) as u32),
        None => second(column, cell),
    }
}
