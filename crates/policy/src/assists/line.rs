//! One line of a request: which content it has, whose clock runs, and how it ended.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sizao_model::{
    Instant,
    assist::{AssistOutcome, Breach, BreachCause, LineNo, LineReply, NodeId, Onward, RequestId, Sealed},
};

use super::due_at;

/// How far a line has come. Exactly one at every moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineState {
    /// Sent, and no receipt yet.
    Sent,
    /// With the other node.
    Received,
    /// An officer has it before them.
    Seen,
    /// A unit has taken it on.
    Accepted,
    /// It has its final reply.
    Final(AssistOutcome),
    /// Taken back by a later version of the list.
    Withdrawn,
}

impl LineState {
    /// The word in tables and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Seen => "seen",
            Self::Accepted => "accepted",
            Self::Final(outcome) => outcome.name(),
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The final reply, as far as counting needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineFinal {
    /// How the search ended.
    pub outcome: AssistOutcome,
    /// When, by the receiver's clock. A later reply that mends this one does not move it.
    pub at: Instant,
    /// 人头.
    pub identified: bool,
    /// 位置.
    pub placed: bool,
    /// 管控.
    pub controlled: bool,
    /// Where it went on to.
    pub forwarded: Option<(NodeId, RequestId, LineNo)>,
}

/// A line as both sides know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number.
    pub no: LineNo,
    /// The version of the list that brought its present content.
    pub version: u32,
    /// Digest of that content.
    pub content: Sealed,
    /// Versions that changed it and whose receipt is not known yet, and whether they withdrew it.
    pub(super) awaiting: VecDeque<(u32, bool)>,
    /// The newest content that the receiver is known to have: its version and when it came.
    pub received: Option<(u32, Instant)>,
    /// Whether that content needs no reply any more.
    pub(super) answered: bool,
    /// When an officer had it before them.
    pub seen_at: Option<Instant>,
    /// When a unit took it on.
    pub accepted_at: Option<Instant>,
    /// Its final reply.
    pub reply: Option<LineFinal>,
    /// How it ended at the node to which it was sent on.
    pub onward: Option<Onward>,
    /// The version of the list in which it is missing.
    pub withdrawn_in: Option<u32>,
    /// Breaches that are settled: past contents included.
    pub breaches: Vec<Breach>,
}

impl Line {
    pub(super) fn new(no: LineNo, version: u32, content: Sealed) -> Self {
        Self {
            no,
            version,
            content,
            awaiting: VecDeque::from([(version, false)]),
            received: None,
            answered: false,
            seen_at: None,
            accepted_at: None,
            reply: None,
            onward: None,
            withdrawn_in: None,
            breaches: Vec::new(),
        }
    }

    /// A version of the list says something else here: the line is open again, and has a new clock from its receipt on.
    pub(super) fn change(&mut self, version: u32, content: Sealed) {
        (self.version, self.content) = (version, content);
        self.awaiting.push_back((version, false));
        (self.reply, self.onward, self.withdrawn_in) = (None, None, None);
    }

    pub(super) fn withdraw(&mut self, version: u32) {
        self.withdrawn_in = Some(version);
        self.awaiting.push_back((version, true));
        (self.reply, self.onward) = (None, None);
    }

    /// The receiver has a version: where it changed this line, the old clock is settled and the new one begins.
    pub(super) fn receive(&mut self, version: u32, at: Instant) {
        let Some((_, withdrawn)) = self.awaiting.pop_front_if(|(first, _)| *first == version) else { return };
        self.settle(at);
        self.received = Some((version, at));
        self.answered = withdrawn;
        (self.seen_at, self.accepted_at) = (None, None);
    }

    /// A final reply to the content that the receiver has. If the list changed meanwhile, it only stops that clock.
    pub(super) fn answer(&mut self, reply: &LineReply, at: Instant) {
        self.settle(at);
        let first = self.reply.map(|first| first.at);
        self.answered = true;
        if self.version == reply.version && self.withdrawn_in.is_none() {
            self.reply = Some(LineFinal {
                outcome: reply.outcome,
                at: first.unwrap_or(at),
                identified: reply.identified.is_some(),
                placed: reply.placed_at.is_some(),
                controlled: reply.controlled_at.is_some(),
                forwarded: reply.forwarded,
            });
            self.onward = None;
        }
    }

    fn settle(&mut self, at: Instant) {
        if let Some(breach) = self.running_breach(at) {
            self.record(breach);
        }
    }

    pub(super) fn record(&mut self, breach: Breach) {
        if !self.breaches.contains(&breach) {
            self.breaches.push(breach);
        }
    }

    /// The breach of the running clock, if it has run out and is not on record.
    pub(super) fn running_breach(&self, now: Instant) -> Option<Breach> {
        let (_, received_at) = self.received.filter(|_| !self.answered)?;
        let due_at = due_at(received_at);
        let by_then = |at: Option<Instant>| at.is_some_and(|at| at <= due_at);
        let cause = match () {
            () if by_then(self.accepted_at) => BreachCause::NotReplied,
            () if by_then(self.seen_at) => BreachCause::NotAccepted,
            () => BreachCause::NotSeen,
        };
        let breach = Breach { no: self.no, due_at, cause };
        (now > due_at && !self.breaches.contains(&breach)).then_some(breach)
    }

    /// Its breaches up to a moment.
    pub fn breaches_by(&self, now: Instant) -> impl Iterator<Item = Breach> + '_ {
        self.breaches.iter().copied().chain(self.running_breach(now))
    }

    /// Where it stands.
    pub fn state(&self) -> LineState {
        match self.reply {
            _ if self.withdrawn_in.is_some() => LineState::Withdrawn,
            Some(reply) => LineState::Final(reply.outcome),
            None if !self.awaiting.is_empty() => LineState::Sent,
            None if self.accepted_at.is_some() => LineState::Accepted,
            None if self.seen_at.is_some() => LineState::Seen,
            None if self.received.is_some() => LineState::Received,
            None => LineState::Sent,
        }
    }

    /// Whether it waits for a final reply.
    pub const fn is_open(&self) -> bool {
        self.reply.is_none() && self.withdrawn_in.is_none()
    }

    /// By when it has to be answered; nothing before its receipt and after its end.
    pub fn due_at(&self) -> Option<Instant> {
        let (_, received_at) = self.received.filter(|_| !self.answered && self.is_open())?;
        Some(due_at(received_at))
    }

    /// When it became final; nothing while it is open. One that was withdrawn before it was received is final at once.
    pub fn final_at(&self) -> Option<Instant> {
        match self.reply {
            Some(reply) => Some(reply.at),
            None if self.withdrawn_in.is_some() => Some(self.received.map_or(Instant::MIN, |(_, at)| at)),
            None => None,
        }
    }
}
