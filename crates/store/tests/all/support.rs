//! Stores for tests: a temporary SQLite file, or a database of its own on the PostgreSQL that the test script started.
#![allow(dead_code, reason = "each room of tests uses a part")]

use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::SigningKey;
use sizao_model::{DivisionCode, FactBody, FactId, Happened, Instant, PersonId};
use sizao_store::{
    Appended, Channel, Entropy, IntakeKey, MasterKey, NewFact, Place, Store, StoreError, StoreKind, Submission,
};
use tempfile::TempDir;
use uuid::Uuid;

/// A place for a store, removed with the value.
pub struct TestPlace {
    pub place: Place,
    _folder: Option<TempDir>,
}

/// A new SQLite place.
pub fn sqlite() -> TestPlace {
    let folder = tempfile::tempdir().unwrap();
    TestPlace { place: Place::Sqlite(folder.path().join("store.db")), _folder: Some(folder) }
}

/// A new PostgreSQL database, or nothing where no server was started; in CI that is a failure.
pub async fn postgres() -> Option<TestPlace> {
    let Ok(url) = std::env::var("SIZAO_TEST_POSTGRES") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI runs every test on PostgreSQL too: SIZAO_TEST_POSTGRES is not set"
        );
        println!("not run on PostgreSQL: SIZAO_TEST_POSTGRES is not set (make test starts a server)");
        return None;
    };
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
    pool.close().await;
    let base = url.rsplit_once('/').unwrap().0;
    Some(TestPlace { place: Place::Postgres(format!("{base}/{name}")), _folder: None })
}

/// Both engines, as far as they are there.
pub async fn places() -> Vec<TestPlace> {
    let mut places = vec![sqlite()];
    places.extend(postgres().await);
    places
}

/// Randomness that is the same in every run.
pub fn entropy(seed: u64) -> Box<Entropy> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Box::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
    })
}

pub fn master() -> MasterKey {
    MasterKey::from_parts(1, [7; 32])
}

pub fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

pub const NOW: &str = "2022-03-17T09:30:00+08:00";

/// A store with one recorder.
pub struct Bench {
    pub store: Store,
    pub signer: SigningKey,
    pub recorder: Uuid,
    pub source: i64,
}

impl Bench {
    pub async fn new(place: &Place) -> Self {
        let store = Store::create(place, StoreKind::Drill, master(), entropy(1), at(NOW)).await.unwrap();
        Self::with(store).await
    }

    pub async fn with(store: Store) -> Self {
        let signer = SigningKey::from_bytes(&[9; 32]);
        let recorder = store.add_recorder("tester", &signer.verifying_key(), at(NOW)).await.unwrap();
        let source = store.source("test list").await.unwrap();
        Self { store, signer, recorder, source }
    }

    /// A fact under a key of the sender.
    pub fn fact(&self, key: &str, person: &str, recorded_at: &str, body: impl Into<FactBody>) -> NewFact {
        let body = body.into();
        let recorded_at = at(recorded_at);
        NewFact {
            id: self.store.new_fact_id(recorded_at),
            person: body.kind().is_about_a_person().then(|| PersonId::from_label(person)),
            division: DivisionCode::parse("410102").unwrap(),
            happened: Happened::at(recorded_at),
            recorded_at,
            body,
            recorder: self.recorder,
            channel: Channel::Import,
            source: self.source,
            intake_key: IntakeKey::Sender(key.into()),
        }
    }

    pub async fn append(&self, facts: Vec<NewFact>) -> Result<Appended, StoreError> {
        let sealer = self.store.sealer(&facts).await?;
        let sealed: Vec<_> = facts
            .into_iter()
            .map(|fact| {
                let salt: [u8; 32] = std::array::from_fn(|at| fact.id.as_bytes()[at % 16] ^ at as u8);
                sealer.seal(fact, &salt)
            })
            .collect();
        let submission = Submission::sign(&sealed, &self.signer);
        self.store.append(sealed, &submission, None, at(NOW)).await
    }

    /// So many symptom reports, keyed by number from `first`.
    pub async fn append_many(&self, first: usize, count: usize, recorded_at: &str) -> Vec<FactId> {
        let facts = (first..first + count)
            .map(|number| self.fact(&format!("k{number}"), &format!("p{}", number % 50), recorded_at, symptoms(number)))
            .collect();
        self.append(facts).await.unwrap().receipts.into_iter().map(|receipt| receipt.id()).collect()
    }
}

pub fn symptoms(number: usize) -> FactBody {
    sizao_model::fact::SymptomReport {
        symptoms: vec!["cough".into()],
        temperature: Some(36.0 + (number % 40) as f64 / 10.0),
    }
    .into()
}
