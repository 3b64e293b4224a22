//! What is in force: the packs given, as the adoptions in the log order them. Whoever reads the log at a moment gets the
//! rules that were known then.

use std::sync::{Arc, Mutex};

use sizao_model::{Fact, FactBody, FactKind, Instant, PersonId};
use sizao_policy::{PackTimeline, adopted_packs};
use sizao_store::{Owed, StoredFact, sha256};

use super::{PackSource, Rules};
use crate::{App, AppError, assessments::CaughtUp};

/// People who are assessed again at a time.
const PEOPLE: u32 = 8_192;

/// What is in force, by the adoptions read so far.
pub(crate) struct InForce {
    given: Rules,
    state: Mutex<State>,
}

#[derive(Clone)]
struct State {
    rules: Arc<Rules>,
    leaves: Vec<u64>,
    facts: Arc<Vec<Fact>>,
    problems: Arc<Vec<String>>,
}

impl InForce {
    /// The packs given, before any adoption was read.
    pub(crate) fn new(given: Rules) -> Self {
        let state = State {
            rules: Arc::new(given.clone()),
            leaves: Vec::new(),
            facts: Arc::default(),
            problems: Arc::default(),
        };
        Self { given, state: Mutex::new(state) }
    }

    fn state(&self) -> State {
        self.state.lock().expect("no thread panics with it").clone()
    }
}

impl App {
    /// The packs in force, by the adoptions read so far.
    pub fn rules(&self) -> Arc<Rules> {
        self.in_force.state().rules
    }

    /// The rules as they were known at a moment: what was adopted later did not count yet.
    pub(crate) fn rules_known(&self, known_at: Instant) -> Arc<Rules> {
        let state = self.in_force.state();
        if state.facts.iter().all(|fact| fact.recorded_at <= known_at) {
            return state.rules;
        }
        Arc::new(ordered(&self.in_force.given, &state.facts, known_at).0)
    }

    /// Why adoptions in the log do not count: their text is missing, or does not go with the others.
    pub fn adoptions_that_fail(&self) -> Vec<String> {
        self.in_force.state().problems.to_vec()
    }

    /// Reads the adoptions of the log, if any is new, and assesses again whom another pack may concern: when a pack was
    /// adopted, put off or taken back, and when one takes effect.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub(crate) async fn follow_packs(&self, done: &mut CaughtUp) -> Result<Owed, AppError> {
        self.read_adoptions().await?;
        let rules = self.rules();
        let (standing, coverage) = (rules.standing(self.now()), rules.coverage());
        let owed = self.store.assess_under(&standing, &coverage).await?;
        match owed {
            Owed::Nothing => {}
            Owed::Everything => tracing::info!("Program or reach of the packs changed: everybody is assessed again"),
            Owed::Concerned => {
                tracing::info!("Other packs are in force: whom they may concern is assessed again");
                let mut after = None;
                loop {
                    let people = self.store.list_concerned(after, PEOPLE).await?;
                    let Some(last) = people.last().copied() else { break };
                    *done += self.reassess(&people).await?;
                    after = Some::<PersonId>(last);
                }
                self.store.assessed_under(&standing, &coverage).await?;
            }
        }
        Ok(owed)
    }

    async fn read_adoptions(&self) -> Result<(), AppError> {
        let leaves = self.store.adoption_leaves().await?;
        if leaves == self.in_force.state().leaves {
            return Ok(());
        }
        let stored = self.store.load_adoption_facts(&leaves).await?;
        let facts: Vec<Fact> = stored.into_iter().map(|StoredFact { fact, .. }| fact).collect();
        let (rules, problems) = ordered(&self.in_force.given, &facts, Instant::MAX);
        problems.iter().for_each(|problem| tracing::error!("{problem}"));
        let state = State { rules: Arc::new(rules), leaves, facts: Arc::new(facts), problems: Arc::new(problems) };
        *self.in_force.state.lock().expect("no thread panics with it") = state;
        Ok(())
    }
}

/// Whether facts of these kinds may change which packs are in force.
pub(crate) fn may_change_packs(kind: FactKind) -> bool {
    matches!(kind, FactKind::PackAdopted | FactKind::Correction)
}

/// The packs given, with the adoptions known at a moment. What cannot be followed is told and left out.
pub(super) fn ordered(given: &Rules, facts: &[Fact], known_at: Instant) -> (Rules, Vec<String>) {
    let all: Vec<&Fact> = facts.iter().collect();
    let mut problems = Vec::new();
    let mut timeline = PackTimeline::clone(&given.timeline);
    let mut sources = given.sources.to_vec();
    let mut context: Vec<Vec<u8>> = vec![given.context.to_vec()];
    for adopted in adopted_packs(&all, known_at) {
        let Some(fact) = facts.iter().find(|fact| fact.id == adopted.fact) else { continue };
        let known = sources.iter().chain(given.library.iter()).find(|source| source.digest == adopted.digest);
        let Some(source) = known.cloned().or_else(|| carried(fact)).filter(|source| *source.id == *adopted.pack) else {
            problems.push(format!(
                "the text of the pack '{}' that was adopted for {} is not at hand: give the pack that was signed with --packs",
                adopted.pack, adopted.from
            ));
            continue;
        };
        // A pack of the program that was not in force yet when it was adopted begins when the adoption says; one that
        // was in force stays so, and begins again.
        let waits = sources.iter().any(|given| given.digest == source.digest)
            && timeline.pack(&source.id).is_some_and(|pack| pack.valid_from > fact.recorded_at);
        let next = if waits {
            timeline.in_force_from(&[(&source.id, adopted.from)])
        } else {
            timeline.with_adopted(&[(*source.pack).clone()], adopted.from)
        };
        match next {
            Ok(next) => {
                timeline = next;
                context.push(format!("{} {} {}", source.id, source.digest, adopted.from.as_micros()).into_bytes());
                if sources.iter().all(|known| known.digest != source.digest) {
                    sources.push(source);
                }
            }
            Err(error) => problems.push(format!("the adoption of '{}' does not count: {error}", adopted.pack)),
        }
    }
    if context.len() > 1 {
        let parts: Vec<&[u8]> = context.iter().map(Vec::as_slice).collect();
        let rules = Rules {
            timeline: Arc::new(timeline),
            context: sha256(&parts),
            sources: Arc::new(sources),
            library: given.library.clone(),
        };
        return (rules, problems);
    }
    (given.clone(), problems)
}

/// The pack that an adoption carries, if it has the digest.
fn carried(fact: &Fact) -> Option<PackSource> {
    let FactBody::PackAdopted(adopted) = &fact.body else { return None };
    PackSource::read(adopted.text.as_deref()?).filter(|source| *source.digest == *adopted.digest)
}
