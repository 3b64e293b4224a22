//! Arrivals from abroad: the phases of the pack, counted from the day of arrival as day 0. Transit opens nothing.

use std::sync::Arc;

use sizao_model::{CivilDay, Instant, MeasureKind};

use super::{
    Opened, View, add,
    arrival::{self, Arrived},
    case::CasePeriod,
    exit_test::{self, Tested},
    extension, isolation, site_reset,
    site_reset::Reset,
    special,
};
use crate::{
    chain::{self, Chain},
    plan::{self, Adoption, Course, Limits, Plan},
    timeline::{DiseaseTimeline, Rules},
};

/// The measures of a person who came from abroad; each arrival is a chain of its own.
pub(crate) fn assess(view: &View<'_>, timeline: &DiseaseTimeline, case_periods: &[CasePeriod]) -> Vec<Opened> {
    if timeline.at(view.at).is_none_or(|rules| rules.inbound_traveller.is_none()) {
        return Vec::new();
    }
    let mut opened = Vec::new();
    for arrived in arrival::counted(view).filter(|arrived| &*arrived.arrival.from == "abroad") {
        if case_periods.iter().any(|period| period.covers(arrived.arrived_at.day())) {
            continue;
        }
        let tested = exit_test::nucleic_samples(view.me, &timeline.disease, view.facts);
        let follow = |resets: &[Reset], at| {
            let chain = Inbound { arrived: &arrived, tested: &tested, view, disease: &timeline.disease, resets };
            chain::follow(&timeline.eras, arrived.known_at, at, &chain)
        };
        let resets = site_reset::applying(view, |resets, at| follow(resets, at).map(|ruled| ruled.plan));
        let Some(ruled) = follow(&resets, view.at) else { continue };
        opened.extend(ruled.plan.laid.into_iter().map(|laid| {
            let mut because = arrived.because.clone();
            resets.iter().for_each(|reset| add(&mut because, reset.because.iter().copied()));
            add(&mut because, laid.extensions.iter().copied());
            Opened { rule: ruled.rule.clone(), laid, because }
        }));
    }
    opened
}

struct Inbound<'c, 'f> {
    arrived: &'c Arrived<'f>,
    tested: &'c [Tested<'c>],
    view: &'c View<'c>,
    disease: &'c str,
    resets: &'c [Reset],
}

impl Chain for Inbound<'_, '_> {
    fn rule<'r>(&self, rules: &'r Rules) -> Option<&'r Arc<str>> {
        rules.inbound_traveller.as_ref().map(|rule| &rule.id)
    }

    fn plan(&self, _era: usize, rules: &Rules, adoption: Option<Adoption>, at: Instant) -> Option<Plan> {
        let rule = rules.inbound_traveller.as_ref()?;
        let arrived_at = self.arrived.arrived_at;
        let reset_on = site_reset::latest_on(self.resets);
        let last_on = arrived_at.day().max(reset_on.unwrap_or(arrived_at.day()));
        let isolated_at = isolation::first_started(self.view.me, arrived_at, self.view.facts);
        let has_site = rule.rule.iter().any(|phase| phase.kind == MeasureKind::CentralIsolation);
        let phases = if has_site && special::stays_home(rules, self.disease, last_on, self.view) {
            special::at_home(&rule.rule)
        } else {
            rule.rule.clone()
        };
        let known_at = self.arrived.known_at.max(arrived_at);
        let course = Course {
            last_on,
            first_on: last_on,
            starts_at: plan::with_isolation(known_at, isolated_at, &phases),
            isolation_on: isolated_at.map(|at| at.day().max(last_on)).or(reset_on),
            cap: None,
            extensions: extension::of_rule(&rule.id, self.view),
        };
        let limits = Limits { grace_hours: rules.grace_hours, max_extension_days: rules.max_extension_days };
        let exit = |samples: u8, exit_on: CivilDay| exit_test::met_at(samples, exit_on, self.tested);
        Some(plan::lay_out(&phases, &course, limits, adoption, at, &exit))
    }
}
