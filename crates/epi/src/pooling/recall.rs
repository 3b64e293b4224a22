//! A pool that is not negative (混管阳性): its members are asked to wait, are sampled singly, and are let go or are cases.
//!
//! The wait is code-neutral: a hold is no colour and no measure, and it ends by itself. An invalid pool is recalled
//! without any hold, because it says nothing about anybody. Only a single positive result makes a case; the others of
//! its pool are assessed as contacts in the queue, and are not contacts by that alone.

use sizao_model::{Instant, PersonId, fact::Outcome};
use thiserror::Error;

/// Minutes from the laboratory's signal until headquarters know.
pub const SIGNAL_MINUTES: i64 = 30;
/// Minutes from the signal until every member is listed and called.
pub const CALLED_MINUTES: i64 = 30;
/// Minutes from the signal until every member is reached or located.
pub const REACHED_MINUTES: i64 = 120;
/// Minutes from the signal until every member is sampled singly.
pub const RESAMPLED_MINUTES: i64 = 120;
/// Minutes from a single sample to its result.
pub const RESULT_MINUTES: i64 = 360;
/// Hours after which nobody waits any longer unless a supervisor has said so, with a reason.
pub const CEILING_HOURS: i64 = 24;

/// Why a step of a recall is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RecallError {
    /// A negative pool clears its members.
    #[error("a negative pool recalls nobody")]
    PoolIsNegative,
    /// The person had no swab in the pool.
    #[error("this person is no member of the pool")]
    NotAMember,
    /// A result without a sample.
    #[error("this person has no single sample yet: a result of another tube")]
    NotResampled,
    /// A result from before its sample, or a sample from before the recall.
    #[error("this happened before the step that it follows: set the clock of the device right")]
    BeforeItsStep,
    /// Nobody waits, or the hold is over.
    #[error("there is no hold to be made longer")]
    NoHold,
    /// A supervisor says why.
    #[error("a longer wait needs a reason")]
    NoReason,
}

/// How one member of a pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: PersonId,
    /// When the person was called.
    pub called_at: Option<Instant>,
    /// When the person was reached or located.
    pub reached_at: Option<Instant>,
    /// When the person was sampled singly; the last time, when it was done again.
    pub resampled_at: Option<Instant>,
    /// The last single result.
    pub single: Option<(Instant, Outcome)>,
}

impl Member {
    /// Negative or positive: a grey or invalid single result asks for another sample.
    fn verdict(&self) -> Option<(Instant, Outcome)> {
        self.single.filter(|(_, outcome)| matches!(outcome, Outcome::Negative | Outcome::Positive))
    }
}

/// What has become of a recall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Members are still to be sampled or have no verdict yet.
    Pending,
    /// All are negative: the pool's result is kept as not confirmed.
    NotConfirmed {
        /// With the last result.
        at: Instant,
    },
    /// At least one single sample is positive.
    Cases {
        /// With the first positive.
        at: Instant,
        /// Those who are cases, in the order of the pool.
        cases: Vec<PersonId>,
        /// The others, to be assessed as contacts in the queue.
        to_assess: Vec<PersonId>,
    },
}

/// A deadline that has passed without its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Whose.
    pub person: PersonId,
    /// Which step.
    pub step: RecallStep,
    /// Since when.
    pub since: Instant,
}

/// Steps with a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecallStep {
    /// Call the person.
    Call,
    /// Reach or locate the person, with the community and the police if need be: a task, and others need not wait.
    Reach,
    /// Take a single sample.
    Resample,
    /// Get the result.
    Result,
}

/// The recall of one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recall {
    signal_at: Instant,
    holds: bool,
    members: Vec<Member>,
    /// Until when a supervisor made the hold last, and why.
    extended: Option<(Instant, Box<str>)>,
}

impl Recall {
    /// Begins with the laboratory's signal. A positive or grey pool asks its members to wait; an invalid one does not.
    ///
    /// # Errors
    /// [`RecallError::PoolIsNegative`].
    pub fn begin(
        outcome: Outcome,
        members: impl IntoIterator<Item = PersonId>,
        signal_at: Instant,
    ) -> Result<Self, RecallError> {
        let holds = match outcome {
            Outcome::Negative => return Err(RecallError::PoolIsNegative),
            Outcome::Positive | Outcome::GreyZone => true,
            Outcome::Invalid => false,
        };
        let mut known: Vec<Member> = Vec::new();
        for person in members {
            if known.iter().all(|member| member.person != person) {
                known.push(Member { person, called_at: None, reached_at: None, resampled_at: None, single: None });
            }
        }
        Ok(Self { signal_at, holds, members: known, extended: None })
    }

    /// The members, in the order of the pool.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The person was called.
    ///
    /// # Errors
    /// [`RecallError::NotAMember`], [`RecallError::BeforeItsStep`].
    pub fn call(&mut self, person: PersonId, at: Instant) -> Result<(), RecallError> {
        let member = self.member(person, at)?;
        member.called_at.get_or_insert(at);
        Ok(())
    }

    /// The person was reached or located.
    ///
    /// # Errors
    /// [`RecallError::NotAMember`], [`RecallError::BeforeItsStep`].
    pub fn reach(&mut self, person: PersonId, at: Instant) -> Result<(), RecallError> {
        let member = self.member(person, at)?;
        member.reached_at.get_or_insert(at);
        Ok(())
    }

    /// The person was sampled singly. Whoever was sampled was reached.
    ///
    /// # Errors
    /// [`RecallError::NotAMember`], [`RecallError::BeforeItsStep`].
    pub fn resample(&mut self, person: PersonId, at: Instant) -> Result<(), RecallError> {
        let member = self.member(person, at)?;
        member.called_at.get_or_insert(at);
        member.reached_at.get_or_insert(at);
        member.resampled_at = Some(at);
        Ok(())
    }

    /// The result of a single sample; a later one replaces an earlier one, as corrections do.
    ///
    /// # Errors
    /// [`RecallError::NotAMember`], [`RecallError::NotResampled`], [`RecallError::BeforeItsStep`].
    pub fn report(&mut self, person: PersonId, outcome: Outcome, at: Instant) -> Result<(), RecallError> {
        let member = self.member(person, at)?;
        let sampled_at = member.resampled_at.ok_or(RecallError::NotResampled)?;
        if at < sampled_at {
            return Err(RecallError::BeforeItsStep);
        }
        if member.single.is_none_or(|(before, _)| at >= before) {
            member.single = Some((at, outcome));
        }
        Ok(())
    }

    /// A supervisor lets the hold last longer, with a reason.
    ///
    /// # Errors
    /// [`RecallError::NoHold`] when nobody waits at `at`, [`RecallError::NoReason`].
    pub fn extend(&mut self, until: Instant, reason: &str, at: Instant) -> Result<(), RecallError> {
        if reason.trim().is_empty() {
            return Err(RecallError::NoReason);
        }
        if self.held_at(at).is_empty() || until <= self.ceiling() {
            return Err(RecallError::NoHold);
        }
        self.extended = Some((until, reason.into()));
        Ok(())
    }

    /// When the hold ends at the latest.
    pub fn ceiling(&self) -> Instant {
        let own = self.signal_at.plus_hours(CEILING_HOURS);
        self.extended.as_ref().map_or(own, |(until, _)| *until)
    }

    /// Who is asked to wait at a moment, as far as is known now.
    ///
    /// Until all who could be sampled are negative, all members wait, those without a single sample too; a member who
    /// cannot be found keeps nobody else waiting once the time to be reached is over. With a case among them, those who
    /// are negative go, and the rest waits for their own result.
    pub fn held_at(&self, at: Instant) -> Vec<PersonId> {
        if !self.holds || at < self.signal_at || at >= self.ceiling() {
            return Vec::new();
        }
        let known = |member: &Member| member.verdict().filter(|(when, _)| *when <= at).map(|(_, outcome)| outcome);
        let has_case = self.members.iter().any(|member| known(member) == Some(Outcome::Positive));
        let searching = at >= self.signal_at.plus_minutes(REACHED_MINUTES);
        let is_lost = |member: &Member| searching && member.reached_at.is_none_or(|when| when > at);
        let all_clear = self.members.iter().all(|member| known(member) == Some(Outcome::Negative) || is_lost(member));
        let waits = |member: &&Member| match known(member) {
            // Cases are cared for by their own measure, which has its own evidence.
            Some(Outcome::Positive) => false,
            Some(Outcome::Negative) => !(has_case || all_clear),
            _ => true,
        };
        self.members.iter().filter(waits).map(|member| member.person).collect()
    }

    /// What has become of it.
    pub fn resolution(&self) -> Resolution {
        let verdicts =
            || self.members.iter().filter_map(|member| member.verdict().map(|verdict| (member.person, verdict)));
        let cases: Vec<(PersonId, Instant)> = verdicts()
            .filter(|(_, (_, outcome))| *outcome == Outcome::Positive)
            .map(|(who, (at, _))| (who, at))
            .collect();
        if let Some(at) = cases.iter().map(|(_, at)| *at).min() {
            let cases: Vec<PersonId> = cases.into_iter().map(|(who, _)| who).collect();
            let others = self.members.iter().map(|member| member.person).filter(|who| !cases.contains(who)).collect();
            return Resolution::Cases { at, cases, to_assess: others };
        }
        let last = verdicts().map(|(_, (at, _))| at).max();
        match last.filter(|_| verdicts().count() == self.members.len()) {
            Some(at) => Resolution::NotConfirmed { at },
            None => Resolution::Pending,
        }
    }

    /// Steps whose time is over at a moment, in the order of the pool; of each member the first that is missing.
    pub fn overdue_at(&self, at: Instant) -> Vec<Overdue> {
        let late = |member: &Member| {
            let (step, since) = match (member.called_at, member.reached_at, member.resampled_at) {
                _ if member.verdict().is_some() => return None,
                (None, None, _) => (RecallStep::Call, self.signal_at.plus_minutes(CALLED_MINUTES)),
                (_, None, _) => (RecallStep::Reach, self.signal_at.plus_minutes(REACHED_MINUTES)),
                (_, _, None) => (RecallStep::Resample, self.signal_at.plus_minutes(RESAMPLED_MINUTES)),
                // A grey or invalid result is no verdict: another sample is due at once.
                (_, _, Some(sampled)) => match member.single {
                    Some((said, _)) if said >= sampled => (RecallStep::Resample, said.plus_minutes(RESAMPLED_MINUTES)),
                    _ => (RecallStep::Result, sampled.plus_minutes(RESULT_MINUTES)),
                },
            };
            (at > since).then_some(Overdue { person: member.person, step, since })
        };
        self.members.iter().filter_map(late).collect()
    }

    fn member(&mut self, person: PersonId, at: Instant) -> Result<&mut Member, RecallError> {
        let begun = self.signal_at;
        let member = self.members.iter_mut().find(|member| member.person == person).ok_or(RecallError::NotAMember)?;
        if at < begun { Err(RecallError::BeforeItsStep) } else { Ok(member) }
    }
}
