//! Tracing on tables: the CSV layouts of a ledger, its index cases, parameters and risky places in; the rows of T1,
//! T2 and T3 out, sorted by their id columns. Bytes to bytes: whoever calls reads and writes the files.
//!
//! A bad row costs one row: it is refused, counted and named. What is odd but possible is named and kept.

mod cell;
mod chains;
mod csv;
mod ids;
mod question;
mod report;
mod sources;

use std::borrow::Cow;

use crate::contacts::{Contact, find_contacts};
use crate::error::PresenceError;
use crate::exposure::ExposureRules;
use crate::secondary::{SecondaryRules, find_secondary_contacts};
use crate::stay::Span;
use crate::visitors::find_visitors;
pub use cell::Cell;
pub use chains::{ChainAnswer, ChainSummary, ChainTables, chain_tables};
use csv::{Table, write_field};
use ids::Ids;
pub use question::{CASE_COLUMNS, LEDGER_COLUMNS, PLACE_COLUMNS, TraceQuestion};
pub use report::{Complaint, Refusal, Rule, TraceReport};
pub use sources::SourceAnswer;

/// The tables of one question, each the bytes of a CSV file with a header; columns may stand in any order.
#[derive(Debug, Clone, Copy)]
pub struct TraceTables<'a> {
    /// `person_id, place_id, enter_ts, leave_ts`; an empty `leave_ts` is a stay without an end.
    pub ledger: &'a [u8],
    /// `case_id, person_id, t0, t1`.
    pub cases: &'a [u8],
    /// One row: `d_s, latency_s, t_now, open_cap_s, t3_t0, t3_t1`.
    pub params: &'a [u8],
    /// `place_id`; without it T3 is not asked.
    pub risky_places: Option<&'a [u8]>,
}

/// The parameters of a question; times in seconds (since 1970).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParams {
    /// Shortest encounter that counts; seconds.
    pub least_s: u32,
    /// From exposure to being infectious; seconds.
    pub latency_s: u32,
    /// Now.
    pub now_s: u32,
    /// How long a stay without an end lasts at most; seconds.
    pub open_cap_s: u32,
    /// Window of T3.
    pub visits: Span,
}

/// The answer as CSV tables, and what was wrong with the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceAnswer {
    /// `case_id, contact_id, n_encounters, total_overlap_s, first_exposure_ts, last_exposure_ts`.
    pub t1: Vec<u8>,
    /// `contact_id, n_sources, n_encounters, total_overlap_s, first_exposure_ts, last_exposure_ts`.
    pub t2: Vec<u8>,
    /// `person_id, n_stays, total_s, first_ts, last_ts`.
    pub t3: Option<Vec<u8>>,
    /// Rows taken, merged, refused, and what is odd.
    pub report: TraceReport,
}

/// Reads the rows of a ledger as CSV, one after the other: number (the header is row 1) and cells, in the order of
/// [`LEDGER_COLUMNS`]; no cells where the row has too few, or is no text.
///
/// # Errors
/// [`PresenceError::ColumnMissing`].
pub fn for_ledger_rows(
    name: &str,
    bytes: &[u8],
    mut visit: impl FnMut(u64, Option<[Cell<'_>; 4]>),
) -> Result<(), PresenceError> {
    Table::open(name, bytes, &LEDGER_COLUMNS)?.for_rows(|row| visit(row.number, row.cells()));
    Ok(())
}

/// Answers T1, T2 and T3 for tables: a [`TraceQuestion`] put together and asked.
///
/// # Errors
/// [`PresenceError::ColumnMissing`], [`PresenceError::ParamRows`] and [`PresenceError::CellRefused`] (parameters): the
/// question cannot be asked. [`PresenceError::TooMany`] for more stays than an index holds. Bad rows of the other
/// tables are no error: they are in the report.
pub fn trace_tables(tables: &TraceTables<'_>) -> Result<TraceAnswer, PresenceError> {
    let mut question = TraceQuestion::new(tables.params)?;
    question.add_ledger("ledger", tables.ledger)?;
    question.add_cases("cases", tables.cases)?;
    if let Some(risky) = tables.risky_places {
        question.add_risky_places("risky_places", risky)?;
    }
    question.answer()
}

impl TraceQuestion {
    /// Asks T1, T2 and, if risky places were given, T3.
    ///
    /// # Errors
    /// [`PresenceError::TooMany`] for more stays than an index holds.
    pub fn answer(mut self) -> Result<TraceAnswer, PresenceError> {
        let view = self.index()?;
        let Self { params, people, case_ids, cases, risky, report, .. } = self;
        let rules = ExposureRules::at_least(params.least_s);
        let contacts = find_contacts(&view, &cases, &rules);
        let secondary = SecondaryRules { latency_s: params.latency_s, now_s: params.now_s };
        let second = find_secondary_contacts(&view, &cases, &contacts, &secondary, &rules);
        let t2 = Rows::new("contact_id,n_sources,n_encounters,total_overlap_s,first_exposure_ts,last_exposure_ts")
            .write(&second, |row| {
                let id = people.text(row.contact.0);
                let sums = [u64::from(row.sources), u64::from(row.encounters), row.overlap_s];
                ([Some(id), None], sums.to_vec(), [row.first_exposure_s, row.last_exposure_s])
            });
        let t3 = risky.map(|risky| {
            let visitors = find_visitors(&view, &risky, params.visits);
            Rows::new("person_id,n_stays,total_s,first_ts,last_ts").write(&visitors, |row| {
                let id = people.text(row.person.0);
                ([Some(id), None], vec![u64::from(row.stays), row.total_s], [row.first_s, row.last_s])
            })
        });
        Ok(TraceAnswer { t1: write_t1(&contacts, &case_ids, &people), t2, t3, report })
    }
}

fn write_t1(contacts: &[Contact], cases: &Ids, people: &Ids) -> Vec<u8> {
    Rows::new("case_id,contact_id,n_encounters,total_overlap_s,first_exposure_ts,last_exposure_ts").write(
        contacts,
        |row| {
            let ids = [Some(cases.text(row.case.0)), Some(people.text(row.contact.0))];
            (ids, vec![u64::from(row.encounters), row.overlap_s], [row.first_exposure_s, row.last_exposure_s])
        },
    )
}

fn read_params(bytes: &[u8]) -> Result<TraceParams, PresenceError> {
    const NAMES: [&str; 6] = ["d_s", "latency_s", "t_now", "open_cap_s", "t3_t0", "t3_t1"];
    let table = Table::open("params", bytes, &NAMES)?;
    let (mut rows, mut values) = (0, Vec::new());
    table.for_rows(|row| {
        rows += 1;
        let cells = row.cells().unwrap_or([Cell::Unreadable; NAMES.len()]);
        values.extend(cells.iter().zip(NAMES).map(|(cell, column)| {
            let value = cell.whole().and_then(|value| u32::try_from(value).ok());
            value.ok_or_else(|| PresenceError::CellRefused {
                table: "params".to_owned(),
                row: row.number,
                column,
                value: cell.shown(),
                rule: "whole seconds are wanted, 0 to 4294967295",
            })
        }));
    });
    if rows != 1 {
        return Err(PresenceError::ParamRows { rows });
    }
    let values: Vec<u32> = values.into_iter().collect::<Result<_, _>>()?;
    let value = |column: usize| values[column];
    Ok(TraceParams {
        least_s: value(0),
        latency_s: value(1),
        now_s: value(2),
        open_cap_s: value(3),
        visits: Span { from_s: value(4), until_s: value(5) },
    })
}

/// Writes rows of ids and whole numbers.
struct Rows(Vec<u8>);

/// Ids, sums and times of a row, in the order of its columns.
type Cells<'a> = ([Option<Cow<'a, str>>; 2], Vec<u64>, [u32; 2]);

impl Rows {
    fn new(header: &str) -> Self {
        Self(format!("{header}\n").into_bytes())
    }

    fn write<'a, T>(mut self, rows: &[T], cells: impl Fn(&T) -> Cells<'a>) -> Vec<u8> {
        for row in rows {
            let (ids, sums, times) = cells(row);
            for id in ids.iter().flatten() {
                write_field(&mut self.0, id);
                self.0.push(b',');
            }
            for number in sums.into_iter().chain(times.map(u64::from)) {
                self.0.extend_from_slice(number.to_string().as_bytes());
                self.0.push(b',');
            }
            *self.0.last_mut().expect("a row has cells") = b'\n';
        }
        self.0
    }
}
