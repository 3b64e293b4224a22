//! A file of messages as a source of drafts: bare, in a batch, or in frames of MLLP.

use std::io::Read;

use sizao_model::{DivisionCode, Instant};

use super::{ChunkKind, Deframer, Frame, Hl7Error, Hl7Problem, Message, check_counts, decode, mllp, read_lab, split};
use crate::{
    csv::{Counts, Imported},
    lab::{Source, row_of},
    problem::{ImportError, Problem, RowError},
};

/// The largest file that is read; it is held in memory.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The messages of a file, each a row of its own: accepted with its drafts, or rejected with everything that is wrong.
pub struct MessageImport<'s> {
    messages: std::vec::IntoIter<Taken>,
    sender: &'s str,
    division: DivisionCode,
    now: Instant,
    counts: Counts,
    bytes_read: u64,
}

/// A message, or what stood in the place of one.
struct Taken {
    line: u64,
    bytes: Vec<u8>,
    broken: Option<(&'static str, &'static str)>,
}

impl<'s> MessageImport<'s> {
    /// Reads a file of messages. Lines that begin with `#` outside of messages are passed over, so that a file of bad
    /// messages can be sent again.
    ///
    /// - `sender`: in whose scope the numbers of patients, samples and messages have a meaning.
    /// - `division`: where the people are looked after.
    /// - `now`: what happened more than five minutes later is refused.
    ///
    /// # Errors
    /// [`ImportError::Read`] when the file cannot be read, [`ImportError::TooLarge`], [`ImportError::Empty`].
    pub fn new(reader: impl Read, sender: &'s str, division: DivisionCode, now: Instant) -> Result<Self, ImportError> {
        let mut bytes = Vec::new();
        let read = reader.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|source| ImportError::Read { row: 1, source })?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(ImportError::TooLarge { limit: "1 GiB; cut it between two messages" });
        }
        let messages = if mllp::is_framed(&bytes) { take_frames(&bytes) } else { take_messages(&bytes) };
        if messages.is_empty() {
            return Err(ImportError::Empty);
        }
        Ok(Self { messages: messages.into_iter(), sender, division, now, counts: Counts::default(), bytes_read: 0 })
    }

    /// How many messages came so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many bytes were read so far, for a progress bar.
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    fn read(&self, taken: &Taken) -> Result<crate::Row, RowError> {
        let shown = || vec![String::from_utf8_lossy(&taken.bytes).into_owned().into_boxed_str()];
        let refuse = |problems| RowError { row: taken.line, problems, cells: shown() };
        if let Some((rule, cure)) = taken.broken {
            return Err(refuse(vec![one(None, String::new(), rule.to_owned(), cure)]));
        }
        let unreadable = |error: &Hl7Error| refuse(vec![one(None, String::new(), error.to_string(), RESEND)]);
        let text = decode(&taken.bytes).map_err(|error| unreadable(&error))?;
        let message = Message::parse(&text).map_err(|error| unreadable(&error))?;
        let (lab, problems) = read_lab(&message);
        let fatal: Vec<Problem> = problems.iter().filter(|problem| problem.fatal).map(row_problem).collect();
        if !fatal.is_empty() {
            return Err(refuse(fatal));
        }
        let source =
            Source { row: taken.line, text: &text, sender: self.sender, division: self.division, now: self.now };
        let mut row = row_of(&lab, &source).map_err(refuse)?;
        row.notes.extend(problems.iter().map(|problem| source.note(&problem.segment, problem.to_string())));
        Ok(row)
    }
}

const RESEND: &str = "Correct it and send the message again";

impl Iterator for MessageImport<'_> {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let taken = self.messages.next()?;
        self.bytes_read += taken.bytes.len() as u64;
        Some(Ok(match self.read(&taken) {
            Ok(row) => {
                self.counts.accepted += 1;
                Imported::Accepted(row)
            }
            Err(error) => {
                self.counts.rejected += 1;
                Imported::Rejected(error)
            }
        }))
    }
}

fn take_messages(bytes: &[u8]) -> Vec<Taken> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let chunks = split(bytes);
    let mut taken = Vec::new();
    for chunk in &chunks {
        let stray = chunk
            .bytes
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .any(|line| !matches!(line.first(), None | Some(b'#')));
        match chunk.kind {
            // A remark behind a message of a bad-messages file belongs to the next one.
            ChunkKind::Message => {
                taken.push(Taken { line: chunk.line, bytes: without_remarks(chunk.bytes), broken: None })
            }
            ChunkKind::Stray if stray => taken.push(Taken {
                line: chunk.line,
                bytes: chunk.bytes.to_vec(),
                broken: Some((
                    "a message begins with MSH",
                    "Put MSH in front of it, or take it out, and send it again",
                )),
            }),
            ChunkKind::Stray | ChunkKind::Envelope => {}
        }
    }
    for problem in check_counts(&chunks) {
        let line = chunks.last().map_or(1, |chunk| chunk.line);
        let broken = Some((BATCH_COUNT, "Ask the sender for what is missing; the other messages are in"));
        taken.push(Taken { line, bytes: format!("{problem}").into_bytes(), broken });
    }
    taken
}

const BATCH_COUNT: &str = "the trailer of the batch counts other messages than there are";

fn without_remarks(bytes: &[u8]) -> Vec<u8> {
    if memchr::memchr(b'#', bytes).is_none() {
        return bytes.to_vec();
    }
    let lines = bytes.split_inclusive(|byte| matches!(byte, b'\r' | b'\n'));
    lines.filter(|line| !line.starts_with(b"# ")).flatten().copied().collect()
}

fn take_frames(bytes: &[u8]) -> Vec<Taken> {
    let mut deframer = Deframer::default();
    let mut frames = deframer.push(bytes);
    frames.extend(deframer.finish());
    let number = |frame| -> Taken {
        let cure = "Send the message again";
        match frame {
            Frame::Message(bytes) => Taken { line: 0, bytes, broken: None },
            Frame::Broken(bytes) => {
                Taken { line: 0, bytes, broken: Some(("the frame was cut off before its end", cure)) }
            }
            Frame::TooLong(_) => Taken {
                line: 0,
                bytes: Vec::new(),
                broken: Some(("the message is longer than 16 MiB", "Send its documents apart, and the results again")),
            },
        }
    };
    frames.into_iter().map(number).zip(1..).map(|(taken, line)| Taken { line, ..taken }).collect()
}

fn row_problem(problem: &Hl7Problem) -> Problem {
    let mut place = problem.segment.clone();
    if problem.occurrence > 1 {
        place.push_str(&format!(" no. {}", problem.occurrence));
    }
    if problem.field > 0 {
        place.push_str(&format!(" field {}", problem.field));
    }
    Problem {
        column: Some(place.into()),
        value: problem.value.as_str().into(),
        rule: problem.rule.clone(),
        cure: problem.cure.clone(),
    }
}

fn one(column: Option<Box<str>>, value: String, rule: String, cure: &'static str) -> Problem {
    Problem { column, value: value.into(), rule: rule.into(), cure: cure.into() }
}
