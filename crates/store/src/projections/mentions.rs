//! The index by mention: which facts are about or name a person, name a fact, pool, site or area.

use std::collections::{BTreeMap, HashMap, HashSet};

use sizao_model::{FactKind, Instant, PersonId, id::AreaCode, id::FactId, id::PoolId, id::SiteId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::set_watermark;
use crate::{
    bulk::{self, Column},
    db::{Tx, commit, on},
    error::StoreError,
    seal::StoredFact,
    store::Store,
    tiered::MENTION,
};

/// First bytes of keys: what is named.
const ABOUT: u8 = 1;
const FACT: u8 = 2;
const POOL: u8 = 3;
const SITE: u8 = 4;
const AREA: u8 = 5;
const NAMED: u8 = 6;

/// Something that facts name, as a key of the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MentionKey(Vec<u8>);

impl MentionKey {
    /// A person whom a fact is about.
    pub fn about(id: PersonId) -> Self {
        Self::tagged(ABOUT, id.as_bytes())
    }

    /// A person whom a fact about somebody else names: a case, a parent, another identity.
    pub fn named(id: PersonId) -> Self {
        Self::tagged(NAMED, id.as_bytes())
    }

    /// A fact that a fact names: the sample of a result.
    pub fn fact(id: FactId) -> Self {
        Self::tagged(FACT, id.as_bytes())
    }

    /// A tube.
    pub fn pool(pool: &PoolId) -> Self {
        Self::tagged(POOL, pool.as_str().as_bytes())
    }

    /// An isolation site.
    pub fn site(site: &SiteId) -> Self {
        Self::tagged(SITE, site.as_str().as_bytes())
    }

    /// An area.
    pub fn area(area: &AreaCode) -> Self {
        Self::tagged(AREA, area.as_str().as_bytes())
    }

    /// The fact that this is about, if it is one.
    pub fn as_fact(&self) -> Option<FactId> {
        (self.0.first() == Some(&FACT)).then(|| self.id().map(FactId::new))?
    }

    /// The person whom a fact about somebody else names, if this is one.
    pub fn as_named(&self) -> Option<PersonId> {
        (self.0.first() == Some(&NAMED)).then(|| self.id().map(PersonId::new))?
    }

    /// The person whom a fact is about, if this is one.
    pub fn as_about(&self) -> Option<PersonId> {
        (self.0.first() == Some(&ABOUT)).then(|| self.id().map(PersonId::new))?
    }

    /// Whether this is a tube.
    pub fn is_pool(&self) -> bool {
        self.0.first() == Some(&POOL)
    }

    fn id(&self) -> Option<Uuid> {
        Uuid::from_slice(self.0.get(1..)?).ok()
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

/// Leaves of a block of which the index knows when the latest sample was taken.
pub const SAMPLED_BLOCK: u64 = 4_096;

/// When samples were taken whose facts lie in a block of leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledBlock {
    /// Number of the block: its first leaf through [`SAMPLED_BLOCK`].
    pub block: u64,
    /// The latest sample among the leaves read; nothing when there is none.
    pub latest: Option<Instant>,
    /// Whether the block was read from its first leaf on.
    pub is_from_start: bool,
}

/// Entries of one transaction.
const ENTRIES_AT_A_TIME: usize = 16_384;

fn sorted(keys: Vec<MentionKey>) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = keys.into_iter().map(|key| key.0).collect();
    keys.sort_unstable();
    keys
}

impl Store {
    /// Adds to the index which facts name whom, and then when samples were taken and that the log was read up to leaf
    /// `upto`.
    ///
    /// Written in several transactions, so that the writer is never held for long. One that was cut off is written
    /// again: an entry that is there already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_mentions(
        &self,
        mut mentions: Vec<MentionEntry>,
        sampled: &[SampledBlock],
        upto: u64,
    ) -> Result<(), StoreError> {
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
        for block in sampled {
            note_sampled(&mut tx, *block).await?;
        }
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

    /// Facts, tubes and sites that strong facts name: few.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn strongly_named(&self) -> Result<HashSet<MentionKey>, StoreError> {
        let mut named = HashSet::new();
        for table in [MENTION.recent, MENTION.merged] {
            let text = AssertSqlSafe(format!("SELECT DISTINCT key FROM {table} WHERE strong > 0"));
            let keys: Vec<Vec<u8>> = on!(self.db.reader(), pool => sqlx::query_scalar(text).fetch_all(pool).await?);
            named.extend(keys.into_iter().map(MentionKey));
        }
        Ok(named)
    }

    /// Leaves of the facts of some kinds that name any person besides the one they are about; in order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn leaves_naming_people(&self, kinds: &[FactKind]) -> Result<Vec<u64>, StoreError> {
        let codes: Vec<String> = kinds.iter().map(|kind| kind.code().to_string()).collect();
        let mut leaves: Vec<u64> = Vec::new();
        for table in [MENTION.recent, MENTION.merged] {
            let text =
                format!("SELECT leaf FROM {table} WHERE key >= $1 AND key < $2 AND kind IN ({})", codes.join(","));
            let found: Vec<i64> = on!(self.db.reader(), pool => {
                sqlx::query_scalar(AssertSqlSafe(text)).bind(vec![NAMED]).bind(vec![NAMED + 1]).fetch_all(pool).await?
            });
            leaves.extend(found.into_iter().map(|leaf| leaf as u64));
        }
        leaves.sort_unstable();
        leaves.dedup();
        Ok(leaves)
    }

    /// When the latest sample was taken whose fact lies in a block of leaves; a block that is missing may hold any.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sampled_blocks(&self) -> Result<HashMap<u64, Instant>, StoreError> {
        let rows: Vec<(i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT block, latest FROM sampled_block").fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(block, latest)| (block as u64, Instant::from_micros(latest))).collect())
    }

    /// The facts about these people, by person: kind and leaf of each, in the order of leaves.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn leaves_about(
        &self,
        people: &[PersonId],
    ) -> Result<BTreeMap<PersonId, Vec<(u64, FactKind)>>, StoreError> {
        let keys = Column::Bytes(sorted(people.iter().map(|person| MentionKey::about(*person)).collect()));
        let mut about: BTreeMap<PersonId, Vec<(u64, FactKind)>> = BTreeMap::new();
        for table in [MENTION.recent, MENTION.merged] {
            let select = format!("SELECT key, kind, leaf FROM {table} WHERE key");
            let found: Vec<(Vec<u8>, i64, i64)> = bulk::find(self.db.lookup(), &select, &keys, "").await?;
            for (key, kind, leaf) in found {
                let kind = u16::try_from(kind).ok().and_then(FactKind::from_code);
                if let (Some(person), Some(kind)) = (MentionKey(key).as_about(), kind) {
                    about.entry(person).or_default().push((leaf as u64, kind));
                }
            }
        }
        for leaves in about.values_mut() {
            leaves.sort_unstable();
            leaves.dedup();
        }
        Ok(about)
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

/// Notes when samples were taken. A block of which the beginning was not read stays unknown.
async fn note_sampled(tx: &mut Tx, block: SampledBlock) -> Result<(), StoreError> {
    let text = if block.is_from_start {
        "INSERT INTO sampled_block (block, latest) VALUES ($1, $2) \
         ON CONFLICT (block) DO UPDATE SET latest = excluded.latest WHERE sampled_block.latest < excluded.latest"
    } else if block.latest.is_some() {
        "UPDATE sampled_block SET latest = $2 WHERE block = $1 AND latest < $2"
    } else {
        return Ok(());
    };
    let latest = block.latest.map_or(i64::MIN, Instant::as_micros);
    on!(tx, tx => {
        sqlx::query(text).bind(block.block as i64).bind(latest).execute(&mut **tx).await?;
    });
    Ok(())
}
