//! What is wrong with a pack: the place, the rule that it breaks, and the cure.

use thiserror::Error;

/// A fault of a pack and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}:{line}:{column}: {fault}. {}", .fault.cure())]
pub struct PackError {
    /// The file.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub fault: PackFault,
}

/// What is wrong with a pack. Each variant is one rule that packs keep.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PackFault {
    /// Not TOML, an unknown field, a value of the wrong type.
    #[error("{0}")]
    Format(String),
    /// The id in the file is not the name of the folder.
    #[error("the file says id '{found}', its folder is '{folder}'")]
    OtherId {
        /// The id in the file.
        found: String,
        /// The name of the folder.
        folder: String,
    },
    /// Every measure has an end.
    #[error("{rule} has no end: '{missing}' is not given")]
    NoEnd {
        /// Which rule.
        rule: String,
        /// The field that would end it.
        missing: &'static str,
    },
    /// A number that cannot be, such as a phase of -3 days.
    #[error("{what} is {value}; it has to be from {least} to {most}")]
    OutOfBounds {
        /// Which number.
        what: String,
        /// Its value.
        value: i64,
        /// The least that it may be.
        least: i64,
        /// The most that it may be.
        most: i64,
    },
    /// A number in an unexpected unit.
    #[error("{what} is in '{found}'; it is counted in '{expected}'")]
    Unit {
        /// Which number.
        what: String,
        /// Its unit.
        found: String,
        /// The unit that it has to have.
        expected: &'static str,
    },
    /// A source that the table of sources does not have.
    #[error("source '{0}' is not in the table 'sources'")]
    UnknownSource(String),
    /// Phases may only get milder, or a negative result would make things worse.
    #[error("phase {phase} of {rule} is stricter than the one before it")]
    Stricter {
        /// Which rule.
        rule: String,
        /// The phase, counted from 1.
        phase: usize,
    },
    /// Phases follow one another.
    #[error("phase {phase} of {rule} begins on day {begins}, but the phase before it ends on day {before}")]
    Overlap {
        /// Which rule.
        rule: String,
        /// The phase, counted from 1.
        phase: usize,
        /// Its first day.
        begins: i32,
        /// The last day of the phase before.
        before: i32,
    },
    /// A test lies within its phase.
    #[error("test day {day} lies outside its phase of {days} days")]
    TestOutsidePhase {
        /// The test day.
        day: i32,
        /// Length of the phase.
        days: i32,
    },
    /// Test days ascend.
    #[error("test days are not in ascending order")]
    TestOrder,
    /// An anchor that the rules do not know.
    #[error("unknown anchor '{0}'")]
    UnknownAnchor(String),
    /// An overlay rests on itself.
    #[error("overlay of itself: {0}")]
    Circular(String),
    /// A rule or notice without words in both languages.
    #[error("{0} has no words")]
    MissingText(String),
    /// Words for a rule that the pack does not have.
    #[error("words for '{0}', a rule that this pack does not have")]
    TextWithoutRule(String),
    /// Missed tests, phone cells, symptoms and antigen results never restrict.
    #[error("'{0}' must not restrict anybody")]
    ForbiddenRestriction(String),
    /// Colours in a pack without colours.
    #[error("{0} has a colour, but the pack has 'colours = false'")]
    ColourWithoutColours(String),
    /// Nobody is worse off for a dose.
    #[error("a dose of '{0}' would make something stricter")]
    StricterAfterDose(String),
    /// Somebody who is still in an area stays indoors or in it, or watches their health.
    #[error("somebody still in a declared area is asked '{0}', which is no stay in the area")]
    NoStay(String),
    /// A review of a case isolation comes at the latest after 14 days and not after its ceiling.
    #[error("the review of a case isolation is due after {review} days, its ceiling after {ceiling}")]
    LateReview {
        /// Days to the review.
        review: i32,
        /// Days to the ceiling.
        ceiling: i32,
    },
    /// A pack that ends before it begins.
    #[error("valid_until is not after valid_from")]
    EndsBeforeItBegins,
    /// Two packs of one id.
    #[error("pack '{0}' is given twice")]
    Twice(String),
    /// Two base packs of one disease from the same instant.
    #[error("it takes effect at the same instant as '{0}', another base pack of the disease")]
    SameInstant(String),
    /// An overlay of another disease's pack.
    #[error("it is about {found}, its base '{base}' about {expected}")]
    OtherDisease {
        /// The base.
        base: String,
        /// The overlay's disease.
        found: String,
        /// The base's disease.
        expected: String,
    },
}

/// Line and column, in characters and counted from 1, of a byte of a text.
pub fn place_of(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    (line, column)
}

impl PackFault {
    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Format(_) => "Compare with docs/methods/policy.md, which lists every field",
            Self::OtherId { .. } => "Make both the same",
            Self::NoEnd { .. } => "Say how long it lasts at most: every measure has an end",
            Self::OutOfBounds { .. } => "Correct the number",
            Self::Unit { .. } => "Convert the number and write the unit named",
            Self::UnknownSource(_) => {
                "Add the source to [sources] with its title and mark; without one use a source marked 'unsourced'"
            }
            Self::Stricter { .. } => {
                "Order the phases from strict to mild: otherwise a negative test that ends one would make things worse"
            }
            Self::Overlap { .. } => {
                "Let from_day be the day after the last day of the phase before, or leave it out; \
                 starts_day_after_first is for the first phase"
            }
            Self::TestOutsidePhase { .. } => "Choose a day from 1 to the length of the phase",
            Self::TestOrder => "Write each test day once, smallest first",
            Self::UnknownAnchor(_) => "Write \"onset\" or \"onset_or_sampling\"",
            Self::Circular(_) => "Let overlay_of name the pack that is changed; a base pack has no overlay_of",
            Self::MissingText(_) => "Write zh and en under [texts.<rule>], for the person who reads it",
            Self::TextWithoutRule(_) => "Remove the words or add the rule",
            Self::ForbiddenRestriction(_) => {
                "Write does = \"reminder\", \"question\" or \"task\": only evidence of exposure or infection restricts"
            }
            Self::ColourWithoutColours(_) => "Remove the colour, or set colours = true",
            Self::StricterAfterDose(_) => "Let effect be a kind no stricter than the first phase of close_contact",
            Self::NoStay(_) => {
                "Write stay_indoors or stay_in_area, or home_isolation, home_monitoring, self_monitoring, follow_up"
            }
            Self::LateReview { .. } => "Set review_days to at most 14 and not above ceiling_days",
            Self::EndsBeforeItBegins => "Correct one of the two",
            Self::Twice(_) => "Give each pack once",
            Self::SameInstant(_) => "Let one begin later, or make it an overlay of the other",
            Self::OtherDisease { .. } => "Correct the disease or overlay_of",
        }
    }
}
