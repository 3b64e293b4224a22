//! Values on the wire. They stay still while the model moves.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de};
use sizao_app::{
    authorization::{Action, Purpose},
    board::Group,
    identity::{Role, UnitKind},
    mandates::Collection,
};
use sizao_model::{CivilDay, DivisionCode, Instant};
use uuid::Uuid;

/// An id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Key(pub(crate) Uuid);

/// A value with a schema written by hand.
macro_rules! described {
    ($name:ident, $schema:tt) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

described!(Key, { "type": "string", "format": "uuid" });

/// Code of a division (GB/T 2260): 2, 4, 6, 9 or 12 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Division(pub(crate) DivisionCode);
described!(Division, {
    "type": "string", "pattern": "^(1[1-9]|[2-9][0-9])([0-9]{2}([0-9]{2}([0-9]{3}([0-9]{3})?)?)?)?$",
    "description": "Division by GB/T 2260: 2, 4, 6, 9 or 12 digits."
});

impl<'de> Deserialize<'de> for Division {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        DivisionCode::parse(&text).map(Self).map_err(|_| de::Error::custom("a division has 2, 4, 6, 9 or 12 digits"))
    }
}

impl Serialize for Division {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// 1 to 90 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days(pub(crate) u8);
described!(Days, { "type": "integer", "minimum": 1, "maximum": 90 });

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `30.0` is a whole number to JSON Schema.
        let days = f64::deserialize(deserializer)?;
        let fits = (1.0..=90.0).contains(&days) && days.fract() == 0.0;
        if fits { Ok(Self(days as u8)) } else { Err(de::Error::custom("1 to 90 days are expected")) }
    }
}

/// A number of leaves or of a line: whole, not negative, as large as every reader of JSON can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) u64);
described!(Number, { "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 });

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        if number <= 9_007_199_254_740_991 {
            Ok(Self(number))
        } else {
            Err(de::Error::custom("at most 2^53 - 1 is expected"))
        }
    }
}

/// A moment, in Asia/Shanghai.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moment(pub(crate) Instant);
described!(Moment, { "type": "string", "format": "date-time" });

/// A civil day in Asia/Shanghai.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Day(pub(crate) CivilDay);
described!(Day, { "type": "string", "format": "date" });

/// Any JSON that is described elsewhere.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Anything(pub(crate) serde_json::Value);
described!(Anything, { "type": "object" });

/// One line of text of `MIN` to `MAX` characters: no control characters, no white space at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<const MIN: usize, const MAX: usize>(pub(crate) String);

/// A name, of a unit, a person, a law.
pub(crate) type Name = Line<1, 80>;

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Line<MIN, MAX> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let count = text.chars().count();
        if !(MIN..=MAX).contains(&count) {
            return Err(de::Error::custom(format_args!("a text of {MIN} to {MAX} characters is expected")));
        }
        if text.chars().any(char::is_control) || text.starts_with(is_blank) || text.ends_with(is_blank) {
            return Err(de::Error::custom("no control characters and no blanks at the ends are expected"));
        }
        Ok(Self(text))
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

impl<const MIN: usize, const MAX: usize> JsonSchema for Line<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Line{MIN}To{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let control = "\\u0000-\\u001f\\u007f-\\u009f";
        let blank = " \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff";
        json_schema!({
            "type": "string", "minLength": MIN, "maxLength": MAX,
            "pattern": format!("^[^{control}{blank}]([^{control}]*[^{control}{blank}])?$"),
        })
    }
}

/// One of the words of a table.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident of $table:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $table);

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($table).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "enum": $table::ALL.map($table::name).to_vec() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.name())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let found = $table::ALL.into_iter().find(|one| one.name() == text);
                found.map(Self).ok_or_else(|| {
                    de::Error::custom(format_args!("one of {} is expected", $table::ALL.map($table::name).join(", ")))
                })
            }
        }
    )*};
}

words! {
    /// A role.
    RoleWord of Role,
    /// A kind of unit.
    UnitWord of UnitKind,
    /// An action of the table of rights.
    ActionWord of Action,
    /// A purpose.
    PurposeWord of Purpose,
    /// A group of people.
    GroupWord of Group,
    /// A collection that needs a mandate.
    CollectionWord of Collection,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line<1, 4>, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn a_line_has_no_blanks_at_its_ends_and_no_control_characters() {
        for good in ["a", "a b", "郑州市", "\u{200b}x"] {
            assert!(line(good).is_ok(), "{good:?}");
        }
        for bad in ["", " a", "a ", "a\n", "a\u{0}b", "abcde", "\u{3000}a", "a\u{feff}", "\u{85}"] {
            assert!(line(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn divisions_and_words_are_read_as_their_schemas_say() {
        let division = |text: &str| serde_json::from_value::<Division>(text.into()).is_ok();
        assert!(division("41") && division("410102") && division("410102001001"));
        assert!(!division("4") && !division("4101020") && !division("09") && !division("４１"));
        assert_eq!(serde_json::from_value::<RoleWord>("lab".into()).unwrap().0, Role::Lab);
        assert!(serde_json::from_value::<RoleWord>("king".into()).is_err());
        let days = |text: &str| serde_json::from_str::<Days>(text).ok().map(|days| days.0);
        assert_eq!([days("1"), days("90"), days("30.0")], [Some(1), Some(90), Some(30)]);
        assert_eq!([days("0"), days("91"), days("1.5"), days("-3"), days("1e400"), days("\"3\"")], [None; 6]);
    }
}
