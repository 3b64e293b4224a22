//! Who is believed: certificates of document signers by key id, and what each may sign.

use coset::iana;
use p384::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::{pkcs1::DecodeRsaPublicKey as _, signature::Verifier as _, traits::PublicKeyParts as _};
use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};
use x509_cert::{
    Certificate,
    der::{Decode as _, oid::ObjectIdentifier},
    ext::pkix::ExtendedKeyUsage,
    spki::SubjectPublicKeyInfoOwned,
};

use super::{DccError, payload::Statement};

/// Bytes of SHA-256 over the certificate that make the key id.
const KID_BYTES: usize = 8;
const RSA_BITS_MIN: usize = 2048;

/// The certificates of those who may sign, by key id.
#[derive(Clone, Debug, Default)]
pub struct TrustList {
    keys: FxHashMap<[u8; KID_BYTES], Vec<TrustedKey>>,
}

impl TrustList {
    /// Adds a certificate (X.509, DER).
    ///
    /// # Errors
    /// [`DccError::TrustedCertificate`] when it cannot be read or its key is of a kind that nobody should use.
    pub fn add(&mut self, der: &[u8]) -> Result<(), DccError> {
        let key = TrustedKey::from_der(der)?;
        self.keys.entry(key.kid).or_default().push(key);
        Ok(())
    }

    /// The keys with this id; empty when none is trusted.
    pub fn find(&self, kid: &[u8]) -> &[TrustedKey] {
        <[u8; KID_BYTES]>::try_from(kid).ok().and_then(|kid| self.keys.get(&kid)).map_or(&[], Vec::as_slice)
    }

    /// How many certificates there are.
    pub fn len(&self) -> usize {
        self.keys.values().map(Vec::len).sum()
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// One trusted key and what it may sign.
#[derive(Clone, Debug)]
pub struct TrustedKey {
    kid: [u8; KID_BYTES],
    key: Key,
    /// Empty: everything.
    statements: Vec<Statement>,
}

#[derive(Clone, Debug)]
enum Key {
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    Ps256(Box<rsa::pss::VerifyingKey<Sha256>>),
    EdDsa(Box<ed25519_dalek::VerifyingKey>),
}

impl TrustedKey {
    /// Reads key and usage from a certificate (X.509, DER).
    ///
    /// # Errors
    /// [`DccError::TrustedCertificate`].
    pub fn from_der(der: &[u8]) -> Result<Self, DccError> {
        let unreadable = |what: &dyn std::fmt::Display| DccError::TrustedCertificate(what.to_string());
        let certificate = Certificate::from_der(der).map_err(|error| unreadable(&error))?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        let digest = Sha256::digest(der);
        let kid = digest[..KID_BYTES].try_into().expect("a digest has 32 bytes");
        let statements = match certificate.tbs_certificate().get_extension::<ExtendedKeyUsage>() {
            Ok(Some((_, usage))) => usage.0.iter().filter_map(statement_of).collect(),
            Ok(None) => Vec::new(),
            Err(error) => return Err(unreadable(&error)),
        };
        Ok(Self { kid, key: Key::read(info)?, statements })
    }

    /// First eight bytes of SHA-256 over the certificate.
    pub const fn kid(&self) -> &[u8] {
        &self.kid
    }

    /// Whether the certificate's extended key usage lets it sign such a statement; one that names no usage of health
    /// certificates may sign all.
    pub fn may_sign(&self, statement: Statement) -> bool {
        self.statements.is_empty() || self.statements.contains(&statement)
    }

    /// Checks a signature over `data`.
    ///
    /// # Errors
    /// [`DccError::Algorithm`] when the message names another algorithm than the key has, [`DccError::Signature`].
    pub fn verify(&self, algorithm: iana::Algorithm, data: &[u8], signature: &[u8]) -> Result<(), DccError> {
        let good = match (&self.key, algorithm) {
            (Key::P256(key), iana::Algorithm::ES256) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(data, &signature).is_ok()),
            // ES256 names the hash and not the curve (RFC 9053, 2.1); Spain signs with SHA-256 over P-384.
            (Key::P384(key), iana::Algorithm::ES256) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&Sha256::digest(data), &signature).is_ok()),
            (Key::Ps256(key), iana::Algorithm::PS256) => {
                rsa::pss::Signature::try_from(signature).is_ok_and(|signature| key.verify(data, &signature).is_ok())
            }
            (Key::EdDsa(key), iana::Algorithm::EdDSA) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(data, &signature).is_ok()),
            (_, other) => return Err(DccError::Algorithm(format!("{other:?}"))),
        };
        if good { Ok(()) } else { Err(DccError::Signature) }
    }
}

impl Key {
    /// The key by the algorithm that the certificate names for it, and by no other.
    fn read(info: &SubjectPublicKeyInfoOwned) -> Result<Self, DccError> {
        const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
        const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
        const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
        const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
        let bytes = info.subject_public_key.raw_bytes();
        let unreadable = |what: &dyn std::fmt::Display| DccError::TrustedCertificate(what.to_string());
        match info.algorithm.oid {
            EC => {
                let p256 = p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(|key| Self::P256(Box::new(key)));
                let p384 = || p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(|key| Self::P384(Box::new(key)));
                p256.or_else(|_| p384()).map_err(|_| unreadable(&"its key is a point of neither P-256 nor P-384"))
            }
            RSA | RSA_PSS => {
                let key = rsa::PublicKey::from_pkcs1_der(bytes).map_err(|error| unreadable(&error))?;
                let bits = 8 * key.size();
                if bits < RSA_BITS_MIN {
                    return Err(unreadable(&format!("an RSA key of {bits} bits is too short")));
                }
                Ok(Self::Ps256(Box::new(rsa::pss::VerifyingKey::new(key))))
            }
            ED25519 => <[u8; 32]>::try_from(bytes)
                .ok()
                .and_then(|bytes| ed25519_dalek::VerifyingKey::from_bytes(&bytes).ok())
                .map(|key| Self::EdDsa(Box::new(key)))
                .ok_or_else(|| unreadable(&"its key is not a point of Ed25519")),
            other => {
                Err(unreadable(&format!("its key is of none of the kinds P-256, P-384, RSA, Ed25519 but {other}")))
            }
        }
    }
}

/// The usages of eHealth Network's annex, with the arc as it was registered and as some issuers wrote it.
fn statement_of(oid: &ObjectIdentifier) -> Option<Statement> {
    const TEST: [ObjectIdentifier; 2] = [
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.1847.2021.1.1"),
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.0.1847.2021.1.1"),
    ];
    const VACCINATION: [ObjectIdentifier; 2] = [
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.1847.2021.1.2"),
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.0.1847.2021.1.2"),
    ];
    const RECOVERY: [ObjectIdentifier; 2] = [
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.1847.2021.1.3"),
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.0.1847.2021.1.3"),
    ];
    [(TEST, Statement::Test), (VACCINATION, Statement::Vaccination), (RECOVERY, Statement::Recovery)]
        .into_iter()
        .find_map(|(oids, statement)| oids.contains(oid).then_some(statement))
}
