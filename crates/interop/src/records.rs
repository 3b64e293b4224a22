//! Cuts a stream of bytes into records, in bounded memory, without losing count of the rows.
//!
//! A general CSV reader buffers a record however long it is, and skips empty lines, so that its count differs from the
//! row numbers of a spreadsheet. Here a line of any length costs at most [`RECORD_BYTES_MAX`] of memory and one row,
//! and so does a quotation mark that nobody closed.

use std::io::{self, Read};

use memchr::memchr;

/// The longest record that is read; longer ones are refused and skipped.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// The most lines that one quoted cell may span; beyond, the quotation mark counts as never closed.
const QUOTED_LINES_MAX: usize = 200;
const CHUNK: usize = 1 << 16;

/// One record of the stream, without its line end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// Bytes of the record, quoted line ends included.
    Whole(&'a [u8]),
    /// A line whose quotation marks do not pair.
    OpenQuote(&'a [u8]),
    /// More than [`RECORD_BYTES_MAX`]; so many bytes were skipped.
    TooLong(u64),
}

/// The records of a stream.
pub(crate) struct Records<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    exhausted: bool,
    /// The field delimiter when quotation marks have a meaning.
    quoting: Option<u8>,
    /// Where the record returned last begins in the buffer, and how long its first line is.
    last_start: usize,
    last_first_line: usize,
    bytes_read: u64,
}

enum Cut {
    /// Record and line end have these lengths.
    At(usize, usize),
    /// First line, with a quotation mark left open.
    Open(usize, usize),
    NeedMore,
    TooLong,
}

impl<R: Read> Records<R> {
    pub(crate) fn new(reader: R, quoting: Option<u8>) -> Self {
        Self {
            reader,
            buffer: vec![0; 2 * CHUNK],
            start: 0,
            end: 0,
            exhausted: false,
            quoting,
            last_start: 0,
            last_first_line: 0,
            bytes_read: 0,
        }
    }

    /// The bytes of the record that was returned last.
    pub(crate) fn last(&self) -> &[u8] {
        let record = &self.buffer[self.last_start..self.start];
        without_return(record.strip_suffix(b"\n").unwrap_or(record))
    }

    /// Bytes taken from the reader so far.
    pub(crate) const fn bytes_read(&self) -> u64 {
        self.bytes_read - (self.end - self.start) as u64
    }

    /// The first bytes of the stream, without consuming them.
    pub(crate) fn peek(&mut self) -> io::Result<&[u8]> {
        while !self.exhausted && self.end - self.start < CHUNK {
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Drops so many bytes from the front.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// The next record; nothing at the end of the stream.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        loop {
            if self.start == self.end && self.exhausted {
                return Ok(None);
            }
            match self.cut() {
                Cut::NeedMore => self.fill()?,
                Cut::TooLong => return self.skip_line().map(|bytes| Some(Record::TooLong(bytes))),
                Cut::At(record, terminator) => {
                    let from = self.start;
                    self.start += record + terminator;
                    self.last_start = from;
                    self.last_first_line = memchr(b'\n', &self.buffer[from..self.start]).map_or(record, |at| at + 1);
                    return Ok(Some(Record::Whole(without_return(&self.buffer[from..from + record]))));
                }
                Cut::Open(record, terminator) => {
                    let from = self.start;
                    self.start += record + terminator;
                    return Ok(Some(Record::OpenQuote(without_return(&self.buffer[from..from + record]))));
                }
            }
        }
    }

    /// Gives back all but the first line of the record that was returned last.
    ///
    /// A stray quotation mark that another one closes further down glues rows together; the wrong number of cells
    /// betrays it, and only the first of them is to blame.
    pub(crate) fn keep_first_line_only(&mut self) {
        self.start = self.last_start + self.last_first_line;
    }

    fn cut(&mut self) -> Cut {
        let bytes = &self.buffer[self.start..self.end];
        let line = memchr(b'\n', bytes);
        let first = line.unwrap_or(bytes.len());
        if first > RECORD_BYTES_MAX {
            return Cut::TooLong;
        }
        let quoted = self.quoting.is_some() && memchr(b'"', &bytes[..first]).is_some();
        if !quoted {
            return match line {
                Some(at) => Cut::At(at, 1),
                None if self.exhausted => Cut::At(bytes.len(), 0),
                None => Cut::NeedMore,
            };
        }
        let terminator = usize::from(line.is_some());
        match quoted_end(bytes, self.quoting.unwrap_or(b',')) {
            QuotedEnd::At(at) if at > RECORD_BYTES_MAX => Cut::Open(first, terminator),
            QuotedEnd::At(at) => Cut::At(at, 1),
            QuotedEnd::Malformed => Cut::Open(first, terminator),
            QuotedEnd::Outside if self.exhausted => Cut::At(bytes.len(), 0),
            QuotedEnd::Inside if self.exhausted => Cut::Open(first, terminator),
            _ if bytes.len() > RECORD_BYTES_MAX => Cut::Open(first, terminator),
            _ => Cut::NeedMore,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() + CHUNK.max(self.buffer.len() / 2), 0);
        }
        let got = loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.end += got;
        self.bytes_read += got as u64;
        self.exhausted = got == 0;
        Ok(())
    }

    fn skip_line(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let bytes = &self.buffer[self.start..self.end];
            if let Some(at) = memchr(b'\n', bytes) {
                self.start += at + 1;
                return Ok(skipped + at as u64);
            }
            skipped += bytes.len() as u64;
            self.start = self.end;
            if self.exhausted {
                return Ok(skipped);
            }
            self.fill()?;
        }
    }
}

enum QuotedEnd {
    At(usize),
    /// Text after a closing mark, or more lines than a cell may have.
    Malformed,
    Inside,
    Outside,
}

/// Where the record ends when quotation marks at the beginning of a cell protect line ends (RFC 4180).
fn quoted_end(bytes: &[u8], delimiter: u8) -> QuotedEnd {
    let (mut inside, mut cell_starts, mut lines) = (false, true, 0);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if inside {
            if byte == b'"' {
                match bytes.get(at + 1) {
                    Some(b'"') => at += 1,
                    Some(&next) if next != delimiter && !matches!(next, b'\r' | b'\n') => return QuotedEnd::Malformed,
                    _ => inside = false,
                }
            } else if byte == b'\n' {
                lines += 1;
                if lines > QUOTED_LINES_MAX {
                    return QuotedEnd::Malformed;
                }
            }
        } else if byte == b'\n' {
            return QuotedEnd::At(at);
        } else if byte == b'"' && cell_starts {
            inside = true;
            cell_starts = false;
        } else {
            cell_starts = byte == delimiter;
        }
        at += 1;
    }
    if inside { QuotedEnd::Inside } else { QuotedEnd::Outside }
}

fn without_return(record: &[u8]) -> &[u8] {
    record.strip_suffix(b"\r").unwrap_or(record)
}

/// The cells of a record: places in a text, which is the record itself or, where quotation marks were taken off, a
/// buffer.
#[derive(Default)]
pub(crate) struct Cells {
    unquoted: String,
    spans: Vec<(u32, u32)>,
}

impl Cells {
    /// Cuts a record into cells and returns the text in which [`Cells::spans`] lie.
    pub(crate) fn cut<'a>(&'a mut self, record: &'a str, delimiter: u8) -> (&'a str, &'a [(u32, u32)]) {
        self.spans.clear();
        if memchr(b'"', record.as_bytes()).is_none() {
            let mut from = 0;
            for at in memchr::memchr_iter(delimiter, record.as_bytes()) {
                self.spans.push((from, at as u32));
                from = at as u32 + 1;
            }
            self.spans.push((from, record.len() as u32));
            return (record, &self.spans);
        }
        self.unquote(record, delimiter);
        (&self.unquoted, &self.spans)
    }

    fn unquote(&mut self, record: &str, delimiter: u8) {
        self.unquoted.clear();
        let delimiter = char::from(delimiter);
        let (mut inside, mut from) = (false, 0);
        let mut cell_starts = true;
        let mut chars = record.chars().peekable();
        while let Some(c) = chars.next() {
            if inside {
                if c != '"' {
                    self.unquoted.push(c);
                } else if chars.next_if_eq(&'"').is_some() {
                    self.unquoted.push('"');
                } else {
                    inside = false;
                }
            } else if c == delimiter {
                self.spans.push((from, self.unquoted.len() as u32));
                from = self.unquoted.len() as u32;
                cell_starts = true;
            } else if c == '"' && cell_starts {
                inside = true;
                cell_starts = false;
            } else {
                self.unquoted.push(c);
                cell_starts = false;
            }
        }
        self.spans.push((from, self.unquoted.len() as u32));
    }
}

/// Writes one cell as CSV.
pub(crate) fn push_cell(line: &mut String, cell: &str, delimiter: u8) {
    let quoted = cell.bytes().any(|byte| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r'));
    if !quoted {
        line.push_str(cell);
        return;
    }
    line.push('"');
    for c in cell.chars() {
        if c == '"' {
            line.push('"');
        }
        line.push(c);
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, so that every boundary is met.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            into[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn check(input: &[u8]) -> Vec<String> {
        let mut records = Records::new(Trickle(input), Some(b','));
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            found.push(match record {
                Record::Whole(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Record::OpenQuote(bytes) => format!("open: {}", String::from_utf8_lossy(bytes)),
                Record::TooLong(bytes) => format!("long: {bytes}"),
            });
        }
        found
    }

    #[test]
    fn records_end_with_their_line_unless_quoted() {
        assert_eq!(check(b"a,b\r\nc,\"d\ne\"\n\nf"), ["a,b", "c,\"d\ne\"", "", "f"]);
        assert_eq!(check(b""), [""; 0]);
        assert_eq!(check(b"a,5\" pipe\nb"), ["a,5\" pipe", "b"], "a mark inside a cell is an ordinary character");
        assert_eq!(check(b"\"a \"\"b\"\"\nc\",d\n"), ["\"a \"\"b\"\"\nc\",d"]);
    }

    #[test]
    fn a_mark_that_nobody_closes_costs_one_row() {
        assert_eq!(check(b"a,\"b\nc,d\ne,f\n"), ["open: a,\"b", "c,d", "e,f"]);
        let mut long = b"a,\"b\n".to_vec();
        for _ in 0..QUOTED_LINES_MAX {
            long.extend(b"c,d\n");
        }
        long.extend(b"e,\"f\"\n");
        assert_eq!(check(&long).len(), QUOTED_LINES_MAX + 2);
    }

    #[test]
    fn text_behind_a_closing_mark_does_not_glue_rows_together() {
        assert_eq!(check(b"\"a,b\nc,d\n\"e,f\n"), ["open: \"a,b", "c,d", "open: \"e,f"]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_skipped_without_being_kept() {
        let mut input = b"a\n".to_vec();
        input.extend(std::iter::repeat_n(b'x', 5 * RECORD_BYTES_MAX));
        input.extend(b"\nb\n");
        let mut records = Records::new(&input[..], Some(b','));
        assert_eq!(records.next().unwrap(), Some(Record::Whole(b"a")));
        assert_eq!(records.next().unwrap(), Some(Record::TooLong(5 * RECORD_BYTES_MAX as u64)));
        assert_eq!(records.next().unwrap(), Some(Record::Whole(b"b")));
        assert_eq!(records.next().unwrap(), None);
        assert!(records.buffer.len() <= 2 * RECORD_BYTES_MAX);
    }

    #[test]
    fn cells_come_without_their_quotation_marks_and_read_back_as_written() {
        let mut cells = Cells::default();
        for row in [vec!["a", "", "b c"], vec!["x,y", "say \"hi\"", "two\nlines"], vec![""], vec!["", ""]] {
            let mut line = String::new();
            for (i, cell) in row.iter().enumerate() {
                if i > 0 {
                    line.push(',');
                }
                push_cell(&mut line, cell, b',');
            }
            let (text, spans) = cells.cut(&line, b',');
            let read: Vec<_> = spans.iter().map(|&(from, to)| &text[from as usize..to as usize]).collect();
            assert_eq!(read, row);
        }
    }
}
