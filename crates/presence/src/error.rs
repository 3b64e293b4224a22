//! What can be wrong with what tracing is given.

use thiserror::Error;

/// Errors of the room, in the words of the field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PresenceError {
    /// A stay ends before it begins.
    #[error("leaves at {leave_s}, before entering at {enter_s}: check the two times, or the clock of the device")]
    LeaveBeforeEnter {
        /// Reported time of entering; seconds since 1970.
        enter_s: u32,
        /// Reported time of leaving; seconds since 1970.
        leave_s: u32,
    },
    /// A stay is longer than any person's stay.
    #[error("a stay of {length_s} s; at most {max_s} s are taken: enter the time of leaving")]
    StayTooLong {
        /// Reported length; seconds.
        length_s: u32,
        /// Longest taken; seconds.
        max_s: u32,
    },
    /// No such stay is open.
    #[error("no stay without an end that began at {enter_s} is on record for this person and place")]
    NoOpenStay {
        /// Time of entering that was named; seconds since 1970.
        enter_s: u32,
    },
    /// More than an index can number.
    #[error("{what}: {count} are too many for one index (at most {max}); split the ledger by division or by days")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: u64,
        /// How many are taken.
        max: u64,
    },
    /// A file lacks a column.
    #[error("{table}: the header has no column `{column}`; columns wanted: {wanted}")]
    ColumnMissing {
        /// Which file.
        table: String,
        /// The column.
        column: &'static str,
        /// All its columns.
        wanted: String,
    },
    /// A file is not readable as text.
    #[error("{table}, row {row}: not UTF-8 text; save the file as UTF-8 and send it again")]
    NotText {
        /// Which file.
        table: String,
        /// Row of the file, the header being row 1.
        row: u64,
    },
    /// A cell that the whole question rests on is wrong.
    #[error("{table}, row {row}, {column} `{value}`: {rule}")]
    CellRefused {
        /// Which file.
        table: String,
        /// Row of the file, the header being row 1.
        row: u64,
        /// Which column.
        column: &'static str,
        /// What it holds.
        value: String,
        /// What is wanted.
        rule: &'static str,
    },
    /// The parameters are not one row.
    #[error("params: {rows} rows; exactly one is wanted")]
    ParamRows {
        /// Rows found.
        rows: u64,
    },
    /// A distribution or threshold that makes no sense.
    #[error("{what}: {rule}")]
    ParameterRefused {
        /// Which parameter.
        what: &'static str,
        /// What is wanted.
        rule: &'static str,
    },
}
