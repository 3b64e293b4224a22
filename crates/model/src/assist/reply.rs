//! What became of a line.

use serde::{Deserialize, Serialize};

use super::{LineNo, NodeId, RequestId, Sealed};
use crate::{fact::LinkBasis, measure::MeasureKind, time::Instant};

/// How the search for a line ended (核查结果).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssistOutcome {
    /// Found here (在本地).
    LocatedHere,
    /// Gone elsewhere, sent on there (已转出).
    MovedOn,
    /// Looked for and not found (查无下落).
    NotFound,
    /// Name, telephone or address are wrong (信息有误).
    WrongData,
    /// Found, and already under control here (已在管控).
    AlreadyControlled,
    /// There was no such exposure (排除).
    Refuted,
}

impl AssistOutcome {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::LocatedHere, Self::MovedOn, Self::NotFound, Self::WrongData, Self::AlreadyControlled, Self::Refuted];

    /// The word in forms, tables and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LocatedHere => "located-here",
            Self::MovedOn => "moved-on",
            Self::NotFound => "not-found",
            Self::WrongData => "wrong-data",
            Self::AlreadyControlled => "already-controlled",
            Self::Refuted => "refuted",
        }
    }

    /// The one of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Its number in tables, from 1.
    pub const fn code(self) -> i64 {
        self as i64 + 1
    }

    /// The one of this number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }
}

/// What was tried before somebody was given up as not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tried {
    /// Every telephone number.
    Phones,
    /// The address, in person.
    Address,
    /// Neighbours and the community office.
    Community,
    /// The police.
    Police,
    /// Hotels and registers of travel.
    Registers,
}

impl Tried {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Phones, Self::Address, Self::Community, Self::Police, Self::Registers];

    /// The word in forms and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phones => "phones",
            Self::Address => "address",
            Self::Community => "community",
            Self::Police => "police",
            Self::Registers => "registers",
        }
    }

    /// The one of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// How far a line had come when its six hours were over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreachCause {
    /// No officer had looked at the list.
    NotSeen,
    /// No unit had taken it on.
    NotAccepted,
    /// It was being worked on.
    NotReplied,
}

impl BreachCause {
    /// The word in tables and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSeen => "not-seen",
            Self::NotAccepted => "not-accepted",
            Self::NotReplied => "not-replied",
        }
    }
}

/// A reply to one line. Where somebody is, and words, travel sealed to the origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineReply {
    /// Which line.
    pub no: LineNo,
    /// To which version of it: the one that brought its present content.
    pub version: u32,
    /// How the search ended.
    pub outcome: AssistOutcome,
    /// 人头: how it is known who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identified: Option<LinkBasis>,
    /// 位置: when the person was seen at the place that the sealed part names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placed_at: Option<Instant>,
    /// 管控: what is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<MeasureKind>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controlled_at: Option<Instant>,
    /// When a sample was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled_at: Option<Instant>,
    /// For somebody not found: what was tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
    /// For somebody who moved on: where to, as a request of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<(NodeId, RequestId, LineNo)>,
    /// Digest of the sealed part: place and words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
}

/// How a line ended at the node to which it was sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Onward {
    /// Which line of the first request.
    pub no: LineNo,
    /// Where it ended.
    pub node: NodeId,
    /// How.
    pub outcome: AssistOutcome,
    /// When, by the clock of the node that replied.
    pub replied_at: Instant,
}
