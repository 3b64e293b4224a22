//! Keeping projections and assessments current: what lies beyond a projection's watermark is the work that is owed.

mod explained;
mod neighbourhood;

use std::sync::Arc;

use rayon::prelude::*;
use serde_json::json;
use sizao_model::{
    Assessment, Colour, DivisionCode, Fact, FactBody, FactId, FactKind, Instant, Measure, MeasureKind, PersonId,
    id::AreaCode,
};
use sizao_policy::{Bearing, Dossier, FactIndex, Mention, PackTimeline, assess, bearing, mentions};
use sizao_store::{MentionEntry, MentionKey, StoredAssessment, StoredFact, sha256};

pub use self::explained::Explained;
use self::neighbourhood::Neighbourhood;
use crate::{App, AppError};

/// Facts that are read, indexed and assessed at a time.
const CHUNK: u64 = 20_000;
/// People who are assessed at a time.
const PEOPLE_CHUNK: usize = 10_000;

/// People of whom nothing says where they are.
const NOWHERE: DivisionCode = DivisionCode::HENAN;

const MENTION: &str = "mention";
const ASSESSMENT: &str = "assessment";

/// The packs by which a node assesses, with a digest of their texts and of the engine.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Packs of every disease, by the time from which they are in force.
    pub timeline: Arc<PackTimeline>,
    /// Digest of the packs' texts and of this program's version; part of every stored assessment.
    pub context: [u8; 32],
}

impl Rules {
    /// Rules from packs; `texts` are the files they were read from.
    pub fn new(timeline: PackTimeline, texts: &[&str]) -> Self {
        let mut parts: Vec<&[u8]> = vec![env!("CARGO_PKG_VERSION").as_bytes()];
        parts.extend(texts.iter().map(|text| text.as_bytes()));
        Self { timeline: Arc::new(timeline), context: sha256(&parts) }
    }
}

/// What a catch-up did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaughtUp {
    /// Facts read.
    pub facts: u64,
    /// People assessed.
    pub assessed: u64,
    /// Assessments stored: of people under measures, with classes or offers. A person without a row has none of these.
    pub stored: u64,
    /// Facts that do not fit their seal and were not read.
    pub refused: u64,
}

/// One person's assessment with the facts it rests on.
#[derive(Clone, Debug)]
pub struct Assessed {
    /// The assessment.
    pub assessment: Assessment,
    /// Digest of the facts of the dossier.
    pub dossier: [u8; 32],
}

impl App {
    /// Brings index and assessments up to the end of the log. Calls `progress` with leaves assessed.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn catch_up(&self, mut progress: impl FnMut(u64)) -> Result<CaughtUp, AppError> {
        let mut done = CaughtUp::default();
        let size = self.store.size().await?;
        let indexed = self.store.watermark(MENTION).await?;
        let mut from = self.store.watermark(ASSESSMENT).await?.min(indexed);
        while from < size {
            let to = (from + CHUNK).min(size);
            let facts = self.load(from, to, &mut done).await?;
            if to > indexed {
                self.index_mentions(&facts, to).await?;
            }
            self.assess_changed(&facts, to, &mut done).await?;
            from = to;
            progress(from);
        }
        Ok(done)
    }

    /// The assessment of one person, computed from the facts as they are known at `known_at`.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn assess(&self, person: PersonId, known_at: Instant, at: Instant) -> Result<Assessed, AppError> {
        self.catch_up(|_| {}).await?;
        let mut around = Neighbourhood::new(&self.store);
        around.gather(&[person]).await?;
        let facts = around.facts();
        let index = FactIndex::new(facts);
        Ok(assessed(&index.dossier(person), &self.rules, known_at, at))
    }

    /// Forgets everything derived and makes it again from the log.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn rebuild(&self, progress: impl FnMut(u64)) -> Result<CaughtUp, AppError> {
        self.store.clear_projections().await?;
        self.catch_up(progress).await
    }

    /// Assesses these people again, for whatever reason: their facts were erased, another pack is in force.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn reassess(&self, people: &[PersonId]) -> Result<CaughtUp, AppError> {
        let mut done = CaughtUp::default();
        for people in people.chunks(PEOPLE_CHUNK) {
            let mut around = Neighbourhood::new(&self.store);
            around.gather(people).await?;
            self.save(people.to_vec(), around, None, &mut done).await?;
        }
        Ok(done)
    }

    async fn index_mentions(&self, facts: &[StoredFact], to: u64) -> Result<(), AppError> {
        let keys = tokio::task::block_in_place(|| {
            let of_fact = |stored: &StoredFact| {
                let (fact, leaf) = (&stored.fact, stored.leaf);
                let (kind, bearing, city) = (fact.body.kind(), bearing(fact) as u8, city_of_stay(fact));
                keys_of(fact).map(move |key| MentionEntry { key, kind, leaf, bearing, city })
            };
            facts.par_iter().flat_map_iter(of_fact).collect()
        });
        self.store.save_mentions(keys, to).await?;
        Ok(())
    }

    /// Facts of these leaves; those that do not fit their seal are counted and left out.
    async fn load(&self, from: u64, to: u64, done: &mut CaughtUp) -> Result<Vec<StoredFact>, AppError> {
        let (facts, refused) = self.store.load_leaves_that_fit(from, to).await?;
        for error in &refused {
            tracing::error!(%error, "A fact was refused");
        }
        done.refused += refused.len() as u64;
        Ok(facts)
    }

    async fn assess_changed(&self, changed: &[StoredFact], to: u64, done: &mut CaughtUp) -> Result<(), AppError> {
        done.facts += changed.len() as u64;
        let changed = self.that_matter(changed).await?;
        let mut around = Neighbourhood::new(&self.store);
        around.take(changed.iter().map(|stored| (*stored).clone()));
        around.spread().await?;
        let mut people: Vec<PersonId> = {
            let index = FactIndex::new(around.facts());
            tokio::task::block_in_place(|| {
                changed.par_iter().flat_map_iter(|stored| index.concerned(&stored.fact)).collect()
            })
        };
        people.sort_unstable();
        people.dedup();
        around.gather(&people).await?;
        self.save(people, around, Some(to), done).await
    }

    /// Facts that can change anybody's assessment: strong ones, and slight ones of people whom a strong fact names or
    /// who stayed in a city where an area was declared.
    async fn that_matter<'f>(&self, changed: &'f [StoredFact]) -> Result<Vec<&'f StoredFact>, AppError> {
        let cities = self.cities_with_areas().await?;
        let is_strong = |fact: &Fact| match bearing(fact) {
            Bearing::Strong => true,
            Bearing::WithAreas => cities.contains(&city_of_stay(fact)),
            Bearing::Slight => false,
        };
        let slight: Vec<&Fact> = changed.iter().map(|stored| &stored.fact).filter(|fact| !is_strong(fact)).collect();
        let results: Vec<FactId> = slight.iter().filter_map(|fact| sample_of(fact)).collect();
        let subjects = self.store.subjects_of(&results).await?;
        let person_of = |fact: &Fact| fact.person.or_else(|| subjects.get(&sample_of(fact)?).copied());
        let mut people: Vec<PersonId> = slight.iter().filter_map(|fact| person_of(fact)).collect();
        people.sort_unstable();
        people.dedup();
        let mattering = self.store.people_who_matter(&people, Bearing::Strong as u8, &cities).await?;
        let matters = |stored: &&StoredFact| {
            let fact = &stored.fact;
            is_strong(fact) || person_of(fact).is_some_and(|person| mattering.contains(&person))
        };
        Ok(changed.iter().filter(matters).collect())
    }

    /// First four digits of every area that was ever declared; a province's declaration concerns all its cities.
    async fn cities_with_areas(&self) -> Result<Vec<u16>, AppError> {
        let declared = self.store.load_kinds(&[FactKind::AreaDeclared]).await?;
        let mut cities: Vec<u16> = declared
            .iter()
            .flat_map(|stored| mentions(&stored.fact))
            .filter_map(|mention| match mention {
                Mention::Area(area) => Some(area),
                _ => None,
            })
            .flat_map(|area| match city_of(&area) {
                Some(city) => city..=city,
                None => EVERYWHERE,
            })
            .collect();
        if !cities.is_empty() {
            cities.push(SOMEWHERE);
        }
        cities.sort_unstable();
        cities.dedup();
        Ok(cities)
    }

    async fn save(
        &self,
        people: Vec<PersonId>,
        around: Neighbourhood<'_>,
        upto: Option<u64>,
        done: &mut CaughtUp,
    ) -> Result<(), AppError> {
        let now = self.now();
        let known_leaf = self.store.size().await?;
        let facts = around.facts();
        let divisions = around.divisions();
        let rows: Vec<StoredAssessment> = tokio::task::block_in_place(|| {
            let index = FactIndex::new(facts);
            let each = people.par_iter().map(|person| assessed(&index.dossier(*person), &self.rules, now, now));
            each.map(|assessed| {
                let division = divisions.get(&assessed.assessment.person).copied().unwrap_or(NOWHERE);
                self.row(assessed, division, known_leaf)
            })
            .collect()
        });
        done.assessed += people.len() as u64;
        let (rows, silent): (Vec<_>, Vec<_>) = rows.into_iter().partition(says_something);
        let silent: Vec<PersonId> = silent.into_iter().map(|row| row.person).collect();
        let gone = self.store.stored_among(&silent).await?.into_iter().collect();
        done.stored += rows.len() as u64;
        self.store.save_assessments(rows, gone, upto).await?;
        Ok(())
    }

    fn row(&self, assessed: Assessed, division: DivisionCode, known_leaf: u64) -> StoredAssessment {
        let Assessed { assessment, dossier } = assessed;
        let now = self.now();
        let active = assessment.measures.iter().filter(|measure| measure.is_active(now));
        StoredAssessment {
            person: assessment.person,
            division,
            colour: assessment.colour.map_or(0, |colour| match colour {
                Colour::Green => 1,
                Colour::Yellow => 2,
                Colour::Red => 3,
            }),
            strictness: active.map(|measure| i64::from(MeasureKind::strictness(measure.kind()))).max().unwrap_or(0),
            ends_at: assessment.measures.iter().map(|measure| measure.ends_at()).max(),
            next_change_at: assessment.next_change_at,
            known_leaf,
            dossier,
            context: self.rules.context,
            answer: json!(assessment).to_string(),
        }
    }
}

/// Where a stay was whose area is larger than a city: it matters once any area was declared.
const SOMEWHERE: u16 = 1;
/// Every four-digit city.
const EVERYWHERE: std::ops::RangeInclusive<u16> = 1000..=9999;

/// First four digits of an area, unless it is larger than a city.
fn city_of(area: &AreaCode) -> Option<u16> {
    area.as_str().get(..4)?.parse().ok()
}

/// First four digits of where a stay was, else 0.
fn city_of_stay(fact: &Fact) -> u16 {
    match &fact.body {
        FactBody::Stay(stay) => city_of(&stay.area).unwrap_or(SOMEWHERE),
        _ => 0,
    }
}

/// The sample of a result.
fn sample_of(fact: &Fact) -> Option<FactId> {
    match &fact.body {
        FactBody::TestResult(result) => result.sample,
        _ => None,
    }
}

/// The assessment of a dossier, with the digest of the facts in it.
fn assessed(dossier: &Dossier<'_>, rules: &Rules, known_at: Instant, at: Instant) -> Assessed {
    let mut ids: Vec<FactId> = dossier.facts.iter().map(|fact| fact.id).collect();
    ids.sort_unstable();
    let parts: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    let mut assessment = assess(dossier, &rules.timeline, known_at, at);
    // In one order whatever the order of the facts, so that a rebuild gives the same bytes.
    let order = |measure: &Measure| (measure.starts_at(), measure.ends_at(), measure.kind(), measure.because()[0]);
    assessment.measures.sort_by_key(order);
    assessment.classes.sort_unstable();
    assessment.offers.sort_unstable();
    Assessed { assessment, dossier: sha256(&parts) }
}

/// Whether an assessment says more than "nothing known".
fn says_something(row: &StoredAssessment) -> bool {
    row.ends_at.is_some() || !row.answer.contains(r#""classes":[]"#) || row.answer.contains(r#""offers""#)
}

/// The keys under which the index finds a fact: the person it is about, and whatever it refers to.
fn keys_of(fact: &Fact) -> impl Iterator<Item = MentionKey> + use<> {
    fact.person.map(MentionKey::about).into_iter().chain(mentions(fact).map(key_of))
}

/// Areas are compared within their city, so that is where the index finds them.
fn key_of(mention: Mention) -> MentionKey {
    match mention {
        Mention::Person(person) => MentionKey::named(person),
        Mention::Fact(fact) => MentionKey::fact(fact),
        Mention::Pool(pool) => MentionKey::pool(&pool),
        Mention::Site(site) => MentionKey::site(&site),
        Mention::Area(area) => MentionKey::area(&area),
    }
}
