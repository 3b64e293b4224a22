//! A file of FHIR resources as a source of drafts: one resource, or one on each line (NDJSON).

use std::io::Read;

use sizao_model::{DivisionCode, Instant};

use super::{Resource, read_lab};
use crate::{
    csv::{Counts, Imported},
    lab::{Source, row_of},
    problem::{ImportError, Problem, RowError},
};

/// The largest file that is read; it is held in memory.
const FILE_BYTES_MAX: u64 = 1 << 30;
const RESEND: &str = "Correct it and send the resource again";

/// The resources of a file, each a row of its own.
pub struct BundleImport<'s> {
    texts: std::vec::IntoIter<(u64, String)>,
    sender: &'s str,
    division: DivisionCode,
    now: Instant,
    counts: Counts,
    bytes_read: u64,
}

impl<'s> BundleImport<'s> {
    /// Reads a file of one resource, or of one on each line. Lines that begin with `#` are passed over.
    ///
    /// The arguments are those of [`MessageImport`](crate::hl7v2::MessageImport::new).
    ///
    /// # Errors
    /// [`ImportError::Read`] when the file cannot be read or is not UTF-8, [`ImportError::TooLarge`], [`ImportError::Empty`].
    pub fn new(reader: impl Read, sender: &'s str, division: DivisionCode, now: Instant) -> Result<Self, ImportError> {
        let mut text = String::new();
        let read = reader.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
        read.map_err(|source| ImportError::Read { row: 1, source })?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(ImportError::TooLarge { limit: "1 GiB; cut it between two resources" });
        }
        let texts = cut(text);
        if texts.is_empty() {
            return Err(ImportError::Empty);
        }
        Ok(Self { texts: texts.into_iter(), sender, division, now, counts: Counts::default(), bytes_read: 0 })
    }

    /// How many resources came so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// How many bytes were read so far, for a progress bar.
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    fn read(&self, row: u64, text: &str) -> Result<crate::Row, RowError> {
        let refuse = |problems| RowError { row, problems, cells: vec![text.into()] };
        let problem = |place: Option<String>, rule: String| Problem {
            column: place.map(Into::into),
            value: "".into(),
            rule: rule.into(),
            cure: RESEND.into(),
        };
        let resource = Resource::parse(text).map_err(|error| refuse(vec![problem(None, error.to_string())]))?;
        let wrong = resource.problems();
        if !wrong.is_empty() {
            let problems = wrong.into_iter().map(|one| problem(Some(one.path), one.rule.to_owned())).collect();
            return Err(refuse(problems));
        }
        let source = Source { row, text, sender: self.sender, division: self.division, now: self.now };
        row_of(&read_lab(&resource), &source).map_err(refuse)
    }
}

/// The resources of a text with the lines on which they begin: the whole when it is one, else each line.
pub(crate) fn cut(text: String) -> Vec<(u64, String)> {
    let lines = || text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty() && !line.starts_with('#'));
    let one_a_line = lines().all(|(line, _)| line.starts_with('{') && line.trim_end().ends_with('}'));
    if one_a_line {
        return lines().map(|(line, number)| (number, line.to_owned())).collect();
    }
    let whole: Vec<&str> = lines().map(|(line, _)| line).collect();
    if whole.is_empty() { Vec::new() } else { vec![(1, whole.join("\n"))] }
}

impl Iterator for BundleImport<'_> {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (row, text) = self.texts.next()?;
        self.bytes_read += text.len() as u64 + 1;
        Some(Ok(match self.read(row, &text) {
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
