//! The pass (通行凭证): a short statement of the node, signed, that a gate checks without a network.
//!
//! The text is `SZ1:` and base45 of a COSE_Sign1 message (RFC 9052) with Ed25519; the payload is a CBOR map of claims
//! (RFC 8392): 1 issuer, 2 the pass's own number, 4 expiry, 6 time of issue, and -65537 what it says, a map of 1 colour
//! (1 green, 2 yellow, 3 red; left out on paper and where a disease has no colours) and 2 form (1 phone, 2 paper). No
//! name, no number of a document: the gate sees only whether somebody may pass. A pass lives for minutes on a phone and
//! at most a day on paper; a longer one is refused even when its signature fits.

use ciborium::Value as Cbor;
use coset::{CborSerializable as _, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable as _, iana};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use sizao_model::{Colour, Instant};
use thiserror::Error;

/// What stands before the base45 text.
pub const PREFIX: &str = "SZ1:";
/// How long a pass on a phone lives; minutes.
pub const PHONE_MINUTES: i64 = 10;
/// How long a pass on paper lives at most; minutes.
pub const PAPER_MINUTES: i64 = 24 * 60;
/// How far clocks of gate and node may differ; seconds.
const SKEW_SECONDS: i64 = 60;
/// Longest text that is read.
const TEXT_MAX: usize = 2_000;
/// Private claim: what the pass says.
const CLAIM_PASS: i64 = -65_537;

/// On what a pass is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A telephone, renewed by itself.
    Phone,
    /// Paper: it shows no colour.
    Paper,
}

impl Form {
    /// How long it lives at most; minutes.
    pub const fn minutes_max(self) -> i64 {
        match self {
            Self::Phone => PHONE_MINUTES,
            Self::Paper => PAPER_MINUTES,
        }
    }
}

/// What a pass says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Who issued it: the node.
    pub issuer: String,
    /// Its own random number; says nothing about the person.
    pub id: [u8; 16],
    /// When it was issued; to the second.
    pub issued_at: Instant,
    /// When it is over; to the second.
    pub expires_at: Instant,
    /// The colour then; none on paper and where there are no colours.
    pub colour: Option<Colour>,
    /// On what it is shown.
    pub form: Form,
}

/// Why a pass is not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PassError {
    /// Not a pass of ours, or damaged.
    #[error("this is no pass, or it is damaged: show it again")]
    Form,
    /// Signed with a key that the gate does not have.
    #[error("the key of this pass is not known here: fetch the node's keys")]
    UnknownKey,
    /// The signature does not fit: forged or changed.
    #[error("the signature does not fit: forged or changed")]
    Signature,
    /// Over.
    #[error("this pass was over at {expired_at}: show a new one")]
    Expired {
        /// When it was over.
        expired_at: Instant,
    },
    /// Issued in the future.
    #[error("this pass begins at {issued_at}: check the clock")]
    Early {
        /// When it was issued.
        issued_at: Instant,
    },
    /// It would live longer than such a pass may.
    #[error("this pass would live for {minutes} minutes; such a pass lives for at most {max}")]
    TooLong {
        /// How long it would live.
        minutes: i64,
        /// How long it may.
        max: i64,
    },
}

impl PassError {
    /// The word by which programs tell them apart.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "signature",
            Self::Expired { .. } => "expired",
            Self::Early { .. } => "early",
            Self::TooLong { .. } => "too-long",
        }
    }
}

/// The key id in a pass: the first eight bytes of SHA-256 over the public key.
pub fn key_id(key: &VerifyingKey) -> [u8; 8] {
    let digest = Sha256::digest(key.as_bytes());
    std::array::from_fn(|index| digest[index])
}

/// Writes and signs a pass.
///
/// # Panics
/// Never: the claims are values that CBOR can hold.
pub fn sign(pass: &Pass, key: &SigningKey) -> String {
    let int = |value: i64| Cbor::Integer(value.into());
    let mut says = vec![(int(2), int(if pass.form == Form::Paper { 2 } else { 1 }))];
    if let Some(colour) = pass.colour.filter(|_| pass.form == Form::Phone) {
        says.insert(0, (int(1), int(colour as i64 + 1)));
    }
    let claims = Cbor::Map(vec![
        (int(1), Cbor::Text(pass.issuer.clone())),
        (int(2), Cbor::Bytes(pass.id.to_vec())),
        (int(4), int(seconds(pass.expires_at))),
        (int(6), int(seconds(pass.issued_at))),
        (int(CLAIM_PASS), Cbor::Map(says)),
    ]);
    let mut payload = Vec::new();
    ciborium::into_writer(&claims, &mut payload).expect("claims are values that CBOR can hold");
    let header =
        HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).key_id(key_id(&key.verifying_key()).to_vec()).build();
    let message = CoseSign1Builder::new()
        .protected(header)
        .payload(payload)
        .create_signature(b"", |data| key.sign(data).to_bytes().to_vec())
        .build();
    let bytes = message.to_tagged_vec().expect("a message is made of values that CBOR can hold");
    format!("{PREFIX}{}", base45::encode(&bytes))
}

/// Reads a pass and checks signature and times.
///
/// - `keys`: those of the nodes whose passes count here.
/// - `now`: by the gate's clock.
///
/// # Errors
/// [`PassError`].
pub fn verify(text: &str, keys: &[VerifyingKey], now: Instant) -> Result<Pass, PassError> {
    let pass = read_signed(text, keys)?;
    check_times(&pass, now)?;
    Ok(pass)
}

/// Reads a pass and checks its signature, whenever it was issued: for what a gate noted without a network.
///
/// # Errors
/// [`PassError`]: form, key, signature.
pub fn read_signed(text: &str, keys: &[VerifyingKey]) -> Result<Pass, PassError> {
    let text = text.trim_matches(['\r', '\n', ' ']);
    let coded = text.strip_prefix(PREFIX).filter(|coded| coded.len() <= TEXT_MAX).ok_or(PassError::Form)?;
    let bytes = base45::decode(coded).map_err(|_| PassError::Form)?;
    let message = coset::CoseSign1::from_tagged_slice(&bytes)
        .or_else(|_| coset::CoseSign1::from_slice(&bytes))
        .map_err(|_| PassError::Form)?;
    // Only what is signed says which algorithm and key: an unprotected header could be changed by anybody.
    let header = &message.protected.header;
    if header.alg != Some(coset::Algorithm::Assigned(iana::Algorithm::EdDSA)) {
        return Err(PassError::Form);
    }
    let key = keys.iter().find(|key| key_id(key).as_slice() == header.key_id).ok_or(PassError::UnknownKey)?;
    message.verify_signature(b"", |signature, data| {
        let signature = Signature::from_slice(signature).map_err(|_| PassError::Signature)?;
        key.verify_strict(data, &signature).map_err(|_| PassError::Signature)
    })?;
    read(message.payload.as_deref().ok_or(PassError::Form)?).ok_or(PassError::Form)
}

fn check_times(pass: &Pass, now: Instant) -> Result<(), PassError> {
    let minutes = (pass.expires_at.as_micros().saturating_sub(pass.issued_at.as_micros())) / 60_000_000;
    let max = pass.form.minutes_max();
    if minutes > max || pass.expires_at <= pass.issued_at {
        return Err(PassError::TooLong { minutes, max });
    }
    if seconds(pass.issued_at) > seconds(now) + SKEW_SECONDS {
        return Err(PassError::Early { issued_at: pass.issued_at });
    }
    if pass.expires_at <= now {
        return Err(PassError::Expired { expired_at: pass.expires_at });
    }
    Ok(())
}

fn read(payload: &[u8]) -> Option<Pass> {
    let claims: Cbor = ciborium::from_reader(payload).ok()?;
    let claims = claims.as_map()?;
    let says = find(claims, CLAIM_PASS)?.as_map()?;
    let colour = match find(says, 1) {
        None => None,
        Some(value) => Some(match int(value)? {
            1 => Colour::Green,
            2 => Colour::Yellow,
            3 => Colour::Red,
            _ => return None,
        }),
    };
    let form = match int(find(says, 2)?)? {
        1 => Form::Phone,
        2 if colour.is_none() => Form::Paper,
        _ => return None,
    };
    Some(Pass {
        issuer: find(claims, 1)?.as_text()?.to_owned(),
        id: find(claims, 2)?.as_bytes()?.as_slice().try_into().ok()?,
        issued_at: instant(int(find(claims, 6)?)?)?,
        expires_at: instant(int(find(claims, 4)?)?)?,
        colour,
        form,
    })
}

fn find(map: &[(Cbor, Cbor)], key: i64) -> Option<&Cbor> {
    let mut of_key = map.iter().filter(|(name, _)| int(name) == Some(key));
    let found = of_key.next().map(|(_, value)| value);
    // A key that comes twice could be read in two ways.
    found.filter(|_| of_key.next().is_none())
}

fn int(value: &Cbor) -> Option<i64> {
    i64::try_from(value.as_integer()?).ok()
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
        Instant::parse(&format!("2022-03-17T{text}+08:00")).unwrap()
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    fn pass(form: Form, minutes: i64) -> Pass {
        let issued_at = at("09:00:00");
        let colour = (form == Form::Phone).then_some(Colour::Yellow);
        let expires_at = issued_at.plus_minutes(minutes);
        Pass { issuer: "410102".into(), id: [9; 16], issued_at, expires_at, colour, form }
    }

    fn check(pass: &Pass, now: &str, want: Result<(), &str>) {
        let got = verify(&sign(pass, &key()), &[key().verifying_key()], at(now));
        assert_eq!(got.as_ref().map(|read| assert_eq!(read, pass)).map_err(PassError::code), want);
    }

    #[test]
    fn a_pass_reads_back_until_it_is_over() {
        check(&pass(Form::Phone, 10), "09:09:59", Ok(()));
        check(&pass(Form::Phone, 10), "09:10:00", Err("expired"));
        check(&pass(Form::Phone, 10), "08:58:59", Err("early"));
        check(&pass(Form::Paper, 24 * 60), "23:00:00", Ok(()));
    }

    #[test]
    fn a_pass_that_would_live_too_long_is_refused_though_its_signature_fits() {
        check(&pass(Form::Phone, 11), "09:01:00", Err("too-long"));
        check(&pass(Form::Paper, 24 * 60 + 1), "09:01:00", Err("too-long"));
        check(&pass(Form::Phone, 0), "09:00:00", Err("too-long"));
    }

    #[test]
    fn no_changed_byte_passes_and_no_other_key() {
        let text = sign(&pass(Form::Phone, 10), &key());
        let bytes = base45::decode(&text[PREFIX.len()..]).unwrap();
        for index in 0..bytes.len() {
            for bit in [1u8, 0x80] {
                let mut changed = bytes.clone();
                changed[index] ^= bit;
                let text = format!("{PREFIX}{}", base45::encode(&changed));
                let got = verify(&text, &[key().verifying_key()], at("09:01:00"));
                assert!(got.is_err(), "byte {index}");
            }
        }
        let other = SigningKey::from_bytes(&[6; 32]).verifying_key();
        assert_eq!(verify(&text, &[other], at("09:01:00")), Err(PassError::UnknownKey));
    }

    #[test]
    fn paper_shows_no_colour() {
        let mut paper = pass(Form::Paper, 60);
        paper.colour = Some(Colour::Red);
        let read = verify(&sign(&paper, &key()), &[key().verifying_key()], at("09:01:00")).unwrap();
        assert_eq!(read.colour, None);
    }
}
