//! Bytes to model and back: tables by mapping, facts as lines of JSON. No sockets, no files, no clock.
//!
//! A sender's table comes in by a [`Mapping`]: [`CsvImport`] and [`XlsxImport`] yield one [`Imported`] for each row,
//! accepted with its drafts or rejected with everything that is wrong with it; [`BadRows`] writes the rejected ones so
//! that they can be mended and sent again. [`ndjson`] reads and writes facts and answers. `docs/imports.md` is the
//! guide for those who write a mapping.

mod bad_rows;
pub mod check;
pub mod csv;
mod date;
pub mod dcc;
pub mod fhir;
mod header;
pub mod hl7v2;
pub mod lab;
pub mod mapping;
mod mask;
pub mod ndjson;
mod nearest;
pub mod pass;
mod places;
mod problem;
mod records;
mod row;
mod sheets;
pub mod slip;
mod xlsx;

pub use bad_rows::{BadRows, BadRowsWorkbook};
pub use csv::{Counts, CsvImport, Imported};
pub use header::{Header, REASON_HEADER};
pub use mapping::{Mapping, MappingError};
pub use places::{division_name, divisions};
pub use problem::{ImportError, Note, NoteKind, Problem, RowError};
pub use records::RECORD_BYTES_MAX;
pub use row::{Row, RowSource};
pub use sheets::{Cell, Sheet, workbook};
pub use xlsx::XlsxImport;
