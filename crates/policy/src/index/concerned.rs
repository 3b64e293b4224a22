//! Whom a fact concerns: the way of the dossier, walked backwards.

use rustc_hash::FxHashSet;
use sizao_model::{Fact, FactBody, FactId, FactKind, PersonId};

use super::{FactIndex, Mention, corrected_by, mentions};

/// How far a fact about a person reaches: whose dossiers read it, besides that person's own.
///
/// The way of the dossier walked backwards: a dossier reads some kinds of facts about close contacts, and fewer about
/// the cases behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Nobody else's.
    Own,
    /// Those of people exposed to the person, and of children.
    Contacts,
    /// Those too of people exposed to these.
    ContactsOfContacts,
}

/// How far facts of a kind reach.
pub const fn reach(kind: FactKind) -> Reach {
    match kind {
        FactKind::Diagnosis
        | FactKind::IsolationStarted
        | FactKind::Discharge
        | FactKind::Death
        | FactKind::IdentityLink
        | FactKind::IdentityUnlink
        // What it corrects may be any of these.
        | FactKind::Correction => Reach::ContactsOfContacts,
        FactKind::Exposure | FactKind::Sample | FactKind::TestResult | FactKind::Confirmation => Reach::Contacts,
        _ => Reach::Own,
    }
}

pub(super) fn concerned(index: &FactIndex<'_>, fact: &Fact) -> Vec<PersonId> {
    let mut touched = Touched::default();
    touched.fact(index, fact, &mut FxHashSet::default());
    let spread = |persons: &FxHashSet<PersonId>| -> FxHashSet<PersonId> {
        persons.iter().flat_map(|person| index.linked(*person)).collect()
    };
    let cases = spread(&touched.as_case);
    let exposed_to_cases = spread(&exposed_to(index, &cases));
    let contacts: FxHashSet<PersonId> = spread(&touched.as_contact).union(&exposed_to_cases).copied().collect();
    let exposed_to_contacts = spread(&exposed_to(index, &contacts));
    let parents: FxHashSet<PersonId> = cases.union(&contacts).copied().collect();
    let children = spread(&dependents(index, &parents, FactKind::Person));
    let mut concerned: FxHashSet<PersonId> = spread(&touched.only);
    for group in [cases, contacts, exposed_to_contacts, children] {
        concerned.extend(group);
    }
    let mut sorted: Vec<PersonId> = concerned.into_iter().collect();
    sorted.sort_unstable();
    sorted
}

/// The persons a fact speaks of.
#[derive(Default)]
struct Touched {
    /// Whose facts dossiers read as those of a case.
    as_case: FxHashSet<PersonId>,
    /// Whose facts dossiers read as those of a contact or parent.
    as_contact: FxHashSet<PersonId>,
    /// Whom it concerns alone.
    only: FxHashSet<PersonId>,
}

impl Touched {
    fn fact(&mut self, index: &FactIndex<'_>, fact: &Fact, seen: &mut FxHashSet<FactId>) {
        if !seen.insert(fact.id) {
            return;
        }
        let kind = fact.body.kind();
        match reach(kind) {
            Reach::Own => &mut self.only,
            Reach::Contacts => &mut self.as_contact,
            Reach::ContactsOfContacts => &mut self.as_case,
        }
        .extend(fact.person);
        for mention in mentions(fact) {
            self.mention(index, fact, mention, seen);
        }
        // It may have been named before it was there: as evidence, as the fact corrected.
        for kind in [FactKind::Extension, FactKind::SiteReset, FactKind::AreaDeclared] {
            for other in index.mentioning(kind, Mention::Fact(fact.id)) {
                self.fact(index, other, seen);
            }
        }
        if kind != FactKind::Correction {
            for correction in index.mentioning(FactKind::Correction, Mention::Fact(fact.id)) {
                for mention in mentions(correction) {
                    self.mention(index, correction, mention, seen);
                }
            }
        }
    }

    fn mention(&mut self, index: &FactIndex<'_>, fact: &Fact, mention: Mention, seen: &mut FxHashSet<FactId>) {
        match (&fact.body, mention) {
            (FactBody::IdentityLink(_) | FactBody::Correction(_), Mention::Person(person)) => {
                self.as_case.insert(person);
            }
            (
                FactBody::TestResult(_)
                | FactBody::Confirmation(_)
                | FactBody::IdentityUnlink(_)
                | FactBody::Correction(_),
                Mention::Fact(id),
            ) => {
                if let Some(of) = index.with_id(id) {
                    self.fact(index, of, seen);
                }
            }
            (FactBody::TestResult(_) | FactBody::Correction(_), Mention::Pool(pool)) => {
                for kind in [FactKind::Sample, FactKind::Correction] {
                    for sample in index.mentioning(kind, Mention::Pool(pool.clone())) {
                        self.as_contact.extend(sample.person);
                        self.moved(index, sample);
                    }
                }
            }
            (FactBody::SiteReset(_) | FactBody::Correction(_), Mention::Site(site)) => {
                for kind in [FactKind::IsolationStarted, FactKind::IsolationMoved, FactKind::Correction] {
                    for place in index.mentioning(kind, Mention::Site(site.clone())) {
                        self.only.extend(place.person);
                        self.moved(index, place);
                    }
                }
            }
            (FactBody::AreaDeclared(_) | FactBody::AreaEnded(_) | FactBody::Correction(_), Mention::Area(area)) => {
                for stay in index.stays_near(area.as_str()) {
                    self.only.extend(stay.person);
                    self.moved(index, stay);
                }
            }
            _ => {}
        }
    }

    /// The person to whom a correction moves a fact, or whose fact a correction changes into one like it.
    fn moved(&mut self, index: &FactIndex<'_>, fact: &Fact) {
        let of = corrected_by(fact).and_then(|id| index.with_id(id));
        self.as_case.extend(of.and_then(|of| of.person));
        let base = of.map_or(fact.id, |of| of.id);
        for correction in index.corrections(base) {
            if let FactBody::Correction(correction) = &correction.body {
                self.as_case.extend(correction.person);
            }
        }
    }
}

/// Who has an exposure to one of these persons.
fn exposed_to(index: &FactIndex<'_>, persons: &FxHashSet<PersonId>) -> FxHashSet<PersonId> {
    dependents(index, persons, FactKind::Exposure)
}

/// Who has a fact of this kind that mentions one of these persons, as recorded or as corrected.
fn dependents(index: &FactIndex<'_>, persons: &FxHashSet<PersonId>, kind: FactKind) -> FxHashSet<PersonId> {
    let mut found = FxHashSet::default();
    for person in persons {
        let corrected = index
            .mentioning(FactKind::Correction, Mention::Person(*person))
            .filter_map(|correction| index.with_id(corrected_by(correction)?))
            .filter(|of| of.body.kind() == kind);
        for fact in index.mentioning(kind, Mention::Person(*person)).chain(corrected) {
            found.extend(fact.person);
            found.extend(index.corrections(fact.id).filter_map(|correction| match &correction.body {
                FactBody::Correction(correction) => correction.person,
                _ => None,
            }));
        }
    }
    found
}
