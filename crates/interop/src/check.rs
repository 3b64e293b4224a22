//! Runs a folder of samples with expected outcomes, laid out as `reference/interop/<set>`, against our readers.
//!
//! A set is a folder with `index.csv`; which class it is shows in the header of that file. Every row is one sample, and
//! a sample passes when everything that the row expects is so.

mod dcc;
mod fhir;
mod hl7;
mod index;

use std::{fmt, io};

use index::Index;
use thiserror::Error;

/// Where the files of a set are read: given by whoever may touch a disk.
pub trait Folder {
    /// The bytes of a file, by its path inside the set.
    ///
    /// # Errors
    /// Those of the disk; [`io::ErrorKind::NotFound`] when there is none.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// What a set is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// HL7 v2 messages.
    Hl7v2,
    /// FHIR R4 resources.
    FhirR4,
    /// EU Digital COVID Certificates.
    EuDcc,
}

impl Class {
    /// Name of the class, which is that of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hl7v2 => "hl7v2",
            Self::FhirR4 => "fhir-r4",
            Self::EuDcc => "eu-dcc",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a set cannot be run at all.
#[derive(Debug, Error)]
pub enum CheckError {
    /// No index, or it cannot be read.
    #[error("index.csv cannot be read")]
    Index(#[source] io::Error),
    /// The header is that of no class.
    #[error("index.csv has the columns {columns}, which are those of none of hl7v2, fhir-r4, eu-dcc")]
    UnknownClass {
        /// Its columns.
        columns: String,
    },
}

/// What came out of one set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassReport {
    /// Which class.
    pub class: Class,
    /// Samples of which everything is as expected.
    pub passed: u64,
    /// Samples of which something is not.
    pub failed: u64,
    /// Single expectations that were looked at.
    pub checks: u64,
    /// Expectations that this program does not look at, such as pictures; by name, with how many.
    pub not_looked_at: Vec<(String, u64)>,
    /// What is not as expected.
    pub failures: Vec<Failure>,
    /// Expectations that a sample's own parts refute; they count as neither met nor failed.
    pub contradictions: Vec<Failure>,
}

/// One expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// File of the sample.
    pub sample: String,
    /// What was looked at.
    pub check: String,
    /// What was found instead.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.sample, self.check, self.found)
    }
}

/// Runs one set.
///
/// # Errors
/// [`CheckError`] when there is no index that we know.
pub fn check_set(folder: &dyn Folder) -> Result<ClassReport, CheckError> {
    let index = Index::parse(&folder.read("index.csv").map_err(CheckError::Index)?);
    let class = index.class().ok_or_else(|| CheckError::UnknownClass { columns: index.columns() })?;
    let mut tally = Tally::new(class);
    match class {
        Class::EuDcc => dcc::check(folder, &index, &mut tally),
        Class::FhirR4 => fhir::check(folder, &index, &mut tally),
        Class::Hl7v2 => hl7::check(folder, &index, &mut tally),
    }
    Ok(tally.report)
}

/// Counts samples and their expectations.
struct Tally {
    report: ClassReport,
    sample: String,
    failures_before: usize,
}

impl Tally {
    fn new(class: Class) -> Self {
        let report = ClassReport {
            class,
            passed: 0,
            failed: 0,
            checks: 0,
            not_looked_at: Vec::new(),
            failures: Vec::new(),
            contradictions: Vec::new(),
        };
        Self { report, sample: String::new(), failures_before: 0 }
    }

    fn begin(&mut self, sample: &str) {
        self.sample = sample.to_owned();
        self.failures_before = self.report.failures.len();
    }

    fn end(&mut self) {
        match self.report.failures.len() == self.failures_before {
            true => self.report.passed += 1,
            false => self.report.failed += 1,
        }
    }

    /// An expectation that is met when nothing is found against it.
    fn expect(&mut self, check: &str, outcome: Result<(), String>) {
        self.report.checks += 1;
        if let Err(found) = outcome {
            self.report.failures.push(Failure { sample: self.sample.clone(), check: check.to_owned(), found });
        }
    }

    /// An expectation that something succeeds, or that it fails.
    fn expect_outcome(&mut self, check: &str, expected: bool, outcome: Result<(), String>) {
        let met = match (expected, outcome) {
            (true, outcome) => outcome,
            (false, Err(_)) => Ok(()),
            (false, Ok(())) => Err("succeeded, though it has to fail".to_owned()),
        };
        self.expect(check, met);
    }

    /// An expectation that the sample itself refutes.
    fn contradict(&mut self, check: &str, found: &str) {
        let failure = Failure { sample: self.sample.clone(), check: check.to_owned(), found: found.to_owned() };
        self.report.contradictions.push(failure);
    }

    fn pass_over(&mut self, check: &str) {
        match self.report.not_looked_at.iter_mut().find(|(name, _)| name == check) {
            Some((_, count)) => *count += 1,
            None => self.report.not_looked_at.push((check.to_owned(), 1)),
        }
    }
}
