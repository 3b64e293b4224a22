//! Signatures of packs: two, of different organisations, in a file beside the pack.
//!
//! Signed is the pack's id and text with line ends made one ([`canonical`]), so that a checkout that changes line ends
//! changes nothing. `pack.sig.toml` names for each signature the key, which a file of organisations knows.

use std::fmt::Write as _;

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use serde::Deserialize;
use sizao_policy::pack::place_of;
use sizao_store::{from_hex, hex, sha256};
use thiserror::Error;
use toml::Spanned;

/// How many organisations sign.
pub const SIGNERS: usize = 2;

/// The bytes of a pack that are signed: what it is, its id, its text with `\n` as line end, without a byte order mark
/// and without blanks or empty lines at the end.
pub fn canonical(id: &str, text: &str) -> Vec<u8> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    format!("sizao policy pack, version 1\n{id}\n{}\n", text.trim_end()).into_bytes()
}

/// SHA-256 of the canonical bytes: what an adoption names.
pub fn digest(id: &str, text: &str) -> [u8; 32] {
    sha256(&[&canonical(id, text)])
}

/// The name of a public key: the first 16 bytes of its SHA-256.
pub fn key_id(key: &VerifyingKey) -> String {
    format!("ed25519:{}", hex(&sha256(&[key.as_bytes()])[..16]))
}

/// What is wrong with signatures, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {fault}. {}", .fault.cure())]
pub struct SignatureError {
    /// The file of signatures, or of organisations.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub fault: SignatureFault,
}

/// What is wrong with a signature.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureFault {
    /// Not TOML, an unknown field, no hexadecimal digits.
    #[error("{0}")]
    Format(String),
    /// The same signature, or the same key, again.
    #[error("one signature stands twice: key {0} signed already")]
    Twice(String),
    /// Two keys of one organisation.
    #[error("'{0}' signed already, with another key")]
    SameOrganisation(String),
    /// A key that no organisation of the list has.
    #[error("key {0} is in no organisation of the list")]
    UnknownKey(String),
    /// The signature is of another text.
    #[error("the signature of '{0}' fails: it is not of this text")]
    Failing(String),
    /// Fewer organisations than needed.
    #[error("{0} organisations signed")]
    TooFew(usize),
}

impl SignatureFault {
    /// What to do about it.
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::Format(_) => "Let `sizao policy sign` write it; docs/methods/policy.md shows both files",
            Self::Twice(_) => "Remove it, and let another organisation sign",
            Self::SameOrganisation(_) => "Two signatures come from two organisations: let another one sign",
            Self::UnknownKey(_) => "Have the organisation entered in the list, or remove the signature",
            Self::Failing(_) => "Restore the pack that was signed, or have the changed pack signed anew by both",
            Self::TooFew(_) => "Two different organisations sign a pack: `sizao policy sign`",
        }
    }
}

/// The organisations that may sign, with their keys.
#[derive(Clone, Debug, Default)]
pub struct Organisations {
    keys: Vec<(String, VerifyingKey)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganisationsFile {
    #[serde(default)]
    organisations: Vec<RawOrganisation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOrganisation {
    id: String,
    #[serde(rename = "name")]
    _name: Option<String>,
    keys: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignaturesFile {
    #[serde(default)]
    signatures: Vec<Spanned<RawSignature>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    key: Spanned<String>,
    signature: Spanned<String>,
    #[serde(rename = "organisation")]
    _organisation: Option<String>,
}

impl Organisations {
    /// Reads a file of organisations.
    ///
    /// # Errors
    /// [`SignatureError`] with the place.
    pub fn from_toml(file: &str, text: &str) -> Result<Self, SignatureError> {
        let read: OrganisationsFile = parse(file, text)?;
        let mut keys: Vec<(String, VerifyingKey)> = Vec::new();
        for organisation in read.organisations {
            for key in organisation.keys {
                let wrong = |what: &str| at(file, text, key.span().start, SignatureFault::Format(what.to_owned()));
                let bytes = from_hex(key.get_ref()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                let bytes = bytes.ok_or_else(|| wrong("a public key is 64 hexadecimal digits"))?;
                let key = VerifyingKey::from_bytes(&bytes).map_err(|_| wrong("this is no Ed25519 public key"))?;
                if keys.iter().any(|(_, known)| *known == key) {
                    return Err(wrong("this key stands twice: one key has one owner"));
                }
                keys.push((organisation.id.clone(), key));
            }
        }
        Ok(Self { keys })
    }

    fn owner(&self, id: &str) -> Option<(&str, &VerifyingKey)> {
        self.keys.iter().find(|(_, key)| key_id(key) == id).map(|(owner, key)| (owner.as_str(), key))
    }
}

/// Who signed a pack, if two different organisations did and nothing is wrong with any signature.
///
/// - `file`, `text`: the file of signatures.
/// - `signed`: the canonical bytes of the pack.
///
/// # Errors
/// Everything that is wrong.
pub fn verify(
    file: &str,
    text: &str,
    signed: &[u8],
    organisations: &Organisations,
) -> Result<Vec<String>, Vec<SignatureError>> {
    let read: SignaturesFile = parse(file, text).map_err(|error| vec![error])?;
    let mut faults = Vec::new();
    let mut keys: Vec<String> = Vec::new();
    let mut signers: Vec<String> = Vec::new();
    for raw in &read.signatures {
        let key = raw.get_ref().key.get_ref();
        match judge(raw.get_ref(), signed, organisations, &keys, &signers) {
            Ok(owner) => signers.push(owner),
            Err(fault) => faults.push(at(file, text, raw.get_ref().key.span().start, fault)),
        }
        keys.push(key.clone());
    }
    if faults.is_empty() && signers.len() < SIGNERS {
        let start = read.signatures.last().map_or(0, |last| last.span().start);
        faults.push(at(file, text, start, SignatureFault::TooFew(signers.len())));
    }
    if faults.is_empty() { Ok(signers) } else { Err(faults) }
}

fn judge(
    raw: &RawSignature,
    signed: &[u8],
    organisations: &Organisations,
    keys: &[String],
    signers: &[String],
) -> Result<String, SignatureFault> {
    let key = raw.key.get_ref();
    if keys.contains(key) {
        return Err(SignatureFault::Twice(key.clone()));
    }
    let (owner, public) = organisations.owner(key).ok_or_else(|| SignatureFault::UnknownKey(key.clone()))?;
    let signature = from_hex(raw.signature.get_ref()).and_then(|bytes| Signature::from_slice(&bytes).ok());
    let signature = signature.ok_or_else(|| SignatureFault::Format("a signature is 128 hexadecimal digits".into()))?;
    public.verify(signed, &signature).map_err(|_| SignatureFault::Failing(owner.to_owned()))?;
    if signers.iter().any(|signer| signer == owner) {
        return Err(SignatureFault::SameOrganisation(owner.to_owned()));
    }
    Ok(owner.to_owned())
}

/// The text of a file of signatures with one more signature.
///
/// # Errors
/// When the text so far is no file of signatures, or the key signed already.
pub fn sign(
    file: &str,
    text: &str,
    signed: &[u8],
    organisation: &str,
    key: &SigningKey,
) -> Result<String, SignatureError> {
    let read: SignaturesFile = parse(file, text)?;
    let id = key_id(&key.verifying_key());
    if let Some(known) = read.signatures.iter().find(|known| *known.get_ref().key.get_ref() == id) {
        return Err(at(file, text, known.span().start, SignatureFault::Twice(id)));
    }
    let mut text = text.to_owned();
    if !text.is_empty() {
        text.push('\n');
    }
    let signature = hex(&key.sign(signed).to_bytes());
    let _ = write!(
        text,
        "[[signatures]]\norganisation = {}\nkey = \"{id}\"\nsignature = \"{signature}\"\n",
        serde_json::Value::from(organisation)
    );
    Ok(text)
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, SignatureError> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        at(file, text, start, SignatureFault::Format(error.message().to_owned()))
    })
}

fn at(file: &str, text: &str, byte: usize, fault: SignatureFault) -> SignatureError {
    let (line, column) = place_of(text, byte);
    SignatureError { file: file.to_owned(), line, column, fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACK: &str = "id = \"lantern-fever\"\r\ncolours = true\r\n";

    fn key(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    /// `a` has the keys 1 and 2, `b` has 3.
    fn organisations() -> Organisations {
        let public = |number| hex(key(number).verifying_key().as_bytes());
        let text = format!(
            "[[organisations]]\nid = \"a\"\nname = \"A\"\nkeys = [\"{}\", \"{}\"]\n[[organisations]]\nid = \"b\"\nkeys = [\"{}\"]\n",
            public(1),
            public(2),
            public(3)
        );
        Organisations::from_toml("trust.toml", &text).unwrap()
    }

    fn signed_by(numbers: &[u8], pack: &str) -> String {
        let bytes = canonical("lantern-fever", pack);
        numbers
            .iter()
            .fold(String::new(), |text, number| sign("pack.sig.toml", &text, &bytes, "a or b", &key(*number)).unwrap())
    }

    #[track_caller]
    fn refused(text: &str, want: SignatureFault, line: usize) {
        let faults = verify("pack.sig.toml", text, &canonical("lantern-fever", PACK), &organisations()).unwrap_err();
        assert_eq!((&faults[0].fault, faults[0].line), (&want, line), "{faults:?}");
        assert!(faults[0].to_string().ends_with(want.cure()));
    }

    #[test]
    fn two_organisations_sign_whatever_the_line_ends() {
        let text = signed_by(&[1, 3], PACK);
        let unix = PACK.replace("\r\n", "\n") + "\n\n";
        let signers = verify("s", &text, &canonical("lantern-fever", &unix), &organisations()).unwrap();
        assert_eq!(signers, ["a", "b"]);
        assert!(verify("s", &text, &canonical("other-fever", PACK), &organisations()).is_err(), "the id is signed too");
    }

    #[test]
    fn one_signature_twice_is_refused() {
        let once = signed_by(&[1], PACK);
        let again = sign("s", &once, &canonical("lantern-fever", PACK), "a", &key(1)).unwrap_err();
        assert!(matches!(again.fault, SignatureFault::Twice(_)));
        refused(&format!("{once}\n{once}"), SignatureFault::Twice(key_id(&key(1).verifying_key())), 8);
    }

    #[test]
    fn two_keys_of_one_organisation_are_one_signer() {
        refused(&signed_by(&[1, 2], PACK), SignatureFault::SameOrganisation("a".into()), 8);
        refused(&signed_by(&[3], PACK), SignatureFault::TooFew(1), 1);
        refused("", SignatureFault::TooFew(0), 1);
    }

    #[test]
    fn a_failing_signature_and_an_unknown_key_are_refused() {
        let changed = PACK.replace("true", "false");
        refused(&signed_by(&[1, 3], &changed), SignatureFault::Failing("a".into()), 3);
        refused(&signed_by(&[1, 9], PACK), SignatureFault::UnknownKey(key_id(&key(9).verifying_key())), 8);
        let short = signed_by(&[1], PACK).replace("signature = \"", "signature = \"zz");
        refused(&short, SignatureFault::Format("a signature is 128 hexadecimal digits".into()), 3);
    }
}
