//! EU certificates: what TEST-PROCEDURE.md asks of each case, and payloads against the schema.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ciborium::Value as Cbor;
use serde_json::Value;
use sizao_model::Instant;

use super::{
    Folder, Tally,
    index::{Index, IndexRow},
};
use crate::dcc::{
    self, Rules, SignedCertificate, Statement, TrustList, TrustedKey, ValueSets, cbor_of, check_payload, decode_base45,
    inflate, json_of, same_json, strip_prefix,
};

pub(super) fn check(folder: &dyn Folder, index: &Index, tally: &mut Tally) {
    let values = load_values(folder);
    for row in index.rows() {
        tally.begin(row.get("file"));
        match read_json(folder, row.get("file")) {
            Ok(raw) => Case { raw: &raw, values: &values }.check(row, tally),
            Err(found) => tally.expect("read", Err(found)),
        }
        tally.end();
    }
    let Ok(payloads) = folder.read("payload-index.csv") else { return };
    for row in Index::parse(&payloads).rows() {
        tally.begin(row.get("file"));
        let outcome = read_json(folder, row.get("file")).and_then(|payload| {
            check_payload(&payload, Rules::Issued, &values).first().map_or(Ok(()), |problem| Err(problem.to_string()))
        });
        tally.expect_outcome("schema", row.get("expected") == "valid", outcome);
        tally.end();
    }
}

fn read_json(folder: &dyn Folder, path: &str) -> Result<Value, String> {
    let bytes = folder.read(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(text).map_err(|error| format!("{path} is not JSON: {error}"))
}

/// The value sets beside the cases; those that are absent are not looked at.
fn load_values(folder: &dyn Folder) -> ValueSets {
    let codes = |file: &str| {
        let set = read_json(folder, &format!("valuesets/{file}.json")).unwrap_or_default();
        set["valueSetValues"].as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    ValueSets {
        countries: codes("country-2-codes"),
        antigen_tests: codes("test-manf-example"),
        holders: codes("vaccine-mah-manf"),
    }
}

/// What a comparison with the field JSON finds.
const NOT_THE_JSON: &str = "not equal to JSON";

/// One case: raw data of each layer, and what is to be checked of them.
struct Case<'a> {
    raw: &'a Value,
    values: &'a ValueSets,
}

impl Case<'_> {
    fn check(&self, row: IndexRow<'_>, tally: &mut Tally) {
        for (column, expected) in [("expect_true", true), ("expect_false", false)] {
            for name in row.get(column).split_whitespace() {
                match self.outcome(name) {
                    Some(Err(found)) if expected && found == NOT_THE_JSON && self.contradicts_itself() => {
                        tally.contradict(name, "JSON is not the statement that was signed");
                    }
                    Some(outcome) => tally.expect_outcome(name, expected, outcome),
                    None => tally.pass_over(name),
                }
            }
        }
    }

    /// Whether a check succeeds; nothing when this program does not make it.
    fn outcome(&self, check: &str) -> Option<Result<(), String>> {
        Some(match check {
            "UNPREFIX" => self.unprefix(),
            "B45DECODE" => self.decode_base45(),
            "COMPRESSION" => self.decompress(),
            "DECODE" => self.decode_cbor(),
            "ENCODE" => self.encode_cbor(),
            "VALIDOBJECT" => self.valid_object(),
            "VALIDJSON" => self.whole_chain(),
            "VERIFY" => self.certificate().and_then(|certificate| said(certificate.verify_signature(&self.trust()?))),
            "KEYUSAGE" => self.check_key_usage(),
            "EXPIRATIONCHECK" => self.check_term(),
            "SCHEMAVALIDATION" => self.check_schema(),
            _ => return None,
        })
    }

    fn text(&self, field: &str) -> Result<&str, String> {
        self.raw[field].as_str().ok_or_else(|| format!("the case has no {field}"))
    }

    fn hex(&self, field: &str) -> Result<Vec<u8>, String> {
        from_hex(self.text(field)?).ok_or_else(|| format!("{field} is not hexadecimal"))
    }

    fn unprefix(&self) -> Result<(), String> {
        let text = said(strip_prefix(self.text("PREFIX")?))?;
        match self.raw["BASE45"].as_str() {
            Some(expected) if expected != text => Err("not equal to BASE45".to_owned()),
            _ => Ok(()),
        }
    }

    fn decode_base45(&self) -> Result<(), String> {
        let bytes = said(decode_base45(self.text("BASE45")?))?;
        match self.raw["COMPRESSED"].as_str() {
            Some(_) if bytes != self.hex("COMPRESSED")? => Err("not equal to COMPRESSED".to_owned()),
            Some(_) => Ok(()),
            None => same_message(&said(inflate(&bytes))?, &self.hex("COSE")?),
        }
    }

    fn decompress(&self) -> Result<(), String> {
        if self.raw["COMPRESSED"].is_null() {
            let bytes = said(decode_base45(self.text("BASE45")?))?;
            return same_message(&said(inflate(&bytes))?, &self.hex("COSE")?);
        }
        same_message(&said(inflate(&self.hex("COMPRESSED")?))?, &self.hex("COSE")?)
    }

    /// The statement in the field CBOR, which some issuers give with the claims around it.
    fn cbor(&self) -> Result<Value, String> {
        let bytes = self.hex("CBOR")?;
        let value: Cbor = ciborium::from_reader(&bytes[..]).map_err(|error| format!("CBOR: {error}"))?;
        let inner = dcc::statement_in(&value).unwrap_or(&value);
        json_of(inner).ok_or_else(|| "CBOR holds what JSON cannot".to_owned())
    }

    fn decode_cbor(&self) -> Result<(), String> {
        let statement = match self.raw["CBOR"].is_null() {
            false => self.cbor()?,
            true => self.certificate()?.unverified_claims().payload.clone(),
        };
        match &self.raw["JSON"] {
            Value::Null => Ok(()),
            json => same("JSON", &statement, json),
        }
    }

    /// Maps have no order, so both encodings are compared as what they decode to.
    fn encode_cbor(&self) -> Result<(), String> {
        let mut bytes = Vec::new();
        ciborium::into_writer(&cbor_of(&self.raw["JSON"]), &mut bytes).map_err(|error| error.to_string())?;
        let ours: Cbor = ciborium::from_reader(&bytes[..]).map_err(|error| error.to_string())?;
        same("CBOR", &json_of(&ours).ok_or("our CBOR holds what JSON cannot")?, &self.cbor()?)
    }

    /// Whether the raw JSON alone stands against the text of the QR code, the signed message and the raw CBOR, which
    /// agree and whose signature is good; and the JSON has their shape and differs only in what texts say.
    fn contradicts_itself(&self) -> bool {
        let layers = || -> Result<(Value, Value, Value), String> {
            let certificate = self.certificate()?;
            said(certificate.verify_signature(&self.trust()?))?;
            let opened = said(dcc::open(self.text("PREFIX")?))?;
            let signed = certificate.unverified_claims().payload.clone();
            Ok((signed, opened.unverified_claims().payload.clone(), self.cbor()?))
        };
        layers().is_ok_and(|(signed, opened, raw)| {
            same_json(&signed, &opened) && same_json(&signed, &raw) && same_shape(&signed, &self.raw["JSON"])
        })
    }

    fn valid_object(&self) -> Result<(), String> {
        if self.raw["JSON"].is_object() { Ok(()) } else { Err("JSON is not an object".to_owned()) }
    }

    fn whole_chain(&self) -> Result<(), String> {
        let opened = said(dcc::open(self.text("PREFIX")?))?;
        same("JSON", &opened.unverified_claims().payload, &self.raw["JSON"])
    }

    fn certificate(&self) -> Result<SignedCertificate, String> {
        match self.raw["COSE"].is_null() {
            false => said(SignedCertificate::read(&self.hex("COSE")?)),
            true => said(dcc::open(self.text("PREFIX")?)),
        }
    }

    /// A trust list of the one certificate that the case names: the key is still chosen by its id.
    fn trust(&self) -> Result<TrustList, String> {
        let mut trust = TrustList::default();
        said(trust.add(&self.signer()?))?;
        Ok(trust)
    }

    /// The certificate that the case names, DER.
    fn signer(&self) -> Result<Vec<u8>, String> {
        let text = self.raw["TESTCTX"]["CERTIFICATE"].as_str().ok_or("the case names no certificate")?;
        // Some give it as it stands in a PEM file.
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        let plain: String = lines.flat_map(str::chars).filter(|letter| !letter.is_whitespace()).collect();
        BASE64.decode(plain).map_err(|error| format!("the certificate is not base64: {error}"))
    }

    /// Of the certificate that the case names, whether or not it is the one that signed.
    fn check_key_usage(&self) -> Result<(), String> {
        let key = said(TrustedKey::from_der(&self.signer()?))?;
        let statement = self.certificate()?.unverified_claims().payload.clone();
        match Statement::all_in(&statement).into_iter().find(|&kind| !key.may_sign(kind)) {
            Some(kind) => Err(format!("the certificate may not sign a statement of {}", kind.name())),
            None => Ok(()),
        }
    }

    fn clock(&self) -> Result<Instant, String> {
        let text = self.raw["TESTCTX"]["VALIDATIONCLOCK"].as_str().ok_or("the case has no clock")?;
        // Some issuers' clocks name no offset; those are UTC.
        Instant::parse(text).or_else(|error| Instant::parse(&format!("{text}Z")).map_err(|_| error.to_string()))
    }

    fn check_term(&self) -> Result<(), String> {
        said(self.certificate()?.unverified_claims().check_term(self.clock()?))
    }

    /// Of the signed statement where there is one, else of the raw CBOR or JSON.
    fn check_schema(&self) -> Result<(), String> {
        let (statement, issued_at) = match (self.certificate(), &self.raw["JSON"]) {
            (Ok(certificate), _) => {
                let claims = certificate.unverified_claims();
                (claims.payload.clone(), claims.issued_at)
            }
            (Err(_), Value::Null) => (self.cbor()?, None),
            (Err(_), json) => (json.clone(), None),
        };
        let at = match issued_at {
            Some(at) => at,
            None => self.clock()?,
        };
        let problems = check_payload(&statement, Rules::Received { at }, self.values);
        problems.first().map_or(Ok(()), |problem| Err(problem.to_string()))
    }
}

fn same_message(found: &[u8], expected: &[u8]) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err("not equal to COSE".to_owned()) }
}

fn same(what: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if same_json(found, expected) { Ok(()) } else { Err(format!("not equal to {what}")) }
}

/// Same keys and lists; only texts differ.
fn same_shape(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(_), Value::String(_)) => true,
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_shape(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same_shape(value, other)))
        }
        _ => same_json(left, right),
    }
}

fn said<T>(outcome: Result<T, dcc::DccError>) -> Result<T, String> {
    outcome.map_err(|error| error.to_string())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.trim().bytes().map(|byte| (byte as char).to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
