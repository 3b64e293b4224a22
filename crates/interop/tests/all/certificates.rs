//! EU certificates that are made here, and forged here: what the reference set does not hold.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use coset::{CborSerializable as _, CoseSign1Builder, HeaderBuilder, TaggedCborSerializable as _, iana};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sizao_interop::dcc::{DccError, TrustList, TrustedKey, ValueSets, cbor_of, verify};
use sizao_model::Instant;

/// A certificate made for this test, and the seed of its key (Ed25519).
const SIGNER: &str = "MIIBNDCB56ADAgECAhQ2oCKUO9dPV0C4R1r3bQeAybh2SzAFBgMrZXAwDzENMAsGA1UEAwwEVGVzdDAgFw0yNjExMjMxNzAzMDVaGA8yMTI2MTAzMDE3MDMwNVowDzENMAsGA1UEAwwEVGVzdDAqMAUGAytlcAMhADi+DDBPfQ6xovkNev774p6232h+7i7AjBaNwf2QR3Aso1MwUTAdBgNVHQ4EFgQU0dr8oUqrkjRNS8M0UOZCcE7DRzUwHwYDVR0jBBgwFoAU0dr8oUqrkjRNS8M0UOZCcE7DRzUwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXADQQB7/bzTkD0RA+FwGuweQa8WvUv1FuZibRUGDi1fI5XVCyTaM2WI0PguQdCYSvuKlR6PrVehL+N2mJf5bo/uQqQE";
const SEED: [u8; 32] = [
    0x6c, 0x9f, 0xa3, 0xd2, 0x3f, 0x93, 0xa2, 0xd7, 0xd5, 0x73, 0xb8, 0x28, 0x9a, 0x4b, 0xf2, 0xea, 0xc4, 0x01, 0x1d,
    0x01, 0xb6, 0x2d, 0xb9, 0x68, 0xe5, 0x0d, 0xe9, 0xf3, 0xd8, 0x1c, 0x34, 0xee,
];

fn trust() -> TrustList {
    let mut trust = TrustList::default();
    trust.add(&BASE64.decode(SIGNER).unwrap()).unwrap();
    trust
}

fn recovery() -> Value {
    json!({
        "ver": "1.3.0", "nam": {"fn": "李", "fnt": "LI", "gn": "明", "gnt": "MING"}, "dob": "1980-01-31",
        "r": [{"tg": "840539006", "fr": "2022-01-01", "co": "AT", "is": "Test", "df": "2022-01-12", "du": "2022-06-30",
               "ci": "URN:UVCI:01:AT:1#K"}],
    })
}

/// The text of a certificate: valid from 2022-01-01 to 2022-12-31, signed by the key above.
fn issue(
    payload: &Value,
    algorithm: iana::Algorithm,
    kid: Option<&[u8]>,
    spoil: impl Fn(Vec<u8>) -> Vec<u8>,
) -> String {
    let (from, to) = (1_640_995_200, 1_672_444_800);
    let claim = |key: i64, value: ciborium::Value| (ciborium::Value::from(key), value);
    let health = ciborium::Value::Map(vec![claim(1, cbor_of(payload))]);
    let claims = ciborium::Value::Map(vec![
        claim(1, "AT".into()),
        claim(4, to.into()),
        claim(6, from.into()),
        claim(-260, health),
    ]);
    let own = TrustedKey::from_der(&BASE64.decode(SIGNER).unwrap()).unwrap();
    let header = HeaderBuilder::new().algorithm(algorithm).key_id(kid.unwrap_or(own.kid()).to_vec()).build();
    let key = SigningKey::from_bytes(&SEED);
    let message = CoseSign1Builder::new()
        .protected(header)
        .payload(claims.to_vec().unwrap())
        .create_signature(b"", |data| spoil(key.sign(data).to_bytes().to_vec()))
        .build();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut zlib, &message.to_tagged_vec().unwrap()).unwrap();
    format!("HC1:{}", base45::encode(zlib.finish().unwrap()))
}

fn check(text: &str, at: &str) -> Result<(), DccError> {
    verify(text, &trust(), &ValueSets::default(), Instant::parse(at).unwrap()).map(|_| ())
}

const IN_TERM: &str = "2022-03-17T09:30:00+08:00";

#[test]
fn a_certificate_of_a_listed_key_is_believed_within_its_term() {
    let text = issue(&recovery(), iana::Algorithm::EdDSA, None, |signature| signature);
    assert_eq!(check(&text, IN_TERM), Ok(()));
    assert!(matches!(check(&text, "2021-12-31T23:59:59Z"), Err(DccError::NotYetValid(_))));
    assert!(matches!(check(&text, "2022-12-31T00:00:01Z"), Err(DccError::Expired(_))));
}

#[test]
fn forged_altered_and_unlisted_certificates_are_not_believed() {
    let spoiled = issue(&recovery(), iana::Algorithm::EdDSA, None, |mut signature| {
        signature[3] ^= 1;
        signature
    });
    assert_eq!(check(&spoiled, IN_TERM), Err(DccError::Signature));
    let unlisted = issue(&recovery(), iana::Algorithm::EdDSA, Some(&[7; 8]), |signature| signature);
    assert_eq!(check(&unlisted, IN_TERM), Err(DccError::UnknownKey { kid: "07".repeat(8) }));
    let other = issue(&recovery(), iana::Algorithm::ES256, None, |signature| signature);
    assert_eq!(check(&other, IN_TERM), Err(DccError::Algorithm("ES256".to_owned())));
    let cut = issue(&recovery(), iana::Algorithm::EdDSA, None, |signature| signature[..10].to_vec());
    assert_eq!(check(&cut, IN_TERM), Err(DccError::Signature));
}

#[test]
fn a_good_signature_does_not_make_a_bad_statement_good() {
    let mut born_later = recovery();
    born_later["dob"] = json!("2023-01-01");
    let mut two_kinds = recovery();
    two_kinds["v"] = json!([{}]);
    for payload in [born_later, two_kinds] {
        let text = issue(&payload, iana::Algorithm::EdDSA, None, |signature| signature);
        assert!(matches!(check(&text, IN_TERM), Err(DccError::Payload(_))), "{payload}");
    }
}
