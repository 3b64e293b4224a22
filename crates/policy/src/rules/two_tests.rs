//! Two nucleic tests 24 to 72 hours apart. The measure ends when the second negative is recorded of any two samples
//! taken so far apart, at the latest after the pack's days. A sample taken too early may be replaced by a third, and
//! the person is told the earliest time at which the next one counts.

use sizao_model::{CivilDay, Instant, MeasureKind, fact::TestMethod, measure::PlannedTest, measure::Swab};

use super::exit_test::Tested;
use crate::{
    pack::TwoTests,
    plan::{Adoption, Laid, Plan, last_day_before},
};

/// Two samples count when they lie at least so many hours apart, and at most so many.
const HOURS_APART: std::ops::RangeInclusive<i64> = 24..=72;

/// What opened the two tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    /// Samples count from here: the arrival, the leaving of the area.
    pub from: Instant,
    /// Day 0.
    pub day_0: CivilDay,
    pub starts_at: Instant,
    /// The end that it does not pass: an area's.
    pub cap: Option<Instant>,
}

/// The plan for somebody who stays.
pub(crate) fn plan(rule: TwoTests, cause: Cause, tested: &[Tested<'_>], adoption: Option<Adoption>) -> Option<Plan> {
    let kind = MeasureKind::TwoTestsThreeDays;
    let due_at = cause.day_0.plus_days(rule.days + 1).start();
    let starts_at = Adoption::start(adoption, kind, cause.starts_at);
    let ends_at = [Some(due_at), cause.cap, second_negative_at(cause.from, tested)].into_iter().flatten().min()?;
    let served_on = last_day_before(due_at.min(cause.cap.unwrap_or(due_at)));
    let tests = planned(cause, starts_at.day(), served_on, tested);
    Some(single(kind, starts_at, ends_at, tests, rule))
}

/// The plan for somebody who leaves again soon: one test, ending with it or on leaving.
pub(crate) fn landing(
    rule: TwoTests,
    cause: Cause,
    leaves_at: Instant,
    tested: &[Tested<'_>],
    adoption: Option<Adoption>,
) -> Option<Plan> {
    let kind = MeasureKind::LandingTest;
    let starts_at = Adoption::start(adoption, kind, cause.starts_at);
    let due_at = cause.day_0.plus_days(rule.days + 1).start();
    let negative_at = counting(cause.from, tested).filter_map(|tested| tested.negative_at).min();
    let ends_at = [Some(leaves_at), Some(due_at), negative_at].into_iter().flatten().min()?;
    let tests = vec![test(1, starts_at.day(), None)];
    Some(single(kind, starts_at, ends_at, tests, rule))
}

/// A plan of one measure; of none, where it was over before it started.
fn single(kind: MeasureKind, starts_at: Instant, ends_at: Instant, tests: Vec<PlannedTest>, rule: TwoTests) -> Plan {
    let laid = Laid { kind, starts_at, ends_at, tests, colour: rule.colour, extensions: Vec::new(), review_at: None };
    Plan::single(laid)
}

fn second_negative_at(from: Instant, tested: &[Tested<'_>]) -> Option<Instant> {
    let negatives: Vec<(Instant, Instant)> =
        counting(from, tested).filter_map(|tested| Some((tested.sampled_at, tested.negative_at?))).collect();
    let pairs = negatives
        .iter()
        .enumerate()
        .flat_map(|(index, first)| negatives[index + 1..].iter().map(move |second| (first, second)));
    pairs
        .filter(|(first, second)| {
            second.0 >= first.0.plus_hours(*HOURS_APART.start()) && second.0 <= first.0.plus_hours(*HOURS_APART.end())
        })
        .map(|(first, second)| first.1.max(second.1))
        .min()
}

fn counting<'t>(from: Instant, tested: &'t [Tested<'t>]) -> impl Iterator<Item = &'t Tested<'t>> {
    tested.iter().filter(move |tested| tested.sampled_at >= from)
}

fn planned(cause: Cause, day_1: CivilDay, served_on: CivilDay, tested: &[Tested<'_>]) -> Vec<PlannedTest> {
    let first = counting(cause.from, tested).find(|tested| tested.negative_at.is_some() || !tested.has_other_result);
    let not_before = first.map(|tested| tested.sampled_at.plus_hours(*HOURS_APART.start()));
    let second_on = not_before.map_or_else(|| day_1.plus_days(1), |at| at.day().max(day_1.plus_days(1)));
    let second = test(second_on.days_since(day_1) + 1, second_on, not_before);
    let mut tests = vec![test(1, day_1, None)];
    tests.extend((second_on <= served_on).then_some(second));
    tests
}

fn test(day: i32, date: CivilDay, not_before: Option<Instant>) -> PlannedTest {
    PlannedTest { day, date, kind: TestMethod::NucleicTest, sampling: Swab::ThroatSwab, samples: 1, not_before }
}

#[cfg(test)]
mod tests {
    use sizao_model::FactId;

    use super::*;

    /// Arrival on 23 March at 14:00; samples at these hours after it, each negative after three hours more.
    fn ends_at(hours: &[i64]) -> String {
        let arrived_at = Instant::parse("2022-03-23T14:00:00+08:00").unwrap();
        let tested: Vec<Tested<'_>> = hours
            .iter()
            .map(|hours| Tested {
                sample: FactId::from_label("s"),
                sampled_at: arrived_at.plus_hours(*hours),
                lab: None,
                is_single: true,
                negative_at: Some(arrived_at.plus_hours(hours + 3)),
                has_other_result: false,
            })
            .collect();
        let cause = Cause { from: arrived_at, day_0: arrived_at.day(), starts_at: arrived_at, cap: None };
        let plan = plan(TwoTests { days: 7, colour: None }, cause, &tested, None).unwrap();
        plan.laid[0].ends_at.to_string()
    }

    #[test]
    fn two_samples_count_from_24_to_72_hours_apart() {
        assert_eq!(ends_at(&[4, 28]), "2022-03-24T21:00:00+08:00");
        assert_eq!(ends_at(&[4, 27]), "2022-03-31T00:00:00+08:00", "23 hours are too few");
        assert_eq!(ends_at(&[4, 76]), "2022-03-26T21:00:00+08:00");
        assert_eq!(ends_at(&[4, 77]), "2022-03-31T00:00:00+08:00", "73 hours are too many");
    }

    #[test]
    fn a_third_sample_replaces_one_taken_too_early() {
        assert_eq!(ends_at(&[4, 27, 43]), "2022-03-25T12:00:00+08:00");
    }

    #[test]
    fn a_sample_from_before_the_arrival_does_not_count() {
        assert_eq!(ends_at(&[-1, 30]), "2022-03-31T00:00:00+08:00");
    }
}
