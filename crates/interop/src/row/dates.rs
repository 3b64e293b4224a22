//! Days and moments out of one cell or the choice among several.

use sizao_model::{Edge, Instant};

use super::{Outcome, Reading};
use crate::{
    date::{at_time_of_day, read_date, read_time_of_day},
    mapping::{Column, DateSource, DateSpec},
    problem::{MEND_CELL, NoteKind},
};

/// Body fields that speak of times to come.
const FIELDS_AHEAD: [&str; 3] = ["until", "leaves_at", "arrives_at"];

impl Reading<'_, '_> {
    pub(super) fn date(&mut self, spec: &DateSpec) -> Outcome<Option<Edge>> {
        let found = match &spec.source {
            DateSource::Constant(edge) => Some(*edge),
            DateSource::Column { column, time } => self.date_cell(*column, *time)?,
            DateSource::FirstOf { usual, stand_in } => match self.first_date(usual)? {
                Some((edge, _)) => Some(edge),
                None => self.first_date(stand_in)?.map(|(edge, column)| {
                    self.note(NoteKind::StandIn, column, "date", "stands in for a date that is missing");
                    edge
                }),
            },
            DateSource::EarliestOf(list) => self.extreme(list, |new, old| new < old)?,
            DateSource::LatestOf(list) => self.extreme(list, |new, old| new > old)?,
        };
        let zone = &self.mapping.zone;
        let moved = found.map(|edge| match edge {
            Edge::Day(day) => Edge::Day(day.plus_days(spec.plus_days)),
            Edge::At(instant) => Edge::At(instant.plus_hours(24 * i64::from(spec.plus_days))),
        });
        match (moved, spec.at) {
            (Some(Edge::Day(day)), Some(second)) => match at_time_of_day(day, second, zone) {
                Ok(instant) => Ok(Some(Edge::At(instant))),
                Err(rule) => Err(match spec.first_column() {
                    Some(column) => self.problem(column, rule, MEND_CELL),
                    None => self.problem_of_row(rule),
                }),
            },
            (moved, _) => Ok(moved),
        }
    }

    pub(super) fn first_date(&mut self, list: &[DateSpec]) -> Outcome<Option<(Edge, Option<Column>)>> {
        for date in list {
            if let Some(edge) = self.date(date)? {
                return Ok(Some((edge, date.first_column())));
            }
        }
        Ok(None)
    }

    pub(super) fn extreme(&mut self, list: &[DateSpec], better: fn(Instant, Instant) -> bool) -> Outcome<Option<Edge>> {
        let mut best: Option<Edge> = None;
        for date in list {
            if let Some(edge) = self.date(date)? {
                let zone = &self.mapping.zone;
                if best.is_none_or(|best| better(edge.first(zone), best.first(zone))) {
                    best = Some(edge);
                }
            }
        }
        Ok(best)
    }

    pub(super) fn date_cell(&mut self, column: Column, time: Option<Column>) -> Outcome<Option<Edge>> {
        let Some(cell) = self.cell(column) else { return Ok(None) };
        let zone = &self.mapping.zone;
        let edge = match read_date(cell, &self.spec(column).dates, zone) {
            Ok(edge) => edge,
            Err(rule) => return Err(self.problem(column, rule, MEND_CELL)),
        };
        let (Some(time), Edge::Day(day)) = (time, edge) else { return Ok(Some(edge)) };
        let Some(clock) = self.cell(time) else { return Ok(Some(edge)) };
        let Some(second) = read_time_of_day(clock) else {
            return Err(self.problem(time, "a time of day is written hh:mm", MEND_CELL));
        };
        match at_time_of_day(day, second, zone) {
            Ok(instant) => Ok(Some(Edge::At(instant))),
            Err(rule) => Err(self.problem(time, rule, MEND_CELL)),
        }
    }

    pub(super) fn not_ahead(&mut self, field: &str, date: &DateSpec, edge: Edge) -> Outcome<()> {
        if edge.first(&self.mapping.zone) <= self.latest || FIELDS_AHEAD.contains(&field) {
            return Ok(());
        }
        let rule = "this lies in the future";
        Err(match date.first_column() {
            Some(column) => self.problem(column, rule, MEND_CELL),
            None => self.problem_of_row(rule),
        })
    }
}
