//! `index.csv` of a set: one row for each sample, cells by the names of their columns.

use super::Class;
use crate::records::{Cells, Record, Records};

/// An index that was read.
pub(super) struct Index {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// One row of it.
#[derive(Clone, Copy)]
pub(super) struct IndexRow<'a> {
    columns: &'a [String],
    cells: &'a [String],
}

impl Index {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut records = Records::new(bytes, Some(b','));
        let mut cutter = Cells::default();
        let mut rows = Vec::new();
        while let Ok(Some(record)) = records.next() {
            let (Record::Whole(line) | Record::OpenQuote(line)) = record else { continue };
            let line = String::from_utf8_lossy(line);
            if line.is_empty() {
                continue;
            }
            let (text, spans) = cutter.cut(&line, b',');
            rows.push(spans.iter().map(|&(from, to)| text[from as usize..to as usize].to_owned()).collect());
        }
        let columns = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
        Self { columns, rows }
    }

    /// Told by the columns that only one class has.
    pub(super) fn class(&self) -> Option<Class> {
        let has = |name: &str| self.columns.iter().any(|column| column == name);
        match () {
            () if has("expect_true") && has("expect_false") => Some(Class::EuDcc),
            () if has("resourceType") => Some(Class::FhirR4),
            () if has("suite") && has("input") => Some(Class::Hl7v2),
            () => None,
        }
    }

    pub(super) fn columns(&self) -> String {
        self.columns.join(",")
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = IndexRow<'_>> {
        self.rows.iter().map(|cells| IndexRow { columns: &self.columns, cells })
    }
}

impl<'a> IndexRow<'a> {
    /// The cell of a column; empty when there is none.
    pub(super) fn get(self, column: &str) -> &'a str {
        let position = self.columns.iter().position(|name| name == column);
        position.and_then(|at| self.cells.get(at)).map_or("", String::as_str)
    }
}
