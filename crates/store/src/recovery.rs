//! The recovery kit: the master key split into three parts, any two of which give it back.

use blahaj::{Share, Sharks};
use rand::{SeedableRng, rngs::StdRng};

use crate::{
    error::StoreError,
    keys::{Entropy, MasterKey, from_hex, hex, random, sha256},
};

/// How many parts there are.
pub const RECOVERY_SHARES: usize = 3;
/// How many parts are needed.
pub const RECOVERY_NEED: u8 = 2;

const TEXT_PREFIX: &str = "sizao-recovery";

/// Splits a master key into three parts; keep them with three people.
///
/// A part reads `sizao-recovery:<key version>:<number>:<hexadecimal>:<check>`; one part alone says nothing of the key.
///
/// # Source
/// Shamir, How to share a secret, CACM 22(11), 1979, over GF(256).
pub fn split_master_key(key: &MasterKey, entropy: &mut Entropy) -> Vec<String> {
    let mut rng = StdRng::from_seed(*random(entropy));
    Sharks(RECOVERY_NEED)
        .dealer_rng(key.secret(), &mut rng)
        .take(RECOVERY_SHARES)
        .zip(1..)
        .map(|(share, number)| {
            let bytes = hex(&Vec::from(&share));
            format!("{TEXT_PREFIX}:{}:{number}:{bytes}:{}", key.version(), check(key.version(), &bytes))
        })
        .collect()
}

/// Puts the master key together from two parts or more.
///
/// # Errors
/// [`StoreError::Keys`]: which part is mistyped, or that parts of different kits were mixed.
pub fn recover_master_key(parts: &[&str]) -> Result<MasterKey, StoreError> {
    let mut shares = Vec::new();
    let mut versions = Vec::new();
    for (number, part) in (1..).zip(parts) {
        let (version, share) = read_part(part)
            .ok_or_else(|| StoreError::Keys(format!("part {number} is mistyped: compare it with the paper")))?;
        versions.push(version);
        shares.push(share);
    }
    versions.dedup();
    let [version] = versions[..] else {
        return Err(StoreError::Keys("give at least two parts of one and the same kit".to_owned()));
    };
    let secret = Sharks(RECOVERY_NEED)
        .recover(&shares)
        .map_err(|_| StoreError::Keys("two different parts of one kit are needed".to_owned()))?;
    let secret = secret.try_into().map_err(|_| StoreError::Keys("the parts are of another kind of key".to_owned()))?;
    Ok(MasterKey::from_parts(version, secret))
}

fn read_part(text: &str) -> Option<(u32, Share)> {
    let mut fields = text.trim().split(':');
    if fields.next()? != TEXT_PREFIX {
        return None;
    }
    let version: u32 = fields.next()?.parse().ok()?;
    let _number = fields.next()?;
    let bytes = fields.next()?;
    if fields.next()? != check(version, bytes) || fields.next().is_some() {
        return None;
    }
    Some((version, Share::try_from(from_hex(bytes)?.as_slice()).ok()?))
}

/// Four bytes by which a mistyped part is noticed.
fn check(version: u32, bytes: &str) -> String {
    hex(&sha256(&[TEXT_PREFIX.as_bytes(), &version.to_be_bytes(), bytes.as_bytes()])[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entropy() -> impl FnMut(&mut [u8]) {
        let mut next = 7u8;
        move |bytes: &mut [u8]| {
            for byte in bytes {
                next = next.wrapping_mul(181).wrapping_add(97);
                *byte = next;
            }
        }
    }

    #[test]
    fn any_two_parts_give_the_key_back_and_one_does_not() {
        let key = MasterKey::generate(3, &mut entropy());
        let parts = split_master_key(&key, &mut entropy());
        assert_eq!(parts.len(), RECOVERY_SHARES);
        for (a, b) in [(0, 1), (0, 2), (1, 2), (2, 0)] {
            let back = recover_master_key(&[&parts[a], &parts[b]]).unwrap();
            assert_eq!((back.version(), back.to_text()), (3, key.to_text()));
        }
        assert!(recover_master_key(&[&parts[0]]).is_err());
        assert!(recover_master_key(&[&parts[0], &parts[0]]).is_err());
    }

    #[test]
    fn a_mistyped_part_is_named() {
        let parts = split_master_key(&MasterKey::generate(1, &mut entropy()), &mut entropy());
        let mistyped = parts[1].replacen(|c: char| c.is_ascii_hexdigit() && c != '1', "1", 9);
        let error = recover_master_key(&[&parts[0], &mistyped]).unwrap_err().to_string();
        assert!(error.contains("part 2 is mistyped"), "{error}");
    }
}
