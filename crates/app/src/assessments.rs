//! Keeping projections and assessments current: what lies beyond a projection's watermark is the work that is owed.

mod neighbourhood;

use std::sync::Arc;

use rayon::prelude::*;
use serde_json::json;
use sizao_model::{Assessment, Colour, DivisionCode, Fact, FactId, Instant, MeasureKind, PersonId};
use sizao_policy::{Dossier, FactIndex, Mention, PackTimeline, assess, mentions};
use sizao_store::{MentionKey, StoredAssessment, StoredFact, sha256};

use self::neighbourhood::Neighbourhood;
use crate::{App, AppError};

/// Facts that are indexed in one transaction.
const INDEX_CHUNK: u64 = 20_000;
/// Facts whose people are assessed at a time.
const ASSESS_CHUNK: u64 = 10_000;

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
    /// Assessments stored: of people under measures, with classes or offers, or whose stored one has ended.
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
        self.index_mentions(&mut done).await?;
        let size = self.store.watermark(MENTION).await?;
        let mut from = self.store.watermark(ASSESSMENT).await?;
        while from < size {
            let to = (from + ASSESS_CHUNK).min(size);
            let changed = self.load(from, to, &mut done).await?;
            self.assess_changed(&changed, to, &mut done).await?;
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
        for people in people.chunks(ASSESS_CHUNK as usize) {
            let mut around = Neighbourhood::new(&self.store);
            around.gather(people).await?;
            self.save(people.to_vec(), around, None, &mut done).await?;
        }
        Ok(done)
    }

    async fn index_mentions(&self, done: &mut CaughtUp) -> Result<(), AppError> {
        let size = self.store.size().await?;
        let mut from = self.store.watermark(MENTION).await?;
        while from < size {
            let to = (from + INDEX_CHUNK).min(size);
            let facts = self.load(from, to, done).await?;
            let keys = tokio::task::block_in_place(|| {
                facts.par_iter().flat_map_iter(|stored| keys_of(&stored.fact).map(|key| (key, stored.leaf))).collect()
            });
            self.store.save_mentions(keys, to).await?;
            from = to;
        }
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
        let mut around = Neighbourhood::new(&self.store);
        around.spread(changed.iter().map(|stored| &stored.fact)).await?;
        let people = {
            let facts = around.facts();
            let index = FactIndex::new(facts);
            let mut people: Vec<PersonId> = tokio::task::block_in_place(|| {
                changed.par_iter().flat_map_iter(|stored| index.concerned(&stored.fact)).collect()
            });
            people.sort_unstable();
            people.dedup();
            people
        };
        around.gather(&people).await?;
        done.facts += changed.len() as u64;
        self.save(people, around, Some(to), done).await
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
        let stored_before = self.store.stored_among(&people).await?;
        let rows: Vec<StoredAssessment> =
            rows.into_iter().filter(|row| says_something(row) || stored_before.contains(&row.person)).collect();
        done.stored += rows.len() as u64;
        self.store.save_assessments(rows, upto).await?;
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

/// The assessment of a dossier, with the digest of the facts in it.
fn assessed(dossier: &Dossier<'_>, rules: &Rules, known_at: Instant, at: Instant) -> Assessed {
    let mut ids: Vec<FactId> = dossier.facts.iter().map(|fact| fact.id).collect();
    ids.sort_unstable();
    let parts: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    Assessed { assessment: assess(dossier, &rules.timeline, known_at, at), dossier: sha256(&parts) }
}

/// Whether an assessment says more than "nothing known".
fn says_something(row: &StoredAssessment) -> bool {
    row.ends_at.is_some() || !row.answer.contains(r#""classes":[]"#) || row.answer.contains(r#""offers""#)
}

/// The keys under which the index finds a fact: the person it is about, and whatever it refers to.
fn keys_of(fact: &Fact) -> impl Iterator<Item = MentionKey> + use<> {
    fact.person.map(MentionKey::person).into_iter().chain(mentions(fact).map(key_of))
}

/// Areas are compared within their city, so that is where the index finds them.
fn key_of(mention: Mention) -> MentionKey {
    match mention {
        Mention::Person(person) => MentionKey::person(person),
        Mention::Fact(fact) => MentionKey::fact(fact),
        Mention::Pool(pool) => MentionKey::pool(&pool),
        Mention::Site(site) => MentionKey::site(&site),
        Mention::Area(area) => MentionKey::area(&area),
    }
}
