//! The bodies of a mapping's facts: where each field comes from, and whether the kind has it.

use std::{collections::BTreeMap, ops::Range};

use sizao_model::{FactBody, FactKind};
use toml::Spanned;

use super::{Compiler, Field, Result1, complain};
use crate::mapping::{
    Piece, Plural, Template, ValueSpec,
    wire::{ValueTable, ValueWire},
};

impl Compiler {
    pub(super) fn template(&mut self, text: &str, span: &Range<usize>) -> Result1<Template> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let Some(close) = rest[open..].find('}') else {
                return complain(span, format!("'{text}' opens a brace that is not closed"));
            };
            if open > 0 {
                pieces.push(Piece::Text(rest[..open].into()));
            }
            pieces.push(Piece::Cell(self.column(&rest[open + 1..open + close])?));
            rest = &rest[open + close + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        Ok(Template(pieces))
    }

    pub(super) fn body(&mut self, fields: BTreeMap<String, Spanned<ValueWire>>) -> Result1<Vec<Field>> {
        let mut body = Vec::new();
        for (name, wire) in fields {
            let span = wire.span();
            let value = self.value(wire.into_inner(), &span)?;
            body.push((name.into(), value, span));
        }
        Ok(body)
    }

    pub(super) fn value(&mut self, wire: ValueWire, span: &Range<usize>) -> Result1<ValueSpec> {
        let table = match wire {
            ValueWire::Constant(toml::Value::String(text)) if text.contains('{') => {
                return self.template(&text, span).map(ValueSpec::Text);
            }
            ValueWire::Constant(value) => return json_of(&value, span).map(ValueSpec::Constant),
            ValueWire::Table(table) => *table,
        };
        let ValueTable { column, codes, others, separator, number, day, instant, person, people, fact, facts, object } =
            table;
        let codes = codes.map(|name| self.codes(&name, span)).transpose()?;
        let given = [
            column.is_some(),
            number.is_some(),
            day.is_some(),
            instant.is_some(),
            person.is_some(),
            people.is_some(),
            fact.is_some(),
            facts.is_some(),
            object.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return complain(
                span,
                "a value has exactly one of 'column', 'number', 'day', 'instant', 'person', 'people', 'fact', 'facts', \
                 'object'",
            );
        }
        let keep_others = match others.as_deref() {
            None | Some("refuse") => false,
            Some("keep") if codes.is_some() => true,
            _ => return complain(span, "'others' belongs to 'codes': keep (as written) or refuse (costs the row)"),
        };
        if column.is_none() && (codes.is_some() || separator.is_some()) {
            return complain(span, "'codes' and 'separator' belong to 'column'");
        }
        if let Some(column) = column {
            let column = self.column(&column)?;
            return Ok(match (separator, codes) {
                (Some(separator), codes) => ValueSpec::List { column, separator: separator.into(), codes },
                (None, Some(codes)) => ValueSpec::Coded { column, codes, keep_others },
                (None, None) => ValueSpec::Text(Template(vec![Piece::Cell(column)])),
            });
        }
        if let Some(column) = number {
            return self.column(&column).map(ValueSpec::Number);
        }
        if let Some(date) = day {
            return self.date(date, span).map(ValueSpec::Day);
        }
        if let Some(date) = instant {
            return self.date(date, span).map(ValueSpec::Instant);
        }
        if let Some(id) = person {
            return Ok(ValueSpec::People(vec![self.person_named(&id, span)?], Plural::One));
        }
        if let Some(ids) = people {
            let people = ids.iter().map(|id| self.person_named(id, span)).collect::<Result1<_>>()?;
            return Ok(ValueSpec::People(people, Plural::Many));
        }
        if let Some(key) = fact {
            return Ok(ValueSpec::Facts(vec![self.template(&key, span)?], Plural::One));
        }
        if let Some(keys) = facts {
            let keys = keys.iter().map(|key| self.template(key, span)).collect::<Result1<_>>()?;
            return Ok(ValueSpec::Facts(keys, Plural::Many));
        }
        let fields = self.body(object.expect("one of the nine is given"))?;
        Ok(ValueSpec::Object(fields.into_iter().map(|(name, value, _)| (name, value)).collect()))
    }

    /// Tries what can be tried without a row: that the fields exist and that constants and code lists fit them.
    pub(super) fn check_body(&self, kind: FactKind, body: &[Field], span: &Range<usize>) -> Result1<()> {
        for (field, value, at) in body {
            let candidates: Vec<&str> = match value {
                ValueSpec::Constant(json) => vec![json],
                ValueSpec::Coded { codes, .. } => self.code_lists[*codes].values.values().map(|json| &**json).collect(),
                _ => vec!["null"],
            };
            for json in candidates {
                if let Some(message) = field_error(kind, field, json)
                    && (json != "null" || message.contains("unknown field"))
                {
                    return complain(at, format!("body of kind '{kind}', field '{field}': {message}"));
                }
            }
        }
        // What is required and has no source at all would cost every row.
        let known = body.iter().filter_map(|(field, value, _)| match value {
            ValueSpec::Constant(json) => Some(format!("\"{field}\":{json}")),
            ValueSpec::Coded { codes, .. } => {
                self.code_lists[*codes].values.values().next().map(|json| format!("\"{field}\":{json}"))
            }
            _ => None,
        });
        let json = format!("{{{}}}", known.collect::<Vec<_>>().join(","));
        let Err(error) = FactBody::from_json(kind.name(), &json) else { return Ok(()) };
        let message = error.to_string();
        match message.split('`').nth(1) {
            Some(field) if message.contains("missing field") && body.iter().all(|(name, ..)| **name != *field) => {
                complain(span, format!("a fact of kind '{kind}' needs '{field}' in its body"))
            }
            _ => Ok(()),
        }
    }
}

/// What is wrong with this value in this field, all others left aside.
pub(crate) fn field_error(kind: FactKind, field: &str, json: &str) -> Option<String> {
    let alone = format!("{{{}:{json}}}", serde_json::Value::from(field));
    let error = FactBody::from_json(kind.name(), &alone).err()?;
    let sizao_model::fact::FactError::Body { source, .. } = error else { return Some(error.to_string()) };
    let message = source.to_string();
    if message.contains("missing field") || message.contains("give exactly one of") {
        return None;
    }
    Some(message.split(" at line ").next().unwrap_or(&message).to_owned())
}

pub(super) fn json_of(value: &toml::Value, span: &Range<usize>) -> Result1<Box<str>> {
    match value {
        toml::Value::Datetime(_) => complain(span, "write dates as texts: \"2022-03-17\""),
        value => serde_json::to_string(value).map(Into::into).or_else(|error| complain(span, error.to_string())),
    }
}
