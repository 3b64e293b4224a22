//! An export of presence without identities, in plain Parquet that DuckDB, pandas and others open.
//!
//! What it gives away is bounded, not nothing: whoever knows that a certain person was at two places at certain times may
//! still find their row. So it is made for a purpose and logged by the caller, and times are coarse.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use sha2::Sha256;

use crate::error::WarehouseError;
use crate::place::{Written, put};
use crate::seal::random;
use crate::segment::SegmentStay;

/// Rows of a row group.
const GROUP: usize = 1 << 20;

/// What an export leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportRules {
    /// Times are rounded to multiples of this: entering down, leaving up; at least 1; seconds.
    pub round_s: u32,
    /// Places where fewer different people were are left out: homes, and whatever is as telling.
    pub persons_min: u32,
}

impl Default for ExportRules {
    fn default() -> Self {
        Self { round_s: 900, persons_min: 10 }
    }
}

/// What became of the stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// The file.
    pub written: Written,
    /// Stays left out, since too few people were at their place.
    pub left_out: u64,
}

/// Writes stays to `path` without identities: `person`, `place` (new numbers), `enter_at`, `leave_at` (UTC).
///
/// Persons and places get numbers in a random order that is drawn anew for every export and kept nowhere, so neither
/// another export nor the ledger can be joined to it by number. Rows are sorted by the new numbers.
///
/// # Errors
/// [`WarehouseError::File`], also where the system gives no random numbers; nothing half-written is left.
pub fn write_export(path: &Path, stays: &[SegmentStay], rules: &ExportRules) -> Result<Exported, WarehouseError> {
    let secret = random(path)?;
    let mut visitors: Vec<(u32, u32)> = stays.iter().map(|stay| (stay.place, stay.person)).collect();
    visitors.sort_unstable();
    visitors.dedup();
    let known: Vec<u32> = visitors
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|people| people.len() >= rules.persons_min as usize)
        .map(|people| people[0].0)
        .collect();
    let kept: Vec<&SegmentStay> = stays.iter().filter(|stay| known.binary_search(&stay.place).is_ok()).collect();
    let persons = renumber(kept.iter().map(|stay| stay.person), &secret, b"person");
    let places = renumber(known.iter().copied(), &secret, b"place");
    let round_s = rules.round_s.max(1);
    let row = |stay: &&SegmentStay| {
        let enter_s = i64::from(stay.enter_s / round_s * round_s);
        let leave_s = i64::from(stay.leave_s.div_ceil(round_s)) * i64::from(round_s);
        (persons[&stay.person], places[&stay.place], enter_s, leave_s)
    };
    let mut rows: Vec<(i32, i32, i64, i64)> = kept.iter().map(row).collect();
    rows.sort_unstable();
    let damaged = |cause| WarehouseError::Damaged { path: path.to_owned(), cause };
    let bytes = encode(&rows).map_err(damaged)?;
    let sha256 = put(path, &bytes)?;
    let written = Written { sha256, bytes: bytes.len() as u64, rows: rows.len() as u64 };
    Ok(Exported { written, left_out: (stays.len() - rows.len()) as u64 })
}

/// New numbers from 0, in the order of a keyed hash that nobody can compute again.
fn renumber(ids: impl Iterator<Item = u32>, secret: &[u8; 32], kind: &[u8]) -> HashMap<u32, i32> {
    let mut ids: Vec<u32> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let keyed = |id: u32| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a MAC takes a key of any length");
        mac.update(kind);
        mac.update(&id.to_le_bytes());
        (<[u8; 32]>::from(mac.finalize().into_bytes()), id)
    };
    let mut shuffled: Vec<([u8; 32], u32)> = ids.into_iter().map(keyed).collect();
    shuffled.sort_unstable();
    (0..).zip(shuffled).map(|(number, (_, id))| (id, number)).collect()
}

fn encode(rows: &[(i32, i32, i64, i64)]) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by("sizao".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?));
    let mut out = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut out, schema()?, Arc::new(properties.build()))?;
    for rows in rows.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        for column in 0..2 {
            let numbers: Vec<i32> = rows.iter().map(|row| if column == 0 { row.0 } else { row.1 }).collect();
            let mut chunk = group.next_column()?.expect("the schema has four columns");
            chunk.typed::<Int32Type>().write_batch(&numbers, None, None)?;
            chunk.close()?;
        }
        for column in 0..2 {
            let millis = rows.iter().map(|row| 1_000 * if column == 0 { row.2 } else { row.3 });
            let millis: Vec<i64> = millis.collect();
            let mut chunk = group.next_column()?.expect("the schema has four columns");
            chunk.typed::<Int64Type>().write_batch(&millis, None, None)?;
            chunk.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(out)
}

fn schema() -> Result<Arc<Type>, ParquetError> {
    let field = |name, physical, logical| {
        let builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
        builder.with_logical_type(Some(logical)).build().map(Arc::new)
    };
    let number = || LogicalType::integer(32, false);
    let moment = || LogicalType::timestamp(true, TimeUnit::MILLIS);
    let fields = vec![
        field("person", Physical::INT32, number())?,
        field("place", Physical::INT32, number())?,
        field("enter_at", Physical::INT64, moment())?,
        field("leave_at", Physical::INT64, moment())?,
    ];
    Ok(Arc::new(Type::group_type_builder("presence").with_fields(fields).build()?))
}
