//! HL7 v2 (2.3 to 2.8) as laboratories send it: ORU^R01 in, ACK out, over files or MLLP.
//!
//! Reading has three steps that can be used alone. [`decode`] makes text of bytes by MSH-18; [`Message::parse`] cuts
//! it into segments and fields without changing a character, so that writing gives the same text again; [`read_lab`]
//! takes out of a message what a laboratory says, with everything that is wrong with it as segment, field, value, rule
//! and cure. `docs/methods/interop-hl7v2.md` has the sources.

mod ack;
mod batch;
mod charset;
mod escape;
mod import;
mod lab;
mod message;
mod mllp;
mod time;
mod value;

pub use ack::{AckCode, acknowledge};
pub use batch::{Chunk, ChunkKind, check_counts, split};
pub use charset::decode;
pub use escape::{escape, unescape};
pub use import::MessageImport;
pub use lab::{elr_problems, read_lab};
pub use message::{Delimiters, Field, Message, Segment};
pub use mllp::{Deframer, Frame, frame};
pub use time::{Dtm, Precision};
pub use value::read_value;

use std::borrow::Cow;

use thiserror::Error;

/// The longest single message that is read; a batch may hold many.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Why bytes are not a message at all. What is wrong inside one is a [`Hl7Problem`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Hl7Error {
    /// Longer than any report.
    #[error("the message has {bytes} bytes; at most {MESSAGE_BYTES_MAX} are read")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It does not begin with MSH.
    #[error("it begins with '{found}', not with a segment MSH")]
    NoHeader {
        /// The first characters.
        found: String,
    },
    /// MSH-1 and MSH-2 do not say how the rest is cut.
    #[error("MSH-2 '{found}' is not four or five different signs such as ^~\\&")]
    Delimiters {
        /// What stands there.
        found: String,
    },
    /// The bytes are not in the character set that MSH-18 names.
    #[error("the bytes are not {charset}, which MSH-18 says they are (first at byte {byte})")]
    Charset {
        /// The character set by its name in table 0211, or what stands for a blank.
        charset: String,
        /// First byte that does not fit, counted from 1.
        byte: usize,
    },
    /// MSH-18 names a character set that we cannot read.
    #[error("MSH-18 '{name}' is a character set that cannot be read; send UNICODE UTF-8 or GB 18030-2000")]
    UnknownCharset {
        /// What stands there.
        name: String,
    },
}

/// One thing that is wrong with a message, for the queue of bad messages and the ERR segment of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hl7Problem {
    /// Segment such as OBX.
    pub segment: String,
    /// Which of its kind in the message, from 1; 0 when it is missing.
    pub occurrence: u32,
    /// Field number, 0 for the segment as a whole.
    pub field: u32,
    /// What stands there, shortened; never of PID, which names people.
    pub value: String,
    /// The rule that is broken, as a sentence without its stop.
    pub rule: Cow<'static, str>,
    /// What to do about it, as a sentence without its stop.
    pub cure: Cow<'static, str>,
    /// Whether the message has to be refused for it.
    pub fatal: bool,
}

impl std::fmt::Display for Hl7Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.segment)?;
        if self.occurrence > 1 {
            write!(f, " no. {}", self.occurrence)?;
        }
        if self.field > 0 {
            write!(f, ", field {}", self.field)?;
        }
        if !self.value.is_empty() {
            write!(f, " '{}'", self.value)?;
        }
        write!(f, ": {}. {}", self.rule, self.cure)
    }
}
