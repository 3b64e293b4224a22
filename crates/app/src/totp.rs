//! Time-based one-time codes (动态码), as authenticator apps make them.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sizao_model::Instant;

/// Length of a time step.
const STEP_MICROS: i64 = 30_000_000;

/// The time step in which an instant lies.
pub const fn step_of(at: Instant) -> i64 {
    at.as_micros().div_euclid(STEP_MICROS)
}

/// The six digits of a time step.
///
/// # Source
/// RFC 6238 with HMAC-SHA-1 and RFC 4226 section 5.3; checked against the vectors of RFC 6238, appendix B.
pub fn code_at(secret: &[u8], step: i64) -> String {
    let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let word = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
    format!("{:06}", word % 1_000_000)
}

/// The time step whose code this is: the present one, or the one before or after it, for clocks that differ.
pub fn matching_step(secret: &[u8], code: &str, now: Instant) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let mut found = None;
    for step in step_of(now) - 1..=step_of(now) + 1 {
        // Every step is compared in full: how long it takes tells nothing.
        let differs =
            code_at(secret, step).bytes().zip(code.bytes()).fold(code.len() ^ 6, |d, (a, b)| d | usize::from(a ^ b));
        if differs == 0 {
            found = Some(step);
        }
    }
    found
}

/// A secret as authenticator apps take it.
///
/// # Source
/// RFC 4648, base 32 without padding.
pub fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut bits, mut have) = (0u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        have += 8;
        while have >= 5 {
            have -= 5;
            text.push(char::from(ALPHABET[(bits >> have & 31) as usize]));
        }
    }
    if have > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - have) & 31) as usize]));
    }
    text
}

/// The bytes that [`base32`] wrote so; nothing for other letters or a length that it never gives.
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut have) = (0u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5 | u32::from(value)) & 0xfff;
        have += 5;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
        }
    }
    (base32(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(code_at(secret, step_of(Instant::from_micros(seconds * 1_000_000))), code);
        }
    }

    #[test]
    fn a_code_counts_one_step_early_or_late_and_no_more() {
        let secret = b"12345678901234567890";
        let at = |seconds: i64| Instant::from_micros(seconds * 1_000_000);
        for (seconds, counts) in [(59 - 30, true), (59, true), (59 + 30, true), (59 + 61, false), (59 - 60, false)] {
            assert_eq!(matching_step(secret, "287 082", at(seconds)).is_some(), counts, "{seconds}");
        }
        for wrong in ["", "28708", "2870822", "000000"] {
            assert_eq!(matching_step(secret, wrong, at(59)), None);
        }
    }

    #[test]
    fn secrets_are_spelt_as_rfc_4648_does() {
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(base32(b"fo"), "MZXQ");
    }
}
