//! Refused rows in the format they came in, with a last column that says why: mend, save, send again.

use std::io::{self, Write};

use rust_xlsxwriter::{Workbook, XlsxError};

use crate::{
    header::{Header, REASON_HEADER},
    mapping::Mapping,
    problem::RowError,
    records::push_cell,
};

/// Writes refused rows as CSV (UTF-8 with a mark at the beginning, by which spreadsheets know it), or as lines of JSON.
///
/// It holds what the rows held, names and numbers included: it belongs where the file itself belongs.
pub struct BadRows<W> {
    writer: W,
    /// Delimiter and number of columns; nothing for lines.
    table: Option<(u8, usize)>,
    line: String,
    rows: u64,
}

impl<W: Write> BadRows<W> {
    /// Begins a file with the header of the one that was read.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut writer: W, mapping: &Mapping, header: &Header) -> io::Result<Self> {
        let mut line = String::from('\u{feff}');
        for name in header.names() {
            push_cell(&mut line, name, mapping.delimiter);
            line.push(char::from(mapping.delimiter));
        }
        push_cell(&mut line, REASON_HEADER, mapping.delimiter);
        line.push_str("\r\n");
        writer.write_all(line.as_bytes())?;
        Ok(Self { writer, table: Some((mapping.delimiter, header.names().len())), line, rows: 0 })
    }

    /// Begins a file of lines; each refused line comes after a remark that says why.
    pub fn lines(writer: W) -> Self {
        Self { writer, table: None, line: String::new(), rows: 0 }
    }

    /// Writes one refused row.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn push(&mut self, error: &RowError) -> io::Result<()> {
        self.line.clear();
        match self.table {
            Some((delimiter, columns)) => {
                // A row with too few cells stays so, that it is refused again unless somebody has looked at it.
                let blanks = if error.cells.is_empty() { columns } else { 0 };
                for cell in error.cells.iter().map(|cell| &**cell).chain(std::iter::repeat_n("", blanks)) {
                    push_cell(&mut self.line, cell, delimiter);
                    self.line.push(char::from(delimiter));
                }
                push_cell(&mut self.line, &format!("Row {}: {}", error.row, error.reason()), delimiter);
                self.line.push_str("\r\n");
            }
            None => {
                self.line.push_str(&format!("# Line {}: {}\n", error.row, error.reason().replace('\n', " ")));
                if let Some(line) = error.cells.first() {
                    self.line.push_str(line);
                    self.line.push('\n');
                }
            }
        }
        self.rows += 1;
        self.writer.write_all(self.line.as_bytes())
    }

    /// How many rows were written.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn finish(mut self) -> io::Result<W> {
        self.writer.flush()?;
        Ok(self.writer)
    }
}

/// Collects refused rows for a workbook (.xlsx). All cells are texts, so that no spreadsheet rounds a number.
pub struct BadRowsWorkbook {
    workbook: Workbook,
    columns: usize,
    rows: u32,
}

impl BadRowsWorkbook {
    /// Begins a workbook with the header of the one that was read.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the header does not fit into a sheet.
    pub fn new(header: &Header) -> io::Result<Self> {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        for (column, name) in header.names().iter().map(|name| &**name).chain([REASON_HEADER]).enumerate() {
            sheet.write_string(0, column_number(column)?, name).map_err(unfit)?;
        }
        Ok(Self { workbook, columns: header.names().len(), rows: 0 })
    }

    /// Adds one refused row.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] when the row does not fit into a sheet.
    pub fn push(&mut self, error: &RowError) -> io::Result<()> {
        let row = self.rows + 1;
        let sheet = self.workbook.worksheet_from_index(0).map_err(unfit)?;
        for (column, cell) in error.cells.iter().enumerate() {
            sheet.write_string(row, column_number(column)?, &**cell).map_err(unfit)?;
        }
        let reason = format!("Row {}: {}", error.row, error.reason());
        let reason_column = column_number(error.cells.len().max(self.columns))?;
        sheet.write_string(row, reason_column, reason).map_err(unfit)?;
        self.rows = row;
        Ok(())
    }

    /// How many rows were added.
    pub const fn rows(&self) -> u64 {
        self.rows as u64
    }

    /// The bytes of the workbook.
    ///
    /// # Errors
    /// When the workbook cannot be put together.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        self.workbook.save_to_buffer().map_err(unfit)
    }
}

fn column_number(column: usize) -> io::Result<u16> {
    u16::try_from(column).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a sheet has 16,384 columns at most"))
}

fn unfit(error: XlsxError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
}
