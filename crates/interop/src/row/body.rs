//! The body of a fact: written as JSON from the cells, then read by the model, which knows what is right.

use std::fmt::Write as _;

use sizao_model::{FactBody, draft::provisional_fact};

use super::{Failed, Outcome, Reading};
use crate::{
    mapping::{Column, FactSpec, Piece, Plural, Template, ValueSpec, field_error},
    mask,
    problem::MEND_CELL,
};

impl Reading<'_, '_> {
    pub(super) fn template(&mut self, template: &Template) -> Outcome<String> {
        let mut text = String::new();
        let mut blank = None;
        for piece in &template.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Cell(column) => match self.cell(*column) {
                    Some(cell) => text.push_str(cell),
                    None => blank = blank.or(Some(*column)),
                },
            }
        }
        match blank {
            Some(column) => Err(self.problem(column, "the cell is blank and is needed to name this fact", MEND_CELL)),
            None => Ok(text),
        }
    }

    pub(super) fn body(&mut self, spec: &FactSpec, json: &mut String) -> Outcome<FactBody> {
        json.clear();
        let done = self.object(&spec.body, json);
        done?;
        match FactBody::from_json(spec.kind.name(), json) {
            Ok(body) => Ok(body),
            Err(error) => Err(self.blame(spec, &error.to_string())),
        }
    }

    pub(super) fn object(&mut self, fields: &[(Box<str>, ValueSpec)], json: &mut String) -> Outcome<()> {
        let mut outcome = Ok(());
        json.push('{');
        let start = json.len();
        for (name, value) in fields {
            let before = json.len();
            if before > start {
                json.push(',');
            }
            push_json_text(json, name);
            json.push(':');
            match self.value(name, value, json) {
                Ok(true) => {}
                Ok(false) => json.truncate(before),
                Err(Failed) => outcome = Err(Failed),
            }
        }
        json.push('}');
        outcome
    }

    /// Writes the value, unless its cell is blank.
    pub(super) fn value(&mut self, field: &str, value: &ValueSpec, json: &mut String) -> Outcome<bool> {
        match value {
            ValueSpec::Constant(constant) => json.push_str(constant),
            ValueSpec::Text(template) => {
                if template.0.iter().any(|piece| matches!(piece, Piece::Cell(column) if self.cell(*column).is_none())) {
                    return Ok(false);
                }
                let text = self.template(template)?;
                push_json_text(json, &text);
            }
            ValueSpec::Coded { column, codes, keep_others } => {
                let Some(cell) = self.cell(*column) else { return Ok(false) };
                let list = &self.mapping.code_lists[*codes];
                match list.values.get(cell) {
                    Some(code) => json.push_str(code),
                    None if *keep_others => push_json_text(json, cell),
                    None => {
                        let known: Vec<&str> = list.values.keys().map(|known| &**known).collect();
                        return Err(self.unknown_word(*column, &known));
                    }
                }
            }
            ValueSpec::List { column, separator, codes } => return self.list(*column, separator, *codes, json),
            ValueSpec::Number(column) => {
                let Some(cell) = self.cell(*column) else { return Ok(false) };
                match cell.parse::<f64>() {
                    Ok(number) if number.is_finite() => {
                        let _ = match number {
                            whole if whole.fract() == 0.0 && whole.abs() < 1e15 => write!(json, "{}", whole as i64),
                            other => write!(json, "{other}"),
                        };
                    }
                    _ => return Err(self.problem(*column, "this is not a number", MEND_CELL)),
                }
            }
            ValueSpec::Day(date) => {
                let Some(edge) = self.date(date)? else { return Ok(false) };
                self.not_ahead(field, date, edge)?;
                let _ = write!(json, "\"{}\"", edge.day(&self.mapping.zone));
            }
            ValueSpec::Instant(date) => {
                let Some(edge) = self.date(date)? else { return Ok(false) };
                self.not_ahead(field, date, edge)?;
                let _ = write!(json, "\"{}\"", edge.first(&self.mapping.zone));
            }
            ValueSpec::People(people, plural) => {
                let ids: Vec<_> = people.iter().filter_map(|&person| self.people[person]).collect();
                if ids.is_empty() {
                    return Ok(false);
                }
                push_ids(json, ids.iter().map(|(id, _)| id.uuid()), *plural);
            }
            ValueSpec::Facts(keys, plural) => {
                let mut ids = Vec::with_capacity(keys.len());
                for key in keys {
                    if key.first_column().is_some_and(|column| self.cell(column).is_none()) {
                        continue;
                    }
                    ids.push(provisional_fact(&self.mapping.sender, &self.template(key)?));
                }
                if ids.is_empty() {
                    return Ok(false);
                }
                push_ids(json, ids.iter().map(|id| id.uuid()), *plural);
            }
            ValueSpec::Object(fields) => self.object(fields, json)?,
        }
        Ok(true)
    }

    pub(super) fn list(
        &mut self,
        column: Column,
        separator: &str,
        codes: Option<usize>,
        json: &mut String,
    ) -> Outcome<bool> {
        let Some(cell) = self.cell(column) else { return Ok(false) };
        let parts: Vec<String> = match separator {
            "" => vec![cell.to_owned()],
            separator => cell.split(separator).map(|part| part.trim().to_owned()).filter(|p| !p.is_empty()).collect(),
        };
        json.push('[');
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                json.push(',');
            }
            match codes {
                None => push_json_text(json, part),
                Some(codes) => {
                    let list = &self.mapping.code_lists[codes];
                    match list.values.get(part.as_str()) {
                        Some(code) => json.push_str(code),
                        None => {
                            let known: Vec<&str> = list.values.keys().map(|known| &**known).collect();
                            return Err(self.unknown_word(column, &known));
                        }
                    }
                }
            }
        }
        json.push(']');
        Ok(true)
    }

    /// Finds the cell that makes a body impossible, once it is known to be.
    pub(super) fn blame(&mut self, spec: &FactSpec, message: &str) -> Failed {
        let mut culprits = Vec::new();
        for (name, value) in &spec.body {
            let mut json = String::new();
            let written = matches!(self.value(name, value, &mut json), Ok(true));
            let Some(column) = value.first_column() else { continue };
            if !written && message.contains(&format!("`{name}`")) {
                culprits.push((column, format!("the cell is blank, and a fact of kind '{}' needs it", spec.kind)));
            } else if written && let Some(rule) = field_error(spec.kind, name, &json) {
                // The model's sentence repeats the value; one that may identify somebody must not slip out that way.
                let hidden = self.spec(column).sensitive || self.cell(column).is_some_and(mask::looks_identifying);
                let rule = if hidden { "this value does not fit here".to_owned() } else { rule };
                culprits.push((column, rule));
            }
        }
        if culprits.is_empty() && !self.problems.is_empty() {
            // A consequence of what was said before, such as a reference by a blank cell.
            return Failed;
        }
        if culprits.is_empty() {
            let rule = message.split(" at line ").next().unwrap_or(message).to_owned();
            return self.problem_of_row(rule);
        }
        for (column, rule) in culprits {
            self.problem(column, rule, MEND_CELL);
        }
        Failed
    }
}

fn push_ids(json: &mut String, ids: impl Iterator<Item = uuid::Uuid>, plural: Plural) {
    let list = plural == Plural::Many;
    json.push_str(if list { "[" } else { "" });
    for (i, id) in ids.enumerate() {
        let _ = write!(json, "{}\"{id}\"", if i > 0 { "," } else { "" });
    }
    json.push_str(if list { "]" } else { "" });
}

fn push_json_text(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", c as u32);
            }
            c => json.push(c),
        }
    }
    json.push('"');
}
