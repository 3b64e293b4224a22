//! The course of a measure through time, as a node that never slept would have seen it.

use std::{collections::BTreeSet, sync::Arc};

use sizao_model::{Assessment, FactId, Instant, Measure, measure::PlannedTest};

use super::{Ending, LoopPhase};
use crate::{Dossier, assess, timeline::PackTimeline};

/// At most so many moments are looked at for one person; of more, the latest. A person with a measure has some dozens.
pub(super) const MOMENTS_MAX: usize = 4_096;

/// A measure from its opening to its end.
#[derive(Clone, Debug)]
pub(super) struct Course {
    pub rule: Arc<str>,
    pub opened_by: FactId,
    /// Every fact that it ever rested on.
    pub because: BTreeSet<FactId>,
    pub opened_at: Instant,
    pub first_due_at: Instant,
    pub due_at: Instant,
    pub phases: Vec<LoopPhase>,
    pub tests: Vec<PlannedTest>,
    /// The planned end that passed without the exit condition.
    pub grace_from: Option<Instant>,
    /// From when to when the present part goes on because its exit test is missing.
    pub missing_exit: Option<(Instant, Instant)>,
    pub ended: Option<(Instant, Ending)>,
    restricted: bool,
}

/// Walks from the first record to `now`; the second value is when the assessment next changes by itself.
pub(super) fn walk(dossier: &Dossier<'_>, packs: &PackTimeline, now: Instant) -> (Vec<Course>, Option<Instant>) {
    let mut recorded: Vec<Instant> =
        dossier.facts.iter().map(|fact| fact.recorded_at).filter(|at| *at <= now).collect();
    recorded.sort_unstable();
    recorded.dedup();
    let mut recorded = &recorded[recorded.len().saturating_sub(MOMENTS_MAX)..];
    let Some(mut at) = recorded.first().copied() else { return (Vec::new(), None) };
    let mut courses: Vec<Course> = Vec::new();
    let mut next_change_at = None;
    for _ in 0..2 * MOMENTS_MAX {
        while recorded.first().is_some_and(|first| *first < at) {
            recorded = &recorded[1..];
        }
        let is_new_fact = recorded.first() == Some(&at);
        let assessment = assess(dossier, packs, at, at);
        see(&mut courses, packs, &assessment, at, is_new_fact);
        next_change_at = assessment.next_change_at;
        let next_fact = recorded.iter().copied().find(|moment| *moment > at);
        let next = [next_fact, assessment.next_change_at].into_iter().flatten().filter(|next| *next > at).min();
        match next {
            Some(next) if next <= now => at = next,
            _ if at < now => at = now,
            _ => break,
        }
    }
    courses.sort_by(|a, b| (a.opened_at, &a.rule, a.opened_by).cmp(&(b.opened_at, &b.rule, b.opened_by)));
    (courses, next_change_at)
}

/// One look: which courses go on, which are new, which are over.
fn see(courses: &mut Vec<Course>, packs: &PackTimeline, assessment: &Assessment, at: Instant, is_new_fact: bool) {
    let mut going_on: Vec<Vec<&Measure>> = vec![Vec::new(); courses.len()];
    for group in groups(&assessment.measures, packs) {
        // Several groups may be what was one before: they stay one course.
        match courses.iter().position(|course| course.goes_on_in(&group, packs)) {
            Some(index) if index < going_on.len() => going_on[index].extend(group),
            Some(index) => courses[index].join(&group),
            None => courses.extend(Course::open(&group, at)),
        }
    }
    for (course, group) in courses.iter_mut().zip(going_on) {
        match group.is_empty() {
            false => course.go_on(&group, at, is_new_fact),
            true if course.ended.is_none() => course.end(at, is_new_fact),
            true => {}
        }
    }
}

/// Measures of one rule that rest on a common fact: the phases of one course.
fn groups<'m>(measures: &'m [Measure], packs: &PackTimeline) -> Vec<Vec<&'m Measure>> {
    let mut groups: Vec<Vec<&Measure>> = Vec::new();
    for measure in measures {
        let fits = |group: &Vec<&Measure>| {
            group.iter().any(|other| {
                packs.is_same_rule(other.rule(), measure.rule())
                    && other.because().iter().any(|fact| measure.because().contains(fact))
            })
        };
        match groups.iter().position(fits) {
            Some(index) => groups[index].push(measure),
            None => groups.push(vec![measure]),
        }
    }
    groups
}

impl Course {
    /// A new course; none of what only cares and is planned without any restriction to come is left out: follow-up is a
    /// course too.
    fn open(group: &[&Measure], at: Instant) -> Option<Self> {
        let opened_by = group.iter().flat_map(|measure| measure.because()).min().copied()?;
        let due_at = due(group)?;
        let mut course = Self {
            rule: group[0].rule().into(),
            opened_by,
            because: BTreeSet::new(),
            opened_at: at,
            first_due_at: due_at,
            due_at,
            phases: Vec::new(),
            tests: Vec::new(),
            grace_from: None,
            missing_exit: None,
            ended: None,
            restricted: false,
        };
        course.join(group);
        Some(course)
    }

    /// Also under another pack that took over: nobody is released by that, and the loop keeps the rule that opened it.
    fn goes_on_in(&self, group: &[&Measure], packs: &PackTimeline) -> bool {
        packs.is_same_rule(group[0].rule(), &self.rule)
            && group.iter().any(|measure| measure.because().iter().any(|fact| self.because.contains(fact)))
    }

    fn go_on(&mut self, group: &[&Measure], at: Instant, is_new_fact: bool) {
        let Some(due_at) = due(group) else { return };
        // What restricted and only cares now is over: the person is free.
        if self.restricted && !group.iter().any(|measure| measure.kind().restricts()) {
            if self.ended.is_none() {
                self.end(at, is_new_fact);
            }
            return self.join(group);
        }
        self.ended = None;
        if at >= self.due_at && due_at > self.due_at && !is_new_fact {
            self.grace_from = Some(self.grace_from.unwrap_or(self.due_at));
        } else if due_at > at && is_new_fact && self.grace_from.is_none_or(|from| due_at < from) {
            self.grace_from = None;
        }
        self.due_at = due_at;
        if !is_new_fact {
            let goes_on = |measure: &&Measure| {
                let known = self.phases.iter().find(|phase| is_of(phase, measure))?;
                (known.ends_at <= at && at < measure.ends_at()).then(|| (known.ends_at, measure.ends_at()))
            };
            self.missing_exit = group.iter().find_map(goes_on).or(self.missing_exit);
        }
        // What lay ahead may have been planned anew.
        self.phases.retain(|phase| phase.starts_at < at);
        // And what is not asked any more is over, as when another pack took over.
        for phase in self.phases.iter_mut().filter(|phase| !group.iter().any(|measure| is_of(phase, measure))) {
            phase.ends_at = phase.ends_at.min(at);
        }
        self.tests.clear();
        self.join(group);
    }

    fn join(&mut self, group: &[&Measure]) {
        for measure in group {
            self.because.extend(measure.because());
            self.restricted |= measure.kind().restricts();
            let same = group.iter().filter(|other| is_same_part(other, measure));
            let ends_at = same.map(|other| other.ends_at()).max().unwrap_or(measure.ends_at());
            let phase = LoopPhase { kind: measure.kind(), starts_at: measure.starts_at(), ends_at };
            match self.phases.iter_mut().find(|known| is_of(known, measure)) {
                Some(known) => known.ends_at = phase.ends_at,
                None => self.phases.push(phase),
            }
            self.tests
                .extend(measure.tests().iter().filter(|test| !self.tests.contains(test)).cloned().collect::<Vec<_>>());
        }
        self.phases.sort_by_key(|phase| (phase.starts_at, phase.ends_at, phase.kind));
        self.tests.sort_by_key(|test| test.date);
    }

    fn end(&mut self, at: Instant, is_new_fact: bool) {
        let ending = match self.grace_from {
            Some(_) if !is_new_fact && at >= self.due_at => Ending::Lapsed,
            Some(_) => Ending::Served,
            None if at >= self.due_at => Ending::Served,
            None => Ending::Withdrawn,
        };
        for phase in &mut self.phases {
            phase.ends_at = phase.ends_at.min(at.max(phase.starts_at));
        }
        self.phases.retain(|phase| phase.starts_at < phase.ends_at);
        self.ended = Some((at, ending));
    }
}

/// Whether two measures ask the same from the same moment on; the longer one counts.
fn is_same_part(one: &Measure, other: &Measure) -> bool {
    one.kind() == other.kind() && one.starts_at() == other.starts_at()
}

/// Whether a part is of a measure, however long that has become.
fn is_of(phase: &LoopPhase, measure: &Measure) -> bool {
    phase.kind == measure.kind() && phase.starts_at == measure.starts_at()
}

/// When the last restriction of a group is over; of one that restricts nothing, the last part.
fn due(group: &[&Measure]) -> Option<Instant> {
    let restricting = group.iter().filter(|measure| measure.kind().restricts()).map(|measure| measure.ends_at()).max();
    restricting.or_else(|| group.iter().map(|measure| measure.ends_at()).max())
}
