//! A node on an empty store, with packs of the repository, a clock in hand and facts written as JSON.
#![allow(dead_code, reason = "each room of tests uses a part")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use ed25519_dalek::SigningKey;
use serde_json::Value;
use sizao_app::{App, Rules};
use sizao_model::{Clock, DivisionCode, Fact, Happened, Instant};
use sizao_policy::{Pack, PackTimeline};
use sizao_store::{Channel, IntakeKey, MandateRecord, NewFact, Store, StoreKind, Submission};
use uuid::Uuid;

use crate::support::{TestPlace, entropy, master};

pub fn moment(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

pub fn pack_text(id: &str) -> String {
    std::fs::read_to_string(format!("{}/../../policies/{id}/pack.toml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A clock that tests move.
pub struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }
}

pub struct Node {
    pub app: Arc<App>,
    clock: Arc<Hand>,
    signer: SigningKey,
}

impl Node {
    pub async fn new(place: &TestPlace, ids: &[&str], now: &str) -> Self {
        let now = moment(now);
        let store = Store::create(&place.place, StoreKind::Drill, master(), entropy(1), now).await.unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(now.as_micros())));
        let signer = SigningKey::from_bytes(&[9; 32]);
        let texts: Vec<String> = ids.iter().map(|id| pack_text(id)).collect();
        let packs = ids.iter().zip(&texts).map(|(id, text)| Pack::from_toml(id, text).unwrap()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let rules = Rules::new(PackTimeline::new(packs).unwrap(), &texts);
        let app = Arc::new(App::new(store, clock.clone(), signer.clone(), "tester", rules).await.unwrap());
        Self { app, clock, signer }
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    pub fn set(&self, now: &str) {
        self.clock.0.store(moment(now).as_micros(), Ordering::Relaxed);
    }

    /// Puts facts into the log and gives them back as they were read.
    pub async fn append(&self, facts: &[Value]) -> Vec<Fact> {
        let facts: Vec<Fact> = facts.iter().map(|fact| Fact::from_json(&fact.to_string()).unwrap()).collect();
        let store = self.app.store();
        let recorder = store.add_recorder("tester", &self.signer.verifying_key(), self.now()).await.unwrap();
        let source = store.source("tests").await.unwrap();
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
        let submission = Submission::sign(&sealed, &self.signer);
        store.append(sealed, &submission, None, self.now()).await.unwrap();
        facts
    }

    /// A mandate in force: proposed, on record, signed.
    pub async fn give(&self, mandate: &MandateRecord) {
        let (store, now) = (self.app.store(), self.now());
        store.propose_mandate(mandate).await.unwrap();
        let fact = NewFact {
            id: store.new_fact_id(now),
            person: None,
            division: mandate.area,
            happened: Happened::at(mandate.starts_at),
            recorded_at: now,
            body: mandate.body().into(),
            recorder: self.app.recorder(),
            channel: Channel::Page,
            source: store.source("mandates").await.unwrap(),
            intake_key: IntakeKey::Sender(mandate.id.to_string().into()),
        };
        let receipts = self.app.append_facts(vec![fact]).await.unwrap();
        assert!(store.sign_mandate(mandate.id, Uuid::from_u128(11), now, receipts[0].id()).await.unwrap());
    }
}
