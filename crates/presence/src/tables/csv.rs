//! Just enough CSV (RFC 4180): a header, quoted cells, either line end, a byte-order mark in front.

use std::borrow::Cow;

use crate::error::PresenceError;

/// A table whose wanted columns were found.
pub(super) struct Table<'a> {
    body: &'a [u8],
    names: &'static [&'static str],
    /// Position of each wanted column.
    positions: Vec<usize>,
}

/// One row; cells are asked for by wanted column.
pub(super) struct Row<'a> {
    cells: Vec<&'a [u8]>,
    positions: &'a [usize],
    names: &'static [&'static str],
    /// Number in the file, the header being row 1.
    pub(super) number: u64,
}

impl<'a> Table<'a> {
    /// Reads the header and finds the columns.
    pub(super) fn open(
        table: &'static str,
        bytes: &'a [u8],
        names: &'static [&'static str],
    ) -> Result<Self, PresenceError> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut rest = bytes;
        let mut cells = Vec::new();
        next_record(&mut rest, &mut cells);
        let header: Vec<String> = cells
            .into_iter()
            .map(|cell| text(cell).map(|name| name.trim().to_lowercase()))
            .collect::<Option<_>>()
            .ok_or(PresenceError::NotText { table, row: 1 })?;
        let position = |&column: &&'static str| {
            let missing = PresenceError::ColumnMissing { table, column, wanted: names.join(", ") };
            header.iter().position(|name| name == column).ok_or(missing)
        };
        Ok(Self { body: rest, names, positions: names.iter().map(position).collect::<Result<_, _>>()? })
    }

    /// Calls `visit` with every row that is not blank.
    pub(super) fn for_rows(&self, mut visit: impl FnMut(&Row<'_>)) {
        let mut rest = self.body;
        let mut row = Row { cells: Vec::new(), positions: &self.positions, names: self.names, number: 1 };
        while next_record(&mut rest, &mut row.cells) {
            row.number += 1;
            if row.cells.len() > 1 || row.cells.iter().any(|cell| !cell.is_empty()) {
                visit(&row);
            }
        }
    }
}

impl Row<'_> {
    /// Whether the first `count` wanted columns, and every other cell, are there and are text.
    pub(super) fn sound(&self, count: usize) -> bool {
        self.positions[..count].iter().all(|&position| position < self.cells.len())
            && self.cells.iter().all(|cell| std::str::from_utf8(cell).is_ok())
    }

    /// Text of a wanted column; empty if the row is too short or the cell is no text.
    pub(super) fn cell(&self, column: usize) -> Cow<'_, str> {
        self.cells.get(self.positions[column]).and_then(|&cell| text(cell)).unwrap_or_default()
    }

    /// Name of a wanted column.
    pub(super) fn name(&self, column: usize) -> &'static str {
        self.names[column]
    }

    /// Number of cells.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }
}

/// Takes one record off the front: raw cells, quotes still on. False at the end.
fn next_record<'a>(rest: &mut &'a [u8], cells: &mut Vec<&'a [u8]>) -> bool {
    cells.clear();
    let bytes = std::mem::take(rest);
    if bytes.is_empty() {
        return false;
    }
    let (mut start, mut quoted, mut end) = (0, false, bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                cells.push(&bytes[start..at]);
                start = at + 1;
            }
            b'\n' if !quoted => {
                end = at;
                *rest = &bytes[at + 1..];
                break;
            }
            _ => {}
        }
    }
    let last = &bytes[start..end];
    cells.push(last.strip_suffix(b"\r").unwrap_or(last));
    true
}

/// Text of a cell without its quotes.
fn text(cell: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(cell).ok()?;
    match text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(inner) => Some(Cow::Owned(inner.replace("\"\"", "\""))),
        None => Some(Cow::Borrowed(text)),
    }
}

/// Writes a cell, with quotes where it needs them.
pub(super) fn write_field(out: &mut Vec<u8>, field: &str) {
    if field.contains([',', '"', '\n', '\r']) {
        out.extend_from_slice(format!("\"{}\"", field.replace('"', "\"\"")).as_bytes());
    } else {
        out.extend_from_slice(field.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_in_any_order_and_quotes_come_off() {
        let bytes = "\u{feff}b, A ,c\r\n\"x,\"\"y\"\"\",1,\r\n\r\n2,\"3\",4".as_bytes();
        let table = Table::open("test", bytes, &["a", "b"]).expect("both columns are there");
        let mut rows = Vec::new();
        table.for_rows(|row| rows.push((row.number, row.cell(0).into_owned(), row.cell(1).into_owned())));
        assert_eq!(rows, [(2, "1".into(), "x,\"y\"".into()), (4, "3".into(), "2".into())]);
        let mut out = Vec::new();
        write_field(&mut out, &rows[0].2);
        assert_eq!(out, b"\"x,\"\"y\"\"\"");
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = Table::open("cases", b"case_id,t0\n", &["case_id", "t1"]).err();
        let wanted = "case_id, t1".to_owned();
        assert_eq!(error, Some(PresenceError::ColumnMissing { table: "cases", column: "t1", wanted }));
    }
}
