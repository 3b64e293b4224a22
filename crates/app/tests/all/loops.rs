//! Closed loops through `app`, on both engines, clock in hand.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use serde_json::json;
use sizao_app::{
    App, Rules,
    identity::{Actor, Role},
    loops::Followed,
    residents::{Form, text_digest},
};
use sizao_model::{Clock, Colour, DivisionCode, Fact, FactBody, FactKind, Instant, PersonId, fact::LoopStage};
use sizao_policy::{Pack, PackTimeline};
use sizao_store::{Channel, IntakeKey, LoopFilter, LoopQuery, NewFact, Store, StoreKind, Submission, UnitRecord};
use sqlx::Connection;
use uuid::Uuid;

use crate::support::*;

pub const PACK: &str = include_str!("../../../../policies/cn-covid-v8/pack.toml");

pub struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }
}

fn zhongyuan() -> DivisionCode {
    DivisionCode::parse("410102").unwrap()
}

pub struct World {
    pub app: Arc<App>,
    pub clock: Arc<Hand>,
    pub signer: ed25519_dalek::SigningKey,
    recorder: Uuid,
    source: i64,
    unit: Uuid,
}

impl World {
    pub async fn new(place: &TestPlace) -> Self {
        let store = Store::create(&place.place, StoreKind::Drill, master(), entropy(1), at(NOW)).await.unwrap();
        let signer = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let clock = Arc::new(Hand(AtomicI64::new(0)));
        let pack = Pack::from_toml("cn-covid-v8", PACK).unwrap();
        let rules = Rules::new(PackTimeline::new(vec![pack]).unwrap(), &[PACK]);
        let recorder = store.add_recorder("tester", &signer.verifying_key(), at(NOW)).await.unwrap();
        let source = store.source("test").await.unwrap();
        let unit = UnitRecord {
            id: Uuid::from_u128(7),
            name: "Community".into(),
            kind: "community".into(),
            division: zhongyuan(),
            made_at: at(NOW),
            closed_at: None,
        };
        store.add_unit(&unit).await.unwrap();
        let app = Arc::new(App::new(store, clock.clone(), signer.clone(), "tester", rules).await.unwrap());
        Self { app, clock, signer, recorder, source, unit: unit.id }
    }

    /// Sets the clock, in microseconds.
    pub fn at(&self, micros: i64) {
        self.clock.0.store(micros, Ordering::Relaxed);
    }

    pub fn clock(&self, text: &str) -> &Self {
        self.clock.0.store(day(text).as_micros(), Ordering::Relaxed);
        self
    }

    pub async fn append(&self, facts: &[Fact]) {
        let store = self.app.store();
        let new: Vec<NewFact> = facts
            .iter()
            .map(|fact| NewFact {
                id: fact.id,
                person: fact.person,
                division: zhongyuan(),
                happened: fact.happened.clone(),
                recorded_at: fact.recorded_at,
                body: fact.body.clone(),
                recorder: self.recorder,
                channel: Channel::Import,
                source: self.source,
                intake_key: IntakeKey::Sender(fact.id.to_string().into()),
            })
            .collect();
        let sealer = store.sealer(&new).await.unwrap();
        let salts = store.salts(new.len());
        let sealed: Vec<_> = new.into_iter().zip(salts).map(|(fact, salt)| sealer.seal(fact, &salt)).collect();
        let submission = Submission::sign(&sealed, &self.signer);
        store.append(sealed, &submission, None, self.app.now()).await.unwrap();
    }

    async fn count(&self, filter: LoopFilter) -> u64 {
        let query = LoopQuery { within: DivisionCode::HENAN, filter, unit: None, now: self.app.now() };
        self.app.store().count_loops(query).await.unwrap()
    }

    /// Steps of a stage on record: whose, and when they happened.
    async fn steps(&self, stage: LoopStage) -> Vec<(PersonId, Instant)> {
        let (facts, _) =
            self.app.store().load_leaves_that_fit(0, self.app.store().size().await.unwrap()).await.unwrap();
        let of = facts.into_iter().filter_map(|stored| match &stored.fact.body {
            FactBody::LoopStep(step) if step.stage == stage => {
                Some((stored.fact.person?, stored.fact.happened.starts_at()))
            }
            _ => None,
        });
        of.collect()
    }
}

/// A moment of March 2022.
pub fn day(text: &str) -> Instant {
    at(&format!("2022-03-{text}:00+08:00"))
}

fn fact(id: &str, kind: FactKind, person: Option<&str>, at: &str, body: serde_json::Value) -> Fact {
    let mut line =
        json!({"id": id, "kind": kind.name(), "happened": {"at": day(at)}, "recorded_at": day(at), "body": body});
    if let Some(person) = person {
        line["person"] = json!(person);
    }
    Fact::from_json(&line.to_string()).unwrap()
}

/// One case of 1 March, and contacts who were exposed on the given days; all on record at 09:00 on the 10th. Tested
/// people have their exit tests; the others lapse after a day.
pub fn outbreak(contacts: &[(&str, u8, bool)]) -> Vec<Fact> {
    let mut facts = vec![fact(
        "d",
        FactKind::Diagnosis,
        Some("c"),
        "01T20:00",
        json!({"status": "confirmed_case", "onset": "2022-03-01"}),
    )];
    for (name, exposed, tested) in contacts {
        let exposure = json!({"case": "c", "evidence": "interview", "class": "close_contact"});
        let mut line = fact(&format!("e-{name}"), FactKind::Exposure, Some(name), "10T09:00", exposure);
        line.happened = sizao_model::Happened::at(day(&format!("{exposed:02}T10:00")));
        facts.push(line);
        let site = json!({"site": format!("hotel-{name}")});
        facts.push(fact(&format!("i-{name}"), FactKind::IsolationStarted, Some(name), "10T10:00", site));
        if !tested {
            continue;
        }
        // Due on day 14 of isolation and day 7 at home: sampled on the last day of each.
        let end = exposed + 14;
        for (number, on, lab) in [(1, end, "a"), (2, end, "b"), (3, end + 7, "a")] {
            let sampled = format!("{on:02}T09:00");
            let sample = format!("s{number}-{name}");
            facts.push(fact(
                &sample,
                FactKind::Sample,
                Some(name),
                &sampled,
                json!({"method": "nucleic_test", "lab": lab}),
            ));
            let result = json!({"sample": sample, "outcome": "negative"});
            facts.push(fact(&format!("r{number}-{name}"), FactKind::TestResult, None, &sampled, result));
        }
    }
    facts
}

/// What was on record by noon of the 12th.
fn early(mut facts: Vec<Fact>) -> Vec<Fact> {
    facts.retain(|fact| fact.recorded_at <= day("12T12:00"));
    facts
}

pub const CONTACTS: [(&str, u8, bool); 6] =
    [("p2", 2, true), ("p3", 3, true), ("p4", 4, true), ("p5", 5, true), ("p6", 6, false), ("p1", 1, false)];

#[tokio::test(flavor = "multi_thread")]
async fn after_five_days_down_one_pass_releases_all_with_their_true_times() {
    for place in places().await {
        let world = World::new(&place).await;
        let facts = outbreak(&CONTACTS);
        let before: Vec<Fact> = facts.iter().filter(|fact| fact.recorded_at <= day("23T12:00")).cloned().collect();
        world.clock("23T12:00").append(&before).await;
        world.app.follow_loops().await.unwrap();
        assert_eq!(world.steps(LoopStage::Released).await.len(), 0);
        assert_eq!(world.steps(LoopStage::Assigned).await.len(), 6, "each has an owner");
        // The node is down; tests of these days lie in the laboratory and come by file before anything is followed.
        let down: Vec<Fact> = facts.iter().filter(|fact| fact.recorded_at > day("23T12:00")).cloned().collect();
        world.clock("28T12:00").append(&down).await;

        // A read before the pass is right: nobody whose time was over is restricted any more.
        for (name, exposed, tested) in CONTACTS {
            let person = PersonId::from_label(name);
            let at = world.app.now();
            let explained = world.app.explain(person, at, at).await.unwrap();
            let restricted = explained.assessment.measures.iter().any(|measure| measure.kind().restricts());
            assert_eq!(restricted, exposed + 22 + u8::from(!tested) > 28, "{name}");
            // So do the person's own page and a pass, and both say what the officer's text says.
            let own = world.app.view_resident(person).await.unwrap();
            assert_eq!(own.explained.assessment.measures, explained.assessment.measures, "{name}");
            for chinese in [true, false] {
                let digests = [&own.explained, &explained].map(|one| text_digest(&one.explanation, chinese));
                assert_eq!(digests[0], digests[1], "{name}: officer and person read the same");
            }
            let (pass, _) = world.app.issue_pass(person, Form::Phone).await.unwrap();
            assert_eq!(pass.colour == Some(Colour::Green), !restricted, "{name}");
        }

        let done = world.app.follow_loops().await.unwrap();
        // Untested, their 22 days were over at midnight and the grace of a day ran out with nobody there.
        let want = [("p1", "24T00:00"), ("p2", "24T00:00"), ("p3", "25T00:00"), ("p4", "26T00:00"), ("p5", "27T00:00")];
        let mut released = world.steps(LoopStage::Released).await;
        released.sort_unstable();
        let mut wanted: Vec<(PersonId, Instant)> = want.map(|(name, at)| (PersonId::from_label(name), day(at))).into();
        // p6, untested, was due on the 28th at 00:00 and is in the grace.
        wanted.sort_unstable();
        assert_eq!(released, wanted);
        assert_eq!((done.released, done.lapsed), (5, 1));
        assert_eq!(world.count(LoopFilter::Owed).await, 0, "the watchdog's list is empty");

        // Again, and after a rebuild, nothing is released twice.
        assert_eq!(world.app.follow_loops().await.unwrap(), Followed::default());
        world.app.rebuild(|_| {}).await.unwrap();
        let again = world.app.follow_loops().await.unwrap();
        assert_eq!((again.released, again.assigned), (0, 0));
        assert_eq!(world.steps(LoopStage::Released).await.len(), 5);
        assert_eq!(world.count(LoopFilter::Closed).await, 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_makes_the_same_loops_from_the_log() {
    let place = sqlite();
    let world = World::new(&place).await;
    world.clock("12T12:00").append(&early(outbreak(&CONTACTS))).await;
    world.app.follow_loops().await.unwrap();
    let all = LoopQuery { within: DivisionCode::HENAN, filter: LoopFilter::Open, unit: None, now: world.app.now() };
    let before = world.app.store().list_loops(all, 0, 100).await.unwrap();
    assert_eq!(before.0.len(), 7);
    assert!(before.0.iter().all(|record| record.unit == Some(world.unit)));
    world.app.rebuild(|_| {}).await.unwrap();
    world.app.follow_loops().await.unwrap();
    assert_eq!(world.app.store().list_loops(all, 0, 100).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_nobody_looks_after_in_time_is_handed_to_the_next_level_once() {
    let place = sqlite();
    let world = World::new(&place).await;
    let headquarters = UnitRecord {
        id: Uuid::from_u128(8),
        name: "Headquarters".into(),
        kind: "headquarters".into(),
        division: DivisionCode::parse("4101").unwrap(),
        made_at: at(NOW),
        closed_at: None,
    };
    world.app.store().add_unit(&headquarters).await.unwrap();
    world.clock("10T09:01").append(&outbreak(&[("p2", 2, true)])[..2]).await;
    world.app.follow_loops().await.unwrap();
    // Told within the hour is owed from 09:00 on: five sixths are over at 09:50.
    world.clock("10T09:49");
    assert_eq!(world.app.follow_loops().await.unwrap().escalated, 0);
    world.clock("10T09:51");
    assert_eq!(world.app.follow_loops().await.unwrap().escalated, 1, "the case was handed on before");
    world.clock("10T12:00");
    assert_eq!(world.app.follow_loops().await.unwrap().escalated, 0);
    assert_eq!(world.count(LoopFilter::Overdue).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inserted_row_of_a_loop_is_not_shown() {
    let place = sqlite();
    let world = World::new(&place).await;
    world.clock("12T12:00").append(&outbreak(&[("p2", 2, true)])[..2]).await;
    world.app.follow_loops().await.unwrap();
    let sizao_store::Place::Sqlite(path) = &place.place else { unreachable!("a file") };
    let mut connection = sqlx::SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("UPDATE closed_loop SET strictness = 6, due_at = due_at + 864000000000")
        .execute(&mut connection)
        .await
        .unwrap();
    let all = LoopQuery { within: DivisionCode::HENAN, filter: LoopFilter::Open, unit: None, now: world.app.now() };
    let (lines, refused) = world.app.store().list_loops(all, 0, 100).await.unwrap();
    assert_eq!((lines.len(), refused), (0, 2));
    let person = PersonId::from_label("p2");
    assert_eq!(world.app.loops_of(person).await.unwrap()[0].due_at, day("24T00:00"), "the person's page is computed");
}

fn actor(role: Role, unit: u128, account: u128) -> Actor {
    Actor {
        account: Uuid::from_u128(account),
        name: "x".into(),
        role,
        unit: Uuid::from_u128(unit),
        unit_name: "x".into(),
        division: DivisionCode::parse("4101").unwrap(),
        demo: true,
        session: Uuid::from_u128(1),
        request: "r".into(),
        scopes: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_1317_ids_and_as_many_rows_of_stays_restrict_nobody() {
    let place = sqlite();
    let world = World::new(&place).await;
    let mut facts = outbreak(&[]);
    for number in 0..1_317 {
        let name = format!("depositor-{number}");
        let listed = json!({"case": "c", "evidence": "list_row", "class": "close_contact"});
        facts.push(fact(&format!("e-{name}"), FactKind::Exposure, Some(&name), "10T09:00", listed));
        let stay = json!({"area": "4101", "evidence": "list_row"});
        facts.push(fact(&format!("t-{name}"), FactKind::Stay, Some(&name), "10T09:00", stay));
    }
    world.clock("10T10:00").append(&facts).await;
    world.app.follow_loops().await.unwrap();
    let (rows, _) = world.app.store().list_assessments(None, 5_000).await.unwrap();
    let restricted: Vec<_> = rows.iter().filter(|row| row.strictness > 0).map(|row| row.person).collect();
    assert_eq!(restricted, [PersonId::from_label("c")], "only the case");
}

/// Who is restricted now.
async fn restricted(world: &World) -> usize {
    world.app.announce_changes(world.app.now()).await.unwrap();
    let (rows, forged) = world.app.store().list_assessments(None, 5_000).await.unwrap();
    assert_eq!(forged, 0);
    rows.iter().filter(|row| row.strictness > 0).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_area_drawn_round_a_bank_counts_for_nobody_without_a_case_and_two_signers_and_one_retraction_frees_all() {
    for place in places().await {
        let world = World::new(&place).await;
        let mut facts = Vec::new();
        for number in 0..1_317 {
            let name = format!("depositor-{number}");
            let stay = json!({"area": "410102001", "evidence": "ticket"});
            facts.push(fact(&format!("t-{name}"), FactKind::Stay, Some(&name), "10T09:00", stay));
        }
        let area = |id: &str, evidence: &[&str], signers: &[&str], at: &str| {
            let body = json!({"area": "410102001", "level": "high", "until": "2022-03-24T00:00:00+08:00",
                              "evidence": evidence, "signers": signers, "basis": "law"});
            fact(id, FactKind::AreaDeclared, None, at, body)
        };
        let both = ["headquarters", "cdc"];
        facts.push(area("a1", &["t-depositor-0"], &["headquarters"], "10T10:00"));
        facts.push(area("a2", &["t-depositor-0"], &["headquarters", "headquarters"], "10T10:01"));
        facts.push(area("a3", &[], &both, "10T10:02"));
        // A stay is no case, and what is on record nowhere is nothing, whoever signs.
        facts.push(area("a4", &["t-depositor-0"], &both, "10T10:03"));
        facts.push(area("a5", &["never-recorded"], &both, "10T10:04"));
        // Nor does a case count that somebody finds afterwards, or evidence that is taken back.
        facts.push(area("a6", &["d", "t-depositor-1"], &both, "10T10:05"));
        facts.push(fact(
            "back-1",
            FactKind::Correction,
            None,
            "10T10:06",
            json!({"of": "t-depositor-1", "retract": true}),
        ));
        world.clock("10T11:00").append(&facts).await;
        world.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(restricted(&world).await, 0, "one signer, one signer twice, no evidence, no case");
        let mut case = outbreak(&[]);
        case[0].recorded_at = day("10T12:00");
        world.clock("10T12:01").append(&case).await;
        world.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(restricted(&world).await, 1, "the case alone");
        // What two organisations sign on the evidence of a case holds, is on record under both names, and goes with one
        // correction.
        world.clock("11T10:00").append(&[area("a7", &["d"], &both, "11T09:00")]).await;
        world.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(restricted(&world).await, 1 + 1_316, "everybody whose stay is on record");
        let back = fact("back-2", FactKind::Correction, None, "11T10:30", json!({"of": "a7", "retract": true}));
        world.clock("11T11:00").append(&[back]).await;
        world.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(restricted(&world).await, 1, "all are free at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_link_of_two_people_carries_nothing_when_automatic_and_nothing_any_more_when_undone() {
    for place in places().await {
        let world = World::new(&place).await;
        let link = |id: &str, other: &str, basis: &str, at: &str| {
            fact(id, FactKind::IdentityLink, Some("c"), at, json!({"other": other, "basis": basis}))
        };
        let mut facts = outbreak(&[]);
        facts.push(link("l1", "depositor-1", "automatic", "10T09:00"));
        world.clock("10T10:00").append(&facts).await;
        world.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(restricted(&world).await, 1, "only the case");
        world.clock("10T12:00").append(&[link("l2", "depositor-2", "document", "10T11:00")]).await;
        world.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(restricted(&world).await, 2, "a link by document carries the diagnosis: that is its purpose");
        let undone = fact("undone", FactKind::IdentityUnlink, Some("c"), "10T13:00", json!({"link": "l2"}));
        world.clock("10T14:00").append(&[undone]).await;
        world.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(restricted(&world).await, 1, "free as soon as the link is undone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_six_batches_of_twenty_stop_at_the_limit_of_a_day() {
    for place in places().await {
        let world = World::new(&place).await;
        world.clock("10T10:00");
        let proposer = actor(Role::Epidemiologist, 7, 3);
        let batch = std::collections::BTreeMap::from([("exposure", 20)]);
        let mut taken = 0;
        for _ in 0..66 {
            taken += usize::from(world.app.count_restricting(&proposer, &batch, world.app.now()).await.is_ok());
        }
        assert_eq!(taken, 25, "500 people");
        // Another account of the same unit meets the unit's limit.
        let second = actor(Role::Epidemiologist, 7, 4);
        let mut more = 0;
        for _ in 0..66 {
            more += usize::from(world.app.count_restricting(&second, &batch, world.app.now()).await.is_ok());
        }
        assert_eq!(more, 25);
        let third = actor(Role::Epidemiologist, 7, 5);
        assert!(world.app.count_restricting(&third, &batch, world.app.now()).await.is_err());
        world.clock("11T10:01");
        assert!(world.app.count_restricting(&proposer, &batch, world.app.now()).await.is_ok(), "a day later");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appeal_is_decided_by_another_unit_and_ends_the_measure_only_by_taking_its_evidence_back() {
    for place in places().await {
        let world = World::new(&place).await;
        world.clock("10T10:00").append(&outbreak(&[("p2", 2, true)])[..2]).await;
        world.app.follow_loops().await.unwrap();
        let person = PersonId::from_label("p2");
        let measure = world.app.loops_of(person).await.unwrap().remove(0);
        let file = |words: &'static str, key: &'static str| {
            let (app, rule, of) = (world.app.clone(), measure.rule.clone(), measure.opened_by);
            async move { app.file_appeal(person, &rule, of, words, key).await }
        };
        let filed = file("I was not there that day.", "1").await.unwrap();
        assert!(file("I was not there that day.", "1").await.unwrap().repeated);
        let hours = |filed: sizao_model::FactId| {
            let store = world.app.store();
            async move {
                let record = store.load_appeal(filed).await.unwrap().unwrap();
                (record.deadline_at.as_micros() - record.filed_at.as_micros()) / 3_600_000_000
            }
        };
        assert_eq!(hours(filed.fact).await, 12, "red is answered sooner");
        // The unit that looks after the person does not decide.
        let own = actor(Role::AppealOfficer, 7, 11);
        let reason = "The ticket shows another day and another train.";
        let now = world.app.now();
        assert!(world.app.decide_appeal(&own, filed.fact, "upheld", reason, now).await.is_err());
        let first = actor(Role::AppealOfficer, 20, 12);
        world.app.decide_appeal(&first, filed.fact, "rejected", reason, now).await.unwrap();
        assert!(world.app.decide_appeal(&first, filed.fact, "upheld", reason, now).await.is_err(), "decided once");
        let restricts = || async {
            let at = world.app.now();
            let explained = world.app.explain(person, at, at).await.unwrap();
            explained.assessment.measures.iter().any(|measure| measure.kind().restricts())
        };
        assert!(restricts().await);
        world.clock("10T11:00");
        let second = file("Here is the ticket.", "2").await.unwrap();
        assert_eq!(hours(second.fact).await, 48);
        let now = world.app.now();
        assert!(
            world.app.decide_appeal(&first, second.fact, "upheld", reason, now).await.is_err(),
            "not the first unit"
        );
        let other = actor(Role::AppealOfficer, 21, 13);
        world.app.decide_appeal(&other, second.fact, "upheld", reason, now).await.unwrap();
        assert!(!restricts().await);
        assert_eq!(world.steps(LoopStage::Released).await, [(person, now)]);
        assert_eq!(world.count(LoopFilter::Owed).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_withdrawn_at_the_gate_when_what_it_says_changed() {
    let place = sqlite();
    let world = World::new(&place).await;
    world.clock("10T08:55").append(&outbreak(&[])).await;
    world.app.catch_up(|_| {}).await.unwrap();
    let person = PersonId::from_label("p2");
    world.clock("10T08:59");
    let (_, text) = world.app.issue_pass(person, Form::Phone).await.unwrap();
    let mut forged = text.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == '0' { '1' } else { '0' });
    let gate = |texts: Vec<String>| {
        let app = world.app.clone();
        async move { app.check_passes_now(&texts).await.unwrap().iter().map(|one| one.code()).collect::<Vec<_>>() }
    };
    let before = gate(vec![text.clone(), forged]).await;
    assert_eq!(before[0], "holds");
    assert!(matches!(before[1], "signature" | "form"), "{}", before[1]);
    world.clock("10T09:00").append(&outbreak(&[("p2", 2, true)])[1..2]).await;
    world.app.catch_up(|_| {}).await.unwrap();
    assert_eq!(gate(vec![text.clone()]).await, ["withdrawn"]);
    world.clock("10T09:10");
    assert_eq!(gate(vec![text]).await, ["expired"]);
}
