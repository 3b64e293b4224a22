//! Columns of any type as values, a batch at a time.

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;

use crate::table::Value;

/// How the values of a column are to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whole numbers.
    Signed,
    /// Whole numbers without sign.
    Unsigned,
    /// Moments; so many to the second.
    Moment(i64),
    /// Floating-point numbers.
    Floating,
    /// UTF-8.
    Text,
}

impl Kind {
    /// Kind of a column; `None` for one that holds neither numbers nor texts.
    pub(crate) fn of(column: &ColumnDescriptor) -> Option<Self> {
        let whole = match column.logical_type_ref() {
            Some(LogicalType::Integer(integer)) if integer.is_signed => Some(Self::Signed),
            Some(LogicalType::Integer(_)) => Some(Self::Unsigned),
            Some(LogicalType::Timestamp(moment)) => Some(Self::Moment(match moment.unit {
                TimeUnit::MILLIS => 1_000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            })),
            Some(LogicalType::String | LogicalType::Enum | LogicalType::Json) => None,
            // Dates, times of day, decimals: none is a whole number of seconds or an id.
            Some(_) => return None,
            None => match column.converted_type() {
                ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
                    Some(Self::Unsigned)
                }
                ConvertedType::TIMESTAMP_MILLIS => Some(Self::Moment(1_000)),
                ConvertedType::TIMESTAMP_MICROS => Some(Self::Moment(1_000_000)),
                ConvertedType::DATE | ConvertedType::DECIMAL => return None,
                ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => return None,
                _ => Some(Self::Signed),
            },
        };
        match column.physical_type() {
            Physical::INT32 | Physical::INT64 => whole,
            Physical::FLOAT | Physical::DOUBLE => Some(Self::Floating),
            Physical::BYTE_ARRAY => Some(Self::Text),
            Physical::BOOLEAN | Physical::INT96 | Physical::FIXED_LEN_BYTE_ARRAY => None,
        }
    }
}

/// A column of a row group, a batch at a time.
pub(crate) struct Column {
    reader: ColumnReader,
    kind: Kind,
    levels: Vec<i16>,
    buffer: Buffer,
    /// Position of each row's value among those that are not null; unused if none is null.
    positions: Vec<u32>,
}

#[derive(Default)]
struct Buffer {
    narrow: Vec<i32>,
    wide: Vec<i64>,
    single: Vec<f32>,
    double: Vec<f64>,
    texts: Vec<ByteArray>,
}

/// A row without a value.
const NULL: u32 = u32::MAX;

impl Column {
    pub(crate) fn new(reader: ColumnReader, kind: Kind) -> Self {
        Self { reader, kind, levels: Vec::new(), buffer: Buffer::default(), positions: Vec::new() }
    }

    /// Decodes the next `count` rows; gives how many there were.
    pub(crate) fn load(&mut self, count: usize) -> Result<usize, ParquetError> {
        let Self { reader, levels, buffer, .. } = self;
        levels.clear();
        let Buffer { narrow, wide, single, double, texts } = buffer;
        let levels = Some(levels);
        let (rows, values, _) = match reader {
            ColumnReader::Int32ColumnReader(reader) => {
                narrow.clear();
                reader.read_records(count, levels, None, narrow)?
            }
            ColumnReader::Int64ColumnReader(reader) => {
                wide.clear();
                reader.read_records(count, levels, None, wide)?
            }
            ColumnReader::FloatColumnReader(reader) => {
                single.clear();
                reader.read_records(count, levels, None, single)?
            }
            ColumnReader::DoubleColumnReader(reader) => {
                double.clear();
                reader.read_records(count, levels, None, double)?
            }
            ColumnReader::ByteArrayColumnReader(reader) => {
                texts.clear();
                reader.read_records(count, levels, None, texts)?
            }
            _ => return Err(ParquetError::General("a column of a type that was not asked for".to_owned())),
        };
        self.place(rows, values);
        Ok(rows)
    }

    /// Finds out which rows have which value.
    fn place(&mut self, rows: usize, values: usize) {
        self.positions.clear();
        if values == rows {
            return;
        }
        // A nested column was refused, so a value is there exactly where the level is 1.
        let mut next = 0;
        self.positions.extend(self.levels.iter().map(|&level| {
            let position = if level == 0 { NULL } else { next };
            next += u32::from(level != 0);
            position
        }));
    }

    /// Value of a row of the batch.
    #[inline]
    pub(crate) fn value(&self, row: usize) -> Value<'_> {
        let at = match self.positions.get(row) {
            None => row,
            Some(&NULL) => return Value::Empty,
            Some(&at) => at as usize,
        };
        let Buffer { narrow, wide, single, double, texts } = &self.buffer;
        match &self.reader {
            ColumnReader::Int32ColumnReader(_) => self.whole(narrow[at].into(), (narrow[at] as u32).into()),
            ColumnReader::Int64ColumnReader(_) => self.whole(wide[at].into(), (wide[at] as u64).into()),
            ColumnReader::FloatColumnReader(_) => floating(single[at].into()),
            ColumnReader::DoubleColumnReader(_) => floating(double[at]),
            _ => texts[at].as_utf8().map_or(Value::Unreadable, Value::Text),
        }
    }

    fn whole(&self, signed: i128, unsigned: i128) -> Value<'static> {
        match self.kind {
            Kind::Unsigned => Value::Number(unsigned),
            Kind::Moment(per_second) => match signed % i128::from(per_second) {
                0 => Value::Number(signed / i128::from(per_second)),
                _ => Value::Unreadable,
            },
            _ => Value::Number(signed),
        }
    }
}

/// A number that is whole and exact in floating point.
fn floating(value: f64) -> Value<'static> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if value.is_nan() {
        Value::Empty
    } else if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        Value::Number(value as i128)
    } else {
        Value::Unreadable
    }
}
