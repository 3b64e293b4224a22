//! Facts in memory, found by person and by what they mention. Gathers dossiers, and says whom a new fact concerns.

mod concerned;
mod gather;
mod mentions;

use std::{collections::BTreeMap, ops::Bound};

pub use concerned::{Reach, reach};
pub use mentions::{Mention, mentions};
use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::{Fact, FactBody, FactId, FactKind, PersonId, fact::LinkBasis};

use crate::Dossier;

/// Facts by person and by what they mention.
///
/// A dossier gathered here holds every fact that [`assess`](crate::assess) could read for the person, whatever the
/// packs; [`FactIndex::concerned`] names every person whose assessment a fact can change.
#[derive(Clone, Debug, Default)]
pub struct FactIndex<'a> {
    facts: Vec<&'a Fact>,
    by_id: FxHashMap<FactId, usize>,
    by_person: FxHashMap<PersonId, Vec<usize>>,
    /// By the kind of the fact that mentions, and what it mentions: a superspreader's many contacts do not slow down
    /// the look-up of links.
    mentioning: FxHashMap<(FactKind, Mention), Vec<usize>>,
    /// Declarations and endings of areas, and corrections that name an area, by code.
    areas: ByArea,
    /// Stays, and corrections that name an area, by code.
    stays: ByArea,
    /// What is not here is on record nowhere.
    is_whole: bool,
}

/// Facts by area code, for look-ups by prefix.
type ByArea = BTreeMap<Box<str>, Vec<usize>>;

/// Areas are compared within their city: the first four digits.
const CITY_DIGITS: usize = 4;

impl<'a> FactIndex<'a> {
    /// An index of these facts.
    pub fn new(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut index = Self::default();
        facts.into_iter().for_each(|fact| index.push(fact));
        index
    }

    /// An index of facts that a store read with all that they name: what is named and is not here is on record nowhere.
    /// A declaration of an area whose evidence is nowhere is in no dossier then.
    pub fn of_store(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        Self { is_whole: true, ..Self::new(facts) }
    }

    /// Adds a fact. One that is there already, by id, changes nothing.
    pub fn push(&mut self, fact: &'a Fact) {
        if self.by_id.contains_key(&fact.id) {
            return;
        }
        let at = self.facts.len();
        self.facts.push(fact);
        self.by_id.insert(fact.id, at);
        if let Some(person) = fact.person {
            self.by_person.entry(person).or_default().push(at);
        }
        let kind = fact.body.kind();
        for mention in mentions(fact) {
            if let Mention::Area(area) = mention {
                if kind != FactKind::Stay {
                    self.areas.entry(area.0.clone()).or_default().push(at);
                }
                if matches!(kind, FactKind::Stay | FactKind::Correction) {
                    self.stays.entry(area.0).or_default().push(at);
                }
            } else {
                self.mentioning.entry((kind, mention)).or_default().push(at);
            }
        }
        // A correction moves a fact to another person: that person's facts include it.
        if let FactBody::Correction(correction) = &fact.body
            && let Some(person) = correction.person
        {
            self.by_person.entry(person).or_default();
        }
    }

    /// Everybody who is the subject of a fact, is linked to one, or to whom a correction moves a fact; sorted.
    pub fn persons(&self) -> impl Iterator<Item = PersonId> {
        let linked = self.facts.iter().filter_map(|fact| match &fact.body {
            FactBody::IdentityLink(link) => Some(link.other),
            _ => None,
        });
        let mut persons: Vec<PersonId> = self.by_person.keys().copied().chain(linked).collect();
        persons.sort_unstable();
        persons.dedup();
        persons.into_iter()
    }

    /// Gathers the dossier of a person.
    pub fn dossier(&self, person: PersonId) -> Dossier<'a> {
        Dossier { person, facts: gather::gather(self, person) }
    }

    /// Everybody whose assessment a fact of this index can change; sorted.
    ///
    /// Some of them may turn out unchanged; nobody else changes.
    pub fn concerned(&self, fact: &Fact) -> Vec<PersonId> {
        concerned::concerned(self, fact)
    }

    fn with_id(&self, id: FactId) -> Option<&'a Fact> {
        self.by_id.get(&id).map(|at| self.facts[*at])
    }

    /// The facts of a kind that mention something.
    fn mentioning(&self, kind: FactKind, mention: Mention) -> impl Iterator<Item = &'a Fact> + use<'_, 'a> {
        self.mentioning.get(&(kind, mention)).into_iter().flatten().map(|at| self.facts[*at])
    }

    /// The facts about a person, as recorded and as corrected.
    fn of_person(&self, person: PersonId) -> impl Iterator<Item = &'a Fact> {
        let own = self.by_person.get(&person).into_iter().flatten().map(|at| self.facts[*at]);
        let moved =
            self.mentioning(FactKind::Correction, Mention::Person(person)).filter_map(move |fact| match &fact.body {
                FactBody::Correction(correction) if correction.person == Some(person) => self.with_id(correction.of),
                _ => None,
            });
        own.chain(moved)
    }

    /// Facts about areas near this code.
    fn areas_near<'s>(&'s self, code: &'s str) -> impl Iterator<Item = &'a Fact> + 's {
        near(&self.areas, code).map(|at| self.facts[at])
    }

    /// Stays near this code.
    fn stays_near<'s>(&'s self, code: &'s str) -> impl Iterator<Item = &'a Fact> + 's {
        near(&self.stays, code).map(|at| self.facts[at])
    }

    /// All records that links could join to a person, itself among them; automatic links join nothing.
    fn linked(&self, person: PersonId) -> FxHashSet<PersonId> {
        let mut group = FxHashSet::from_iter([person]);
        let mut open = vec![person];
        while let Some(person) = open.pop() {
            for link in self.links_of(person) {
                for end in self.ends(link) {
                    if group.insert(end) {
                        open.push(end);
                    }
                }
            }
        }
        group
    }

    /// Links that touch a person, as recorded or as corrected.
    fn links_of(&self, person: PersonId) -> impl Iterator<Item = &'a Fact> {
        let corrected = self
            .mentioning(FactKind::Correction, Mention::Person(person))
            .filter_map(|fact| self.with_id(corrected_by(fact)?));
        let mentioned = self.mentioning(FactKind::IdentityLink, Mention::Person(person)).chain(corrected);
        self.of_person(person).chain(mentioned).filter(|fact| match &fact.body {
            FactBody::IdentityLink(link) => {
                link.basis != LinkBasis::Automatic || self.corrections(fact.id).next().is_some()
            }
            _ => false,
        })
    }

    fn ends(&self, link: &Fact) -> Vec<PersonId> {
        let mut ends: Vec<PersonId> = link.person.into_iter().collect();
        let corrections = self.corrections(link.id).flat_map(mentions);
        ends.extend(mentions(link).chain(corrections).filter_map(|mention| match mention {
            Mention::Person(person) => Some(person),
            _ => None,
        }));
        ends
    }

    fn corrections(&self, id: FactId) -> impl Iterator<Item = &'a Fact> + use<'_, 'a> {
        self.mentioning(FactKind::Correction, Mention::Fact(id)).filter(move |fact| corrected_by(fact) == Some(id))
    }
}

/// The fact that a correction is about.
fn corrected_by(fact: &Fact) -> Option<FactId> {
    match &fact.body {
        FactBody::Correction(correction) => Some(correction.of),
        _ => None,
    }
}

/// Everything in the city of a code, or in it if it is larger than a city, and what lies around it.
fn near<'s>(index: &'s ByArea, code: &'s str) -> impl Iterator<Item = usize> + 's {
    let city = code.get(..CITY_DIGITS).unwrap_or(code);
    let within = index
        .range::<str, _>((Bound::Included(city), Bound::Unbounded))
        .take_while(move |(area, _)| area.starts_with(city));
    let around = (1..city.len()).filter_map(move |digits| index.get_key_value(city.get(..digits)?));
    within.chain(around).flat_map(|(_, facts)| facts).copied()
}
