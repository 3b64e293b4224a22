//! What another pack would change is the same by the slow way (everybody, every fact), from a file and from a store.

use std::{
    io::Cursor,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use sizao_app::{
    App, Rules,
    policy_changes::{Comparison, compare, read_mattering},
};
use sizao_drill::city::{City, CityOptions};
use sizao_model::{Clock, DivisionCode, Fact, Instant, PersonId};
use sizao_policy::{
    FactIndex, Pack, PackTimeline, assess,
    change::{Change, ChangeReport},
};
use sizao_store::{Channel, IntakeKey, NewFact, Store, StoreKind, Submission};

use crate::support::*;

/// A clock that tests move.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }
}

fn pack(id: &str) -> (Pack, String) {
    let file = format!("{}/../../policies/{id}/pack.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    (Pack::from_toml(id, &text).unwrap(), text)
}

fn packs(ids: &[&str]) -> PackTimeline {
    PackTimeline::new(ids.iter().map(|id| pack(id).0).collect()).unwrap()
}

fn city(people: u32, seed: u64) -> Vec<Fact> {
    let city = City::build(CityOptions::new(people, 14, seed)).unwrap();
    let mut facts: Vec<Fact> = city.facts().collect();
    facts.sort_by_key(|fact| (fact.recorded_at, fact.id));
    facts
}

/// Everybody, one by one.
fn slowly(facts: &[Fact], comparison: Comparison<'_>) -> ChangeReport {
    let index = FactIndex::new(facts);
    let mut report = ChangeReport::default();
    for person in index.persons() {
        let dossier = index.dossier(person);
        let by = |packs| assess(&dossier, packs, comparison.known_at, comparison.at);
        report.note(&by(comparison.before), &by(comparison.after), "", comparison.at);
    }
    report
}

/// The same but for the number of people looked at, which the fast ways keep small.
fn told(report: &ChangeReport) -> impl PartialEq + std::fmt::Debug + use<> {
    (report.rows.clone(), report.examples.clone(), report.hours_before, report.hours_after)
}

/// v8 with Henan's overlays, replaced by v9; and v8 by what restricts nobody.
fn comparisons(at: Instant) -> Vec<(PackTimeline, PackTimeline)> {
    let before = packs(&["cn-covid-v8", "ha-normal-2.0", "ha-arrival-0322", "ha-window-4"]);
    let adopted = |id: &str| before.with_adopted(&[pack(id).0], at).unwrap();
    vec![(before.clone(), adopted("cn-covid-v9")), (before.clone(), adopted("cn-class-B-B"))]
}

#[test]
fn from_a_file_the_answer_is_that_of_the_slow_way() {
    for seed in 1..4 {
        let facts = city(1_500, seed);
        let at = facts[facts.len() - 1].recorded_at;
        let lines: String = facts.iter().map(|fact| fact.to_json() + "\n").collect();
        for (before, after) in &comparisons(at) {
            let comparison = Comparison { before, after, known_at: at, at };
            let read = read_mattering(|| Ok(Cursor::new(lines.as_bytes())), at, |_| {}).unwrap();
            assert!(read.facts.len() < facts.len() / 2, "most facts do not matter");
            let index = FactIndex::new(&read.facts);
            let people: Vec<PersonId> = index.persons().collect();
            let fast = compare(&index, &people, comparison, |_| String::new(), |_| {});
            let slow = slowly(&facts, comparison);
            assert_eq!(told(&fast), told(&slow));
            let changed: u64 = Change::ALL.iter().map(|change| slow.total().of(*change)).sum();
            assert!(changed > 20, "the city is too quiet to test with");
        }
    }
}

#[test]
fn a_line_that_is_no_fact_is_told_and_costs_one_line() {
    let facts = city(300, 1);
    let at = facts[facts.len() - 1].recorded_at;
    let mut lines: Vec<String> = facts.iter().map(|fact| fact.to_json() + "\n").collect();
    lines.insert(1, "{\"id\":\"x\",\"kind\":\"rumour\"}\n".to_owned());
    let text = lines.concat();
    let read = read_mattering(|| Ok(Cursor::new(text.as_bytes())), at, |_| {}).unwrap();
    assert_eq!(read.lines, lines.len() as u64);
    assert!(matches!(&read.bad[..], [told] if told.starts_with("line 2: ")), "{:?}", read.bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_store_the_answer_is_that_of_the_slow_way_and_what_comes_later_is_left_out() {
    for place in places().await {
        let facts = city(400, 2);
        let at = facts[facts.len() - 1].recorded_at;
        let clock = Arc::new(Hand(AtomicI64::new(at.as_micros())));
        let signer = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
        let store = Store::create(&place.place, StoreKind::Drill, master(), entropy(1), at).await.unwrap();
        let ids = ["cn-covid-v8", "ha-normal-2.0", "ha-arrival-0322", "ha-window-4"];
        let texts: Vec<String> = ids.iter().map(|id| pack(id).1).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let rules = Rules::new(packs(&ids), &texts);
        let app = App::new(store, clock, signer.clone(), "tester", rules).await.unwrap();
        append(&app, &signer, &facts).await;
        let snapshot = app.snapshot(at, |_, _| {}).await.unwrap();
        assert_eq!(snapshot.leaves, facts.len() as u64);
        for (before, after) in &comparisons(at) {
            let comparison = Comparison { before, after, known_at: at, at };
            let index = FactIndex::new(&snapshot.facts);
            let people: Vec<PersonId> = index.persons().collect();
            let fast = compare(&index, &people, comparison, |_| String::new(), |_| {});
            assert_eq!(told(&fast), told(&slowly(&facts, comparison)));
        }
        // The decisions on record are those that would be made now; under other packs some would change.
        let same = app.against_stored(&snapshot, &packs(&ids), at).await.unwrap().total();
        assert!(same.unchanged > 0 && same.released + same.shortened + same.lengthened == 0, "{same:?}");
        let other = app.against_stored(&snapshot, &comparisons(at)[1].1, at).await.unwrap().total();
        assert!(other.released > 0 && other.unchanged == 0, "{other:?}");
    }
}

async fn append(app: &App, signer: &ed25519_dalek::SigningKey, facts: &[Fact]) {
    let store = app.store();
    let recorder = store.add_recorder("tester", &signer.verifying_key(), app.now()).await.unwrap();
    let source = store.source("city").await.unwrap();
    let new: Vec<NewFact> = facts
        .iter()
        .map(|fact| NewFact {
            id: fact.id,
            person: fact.person,
            division: DivisionCode::parse("410102").unwrap(),
            happened: fact.happened.clone(),
            recorded_at: fact.recorded_at,
            body: fact.body.clone(),
            recorder,
            channel: Channel::Import,
            source,
            intake_key: IntakeKey::Sender(fact.id.to_string().into()),
        })
        .collect();
    let sealer = store.sealer(&new).await.unwrap();
    let salts = store.salts(new.len());
    let sealed: Vec<_> = new.into_iter().zip(salts).map(|(fact, salt)| sealer.seal(fact, &salt)).collect();
    let submission = Submission::sign(&sealed, signer);
    store.append(sealed, &submission, None, app.now()).await.unwrap();
}
