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
pub mod batches;
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
pub mod history;
pub mod identity;
pub mod imports;
pub mod intake;
mod kept;
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
mod pens;
pub mod people;
pub mod places;
pub mod policy_changes;
pub mod refusal;
pub mod residents;
pub mod retention;
pub mod saved_views;
pub mod screening;
pub mod sentinels;
pub mod signals;
pub mod totp;
pub mod transmission;
pub mod transparency;
pub mod watch;

use std::sync::{Arc, Mutex, OnceLock, atomic::AtomicUsize};

use ed25519_dalek::SigningKey;
use sizao_model::{CivilDay, Clock, DivisionCode, Instant, fact::RetentionClass};
use sizao_store::{Certificate, NewFact, Receipt, Store};
pub use sizao_store::{StoreError, from_hex, hex};
use uuid::Uuid;

use assessments::{Assessing, Recent};
pub use error::AppError;
use kept::Kept;
use packs::InForce;
pub use packs::Rules;
use pens::Pen;
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
    /// Keys of accounts that signed lately.
    pens: pens::Pens,
    /// Boards and counts of a moment.
    boards: Kept<(DivisionCode, bool), Arc<board::Board>>,
    counts: Kept<(DivisionCode, board::Group), u64>,
    loop_counts: Kept<DivisionCode, Vec<(loops::LoopFilter, u64)>>,
    targets: OnceLock<board::Targets>,
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
        let (pens, boards, counts, loop_counts, targets) = Default::default();
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
            pens,
            boards,
            counts,
            loop_counts,
            targets,
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
        self.append_signed(facts, &self.own_pen()).await
    }

    /// Appends facts under the pen of their recorder, whom each of them names.
    pub(crate) async fn append_signed(&self, facts: Vec<NewFact>, pen: &Pen) -> Result<Vec<Receipt>, AppError> {
        let sealer = self.store.sealer(&facts).await?;
        let salts = self.store.salts(facts.len());
        let sealed: Vec<_> = facts.into_iter().zip(&salts).map(|(fact, salt)| sealer.seal(fact, salt)).collect();
        let submission = pen.sign(&sealed);
        Ok(self.store.append(sealed, &submission, None, self.now()).await?.receipts)
    }

    /// What share of the four earlies should be in time.
    pub fn targets(&self) -> board::Targets {
        *self.targets.get_or_init(board::Targets::default)
    }

    /// Sets these shares, before anybody has looked at a board; `false` afterwards.
    pub fn set_targets(&self, targets: board::Targets) -> bool {
        self.targets.set(targets).is_ok()
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
