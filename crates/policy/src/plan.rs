//! The arithmetic of days: phases counted from the last exposure, tests counted from the start of isolation, and what
//! happens at the due time.
//!
//! The day of last exposure is day 0. A phase of n days serves n days, phases add up, and a phase ends at 00:00 of the
//! day after its last day. Found late, only the missing days are served; a phase already past is skipped.
//! Tests are counted the other way: the day of entry is day 1. Planned tests keep their day; those after the last
//! served day drop; if none is left on the last served day or the day before, one is added on the last served day,
//! so that there is always an exit test.

use sizao_model::{CivilDay, Colour, FactId, Instant, MeasureKind, fact::TestMethod, measure::PlannedTest};

use crate::pack::Phase;

/// Everything that one chain of evidence says about a measure, whatever the pack.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// Day 0: the last exposure, the day of leaving, of arrival, of a reset.
    pub last_on: CivilDay,
    /// Day of the first exposure.
    pub first_on: CivilDay,
    /// When the measure starts.
    pub starts_at: Instant,
    /// Day 1 of the tests, for a first phase in isolation.
    pub isolation_on: Option<CivilDay>,
    /// The end that no phase passes: an area's.
    pub cap: Option<Instant>,
    /// Extensions by an officer, oldest first.
    pub extensions: Vec<Extended>,
}

/// An extension that an officer signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extended {
    pub id: FactId,
    pub recorded_at: Instant,
    pub until_on: CivilDay,
}

/// The adoption of a pack while a measure was open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adoption {
    pub at: Instant,
    /// What was running then, and since when.
    pub running: Option<(MeasureKind, Instant)>,
}

/// Limits that a pack sets to every phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub grace_hours: i64,
    pub max_extension_days: i32,
}

/// One phase laid onto the calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Laid {
    pub kind: MeasureKind,
    pub starts_at: Instant,
    pub ends_at: Instant,
    pub tests: Vec<PlannedTest>,
    pub colour: Option<Colour>,
    pub extensions: Vec<FactId>,
    pub review_at: Option<Instant>,
}

/// A plan: its phases, and the end of the last one that restricts, whether or not it is still ahead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub laid: Vec<Laid>,
    pub restricts_until: Option<Instant>,
}

impl Adoption {
    /// When a measure of a kind starts under the adopted pack: one that was running keeps its start, a new kind
    /// starts with the adoption.
    pub fn start(adoption: Option<Self>, kind: MeasureKind, planned: Instant) -> Instant {
        match adoption {
            None => planned,
            Some(Self { running: Some((running, since)), .. }) if running == kind => since,
            Some(adoption) => planned.max(adoption.at),
        }
    }
}

impl Plan {
    /// A plan of one measure without phases; of none when it would end before it starts.
    pub fn single(laid: Laid) -> Self {
        let restricts_until = laid.kind.restricts().then_some(laid.ends_at);
        let laid = if laid.ends_at > laid.starts_at { vec![laid] } else { Vec::new() };
        Self { laid, restricts_until }
    }

    /// Whether anything of it lies after the instant.
    pub fn is_open(&self, at: Instant) -> bool {
        self.laid.iter().any(|laid| laid.ends_at > at)
    }

    /// What is running at the instant.
    pub fn running(&self, at: Instant) -> Option<(MeasureKind, Instant)> {
        self.laid.iter().find(|laid| laid.starts_at <= at && at < laid.ends_at).map(|laid| (laid.kind, laid.starts_at))
    }
}

/// Lays phases onto the calendar, as it looks at `at`.
///
/// - `exit`: when the exit condition of so many samples taken on or after a day became known to be met.
pub(crate) fn lay_out(
    phases: &[Phase],
    course: &Course,
    limits: Limits,
    adoption: Option<Adoption>,
    at: Instant,
    exit: &dyn Fn(u8, CivilDay) -> Option<Instant>,
) -> Plan {
    let mut plan = Plan { laid: Vec::with_capacity(phases.len()), restricts_until: None };
    let total: i32 = phases.iter().map(|phase| phase.days).sum();
    let whole_end = course.capped(course.last_on.plus_days(total + 1).start()).0;
    let mut served = 0;
    let mut planned_from = None;
    for (index, phase) in phases.iter().enumerate() {
        served += phase.days;
        let (due_at, is_capped) = course.capped(course.last_on.plus_days(served + 1).start());
        let previous_end = plan.laid.last().map(|laid| laid.ends_at);
        let starts_at = previous_end.unwrap_or_else(|| course.first_start(phase, adoption));
        let is_over = adoption.is_some_and(|adoption| due_at <= adoption.at) || due_at <= starts_at;
        let mut ends_at = due_at;
        if !is_over {
            let slot = Slot {
                phase,
                starts_at,
                due_at,
                is_capped,
                is_first: index == 0,
                is_last: index + 1 == phases.len(),
                planned_from: planned_from.unwrap_or(starts_at),
                whole_end,
                not_before_on: adoption.map(|adoption| adoption.at.day()),
            };
            let (laid, extended_due_at) = slot.lay(course, limits, at, exit);
            ends_at = laid.ends_at;
            planned_from = Some(extended_due_at);
            plan.laid.push(laid);
        }
        if phase.kind.restricts() {
            plan.restricts_until = Some(ends_at);
        }
    }
    plan
}

impl Course {
    fn capped(&self, due_at: Instant) -> (Instant, bool) {
        match self.cap {
            Some(cap) if cap < due_at => (cap, true),
            _ => (due_at, false),
        }
    }

    /// Start of the first phase that is served: with the chain, or with the adoption when its kind is new.
    fn first_start(&self, phase: &Phase, adoption: Option<Adoption>) -> Instant {
        Adoption::start(adoption, phase.kind, self.not_before(phase))
    }

    /// When a first phase starts by itself: with the chain, or on its day after the first exposure.
    fn not_before(&self, phase: &Phase) -> Instant {
        match phase.starts_day_after_first {
            Some(day) => self.starts_at.max(self.first_on.plus_days(day).start()),
            None => self.starts_at,
        }
    }
}

/// When a measure starts: when the evidence was known, or with isolation if that came first and the first phase is one
/// of isolation.
pub(crate) fn with_isolation(known_at: Instant, isolated_at: Option<Instant>, phases: &[Phase]) -> Instant {
    match isolated_at {
        Some(isolated_at) if phases.first().is_some_and(|phase| phase.kind.is_isolation()) => known_at.min(isolated_at),
        _ => known_at,
    }
}

struct Slot<'a> {
    phase: &'a Phase,
    starts_at: Instant,
    due_at: Instant,
    is_capped: bool,
    is_first: bool,
    is_last: bool,
    /// When it would start if the phase before it had ended in time.
    planned_from: Instant,
    whole_end: Instant,
    not_before_on: Option<CivilDay>,
}

impl Slot<'_> {
    fn lay(
        &self,
        course: &Course,
        limits: Limits,
        at: Instant,
        exit: &dyn Fn(u8, CivilDay) -> Option<Instant>,
    ) -> (Laid, Instant) {
        let last_on = last_day_before(self.due_at);
        let mut due_at = self.due_at;
        let mut served_on = last_on;
        let mut tests = self.tests(course, served_on);
        let mut extensions = Vec::new();
        let end = |due_at, tests: &[_], at| self.end(due_at, tests, course, limits, at, exit);
        for extension in &course.extensions {
            // Which phase an extension is for, the plan says and not the grace: otherwise a negative result could
            // move it to a phase that it lengthens more.
            let over_at = if self.is_last { end(due_at, &tests, extension.recorded_at) } else { due_at };
            let runs = (self.planned_from..over_at).contains(&extension.recorded_at);
            let days_beyond = extension.until_on.days_since(last_on);
            if !runs || extension.until_on <= served_on || days_beyond > limits.max_extension_days || self.is_capped {
                continue;
            }
            served_on = extension.until_on;
            due_at = course.capped(served_on.plus_days(1).start()).0;
            tests = self.tests(course, served_on);
            extensions.push(extension.id);
        }
        let laid = Laid {
            kind: self.phase.kind,
            starts_at: self.starts_at,
            ends_at: end(due_at, &tests, at),
            tests: planned(self.phase, &tests),
            colour: self.phase.colour,
            extensions,
            review_at: None,
        };
        (laid, due_at)
    }

    fn tests(&self, course: &Course, served_on: CivilDay) -> Vec<(i32, CivilDay)> {
        let day_1 = if self.is_first && self.phase.kind.is_isolation() {
            course.isolation_on.filter(|day| *day <= served_on).unwrap_or_else(|| course.not_before(self.phase).day())
        } else {
            self.starts_at.day()
        };
        fit_tests(&self.phase.tests, day_1, served_on, self.not_before_on)
    }

    /// The due time; from then on, while the exit condition is not known to be met, the grace.
    fn end(
        &self,
        due_at: Instant,
        tests: &[(i32, CivilDay)],
        course: &Course,
        limits: Limits,
        at: Instant,
        exit: &dyn Fn(u8, CivilDay) -> Option<Instant>,
    ) -> Instant {
        let Some((_, exit_on)) = tests.last() else { return due_at };
        if at < due_at || self.is_capped {
            return due_at;
        }
        // The grace takes from the next phase and never lengthens the whole, except of the last phase; no area's end
        // is passed.
        let grace_end = due_at.plus_hours(limits.grace_hours);
        let grace_end = if self.is_last { grace_end } else { grace_end.min(self.whole_end) };
        let grace_end = course.capped(grace_end).0.max(due_at);
        exit(self.phase.exit_samples, *exit_on).map_or(grace_end, |met_at| met_at.clamp(due_at, grace_end))
    }
}

/// Fits test days to what is served: `(day, date)`, oldest first.
///
/// - `day_1`: the civil day that is day 1.
/// - `served_on`: the last served day.
/// - `not_before_on`: tests dated earlier are dropped (a pack adopted meanwhile).
pub(crate) fn fit_tests(
    days: &[i32],
    day_1: CivilDay,
    served_on: CivilDay,
    not_before_on: Option<CivilDay>,
) -> Vec<(i32, CivilDay)> {
    if days.is_empty() {
        return Vec::new();
    }
    let mut fitted: Vec<(i32, CivilDay)> = days
        .iter()
        .map(|day| (*day, day_1.plus_days(day - 1)))
        .filter(|(_, date)| *date <= served_on && not_before_on.is_none_or(|first| *date >= first))
        .collect();
    if fitted.last().is_none_or(|(_, date)| *date < served_on.plus_days(-1)) {
        fitted.push((served_on.days_since(day_1) + 1, served_on));
    }
    fitted
}

/// The last day that is served by a measure that ends at this instant.
pub(crate) fn last_day_before(ends_at: Instant) -> CivilDay {
    Instant::from_micros(ends_at.as_micros() - 1).day()
}

fn planned(phase: &Phase, tests: &[(i32, CivilDay)]) -> Vec<PlannedTest> {
    tests
        .iter()
        .enumerate()
        .map(|(index, (day, date))| PlannedTest {
            day: *day,
            date: *date,
            kind: TestMethod::NucleicTest,
            sampling: phase.swab,
            samples: if index + 1 == tests.len() { phase.exit_samples } else { 1 },
            not_before: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use sizao_model::measure::Swab;

    use super::*;

    fn phase(kind: MeasureKind, days: i32, tests: &[i32], exit_samples: u8) -> Phase {
        let (colour, swab) = (Some(Colour::Red), Swab::ThroatSwab);
        Phase { kind, days, tests: tests.to_vec(), colour, swab, exit_samples, starts_day_after_first: None }
    }

    fn v8() -> Vec<Phase> {
        vec![
            phase(MeasureKind::CentralIsolation, 14, &[1, 4, 7, 14], 2),
            phase(MeasureKind::HomeMonitoring, 7, &[2, 7], 1),
        ]
    }

    fn v9() -> Vec<Phase> {
        vec![
            phase(MeasureKind::CentralIsolation, 7, &[1, 2, 3, 5, 7], 1),
            phase(MeasureKind::HomeMonitoring, 3, &[3], 1),
        ]
    }

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(&format!("2022-{text}")).unwrap()
    }

    /// A contact of whom the last exposure was on `last`, found and isolated on `found` at 13:00.
    fn found(last: &str, found: &str) -> Course {
        Course {
            last_on: day(last),
            first_on: day(last),
            starts_at: day(found).start().plus_hours(13),
            isolation_on: Some(day(found)),
            cap: None,
            extensions: Vec::new(),
        }
    }

    const LIMITS: Limits = Limits { grace_hours: 24, max_extension_days: 7 };

    fn laid(phases: &[Phase], course: &Course, at: Instant) -> String {
        show(&lay_out(phases, course, LIMITS, None, at, &|_, _| None))
    }

    /// `C 03-17 1@03-02 14@03-15d`: kind, end, tests as isolation day and date, `d` for two samples.
    fn show(plan: &Plan) -> String {
        let phases = plan.laid.iter().map(|laid| {
            let kind = match laid.kind {
                MeasureKind::CentralIsolation => "C",
                MeasureKind::HomeIsolation => "H",
                _ => "M",
            };
            let tests = laid.tests.iter().map(|test| {
                format!(" {}@{}{}", test.day, &test.date.to_string()[5..], if test.samples == 2 { "d" } else { "" })
            });
            format!("{kind} {}{}", &laid.ends_at.to_string()[5..10], tests.collect::<String>())
        });
        phases.collect::<Vec<_>>().join("; ")
    }

    #[track_caller]
    fn check(phases: &[Phase], last: &str, when: &str, want: &str) {
        let course = found(last, when);
        assert_eq!(laid(phases, &course, course.starts_at), want, "found on {when}");
    }

    #[test]
    fn phases_and_tests_are_those_derived_by_hand() {
        check(&v8(), "03-02", "03-02", "C 03-17 1@03-02 4@03-05 7@03-08 14@03-15d; M 03-24 2@03-18 7@03-23");
        check(&v8(), "03-02", "03-03", "C 03-17 1@03-03 4@03-06 7@03-09 14@03-16d; M 03-24 2@03-18 7@03-23");
        check(&v8(), "03-02", "03-04", "C 03-17 1@03-04 4@03-07 7@03-10 13@03-16d; M 03-24 2@03-18 7@03-23");
        check(&v8(), "03-02", "03-08", "C 03-17 1@03-08 4@03-11 7@03-14 9@03-16d; M 03-24 2@03-18 7@03-23");
        check(&v8(), "03-02", "03-12", "C 03-17 1@03-12 4@03-15d; M 03-24 2@03-18 7@03-23");
        check(&v8(), "03-02", "03-16", "C 03-17 1@03-16d; M 03-24 2@03-18 7@03-23");
        check(&v9(), "07-11", "07-11", "C 07-19 1@07-11 2@07-12 3@07-13 5@07-15 7@07-17; M 07-22 3@07-21");
        check(&v9(), "07-11", "07-14", "C 07-19 1@07-14 2@07-15 3@07-16 5@07-18; M 07-22 3@07-21");
    }

    #[test]
    fn found_late_only_the_missing_days_are_served() {
        check(&v8(), "03-02", "03-17", "M 03-24 2@03-18 7@03-23");
        check(&v8(), "03-02", "03-19", "M 03-24 2@03-20 5@03-23");
        check(&v8(), "03-02", "03-23", "M 03-24 1@03-23");
        check(&v8(), "03-02", "03-24", "");
        check(&v9(), "07-11", "07-19", "M 07-22 3@07-21");
    }

    #[test]
    fn a_missing_exit_test_holds_for_the_grace_and_takes_it_from_the_next_phase() {
        let course = found("03-05", "03-06");
        let at = |text: &str| Instant::parse(text).unwrap();
        let eve = at("2022-03-19T23:59:00+08:00");
        assert!(laid(&v8(), &course, eve).starts_with("C 03-20 "), "before the due time the end is the due time");
        let plan = lay_out(&v8(), &course, LIMITS, None, at("2022-03-20T06:00:00+08:00"), &|_, _| None);
        assert_eq!(show(&plan), "C 03-21 1@03-06 4@03-09 7@03-12 14@03-19d; M 03-27 2@03-22 6@03-26");
        let known_at = at("2022-03-20T09:30:00+08:00");
        let plan = lay_out(&v8(), &course, LIMITS, None, known_at, &|samples, on| {
            (samples == 2 && on == day("03-19")).then_some(known_at)
        });
        assert_eq!((plan.laid[0].ends_at, plan.laid[1].starts_at), (known_at, known_at));
        assert_eq!(show(&plan), "C 03-20 1@03-06 4@03-09 7@03-12 14@03-19d; M 03-27 2@03-21 7@03-26");
    }

    #[test]
    fn a_grace_longer_than_the_next_phase_does_not_lengthen_the_whole() {
        let phases = [phase(MeasureKind::CentralIsolation, 3, &[3], 1), phase(MeasureKind::HomeMonitoring, 1, &[], 1)];
        let limits = Limits { grace_hours: 72, max_extension_days: 7 };
        let course = found("03-05", "03-06");
        let plan = lay_out(&phases, &course, limits, None, day("03-09").start().plus_hours(1), &|_, _| None);
        assert_eq!(show(&plan), "C 03-10 3@03-08", "due on the 9th, the whole on the 10th");
    }

    #[test]
    fn an_extension_moves_the_exit_test_and_leaves_the_end_of_the_whole() {
        let mut course = found("03-03", "03-04");
        let recorded_at = Instant::parse("2022-03-17T18:00:00+08:00").unwrap();
        let extended = |until: &str| Extended { id: FactId::from_label("x"), recorded_at, until_on: day(until) };
        course.extensions = vec![extended("03-19")];
        assert_eq!(
            laid(&v8(), &course, recorded_at),
            "C 03-20 1@03-04 4@03-07 7@03-10 14@03-17 16@03-19d; M 03-25 2@03-21 5@03-24"
        );
        course.extensions = vec![extended("03-25")];
        assert!(laid(&v8(), &course, recorded_at).starts_with("C 03-18 "), "eight days beyond are too many");
        course.extensions = vec![extended("03-19"), extended("03-24"), extended("03-26")];
        assert!(laid(&v8(), &course, recorded_at).starts_with("C 03-25 "), "together never more than the most");
    }

    #[test]
    fn an_adopted_plan_drops_what_lies_before_the_adoption() {
        let course = found("06-24", "06-24");
        let running = Some((MeasureKind::CentralIsolation, course.starts_at));
        let adoption = Adoption { at: day("06-28").start(), running };
        let plan = lay_out(&v9(), &course, LIMITS, Some(adoption), adoption.at, &|_, _| None);
        assert_eq!(show(&plan), "C 07-02 5@06-28 7@06-30; M 07-05 3@07-04");
        assert_eq!(plan.laid[0].starts_at, course.starts_at, "the kind was running");
        let plan = lay_out(&v9(), &found("06-18", "06-18"), LIMITS, Some(adoption), adoption.at, &|_, _| None);
        assert_eq!(show(&plan), "M 06-29 1@06-28");
        assert_eq!(plan.laid[0].starts_at, adoption.at, "a new kind");
        let plan = lay_out(&v9(), &found("06-15", "06-15"), LIMITS, Some(adoption), adoption.at, &|_, _| None);
        assert_eq!(plan.laid, []);
    }

    #[test]
    fn leap_days_and_the_turn_of_the_year_are_days_like_others() {
        let date = |text: &str| CivilDay::parse(text).unwrap();
        assert_eq!(
            fit_tests(&[1, 4, 7], date("2020-02-27"), date("2020-03-05"), None),
            [(1, date("2020-02-27")), (4, date("2020-03-01")), (7, date("2020-03-04"))]
        );
        assert_eq!(
            fit_tests(&[1, 7], date("2021-12-28"), date("2022-01-01"), None),
            [(1, date("2021-12-28")), (5, date("2022-01-01"))]
        );
    }
}
