//! A recalled pool: nobody waits longer than the rules say, and only a single result decides.

use proptest::prelude::*;
use sizao_epi::pooling::recall::{CEILING_HOURS, REACHED_MINUTES, Recall, RecallError, RecallStep, Resolution};
use sizao_model::{Instant, PersonId, fact::Outcome};

fn at(minutes: i64) -> Instant {
    Instant::from_micros(1_650_000_000_000_000).plus_minutes(minutes)
}

fn person(number: usize) -> PersonId {
    PersonId::from_label(&format!("p{number}"))
}

fn recall(outcome: Outcome, members: usize) -> Recall {
    Recall::begin(outcome, (0..members).map(person), at(0)).unwrap()
}

/// Samples everybody after an hour.
fn resampled(outcome: Outcome, members: usize) -> Recall {
    let mut recall = recall(outcome, members);
    (0..members).for_each(|number| recall.resample(person(number), at(60)).unwrap());
    recall
}

#[test]
fn with_the_last_negative_result_everybody_goes_at_once() {
    let mut recall = resampled(Outcome::Positive, 10);
    for number in 0..9 {
        recall.report(person(number), Outcome::Negative, at(400)).unwrap();
    }
    assert_eq!(recall.held_at(at(401)).len(), 10);
    assert_eq!(recall.resolution(), Resolution::Pending);
    recall.report(person(9), Outcome::Negative, at(420)).unwrap();
    assert_eq!(recall.held_at(at(419)).len(), 10);
    assert!(recall.held_at(at(420)).is_empty());
    assert_eq!(recall.resolution(), Resolution::NotConfirmed { at: at(420) });
}

#[test]
fn one_positive_is_a_case_and_the_others_are_assessed() {
    let mut recall = resampled(Outcome::Positive, 3);
    recall.report(person(0), Outcome::Negative, at(400)).unwrap();
    recall.report(person(1), Outcome::Positive, at(410)).unwrap();
    let others = vec![person(0), person(2)];
    assert_eq!(recall.resolution(), Resolution::Cases { at: at(410), cases: vec![person(1)], to_assess: others });
    assert_eq!(recall.held_at(at(411)), [person(2)]);
}

#[test]
fn an_invalid_pool_is_recalled_and_holds_nobody() {
    let recall = recall(Outcome::Invalid, 10);
    assert!((0..2_000).step_by(30).all(|minutes| recall.held_at(at(minutes)).is_empty()));
    assert_eq!(recall.overdue_at(at(31)).len(), 10);
}

#[test]
fn a_member_who_cannot_be_found_keeps_nobody_else_waiting() {
    let mut recall = recall(Outcome::Positive, 3);
    for number in 0..2 {
        recall.resample(person(number), at(60)).unwrap();
        recall.report(person(number), Outcome::Negative, at(100)).unwrap();
    }
    recall.call(person(2), at(20)).unwrap();
    assert_eq!(recall.held_at(at(REACHED_MINUTES - 1)).len(), 3);
    assert_eq!(recall.held_at(at(REACHED_MINUTES)), [person(2)]);
    let late = recall.overdue_at(at(REACHED_MINUTES + 1));
    assert_eq!(late.iter().map(|one| (one.person, one.step)).collect::<Vec<_>>(), [(person(2), RecallStep::Reach)]);
}

#[test]
fn a_grey_single_result_asks_for_another_sample() {
    let mut recall = resampled(Outcome::GreyZone, 1);
    recall.report(person(0), Outcome::GreyZone, at(300)).unwrap();
    assert_eq!(recall.held_at(at(301)), [person(0)]);
    assert_eq!(recall.overdue_at(at(421))[0].step, RecallStep::Resample);
    recall.resample(person(0), at(430)).unwrap();
    recall.report(person(0), Outcome::Negative, at(700)).unwrap();
    assert_eq!(recall.resolution(), Resolution::NotConfirmed { at: at(700) });
}

#[test]
fn a_longer_wait_needs_a_supervisor_and_a_reason() {
    let mut recall = recall(Outcome::Positive, 2);
    let ceiling = at(60 * CEILING_HOURS);
    assert!(recall.held_at(ceiling).is_empty());
    assert_eq!(recall.extend(at(2_000), " ", at(1_000)), Err(RecallError::NoReason));
    recall.extend(at(2_000), "the road was closed", at(1_000)).unwrap();
    assert_eq!(recall.held_at(ceiling).len(), 2);
    assert!(recall.held_at(at(2_000)).is_empty());
    assert_eq!(recall.extend(at(3_000), "again", at(2_500)), Err(RecallError::NoHold));
}

#[test]
fn results_without_a_sample_and_of_strangers_are_refused() {
    let mut recall = recall(Outcome::Positive, 2);
    assert_eq!(recall.report(person(0), Outcome::Negative, at(9)), Err(RecallError::NotResampled));
    assert_eq!(recall.resample(person(7), at(9)), Err(RecallError::NotAMember));
    assert_eq!(recall.resample(person(0), at(-1)), Err(RecallError::BeforeItsStep));
    assert_eq!(Recall::begin(Outcome::Negative, [person(0)], at(0)), Err(RecallError::PoolIsNegative));
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![Outcome::Negative, Outcome::Positive, Outcome::GreyZone, Outcome::Invalid])
}

proptest! {
    #[test]
    fn nobody_waits_without_a_signal_or_beyond_the_ceiling(
        pool in outcome(), singles in prop::collection::vec((0usize..10, outcome(), 61i64..2_000), 0..30), now in -600i64..5_000,
    ) {
        prop_assume!(pool != Outcome::Negative);
        let mut recall = resampled(pool, 10);
        for (who, outcome, minute) in singles {
            recall.report(person(who), outcome, at(minute)).unwrap();
        }
        let held = recall.held_at(at(now));
        prop_assert!(held.is_empty() || (pool != Outcome::Invalid && (0..60 * CEILING_HOURS).contains(&now)));
        // Whoever is a case by then is cared for as one, and not merely asked to wait.
        for member in recall.members() {
            if member.single.is_some_and(|(said, outcome)| outcome == Outcome::Positive && said <= at(now)) {
                prop_assert!(!held.contains(&member.person));
            }
        }
    }

    #[test]
    fn the_order_in_which_results_come_in_changes_nothing(
        outcomes in prop::collection::vec(outcome(), 1..12), order in any::<u64>(),
    ) {
        let reports: Vec<_> = outcomes.iter().enumerate().map(|(who, outcome)| (who, *outcome, at(100 + who as i64))).collect();
        let mut shuffled = reports.clone();
        shuffled.sort_by_key(|(who, ..)| (*who as u64 + 1).wrapping_mul(order | 1));
        let run = |reports: &[(usize, Outcome, Instant)]| {
            let mut recall = resampled(Outcome::Positive, outcomes.len());
            for &(who, outcome, when) in reports {
                recall.report(person(who), outcome, when).unwrap();
            }
            (recall.resolution(), recall.held_at(at(500)))
        };
        prop_assert_eq!(run(&reports), run(&shuffled));
    }

    #[test]
    fn a_case_comes_of_a_single_positive_and_of_nothing_else(outcomes in prop::collection::vec(outcome(), 1..12)) {
        let mut recall = resampled(Outcome::Positive, outcomes.len());
        for (who, outcome) in outcomes.iter().enumerate() {
            recall.report(person(who), *outcome, at(200)).unwrap();
        }
        let positives: Vec<PersonId> = (0..outcomes.len()).filter(|&who| outcomes[who] == Outcome::Positive).map(person).collect();
        match recall.resolution() {
            Resolution::Cases { cases, to_assess, .. } => {
                prop_assert_eq!(cases.len() + to_assess.len(), outcomes.len());
                prop_assert_eq!(cases, positives);
            }
            Resolution::NotConfirmed { .. } => {
                prop_assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Negative));
                prop_assert!(recall.held_at(at(201)).is_empty());
            }
            Resolution::Pending => prop_assert!(positives.is_empty()),
        }
    }
}
