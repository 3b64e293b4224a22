//! A fact is something that somebody saw. Facts are only ever added; a correction is a new fact that supersedes.

mod body;
mod kind;

pub use body::*;
pub use kind::{FactBody, FactKind, RetentionClass};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{
    division::DivisionCode,
    happened::Happened,
    id::{FactId, PersonId},
    time::Instant,
};

/// Something that somebody saw, with when it happened and when it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Its id; unique for ever.
    pub id: FactId,
    /// Whom it is about; nobody for a result, an area, a confirmation, a correction.
    pub person: Option<PersonId>,
    /// When it happened, in the words of who saw it.
    pub happened: Happened,
    /// When it was put on record. Only facts recorded by then are known at a moment.
    pub recorded_at: Instant,
    /// What was seen.
    pub body: FactBody,
}

/// Why a line is not a fact.
#[derive(Debug, Error)]
pub enum FactError {
    /// Not JSON, a field missing, one too many, or a value of the wrong kind.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// A kind that this version does not know.
    #[error("unknown kind '{kind}'. Known kinds: {}", FactKind::ALL.map(FactKind::name).join(", "))]
    UnknownKind {
        /// The kind as it came.
        kind: String,
    },
    /// The body of a known kind is wrong.
    #[error("body of kind '{kind}': {source}")]
    Body {
        /// The kind.
        kind: FactKind,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A kind that is about a person came without one, or the other way round.
    #[error("kind '{kind}' {}", if *.needed { "needs 'person': say whom it is about" } else { "has no 'person': leave the field out" })]
    Person {
        /// The kind.
        kind: FactKind,
        /// Whether the kind needs a person.
        needed: bool,
    },
}

impl Fact {
    /// Reads one JSON object `{id, kind, person, happened, recorded_at, body}`. A `division` may stand beside them and is
    /// passed over: it belongs to the record of a fact in a store.
    ///
    /// # Errors
    /// [`FactError`]: which field is wrong and what would be right.
    pub fn from_json(line: &str) -> Result<Self, FactError> {
        let wire: FactWire<'_> = serde_json::from_str(line)?;
        let body = FactBody::from_json(&wire.kind, wire.body.get())?;
        let kind = body.kind();
        if kind.is_about_a_person() != wire.person.is_some() {
            return Err(FactError::Person { kind, needed: kind.is_about_a_person() });
        }
        Ok(Self { id: wire.id, person: wire.person, happened: wire.happened, recorded_at: wire.recorded_at, body })
    }

    /// The same as one line of JSON, without line end.
    pub fn to_json(&self) -> String {
        self.to_wire(None)
    }

    /// As [`Fact::to_json`], with the division that the fact was recorded for.
    pub fn to_json_in(&self, division: DivisionCode) -> String {
        self.to_wire(Some(division))
    }

    fn to_wire(&self, division: Option<DivisionCode>) -> String {
        let body = RawValue::from_string(self.body.to_json()).expect("a body is written as valid JSON");
        serde_json::to_string(&FactWire {
            id: self.id,
            kind: self.body.kind().name().into(),
            person: self.person,
            division: division.map(|division| division.to_string().into()),
            happened: self.happened.clone(),
            recorded_at: self.recorded_at,
            body: &body,
        })
        .expect("a fact is made of values that JSON can hold")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactWire<'a> {
    id: FactId,
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<PersonId>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    division: Option<std::borrow::Cow<'a, str>>,
    happened: Happened,
    recorded_at: Instant,
    #[serde(borrow)]
    body: &'a RawValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_reads_back_as_written() {
        let line = r#"{"id":"0193a5b0-0000-7000-8000-000000000001","kind":"exposure","person":"0193a5b0-0000-7000-8000-000000000002","happened":{"from":"2022-03-02T10:00:00+08:00","to":"2022-03-02T11:30:00+08:00"},"recorded_at":"2022-03-02T13:00:00+08:00","body":{"case":"0193a5b0-0000-7000-8000-000000000003","evidence":"interview","class":"close_contact"}}"#;
        assert_eq!(Fact::from_json(line).unwrap().to_json(), line);
    }

    #[test]
    fn a_wrong_line_says_what_is_wrong() {
        let say = |line: &str| Fact::from_json(line).unwrap_err().to_string();
        let with = |kind: &str, person: &str, body: &str| {
            format!(
                r#"{{"id":"f1","kind":"{kind}",{person}"happened":{{"at":"2022-03-02T10:00:00+08:00"}},"recorded_at":"2022-03-02T13:00:00+08:00","body":{body}}}"#
            )
        };
        assert!(say(&with("rumour", "", "{}")).starts_with("unknown kind 'rumour'. Known kinds: person,"));
        assert!(say(&with("death", "", "{}")).contains("needs 'person'"));
        assert!(say(&with("area_ended", r#""person":"p1","#, r#"{"area":"41"}"#)).contains("has no 'person'"));
        assert!(say(&with("sample", r#""person":"p1","#, r#"{"method":"guess"}"#)).contains("unknown variant `guess`"));
        assert!(say(&with("sample", r#""person":"p1","#, "{}")).contains("missing field `method`"));
        assert!(say("{").contains("EOF"));
    }
}
