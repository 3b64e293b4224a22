//! Identity documents and telephone numbers: normalised, checked, never shown whole by accident.
//!
//! One person may hold several documents, and several people may share a telephone. A document identifies; a telephone
//! never does: it is an attribute with a role and a time in which it was valid.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::time::{CivilDay, Instant};

/// Kind of identity document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// Resident identity card (居民身份证), GB 11643; its 15-digit form is accepted.
    ResidentId,
    /// Passport (护照), of any country.
    Passport,
    /// Hong Kong and Macao mainland travel permit (港澳居民来往内地通行证).
    HkmoPermit,
    /// Taiwan mainland travel permit (台湾居民来往大陆通行证).
    TaiwanPermit,
    /// Residence permit for residents of Hong Kong, Macao and Taiwan (港澳台居民居住证).
    HmtResidencePermit,
    /// Foreigner permanent residence card (外国人永久居留身份证).
    ForeignPermanentResidentCard,
    /// Temporary identity (临时身份): newborn, without papers; linked later.
    TemporaryIdentity,
}

impl DocumentKind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::ResidentId,
        Self::Passport,
        Self::HkmoPermit,
        Self::TaiwanPermit,
        Self::HmtResidencePermit,
        Self::ForeignPermanentResidentCard,
        Self::TemporaryIdentity,
    ];

    /// The number in tables.
    pub const fn code(self) -> u8 {
        self as u8 + 1
    }

    /// The kind with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResidentId => "resident_id",
            Self::Passport => "passport",
            Self::HkmoPermit => "hkmo_permit",
            Self::TaiwanPermit => "taiwan_permit",
            Self::HmtResidencePermit => "hmt_residence_permit",
            Self::ForeignPermanentResidentCard => "foreign_permanent_resident_card",
            Self::TemporaryIdentity => "temporary_identity",
        }
    }

    /// The kind with this name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An identity document: kind and number, normalised. `Debug` and `Display` show only a mask.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Document {
    kind: DocumentKind,
    number: Box<str>,
}

/// Why a number is not one of its kind.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DocumentError {
    /// Wrong length.
    #[error("a {kind} has {need} characters; this has {got}")]
    Length {
        /// Kind's name.
        kind: &'static str,
        /// What is right.
        need: &'static str,
        /// What came.
        got: usize,
    },
    /// A character that does not belong.
    #[error("a {kind} {rule}; character {position} does not fit")]
    Character {
        /// Kind's name.
        kind: &'static str,
        /// What is right.
        rule: &'static str,
        /// Counted from 1.
        position: usize,
    },
    /// The last character contradicts the others.
    #[error("the last character of this ID number should be {expected}: one character is mistyped or two are swapped")]
    Checksum {
        /// What the other seventeen give.
        expected: char,
    },
    /// The birthday inside is no day.
    #[error("characters 7 to 14 of this ID number are a birthday, and {value} is no day of the calendar")]
    Birthday {
        /// As written.
        value: String,
    },
}

impl Document {
    /// Checks and normalises: blanks taken off, full-width and lower-case letters made plain, a 15-digit resident ID
    /// made 18.
    ///
    /// # Errors
    /// [`DocumentError`].
    /// # Source
    /// GB 11643-1999: ISO 7064 MOD 11-2, weights 2^(17-i) mod 11.
    pub fn new(kind: DocumentKind, number: &str) -> Result<Self, DocumentError> {
        let plain = normalise(number);
        let number = match kind {
            DocumentKind::ResidentId => resident_id(&plain, kind)?,
            DocumentKind::HmtResidencePermit => {
                let number = resident_id(&plain, kind)?;
                if !["81", "82", "83"].iter().any(|prefix| number.starts_with(prefix)) {
                    return Err(DocumentError::Character {
                        kind: kind.name(),
                        rule: "starts with 81, 82 or 83",
                        position: 2,
                    });
                }
                number
            }
            DocumentKind::HkmoPermit => lettered(plain, kind, &[9, 11], "9 or 11", 1)?,
            DocumentKind::TaiwanPermit => lettered(plain, kind, &[8, 10], "8 or 10", 0)?,
            DocumentKind::ForeignPermanentResidentCard => lettered(plain, kind, &[15, 18], "15 or 18", 3)?,
            DocumentKind::Passport => lettered(plain, kind, &[5, 6, 7, 8, 9, 10, 11, 12], "5 to 12", 12)?,
            DocumentKind::TemporaryIdentity => temporary(plain, kind)?,
        };
        Ok(Self { kind, number: number.into() })
    }

    /// Which kind.
    pub const fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The whole number: for the vault and for purposes that were recorded.
    pub fn reveal(&self) -> &str {
        &self.number
    }

    /// First three and last two characters.
    pub fn masked(&self) -> String {
        mask(&self.number, 3, 2)
    }

    /// Birthday inside a resident ID.
    pub fn birth_day(&self) -> Option<CivilDay> {
        match self.kind {
            DocumentKind::ResidentId | DocumentKind::HmtResidencePermit => birth_day(&self.number),
            _ => None,
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.kind.name(), self.masked())
    }
}

/// Whose telephone it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneRole {
    /// The person's own.
    Own,
    /// A parent's, a carer's.
    Guardian,
    /// Used by several people (共用手机号).
    Shared,
    /// The employer's.
    Employer,
}

impl PhoneRole {
    /// Every role, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Own, Self::Guardian, Self::Shared, Self::Employer];

    /// The number in tables.
    pub const fn code(self) -> u8 {
        self as u8 + 1
    }

    /// The role with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// The role with this name on the wire.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "own" => Self::Own,
            "guardian" => Self::Guardian,
            "shared" => Self::Shared,
            "employer" => Self::Employer,
            _ => return None,
        })
    }
}

/// A telephone number of a person: an attribute, never an identity. `Debug` shows only a mask.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone {
    number: Box<str>,
    /// Whose it is.
    pub role: PhoneRole,
    /// Since when it belongs to the person, if known.
    pub valid_from: Option<Instant>,
    /// Until when, if it is over.
    pub valid_until: Option<Instant>,
}

/// Why a text is not a telephone number.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("a telephone number has 7 to 15 digits, with + and country code when it is foreign; this has {digits}")]
pub struct PhoneError {
    /// Digits that came.
    pub digits: usize,
}

impl Phone {
    /// Checks and normalises: blanks, hyphens and brackets taken off, +86 and 0086 dropped.
    ///
    /// # Errors
    /// [`PhoneError`].
    pub fn new(number: &str, role: PhoneRole) -> Result<Self, PhoneError> {
        let plain: String = normalise(number).chars().filter(|c| !matches!(c, '(' | ')' | '.')).collect();
        let plain = plain.strip_prefix("0086").or_else(|| plain.strip_prefix("+86")).unwrap_or(&plain);
        let digits = plain.strip_prefix('+').unwrap_or(plain);
        if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PhoneError { digits: digits.bytes().filter(u8::is_ascii_digit).count() });
        }
        Ok(Self { number: plain.into(), role, valid_from: None, valid_until: None })
    }

    /// The whole number: for the vault and for purposes that were recorded.
    pub fn reveal(&self) -> &str {
        &self.number
    }

    /// The last four digits, by which lists are searched.
    pub fn last_four(&self) -> &str {
        &self.number[self.number.len() - 4..]
    }

    /// First three and last four digits.
    pub fn masked(&self) -> String {
        mask(&self.number, 3, 4)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({})", self.role, self.masked())
    }
}

/// A name with all but its first character hidden: 张**.
pub fn mask_name(name: &str) -> String {
    mask(name.trim(), 1, 0)
}

fn mask(text: &str, head: usize, tail: usize) -> String {
    let count = text.chars().count();
    if count <= head + tail {
        return "*".repeat(count);
    }
    text.chars().enumerate().map(|(i, c)| if i < head || i >= count - tail { c } else { '*' }).collect()
}

fn normalise(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            other => other,
        })
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{feff}' | '\u{200b}' | '\''))
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

fn resident_id(plain: &str, kind: DocumentKind) -> Result<String, DocumentError> {
    let length = plain.chars().count();
    if !(length == 18 || (length == 15 && kind == DocumentKind::ResidentId)) {
        return Err(DocumentError::Length { kind: kind.name(), need: "18", got: length });
    }
    let digits = if length == 18 { 17 } else { 15 };
    if let Some(position) =
        plain.chars().position_not(|i, c| c.is_ascii_digit() || (i == 17 && c == 'X') && i >= digits)
    {
        return Err(DocumentError::Character {
            kind: kind.name(),
            rule: "has digits, and a digit or X at the end",
            position: position + 1,
        });
    }
    // The 15-digit form was given out until 1999: the century is 19 and there is no check character.
    let seventeen = if length == 15 { format!("{}19{}", &plain[..6], &plain[6..]) } else { plain[..17].to_owned() };
    if birth_day(&seventeen).is_none() {
        return Err(DocumentError::Birthday { value: seventeen[6..14].to_owned() });
    }
    let expected = check_character(&seventeen);
    if length == 18 && !plain.ends_with(expected) {
        return Err(DocumentError::Checksum { expected });
    }
    Ok(format!("{seventeen}{expected}"))
}

/// ISO 7064 MOD 11-2 over the first seventeen digits.
fn check_character(seventeen: &str) -> char {
    let remainder = seventeen.bytes().fold(0u32, |sum, byte| (sum + u32::from(byte - b'0')) * 2 % 11);
    match (12 - remainder) % 11 {
        10 => 'X',
        value => char::from_digit(value, 10).expect("less than ten"),
    }
}

fn birth_day(number: &str) -> Option<CivilDay> {
    CivilDay::from_ymd(number[6..10].parse().ok()?, number[10..12].parse().ok()?, number[12..14].parse().ok()?)
}

/// So many letters or digits, at most `letters` of them letters in front.
fn lettered(
    plain: String,
    kind: DocumentKind,
    lengths: &[usize],
    need: &'static str,
    letters: usize,
) -> Result<String, DocumentError> {
    let length = plain.chars().count();
    if !lengths.contains(&length) {
        return Err(DocumentError::Length { kind: kind.name(), need, got: length });
    }
    match plain.chars().position_not(|i, c| c.is_ascii_digit() || (i < letters && c.is_ascii_uppercase())) {
        Some(position) => Err(DocumentError::Character {
            kind: kind.name(),
            rule: "has digits after its letters",
            position: position + 1,
        }),
        None => Ok(plain),
    }
}

fn temporary(plain: String, kind: DocumentKind) -> Result<String, DocumentError> {
    match plain.chars().count() {
        1..=40 => Ok(plain),
        got => Err(DocumentError::Length { kind: kind.name(), need: "1 to 40", got }),
    }
}

trait PositionNot {
    fn position_not(self, fits: impl Fn(usize, char) -> bool) -> Option<usize>;
}

impl<I: Iterator<Item = char>> PositionNot for I {
    fn position_not(self, fits: impl Fn(usize, char) -> bool) -> Option<usize> {
        self.enumerate().find(|&(i, c)| !fits(i, c)).map(|(i, _)| i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resident(number: &str) -> Result<Document, DocumentError> {
        Document::new(DocumentKind::ResidentId, number)
    }

    /// The example number of GB 11643-1999 itself.
    const STANDARD: &str = "11010519491231002X";

    #[test]
    fn the_standard_s_own_example_passes_and_spellings_of_it_are_one() {
        let right = resident(STANDARD).unwrap();
        for spelling in ["11010519491231002x", " 110105 19491231 002X", "１１０１０５１９４９１２３１００２Ｘ"]
        {
            assert_eq!(resident(spelling).unwrap(), right);
        }
        assert_eq!(right.birth_day().unwrap().to_string(), "1949-12-31");
    }

    #[test]
    fn the_old_form_of_fifteen_digits_is_the_same_document() {
        assert_eq!(resident("110105491231002").unwrap(), resident(STANDARD).unwrap());
    }

    #[test]
    fn every_single_mistyped_digit_is_found() {
        for position in 0..17 {
            for digit in '0'..='9' {
                let mut typed: Vec<char> = STANDARD.chars().collect();
                if typed[position] != digit {
                    typed[position] = digit;
                    assert!(resident(&typed.iter().collect::<String>()).is_err(), "{position} {digit}");
                }
            }
        }
    }

    #[test]
    fn errors_say_what_would_be_right() {
        let say = |number: &str| resident(number).unwrap_err().to_string();
        assert_eq!(say("1101051949123100"), "a resident_id has 18 characters; this has 16");
        assert!(say("110105194912310021").contains("should be X"));
        assert!(say("110105194913310029").contains("19491331"));
        assert!(say("11010519491231O02X").contains("character 15"));
    }

    #[test]
    fn other_papers_have_their_own_shapes() {
        let ok = |kind, number| Document::new(kind, number).is_ok();
        assert!(ok(DocumentKind::Passport, "e12345678"));
        assert!(ok(DocumentKind::HkmoPermit, "H01234567"));
        assert!(!ok(DocumentKind::HkmoPermit, "01234567"));
        assert!(ok(DocumentKind::TaiwanPermit, "01234567"));
        assert!(ok(DocumentKind::TemporaryIdentity, "2022-郑州-新生儿-7"));
        assert!(!ok(DocumentKind::HmtResidencePermit, STANDARD));
    }

    #[test]
    fn numbers_are_never_printed_whole() {
        let document = resident(STANDARD).unwrap();
        let phone = Phone::new("+86 138-0013-8000", PhoneRole::Shared).unwrap();
        assert_eq!(
            format!("{document} {document:?} {phone:?}"),
            "110*************2X resident_id(110*************2X) Shared(138****8000)"
        );
        assert_eq!(phone.last_four(), "8000");
        assert_eq!(mask_name("诸葛小明"), "诸***");
    }

    #[test]
    fn telephones_are_refused_when_they_cannot_be_dialled() {
        for number in ["", "12345", "1380013800a", "1234567890123456"] {
            assert!(Phone::new(number, PhoneRole::Own).is_err(), "{number}");
        }
        assert_eq!(Phone::new("+44 20 7946 0018", PhoneRole::Own).unwrap().reveal(), "+442079460018");
    }
}
