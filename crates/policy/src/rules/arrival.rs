//! Arrivals in a province from elsewhere: two tests in three days, one when the person leaves again soon, nothing in
//! transit. Arrivals before the rule was in force, and those from abroad, are not its concern.

use std::sync::Arc;

use sizao_model::{FactBody, FactId, Instant, fact::Arrival};

use super::{
    Opened, View, add, add_seen,
    case::CasePeriod,
    evidence,
    exit_test::{self, Tested},
    two_tests::{self, Cause},
};
use crate::{
    chain::{self, Chain},
    known::Seen,
    plan::{Adoption, Plan},
    timeline::{DiseaseTimeline, Rules},
};

/// An arrival that counts.
#[derive(Clone, Debug)]
pub(crate) struct Arrived<'f> {
    pub arrival: &'f Arrival,
    pub arrived_at: Instant,
    pub known_at: Instant,
    pub because: Vec<FactId>,
}

/// The arrivals of a person for which there is evidence; not those in transit.
pub(crate) fn counted<'f>(view: &'f View<'_>) -> impl Iterator<Item = Arrived<'f>> {
    view.facts.iter().filter_map(|seen: &Seen<'_>| match &*seen.body {
        FactBody::Arrival(arrival) if !arrival.transit => {
            let reach = view.me.reach(seen)?;
            let counts = evidence::counts(seen, arrival.evidence, view.facts)?;
            let mut because = Vec::new();
            add_seen(&mut because, seen, reach.links);
            add(&mut because, counts.confirmation);
            Some(Arrived { arrival, arrived_at: seen.starts_at(), known_at: counts.since.max(reach.since), because })
        }
        _ => None,
    })
}

/// The tests of a person who arrived.
pub(crate) fn assess(view: &View<'_>, timeline: &DiseaseTimeline, case_periods: &[CasePeriod]) -> Vec<Opened> {
    if timeline.at(view.at).is_none_or(|rules| rules.arrival.is_none()) {
        return Vec::new();
    }
    let mut tested = None;
    counted(view)
        .filter(|arrived| &*arrived.arrival.from != "abroad")
        .filter(|arrived| !case_periods.iter().any(|period| period.covers(arrived.arrived_at.day())))
        .filter_map(|arrived| {
            let tested =
                tested.get_or_insert_with(|| exit_test::nucleic_samples(view.me, &timeline.disease, view.facts));
            let chain = ArrivalChain { arrived: &arrived, tested };
            let ruled = chain::follow(&timeline.eras, arrived.known_at, view.at, &chain)?;
            let laid = ruled.plan.laid.into_iter().next()?;
            Some(Opened { rule: ruled.rule, laid, because: arrived.because })
        })
        .collect()
}

struct ArrivalChain<'c, 'f> {
    arrived: &'c Arrived<'f>,
    tested: &'c [Tested<'f>],
}

impl Chain for ArrivalChain<'_, '_> {
    fn rule<'r>(&self, rules: &'r Rules) -> Option<&'r Arc<str>> {
        rules.arrival.as_ref().map(|rule| &rule.id)
    }

    fn plan(&self, _era: usize, rules: &Rules, adoption: Option<Adoption>, _at: Instant) -> Option<Plan> {
        let rule = &rules.arrival.as_ref()?.rule;
        let Arrived { arrival, arrived_at, known_at, .. } = *self.arrived;
        let is_new = arrival.into.starts_with(&*rule.province) && !arrival.from.starts_with(&*rule.province);
        if !is_new || arrived_at < rules.arrival_since {
            return None;
        }
        let cause = Cause { from: arrived_at, day_0: arrived_at.day(), starts_at: known_at.max(arrived_at), cap: None };
        match arrival.leaves_at {
            Some(leaves_at) if leaves_at < arrived_at.plus_hours(rule.short_stay_hours) => {
                two_tests::landing(rule.tests, cause, leaves_at, self.tested, adoption)
            }
            _ => two_tests::plan(rule.tests, cause, self.tested, adoption),
        }
    }
}
