//! The slip of a checkpoint (查验单): who was checked once need not be checked again in the province for 24 hours.
//!
//! A device at a checkpoint makes a key pair of its own whose secret never leaves it. The node *delegates*: it signs the public
//! key for at most a day. The device then signs slips, also without a network, and puts the delegation inside; the next
//! checkpoint needs the node's key alone. Both are COSE_Sign1 (RFC 9052) with Ed25519; the text is `SZ2:` and base45.
//!
//! Delegation: 1 issuer, 4 expiry, 6 time of issue, -65538 a map of 1 public key and 2 name of the checkpoint. Slip: 2 its number,
//! 4 expiry, 6 time of issue, -65539 a map of 1 what was done (1 checked, 2 checked and sampled) and 2 to what it is bound (last
//! characters of document or plate), -65540 the delegation. No name, no colour, no reason.

use ciborium::Value as Cbor;
use coset::{CborSerializable as _, CoseSign1, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable as _, iana};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sizao_model::Instant;
use thiserror::Error;

use crate::pass::key_id;

/// What stands before the base45 text.
pub const PREFIX: &str = "SZ2:";
/// How long a slip is valid; hours.
pub const SLIP_HOURS: i64 = 24;
/// How long a device may sign; hours.
pub const DELEGATION_HOURS: i64 = 24;
/// How far clocks of checkpoints may differ; seconds.
const SKEW_SECONDS: i64 = 60;
const TEXT_MAX: usize = 2_000;
const CLAIM_DEVICE: i64 = -65_538;
const CLAIM_SLIP: i64 = -65_539;
const CLAIM_DELEGATION: i64 = -65_540;

/// What a slip says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// Its number; random.
    pub id: [u8; 16],
    /// The checkpoint.
    pub checkpoint: String,
    /// When it was given.
    pub issued_at: Instant,
    /// When it is over.
    pub expires_at: Instant,
    /// Whether a sample was taken.
    pub sampled: bool,
    /// Last characters of document or plate.
    pub bound_to: String,
}

/// Why a slip is not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SlipError {
    /// Not a slip, or damaged.
    #[error("this is no slip, or it is damaged")]
    Form,
    /// The delegation was not signed by a node known here.
    #[error("the node of this slip is not known here")]
    UnknownKey,
    /// A signature does not fit.
    #[error("the signature does not fit: forged or changed")]
    Signature,
    /// Over, or longer than a slip may be.
    #[error("this slip is over: check again")]
    Over,
    /// Given in the future, or by a device that might not sign then.
    #[error("this slip was given at a time when the device might not sign")]
    Undelegated,
}

/// Lets a device sign slips for a time.
///
/// # Panics
/// Never: the claims are values that CBOR can hold.
pub fn delegate(
    device: &VerifyingKey,
    checkpoint: &str,
    issuer: &str,
    from: Instant,
    until: Instant,
    key: &SigningKey,
) -> Vec<u8> {
    let claims = Cbor::Map(vec![
        (int(1), Cbor::Text(issuer.to_owned())),
        (int(4), int(seconds(until))),
        (int(6), int(seconds(from))),
        (
            int(CLAIM_DEVICE),
            Cbor::Map(vec![
                (int(1), Cbor::Bytes(device.as_bytes().to_vec())),
                (int(2), Cbor::Text(checkpoint.to_owned())),
            ]),
        ),
    ]);
    signed(&claims, key)
}

/// Writes and signs a slip as a device does; for tests and for checkpoints with a program of their own.
pub fn sign(slip: &Slip, delegation: &[u8], device: &SigningKey) -> String {
    let claims = Cbor::Map(vec![
        (int(2), Cbor::Bytes(slip.id.to_vec())),
        (int(4), int(seconds(slip.expires_at))),
        (int(6), int(seconds(slip.issued_at))),
        (
            int(CLAIM_SLIP),
            Cbor::Map(vec![
                (int(1), int(if slip.sampled { 2 } else { 1 })),
                (int(2), Cbor::Text(slip.bound_to.clone())),
            ]),
        ),
        (int(CLAIM_DELEGATION), Cbor::Bytes(delegation.to_vec())),
    ]);
    format!("{PREFIX}{}", base45::encode(signed(&claims, device)))
}

/// Reads a slip and checks both signatures and all times.
///
/// # Errors
/// [`SlipError`].
pub fn verify(text: &str, nodes: &[VerifyingKey], now: Instant) -> Result<Slip, SlipError> {
    let text = text.trim_matches(['\r', '\n', ' ']);
    let coded = text.strip_prefix(PREFIX).filter(|coded| coded.len() <= TEXT_MAX).ok_or(SlipError::Form)?;
    let bytes = base45::decode(coded).map_err(|_| SlipError::Form)?;
    // The device's key stands in the delegation, which the node signed: read first, trusted only after that is checked.
    let message = message(&bytes)?;
    let claims = claims(&message)?;
    let delegation_bytes = bytes_of(&claims, CLAIM_DELEGATION).ok_or(SlipError::Form)?;
    let delegation = self::message(&delegation_bytes)?;
    let node = nodes
        .iter()
        .find(|key| key_id(key).as_slice() == delegation.protected.header.key_id)
        .ok_or(SlipError::UnknownKey)?;
    check(&delegation, node)?;
    let delegated = self::claims(&delegation)?;
    let of_device = map_of(&delegated, CLAIM_DEVICE).ok_or(SlipError::Form)?;
    let device: [u8; 32] = bytes_of(&of_device, 1).and_then(|key| key.try_into().ok()).ok_or(SlipError::Form)?;
    let device = VerifyingKey::from_bytes(&device).map_err(|_| SlipError::Form)?;
    check(&message, &device)?;
    let time = |claims: &[(Cbor, Cbor)], key| number_of(claims, key).and_then(instant).ok_or(SlipError::Form);
    let (from, until) = (time(&delegated, 6)?, time(&delegated, 4)?);
    let of_slip = map_of(&claims, CLAIM_SLIP).ok_or(SlipError::Form)?;
    let slip = Slip {
        id: bytes_of(&claims, 2).and_then(|id| id.try_into().ok()).ok_or(SlipError::Form)?,
        checkpoint: text_of(&of_device, 2).ok_or(SlipError::Form)?,
        issued_at: time(&claims, 6)?,
        expires_at: time(&claims, 4)?,
        sampled: number_of(&of_slip, 1) == Some(2),
        bound_to: text_of(&of_slip, 2).ok_or(SlipError::Form)?,
    };
    let lives = seconds(slip.expires_at) - seconds(slip.issued_at);
    if slip.expires_at <= now || lives > SLIP_HOURS * 3_600 || lives <= 0 {
        return Err(SlipError::Over);
    }
    let ahead = seconds(slip.issued_at) > seconds(now) + SKEW_SECONDS;
    let too_long = seconds(until) - seconds(from) > DELEGATION_HOURS * 3_600;
    let outside = seconds(slip.issued_at) < seconds(from) - SKEW_SECONDS || slip.issued_at > until;
    if ahead || outside || too_long {
        return Err(SlipError::Undelegated);
    }
    Ok(slip)
}

fn signed(claims: &Cbor, key: &SigningKey) -> Vec<u8> {
    let mut payload = Vec::new();
    ciborium::into_writer(claims, &mut payload).expect("claims are values that CBOR can hold");
    let header =
        HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).key_id(key_id(&key.verifying_key()).to_vec()).build();
    let message = CoseSign1Builder::new()
        .protected(header)
        .payload(payload)
        .create_signature(b"", |data| key.sign(data).to_bytes().to_vec())
        .build();
    message.to_tagged_vec().expect("a message is made of values that CBOR can hold")
}

fn message(bytes: &[u8]) -> Result<CoseSign1, SlipError> {
    CoseSign1::from_tagged_slice(bytes).or_else(|_| CoseSign1::from_slice(bytes)).map_err(|_| SlipError::Form)
}

fn check(message: &CoseSign1, key: &VerifyingKey) -> Result<(), SlipError> {
    let header = &message.protected.header;
    if header.alg != Some(coset::Algorithm::Assigned(iana::Algorithm::EdDSA)) || header.key_id != key_id(key).as_slice()
    {
        return Err(SlipError::Signature);
    }
    message.verify_signature(b"", |signature, data| {
        let signature = Signature::from_slice(signature).map_err(|_| SlipError::Signature)?;
        key.verify_strict(data, &signature).map_err(|_| SlipError::Signature)
    })
}

fn claims(message: &CoseSign1) -> Result<Vec<(Cbor, Cbor)>, SlipError> {
    let payload = message.payload.as_deref().ok_or(SlipError::Form)?;
    let claims: Cbor = ciborium::from_reader(payload).map_err(|_| SlipError::Form)?;
    claims.into_map().map_err(|_| SlipError::Form)
}

fn find(map: &[(Cbor, Cbor)], key: i64) -> Option<&Cbor> {
    let is_key = |name: &Cbor| name.as_integer().and_then(|name| i64::try_from(name).ok()) == Some(key);
    let mut of_key = map.iter().filter(|(name, _)| is_key(name));
    let found = of_key.next().map(|(_, value)| value);
    // A key that comes twice could be read in two ways.
    found.filter(|_| of_key.next().is_none())
}

fn bytes_of(map: &[(Cbor, Cbor)], key: i64) -> Option<Vec<u8>> {
    find(map, key)?.as_bytes().cloned()
}

fn text_of(map: &[(Cbor, Cbor)], key: i64) -> Option<String> {
    find(map, key)?.as_text().map(str::to_owned)
}

fn map_of(map: &[(Cbor, Cbor)], key: i64) -> Option<Vec<(Cbor, Cbor)>> {
    find(map, key)?.as_map().cloned()
}

fn number_of(map: &[(Cbor, Cbor)], key: i64) -> Option<i64> {
    i64::try_from(find(map, key)?.as_integer()?).ok()
}

fn int(value: i64) -> Cbor {
    Cbor::Integer(value.into())
}

fn seconds(at: Instant) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

fn instant(seconds: i64) -> Option<Instant> {
    (0..=253_402_300_799).contains(&seconds).then(|| Instant::from_micros(seconds * 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(&format!("2022-03-{text}:00+08:00")).unwrap()
    }

    fn node() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    fn device() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn delegation() -> Vec<u8> {
        delegate(&device().verifying_key(), "Putian 3", "node", at("17T06:00"), at("18T06:00"), &node())
    }

    fn slip(issued: &str, hours: i64) -> Slip {
        let issued_at = at(issued);
        Slip {
            id: [9; 16],
            checkpoint: "Putian 3".into(),
            issued_at,
            expires_at: issued_at.plus_hours(hours),
            sampled: true,
            bound_to: "2819".into(),
        }
    }

    fn check(slip: &Slip, now: &str) -> Result<Slip, SlipError> {
        verify(&sign(slip, &delegation(), &device()), &[node().verifying_key()], at(now))
    }

    #[test]
    fn a_slip_is_valid_for_24_hours_and_only_when_its_device_might_sign() {
        let good = slip("17T09:00", 24);
        assert_eq!(check(&good, "18T08:59"), Ok(good.clone()), "also when the delegation is over");
        assert_eq!(check(&good, "18T09:00"), Err(SlipError::Over));
        assert_eq!(check(&slip("17T09:00", 25), "17T10:00"), Err(SlipError::Over));
        assert_eq!(check(&slip("18T07:00", 24), "18T08:00"), Err(SlipError::Undelegated));
        assert_eq!(check(&slip("17T12:00", 24), "17T10:00"), Err(SlipError::Undelegated));
    }

    #[test]
    fn no_other_key_and_no_changed_byte_passes() {
        let text = sign(&slip("17T09:00", 24), &delegation(), &device());
        let other = SigningKey::from_bytes(&[6; 32]);
        assert_eq!(verify(&text, &[other.verifying_key()], at("17T10:00")), Err(SlipError::UnknownKey));
        let forged = sign(&slip("17T09:00", 24), &delegation(), &other);
        assert_eq!(verify(&forged, &[node().verifying_key()], at("17T10:00")), Err(SlipError::Signature));
        let bytes = base45::decode(&text[PREFIX.len()..]).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let text = format!("{PREFIX}{}", base45::encode(&changed));
            assert!(verify(&text, &[node().verifying_key()], at("17T10:00")).is_err(), "byte {index}");
        }
    }
}
