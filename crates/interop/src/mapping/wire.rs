//! The mapping file as TOML has it. What the fields mean is said in `docs/imports.md`.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingWire {
    pub sender: Spanned<String>,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub encoding: Option<Spanned<String>>,
    #[serde(default)]
    pub delimiter: Option<Spanned<String>>,
    #[serde(default)]
    pub sheet: Option<String>,
    #[serde(default)]
    pub header_row: Option<Spanned<u64>>,
    #[serde(default)]
    pub zone: Option<Spanned<String>>,
    #[serde(default)]
    pub dates: Vec<Spanned<String>>,
    #[serde(default)]
    pub blanks: Vec<String>,
    #[serde(default)]
    pub division: Option<Spanned<TextOr<DivisionWire>>>,
    #[serde(default)]
    pub columns: BTreeMap<String, Spanned<ColumnWire>>,
    #[serde(default)]
    pub codes: BTreeMap<String, Spanned<BTreeMap<String, toml::Value>>>,
    #[serde(default)]
    pub places: BTreeMap<String, Spanned<PlacesWire>>,
    #[serde(default)]
    pub person: Vec<Spanned<PersonWire>>,
    #[serde(default)]
    pub fact: Vec<Spanned<FactWire>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnWire {
    #[serde(default)]
    pub also: Vec<String>,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub sensitive: bool,
    #[serde(default)]
    pub blanks: Option<Vec<String>>,
    #[serde(default)]
    pub dates: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlacesWire {
    #[serde(default)]
    pub names: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub claim: Vec<Spanned<ClaimWire>>,
    #[serde(default)]
    pub also: Vec<Spanned<String>>,
    #[serde(default)]
    pub national: bool,
    #[serde(default)]
    pub within: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClaimWire {
    pub name: String,
    pub prefix: String,
    pub code: String,
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DivisionWire {
    #[serde(default)]
    pub column: Option<String>,
    #[serde(default)]
    pub places: Option<String>,
    #[serde(default)]
    pub hint: Option<String>,
    #[serde(default)]
    pub otherwise: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonWire {
    pub id: String,
    #[serde(default)]
    pub optional: bool,
    #[serde(default)]
    pub code: Vec<CodeNameWire>,
    #[serde(default)]
    pub document: Vec<DocumentWire>,
    #[serde(default)]
    pub full_name: Option<String>,
    #[serde(default)]
    pub phone: Vec<PhoneWire>,
    #[serde(default)]
    pub division: Option<Spanned<TextOr<DivisionWire>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeNameWire {
    pub scope: String,
    pub column: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentWire {
    pub column: String,
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub kind_column: Option<String>,
    #[serde(default)]
    pub kinds: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhoneWire {
    pub column: String,
    #[serde(default)]
    pub role: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FactWire {
    pub kind: Spanned<String>,
    #[serde(default)]
    pub person: Option<Spanned<String>>,
    #[serde(default)]
    pub when: Option<Spanned<OneOrMany<TextOr<ConditionWire>>>>,
    #[serde(default)]
    pub key: Option<Spanned<String>>,
    #[serde(default)]
    pub once: bool,
    #[serde(default)]
    pub unusable: Option<Spanned<String>>,
    pub happened: Spanned<TextOr<HappenedWire>>,
    #[serde(default)]
    pub recorded: Option<Spanned<TextOr<DateWire>>>,
    #[serde(default)]
    pub division: Option<Spanned<TextOr<DivisionWire>>>,
    #[serde(default)]
    pub body: BTreeMap<String, Spanned<ValueWire>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConditionWire {
    pub column: String,
    #[serde(default)]
    pub is: Vec<String>,
    #[serde(default)]
    pub is_not: Vec<String>,
    #[serde(default)]
    pub blank: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DateWire {
    #[serde(default)]
    pub column: Option<String>,
    #[serde(default)]
    pub time: Option<String>,
    #[serde(default)]
    pub constant: Option<String>,
    #[serde(default)]
    pub first_of: Option<Vec<TextOr<DateWire>>>,
    #[serde(default)]
    pub stand_in: Vec<TextOr<DateWire>>,
    #[serde(default)]
    pub earliest_of: Option<Vec<TextOr<DateWire>>>,
    #[serde(default)]
    pub latest_of: Option<Vec<TextOr<DateWire>>>,
    #[serde(default)]
    pub plus_days: i32,
    #[serde(default)]
    pub at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HappenedWire {
    #[serde(default)]
    pub from: Option<TextOr<DateWire>>,
    #[serde(default)]
    pub to: Option<TextOr<DateWire>>,
    #[serde(default)]
    pub ongoing: bool,
    #[serde(default)]
    pub column: Option<String>,
    #[serde(default)]
    pub time: Option<String>,
    #[serde(default)]
    pub constant: Option<String>,
    #[serde(default)]
    pub first_of: Option<Vec<TextOr<DateWire>>>,
    #[serde(default)]
    pub stand_in: Vec<TextOr<DateWire>>,
    #[serde(default)]
    pub earliest_of: Option<Vec<TextOr<DateWire>>>,
    #[serde(default)]
    pub latest_of: Option<Vec<TextOr<DateWire>>>,
    #[serde(default)]
    pub plus_days: i32,
    #[serde(default)]
    pub at: Option<String>,
}

/// The value of a body field: a constant or template, or a table that says where it comes from.
pub(super) enum ValueWire {
    Constant(toml::Value),
    Table(Box<ValueTable>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValueTable {
    #[serde(default)]
    pub column: Option<String>,
    #[serde(default)]
    pub codes: Option<String>,
    #[serde(default)]
    pub others: Option<String>,
    #[serde(default)]
    pub separator: Option<String>,
    #[serde(default)]
    pub number: Option<String>,
    #[serde(default)]
    pub day: Option<TextOr<DateWire>>,
    #[serde(default)]
    pub instant: Option<TextOr<DateWire>>,
    #[serde(default)]
    pub person: Option<String>,
    #[serde(default)]
    pub people: Option<Vec<String>>,
    #[serde(default)]
    pub fact: Option<String>,
    #[serde(default)]
    pub facts: Option<Vec<String>>,
    #[serde(default)]
    pub object: Option<BTreeMap<String, Spanned<ValueWire>>>,
}

/// A text, or a table when more has to be said.
pub(super) enum TextOr<T> {
    Text(String),
    Table(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a table")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<TextOr<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(TextOr::Table)
            }
        }
        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

/// One of something, or a list.
pub(super) struct OneOrMany<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = OneOrMany<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a table or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
                T::deserialize(de::value::StrDeserializer::new(text)).map(|one| OneOrMany(vec![one]))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(|one| OneOrMany(vec![one]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<OneOrMany<T>, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq)).map(OneOrMany)
            }
        }
        deserializer.deserialize_any(Visitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for ValueWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ValueWire;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a constant, or a table that says where the value comes from")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ValueWire, E> {
                Ok(ValueWire::Constant(toml::Value::String(text.to_owned())))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<ValueWire, E> {
                Ok(ValueWire::Constant(toml::Value::Boolean(value)))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<ValueWire, E> {
                Ok(ValueWire::Constant(toml::Value::Integer(value)))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<ValueWire, E> {
                Ok(ValueWire::Constant(toml::Value::Float(value)))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, seq: A) -> Result<ValueWire, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(seq))
                    .map(|list| ValueWire::Constant(toml::Value::Array(list)))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ValueWire, A::Error> {
                ValueTable::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|table| ValueWire::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl HappenedWire {
    /// The part that says one date.
    pub(super) fn single(self) -> DateWire {
        DateWire {
            column: self.column,
            time: self.time,
            constant: self.constant,
            first_of: self.first_of,
            stand_in: self.stand_in,
            earliest_of: self.earliest_of,
            latest_of: self.latest_of,
            plus_days: self.plus_days,
            at: self.at,
        }
    }
}
