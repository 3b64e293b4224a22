//! CSV by mapping: a stream of bytes becomes a stream of rows, in constant memory.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use encoding_rs::GB18030;
use sizao_model::Instant;

use crate::{
    header::Header,
    mapping::{Encoding, Mapping},
    problem::{ImportError, Problem, RowError},
    records::{Cells, RECORD_BYTES_MAX, Record, Records},
    row::{Row, RowCells, RowReader, digest_of},
};

/// What became of one row.
#[derive(Clone, Debug)]
pub enum Imported {
    /// It is understood.
    Accepted(Row),
    /// It is refused; the rows around it are not.
    Rejected(RowError),
}

/// How many rows have been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Understood.
    pub accepted: u64,
    /// Refused.
    pub rejected: u64,
}

/// The rows of a CSV file, read by a mapping.
///
/// Each row costs one step: [`Imported::Accepted`] or [`Imported::Rejected`]. An [`ImportError`] ends the iteration:
/// the source of the bytes failed. Blank rows are counted in row numbers and otherwise passed over.
///
/// # Limits
/// A row has at most [`RECORD_BYTES_MAX`] bytes; longer ones are refused without being kept in memory. Keys of facts
/// marked `once` are remembered to the end of the file, about 50 bytes each.
pub struct CsvImport<'m, R> {
    records: Records<R>,
    delimiter: u8,
    encoding: Encoding,
    cells: Cells,
    header: Header,
    reader: RowReader<'m>,
    row: u64,
    counts: Counts,
    failed: bool,
}

impl<'m, R: Read> CsvImport<'m, R> {
    /// Reads the header and compares it with the mapping.
    ///
    /// - `now`: what happened more than five minutes later is refused.
    ///
    /// # Errors
    /// [`ImportError`]: nothing in it, a header that lacks columns or has one twice, or the bytes do not come.
    pub fn new(reader: R, mapping: &'m Mapping, now: Instant) -> Result<Self, ImportError> {
        let mut records = Records::new(reader, Some(mapping.delimiter));
        let read = |source| ImportError::Read { row: 1, source };
        let start = records.peek().map_err(read)?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            return Err(ImportError::Header("the file is UTF-16. Save it as CSV UTF-8".into()));
        }
        if start.starts_with(b"PK\x03\x04") {
            return Err(ImportError::Header("the file is a workbook or archive, not CSV".into()));
        }
        let mut encoding = mapping.encoding;
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            records.skip(3);
            // It says so itself, whatever the sender's files usually are: a bad-rows file that comes back.
            encoding = Encoding::Utf8;
        }
        let mut row = 0;
        let mut cells = Cells::default();
        let header = loop {
            row += 1;
            let bytes = match records.next().map_err(read)? {
                None => return Err(ImportError::Empty),
                Some(Record::Whole(bytes)) => bytes,
                Some(Record::OpenQuote(_) | Record::TooLong(_)) if mapping.header_row.is_some_and(|h| row < h) => {
                    continue;
                }
                Some(Record::OpenQuote(_)) => {
                    return Err(ImportError::Header("a quotation mark is not closed".into()));
                }
                Some(Record::TooLong(_)) => return Err(ImportError::Header("it is longer than 1 MiB".into())),
            };
            if mapping.header_row.is_some_and(|header| row < header) || bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let text = decode(bytes, &mut encoding).map_err(|rule| ImportError::Header(rule.into()))?;
            let (text, spans) = cells.cut(&text, mapping.delimiter);
            break Header::new(spans.iter().map(|&(from, to)| &text[from as usize..to as usize]));
        };
        let positions = header.positions(mapping)?;
        Ok(Self {
            records,
            delimiter: mapping.delimiter,
            encoding,
            cells,
            header,
            reader: RowReader::new(mapping, positions, now),
            row,
            counts: Counts::default(),
            failed: false,
        })
    }

    /// The header, for [`BadRows`](crate::BadRows): without the reason column of an earlier bad-rows file.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// How many rows came so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many bytes were read so far, for a progress bar.
    pub const fn bytes_read(&self) -> u64 {
        self.records.bytes_read()
    }

    fn step(&mut self) -> io::Result<Option<Result<Row, RowError>>> {
        loop {
            self.row += 1;
            let row = self.row;
            let refuse = |cells: Vec<Box<str>>, rule: Cow<'static, str>, cure: &'static str| {
                let problem = Problem { column: None, value: "".into(), rule, cure: cure.into() };
                Ok(Some(Err(RowError { row, problems: vec![problem], cells })))
            };
            let bytes = match self.records.next()? {
                None => return Ok(None),
                Some(Record::Whole(bytes)) => bytes,
                Some(Record::OpenQuote(bytes)) => {
                    let cells = lossy_cells(bytes, self.delimiter);
                    return refuse(
                        cells,
                        "the quotation marks of the row do not pair".into(),
                        "Correct them and send the file again",
                    );
                }
                Some(Record::TooLong(bytes)) => {
                    let rule = format!("the row has {bytes} bytes; at most {RECORD_BYTES_MAX} are read");
                    return refuse(Vec::new(), rule.into(), "Look whether line ends were lost");
                }
            };
            if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == self.delimiter) {
                continue;
            }
            let text = match decode(bytes, &mut self.encoding) {
                Ok(text) => text,
                Err(rule) => {
                    let cells = lossy_cells(bytes, self.delimiter);
                    return refuse(
                        cells,
                        rule.into(),
                        "Write the broken characters again, or name the encoding in the \
                                                       mapping, and send the file again",
                    );
                }
            };
            let (text, spans) = self.cells.cut(&text, self.delimiter);
            if spans.len() != self.header.width() {
                let rule = self.header.miscounted(spans.len());
                let first_line = text_of(text, spans);
                let glued = memchr::memchr(b'\n', bytes).is_some();
                let cells = if glued {
                    let line = &bytes[..memchr::memchr(b'\n', bytes).unwrap_or(bytes.len())];
                    lossy_cells(line, self.delimiter)
                } else {
                    first_line
                };
                let cells = self.header.without_reason(cells);
                if glued {
                    self.records.keep_first_line_only();
                }
                return refuse(
                    cells,
                    rule.into(),
                    "Look for a missing or additional delimiter, correct the row and \
                                                   send the file again",
                );
            }
            let digest = digest_of(self.header.payload(spans).map(|(from, to)| &text[from as usize..to as usize]));
            let payload = self.header.payload(spans);
            return Ok(Some(self.reader.read(RowCells { row, text, spans }, digest, payload).map_err(|problems| {
                let cells = self.header.payload(spans).map(|(from, to)| text[from as usize..to as usize].into());
                RowError { row, problems, cells: cells.collect() }
            })));
        }
    }
}

impl<R: Read> Iterator for CsvImport<'_, R> {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.step() {
            Ok(None) => None,
            Ok(Some(Ok(row))) => {
                self.counts.accepted += 1;
                Some(Ok(Imported::Accepted(row)))
            }
            Ok(Some(Err(error))) => {
                self.counts.rejected += 1;
                Some(Ok(Imported::Rejected(error)))
            }
            Err(source) => {
                self.failed = true;
                Some(Err(ImportError::Read { row: self.row, source }))
            }
        }
    }
}

/// The text of a record. The first record beyond ASCII settles an encoding that is to be detected.
fn decode<'a>(bytes: &'a [u8], encoding: &mut Encoding) -> Result<Cow<'a, str>, &'static str> {
    match *encoding {
        Encoding::Utf8 => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| "the row is not valid UTF-8"),
        Encoding::Gb18030 => {
            GB18030.decode_without_bom_handling_and_without_replacement(bytes).ok_or("the row is not valid GB18030")
        }
        Encoding::Detect => match std::str::from_utf8(bytes) {
            Ok(text) => {
                if !bytes.is_ascii() {
                    *encoding = Encoding::Utf8;
                }
                Ok(Cow::Borrowed(text))
            }
            Err(_) => {
                let text = GB18030
                    .decode_without_bom_handling_and_without_replacement(bytes)
                    .ok_or("the row is neither valid UTF-8 nor valid GB18030")?;
                *encoding = Encoding::Gb18030;
                Ok(text)
            }
        },
    }
}

fn text_of(text: &str, spans: &[(u32, u32)]) -> Vec<Box<str>> {
    spans.iter().map(|&(from, to)| text[from as usize..to as usize].into()).collect()
}

/// Cells of a record that could not be read, as well as they can be shown to whoever mends them.
fn lossy_cells(bytes: &[u8], delimiter: u8) -> Vec<Box<str>> {
    let text = String::from_utf8_lossy(bytes);
    text.split(char::from(delimiter)).map(|cell| cell.trim_end_matches('\r').into()).collect()
}
