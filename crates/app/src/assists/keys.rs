//! A node's keys towards others: to sign, to open what is sealed to it, to be known by its certificate.

use ed25519_dalek::{SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::AesGcm256,
    kdf::HkdfSha256,
    kem::{Kem as KemTrait, X25519HkdfSha256 as Kem},
};
use rand::{SeedableRng, rngs::StdRng};
use sha2::Sha256;
use sizao_model::assist::{LineNo, NodeId, RequestId, Sealed};
use sizao_store::{Store, sha256};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::AppError;

type PublicOf = <Kem as KemTrait>::PublicKey;
type SecretOf = <Kem as KemTrait>::PrivateKey;

/// A node's keys towards others. `Debug` shows none.
pub struct CooperationKeys {
    signing: SigningKey,
    sealing: [u8; 32],
    certificate: [u8; 32],
}

impl std::fmt::Debug for CooperationKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CooperationKeys(***)")
    }
}

/// What a seal belongs to; it opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealPlace {
    /// Who sealed.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// In which request.
    pub request: RequestId,
    /// On which line; 0 for a challenge.
    pub no: LineNo,
}

impl SealPlace {
    fn info(self) -> Vec<u8> {
        [b"sizao assist 1".as_slice(), self.from.uuid().as_bytes(), self.to.uuid().as_bytes()].concat()
    }

    fn bound(self) -> Vec<u8> {
        [self.request.uuid().as_bytes().as_slice(), &self.no.to_be_bytes()].concat()
    }
}

impl CooperationKeys {
    pub(super) async fn load(store: &Store) -> Result<Self, AppError> {
        let secret = store.cooperation_secret().await?;
        // One secret of 32 random bytes, three keys: each from its own word.
        let key = |word: &str| sha256(&[b"sizao cooperation 1", word.as_bytes(), b"\0", &*secret]);
        Ok(Self {
            signing: SigningKey::from_bytes(&key("signing")),
            sealing: key("sealing"),
            certificate: key("certificate"),
        })
    }

    /// The key with which this node signs.
    pub const fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The key by which others check what it signed.
    pub fn verifying(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// The key to which others seal.
    pub fn sealing(&self) -> [u8; 32] {
        PublicKey::from(&StaticSecret::from(self.sealing)).to_bytes()
    }

    /// Seed of the Ed25519 key of the node's certificate.
    pub const fn certificate_seed(&self) -> &[u8; 32] {
        &self.certificate
    }

    /// A key that this node and a peer share and nobody else: for digests that the two compare.
    pub(super) fn pair(&self, peer: &[u8]) -> Option<PairKey> {
        let peer: [u8; 32] = peer.try_into().ok()?;
        let shared = StaticSecret::from(self.sealing).diffie_hellman(&PublicKey::from(peer));
        if !shared.was_contributory() {
            return None;
        }
        Some(PairKey(sha256(&[b"sizao assist pair 1", shared.as_bytes()])))
    }

    /// Opens what was sealed to this node.
    pub(super) fn open(&self, place: SealPlace, sealed: &[u8]) -> Option<Vec<u8>> {
        let (enclosed, sealed) = sealed.split_first_chunk::<32>()?;
        let secret = SecretOf::from_bytes(&self.sealing).ok()?;
        let enclosed = <Kem as KemTrait>::EncappedKey::from_bytes(enclosed).ok()?;
        hpke::single_shot_open::<AesGcm256, HkdfSha256, Kem>(
            &OpModeR::Base,
            &secret,
            &enclosed,
            &place.info(),
            sealed,
            &place.bound(),
        )
        .ok()
    }
}

/// Seals to a node's key: RFC 9180 in base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
pub(super) fn seal(to: &[u8], place: SealPlace, plain: &[u8], seed: [u8; 32]) -> Option<Vec<u8>> {
    let public = PublicOf::from_bytes(to).ok()?;
    let (enclosed, sealed) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, Kem>(
        &OpModeS::Base,
        &public,
        &place.info(),
        plain,
        &place.bound(),
        &mut StdRng::from_seed(seed),
    )
    .ok()?;
    Some([enclosed.to_bytes().as_slice(), &sealed].concat())
}

/// A key that two nodes share.
pub(super) struct PairKey([u8; 32]);

impl PairKey {
    pub(super) fn digest(&self, word: &str, parts: &[&[u8]]) -> Sealed {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(word.as_bytes());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Sealed(mac.finalize().into_bytes().into())
    }
}
