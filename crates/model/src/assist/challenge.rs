//! A home city questions what another city says about its resident (质疑).

use serde::{Deserialize, Serialize};

use super::{RequestId, Sealed};
use crate::time::Instant;

/// A question on what a restriction rests. Six hours from its receipt to an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// Its id.
    pub challenge: RequestId,
    /// Keyed digest of the person's document, under the key of the pair of nodes.
    pub matches: Sealed,
    /// Digest of the sealed part: who it is.
    pub sealed: Sealed,
    /// The rule of the restriction.
    pub rule: Box<str>,
    /// What speaks against it.
    pub reason: Box<str>,
    /// Whom to ask.
    pub officer: Box<str>,
    /// The officer's telephone.
    pub phone: Box<str>,
    /// When it was sent, by the home city's clock.
    pub sent_at: Instant,
}

/// What the other city answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeAnswer {
    /// Which challenge.
    pub challenge: RequestId,
    /// Whether the evidence stands.
    pub stands: bool,
    /// Why.
    pub words: Box<str>,
    /// When, by the answering city's clock.
    pub at: Instant,
}
