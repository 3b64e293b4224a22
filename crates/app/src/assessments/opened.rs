//! Facts that were opened and checked, kept in memory: those just appended, and those read around people.

use std::{collections::VecDeque, sync::Arc};

use rustc_hash::FxHashMap;
use sizao_model::FactId;
use sizao_store::StoredFact;

/// Facts that this process appended lately, so that they need not be read back; oldest first.
#[derive(Default)]
pub(crate) struct Recent {
    batches: VecDeque<Vec<Arc<StoredFact>>>,
    facts: usize,
}

/// Older ones are read from the store instead.
const RECENT_MAX: usize = 1 << 18;

impl Recent {
    /// Takes a batch that is not empty, in the order of its leaves.
    pub(crate) fn push(&mut self, batch: Vec<Arc<StoredFact>>) {
        self.facts += batch.len();
        // Two writers of one process may come here in another order than that of their commits.
        let place = self.batches.partition_point(|before| before[0].leaf < batch[0].leaf);
        self.batches.insert(place, batch);
        while self.facts > RECENT_MAX {
            self.facts -= self.batches.pop_front().map_or(0, |batch| batch.len());
        }
    }

    /// The facts of the leaves `[from, to)`, if all of them are here; forgets what came before `to`.
    pub(crate) fn take(&mut self, from: u64, to: u64) -> Option<Vec<Arc<StoredFact>>> {
        let mut taken: Vec<Arc<StoredFact>> = Vec::with_capacity((to - from) as usize);
        while let Some(batch) = self.batches.front_mut() {
            let before = batch.partition_point(|fact| fact.leaf < to);
            self.facts -= before;
            taken.extend(batch.drain(..before).filter(|fact| fact.leaf >= from));
            if !batch.is_empty() {
                break;
            }
            self.batches.pop_front();
        }
        // Leaves are given without gaps: as many facts as leaves are all of them.
        (taken.len() as u64 == to - from).then_some(taken)
    }
}

/// Some consecutive facts of the log that are assessed together.
pub(super) struct Portion {
    facts: Vec<Arc<StoredFact>>,
    by_id: FxHashMap<FactId, usize>,
}

impl Portion {
    pub(super) fn new(facts: Vec<Arc<StoredFact>>) -> Self {
        let by_id = facts.iter().enumerate().map(|(at, stored)| (stored.fact.id, at)).collect();
        Self { facts, by_id }
    }

    pub(super) fn facts(&self) -> &[Arc<StoredFact>] {
        &self.facts
    }

    pub(super) fn with_id(&self, id: FactId) -> Option<&Arc<StoredFact>> {
        self.by_id.get(&id).map(|at| &self.facts[*at])
    }

    fn at(&self, leaf: u64) -> Option<&Arc<StoredFact>> {
        self.facts.binary_search_by_key(&leaf, |stored| stored.leaf).ok().map(|at| &self.facts[at])
    }
}

/// Facts around people, kept from one portion to the next: who is concerned today is mostly concerned tomorrow.
///
/// Nothing here is older than the last erasure.
#[derive(Default)]
pub(crate) struct Opened {
    by_leaf: FxHashMap<u64, Arc<StoredFact>>,
    by_id: FxHashMap<FactId, u64>,
}

/// Facts kept at most; some 400 bytes each.
const OPENED_MAX: usize = 220_000;

impl Opened {
    /// Keeps a fact while there is room. What came first stays: every portion asks for much the same in the same order,
    /// and keeping the latest would find nothing.
    pub(super) fn keep(&mut self, stored: &Arc<StoredFact>) {
        if self.by_leaf.len() < OPENED_MAX && self.by_leaf.insert(stored.leaf, stored.clone()).is_none() {
            self.by_id.insert(stored.fact.id, stored.leaf);
        }
    }

    /// Begins anew when what is kept helped little.
    pub(super) fn renew(&mut self, needed: usize, read_from_store: usize) {
        if self.by_leaf.len() >= OPENED_MAX && 2 * read_from_store > needed {
            self.forget();
        }
    }

    /// Forgets everything: some of it was erased.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn at<'a>(&'a self, portion: Option<&'a Portion>, leaf: u64) -> Option<&'a Arc<StoredFact>> {
        self.by_leaf.get(&leaf).or_else(|| portion?.at(leaf))
    }

    pub(super) fn with_id<'a>(&'a self, portion: Option<&'a Portion>, id: FactId) -> Option<&'a Arc<StoredFact>> {
        let kept = self.by_id.get(&id).and_then(|leaf| self.by_leaf.get(leaf));
        kept.or_else(|| portion?.with_id(id))
    }
}
