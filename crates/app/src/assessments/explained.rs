//! One person's assessment with its reasons, in the words that the person reads too.

use sizao_model::{Assessment, Explanation, Fact, Instant, PersonId};
use sizao_policy::{FactIndex, PackTimeline, explain};

use super::{Neighbourhood, Opened, assessed};
use crate::{App, AppError};

/// An assessment, why it says so, and the person's own facts.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What holds.
    pub assessment: Assessment,
    /// Why.
    pub explanation: Explanation,
    /// Facts about the person, and the results, confirmations and corrections of these; oldest first.
    pub facts: Vec<Fact>,
}

impl App {
    /// The assessment of a person with its reasons, as known at a moment, for a moment.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn explain(&self, person: PersonId, known_at: Instant, at: Instant) -> Result<Explained, AppError> {
        self.catch_up(|_| {}).await?;
        let rules = self.rules_known(known_at);
        self.explain_by(person, &rules.timeline, known_at, at).await
    }

    /// Everything that rules could read for some people, in the order in which it was read.
    pub(crate) async fn facts_around(&self, people: &[PersonId]) -> Result<Vec<Fact>, AppError> {
        let mut opened = Opened::default();
        let mut around = Neighbourhood::new(&self.store, &mut opened, None);
        around.gather(people).await?;
        Ok(around.facts().cloned().collect())
    }

    /// The same under given packs; what is recorded is read as far as it was indexed.
    pub(crate) async fn explain_by(
        &self,
        person: PersonId,
        packs: &PackTimeline,
        known_at: Instant,
        at: Instant,
    ) -> Result<Explained, AppError> {
        let mut opened = Opened::default();
        let mut around = Neighbourhood::new(&self.store, &mut opened, None);
        around.gather(&[person]).await?;
        let index = FactIndex::of_store(around.facts());
        let dossier = index.dossier(person);
        let assessment = assessed(&dossier, packs, known_at, at).assessment;
        let explanation = explain(&assessment, &dossier, packs, known_at);
        let mut facts: Vec<Fact> =
            dossier.facts.iter().filter(|fact| fact.person == Some(person)).copied().cloned().collect();
        let mut own: Vec<_> = facts.iter().map(|fact| fact.id).collect();
        // Twice: a correction may be of a result of a sample.
        for _ in 0..2 {
            let more = dossier.facts.iter().filter(|fact| {
                fact.person.is_none()
                    && !own.contains(&fact.id)
                    && fact.body.facts_named().iter().any(|id| own.contains(id))
            });
            let more: Vec<Fact> = more.copied().cloned().collect();
            own.extend(more.iter().map(|fact| fact.id));
            facts.extend(more);
        }
        facts.retain(|fact| fact.recorded_at <= known_at);
        facts.sort_by_key(|fact| (fact.happened.starts_at(), fact.recorded_at, fact.id));
        Ok(Explained { assessment, explanation, facts })
    }
}
