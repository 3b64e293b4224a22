//! A dossier without what no rule looks at.
//!
//! Who only stayed somewhere or arrived somewhere, as most people in a declared area, is asked for tests from the end of
//! a stay or from an arrival on. What was sampled before, vaccinated or felt is then read by no rule, and a store need
//! not open it. As soon as anything else is on record of the person, everything counts.

use rustc_hash::FxHashSet;
use sizao_model::{Fact, FactBody, FactId, FactKind, Instant, fact::Outcome, id::PoolId};

use crate::{
    Dossier,
    index::{Mention, mentions},
};

/// When rules look at a fact about a person, by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Always; and with it on record, they look at everything.
    AndAllElse,
    /// Always.
    Always,
    /// When it happened after something that tests are counted from; see [`looked_at_from`].
    FromThenOn,
    /// When something is on record with which they look at everything.
    WithAllElse,
}

/// When rules look at facts of this kind about the person whom they assess.
pub const fn attention(kind: FactKind) -> Attention {
    match kind {
        FactKind::Exposure
        | FactKind::Diagnosis
        | FactKind::Extension
        | FactKind::Discharge
        | FactKind::Death
        | FactKind::IdentityLink
        | FactKind::IdentityUnlink
        | FactKind::Correction => Attention::AndAllElse,
        FactKind::Sample => Attention::FromThenOn,
        FactKind::VaccineDose | FactKind::SymptomReport => Attention::WithAllElse,
        _ => Attention::Always,
    }
}

/// From when on samples count that are tested for the sake of this fact: the midnight before a stay ended or before an
/// arrival. Nothing for other facts, and for a stay that goes on.
pub fn looked_at_from(fact: &Fact) -> Option<Instant> {
    let from = match &fact.body {
        FactBody::Stay(_) => fact.happened.ends_at()?,
        FactBody::Arrival(_) => fact.happened.starts_at(),
        _ => return None,
    };
    Some(from.day().start())
}

/// The facts of a dossier that rules can look at: an assessment of these is that of all, at every moment.
///
/// Left out are only facts about the person, with their results: older samples, doses and symptoms of somebody of whom
/// nothing but stays and arrivals is on record. A correction, a confirmation, evidence or a result other than negative
/// or invalid that tells of any fact about the person makes everything count.
pub fn lean(dossier: Dossier<'_>) -> Dossier<'_> {
    if !counts_in_part(&dossier) {
        return dossier;
    }
    let from = own(&dossier).filter_map(looked_at_from).min().unwrap_or(Instant::MAX);
    let person = dossier.person;
    let is_left_out = |fact: &Fact| {
        fact.person == Some(person)
            && match attention(fact.body.kind()) {
                Attention::FromThenOn => fact.happened.starts_at() < from,
                Attention::WithAllElse => true,
                Attention::AndAllElse | Attention::Always => false,
            }
    };
    let (mut samples, mut tubes, mut tubes_kept) = (FxHashSet::default(), FxHashSet::default(), FxHashSet::default());
    for fact in own(&dossier) {
        if let FactBody::Sample(sample) = &fact.body {
            if is_left_out(fact) {
                samples.insert(fact.id);
                tubes.extend(sample.pool.as_ref());
            } else {
                tubes_kept.extend(sample.pool.as_ref());
            }
        }
    }
    let is_of_these = |fact: &Fact| match &fact.body {
        FactBody::TestResult(result) => {
            result.sample.is_some_and(|sample| samples.contains(&sample))
                || result.pool.as_ref().is_some_and(|tube| tubes.contains(tube) && !tubes_kept.contains(tube))
        }
        _ => false,
    };
    let facts = dossier.facts.iter().copied().filter(|fact| !is_left_out(fact) && !is_of_these(fact)).collect();
    Dossier { person, facts }
}

fn own<'d>(dossier: &'d Dossier<'_>) -> impl Iterator<Item = &'d Fact> {
    dossier.facts.iter().copied().filter(|fact| fact.person == Some(dossier.person))
}

/// Whether nothing is on record of the person with which rules look at everything, by whatever tells of it.
fn counts_in_part(dossier: &Dossier<'_>) -> bool {
    if own(dossier).any(|fact| attention(fact.body.kind()) == Attention::AndAllElse) {
        return false;
    }
    let told = Told::of(dossier);
    let person = Mention::Person(dossier.person);
    let names_the_person = |fact: &Fact| match &fact.body {
        FactBody::Correction(_) | FactBody::IdentityLink(_) => mentions(fact).any(|mention| mention == person),
        _ => false,
    };
    !own(dossier).any(|fact| told.concerns(fact)) && !dossier.facts.iter().any(|fact| names_the_person(fact))
}

/// Of what corrections, confirmations, evidence and results that are not plain tell.
#[derive(Default)]
struct Told<'d> {
    facts: FxHashSet<FactId>,
    tubes: FxHashSet<&'d PoolId>,
}

impl<'d> Told<'d> {
    fn of(dossier: &Dossier<'d>) -> Self {
        let mut told = Self::default();
        for fact in dossier.facts.iter().filter(|fact| tells(fact)) {
            told.facts.extend(mentions(fact).filter_map(|mention| match mention {
                Mention::Fact(id) => Some(id),
                _ => None,
            }));
        }
        for fact in &dossier.facts {
            // A corrected result tells of its sample.
            if let FactBody::TestResult(result) = &fact.body
                && (tells(fact) || told.facts.contains(&fact.id))
            {
                told.facts.extend(result.sample);
                told.tubes.extend(&result.pool);
            }
        }
        told
    }

    fn concerns(&self, fact: &Fact) -> bool {
        self.facts.contains(&fact.id)
            || matches!(&fact.body, FactBody::Sample(sample)
                if sample.pool.as_ref().is_some_and(|tube| self.tubes.contains(tube)))
    }
}

/// Whether a fact tells of those that it names so that they may count otherwise.
fn tells(fact: &Fact) -> bool {
    match &fact.body {
        FactBody::TestResult(result) => !matches!(result.outcome, Outcome::Negative | Outcome::Invalid),
        FactBody::Correction(_)
        | FactBody::Confirmation(_)
        | FactBody::IdentityUnlink(_)
        | FactBody::AreaDeclared(_)
        | FactBody::SiteReset(_) => true,
        _ => false,
    }
}
