//! The signed message and the claims in it (RFC 9052, RFC 8392).

use ciborium::Value as Cbor;
use coset::{Algorithm, CborSerializable as _, CoseSign1, RegisteredLabelWithPrivate, iana};
use sizao_model::Instant;

use super::{Claims, DccError, cbor::json_of, payload::Statement, trust::TrustList};

const TAG_SIGN1: u64 = 18;
const TAG_CWT: u64 = 61;
const CLAIM_ISSUER: i64 = 1;
const CLAIM_EXPIRES: i64 = 4;
const CLAIM_ISSUED: i64 = 6;
/// Claim of health certificates; in it, key 1 is the EU certificate of version 1.
const CLAIM_HEALTH: i64 = -260;
const HEALTH_EU_DCC: i64 = 1;

/// A certificate whose layers are off and whose signature nobody has looked at.
#[derive(Clone, Debug)]
pub struct SignedCertificate {
    message: CoseSign1,
    claims: Claims,
}

impl SignedCertificate {
    /// Reads a COSE_Sign1 message, with or without its tag 18 and the tag 61 of claims around it.
    ///
    /// # Errors
    /// [`DccError::Cose`], [`DccError::Claims`].
    pub fn read(bytes: &[u8]) -> Result<Self, DccError> {
        let message = read_message(bytes)?;
        let payload = message.payload.as_deref().ok_or_else(|| DccError::Cose("it has no payload".to_owned()))?;
        let claims = read_claims(payload)?;
        Ok(Self { message, claims })
    }

    /// What it claims, whether true or not.
    pub const fn unverified_claims(&self) -> &Claims {
        &self.claims
    }

    /// The key id: that of the protected header; only where there is none, that of the unprotected one.
    pub fn key_id(&self) -> Option<&[u8]> {
        [&self.message.protected.header, &self.message.unprotected]
            .into_iter()
            .map(|header| header.key_id.as_slice())
            .find(|kid| !kid.is_empty())
    }

    /// Checks that a key of the trust list, chosen by the key id, has signed this.
    ///
    /// # Errors
    /// [`DccError::NoKeyId`], [`DccError::UnknownKey`], [`DccError::Algorithm`], [`DccError::Signature`].
    pub fn verify_signature(&self, trust: &TrustList) -> Result<(), DccError> {
        let kid = self.key_id().ok_or(DccError::NoKeyId)?;
        let keys = trust.find(kid);
        if keys.is_empty() {
            return Err(DccError::UnknownKey { kid: hex(kid) });
        }
        let algorithm = self.algorithm()?;
        // Key ids have eight bytes, so two keys may share one: any of them may have signed.
        let mut outcome = Err(DccError::Signature);
        for key in keys {
            outcome = self.message.verify_signature(b"", |signature, data| key.verify(algorithm, data, signature));
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Checks that the key which this names may sign statements of its kind.
    ///
    /// # Errors
    /// [`DccError::NoKeyId`], [`DccError::UnknownKey`], [`DccError::KeyUsage`].
    pub fn check_key_usage(&self, trust: &TrustList) -> Result<(), DccError> {
        let kid = self.key_id().ok_or(DccError::NoKeyId)?;
        let keys = trust.find(kid);
        if keys.is_empty() {
            return Err(DccError::UnknownKey { kid: hex(kid) });
        }
        for statement in Statement::all_in(&self.claims.payload) {
            if !keys.iter().any(|key| key.may_sign(statement)) {
                return Err(DccError::KeyUsage(statement.name()));
            }
        }
        Ok(())
    }

    /// Checks signer and key usage; the claims are then those of the signer.
    ///
    /// # Errors
    /// Those of [`Self::verify_signature`] and [`Self::check_key_usage`].
    pub fn verify(&self, trust: &TrustList) -> Result<&Claims, DccError> {
        self.verify_signature(trust)?;
        self.check_key_usage(trust)?;
        Ok(&self.claims)
    }

    /// The algorithm, looked for as the key id is.
    fn algorithm(&self) -> Result<iana::Algorithm, DccError> {
        let named = self.message.protected.header.alg.as_ref().or(self.message.unprotected.alg.as_ref());
        match named {
            Some(RegisteredLabelWithPrivate::Assigned(algorithm)) => Ok(*algorithm),
            Some(other) => Err(DccError::Algorithm(algorithm_name(other))),
            None => Err(DccError::Algorithm("that is not named".to_owned())),
        }
    }
}

fn algorithm_name(algorithm: &Algorithm) -> String {
    match algorithm {
        Algorithm::Assigned(algorithm) => format!("{algorithm:?}"),
        Algorithm::PrivateUse(number) => number.to_string(),
        Algorithm::Text(text) => text.chars().take(20).collect(),
    }
}

fn read_message(bytes: &[u8]) -> Result<CoseSign1, DccError> {
    let mut value: Cbor = ciborium::from_reader(bytes).map_err(|error| DccError::Cose(error.to_string()))?;
    while let Cbor::Tag(tag, inner) = value {
        if tag != TAG_SIGN1 && tag != TAG_CWT {
            return Err(DccError::Cose(format!("tag {tag} is neither 18 nor 61")));
        }
        value = *inner;
    }
    // The signature covers the bytes of the protected header as they came: those are a byte string and stay as they are.
    let mut untagged = Vec::with_capacity(bytes.len());
    ciborium::into_writer(&value, &mut untagged).map_err(|error| DccError::Cose(error.to_string()))?;
    CoseSign1::from_slice(&untagged).map_err(|error| DccError::Cose(error.to_string()))
}

fn read_claims(bytes: &[u8]) -> Result<Claims, DccError> {
    let value: Cbor = ciborium::from_reader(bytes).map_err(|error| DccError::Claims(error.to_string()))?;
    let payload =
        statement_in(&value).ok_or_else(|| DccError::Claims("they have no health certificate (-260, 1)".to_owned()))?;
    Ok(Claims {
        issuer: claim(&value, CLAIM_ISSUER).and_then(Cbor::as_text).map(str::to_owned),
        issued_at: claim(&value, CLAIM_ISSUED).and_then(numeric_date),
        expires_at: claim(&value, CLAIM_EXPIRES).and_then(numeric_date),
        payload: json_of(payload).ok_or_else(|| DccError::Claims("the statement is not a JSON value".to_owned()))?,
    })
}

/// The statement in claims; nothing when the value is not claims, or they are of something else.
pub fn statement_in(claims: &Cbor) -> Option<&Cbor> {
    claim(claim(claims, CLAIM_HEALTH)?, HEALTH_EU_DCC)
}

fn claim(map: &Cbor, key: i64) -> Option<&Cbor> {
    let found = |candidate: &Cbor| candidate.as_integer().is_some_and(|number| i128::from(number) == i128::from(key));
    map.as_map()?.iter().find(|(candidate, _)| found(candidate)).map(|(_, value)| value)
}

/// Seconds since 1970, whole or not, tagged or not.
fn numeric_date(value: &Cbor) -> Option<Instant> {
    let seconds = match value {
        Cbor::Tag(_, inner) => return numeric_date(inner),
        Cbor::Integer(seconds) => i64::try_from(*seconds).ok()?,
        Cbor::Float(seconds) if seconds.abs() < 1e12 => *seconds as i64,
        _ => return None,
    };
    seconds.checked_mul(1_000_000).map(Instant::from_micros)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect()
}
