//! Typed access to the fields of one case.

use jiff::civil::Date;
use serde_json::Value;

use crate::{Counts, EpiError};

/// Why a case could not be run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum CaseError {
    #[error("the case has no usable `{0}`")]
    Field(String),
    #[error("{0}")]
    Method(EpiError),
}

/// One parsed line.
pub(crate) struct Case<'a> {
    value: &'a Value,
}

impl<'a> Case<'a> {
    pub(crate) fn new(value: &'a Value) -> Self {
        Self { value }
    }

    pub(crate) fn id(&self) -> &'a str {
        self.value["id"].as_str().unwrap_or("case without id")
    }

    pub(crate) fn settings(&self) -> Part<'a> {
        Part { name: "settings", value: &self.value["settings"] }
    }

    pub(crate) fn input(&self) -> Part<'a> {
        Part { name: "input", value: &self.value["input"] }
    }

    pub(crate) fn output(&self) -> Part<'a> {
        Part { name: "output", value: &self.value["output"] }
    }

    pub(crate) fn tolerance(&self) -> Part<'a> {
        Part { name: "tolerance", value: &self.value["tolerance"] }
    }

    /// The series under `input.counts`.
    pub(crate) fn counts(&self) -> Result<Counts, CaseError> {
        Ok(Counts::from_observed(self.input().numbers("counts")?)?)
    }

    /// `output.range_1based` as positions from 0.
    pub(crate) fn positions(&self) -> Result<Vec<usize>, CaseError> {
        let rows = self.output().counts("range_1based")?;
        rows.into_iter().map(|r| r.checked_sub(1).ok_or(CaseError::Field("output.range_1based".into()))).collect()
    }
}

/// One of the four objects of a case.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    name: &'static str,
    value: &'a Value,
}

impl<'a> Part<'a> {
    pub(crate) fn raw(&self, key: &str) -> &'a Value {
        &self.value[key]
    }

    pub(crate) fn inner(&self, key: &str) -> Part<'a> {
        Part { name: self.name, value: &self.value[key] }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        !self.value[key].is_null()
    }

    pub(crate) fn number(&self, key: &str) -> Result<f64, CaseError> {
        self.optional(key).ok_or_else(|| self.missing(key))
    }

    /// A number, or the only entry of a list of one.
    pub(crate) fn optional(&self, key: &str) -> Option<f64> {
        match &self.value[key] {
            Value::Array(list) if list.len() == 1 => list[0].as_f64(),
            other => other.as_f64(),
        }
    }

    pub(crate) fn count(&self, key: &str) -> Result<usize, CaseError> {
        as_count(self.number(key)?).ok_or_else(|| self.missing(key))
    }

    pub(crate) fn flag(&self, key: &str) -> Result<bool, CaseError> {
        self.value[key].as_bool().ok_or_else(|| self.missing(key))
    }

    pub(crate) fn text(&self, key: &str) -> Result<&'a str, CaseError> {
        self.value[key].as_str().ok_or_else(|| self.missing(key))
    }

    /// A list of numbers with `None` for null; a single number counts as a list of one.
    pub(crate) fn numbers(&self, key: &str) -> Result<Vec<Option<f64>>, CaseError> {
        match &self.value[key] {
            Value::Array(list) => Ok(list.iter().map(Value::as_f64).collect()),
            Value::Number(n) => Ok(vec![n.as_f64()]),
            _ => Err(self.missing(key)),
        }
    }

    /// A list of numbers, none of them null.
    pub(crate) fn all_numbers(&self, key: &str) -> Result<Vec<f64>, CaseError> {
        self.numbers(key)?.into_iter().map(|v| v.ok_or_else(|| self.missing(key))).collect()
    }

    pub(crate) fn counts(&self, key: &str) -> Result<Vec<usize>, CaseError> {
        self.all_numbers(key)?.into_iter().map(|v| as_count(v).ok_or_else(|| self.missing(key))).collect()
    }

    pub(crate) fn flags(&self, key: &str) -> Result<Vec<Option<bool>>, CaseError> {
        match &self.value[key] {
            Value::Array(list) => Ok(list.iter().map(as_flag).collect()),
            other => Ok(vec![as_flag(other)]),
        }
    }

    pub(crate) fn matrix(&self, key: &str) -> Result<Vec<Vec<Option<f64>>>, CaseError> {
        let rows = self.value[key].as_array().ok_or_else(|| self.missing(key))?;
        rows.iter()
            .map(|row| {
                let row = row.as_array().ok_or_else(|| self.missing(key))?;
                Ok(row.iter().map(Value::as_f64).collect())
            })
            .collect()
    }

    pub(crate) fn date(&self, key: &str) -> Result<Date, CaseError> {
        self.text(key)?.parse().map_err(|_| self.missing(key))
    }

    /// A list of dates; `None` where the field is null.
    pub(crate) fn dates(&self, key: &str) -> Result<Option<Vec<Date>>, CaseError> {
        if !self.has(key) {
            return Ok(None);
        }
        let list = self.value[key].as_array().ok_or_else(|| self.missing(key))?;
        let parse = |v: &Value| v.as_str().and_then(|s| s.parse().ok()).ok_or_else(|| self.missing(key));
        list.iter().map(parse).collect::<Result<_, _>>().map(Some)
    }

    fn missing(&self, key: &str) -> CaseError {
        CaseError::Field(format!("{}.{key}", self.name))
    }
}

fn as_count(value: f64) -> Option<usize> {
    (value >= 0.0 && value.fract() == 0.0 && value < 1e15).then_some(value as usize)
}

fn as_flag(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_f64().map(|v| v != 0.0))
}
