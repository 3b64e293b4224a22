//! Administrative divisions: GB/T 2260 codes with their 9- and 12-digit statistical extensions.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Code of a province (2 digits), city (4), county (6), township (9) or village (12).
///
/// Being under a division is having its prefix. Functional zones have statistical codes of their own under their
/// city; Jiyuan (419001) is a county-level city directly under the province and counts as a city.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DivisionCode {
    digits: u64,
    len: u8,
}

/// Level of a division.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DivisionLevel {
    /// Province.
    Province,
    /// Prefecture-level city, and Jiyuan.
    City,
    /// County, district, county-level city, functional zone.
    County,
    /// Township or street.
    Township,
    /// Village or residents' committee.
    Village,
}

/// Why a text is not a division code.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "'{value}' is not a division code: it has 2, 4, 6, 9 or 12 digits, and zeros do not stand for a level left out"
)]
pub struct DivisionError {
    /// The text as it came.
    pub value: String,
}

impl DivisionCode {
    /// Henan province (河南省).
    pub const HENAN: Self = Self { digits: 41, len: 2 };
    /// Jiyuan, city and county in one.
    pub const JIYUAN: Self = Self { digits: 419_001, len: 6 };

    /// Reads a code. Padding with zeros (`410100`, `410102000000`) is taken off.
    ///
    /// # Errors
    /// [`DivisionError`].
    pub fn parse(text: &str) -> Result<Self, DivisionError> {
        let refuse = || DivisionError { value: text.chars().take(20).collect() };
        if !matches!(text.len(), 2 | 4 | 6 | 9 | 12) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse());
        }
        let mut kept = text;
        for (len, zeros) in [(12, 3), (9, 3), (6, 2), (4, 2)] {
            if kept.len() == len && kept[len - zeros..].bytes().all(|byte| byte == b'0') {
                kept = &kept[..len - zeros];
            }
        }
        let digits = kept.parse().map_err(|_| refuse())?;
        if digits < 11 {
            return Err(refuse());
        }
        Ok(Self { digits, len: kept.len() as u8 })
    }

    /// Whether this is `other` or lies in it.
    pub const fn is_under(self, other: Self) -> bool {
        self.len >= other.len && self.digits / 10u64.pow((self.len - other.len) as u32) == other.digits
    }

    /// Level by length; Jiyuan is a city.
    pub fn level(self) -> DivisionLevel {
        match self.len {
            2 => DivisionLevel::Province,
            4 => DivisionLevel::City,
            6 if self == Self::JIYUAN => DivisionLevel::City,
            6 => DivisionLevel::County,
            9 => DivisionLevel::Township,
            _ => DivisionLevel::Village,
        }
    }

    /// The division of that level in which this one lies, or nothing if this one is larger.
    pub fn at(self, level: DivisionLevel) -> Option<Self> {
        let len = match level {
            DivisionLevel::Province => 2,
            DivisionLevel::City if self.is_under(Self::JIYUAN) => 6,
            DivisionLevel::City => 4,
            DivisionLevel::County => 6,
            DivisionLevel::Township => 9,
            DivisionLevel::Village => 12,
        };
        (len <= self.len).then(|| Self { digits: self.digits / 10u64.pow(u32::from(self.len - len)), len })
    }

    /// Whether this is a functional zone (development zone, airport zone): statistical codes 71 to 79 under a city,
    /// outside GB/T 2260 and without a polygon.
    pub fn is_functional_zone(self) -> bool {
        self.at(DivisionLevel::County).is_some_and(|county| (71..=79).contains(&(county.digits % 100)))
    }

    /// The code as a number that sorts like the text, padded to 12 digits.
    pub const fn sort_key(self) -> u64 {
        self.digits * 10u64.pow(12 - self.len as u32)
    }
}

impl fmt::Display for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.digits, width = usize::from(self.len))
    }
}

impl fmt::Debug for DivisionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for DivisionCode {
    type Error = DivisionError;

    fn try_from(text: String) -> Result<Self, DivisionError> {
        Self::parse(&text)
    }
}

impl From<DivisionCode> for String {
    fn from(code: DivisionCode) -> Self {
        code.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> DivisionCode {
        DivisionCode::parse(text).unwrap()
    }

    #[test]
    fn being_under_a_division_is_having_its_prefix() {
        assert!(code("410102").is_under(code("4101")));
        assert!(code("410102001").is_under(code("41")));
        assert!(code("4101").is_under(code("4101")));
        assert!(!code("4101").is_under(code("410102")));
        assert!(!code("4201").is_under(code("41")));
    }

    #[test]
    fn padding_is_taken_off_and_written_codes_read_back() {
        assert_eq!(code("410100"), code("4101"));
        assert_eq!(code("410000000000"), code("41"));
        assert_eq!(code("410102000000").to_string(), "410102");
        for text in ["41", "4101", "410102", "410102001", "410102001005"] {
            assert_eq!(code(text).to_string(), text);
        }
    }

    #[test]
    fn jiyuan_is_city_and_county_at_once() {
        let village = code("419001001005");
        assert_eq!(village.at(DivisionLevel::City), Some(DivisionCode::JIYUAN));
        assert_eq!(village.at(DivisionLevel::County), Some(DivisionCode::JIYUAN));
        assert_eq!(DivisionCode::JIYUAN.level(), DivisionLevel::City);
    }

    #[test]
    fn functional_zones_are_known_by_their_codes() {
        assert!(code("410173").is_functional_zone());
        assert!(code("410173001").is_functional_zone());
        assert!(!code("410184").is_functional_zone());
        assert!(!code("4101").is_functional_zone());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "4", "410", "41010", "4101021", "41O102", "00", "4101020010051"] {
            assert!(DivisionCode::parse(text).is_err(), "{text}");
        }
    }
}
