//! Who signs facts: the node for what it does by itself, an account for what somebody enters.
//!
//! An account's key is made when it first signs, and kept sealed in the store. The fact names the account's recorder, so
//! the log itself says on whose behalf a fact stands there; the signature is checked on the way in.

use std::{collections::HashMap, sync::Mutex};

use ed25519_dalek::SigningKey;
use sizao_store::{SealedFact, Submission};
use uuid::Uuid;

use crate::{App, AppError, identity::Actor};

/// Keys that are kept in memory; beyond it they are read again.
const KEPT_MAX: usize = 10_000;

/// A recorder with its key.
#[derive(Clone)]
pub(crate) struct Pen {
    /// The recorder that the store knows by this key.
    pub(crate) recorder: Uuid,
    key: SigningKey,
}

/// Pens of accounts that signed lately.
#[derive(Default)]
pub(crate) struct Pens(Mutex<HashMap<Uuid, Pen>>);

impl Pen {
    /// Signs sealed facts; each of them names this recorder.
    pub(crate) fn sign(&self, facts: &[SealedFact]) -> Submission {
        Submission::sign(facts, &self.key)
    }
}

impl App {
    /// The node's own.
    pub(crate) fn own_pen(&self) -> Pen {
        Pen { recorder: self.recorder, key: self.signer.clone() }
    }

    /// That of whoever asks.
    pub(crate) async fn pen(&self, actor: &Actor) -> Result<Pen, AppError> {
        self.pen_of(actor.account).await
    }

    /// That of an account.
    pub(crate) async fn pen_of(&self, account: Uuid) -> Result<Pen, AppError> {
        if let Some(pen) = self.pens.0.lock().expect("no thread panics with it").get(&account) {
            return Ok(pen.clone());
        }
        let now = self.now();
        let key = self.store().account_key(account, now).await?;
        let recorder = self.store().add_recorder(&format!("account {account}"), &key.verifying_key(), now).await?;
        let pen = Pen { recorder, key };
        let mut kept = self.pens.0.lock().expect("no thread panics with it");
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(account, pen.clone());
        Ok(pen)
    }
}
