//! What is wrong with a row, in words that say how to mend it; and what was noticed without being wrong.

use std::{borrow::Cow, fmt};

use sizao_model::PersonId;
use thiserror::Error;

/// Usual cure of a wrong cell.
pub(crate) const MEND_CELL: &str = "Correct the cell and send the file again";

/// One thing that is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Header of the column, if it is about one cell.
    pub column: Option<Box<str>>,
    /// What the cell says; masked when it may identify somebody; empty when the cell is blank or not shown.
    pub value: Box<str>,
    /// The rule that is broken, as a sentence without its stop.
    pub rule: Cow<'static, str>,
    /// What to do about it, as a sentence without its stop.
    pub cure: Cow<'static, str>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.column, &*self.value) {
            (None, _) => {}
            (Some(column), "") => write!(f, "{column}: ")?,
            (Some(column), value) => write!(f, "{column} {value}: ")?,
        }
        f.write_str(&self.rule)
    }
}

/// A row that was refused, with everything that is wrong with it.
///
/// It keeps the cells as they came, for [`BadRows`](crate::BadRows); they are never shown by `Debug` or `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct RowError {
    /// Row number as a spreadsheet shows it: the header is row 1.
    pub row: u64,
    /// What is wrong, in the order of the mapping; at least one.
    pub problems: Vec<Problem>,
    pub(crate) cells: Vec<Box<str>>,
}

impl RowError {
    /// The same sentence, with how many other rows are in: known when the file has been read to its end.
    pub fn with_others(&self, accepted: u64) -> String {
        match accepted {
            0 => format!("{self}."),
            1 => format!("{self}; the other row is in."),
            rows => format!("{self}; the other {rows} rows are in."),
        }
    }

    /// All problems and cures in one line, for the last column of the bad-rows file.
    pub fn reason(&self) -> String {
        let mut text = String::new();
        for (i, problem) in self.problems.iter().enumerate() {
            text.push_str(if i == 0 { "" } else { "; " });
            text.push_str(&problem.to_string());
        }
        // The usual cure goes without saying where a longer one says it too.
        let longer = |cure: &str| cure != MEND_CELL && cure.ends_with("send the file again");
        let said = self.problems.iter().any(|problem| longer(&problem.cure));
        for (i, problem) in self.problems.iter().enumerate() {
            let repeated = self.problems[..i].iter().any(|earlier| earlier.cure == problem.cure);
            let needless = repeated || (said && problem.cure == MEND_CELL);
            if !needless {
                text.push_str(". ");
                text.push_str(&problem.cure);
            }
        }
        text
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.problems.first().is_some_and(|first| first.column.is_some()) { "," } else { ":" };
        write!(f, "Row {}{separator} {}", self.row, self.reason())
    }
}

impl fmt::Debug for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowError").field("row", &self.row).field("problems", &self.problems).finish_non_exhaustive()
    }
}

/// Something that a reader of the import should know, though the row is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Row number as a spreadsheet shows it.
    pub row: u64,
    /// What sort of note.
    pub kind: NoteKind,
    /// Header of the column, or name of the fact in the mapping.
    pub subject: Box<str>,
    /// What the cell says; masked when it may identify somebody.
    pub value: Box<str>,
    /// What was made of it.
    pub text: Box<str>,
    /// Provisional id of the person concerned.
    pub person: Option<PersonId>,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row {}, {}", self.row, self.subject)?;
        if !self.value.is_empty() {
            write!(f, " {}", self.value)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Sorts of notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// A place name was understood by what another cell claims.
    PlaceClaim,
    /// A date was missing and another one stands in for it.
    StandIn,
    /// Of an interval that would end before it begins only the end was taken.
    Shortened,
    /// A fact was not made, because the dates of the row do not allow it.
    Unusable,
}

/// Why a file cannot be read on. Rows that came before are in.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The source of the bytes failed.
    #[error("the file could not be read on at row {row}")]
    Read {
        /// Row at which it happened.
        row: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing in it.
    #[error("the file is empty: it needs a header line with the names of the columns")]
    Empty,
    /// Columns that the mapping reads are not there.
    #[error("the header lacks {}. Correct the header, or the mapping", list_missing(.missing))]
    MissingColumns {
        /// Missing column, and the header that is nearest to it.
        missing: Vec<(Box<str>, Option<Box<str>>)>,
    },
    /// A column that the mapping reads is there twice.
    #[error("the header has the column '{column}' twice; rename one of them")]
    DuplicateColumn {
        /// Which.
        column: Box<str>,
    },
    /// The header cannot be read at all.
    #[error("the header cannot be read: {0}")]
    Header(Cow<'static, str>),
    /// The workbook cannot be opened.
    #[error("the workbook cannot be opened: {0}. Save it again as .xlsx, or as CSV")]
    Workbook(Box<str>),
    /// Too large for a format that is read as a whole.
    #[error("the workbook has more than {limit}; save the sheet as CSV, which has no such limit")]
    TooLarge {
        /// The limit that it passes.
        limit: &'static str,
    },
}

fn list_missing(missing: &[(Box<str>, Option<Box<str>>)]) -> String {
    let one = |(column, nearest): &(Box<str>, Option<Box<str>>)| match nearest {
        Some(nearest) => format!("the column '{column}' (it has '{nearest}': is that the one?)"),
        None => format!("the column '{column}'"),
    };
    missing.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_row_says_where_what_why_and_what_to_do() {
        let error = RowError {
            row: 14,
            problems: vec![Problem {
                column: Some("sampled_at".into()),
                value: "2022-03-32".into(),
                rule: "March has 31 days".into(),
                cure: MEND_CELL.into(),
            }],
            cells: vec!["张三".into()],
        };
        assert_eq!(
            error.with_others(212),
            "Row 14, sampled_at 2022-03-32: March has 31 days. Correct the cell and send the file again; \
             the other 212 rows are in."
        );
        assert!(!format!("{error:?}").contains("张三"));
    }
}
