//! The facts that an assessment rests on.

use sizao_model::{Fact, PersonId};

/// A person's facts over linked identities, and the facts about others that they refer to: source cases, close contacts
/// and their own source cases, parents, areas, sites, pools, and results, confirmations, corrections and unlinks of
/// any of these. More facts than needed change nothing.
#[derive(Clone, Debug)]
pub struct Dossier<'a> {
    /// Whom it is about.
    pub person: PersonId,
    /// The facts, in any order.
    pub facts: Vec<&'a Fact>,
}
