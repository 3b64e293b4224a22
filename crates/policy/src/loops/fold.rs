//! Steps of people laid beside the course of a measure.

use std::sync::Arc;

use sizao_model::{
    CivilDay, FactBody, FactId, Instant, PersonId,
    fact::{LinkBasis, LoopStage, LoopStep},
};

use super::{
    Clocks, ClosedLoop, Known, LoopClocks, LoopState, LoopTask, Owner, Reached, Reply, TaskKind, course::Course,
};
use crate::known::Seen;

/// From this temperature on it is fever; degrees Celsius (诊疗方案: 37.3).
const FEVER: f64 = 37.3;

/// A step with when it happened and when it was put on record.
struct Step<'s> {
    at: Instant,
    recorded: (Instant, FactId),
    step: &'s LoopStep,
}

pub(super) fn fold(
    person: PersonId,
    course: Course,
    own: &[&Seen<'_>],
    all: &[Seen<'_>],
    clocks: &Clocks,
    now: Instant,
) -> ClosedLoop {
    let clocks = clocks.of(&course.rule);
    let mut steps: Vec<Step<'_>> = own
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::LoopStep(step)
                if name(&step.rule) == name(&course.rule) && course.because.contains(&step.opened_by) =>
            {
                Some(Step { at: seen.starts_at(), recorded: (seen.recorded_at, seen.id), step })
            }
            _ => None,
        })
        .collect();
    // What happened first counts first, whatever the order of records.
    steps.sort_by_key(|step| (step.at, step.recorded));
    let reached = reached(&steps, &course);
    let known = known(&steps, &course, own, now);
    let state = state(&reached, &course);
    let mut tasks = if let LoopState::Ended { at, .. } = state {
        let owed = reached.released_at.is_none();
        owed.then(|| task(TaskKind::Release, at, clocks.release.minutes)).into_iter().collect()
    } else {
        tasks(&reached, &known, &course, own, all, clocks, now)
    };
    tasks.sort_by_key(|task| (std::cmp::Reverse(task.urgency(now)), task.due_at, task.kind));
    let urgencies = tasks.iter().filter_map(|task| task.next_step_at(now));
    let ends = course.ended.is_none().then(|| course.phases.iter().flat_map(|phase| [phase.starts_at, phase.ends_at]));
    let midnight = (course.ended.is_none() && known.next_test.is_some()).then(|| now.day().plus_days(1).start());
    let check = course.ended.is_none().then(|| next_check(&reached, &known, clocks)).flatten();
    let check = check.map(|check| [check.since, check.due_at]).into_iter().flatten();
    let moments = urgencies.chain(ends.into_iter().flatten()).chain(midnight).chain(check);
    let next_change_at = moments.filter(|at| *at > now).min();
    ClosedLoop {
        person,
        opened_by: course.opened_by,
        opened_at: course.opened_at,
        due_at: course.due_at,
        first_due_at: course.first_due_at,
        state,
        owner: owner(&steps),
        rule: course.rule,
        phases: course.phases,
        reached,
        tasks,
        known,
        next_change_at,
    }
}

/// The rule without its pack: steps entered before and after another pack took over are of one loop.
fn name(rule: &str) -> &str {
    rule.rsplit(':').next().unwrap_or(rule)
}

fn reached(steps: &[Step<'_>], course: &Course) -> Reached {
    let first = |stage: LoopStage| steps.iter().find(|step| step.step.stage == stage).map(|step| step.at);
    // A release counts for the end that it came with or after: what opened again later is owed anew.
    let released = steps.iter().rev().find(|step| step.step.stage == LoopStage::Released);
    let released_at = match course.ended {
        Some((ended_at, _)) => released.filter(|step| step.at >= ended_at || step.recorded.0 >= ended_at),
        None => None,
    };
    Reached {
        assigned_at: first(LoopStage::Assigned),
        notified_at: first(LoopStage::Notified),
        located_at: first(LoopStage::Located),
        controlled_at: first(LoopStage::UnderControl),
        released_at: released_at.map(|step| step.at),
        escalated_at: first(LoopStage::Escalated),
    }
}

/// The furthest step that was reached; earlier ones that nobody recorded are implied by it.
fn state(reached: &Reached, course: &Course) -> LoopState {
    if let Some((at, by)) = course.ended {
        return LoopState::Ended { at, by };
    }
    if let Some(since) = course.grace_from {
        return LoopState::Due { since };
    }
    match reached {
        Reached { controlled_at: Some(_), .. } => LoopState::UnderControl,
        Reached { located_at: Some(_), .. } => LoopState::Located,
        Reached { notified_at: Some(_), .. } => LoopState::Notified,
        Reached { assigned_at: Some(_), .. } => LoopState::Assigned,
        _ => LoopState::Opened,
    }
}

/// The last one to whom it was given. The next level that is told does not take it away: else nobody would visit.
fn owner(steps: &[Step<'_>]) -> Option<Owner> {
    let given = steps.iter().filter(|step| step.step.stage == LoopStage::Assigned);
    let last = given.filter(|step| step.step.owner.is_some()).max_by_key(|step| (step.at, step.recorded))?;
    let text = |text: &Option<Box<str>>| text.as_deref().map(Arc::from);
    Some(Owner { unit: text(&last.step.owner)?, officer: text(&last.step.officer), deputy: text(&last.step.deputy) })
}

fn known(steps: &[Step<'_>], course: &Course, own: &[&Seen<'_>], now: Instant) -> Known {
    let reply = steps.iter().rev().find_map(|step| Reply::of(step.step.stage));
    let identified = steps.iter().rev().find_map(|step| step.step.basis.filter(|basis| *basis != LinkBasis::Automatic));
    let place = steps.iter().rev().find_map(|step| Some((step.step.site.as_ref()?.as_str().into(), step.at)));
    let controlled_at = steps.iter().find(|step| step.step.stage == LoopStage::UnderControl).map(|step| step.at);
    let kind = course.phases.iter().filter(|phase| phase.starts_at <= now).map(|phase| phase.kind).next_back();
    let checked = own.iter().filter(|seen| matches!(&*seen.body, FactBody::SymptomReport(_)));
    let sampled: Vec<CivilDay> = own
        .iter()
        .filter(|seen| matches!(&*seen.body, FactBody::Sample(_)))
        .map(|seen| seen.starts_at().day())
        .collect();
    let today = now.day();
    let next_test = course
        .tests
        .iter()
        .find(|test| test.date > today || (test.date == today && !sampled.contains(&today)))
        .filter(|_| course.ended.is_none());
    Known {
        reply,
        identified,
        place,
        control: controlled_at.and_then(|since| Some((kind.or(course.phases.first().map(|phase| phase.kind))?, since))),
        checked_at: checked.map(|seen| seen.starts_at()).filter(|at| *at >= course.opened_at && *at <= now).max(),
        next_test: next_test.cloned(),
    }
}

fn task(kind: TaskKind, since: Instant, minutes: i64) -> LoopTask {
    LoopTask { kind, since, due_at: since.plus_minutes(minutes) }
}

fn tasks(
    reached: &Reached,
    known: &Known,
    course: &Course,
    own: &[&Seen<'_>],
    all: &[Seen<'_>],
    clocks: &LoopClocks,
    now: Instant,
) -> Vec<LoopTask> {
    let mut tasks = Vec::new();
    let steps = [
        (reached.assigned_at, TaskKind::Assign, &clocks.assigned),
        (reached.notified_at, TaskKind::Notify, &clocks.notified),
        (reached.located_at, TaskKind::Locate, &clocks.located),
        (reached.controlled_at, TaskKind::Control, &clocks.controlled),
    ];
    // The first that is missing after the furthest that was reached.
    let furthest = steps.iter().rposition(|(at, ..)| at.is_some()).map_or(0, |index| index + 1);
    if let Some((_, kind, clock)) = steps.get(furthest) {
        tasks.push(task(*kind, course.opened_at, clock.minutes));
    }
    if let Some((since, due_at)) = course.missing_exit.filter(|(_, until)| now < *until) {
        tasks.push(LoopTask { kind: TaskKind::ExitTest, since, due_at });
    }
    let today = now.day();
    if let Some(test) = known.next_test.as_ref().filter(|test| test.date == today) {
        let since = test.not_before.unwrap_or_else(|| today.start());
        tasks.push(LoopTask { kind: TaskKind::Test, since, due_at: today.plus_days(1).start() });
    }
    tasks.extend(next_check(reached, known, clocks).filter(|check| check.since <= now && now < course.due_at));
    tasks.extend(symptoms(course, own, clocks));
    tasks.extend(needs(course, own, all, clocks));
    tasks
}

/// The next question about symptoms: so often a day from control on.
fn next_check(reached: &Reached, known: &Known, clocks: &LoopClocks) -> Option<LoopTask> {
    let controlled_at = reached.controlled_at?;
    if clocks.checks_per_day < 1 {
        return None;
    }
    let last = known.checked_at.map_or(controlled_at, |at| at.max(controlled_at));
    let apart = 24 * 60 / clocks.checks_per_day;
    Some(LoopTask { kind: TaskKind::Check, since: last.plus_minutes(apart / 2), due_at: last.plus_minutes(apart) })
}

/// Symptoms or fever that no doctor has answered: a diagnosis, or a sample taken since.
fn symptoms(course: &Course, own: &[&Seen<'_>], clocks: &LoopClocks) -> Option<LoopTask> {
    let ill = own.iter().filter(|seen| match &*seen.body {
        FactBody::SymptomReport(report) => {
            !report.symptoms.is_empty() || report.temperature.is_some_and(|degrees| degrees >= FEVER)
        }
        _ => false,
    });
    let since = ill.map(|seen| seen.starts_at()).filter(|at| *at >= course.opened_at).max()?;
    let answered = own
        .iter()
        .any(|seen| matches!(&*seen.body, FactBody::Diagnosis(_) | FactBody::Sample(_)) && seen.starts_at() >= since);
    (!answered).then(|| task(TaskKind::FeverClinic, since, clocks.fever_clinic.minutes))
}

/// Needs that nobody has met.
fn needs(course: &Course, own: &[&Seen<'_>], all: &[Seen<'_>], clocks: &LoopClocks) -> Vec<LoopTask> {
    let met = |id: FactId| all.iter().any(|seen| matches!(&*seen.body, FactBody::CareGiven(given) if given.of == id));
    let open = own.iter().filter_map(|seen| match &*seen.body {
        FactBody::CareNeed(need) if seen.starts_at() >= course.opened_at && !met(seen.id) => {
            let kind = TaskKind::Care { of: seen.id, need: need.need };
            Some(task(kind, seen.starts_at(), clocks.of_need(need.need).minutes))
        }
        _ => None,
    });
    open.collect()
}
