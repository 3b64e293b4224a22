//! What was wrong or odd with the tables of a question: counted, named with a few examples, never silent.

use std::collections::BTreeMap;
use std::fmt;

use rustc_hash::FxHashSet;

use super::csv::write_field;
use super::ids::Ids;
use crate::exposure::IndexCase;
use crate::stay::PlaceNo;
use crate::view::View;

/// Examples kept for each rule.
const EXAMPLES_MAX: usize = 5;

/// Refused rows kept one by one.
const REFUSALS_MAX: usize = 100_000;

/// More stays of one person in 24 h are named: a shared card or a gate, not a person.
const STAYS_A_DAY_MAX: usize = 500;

/// A place with more stays is named: too coarse a place makes contacts of strangers.
const STAYS_AT_PLACE_MAX: usize = 1_000_000;

/// What a row was refused for, or what is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// Refused: a cell is missing or cannot be read.
    Unreadable,
    /// Refused: leaves before entering.
    LeaveBeforeEnter,
    /// Refused: longer than any stay.
    StayTooLong,
    /// Kept: a person with very many stays in a day.
    ManyStaysInADay,
    /// Kept: a place with very many stays.
    CrowdedPlace,
    /// Kept: an index case without any stay in the ledger.
    CaseWithoutStay,
    /// Kept: a place that is not in the ledger.
    UnknownPlace,
}

/// One rule, how often it was met, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The rule.
    pub rule: Rule,
    /// How many rows, persons or places.
    pub count: u64,
    /// The first few, each with what to correct.
    pub examples: Vec<String>,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which file.
    pub table: String,
    /// Row of the file, the header being row 1.
    pub row: u64,
    /// The rule.
    pub rule: Rule,
    /// What is wrong and what is wanted.
    pub detail: String,
}

/// What became of the rows of a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceReport {
    /// Rows read, without the header and blank ones.
    pub rows: u64,
    /// Rows taken.
    pub accepted: u64,
    /// Stays after merging; the rest of `accepted` were duplicates, overlapped or touched.
    pub stays: u64,
    /// The refused rows, at most 100,000 of them; the counts of the complaints go on.
    pub refusals: Vec<Refusal>,
    complaints: BTreeMap<Rule, Complaint>,
}

impl TraceReport {
    /// Rows merged into another of the same person and place.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.accepted - self.stays
    }

    /// Rows of all tables that were refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        let refusing = [Rule::Unreadable, Rule::LeaveBeforeEnter, Rule::StayTooLong];
        refusing.map(|rule| self.count(rule)).iter().sum()
    }

    /// The refused rows as a CSV table: `table, row, rule, detail`.
    #[must_use]
    pub fn refusals_csv(&self) -> Vec<u8> {
        let mut out = b"table,row,rule,detail\n".to_vec();
        for Refusal { table, row, rule, detail } in &self.refusals {
            write_field(&mut out, table);
            out.extend_from_slice(format!(",{row},{},", rule.name()).as_bytes());
            write_field(&mut out, detail);
            out.push(b'\n');
        }
        out
    }

    /// Every rule that was met.
    pub fn complaints(&self) -> impl Iterator<Item = &Complaint> {
        self.complaints.values()
    }

    /// How often a rule was met.
    #[must_use]
    pub fn count(&self, rule: Rule) -> u64 {
        self.complaints.get(&rule).map_or(0, |complaint| complaint.count)
    }

    pub(super) fn refuse(&mut self, rule: Rule, table: &str, row: u64, detail: String) {
        self.note(rule, || format!("{table}, row {row}: {detail}"));
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.push(Refusal { table: table.to_owned(), row, rule, detail });
        }
    }

    fn note(&mut self, rule: Rule, example: impl FnOnce() -> String) {
        let complaint =
            self.complaints.entry(rule).or_insert_with(|| Complaint { rule, count: 0, examples: Vec::new() });
        complaint.count += 1;
        if complaint.examples.len() < EXAMPLES_MAX {
            complaint.examples.push(example());
        }
    }

    /// Names persons and places with more stays than people and places have.
    pub(super) fn note_stays(&mut self, view: &View, people: &Ids, places: &Ids) {
        self.stays = view.stay_count() as u64;
        for (person, stays) in view.busiest_days(STAYS_A_DAY_MAX) {
            let id = people.text(person.0);
            self.note(Rule::ManyStaysInADay, || format!("person {id}: {stays} stays within 24 h; is it a gate?"));
        }
        for (place, stays) in view.crowded_places(STAYS_AT_PLACE_MAX) {
            let id = places.text(place.0);
            self.note(Rule::CrowdedPlace, || format!("place {id}: {stays} stays; divide it into rooms or floors"));
        }
    }

    /// Names cases and places that the ledger does not know.
    pub(super) fn note_unknown(
        &mut self,
        view: &View,
        cases: &[IndexCase],
        risky: &[PlaceNo],
        people: &Ids,
        places: &Ids,
    ) {
        let mut named = FxHashSet::default();
        for case in cases.iter().filter(|case| !view.knows_person(case.person)) {
            if named.insert(case.person) {
                let id = people.text(case.person.0);
                self.note(Rule::CaseWithoutStay, || format!("person {id} is an index case and has no stay"));
            }
        }
        let mut named = FxHashSet::default();
        for &place in risky.iter().filter(|&&place| !view.knows_place(place)) {
            if named.insert(place) {
                let id = places.text(place.0);
                self.note(Rule::UnknownPlace, || format!("place {id} has no stay in the ledger"));
            }
        }
    }
}

impl Rule {
    /// Name in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::LeaveBeforeEnter => "leave_before_enter",
            Self::StayTooLong => "stay_too_long",
            Self::ManyStaysInADay => "many_stays_in_a_day",
            Self::CrowdedPlace => "crowded_place",
            Self::CaseWithoutStay => "case_without_stay",
            Self::UnknownPlace => "unknown_place",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unreadable => "refused: a cell cannot be read",
            Self::LeaveBeforeEnter => "refused: leaves before entering",
            Self::StayTooLong => "refused: longer than any stay",
            Self::ManyStaysInADay => "kept, but odd: very many stays of one person in a day",
            Self::CrowdedPlace => "kept, but odd: very many stays at one place",
            Self::CaseWithoutStay => "index cases without a stay",
            Self::UnknownPlace => "places that are not in the ledger",
        })
    }
}
