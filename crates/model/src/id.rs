//! Ids as types. Facts and people have UUIDs; sites, laboratories, pools and trips have the codes their owners gave.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Namespace of ids made from labels, so that a label means the same id everywhere.
const LABEL_NAMESPACE: Uuid = Uuid::from_u128(0x8c1d_6f0a_5b7e_4c7e_9d3a_51a0_0f4a_2201);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with exactly this UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// A UUID's text is taken as it is; any other label gets an id computed from it (UUID v5), always the same.
            ///
            /// Files written by hand name facts and people `f01` or `p1`; inside there are only UUIDs.
            pub fn from_label(label: &str) -> Self {
                Self(Uuid::try_parse(label).unwrap_or_else(|_| Uuid::new_v5(&LABEL_NAMESPACE, label.as_bytes())))
            }

            /// The UUID itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The sixteen bytes, most significant first.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(LabelVisitor).map(|label| Self::from_label(&label))
            }
        }
    };
}

uuid_id! {
    /// A fact's id; UUID v7 when the store gives it.
    FactId
}
uuid_id! {
    /// A person's id: UUID v7, random but for the moment at which the person was first put on record. Names, phones and
    /// identity numbers live in the vault.
    PersonId
}

struct LabelVisitor;

impl de::Visitor<'_> for LabelVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a UUID or a label of 1 to 200 characters")
    }

    fn visit_str<E: de::Error>(self, label: &str) -> Result<String, E> {
        if label.is_empty() || label.len() > 200 {
            return Err(E::custom(format!("an id has 1 to 200 characters; this has {}", label.len())));
        }
        Ok(label.to_owned())
    }
}

macro_rules! code_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Box<str>);

        impl $name {
            /// The code as its owner writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(code: &str) -> Self {
                Self(code.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

code_id! {
    /// Isolation site or hospital (隔离点).
    SiteId
}
code_id! {
    /// Testing laboratory (检测机构).
    LabId
}
code_id! {
    /// Tube that holds the swabs of several people (混管).
    PoolId
}
code_id! {
    /// One journey of one vehicle: flight and day, train and day.
    TripId
}
code_id! {
    /// Declared area: a division code, or one extended to compound or building. Compared by prefix.
    AreaCode
}

impl AreaCode {
    /// Whether `other` is this area or lies in it.
    pub fn contains(&self, other: &AreaCode) -> bool {
        other.0.starts_with(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_always_means_the_same_id_and_a_uuid_means_itself() {
        assert_eq!(FactId::from_label("f01"), FactId::from_label("f01"));
        assert_ne!(FactId::from_label("f01"), FactId::from_label("f02"));
        let id = FactId::new(Uuid::from_u128(7));
        assert_eq!(FactId::from_label(&id.to_string()), id);
    }

    #[test]
    fn an_area_contains_itself_and_what_lies_in_it() {
        let county = AreaCode::from("410102");
        assert!(county.contains(&AreaCode::from("410102001")));
        assert!(county.contains(&county));
        assert!(!county.contains(&AreaCode::from("4101")));
    }
}
