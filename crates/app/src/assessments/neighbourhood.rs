//! The facts around some people, read from the store by whole sets: never one query a person.
//!
//! What is read is a superset of what rules look at; `sizao_policy::FactIndex` picks each dossier out of it.

use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::{DivisionCode, Fact, FactBody, FactId, FactKind, PersonId};
use sizao_policy::{Mention, mentions};
use sizao_store::{MentionKey, Store, StoredFact};

use super::key_of;
use crate::AppError;

/// How far links and references are followed; a longer chain ends here and is logged.
const ROUNDS_MAX: usize = 12;
/// A person, whom that person's facts refer to, and whom theirs do: farther than that no rule looks.
const LEVELS: usize = 3;
/// Areas are compared within their city.
const CITY_DIGITS: usize = 4;

pub(super) struct Neighbourhood<'a> {
    store: &'a Store,
    facts: FxHashMap<FactId, StoredFact>,
    read: FxHashSet<MentionKey>,
    areas: Option<Vec<StoredFact>>,
}

impl<'a> Neighbourhood<'a> {
    pub(super) fn new(store: &'a Store) -> Self {
        Self { store, facts: FxHashMap::default(), read: FxHashSet::default(), areas: None }
    }

    /// Everything read so far.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.values().map(|stored| &stored.fact)
    }

    /// Where people are looked after: the division of the latest fact about each.
    pub(super) fn divisions(&self) -> FxHashMap<PersonId, DivisionCode> {
        let mut latest: FxHashMap<PersonId, (u64, DivisionCode)> = FxHashMap::default();
        for stored in self.facts.values() {
            if let Some(person) = stored.fact.person {
                let place = latest.entry(person).or_insert((stored.leaf, stored.division));
                if stored.leaf > place.0 {
                    *place = (stored.leaf, stored.division);
                }
            }
        }
        latest.into_iter().map(|(person, (_, division))| (person, division)).collect()
    }

    /// Reads whomever new facts may concern: the people they speak of, their contacts, and contacts of these.
    pub(super) async fn spread(&mut self, changed: impl Iterator<Item = &Fact>) -> Result<(), AppError> {
        let changed: Vec<&Fact> = changed.collect();
        let mut keys: Vec<MentionKey> = Vec::new();
        let mut named: Vec<FactId> = Vec::new();
        for fact in &changed {
            keys.extend(fact.person.map(MentionKey::person));
            keys.push(MentionKey::fact(fact.id));
            for mention in mentions(fact) {
                match mention {
                    Mention::Fact(id) => named.push(id),
                    Mention::Area(area) if is_about_areas(fact) => keys.extend(self.stays_near(area.as_str()).await?),
                    Mention::Area(_) => {}
                    mention => keys.push(key_of(mention)),
                }
            }
        }
        self.read(keys).await?;
        self.read_by_id(named).await?;
        // People of the facts named, then contacts, contacts of contacts, and children of either.
        for _ in 0..3 {
            let people: Vec<MentionKey> = self.people_and_subjects().map(MentionKey::person).collect();
            if !self.read(people).await? {
                break;
            }
        }
        Ok(())
    }

    /// Reads the dossiers of these people: their facts and whatever these refer to.
    pub(super) async fn gather(&mut self, people: &[PersonId]) -> Result<(), AppError> {
        self.read_areas().await?;
        self.read(people.iter().copied().map(MentionKey::person).collect()).await?;
        let mut inside: FxHashSet<PersonId> = people.iter().copied().collect();
        for level in 0..LEVELS {
            self.read_around(&mut inside).await?;
            if level + 1 < LEVELS {
                inside.extend(self.referred(&inside));
            }
        }
        Ok(())
    }

    /// Reads what the facts of these people refer to, over links, until nothing new comes.
    async fn read_around(&mut self, inside: &mut FxHashSet<PersonId>) -> Result<(), AppError> {
        for _ in 0..ROUNDS_MAX {
            let mut keys: Vec<MentionKey> = inside.iter().copied().map(MentionKey::person).collect();
            let mut named = Vec::new();
            let mut linked = Vec::new();
            for stored in self.facts.values().filter(|stored| concerns(&stored.fact, inside)) {
                keys.push(MentionKey::fact(stored.fact.id));
                let is_link = matches!(stored.fact.body, FactBody::IdentityLink(_));
                linked.extend(stored.fact.person.filter(|_| is_link));
                for mention in mentions(&stored.fact) {
                    match mention {
                        Mention::Fact(id) => named.push(id),
                        Mention::Person(person) if is_link => linked.push(person),
                        Mention::Person(_) | Mention::Area(_) => {}
                        mention => keys.push(key_of(mention)),
                    }
                }
            }
            inside.extend(linked);
            let more = self.read(keys).await? | self.read_by_id(named).await?;
            if !more {
                return Ok(());
            }
        }
        tracing::warn!("References were followed for {ROUNDS_MAX} rounds and go on");
        Ok(())
    }

    /// Reads facts that mention keys not read before; says whether any key was new.
    async fn read(&mut self, mut keys: Vec<MentionKey>) -> Result<bool, AppError> {
        keys.retain(|key| self.read.insert(key.clone()));
        if keys.is_empty() {
            return Ok(false);
        }
        let (found, refused) = self.store.load_mentioning(&keys).await?;
        for error in refused {
            tracing::error!(%error, "A fact was refused");
        }
        self.facts.extend(found.into_iter().map(|(_, stored)| (stored.fact.id, stored)));
        Ok(true)
    }

    async fn read_by_id(&mut self, mut ids: Vec<FactId>) -> Result<bool, AppError> {
        ids.retain(|id| !self.facts.contains_key(id));
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(false);
        }
        let found = self.store.load_facts(&ids).await?;
        let any = !found.is_empty();
        self.facts.extend(found.into_iter().map(|stored| (stored.fact.id, stored)));
        Ok(any)
    }

    /// Declarations and endings are few and concern every stay near them: all are read.
    async fn read_areas(&mut self) -> Result<(), AppError> {
        if self.areas.is_none() {
            let kinds = [FactKind::AreaDeclared, FactKind::AreaEnded, FactKind::SiteReset];
            let found = self.store.load_kinds(&kinds).await?;
            self.facts.extend(found.iter().map(|stored| (stored.fact.id, stored.clone())));
            self.areas = Some(found);
        }
        Ok(())
    }

    async fn stays_near(&self, area: &str) -> Result<Vec<MentionKey>, AppError> {
        let city = area.get(..CITY_DIGITS).unwrap_or(area);
        Ok(self.store.areas_mentioned_in(&city.into()).await?.iter().map(MentionKey::area).collect())
    }

    /// Everybody whom a fact read so far is about, or links, moves or exposes.
    fn people_and_subjects(&self) -> impl Iterator<Item = PersonId> + '_ {
        self.facts.values().flat_map(|stored| {
            let linked = matches!(stored.fact.body, FactBody::IdentityLink(_) | FactBody::Correction(_));
            let named = mentions(&stored.fact).filter_map(move |mention| match mention {
                Mention::Person(person) if linked => Some(person),
                _ => None,
            });
            stored.fact.person.into_iter().chain(named)
        })
    }

    /// People whom facts of those inside refer to.
    fn referred(&self, inside: &FxHashSet<PersonId>) -> Vec<PersonId> {
        let own = self.facts.values().filter(|stored| concerns(&stored.fact, inside));
        let named = own.flat_map(|stored| mentions(&stored.fact)).filter_map(|mention| match mention {
            Mention::Person(person) => Some(person),
            _ => None,
        });
        named.collect()
    }
}

/// Whether a fact is about somebody inside, or about nobody (a result, a correction): then what it names matters.
fn concerns(fact: &Fact, inside: &FxHashSet<PersonId>) -> bool {
    fact.person.is_none_or(|person| inside.contains(&person)) || matches!(fact.body, FactBody::IdentityLink(_))
}

fn is_about_areas(fact: &Fact) -> bool {
    matches!(fact.body, FactBody::AreaDeclared(_) | FactBody::AreaEnded(_) | FactBody::Correction(_))
}
