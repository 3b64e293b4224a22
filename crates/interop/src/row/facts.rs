//! What a row says happened, and when.

use std::borrow::Cow;

use sizao_model::{
    Edge, FactKind, Happened, Instant, When,
    draft::{FactDraft, Origin},
};

use super::{AHEAD_MINUTES_MAX, Outcome, Reading};
use crate::{
    mapping::{Column, FactSpec, HappenedSpec, Test, Unusable},
    places::national,
    problem::{MEND_CELL, NoteKind},
};

impl Reading<'_, '_> {
    pub(super) fn holds(&self, spec: &FactSpec) -> bool {
        spec.when.iter().all(|condition| {
            let cell = self.cell(condition.column);
            match &condition.test {
                Test::Present => cell.is_some(),
                Test::Blank => cell.is_none(),
                Test::Is(words) => cell.is_some_and(|cell| words.iter().any(|word| **word == *cell)),
                Test::IsNot(words) => cell.is_some_and(|cell| words.iter().all(|word| **word != *cell)),
            }
        })
    }

    pub(super) fn fact(
        &mut self,
        spec: &FactSpec,
        people_failed: bool,
        json: &mut String,
    ) -> Outcome<Option<FactDraft>> {
        if !self.holds(spec) {
            return Ok(None);
        }
        let person = match spec.person.map(|index| self.people[index]) {
            Some(None) if !people_failed => return Ok(None),
            Some(person) => person.map(|(id, _)| id),
            None => None,
        };
        self.about = person;
        let key = spec.key.as_ref().map(|key| self.template(key)).transpose();
        let division = self.division(&spec.division, spec.person);
        let happened = self.happened(spec);
        let recorded_at = spec.recorded.as_ref().map(|date| self.date(date)).transpose();
        let body = self.body(spec, json);
        self.about = None;
        let (key, division, recorded_at, body) = (key?, division?, recorded_at?.flatten(), body?);
        let Some(happened) = happened? else { return Ok(None) };
        let is_allowed = self.mapping.place_lists.iter().any(|list| list.also.contains(&division));
        if let Some(ended) = national().ended(division, happened.first_day()).filter(|_| !is_allowed) {
            return Err(self.problem_of_row(ended.refusal(division)));
        }
        let recorded_at = recorded_at.map(|edge| match edge {
            Edge::At(instant) => instant,
            // A day alone: its end, when everything of that day had happened.
            Edge::Day(day) => self.mapping.zone.start_of(day.plus_days(1)),
        });
        Ok(Some(FactDraft {
            origin: Origin { row: self.cells.row, part: 0, line_digest: [0; 16] },
            key: key.map(Into::into),
            person,
            division,
            happened,
            recorded_at,
            body,
        }))
    }

    /// The time of the fact; nothing when it was noted as unusable.
    pub(super) fn happened(&mut self, spec: &FactSpec) -> Outcome<Option<Happened>> {
        let zone = self.mapping.zone.clone();
        let (first, column) = match &spec.happened {
            HappenedSpec::Once(date) | HappenedSpec::During(date, _) => (self.date(date), date.first_column()),
        };
        let when = match &spec.happened {
            HappenedSpec::Once(_) => first?.map(|edge| match edge {
                Edge::At(instant) => When::At(instant),
                Edge::Day(day) => When::On(day),
            }),
            HappenedSpec::During(_, None) => first?.map(|from| When::During(from, None)),
            HappenedSpec::During(_, Some(to)) => {
                let to = self.date(to);
                let (from, to) = (first?, to?);
                from.zip(to).map(|(from, to)| When::During(from, Some(to)))
            }
        };
        let Some(when) = when else {
            return self.unusable(spec, column, "the date of this fact is missing").map(|()| None);
        };
        let mut happened = Happened { when, zone };
        if let When::During(_, Some(to)) = happened.when
            && (to.last(&happened.zone) < happened.starts_at() || to.day(&happened.zone) < happened.first_day())
        {
            let rule =
                format!("it would end on {}, before it begins on {}", to.day(&happened.zone), happened.first_day());
            if spec.unusable != Unusable::Shorten {
                return self.unusable(spec, column, rule).map(|()| None);
            }
            self.note(NoteKind::Shortened, None, spec.kind.name(), &format!("only its end is taken: {rule}"));
            happened.when = When::During(to, Some(to));
        }
        if is_later(spec.kind, &happened, self.latest) {
            let rule = "this lies in the future, and only arrivals and areas may be announced";
            return match column {
                Some(column) => Err(self.problem(column, rule, MEND_CELL)),
                None => Err(self.problem_of_row(rule)),
            };
        }
        Ok(Some(happened))
    }

    pub(super) fn unusable(
        &mut self,
        spec: &FactSpec,
        column: Option<Column>,
        rule: impl Into<Cow<'static, str>>,
    ) -> Outcome<()> {
        let rule = rule.into();
        if spec.unusable != Unusable::Refuse {
            let subject = spec.kind.name();
            self.note(NoteKind::Unusable, None, subject, &format!("no such fact was made: {rule}"));
            return Ok(());
        }
        Err(match column {
            Some(column) => self.problem(column, rule, MEND_CELL),
            None => self.problem_of_row(rule),
        })
    }
}

/// Whether something happened later than the clock allows. Only arrivals and areas may be announced.
pub(crate) fn is_ahead(kind: FactKind, happened: &Happened, now: Instant) -> bool {
    is_later(kind, happened, now.plus_minutes(AHEAD_MINUTES_MAX))
}

fn is_later(kind: FactKind, happened: &Happened, latest: Instant) -> bool {
    let last_known = match happened.when {
        When::At(instant) => instant,
        When::On(day) | When::During(_, Some(Edge::Day(day))) => happened.zone.start_of(day),
        When::During(from, None) => from.first(&happened.zone),
        When::During(_, Some(Edge::At(instant))) => instant,
    };
    last_known > latest && !matches!(kind, FactKind::Arrival | FactKind::AreaDeclared | FactKind::PackAdopted)
}
