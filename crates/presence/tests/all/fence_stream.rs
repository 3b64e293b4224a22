//! What the fence promises of any stream: causal, the same after a restart, the same with repetitions.

use sizao_presence::{Detector, FenceRules, Observation, Outcome, Question, SnapshotError, Tongue, Tower};

/// A border along longitude 113, inside to its east; towers every 2.5 km on both sides.
fn detector() -> Detector {
    let mut towers = Vec::new();
    for row in 0..12 {
        for column in 0..12 {
            let (lon, lat) = (113.0 + (f64::from(column) - 5.5) * 0.027, 34.0 + f64::from(row) * 0.0225);
            towers.push(Tower { lon, lat, is_small: false });
        }
    }
    let prior = (0..PEOPLE).map(|person| (person, person % 3 == 0)).collect();
    Detector::new(&towers, |lon, _| lon >= 113.0, prior, FenceRules::default())
}

const PEOPLE: u64 = 60;

struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Two days of people who go to and fro between columns of towers, some over the border, with late records and wrong clocks.
fn stream() -> Vec<Observation> {
    let mut draws = Draws(7);
    let mut records = Vec::new();
    for person in 0..PEOPLE {
        let home = if person % 3 == 0 { 6 + draws.below(5) } else { 1 + draws.below(5) };
        let work = draws.below(12);
        let row = draws.below(12);
        let mut at_ms = draws.below(600_000) as i64;
        let mut column = home;
        while at_ms < 2 * 86_400_000 {
            let hour = at_ms / 3_600_000 % 24;
            let goal = if (8..17).contains(&hour) { work } else { home };
            let moving = column != goal;
            column = if goal > column { column + 1 } else { column - u64::from(goal < column) };
            let seen = if draws.below(6) == 0 { (column + 1).min(11) } else { column };
            let tower = (row * 12 + seen) as u32;
            let clock = if tower.is_multiple_of(17) { 240_000 } else { 0 };
            let late = if draws.below(25) == 0 { draws.below(3_600_000) } else { draws.below(30_000) } as i64;
            records.push(Observation { recv_ms: at_ms + late, person, tower, event_ms: at_ms + clock });
            at_ms += 1000 + draws.below(if moving { 240_000 } else { 1_200_000 }) as i64;
        }
    }
    records.sort_by_key(|record| (record.recv_ms, record.person, record.event_ms));
    records
}

fn run(detector: &mut Detector, records: &[Observation]) -> Vec<Question> {
    let ask = |record: &Observation| match detector.take(record) {
        Outcome::Asked(question) => Some(question),
        Outcome::Taken | Outcome::Old => None,
    };
    records.iter().filter_map(ask).collect()
}

#[test]
fn ten_cuts_with_a_restart_from_a_full_snapshot_change_no_question() {
    let records = stream();
    let whole = run(&mut detector(), &records);
    assert!(whole.len() > 20, "{} questions", whole.len());
    for cut in 1..=10 {
        let (before, after) = records.split_at(records.len() * cut / 11);
        let mut first = detector();
        let mut questions = run(&mut first, before);
        assert_eq!(questions, whole[..questions.len()], "what was asked before the cut stands");
        let mut second = detector();
        second.restore(&first.snapshot()).unwrap();
        questions.extend(run(&mut second, after));
        assert_eq!(questions, whole, "cut {cut}");
    }
}

#[test]
fn every_tenth_record_received_again_changes_no_question() {
    let records = stream();
    let whole = run(&mut detector(), &records);
    let mut draws = Draws(11);
    let mut with_repetitions = records.clone();
    for record in &records {
        if draws.below(10) == 0 {
            let later = 1 + draws.below(600_000) as i64;
            with_repetitions.push(Observation { recv_ms: record.recv_ms + later, ..*record });
        }
    }
    assert!(with_repetitions.len() > records.len() + records.len() / 20);
    with_repetitions.sort_by_key(|record| (record.recv_ms, record.person, record.event_ms));
    assert_eq!(run(&mut detector(), &with_repetitions), whole);
}

#[test]
fn somebody_who_crosses_and_stays_is_asked_about_once_and_somebody_who_stays_outside_never() {
    let mut detector = detector();
    let record = |person: u64, minute: i64, column: u32| Observation {
        recv_ms: minute * 60_000 + 5_000,
        person,
        tower: 60 + column,
        event_ms: minute * 60_000,
    };
    let mut records: Vec<_> = (0..30).map(|step| record(1, step * 10, 1)).collect();
    records.extend((0..9).map(|step| record(1, 300 + 3 * i64::from(step), 1 + step)));
    records.extend((0..30).map(|step| record(1, 330 + step * 10, 9)));
    records.extend((0..60).map(|step| record(2, step * 10, if step % 5 == 4 { 3 } else { 2 })));
    records.sort_by_key(|record| record.recv_ms);
    let questions = run(&mut detector, &records);
    assert_eq!(questions.iter().map(|question| question.person).collect::<Vec<_>>(), [1]);
    let asked_min = questions[0].declared_ms / 60_000;
    // The border lies between columns 5 and 6: it was crossed in minute 313 or so.
    assert!((312..=330).contains(&asked_min), "minute {asked_min}");
    assert!(questions[0].probability >= FenceRules::default().ask_at && questions[0].probability <= 1.0);
    assert!(questions[0].in_words(Tongue::En).contains("Only a question"));
    assert!(questions[0].in_words(Tongue::Zh).contains("仅为提问"));
}

#[test]
fn a_person_takes_at_most_256_bytes() {
    assert!(Detector::person_bytes() <= 256, "{}", Detector::person_bytes());
}

#[test]
fn a_snapshot_that_is_damaged_is_refused_and_nothing_changes() {
    let records = stream();
    let (before, after) = records.split_at(records.len() / 2);
    let mut detector = detector();
    run(&mut detector, before);
    let mut untouched = detector.clone();
    let good = detector.snapshot();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 4;
    assert_eq!(detector.restore(&flipped), Err(SnapshotError::Damaged));
    assert_eq!(detector.restore(&good[..good.len() - 9]), Err(SnapshotError::Damaged));
    assert_eq!(detector.restore(b"something else"), Err(SnapshotError::NotASnapshot));
    assert_eq!(run(&mut detector, after), run(&mut untouched, after));
}

#[test]
fn a_sketch_holds_at_most_eight_towers_under_hashes_and_carries_the_memory_over() {
    let records = stream();
    let mut detector = detector();
    run(&mut detector, &records);
    let hash = |tower: u32| u64::from(tower).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 99;
    let sketches = detector.sketches(hash);
    assert_eq!(sketches.len() as u64, PEOPLE);
    assert!(sketches.iter().all(|sketch| (1..=8).contains(&sketch.towers.len())));
    detector.restart_from(&sketches, hash);
    assert_eq!(detector.sketches(hash), sketches);
    // Under another key nothing is recognised.
    detector.restart_from(&sketches, |tower| hash(tower) ^ 1);
    assert!(detector.sketches(hash).iter().all(|sketch| sketch.towers.is_empty()));
}
