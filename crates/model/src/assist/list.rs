//! A list of people whom another city is asked to look for.

use serde::{Deserialize, Serialize};

use super::{LineNo, NodeId, RequestId, Sealed};
use crate::{
    fact::EvidenceKind,
    measure::{ContactClass, MeasureKind},
    time::{CivilDay, Instant},
};

/// How pressing a request is; the six hours are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Ordinary.
    #[default]
    Ordinary,
    /// First among the others.
    Urgent,
}

/// A list, whole in every version. Lines whose content did not change keep their clock and their state; a line that is
/// missing in a later version is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssistList {
    /// Which request.
    pub request: RequestId,
    /// From 1.
    pub version: u32,
    /// The case, by a pseudonym that means something to the origin alone.
    pub case: Box<str>,
    /// Disease and rules, by the id of a pack.
    pub pack: Box<str>,
    /// Why these people are looked for.
    pub reason: Box<str>,
    /// How pressing.
    pub priority: Priority,
    /// Whom to ask: an officer of the origin.
    pub officer: Box<str>,
    /// The officer's telephone, an office's.
    pub phone: Box<str>,
    /// When it was sent, by the origin's clock.
    pub sent_at: Instant,
    /// For a list that sends lines of another request on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Forwarded>,
    /// The people.
    pub lines: Vec<AssistLine>,
}

/// Where a line came from that is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forwarded {
    /// Who asked first.
    pub node: NodeId,
    /// In which request.
    pub request: RequestId,
    /// On which line.
    pub no: LineNo,
    /// When that was received: the total age counts from here.
    pub received_at: Instant,
}

/// One person of a list, without a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssistLine {
    /// Its number.
    pub no: LineNo,
    /// Keyed digest of the person's first document, under the key of this pair of nodes: the same person is recognised
    /// in another version or request of the pair, and nobody else can test a guess.
    pub matches: Sealed,
    /// Keyed digest of all that the line says, the sealed part included: whether a version changes it.
    pub content: Sealed,
    /// Digest of the sealed part: name, documents, telephones, address, exposure.
    pub sealed: Sealed,
    /// Class that the origin proposes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ContactClass>,
    /// Measure that the origin proposes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<MeasureKind>,
    /// How the exposure is known.
    pub evidence: EvidenceKind,
    /// Last day of exposure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exposure_on: Option<CivilDay>,
}
