//! The register of people: names, papers, telephones, guardians, and the faults that clerks and double entries bring.

use std::ops::Range;

use sizao_model::{
    CivilDay,
    fact::Trait,
    identity::{DocumentKind, PhoneRole},
};

use super::{City, HouseholdKind, Kin, Occupation, Owner, Sex, names, papers};
use crate::random::{Process, Stream};

const NAMES: Process = Process::named("names");
const PHONES: Process = Process::named("phones");
const FAULTS: Process = Process::named("faults");
const SECOND_RECORDS: Process = Process::named("second records");
const SECOND_PAPERS: Process = Process::named("second papers");
const TRAITS: Process = Process::named("traits");

/// Share of people who are in the register twice.
pub const SECOND_RECORD_SHARE: f64 = 0.004;
/// Share of first records whose resident ID has one digit mistyped.
pub const MISTYPED_ID_SHARE: f64 = 0.003;
/// Share of first records whose resident ID is right but written in another way (lower-case x, blanks, 15 digits).
pub const RESPELLED_ID_SHARE: f64 = 0.03;
/// Share of first records with a wrong character in the name.
pub const MISTYPED_NAME_SHARE: f64 = 0.002;

/// One line of the register.
#[derive(Clone, Debug)]
pub struct Record {
    /// The person's first or second record.
    pub owner: Owner,
    /// Name as written.
    pub name: String,
    /// Documents as written.
    pub documents: Vec<(DocumentKind, String)>,
    /// Telephones.
    pub phones: Vec<RecordPhone>,
    /// Who answers for a child.
    pub guardian: Option<u32>,
    /// Who acts for somebody without a telephone.
    pub proxy: Option<u32>,
    /// What is wrong in this line, with what would be right: for the truth file.
    pub faults: Vec<Fault>,
}

/// A telephone in the register.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "as in the model")]
pub struct RecordPhone {
    pub number: String,
    pub role: PhoneRole,
    pub valid_from: Option<CivilDay>,
    pub valid_until: Option<CivilDay>,
}

/// A wrong cell of the register.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Which field.
    pub field: &'static str,
    /// What would be right.
    pub right: String,
}

impl City {
    /// Whether a person is in the register twice.
    pub fn has_second_record(&self, person: u32) -> bool {
        Stream::new(self.options().seed, SECOND_RECORDS, person.into(), 0).chance(SECOND_RECORD_SHARE)
    }

    /// The person's first record.
    pub fn record(&self, person: u32) -> Record {
        let (name, paper) = (self.true_name(person), self.true_paper(person));
        let mut record = Record {
            owner: Owner::person(person),
            name,
            documents: vec![(self.people()[person as usize].paper, paper)],
            phones: self.phones(person),
            guardian: self.guardian(person),
            proxy: None,
            faults: Vec::new(),
        };
        record.documents.extend(self.second_paper(person));
        if record.phones.is_empty() && record.guardian.is_none() {
            record.proxy = self.adult_beside(person);
        }
        self.spoil(person, &mut record);
        record
    }

    /// The person's second record, as another desk wrote it: other paper, or a name or number mistyped.
    pub fn second_record(&self, person: u32) -> Option<Record> {
        if !self.has_second_record(person) {
            return None;
        }
        let mut rng = Stream::new(self.options().seed, SECOND_RECORDS, person.into(), 1);
        let (name, paper) = (self.true_name(person), self.true_paper(person));
        let kind = self.people()[person as usize].paper;
        let mut record = Record {
            owner: Owner::second(person),
            name: name.clone(),
            documents: vec![(kind, paper.clone())],
            phones: self.phones(person),
            guardian: None,
            proxy: None,
            faults: Vec::new(),
        };
        match rng.below(3) {
            0 => record.documents = vec![(DocumentKind::Passport, format!("ZY{person:07}"))],
            1 if kind == DocumentKind::ResidentId => {
                record.documents[0].1 = papers::mistype(&paper, &mut rng);
                record.faults.push(Fault { field: "document", right: paper });
            }
            _ => {
                record.name = names::mistype(&name, &mut rng);
                record.faults.push(Fault { field: "name", right: name });
                record.documents = vec![(DocumentKind::TemporaryIdentity, format!("TMP-Q{person:07}"))];
            }
        }
        Some(record)
    }

    /// The name, as it is in truth. Children and elders of the father's side carry his surname.
    pub fn true_name(&self, person: u32) -> String {
        let someone = &self.people()[person as usize];
        let mut own = Stream::new(self.options().seed, NAMES, person.into(), 0);
        if matches!(someone.paper, DocumentKind::Passport | DocumentKind::ForeignPermanentResidentCard) {
            return names::latin(&mut own);
        }
        let shares = match someone.kin {
            Kin::Head | Kin::Child => true,
            Kin::Elder => someone.sex == Sex::Male,
            Kin::Spouse | Kin::Lodger => false,
        };
        let mut family = Stream::new(self.options().seed, NAMES, someone.household.into(), 1);
        let mut name = names::surname(if shares { &mut family } else { &mut own }).to_owned();
        names::push_given(&mut name, someone.sex, &mut own);
        name
    }

    /// The number of the main document, as it is in truth.
    pub fn true_paper(&self, person: u32) -> String {
        let someone = &self.people()[person as usize];
        papers::document(someone.paper, person, someone.birth_on, someone.sex, someone.serial.into())
    }

    /// Parents of a child under 18, as far as they live with it.
    pub fn parents(&self, person: u32) -> impl Iterator<Item = u32> + '_ {
        let child = &self.people()[person as usize];
        let members = if child.kin == Kin::Child && child.age < 18 {
            self.household_members(child.household)
        } else {
            Range::default()
        };
        members.filter(|&other| {
            let other = &self.people()[other as usize];
            matches!(other.kin, Kin::Head | Kin::Spouse) && other.age > child.age + 14
        })
    }

    /// What makes the person need other care; rates by age are invented.
    pub fn traits(&self, person: u32) -> Vec<Trait> {
        let someone = &self.people()[person as usize];
        let mut rng = Stream::new(self.options().seed, TRAITS, person.into(), 0);
        let household = &self.households()[someone.household as usize];
        let old = f64::from(someone.age.saturating_sub(70));
        let fertile = someone.sex == Sex::Female && (20..42).contains(&someone.age);
        let rates = [
            (Trait::Pregnant, if fertile { 0.03 } else { 0.0 }),
            (Trait::Dialysis, if someone.age >= 30 { 0.0008 } else { 0.0 }),
            (Trait::Chemotherapy, if someone.age >= 40 { 0.001 } else { 0.0 }),
            (Trait::MentalIllness, if someone.age >= 16 { 0.003 } else { 0.0 }),
            (Trait::CannotSelfCare, 0.0005 + old * 0.006),
            (Trait::Immunocompromised, 0.001),
        ];
        let alone = (household.kind == HouseholdKind::Single && someone.age >= 65).then_some(Trait::LivesAlone);
        rates.into_iter().filter(|&(_, rate)| rng.chance(rate)).map(|(name, _)| name).chain(alone).collect()
    }

    /// A parent, else another adult of the household, for everybody under 14.
    fn guardian(&self, person: u32) -> Option<u32> {
        if self.people()[person as usize].age >= 14 {
            return None;
        }
        let parent = self.parents(person).next();
        parent.or_else(|| self.adult_beside(person))
    }

    fn adult_beside(&self, person: u32) -> Option<u32> {
        self.household_members(self.people()[person as usize].household)
            .find(|&other| other != person && (18..70).contains(&self.people()[other as usize].age))
    }

    /// Telephones: most people over 12 have their own; children their guardian's; of those over 70 a third none or a
    /// shared one; some have a second one, the employer's, or one that was somebody else's before.
    fn phones(&self, person: u32) -> Vec<RecordPhone> {
        let someone = &self.people()[person as usize];
        let mut rng = Stream::new(self.options().seed, PHONES, person.into(), 0);
        let phone =
            |number, role| RecordPhone { number: papers::phone(number), role, valid_from: None, valid_until: None };
        let mut phones = Vec::new();
        let u = rng.unit();
        match someone.age {
            0..=11 => {
                if let Some(guardian) = self.guardian(person).filter(|_| u < 0.9) {
                    phones.push(phone(guardian, PhoneRole::Guardian));
                }
            }
            70.. if u < 0.18 => {}
            70.. if u < 0.34 => {
                let first = self.household_members(someone.household).start;
                phones.push(phone(self.adult_beside(person).unwrap_or(first), PhoneRole::Shared));
            }
            _ if u < 0.988 => phones.push(phone(person, PhoneRole::Own)),
            _ => phones.push(phone(40_000_000 + someone.household, PhoneRole::Shared)),
        }
        if rng.chance(0.03) && someone.age >= 18 {
            phones.push(phone(10_000_000 + person, PhoneRole::Own));
        }
        if let Some(group) = someone.group.filter(|_| someone.occupation != Occupation::Pupil && u < 0.01) {
            phones.push(phone(20_000_000 + group, PhoneRole::Employer));
        }
        phones.extend(
            self.handed_over(person)
                .map(|on| RecordPhone { valid_until: Some(on), ..phone(30_000_000 + person, PhoneRole::Own) }),
        );
        if someone.age >= 18
            && let Some(before) = person.checked_sub(1)
            && let Some(on) = self.handed_over(before)
        {
            phones.push(RecordPhone { valid_from: Some(on), ..phone(30_000_000 + before, PhoneRole::Own) });
        }
        phones
    }

    /// The day on which a number of this person went to the next one, for two people in a thousand.
    fn handed_over(&self, person: u32) -> Option<CivilDay> {
        let mut rng = Stream::new(self.options().seed, PHONES, person.into(), 1);
        let adult = self.people()[person as usize].age >= 18;
        (rng.chance(0.002) && adult).then(|| self.first_day().plus_days(-(rng.between(20, 400) as i32)))
    }

    /// A second right paper: a passport, or for some from Hong Kong, Macao and Taiwan the residence permit.
    fn second_paper(&self, person: u32) -> Option<(DocumentKind, String)> {
        let someone = &self.people()[person as usize];
        let mut rng = Stream::new(self.options().seed, SECOND_PAPERS, person.into(), 0);
        let kind = match someone.paper {
            DocumentKind::ResidentId if rng.chance(0.02) => DocumentKind::Passport,
            DocumentKind::HkmoPermit | DocumentKind::TaiwanPermit if rng.chance(0.3) => {
                DocumentKind::HmtResidencePermit
            }
            DocumentKind::ForeignPermanentResidentCard => DocumentKind::Passport,
            _ => return None,
        };
        Some((kind, papers::document(kind, person, someone.birth_on, someone.sex, someone.serial.into())))
    }

    fn spoil(&self, person: u32, record: &mut Record) {
        let mut rng = Stream::new(self.options().seed, FAULTS, person.into(), 0);
        let (kind, number) = &mut record.documents[0];
        if *kind == DocumentKind::ResidentId {
            let u = rng.unit();
            if u < MISTYPED_ID_SHARE {
                let wrong = papers::mistype(number, &mut rng);
                record.faults.push(Fault { field: "document", right: std::mem::replace(number, wrong) });
            } else if u < MISTYPED_ID_SHARE + RESPELLED_ID_SHARE {
                let before_2000 = self.people()[person as usize].birth_on.ymd().0 < 2000;
                *number = papers::respell(number, before_2000, &mut rng).unwrap_or_else(|| number.clone());
            }
        }
        if rng.chance(MISTYPED_NAME_SHARE) {
            let wrong = names::mistype(&record.name, &mut rng);
            record.faults.push(Fault { field: "name", right: std::mem::replace(&mut record.name, wrong) });
        }
    }
}
