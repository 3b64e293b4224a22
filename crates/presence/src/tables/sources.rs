//! Common sources as tables.

use super::csv::write_field;
use super::ids::Ids;
use super::question::TraceQuestion;
use super::report::TraceReport;
use crate::error::PresenceError;
use crate::sources::{CommonSources, SourceRules, Weight, find_sources};

/// What cases have in common, as CSV tables, least likely by chance first.
///
/// Each row has `rank`, the id, what it is, `n_cases`, `expected` (cases that chance would bring), `p_value` (of at least
/// as many by chance), `p_corrected` (times the candidates looked at) and `cases`, the ids with blanks between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceAnswer {
    /// `rank, place_id, visitors, n_cases, expected, p_value, p_corrected, cases`.
    pub places: Vec<u8>,
    /// `rank, place_id, from_ts, until_ts, visitors, n_cases, expected, p_value, p_corrected, cases`.
    pub events: Vec<u8>,
    /// `rank, person_id, met, n_cases, expected, p_value, p_corrected, cases`.
    pub people: Vec<u8>,
    /// What was wrong or odd.
    pub report: TraceReport,
}

const WEIGHT: &str = "n_cases,expected,p_value,p_corrected,cases";

impl TraceQuestion {
    /// Asks what the cases have in common in their windows, see [`find_sources`].
    ///
    /// # Errors
    /// [`PresenceError::TooMany`] for more stays than an index holds.
    pub fn common_sources(mut self, rules: &SourceRules) -> Result<SourceAnswer, PresenceError> {
        let view = self.index()?;
        let Self { people, places, case_ids, cases, report, .. } = self;
        let CommonSources { places: common_places, events, people: common_people } = find_sources(&view, &cases, rules);
        let place_rows = common_places.iter().map(|row| (places.text(row.place.0), vec![row.visitors], &row.weight));
        let event_rows = events.iter().map(|row| {
            let (from, until) = (u64::from(row.span.from_s), u64::from(row.span.until_s));
            (places.text(row.place.0), vec![from, until, row.visitors], &row.weight)
        });
        let person_rows = common_people.iter().map(|row| (people.text(row.person.0), vec![row.met], &row.weight));
        Ok(SourceAnswer {
            places: write("place_id,visitors", place_rows, &case_ids),
            events: write("place_id,from_ts,until_ts,visitors", event_rows, &case_ids),
            people: write("person_id,met", person_rows, &case_ids),
            report,
        })
    }
}

fn write<'a>(
    columns: &str,
    rows: impl Iterator<Item = (std::borrow::Cow<'a, str>, Vec<u64>, &'a Weight)>,
    case_ids: &Ids,
) -> Vec<u8> {
    let mut out = format!("rank,{columns},{WEIGHT}\n").into_bytes();
    for (rank, (id, numbers, weight)) in (1..).zip(rows) {
        out.extend_from_slice(format!("{rank},").as_bytes());
        write_field(&mut out, &id);
        for number in numbers {
            out.extend_from_slice(format!(",{number}").as_bytes());
        }
        let Weight { cases, expected, p_value, p_corrected } = weight;
        out.extend_from_slice(format!(",{},{expected:.4},{p_value:.4e},{p_corrected:.4e},", cases.len()).as_bytes());
        let ids: Vec<_> = cases.iter().map(|case| case_ids.text(case.0)).collect();
        write_field(&mut out, &ids.join(" "));
        out.push(b'\n');
    }
    out
}
