//! Tracing on tables: the CSV layouts of a ledger, its index cases, parameters and risky places in; the rows of T1,
//! T2 and T3 out, sorted by their id columns. Bytes to bytes: whoever calls reads and writes the files.
//!
//! A bad row costs one row: it is refused, counted and named. What is odd but possible is named and kept.

mod csv;
mod ids;
mod report;

use crate::contacts::{Contact, find_contacts};
use crate::error::PresenceError;
use crate::exposure::{CaseNo, ExposureRules, IndexCase};
use crate::secondary::{SecondaryRules, find_secondary_contacts};
use crate::stay::{PersonNo, PlaceNo, ReportedStay, STAY_MAX_S, Span, StayRules};
use crate::view::View;
use crate::visitors::find_visitors;
use csv::{Table, write_field};
use ids::{Ids, IdsBuilder};
pub use report::{Complaint, Rule, TraceReport};

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

/// Answers T1, T2 and T3 for tables.
///
/// Ids may be any text without line breaks. They sort by value when they are whole numbers, and by their bytes, after
/// all numbers, when they are not; `7` and `07` are different ids.
///
/// # Errors
/// [`PresenceError::ColumnMissing`], [`PresenceError::ParamRows`] and [`PresenceError::CellRefused`] (parameters): the
/// question cannot be asked. [`PresenceError::TooMany`] for more stays than an index holds. Bad rows of the other
/// tables are no error: they are in the report.
pub fn trace_tables(tables: &TraceTables<'_>) -> Result<TraceAnswer, PresenceError> {
    let params = read_params(tables.params)?;
    let mut report = TraceReport::default();
    let question = Question::read(tables, &params, &mut report)?;
    let view = View::from_stays(question.stays)?;
    report.note_stays(&view, &question.people, &question.places);
    report.note_unknown(&view, &question.cases, &question.risky, &question.people, &question.places);

    let rules = ExposureRules::at_least(params.least_s);
    let contacts = find_contacts(&view, &question.cases, &rules);
    let secondary = SecondaryRules { latency_s: params.latency_s, now_s: params.now_s };
    let second = find_secondary_contacts(&view, &question.cases, &contacts, &secondary, &rules);
    let people = &question.people;
    let t2 = Rows::new("contact_id,n_sources,n_encounters,total_overlap_s,first_exposure_ts,last_exposure_ts").write(
        &second,
        |row| {
            let id = people.text(row.contact.0);
            let sums = [u64::from(row.sources), u64::from(row.encounters), row.overlap_s];
            ([Some(id), None], sums.to_vec(), [row.first_exposure_s, row.last_exposure_s])
        },
    );
    let t3 = tables.risky_places.map(|_| {
        let visitors = find_visitors(&view, &question.risky, params.visits);
        Rows::new("person_id,n_stays,total_s,first_ts,last_ts").write(&visitors, |row| {
            let id = people.text(row.person.0);
            ([Some(id), None], vec![u64::from(row.stays), row.total_s], [row.first_s, row.last_s])
        })
    });
    Ok(TraceAnswer { t1: write_t1(&contacts, &question.case_ids, people), t2, t3, report })
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

/// A question with its ids numbered.
struct Question {
    people: Ids,
    places: Ids,
    case_ids: Ids,
    stays: Vec<crate::stay::Stay>,
    cases: Vec<IndexCase>,
    risky: Vec<PlaceNo>,
}

impl Question {
    fn read(tables: &TraceTables<'_>, params: &TraceParams, report: &mut TraceReport) -> Result<Self, PresenceError> {
        let ledger = Table::open("ledger", tables.ledger, &["person_id", "place_id", "enter_ts", "leave_ts"])?;
        let cases = Table::open("cases", tables.cases, &["case_id", "person_id", "t0", "t1"])?;
        let risky = tables.risky_places.map(|bytes| Table::open("risky_places", bytes, &["place_id"])).transpose()?;

        let (people, places, case_ids) = read_ids(&ledger, &cases, risky.as_ref());

        let rules = StayRules { open_cap_s: params.open_cap_s, now_s: params.now_s, stay_max_s: STAY_MAX_S };
        let mut stays = Vec::new();
        ledger.for_rows(|row| {
            report.rows += 1;
            match read_stay(row, &people, &places, &rules) {
                Ok(stay) => stays.push(stay),
                Err((rule, detail)) => report.refuse(rule, "ledger", row.number, &detail),
            }
        });
        report.accepted = stays.len() as u64;
        let mut index_cases = Vec::new();
        cases.for_rows(|row| match read_case(row, &case_ids, &people) {
            Ok(case) => index_cases.push(case),
            Err((rule, detail)) => report.refuse(rule, "cases", row.number, &detail),
        });
        let mut risky_places = Vec::new();
        if let Some(risky) = risky {
            risky.for_rows(|row| match id(row, 0, &places) {
                Ok(place) => risky_places.push(PlaceNo(place)),
                Err((rule, detail)) => report.refuse(rule, "risky_places", row.number, &detail),
            });
        }
        Ok(Self { people, places, case_ids, stays, cases: index_cases, risky: risky_places })
    }
}

/// Ids of people, places and cases. Numbers keep their value only if every id of the kind is one, so all are looked at
/// before the first is numbered.
fn read_ids(ledger: &Table<'_>, cases: &Table<'_>, risky: Option<&Table<'_>>) -> (Ids, Ids, Ids) {
    let mut people = IdsBuilder::default();
    let mut places = IdsBuilder::default();
    let mut case_ids = IdsBuilder::default();
    let mut walk = |note: fn(&mut IdsBuilder, &str)| {
        ledger.for_rows(|row| {
            note(&mut people, &row.cell(0));
            note(&mut places, &row.cell(1));
        });
        cases.for_rows(|row| {
            note(&mut case_ids, &row.cell(0));
            note(&mut people, &row.cell(1));
        });
        if let Some(risky) = risky {
            risky.for_rows(|row| note(&mut places, &row.cell(0)));
        }
        people.are_texts() || places.are_texts() || case_ids.are_texts()
    };
    if walk(IdsBuilder::look) {
        walk(IdsBuilder::add);
    }
    (people.finish(), places.finish(), case_ids.finish())
}

type Refusal = (Rule, String);

fn read_stay(row: &csv::Row<'_>, people: &Ids, places: &Ids, rules: &StayRules) -> Result<crate::stay::Stay, Refusal> {
    let person = id(row, 0, people)?;
    let place = id(row, 1, places)?;
    let enter_s = second(row, 2)?;
    let leave_s = if row.cell(3).trim().is_empty() { None } else { Some(second(row, 3)?) };
    let reported = ReportedStay { person: PersonNo(person), place: PlaceNo(place), enter_s, leave_s };
    reported.close(rules).map_err(|error| {
        let rule = match error {
            PresenceError::LeaveBeforeEnter { .. } => Rule::LeaveBeforeEnter,
            _ => Rule::StayTooLong,
        };
        (rule, error.to_string())
    })
}

fn read_case(row: &csv::Row<'_>, cases: &Ids, people: &Ids) -> Result<IndexCase, Refusal> {
    let (case, person) = (id(row, 0, cases)?, id(row, 1, people)?);
    let window = Span { from_s: clamped_second(row, 2)?, until_s: clamped_second(row, 3)? };
    Ok(IndexCase { case: CaseNo(case), person: PersonNo(person), window })
}

fn id(row: &csv::Row<'_>, column: usize, ids: &Ids) -> Result<u32, Refusal> {
    if !row.sound(column + 1) {
        return Err((Rule::Unreadable, format!("{} cells, or not UTF-8 text", row.len())));
    }
    ids.number(&row.cell(column)).ok_or_else(|| (Rule::Unreadable, format!("{} is empty", row.name(column))))
}

fn second(row: &csv::Row<'_>, column: usize) -> Result<u32, Refusal> {
    let cell = row.cell(column);
    cell.trim().parse().map_err(|_| {
        let name = row.name(column);
        (Rule::Unreadable, format!("{name} `{cell}`: whole seconds since 1970 are wanted, 0 to {}", u32::MAX))
    })
}

/// A window may begin before 1970 or end after 2106; no stay does.
fn clamped_second(row: &csv::Row<'_>, column: usize) -> Result<u32, Refusal> {
    match row.cell(column).trim().parse::<i64>() {
        Ok(value) => Ok(value.clamp(0, i64::from(u32::MAX)) as u32),
        Err(_) => second(row, column),
    }
}

fn read_params(bytes: &[u8]) -> Result<TraceParams, PresenceError> {
    const NAMES: [&str; 6] = ["d_s", "latency_s", "t_now", "open_cap_s", "t3_t0", "t3_t1"];
    let table = Table::open("params", bytes, &NAMES)?;
    let (mut rows, mut values) = (0, Vec::new());
    table.for_rows(|row| {
        rows += 1;
        let value = |column: usize| {
            row.cell(column).trim().parse::<u32>().map_err(|_| PresenceError::CellRefused {
                table: "params",
                row: row.number,
                column: NAMES[column],
                value: row.cell(column).into_owned(),
                rule: "whole seconds are wanted, 0 to 4294967295",
            })
        };
        values.extend((0..NAMES.len()).map(value));
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
type Cells<'a> = ([Option<std::borrow::Cow<'a, str>>; 2], Vec<u64>, [u32; 2]);

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
