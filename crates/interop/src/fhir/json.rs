//! JSON that keeps what FHIR says must be kept: the digits of a decimal (1.50 is not 1.5) and the order of elements.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use thiserror::Error;

/// How deep a resource may nest. Questionnaires go to some twenty.
const DEPTH_MAX: usize = 96;

/// A JSON value with numbers as they were written and keys in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// null
    Null,
    /// true or false
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// Why a text is no JSON that FHIR allows.
#[derive(Debug, Error)]
pub enum JsonError {
    /// Not JSON.
    #[error("it is not JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Objects have each key once.
    #[error("the key '{0}' is there twice")]
    RepeatedKey(String),
    /// Deeper than any resource.
    #[error("it nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

impl Json {
    /// Reads a value.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let raw: &RawValue = serde_json::from_str(text)?;
        read(raw.get(), 0)
    }

    /// The value of a key of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value at a path of keys, through the first item of each list on the way.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| value.items().next().and_then(|item| item.get(key)))
    }

    /// The text at a path of keys; empty when there is none.
    pub fn text_at(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Self::as_str).unwrap_or_default()
    }

    /// The items of a list; of anything else, itself.
    pub fn items(&self) -> std::slice::Iter<'_, Self> {
        match self {
            Self::List(items) => items.iter(),
            other => std::slice::from_ref(other).iter(),
        }
    }

    /// The items of a list under a key; none when it is absent.
    pub fn list(&self, key: &str) -> std::slice::Iter<'_, Self> {
        self.get(key).map_or([].iter(), Self::items)
    }

    /// A text.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A number, as written.
    pub fn as_number(&self) -> Option<&str> {
        if let Self::Number(digits) = self { Some(digits) } else { None }
    }

    /// A text of this.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// An object of those entries that are there.
    pub fn object<'k>(entries: impl IntoIterator<Item = (&'k str, Option<Self>)>) -> Self {
        let present = entries.into_iter().filter_map(|(key, value)| value.map(|value| (key.to_owned(), value)));
        Self::Object(present.collect())
    }
}

fn read(text: &str, depth: usize) -> Result<Json, JsonError> {
    if depth > DEPTH_MAX {
        return Err(JsonError::TooDeep);
    }
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Entries(entries) = serde_json::from_str(text)?;
            let mut object: Vec<(String, Json)> = Vec::with_capacity(entries.len());
            for (key, raw) in entries {
                if object.iter().any(|(known, _)| *known == key) {
                    return Err(JsonError::RepeatedKey(key));
                }
                let value = read(raw.get(), depth + 1)?;
                object.push((key, value));
            }
            Json::Object(object)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            Json::List(items.into_iter().map(|raw| read(raw.get(), depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Json::Text(serde_json::from_str(text)?),
        Some(b't' | b'f') => Json::Bool(serde_json::from_str(text)?),
        Some(b'n') => Json::Null,
        _ => Json::Number(text.to_owned()),
    })
}

/// The entries of an object, values unread.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let value: &'de RawValue = map.next_value().map_err(de::Error::custom)?;
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Number(digits) => f.write_str(digits),
            Self::Text(text) => write_text(f, text),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    f.write_str(if index > 0 { "," } else { "" })?;
                    write_text(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_order_are_kept() {
        for text in [r#"{"b":1.50,"a":[0.0,1e3,-7,123456789012345678901234567890]}"#, r#"["\u0000\"é",true,null,{}]"#]
        {
            assert_eq!(Json::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_fhir_forbids_is_refused() {
        assert!(matches!(Json::parse(r#"{"a":1,"a":2}"#), Err(JsonError::RepeatedKey(key)) if key == "a"));
        assert!(matches!(Json::parse("{"), Err(JsonError::Syntax(_))));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(matches!(Json::parse(&deep), Err(JsonError::TooDeep)));
    }
}
