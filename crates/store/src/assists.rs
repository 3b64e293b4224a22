//! Requests between cities as the store keeps them: peers, the two directions of each link, and what was said, put
//! together.
//!
//! Everything that a message changes is written in one transaction with the message itself, under one lock, so that a
//! node that was killed has either both or neither.

mod link;
mod requests;

use sizao_model::{DivisionCode, Instant, PersonId};
use uuid::Uuid;

pub use self::{
    link::{LinkState, PeerRecord, RefusedEnvelope, SentEnvelope, WaitingEnvelope},
    requests::{AssistCount, AssistLineRecord, AssistLogLine, AssistRecord, AssistWhich},
};
use crate::{
    db::{Either, Tx, commit},
    error::StoreError,
    keys::{Secret, random},
    lease::lock_assists,
    store::Store,
};

/// Purpose of the key from which a node's keys towards others come.
const COOPERATION: i64 = 105;

/// What one message changes: everything or nothing, one at a time.
pub struct AssistTx<'s> {
    store: &'s Store,
    tx: Tx,
}

impl Store {
    /// Begins a change; others wait.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin_assists(&self) -> Result<AssistTx<'_>, StoreError> {
        let mut tx = self.db.begin().await?;
        if let Either::Postgres(tx) = &mut tx {
            lock_assists(tx).await?;
        }
        Ok(AssistTx { store: self, tx })
    }

    /// The secret from which this node's keys towards other nodes come; made on first use, wrapped under the master key.
    ///
    /// # Errors
    /// [`StoreError::Keys`], [`StoreError::Database`].
    pub async fn cooperation_secret(&self) -> Result<Secret, StoreError> {
        let fresh = random(&mut **self.entropy.lock().expect("no thread panics with it"));
        self.keys.kept_secret(&self.db, COOPERATION, fresh).await
    }

    /// A keyed token for somebody, the same for the same words in this store alone.
    pub fn assist_token(&self, words: &[u8]) -> Vec<u8> {
        self.keys.search_token(&[b"assist", words]).to_vec()
    }

    /// Randomness for a seal.
    pub fn seal_seed(&self) -> [u8; 32] {
        self.random_bytes()
    }
}

impl AssistTx<'_> {
    /// Keeps all of it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn commit(self) -> Result<(), StoreError> {
        commit(self.tx).await
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        self.store
    }
}

fn instant(micros: Option<i64>) -> Option<Instant> {
    micros.map(Instant::from_micros)
}

fn place(key: i64) -> DivisionCode {
    crate::identity::division_of(key)
}

fn person(id: Option<Uuid>) -> Option<PersonId> {
    id.map(PersonId::new)
}

fn digest(bytes: Vec<u8>) -> [u8; 32] {
    bytes.try_into().unwrap_or_default()
}
