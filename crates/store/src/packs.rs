//! Packs that were brought in, proposals to adopt them, the adoptions in the log, and the keys with which accounts sign.

use ed25519_dalek::SigningKey;
use sizao_model::{FactId, FactKind, Instant, PersonId};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    keys::{from_hex, hex},
    projections::MentionKey,
    seal::StoredFact,
    store::Store,
};

/// The text of a pack that somebody brought in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackTextRecord {
    /// SHA-256 of what is signed.
    pub digest: [u8; 32],
    /// Id of the pack.
    pub pack: String,
    /// `pack.toml`.
    pub text: String,
    /// Who brought it in.
    pub kept_by: Uuid,
    /// When.
    pub kept_at: Instant,
}

/// A proposal to adopt a pack, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptionRecord {
    /// Its id.
    pub id: Uuid,
    /// Id of the pack.
    pub pack: String,
    /// SHA-256 of what is signed.
    pub digest: [u8; 32],
    /// When the pack takes effect.
    pub takes_effect_at: Instant,
    /// Why.
    pub reason: String,
    /// Who proposed it, when, and with which signature.
    pub proposed: (Uuid, Instant, Vec<u8>),
    /// The second signature, and the fact in the log.
    pub signed: Option<(Uuid, Instant, Vec<u8>, FactId)>,
    /// Who withdrew it, and when.
    pub withdrawn: Option<(Uuid, Instant)>,
}

struct TextRow {
    digest: Vec<u8>,
    pack: String,
    text: String,
    kept_by: Uuid,
    kept_at: i64,
}
positional!(TextRow { digest: 0, pack: 1, text: 2, kept_by: 3, kept_at: 4 });

struct AdoptionRow {
    id: Uuid,
    pack: String,
    digest: Vec<u8>,
    takes_effect_at: i64,
    reason: String,
    proposed_by: Uuid,
    proposed_at: i64,
    proposed_with: Vec<u8>,
    signed_by: Option<Uuid>,
    signed_at: Option<i64>,
    signed_with: Option<Vec<u8>>,
    fact: Option<Uuid>,
    withdrawn_by: Option<Uuid>,
    withdrawn_at: Option<i64>,
}
positional!(AdoptionRow {
    id: 0,
    pack: 1,
    digest: 2,
    takes_effect_at: 3,
    reason: 4,
    proposed_by: 5,
    proposed_at: 6,
    proposed_with: 7,
    signed_by: 8,
    signed_at: 9,
    signed_with: 10,
    fact: 11,
    withdrawn_by: 12,
    withdrawn_at: 13,
});

macro_rules! adoptions {
    ($rest:literal) => {
        concat!(
            "SELECT id, pack, digest, takes_effect_at, reason, proposed_by, proposed_at, proposed_with, signed_by, \
             signed_at, signed_with, fact, withdrawn_by, withdrawn_at FROM pack_adoption ",
            $rest
        )
    };
}

/// The seal of an account's signing key names its place.
const PART_SIGNING_KEY: i64 = 201;

impl Store {
    /// Keeps the text of a pack; one that is there stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keep_pack_text(&self, text: &PackTextRecord) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("INSERT INTO pack_text (digest, pack, text, kept_by, kept_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (digest) DO NOTHING")
                .bind(text.digest.as_slice()).bind(&text.pack).bind(&text.text).bind(text.kept_by)
                .bind(text.kept_at.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// The texts of packs that were brought in, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_pack_texts(&self, limit: u32) -> Result<Vec<PackTextRecord>, StoreError> {
        let rows: Vec<TextRow> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT digest, pack, text, kept_by, kept_at FROM pack_text ORDER BY kept_at DESC, digest LIMIT $1")
                .bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().filter_map(TextRow::into_record).collect())
    }

    /// Keeps a proposal.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn propose_adoption(&self, adoption: &AdoptionRecord) -> Result<(), StoreError> {
        let (by, at, with) = &adoption.proposed;
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO pack_adoption (id, pack, digest, takes_effect_at, reason, proposed_by, proposed_at, \
                 proposed_with) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(adoption.id).bind(&adoption.pack).bind(adoption.digest.as_slice())
            .bind(adoption.takes_effect_at.as_micros()).bind(&adoption.reason).bind(*by).bind(at.as_micros())
            .bind(with.as_slice()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Puts the second signature; `false` when it was signed or withdrawn before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sign_adoption(
        &self,
        id: Uuid,
        by: Uuid,
        at: Instant,
        with: &[u8],
        fact: FactId,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let signed = on!(&mut tx, tx => {
            sqlx::query(
                "UPDATE pack_adoption SET signed_by = $2, signed_at = $3, signed_with = $4, fact = $5 \
                 WHERE id = $1 AND signed_by IS NULL AND withdrawn_by IS NULL",
            )
            .bind(id).bind(by).bind(at.as_micros()).bind(with).bind(fact.uuid())
            .execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(signed == 1)
    }

    /// Withdraws a proposal; `false` when it was signed or withdrawn before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn withdraw_adoption(&self, id: Uuid, by: Uuid, at: Instant) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let withdrawn = on!(&mut tx, tx => {
            sqlx::query("UPDATE pack_adoption SET withdrawn_by = $2, withdrawn_at = $3 WHERE id = $1 AND signed_by IS NULL AND withdrawn_by IS NULL")
                .bind(id).bind(by).bind(at.as_micros()).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(withdrawn == 1)
    }

    /// A proposal.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_adoption(&self, id: Uuid) -> Result<Option<AdoptionRecord>, StoreError> {
        let row: Option<AdoptionRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(adoptions!("WHERE id = $1")).bind(id).fetch_optional(pool).await?
        });
        Ok(row.and_then(AdoptionRow::into_record))
    }

    /// Proposals, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_adoptions(&self, limit: u32) -> Result<Vec<AdoptionRecord>, StoreError> {
        let rows: Vec<AdoptionRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(adoptions!("ORDER BY proposed_at DESC, id LIMIT $1"))
                .bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().filter_map(AdoptionRow::into_record).collect())
    }

    /// The key with which an account signs, made when it signs for the first time.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Tampered`] when the key on file is another.
    pub async fn account_key(&self, account: Uuid, now: Instant) -> Result<SigningKey, StoreError> {
        let new = SigningKey::from_bytes(&self.random_bytes::<32>());
        let sealed = self.seal_vault(account, PART_SIGNING_KEY, hex(new.as_bytes()).as_bytes());
        let mut tx = self.db.begin().await?;
        let (public, secret): (Vec<u8>, Vec<u8>) = on!(&mut tx, tx => {
            sqlx::query("INSERT INTO account_key (account, public_key, secret, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT (account) DO NOTHING")
                .bind(account).bind(new.verifying_key().as_bytes().as_slice()).bind(sealed).bind(now.as_micros())
                .execute(&mut **tx).await?;
            sqlx::query_as("SELECT public_key, secret FROM account_key WHERE account = $1")
                .bind(account).fetch_one(&mut **tx).await?
        });
        commit(tx).await?;
        let text = self.open_vault(account, PART_SIGNING_KEY, &secret)?;
        let seed = from_hex(&text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let key = seed.map(|seed| SigningKey::from_bytes(&seed));
        key.filter(|key| key.verifying_key().as_bytes().as_slice() == public)
            .ok_or_else(|| StoreError::Keys("an account's signing key is not the one on file".to_owned()))
    }

    /// Leaves of the adoptions of packs in the log and of what corrects them, in order: whether anything is new.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn adoption_leaves(&self) -> Result<Vec<u64>, StoreError> {
        let rows: Vec<(i64, Uuid)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT leaf, id FROM fact WHERE kind = 26 ORDER BY leaf").fetch_all(pool).await?
        });
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut leaves: Vec<u64> = rows.iter().map(|(leaf, _)| *leaf as u64).collect();
        let keys = rows.iter().map(|(_, id)| MentionKey::fact(FactId::new(*id))).collect();
        let mut corrections = self.leaves_mentioning(keys, &[FactKind::Correction]).await?;
        leaves.append(&mut corrections);
        leaves.sort_unstable();
        Ok(leaves)
    }

    /// The facts of these leaves, each checked.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_adoption_facts(&self, leaves: &[u64]) -> Result<Vec<StoredFact>, StoreError> {
        let (facts, refused) = self.load_at(leaves).await?;
        refused.iter().for_each(|error| tracing::error!(%error, "An adoption was refused"));
        Ok(facts)
    }

    /// People whom a strong fact ever concerned, after `after`; at most `limit`: nobody else's assessment says anything.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_concerned(&self, after: Option<PersonId>, limit: u32) -> Result<Vec<PersonId>, StoreError> {
        let after = after.map_or(Uuid::nil(), PersonId::uuid);
        let people: Vec<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT person FROM concerned WHERE person > $1 ORDER BY person LIMIT $2")
                .bind(after).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(people.into_iter().map(PersonId::new).collect())
    }
}

impl TextRow {
    fn into_record(self) -> Option<PackTextRecord> {
        let Self { digest, pack, text, kept_by, kept_at } = self;
        let digest = digest.try_into().ok()?;
        Some(PackTextRecord { digest, pack, text, kept_by, kept_at: Instant::from_micros(kept_at) })
    }
}

impl AdoptionRow {
    fn into_record(self) -> Option<AdoptionRecord> {
        let at = Instant::from_micros;
        let signed = self.signed_by.zip(self.signed_at).zip(self.signed_with.zip(self.fact));
        Some(AdoptionRecord {
            id: self.id,
            pack: self.pack,
            digest: self.digest.try_into().ok()?,
            takes_effect_at: at(self.takes_effect_at),
            reason: self.reason,
            proposed: (self.proposed_by, at(self.proposed_at), self.proposed_with),
            signed: signed.map(|((by, when), (with, fact))| (by, at(when), with, FactId::new(fact))),
            withdrawn: self.withdrawn_by.zip(self.withdrawn_at).map(|(by, when)| (by, at(when))),
        })
    }
}
