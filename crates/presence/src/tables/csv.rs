//! Just enough CSV (RFC 4180): a header, quoted cells, either line end, a byte-order mark in front.
//!
//! A line end always ends the row, also within quotes: ids have no line breaks, and a quote that somebody forgot to
//! close then costs one row instead of the rest of the file.

use std::borrow::Cow;

use super::cell::Cell;
use crate::error::PresenceError;

/// A table whose wanted columns were found.
pub(super) struct Table<'a> {
    body: &'a [u8],
    /// Position of each wanted column; `None` for one that may be missing and is.
    positions: Vec<Option<usize>>,
}

/// One row: the wanted cells, in the order in which they were wanted.
pub(super) struct Row<'a> {
    texts: Vec<Cow<'a, str>>,
    wanted: usize,
    /// Number in the file, the header being row 1.
    pub(super) number: u64,
}

impl<'a> Table<'a> {
    /// Reads the header and finds the columns; `table` is its name in messages.
    pub(super) fn open(table: &str, bytes: &'a [u8], names: &[&'static str]) -> Result<Self, PresenceError> {
        Self::open_with(table, bytes, names, &[])
    }

    /// The same with columns behind them that may be missing; their cells are then empty.
    pub(super) fn open_with(
        table: &str,
        bytes: &'a [u8],
        names: &[&'static str],
        more: &[&'static str],
    ) -> Result<Self, PresenceError> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut rest = bytes;
        let mut cells = Vec::new();
        next_record(&mut rest, &mut cells);
        let header: Vec<String> = cells
            .into_iter()
            .map(|cell| text(cell).map(|name| name.trim().to_lowercase()))
            .collect::<Option<_>>()
            .ok_or_else(|| PresenceError::NotText { table: table.to_owned(), row: 1 })?;
        let position = |column: &str| header.iter().position(|name| name == column);
        let wanted = |&column: &&'static str| {
            position(column).map(Some).ok_or_else(|| {
                let (table, wanted) = (table.to_owned(), names.join(", "));
                PresenceError::ColumnMissing { table, column, wanted }
            })
        };
        let mut positions: Vec<Option<usize>> = names.iter().map(wanted).collect::<Result<_, _>>()?;
        positions.extend(more.iter().map(|column| position(column)));
        Ok(Self { body: rest, positions })
    }

    /// Calls `visit` with every row that is not blank.
    pub(super) fn for_rows(&self, mut visit: impl FnMut(&Row<'_>)) {
        let mut rest = self.body;
        let mut cells = Vec::new();
        let mut row = Row { texts: Vec::new(), wanted: self.positions.len(), number: 1 };
        while next_record(&mut rest, &mut cells) {
            row.number += 1;
            if cells.iter().all(|cell| cell.is_empty()) && cells.len() == 1 {
                continue;
            }
            row.texts.clear();
            if cells.iter().all(|cell| std::str::from_utf8(cell).is_ok()) {
                let cell = |&at: &Option<usize>| at.map_or(Some(Cow::Borrowed("")), |at| text(cells.get(at)?));
                row.texts.extend(self.positions.iter().map_while(cell));
            }
            visit(&row);
        }
    }
}

impl Row<'_> {
    /// The wanted cells; `None` if one is missing or the row is no text.
    pub(super) fn cells<const N: usize>(&self) -> Option<[Cell<'_>; N]> {
        let cell = |column: usize| match &*self.texts[column] {
            "" => Cell::Empty,
            text => Cell::Text(text),
        };
        (self.texts.len() == self.wanted).then(|| std::array::from_fn(cell))
    }

    /// What is wrong with a row that has no cells.
    pub(super) fn unsound(&self) -> String {
        format!("fewer than {} cells, a quote that is not closed, or not UTF-8 text", self.wanted)
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
            // A quote inside a cell that does not begin with one is a letter like others.
            b'"' if quoted || at == start => quoted = !quoted,
            b'"' if bytes[start] == b'"' => quoted = true,
            b',' if !quoted => {
                cells.push(&bytes[start..at]);
                start = at + 1;
            }
            b'\n' => {
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

/// Text of a cell without its quotes; `None` if it is no text or a quote is not closed.
fn text(cell: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(cell).ok()?;
    let Some(inner) = text.strip_prefix('"') else { return Some(Cow::Borrowed(text)) };
    let inner = inner.strip_suffix('"')?;
    let unpaired = inner.replace("\"\"", "").contains('"');
    (!unpaired).then(|| Cow::Owned(inner.replace("\"\"", "\"")))
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

    fn rows<const N: usize>(bytes: &[u8], names: &[&'static str]) -> Vec<(u64, Option<[String; N]>)> {
        let table = Table::open("test", bytes, names).expect("the columns are there");
        let mut rows = Vec::new();
        table.for_rows(|row| rows.push((row.number, row.cells::<N>().map(|cells| cells.map(Cell::shown)))));
        rows
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_quotes_come_off() {
        let bytes = "\u{feff}b, A ,c\r\n\"x,\"\"y\"\"\",1,\r\n\r\n2,\"3\",4".as_bytes();
        let rows = rows(bytes, &["a", "b"]);
        let expected = [(2, Some(["1".into(), "x,\"y\"".into()])), (4, Some(["3".into(), "2".into()]))];
        assert_eq!(rows, expected);
        let mut out = Vec::new();
        write_field(&mut out, "x,\"y\"");
        assert_eq!(out, b"\"x,\"\"y\"\"\"");
    }

    #[test]
    fn a_quote_that_is_not_closed_costs_one_row() {
        let bytes = b"a,b\n\"1,2\n3,4\"\n5\"6,7\n";
        let rows = rows(bytes, &["a", "b"]);
        let expected = [(2, None), (3, Some(["3".into(), "4\"".into()])), (4, Some(["5\"6".into(), "7".into()]))];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_missing_column_is_named() {
        let error = Table::open("cases", b"case_id,t0\n", &["case_id", "t1"]).err();
        let (table, wanted) = ("cases".to_owned(), "case_id, t1".to_owned());
        assert_eq!(error, Some(PresenceError::ColumnMissing { table, column: "t1", wanted }));
    }
}
