//! Proofs for outsiders: this fact is in the log; this log begins with that one.

use std::collections::HashMap;

use serde_json::{Value, json};
use sizao_model::FactId;

use crate::{
    db::on,
    envelope::FactRow,
    error::StoreError,
    keys::hex,
    log::checkpoint::Checkpoint,
    merkle::{self, Hash, Subtree},
    store::Store,
};

/// That a fact is in the log under a checkpoint.
#[derive(Clone, Debug)]
pub struct InclusionProof {
    /// Number of the leaf.
    pub leaf: u64,
    /// Bytes of the envelope.
    pub envelope: Vec<u8>,
    /// Commitment to the body.
    pub commitment: Hash,
    /// Hashes from the leaf to the root.
    pub path: Vec<Hash>,
    /// The checkpoint whose root they give.
    pub checkpoint: Checkpoint,
}

/// That the log of one checkpoint begins with the log of another.
#[derive(Clone, Debug)]
pub struct ConsistencyProof {
    /// Leaves then.
    pub old_size: u64,
    /// Root then.
    pub old_root: Hash,
    /// Hashes that join the two.
    pub path: Vec<Hash>,
    /// The checkpoint now.
    pub checkpoint: Checkpoint,
}

impl InclusionProof {
    /// Whether it proves what it says.
    pub fn holds(&self) -> bool {
        let leaf = merkle::leaf_hash(&[&self.envelope, &self.commitment]);
        merkle::verify_inclusion(leaf, self.leaf, self.checkpoint.size, &self.path, &self.checkpoint.root)
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        json!({
            "proof": "inclusion",
            "leaf": self.leaf,
            "envelope": hex(&self.envelope),
            "commitment": hex(&self.commitment),
            "path": self.path.iter().map(|hash| hex(hash)).collect::<Vec<_>>(),
            "checkpoint": self.checkpoint.to_json(),
        })
    }
}

impl ConsistencyProof {
    /// Whether it proves what it says.
    pub fn holds(&self) -> bool {
        let Checkpoint { size, root, .. } = &self.checkpoint;
        merkle::verify_consistency(self.old_size, &self.old_root, *size, root, &self.path)
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        json!({
            "proof": "consistency",
            "old_size": self.old_size,
            "old_root": hex(&self.old_root),
            "path": self.path.iter().map(|hash| hex(hash)).collect::<Vec<_>>(),
            "checkpoint": self.checkpoint.to_json(),
        })
    }
}

impl Store {
    /// Proof that a fact is in the log as it stands.
    ///
    /// # Errors
    /// [`StoreError::UnknownFact`], [`StoreError::Tampered`], [`StoreError::Database`].
    pub async fn prove_inclusion(&self, id: FactId) -> Result<InclusionProof, StoreError> {
        let row: Option<FactRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(concat!(
                "SELECT ", crate::envelope::fact_columns!(), " FROM fact f LEFT JOIN body b ON b.leaf = f.leaf WHERE f.id = $1"
            ))
            .bind(id.uuid()).fetch_optional(pool).await?
        });
        let row = row.ok_or_else(|| StoreError::UnknownFact { what: "the request", id: id.to_string() })?;
        let checkpoint = self.head().await?;
        let leaf = row.leaf as u64;
        let path = self.hashes(merkle::inclusion_path(leaf, checkpoint.size)).await?;
        let tampered = |_| StoreError::Tampered { leaf, what: "commitment" };
        let commitment = row.commitment.as_slice().try_into().map_err(tampered)?;
        Ok(InclusionProof { leaf, envelope: row.envelope()?.bytes(), commitment, path, checkpoint })
    }

    /// Proof that the log as it stands begins with the first `old_size` leaves.
    ///
    /// # Errors
    /// [`StoreError::UnknownFact`] when the log is shorter, [`StoreError::Database`].
    pub async fn prove_consistency(&self, old_size: u64) -> Result<ConsistencyProof, StoreError> {
        let checkpoint = self.head().await?;
        if old_size > checkpoint.size {
            return Err(StoreError::UnknownFact { what: "a log of that size", id: old_size.to_string() });
        }
        let path = self.hashes(merkle::consistency_path(old_size, checkpoint.size)).await?;
        let old_root = match old_size {
            0 => merkle::empty_root(),
            _ => self.hashes(vec![Subtree { start: 0, end: old_size }]).await?[0],
        };
        Ok(ConsistencyProof { old_size, old_root, path, checkpoint })
    }

    /// Hashes of subtrees, from stored nodes where they are complete.
    async fn hashes(&self, trees: Vec<Subtree>) -> Result<Vec<Hash>, StoreError> {
        let mut wanted = Vec::new();
        for tree in &trees {
            let note = |level: u8, position: u64| -> Result<Hash, StoreError> {
                wanted.push((level, position));
                Ok([0; 32])
            };
            let mut note = note;
            merkle::subtree_hash(*tree, &mut note)?;
        }
        let mut known: HashMap<(u8, u64), Hash> = HashMap::new();
        for (level, position) in wanted {
            known.insert((level, position), self.node(level, position).await?);
        }
        trees
            .into_iter()
            .map(|tree| merkle::subtree_hash(tree, &mut |level, position| Ok(known[&(level, position)])))
            .collect()
    }

    async fn node(&self, level: u8, position: u64) -> Result<Hash, StoreError> {
        let hash: Option<Vec<u8>> = on!(self.db.reader(), pool => {
            if level == 0 {
                sqlx::query_scalar("SELECT leaf_hash FROM fact WHERE leaf = $1")
                    .bind(position as i64).fetch_optional(pool).await?
            } else {
                sqlx::query_scalar("SELECT hash FROM log_node WHERE level = $1 AND position = $2")
                    .bind(i64::from(level)).bind(position as i64).fetch_optional(pool).await?
            }
        });
        hash.and_then(|hash| hash.try_into().ok())
            .ok_or(StoreError::Tampered { leaf: position << (8 * u32::from(level)), what: "node of the tree" })
    }
}
