//! What can go wrong in the store, in words that say what to do.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use thiserror::Error;

/// Failures of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The engine refused or cannot be reached.
    #[error("the database refused")]
    Database(#[source] sqlx::Error),
    /// SQLite refused work on many rows.
    #[error("the database refused")]
    Bulk(#[source] rusqlite::Error),
    /// No space left.
    #[error(
        "the disk is full: nothing of this batch was stored, everything acknowledged before is safe. Free space and send it again"
    )]
    DiskFull,
    /// Opened read-only, or without the right to write.
    #[error("the database cannot be written: check the rights of the file and its folder, and how the disk is mounted")]
    ReadOnly,
    /// Another process has the file.
    #[error("{} is in use by another sizao process: stop it, or send the work to its address", .path.display())]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// Another program holds the database for too long.
    #[error("the database is busy: another program holds it. Close that program and try again")]
    Busy,
    /// The database was written by a newer program.
    #[error("the database has schema {found}, this program knows {known}: install a newer sizao")]
    Newer {
        /// Schema of the database.
        found: i64,
        /// Newest schema of this program.
        known: i64,
    },
    /// A migration that was applied reads differently now.
    #[error("migration {0} of this database is not the one of this program: it was changed after it was applied")]
    MigrationChanged(i64),
    /// Not there.
    #[error("there is no store at {}: make one with `sizao init`", .path.display())]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// Would overwrite.
    #[error("there is a store already at {place}: choose another place")]
    Exists {
        /// Where.
        place: String,
    },
    /// Master key missing, wrong or unreadable.
    #[error("keys: {0}")]
    Keys(String),
    /// What was read does not fit its MAC, commitment or key.
    #[error("row {leaf} of the log does not fit its seal: {what}. Run `sizao log verify`")]
    Tampered {
        /// Leaf number.
        leaf: u64,
        /// Which part.
        what: &'static str,
    },
    /// A submission's signature does not fit.
    #[error("the submission is not signed by a known recorder: {0}")]
    Signature(&'static str),
    /// Something refers to a fact that is not there.
    #[error("{what} names fact {id}, which is not in this store")]
    UnknownFact {
        /// What refers to it.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// Restore needs an empty store.
    #[error("restore needs an empty store; this one has {facts} facts")]
    NotEmpty {
        /// Leaves in it.
        facts: u64,
    },
    /// A backup or export file is damaged.
    #[error("line {line} of the file: {what}")]
    Damaged {
        /// Line number from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// Erasing what is not there, or what may not be erased.
    #[error("{0}")]
    Erasure(String),
    /// A file could not be read or written.
    #[error("the file {} cannot be used", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Bulk(error),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(cause) = &error else { return Self::Database(error) };
        let code = cause.code().unwrap_or_default();
        let sqlite_primary = code.parse::<u32>().map(|code| code & 0xff);
        let is_sqlite = cause.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some();
        match (is_sqlite, sqlite_primary) {
            (true, Ok(13)) => Self::DiskFull,
            (true, Ok(8)) => Self::ReadOnly,
            (true, Ok(5 | 6)) => Self::Busy,
            (false, _) if code == "53100" => Self::DiskFull,
            (false, _) if code == "25006" => Self::ReadOnly,
            _ => Self::Database(error),
        }
    }
}
