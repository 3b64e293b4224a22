//! Requests between cities (区域协查): what two nodes say to each other about people of a list.
//!
//! A message says as little as the work needs. Who a person is travels sealed to the receiving node ([`Sealed`] is only
//! its digest); what a message shows in plain is a number of a line, a class and states. Each message is one of two
//! sides': the *origin* asks, the *receiver* answers.

mod challenge;
mod list;
mod reply;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::time::Instant;

pub use challenge::{Challenge, ChallengeAnswer};
pub use list::{AssistLine, AssistList, Forwarded, Priority};
pub use reply::{AssistOutcome, BreachCause, LineReply, Onward, Tried};

macro_rules! plain_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with exactly this UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

plain_id! {
    /// A node: a city's own program with its own store and keys. The id of its store.
    NodeId
}
plain_id! {
    /// A request with its lines, in all its versions; a challenge, too.
    RequestId
}

/// Number of a line within its request, from 1; the same in every version of the list.
pub type LineNo = u32;

/// Thirty-two bytes that stand for others: a digest, or a keyed one. Hexadecimal on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sealed(pub [u8; 32]);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; 64];
        for (at, byte) in self.0.iter().enumerate() {
            text[2 * at] = digit(byte >> 4);
            text[2 * at + 1] = digit(byte & 15);
        }
        serializer.serialize_str(std::str::from_utf8(&text).expect("hexadecimal digits are ASCII"))
    }
}

const fn digit(half: u8) -> u8 {
    if half < 10 { b'0' + half } else { b'a' + half - 10 }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || de::Error::custom("a digest has 64 hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

/// What one node says to another about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AssistMessage {
    /// Origin: a list of people, or a later version of it.
    List(AssistList),
    /// Receiver's node: the list is in; the six hours begin.
    Received {
        /// Which request.
        request: RequestId,
        /// Which version of the list.
        version: u32,
        /// When, by the receiver's clock.
        at: Instant,
    },
    /// Receiver: an officer has the list before them.
    Seen {
        /// Which request.
        request: RequestId,
        /// Which version of the list.
        version: u32,
        /// When, by the receiver's clock.
        at: Instant,
    },
    /// Receiver: a unit has taken it on.
    Accepted {
        /// Which request.
        request: RequestId,
        /// Which version of the list.
        version: u32,
        /// When, by the receiver's clock.
        at: Instant,
    },
    /// Receiver: what became of some lines.
    Replies {
        /// Which request.
        request: RequestId,
        /// A reply each.
        replies: Vec<LineReply>,
        /// When, by the receiver's clock.
        at: Instant,
    },
    /// Receiver's node: these lines are past their six hours.
    Breached {
        /// Which request.
        request: RequestId,
        /// Each with its due moment and cause.
        lines: Vec<Breach>,
        /// When it was put on record, by the receiver's clock.
        at: Instant,
    },
    /// Receiver: what became of a line that went on to a third node.
    Onward {
        /// Which request.
        request: RequestId,
        /// Which line, and how it ended there.
        onward: Onward,
        /// When the receiver learned of it, by the receiver's clock.
        at: Instant,
    },
    /// A home city asks on what a restriction of its resident rests.
    Challenge(Challenge),
    /// The other city answers a challenge.
    ChallengeAnswered(ChallengeAnswer),
}

/// A line past its six hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breach {
    /// Which line.
    pub no: LineNo,
    /// When it was due: the moment of the breach, to the second and finer.
    pub due_at: Instant,
    /// How far it had come by then.
    pub cause: BreachCause,
}

impl AssistMessage {
    /// Of which request or challenge.
    pub const fn request(&self) -> RequestId {
        match self {
            Self::List(list) => list.request,
            Self::Received { request, .. }
            | Self::Seen { request, .. }
            | Self::Accepted { request, .. }
            | Self::Replies { request, .. }
            | Self::Breached { request, .. }
            | Self::Onward { request, .. } => *request,
            Self::Challenge(challenge) => challenge.challenge,
            Self::ChallengeAnswered(answer) => answer.challenge,
        }
    }

    /// When it was said, by the clock of who says it.
    pub const fn at(&self) -> Instant {
        match self {
            Self::List(list) => list.sent_at,
            Self::Received { at, .. }
            | Self::Seen { at, .. }
            | Self::Accepted { at, .. }
            | Self::Replies { at, .. }
            | Self::Breached { at, .. }
            | Self::Onward { at, .. } => *at,
            Self::Challenge(challenge) => challenge.sent_at,
            Self::ChallengeAnswered(answer) => answer.at,
        }
    }

    /// The word in logs and locales.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::Received { .. } => "received",
            Self::Seen { .. } => "seen",
            Self::Accepted { .. } => "accepted",
            Self::Replies { .. } => "replies",
            Self::Breached { .. } => "breached",
            Self::Onward { .. } => "onward",
            Self::Challenge(_) => "challenge",
            Self::ChallengeAnswered(_) => "challenge-answered",
        }
    }

    /// Digests of what travels sealed beside it, in order.
    pub fn seals(&self) -> Vec<Sealed> {
        match self {
            Self::List(list) => list.lines.iter().map(|line| line.sealed).collect(),
            Self::Replies { replies, .. } => replies.iter().filter_map(|reply| reply.sealed).collect(),
            Self::Challenge(challenge) => vec![challenge.sealed],
            _ => Vec::new(),
        }
    }
}
