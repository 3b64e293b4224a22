//! Keeping projections and assessments current: what lies beyond a projection's watermark is the work that is owed.

mod assessing;
mod explained;
mod laid_out;
mod neighbourhood;
mod noted;
mod opened;

use std::sync::{Arc, atomic::Ordering};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sizao_model::{
    Assessment, Colour, DivisionCode, Fact, FactBody, FactId, FactKind, Instant, Measure, MeasureKind, PersonId,
    id::AreaCode,
};
use sizao_policy::{Bearing, Dossier, FactIndex, Mention, PackTimeline, assess, bearing, lean, mentions};
use sizao_store::{MentionEntry, MentionKey, SAMPLED_BLOCK, SampledBlock, StoredAssessment, StoredFact, sha256};

pub use self::explained::Explained;
pub(crate) use self::{assessing::Assessing, opened::Recent};
use self::{
    neighbourhood::{Around, Neighbourhood, people_named},
    noted::Noted,
    opened::{Opened, Portion},
};
use crate::{App, AppError, packs::may_change_packs};

/// Facts that are indexed and assessed at a time: a person with several new facts is assessed once.
pub(crate) const PORTION: u64 = 1 << 17;
/// Facts that are read at a time.
const READ_AT_A_TIME: u64 = 1 << 14;
/// People who are assessed at a time.
const PEOPLE_CHUNK: usize = 4_096;

/// People to assess for whom it is worth reading first what strong facts name.
pub(crate) const MANY: usize = 1 << 14;

/// People of whom nothing says where they are.
const NOWHERE: DivisionCode = DivisionCode::HENAN;

const MENTION: &str = "mention";
const ASSESSMENT: &str = "assessment";

/// What a catch-up did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

impl std::ops::AddAssign for CaughtUp {
    fn add_assign(&mut self, more: Self) {
        self.facts += more.facts;
        self.assessed += more.assessed;
        self.stored += more.stored;
        self.refused += more.refused;
    }
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
    /// Brings index and assessments up to the end of the log. Calls `progress` with leaves read.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn catch_up(&self, progress: impl FnMut(u64)) -> Result<CaughtUp, AppError> {
        let mut assessing = self.assessing.lock().await;
        let _alone = self.store.lease_assessing().await?;
        let mut done = self.read_on(&mut assessing, progress).await?;
        if assessing.owed.is_behind() {
            self.settle(&mut assessing, None, &mut done).await?;
        }
        Ok(done)
    }

    /// As [`App::catch_up`], for use while many facts come in: whom they concern may stay owed for some portions, in
    /// memory, so that somebody with facts in each is assessed once.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn keep_up(&self) -> Result<CaughtUp, AppError> {
        let mut assessing = self.assessing.lock().await;
        let _alone = self.store.lease_assessing().await?;
        self.read_on(&mut assessing, |_| {}).await
    }

    /// Reads the log to its end: indexes what facts mention and notes whom they concern.
    async fn read_on(&self, assessing: &mut Assessing, mut progress: impl FnMut(u64)) -> Result<CaughtUp, AppError> {
        let mut done = CaughtUp::default();
        // An adoption among the facts read changes what is owed for the others: then once more.
        loop {
            if self.follow_packs(&mut done).await? == sizao_store::Owed::Everything {
                assessing.owed.forget();
            }
            if !self.read_log(assessing, &mut progress, &mut done).await? {
                return Ok(done);
            }
        }
    }

    /// Reads what is new in the log; whether anything in it may change which packs are in force.
    async fn read_log(
        &self,
        assessing: &mut Assessing,
        progress: &mut impl FnMut(u64),
        done: &mut CaughtUp,
    ) -> Result<bool, AppError> {
        let mut packs_may_change = false;
        let size = self.store.size().await?;
        let indexed = self.store.watermark(MENTION).await?;
        let assessed = self.store.watermark(ASSESSMENT).await?.min(indexed);
        let mut from = assessing.owed.resume(assessed);
        while from < size {
            let to = (from + PORTION).min(size);
            let portion = Portion::new(self.load(from, to, done).await?);
            if portion.facts().iter().any(|stored| stored.fact.body.kind() == FactKind::Erasure) {
                assessing.opened.forget();
            }
            if to > indexed {
                self.index_mentions(&portion, from, to).await?;
            }
            packs_may_change |= portion.facts().iter().any(|stored| may_change_packs(stored.fact.body.kind()));
            self.note_concerned(&portion, assessing, to).await?;
            done.facts += portion.facts().len() as u64;
            if assessing.owed.is_due() {
                self.settle(assessing, Some(&portion), done).await?;
            }
            from = to;
            progress(from);
        }
        Ok(packs_may_change)
    }

    /// The assessment of one person, computed from the facts as they are known at `known_at`.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn assess(&self, person: PersonId, known_at: Instant, at: Instant) -> Result<Assessed, AppError> {
        self.catch_up(|_| {}).await?;
        let mut opened = Opened::default();
        let mut around = Neighbourhood::new(&self.store, &mut opened, None);
        around.gather(&[person]).await?;
        let index = FactIndex::of_store(around.facts());
        let rules = self.rules_known(known_at);
        Ok(assessed(&index.dossier(person), &rules.timeline, known_at, at))
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
        let noted = self.noted_for(people.len()).await?;
        for people in people.chunks(PEOPLE_CHUNK) {
            let mut opened = Opened::default();
            let mut around = Neighbourhood::new(&self.store, &mut opened, None);
            around.gather_some(people, noted.as_ref()).await?;
            done += self.save(people, &around.finish()).await?;
        }
        Ok(done)
    }

    /// The facts of the leaves `[from, to)`; those that do not fit their seal are counted and left out.
    async fn load(&self, from: u64, to: u64, done: &mut CaughtUp) -> Result<Vec<Arc<StoredFact>>, AppError> {
        if let Some(recent) = self.recent.lock().expect("no thread panics with it").take(from, to) {
            return Ok(recent);
        }
        let mut loaded = Vec::with_capacity((to - from) as usize);
        for from in (from..to).step_by(READ_AT_A_TIME as usize) {
            let (facts, refused) = self.store.load_leaves_that_fit(from, (from + READ_AT_A_TIME).min(to)).await?;
            for error in &refused {
                tracing::error!(%error, "A fact was refused");
            }
            done.refused += refused.len() as u64;
            loaded.extend(facts.into_iter().map(Arc::new));
        }
        Ok(loaded)
    }

    async fn index_mentions(&self, portion: &Portion, from: u64, to: u64) -> Result<(), AppError> {
        let entries_of = |stored: &Arc<StoredFact>| {
            let (fact, leaf) = (&stored.fact, stored.leaf);
            let kind = fact.body.kind();
            let is_strong = bearing(fact) == Bearing::Strong;
            let about = fact.person.map(MentionKey::about).map(|key| (key, false));
            let named = mentions(fact).map(move |mention| {
                let may_bring_others = matches!(mention, Mention::Fact(_) | Mention::Pool(_) | Mention::Site(_));
                (key_of(mention), is_strong && may_bring_others)
            });
            about.into_iter().chain(named).map(move |(key, is_strong)| MentionEntry { key, kind, leaf, is_strong })
        };
        let entries = tokio::task::block_in_place(|| portion.facts().par_iter().flat_map_iter(entries_of).collect());
        self.store.save_mentions(entries, &sampled_blocks(portion, from, to), to).await?;
        Ok(())
    }

    /// Notes whom the facts of a portion concern: their assessment is owed.
    async fn note_concerned(&self, portion: &Portion, assessing: &mut Assessing, to: u64) -> Result<(), AppError> {
        let changed = self.that_matter(portion).await?;
        let people = self.concerned(&changed, portion, &mut assessing.opened).await?;
        tracing::debug!(to, changed = changed.len(), people = people.len(), "Read");
        // What is recorded of people whom a strong fact names may concern others.
        let strong = changed.iter().filter(|stored| bearing(&stored.fact) == Bearing::Strong);
        let mut marked: Vec<PersonId> = strong.flat_map(|stored| people_named(&stored.fact)).collect();
        marked.extend(&people);
        marked.sort_unstable();
        marked.dedup();
        self.store.save_concerned(&marked).await?;
        assessing.owed.add(&people, to);
        Ok(())
    }

    /// Assesses everybody owed. While some are assessed and stored, what is on record of the next is read.
    async fn settle(
        &self,
        assessing: &mut Assessing,
        portion: Option<&Portion>,
        done: &mut CaughtUp,
    ) -> Result<(), AppError> {
        let Assessing { opened, owed } = assessing;
        let (people, upto) = owed.all();
        let (mut needed, mut read) = (0, 0);
        let noted = self.noted_for(people.len()).await?;
        let mut gathered: Option<(&[PersonId], Around)> = None;
        for people in people.chunks(PEOPLE_CHUNK) {
            let gather = async {
                let mut around = Neighbourhood::new(&self.store, opened, portion);
                around.gather_some(people, noted.as_ref()).await?;
                read += around.read_from_store();
                Ok::<_, AppError>(around.finish())
            };
            let around = match gathered.take() {
                Some((before, around_them)) => {
                    let (around, saved) = both(gather, self.save(before, &around_them));
                    *done += saved?;
                    around?
                }
                None => gather.await?,
            };
            needed += around.len();
            gathered = Some((people, around));
        }
        if let Some((last, around)) = gathered {
            *done += self.save(last, &around).await?;
        }
        opened.renew(needed, read);
        self.store.save_assessed(upto).await?;
        owed.settled();
        tracing::debug!(upto, people = people.len(), needed, read, "Assessed");
        Ok(())
    }

    /// What most people's facts are not named by, for as many people as it is worth reading for.
    async fn noted_for(&self, people: usize) -> Result<Option<Arc<Noted>>, AppError> {
        let is_many = people >= self.many.load(Ordering::Relaxed);
        if is_many { Ok(Some(Arc::new(Noted::read(&self.store).await?))) } else { Ok(None) }
    }

    /// How many people have to be assessed together so that reading is spared for those of whom little counts. For
    /// tests: it changes no answer.
    #[doc(hidden)]
    pub fn set_many(&self, people: usize) {
        self.many.store(people, Ordering::Relaxed);
    }

    /// Everybody whose assessment these facts can change; in order.
    async fn concerned(
        &self,
        changed: &[Arc<StoredFact>],
        portion: &Portion,
        opened: &mut Opened,
    ) -> Result<Vec<PersonId>, AppError> {
        let mut around = Neighbourhood::new(&self.store, opened, Some(portion));
        around.take(changed.iter().cloned());
        around.spread(self.many.load(Ordering::Relaxed)).await?;
        let around = around.finish();
        let index = FactIndex::new(around.facts());
        let mut people: Vec<PersonId> = tokio::task::block_in_place(|| {
            changed.par_iter().flat_map_iter(|stored| index.concerned(&stored.fact)).collect()
        });
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }

    /// Facts that can change anybody's assessment: strong ones, and slight ones that are about or name whoever a strong
    /// fact concerned before, or what a strong fact names: a tube, a sample.
    async fn that_matter(&self, portion: &Portion) -> Result<Vec<Arc<StoredFact>>, AppError> {
        let cities = self.cities_with_areas().await?;
        let has_arrival_rule = self.rules().timeline.has_arrival_rule();
        let is_strong = |fact: &Fact| match bearing(fact) {
            Bearing::Strong => true,
            Bearing::WithArrivalRule => has_arrival_rule,
            Bearing::WithAreas => cities.contains(&city_of_stay(fact)),
            Bearing::Slight => false,
        };
        let (strong, slight): (Vec<&Arc<StoredFact>>, Vec<_>) =
            tokio::task::block_in_place(|| portion.facts().par_iter().partition(|stored| is_strong(&stored.fact)));
        let subjects = self.subjects(portion, &slight).await?;
        let people_of = |fact: &Fact| {
            let sampled = sample_of(fact).and_then(|sample| subjects.get(&sample).copied());
            let named = mentions(fact).filter_map(|mention| match mention {
                Mention::Person(person) => Some(person),
                _ => None,
            });
            fact.person.into_iter().chain(sampled).chain(named)
        };
        let mut people: Vec<PersonId> = slight.iter().flat_map(|stored| people_of(&stored.fact)).collect();
        people.sort_unstable();
        people.dedup();
        // Whom this portion's own strong facts concern is assessed on their account, with everything on record.
        let mattering = self.store.concerned_among(&people).await?;
        let keys_of = |fact: &Fact| {
            let named = mentions(fact).filter(|mention| !matches!(mention, Mention::Person(_) | Mention::Area(_)));
            named.map(key_of).chain([MentionKey::fact(fact.id)])
        };
        let unknown = |stored: &&Arc<StoredFact>| !people_of(&stored.fact).any(|person| mattering.contains(&person));
        let keys: Vec<MentionKey> =
            slight.iter().copied().filter(unknown).flat_map(|stored| keys_of(&stored.fact)).collect();
        let keys = self.store.strong_among(keys).await?;
        let matters = |stored: &&Arc<StoredFact>| {
            let fact = &stored.fact;
            people_of(fact).any(|person| mattering.contains(&person))
                || (!keys.is_empty() && keys_of(fact).any(|key| keys.contains(&key)))
        };
        let slight = slight.into_iter().filter(matters);
        let mut changed: Vec<Arc<StoredFact>> = strong.into_iter().chain(slight).cloned().collect();
        changed.sort_unstable_by_key(|stored| stored.leaf);
        Ok(changed)
    }

    /// Whom the samples of these results are about.
    async fn subjects(
        &self,
        portion: &Portion,
        results: &[&Arc<StoredFact>],
    ) -> Result<FxHashMap<FactId, PersonId>, AppError> {
        let mut subjects = FxHashMap::default();
        let mut elsewhere = Vec::new();
        for sample in results.iter().filter(|stored| stored.fact.person.is_none()).filter_map(|s| sample_of(&s.fact)) {
            match portion.with_id(sample) {
                Some(stored) => subjects.extend(stored.fact.person.map(|person| (sample, person))),
                None => elsewhere.push(sample),
            }
        }
        elsewhere.sort_unstable();
        subjects.extend(self.store.subjects_of(&elsewhere).await?);
        Ok(subjects)
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

    /// Assesses people and stores what says something.
    async fn save(&self, people: &[PersonId], around: &Around) -> Result<CaughtUp, AppError> {
        let now = self.now();
        let known_leaf = self.store.size().await?;
        let divisions = around.divisions();
        let rules = self.rules();
        let rows: Vec<(StoredAssessment, bool)> = tokio::task::block_in_place(|| {
            let index = FactIndex::of_store(around.facts());
            let row = |person: &PersonId| {
                let dossier = index.dossier(*person);
                let has_steps = dossier.facts.iter().any(|fact| fact.body.kind() == FactKind::LoopStep);
                let division = divisions.get(person).copied().unwrap_or(NOWHERE);
                (
                    self.row(assessed(&dossier, &rules.timeline, now, now), division, known_leaf, rules.context),
                    has_steps,
                )
            };
            people.par_iter().map(row).collect()
        });
        let (followed, others): (Vec<_>, Vec<_>) =
            rows.iter().partition(|(row, has_steps)| *has_steps || row.ends_at.is_some());
        let mut followed: Vec<PersonId> = followed.into_iter().map(|(row, _)| row.person).collect();
        let others: Vec<PersonId> = others.into_iter().map(|(row, _)| row.person).collect();
        followed.extend(self.store.with_loops(&others).await?);
        let rows = rows.into_iter().map(|(row, _)| row);
        let (rows, silent): (Vec<_>, Vec<_>) = rows.partition(says_something);
        let silent: Vec<PersonId> = silent.into_iter().map(|row| row.person).collect();
        let gone = self.store.stored_among(&silent).await?.into_iter().collect();
        let done = CaughtUp { assessed: people.len() as u64, stored: rows.len() as u64, ..CaughtUp::default() };
        self.store.save_assessments(rows, gone, &followed).await?;
        Ok(done)
    }

    fn row(&self, assessed: Assessed, division: DivisionCode, known_leaf: u64, context: [u8; 32]) -> StoredAssessment {
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
            context,
            answer: serde_json::to_string(&assessment).expect("an assessment can be written as JSON"),
        }
    }
}

/// When samples were taken of which the leaves `[from, to)` tell, by block.
fn sampled_blocks(portion: &Portion, from: u64, to: u64) -> Vec<SampledBlock> {
    let mut blocks: Vec<SampledBlock> = (from / SAMPLED_BLOCK..to.div_ceil(SAMPLED_BLOCK))
        .map(|block| SampledBlock { block, latest: None, is_from_start: from <= block * SAMPLED_BLOCK })
        .collect();
    for stored in portion.facts() {
        if stored.fact.body.kind() == FactKind::Sample {
            let block = &mut blocks[(stored.leaf / SAMPLED_BLOCK - from / SAMPLED_BLOCK) as usize];
            block.latest = block.latest.max(Some(stored.fact.happened.starts_at()));
        }
    }
    blocks
}

/// Does both at the same time, each on a thread: either may compute for long without giving way.
fn both<A: Send, B: Send>(one: impl Future<Output = A> + Send, other: impl Future<Output = B> + Send) -> (A, B) {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        std::thread::scope(|threads| {
            let other = threads.spawn(|| runtime.block_on(other));
            let one = runtime.block_on(one);
            (one, other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    })
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

/// The assessment of a dossier, with the digest of the facts in it that rules can look at.
fn assessed(dossier: &Dossier<'_>, packs: &PackTimeline, known_at: Instant, at: Instant) -> Assessed {
    let dossier = &lean(dossier.clone());
    let mut ids: Vec<FactId> = dossier.facts.iter().map(|fact| fact.id).collect();
    ids.sort_unstable();
    let parts: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    let mut assessment = assess(dossier, packs, known_at, at);
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
