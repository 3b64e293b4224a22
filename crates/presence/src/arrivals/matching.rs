//! Whether two records are one human being, with the reasons in words. Conservative: a wrong merge is worse than a double.
//!
//! A guess serves search and keeps one arrival from being counted twice; it never lets a restriction flow.

use sizao_model::{
    CivilDay, DivisionCode, Instant,
    identity::{Document, DocumentKind},
};

/// Journeys whose arrivals are told to be no further apart are one; hours.
const JOURNEY_HOURS: i64 = 12;

/// What is known of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Whole name, without blanks, in small letters; empty: not known.
    pub name: String,
    /// Birthday: told, or of a resident ID.
    pub birth_on: Option<CivilDay>,
    /// Papers.
    pub documents: Vec<Document>,
    /// Own telephones that nobody of another name has: the caller leaves shared ones out.
    pub phones: Vec<String>,
    /// When somebody arrived from where (division code or `abroad`), and where to.
    pub journeys: Vec<(Instant, Box<str>, DivisionCode)>,
}

/// A reason for or against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The same paper.
    SameDocument,
    /// Papers of one kind that differ in one character.
    DocumentOneSlip,
    /// The same name.
    SameName,
    /// The same birthday.
    SameBirthDay,
    /// The same telephone, which both call their own and nobody else has.
    SameOwnPhone,
    /// An arrival within the same hours, from the same city to the same place.
    SameJourney,
    /// Two different resident IDs with right check characters.
    OtherResidentId,
    /// Two different birthdays.
    OtherBirthDay,
}

impl Reason {
    /// The word in facts and locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SameDocument => "same_document",
            Self::DocumentOneSlip => "document_one_slip",
            Self::SameName => "same_name",
            Self::SameBirthDay => "same_birth_day",
            Self::SameOwnPhone => "same_own_phone",
            Self::SameJourney => "same_journey",
            Self::OtherResidentId => "other_resident_id",
            Self::OtherBirthDay => "other_birth_day",
        }
    }
}

/// What a comparison says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// One human being.
    Same(Vec<Reason>),
    /// Perhaps: somebody has to look.
    Unsure(Vec<Reason>),
    /// Two.
    Different(Vec<Reason>),
}

/// Compares two records.
///
/// The same paper, or the same name with: birthday and own telephone; own telephone, where one birthday is unknown; birthday and
/// a paper that differs in one character; birthday and the same journey. Two right resident IDs or two birthdays are two people, whatever else is the same.
/// Name and birthday alone are never enough: twins, and common names, exist.
#[must_use]
pub fn compare(one: &Known, other: &Known) -> Likeness {
    let mut reasons = Vec::new();
    if one.documents.iter().any(|document| other.documents.contains(document)) {
        return Likeness::Same(vec![Reason::SameDocument]);
    }
    if let (Some(id), Some(other_id)) = (resident_id(one), resident_id(other))
        && id != other_id
    {
        return Likeness::Different(vec![Reason::OtherResidentId]);
    }
    if let (Some(day), Some(other_day)) = (birth_on(one), birth_on(other)) {
        if day != other_day {
            return Likeness::Different(vec![Reason::OtherBirthDay]);
        }
        reasons.push(Reason::SameBirthDay);
    }
    if one.name.chars().count() > 1 && one.name == other.name {
        reasons.push(Reason::SameName);
    }
    if one.phones.iter().any(|phone| other.phones.contains(phone)) {
        reasons.push(Reason::SameOwnPhone);
    }
    if one.documents.iter().any(|document| other.documents.iter().any(|other| is_one_slip(document, other))) {
        reasons.push(Reason::DocumentOneSlip);
    }
    if one.journeys.iter().any(|journey| other.journeys.iter().any(|other| is_same_journey(journey, other))) {
        reasons.push(Reason::SameJourney);
    }
    reasons.sort_unstable();
    let has = |reason| reasons.contains(&reason);
    let a_birth_day_is_unknown = birth_on(one).is_none() || birth_on(other).is_none();
    let is_same = has(Reason::SameName)
        && match (has(Reason::SameBirthDay), has(Reason::SameOwnPhone)) {
            (true, true) => true,
            (true, false) => has(Reason::DocumentOneSlip) || has(Reason::SameJourney),
            (false, phone) => phone && a_birth_day_is_unknown,
        };
    match () {
        () if is_same => Likeness::Same(reasons),
        () if has(Reason::SameName) && reasons.len() > 1 => Likeness::Unsure(reasons),
        () => Likeness::Different(reasons),
    }
}

fn resident_id(known: &Known) -> Option<&Document> {
    known.documents.iter().find(|document| document.kind() == DocumentKind::ResidentId)
}

fn birth_on(known: &Known) -> Option<CivilDay> {
    known.birth_on.or_else(|| known.documents.iter().find_map(Document::birth_day))
}

/// Within the same hours from the same city to places of which one lies in the other. An unknown origin is nobody's.
fn is_same_journey(one: &(Instant, Box<str>, DivisionCode), other: &(Instant, Box<str>, DivisionCode)) -> bool {
    let city = |code: &str| code.get(..4).unwrap_or(code).to_owned();
    let hours = (one.0.as_micros() - other.0.as_micros()).abs() / 3_600_000_000;
    !one.1.is_empty()
        && city(&one.1) == city(&other.1)
        && (one.2.is_under(other.2) || other.2.is_under(one.2))
        && hours < JOURNEY_HOURS
}

/// Two papers of one kind without a check character, of one length, that differ in one place.
fn is_one_slip(one: &Document, other: &Document) -> bool {
    let has_check = matches!(
        one.kind(),
        DocumentKind::ResidentId | DocumentKind::HmtResidencePermit | DocumentKind::TemporaryIdentity
    );
    let (one_text, other_text) = (one.reveal().as_bytes(), other.reveal().as_bytes());
    !has_check
        && one.kind() == other.kind()
        && one_text.len() == other_text.len()
        && one_text.iter().zip(other_text).filter(|(a, b)| a != b).count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, birth: Option<&str>, papers: &[(DocumentKind, &str)], phones: &[&str]) -> Known {
        Known {
            name: name.into(),
            birth_on: birth.map(|day| CivilDay::parse(day).unwrap()),
            documents: papers.iter().map(|(kind, number)| Document::new(*kind, number).unwrap()).collect(),
            phones: phones.iter().map(|phone| (*phone).to_owned()).collect(),
            journeys: Vec::new(),
        }
    }

    #[test]
    fn what_is_one_human_being_and_what_is_not() {
        use DocumentKind::{Passport, ResidentId};
        let li = || known("李小明", None, &[(ResidentId, "11010519491231002X")], &["10000000001"]);
        let check = |other: Known, wanted: &str, why: &str| {
            for answer in [compare(&li(), &other), compare(&other, &li())] {
                let got = match answer {
                    Likeness::Same(_) => "same",
                    Likeness::Unsure(_) => "unsure",
                    Likeness::Different(_) => "different",
                };
                assert_eq!(got, wanted, "{why}");
            }
        };
        check(known("李晓明", None, &[(ResidentId, "110105491231002")], &[]), "same", "one paper in its old form");
        let day = Some("1949-12-31");
        check(known("李小明", day, &[(Passport, "E1234567")], &["10000000001"]), "same", "name, birthday, telephone");
        check(known("李小明", None, &[(Passport, "E1234567")], &["10000000001"]), "same", "one birthday unknown");
        check(known("李小明", day, &[(Passport, "E1234567")], &[]), "unsure", "name and birthday alone");
        check(known("李小红", day, &[(Passport, "E1234567")], &["10000000001"]), "different", "another name, a twin");
        check(known("李小明", Some("1950-12-31"), &[], &["10000000001"]), "different", "another birthday");
        check(known("李小明", None, &[(ResidentId, "410102198802290013")], &["10000000001"]), "different", "two IDs");
        check(known("", None, &[], &["10000000001"]), "different", "a telephone alone");
    }

    #[test]
    fn the_same_journey_tells_with_name_and_birthday_and_never_without() {
        let at = |text: &str| Instant::parse(&format!("2022-03-{text}:00+08:00")).unwrap();
        let record = |birth, time, from: &str, into| Known {
            journeys: vec![(at(time), from.into(), DivisionCode::parse(into).unwrap())],
            ..known("李小明", birth, &[], &[])
        };
        let (day, rail) = (Some("1949-12-31"), record(Some("1949-12-31"), "25T09:20", "3101", "4101"));
        let hotel = compare(&rail, &record(day, "25T11:00", "3101", "410105"));
        assert_eq!(hotel, Likeness::Same(vec![Reason::SameName, Reason::SameBirthDay, Reason::SameJourney]));
        for other in [
            record(day, "26T09:20", "3101", "4101"),
            record(day, "25T09:20", "4403", "4101"),
            record(day, "25T09:20", "3101", "4103"),
            record(None, "25T09:20", "3101", "4101"),
        ] {
            assert!(!matches!(compare(&rail, &other), Likeness::Same(_)), "{other:?}");
        }
    }

    #[test]
    fn a_passport_mistyped_in_one_place_is_found_by_name_and_birthday() {
        use DocumentKind::Passport;
        let anna = |number| known("annali", Some("1988-02-29"), &[(Passport, number)], &[]);
        let wanted = vec![Reason::DocumentOneSlip, Reason::SameName, Reason::SameBirthDay];
        assert_eq!(compare(&anna("ZZ0000071"), &anna("ZZ0000077")), Likeness::Same(wanted));
        assert!(matches!(compare(&anna("ZZ0000071"), &anna("ZZ0000177")), Likeness::Unsure(_)));
    }
}
