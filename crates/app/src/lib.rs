//! Room `app`: the use cases. The only room that joins the others; it decides who may do what, in which transaction,
//! by which clock.

pub mod access;
pub mod accounts;
pub mod api_tokens;
pub mod appeals;
pub mod arrivals;
pub mod assessments;
pub mod assists;
pub mod audit;
pub mod authorization;
pub mod board;
pub mod break_glass;
pub mod case_file;
pub mod certificates;
pub mod checkpoints;
pub mod courses;
mod error;
pub mod export;
pub mod facts_intake;
pub mod fence;
pub mod identity;
pub mod imports;
pub mod intake;
pub mod laboratory;
pub mod ledger;
pub mod limits;
pub mod loops;
pub mod mandates;
mod names;
pub mod orders;
pub mod own_data;
pub mod pack_signatures;
pub mod packs;
pub mod people;
pub mod places;
pub mod policy_changes;
pub mod refusal;
pub mod residents;
pub mod saved_views;
pub mod screening;
pub mod sentinels;
pub mod signals;
pub mod totp;
pub mod transmission;
pub mod transparency;
pub mod watch;

use std::sync::{Arc, Mutex, atomic::AtomicUsize};

use ed25519_dalek::SigningKey;
use sizao_model::{CivilDay, Clock, Instant, fact::RetentionClass};
use sizao_store::{Certificate, NewFact, Receipt, Store, Submission};
pub use sizao_store::{StoreError, from_hex, hex};
use uuid::Uuid;

use assessments::{Assessing, Recent};
pub use error::AppError;
use packs::InForce;
pub use packs::Rules;
pub use refusal::Refusal;

/// A node at work: its store, its clock and the recorder on whose behalf it acts.
pub struct App {
    store: Store,
    clock: Arc<dyn Clock>,
    signer: SigningKey,
    recorder: Uuid,
    /// The packs in force, by the adoptions in the log.
    in_force: InForce,
    /// Held by whoever brings projections up to date: one at a time in a process.
    assessing: tokio::sync::Mutex<Assessing>,
    /// What this process appended and has not assessed yet.
    recent: Mutex<Recent>,
    /// The ledger of stays.
    ledger: ledger::LedgerDesk,
    /// The detector of the fence, where the operator gave it towers and a border.
    fence: tokio::sync::Mutex<Option<fence::Fence>>,
    /// Scans of tubes are decided one batch at a time.
    scanning: laboratory::Scanning,
    /// How many people are many.
    many: AtomicUsize,
    /// Keys towards other nodes, once they are needed.
    cooperation: tokio::sync::OnceCell<assists::CooperationKeys>,
}

impl App {
    /// Puts a node together. The recorder's key is made known to the store under `recorder_name`.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        signer: SigningKey,
        recorder_name: &str,
        rules: Rules,
    ) -> Result<Self, AppError> {
        let recorder = store.add_recorder(recorder_name, &signer.verifying_key(), clock.now()).await?;
        let (assessing, recent, scanning, ledger, cooperation) = Default::default();
        let in_force = InForce::new(rules);
        let fence = tokio::sync::Mutex::new(None);
        let many = AtomicUsize::new(assessments::MANY);
        Ok(Self {
            store,
            clock,
            signer,
            recorder,
            in_force,
            assessing,
            recent,
            fence,
            scanning,
            many,
            ledger,
            cooperation,
        })
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The present instant, by this node's clock.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Destroys the bodies of a retention class and day, with their key, and assesses again whom that concerns.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn erase(
        &self,
        class: RetentionClass,
        recorded_on: CivilDay,
        basis: &str,
    ) -> Result<Certificate, AppError> {
        self.catch_up(|_| {}).await?;
        let certificate = self.store.erase(class, recorded_on, basis, self.now()).await?;
        let mut assessing = self.assessing.lock().await;
        let _alone = self.store.lease_assessing().await?;
        assessing.forget_facts();
        self.reassess(&certificate.people).await?;
        Ok(certificate)
    }

    /// On whose behalf the node records.
    pub const fn recorder(&self) -> Uuid {
        self.recorder
    }

    /// Appends facts that the node itself makes, signed by it.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn append_facts(&self, facts: Vec<NewFact>) -> Result<Vec<Receipt>, AppError> {
        let sealer = self.store.sealer(&facts).await?;
        let salts = self.store.salts(facts.len());
        let sealed: Vec<_> = facts.into_iter().zip(&salts).map(|(fact, salt)| sealer.seal(fact, salt)).collect();
        let submission = Submission::sign(&sealed, &self.signer);
        Ok(self.store.append(sealed, &submission, None, self.now()).await?.receipts)
    }

    /// Ends the node: everything is written to the main file.
    pub async fn close(self) {
        self.store.close().await;
    }
}

/// SHA-256 over parts, hexadecimal.
pub fn digest(parts: &[&[u8]]) -> String {
    hex(&sizao_store::sha256(parts))
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sizao_store::sha256(&[bytes])
}

/// An id that sorts by time.
pub fn new_id(now: Instant) -> Uuid {
    <Uuid as accounts::NowV7>::now_v7_at(now)
}
