//! Mapping files: which columns of a sender's table become which fields of which facts.
//!
//! A mapping is data (TOML), read and checked as a whole before the first row: a column, code list, person or body
//! field that does not exist is an error with line and column, not a surprise in row 40,000. `docs/imports.md` is the
//! guide for those who write one.

mod compile;
pub(crate) use compile::field_error;
mod wire;

use rustc_hash::FxHashMap;
use sizao_model::{
    DivisionCode, Edge, FactKind, Zone,
    identity::{DocumentKind, PhoneRole},
};
use thiserror::Error;

use crate::{date::Pattern, places::PlaceList};

/// A checked mapping file.
#[derive(Debug)]
pub struct Mapping {
    pub(crate) sender: Box<str>,
    pub(crate) title: Box<str>,
    pub(crate) encoding: Encoding,
    pub(crate) delimiter: u8,
    pub(crate) sheet: Option<Box<str>>,
    /// Where the header stands, when not in the first row that is not blank.
    pub(crate) header_row: Option<u64>,
    pub(crate) zone: Zone,
    pub(crate) columns: Vec<ColumnSpec>,
    pub(crate) code_lists: Vec<CodeList>,
    pub(crate) place_lists: Vec<PlaceList>,
    pub(crate) people: Vec<PersonSpec>,
    pub(crate) facts: Vec<FactSpec>,
}

/// Why a mapping file is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}, column {column}: {message}")]
pub struct MappingError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Mapping {
    /// Reads and checks a mapping file.
    ///
    /// # Errors
    /// [`MappingError`]: where, what, and what would be right.
    pub fn from_toml(text: &str) -> Result<Self, MappingError> {
        compile::compile(text)
    }

    /// Whose keys the facts have; facts refer to each other by key within one sender.
    ///
    /// A draft's provisional id is [`provisional_fact`](sizao_model::draft::provisional_fact) of this and its key.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// What the mapping is for, in the words of who wrote it; the sender when it says nothing.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The columns that the mapping reads, as it calls them.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| &*column.name)
    }
}

/// How a file writes characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8 unless the first row beyond ASCII says otherwise.
    Detect,
    Utf8,
    Gb18030,
}

/// Index into `Mapping::columns`.
pub(crate) type Column = usize;

#[derive(Debug)]
pub(crate) struct ColumnSpec {
    pub name: Box<str>,
    pub also: Vec<Box<str>>,
    pub optional: bool,
    /// Identifies somebody: never shown whole.
    pub sensitive: bool,
    pub holds_document: bool,
    pub holds_date: bool,
    pub blanks: Vec<Box<str>>,
    pub dates: Vec<Pattern>,
}

#[derive(Debug)]
pub(crate) struct CodeList {
    pub name: Box<str>,
    /// Cell to JSON value.
    pub values: FxHashMap<Box<str>, Box<str>>,
}

#[derive(Debug)]
pub(crate) struct PersonSpec {
    pub id: Box<str>,
    pub optional: bool,
    pub names: Vec<NameSpec>,
    pub full_name: Option<Column>,
    pub phones: Vec<(Column, PhoneRole)>,
    pub division: DivisionSpec,
}

#[derive(Debug)]
pub(crate) enum NameSpec {
    Code { scope: Box<str>, column: Column },
    Document { column: Column, kind: DocumentKindSpec },
}

#[derive(Debug)]
pub(crate) enum DocumentKindSpec {
    Always(DocumentKind),
    Column(Column, FxHashMap<Box<str>, DocumentKind>),
}

#[derive(Clone, Debug)]
pub(crate) enum DivisionSpec {
    Always(DivisionCode),
    Column {
        column: Column,
        places: usize,
        hint: Option<Column>,
        otherwise: Option<DivisionCode>,
    },
    /// That of the person the fact is about.
    OfPerson,
}

#[derive(Debug)]
pub(crate) struct FactSpec {
    pub kind: FactKind,
    pub person: Option<usize>,
    pub when: Vec<Condition>,
    pub key: Option<Template>,
    pub once: bool,
    pub unusable: Unusable,
    pub happened: HappenedSpec,
    pub recorded: Option<DateSpec>,
    pub division: DivisionSpec,
    pub body: Vec<(Box<str>, ValueSpec)>,
}

/// What becomes of a fact whose dates are missing or end before they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It costs the row.
    Refuse,
    /// The fact is not made; a note says so.
    List,
    /// An interval that ends before it begins shrinks to its end; a note says so. Missing dates: as `List`.
    Shorten,
}

#[derive(Debug)]
pub(crate) struct Condition {
    pub column: Column,
    pub test: Test,
}

#[derive(Debug)]
pub(crate) enum Test {
    Present,
    Blank,
    Is(Vec<Box<str>>),
    IsNot(Vec<Box<str>>),
}

#[derive(Debug)]
pub(crate) enum HappenedSpec {
    Once(DateSpec),
    During(DateSpec, Option<DateSpec>),
}

#[derive(Debug)]
pub(crate) struct DateSpec {
    pub source: DateSource,
    pub plus_days: i32,
    /// Second of the day that makes a moment of a day.
    pub at: Option<i32>,
}

#[derive(Debug)]
pub(crate) enum DateSource {
    Column { column: Column, time: Option<Column> },
    Constant(Edge),
    FirstOf { usual: Vec<DateSpec>, stand_in: Vec<DateSpec> },
    EarliestOf(Vec<DateSpec>),
    LatestOf(Vec<DateSpec>),
}

/// Text with cells in it: `{case_no}/diagnosis`.
#[derive(Debug)]
pub(crate) struct Template(pub Vec<Piece>);

#[derive(Debug)]
pub(crate) enum Piece {
    Text(Box<str>),
    Cell(Column),
}

#[derive(Debug)]
pub(crate) enum ValueSpec {
    /// Ready JSON.
    Constant(Box<str>),
    Text(Template),
    Coded {
        column: Column,
        codes: usize,
        /// Words that are not in the list stay as they are.
        keep_others: bool,
    },
    List {
        column: Column,
        separator: Box<str>,
        codes: Option<usize>,
    },
    Number(Column),
    Day(DateSpec),
    Instant(DateSpec),
    People(Vec<usize>, Plural),
    Facts(Vec<Template>, Plural),
    Object(Vec<(Box<str>, ValueSpec)>),
}

/// Whether a reference is a list on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plural {
    One,
    Many,
}

impl DateSpec {
    /// The first column that it reads, for messages.
    pub(crate) fn first_column(&self) -> Option<Column> {
        match &self.source {
            DateSource::Column { column, .. } => Some(*column),
            DateSource::Constant(_) => None,
            DateSource::FirstOf { usual: list, .. } | DateSource::EarliestOf(list) | DateSource::LatestOf(list) => {
                list.iter().find_map(Self::first_column)
            }
        }
    }
}

impl ValueSpec {
    /// The first column that it reads, for messages.
    pub(crate) fn first_column(&self) -> Option<Column> {
        match self {
            Self::Constant(_) | Self::People(..) => None,
            Self::Text(template) => template.first_column(),
            Self::Coded { column, .. } | Self::List { column, .. } | Self::Number(column) => Some(*column),
            Self::Day(date) | Self::Instant(date) => date.first_column(),
            Self::Facts(keys, _) => keys.iter().find_map(Template::first_column),
            Self::Object(fields) => fields.iter().find_map(|(_, value)| value.first_column()),
        }
    }
}

impl Template {
    /// The first column in it.
    pub(crate) fn first_column(&self) -> Option<Column> {
        self.0.iter().find_map(|piece| match piece {
            Piece::Cell(column) => Some(*column),
            Piece::Text(_) => None,
        })
    }
}
