//! Immunity: enough doses on different days before the first exposure, a positive IgG test, or birth before a year in
//! which everybody met the disease. An immune contact is classed and has no measure.

use sizao_model::{
    FactBody, Instant, When,
    fact::{Outcome, TestMethod},
};

use super::{View, is_about, special};
use crate::timeline::Rules;

/// Whether the person is immune to the disease for an exposure that began at `first_at`.
pub(crate) fn is_immune(view: &View<'_>, rules: &Rules, disease: &str, first_at: Instant) -> bool {
    let Some(immunity) = &rules.immunity else { return false };
    let by_birth = immunity
        .born_before
        .is_some_and(|day| special::profile(view.me, view.facts).birth_on.is_some_and(|birth_on| birth_on < day));
    by_birth
        || immunity.doses.is_some_and(|doses| doses_before(view, disease, first_at) >= doses)
        || (immunity.igg && has_igg(view, disease))
}

fn doses_before(view: &View<'_>, disease: &str, first_at: Instant) -> usize {
    let mut days: Vec<_> = view
        .facts
        .iter()
        .filter(|seen| matches!(&*seen.body, FactBody::VaccineDose(dose) if &*dose.disease == disease))
        .filter(|seen| view.me.reach(seen).is_some())
        .filter(|seen| match seen.happened.when {
            When::At(at) => at < first_at,
            When::On(_) | When::During(..) => seen.happened.ends_at().is_some_and(|ends_at| ends_at <= first_at),
        })
        .map(|seen| seen.happened.first_day())
        .collect();
    days.sort_unstable();
    days.dedup();
    days.len()
}

fn has_igg(view: &View<'_>, disease: &str) -> bool {
    let is_positive = |id| {
        view.facts.iter().any(|seen| {
            matches!(&*seen.body, FactBody::TestResult(result) if result.sample == Some(id) && result.outcome == Outcome::Positive)
        })
    };
    view.facts.iter().any(|seen| {
        matches!(&*seen.body, FactBody::Sample(sample)
            if sample.method == TestMethod::Igg && is_about(sample.disease.as_deref(), disease))
            && view.me.reach(seen).is_some()
            && is_positive(seen.id)
    })
}
