//! One row of cells becomes people and facts, or a list of everything that is wrong with it.

mod body;
mod dates;
mod facts;
mod people;

use std::{
    borrow::Cow,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

pub(crate) use facts::is_ahead;
use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};
use sizao_model::{
    DivisionCode, FactId, Instant, PersonId,
    draft::{FactDraft, Origin, PersonDraft, provisional_fact},
};

use crate::{
    mapping::{Column, ColumnSpec, FactSpec, Mapping, Template},
    mask,
    problem::{Note, NoteKind, Problem, RowError},
};

/// How far ahead of the clock something may have happened: clocks differ.
const AHEAD_MINUTES_MAX: i64 = 5;
/// The longest text of one cell that is shown in a message, in characters.
const SHOWN_CHARS_MAX: usize = 40;

/// What one row of a table says.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which row; `part` is 0.
    pub origin: Origin,
    /// Who is named in it.
    pub people: Vec<PersonDraft>,
    /// What it says happened. None, when it only repeats what earlier rows said.
    pub facts: Vec<FactDraft>,
    /// What should be known about how it was read.
    pub notes: Vec<Note>,
    /// The cells as they came, so that the row can still be handed back.
    pub source: RowSource,
}

/// The cells of a row that was understood, for [`BadRows`](crate::BadRows) in case the store refuses it. `Debug` shows
/// none of them.
#[derive(Clone, Default)]
pub struct RowSource {
    row: u64,
    text: Box<str>,
    spans: Box<[(u32, u32)]>,
}

impl RowSource {
    pub(crate) fn new(row: u64, text: &str, spans: impl Iterator<Item = (u32, u32)>) -> Self {
        Self { row, text: text.into(), spans: spans.collect() }
    }

    /// Row number as a spreadsheet shows it.
    pub const fn row(&self) -> u64 {
        self.row
    }

    /// The row handed back after all, with the rule that it breaks and what to do about it.
    pub fn refuse(&self, rule: impl Into<Cow<'static, str>>, cure: &'static str) -> RowError {
        let cells = self.spans.iter().map(|&(from, to)| self.text[from as usize..to as usize].into()).collect();
        let problem = Problem { column: None, value: "".into(), rule: rule.into(), cure: cure.into() };
        RowError { row: self.row, problems: vec![problem], cells }
    }
}

impl fmt::Debug for RowSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowSource(row {})", self.row)
    }
}

/// Reads the rows of one table.
pub(crate) struct RowReader<'m> {
    mapping: &'m Mapping,
    /// Cell of each column of the mapping.
    positions: Vec<Option<usize>>,
    latest: Instant,
    /// Facts that several rows repeat, with what they said and where.
    seen: FxHashMap<FactId, (u64, u64)>,
    json: String,
}

/// The cells of one row.
#[derive(Clone, Copy)]
pub(crate) struct RowCells<'a> {
    pub row: u64,
    pub text: &'a str,
    pub spans: &'a [(u32, u32)],
}

/// A problem was written down; nothing more to say here.
struct Failed;

type Outcome<T> = Result<T, Failed>;

/// What is being found out about one row.
struct Reading<'a, 'm> {
    mapping: &'m Mapping,
    positions: &'a [Option<usize>],
    cells: RowCells<'a>,
    latest: Instant,
    problems: Vec<Problem>,
    notes: Vec<Note>,
    /// Provisional ids and divisions by index of the mapping's people; nothing where the row does not name one.
    people: Vec<Option<(PersonId, DivisionCode)>>,
    about: Option<PersonId>,
}

impl<'m> RowReader<'m> {
    pub(crate) fn new(mapping: &'m Mapping, positions: Vec<Option<usize>>, now: Instant) -> Self {
        Self {
            mapping,
            positions,
            latest: now.plus_minutes(AHEAD_MINUTES_MAX),
            seen: FxHashMap::default(),
            json: String::new(),
        }
    }

    /// Reads a row, or says everything that is wrong with it.
    pub(crate) fn read(
        &mut self,
        cells: RowCells<'_>,
        digest: [u8; 16],
        payload: impl Iterator<Item = (u32, u32)>,
    ) -> Result<Row, Vec<Problem>> {
        let origin = Origin { row: cells.row, part: 0, line_digest: digest };
        let mut reading = Reading {
            mapping: self.mapping,
            positions: &self.positions,
            cells,
            latest: self.latest,
            problems: Vec::new(),
            notes: Vec::new(),
            people: Vec::with_capacity(self.mapping.people.len()),
            about: None,
        };
        let source = RowSource::new(cells.row, cells.text, payload);
        let mut row = Row { origin, people: Vec::new(), facts: Vec::new(), notes: Vec::new(), source };
        for spec in &self.mapping.people {
            let person = reading.person(spec).ok().flatten();
            reading.people.push(person.as_ref().map(|draft| (draft.names[0].provisional(), draft.division)));
            row.people.extend(person);
        }
        let people_failed = !reading.problems.is_empty();
        let mut once = Vec::new();
        for spec in &self.mapping.facts {
            let notes_before = reading.notes.len();
            let Ok(Some(mut fact)) = reading.fact(spec, people_failed, &mut self.json) else { continue };
            if spec.once
                && let Some(key) = &fact.key
            {
                let id = provisional_fact(&self.mapping.sender, key);
                let content = content_of(&fact, &self.json);
                let known = self.seen.get(&id).copied();
                let known = known.or_else(|| once.iter().find(|(seen, _)| *seen == id).map(|(_, said)| *said));
                match known {
                    Some((said, _)) if said == content => {
                        reading.notes.truncate(notes_before);
                        continue;
                    }
                    Some((_, first)) => {
                        reading.contradicts(spec, first);
                        continue;
                    }
                    None => once.push((id, (content, cells.row))),
                }
            }
            fact.origin = Origin { part: row.facts.len() as u16, ..origin };
            row.facts.push(fact);
        }
        if reading.problems.is_empty() {
            self.seen.extend(once);
            row.notes = reading.notes;
            Ok(row)
        } else {
            Err(reading.finish_problems())
        }
    }
}

/// First 16 bytes of SHA-256 over cells, each with its length before it.
pub(crate) fn digest_of<'a>(cells: impl Iterator<Item = &'a str>) -> [u8; 16] {
    let mut hash = Sha256::new();
    for cell in cells {
        hash.update((cell.len() as u64).to_le_bytes());
        hash.update(cell.as_bytes());
    }
    let digest = hash.finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    first
}

fn content_of(fact: &FactDraft, json: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    fact.person.hash(&mut hasher);
    fact.division.hash(&mut hasher);
    fact.happened.when.hash(&mut hasher);
    fact.recorded_at.hash(&mut hasher);
    json.hash(&mut hasher);
    hasher.finish()
}

impl<'m> Reading<'_, 'm> {
    /// The cell, blanks taken off; nothing when it is empty or says that it is not known.
    fn cell(&self, column: Column) -> Option<&str> {
        let (from, to) = *self.cells.spans.get(self.positions[column]?)?;
        let cell = self.cells.text[from as usize..to as usize].trim();
        let blank = cell.is_empty() || self.mapping.columns[column].blanks.iter().any(|blank| **blank == *cell);
        (!blank).then_some(cell)
    }

    fn spec(&self, column: Column) -> &'m ColumnSpec {
        &self.mapping.columns[column]
    }

    fn problem(&mut self, column: Column, rule: impl Into<Cow<'static, str>>, cure: &'static str) -> Failed {
        let value = self.shown(column);
        let (column, rule) = (Some(self.spec(column).name.clone()), rule.into());
        if !self.problems.iter().any(|known| known.column == column && known.rule == rule) {
            self.problems.push(Problem { column, value, rule, cure: cure.into() });
        }
        Failed
    }

    fn shown(&self, column: Column) -> Box<str> {
        let Some(cell) = self.cell(column) else { return "".into() };
        mask::shown(cell, self.spec(column).sensitive, SHOWN_CHARS_MAX).into()
    }

    fn note(&mut self, kind: NoteKind, column: Option<Column>, subject: &str, text: &str) {
        let note = Note {
            row: self.cells.row,
            kind,
            subject: column.map_or_else(|| subject.into(), |column| self.spec(column).name.clone()),
            value: column.map_or_else(|| "".into(), |column| self.shown(column)),
            text: text.into(),
            person: self.about,
        };
        let same = |known: &Note| {
            (known.kind, &known.subject, &known.value, &known.text)
                == (note.kind, &note.subject, &note.value, &note.text)
                && (note.person.is_none() || known.person == note.person)
        };
        if !self.notes.iter().any(same) {
            self.notes.push(note);
        }
    }

    /// When cells have moved to other columns, a number or a name may stand anywhere: then nothing is shown.
    fn finish_problems(mut self) -> Vec<Problem> {
        let moved = (0..self.positions.len())
            .any(|column| !self.spec(column).sensitive && self.cell(column).is_some_and(mask::looks_identifying));
        if moved {
            for problem in &mut self.problems {
                problem.value = "".into();
                // Sentences of the model quote the value that they refuse.
                if problem.rule.contains('`') {
                    problem.rule = "this value does not fit here".into();
                }
            }
            self.problems.push(Problem {
                column: None,
                value: "".into(),
                rule: "an identity or telephone number stands in a column of another kind".into(),
                cure: "Look whether the cells of this row have moved to the left or right".into(),
            });
        }
        self.problems
    }

    fn problem_of_row(&mut self, rule: impl Into<Cow<'static, str>>) -> Failed {
        let (rule, cure) = (rule.into(), "Correct the row and send the file again".into());
        self.problems.push(Problem { column: None, value: "".into(), rule, cure });
        Failed
    }

    fn contradicts(&mut self, spec: &FactSpec, first: u64) {
        let rule = format!("its {} differs from what row {first} says under the same key", spec.kind);
        match spec.key.as_ref().and_then(Template::first_column) {
            Some(column) => self.problem(column, rule, "Make the two rows agree and send the file again"),
            None => self.problem_of_row(rule),
        };
    }

    fn unknown_word(&mut self, column: Column, known: &[&str]) -> Failed {
        let mut known = known.to_vec();
        known.sort_unstable();
        let more = if known.len() > 12 { ", …" } else { "" };
        known.truncate(12);
        let rule = format!("the mapping knows only {}{more}", known.join(", "));
        self.problem(column, rule, "Correct the cell, or add the word to the mapping, and send the file again")
    }
}
