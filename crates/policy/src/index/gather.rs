//! Gathering a dossier: from the person outwards, as far as the rules look.

use rustc_hash::FxHashSet;
use sizao_model::{Fact, FactBody, FactKind, PersonId};

use super::{FactIndex, Mention, corrected_by, mentions};
use crate::grounds::{Grounds, grounds_of};

/// How much of a person the rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Depth {
    /// A source case: illness, isolation, links.
    Case,
    /// A parent, of whom rules ask whether they are a close contact: also exposures.
    Parent,
    /// A close contact: also exposures and tests.
    Contact,
    /// The person assessed: everything.
    Own,
}

pub(super) fn gather<'a>(index: &FactIndex<'a>, person: PersonId) -> Vec<&'a Fact> {
    let mut gathering =
        Gathering { index, taken: FxHashSet::default(), visited: FxHashSet::default(), facts: Vec::new() };
    gathering.visit(person, Depth::Own);
    gathering.facts
}

struct Gathering<'g, 'a> {
    index: &'g FactIndex<'a>,
    taken: FxHashSet<sizao_model::FactId>,
    visited: FxHashSet<(PersonId, Depth)>,
    facts: Vec<&'a Fact>,
}

impl<'a> Gathering<'_, 'a> {
    fn visit(&mut self, person: PersonId, depth: Depth) {
        if !self.visited.insert((person, depth)) {
            return;
        }
        let index = self.index;
        let records = index.linked(person);
        let is_exposed =
            |record: &PersonId| index.of_person(*record).any(|fact| fact.body.kind() == FactKind::Exposure);
        // Nothing follows from a parent who met nobody.
        if depth == Depth::Parent && !records.iter().any(is_exposed) {
            return;
        }
        for record in records {
            self.visited.insert((record, depth));
            for fact in index.of_person(record).chain(index.links_of(record)) {
                if depth.reads(fact.body.kind()) {
                    self.take(fact);
                    self.follow(fact, fact.body.kind(), depth);
                }
            }
        }
    }

    /// Takes a fact with what confirms, corrects, unlinks it or says its result.
    fn take(&mut self, fact: &'a Fact) {
        if !self.taken.insert(fact.id) {
            return;
        }
        self.facts.push(fact);
        let index = self.index;
        for kind in [FactKind::Confirmation, FactKind::IdentityUnlink, FactKind::TestResult] {
            index.mentioning(kind, Mention::Fact(fact.id)).for_each(|other| self.take(other));
        }
        self.corrections(Mention::Fact(fact.id));
    }

    /// Takes corrections that mention something, with the facts that only through them concern it: a result that
    /// belongs to another sample.
    fn corrections(&mut self, mention: Mention) {
        let index = self.index;
        for correction in index.mentioning(FactKind::Correction, mention) {
            self.take(correction);
            if let Some(of) = corrected_by(correction).and_then(|id| index.with_id(id)) {
                self.take(of);
            }
        }
    }

    /// Follows what a fact, or a correction of it, refers to.
    fn follow(&mut self, fact: &'a Fact, kind: FactKind, depth: Depth) {
        let index = self.index;
        let corrections: Vec<&Fact> = index.corrections(fact.id).collect();
        for mention in mentions(fact).chain(corrections.into_iter().flat_map(mentions)) {
            match (mention, kind) {
                (Mention::Person(person), FactKind::Exposure) => {
                    self.visit(person, if depth == Depth::Own { Depth::Contact } else { Depth::Case });
                }
                (Mention::Person(person), FactKind::Person) if depth == Depth::Own => self.visit(person, Depth::Parent),
                (Mention::Pool(pool), FactKind::Sample) => {
                    let results = index.mentioning(FactKind::TestResult, Mention::Pool(pool.clone()));
                    results.for_each(|result| self.take(result));
                    self.corrections(Mention::Pool(pool));
                }
                (Mention::Site(site), FactKind::IsolationStarted | FactKind::IsolationMoved) if depth == Depth::Own => {
                    self.resets(Mention::Site(site));
                }
                (Mention::Area(area), FactKind::Stay) if depth == Depth::Own => self.areas(area.as_str()),
                (Mention::Fact(id), FactKind::Extension) => {
                    index.with_id(id).into_iter().for_each(|fact| self.take(fact))
                }
                _ => {}
            }
        }
    }

    /// The resets at a site, with their evidence.
    fn resets(&mut self, site: Mention) {
        let index = self.index;
        let corrected = index
            .mentioning(FactKind::Correction, site.clone())
            .filter_map(|correction| index.with_id(corrected_by(correction)?))
            .filter(|of| of.body.kind() == FactKind::SiteReset);
        for reset in index.mentioning(FactKind::SiteReset, site).chain(corrected) {
            self.take(reset);
            for mention in mentions(reset).chain(index.corrections(reset.id).flat_map(mentions)) {
                if let Mention::Fact(id) = mention {
                    index.with_id(id).into_iter().for_each(|evidence| self.take(evidence));
                }
            }
        }
    }

    fn areas(&mut self, code: &str) {
        let index = self.index;
        for fact in index.areas_near(code) {
            let of = corrected_by(fact).map_or(Some(fact), |id| index.with_id(id));
            if let Some(of) = of.filter(|of| matches!(of.body.kind(), FactKind::AreaDeclared | FactKind::AreaEnded))
                && self.may_count(of)
            {
                self.take(of);
            }
        }
    }

    /// Whether a declaration of an area may rest on a case.
    fn may_count(&self, fact: &Fact) -> bool {
        let FactBody::AreaDeclared(declared) = &fact.body else { return true };
        match grounds_of(fact, &declared.evidence, |id| self.index.with_id(id)) {
            Grounds::Case => true,
            Grounds::None => false,
            Grounds::Unseen => !self.index.is_whole,
        }
    }
}

impl Depth {
    /// Which kinds the rules read of such a person.
    fn reads(self, kind: FactKind) -> bool {
        match self {
            Self::Own => true,
            Self::Contact => Self::Parent.reads(kind) || kind == FactKind::Sample,
            Self::Parent => Self::Case.reads(kind) || kind == FactKind::Exposure,
            Self::Case => matches!(
                kind,
                FactKind::Diagnosis
                    | FactKind::IsolationStarted
                    | FactKind::Discharge
                    | FactKind::Death
                    | FactKind::IdentityLink
                    | FactKind::IdentityUnlink
            ),
        }
    }
}
