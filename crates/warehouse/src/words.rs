//! Parquet files of unsigned 32-bit columns without gaps, in memory.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{BrotliLevel, Compression, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::Int32Type;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

/// Rows of a row group: enough that the tables of the compression cost nothing, few enough that one is decoded
/// within the third-level cache.
const GROUP: usize = 1 << 20;

/// How the numbers of a column lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// Each about as large as the one before: differences, in as few bits as they need.
    Ascending,
    /// Anywhere in a range: the bytes of equal weight together, so that the heavy ones compress.
    Scattered,
}

/// Writes columns of equal length.
pub(crate) fn write_words<const N: usize>(
    names: &[(&str, Words); N],
    columns: &[&[u32]; N],
) -> Result<Vec<u8>, ParquetError> {
    let rows = columns[0].len();
    assert!(columns.iter().all(|column| column.len() == rows), "columns have equal length");
    let mut out = Vec::with_capacity(rows * 2 * N);
    let mut writer = SerializedFileWriter::new(&mut out, schema(names)?, Arc::new(properties(names)?))?;
    for start in (0..rows).step_by(GROUP) {
        let end = rows.min(start + GROUP);
        let mut group = writer.next_row_group()?;
        for column in columns {
            let mut chunk = group.next_column()?.expect("the schema has a column for each");
            let signed: Vec<i32> = column[start..end].iter().map(|&word| word.cast_signed()).collect();
            chunk.typed::<Int32Type>().write_batch(&signed, None, None)?;
            chunk.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(out)
}

/// Reads what [`write_words`] wrote; `visit` is given the columns of each row group.
pub(crate) fn read_words<const N: usize>(
    bytes: Bytes,
    names: &[(&str, Words); N],
    mut visit: impl FnMut(&[Vec<i32>; N]),
) -> Result<(), ParquetError> {
    let reader = SerializedFileReader::new(bytes)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let same = schema.num_columns() == N
        && names.iter().zip(schema.columns()).all(|((name, _), column)| {
            column.name() == *name && column.physical_type() == Physical::INT32 && column.max_def_level() == 0
        });
    if !same {
        return Err(ParquetError::General("other columns than a segment has".to_owned()));
    }
    let mut columns: [Vec<i32>; N] = std::array::from_fn(|_| Vec::new());
    for number in 0..reader.num_row_groups() {
        let group = reader.get_row_group(number)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        for (at, column) in columns.iter_mut().enumerate() {
            column.clear();
            let mut values = get_typed_column_reader::<Int32Type>(group.get_column_reader(at)?);
            if values.read_records(rows, None, None, column)?.0 != rows {
                return Err(ParquetError::EOF("a column ends before the others".to_owned()));
            }
        }
        visit(&columns);
    }
    Ok(())
}

fn schema(names: &[(&str, Words)]) -> Result<Arc<Type>, ParquetError> {
    let field = |(name, _): &(&str, Words)| {
        Type::primitive_type_builder(name, Physical::INT32)
            .with_repetition(Repetition::REQUIRED)
            .with_logical_type(Some(LogicalType::integer(32, false)))
            .build()
            .map(Arc::new)
    };
    let fields = names.iter().map(field).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("segment").with_fields(fields).build()?))
}

fn properties(names: &[(&str, Words)]) -> Result<WriterProperties, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by("sizao".to_owned())
        .set_compression(Compression::BROTLI(BrotliLevel::try_new(4)?))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        // One page a column: the planes of a page are compressed together.
        .set_data_page_row_count_limit(GROUP)
        .set_data_page_size_limit(GROUP * size_of::<u32>())
        .set_write_batch_size(1 << 16);
    for (name, words) in names {
        let encoding = match words {
            Words::Ascending => Encoding::DELTA_BINARY_PACKED,
            Words::Scattered => Encoding::BYTE_STREAM_SPLIT,
        };
        properties = properties.set_column_encoding(ColumnPath::from(*name), encoding);
    }
    Ok(properties.build())
}
