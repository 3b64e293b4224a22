//! The index by mention: which facts are about or name a person, name a fact, pool, site or area.

use std::collections::HashSet;

use sizao_model::{FactKind, PersonId, id::AreaCode, id::FactId, id::PoolId, id::SiteId};

use super::set_watermark;
use crate::{
    bulk::{self, Column},
    db::{commit, on},
    error::StoreError,
    seal::StoredFact,
    store::Store,
    tiered::MENTION,
};

/// Something that facts name, as a key of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MentionKey(Vec<u8>);

impl MentionKey {
    /// A person whom a fact is about.
    pub fn about(id: PersonId) -> Self {
        Self::tagged(1, id.as_bytes())
    }

    /// A person whom a fact about somebody else names: a case, a parent, another identity.
    pub fn named(id: PersonId) -> Self {
        Self::tagged(6, id.as_bytes())
    }

    /// A fact that a fact names: the sample of a result.
    pub fn fact(id: FactId) -> Self {
        Self::tagged(2, id.as_bytes())
    }

    /// A tube.
    pub fn pool(pool: &PoolId) -> Self {
        Self::tagged(3, pool.as_str().as_bytes())
    }

    /// An isolation site.
    pub fn site(site: &SiteId) -> Self {
        Self::tagged(4, site.as_str().as_bytes())
    }

    /// An area.
    pub fn area(area: &AreaCode) -> Self {
        Self::tagged(5, area.as_str().as_bytes())
    }

    /// Every key of this kind that begins like this one: areas inside an area.
    fn range_end(&self) -> Vec<u8> {
        let mut end = self.0.clone();
        end.push(0xff);
        end
    }

    fn tagged(tag: u8, bytes: &[u8]) -> Self {
        let mut key = Vec::with_capacity(bytes.len() + 1);
        key.push(tag);
        key.extend_from_slice(bytes);
        Self(key)
    }
}

/// One entry of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MentionEntry {
    /// What is named.
    pub key: MentionKey,
    /// Kind of the fact that names it.
    pub kind: FactKind,
    /// Leaf of that fact.
    pub leaf: u64,
    /// Whether the fact can open or end something by itself; see `sizao_policy::Bearing`.
    pub is_strong: bool,
}

/// Entries of one transaction.
const ENTRIES_AT_A_TIME: usize = 16_384;

fn sorted(keys: Vec<MentionKey>) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = keys.into_iter().map(|key| key.0).collect();
    keys.sort_unstable();
    keys
}

impl Store {
    /// Adds to the index which facts name whom, and then that the log was read up to leaf `upto`.
    ///
    /// Written in several transactions, so that the writer is never held for long. One that was cut off is written
    /// again: an entry that is there already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_mentions(&self, mut mentions: Vec<MentionEntry>, upto: u64) -> Result<(), StoreError> {
        // In the order of the index: neighbouring keys share pages.
        mentions.sort_unstable();
        mentions.dedup();
        for portion in mentions.chunks(ENTRIES_AT_A_TIME) {
            let ints = |value: fn(&MentionEntry) -> i64| Column::Int(portion.iter().map(value).collect());
            let columns = [
                ("kind", ints(|entry| entry.kind.code().into())),
                ("leaf", ints(|entry| entry.leaf as i64)),
                ("strong", ints(|entry| entry.is_strong.into())),
                ("key", Column::Bytes(portion.iter().map(|entry| entry.key.0.clone()).collect())),
            ];
            let mut tx = self.db.begin().await?;
            let table = MENTION.takes_new(&tx);
            bulk::insert(&mut tx, table, "ON CONFLICT DO NOTHING", &columns).await?;
            commit(tx).await?;
        }
        let before = self.watermark("mention").await?;
        let mut tx = self.db.begin().await?;
        set_watermark(&mut tx, "mention", upto).await?;
        commit(tx).await?;
        self.merge_when_due(&MENTION, before, upto).await
    }

    /// Which of these any strong fact names.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn strong_among(&self, keys: Vec<MentionKey>) -> Result<HashSet<MentionKey>, StoreError> {
        let keys = Column::Bytes(sorted(keys));
        let mut strong = HashSet::new();
        for table in [MENTION.recent, MENTION.merged] {
            let select = format!("SELECT DISTINCT key FROM {table} WHERE strong > 0 AND key");
            let found: Vec<(Vec<u8>,)> = bulk::find(self.db.lookup(), &select, &keys, "").await?;
            strong.extend(found.into_iter().map(|(key,)| MentionKey(key)));
        }
        Ok(strong)
    }

    /// Leaves of the facts of some kinds, or of all when none is given, that name any of these; in order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn leaves_mentioning(&self, keys: Vec<MentionKey>, kinds: &[FactKind]) -> Result<Vec<u64>, StoreError> {
        let codes: Vec<String> = kinds.iter().map(|kind| kind.code().to_string()).collect();
        let rest = if codes.is_empty() { String::new() } else { format!("AND +kind IN ({})", codes.join(",")) };
        let keys = Column::Bytes(sorted(keys));
        let mut leaves: Vec<u64> = Vec::new();
        for table in [MENTION.recent, MENTION.merged] {
            let select = format!("SELECT leaf FROM {table} WHERE key");
            let found: Vec<(i64,)> = bulk::find(self.db.lookup(), &select, &keys, &rest).await?;
            leaves.extend(found.into_iter().map(|(leaf,)| leaf as u64));
        }
        leaves.sort_unstable();
        leaves.dedup();
        Ok(leaves)
    }

    /// The facts of some kinds, or of all when none is given, that name any of these and are not erased, in order. Those
    /// that do not fit their seal are left out and returned as the second value.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_mentioning(
        &self,
        keys: Vec<MentionKey>,
        kinds: &[FactKind],
    ) -> Result<(Vec<StoredFact>, Vec<StoreError>), StoreError> {
        self.load_at(&self.leaves_mentioning(keys, kinds).await?).await
    }

    /// The areas inside this one, itself included, that any fact names.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn areas_mentioned_in(&self, area: &AreaCode) -> Result<Vec<AreaCode>, StoreError> {
        let key = MentionKey::area(area);
        let keys: Vec<Vec<u8>> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT key FROM mention_recent WHERE key >= $1 AND key < $2 \
                 UNION SELECT key FROM mention WHERE key >= $1 AND key < $2",
            )
                .bind(&key.0).bind(key.range_end()).fetch_all(pool).await?
        });
        Ok(keys.iter().filter_map(|key| std::str::from_utf8(&key[1..]).ok()).map(AreaCode::from).collect())
    }
}
