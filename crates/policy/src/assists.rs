//! A request between cities (区域协查) followed to its end: a fold over what both sides said.
//!
//! The clock of a line starts when the receiving node has it and runs through nights and holidays. Both sides fold the
//! same messages, each in the order of its own link, and come to the same replies and the same breaches: whatever is
//! late is late by the receiver's clock, so that two clocks that go differently do not make two lists. Nothing here
//! restricts anybody.

mod line;
mod tally;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sizao_model::{
    Instant,
    assist::{AssistList, AssistMessage, AssistOutcome, Breach, Forwarded, LineNo, LineReply, NodeId, RequestId},
};
use thiserror::Error;

pub use self::{
    line::{Line, LineFinal, LineState},
    tally::AssistClears,
};
use crate::loops::Urgency;

/// From receipt to the final reply.
pub const LIMIT_MINUTES: i64 = 6 * 60;
/// From receipt until the officer is reminded.
pub const REMIND_MINUTES: i64 = 3 * 60;
/// From receipt until the next level is told.
pub const ESCALATE_MINUTES: i64 = 5 * 60;
/// From sending until a missing receipt alarms the sender.
pub const ALARM_MINUTES: i64 = 30;
/// Lines of a request.
pub const LINES_MAX: usize = 2_000;

/// When a clock that began at a moment runs out.
pub const fn due_at(received_at: Instant) -> Instant {
    received_at.plus_minutes(LIMIT_MINUTES)
}

/// How urgent what was received at a moment is.
pub fn urgency(received_at: Instant, now: Instant) -> Urgency {
    match () {
        () if now > due_at(received_at) => Urgency::Overdue,
        () if now >= received_at.plus_minutes(ESCALATE_MINUTES) => Urgency::Escalated,
        () if now >= received_at.plus_minutes(REMIND_MINUTES) => Urgency::Reminded,
        () => Urgency::Calm,
    }
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The city that asks.
    Origin,
    /// The city that is asked.
    Receiver,
}

/// Why a message does not fit what was said before. Nothing changes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AssistFault {
    /// The other side may not say this.
    #[error("this side may not say that")]
    WrongSide,
    /// Not the next version of the list.
    #[error("version {found} of the list: {wanted} is the next")]
    Version {
        /// What came.
        found: u32,
        /// What fits.
        wanted: u32,
    },
    /// A list without lines, with too many, or with a number twice.
    #[error("a list has 1 to 2,000 lines with numbers of their own from 1")]
    Lines,
    /// No such line, or it was withdrawn.
    #[error("line {0} is not on the list")]
    NoLine(LineNo),
    /// The line says something else by now.
    #[error("line {0} was changed by a later version of the list")]
    Stale(LineNo),
    /// The reply lacks what its outcome needs.
    #[error("line {no}: {lacks}")]
    Reply {
        /// Which line.
        no: LineNo,
        /// What is missing or too much.
        lacks: &'static str,
    },
    /// A breach that did not happen so.
    #[error("line {0} did not run out then")]
    Breach(LineNo),
    /// Something that was not sent is said to be received.
    #[error("version {0} of the list was not sent")]
    NotSent(u32),
}

/// A request with its lines, or with those that a message touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// Who asks.
    pub origin: NodeId,
    /// Who is asked.
    pub receiver: NodeId,
    /// Newest version of the list.
    pub version: u32,
    /// When each version was sent, by the origin's clock.
    pub sent: BTreeMap<u32, Instant>,
    /// When each version was received, by the receiver's clock.
    pub received: BTreeMap<u32, Instant>,
    /// For a request that sends a line of another on.
    pub forwarded: Option<Forwarded>,
    /// The lines that are in hand.
    #[serde(skip)]
    pub lines: BTreeMap<LineNo, Line>,
}

impl Request {
    /// A request of which nothing was said yet.
    pub fn new(id: RequestId, origin: NodeId, receiver: NodeId) -> Self {
        Self {
            id,
            origin,
            receiver,
            version: 0,
            sent: BTreeMap::new(),
            received: BTreeMap::new(),
            forwarded: None,
            lines: BTreeMap::new(),
        }
    }

    /// The lines that a message touches; none: all of them.
    pub fn touched(message: &AssistMessage) -> Option<Vec<LineNo>> {
        match message {
            AssistMessage::Replies { replies, .. } => Some(replies.iter().map(|reply| reply.no).collect()),
            AssistMessage::Breached { lines, .. } => Some(lines.iter().map(|breach| breach.no).collect()),
            AssistMessage::Onward { onward, .. } => Some(vec![onward.no]),
            _ => None,
        }
    }

    /// Folds a message in. The lines that it touches have to be in hand.
    ///
    /// # Errors
    /// [`AssistFault`], and nothing has changed.
    pub fn apply(&mut self, by: Side, message: &AssistMessage) -> Result<(), AssistFault> {
        match (by, message) {
            (Side::Origin, AssistMessage::List(list)) => self.list(list),
            (Side::Receiver, AssistMessage::Received { version, at, .. }) => self.receive(*version, *at),
            (Side::Receiver, AssistMessage::Seen { version, at, .. }) => {
                self.each_received(*version, |line| line.seen_at = line.seen_at.or(Some(*at)))
            }
            (Side::Receiver, AssistMessage::Accepted { version, at, .. }) => self.each_received(*version, |line| {
                line.seen_at = line.seen_at.or(Some(*at));
                line.accepted_at = line.accepted_at.or(Some(*at));
            }),
            (Side::Receiver, AssistMessage::Replies { replies, at, .. }) => self.reply(replies, *at),
            (Side::Receiver, AssistMessage::Breached { lines, at, .. }) => self.breach(lines, *at),
            (Side::Receiver, AssistMessage::Onward { onward, .. }) => {
                let line = self.lines.get_mut(&onward.no).ok_or(AssistFault::NoLine(onward.no))?;
                let moved = line.reply.is_some_and(|reply| reply.outcome == AssistOutcome::MovedOn);
                if !moved {
                    return Err(AssistFault::Reply { no: onward.no, lacks: "the line did not move on" });
                }
                line.onward = Some(*onward);
                Ok(())
            }
            _ => Err(AssistFault::WrongSide),
        }
    }

    fn list(&mut self, list: &AssistList) -> Result<(), AssistFault> {
        let wanted = self.version + 1;
        if list.version != wanted {
            return Err(AssistFault::Version { found: list.version, wanted });
        }
        let numbers: BTreeSet<LineNo> = list.lines.iter().map(|line| line.no).collect();
        let is_whole = numbers.len() == list.lines.len() && !numbers.contains(&0);
        if !is_whole || numbers.is_empty() || numbers.len() > LINES_MAX {
            return Err(AssistFault::Lines);
        }
        self.version = wanted;
        self.sent.insert(wanted, list.sent_at);
        self.forwarded = list.forwarded;
        for line in &list.lines {
            match self.lines.get_mut(&line.no) {
                Some(known) if known.content == line.content && known.withdrawn_in.is_none() => {}
                Some(known) => known.change(wanted, line.content),
                None => {
                    self.lines.insert(line.no, Line::new(line.no, wanted, line.content));
                }
            }
        }
        for (_, gone) in self.lines.iter_mut().filter(|(no, line)| !numbers.contains(no) && line.withdrawn_in.is_none())
        {
            gone.withdraw(wanted);
        }
        Ok(())
    }

    fn receive(&mut self, version: u32, at: Instant) -> Result<(), AssistFault> {
        if version == 0 || version > self.version {
            return Err(AssistFault::NotSent(version));
        }
        let wanted = self.received.last_key_value().map_or(1, |(last, _)| last + 1);
        if version != wanted {
            return Err(AssistFault::Version { found: version, wanted });
        }
        self.received.insert(version, at);
        self.lines.values_mut().for_each(|line| line.receive(version, at));
        Ok(())
    }

    fn each_received(&mut self, version: u32, change: impl Fn(&mut Line)) -> Result<(), AssistFault> {
        if !self.received.contains_key(&version) {
            return Err(AssistFault::NotSent(version));
        }
        let of_it = |line: &&mut Line| line.received.is_some_and(|(of, _)| of <= version) && !line.answered;
        self.lines.values_mut().filter(of_it).for_each(change);
        Ok(())
    }

    fn reply(&mut self, replies: &[LineReply], at: Instant) -> Result<(), AssistFault> {
        for reply in replies {
            let line = self.lines.get(&reply.no).ok_or(AssistFault::NoLine(reply.no))?;
            if line.received.is_none_or(|(version, _)| version != reply.version) {
                return Err(AssistFault::Stale(reply.no));
            }
            check_reply(reply, at)?;
        }
        for reply in replies {
            if let Some(line) = self.lines.get_mut(&reply.no) {
                line.answer(reply, at);
            }
        }
        Ok(())
    }

    fn breach(&mut self, lines: &[Breach], at: Instant) -> Result<(), AssistFault> {
        for breach in lines {
            let line = self.lines.get(&breach.no).ok_or(AssistFault::NoLine(breach.no))?;
            if !line.breaches.contains(breach) && line.running_breach(at) != Some(*breach) {
                return Err(AssistFault::Breach(breach.no));
            }
        }
        for breach in lines {
            if let Some(line) = self.lines.get_mut(&breach.no) {
                line.record(*breach);
            }
        }
        Ok(())
    }

    /// The version that has been under way for half an hour without a receipt: the sender is alarmed.
    pub fn unacknowledged(&self, now: Instant) -> Option<u32> {
        let owed = self.sent.iter().find(|(version, _)| !self.received.contains_key(version));
        owed.filter(|(_, sent)| now >= sent.plus_minutes(ALARM_MINUTES)).map(|(version, _)| *version)
    }

    /// When the first version was received.
    pub fn received_at(&self) -> Option<Instant> {
        self.received.get(&1).copied()
    }

    /// From when the total age counts: for a line that was sent on, from the first receipt anywhere.
    pub fn age_from(&self) -> Option<Instant> {
        self.forwarded.map(|forwarded| forwarded.received_at).or(self.received_at())
    }

    /// When the last line became final; nothing while one is open.
    pub fn closed_at(&self) -> Option<Instant> {
        if self.lines.is_empty() {
            return None;
        }
        self.lines.values().map(Line::final_at).try_fold(Instant::MIN, |last, at| Some(last.max(at?)))
    }

    /// The four clears at this moment.
    pub fn clears(&self) -> AssistClears {
        let mut clears = AssistClears::default();
        self.lines.values().for_each(|line| clears.add(line));
        clears
    }

    /// Every breach up to a moment: each content of a line that had no final reply within six hours of its receipt.
    pub fn breaches(&self, now: Instant) -> Vec<Breach> {
        let mut all: Vec<Breach> = self.lines.values().flat_map(|line| line.breaches_by(now)).collect();
        all.sort_unstable();
        all
    }

    /// The breaches that nobody has put on record yet.
    pub fn owed_breaches(&self, now: Instant) -> Vec<Breach> {
        self.lines.values().filter_map(|line| line.running_breach(now)).collect()
    }
}

/// What a reply has to bring, by its outcome.
///
/// # Errors
/// [`AssistFault::Reply`].
pub fn check_reply(reply: &LineReply, at: Instant) -> Result<(), AssistFault> {
    use AssistOutcome as O;
    let lacks = match reply.outcome {
        O::LocatedHere if reply.placed_at.is_none() || reply.sealed.is_none() => "located here needs place and time",
        O::AlreadyControlled if reply.measure.is_none() || reply.controlled_at.is_none() => {
            "already controlled needs the measure and since when"
        }
        O::NotFound if reply.tried.is_empty() => "not found needs what was tried",
        O::MovedOn if reply.forwarded.is_none() => "moved on needs the request to which the line was sent on",
        O::WrongData | O::Refuted if reply.sealed.is_none() => "wrong data and no exposure need words",
        outcome if outcome != O::MovedOn && reply.forwarded.is_some() => "only a line that moved on is sent on",
        _ if reply.measure.is_some() != reply.controlled_at.is_some() => "a measure has a beginning",
        _ if reply.placed_at.is_some_and(|placed| placed > at) => "nobody is seen later than now",
        _ => return Ok(()),
    };
    Err(AssistFault::Reply { no: reply.no, lacks })
}
