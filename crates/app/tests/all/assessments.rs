//! After any facts, in any portions, every stored assessment is what the pure function says: none is stale.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use sizao_app::{App, Rules};
use sizao_drill::city::{City, CityOptions};
use sizao_model::{Assessment, Clock, DivisionCode, Fact, Instant, PersonId, fact::RetentionClass};
use sizao_policy::{FactIndex, Pack, PackTimeline, assess};
use sizao_store::{Channel, IntakeKey, NewFact, Store, StoreKind, Submission};

use crate::support::*;

/// A clock that tests move.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }
}

const PACKS: [(&str, &str); 4] = [
    ("cn-covid-v8", include_str!("../../../../policies/cn-covid-v8/pack.toml")),
    ("cn-covid-v9", include_str!("../../../../policies/cn-covid-v9/pack.toml")),
    ("ha-arrival-0322", include_str!("../../../../policies/ha-arrival-0322/pack.toml")),
    ("ha-normal-2.0", include_str!("../../../../policies/ha-normal-2.0/pack.toml")),
];

fn timeline() -> PackTimeline {
    let packs = PACKS.map(|(id, text)| Pack::from_toml(id, text).unwrap_or_else(|errors| panic!("{errors:?}")));
    PackTimeline::new(packs.into()).unwrap()
}

struct World {
    app: Arc<App>,
    clock: Arc<Hand>,
    signer: ed25519_dalek::SigningKey,
    recorder: uuid::Uuid,
    source: i64,
}

impl World {
    async fn new(place: &TestPlace) -> Self {
        let store = Store::create(&place.place, StoreKind::Drill, master(), entropy(1), at(NOW)).await.unwrap();
        let signer = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let clock = Arc::new(Hand(AtomicI64::new(0)));
        let rules = Rules::new(timeline(), &PACKS.map(|(_, text)| text));
        let recorder = store.add_recorder("tester", &signer.verifying_key(), at(NOW)).await.unwrap();
        let source = store.source("city").await.unwrap();
        let app = Arc::new(App::new(store, clock.clone(), signer.clone(), "tester", rules).await.unwrap());
        Self { app, clock, signer, recorder, source }
    }

    async fn append(&self, facts: &[Fact]) {
        let new: Vec<NewFact> = facts
            .iter()
            .map(|fact| NewFact {
                id: fact.id,
                person: fact.person,
                division: DivisionCode::parse("410102").unwrap(),
                happened: fact.happened.clone(),
                recorded_at: fact.recorded_at,
                body: fact.body.clone(),
                recorder: self.recorder,
                channel: Channel::Import,
                source: self.source,
                intake_key: IntakeKey::Sender(fact.id.to_string().into()),
            })
            .collect();
        let store = self.app.store();
        let sealer = store.sealer(&new).await.unwrap();
        let salts = store.salts(new.len());
        let sealed: Vec<_> = new.into_iter().zip(salts).map(|(fact, salt)| sealer.seal(fact, &salt)).collect();
        let submission = Submission::sign(&sealed, &self.signer);
        store.append(sealed, &submission, None, self.clock.now()).await.unwrap();
    }

    /// Every person's stored assessment, or what no row means, against the pure function.
    async fn check(&self, known: &[Fact]) -> usize {
        let now = self.clock.now();
        let timeline = timeline();
        let index = FactIndex::new(known);
        let mut stored = 0;
        for person in index.persons() {
            let want = assess(&index.dossier(person), &timeline, now, now);
            match self.app.store().load_assessment(person).await.unwrap() {
                Some(row) => {
                    stored += 1;
                    let got: Assessment = serde_json::from_str(&row.answer).unwrap();
                    assert_eq!(sorted(got), sorted(want), "{person}");
                }
                None => assert!(
                    want.measures.is_empty() && want.classes.is_empty() && want.offers.is_empty(),
                    "no row for {person}, but {want:?}"
                ),
            }
            let fresh = self.app.assess(person, now, now).await.unwrap();
            let again = assess(&index.dossier(person), &timeline, now, now);
            assert_eq!(sorted(fresh.assessment), sorted(again), "{person}");
        }
        stored
    }
}

impl World {
    /// However much is read around a person, the digest of what counts is the same.
    async fn check_digests(&self, known: &[Fact]) {
        let now = self.clock.now();
        let people: Vec<PersonId> = FactIndex::new(known).persons().collect();
        self.app.set_many(1);
        self.app.reassess(&people).await.unwrap();
        for person in people {
            if let Some(row) = self.app.store().load_assessment(person).await.unwrap() {
                assert_eq!(row.dossier, self.app.assess(person, now, now).await.unwrap().dossier, "{person}");
            }
        }
    }
}

/// The order of lists means nothing.
fn sorted(mut answer: Assessment) -> Assessment {
    answer.classes.sort_unstable();
    answer.measures.sort_unstable_by_key(|measure| (measure.starts_at(), measure.rule().to_owned(), measure.ends_at()));
    for measure in &mut answer.measures {
        let mut because = measure.because().to_vec();
        because.sort_unstable();
        because.dedup();
        let plain = sizao_model::Measure::open(
            measure.kind(),
            measure.rule().into(),
            because,
            measure.starts_at(),
            measure.ends_at(),
        );
        *measure = plain.unwrap().with_tests(measure.tests().to_vec());
    }
    answer
}

fn city(people: u32, seed: u64) -> Vec<Fact> {
    let city = City::build(CityOptions::new(people, 14, seed)).unwrap();
    let mut facts: Vec<Fact> = city.facts().collect();
    facts.sort_by_key(|fact| (fact.recorded_at, fact.id));
    facts
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stored_assessment_is_stale_after_any_portion_of_facts() {
    for (place, seed) in places().await.iter().zip(1..) {
        let world = World::new(place).await;
        let facts = city(250, seed);
        let cuts = [facts.len() / 3, facts.len() * 2 / 3, facts.len() * 2 / 3 + 1, facts.len()];
        let mut from = 0;
        let mut stored = 0;
        for to in cuts {
            world.app.set_many(usize::MAX);
            let now = facts[to - 1].recorded_at.as_micros() + 60_000_000;
            world.clock.0.store(now, Ordering::Relaxed);
            world.append(&facts[from..to]).await;
            world.app.catch_up(|_| {}).await.unwrap();
            // The clock moved on: assessments of people without new facts are made again when they are due.
            let people: Vec<PersonId> = FactIndex::new(&facts[..to]).persons().collect();
            world.app.reassess(&people).await.unwrap();
            stored = world.check(&facts[..to]).await;
            world.check_digests(&facts[..to]).await;
            from = to;
        }
        assert!(stored > 20, "only {stored} people have anything to assess: the city is too quiet to test with");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_that_come_one_by_one_leave_no_assessment_stale() {
    let place = sqlite();
    let world = World::new(&place).await;
    let facts = city(300, 7);
    let begin = facts.len() - 150;
    world.app.set_many(1);
    let end = facts[facts.len() - 1].recorded_at.as_micros() + 60_000_000;
    world.clock.0.store(end, Ordering::Relaxed);
    world.append(&facts[..begin]).await;
    world.app.catch_up(|_| {}).await.unwrap();
    for at in begin..facts.len() {
        world.append(&facts[at..=at]).await;
        world.app.catch_up(|_| {}).await.unwrap();
        if at % 30 == 0 || at + 1 == facts.len() {
            world.check(&facts[..=at]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_owed_while_facts_come_in_is_assessed_at_the_next_catch_up() {
    for place in places().await {
        let world = World::new(&place).await;
        let facts = city(300, 11);
        let end = facts[facts.len() - 1].recorded_at.as_micros() + 60_000_000;
        world.clock.0.store(end, Ordering::Relaxed);
        let mut assessed = 0;
        for portion in facts.chunks(300) {
            world.append(portion).await;
            assessed += world.app.keep_up().await.unwrap().assessed;
        }
        assert_eq!(assessed, 0, "so few facts need not be followed at once");
        // Stopped here, nothing is lost: the watermark of assessments has not moved.
        assert_eq!(world.app.store().watermark("assessment").await.unwrap(), 0);
        assert!(world.app.catch_up(|_| {}).await.unwrap().assessed > 20);
        world.check(&facts).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_makes_the_same_projections() {
    let place = sqlite();
    let world = World::new(&place).await;
    let facts = city(300, 3);
    world.clock.0.store(facts[facts.len() - 1].recorded_at.as_micros(), Ordering::Relaxed);
    for portion in facts.chunks(700) {
        world.append(portion).await;
        world.app.catch_up(|_| {}).await.unwrap();
    }
    let before = world.app.store().projection_digest().await.unwrap();
    world.app.rebuild(|_| {}).await.unwrap();
    assert_eq!(world.app.store().projection_digest().await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_erasure_the_people_concerned_are_assessed_on_what_is_left() {
    let place = sqlite();
    let world = World::new(&place).await;
    let facts = city(300, 5);
    world.clock.0.store(facts[facts.len() - 1].recorded_at.as_micros(), Ordering::Relaxed);
    world.append(&facts).await;
    let gone = facts.iter().filter(|fact| fact.body.kind().retention() == RetentionClass::Exposure);
    let day = gone.clone().map(|fact| fact.recorded_at.day()).next().expect("the city has exposures");
    let is_gone =
        |fact: &Fact| fact.body.kind().retention() == RetentionClass::Exposure && fact.recorded_at.day() == day;
    world.app.erase(RetentionClass::Exposure, day, "end of term").await.unwrap();
    let left: Vec<Fact> = facts.iter().filter(|fact| !is_gone(fact)).cloned().collect();
    assert!(left.len() < facts.len());
    world.check(&left).await;
}

/// People whom a strong fact names only by way of something else: a tube, a sample whose result was corrected.
const BY_WAY_OF: &str = r#"
{"id":"s1","kind":"sample","person":"a","happened":{"at":"2022-03-03T08:00:00+08:00"},"recorded_at":"2022-03-03T08:05:00+08:00","body":{"lab":"l","method":"nucleic_test","pool":"t1"}}
{"id":"s2","kind":"sample","person":"b","happened":{"at":"2022-03-03T08:01:00+08:00"},"recorded_at":"2022-03-03T08:06:00+08:00","body":{"lab":"l","method":"nucleic_test","pool":"t1"}}
{"id":"s3","kind":"sample","person":"c","happened":{"at":"2022-03-03T08:02:00+08:00"},"recorded_at":"2022-03-03T08:07:00+08:00","body":{"lab":"l","method":"nucleic_test"}}
{"id":"r3","kind":"result","happened":{"at":"2022-03-03T11:00:00+08:00"},"recorded_at":"2022-03-03T11:00:00+08:00","body":{"sample":"s3","outcome":"negative"}}
{"id":"r1","kind":"result","happened":{"at":"2022-03-03T12:00:00+08:00"},"recorded_at":"2022-03-03T12:00:00+08:00","body":{"pool":"t1","outcome":"positive"}}
{"id":"s9","kind":"sample","person":"d","happened":{"at":"2022-03-03T08:03:00+08:00"},"recorded_at":"2022-03-03T12:10:00+08:00","body":{"lab":"l","method":"nucleic_test","pool":"t1"}}
{"id":"x3","kind":"correction","happened":{"at":"2022-03-03T13:00:00+08:00"},"recorded_at":"2022-03-03T13:00:00+08:00","body":{"of":"r3","body":{"outcome":"positive"}}}
{"id":"s4","kind":"sample","person":"a","happened":{"at":"2022-03-03T14:00:00+08:00"},"recorded_at":"2022-03-03T14:00:00+08:00","body":{"lab":"l","method":"nucleic_test"}}
{"id":"s5","kind":"sample","person":"c","happened":{"at":"2022-03-03T14:01:00+08:00"},"recorded_at":"2022-03-03T14:01:00+08:00","body":{"lab":"l","method":"nucleic_test"}}
{"id":"r4","kind":"result","happened":{"at":"2022-03-03T16:00:00+08:00"},"recorded_at":"2022-03-03T16:00:00+08:00","body":{"sample":"s4","outcome":"negative"}}
{"id":"r5","kind":"result","happened":{"at":"2022-03-03T16:01:00+08:00"},"recorded_at":"2022-03-03T16:01:00+08:00","body":{"sample":"s5","outcome":"negative"}}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn people_named_by_way_of_a_tube_or_a_corrected_result_are_never_stale() {
    for place in places().await {
        let world = World::new(&place).await;
        world.app.set_many(1);
        let (facts, _) = sizao_interop::ndjson::read_facts(BY_WAY_OF.trim_start().as_bytes()).unwrap();
        let mut held = 0;
        for at in 0..facts.len() {
            world.clock.0.store(facts[at].recorded_at.as_micros() + 1_000_000, Ordering::Relaxed);
            world.append(&facts[at..=at]).await;
            world.app.catch_up(|_| {}).await.unwrap();
            held = held.max(world.check(&facts[..=at]).await);
        }
        assert!(held >= 3, "only {held} people were ever held: the rule that this test is about is not in force");
    }
}

/// Whoever stayed in an area, with samples, doses and symptoms of before, and what may make these count after all.
const OF_BEFORE: &str = r#"
{"id":"b1","kind":"person","person":"child","happened":{"day":"2014-01-01"},"recorded_at":"2022-02-01T08:00:00+08:00","body":{"birth_day":"2014-01-01","parents":["parent"]}}
{"id":"o1","kind":"sample","person":"a","happened":{"at":"2022-02-20T08:00:00+08:00"},"recorded_at":"2022-02-20T08:05:00+08:00","body":{"lab":"l","method":"nucleic_test"}}
{"id":"o1r","kind":"result","happened":{"at":"2022-02-20T12:00:00+08:00"},"recorded_at":"2022-02-20T12:00:00+08:00","body":{"sample":"o1","outcome":"negative"}}
{"id":"o2","kind":"sample","person":"b","happened":{"at":"2022-02-20T08:00:00+08:00"},"recorded_at":"2022-02-20T08:05:00+08:00","body":{"lab":"l","method":"nucleic_test","pool":"old"}}
{"id":"o3","kind":"sample","person":"parent","happened":{"at":"2022-02-20T08:00:00+08:00"},"recorded_at":"2022-02-20T08:05:00+08:00","body":{"lab":"l","method":"nucleic_test","pool":"old"}}
{"id":"o4","kind":"vaccine_dose","person":"a","happened":{"at":"2022-02-20T09:00:00+08:00"},"recorded_at":"2022-02-20T09:05:00+08:00","body":{"disease":"covid","product":"x"}}
{"id":"o5","kind":"symptom_report","person":"b","happened":{"at":"2022-02-20T09:00:00+08:00"},"recorded_at":"2022-02-20T09:05:00+08:00","body":{"symptoms":["fever"]}}
{"id":"o6","kind":"sample","person":"c","happened":{"at":"2022-02-20T10:00:00+08:00"},"recorded_at":"2022-02-20T10:05:00+08:00","body":{"lab":"l","method":"nucleic_test"}}
"#;

/// The same people when the area is graded.
const GRADED: &str = r#"
{"id":"t1","kind":"stay","person":"a","happened":{"from":"2022-03-01T08:00:00+08:00","to":"2022-03-03T18:00:00+08:00"},"recorded_at":"2022-03-04T08:00:00+08:00","body":{"area":"410102001","evidence":"declared"}}
{"id":"t2","kind":"stay","person":"b","happened":{"from":"2022-03-01T08:00:00+08:00","to":"2022-03-03T18:00:00+08:00"},"recorded_at":"2022-03-04T08:00:00+08:00","body":{"area":"410102001","evidence":"declared"}}
{"id":"t3","kind":"stay","person":"child","happened":{"from":"2022-03-01T08:00:00+08:00","to":"2022-03-03T18:00:00+08:00"},"recorded_at":"2022-03-04T08:00:00+08:00","body":{"area":"410102001","evidence":"declared"}}
{"id":"t4","kind":"stay","person":"c","happened":{"from":"2022-03-01T08:00:00+08:00","to":null},"recorded_at":"2022-03-04T08:00:00+08:00","body":{"area":"410102001","evidence":"declared"}}
{"id":"n1","kind":"sample","person":"a","happened":{"at":"2022-03-03T19:00:00+08:00"},"recorded_at":"2022-03-04T09:00:00+08:00","body":{"lab":"l","method":"nucleic_test"}}
{"id":"g0","kind":"diagnosis","person":"first","happened":{"at":"2022-03-05T07:00:00+08:00"},"recorded_at":"2022-03-05T07:30:00+08:00","body":{"status":"confirmed_case","onset":"2022-03-03"}}
{"id":"d1","kind":"area_declared","happened":{"at":"2022-03-05T08:00:00+08:00"},"recorded_at":"2022-03-05T08:00:00+08:00","body":{"area":"410102001","level":"high","until":"2022-03-30T00:00:00+08:00","evidence":["n1","g0"],"signers":["x","y"]}}
{"id":"n1r","kind":"result","happened":{"at":"2022-03-05T09:00:00+08:00"},"recorded_at":"2022-03-05T09:00:00+08:00","body":{"sample":"n1","outcome":"negative"}}
{"id":"o2r","kind":"result","happened":{"at":"2022-03-05T10:00:00+08:00"},"recorded_at":"2022-03-05T10:00:00+08:00","body":{"pool":"old","outcome":"positive"}}
{"id":"x1","kind":"correction","happened":{"at":"2022-03-05T11:00:00+08:00"},"recorded_at":"2022-03-05T11:00:00+08:00","body":{"of":"o1r","body":{"outcome":"positive"}}}
{"id":"d2","kind":"area_declared","happened":{"at":"2022-03-05T12:00:00+08:00"},"recorded_at":"2022-03-05T12:00:00+08:00","body":{"area":"410102","level":"medium","until":"2022-03-30T00:00:00+08:00","evidence":["n1","g0"],"signers":["x","y"]}}
{"id":"g1","kind":"diagnosis","person":"case","happened":{"at":"2022-03-05T13:00:00+08:00"},"recorded_at":"2022-03-05T13:00:00+08:00","body":{"status":"confirmed_case","onset":"2022-03-04"}}
{"id":"e1","kind":"exposure","person":"parent","happened":{"from":"2022-03-04T08:00:00+08:00","to":"2022-03-04T18:00:00+08:00"},"recorded_at":"2022-03-05T14:00:00+08:00","body":{"case":"case","evidence":"interview","class":"close_contact"}}
{"id":"x2","kind":"correction","happened":{"at":"2022-03-05T15:00:00+08:00"},"recorded_at":"2022-03-05T15:00:00+08:00","body":{"of":"o6","happened":{"at":"2022-03-05T07:00:00+08:00"}}}
{"id":"l1","kind":"identity_link","person":"c","happened":{"at":"2022-03-05T16:00:00+08:00"},"recorded_at":"2022-03-05T16:00:00+08:00","body":{"other":"b","basis":"document"}}
{"id":"d3","kind":"area_ended","happened":{"at":"2022-03-05T17:00:00+08:00"},"recorded_at":"2022-03-05T17:00:00+08:00","body":{"area":"410102001"}}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sampled_before_a_stay_stays_unread_until_something_makes_it_count() {
    let read = |text: &str| sizao_interop::ndjson::read_facts(text.trim_start().as_bytes()).unwrap().0;
    for place in places().await {
        let world = World::new(&place).await;
        world.app.set_many(1);
        let mut facts = read(OF_BEFORE);
        // More than a block of the index, so that the older one need not be opened.
        let one_more = |number: u32| {
            let line = OF_BEFORE.trim_start().lines().nth(1).unwrap();
            line.replace("\"o1\"", &format!("\"z{number}\"")).replace("\"a\"", "\"z\"")
        };
        let rest: String = (0..4_200).map(|number| one_more(number) + "\n").collect();
        facts.extend(read(&rest));
        world.clock.0.store(at("2022-03-01T00:00:00+08:00").as_micros(), Ordering::Relaxed);
        world.append(&facts).await;
        world.app.catch_up(|_| {}).await.unwrap();
        facts.retain(|fact| fact.person != Some(PersonId::from_label("z")));
        let mut stored = 0;
        for fact in read(GRADED) {
            world.clock.0.store(fact.recorded_at.as_micros() + 1_000_000, Ordering::Relaxed);
            world.append(std::slice::from_ref(&fact)).await;
            facts.push(fact);
            world.app.catch_up(|_| {}).await.unwrap();
            stored = stored.max(world.check(&facts).await);
            world.check_digests(&facts).await;
        }
        assert!(stored >= 5, "only {stored} people were ever under a measure");
    }
}
