//! Envelopes: what travels between two nodes, signed, numbered and chained.
//!
//! ```text
//! signed  = "sizao assist 1\0" ‖ origin ‖ to ‖ number (8) ‖ digest of the one before (32) ‖ SHA-256(body)
//! digest  = SHA-256(signed)
//! on wire = "SZA1" ‖ origin (16) ‖ to (16) ‖ number (8) ‖ before (32) ‖ signature (64)
//!           ‖ length (4) ‖ body ‖ count (4) ‖ (length (4) ‖ seal)*
//! ```
//!
//! Numbers are big-endian. The body is JSON as the sender wrote it; the signature is over those bytes, so that there is
//! nothing to bring into a canonical form. What is sealed lies beside the body, which has its digests: it can be thrown
//! away and the signature still holds.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sizao_model::assist::{AssistMessage, NodeId, Sealed};
use sizao_store::sha256;
use thiserror::Error;
use uuid::Uuid;

const MAGIC: &[u8; 4] = b"SZA1";
const SIGNED: &[u8] = b"sizao assist 1\0";
/// Longest body, in bytes: a list of 2,000 lines has 1.2 million.
const BODY_MAX: usize = 4 << 20;
/// Longest seal, in bytes.
pub(super) const SEAL_MAX: usize = 8 << 10;
/// Seals of an envelope.
const SEALS_MAX: usize = 2_000;

/// What travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who says it.
    pub origin: NodeId,
    /// To whom.
    pub to: NodeId,
    /// Its number on this link, from 1 without gaps.
    pub seq: u64,
    /// Digest of the envelope before it on this link; zeroes for the first.
    pub before: [u8; 32],
    /// What is said, as JSON.
    pub body: Vec<u8>,
    /// What is sealed.
    pub seals: Vec<Vec<u8>>,
    /// Ed25519 by the origin.
    pub signature: [u8; 64],
}

/// Why an envelope is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeFault {
    /// Not an envelope, or cut off.
    #[error("this is no envelope")]
    Unreadable,
    /// For another node.
    #[error("it is for another node")]
    NotForUs,
    /// From a node that is not on record here, or was closed.
    #[error("its origin is not on record here")]
    UnknownNode,
    /// The signature is not the origin's.
    #[error("its signature is not the origin's")]
    Forged,
    /// The same number came before with other content.
    #[error("the same number came before with other content")]
    SecondContent,
    /// It does not follow on the one before.
    #[error("it does not follow on the one before it")]
    BrokenChain,
    /// Too far ahead of what is here.
    #[error("it is too far ahead of what is here")]
    TooFarAhead,
    /// Signed, and still no message, or its seals are not those that it names.
    #[error("it is signed, and says nothing that can be read")]
    Malformed,
}

impl EnvelopeFault {
    /// The word in records and locales.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::NotForUs => "not-for-us",
            Self::UnknownNode => "unknown-node",
            Self::Forged => "forged",
            Self::SecondContent => "second-content",
            Self::BrokenChain => "broken-chain",
            Self::TooFarAhead => "too-far-ahead",
            Self::Malformed => "malformed",
        }
    }
}

impl Envelope {
    /// Signs a message.
    pub fn sign(
        (origin, to): (NodeId, NodeId),
        (seq, before): (u64, [u8; 32]),
        message: &AssistMessage,
        seals: Vec<Vec<u8>>,
        key: &SigningKey,
    ) -> Self {
        let body = serde_json::to_vec(message).expect("a message is words and numbers");
        let mut envelope = Self { origin, to, seq, before, body, seals, signature: [0; 64] };
        envelope.signature = key.sign(&envelope.signed()).to_bytes();
        envelope
    }

    fn signed(&self) -> Vec<u8> {
        [
            SIGNED,
            self.origin.uuid().as_bytes(),
            self.to.uuid().as_bytes(),
            &self.seq.to_be_bytes(),
            &self.before,
            &sha256(&[&self.body]),
        ]
        .concat()
    }

    /// What the next envelope of the link names.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[&self.signed()])
    }

    /// Whether the origin signed it.
    pub fn is_signed_by(&self, key: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::try_from(key) else { return false };
        key.verify_strict(&self.signed(), &Signature::from_bytes(&self.signature)).is_ok()
    }

    /// Whether its seals are those that its body names; so, too, where the body says nothing that can be read: that is the
    /// origin's own fault, and its number is used up.
    pub fn has_its_seals(&self) -> bool {
        let Ok(message) = serde_json::from_slice::<AssistMessage>(&self.body) else { return true };
        self.seals.iter().map(|seal| Sealed(sha256(&[seal]))).eq(message.seals())
    }

    /// What it says, if its seals are those that it names.
    ///
    /// # Errors
    /// [`EnvelopeFault::Malformed`].
    pub fn message(&self) -> Result<AssistMessage, EnvelopeFault> {
        let message: AssistMessage = serde_json::from_slice(&self.body).map_err(|_| EnvelopeFault::Malformed)?;
        let there = self.seals.iter().map(|seal| Sealed(sha256(&[seal])));
        if there.eq(message.seals()) { Ok(message) } else { Err(EnvelopeFault::Malformed) }
    }

    /// As it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let seals: usize = self.seals.iter().map(|seal| seal.len() + 4).sum();
        let mut out = Vec::with_capacity(160 + self.body.len() + seals);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(self.origin.uuid().as_bytes());
        out.extend_from_slice(self.to.uuid().as_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.before);
        out.extend_from_slice(&self.signature);
        let sized = |out: &mut Vec<u8>, bytes: &[u8]| {
            out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        sized(&mut out, &self.body);
        out.extend_from_slice(&(self.seals.len() as u32).to_be_bytes());
        self.seals.iter().for_each(|seal| sized(&mut out, seal));
        out
    }

    /// Reads it as it travels.
    ///
    /// # Errors
    /// [`EnvelopeFault::Unreadable`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeFault> {
        Self::read(bytes).ok_or(EnvelopeFault::Unreadable)
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        if take::<4>(&mut bytes)? != *MAGIC {
            return None;
        }
        let node = |bytes: &mut &[u8]| Some(NodeId::new(Uuid::from_bytes(take::<16>(bytes)?)));
        let (origin, to) = (node(&mut bytes)?, node(&mut bytes)?);
        let seq = u64::from_be_bytes(take::<8>(&mut bytes)?);
        let (before, signature) = (take::<32>(&mut bytes)?, take::<64>(&mut bytes)?);
        let body = sized(&mut bytes, BODY_MAX)?;
        let count = u32::from_be_bytes(take::<4>(&mut bytes)?) as usize;
        if count > SEALS_MAX || seq == 0 || seq > i64::MAX as u64 {
            return None;
        }
        let mut seals = Vec::new();
        for _ in 0..count {
            seals.push(sized(&mut bytes, SEAL_MAX)?);
        }
        bytes.is_empty().then_some(Self { origin, to, seq, before, body, seals, signature })
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

fn sized(bytes: &mut &[u8], most: usize) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(take::<4>(bytes)?) as usize;
    if length > most || length > bytes.len() {
        return None;
    }
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    Some(taken.to_vec())
}
