//! The facts around some people, read from the store by whole sets: never one query a person.
//!
//! What is read is a superset of what rules look at; `sizao_policy::FactIndex` picks each dossier out of it.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use sizao_model::{DivisionCode, Fact, FactBody, FactId, FactKind, Instant, PersonId};
use sizao_policy::{Attention, Mention, Reach, attention, looked_at_from, mentions, reach};
use sizao_store::{MentionKey, Store, StoredFact};

use super::{
    key_of,
    noted::Noted,
    opened::{Opened, Portion},
};
use crate::AppError;

/// How far links and references are followed; a longer chain ends here and is logged.
const ROUNDS_MAX: usize = 12;
/// Areas are compared within their city.
const CITY_DIGITS: usize = 4;

/// Facts that concern whomever the fact that they name concerns.
const SPEAKING_OF_ANOTHER: [FactKind; 4] =
    [FactKind::TestResult, FactKind::Confirmation, FactKind::IdentityUnlink, FactKind::Correction];
/// Facts that tie a person to another.
const LINKS: [FactKind; 3] = [FactKind::IdentityLink, FactKind::IdentityUnlink, FactKind::Correction];
/// Facts by which somebody depends on another: an exposure, a child, another identity.
const DEPENDENT: [FactKind; 4] = [FactKind::Exposure, FactKind::Person, FactKind::IdentityLink, FactKind::Correction];
/// What rules read of a source case.
const OF_A_CASE: [FactKind; 6] = [
    FactKind::Diagnosis,
    FactKind::IsolationStarted,
    FactKind::Discharge,
    FactKind::Death,
    FactKind::IdentityLink,
    FactKind::IdentityUnlink,
];
/// What rules read of a close contact or a parent.
const OF_A_CONTACT: [FactKind; 8] = [
    FactKind::Diagnosis,
    FactKind::IsolationStarted,
    FactKind::Discharge,
    FactKind::Death,
    FactKind::IdentityLink,
    FactKind::IdentityUnlink,
    FactKind::Exposure,
    FactKind::Sample,
];
/// What says something about everybody in a tube; the samples of the others do not.
const OF_A_POOL: [FactKind; 2] = [FactKind::TestResult, FactKind::Correction];
/// What is not read of somebody of whom little counts.
const IN_PART: u128 = bit(FactKind::Sample) | bit(FactKind::VaccineDose) | bit(FactKind::SymptomReport);
/// Everything.
const ALL: [FactKind; 0] = [];

pub(super) struct Neighbourhood<'a> {
    store: &'a Store,
    opened: &'a mut Opened,
    portion: Option<&'a Portion>,
    /// In the order in which they were read.
    facts: Vec<Arc<StoredFact>>,
    ids: FxHashSet<FactId>,
    /// Which kinds were read of each key: a bit a kind.
    read: FxHashMap<MentionKey, u128>,
    /// Facts before this one have all that refers to them.
    around: usize,
    areas_read: bool,
    loaded: usize,
    /// With it, what no strong fact names is not looked for.
    noted: Option<Arc<Noted>>,
}

/// The facts around some people.
pub(super) struct Around {
    facts: Vec<Arc<StoredFact>>,
}

impl Around {
    /// All of them.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.iter().map(|stored| &stored.fact)
    }

    /// How many.
    pub(super) const fn len(&self) -> usize {
        self.facts.len()
    }

    /// Where people are looked after: the division of the latest fact about each.
    pub(super) fn divisions(&self) -> FxHashMap<PersonId, DivisionCode> {
        let mut latest: FxHashMap<PersonId, (u64, DivisionCode)> = FxHashMap::default();
        for stored in &self.facts {
            if let Some(person) = stored.fact.person {
                let place = latest.entry(person).or_insert((stored.leaf, stored.division));
                if stored.leaf > place.0 {
                    *place = (stored.leaf, stored.division);
                }
            }
        }
        latest.into_iter().map(|(person, (_, division))| (person, division)).collect()
    }
}

impl<'a> Neighbourhood<'a> {
    /// Nothing yet. What is in `opened` or in the portion need not be read from the store.
    pub(super) fn new(store: &'a Store, opened: &'a mut Opened, portion: Option<&'a Portion>) -> Self {
        Self {
            store,
            opened,
            portion,
            facts: Vec::new(),
            ids: FxHashSet::default(),
            read: FxHashMap::default(),
            around: 0,
            areas_read: false,
            loaded: 0,
            noted: None,
        }
    }

    /// Everything read so far.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.facts.iter().map(|stored| &stored.fact)
    }

    /// Facts that were in memory nowhere.
    pub(super) const fn read_from_store(&self) -> usize {
        self.loaded
    }

    /// What was read; kept for the next people too.
    pub(super) fn finish(self) -> Around {
        for stored in &self.facts {
            self.opened.keep(stored);
        }
        Around { facts: self.facts }
    }

    /// Takes facts that were read elsewhere.
    pub(super) fn take(&mut self, facts: impl Iterator<Item = Arc<StoredFact>>) {
        for stored in facts {
            if self.ids.insert(stored.fact.id) {
                self.facts.push(stored);
            }
        }
    }

    /// Reads whomever the facts taken so far may concern: the people they speak of, their contacts, and contacts of
    /// these, each over links.
    ///
    /// - `many`: so many stays near an area are worth reading first what strong facts name.
    pub(super) async fn spread(&mut self, many: usize) -> Result<(), AppError> {
        // What is corrected is read first: it may be the declaration of an area.
        self.read_spoken_of().await?;
        let mut cities: FxHashSet<String> = FxHashSet::default();
        for fact in self.facts().filter(|fact| is_about_areas(fact)) {
            for mention in mentions(fact) {
                if let Mention::Area(area) = mention {
                    let area = area.as_str();
                    cities.insert(area.get(..CITY_DIGITS).unwrap_or(area).to_owned());
                }
            }
        }
        let mut keys: Vec<MentionKey> = Vec::new();
        for city in cities {
            keys.extend(self.store.areas_mentioned_in(&city.as_str().into()).await?.iter().map(MentionKey::area));
        }
        let before = self.facts.len();
        self.read(keys, &ALL).await?;
        if self.facts.len() - before >= many {
            self.noted = Some(Arc::new(Noted::read(self.store).await?));
        }
        self.read_spoken_of().await?;
        // Contacts of those who are read as cases, then contacts of those who are read as contacts.
        let mut own = self.subjects(Reach::Own, 0);
        let mut cases = self.subjects(Reach::ContactsOfContacts, 0);
        let mut contacts = self.subjects(Reach::Contacts, 0);
        let read = self.facts.len();
        self.read_links(&mut own).await?;
        self.read_dependents(&mut cases).await?;
        contacts.extend(self.subjects(Reach::Own, read));
        let read = self.facts.len();
        self.read_dependents(&mut contacts).await?;
        self.read_links(&mut self.subjects(Reach::Own, read)).await
    }

    /// Reads what the facts read so far speak of, and what speaks of them, until nothing new comes: of a correction the
    /// result, of that the sample, of that the person.
    async fn read_spoken_of(&mut self) -> Result<(), AppError> {
        let mut done = 0;
        for _ in 0..ROUNDS_MAX {
            if done == self.facts.len() {
                return Ok(());
            }
            let (mut keys, mut named) = (Vec::new(), Vec::new());
            for stored in &self.facts[done..] {
                let fact = &stored.fact;
                if self.may_be_named(fact) {
                    keys.push(MentionKey::fact(fact.id));
                }
                for mention in mentions(fact) {
                    match (mention, fact.body.kind()) {
                        (Mention::Fact(id), kind) if SPEAKING_OF_ANOTHER.contains(&kind) => named.push(id),
                        // A sample says nothing about the others in its tube; its result does.
                        (Mention::Pool(_), FactKind::Sample) => {}
                        (mention @ (Mention::Pool(_) | Mention::Site(_)), _) => keys.push(key_of(mention)),
                        _ => {}
                    }
                }
            }
            done = self.facts.len();
            self.read(keys, &ALL).await?;
            self.read_by_id(named).await?;
        }
        tracing::warn!("References were followed for {ROUNDS_MAX} rounds and go on");
        Ok(())
    }

    /// Reads who is exposed to these people, or their child.
    async fn read_dependents(&mut self, people: &mut FxHashSet<PersonId>) -> Result<(), AppError> {
        self.read_links(people).await?;
        self.read(people.iter().map(|person| MentionKey::named(*person)).collect(), &DEPENDENT).await
    }

    /// Reads the dossiers of these people: their facts and whatever these refer to.
    pub(super) async fn gather(&mut self, people: &[PersonId]) -> Result<(), AppError> {
        self.read_areas().await?;
        let mut inside: FxHashSet<PersonId> = people.iter().copied().collect();
        self.read(inside.iter().map(|person| MentionKey::about(*person)).collect(), &ALL).await?;
        self.read_links(&mut inside).await?;
        self.read_people(&inside, &ALL).await?;
        let contacts = self.referred(&inside);
        let contacts = self.read_as(contacts, &OF_A_CONTACT).await?;
        let beyond = self.referred(&contacts);
        self.read_as(beyond, &OF_A_CASE).await?;
        Ok(())
    }

    /// The same for many people, of most of whom little counts: their older samples, their doses and symptoms stay unread;
    /// see `sizao_policy::lean`.
    pub(super) async fn gather_some(
        &mut self,
        people: &[PersonId],
        noted: Option<&Arc<Noted>>,
    ) -> Result<(), AppError> {
        let Some(noted) = noted else { return self.gather(people).await };
        self.noted = Some(noted.clone());
        self.read_areas().await?;
        self.read_what_counts(people, noted).await?;
        let own: FxHashSet<PersonId> = people.iter().copied().collect();
        let mut inside = own.clone();
        self.read_links(&mut inside).await?;
        let linked: FxHashSet<PersonId> = inside.difference(&own).copied().collect();
        self.read_people(&linked, &ALL).await?;
        let mut contacts = self.referred(&inside);
        self.without_unconcerned_parents(&mut contacts).await?;
        let contacts = self.read_as(contacts, &OF_A_CONTACT).await?;
        let beyond = self.referred(&contacts);
        self.read_as(beyond, &OF_A_CASE).await?;
        Ok(())
    }

    /// Reads the facts about people that can count, as far as the index tells.
    async fn read_what_counts(&mut self, people: &[PersonId], noted: &Noted) -> Result<(), AppError> {
        let about = self.store.leaves_about(people).await?;
        let mut leaves = Vec::new();
        let mut samples = Vec::new();
        for (person, of_person) in &about {
            let counts_in_part = noted.counts_in_part(*person, of_person);
            for (leaf, kind) in of_person {
                match attention(*kind) {
                    Attention::FromThenOn if counts_in_part => samples.push((*person, *leaf)),
                    Attention::WithAllElse if counts_in_part => {}
                    _ => leaves.push(*leaf),
                }
            }
            let read = self.read.entry(MentionKey::about(*person)).or_default();
            *read |= if counts_in_part { !IN_PART } else { u128::MAX };
        }
        self.read_leaves(leaves).await?;
        let mut from: FxHashMap<PersonId, Instant> = FxHashMap::default();
        for fact in self.facts.iter().map(|stored| &stored.fact) {
            if let (Some(person), Some(since)) = (fact.person, looked_at_from(fact)) {
                from.entry(person).and_modify(|from| *from = since.min(*from)).or_insert(since);
            }
        }
        samples.retain(|(person, leaf)| from.get(person).is_some_and(|from| noted.may_be_sampled_since(*leaf, *from)));
        self.read_leaves(samples.into_iter().map(|(_, leaf)| leaf).collect()).await?;
        self.read_around().await
    }

    /// Leaves out parents whom no strong fact concerns: nothing follows from them for a child.
    async fn without_unconcerned_parents(&self, people: &mut FxHashSet<PersonId>) -> Result<(), AppError> {
        let mut parents: FxHashSet<PersonId> = FxHashSet::default();
        let mut others: FxHashSet<PersonId> = FxHashSet::default();
        for fact in self.facts() {
            let named = if fact.body.kind() == FactKind::Person { &mut parents } else { &mut others };
            named.extend(people_named(fact));
        }
        let parents: Vec<PersonId> = parents.difference(&others).copied().collect();
        let concerned = self.store.concerned_among(&parents).await?;
        for parent in parents.iter().filter(|parent| !concerned.contains(parent)) {
            people.remove(parent);
        }
        Ok(())
    }

    /// Whether another fact may name this one that matters to whom it is about: of a sample its result.
    fn may_be_named(&self, fact: &Fact) -> bool {
        self.noted.as_ref().is_none_or(|noted| fact.body.kind() == FactKind::Sample || noted.names(fact.id))
    }

    /// Reads some kinds of facts about people and those linked to them; all of these.
    async fn read_as(
        &mut self,
        mut people: FxHashSet<PersonId>,
        kinds: &[FactKind],
    ) -> Result<FxHashSet<PersonId>, AppError> {
        self.read_links(&mut people).await?;
        self.read_people(&people, kinds).await?;
        Ok(people)
    }

    async fn read_people(&mut self, people: &FxHashSet<PersonId>, kinds: &[FactKind]) -> Result<(), AppError> {
        self.read(people.iter().map(|person| MentionKey::about(*person)).collect(), kinds).await?;
        self.read_around().await
    }

    /// Reads links of people until nobody new comes; corrections that move facts to them too.
    async fn read_links(&mut self, people: &mut FxHashSet<PersonId>) -> Result<(), AppError> {
        for _ in 0..ROUNDS_MAX {
            let both = |person: &PersonId| [MentionKey::about(*person), MentionKey::named(*person)];
            let may_be_tied = |person: &&PersonId| self.noted.as_ref().is_none_or(|noted| noted.ties(**person));
            self.read(people.iter().filter(may_be_tied).flat_map(both).collect(), &LINKS).await?;
            let before = people.len();
            for stored in &self.facts {
                if let FactBody::IdentityLink(link) = &stored.fact.body {
                    let ends = [stored.fact.person, Some(link.other)];
                    if ends.iter().flatten().any(|end| people.contains(end)) {
                        people.extend(ends.into_iter().flatten());
                    }
                }
            }
            if people.len() == before {
                return Ok(());
            }
        }
        tracing::warn!("Identity links were followed for {ROUNDS_MAX} rounds and go on");
        Ok(())
    }

    /// Reads results, confirmations and corrections of the facts read, pools, resets, and the facts that these name,
    /// until nothing new comes.
    async fn read_around(&mut self) -> Result<(), AppError> {
        for _ in 0..ROUNDS_MAX {
            if self.around == self.facts.len() {
                return Ok(());
            }
            let mut keys = Vec::new();
            let mut pools = Vec::new();
            let mut named = Vec::new();
            for stored in &self.facts[self.around..] {
                let fact = &stored.fact;
                if self.may_be_named(fact) {
                    keys.push(MentionKey::fact(fact.id));
                }
                for mention in mentions(fact) {
                    match (mention, fact.body.kind()) {
                        (Mention::Fact(id), _) => named.push(id),
                        (Mention::Pool(pool), FactKind::Sample | FactKind::Correction) => {
                            pools.push(MentionKey::pool(&pool));
                        }
                        _ => {}
                    }
                }
            }
            self.around = self.facts.len();
            // All kinds: few facts name a fact, and one range of the index is read faster than several.
            self.read(keys, &ALL).await?;
            self.read(pools, &OF_A_POOL).await?;
            self.read_by_id(named).await?;
        }
        tracing::warn!("References were followed for {ROUNDS_MAX} rounds and go on");
        Ok(())
    }

    /// Reads facts of some kinds that mention keys.
    async fn read(&mut self, mut keys: Vec<MentionKey>, kinds: &[FactKind]) -> Result<(), AppError> {
        let wanted = kinds.iter().fold(0, |kinds, kind| kinds | bit(*kind));
        let wanted = if kinds.is_empty() { u128::MAX } else { wanted };
        keys.retain(|key| {
            let read = self.read.entry(key.clone()).or_default();
            let is_new = *read & wanted != wanted;
            *read |= wanted;
            is_new
        });
        if keys.is_empty() {
            return Ok(());
        }
        let leaves = self.store.leaves_mentioning(keys, kinds).await?;
        self.read_leaves(leaves).await
    }

    async fn read_leaves(&mut self, mut leaves: Vec<u64>) -> Result<(), AppError> {
        leaves.sort_unstable();
        let mut found = Vec::with_capacity(leaves.len());
        let mut missing = Vec::new();
        for leaf in leaves {
            match self.opened.at(self.portion, leaf) {
                Some(stored) => found.push(stored.clone()),
                None => missing.push(leaf),
            }
        }
        let (loaded, refused) = self.store.load_at(&missing).await?;
        for error in refused {
            tracing::error!(%error, "A fact was refused");
        }
        self.loaded += loaded.len();
        self.take(found.into_iter().chain(loaded.into_iter().map(Arc::new)));
        Ok(())
    }

    async fn read_by_id(&mut self, mut ids: Vec<FactId>) -> Result<(), AppError> {
        ids.retain(|id| !self.ids.contains(id));
        ids.sort_unstable();
        ids.dedup();
        let mut found = Vec::with_capacity(ids.len());
        ids.retain(|id| match self.opened.with_id(self.portion, *id) {
            Some(stored) => {
                found.push(stored.clone());
                false
            }
            None => true,
        });
        let loaded = self.store.load_facts(&ids).await?;
        self.loaded += loaded.len();
        self.take(found.into_iter().chain(loaded.into_iter().map(Arc::new)));
        Ok(())
    }

    /// Declarations, endings and resets are few and concern everybody near: all are read.
    async fn read_areas(&mut self) -> Result<(), AppError> {
        if !self.areas_read {
            self.areas_read = true;
            let kinds = [FactKind::AreaDeclared, FactKind::AreaEnded, FactKind::SiteReset];
            let found = self.store.load_kinds(&kinds).await?;
            self.take(found.into_iter().map(Arc::new));
        }
        Ok(())
    }

    /// Everybody about whom a fact was read that reaches at least so far, or whom such a fact links or moves; of the
    /// facts from number `from` on.
    fn subjects(&self, least: Reach, from: usize) -> FxHashSet<PersonId> {
        let mut people = FxHashSet::default();
        let facts = self.facts[from..].iter().map(|stored| &stored.fact);
        for fact in facts.filter(|fact| reach(fact.body.kind()) >= least) {
            people.extend(fact.person);
            if matches!(fact.body, FactBody::IdentityLink(_) | FactBody::Correction(_)) {
                people.extend(people_named(fact));
            }
        }
        people
    }

    /// People whom facts about those inside, or corrections, refer to: cases, contacts, parents. Some may be inside
    /// themselves: that one fact about them was read does not mean that those which matter were.
    fn referred(&self, inside: &FxHashSet<PersonId>) -> FxHashSet<PersonId> {
        let own = self.facts().filter(|fact| fact.person.is_none_or(|person| inside.contains(&person)));
        own.flat_map(people_named).collect()
    }
}

/// The place of a kind in a set of kinds.
const fn bit(kind: FactKind) -> u128 {
    1 << kind.code()
}

pub(super) fn people_named(fact: &Fact) -> impl Iterator<Item = PersonId> + use<> {
    mentions(fact).filter_map(|mention| match mention {
        Mention::Person(person) => Some(person),
        _ => None,
    })
}

fn is_about_areas(fact: &Fact) -> bool {
    matches!(fact.body, FactBody::AreaDeclared(_) | FactBody::AreaEnded(_) | FactBody::Correction(_))
}
