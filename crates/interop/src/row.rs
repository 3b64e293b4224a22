//! One row of cells becomes people and facts, or a list of everything that is wrong with it.

use std::{
    borrow::Cow,
    fmt::Write as _,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};
use sizao_model::{
    DivisionCode, Edge, FactBody, FactId, FactKind, Happened, Instant, PersonId, When,
    draft::{FactDraft, Origin, PersonDraft, PersonName, provisional_fact},
    identity::{Document, Phone},
};

use crate::{
    date::{at_time_of_day, read_date, read_time_of_day},
    mapping::{
        Column, ColumnSpec, DateSource, DateSpec, DivisionSpec, DocumentKindSpec, FactSpec, HappenedSpec, Mapping,
        NameSpec, PersonSpec, Piece, Plural, Template, Test, Unusable, ValueSpec, field_error,
    },
    mask,
    places::Found,
    problem::{MEND_CELL, Note, NoteKind, Problem},
};

/// How far ahead of the clock something may have happened: clocks differ.
const AHEAD_MINUTES_MAX: i64 = 5;
/// The longest text of one cell that is shown in a message, in characters.
const SHOWN_CHARS_MAX: usize = 40;
/// Body fields that speak of times to come.
const FIELDS_AHEAD: [&str; 2] = ["until", "leaves_at"];

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
    pub(crate) fn read(&mut self, cells: RowCells<'_>, digest: [u8; 16]) -> Result<Row, Vec<Problem>> {
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
        let mut row = Row { origin, people: Vec::new(), facts: Vec::new(), notes: Vec::new() };
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

/// Whether something happened later than the clock allows. Only arrivals and areas may be announced.
pub(crate) fn is_ahead(kind: FactKind, happened: &Happened, now: Instant) -> bool {
    is_later(kind, happened, now.plus_minutes(AHEAD_MINUTES_MAX))
}

fn is_later(kind: FactKind, happened: &Happened, latest: Instant) -> bool {
    let last_known = match happened.when {
        When::At(instant) => instant,
        When::On(day) | When::During(_, Some(Edge::Day(day))) => happened.zone.start_of(day),
        When::During(from, None) => from.first(&happened.zone),
        When::During(_, Some(Edge::At(instant))) => instant,
    };
    last_known > latest && !matches!(kind, FactKind::Arrival | FactKind::AreaDeclared)
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

    fn person(&mut self, spec: &PersonSpec) -> Outcome<Option<PersonDraft>> {
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

    fn name(&mut self, spec: &NameSpec) -> Outcome<Option<PersonName>> {
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

    fn division(&mut self, spec: &DivisionSpec, person: Option<usize>) -> Outcome<DivisionCode> {
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

    fn holds(&self, spec: &FactSpec) -> bool {
        spec.when.iter().all(|condition| {
            let cell = self.cell(condition.column);
            match &condition.test {
                Test::Present => cell.is_some(),
                Test::Blank => cell.is_none(),
                Test::Is(words) => cell.is_some_and(|cell| words.iter().any(|word| **word == *cell)),
                Test::IsNot(words) => cell.is_some_and(|cell| words.iter().all(|word| **word != *cell)),
            }
        })
    }

    fn fact(&mut self, spec: &FactSpec, people_failed: bool, json: &mut String) -> Outcome<Option<FactDraft>> {
        if !self.holds(spec) {
            return Ok(None);
        }
        let person = match spec.person.map(|index| self.people[index]) {
            Some(None) if !people_failed => return Ok(None),
            Some(person) => person.map(|(id, _)| id),
            None => None,
        };
        self.about = person;
        let key = spec.key.as_ref().map(|key| self.template(key)).transpose();
        let division = self.division(&spec.division, spec.person);
        let happened = self.happened(spec);
        let recorded_at = spec.recorded.as_ref().map(|date| self.date(date)).transpose();
        let body = self.body(spec, json);
        self.about = None;
        let (key, division, recorded_at, body) = (key?, division?, recorded_at?.flatten(), body?);
        let Some(happened) = happened? else { return Ok(None) };
        let recorded_at = recorded_at.map(|edge| match edge {
            Edge::At(instant) => instant,
            // A day alone: its end, when everything of that day had happened.
            Edge::Day(day) => self.mapping.zone.start_of(day.plus_days(1)),
        });
        Ok(Some(FactDraft {
            origin: Origin { row: self.cells.row, part: 0, line_digest: [0; 16] },
            key: key.map(Into::into),
            person,
            division,
            happened,
            recorded_at,
            body,
        }))
    }

    /// The time of the fact; nothing when it was noted as unusable.
    fn happened(&mut self, spec: &FactSpec) -> Outcome<Option<Happened>> {
        let zone = self.mapping.zone.clone();
        let (first, column) = match &spec.happened {
            HappenedSpec::Once(date) | HappenedSpec::During(date, _) => (self.date(date), date.first_column()),
        };
        let when = match &spec.happened {
            HappenedSpec::Once(_) => first?.map(|edge| match edge {
                Edge::At(instant) => When::At(instant),
                Edge::Day(day) => When::On(day),
            }),
            HappenedSpec::During(_, None) => first?.map(|from| When::During(from, None)),
            HappenedSpec::During(_, Some(to)) => {
                let to = self.date(to);
                let (from, to) = (first?, to?);
                from.zip(to).map(|(from, to)| When::During(from, Some(to)))
            }
        };
        let Some(when) = when else {
            return self.unusable(spec, column, "the date of this fact is missing").map(|()| None);
        };
        let mut happened = Happened { when, zone };
        if let When::During(_, Some(to)) = happened.when
            && (to.last(&happened.zone) < happened.starts_at() || to.day(&happened.zone) < happened.first_day())
        {
            let rule =
                format!("it would end on {}, before it begins on {}", to.day(&happened.zone), happened.first_day());
            if spec.unusable != Unusable::Shorten {
                return self.unusable(spec, column, rule).map(|()| None);
            }
            self.note(NoteKind::Shortened, None, spec.kind.name(), &format!("only its end is taken: {rule}"));
            happened.when = When::During(to, Some(to));
        }
        if is_later(spec.kind, &happened, self.latest) {
            let rule = "this lies in the future, and only arrivals and areas may be announced";
            return match column {
                Some(column) => Err(self.problem(column, rule, MEND_CELL)),
                None => Err(self.problem_of_row(rule)),
            };
        }
        Ok(Some(happened))
    }

    fn unusable(&mut self, spec: &FactSpec, column: Option<Column>, rule: impl Into<Cow<'static, str>>) -> Outcome<()> {
        let rule = rule.into();
        if spec.unusable != Unusable::Refuse {
            let subject = spec.kind.name();
            self.note(NoteKind::Unusable, None, subject, &format!("no such fact was made: {rule}"));
            return Ok(());
        }
        Err(match column {
            Some(column) => self.problem(column, rule, MEND_CELL),
            None => self.problem_of_row(rule),
        })
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

    fn date(&mut self, spec: &DateSpec) -> Outcome<Option<Edge>> {
        let found = match &spec.source {
            DateSource::Constant(edge) => Some(*edge),
            DateSource::Column { column, time } => self.date_cell(*column, *time)?,
            DateSource::FirstOf { usual, stand_in } => match self.first_date(usual)? {
                Some((edge, _)) => Some(edge),
                None => self.first_date(stand_in)?.map(|(edge, column)| {
                    self.note(NoteKind::StandIn, column, "date", "stands in for a date that is missing");
                    edge
                }),
            },
            DateSource::EarliestOf(list) => self.extreme(list, |new, old| new < old)?,
            DateSource::LatestOf(list) => self.extreme(list, |new, old| new > old)?,
        };
        let zone = &self.mapping.zone;
        let moved = found.map(|edge| match edge {
            Edge::Day(day) => Edge::Day(day.plus_days(spec.plus_days)),
            Edge::At(instant) => Edge::At(instant.plus_hours(24 * i64::from(spec.plus_days))),
        });
        match (moved, spec.at) {
            (Some(Edge::Day(day)), Some(second)) => match at_time_of_day(day, second, zone) {
                Ok(instant) => Ok(Some(Edge::At(instant))),
                Err(rule) => Err(match spec.first_column() {
                    Some(column) => self.problem(column, rule, MEND_CELL),
                    None => self.problem_of_row(rule),
                }),
            },
            (moved, _) => Ok(moved),
        }
    }

    fn first_date(&mut self, list: &[DateSpec]) -> Outcome<Option<(Edge, Option<Column>)>> {
        for date in list {
            if let Some(edge) = self.date(date)? {
                return Ok(Some((edge, date.first_column())));
            }
        }
        Ok(None)
    }

    fn extreme(&mut self, list: &[DateSpec], better: fn(Instant, Instant) -> bool) -> Outcome<Option<Edge>> {
        let mut best: Option<Edge> = None;
        for date in list {
            if let Some(edge) = self.date(date)? {
                let zone = &self.mapping.zone;
                if best.is_none_or(|best| better(edge.first(zone), best.first(zone))) {
                    best = Some(edge);
                }
            }
        }
        Ok(best)
    }

    fn date_cell(&mut self, column: Column, time: Option<Column>) -> Outcome<Option<Edge>> {
        let Some(cell) = self.cell(column) else { return Ok(None) };
        let zone = &self.mapping.zone;
        let edge = match read_date(cell, &self.spec(column).dates, zone) {
            Ok(edge) => edge,
            Err(rule) => return Err(self.problem(column, rule, MEND_CELL)),
        };
        let (Some(time), Edge::Day(day)) = (time, edge) else { return Ok(Some(edge)) };
        let Some(clock) = self.cell(time) else { return Ok(Some(edge)) };
        let Some(second) = read_time_of_day(clock) else {
            return Err(self.problem(time, "a time of day is written hh:mm", MEND_CELL));
        };
        match at_time_of_day(day, second, zone) {
            Ok(instant) => Ok(Some(Edge::At(instant))),
            Err(rule) => Err(self.problem(time, rule, MEND_CELL)),
        }
    }

    fn template(&mut self, template: &Template) -> Outcome<String> {
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

    fn body(&mut self, spec: &FactSpec, json: &mut String) -> Outcome<FactBody> {
        json.clear();
        let done = self.object(&spec.body, json);
        done?;
        match FactBody::from_json(spec.kind.name(), json) {
            Ok(body) => Ok(body),
            Err(error) => Err(self.blame(spec, &error.to_string())),
        }
    }

    fn object(&mut self, fields: &[(Box<str>, ValueSpec)], json: &mut String) -> Outcome<()> {
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
    fn value(&mut self, field: &str, value: &ValueSpec, json: &mut String) -> Outcome<bool> {
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

    fn list(&mut self, column: Column, separator: &str, codes: Option<usize>, json: &mut String) -> Outcome<bool> {
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

    fn not_ahead(&mut self, field: &str, date: &DateSpec, edge: Edge) -> Outcome<()> {
        if edge.first(&self.mapping.zone) <= self.latest || FIELDS_AHEAD.contains(&field) {
            return Ok(());
        }
        let rule = "this lies in the future";
        Err(match date.first_column() {
            Some(column) => self.problem(column, rule, MEND_CELL),
            None => self.problem_of_row(rule),
        })
    }

    fn unknown_word(&mut self, column: Column, known: &[&str]) -> Failed {
        let mut known = known.to_vec();
        known.sort_unstable();
        let more = if known.len() > 12 { ", …" } else { "" };
        known.truncate(12);
        let rule = format!("the mapping knows only {}{more}", known.join(", "));
        self.problem(column, rule, "Correct the cell, or add the word to the mapping, and send the file again")
    }

    /// Finds the cell that makes a body impossible, once it is known to be.
    fn blame(&mut self, spec: &FactSpec, message: &str) -> Failed {
        let mut culprits = Vec::new();
        for (name, value) in &spec.body {
            let mut json = String::new();
            let written = matches!(self.value(name, value, &mut json), Ok(true));
            let Some(column) = value.first_column() else { continue };
            if !written && message.contains(&format!("`{name}`")) {
                culprits.push((column, format!("the cell is blank, and a fact of kind '{}' needs it", spec.kind)));
            } else if written && let Some(rule) = field_error(spec.kind, name, &json) {
                // The library's sentence repeats the value; a sensitive one must not slip out that way.
                let rule = if self.spec(column).sensitive { "this value does not fit here".to_owned() } else { rule };
                culprits.push((column, rule));
            }
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
