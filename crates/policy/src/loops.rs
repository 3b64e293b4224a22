//! Closed loops (闭环): each measure followed to its end by people, as a fold over facts.
//!
//! [`follow`] walks through the assessments of a person as a node would have made them at each moment, and lays the
//! steps that people recorded beside them. So the end of a measure has its true time even when nobody looked for days,
//! and the same facts always give the same loops. Nothing here restricts anybody: a loop says what is owed to whom, by
//! when, and by whom.

mod clocks;
mod course;
mod fold;
mod tally;

use std::sync::Arc;

use sizao_model::{
    FactId, Instant, MeasureKind, PersonId,
    fact::{LinkBasis, Need},
    measure::PlannedTest,
};

pub use clocks::{Clock, Clocks, ClocksError, LoopClocks};
pub use tally::{FourClears, Reply};

use crate::{Dossier, known, people::Group, timeline::PackTimeline};

/// Who has to act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The unit, by id.
    pub unit: Arc<str>,
    /// The person in it, by account.
    pub officer: Option<Arc<str>>,
    /// Who acts when that person cannot.
    pub deputy: Option<Arc<str>>,
}

/// How far a loop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopState {
    /// Open, and nobody's yet.
    Opened,
    /// Somebody has to act.
    Assigned,
    /// The person knows.
    Notified,
    /// The person was found.
    Located,
    /// The measure is being kept.
    UnderControl,
    /// The planned end is over and the exit condition is missing: the grace runs.
    Due {
        /// The planned end.
        since: Instant,
    },
    /// The measure is over, whether or not anybody has said so yet.
    Ended {
        /// When, in truth.
        at: Instant,
        /// Why.
        by: Ending,
    },
}

/// Why a measure is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its time was served and its conditions met.
    Served,
    /// The grace was over without an exit test: it lapsed, and somebody has to ask why.
    Lapsed,
    /// What it rested on does not hold any more: corrected, an area ended, a milder pack.
    Withdrawn,
}

/// How urgent a deadline is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// In time.
    #[default]
    Calm,
    /// Half of the time is over: the owner is reminded.
    Reminded,
    /// Five sixths are over: the next level is told.
    Escalated,
    /// The time is over.
    Overdue,
}

/// Something that somebody has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopTask {
    /// What.
    pub kind: TaskKind,
    /// From when on.
    pub since: Instant,
    /// By when.
    pub due_at: Instant,
}

/// What has to be done. Ordered by how much is at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskKind {
    /// Bring a need: each has a clock of its own.
    Care {
        /// The fact of the need.
        of: FactId,
        /// What is needed.
        need: Need,
    },
    /// To the fever clinic: symptoms were reported.
    FeverClinic,
    /// Tell the person that it is over, and put that on record.
    Release,
    /// Take the exit test: the measure would be over without it.
    ExitTest,
    /// Find an owner.
    Assign,
    /// Tell the person.
    Notify,
    /// Find the person.
    Locate,
    /// See that the measure is kept.
    Control,
    /// Take a planned test.
    Test,
    /// Ask about symptoms and temperature.
    Check,
}

impl TaskKind {
    /// The word in tables, addresses and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Care { .. } => "care",
            Self::FeverClinic => "fever-clinic",
            Self::Release => "release",
            Self::ExitTest => "exit-test",
            Self::Assign => "assign",
            Self::Notify => "notify",
            Self::Locate => "locate",
            Self::Control => "control",
            Self::Test => "test",
            Self::Check => "check",
        }
    }
}

impl LoopTask {
    /// How urgent it is at a moment.
    pub fn urgency(&self, at: Instant) -> Urgency {
        let whole = self.due_at.as_micros().saturating_sub(self.since.as_micros()).max(1);
        let gone = at.as_micros().saturating_sub(self.since.as_micros());
        match () {
            () if gone >= whole => Urgency::Overdue,
            () if gone >= whole / 6 * 5 => Urgency::Escalated,
            () if gone >= whole / 2 => Urgency::Reminded,
            () => Urgency::Calm,
        }
    }

    /// When its urgency next grows after a moment; nothing once it is overdue.
    fn next_step_at(&self, at: Instant) -> Option<Instant> {
        let (since, whole) =
            (self.since.as_micros(), self.due_at.as_micros().saturating_sub(self.since.as_micros()).max(1));
        let steps = [since + whole / 2, since + whole / 6 * 5, since + whole];
        steps.into_iter().map(Instant::from_micros).find(|step| *step > at)
    }
}

/// One part of a course: a measure that was asked, and from when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopPhase {
    /// What is asked.
    pub kind: MeasureKind,
    /// From when.
    pub starts_at: Instant,
    /// To when, as known.
    pub ends_at: Instant,
}

/// When each step was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// First given to an owner.
    pub assigned_at: Option<Instant>,
    /// The person was told.
    pub notified_at: Option<Instant>,
    /// The person was found.
    pub located_at: Option<Instant>,
    /// The measure was being kept.
    pub controlled_at: Option<Instant>,
    /// Somebody put the release on record.
    pub released_at: Option<Instant>,
    /// Somebody handed it to the next level.
    pub escalated_at: Option<Instant>,
}

/// A measure of one person, followed to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedLoop {
    /// Whose.
    pub person: PersonId,
    /// `<pack>:<rule>` of the measure as it opened; when another pack takes over, the loop goes on under its name.
    pub rule: Arc<str>,
    /// The first of the facts that opened it.
    pub opened_by: FactId,
    /// When it opened: when the evidence was on record.
    pub opened_at: Instant,
    /// When its last restriction is over by plan: known from the first minute.
    pub due_at: Instant,
    /// The same as it was planned in the first minute.
    pub first_due_at: Instant,
    /// Its parts, oldest first.
    pub phases: Vec<LoopPhase>,
    /// How far it has come.
    pub state: LoopState,
    /// When each step was reached.
    pub reached: Reached,
    /// Who has to act now; none: nobody yet.
    pub owner: Option<Owner>,
    /// What has to be done, most urgent first; empty when all is done or not yet due.
    pub tasks: Vec<LoopTask>,
    /// What is known of the person for the four clears.
    pub known: Known,
    /// The next moment at which any of this may change by itself.
    pub next_change_at: Option<Instant>,
}

/// What is known of a person in a list, for the four clears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The final reply: how the search ended.
    pub reply: Option<Reply>,
    /// How it is known who the person is; an automatic link counts for nothing.
    pub identified: Option<LinkBasis>,
    /// Where the person is, and when that was seen.
    pub place: Option<(Arc<str>, Instant)>,
    /// What is being kept, and since when.
    pub control: Option<(MeasureKind, Instant)>,
    /// The last question about symptoms and temperature.
    pub checked_at: Option<Instant>,
    /// The next planned test.
    pub next_test: Option<PlannedTest>,
}

impl ClosedLoop {
    /// Whether anything is still owed: the measure is not over, or nobody put its end on record.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, LoopState::Ended { .. }) || self.reached.released_at.is_none()
    }

    /// Since when the conditions of release are met and nobody has put the release on record.
    pub fn owed_since(&self) -> Option<Instant> {
        match self.state {
            LoopState::Ended { at, .. } if self.reached.released_at.is_none() => Some(at),
            _ => None,
        }
    }

    /// What is asked at a moment: the strictest of the parts then.
    pub fn kind_at(&self, at: Instant) -> Option<MeasureKind> {
        let holding = self.phases.iter().filter(|phase| phase.starts_at <= at && at < phase.ends_at);
        holding.map(|phase| phase.kind).max_by_key(|kind| kind.strictness())
    }

    /// How urgent the most urgent task is.
    pub fn urgency(&self, at: Instant) -> Urgency {
        self.tasks.iter().map(|task| task.urgency(at)).max().unwrap_or_default()
    }
}

/// The loops of a person at a moment, oldest first: those whose measures a node would have seen by then.
///
/// - `clocks`: how long each step may take, by rule.
/// - `now`: the moment; facts recorded later do not exist.
///
/// Pure and the same whatever the order of the facts. Walking is bounded: see `course::MOMENTS_MAX`.
pub fn follow(dossier: &Dossier<'_>, packs: &PackTimeline, clocks: &Clocks, now: Instant) -> Vec<ClosedLoop> {
    let (courses, next_change_at) = course::walk(dossier, packs, now);
    if courses.is_empty() {
        return Vec::new();
    }
    let facts = known::read(&dossier.facts, now);
    let me = Group::of(dossier.person, &facts);
    let own: Vec<_> = facts.iter().filter(|seen| me.reach(seen).is_some()).collect();
    let with_next = |course| {
        let mut closed_loop = fold::fold(dossier.person, course, &own, &facts, clocks, now);
        closed_loop.next_change_at = closed_loop.next_change_at.into_iter().chain(next_change_at).min();
        closed_loop
    };
    courses.into_iter().map(with_next).collect()
}
