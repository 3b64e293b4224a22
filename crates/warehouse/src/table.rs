//! Reads chosen columns of any Parquet file, row by row.

use std::fs::File;
use std::path::Path;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;

use crate::columns::{Column, Kind};
use crate::error::WarehouseError;

/// Rows decoded at a time.
const BATCH: usize = 1 << 14;

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Null, or not a number.
    Empty,
    /// A whole number; of a timestamp, whole seconds since 1970.
    Number(i128),
    /// Text.
    Text(&'a str),
    /// Something else: a fraction, bytes that are no text.
    Unreadable,
}

/// Calls `visit(row, values)` with the `columns` of every row of a Parquet file, rows counted from 1.
///
/// Columns are found by name, whatever their case. Whole numbers of any width, floating-point numbers, timestamps and texts
/// are read; a value that is not whole comes as [`Value::Unreadable`].
///
/// # Errors
/// [`WarehouseError::File`], [`WarehouseError::Layout`] for a missing, nested or repeated column or one of another type,
/// [`WarehouseError::Damaged`]: rows visited before must then not be used.
pub fn read_rows<const N: usize>(
    path: &Path,
    columns: &[&str; N],
    mut visit: impl FnMut(u64, [Value<'_>; N]),
) -> Result<u64, WarehouseError> {
    let damaged = |cause| WarehouseError::Damaged { path: path.to_owned(), cause };
    let file =
        File::open(path).map_err(|cause| WarehouseError::File { path: path.to_owned(), doing: "opened", cause })?;
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let found = columns.map(|column| find(&schema, column).map_err(|what| (column, what)));
    let mut places = Vec::with_capacity(N);
    for found in found {
        let wanted = columns.join(", ");
        let layout = |(column, what)| {
            let what = format!("column `{column}` {what}; columns wanted: {wanted}");
            WarehouseError::Layout { path: path.to_owned(), what }
        };
        places.push(found.map_err(layout)?);
    }
    let mut row = 0;
    for group in 0..reader.num_row_groups() {
        read_group(&reader, group, &places, &mut row, &mut visit).map_err(damaged)?;
    }
    Ok(row)
}

/// Position and kind of a column.
fn find(schema: &SchemaDescriptor, name: &str) -> Result<(usize, Kind), String> {
    let is_named = |at: &usize| {
        let path = schema.column(*at);
        path.path().parts().len() == 1 && path.name().trim().eq_ignore_ascii_case(name)
    };
    let at = (0..schema.num_columns()).find(is_named).ok_or("is missing")?;
    let column = schema.column(at);
    if column.max_rep_level() > 0 {
        return Err("holds lists".to_owned());
    }
    let kind = Kind::of(&column)
        .ok_or_else(|| format!("is of type {}; numbers or texts are wanted", column.physical_type()))?;
    Ok((at, kind))
}

fn read_group<const N: usize>(
    reader: &SerializedFileReader<File>,
    group: usize,
    places: &[(usize, Kind)],
    row: &mut u64,
    visit: &mut impl FnMut(u64, [Value<'_>; N]),
) -> Result<(), ParquetError> {
    let group = reader.get_row_group(group)?;
    let open = |&(at, kind): &(usize, Kind)| Ok(Column::new(group.get_column_reader(at)?, kind));
    let mut columns: Vec<Column> = places.iter().map(open).collect::<Result<_, ParquetError>>()?;
    let mut left = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    while left > 0 {
        let count = left.min(BATCH);
        for column in &mut columns {
            if column.load(count)? != count {
                return Err(ParquetError::EOF("a column ends before the others".to_owned()));
            }
        }
        for at in 0..count {
            *row += 1;
            visit(*row, std::array::from_fn(|column| columns[column].value(at)));
        }
        left -= count;
    }
    Ok(())
}
