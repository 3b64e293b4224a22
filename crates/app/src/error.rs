//! What can go wrong in a use case.

use sizao_interop::ImportError;
use sizao_presence::PresenceError;
use sizao_store::StoreError;
use sizao_warehouse::WarehouseError;
use thiserror::Error;

use crate::refusal::Refusal;

/// Failures of use cases.
#[derive(Debug, Error)]
pub enum AppError {
    /// It was not done, for a reason that the person who asked may know.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be read on.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The list was begun with another file.
    #[error(
        "the list '{list}' was begun with another file: {rows_done} rows of that one are in. Give this file another list name, or send the first one again"
    )]
    OtherFile {
        /// Name of the list.
        list: String,
        /// Rows of the first file that are in.
        rows_done: u64,
    },
    /// Somebody else imports the same list.
    #[error("the list '{list}' is being imported by somebody else at this moment: wait until that has ended")]
    BeingImported {
        /// Name of the list.
        list: String,
    },
    /// Rows to mend cannot be kept.
    #[error("the file for the rows that are handed back cannot be written")]
    BadRows(#[source] std::io::Error),
    /// What is exported cannot be kept.
    #[error("the exported facts cannot be written")]
    Export(#[source] std::io::Error),
    /// A part of the program ended early.
    #[error("the import stopped: {0}")]
    Stopped(&'static str),
    /// A file of presence cannot be written or read.
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    /// What presence is asked does not fit.
    #[error(transparent)]
    Presence(#[from] PresenceError),
    /// A segment is not the one of which the log has the digest.
    #[error(
        "segment {file} is not the one whose digest the log has: put the file of the last backup in its place, or verify the log"
    )]
    OtherSegment {
        /// Name of the file.
        file: String,
    },
    /// Something is still open for people whose facts would go.
    #[error(
        "{open} people have an open measure or appeal that rests on what would be destroyed: end these first, or choose an earlier day"
    )]
    Open {
        /// How many people.
        open: u64,
    },
    /// Rows that came together with others were not stored.
    #[error("the rows were not stored: {0}. Send them again")]
    Desk(String),
}
