//! Who is named in a row, and where they are looked after.

use sizao_model::{
    DivisionCode,
    draft::{PersonDraft, PersonName},
    identity::{Document, Phone},
};

use super::{Failed, Outcome, Reading};
use crate::{
    mapping::{DivisionSpec, DocumentKindSpec, NameSpec, PersonSpec},
    places::Found,
    problem::{MEND_CELL, NoteKind},
};

impl Reading<'_, '_> {
    pub(super) fn person(&mut self, spec: &PersonSpec) -> Outcome<Option<PersonDraft>> {
        let mut names = Vec::with_capacity(spec.names.len());
        let mut failed = false;
        for name in &spec.names {
            match self.name(name) {
                Ok(Some(name)) => names.push(name),
                Ok(None) => {}
                Err(Failed) => failed = true,
            }
        }
        if names.is_empty() && !failed {
            if spec.optional {
                return Ok(None);
            }
            let (NameSpec::Code { column, .. } | NameSpec::Document { column, .. }) = &spec.names[0];
            return Err(self.problem(*column, "the cell is blank, and it says whom the row is about", MEND_CELL));
        }
        self.about = names.first().map(PersonName::provisional);
        let division = self.division(&spec.division, None);
        let mut phones = Vec::with_capacity(spec.phones.len());
        for (column, role) in &spec.phones {
            match self.cell(*column).map(|cell| Phone::new(cell, *role)) {
                Some(Ok(phone)) => phones.push(phone),
                Some(Err(error)) => {
                    self.problem(*column, error.to_string(), MEND_CELL);
                    failed = true;
                }
                None => {}
            }
        }
        let full_name = match spec.full_name.map(|column| (column, self.cell(column))) {
            Some((column, Some(cell))) if cell.contains(char::REPLACEMENT_CHARACTER) => {
                self.problem(column, "characters were lost on the way here", "Write the name again");
                return Err(Failed);
            }
            Some((_, cell)) => cell.map(Into::into),
            None => None,
        };
        self.about = None;
        if failed {
            return Err(Failed);
        }
        Ok(Some(PersonDraft { names, full_name, phones, division: division? }))
    }

    pub(super) fn name(&mut self, spec: &NameSpec) -> Outcome<Option<PersonName>> {
        match spec {
            NameSpec::Code { scope, column } => match self.cell(*column) {
                Some(code) if code.len() > 200 => Err(self.problem(*column, "a code has at most 200 bytes", MEND_CELL)),
                Some(code) => Ok(Some(PersonName::Code { scope: scope.clone(), code: code.into() })),
                None => Ok(None),
            },
            NameSpec::Document { column, kind } => {
                let Some(number) = self.cell(*column) else { return Ok(None) };
                let kind = match kind {
                    DocumentKindSpec::Always(kind) => *kind,
                    DocumentKindSpec::Column(column, kinds) => match self.cell(*column) {
                        Some(cell) => match kinds.get(cell) {
                            Some(kind) => *kind,
                            None => {
                                let known: Vec<&str> = kinds.keys().map(|cell| &**cell).collect();
                                return Err(self.unknown_word(*column, &known));
                            }
                        },
                        None => {
                            return Err(self.problem(*column, "the cell is blank: which kind of document?", MEND_CELL));
                        }
                    },
                };
                match Document::new(kind, number) {
                    Ok(document) => Ok(Some(PersonName::Document(document))),
                    Err(error) => {
                        // 4.10105E+17: sixteen digits are all that a spreadsheet's number holds.
                        let rounded =
                            number.contains(['E', 'e', '.']) && number.parse::<f64>().is_ok_and(|n| n >= 1e14);
                        let cure = if rounded {
                            "Format the column as text before typing the numbers; a spreadsheet has rounded this one"
                        } else {
                            MEND_CELL
                        };
                        Err(self.problem(*column, error.to_string(), cure))
                    }
                }
            }
        }
    }

    pub(super) fn division(&mut self, spec: &DivisionSpec, person: Option<usize>) -> Outcome<DivisionCode> {
        match spec {
            DivisionSpec::Always(code) => Ok(*code),
            DivisionSpec::OfPerson => {
                person.and_then(|person| self.people[person]).map(|(_, division)| division).ok_or(Failed)
            }
            DivisionSpec::Column { column, places, hint, otherwise } => {
                let mapping = self.mapping;
                let Some(cell) = self.cell(*column) else {
                    return otherwise.ok_or_else(|| self.problem(*column, "the division is missing", MEND_CELL));
                };
                let hint = hint.and_then(|hint| self.cell(hint));
                match mapping.place_lists[*places].find(cell, hint) {
                    Ok(Found::Plain(code)) => Ok(code),
                    Ok(Found::Claimed(code, reason)) => {
                        self.note(NoteKind::PlaceClaim, Some(*column), "", &format!("taken as {code}: {reason}"));
                        Ok(code)
                    }
                    Err(rule) => Err(self.problem(*column, rule, MEND_CELL)),
                }
            }
        }
    }
}
