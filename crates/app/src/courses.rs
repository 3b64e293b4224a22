//! Keeping the courses of cases and contacts current: a projection of the log, for boards and lists.

mod derive;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use sizao_model::{Fact, FactBody, FactId, FactKind, Instant, PersonId, fact::Outcome};
use sizao_store::{MentionKey, StoredFact};

use self::derive::course;
use crate::{App, AppError};

/// Facts read at a time.
const CHUNK: u64 = 20_000;
/// People whose courses are made at a time.
const PEOPLE_CHUNK: usize = 2_000;

/// Rounds at most; who is left comes with the next call.
const ROUNDS_MAX: usize = 1_000;

/// What a course is made of.
const OF_A_PERSON: [FactKind; 4] =
    [FactKind::Diagnosis, FactKind::Exposure, FactKind::IsolationStarted, FactKind::Sample];
/// What changes these.
const OF_A_FACT: [FactKind; 2] = [FactKind::TestResult, FactKind::Correction];

impl App {
    /// Brings assessments and courses up to the end of the log; what a running node does all the time.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_log(&self) -> Result<(), AppError> {
        self.catch_up(|_| {}).await?;
        let size = self.store().size().await?;
        let mut from = self.store().course_watermark().await?;
        while from < size {
            let to = (from + CHUNK).min(size);
            let (facts, _) = self.store().load_leaves_that_fit(from, to).await?;
            let people = self.people_changed(&facts).await?;
            let (mut courses, mut gone) = (Vec::new(), Vec::new());
            for people in people.chunks(PEOPLE_CHUNK) {
                let facts = self.facts_of(people).await?;
                for person in people {
                    match facts.get(person).and_then(|(place, facts)| course(*person, *place, facts)) {
                        Some(course) => courses.push(course),
                        None => gone.push(*person),
                    }
                }
            }
            self.store().save_courses(courses, &gone, to).await?;
            from = to;
        }
        self.follow_reports().await?;
        self.follow_screening().await
    }

    /// Assesses again everybody whose measures change by now, so that what is over ends on time; how many that were.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn announce_changes(&self, now: Instant) -> Result<usize, AppError> {
        let mut changed = 0;
        for _ in 0..ROUNDS_MAX {
            let due = self.store().due_assessments(now, PEOPLE_CHUNK as u32).await?;
            if !due.is_empty() {
                self.reassess(&due).await?;
            }
            changed += due.len();
            if due.len() < PEOPLE_CHUNK {
                break;
            }
        }
        Ok(changed)
    }

    /// Whose course these facts can change: cases and contacts, and of other facts those about people who are either.
    async fn people_changed(&self, facts: &[StoredFact]) -> Result<Vec<PersonId>, AppError> {
        let mut strong: BTreeSet<PersonId> = BTreeSet::new();
        let mut slight: BTreeSet<PersonId> = BTreeSet::new();
        let mut samples: Vec<FactId> = Vec::new();
        for StoredFact { fact, .. } in facts {
            match (&fact.body, fact.person) {
                (FactBody::Diagnosis(_) | FactBody::Exposure(_), Some(person)) => _ = strong.insert(person),
                (FactBody::IsolationStarted(_) | FactBody::Sample(_), Some(person)) => _ = slight.insert(person),
                (FactBody::TestResult(result), _) if result.outcome == Outcome::Positive => {
                    samples.extend(result.sample)
                }
                (FactBody::Correction(correction), _) => {
                    samples.push(correction.of);
                    strong.extend(correction.person);
                }
                _ => {}
            }
        }
        let subjects = self.store().subjects_of(&samples).await?;
        slight.extend(subjects.into_values());
        slight.retain(|person| !strong.contains(person));
        let slight: Vec<PersonId> = slight.into_iter().collect();
        strong.extend(self.store().with_courses(&slight).await?);
        Ok(strong.into_iter().collect())
    }

    /// The facts that courses of these people are made of, with where the latest of them was seen.
    async fn facts_of(&self, people: &[PersonId]) -> Result<FxHashMap<PersonId, Gathered>, AppError> {
        let keys: Vec<MentionKey> = people.iter().map(|person| MentionKey::about(*person)).collect();
        let (found, _) = self.store().load_mentioning(keys, &OF_A_PERSON).await?;
        let mut owner: FxHashMap<FactId, PersonId> = FxHashMap::default();
        let mut of: FxHashMap<PersonId, (u64, Gathered)> = FxHashMap::default();
        for stored in found {
            let Some(person) = stored.fact.person else { continue };
            owner.insert(stored.fact.id, person);
            let entry = of.entry(person).or_insert_with(|| (stored.leaf, (stored.division, Vec::new())));
            if stored.leaf >= entry.0 {
                entry.0 = stored.leaf;
                entry.1.0 = stored.division;
            }
            entry.1.1.push(stored.fact);
        }
        let keys: Vec<MentionKey> = owner.keys().map(|id| MentionKey::fact(*id)).collect();
        let (found, _) = self.store().load_mentioning(keys, &OF_A_FACT).await?;
        for stored in found {
            let person = stored.fact.body.facts_named().iter().find_map(|id| owner.get(id)).copied();
            if let Some(entry) = person.and_then(|person| of.get_mut(&person)) {
                entry.1.1.push(stored.fact);
            }
        }
        Ok(of.into_iter().map(|(person, (_, gathered))| (person, gathered)).collect())
    }
}

type Gathered = (sizao_model::DivisionCode, Vec<Fact>);
