//! What may be done for a susceptible contact in time: a vaccine or immunoglobulin within so many hours of the first
//! exposure, unless a trait speaks against it or one of them was given. Given in time, a product with an effect turns
//! all phases into one milder kind with the same dates.

use sizao_model::{FactBody, Instant, MeasureKind, measure::Offer};

use super::{View, immunity, special};
use crate::{
    pack::{OfferRule, Phase},
    timeline::Rules,
};

/// The offers that are open.
pub(crate) fn open(view: &View<'_>, rules: &Rules, disease: &str, first_at: Option<Instant>) -> Vec<Offer> {
    let Some(first_at) = first_at.filter(|_| !rules.offers.is_empty()) else { return Vec::new() };
    if immunity::is_immune(view, rules, disease, first_at)
        || rules.offers.iter().any(|offer| given_at(view, offer, disease, first_at).is_some())
    {
        return Vec::new();
    }
    let traits = special::profile(view.me, view.facts).traits;
    rules
        .offers
        .iter()
        .filter(|offer| !offer.not_for.iter().any(|held| traits.contains(held)))
        .map(|offer| Offer { kind: offer.kind.clone(), until: first_at.plus_hours(offer.hours) })
        .filter(|offer| offer.until > view.at)
        .collect()
}

/// The kind into which a product given in time turns the phases.
pub(crate) fn effect(view: &View<'_>, rules: &Rules, disease: &str, first_at: Instant) -> Option<MeasureKind> {
    rules.offers.iter().find_map(|offer| {
        let given_at = given_at(view, offer, disease, first_at)?;
        offer.effect.filter(|_| given_at <= first_at.plus_hours(offer.hours))
    })
}

/// One phase of a kind instead of all, same dates, no tests.
pub(crate) fn replaced(phases: &[Phase], kind: MeasureKind) -> Vec<Phase> {
    let days = phases.iter().map(|phase| phase.days).sum();
    phases.first().map_or_else(Vec::new, |first| {
        vec![Phase { kind, days, tests: Vec::new(), colour: None, exit_samples: 1, ..first.clone() }]
    })
}

/// When the product was first given since the exposure.
fn given_at(view: &View<'_>, offer: &OfferRule, disease: &str, first_at: Instant) -> Option<Instant> {
    view.facts
        .iter()
        .filter(|seen| matches!(&*seen.body, FactBody::VaccineDose(dose) if dose.product[..] == offer.kind[..] && &*dose.disease == disease))
        .filter(|seen| view.me.reach(seen).is_some() && seen.happened.ends_at().is_some_and(|ends_at| ends_at > first_at))
        .map(|seen| seen.starts_at())
        .min()
}
