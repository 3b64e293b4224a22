//! What a laboratory says, whatever the form it comes in: HL7 v2 and FHIR are read into this and written from it.
//!
//! Codes stay as they came, with their systems. [`outcome_of`] and [`method_of`] say what the common ones mean here;
//! [`row_of`] makes the drafts that the import takes.

mod drafts;
mod meaning;

pub use drafts::{Source, row_of};
pub use meaning::{method_of, outcome_of};

use crate::hl7v2::Dtm;

/// One message of a laboratory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabMessage {
    /// The sender's own id of the message (MSH-10, Bundle.identifier).
    pub id: String,
    /// Who sent it: facility, else application.
    pub sender: String,
    /// When it was sent.
    pub sent_at: Option<Dtm>,
    /// Whether it is a test message (MSH-11 T or D), which makes no fact of a real store.
    pub is_trial: bool,
    /// Reports in it.
    pub reports: Vec<LabReport>,
}

/// Results of one order for one person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabReport {
    /// Of whom.
    pub patient: LabPatient,
    /// The orderer's number of the order.
    pub placer: Option<Identifier>,
    /// The laboratory's number of the order.
    pub filler: Option<Identifier>,
    /// What was ordered.
    pub code: Coded,
    /// How final it is.
    pub status: Status,
    /// When the sample was taken, as the order has it.
    pub observed_at: Option<Dtm>,
    /// When the results were reported.
    pub reported_at: Option<Dtm>,
    /// What was tested.
    pub specimens: Vec<LabSpecimen>,
    /// What was found.
    pub results: Vec<LabResult>,
}

/// Who a report is about, as the laboratory names the person. `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq)]
pub struct LabPatient {
    /// Numbers and who gave them.
    pub identifiers: Vec<Identifier>,
    /// Family name.
    pub family: Option<String>,
    /// Given name.
    pub given: Option<String>,
    /// Day, month or year of birth.
    pub born: Option<Dtm>,
    /// `male`, `female`, `other`, `unknown`.
    pub gender: Option<&'static str>,
    /// Telephone numbers.
    pub phones: Vec<String>,
}

impl std::fmt::Debug for LabPatient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LabPatient(***)")
    }
}

/// A number with who gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identifier {
    /// The number.
    pub value: String,
    /// Who gave it: an OID, a URI or a name.
    pub system: String,
    /// Kind of number (table 0203), such as PI or NI.
    pub kind: String,
}

/// A sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabSpecimen {
    /// Its number: that of the laboratory, else that of whoever took it.
    pub id: Option<Identifier>,
    /// What it is, such as a nasopharyngeal swab.
    pub kind: Coded,
    /// When it was taken.
    pub collected_at: Option<Dtm>,
    /// When the laboratory got it.
    pub received_at: Option<Dtm>,
    /// Whether it holds swabs of several people (SPM-11 L).
    pub is_pool: bool,
}

/// One observation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabResult {
    /// What was looked for.
    pub code: Coded,
    /// Which of several with the same code (OBX-4).
    pub sub_id: String,
    /// What was found.
    pub value: ResultValue,
    /// How final it is.
    pub status: Status,
    /// Flags such as A, N, H.
    pub interpretation: Vec<Coded>,
    /// When the sample was taken, as the observation has it.
    pub observed_at: Option<Dtm>,
    /// When it was analysed.
    pub analysed_at: Option<Dtm>,
    /// Whether this answers a question asked at order entry and is no result.
    pub is_question: bool,
}

/// A concept by one or more codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coded {
    /// Codes; the first is the sender's.
    pub codes: Vec<Code>,
    /// In words.
    pub text: String,
}

/// One code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Code {
    /// The code.
    pub code: String,
    /// Its system as HL7 v2 names it (LN, SCT, HL70078) or as a URI.
    pub system: String,
    /// In words.
    pub display: String,
}

impl Coded {
    /// The code of one system, such as `LN`.
    pub fn in_system(&self, system: &str) -> Option<&str> {
        self.codes.iter().find(|code| code.system == system).map(|code| &*code.code)
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty() && self.text.is_empty()
    }

    /// The first words that are there.
    pub fn words(&self) -> &str {
        let displays = self.codes.iter().map(|code| &*code.display);
        displays.chain([&*self.text]).find(|words| !words.is_empty()).unwrap_or_default()
    }
}

/// What was found. Numbers keep their digits.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ResultValue {
    /// Nothing was said.
    #[default]
    Absent,
    /// A number with its comparator (`<`, `>=`, or nothing) and unit.
    Quantity {
        /// `<`, `<=`, `>`, `>=` or nothing.
        comparator: String,
        /// As written.
        number: String,
        /// Unit.
        unit: Coded,
    },
    /// From one number to another.
    Range {
        /// Lower end, as written.
        low: String,
        /// Upper end, as written.
        high: String,
        /// Unit of both.
        unit: Coded,
    },
    /// One number in another, as titres are.
    Ratio {
        /// As written.
        numerator: String,
        /// As written.
        denominator: String,
        /// Unit of both.
        unit: Coded,
    },
    /// Codes.
    Coded(Vec<Coded>),
    /// Words.
    Text(String),
    /// A date or time.
    When(Dtm),
    /// A time of day, as written.
    Clock(String),
    /// From one time to another.
    Period(Option<Dtm>, Option<Dtm>),
    /// Something that is not shown: a picture, a document.
    Data {
        /// Kind of data.
        kind: String,
        /// How many characters.
        length: usize,
    },
}

/// How final a result or report is (tables 0085 and 0123).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Not said, or asked for and not yet there.
    #[default]
    Unknown,
    /// The sample is there.
    Registered,
    /// Before anybody has looked at it.
    Preliminary,
    /// Final.
    Final,
    /// Corrected: it replaces what was said before.
    Corrected,
    /// Changed without being corrected.
    Amended,
    /// It could not be had.
    Cancelled,
    /// It was sent in error.
    EnteredInError,
}

impl Status {
    /// From a status of HL7 v2; nothing when there is no such status.
    pub fn of_v2(text: &str) -> Option<Self> {
        Some(match text {
            // U: final now, without sending again what was sent as preliminary.
            "F" | "U" => Self::Final,
            "C" => Self::Corrected,
            "P" | "R" | "A" | "S" | "M" => Self::Preliminary,
            "I" | "O" => Self::Registered,
            "B" => Self::Amended,
            "X" => Self::Cancelled,
            "D" | "W" => Self::EnteredInError,
            "" | "N" | "Y" | "Z" | "V" => Self::Unknown,
            _ => return None,
        })
    }

    /// As FHIR writes it.
    pub const fn fhir(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Registered => "registered",
            Self::Preliminary => "preliminary",
            Self::Final => "final",
            Self::Corrected => "corrected",
            Self::Amended => "amended",
            Self::Cancelled => "cancelled",
            Self::EnteredInError => "entered-in-error",
        }
    }

    /// From a status of FHIR.
    pub fn of_fhir(text: &str) -> Self {
        match text {
            "registered" => Self::Registered,
            "preliminary" | "partial" => Self::Preliminary,
            "final" => Self::Final,
            "corrected" => Self::Corrected,
            "amended" | "appended" => Self::Amended,
            "cancelled" => Self::Cancelled,
            "entered-in-error" => Self::EnteredInError,
            _ => Self::Unknown,
        }
    }

    /// Whether a fact may rest on it.
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Final | Self::Corrected | Self::Amended)
    }
}
