//! Identity papers and telephones: right numbers of every kind, none of which was ever given to anybody.
//!
//! Resident IDs have area codes 419950 to 419999, which never existed; telephones begin with 100, a prefix that no
//! network gives to subscribers. The check character is that of GB 11643.

use sizao_model::{CivilDay, identity::DocumentKind};

use super::Sex;
use crate::random::Stream;

/// First of the area codes of invented resident IDs.
pub const AREA_CODE_FIRST: u32 = 419_950;
const AREA_CODES: u32 = 50;

/// The resident ID of the `serial`-th person of this sex with this birthday (under 24,950 each).
///
/// # Source
/// GB 11643-1999: six digits of area, eight of birthday, three of sequence (odd for men), one check character.
pub fn resident_id(area_first: u32, birth_on: CivilDay, sex: Sex, serial: u32) -> String {
    let area = area_first + serial % AREA_CODES;
    // 1 to 499, spread so that neighbours in the city are no neighbours in the sequence.
    let sequence = (serial / AREA_CODES * 197 + serial * 31) % 499 + 1;
    let sequence = sequence * 2 - u32::from(sex == Sex::Male);
    let (year, month, day) = birth_on.ymd();
    let mut number = format!("{area:06}{year:04}{month:02}{day:02}{sequence:03}");
    number.push(check_character(&number));
    number
}

/// ISO 7064 MOD 11-2: the weighted sum of all eighteen is 1 modulo 11, weights 2^(18-i).
fn check_character(seventeen: &str) -> char {
    let sum: u32 = seventeen
        .bytes()
        .zip([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    char::from(b"10X98765432"[(sum % 11) as usize])
}

/// A document of this kind for person `number` of the city.
pub(super) fn document(kind: DocumentKind, number: u32, birth_on: CivilDay, sex: Sex, serial: u32) -> String {
    match kind {
        DocumentKind::ResidentId => resident_id(AREA_CODE_FIRST, birth_on, sex, serial),
        DocumentKind::HmtResidencePermit => resident_id(819_950 + number % 3 * 10_000, birth_on, sex, serial),
        DocumentKind::Passport => format!("ZZ{number:07}"),
        DocumentKind::HkmoPermit => {
            format!("{}{:08}", if number.is_multiple_of(4) { 'M' } else { 'H' }, number % 10_000_000 + 90_000_000)
        }
        DocumentKind::TaiwanPermit => format!("{:08}", number % 10_000_000 + 90_000_000),
        DocumentKind::ForeignPermanentResidentCard => {
            let (year, month, day) = birth_on.ymd();
            format!("ZZZ41{:02}{month:02}{day:02}{:04}", year % 100, number % 10_000)
        }
        DocumentKind::TemporaryIdentity => format!("TMP-{number:08}"),
    }
}

/// The telephone with this number in the invented range.
pub(super) fn phone(number: u32) -> String {
    // 48,271 has no common factor with ten: a permutation of the eight digits.
    format!("100{:08}", u64::from(number) * 48_271 % 100_000_000)
}

/// Another spelling of the same number, as clerks type it; what it reads as stays the same.
pub(super) fn respell(id: &str, born_before_2000: bool, rng: &mut Stream) -> Option<String> {
    match rng.below(4) {
        0 if id.ends_with('X') => Some(id.replace('X', "x")),
        1 => Some(format!("{} {} {}", &id[..6], &id[6..14], &id[14..])),
        2 if born_before_2000 => Some(format!("{}{}", &id[..6], &id[8..17])),
        3 => Some(id.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap_or(c)).collect()),
        _ => None,
    }
}

/// One digit mistyped: the check character no longer fits.
pub(super) fn mistype(id: &str, rng: &mut Stream) -> String {
    let at = rng.between(0, 16) as usize;
    let digit = (id.as_bytes()[at] - b'0' + 1 + rng.below(8) as u8) % 10;
    format!("{}{digit}{}", &id[..at], &id[at + 1..])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sizao_model::identity::Document;

    use super::*;
    use crate::random::Process;

    #[test]
    fn the_check_character_of_the_standard_s_example_is_x() {
        assert_eq!(check_character("11010519491231002"), 'X');
    }

    #[test]
    fn ids_of_one_birthday_are_right_and_all_different() {
        let birth_on = CivilDay::from_ymd(1988, 2, 29).unwrap();
        let mut seen = HashSet::new();
        for serial in 0..20_000 {
            let id = resident_id(AREA_CODE_FIRST, birth_on, Sex::Female, serial);
            assert!(Document::new(DocumentKind::ResidentId, &id).is_ok(), "{id}");
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn a_mistyped_digit_is_refused_and_another_spelling_is_the_same() {
        let id = resident_id(AREA_CODE_FIRST, CivilDay::from_ymd(1955, 3, 4).unwrap(), Sex::Male, 77);
        let right = Document::new(DocumentKind::ResidentId, &id).unwrap();
        let mut rng = Stream::new(1, Process::named("test"), 0, 0);
        for _ in 0..200 {
            assert!(Document::new(DocumentKind::ResidentId, &mistype(&id, &mut rng)).is_err());
            if let Some(other) = respell(&id, true, &mut rng) {
                assert_eq!(Document::new(DocumentKind::ResidentId, &other).unwrap(), right, "{other}");
            }
        }
    }

    #[test]
    fn every_kind_of_paper_has_its_own_shape() {
        let birth_on = CivilDay::from_ymd(1988, 2, 29).unwrap();
        for kind in DocumentKind::ALL {
            for number in [0, 7, 1_234_567] {
                let paper = document(kind, number, birth_on, Sex::Male, 3);
                assert!(Document::new(kind, &paper).is_ok(), "{kind:?} {paper}");
            }
        }
    }
}
