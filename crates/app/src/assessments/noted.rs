//! What strong facts name, kept in memory while many people are assessed.
//!
//! Of most facts about most people nothing tells but a plain result, and most samples were taken before anything for
//! which they count. To know that, a few small reads at the beginning are enough, where each fact would be looked for in
//! the index and opened.

use std::collections::HashMap;

use rustc_hash::FxHashSet;
use sizao_model::{FactBody, FactId, FactKind, Instant, PersonId};
use sizao_policy::{Attention, attention};
use sizao_store::{MentionKey, SAMPLED_BLOCK, Store, StoredFact};

use super::neighbourhood::people_named;
use crate::AppError;

/// Facts that tie a person to another by naming them.
const TYING: [FactKind; 2] = [FactKind::IdentityLink, FactKind::Correction];

/// What strong facts name, and when samples were taken.
pub(super) struct Noted {
    /// Facts that a confirmation, a correction, evidence or a result other than a plain one names.
    facts: FxHashSet<FactId>,
    /// Leaves of these, and of the samples of which such a result tells.
    leaves: FxHashSet<u64>,
    /// People whom a link or a correction names, or whom the link is about.
    tied: FxHashSet<PersonId>,
    /// When the latest sample was taken, by block of leaves.
    sampled: HashMap<u64, Instant>,
}

impl Noted {
    /// Reads it as the index stands.
    pub(super) async fn read(store: &Store) -> Result<Self, AppError> {
        let named = store.strongly_named().await?;
        let facts: FxHashSet<FactId> = named.iter().filter_map(MentionKey::as_fact).collect();
        let mut tubes: Vec<MentionKey> = named.into_iter().filter(MentionKey::is_pool).collect();
        let mut leaves = FxHashSet::default();
        let mut samples = Vec::new();
        for stored in store.load_facts(&facts.iter().copied().collect::<Vec<_>>()).await? {
            leaves.insert(stored.leaf);
            if let FactBody::TestResult(result) = &stored.fact.body {
                samples.extend(result.sample);
                tubes.extend(result.pool.as_ref().map(MentionKey::pool));
            }
        }
        leaves.extend(store.load_facts(&samples).await?.iter().map(|stored| stored.leaf));
        leaves.extend(store.leaves_mentioning(tubes, &[FactKind::Sample]).await?);
        let (tying, _) = store.load_at(&store.leaves_naming_people(&TYING).await?).await?;
        let ends = |stored: &StoredFact| stored.fact.person.into_iter().chain(people_named(&stored.fact));
        let tied = tying.iter().flat_map(ends).collect();
        Ok(Self { facts, leaves, tied, sampled: store.sampled_blocks().await? })
    }

    /// Whether a strong fact names this one.
    pub(super) fn names(&self, fact: FactId) -> bool {
        self.facts.contains(&fact)
    }

    /// Whether a link or a correction may tie the person to another.
    pub(super) fn ties(&self, person: PersonId) -> bool {
        self.tied.contains(&person)
    }

    /// Whether older samples of the person, doses and symptoms count for nothing, as far as the index tells.
    ///
    /// - `about`: leaves and kinds of all facts about the person.
    pub(super) fn counts_in_part(&self, person: PersonId, about: &[(u64, FactKind)]) -> bool {
        let is_plain =
            |(leaf, kind): &(u64, FactKind)| attention(*kind) != Attention::AndAllElse && !self.leaves.contains(leaf);
        !self.ties(person) && about.iter().all(is_plain)
    }

    /// Whether the sample at this leaf may have been taken since a moment.
    pub(super) fn may_be_sampled_since(&self, leaf: u64, from: Instant) -> bool {
        self.sampled.get(&(leaf / SAMPLED_BLOCK)).is_none_or(|latest| *latest >= from)
    }
}
