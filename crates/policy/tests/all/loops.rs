//! Closed loops: by hand on the rules of March 2022, and in invented worlds.

use proptest::{prelude::*, test_runner::FileFailurePersistence};
use serde_json::{Value, json};
use sizao_model::{Fact, FactBody, Instant, MeasureKind, PersonId};
use sizao_policy::{
    FactIndex, PackTimeline, assess,
    loops::{Clocks, ClosedLoop, Ending, FourClears, LoopState, Reply, TaskKind, Urgency, follow},
};

use crate::files as support;
use crate::world;
use crate::world::{PEOPLE, TIMELINES, person};

fn at(text: &str) -> Instant {
    Instant::parse(&format!("2022-03-{text}:00+08:00")).unwrap()
}

fn fact(id: &str, kind: &str, happened: &str, body: Value) -> Fact {
    recorded(id, kind, happened, happened, body)
}

fn recorded(id: &str, kind: &str, happened: &str, recorded: &str, body: Value) -> Fact {
    let about = !matches!(kind, "result" | "correction" | "confirmation");
    let mut line = json!({
        "id": id, "kind": kind, "happened": {"at": at(happened)}, "recorded_at": at(recorded), "body": body,
    });
    if about {
        line["person"] = json!("p");
    }
    Fact::from_json(&line.to_string()).unwrap()
}

/// A close contact of 2 March, on record at 09:00 on the 3rd: fourteen days to the 17th 00:00, then seven at home.
fn contact() -> Fact {
    recorded(
        "f0",
        "exposure",
        "02T10:00",
        "03T09:00",
        json!({"case": "c", "evidence": "interview", "class": "close_contact"}),
    )
}

/// The case: ill since the 2nd.
fn source() -> Fact {
    let line = json!({
        "id": "d", "kind": "diagnosis", "person": "c", "happened": {"at": at("02T20:00")},
        "recorded_at": at("02T21:00"), "body": {"status": "confirmed_case", "onset": "2022-03-02"},
    });
    Fact::from_json(&line.to_string()).unwrap()
}

fn step(id: &str, happened: &str, stage: &str, more: Value) -> Fact {
    let mut body = json!({"rule": "cn-covid-v8:close_contact", "opened_by": "f0", "stage": stage});
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    fact(id, "loop_step", happened, body)
}

fn negative(number: u8, sampled: &str, lab: &str) -> [Fact; 2] {
    let sample = format!("s{number}");
    [
        fact(&sample, "sample", sampled, json!({"method": "nucleic_test", "lab": lab})),
        fact(&format!("r{number}"), "result", sampled, json!({"sample": sample, "outcome": "negative"})),
    ]
}

fn one(facts: &[Fact], now: &str) -> ClosedLoop {
    let packs = support::packs(&["cn-covid-v8"]);
    let facts = [facts, &[source()]].concat();
    let index = FactIndex::new(&facts);
    let mut loops = follow(&index.dossier(PersonId::from_label("p")), &packs, &Clocks::default(), at(now));
    assert_eq!(loops.len(), 1);
    loops.remove(0)
}

fn kinds(closed_loop: &ClosedLoop) -> Vec<&'static str> {
    closed_loop.tasks.iter().map(|task| task.kind.name()).collect()
}

#[test]
fn the_due_release_is_known_from_the_first_minute() {
    let closed_loop = one(&[contact()], "03T09:00");
    // Exposure day 0 is the 2nd; 14 + 7 days are served by the 23rd.
    assert_eq!(closed_loop.due_at, at("24T00:00"));
    assert_eq!(closed_loop.opened_at, at("03T09:00"));
    assert_eq!(closed_loop.state, LoopState::Opened);
    let ends: Vec<_> = closed_loop.phases.iter().map(|phase| (phase.kind, phase.ends_at)).collect();
    assert_eq!(ends, [(MeasureKind::CentralIsolation, at("17T00:00")), (MeasureKind::HomeMonitoring, at("24T00:00"))]);
}

#[test]
fn each_step_has_a_clock_that_reminds_escalates_and_runs_out() {
    let assigned = step("l1", "03T09:05", "assigned", json!({"owner": "u1", "officer": "o1", "deputy": "d1"}));
    let told = step("l2", "03T09:30", "notified", json!({}));
    let facts = [contact(), assigned, told];
    // Six hours from 09:00 to find the person: half at 12:00, five sixths at 14:00.
    for (now, urgency) in [
        ("03T11:59", Urgency::Calm),
        ("03T12:00", Urgency::Reminded),
        ("03T14:00", Urgency::Escalated),
        ("03T15:00", Urgency::Overdue),
    ] {
        let closed_loop = one(&facts, now);
        assert_eq!(kinds(&closed_loop), ["locate", "test"], "{now}");
        let task = closed_loop.tasks.iter().find(|task| task.kind == TaskKind::Locate).unwrap();
        assert_eq!((task.urgency(at(now)), task.due_at), (urgency, at("03T15:00")), "{now}");
    }
    let owner = one(&facts, "03T12:00").owner.unwrap();
    assert_eq!((&*owner.unit, owner.officer.as_deref(), owner.deputy.as_deref()), ("u1", Some("o1"), Some("d1")));
    let higher = step("l3", "03T15:10", "escalated", json!({"owner": "u0"}));
    // The next level is told; who visits the person stays the same.
    assert_eq!(&*one(&[facts.to_vec(), vec![higher]].concat(), "03T15:30").owner.unwrap().unit, "u1");
}

#[test]
fn steps_that_come_late_or_out_of_order_leave_the_loop_as_it_was_in_truth() {
    let mut facts = vec![
        contact(),
        step("l1", "03T09:05", "assigned", json!({"owner": "u1"})),
        step("l3", "03T14:00", "under_control", json!({"site": "hotel-1"})),
    ];
    let before = one(&facts, "04T08:00");
    assert_eq!(before.state, LoopState::UnderControl);
    // The step between was on the worker's phone and came a day later.
    let late = json!({"rule": "cn-covid-v8:close_contact", "opened_by": "f0", "stage": "located", "basis": "document"});
    facts.push(recorded("l2", "loop_step", "03T13:00", "04T07:00", late));
    let after = one(&facts, "04T08:00");
    assert_eq!(after.state, LoopState::UnderControl);
    assert_eq!(after.reached.located_at, Some(at("03T13:00")));
    assert!(before.known.identified.is_none() && after.known.identified.is_some());
    facts.reverse();
    assert_eq!(one(&facts, "04T08:00"), after);
}

#[test]
fn a_missing_exit_test_is_a_task_and_then_the_measure_lapses_by_itself() {
    let started = fact("i", "isolation_started", "03T12:00", json!({"site": "hotel-1"}));
    let facts = [contact(), started];
    // The exit test of the first part is missing for a day of grace, then the second part begins.
    assert!(kinds(&one(&facts, "17T10:00")).contains(&"exit-test"));
    assert!(!kinds(&one(&facts, "18T10:00")).contains(&"exit-test"));
    let closed_loop = one(&facts, "24T10:00");
    assert_eq!(closed_loop.state, LoopState::Due { since: at("24T00:00") });
    assert!(kinds(&closed_loop).contains(&"exit-test"));
    // The grace of 24 hours of the last phase ends it, tested or not; 20 days later the time is still the true one.
    for now in ["25T00:00", "31T12:00"] {
        let closed_loop = one(&facts, now);
        assert_eq!(closed_loop.state, LoopState::Ended { at: at("25T00:00"), by: Ending::Lapsed }, "{now}");
        assert_eq!(closed_loop.owed_since(), Some(at("25T00:00")));
        assert_eq!(kinds(&closed_loop), ["release"]);
    }
}

#[test]
fn tests_done_in_time_end_it_at_the_planned_minute_and_the_release_is_put_on_record_once() {
    let mut facts = vec![contact(), fact("i", "isolation_started", "03T12:00", json!({"site": "hotel-1"}))];
    facts.extend(negative(1, "16T09:00", "lab-a"));
    facts.extend(negative(2, "16T09:05", "lab-b"));
    facts.extend(negative(3, "23T09:00", "lab-a"));
    let closed_loop = one(&facts, "29T00:00");
    assert_eq!(closed_loop.state, LoopState::Ended { at: at("24T00:00"), by: Ending::Served });
    assert_eq!(closed_loop.owed_since(), Some(at("24T00:00")));
    facts.push(recorded(
        "l9",
        "loop_step",
        "24T00:00",
        "29T00:00",
        json!({"rule": "cn-covid-v8:close_contact", "opened_by": "f0", "stage": "released"}),
    ));
    let closed_loop = one(&facts, "29T00:01");
    assert_eq!((closed_loop.owed_since(), closed_loop.is_open()), (None, false));
    assert_eq!(closed_loop.reached.released_at, Some(at("24T00:00")));
}

#[test]
fn evidence_that_is_taken_back_ends_it_at_once() {
    let back = fact("x", "correction", "05T10:00", json!({"of": "f0", "retract": true}));
    let closed_loop = one(&[contact(), back], "06T00:00");
    assert_eq!(closed_loop.state, LoopState::Ended { at: at("05T10:00"), by: Ending::Withdrawn });
}

#[test]
fn symptoms_and_needs_have_clocks_of_their_own_until_they_are_met() {
    let mut facts = vec![
        contact(),
        step("l1", "03T12:00", "under_control", json!({})),
        fact("y", "symptom_report", "04T08:00", json!({"symptoms": ["cough"], "temperature": 37.6})),
        fact("n", "care_need", "04T08:00", json!({"need": "dialysis"})),
    ];
    let closed_loop = one(&facts, "04T12:00");
    assert_eq!(kinds(&closed_loop)[..2], ["fever-clinic", "care"], "overdue first");
    assert_eq!(closed_loop.tasks[0].due_at, at("04T10:00"));
    assert_eq!(closed_loop.tasks[1].due_at, at("04T12:00"));
    facts.extend(negative(1, "04T12:30", "lab-a"));
    facts.push(fact("g", "care_given", "04T12:40", json!({"of": "n"})));
    let after = kinds(&one(&facts, "04T13:00"));
    assert!(!after.contains(&"fever-clinic") && !after.contains(&"care"), "{after:?}");
}

#[test]
fn a_person_under_control_is_asked_twice_a_day() {
    let mut facts = vec![contact(), step("l1", "03T20:00", "under_control", json!({}))];
    assert!(!kinds(&one(&facts, "04T01:00")).contains(&"check"));
    let due = one(&facts, "04T03:00");
    let check = due.tasks.iter().find(|task| task.kind == TaskKind::Check).unwrap();
    assert_eq!(check.due_at, at("04T08:00"));
    facts.push(fact("y", "symptom_report", "04T07:30", json!({"temperature": 36.6})));
    assert!(!kinds(&one(&facts, "04T12:00")).contains(&"check"));
}

fn packs(timeline: usize) -> &'static PackTimeline {
    static PACKS: [std::sync::OnceLock<PackTimeline>; TIMELINES.len()] =
        [const { std::sync::OnceLock::new() }; TIMELINES.len()];
    PACKS[timeline].get_or_init(|| support::packs(TIMELINES[timeline]))
}

fn loops(facts: &[Fact], timeline: usize, now: Instant) -> Vec<ClosedLoop> {
    let (index, clocks) = (FactIndex::new(facts), Clocks::default());
    (0..PEOPLE).flat_map(|number| follow(&index.dossier(person(number)), packs(timeline), &clocks, now)).collect()
}

/// Steps of every kind on some of the loops, made from bytes.
fn with_steps(facts: &[Fact], timeline: usize, now: Instant, bytes: &[(u8, u8, u16)]) -> Vec<Fact> {
    const STAGES: [&str; 12] = [
        "assigned",
        "notified",
        "located",
        "under_control",
        "due",
        "released",
        "escalated",
        "identified",
        "moved_on",
        "not_found",
        "wrong_data",
        "refuted",
    ];
    let open = loops(facts, timeline, now);
    let mut all = facts.to_vec();
    for (number, (which, stage, minutes)) in bytes.iter().enumerate() {
        let Some(closed_loop) = open.get(usize::from(*which) % open.len().max(1)) else { break };
        let happened = closed_loop.opened_at.plus_minutes(i64::from(*minutes)).min(now);
        all.push(world::read(&json!({
            "id": format!("step{number}"), "kind": "loop_step", "person": closed_loop.person,
            "happened": {"at": happened}, "recorded_at": happened,
            "body": {
                "rule": *closed_loop.rule, "opened_by": closed_loop.opened_by,
                "stage": STAGES[usize::from(*stage) % STAGES.len()], "owner": "u", "site": "home", "basis": "person",
            },
        })));
    }
    all
}

fn bytes() -> impl Strategy<Value = Vec<(u8, u8, u16)>> {
    proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u16>()), 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_order_of_facts_changes_no_loop(
        timeline in world::timeline(), seeds in world::seeds(24), bytes in bytes(), hours in 0i64..1000, turn in any::<usize>(),
    ) {
        let now = world::moment(timeline, hours);
        let facts = with_steps(&world::facts(timeline, &seeds), timeline, now, &bytes);
        let mut turned = facts.clone();
        turned.rotate_left(turn % facts.len().max(1));
        prop_assert_eq!(loops(&facts, timeline, now), loops(&turned, timeline, now));
    }

    #[test]
    fn every_measure_that_restricts_has_one_open_loop_and_no_ended_loop_restricts(
        timeline in world::timeline(), seeds in world::seeds(24), hours in 0i64..1000,
    ) {
        let now = world::moment(timeline, hours);
        let facts = world::facts(timeline, &seeds);
        let index = FactIndex::new(&facts);
        let loops = loops(&facts, timeline, now);
        for number in 0..PEOPLE {
            let assessment = assess(&index.dossier(person(number)), packs(timeline), now, now);
            for measure in assessment.measures.iter().filter(|measure| measure.kind().restricts()) {
                let of = loops.iter().filter(|closed_loop| {
                    closed_loop.person == person(number) && packs(timeline).is_same_rule(&closed_loop.rule, measure.rule())
                        && !matches!(closed_loop.state, LoopState::Ended { .. })
                        && closed_loop.phases.iter().any(|phase| {
                            (phase.kind, phase.starts_at) == (measure.kind(), measure.starts_at())
                                && phase.ends_at >= measure.ends_at()
                        })
                });
                prop_assert!(of.count() >= 1, "{} of {number} has no loop", measure.rule());
            }
            let until = |closed_loop: &&ClosedLoop| closed_loop.person == person(number);
            for closed_loop in loops.iter().filter(until) {
                if let LoopState::Ended { at, .. } = closed_loop.state {
                    prop_assert!(at <= now);
                    let restricts = closed_loop.phases.iter().any(|phase| phase.kind.restricts() && phase.ends_at > at);
                    prop_assert!(!restricts, "{closed_loop:?}");
                }
            }
        }
    }

    #[test]
    fn a_node_that_slept_finds_the_times_that_one_awake_saw(
        timeline in world::timeline(), seeds in world::seeds(16), hours in 100i64..900, slept in 1i64..200,
    ) {
        // Awake: it looked every hour. Asleep: it looks once, at the end.
        let facts = world::facts(timeline, &seeds);
        let end = world::moment(timeline, hours + slept);
        let asleep = loops(&facts, timeline, end);
        for closed_loop in &asleep {
            let LoopState::Ended { at, .. } = closed_loop.state else { continue };
            if at > world::moment(timeline, hours) {
                let key = (closed_loop.person, closed_loop.rule.clone(), closed_loop.opened_by);
                let seen_at = |moment: Instant| {
                    loops(&facts, timeline, moment).into_iter()
                        .find(|one| (one.person, one.rule.clone(), one.opened_by) == key).map(|one| one.state)
                };
                let before = Instant::from_micros(at.as_micros() - 1);
                let was_over = matches!(seen_at(before), Some(LoopState::Ended { .. }));
                prop_assert!(!was_over, "{:?}", seen_at(before));
                let is_ended = matches!(seen_at(at), Some(LoopState::Ended { at: same, .. }) if same == at);
                prop_assert!(is_ended, "{:?} {at}", seen_at(at));
            }
        }
    }

    #[test]
    fn releases_on_record_are_the_last_word_and_are_written_once(
        timeline in world::timeline(), seeds in world::seeds(20), bytes in bytes(), hours in 200i64..1000,
    ) {
        let now = world::moment(timeline, hours);
        let mut facts = with_steps(&world::facts(timeline, &seeds), timeline, now, &bytes);
        let owed = |facts: &[Fact]| -> Vec<(PersonId, std::sync::Arc<str>, sizao_model::FactId, Instant)> {
            let loops = loops(facts, timeline, now);
            let all = loops.iter().filter_map(|one| Some((one.person, one.rule.clone(), one.opened_by, one.owed_since()?)));
            all.collect()
        };
        for (number, (person, rule, opened_by, since)) in owed(&facts).into_iter().enumerate() {
            facts.push(world::read(&json!({
                "id": format!("release{number}"), "kind": "loop_step", "person": person, "happened": {"at": since},
                "recorded_at": now, "body": {"rule": *rule, "opened_by": opened_by, "stage": "released"},
            })));
        }
        prop_assert_eq!(owed(&facts), vec![]);
    }

    #[test]
    fn the_four_clears_always_add_up(
        timeline in world::timeline(), seeds in world::seeds(24), bytes in bytes(), hours in 0i64..1000,
    ) {
        let now = world::moment(timeline, hours);
        let facts = with_steps(&world::facts(timeline, &seeds), timeline, now, &bytes);
        for moment in [now.plus_hours(-200), now.plus_hours(-24), now] {
            let loops = loops(&facts, timeline, moment);
            let clears = FourClears::of(&loops);
            prop_assert!(clears.adds_up());
            // Counted by hand: each line has its last reply, or none.
            for (reply, counted) in Reply::ALL.into_iter().zip(clears.replied) {
                let by_hand = loops.iter().filter(|one| one.known.reply == Some(reply)).count() as u64;
                prop_assert_eq!(by_hand, counted);
            }
            prop_assert_eq!(clears.total, loops.len() as u64);
        }
    }

    #[test]
    fn nothing_changes_before_the_next_change(
        timeline in world::timeline(), seeds in world::seeds(16), bytes in bytes(), hours in 0i64..600, wait in 1i64..200,
    ) {
        let now = world::moment(timeline, hours);
        let facts: Vec<Fact> = with_steps(&world::facts(timeline, &seeds), timeline, now, &bytes)
            .into_iter().filter(|fact| fact.recorded_at <= now && !matches!(fact.body, FactBody::PackAdopted(_))).collect();
        for before in loops(&facts, timeline, now) {
            let adoption = packs(timeline).next_adoption(now);
            let later = now.plus_minutes(wait * 7);
            if before.next_change_at.is_some_and(|next| next <= later) || adoption.is_some_and(|next| next <= later) {
                continue;
            }
            let after = loops(&facts, timeline, later).into_iter()
                .find(|one| (one.person, &one.rule, one.opened_by) == (before.person, &before.rule, before.opened_by));
            let after = after.unwrap();
            prop_assert_eq!(after.state, before.state);
            prop_assert_eq!(after.urgency(later), before.urgency(now));
            prop_assert_eq!(after.tasks, before.tasks);
        }
    }
}
