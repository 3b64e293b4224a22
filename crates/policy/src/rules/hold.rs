//! Hold (原地等候): a positive or grey result of an own single or pooled nucleic sample holds the person, without colour,
//! from its recording until a negative of an own single sample taken at or after that result is recorded, and no longer
//! than the pack's hours. Invalid and antigen results hold nobody.

use std::sync::Arc;

use sizao_model::{
    FactBody, FactId, Instant, MeasureKind,
    fact::{Outcome, TestMethod, TestResult},
};

use super::{
    Opened, View, add_seen,
    case::CasePeriod,
    exit_test::{self, Tested},
    is_about,
};
use crate::{
    chain::{self, Chain},
    known::Seen,
    plan::{Adoption, Laid, Plan},
    timeline::{DiseaseTimeline, Rules},
};

/// The holds of a person; each result is a chain of its own.
pub(crate) fn assess(view: &View<'_>, timeline: &DiseaseTimeline, case_periods: &[CasePeriod]) -> Vec<Opened> {
    if timeline.at(view.at).is_none_or(|rules| rules.hold_hours.is_none()) {
        return Vec::new();
    }
    let mut opened = Vec::new();
    for positive in view.facts {
        let FactBody::TestResult(result) = &*positive.body else { continue };
        if !matches!(result.outcome, Outcome::Positive | Outcome::GreyZone) {
            continue;
        }
        let Some((sampled_at, known_at, because)) = own_sample(view, &timeline.disease, positive, result) else {
            continue;
        };
        if case_periods.iter().any(|period| period.covers(sampled_at.day())) {
            continue;
        }
        let tested = exit_test::nucleic_samples(view.me, &timeline.disease, view.facts);
        let chain = Held { known_at, resulted_at: positive.starts_at(), tested: &tested };
        let Some(ruled) = chain::follow(&timeline.eras, known_at, view.at, &chain) else { continue };
        opened.extend(ruled.plan.laid.into_iter().map(|laid| Opened {
            rule: ruled.rule.clone(),
            laid,
            because: because.clone(),
        }));
    }
    opened
}

/// The person's sample to which a result belongs: when it was taken, when both were known, and the facts.
fn own_sample(
    view: &View<'_>,
    disease: &str,
    positive: &Seen<'_>,
    result: &TestResult,
) -> Option<(Instant, Instant, Vec<FactId>)> {
    view.facts.iter().find_map(|seen| match &*seen.body {
        FactBody::Sample(sample)
            if sample.method == TestMethod::NucleicTest
                && is_about(sample.disease.as_deref(), disease)
                && (result.sample == Some(seen.id) || (result.pool.is_some() && result.pool == sample.pool)) =>
        {
            let reach = view.me.reach(seen)?;
            let mut because = Vec::new();
            add_seen(&mut because, seen, reach.links);
            add_seen(&mut because, positive, &[]);
            let known_at = seen.recorded_at.max(positive.recorded_at).max(reach.since);
            Some((seen.starts_at(), known_at, because))
        }
        _ => None,
    })
}

struct Held<'c> {
    known_at: Instant,
    resulted_at: Instant,
    tested: &'c [Tested<'c>],
}

impl Chain for Held<'_> {
    fn rule<'r>(&self, rules: &'r Rules) -> Option<&'r Arc<str>> {
        rules.hold_hours.as_ref().map(|rule| &rule.id)
    }

    fn plan(&self, _era: usize, rules: &Rules, adoption: Option<Adoption>, _at: Instant) -> Option<Plan> {
        let lapses_at = self.known_at.plus_hours(rules.hold_hours.as_ref()?.rule);
        let cleared_at = self
            .tested
            .iter()
            .filter(|tested| tested.is_single && tested.sampled_at >= self.resulted_at)
            .filter_map(|tested| tested.negative_at)
            .min();
        let laid = Laid {
            kind: MeasureKind::Hold,
            starts_at: Adoption::start(adoption, MeasureKind::Hold, self.known_at),
            ends_at: cleared_at.map_or(lapses_at, |cleared_at| cleared_at.min(lapses_at)),
            tests: Vec::new(),
            colour: None,
            extensions: Vec::new(),
            review_at: None,
        };
        Some(Plan::single(laid))
    }
}
