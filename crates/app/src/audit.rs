//! For the auditor: the head of the log, its verification, proofs.

use serde_json::Value;
use sizao_model::{FactId, Instant};
pub use sizao_store::PastVerification;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, can},
    identity::Actor,
    refusal::Refusal,
};

/// The signed head of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree, hexadecimal.
    pub root: String,
    /// When it was signed.
    pub signed_at: Instant,
}

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Leaves checked.
    pub leaves: u64,
    /// What does not fit, each in a sentence.
    pub findings: Vec<String>,
    /// Whether everything fits.
    pub sound: bool,
}

impl App {
    /// The head of the log.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn log_head(&self, actor: &Actor) -> Result<Head, AppError> {
        can(actor, Action::VerifyLog, actor.division, Purpose::Audit)?;
        let head = self.store().head().await?;
        Ok(Head { size: head.size, root: sizao_store::hex(&head.root), signed_at: head.signed_at })
    }

    /// The signed head, as a witness keeps it.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn checkpoint(&self, actor: &Actor) -> Result<Value, AppError> {
        can(actor, Action::VerifyLog, actor.division, Purpose::Audit)?;
        Ok(self.store().head().await?.to_json())
    }

    /// The proof that the log begins with an earlier one of so many leaves.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::NotFound`] when the log is shorter, [`AppError::Store`].
    pub async fn prove_since(&self, actor: &Actor, size: u64) -> Result<Value, AppError> {
        can(actor, Action::VerifyLog, actor.division, Purpose::Audit)?;
        match self.store().prove_consistency(size).await {
            Ok(proof) => Ok(proof.to_json()),
            Err(sizao_store::StoreError::UnknownFact { .. }) => Err(Refusal::NotFound.into()),
            Err(other) => Err(other.into()),
        }
    }

    /// How the log was found when it was verified last.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn last_verification(&self, actor: &Actor) -> Result<Option<PastVerification>, AppError> {
        can(actor, Action::VerifyLog, actor.division, Purpose::Audit)?;
        Ok(self.store().last_verification().await?)
    }

    /// Recomputes the whole log.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn verify_log(&self, actor: &Actor, wall: Instant) -> Result<Verified, AppError> {
        can(actor, Action::VerifyLog, actor.division, Purpose::Audit)?;
        self.log_deed(actor, Action::VerifyLog, Purpose::Audit, None, Reason::NONE, wall).await?;
        let seen = self.store().verify(|_| {}).await?;
        let found = PastVerification { at: wall, leaves: seen.leaves, findings: seen.findings.len() as u64 };
        self.store().note_verification(found, actor.account).await?;
        Ok(verified(&seen))
    }

    /// Recomputes the whole log without being asked; what was found is noted when it is not as it was before.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn verify_by_itself(&self, wall: Instant) -> Result<Verified, AppError> {
        let seen = self.store().verify(|_| {}).await?;
        let findings = seen.findings.len() as u64;
        let last = self.store().last_verification().await?;
        if last.is_none_or(|last| last.findings != findings || last.at < wall.plus_hours(-1)) {
            let found = PastVerification { at: wall, leaves: seen.leaves, findings };
            self.store().note_verification(found, uuid::Uuid::nil()).await?;
        }
        Ok(verified(&seen))
    }

    /// The proof that a fact is in the log.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn prove_fact(&self, actor: &Actor, fact: FactId) -> Result<Value, AppError> {
        can(actor, Action::VerifyLog, actor.division, Purpose::Audit)?;
        match self.store().prove_inclusion(fact).await {
            Ok(proof) => Ok(proof.to_json()),
            Err(sizao_store::StoreError::UnknownFact { .. }) => Err(Refusal::NotFound.into()),
            Err(other) => Err(other.into()),
        }
    }
}

fn verified(seen: &sizao_store::Verification) -> Verified {
    let told = |finding: &sizao_store::Finding| match finding.leaf {
        Some(leaf) => format!("{leaf}: {}", finding.what),
        None => finding.what.clone(),
    };
    Verified { leaves: seen.leaves, findings: seen.findings.iter().map(told).collect(), sound: seen.is_sound() }
}
