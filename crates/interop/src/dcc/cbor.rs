//! CBOR and JSON: the same statement in two clothes.

use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

/// How deep a statement may nest; certificates have four levels.
const DEPTH_MAX: usize = 32;

/// A CBOR value as JSON. Tags are looked through, as some issuers tag their dates. Nothing when JSON has no such value
/// (bytes, keys that are not texts, numbers that are not finite).
pub fn json_of(cbor: &Cbor) -> Option<Value> {
    json_at(cbor, 0)
}

fn json_at(cbor: &Cbor, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match cbor {
        Cbor::Integer(number) => match i64::try_from(*number) {
            Ok(number) => number.into(),
            Err(_) => u64::try_from(*number).ok()?.into(),
        },
        Cbor::Float(number) => Value::Number(Number::from_f64(*number)?),
        Cbor::Text(text) => Value::String(text.clone()),
        Cbor::Bool(flag) => Value::Bool(*flag),
        Cbor::Null => Value::Null,
        Cbor::Tag(_, inner) => json_at(inner, depth + 1)?,
        Cbor::Array(items) => Value::Array(items.iter().map(|item| json_at(item, depth + 1)).collect::<Option<_>>()?),
        Cbor::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                map.insert(key.as_text()?.to_owned(), json_at(value, depth + 1)?);
            }
            Value::Object(map)
        }
        _ => return None,
    })
}

/// A JSON value as CBOR.
pub fn cbor_of(json: &Value) -> Cbor {
    match json {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Cbor::Integer(whole.into()),
            (None, Some(whole)) => Cbor::Integer(whole.into()),
            (None, None) => Cbor::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(items) => Cbor::Array(items.iter().map(cbor_of).collect()),
        Value::Object(map) => {
            Cbor::Map(map.iter().map(|(key, value)| (Cbor::Text(key.clone()), cbor_of(value))).collect())
        }
    }
}

/// Whether two JSON values say the same: keys in any order, 2 equal to 2.0.
pub fn same_json(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_json(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same_json(value, other)))
        }
        _ => left == right,
    }
}
