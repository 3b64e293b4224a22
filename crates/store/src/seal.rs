//! Sealing a fact: commitment, leaf hash, encryption and MAC; and opening it again with every check.

use aes_gcm_siv::aead::{Aead, Payload};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sizao_model::{DivisionCode, Fact, FactBody, FactId, Happened, Instant, PersonId};
use uuid::Uuid;

use crate::{
    envelope::{Channel, Envelope, FactRow, HappenedColumns},
    error::StoreError,
    keys::{DataKey, Keys, sha256},
    merkle::Hash,
};

/// A fact on its way into the store.
#[derive(Clone, Debug)]
pub struct NewFact {
    /// Its id, UUID v7.
    pub id: FactId,
    /// Whom it is about.
    pub person: Option<PersonId>,
    /// Where it was seen.
    pub division: DivisionCode,
    /// When it happened.
    pub happened: Happened,
    /// When it is recorded, by the clock of the use case.
    pub recorded_at: Instant,
    /// What was seen.
    pub body: FactBody,
    /// Who recorded it.
    pub recorder: Uuid,
    /// How it came in.
    pub channel: Channel,
    /// Who gives the intake keys: a number from [`crate::Store::source`].
    pub source: i64,
    /// What makes a repeat recognisable.
    pub intake_key: IntakeKey,
}

/// What makes a repeat recognisable, with its source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntakeKey {
    /// A row of a list: row number, which fact of the row, digest of the line. Sorted as the file is.
    Row {
        /// Row number.
        row: u64,
        /// Which fact of the row.
        part: u16,
        /// Digest of the line.
        line: [u8; 16],
    },
    /// The sender's own key. The same key with other content is refused.
    Sender(Box<str>),
}

/// A fact ready to be written.
#[derive(Debug)]
pub struct SealedFact {
    pub(crate) envelope: Envelope,
    pub(crate) time: HappenedColumns,
    pub(crate) data_key: i64,
    pub(crate) commitment: Hash,
    pub(crate) leaf_hash: Hash,
    pub(crate) mac: [u8; 16],
    pub(crate) sealed: Vec<u8>,
    pub(crate) source: i64,
    pub(crate) intake_key: Vec<u8>,
    pub(crate) subject: Option<Uuid>,
    /// Digest of what the recorder says; its signature covers these in order.
    pub(crate) content_digest: Hash,
}

/// A fact as it was read, checked against its MAC, commitment and key.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFact {
    /// Number of its leaf.
    pub leaf: u64,
    /// Where it was seen.
    pub division: DivisionCode,
    /// The fact.
    pub fact: Fact,
}

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<PersonId>,
    division: DivisionCode,
    #[serde(borrow)]
    body: &'a RawValue,
}

const SALT: usize = 32;

impl SealedFact {
    /// Seals a fact under its data key. `salt` is random and used for this fact alone.
    pub(crate) fn seal(new: NewFact, keys: &Keys, key: &DataKey, salt: &[u8; SALT]) -> Self {
        let body = RawValue::from_string(new.body.to_json()).expect("a body is written as valid JSON");
        let content = Content { person: new.person, division: new.division, body: &body };
        let json = serde_json::to_vec(&content).expect("ids and JSON can be written as JSON");
        let envelope = Envelope {
            id: new.id,
            kind: new.body.kind(),
            happened: new.happened,
            recorded_at: new.recorded_at,
            recorder: new.recorder,
            channel: new.channel,
        };
        let commitment = commitment(salt, &json);
        let leaf_hash = envelope.leaf_hash(&commitment);
        let mut plain = Vec::with_capacity(SALT + json.len());
        plain.extend_from_slice(salt);
        plain.extend_from_slice(&json);
        let sealed = key
            .cipher
            .encrypt(&nonce(new.id).into(), Payload { msg: &plain, aad: new.id.as_bytes() })
            .expect("a body is within the cipher's limits");
        let time = HappenedColumns::of(&envelope.happened);
        let intake_key = new.intake_key.bytes(keys, new.source);
        let content_digest = content_digest(&intake_key, time, &json);
        let subject = new.person.map(PersonId::uuid);
        let mac = mac(keys, &leaf_hash, key.no, new.source, &intake_key, subject);
        let source = new.source;
        Self {
            envelope,
            time,
            data_key: key.no,
            commitment,
            leaf_hash,
            mac,
            sealed,
            source,
            intake_key,
            subject,
            content_digest,
        }
    }
}

impl IntakeKey {
    pub(crate) fn bytes(&self, keys: &Keys, source: i64) -> Vec<u8> {
        match self {
            Self::Row { row, part, line } => {
                let mut bytes = Vec::with_capacity(19);
                bytes.push(1);
                bytes.extend_from_slice(&row.to_be_bytes());
                bytes.extend_from_slice(&part.to_be_bytes());
                // Keyed, so that nobody without the key can confirm a guess of what the line says.
                bytes.extend_from_slice(&keys.search_token(&[b"line", &source.to_be_bytes(), line])[..8]);
                bytes
            }
            // A sender's key may be an identity number: only its MAC is kept.
            Self::Sender(text) => {
                let token = keys.search_token(&[b"intake", &source.to_be_bytes(), text.as_bytes()]);
                let mut bytes = Vec::with_capacity(17);
                bytes.push(2);
                bytes.extend_from_slice(&token);
                bytes
            }
        }
    }
}

/// Checks a row against its MAC and opens its body; nothing when the body was erased.
pub(crate) fn open(row: &FactRow, keys: &Keys, key: Option<&DataKey>) -> Result<Option<StoredFact>, StoreError> {
    let tampered = |what| StoreError::Tampered { leaf: row.leaf as u64, what };
    let envelope = row.envelope()?;
    let commitment: Hash = row.commitment.as_slice().try_into().map_err(|_| tampered("commitment"))?;
    let leaf_hash = envelope.leaf_hash(&commitment);
    if row.leaf_hash != leaf_hash {
        return Err(tampered("envelope or commitment"));
    }
    if row.mac != mac(keys, &leaf_hash, row.data_key, row.source, &row.intake_key, row.subject) {
        return Err(tampered("MAC"));
    }
    let (Some(sealed), Some(key)) = (&row.sealed, key) else { return Ok(None) };
    let (salt, json) = open_body(envelope.id, sealed, key).ok_or_else(|| tampered("body"))?;
    if self::commitment(&salt, &json) != commitment {
        return Err(tampered("body against commitment"));
    }
    let text = std::str::from_utf8(&json).map_err(|_| tampered("body"))?;
    let content: Content<'_> = serde_json::from_str(text).map_err(|_| tampered("body"))?;
    let body = FactBody::from_json(envelope.kind.name(), content.body.get()).map_err(|_| tampered("body"))?;
    let Envelope { id, happened, recorded_at, .. } = envelope;
    let fact = Fact { id, person: content.person, happened, recorded_at, body };
    Ok(Some(StoredFact { leaf: row.leaf as u64, division: content.division, fact }))
}

/// Salt and content of a sealed body, or nothing when it does not fit its key and id.
pub(crate) fn open_body(id: FactId, sealed: &[u8], key: &DataKey) -> Option<([u8; SALT], Vec<u8>)> {
    let mut plain = key.cipher.decrypt(&nonce(id).into(), Payload { msg: sealed, aad: id.as_bytes() }).ok()?;
    if plain.len() < SALT {
        return None;
    }
    let json = plain.split_off(SALT);
    Some((plain.try_into().ok()?, json))
}

/// Digest of what the recorder says about a fact that is already stored, to tell a repeat from a conflict.
pub(crate) fn stored_content_digest(row: &FactRow, key: &DataKey) -> Option<Hash> {
    let (_, json) = open_body(FactId::new(row.id), row.sealed.as_deref()?, key)?;
    let time = HappenedColumns { form: row.happened_form, from: row.happened_from, to: row.happened_to };
    Some(content_digest(&row.intake_key, time, &json))
}

fn commitment(salt: &[u8; SALT], json: &[u8]) -> Hash {
    sha256(&[salt, json])
}

fn content_digest(intake_key: &[u8], time: HappenedColumns, json: &[u8]) -> Hash {
    let times = [time.form.to_be_bytes(), time.from.to_be_bytes(), time.to.to_be_bytes()].concat();
    sha256(&[&[intake_key.len() as u8], intake_key, &times, json])
}

/// The last twelve bytes of the id: random for the most part, used once with each key.
fn nonce(id: FactId) -> [u8; 12] {
    id.as_bytes()[4..].try_into().expect("a UUID has sixteen bytes")
}

fn mac(
    keys: &Keys,
    leaf_hash: &Hash,
    data_key: i64,
    source: i64,
    intake_key: &[u8],
    subject: Option<Uuid>,
) -> [u8; 16] {
    let subject = subject.as_ref().map_or(&[][..], |id| id.as_bytes());
    keys.row_mac(&[leaf_hash, &data_key.to_be_bytes(), &source.to_be_bytes(), intake_key, subject])
}
