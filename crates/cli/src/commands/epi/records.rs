//! Rows and cells of a table in one pass; tables with quotes or carriage returns go through the csv library.

use anyhow::{Context, Result};

/// A table as bytes, divided by commas and lines.
pub struct Records<'a> {
    text: &'a [u8],
}

impl<'a> Records<'a> {
    /// The byte order mark, if there is one, is skipped.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text: text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text) }
    }

    /// The names in the first row, in small letters.
    pub fn header(&mut self) -> Result<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(self.text);
        let header = reader.byte_headers().context("reading the header")?;
        Ok(header.iter().map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase()).collect())
    }

    /// Gives every row after the header with its line, from 1, and its cells, trimmed. Empty lines are skipped.
    pub fn each(&self, take: impl FnMut(u64, &[&[u8]])) -> Result<()> {
        if memchr::memchr2(b'"', b'\r', self.text).is_none() {
            self.each_plain(take);
            return Ok(());
        }
        self.each_quoted(take)
    }

    fn each_plain(&self, mut take: impl FnMut(u64, &[&[u8]])) {
        let mut cells: Vec<&[u8]> = Vec::with_capacity(8);
        let (mut begin, mut line, mut is_header) = (0, 1, true);
        let ends = memchr::memchr2_iter(b',', b'\n', self.text).chain(std::iter::once(self.text.len()));
        for end in ends {
            cells.push(self.text[begin..end].trim_ascii());
            begin = end + 1;
            if self.text.get(end) == Some(&b',') {
                continue;
            }
            let is_empty = cells.len() == 1 && cells[0].is_empty();
            if !is_empty && !is_header {
                take(line, &cells);
            }
            is_header &= is_empty;
            line += 1;
            cells.clear();
        }
    }

    fn each_quoted(&self, mut take: impl FnMut(u64, &[&[u8]])) -> Result<()> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(self.text);
        let mut record = csv::ByteRecord::new();
        while reader.read_byte_record(&mut record).context("reading the rows")? {
            let line = record.position().map_or(0, csv::Position::line);
            take(line, &record.iter().collect::<Vec<_>>());
        }
        Ok(())
    }
}
