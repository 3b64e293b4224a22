//! What a person may be told when something is not done: who may not, what is missing, what to mend.

use sizao_model::{DivisionCode, Instant};
use thiserror::Error;

use crate::authorization::{Action, Purpose};

/// Why a use case did not do what it was asked. Every variant has a message in both languages under [`Refusal::code`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody is signed in, or the session is over.
    #[error("sign in first")]
    SignedOut,
    /// The role or the division does not allow it.
    #[error("this account may not do '{}' for '{}'", .action.name(), .purpose.name())]
    NotAllowed {
        /// What was asked.
        action: Action,
        /// What for.
        purpose: Purpose,
    },
    /// The token was not made for it.
    #[error("this token was not made for '{}'", .action.name())]
    OutOfScope {
        /// What was asked.
        action: Action,
    },
    /// The same key came before with other content.
    #[error("this idempotency key was used before with other content")]
    KeyUsed,
    /// The person is protected: nobody opens them without breaking the glass.
    #[error("this person is protected")]
    Protected,
    /// It is not there, or its being there is nobody's business.
    #[error("there is no such record")]
    NotFound,
    /// Login, password or code does not fit. It does not say which.
    #[error("login, password or code does not fit")]
    Credentials,
    /// Too many failures.
    #[error("too many failed tries: locked until {until}")]
    Locked {
        /// When the next try counts.
        until: Instant,
    },
    /// A one-time link that was used, replaced or is over.
    #[error("this link was used or is over")]
    LinkOver,
    /// A collection without leave.
    #[error("no mandate for '{collection}' is in force in {area}: nothing was stored")]
    NoMandate {
        /// What would be collected.
        collection: &'static str,
        /// Where.
        area: DivisionCode,
    },
    /// A field of a form.
    #[error("{field}: {rule}")]
    Field {
        /// Its name.
        field: &'static str,
        /// The rule that is broken, as a word.
        rule: &'static str,
    },
    /// The second signature has to come from another person of another unit.
    #[error("the second signature has to come from another unit")]
    SameUnit,
    /// So many restricting facts at once wait for a second person of another unit.
    #[error(
        "so many at once wait for a second person of another unit: send the same again when they have confirmed it"
    )]
    SecondPerson,
    /// The state changed meanwhile.
    #[error("this was done or changed before")]
    Changed,
    /// The machine is at its limit.
    #[error("too much at once: try again in a moment")]
    Busy,
}

impl Refusal {
    /// The word under which the message stands in the locales and in problems.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::NotAllowed { .. } => "not-allowed",
            Self::OutOfScope { .. } => "out-of-scope",
            Self::KeyUsed => "key-used",
            Self::Protected => "protected",
            Self::NotFound => "not-found",
            Self::Credentials => "credentials",
            Self::Locked { .. } => "locked",
            Self::LinkOver => "link-over",
            Self::NoMandate { .. } => "no-mandate",
            Self::Field { .. } => "field",
            Self::SameUnit => "same-unit",
            Self::SecondPerson => "second-person",
            Self::Changed => "changed",
            Self::Busy => "busy",
        }
    }

    /// A field that breaks a rule.
    pub const fn field(field: &'static str, rule: &'static str) -> Self {
        Self::Field { field, rule }
    }
}
