//! What can go wrong in a surveillance statistic, said in the words of the person who sent the series.

use jiff::civil::Date;

/// Why a method gives no result.
///
/// Positions are counted from 1, as a person counts the rows of a table.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EpiError {
    /// Fewer periods than the method needs.
    #[error(
        "The series has {have} periods; {what} needs at least {need}. Send a longer history or use a method with a shorter baseline."
    )]
    SeriesTooShort {
        /// Periods given.
        have: usize,
        /// Periods needed.
        need: usize,
        /// The method that needs them.
        what: &'static str,
    },
    /// A count below zero.
    #[error(
        "Period {position} has the count {value}: a count of persons cannot be negative. Correct it and send the series again."
    )]
    NegativeCount {
        /// Row, from 1.
        position: usize,
        /// The value found.
        value: f64,
    },
    /// A count that is not a whole number.
    #[error(
        "Period {position} has the count {value}: this method needs whole numbers of persons. Send counts, not rates or averages."
    )]
    FractionalCount {
        /// Row, from 1.
        position: usize,
        /// The value found.
        value: f64,
    },
    /// A period without a count.
    #[error(
        "Period {position} has no count. Send 0 where nothing was seen, or leave the period out of the baseline on purpose."
    )]
    MissingCount {
        /// Row, from 1.
        position: usize,
    },
    /// A count too large to be handled exactly.
    #[error("Period {position} has the count {value}: counts up to {max} are handled. Check the unit.")]
    CountTooLarge {
        /// Row, from 1.
        position: usize,
        /// The value found.
        value: f64,
        /// Largest count accepted.
        max: f64,
    },
    /// Two rows for one date.
    #[error("The date {on} occurs more than once. Add the rows up or send one of them.")]
    DuplicateDate {
        /// The repeated date.
        on: Date,
    },
    /// A date that breaks the step of the series.
    #[error(
        "After {before} the next period should begin on {expected}, but {found} was given. Fill the gap with its counts, or with 0 if nothing was seen."
    )]
    GapInDates {
        /// Last date before the gap.
        before: Date,
        /// Date that the step asks for.
        expected: Date,
        /// Date found.
        found: Date,
    },
    /// Two inputs that belong together have different lengths.
    #[error("{left} has {left_len} entries, but {right} has {right_len}: they must match one to one.")]
    LengthsDiffer {
        /// First input.
        left: &'static str,
        /// Its length.
        left_len: usize,
        /// Second input.
        right: &'static str,
        /// Its length.
        right_len: usize,
    },
    /// A setting outside its range.
    #[error("The setting `{name}` is {value}; it must be {rule}.")]
    InvalidSetting {
        /// Name of the setting.
        name: &'static str,
        /// Value given.
        value: f64,
        /// The rule in words.
        rule: &'static str,
    },
    /// A period asked for that the series does not have.
    #[error("Period {position} was asked for, but the series has {periods}.")]
    PositionOutside {
        /// Row asked for, from 1.
        position: usize,
        /// Periods in the series.
        periods: usize,
    },
    /// The data hold no information on the quantity asked for.
    #[error("The data cannot determine {quantity}: {reason}.")]
    NotIdentifiable {
        /// What was to be estimated.
        quantity: &'static str,
        /// Why not.
        reason: &'static str,
    },
}

/// Checks that a setting is a finite number for which `ok` holds.
pub(crate) fn require(name: &'static str, value: f64, rule: &'static str, ok: bool) -> Result<(), EpiError> {
    if value.is_finite() && ok { Ok(()) } else { Err(EpiError::InvalidSetting { name, value, rule }) }
}

/// Checks that a probability lies strictly between 0 and 1.
pub(crate) fn require_probability(name: &'static str, value: f64) -> Result<(), EpiError> {
    require(name, value, "strictly between 0 and 1", value > 0.0 && value < 1.0)
}

/// Checks that a setting is positive and finite.
pub(crate) fn require_positive(name: &'static str, value: f64) -> Result<(), EpiError> {
    require(name, value, "positive and finite", value > 0.0)
}
