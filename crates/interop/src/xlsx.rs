//! Workbooks by mapping. A sheet is read as a whole, so everything about its size is bounded before it is read.

use std::{
    fmt::Write as _,
    io::{self, Cursor, Read},
};

use calamine::{DataRef, ExcelDateTime, ExcelDateTimeType, Reader as _, Xlsx};
use sizao_model::Instant;

use crate::{
    csv::{Counts, Imported},
    header::Header,
    mapping::Mapping,
    problem::{ImportError, Problem, RowError},
    row::{RowCells, RowReader, digest_of},
};

const BYTES_MAX: usize = 64 << 20;
const UNPACKED_BYTES_MAX: u64 = 512 << 20;
const CELLS_MAX: usize = 10_000_000;
/// A text that many cells share stands in the file once, and in memory once for each.
const TEXT_BYTES_MAX: usize = 512 << 20;
/// Days from 1899-12-30 to 9999-12-31: what a sheet can show as a date.
const SERIAL_MAX: f64 = 2_958_465.0;

/// The rows of one sheet of a workbook, read by a mapping. The sheet is the mapping's `sheet`, or the first one.
///
/// # Limits
/// 64 MiB packed, 512 MiB unpacked, 10,000,000 cells that are not empty.
pub struct XlsxImport<'m> {
    rows: std::vec::IntoIter<SheetRow>,
    header: Header,
    reader: RowReader<'m>,
    counts: Counts,
    row: u64,
}

/// Texts of the cells of a row, one after the other.
struct SheetRow {
    row: u64,
    text: String,
    spans: Vec<(u32, u32)>,
}

impl<'m> XlsxImport<'m> {
    /// Reads the sheet and compares its header with the mapping.
    ///
    /// - `bytes`: the whole workbook.
    /// - `now`: what happened more than five minutes later is refused.
    ///
    /// # Errors
    /// [`ImportError`]: not a workbook, too large, no such sheet, or a header that lacks columns or has one twice.
    pub fn new(bytes: &[u8], mapping: &'m Mapping, now: Instant) -> Result<Self, ImportError> {
        check_size(bytes)?;
        let unreadable = |error: calamine::XlsxError| ImportError::Workbook(error.to_string().into());
        let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(unreadable)?;
        let names = book.sheet_names();
        let sheet = match &mapping.sheet {
            None => names.first().cloned().ok_or(ImportError::Empty)?,
            Some(sheet) if names.iter().any(|name| **name == **sheet) => sheet.to_string(),
            Some(sheet) => {
                let message = format!("it has no sheet '{sheet}', but {}", names.join(", "));
                return Err(ImportError::Workbook(message.into()));
            }
        };
        let mut cells = book.worksheet_cells_reader(&sheet).map_err(unreadable)?;
        let mut sheet =
            Sheet { mapping, rows: Vec::new(), header: None, dates: Vec::new(), next: None, cells: 0, text_bytes: 0 };
        while let Some(cell) = cells.next_cell().map_err(unreadable)? {
            sheet.add(cell.get_position(), cell.get_value())?;
        }
        sheet.end_row()?;
        let Some((header, header_row)) = sheet.header else { return Err(ImportError::Empty) };
        let positions = header.positions(mapping)?;
        let reader = RowReader::new(mapping, positions, now);
        Ok(Self { rows: sheet.rows.into_iter(), header, reader, counts: Counts::default(), row: header_row })
    }

    /// The header, for [`BadRowsWorkbook`](crate::BadRowsWorkbook).
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many rows came so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many rows are still to come, for a progress bar.
    pub fn rows_left(&self) -> usize {
        self.rows.len()
    }
}

impl Iterator for XlsxImport<'_> {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let SheetRow { row, text, mut spans } = self.rows.next()?;
        self.row = row;
        let cell = |&(from, to): &(u32, u32)| &text[from as usize..to as usize];
        let read = if spans.len() > self.header.width() {
            let rule = self.header.miscounted(spans.len());
            let cure = "Look whether cells of this row have moved to the right, correct it and send the file again";
            Err((vec![Problem { column: None, value: "".into(), rule: rule.into(), cure: cure.into() }], true))
        } else {
            // Trailing blanks are not stored in a sheet.
            spans.resize(self.header.width(), (0, 0));
            let digest = digest_of(self.header.payload(&spans).map(|(from, to)| &text[from as usize..to as usize]));
            let cells = RowCells { row, text: &text, spans: &spans };
            self.reader.read(cells, digest, self.header.payload(&spans)).map_err(|problems| (problems, false))
        };
        Some(Ok(match read {
            Ok(row) => {
                self.counts.accepted += 1;
                Imported::Accepted(row)
            }
            Err((problems, all)) => {
                self.counts.rejected += 1;
                let cells: Vec<Box<str>> = if all {
                    spans.iter().map(|span| cell(span).into()).collect()
                } else {
                    self.header.payload(&spans).map(|span| cell(&span).into()).collect()
                };
                let cells = if all { self.header.without_reason(cells) } else { cells };
                Imported::Rejected(RowError { row, problems, cells })
            }
        }))
    }
}

/// A sheet while its cells come in, row by row.
struct Sheet<'m> {
    mapping: &'m Mapping,
    rows: Vec<SheetRow>,
    /// Header and its row.
    header: Option<(Header, u64)>,
    /// Which columns hold dates, once the header is known.
    dates: Vec<bool>,
    next: Option<SheetRow>,
    cells: usize,
    text_bytes: usize,
}

impl Sheet<'_> {
    fn add(&mut self, (row, column): (u32, u32), value: &DataRef<'_>) -> Result<(), ImportError> {
        let (row, column) = (u64::from(row) + 1, column as usize);
        if matches!(value, DataRef::Empty) {
            return Ok(());
        }
        self.cells += 1;
        if self.cells > CELLS_MAX {
            return Err(ImportError::TooLarge { limit: "10,000,000 cells" });
        }
        if self.next.as_ref().is_some_and(|next| next.row != row) {
            self.end_row()?;
        }
        let date = self.dates.get(column).copied().unwrap_or(false);
        let next = self.next.get_or_insert_with(|| SheetRow { row, text: String::new(), spans: Vec::new() });
        let from = next.text.len() as u32;
        push_text(&mut next.text, value, date);
        self.text_bytes += next.text.len() - from as usize;
        if self.text_bytes > TEXT_BYTES_MAX {
            return Err(ImportError::TooLarge { limit: "512 MiB of text" });
        }
        if next.text.len() as u32 == from {
            return Ok(());
        }
        // Columns come in order; a hole in between is a blank cell. A column far out would be a hole of thousands.
        let width = self.header.as_ref().map_or(MAX_HEADER_WIDTH, |(header, _)| header.width());
        if next.spans.len() <= column {
            next.spans.resize(column.min(width), (0, 0));
            next.spans.push((from, next.text.len() as u32));
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), ImportError> {
        let Some(next) = self.next.take() else { return Ok(()) };
        let cell = |&(from, to): &(u32, u32)| &next.text[from as usize..to as usize];
        if next.spans.iter().all(|span| cell(span).trim().is_empty()) {
            return Ok(());
        }
        if self.header.is_some() {
            self.rows.push(next);
            return Ok(());
        }
        if self.mapping.header_row.is_some_and(|header| next.row < header) {
            return Ok(());
        }
        let header = Header::new(next.spans.iter().map(cell));
        let positions = header.positions(self.mapping)?;
        self.dates = vec![false; header.width()];
        for (column, position) in self.mapping.columns.iter().zip(positions) {
            if let (true, Some(position)) = (column.holds_date, position) {
                self.dates[position] = true;
            }
        }
        self.header = Some((header, next.row));
        Ok(())
    }
}

/// The most columns of a sheet.
const MAX_HEADER_WIDTH: usize = 16_384;

/// The cell as a person would have typed it; dates as ISO, whatever the sheet shows.
fn push_text(text: &mut String, value: &DataRef<'_>, date: bool) {
    let _ = match value {
        DataRef::String(part) | DataRef::DateTimeIso(part) | DataRef::DurationIso(part) => write!(text, "{part}"),
        DataRef::SharedString(part) => write!(text, "{part}"),
        DataRef::Int(number) if date => push_number(text, *number as f64, true),
        DataRef::Int(number) => write!(text, "{number}"),
        DataRef::Float(number) => push_number(text, *number, date),
        DataRef::Bool(value) => write!(text, "{value}"),
        DataRef::DateTime(moment) => push_moment(text, *moment),
        DataRef::Error(error) => write!(text, "{error}"),
        DataRef::Empty => Ok(()),
    };
}

fn push_number(text: &mut String, number: f64, date: bool) -> std::fmt::Result {
    // Texts such as 20220317 stay what they are: beyond any serial number of a day.
    if date && (1.0..=SERIAL_MAX).contains(&number) {
        return push_moment(text, ExcelDateTime::new(number, ExcelDateTimeType::DateTime, false));
    }
    match number {
        // A whole number as typed; beyond fifteen digits a sheet has rounded it, and the exponent betrays that.
        whole if whole.fract() == 0.0 && whole.abs() < 1e15 => write!(text, "{}", whole as i64),
        large if large.abs() >= 1e15 => write!(text, "{large:E}"),
        other => write!(text, "{other}"),
    }
}

fn push_moment(text: &mut String, moment: ExcelDateTime) -> std::fmt::Result {
    let serial = moment.as_f64();
    if !(0.0..=SERIAL_MAX + 1.0).contains(&serial) {
        return write!(text, "{serial}");
    }
    // Half a second is added, so that 09:30 does not become 09:29:59 in binary fractions.
    let rounded = (serial * 86_400.0).round();
    let (days, seconds) = ((rounded / 86_400.0).floor(), rounded.rem_euclid(86_400.0) as u32);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if days < 1.0 {
        return write!(text, "{hour:02}:{minute:02}:{second:02}");
    }
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    // The library cuts off; when rounding passed midnight, the day is the next one.
    let (year, month, day) = match sizao_model::CivilDay::from_ymd(year as i16, month as i8, day as i8) {
        Some(civil) => civil.plus_days((days - serial.floor()) as i32).ymd(),
        None => (year as i16, month as i8, day as i8),
    };
    write!(text, "{year:04}-{month:02}-{day:02}")?;
    if seconds > 0 { write!(text, "T{hour:02}:{minute:02}:{second:02}") } else { Ok(()) }
}

/// Unpacks everything once, into nothing, so that a small file cannot become a huge one in memory.
fn check_size(bytes: &[u8]) -> Result<(), ImportError> {
    if bytes.len() > BYTES_MAX {
        return Err(ImportError::TooLarge { limit: "64 MiB" });
    }
    let unreadable = |error: &dyn std::fmt::Display| ImportError::Workbook(error.to_string().into());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(|error| unreadable(&error))?;
        let unpacked = io::copy(&mut file.take(left + 1), &mut io::sink()).map_err(|error| unreadable(&error))?;
        left = left.checked_sub(unpacked).ok_or(ImportError::TooLarge { limit: "512 MiB unpacked" })?;
    }
    Ok(())
}
