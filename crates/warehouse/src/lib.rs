//! Room `warehouse`: presence in Parquet files, the only room that knows the format.
//!
//! - [`write_segment`], [`read_segment`]: the stays of a closed day, sealed under a key; never changed once written.
//! - [`write_export`]: an export without identities, for DuckDB and pandas.
//! - [`read_rows`]: any Parquet file of others, row by row.
//!
//! Method, layout and what was measured: `docs/methods/presence-warehouse.md`.

mod columns;
mod error;
mod export;
mod place;
mod seal;
mod segment;
mod table;
mod words;

pub use error::WarehouseError;
pub use export::{ExportRules, Exported, write_export};
pub use place::Written;
pub use seal::{KEY_BYTES, SegmentKey};
pub use segment::{SegmentStay, read_segment, write_segment};
pub use table::{Value, read_rows};
