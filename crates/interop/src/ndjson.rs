//! Facts as lines of JSON: `{id, kind, person, happened, recorded_at, body}`, one a line, in any order.
//!
//! Files written by hand name facts and people as they like (`f01`, `p1`); inside there are only UUIDs. [`Labels`]
//! remembers what was written, so that answers speak of `f01` again.

mod answers;
mod import;
mod labels;

use std::io::{self, Read, Write};

pub use answers::answer_line;
pub use import::FactImport;
pub use labels::Labels;
use rustc_hash::FxHashMap;
use sizao_model::{Fact, FactId, fact::FactError};
use thiserror::Error;

use crate::records::{RECORD_BYTES_MAX, Record, Records};

/// Why a line is not a fact.
#[derive(Debug, Error)]
pub enum LineError {
    /// The source of the bytes failed; nothing after this line was read.
    #[error("line {line}: the file could not be read on")]
    Read {
        /// Counted from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Longer than any fact.
    #[error("line {line} has {bytes} bytes; at most {RECORD_BYTES_MAX} are read")]
    TooLong {
        /// Counted from 1.
        line: u64,
        /// How many were passed over.
        bytes: u64,
    },
    /// Not UTF-8.
    #[error("line {line} is not valid UTF-8 from byte {byte} on")]
    Utf8 {
        /// Counted from 1.
        line: u64,
        /// Counted from 1 within the line.
        byte: usize,
    },
    /// Text, but not a fact.
    #[error("line {line}: {source}")]
    Fact {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        source: FactError,
    },
    /// Two facts of one file have the same id.
    #[error("line {line}: the id of this fact is that of line {first}; ids are unique")]
    SameId {
        /// Counted from 1.
        line: u64,
        /// The earlier line.
        first: u64,
    },
}

/// The facts of a stream, line by line. Empty lines and remarks, which begin with `#`, are passed over; a bad line costs
/// one line.
pub struct FactLines<R> {
    lines: Lines<R>,
    labels: Labels,
}

impl<R: Read> FactLines<R> {
    /// Begins to read.
    pub fn new(reader: R) -> Self {
        Self { lines: Lines::new(reader), labels: Labels::default() }
    }

    /// What the facts read so far call each other and their people.
    pub fn into_labels(self) -> Labels {
        self.labels
    }

    /// The line that was read last, counted from 1.
    pub const fn line(&self) -> u64 {
        self.lines.line
    }
}

impl<R: Read> Iterator for FactLines<R> {
    type Item = Result<Fact, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, text) = match self.lines.next()? {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        Some(match Fact::from_json(text) {
            Ok(fact) => {
                self.labels.note(text);
                Ok(fact)
            }
            Err(source) => Err(LineError::Fact { line, source }),
        })
    }
}

/// Reads a whole file of facts.
///
/// # Errors
/// Everything that is wrong with it, in the order of the lines: all or nothing, because a file with a fact missing
/// would give other answers.
pub fn read_facts<R: Read>(reader: R) -> Result<(Vec<Fact>, Labels), Vec<LineError>> {
    let (mut facts, mut errors) = (Vec::new(), Vec::new());
    let mut first_lines: FxHashMap<FactId, u64> = FxHashMap::default();
    let mut lines = FactLines::new(reader);
    while let Some(step) = lines.next() {
        let line = lines.line();
        match step {
            Ok(fact) => match first_lines.insert(fact.id, line) {
                None => facts.push(fact),
                Some(first) => errors.push(LineError::SameId { line, first }),
            },
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok((facts, lines.into_labels())) } else { Err(errors) }
}

/// How the first line of a file begins that a store's facts were exported to; the id of the store follows.
pub const EXPORTED_FROM: &str = "# Facts of store ";

/// Writes facts, one a line.
///
/// # Errors
/// Those of the writer.
pub fn write_facts<'a, W: Write>(mut writer: W, facts: impl IntoIterator<Item = &'a Fact>) -> io::Result<()> {
    for fact in facts {
        writer.write_all(fact.to_json().as_bytes())?;
        writer.write_all(b"\n")?;
    }
    writer.flush()
}

/// Lines that are neither empty nor remarks, as text, each of bounded length.
struct Lines<R> {
    records: Records<R>,
    line: u64,
    failed: bool,
}

impl<R: Read> Lines<R> {
    fn new(reader: R) -> Self {
        Self { records: Records::new(reader, None), line: 0, failed: false }
    }

    /// Line number and text.
    fn next(&mut self) -> Option<Result<(u64, &str), LineError>> {
        loop {
            if self.failed {
                return None;
            }
            self.line += 1;
            let line = self.line;
            // Looked at here and taken again below: the compiler does not see that a borrow may leave a loop.
            let bytes = match self.records.next() {
                Err(source) => {
                    self.failed = true;
                    return Some(Err(LineError::Read { line, source }));
                }
                Ok(None) => return None,
                Ok(Some(Record::TooLong(bytes))) => return Some(Err(LineError::TooLong { line, bytes })),
                Ok(Some(Record::Whole(bytes) | Record::OpenQuote(bytes))) => bytes,
            };
            let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
            if bytes.starts_with(b"#") || bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return Some(match std::str::from_utf8(self.records.last()) {
                Ok(text) => Ok((line, text.trim_start_matches('\u{feff}'))),
                Err(error) => Err(LineError::Utf8 { line, byte: error.valid_up_to() + 1 }),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"id":"f01","kind":"death","person":"p1","happened":{"day":"2022-03-02"},"recorded_at":"2022-03-02T13:00:00+08:00","body":{}}"#;

    fn check(input: &[u8], expect: &[&str]) {
        let errors = read_facts(input).err().unwrap_or_default();
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn facts_read_back_as_written() {
        let text = format!("\u{feff}{LINE}\r\n\n{}\n", LINE.replace("f01", "f02"));
        let (facts, _) = read_facts(text.as_bytes()).unwrap();
        let mut written = Vec::new();
        write_facts(&mut written, &facts).unwrap();
        assert_eq!(read_facts(&written[..]).unwrap().0, facts);
        assert_eq!(facts.len(), 2);
    }

    #[test]
    fn each_bad_line_is_named() {
        let mut input = format!("{LINE}\n{{\n\n").into_bytes();
        input.extend(b"{\"id\":\"\xff\"}\n");
        input.extend(std::iter::repeat_n(b' ', 2 * RECORD_BYTES_MAX));
        input.extend(format!("\n{LINE}\n{}", LINE.replace("f01", "f02").replace("death", "birth")).into_bytes());
        let errors = read_facts(&input[..]).unwrap_err();
        let said: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(said[0].starts_with("line 2: EOF"), "{said:?}");
        assert_eq!(said[1], "line 4 is not valid UTF-8 from byte 8 on");
        assert_eq!(said[2], "line 5 has 2097152 bytes; at most 1048576 are read");
        assert_eq!(said[3], "line 6: the id of this fact is that of line 1; ids are unique");
        assert!(said[4].starts_with("line 7: unknown kind 'birth'"), "{said:?}");
        assert_eq!(said.len(), 5);
    }

    #[test]
    fn an_empty_file_has_no_facts_and_no_errors() {
        check(b"", &[]);
        check(b"\n \n", &[]);
    }
}
