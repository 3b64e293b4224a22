//! EU Digital COVID Certificate: a signed statement of one vaccination, test or recovery, as text of a QR code.
//!
//! The text is `HC1:`, base45, zlib, a COSE_Sign1 message and in it CBOR claims. [`open`] takes the layers off without
//! believing anything; [`SignedCertificate::verify`] believes it when a certificate of the [`TrustList`], chosen by the
//! key id and by nothing else, has signed it, may sign this kind of statement, and the clock lies in its term.
//! `docs/methods/interop-dcc.md` has the sources and what differs between receiving and issuing.

mod cbor;
mod cose;
mod payload;
mod trust;

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use serde_json::Value;
use sizao_model::Instant;
use thiserror::Error;

pub use cbor::{cbor_of, json_of, same_json};
pub use cose::{SignedCertificate, statement_in};
pub use payload::{PayloadProblem, Rules, Statement, ValueSets, check_payload};
pub use trust::{TrustList, TrustedKey};

/// Context of version 1: the text of every certificate begins with it.
pub const PREFIX: &str = "HC1:";
/// A QR code of the largest size holds 4,296 characters; longer texts are refused unread.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// Bytes that the compressed part may become: certificates have some 500.
const INFLATED_BYTES_MAX: u64 = 64 * 1024;

/// Why a certificate is not believed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DccError {
    /// Not the text of such a certificate.
    #[error("the text begins with '{found}', not with 'HC1:'")]
    Prefix {
        /// The first four characters, or fewer.
        found: String,
    },
    /// Longer than any QR code.
    #[error("the text has {bytes} bytes; at most {TEXT_BYTES_MAX} are read")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// Characters or groups that base45 does not have.
    #[error("the text behind 'HC1:' is not base45")]
    Base45,
    /// The compressed part is broken, not compressed, or far too large.
    #[error("the compressed part cannot be unpacked (zlib): {0}")]
    Zlib(String),
    /// Not a COSE_Sign1 message.
    #[error("it is not a signed message (COSE_Sign1): {0}")]
    Cose(String),
    /// The claims are not those of a health certificate.
    #[error("its claims cannot be read: {0}")]
    Claims(String),
    /// No key id in either header.
    #[error("it names no key (kid), so nobody can be asked who signed it")]
    NoKeyId,
    /// The trust list does not know the key.
    #[error("its key {kid} is not in the trust list")]
    UnknownKey {
        /// Hexadecimal.
        kid: String,
    },
    /// Algorithm that is not allowed, or not that of the key.
    #[error("its algorithm {0} is not allowed with the trusted key")]
    Algorithm(String),
    /// Somebody else signed it, or it was altered.
    #[error("the signature is not that of the trusted key")]
    Signature,
    /// The certificate of the trust list cannot be read.
    #[error("the trusted certificate cannot be read: {0}")]
    TrustedCertificate(String),
    /// The key may not sign such statements.
    #[error("the trusted key may not sign a statement of {0}")]
    KeyUsage(&'static str),
    /// The clock lies before its term.
    #[error("it is valid only from {0} on")]
    NotYetValid(Instant),
    /// The clock lies behind its term.
    #[error("it expired at {0}")]
    Expired(Instant),
    /// The content breaks the rules.
    #[error("its content breaks {} rules, the first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Payload(Vec<PayloadProblem>),
}

/// What is claimed: issuer, term and the statement itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Two-letter code of the issuing country.
    pub issuer: Option<String>,
    /// When it was issued.
    pub issued_at: Option<Instant>,
    /// When it ends.
    pub expires_at: Option<Instant>,
    /// The statement (schema of the eHealth Network), as JSON.
    pub payload: Value,
}

impl Claims {
    /// Checks the term against a clock.
    ///
    /// # Errors
    /// [`DccError::NotYetValid`] before it was issued, [`DccError::Expired`] after its end.
    pub fn check_term(&self, now: Instant) -> Result<(), DccError> {
        if let Some(at) = self.issued_at.filter(|&at| now < at) {
            return Err(DccError::NotYetValid(at));
        }
        match self.expires_at.filter(|&at| now > at) {
            Some(at) => Err(DccError::Expired(at)),
            None => Ok(()),
        }
    }
}

/// The text without its context `HC1:`.
///
/// # Errors
/// [`DccError::Prefix`], [`DccError::TooLong`].
pub fn strip_prefix(text: &str) -> Result<&str, DccError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(DccError::TooLong { bytes: text.len() });
    }
    text.strip_prefix(PREFIX).ok_or_else(|| DccError::Prefix { found: text.chars().take(4).collect() })
}

/// The bytes of a base45 text (RFC 9285).
///
/// # Errors
/// [`DccError::Base45`].
pub fn decode_base45(text: &str) -> Result<Vec<u8>, DccError> {
    base45::decode(text).map_err(|_| DccError::Base45)
}

/// Unpacks zlib; refuses what is not packed, is cut short, or becomes larger than any certificate.
///
/// # Errors
/// [`DccError::Zlib`].
pub fn inflate(bytes: &[u8]) -> Result<Vec<u8>, DccError> {
    let mut out = Vec::with_capacity(4 * bytes.len());
    let mut decoder = ZlibDecoder::new(bytes).take(INFLATED_BYTES_MAX + 1);
    decoder.read_to_end(&mut out).map_err(|error| DccError::Zlib(error.to_string()))?;
    if out.len() as u64 > INFLATED_BYTES_MAX {
        return Err(DccError::Zlib(format!("more than {INFLATED_BYTES_MAX} bytes")));
    }
    Ok(out)
}

/// Takes all layers off. Nothing is believed yet.
///
/// # Errors
/// That of the first layer that cannot be read.
pub fn open(text: &str) -> Result<SignedCertificate, DccError> {
    SignedCertificate::read(&inflate(&decode_base45(strip_prefix(text.trim_end_matches(['\r', '\n']))?)?)?)
}

/// Takes all layers off and checks everything: signer, key usage, term and content.
///
/// # Errors
/// The first reason not to believe it.
pub fn verify(text: &str, trust: &TrustList, values: &ValueSets, now: Instant) -> Result<Claims, DccError> {
    let certificate = open(text)?;
    let claims = certificate.verify(trust)?.clone();
    claims.check_term(now)?;
    let problems = check_payload(&claims.payload, Rules::Received { at: claims.issued_at.unwrap_or(now) }, values);
    if problems.is_empty() { Ok(claims) } else { Err(DccError::Payload(problems)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_its_context_is_refused_with_what_it_begins_with() {
        assert_eq!(strip_prefix("HC2:6BF"), Err(DccError::Prefix { found: "HC2:".to_owned() }));
        assert_eq!(strip_prefix("é"), Err(DccError::Prefix { found: "é".to_owned() }));
    }

    #[test]
    fn a_small_text_that_would_unpack_to_a_gigabyte_is_refused() {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::copy(&mut std::io::repeat(0).take(4 << 20), &mut encoder).unwrap();
        assert!(matches!(inflate(&encoder.finish().unwrap()), Err(DccError::Zlib(_))));
    }

    #[test]
    fn what_was_not_compressed_is_refused() {
        assert!(matches!(inflate(&[0xd2, 0x84, 0x4d, 0xa2]), Err(DccError::Zlib(_))));
    }
}
