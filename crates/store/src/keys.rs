//! Keys: one master key outside the store, and working keys inside, wrapped under it.
//!
//! Destroying a data key erases every body of its retention class and day. Rotation of the master key re-wraps the
//! working keys and touches no fact.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, RwLock},
};

use aes_gcm_siv::{Aes256GcmSiv, KeyInit, aead::Aead, aead::Payload};
use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use sizao_model::{CivilDay, fact::RetentionClass};
use zeroize::Zeroizing;

use crate::{
    bulk::{self, Column},
    db::{Db, Tx, commit, on, positional},
    error::StoreError,
    facts::lock_head,
};

/// Source of randomness: fills the slice. The cli gives the system's; tests give a seeded one.
pub type Entropy = dyn FnMut(&mut [u8]) + Send;

/// A secret of 32 bytes; wiped when dropped, never printed.
pub type Secret = Zeroizing<[u8; 32]>;

const TEXT_PREFIX: &str = "sizao-master";

/// The master key of a node: from a file or the environment, never in the store.
#[derive(Clone)]
pub struct MasterKey {
    version: u32,
    secret: Secret,
}

impl MasterKey {
    /// A new key; `version` is one more than that of the key it replaces.
    pub fn generate(version: u32, entropy: &mut Entropy) -> Self {
        Self { version, secret: random(entropy) }
    }

    /// From its parts, as the recovery kit gives them.
    pub fn from_parts(version: u32, secret: [u8; 32]) -> Self {
        Self { version, secret: Zeroizing::new(secret) }
    }

    /// Reads the text `sizao-master:<version>:<64 hexadecimal digits>`.
    ///
    /// # Errors
    /// [`StoreError::Keys`] when the text has another form.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let wrong = || StoreError::Keys(format!("a master key reads {TEXT_PREFIX}:<version>:<64 hexadecimal digits>"));
        let mut parts = text.trim().split(':');
        let (Some(TEXT_PREFIX), Some(version), Some(digits), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let bytes = Zeroizing::new(from_hex(digits).ok_or_else(wrong)?);
        let secret: [u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong())?;
        Ok(Self { version: version.parse().map_err(|_| wrong())?, secret: Zeroizing::new(secret) })
    }

    /// The text to keep in the key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{TEXT_PREFIX}:{}:{}\n", self.version, hex(&*self.secret)))
    }

    /// Counted from 1; rotation adds one.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The secret itself, for the recovery kit.
    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    fn wrap(&self, no: i64, purpose: i64, day: i64, secret: &[u8; 32]) -> Vec<u8> {
        let (nonce, place) = wrapping_place(self.version, no, purpose, day);
        cipher(&self.secret)
            .encrypt(&nonce.into(), Payload { msg: secret, aad: &place })
            .expect("32 bytes are within the cipher's limits")
    }

    fn unwrap(&self, row: &KeyRow) -> Result<Secret, StoreError> {
        if row.master != i64::from(self.version) {
            return Err(StoreError::Keys(format!(
                "the store is locked with master key version {}, this is version {}",
                row.master, self.version
            )));
        }
        let (nonce, place) = wrapping_place(self.version, row.no, row.purpose, row.day);
        let wrapped = row.wrapped.as_deref().unwrap_or_default();
        let bytes = cipher(&self.secret)
            .decrypt(&nonce.into(), Payload { msg: wrapped, aad: &place })
            .map_err(|_| StoreError::Keys("this master key does not open the store".to_owned()))?;
        let bytes = Zeroizing::new(bytes);
        let secret = bytes.as_slice().try_into().map_err(|_| StoreError::Keys("a stored key is damaged".to_owned()))?;
        Ok(Zeroizing::new(secret))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey(version {}, ***)", self.version)
    }
}

fn wrapping_place(version: u32, no: i64, purpose: i64, day: i64) -> ([u8; 12], [u8; 24]) {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&version.to_be_bytes());
    nonce[4..].copy_from_slice(&no.to_be_bytes());
    let mut place = [0; 24];
    place[..8].copy_from_slice(&no.to_be_bytes());
    place[8..16].copy_from_slice(&purpose.to_be_bytes());
    place[16..].copy_from_slice(&day.to_be_bytes());
    (nonce, place)
}

/// Keys of the store itself. Retention classes have the purposes below 100.
#[derive(Clone, Copy)]
enum SystemKey {
    Mac = 100,
    Search = 101,
    Vault = 102,
    Assessment = 103,
    Signing = 104,
}

/// A data key, ready for use.
#[derive(Clone)]
pub(crate) struct DataKey {
    pub(crate) no: i64,
    pub(crate) cipher: Arc<Aes256GcmSiv>,
}

/// The opened working keys of a store.
pub(crate) struct Keys {
    master: RwLock<MasterKey>,
    mac: Hmac<Sha256>,
    search: Hmac<Sha256>,
    assessment: Hmac<Sha256>,
    pub(crate) vault: Aes256GcmSiv,
    pub(crate) signing: SigningKey,
    days: RwLock<HashMap<(i64, i64), DataKey>>,
    by_no: RwLock<HashMap<i64, DataKey>>,
}

struct KeyRow {
    no: i64,
    purpose: i64,
    day: i64,
    master: i64,
    wrapped: Option<Vec<u8>>,
}

positional!(KeyRow { no: 0, purpose: 1, day: 2, master: 3, wrapped: 4 });

impl Keys {
    /// Makes the working keys of a new store.
    pub(crate) async fn create(db: &Db, master: MasterKey, entropy: &mut Entropy) -> Result<Self, StoreError> {
        let there: i64 = on!(db.reader(), pool => {
            sqlx::query_scalar("SELECT COUNT(*) FROM data_key").fetch_one(pool).await?
        });
        if there > 0 {
            return Self::open(db, master).await;
        }
        let mut tx = db.begin().await?;
        for (no, purpose) in
            (1..).zip([SystemKey::Mac, SystemKey::Search, SystemKey::Vault, SystemKey::Assessment, SystemKey::Signing])
        {
            let secret = random(entropy);
            insert_key(&mut tx, &master, no, purpose as i64, 0, &secret).await?;
        }
        commit(tx).await?;
        Self::open(db, master).await
    }

    /// Opens the working keys with the master key.
    pub(crate) async fn open(db: &Db, master: MasterKey) -> Result<Self, StoreError> {
        let rows: Vec<KeyRow> = on!(db.reader(), pool => {
            sqlx::query_as("SELECT no, purpose, day, master, wrapped FROM data_key ORDER BY no").fetch_all(pool).await?
        });
        let secret = |purpose: SystemKey| {
            let row = rows.iter().find(|row| row.purpose == purpose as i64);
            master.unwrap(row.ok_or_else(|| StoreError::Keys("the store has no keys of its own".to_owned()))?)
        };
        let mac = |secret: Secret| {
            <Hmac<Sha256> as KeyInit>::new_from_slice(&*secret).expect("HMAC takes keys of any length")
        };
        let keys = Self {
            mac: mac(secret(SystemKey::Mac)?),
            search: mac(secret(SystemKey::Search)?),
            assessment: mac(secret(SystemKey::Assessment)?),
            vault: cipher(&secret(SystemKey::Vault)?),
            signing: SigningKey::from_bytes(&*secret(SystemKey::Signing)?),
            master: RwLock::new(master.clone()),
            days: RwLock::default(),
            by_no: RwLock::default(),
        };
        for row in rows.iter().filter(|row| row.purpose < 100 && row.wrapped.is_some()) {
            keys.remember(row.no, row.purpose, row.day, &master.unwrap(row)?);
        }
        Ok(keys)
    }

    /// The key of a retention class and day, made when it is not there yet.
    pub(crate) async fn data_key(
        &self,
        db: &Db,
        class: RetentionClass,
        day: CivilDay,
        entropy: &mut Entropy,
    ) -> Result<DataKey, StoreError> {
        let place = (i64::from(class.code()), i64::from(day.number()));
        if let Some(key) = self.days.read().expect("no thread panics with it").get(&place) {
            return Ok(key.clone());
        }
        let mut tx = db.begin().await?;
        lock_head(&mut tx).await?;
        let found: Option<KeyRow> = on!(&mut tx, tx => {
            sqlx::query_as("SELECT no, purpose, day, master, wrapped FROM data_key WHERE purpose = $1 AND day = $2")
                .bind(place.0).bind(place.1).fetch_optional(&mut **tx).await?
        });
        let (no, secret) = match found {
            Some(KeyRow { wrapped: None, .. }) => {
                let what =
                    format!("the {} bodies of {day} were erased: no fact can be recorded on that day", class.name());
                return Err(StoreError::Erasure(what));
            }
            Some(row) => (row.no, self.master().unwrap(&row)?),
            None => {
                let highest: i64 = on!(&mut tx, tx => {
                    sqlx::query_scalar("SELECT COALESCE(MAX(no), 0) FROM data_key").fetch_one(&mut **tx).await?
                });
                let secret = random(entropy);
                insert_key(&mut tx, &self.master(), highest + 1, place.0, place.1, &secret).await?;
                (highest + 1, secret)
            }
        };
        commit(tx).await?;
        Ok(self.remember(no, place.0, place.1, &secret))
    }

    /// The key of a class and day, if it was used in this process or is there since its start.
    pub(crate) fn known(&self, class: RetentionClass, day: i64) -> Option<DataKey> {
        self.days.read().expect("no thread panics with it").get(&(i64::from(class.code()), day)).cloned()
    }

    /// The secret of a data key itself, for what is sealed outside the database.
    pub(crate) async fn secret_of(&self, db: &Db, no: i64) -> Result<Secret, StoreError> {
        let row: Option<KeyRow> = on!(db.reader(), pool => {
            sqlx::query_as("SELECT no, purpose, day, master, wrapped FROM data_key WHERE no = $1 AND wrapped IS NOT NULL")
                .bind(no).fetch_optional(pool).await?
        });
        let row = row.ok_or_else(|| StoreError::Erasure("the key of this day was destroyed".to_owned()))?;
        self.master().unwrap(&row)
    }

    /// A secret of the store for a purpose beyond those made with it: what is there, or else `fresh`, kept from now on.
    pub(crate) async fn kept_secret(&self, db: &Db, purpose: i64, fresh: Secret) -> Result<Secret, StoreError> {
        let mut tx = db.begin().await?;
        lock_head(&mut tx).await?;
        let found: Option<KeyRow> = on!(&mut tx, tx => {
            sqlx::query_as("SELECT no, purpose, day, master, wrapped FROM data_key WHERE purpose = $1")
                .bind(purpose).fetch_optional(&mut **tx).await?
        });
        if let Some(row) = found {
            return self.master().unwrap(&row);
        }
        let highest: i64 = on!(&mut tx, tx => {
            sqlx::query_scalar("SELECT COALESCE(MAX(no), 0) FROM data_key").fetch_one(&mut **tx).await?
        });
        insert_key(&mut tx, &self.master(), highest + 1, purpose, 0, &fresh).await?;
        commit(tx).await?;
        Ok(fresh)
    }

    /// The key with this number, unless it was destroyed.
    pub(crate) fn by_no(&self, no: i64) -> Option<DataKey> {
        self.by_no.read().expect("no thread panics with it").get(&no).cloned()
    }

    /// Reads a key that another process made.
    pub(crate) async fn refresh(&self, db: &Db, no: i64) -> Result<Option<DataKey>, StoreError> {
        let row: Option<KeyRow> = on!(db.reader(), pool => {
            sqlx::query_as("SELECT no, purpose, day, master, wrapped FROM data_key WHERE no = $1 AND wrapped IS NOT NULL")
                .bind(no).fetch_optional(pool).await?
        });
        row.map(|row| Ok(self.remember(row.no, row.purpose, row.day, &self.master().unwrap(&row)?))).transpose()
    }

    /// Forgets a destroyed key.
    pub(crate) fn forget(&self, no: i64) {
        self.by_no.write().expect("no thread panics with it").remove(&no);
        self.days.write().expect("no thread panics with it").retain(|_, key| key.no != no);
    }

    /// Wraps all working keys under another master key, in one transaction.
    pub(crate) async fn rotate(&self, db: &Db, new: MasterKey) -> Result<(), StoreError> {
        let old = self.master();
        let mut tx = db.begin().await?;
        let rows: Vec<KeyRow> = on!(&mut tx, tx => {
            sqlx::query_as("SELECT no, purpose, day, master, wrapped FROM data_key WHERE wrapped IS NOT NULL")
                .fetch_all(&mut **tx).await?
        });
        for row in rows {
            let wrapped = new.wrap(row.no, row.purpose, row.day, &*old.unwrap(&row)?);
            on!(&mut tx, tx => {
                sqlx::query("UPDATE data_key SET wrapped = $1, master = $2 WHERE no = $3")
                    .bind(wrapped).bind(i64::from(new.version)).bind(row.no).execute(&mut **tx).await?;
            });
        }
        commit(tx).await?;
        *self.master.write().expect("no thread panics with it") = new;
        Ok(())
    }

    /// MAC of a row of the log, 16 bytes.
    pub(crate) fn row_mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        truncated(&self.mac, parts)
    }

    /// Token under which the vault finds a name, a document or a telephone.
    pub(crate) fn search_token(&self, parts: &[&[u8]]) -> [u8; 16] {
        truncated(&self.search, parts)
    }

    /// MAC of a stored assessment.
    pub(crate) fn assessment_mac(&self, parts: &[&[u8]]) -> [u8; 16] {
        truncated(&self.assessment, parts)
    }

    pub(crate) fn master(&self) -> MasterKey {
        self.master.read().expect("no thread panics with it").clone()
    }

    fn remember(&self, no: i64, purpose: i64, day: i64, secret: &Secret) -> DataKey {
        let key = DataKey { no, cipher: Arc::new(cipher(secret)) };
        self.days.write().expect("no thread panics with it").insert((purpose, day), key.clone());
        self.by_no.write().expect("no thread panics with it").insert(no, key.clone());
        key
    }
}

/// Parts are told apart by their lengths, so that no two lists of parts give the same bytes.
fn truncated(key: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = key.clone();
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    let full = mac.finalize().into_bytes();
    full[..16].try_into().expect("SHA-256 has 32 bytes")
}

async fn insert_key(
    tx: &mut Tx,
    master: &MasterKey,
    no: i64,
    purpose: i64,
    day: i64,
    secret: &Secret,
) -> Result<(), StoreError> {
    bulk::insert(
        tx,
        "data_key",
        "",
        &[
            ("no", Column::Int(vec![no])),
            ("purpose", Column::Int(vec![purpose])),
            ("day", Column::Int(vec![day])),
            ("master", Column::Int(vec![master.version.into()])),
            ("wrapped", Column::Bytes(vec![master.wrap(no, purpose, day, secret)])),
        ],
    )
    .await
}

fn cipher(secret: &Secret) -> Aes256GcmSiv {
    Aes256GcmSiv::new_from_slice(&**secret).expect("the key has 32 bytes")
}

pub(crate) fn random(entropy: &mut Entropy) -> Secret {
    let mut secret = Zeroizing::new([0; 32]);
    entropy(&mut *secret);
    secret
}

/// SHA-256 of some parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes of a hexadecimal text.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
