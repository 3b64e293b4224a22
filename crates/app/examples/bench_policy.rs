//! How soon facts are seen: one new fact → new assessment stored and read back; an area graded in which many people
//! stayed → all of them assessed again. Over a store that holds a city.
//!
//! `cargo run --release -p sizao-app --example bench_policy -- STORE KEYFILE [FACTS] [PEOPLE]`. It writes to the store:
//! give it a copy. With WHOLE set, another area is graded before with everything read of everybody.

#![expect(clippy::disallowed_methods, reason = "an example measures how long it takes")]

use std::{collections::BTreeSet, error::Error, path::Path, sync::Arc, time::Instant as Watch};

use ed25519_dalek::SigningKey;
use serde_json::{Value, json};
use sizao_app::{App, Rules};
use sizao_model::{Assessment, Clock, DivisionCode, Fact, Instant, PersonId};
use sizao_policy::{Pack, PackTimeline};
use sizao_store::{Channel, IntakeKey, MasterKey, NewFact, Place, Store, Submission};

/// As in the program, which would be slower with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Facts that are appended at a time.
const BATCH: usize = 4_096;
/// Leaves that are read at a time to find people.
const LEAVES: u64 = 20_000;
/// People whom one case met.
const CONTACTS_OF_ONE: usize = 10;
/// How many people are many, when it was said otherwise before; as in `app`.
const MANY: usize = 1 << 14;
/// Packs in force.
const PACKS: [&str; 3] = ["cn-covid-v8", "ha-normal-2.0", "ha-arrival-0322"];

/// A clock that stands.
struct Still(Instant);

impl Clock for Still {
    fn now(&self) -> Instant {
        self.0
    }
}

struct Bench {
    app: App,
    signer: SigningKey,
    recorder: uuid::Uuid,
    source: i64,
}

impl Bench {
    async fn open(place: &str, key: &Path) -> Result<Self, Box<dyn Error>> {
        let key = std::fs::read_to_string(key)?;
        let master = || MasterKey::parse(key.split_whitespace().next().unwrap_or_default());
        let place = Place::parse(place);
        let seed = jiff::Timestamp::now().as_nanosecond() as u64;
        let mut state = seed | 1;
        let entropy = Box::new(move |bytes: &mut [u8]| {
            for byte in bytes {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = (state >> 32) as u8;
            }
        });
        let store = Store::open(&place, master()?, entropy).await?;
        let size = store.size().await?;
        let (last, _) = store.load_leaves_that_fit(size.saturating_sub(LEAVES), size).await?;
        let now = last.iter().map(|stored| stored.fact.recorded_at).max().ok_or("the store is empty")?.plus_hours(1);
        let signer = SigningKey::from_bytes(&[11; 32]);
        let recorder = store.add_recorder("bench", &signer.verifying_key(), now).await?;
        let source = store.source("bench").await?;
        let (mut packs, mut texts) = (Vec::new(), Vec::new());
        for id in PACKS {
            let file = format!("{}/../../policies/{id}/pack.toml", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(file)?;
            packs.push(Pack::from_toml(id, &text).map_err(|errors| format!("{errors:?}"))?);
            texts.push(text);
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let rules = Rules::new(PackTimeline::new(packs)?, &texts);
        let app = App::new(store, Arc::new(Still(now)), signer.clone(), "bench", rules).await?;
        Ok(Self { app, signer, recorder, source })
    }

    async fn append(&self, facts: &[Value]) -> Result<(), Box<dyn Error>> {
        let store = self.app.store();
        for facts in facts.chunks(BATCH) {
            let mut new = Vec::with_capacity(facts.len());
            for fact in facts {
                let fact = Fact::from_json(&fact.to_string())?;
                let intake_key = IntakeKey::Sender(format!("{}", fact.id).into());
                new.push(NewFact {
                    id: fact.id,
                    person: fact.person,
                    division: DivisionCode::HENAN,
                    happened: fact.happened.clone(),
                    recorded_at: fact.recorded_at,
                    body: fact.body.clone(),
                    recorder: self.recorder,
                    channel: Channel::Import,
                    source: self.source,
                    intake_key,
                });
            }
            let sealer = store.sealer(&new).await?;
            let salts = store.salts(new.len());
            let sealed: Vec<_> = new.into_iter().zip(salts).map(|(fact, salt)| sealer.seal(fact, &salt)).collect();
            let submission = Submission::sign(&sealed, &self.signer);
            store.append(sealed, &submission, None, self.app.now()).await?;
        }
        Ok(())
    }

    /// So many people of the store, from all over it.
    async fn people(&self, wanted: usize) -> Result<Vec<PersonId>, Box<dyn Error>> {
        let size = self.app.store().size().await?;
        let mut people = BTreeSet::new();
        let portions = size.div_ceil(LEAVES).max(1);
        // The city's files are in the order of recording: steps of a prime number spread over its days.
        for portion in 0..portions {
            let from = portion * 7 % portions * LEAVES;
            let (facts, _) = self.app.store().load_leaves_that_fit(from, (from + LEAVES).min(size)).await?;
            people.extend(facts.into_iter().filter_map(|stored| stored.fact.person));
            if people.len() >= wanted {
                break;
            }
        }
        Ok(people.into_iter().take(wanted).collect())
    }

    async fn stored(&self, person: PersonId) -> Result<Option<Assessment>, Box<dyn Error>> {
        let row = self.app.store().load_assessment(person).await?;
        Ok(row.map(|row| serde_json::from_str(&row.answer)).transpose()?)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, key, rest @ ..] = &arguments[..] else {
        return Err("give STORE KEYFILE [FACTS] [PEOPLE]".into());
    };
    let number = |at: usize, default: usize| rest.get(at).map_or(Ok(default), |text| text.parse::<usize>());
    let (facts, people) = (number(0, 500)?, number(1, 200_000)?);
    let bench = Bench::open(place, Path::new(key)).await?;
    println!("{} facts in the store", bench.app.store().size().await?);
    // Other packs than at the import: then everybody is owed first.
    let watch = Watch::now();
    let done = bench.app.catch_up(|_| {}).await?;
    println!("caught up in {:.1} s: {} people assessed", watch.elapsed().as_secs_f64(), done.assessed);
    let population = bench.people(people.max(facts * 2)).await?;
    one_by_one(&bench, &population, facts).await?;
    let people = &population[..people.min(population.len())];
    // For comparison, in the same run: everything on record of everybody is read.
    if std::env::var_os("WHOLE").is_some() {
        bench.app.set_many(usize::MAX);
        graded_area(&bench, people, "411198001").await?;
        bench.app.set_many(MANY.min(people.len()));
    }
    // In a city of its own each time, so that a store can be measured again.
    let city = 20 + bench.app.store().size().await? % 70;
    graded_area(&bench, people, &format!("41{city}99001")).await
}

/// Processor seconds of this process so far.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Each fact alone: from its signing to the stored assessment read back.
async fn one_by_one(bench: &Bench, population: &[PersonId], wanted: usize) -> Result<(), Box<dyn Error>> {
    let now = bench.app.now();
    let met = now.plus_hours(-30);
    let mut taken = Vec::with_capacity(wanted);
    let mut unseen = 0;
    for (nth, &person) in population.iter().enumerate().take(wanted) {
        // Of nobody in the city: an earlier isolation would close the window.
        let case = PersonId::from_label(&format!("case {} of {now}", nth / CONTACTS_OF_ONE));
        if nth % CONTACTS_OF_ONE == 0 {
            let day = met.day();
            bench
                .append(&[json!({
                    "id": uuid::Uuid::now_v7(), "kind": "diagnosis", "person": case, "happened": {"at": now.plus_hours(-2)},
                    "recorded_at": now, "body": {"status": "confirmed_case", "onset": day},
                })])
                .await?;
            bench.app.catch_up(|_| {}).await?;
        }
        let id = uuid::Uuid::now_v7();
        let fact = json!({
            "id": id, "kind": "exposure", "person": person, "happened": {"from": met, "to": met.plus_hours(1)},
            "recorded_at": now, "body": {"case": case, "evidence": "interview", "class": "close_contact"},
        });
        let watch = Watch::now();
        bench.append(&[fact]).await?;
        bench.app.catch_up(|_| {}).await?;
        let stored = bench.stored(person).await?;
        taken.push(watch.elapsed().as_secs_f64() * 1e3);
        unseen += usize::from(!stored.is_some_and(|answer| answer.classes.iter().any(|class| class.fact.uuid() == id)));
    }
    // Somebody may be dead; everybody else has the fact in the stored assessment.
    if unseen * 50 > wanted {
        return Err(format!("{unseen} of {wanted} facts are in no assessment").into());
    }
    taken.sort_by(f64::total_cmp);
    let part = |share: f64| taken[((taken.len() as f64 * share) as usize).min(taken.len() - 1)];
    println!(
        "one new fact → new assessment stored and visible, {wanted} facts: median {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, worst {:.1} ms",
        part(0.5),
        part(0.95),
        part(0.99),
        part(1.0)
    );
    Ok(())
}

/// An area in which all these people stayed is graded: until everybody's new assessment is stored.
async fn graded_area(bench: &Bench, people: &[PersonId], area: &str) -> Result<(), Box<dyn Error>> {
    let now = bench.app.now();
    let stays: Vec<Value> = people
        .iter()
        .map(|person| {
            json!({
                "id": uuid::Uuid::now_v7(), "kind": "stay", "person": person,
                "happened": {"from": now.plus_hours(-72), "to": now.plus_hours(-48)}, "recorded_at": now,
                "body": {"area": area, "evidence": "declared"},
            })
        })
        .collect();
    bench.append(&stays).await?;
    bench.app.catch_up(|_| {}).await?;
    let evidence = stays[0]["id"].clone();
    let (watch, processor) = (Watch::now(), processor_seconds());
    bench
        .append(&[json!({
            "id": uuid::Uuid::now_v7(), "kind": "area_declared", "happened": {"at": now}, "recorded_at": now,
            "body": {"area": area, "level": "high", "until": now.plus_hours(24 * 14), "evidence": [evidence],
                     "signers": ["headquarters", "cdc"], "basis": "law"},
        })])
        .await?;
    let done = bench.app.catch_up(|_| {}).await?;
    let (seconds, processor) = (watch.elapsed().as_secs_f64(), processor_seconds() - processor);
    let mut restricted = 0;
    for person in people.iter().step_by((people.len() / 1_000).max(1)) {
        let answer = bench.stored(*person).await?;
        restricted += usize::from(answer.is_some_and(|answer| !answer.measures.is_empty()));
    }
    println!(
        "an area where {} people stayed is graded: {} assessed and stored in {seconds:.1} s, {processor:.1} s of processor ({restricted} of {} looked at are under a measure)",
        people.len(),
        done.assessed,
        people.iter().step_by((people.len() / 1_000).max(1)).count()
    );
    Ok(())
}
