//! What can go wrong with a file of presence.

use std::path::PathBuf;

use parquet::errors::ParquetError;

/// Errors of the warehouse.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarehouseError {
    /// The system refused to read or write.
    #[error("{}: the file could not be {doing}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Read, written, synced, named.
        doing: &'static str,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// A Parquet file that is cut off or damaged.
    #[error("{}: not a whole Parquet file; copy it again from where it was made", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What the format says.
        #[source]
        cause: ParquetError,
    },
    /// A Parquet file of another layout.
    #[error("{}: {what}", path.display())]
    Layout {
        /// Which file.
        path: PathBuf,
        /// What does not fit, and what is wanted.
        what: String,
    },
    /// A segment that ends early.
    #[error("{}: the segment is cut off; take it from a backup", path.display())]
    CutOff {
        /// Which file.
        path: PathBuf,
    },
    /// A segment that the key does not open.
    #[error("{}: the key does not open this segment, or the file was altered", path.display())]
    Sealed {
        /// Which file.
        path: PathBuf,
    },
    /// A segment whose digest is not the one in the manifest.
    #[error("{}: not the file that the manifest names; take that one from a backup", path.display())]
    OtherDigest {
        /// Which file.
        path: PathBuf,
    },
    /// Rows that a segment cannot hold.
    #[error("stay {row} leaves before it enters")]
    BackwardStay {
        /// Position in the list, from 0.
        row: usize,
    },
}
