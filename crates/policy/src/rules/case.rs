//! Cases: isolation from the recording of the diagnosis.
//!
//! Where the pack says so, isolation lasts until discharge. A review is due some days after start or last renewal; a
//! passed review frees nobody and is an alert; at the ceiling an isolation that nobody renewed lapses. A renewal takes
//! two signers and a result, sample or symptom report of this patient later than the last renewal. Other packs isolate
//! to a day after onset. The pack in force at the moment asked supplies the rule.

use std::sync::Arc;

use sizao_model::{CivilDay, FactBody, FactId, Instant, MeasureKind, fact::Extension};

use super::{Opened, View, add, add_seen, infection, infection::Infection, is_about, window};
use crate::{
    known::Seen,
    pack::{CaseEnd, CaseRule, WindowAnchor},
    plan::{self, Course, Laid, Limits},
    timeline::Rules,
};

/// The time during which a person's other measures for the disease give way to those of a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CasePeriod {
    over_on: Option<CivilDay>,
}

impl CasePeriod {
    /// Whether a measure whose evidence is of this day or earlier gives way.
    pub fn covers(&self, last_on: CivilDay) -> bool {
        self.over_on.is_none_or(|over_on| last_on <= over_on)
    }
}

/// The measures of a person as a case, and when they were one.
pub(crate) fn assess(view: &View<'_>, rules: &Rules, disease: &str) -> (Vec<Opened>, Vec<CasePeriod>) {
    let infections = infection::infections(view.me, disease, rules.relapse_days, view.facts);
    let mut opened = Vec::new();
    let mut periods = Vec::new();
    for (index, infection) in infections.iter().enumerate() {
        let next_at = infections.get(index + 1).map_or(Instant::MAX, |next| next.first_at);
        let Some(rule) = &rules.case else {
            periods.push(CasePeriod { over_on: Some(infection.diagnosed_on.plus_days(rules.relapse_days)) });
            continue;
        };
        let course = Illness { view, rules, disease, infection, next_at, rule: &rule.rule, id: &rule.id };
        let (measures, period) = course.assess();
        opened.extend(measures);
        periods.push(period);
    }
    (opened, periods)
}

struct Illness<'i> {
    view: &'i View<'i>,
    rules: &'i Rules,
    disease: &'i str,
    infection: &'i Infection,
    /// When the next infection was diagnosed.
    next_at: Instant,
    rule: &'i CaseRule,
    id: &'i Arc<str>,
}

impl Illness<'_> {
    fn assess(&self) -> (Vec<Opened>, CasePeriod) {
        match self.rule.end {
            CaseEnd::Discharge { review_days, ceiling_days } => self.until_discharge(review_days, ceiling_days),
            CaseEnd::DaysAfterAnchor { days } => {
                let last_on = self.anchor().plus_days(days);
                let ends_at = last_on.plus_days(1).start();
                let because = self.infection.because.clone();
                let mut opened: Vec<Opened> = self.isolation(ends_at, None, because.clone()).into_iter().collect();
                opened.extend(self.after(last_on, ends_at.max(self.infection.known_at), because));
                (opened, CasePeriod { over_on: Some(last_on) })
            }
        }
    }

    fn until_discharge(&self, review_days: i32, ceiling_days: i32) -> (Vec<Opened>, CasePeriod) {
        let discharge = self.discharge();
        let discharged_at = discharge.as_ref().map_or(Instant::MAX, |(at, _)| *at);
        let mut because = self.infection.because.clone();
        let mut counted_from = self.infection.known_at;
        let lapses = |from: Instant| from.day().plus_days(ceiling_days).start();
        for (seen, extension) in self.extensions() {
            let is_in_time = seen.recorded_at < lapses(counted_from) && seen.recorded_at < discharged_at;
            if is_in_time && seen.recorded_at > counted_from && self.renews(extension, counted_from) {
                counted_from = seen.recorded_at;
                add_seen(&mut because, seen, &[]);
            }
        }
        let review_at = counted_from.day().plus_days(review_days).start();
        let lapses_at = lapses(counted_from);
        let ends_at = lapses_at.min(discharged_at);
        let mut opened: Vec<Opened> = self.isolation(ends_at, Some(review_at), because).into_iter().collect();
        let Some((discharged_at, ids)) = discharge else {
            let over_on = if lapses_at <= self.view.at { Some(plan::last_day_before(lapses_at)) } else { None };
            return (opened, CasePeriod { over_on });
        };
        let mut because = self.infection.because.clone();
        add(&mut because, ids);
        opened.extend(self.after(discharged_at.day(), discharged_at.max(self.infection.known_at), because));
        (opened, CasePeriod { over_on: Some(discharged_at.day()) })
    }

    fn isolation(&self, ends_at: Instant, review_at: Option<Instant>, because: Vec<FactId>) -> Option<Opened> {
        let starts_at = self.infection.known_at;
        (ends_at > starts_at).then(|| Opened {
            rule: self.id.clone(),
            because,
            laid: Laid {
                kind: MeasureKind::CaseIsolation,
                starts_at,
                ends_at,
                tests: Vec::new(),
                colour: self.rule.colour,
                extensions: Vec::new(),
                review_at,
            },
        })
    }

    /// What follows isolation, counted from its last day.
    fn after(&self, last_on: CivilDay, starts_at: Instant, because: Vec<FactId>) -> Vec<Opened> {
        let course =
            Course { last_on, first_on: last_on, starts_at, isolation_on: None, cap: None, extensions: Vec::new() };
        let limits = Limits { grace_hours: self.rules.grace_hours, max_extension_days: self.rules.max_extension_days };
        let tested = super::exit_test::nucleic_samples(self.view.me, self.disease, self.view.facts);
        let exit = |samples, exit_on| super::exit_test::met_at(samples, exit_on, &tested);
        plan::lay_out(&self.rule.after, &course, limits, None, self.view.at, &exit)
            .laid
            .into_iter()
            .map(|laid| Opened { rule: self.id.clone(), laid, because: because.clone() })
            .collect()
    }

    fn anchor(&self) -> CivilDay {
        match &self.rules.window {
            Some(rule) => window::anchor(rule, self.infection),
            None => window::anchor_of(WindowAnchor::Onset, self.infection),
        }
    }

    /// The first discharge of this infection, with the facts through which it counts.
    fn discharge(&self) -> Option<(Instant, Vec<FactId>)> {
        self.view
            .facts
            .iter()
            .filter_map(|seen| match &*seen.body {
                FactBody::Discharge(discharge) if is_about(discharge.disease.as_deref(), self.disease) => {
                    let reach = self.view.me.reach(seen)?;
                    let mut ids = Vec::new();
                    add_seen(&mut ids, seen, reach.links);
                    Some((seen.starts_at(), ids))
                }
                _ => None,
            })
            .filter(|(at, _)| *at >= self.infection.first_at && *at < self.next_at)
            .min_by_key(|(at, _)| *at)
    }

    fn extensions(&self) -> impl Iterator<Item = (&Seen<'_>, &Extension)> {
        self.view.facts.iter().filter_map(|seen| match &*seen.body {
            FactBody::Extension(extension) if &*extension.rule == "case" && self.view.me.reach(seen).is_some() => {
                Some((seen, extension))
            }
            _ => None,
        })
    }

    fn renews(&self, extension: &Extension, last_renewal: Instant) -> bool {
        let has_two_signers = extension.signers.iter().any(|signer| *signer != extension.signers[0]);
        has_two_signers && extension.evidence.iter().any(|id| self.is_news_of_the_patient(*id, last_renewal))
    }

    fn is_news_of_the_patient(&self, id: FactId, after: Instant) -> bool {
        let Some(seen) = self.view.facts.iter().find(|seen| seen.id == id) else { return false };
        let is_own = match &*seen.body {
            FactBody::Sample(_) | FactBody::SymptomReport(_) => self.view.me.reach(seen).is_some(),
            FactBody::TestResult(result) => self.view.facts.iter().any(|other| {
                matches!(&*other.body, FactBody::Sample(sample)
                    if result.sample == Some(other.id) || (result.pool.is_some() && result.pool == sample.pool))
                    && self.view.me.reach(other).is_some()
            }),
            _ => false,
        };
        is_own && seen.starts_at() > after
    }
}
