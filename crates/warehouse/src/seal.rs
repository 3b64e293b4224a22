//! Seals bytes under a key: AES-256-GCM in chunks, so that nothing is trusted before it is checked and nothing can be
//! cut off, swapped or appended unnoticed.
//!
//! Layout: the header (magic, length of what is sealed, 32 bytes of salt), then chunks of at most [`CHUNK`] bytes, each followed by its tag. The
//! chunk key is HMAC-SHA-256(key, header), so a nonce never meets the same key twice; the nonce is the chunk's
//! number and whether it is the last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár 2015).

use std::fmt;
use std::path::Path;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::error::WarehouseError;

/// Length of a segment key; bytes.
pub const KEY_BYTES: usize = 32;

/// First bytes of a sealed file; the last is the version of the layout.
const MAGIC: [u8; 8] = *b"SIZAODS\x01";

const SALT: usize = 32;
const LENGTH: usize = size_of::<u64>();
const HEADER: usize = MAGIC.len() + LENGTH + SALT;
const CHUNK: usize = 1 << 16;
const TAG: usize = 16;

/// Key of a segment; whoever holds it can read the day. It never shows itself.
#[derive(Clone)]
pub struct SegmentKey(Zeroizing<[u8; KEY_BYTES]>);

impl SegmentKey {
    /// A key from its bytes, which must be random.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for SegmentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// 32 random bytes from the system; `path` is for the message.
pub(crate) fn random(path: &Path) -> Result<[u8; 32], WarehouseError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|cause| WarehouseError::File {
        path: path.to_owned(),
        doing: "sealed: the system gives no random numbers",
        cause: std::io::Error::other(cause.to_string()),
    })?;
    Ok(bytes)
}

/// Why sealed bytes do not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// They end early.
    CutOff,
    /// Another key, or altered.
    Sealed,
}

/// Seals `plain`; `salt` must be fresh from the system for every file.
pub(crate) fn seal(mut plain: Vec<u8>, key: &SegmentKey, salt: [u8; SALT]) -> Vec<u8> {
    let header = header(plain.len(), salt);
    let cipher = cipher(key, &header);
    let mut sealed = Vec::with_capacity(sealed_len(plain.len()));
    sealed.extend_from_slice(&header);
    let count = chunk_count(plain.len());
    for number in 0..count {
        let end = plain.len().min((number + 1) * CHUNK);
        let chunk = &mut plain[number * CHUNK..end];
        let tag = cipher
            .encrypt_inout_detached(&nonce(number, number + 1 == count), &[], chunk.into())
            .expect("a chunk is shorter than the cipher's limit");
        sealed.extend_from_slice(&plain[number * CHUNK..end]);
        sealed.extend_from_slice(&tag);
    }
    plain.zeroize();
    sealed
}

/// Opens sealed bytes in place; gives nothing unless all of them are whole and in order.
pub(crate) fn open(mut sealed: Vec<u8>, key: &SegmentKey) -> Result<Vec<u8>, Refused> {
    let begins = sealed.iter().zip(MAGIC).all(|(&byte, wanted)| byte == wanted);
    if !begins || sealed.len() < HEADER {
        return Err(if begins { Refused::CutOff } else { Refused::Sealed });
    }
    let (header, body) = sealed.split_at_mut(HEADER);
    let length = header[MAGIC.len()..][..LENGTH].try_into().expect("the slice has this length");
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
    if body.len() < length.saturating_add(chunk_count(length).saturating_mul(TAG)) {
        return Err(Refused::CutOff);
    }
    let cipher = cipher(key, header);
    let count = body.len().div_ceil(CHUNK + TAG);
    let mut plain_len = 0;
    for number in 0..count {
        let start = number * (CHUNK + TAG);
        let end = body.len().min(start + CHUNK + TAG);
        let tag_at = end.checked_sub(TAG).filter(|&at| at >= start).ok_or(Refused::Sealed)?;
        let tag = Tag::try_from(&body[tag_at..end]).expect("the slice has the tag's length");
        let chunk = &mut body[start..tag_at];
        cipher
            .decrypt_inout_detached(&nonce(number, number + 1 == count), &[], chunk.into(), &tag)
            .map_err(|_| Refused::Sealed)?;
        body.copy_within(start..tag_at, plain_len);
        plain_len += tag_at - start;
    }
    sealed.copy_within(HEADER..HEADER + plain_len, 0);
    sealed.truncate(plain_len);
    Ok(sealed)
}

fn sealed_len(plain: usize) -> usize {
    HEADER + plain + chunk_count(plain) * TAG
}

/// At least one, so that an empty file is sealed too.
fn chunk_count(plain: usize) -> usize {
    plain.div_ceil(CHUNK).max(1)
}

fn header(length: usize, salt: [u8; SALT]) -> [u8; HEADER] {
    let parts = [&MAGIC[..], &(length as u64).to_le_bytes(), &salt].concat();
    parts.try_into().expect("the parts are as long as the header")
}

fn cipher(key: &SegmentKey, header: &[u8]) -> Aes256Gcm {
    let mut mac = Hmac::<Sha256>::new_from_slice(&*key.0).expect("a MAC takes a key of any length");
    mac.update(header);
    let mut derived = mac.finalize().into_bytes();
    let cipher = Aes256Gcm::new_from_slice(&derived).expect("the MAC is as long as the key");
    derived.zeroize();
    cipher
}

fn nonce(number: usize, last: bool) -> Nonce<<Aes256Gcm as aes_gcm::AeadCore>::NonceSize> {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    bytes[11] = u8::from(last);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SegmentKey {
        SegmentKey::new([byte; KEY_BYTES])
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 % 251) as u8).collect()
    }

    #[test]
    fn what_was_sealed_opens_at_every_edge_of_a_chunk() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 7] {
            let sealed = seal(plain(length), &key(1), [9; SALT]);
            assert_eq!(sealed.len(), sealed_len(length));
            assert_eq!(open(sealed, &key(1)), Ok(plain(length)), "{length}");
        }
    }

    #[test]
    fn another_key_opens_nothing_and_sees_nothing() {
        let sealed = seal(plain(1_000), &key(1), [9; SALT]);
        assert_eq!(open(sealed.clone(), &key(2)), Err(Refused::Sealed));
        assert!(!sealed.windows(8).any(|window| window == &plain(1_000)[..8]));
        assert_ne!(sealed[HEADER..], seal(plain(1_000), &key(1), [8; SALT])[HEADER..], "the salt counts");
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let sealed = seal(plain(CHUNK + 100), &key(1), [9; SALT]);
        for at in (0..sealed.len()).step_by(997).chain(sealed.len() - 20..sealed.len()) {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(open(altered, &key(1)).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_noticed() {
        let sealed = seal(plain(3 * CHUNK), &key(1), [9; SALT]);
        for at in (0..sealed.len()).step_by(4_999) {
            assert_eq!(open(sealed[..at].to_vec(), &key(1)).err(), Some(Refused::CutOff), "cut at {at}");
        }
        // Cut between two chunks, every chunk that is left is sound.
        for chunks in 1..3 {
            let at = HEADER + chunks * (CHUNK + TAG);
            assert_eq!(open(sealed[..at].to_vec(), &key(1)).err(), Some(Refused::CutOff), "{chunks} chunks");
        }
    }

    #[test]
    fn chunks_in_another_order_and_bytes_behind_the_end_are_noticed() {
        let sealed = seal(plain(3 * CHUNK), &key(1), [9; SALT]);
        let mut swapped = sealed.clone();
        swapped[HEADER..HEADER + CHUNK + TAG]
            .copy_from_slice(&sealed[HEADER + CHUNK + TAG..HEADER + 2 * (CHUNK + TAG)]);
        assert!(open(swapped, &key(1)).is_err());
        assert!(open([&sealed[..], &[0; 40]].concat(), &key(1)).is_err());
    }
}
