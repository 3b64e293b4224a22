//! Signed checkpoints: "the log of this store has so many leaves and this root".

use ed25519_dalek::{Signature, Signer, Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};
use sizao_model::Instant;
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Tx, on},
    error::StoreError,
    keys::{Keys, from_hex, hex},
    merkle::{Frontier, Hash},
    store::Store,
};

/// A signed statement about the log, to be kept by witnesses outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which store.
    pub store: Uuid,
    /// How many leaves.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// When it was signed.
    pub signed_at: Instant,
    /// Ed25519 over [`Checkpoint::statement`].
    pub signature: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    store: Uuid,
    size: u64,
    root: String,
    signed_at_us: i64,
    signature: String,
}

impl Checkpoint {
    /// The bytes that are signed.
    pub fn statement(&self) -> Vec<u8> {
        let (store, size, root, at) = (self.store, self.size, hex(&self.root), self.signed_at.as_micros());
        format!("sizao checkpoint 1\n{store}\n{size}\n{root}\n{at}\n").into_bytes()
    }

    /// Whether the node with this key signed it.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        Signature::from_slice(&self.signature).is_ok_and(|signature| key.verify(&self.statement(), &signature).is_ok())
    }

    /// As one JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(Wire {
            store: self.store,
            size: self.size,
            root: hex(&self.root),
            signed_at_us: self.signed_at.as_micros(),
            signature: hex(&self.signature),
        })
        .expect("numbers and texts can be written as JSON")
    }

    /// From one JSON object, or nothing when it is not a checkpoint.
    pub fn from_json(value: &serde_json::Value) -> Option<Self> {
        let wire: Wire = serde_json::from_value(value.clone()).ok()?;
        Some(Self {
            store: wire.store,
            size: wire.size,
            root: from_hex(&wire.root)?.try_into().ok()?,
            signed_at: Instant::from_micros(wire.signed_at_us),
            signature: from_hex(&wire.signature)?,
        })
    }
}

impl Store {
    /// The head of the log, signed.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Tampered`].
    pub async fn head(&self) -> Result<Checkpoint, StoreError> {
        let row: (i64, Vec<u8>, i64, Vec<u8>) = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT size, root, signed_at, signature FROM log_head").fetch_one(pool).await?
        });
        from_row(self.id(), row)
    }

    /// The checkpoints that were kept, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Tampered`].
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        let rows: Vec<(i64, Vec<u8>, i64, Vec<u8>)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT size, root, signed_at, signature FROM checkpoint ORDER BY size").fetch_all(pool).await?
        });
        rows.into_iter().map(|row| from_row(self.id(), row)).collect()
    }

    /// The key with which this node signs.
    pub fn public_key(&self) -> VerifyingKey {
        self.keys.signing.verifying_key()
    }
}

fn from_row(store: Uuid, row: (i64, Vec<u8>, i64, Vec<u8>)) -> Result<Checkpoint, StoreError> {
    let (size, root, signed_at, signature) = row;
    let tampered = StoreError::Tampered { leaf: size as u64, what: "checkpoint" };
    let root = root.try_into().map_err(|_| tampered)?;
    Ok(Checkpoint { store, size: size as u64, root, signed_at: Instant::from_micros(signed_at), signature })
}

pub(crate) fn sign(keys: &Keys, store: Uuid, frontier: &Frontier, now: Instant) -> Checkpoint {
    let mut head =
        Checkpoint { store, size: frontier.size(), root: frontier.root(), signed_at: now, signature: Vec::new() };
    head.signature = keys.signing.sign(&head.statement()).to_bytes().to_vec();
    head
}

pub(crate) async fn save_head(tx: &mut Tx, frontier: &Frontier, head: &Checkpoint) -> Result<(), StoreError> {
    on!(tx, tx => {
        sqlx::query("UPDATE log_head SET size = $1, frontier = $2, root = $3, signed_at = $4, signature = $5")
            .bind(head.size as i64)
            .bind(frontier.peaks())
            .bind(head.root.to_vec())
            .bind(head.signed_at.as_micros())
            .bind(head.signature.clone())
            .execute(&mut **tx)
            .await?;
    });
    Ok(())
}

/// Keeps a checkpoint for proofs of consistency.
pub(crate) async fn keep(tx: &mut Tx, head: &Checkpoint) -> Result<(), StoreError> {
    bulk::insert(
        tx,
        "checkpoint",
        "ON CONFLICT (size) DO NOTHING",
        &[
            ("size", Column::Int(vec![head.size as i64])),
            ("root", Column::Bytes(vec![head.root.to_vec()])),
            ("signed_at", Column::Int(vec![head.signed_at.as_micros()])),
            ("signature", Column::Bytes(vec![head.signature.clone()])),
        ],
    )
    .await
}
