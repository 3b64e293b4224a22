//! Gathering a dossier: from the person outwards, as far as the rules look.

use rustc_hash::FxHashSet;
use sizao_model::{Fact, FactBody, FactKind, PersonId};

use super::{FactIndex, Mention, mentions};

/// How much of a person the rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Depth {
    /// A source case: illness, isolation, links.
    Case,
    /// A close contact or parent: also exposures and tests.
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
        for record in self.index.linked(person) {
            self.visited.insert((record, depth));
            let index = self.index;
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
        for other in index.mentioning(&Mention::Fact(fact.id)) {
            match &other.body {
                FactBody::Correction(correction) => {
                    self.take(other);
                    // It may concern this fact only after correction: a result of another sample.
                    if let Some(of) = index.with_id(correction.of) {
                        self.take(of);
                    }
                }
                FactBody::Confirmation(_) | FactBody::IdentityUnlink(_) | FactBody::TestResult(_) => self.take(other),
                _ => {}
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
                (Mention::Person(person), FactKind::Person) if depth == Depth::Own => {
                    self.visit(person, Depth::Contact)
                }
                (Mention::Pool(pool), FactKind::Sample) => {
                    for result in index.mentioning(&Mention::Pool(pool)) {
                        match &result.body {
                            FactBody::TestResult(_) => self.take(result),
                            FactBody::Correction(correction) => {
                                self.take(result);
                                index.with_id(correction.of).into_iter().for_each(|of| self.take(of));
                            }
                            _ => {}
                        }
                    }
                }
                (Mention::Site(site), FactKind::IsolationStarted | FactKind::IsolationMoved) if depth == Depth::Own => {
                    self.resets(&Mention::Site(site));
                }
                (Mention::Area(area), FactKind::Stay) if depth == Depth::Own => self.areas(area.as_str()),
                (Mention::Fact(id), FactKind::Extension) => {
                    index.with_id(id).into_iter().for_each(|fact| self.take(fact))
                }
                _ => {}
            }
        }
    }

    fn resets(&mut self, site: &Mention) {
        let index = self.index;
        for fact in index.mentioning(site) {
            let reset = match &fact.body {
                FactBody::SiteReset(_) => fact,
                FactBody::Correction(correction) => match index.with_id(correction.of) {
                    Some(of) if of.body.kind() == FactKind::SiteReset => of,
                    _ => continue,
                },
                _ => continue,
            };
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
        for fact in index.near_area(code) {
            match &fact.body {
                FactBody::AreaDeclared(_) | FactBody::AreaEnded(_) => self.take(fact),
                FactBody::Correction(correction) => {
                    if let Some(of) = index.with_id(correction.of)
                        && matches!(of.body.kind(), FactKind::AreaDeclared | FactKind::AreaEnded)
                    {
                        self.take(of);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Depth {
    /// Which kinds the rules read of such a person.
    fn reads(self, kind: FactKind) -> bool {
        match self {
            Self::Own => true,
            Self::Contact => Self::Case.reads(kind) || matches!(kind, FactKind::Exposure | FactKind::Sample),
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
