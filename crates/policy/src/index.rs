//! Facts in memory, found by person and by what they mention. Gathers dossiers, and says whom a new fact concerns.

mod concerned;
mod gather;
mod mentions;

use std::{collections::BTreeMap, ops::Bound};

pub use mentions::{Mention, mentions};
use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::{Fact, FactBody, FactId, PersonId, fact::LinkBasis};

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
    mentioning: FxHashMap<Mention, Vec<usize>>,
    /// Stays, declarations and endings (and corrections of these) by area code, for look-ups by prefix.
    by_area: BTreeMap<Box<str>, Vec<usize>>,
}

/// Areas are compared within their city: the first four digits.
const CITY_DIGITS: usize = 4;

impl<'a> FactIndex<'a> {
    /// An index of these facts.
    pub fn new(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut index = Self::default();
        facts.into_iter().for_each(|fact| index.push(fact));
        index
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
        for mention in mentions(fact) {
            match mention {
                Mention::Area(area) => self.by_area.entry(area.0).or_default().push(at),
                mention => self.mentioning.entry(mention).or_default().push(at),
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

    fn fact(&self, at: usize) -> &'a Fact {
        self.facts[at]
    }

    fn with_id(&self, id: FactId) -> Option<&'a Fact> {
        self.by_id.get(&id).map(|at| self.facts[*at])
    }

    fn mentioning(&self, mention: &Mention) -> impl Iterator<Item = &'a Fact> + use<'_, 'a> {
        self.mentioning.get(mention).into_iter().flatten().map(|at| self.facts[*at])
    }

    /// The facts about a person, as recorded and as corrected.
    fn of_person(&self, person: PersonId) -> impl Iterator<Item = &'a Fact> {
        let own = self.by_person.get(&person).into_iter().flatten().map(|at| self.facts[*at]);
        let moved = self.mentioning(&Mention::Person(person)).filter_map(move |fact| match &fact.body {
            FactBody::Correction(correction) if correction.person == Some(person) => self.with_id(correction.of),
            _ => None,
        });
        own.chain(moved)
    }

    /// Facts about areas in the city of this code, or in this larger division, or larger and around it.
    fn near_area<'s>(&'s self, code: &'s str) -> impl Iterator<Item = &'a Fact> + 's {
        let city = code.get(..CITY_DIGITS).unwrap_or(code);
        let within = self
            .by_area
            .range::<str, _>((Bound::Included(city), Bound::Unbounded))
            .take_while(move |(area, _)| area.starts_with(city));
        let around = (1..city.len()).filter_map(|digits| self.by_area.get_key_value(city.get(..digits)?));
        within.chain(around).flat_map(|(_, facts)| facts).map(|at| self.fact(*at))
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
        let mentioned = self.mentioning(&Mention::Person(person)).filter_map(|fact| match &fact.body {
            FactBody::Correction(correction) => self.with_id(correction.of),
            _ => Some(fact),
        });
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

    fn corrections(&self, id: FactId) -> impl Iterator<Item = &'a Fact> {
        self.mentioning(&Mention::Fact(id))
            .filter(move |fact| matches!(&fact.body, FactBody::Correction(correction) if correction.of == id))
    }
}
