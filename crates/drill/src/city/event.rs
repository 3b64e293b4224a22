//! What was recorded: small records from which facts and lines of files are made.

use sizao_model::{
    CivilDay, ContactClass, DivisionCode, Edge, Fact, FactBody, FactId, FactKind, Happened, PersonId,
    fact::{
        AreaDeclared, AreaEnded, AreaLevel, Arrival, CaseStatus, Confirmation, ConfirmedBy, Correction, Death,
        Diagnosis, Discharge, EvidenceKind, Exposure, IdentityLink, IsolationLeft, IsolationStarted, LinkBasis,
        Outcome, Person, Sample, Stay, SymptomReport, TestMethod, TestResult, VaccineDose,
    },
    id::{AreaCode, LabId, PoolId, SiteId},
    time::Instant,
};

use super::{City, trips::ORIGINS};

/// Under whose name a fact is filed: a person, a person's second record, or a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(u32);

const SECOND: u32 = 1 << 31;
const BLOCK: u32 = 1 << 30;

impl Owner {
    /// A person's record.
    pub const fn person(number: u32) -> Self {
        Self(number)
    }

    /// The second record of a person who is in the register twice.
    pub const fn second(number: u32) -> Self {
        Self(number | SECOND)
    }

    /// A block: results of tubes and areas belong to nobody.
    pub const fn block(number: u32) -> Self {
        Self(number | BLOCK)
    }

    /// The person, whichever record it is.
    pub const fn person_number(self) -> Option<u32> {
        if self.0 & BLOCK == 0 { Some(self.0 & !SECOND) } else { None }
    }

    /// Whether this is a second record.
    pub const fn is_second(self) -> bool {
        self.0 & SECOND != 0
    }

    /// The code in files: `p0000012`, `q0000012` for a second record, `b0000003` for a block.
    pub fn code(self) -> String {
        text(|out| self.push(out))
    }

    /// Appends the code.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        out.push(match self.0 {
            code if code & SECOND != 0 => b'q',
            code if code & BLOCK != 0 => b'b',
            _ => b'p',
        });
        push_number(self.0 & !(SECOND | BLOCK), 7, out);
    }
}

/// A fact by its owner and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactRef {
    /// Owner.
    pub owner: Owner,
    /// Counted from 0.
    pub n: u32,
}

impl FactRef {
    /// The label in files: `p0000012.3`.
    pub fn label(self) -> String {
        text(|out| self.push(out))
    }

    /// Appends the label.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        self.owner.push(out);
        out.push(b'.');
        push_number(self.n, 1, out);
    }

    /// The id that goes with the label.
    pub fn id(self) -> FactId {
        FactId::from_label(&self.label())
    }
}

/// When it happened; moments in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// A moment.
    At(u32),
    /// A day.
    On(CivilDay),
    /// From a moment to a moment.
    During(u32, u32),
    /// From a day to a day, both whole.
    Days(CivilDay, CivilDay),
}

/// An area: of a block, a county, or a city elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Area {
    Block(u32),
    County(u32),
    /// By place in [`ORIGINS`].
    Elsewhere(u8),
}

/// A tube: block, day of the city, number in the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Tube {
    pub block: u32,
    pub day: u16,
    pub number: u16,
}

/// Who put it on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Desk {
    Register,
    Vaccination,
    Checkpoint,
    Carrier,
    Person,
    AssistList,
    SamplingSite,
    Laboratory,
    Clinic,
    Hospital,
    Cdc,
    Headquarters,
    Community,
    /// The officer who uploads people without exposure.
    HostileList,
    /// The officer who records stays that never were.
    HostileStays,
}

impl Desk {
    /// The name in files; the county follows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Vaccination => "vaccination",
            Self::Checkpoint => "checkpoint",
            Self::Carrier => "carrier",
            Self::Person => "self_report",
            Self::AssistList => "assist",
            Self::SamplingSite => "sampling",
            Self::Laboratory => "laboratory",
            Self::Clinic => "fever_clinic",
            Self::Hospital => "hospital",
            Self::Cdc => "cdc",
            Self::Headquarters => "headquarters",
            Self::Community => "community",
            Self::HostileList => "officer_a",
            Self::HostileStays => "officer_b",
        }
    }
}

/// Isolation site or hospital of a county.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Site {
    Hospital { county: u32 },
    Hotel { county: u32, number: u8, floor: u8 },
    Home { household: u32 },
}

/// What a correction puts right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Fix {
    Retract,
    Person(u32),
    Happened(u32),
}

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "one for one the kinds of facts")]
pub enum What {
    Person,
    Dose { product: u8 },
    Link { other: Owner, basis: LinkBasis },
    Arrival { origin: u8, into: Area, evidence: EvidenceKind, is_transit: bool, leaves_at: Option<u32> },
    Stay { area: Area, evidence: EvidenceKind },
    Sample { method: TestMethod, lab: u16, tube: Option<Tube> },
    Result { sample: FactRef, outcome: Outcome },
    TubeResult { tube: Tube, outcome: Outcome },
    Symptoms { set: u8, tenths: u16 },
    Diagnosis { status: CaseStatus, onset: Option<CivilDay>, sampled: Option<CivilDay> },
    Exposure { case: Option<u32>, via: Option<u32>, evidence: EvidenceKind, class: ContactClass },
    Confirmation { of: FactRef, by: ConfirmedBy },
    AreaDeclared(Box<Declaration>),
    AreaEnded { area: Area },
    IsolationStarted { site: Site },
    IsolationLeft,
    Discharge,
    Death,
    Correction { of: FactRef, fix: Fix },
}

/// An area declaration.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "as in the fact")]
pub struct Declaration {
    pub area: Area,
    pub level: AreaLevel,
    pub until: u32,
    pub evidence: Vec<FactRef>,
}

/// One recorded fact.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name.
    pub of: FactRef,
    /// When it was put on record; seconds since 1970.
    pub recorded_at: u32,
    /// When it happened.
    pub happened: Time,
    /// By whom it was recorded.
    pub desk: Desk,
    /// What was seen.
    pub what: What,
}

/// Vaccine products, invented.
pub const PRODUCTS: [&str; 3] = ["inactivated-a", "inactivated-b", "subunit-c"];

/// What people say when they are ill.
pub const SYMPTOMS: [&[&str]; 6] = [
    &["cough"],
    &["fever", "cough"],
    &["sore_throat"],
    &["fever", "fatigue"],
    &["cough", "sore_throat", "fatigue"],
    &["fever", "cough", "loss_of_taste"],
];

impl What {
    /// The kind of fact that it makes.
    pub const fn kind(&self) -> FactKind {
        match self {
            Self::Person => FactKind::Person,
            Self::Dose { .. } => FactKind::VaccineDose,
            Self::Link { .. } => FactKind::IdentityLink,
            Self::Arrival { .. } => FactKind::Arrival,
            Self::Stay { .. } => FactKind::Stay,
            Self::Sample { .. } => FactKind::Sample,
            Self::Result { .. } | Self::TubeResult { .. } => FactKind::TestResult,
            Self::Symptoms { .. } => FactKind::SymptomReport,
            Self::Diagnosis { .. } => FactKind::Diagnosis,
            Self::Exposure { .. } => FactKind::Exposure,
            Self::Confirmation { .. } => FactKind::Confirmation,
            Self::AreaDeclared(_) => FactKind::AreaDeclared,
            Self::AreaEnded { .. } => FactKind::AreaEnded,
            Self::IsolationStarted { .. } => FactKind::IsolationStarted,
            Self::IsolationLeft => FactKind::IsolationLeft,
            Self::Discharge => FactKind::Discharge,
            Self::Death => FactKind::Death,
            Self::Correction { .. } => FactKind::Correction,
        }
    }
}

impl Event {
    /// The fact, with ids computed from the labels.
    pub fn fact(&self, city: &City) -> Fact {
        let body = self.body(city);
        let person = body.kind().is_about_a_person().then(|| PersonId::from_label(&self.of.owner.code()));
        Fact { id: self.of.id(), person, happened: self.happened.model(), recorded_at: instant(self.recorded_at), body }
    }

    /// Division in which it was seen: that of the owner's block.
    pub fn division(&self, city: &City) -> DivisionCode {
        city.blocks()[city.block_of(self.of.owner) as usize].code
    }

    /// Who recorded it, such as `laboratory-410102`.
    pub fn recorder(&self, city: &City) -> String {
        let county = city.blocks()[city.block_of(self.of.owner) as usize].county;
        format!("{}-{}", self.desk.name(), city.counties()[county as usize].code)
    }

    fn body(&self, city: &City) -> FactBody {
        let person_id = |number: u32| PersonId::from_label(&Owner::person(number).code());
        match &self.what {
            What::Person => self.person_body(city).into(),
            What::Dose { product } => {
                VaccineDose { disease: "covid".into(), product: PRODUCTS[usize::from(*product)].into() }.into()
            }
            What::Link { other, basis } => {
                IdentityLink { other: PersonId::from_label(&other.code()), basis: *basis, reasons: Vec::new() }.into()
            }
            What::Arrival { origin, into, evidence, is_transit, leaves_at } => Arrival {
                from: ORIGINS[usize::from(*origin)].code.into(),
                into: city.area_code(*into).into(),
                evidence: *evidence,
                transit: *is_transit,
                leaves_at: leaves_at.map(instant),
            }
            .into(),
            What::Stay { area, evidence } => {
                Stay { area: AreaCode(city.area_code(*area).into()), evidence: *evidence }.into()
            }
            What::Sample { method, lab, tube } => Sample {
                method: *method,
                lab: Some(LabId(lab_code(*lab).into())),
                pool: tube.map(|tube| PoolId(tube.code().into())),
                disease: None,
            }
            .into(),
            What::Result { sample, outcome } => {
                TestResult { sample: Some(sample.id()), pool: None, outcome: *outcome }.into()
            }
            What::TubeResult { tube, outcome } => {
                TestResult { sample: None, pool: Some(PoolId(tube.code().into())), outcome: *outcome }.into()
            }
            What::Symptoms { set, tenths } => SymptomReport {
                symptoms: SYMPTOMS[usize::from(*set)].iter().map(|&symptom| symptom.into()).collect(),
                temperature: (*tenths > 0).then(|| f64::from(*tenths) / 10.0),
            }
            .into(),
            What::Diagnosis { status, onset, sampled } => {
                Diagnosis { status: *status, onset: *onset, sampled: *sampled, disease: None, new_infection: false }
                    .into()
            }
            What::Exposure { case, via, evidence, class } => Exposure {
                case: case.map(person_id),
                via: via.map(person_id),
                evidence: *evidence,
                disease: None,
                case_left_at: None,
                setting: None,
                class: Some(*class),
                meeting: None,
            }
            .into(),
            What::Confirmation { of, by } => Confirmation { of: of.id(), by: *by }.into(),
            What::AreaDeclared(declaration) => AreaDeclared {
                area: AreaCode(city.area_code(declaration.area).into()),
                level: declaration.level,
                until: instant(declaration.until),
                evidence: declaration.evidence.iter().map(|of| of.id()).collect(),
                basis: Some(BASIS.into()),
                signers: SIGNERS.map(Into::into).to_vec(),
            }
            .into(),
            What::AreaEnded { area } => AreaEnded { area: AreaCode(city.area_code(*area).into()) }.into(),
            What::IsolationStarted { site } => {
                IsolationStarted { site: SiteId(city.site_code(*site).into()), floor: site.floor() }.into()
            }
            What::IsolationLeft => IsolationLeft {}.into(),
            What::Discharge => Discharge { disease: None }.into(),
            What::Death => Death { safe_burial: None }.into(),
            What::Correction { of, fix } => Correction {
                of: of.id(),
                retract: *fix == Fix::Retract,
                reason: Some(fix.reason().into()),
                person: if let Fix::Person(right) = fix { Some(person_id(*right)) } else { None },
                happened: if let Fix::Happened(at) = fix { Some(Happened::at(instant(*at))) } else { None },
                body: None,
            }
            .into(),
        }
    }

    fn person_body(&self, city: &City) -> Person {
        let number = self.of.owner.person_number().expect("the facts of persons are owned by persons");
        Person {
            birth_day: Some(city.people()[number as usize].birth_on),
            parents: city.parents(number).map(|parent| PersonId::from_label(&Owner::person(parent).code())).collect(),
            traits: city.traits(number),
        }
    }
}

pub(super) const BASIS: &str = "传染病防治法第四十二条";
pub(super) const SIGNERS: [&str; 2] = ["headquarters", "cdc"];

impl Fix {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Retract => "entered in error",
            Self::Person(_) => "recorded for the wrong person",
            Self::Happened(_) => "time mistyped",
        }
    }
}

impl Site {
    pub(super) fn floor(self) -> Option<i32> {
        if let Self::Hotel { floor, .. } = self { Some(floor.into()) } else { None }
    }
}

impl Tube {
    /// Its barcode.
    pub fn code(self) -> String {
        text(|out| self.push(out))
    }

    /// Appends the barcode.
    pub(super) fn push(self, out: &mut Vec<u8>) {
        out.push(b'T');
        push_number(self.block, 5, out);
        push_number(self.day.into(), 2, out);
        push_number(self.number.into(), 4, out);
    }
}

impl Time {
    /// The same in the model's words.
    pub fn model(self) -> Happened {
        let span = |from, to| Happened::during(from, Some(to)).expect("intervals of the city end after they begin");
        match self {
            Self::At(at) => Happened::at(instant(at)),
            Self::On(day) => Happened::on(day),
            Self::During(from, to) => span(Edge::At(instant(from)), Edge::At(instant(to))),
            Self::Days(from, to) => span(Edge::Day(from), Edge::Day(to)),
        }
    }
}

pub(super) fn instant(at: u32) -> Instant {
    Instant::from_micros(i64::from(at) * 1_000_000)
}

pub(super) fn lab_code(lab: u16) -> String {
    text(|out| push_lab(lab, out))
}

pub(super) fn push_lab(lab: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"lab-");
    push_number(lab.into(), 3, out);
}

fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(16);
    push(&mut out);
    String::from_utf8(out).expect("codes are ASCII")
}

/// Appends a number with at least so many digits. Tens of millions are written: formatting would take most of the time.
pub(super) fn push_number(mut number: u32, width: usize, out: &mut Vec<u8>) {
    let (mut digits, mut at) = ([b'0'; 10], 10);
    while number > 0 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits[at.min(10 - width)..]);
}

impl City {
    /// The code of an area.
    pub fn area_code(&self, area: Area) -> String {
        match area {
            Area::Block(block) => self.blocks()[block as usize].code.to_string(),
            Area::County(county) => self.counties()[county as usize].code.to_string(),
            Area::Elsewhere(origin) => ORIGINS[usize::from(origin)].code.to_owned(),
        }
    }

    /// The code of an isolation site.
    pub fn site_code(&self, site: Site) -> String {
        match site {
            Site::Hospital { county } => format!("hospital-{}", self.counties()[county as usize].code),
            Site::Hotel { county, number, .. } => format!("site-{}-{number}", self.counties()[county as usize].code),
            Site::Home { household } => format!("home-{household}"),
        }
    }

    pub(super) fn block_of(&self, owner: Owner) -> u32 {
        match owner.person_number() {
            Some(person) => self.households()[self.people()[person as usize].household as usize].block,
            None => owner.0 & !BLOCK,
        }
    }
}
