//! Verification: every leaf, the tree, every checkpoint, every guard, and that no body went without its erasure.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt;
use sizao_model::fact::FactKind;

use crate::{
    db::on,
    envelope::{FactRow, fact_columns},
    error::StoreError,
    log::checkpoint::Checkpoint,
    merkle::{FinishedNode, Frontier, Hash},
    migrate, seal,
    store::Store,
};

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The leaf, where one can be named.
    pub leaf: Option<u64>,
    /// What does not fit, in words.
    pub what: String,
}

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Leaves read.
    pub leaves: u64,
    /// Root computed from them.
    pub root: Hash,
    /// Bodies that were opened and fit.
    pub bodies: u64,
    /// Bodies erased, by certificate.
    pub erased: BTreeMap<u64, u64>,
    /// Everything that does not fit; at most 100.
    pub findings: Vec<Finding>,
}

/// After so many findings the rest is counted as one.
pub const FINDINGS_MAX: usize = 100;

impl Verification {
    /// Whether everything fits.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, leaf: Option<u64>, what: impl Into<String>) {
        match self.findings.len() {
            FINDINGS_MAX => {}
            len if len + 1 == FINDINGS_MAX => {
                self.findings
                    .push(Finding { leaf: None, what: "more findings follow; only the first are listed".to_owned() });
            }
            _ => self.findings.push(Finding { leaf, what: what.into() }),
        }
    }
}

struct Expected {
    head: Checkpoint,
    checkpoints: HashMap<u64, Checkpoint>,
    nodes: HashMap<(u8, u64), Hash>,
    erasures: HashMap<i64, (u64, u64)>,
}

impl Store {
    /// Reads the whole log and checks everything that can be checked. Calls `progress` with leaves read.
    ///
    /// # Errors
    /// [`StoreError::Database`]. What does not fit is not an error but a finding.
    pub async fn verify(&self, mut progress: impl FnMut(u64)) -> Result<Verification, StoreError> {
        let mut seen = Verification {
            leaves: 0,
            root: crate::merkle::empty_root(),
            bodies: 0,
            erased: BTreeMap::new(),
            findings: Vec::new(),
        };
        self.verify_guards(&mut seen).await?;
        for found in self.unsealed_identities().await? {
            seen.add(None, format!("{found}: its seal does not fit: it was put in or changed, and may do nothing"));
        }
        let expected = self.expected().await?;
        let mut frontier = Frontier::default();
        let mut found: HashMap<(u8, u64), Hash> = HashMap::new();
        let mut kinds_of_erasure: HashMap<u64, FactKind> = HashMap::new();
        on!(self.db.reader(), pool => {
            let mut rows = sqlx::query_as::<_, FactRow>(concat!(
                "SELECT ", fact_columns!(), " FROM fact f LEFT JOIN body b ON b.leaf = f.leaf ORDER BY f.leaf"
            ))
            .fetch(pool);
            while let Some(row) = rows.try_next().await? {
                let leaf = row.leaf as u64;
                while frontier.size() < leaf.min(expected.head.size) {
                    seen.add(Some(frontier.size()), "the leaf is missing: a row was deleted");
                    frontier.push([0; 32], |_| {});
                }
                if leaf >= expected.head.size {
                    seen.add(Some(leaf), "the row is not in the signed log: it was inserted");
                    continue;
                }
                if let Ok(envelope) = row.envelope() && envelope.kind == FactKind::Erasure {
                    kinds_of_erasure.insert(leaf, envelope.kind);
                }
                self.verify_row(&row, &expected, &mut seen).await?;
                frontier.push(recomputed(&row), |FinishedNode { level, position, hash }| {
                    found.insert((level, position), hash);
                });
                verify_checkpoint(self, &expected, &frontier, &mut seen);
                if frontier.size().is_multiple_of(4_096) {
                    progress(frontier.size());
                }
            }
        });
        while frontier.size() < expected.head.size {
            seen.add(Some(frontier.size()), "the leaf is missing: the end of the log was cut off");
            frontier.push([0; 32], |_| {});
        }
        seen.leaves = frontier.size();
        seen.root = frontier.root();
        self.verify_head(&expected, &frontier, &mut seen);
        self.verify_intake(&expected, &mut seen).await?;
        verify_nodes(&expected, &found, &mut seen);
        for (certificate, leaf) in expected.erasures.values() {
            if !kinds_of_erasure.contains_key(leaf) {
                seen.add(Some(*leaf), format!("certificate {certificate} names this leaf, which is no erasure"));
            }
        }
        Ok(seen)
    }

    async fn verify_guards(&self, seen: &mut Verification) -> Result<(), StoreError> {
        let present: HashMap<String, String> = migrate::guards_present(&self.db).await?.into_iter().collect();
        let wanted = migrate::guards_wanted(self.db.is_sqlite());
        for (name, text) in &wanted {
            let sqlite = self.db.is_sqlite();
            // On PostgreSQL: the body of the trigger's function, and that the trigger is switched on for everybody.
            let holds = |found: &str| {
                if sqlite { found == text } else { found.ends_with(text.as_str()) && found.contains(" O ") }
            };
            match present.get(name) {
                None => seen.add(None, format!("guard {name} is gone: the trigger was dropped")),
                Some(found) if !holds(found) && sqlite => seen.add(None, format!("guard {name} was changed")),
                Some(found) if !holds(found) => seen.add(None, format!("guard {name} was changed or switched off")),
                Some(_) => {}
            }
        }
        for name in present.keys().filter(|name| !wanted.iter().any(|(wanted, _)| wanted == *name)) {
            seen.add(None, format!("trigger {name} is not one of this program's"));
        }
        Ok(())
    }

    async fn expected(&self) -> Result<Expected, StoreError> {
        let checkpoints = self.checkpoints().await?.into_iter().map(|kept| (kept.size, kept)).collect();
        let nodes: Vec<(i64, i64, Vec<u8>)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT level, position, hash FROM log_node").fetch_all(pool).await?
        });
        let erasures: Vec<(i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT data_key, certificate, leaf FROM erasure").fetch_all(pool).await?
        });
        Ok(Expected {
            head: self.head().await?,
            checkpoints,
            nodes: nodes
                .into_iter()
                .map(|(level, position, hash)| ((level as u8, position as u64), hash.try_into().unwrap_or_default()))
                .collect(),
            erasures: erasures.into_iter().map(|(key, number, leaf)| (key, (number as u64, leaf as u64))).collect(),
        })
    }

    async fn verify_row(&self, row: &FactRow, expected: &Expected, seen: &mut Verification) -> Result<(), StoreError> {
        let leaf = Some(row.leaf as u64);
        let erasure = expected.erasures.get(&row.data_key);
        let key = self.key_for(row).await?;
        match seal::open(row, &self.keys, key.as_ref()) {
            Ok(Some(_)) => seen.bodies += 1,
            Ok(None) => match (erasure, &row.sealed) {
                (Some((certificate, _)), None) => *seen.erased.entry(*certificate).or_default() += 1,
                (Some((certificate, _)), Some(_)) => {
                    seen.add(leaf, format!("the body should have gone under certificate {certificate}"));
                }
                (None, None) => seen.add(leaf, "the body is gone without an erasure"),
                (None, Some(_)) => seen.add(leaf, "the key of the body is gone without an erasure"),
            },
            Err(StoreError::Tampered { what, .. }) => {
                seen.add(leaf, format!("the row was changed: {what} does not fit"))
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Every fact of the signed log is found by its intake key.
    async fn verify_intake(&self, expected: &Expected, seen: &mut Verification) -> Result<(), StoreError> {
        let missing: Vec<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT f.leaf FROM fact f WHERE f.leaf < $1 \
                 AND NOT EXISTS (SELECT 1 FROM intake_recent i \
                     WHERE i.source = f.source AND i.token = substr(f.intake_key, 2, 8) AND i.leaf = f.leaf) \
                 AND NOT EXISTS (SELECT 1 FROM intake i \
                     WHERE i.source = f.source AND i.token = substr(f.intake_key, 2, 8) AND i.leaf = f.leaf) \
                 ORDER BY f.leaf LIMIT 100",
            )
            .bind(expected.head.size as i64).fetch_all(pool).await?
        });
        for leaf in missing {
            seen.add(Some(leaf as u64), "its intake key is not in the index: sent again it would be stored twice");
        }
        Ok(())
    }

    fn verify_head(&self, expected: &Expected, frontier: &Frontier, seen: &mut Verification) {
        if expected.head.root != frontier.root() {
            seen.add(None, "the root over all leaves is not the one in the signed head");
        }
        if !expected.head.is_signed_by(&self.public_key()) {
            seen.add(None, "the head of the log is not signed by this node");
        }
        for size in expected.checkpoints.keys().filter(|size| **size > expected.head.size) {
            seen.add(None, format!("a checkpoint of {size} leaves is larger than the log: its end was cut off"));
        }
    }
}

/// Leaf hash from the row itself, or what it says if that cannot be computed.
fn recomputed(row: &FactRow) -> Hash {
    let commitment: Option<Hash> = row.commitment.as_slice().try_into().ok();
    match (row.envelope(), commitment) {
        (Ok(envelope), Some(commitment)) => envelope.leaf_hash(&commitment),
        _ => row.leaf_hash.as_slice().try_into().unwrap_or_default(),
    }
}

fn verify_checkpoint(store: &Store, expected: &Expected, frontier: &Frontier, seen: &mut Verification) {
    let Some(kept) = expected.checkpoints.get(&frontier.size()) else { return };
    if kept.root != frontier.root() {
        let size = kept.size;
        seen.add(Some(size - 1), format!("the first {size} leaves do not give the root that was signed for them"));
    }
    if !kept.is_signed_by(&store.public_key()) {
        seen.add(Some(kept.size - 1), format!("the checkpoint of {} leaves is not signed by this node", kept.size));
    }
}

fn verify_nodes(expected: &Expected, found: &HashMap<(u8, u64), Hash>, seen: &mut Verification) {
    for ((level, position), hash) in found {
        if expected.nodes.get(&(*level, *position)) != Some(hash) {
            let first = position << (8 * u32::from(*level));
            seen.add(
                Some(first),
                format!("the tree above {} leaves from here was changed", 1u64 << (8 * u32::from(*level))),
            );
        }
    }
    if expected.nodes.len() > found.len() {
        seen.add(None, "the tree has nodes that belong to no leaves: they were inserted");
    }
}
