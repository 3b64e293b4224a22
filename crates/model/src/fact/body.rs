//! What was seen: one body type per kind of fact, with the field names of the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::FactError;
use crate::{
    division::DivisionCode,
    happened::Happened,
    id::{AreaCode, FactId, LabId, PersonId, PoolId, SiteId, TripId},
    measure::ContactClass,
    time::{CivilDay, Instant},
};

macro_rules! fact_kinds {
    ($($(#[$doc:meta])* $variant:ident $name:literal $code:literal $person:literal $retention:ident),* $(,)?) => {
        /// What kind of thing was seen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FactKind { $($(#[$doc])* $variant),* }

        impl FactKind {
            /// Every kind, in the order of their codes.
            pub const ALL: [Self; [$($code),*].len()] = [$(Self::$variant),*];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The number in envelopes and tables; never given to another kind.
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code),* }
            }

            /// The kind with this number.
            pub const fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The kind with this name on the wire.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// Whether such a fact is about one person.
            pub const fn is_about_a_person(self) -> bool {
                match self { $(Self::$variant => $person),* }
            }

            /// How long such facts are kept: the class whose data keys encrypt them.
            pub const fn retention(self) -> RetentionClass {
                match self { $(Self::$variant => RetentionClass::$retention),* }
            }
        }

        /// What was seen, by kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum FactBody { $($(#[$doc])* $variant($variant)),* }

        impl FactBody {
            /// Which kind this is.
            pub const fn kind(&self) -> FactKind {
                match self { $(Self::$variant(_) => FactKind::$variant),* }
            }

            /// Reads the body of a kind from JSON.
            ///
            /// # Errors
            /// [`FactError::UnknownKind`], [`FactError::Body`].
            pub fn from_json(kind: &str, json: &str) -> Result<Self, FactError> {
                match kind {
                    $($name => serde_json::from_str(json)
                        .map(Self::$variant)
                        .map_err(|source| FactError::Body { kind: FactKind::$variant, source }),)*
                    _ => Err(FactError::UnknownKind { kind: kind.chars().take(40).collect() }),
                }
            }

            /// The body as JSON; the same value always gives the same bytes.
            pub fn to_json(&self) -> String {
                match self { $(Self::$variant(body) => serde_json::to_string(body)),* }
                    .expect("bodies are made of values that JSON can hold")
            }
        }

        $(impl From<$variant> for FactBody {
            fn from(body: $variant) -> Self {
                Self::$variant(body)
            }
        })*
    };
}

fact_kinds! {
    /// Who a person is, as far as policy needs to know.
    Person "person" 1 true Case,
    /// Two records are the same human being.
    IdentityLink "identity_link" 2 true Case,
    /// A link was wrong.
    IdentityUnlink "identity_unlink" 3 true Case,
    /// A stay in an area, declared or confirmed.
    Stay "stay" 4 true Movement,
    /// Coming into a place from another (来返人员).
    Arrival "arrival" 5 true Movement,
    /// A sample taken from a person.
    Sample "sample" 6 true Test,
    /// A laboratory's or kit's result for a sample or a pool.
    TestResult "result" 7 false Test,
    /// A clinician's diagnosis.
    Diagnosis "diagnosis" 8 true Case,
    /// Contact with a case or with a contact.
    Exposure "exposure" 9 true Exposure,
    /// A lead becomes evidence.
    Confirmation "confirmation" 10 false Exposure,
    /// An area is graded (划定).
    AreaDeclared "area_declared" 11 false Governance,
    /// An area's grading ends (解封).
    AreaEnded "area_ended" 12 false Governance,
    /// Isolation at a site or at home begins.
    IsolationStarted "isolation_started" 13 true Case,
    /// Isolation goes on elsewhere.
    IsolationMoved "isolation_moved" 14 true Case,
    /// The person left isolation.
    IsolationLeft "isolation_left" 15 true Case,
    /// A positive in an isolation site: counting starts again there.
    SiteReset "site_reset" 16 false Governance,
    /// Symptoms or a temperature.
    SymptomReport "symptom_report" 17 true Test,
    /// A dose of a vaccine or immunoglobulin.
    VaccineDose "vaccine_dose" 18 true Case,
    /// Discharge from hospital.
    Discharge "discharge" 19 true Case,
    /// Death.
    Death "death" 20 true Case,
    /// A measure is made longer, with evidence.
    Extension "extension" 21 true Case,
    /// An earlier fact was wrong.
    Correction "correction" 22 false Case,
    /// A step of a closed loop (闭环).
    LoopStep "loop_step" 23 true Case,
    /// Leave to collect one kind of data (采集授权).
    Mandate "mandate" 24 false Governance,
    /// Bodies and the key of one retention class and day were destroyed (销毁凭证).
    Erasure "erasure" 25 false Governance,
    /// A policy pack takes effect (方案施行).
    PackAdopted "pack_adopted" 26 false Governance,
    /// What a sentinel site reports: sums and duties, nobody's name (哨点报告).
    SentinelReport "sentinel_report" 50 false Governance,
    /// Somebody under a measure needs something: medicine, dialysis, food (服务需求).
    CareNeed "care_need" 40 true Case,
    /// What was needed was given (需求办结).
    CareGiven "care_given" 41 true Case,
    /// A person objects to a measure (申诉).
    Appeal "appeal" 42 true Case,
    /// An appeal is decided, or lapses (申诉决定).
    AppealDecision "appeal_decision" 43 true Case,
}

impl fmt::Display for FactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How long bodies are kept. Each class has a data key for each day; destroying the key erases the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetentionClass {
    /// Illness and measures: to the end of measure and appeal terms and as long as the law on medical records asks.
    Case,
    /// Contacts: to the end of measure and appeal terms.
    Exposure,
    /// Tests and symptoms.
    Test,
    /// Stays and arrivals.
    Movement,
    /// Decisions about areas, mandates, erasures: names no one under measures, never erased.
    Governance,
    /// Who bought one of the four kinds of drugs, and for whom (四类药品登记): for the follow-up that the rule allows, days.
    Sale,
}

impl RetentionClass {
    /// Every class, in the order of their codes.
    pub const ALL: [Self; 6] = [Self::Case, Self::Exposure, Self::Test, Self::Movement, Self::Governance, Self::Sale];

    /// The number in tables.
    pub const fn code(self) -> u8 {
        self as u8 + 1
    }

    /// The class with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Exposure => "exposure",
            Self::Test => "test",
            Self::Movement => "movement",
            Self::Governance => "governance",
            Self::Sale => "sale",
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),* }
    };
}

words! {
    /// How it is known. Ranked: the person's word and papers, then leads, then the cell of a phone.
    EvidenceKind {
        /// The person or a companion said so to an investigator.
        Interview,
        /// Ticket or seat.
        Ticket,
        /// Camera picture looked at by a person.
        Camera,
        /// Seen at a checkpoint.
        Checkpoint,
        /// The person declared it.
        Declared,
        /// Scan of a venue code.
        VenueScan,
        /// A payment.
        Payment,
        /// A row of a list.
        ListRow,
        /// A model's output.
        Model,
        /// Cell of a mobile phone.
        CellLocation,
    }
}

words! {
    /// What a kind of evidence is worth.
    EvidenceGrade {
        /// Only a reason to ask.
        Question,
        /// Counts once confirmed (线索).
        Lead,
        /// Counts (依据).
        Evidence,
    }
}

impl EvidenceKind {
    /// What this kind is worth before anybody confirms it.
    pub const fn grade(self) -> EvidenceGrade {
        match self {
            Self::Interview | Self::Ticket | Self::Camera | Self::Checkpoint | Self::Declared => {
                EvidenceGrade::Evidence
            }
            Self::VenueScan | Self::Payment | Self::ListRow | Self::Model => EvidenceGrade::Lead,
            Self::CellLocation => EvidenceGrade::Question,
        }
    }
}

words! {
    /// What makes a person need another way of being cared for.
    Trait {
        /// Pregnant.
        Pregnant,
        /// On dialysis.
        Dialysis,
        /// On chemotherapy.
        Chemotherapy,
        /// Mental illness.
        MentalIllness,
        /// Needs a carer.
        CannotSelfCare,
        /// Weak immune defence.
        Immunocompromised,
        /// Lives alone.
        LivesAlone,
    }
}

words! {
    /// On what a link between two records rests.
    LinkBasis {
        /// A document was seen.
        Document,
        /// The person said so.
        Person,
        /// A program's guess: serves search, never a restriction.
        Automatic,
    }
}

words! {
    /// How a sample is tested.
    TestMethod {
        /// Nucleic acid test (核酸检测).
        NucleicTest,
        /// Antigen test (抗原检测).
        AntigenTest,
        /// Antibody test.
        Igg,
    }
}

words! {
    /// What a test said.
    Outcome {
        /// Nothing found.
        Negative,
        /// Found.
        Positive,
        /// Between the two (灰区).
        GreyZone,
        /// No valid result: leak, no human gene.
        Invalid,
    }
}

words! {
    /// What a clinician decided.
    CaseStatus {
        /// Suspected case (疑似病例).
        SuspectedCase,
        /// Confirmed case (确诊病例).
        ConfirmedCase,
        /// Asymptomatic infection (无症状感染者).
        AsymptomaticInfection,
        /// Not this disease.
        Excluded,
    }
}

words! {
    /// Who turned a lead into evidence.
    ConfirmedBy {
        /// The person.
        Person,
        /// A second, independent source.
        SecondSource,
        /// An epidemiologist, case by case.
        Epidemiologist,
    }
}

words! {
    /// Grading of an area.
    AreaLevel {
        /// High risk (高风险区).
        High,
        /// Medium risk (中风险区).
        Medium,
        /// Low risk (低风险区).
        Low,
        /// Sealed zone (封控区).
        Sealed,
        /// Controlled zone (管控区).
        Controlled,
    }
}

words! {
    /// Who starts again after a positive in an isolation site.
    ResetScope {
        /// Same floor, one above, one below.
        Floors,
        /// Everybody in the site.
        WholeSite,
    }
}

words! {
    /// Vehicles with rules of their own.
    Vehicle {
        /// Aircraft.
        Aircraft,
        /// Sealed, air-conditioned train.
        SealedTrain,
        /// Ordinary train.
        OrdinaryTrain,
        /// Sealed, air-conditioned coach.
        SealedCoach,
        /// Ventilated coach.
        VentilatedCoach,
        /// Ship.
        Ship,
    }
}

words! {
    /// What the exposed person did aboard.
    TravelRole {
        /// Crew, driver, steward.
        Crew,
    }
}

words! {
    /// Kind of place in a train.
    SeatType {
        /// Seat.
        Seat,
        /// Open berth.
        HardSleeper,
        /// Berth in a compartment.
        SoftSleeper,
    }
}

words! {
    /// What a sentinel site saw.
    SentinelKind {
        /// A patient with fever (发热病人).
        Fever,
        /// A sale of one of the four kinds of drugs (四类药品).
        DrugSale,
        /// Nothing was seen on that day (零报告).
        Zero,
        /// A positive antigen test (抗原阳性).
        AntigenPositive,
        /// Pupils absent for illness (因病缺课).
        Absence,
    }
}

words! {
    /// The four kinds of drugs (四类药品).
    DrugKind {
        /// Against fever (退热).
        Fever,
        /// Against cough (止咳).
        Cough,
        /// Against viruses (抗病毒).
        Antiviral,
        /// Antibiotics (抗生素).
        Antibiotic,
    }
}

words! {
    /// A step of a closed loop.
    LoopStage {
        /// Given to an owner.
        Assigned,
        /// The person was told.
        Notified,
        /// The person was found, address and time.
        Located,
        /// The measure is being kept.
        UnderControl,
        /// The end was reached; release is owed.
        Due,
        /// Released.
        Released,
        /// Made longer, with evidence.
        Extended,
        /// Handed to the next level.
        Escalated,
        /// Who it is was confirmed by document or by the person (查清人头).
        Identified,
        /// Looked for and gone elsewhere (去向他处).
        MovedOn,
        /// Looked for and not found (未找到).
        NotFound,
        /// Name, telephone or address are wrong (信息有误).
        WrongData,
        /// There was no such exposure (排除).
        Refuted,
    }
}

words! {
    /// What somebody under a measure needs. Each has a clock of its own.
    Need {
        /// Medicine.
        Medicine,
        /// Dialysis.
        Dialysis,
        /// Food.
        Food,
        /// A doctor.
        Doctor,
        /// Anything else.
        Other,
    }
}

words! {
    /// How an appeal ended.
    AppealOutcome {
        /// The person is right: what the measure rested on does not count.
        Upheld,
        /// The measure stands.
        Rejected,
        /// Nobody decided in time, and the rules end the measure for that.
        Lapsed,
    }
}

/// A number or a name: rows, carriages and cabins have either.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Position {
    /// Counted.
    Number(i64),
    /// Named.
    Name(Box<str>),
}

macro_rules! bodies {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $ty:ty),* $(,)? })*) => {
        $(#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        $(#[$doc])*
        pub struct $name { $($(#[$fmeta])* pub $field: $ty),* })*
    };
}

bodies! {
    /// Who a person is, as far as policy needs to know.
    Person {
        /// Birthday.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        birth_day: Option<CivilDay>,
        /// Parents or guardians.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parents: Vec<PersonId>,
        /// What makes the person need other care.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        traits: Vec<Trait>,
    }

    /// Two records are the same human being.
    IdentityLink {
        /// The other record.
        other: PersonId,
        /// On what it rests.
        basis: LinkBasis,
    }

    /// A link was wrong.
    IdentityUnlink {
        /// The link.
        link: FactId,
    }

    /// A stay in an area, a visit to a place.
    Stay {
        /// Where.
        area: AreaCode,
        /// How it is known.
        evidence: EvidenceKind,
    }

    /// Coming into a place from another.
    Arrival {
        /// Division code or `abroad`.
        from: Box<str>,
        /// Division code.
        into: Box<str>,
        /// How it is known.
        evidence: EvidenceKind,
        /// Passing through without leaving the motorway, station or airport.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        transit: bool,
        /// When the person leaves again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leaves_at: Option<Instant>,
    }

    /// A sample taken from a person.
    Sample {
        /// How it is tested.
        method: TestMethod,
        /// Where it is tested.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lab: Option<LabId>,
        /// The tube, when it holds the swabs of several people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolId>,
        /// For which disease; none: covid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disease: Option<Box<str>>,
    }

    /// A laboratory's or kit's result.
    #[serde(try_from = "TestResultWire")]
    TestResult {
        /// The sample; exactly one of sample and pool is given.
        #[serde(skip_serializing_if = "Option::is_none")]
        sample: Option<FactId>,
        /// The tube.
        #[serde(skip_serializing_if = "Option::is_none")]
        pool: Option<PoolId>,
        /// What it said.
        outcome: Outcome,
    }

    /// A clinician's diagnosis.
    Diagnosis {
        /// What was decided.
        status: CaseStatus,
        /// First day of symptoms; of the rash for measles.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        onset: Option<CivilDay>,
        /// Day of the first positive sample.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sampled: Option<CivilDay>,
        /// Which disease; none: covid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disease: Option<Box<str>>,
        /// An infection of its own, however soon after an earlier one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        new_infection: bool,
    }

    /// Contact with a case, or with a close contact.
    #[serde(try_from = "ExposureWire")]
    Exposure {
        /// The case.
        #[serde(skip_serializing_if = "Option::is_none")]
        case: Option<PersonId>,
        /// For secondary contacts: the close contact.
        #[serde(skip_serializing_if = "Option::is_none")]
        via: Option<PersonId>,
        /// How it is known.
        evidence: EvidenceKind,
        /// Which disease; none: covid.
        #[serde(skip_serializing_if = "Option::is_none")]
        disease: Option<Box<str>>,
        /// When the case left the place.
        #[serde(skip_serializing_if = "Option::is_none")]
        case_left_at: Option<Instant>,
        /// Where they sat, for the transport rules; exactly one of setting and class is given.
        #[serde(skip_serializing_if = "Option::is_none")]
        setting: Option<Box<Setting>>,
        /// An epidemiologist's finding.
        #[serde(skip_serializing_if = "Option::is_none")]
        class: Option<ContactClass>,
    }

    /// A lead becomes evidence.
    Confirmation {
        /// The fact that is confirmed.
        of: FactId,
        /// By whom.
        by: ConfirmedBy,
    }

    /// An area is graded.
    AreaDeclared {
        /// Which.
        area: AreaCode,
        /// How.
        level: AreaLevel,
        /// When it ends by itself.
        until: Instant,
        /// Facts about cases on which it rests.
        evidence: Vec<FactId>,
        /// Legal basis.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Box<str>>,
        /// Who signed.
        signers: Vec<Box<str>>,
    }

    /// An area's grading ends.
    AreaEnded {
        /// Which.
        area: AreaCode,
    }

    /// Isolation begins.
    IsolationStarted {
        /// Where.
        site: SiteId,
        /// On which floor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor: Option<i32>,
    }

    /// Isolation goes on elsewhere.
    IsolationMoved {
        /// Where.
        site: SiteId,
        /// On which floor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor: Option<i32>,
    }

    /// The person left isolation.
    IsolationLeft {}

    /// A positive in an isolation site.
    SiteReset {
        /// Where.
        site: SiteId,
        /// On which floor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor: Option<i32>,
        /// Who starts again.
        scope: ResetScope,
        /// Facts on which it rests.
        evidence: Vec<FactId>,
    }

    /// Symptoms or a temperature.
    SymptomReport {
        /// What the person said.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        symptoms: Vec<Box<str>>,
        /// Degrees Celsius.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        temperature: Option<f64>,
    }

    /// A dose of a vaccine or immunoglobulin.
    VaccineDose {
        /// Against what.
        disease: Box<str>,
        /// Which product.
        product: Box<str>,
    }

    /// Discharge from hospital.
    Discharge {
        /// Which disease; none: covid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disease: Option<Box<str>>,
    }

    /// Death.
    Death {
        /// Day of the safe burial.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        safe_burial: Option<CivilDay>,
    }

    /// A measure is made longer, or a case isolation renewed.
    Extension {
        /// Rule name without pack: `close_contact`, `case`.
        rule: Box<str>,
        /// Last day served.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<CivilDay>,
        /// Facts on which it rests.
        evidence: Vec<FactId>,
        /// Who decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        officer: Option<Box<str>>,
        /// Who signed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        signers: Vec<Box<str>>,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    }

    /// An earlier fact was wrong: retracted, or what replaces it.
    Correction {
        /// Which.
        of: FactId,
        /// Refuted or entered in error.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        retract: bool,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
        /// The person it is about in truth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<PersonId>,
        /// When it happened in truth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        happened: Option<Happened>,
        /// Fields of the body as they are in truth; those left out stay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<serde_json::Map<String, serde_json::Value>>,
    }

    /// A step of a closed loop.
    LoopStep {
        /// `<pack>:<rule>` of the measure.
        rule: Box<str>,
        /// The first of the facts that opened the measure.
        opened_by: FactId,
        /// Which step.
        stage: LoopStage,
        /// Unit that has to act.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Box<str>>,
        /// Where the person was found or is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<SiteId>,
        /// Account of the person of that unit who has to act.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        officer: Option<Box<str>>,
        /// Account of who acts when that person cannot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deputy: Option<Box<str>>,
        /// How it is known who the person is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<LinkBasis>,
        /// What was tried, why it ended so; in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    }

    /// Somebody under a measure needs something.
    CareNeed {
        /// What.
        need: Need,
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Box<str>>,
    }

    /// What was needed was given.
    CareGiven {
        /// The need.
        of: FactId,
    }

    /// A person objects to a measure.
    Appeal {
        /// `<pack>:<rule>` of the measure.
        rule: Box<str>,
        /// The first of the facts that opened the measure.
        opened_by: FactId,
        /// Why, in words.
        words: Box<str>,
        /// The decision against which this is the second instance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against: Option<FactId>,
    }

    /// An appeal is decided, or lapses.
    AppealDecision {
        /// The appeal.
        of: FactId,
        /// How.
        outcome: AppealOutcome,
        /// Why, in words that the person reads.
        reason: Box<str>,
        /// Unit that decided; none when nobody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<Box<str>>,
        /// Account that decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        officer: Option<Box<str>>,
    }

    /// Leave to collect one kind of data in an area for at most 90 days.
    Mandate {
        /// Law and article.
        legal_basis: Box<str>,
        /// Who gives it.
        authority: Box<str>,
        /// What for.
        purpose: Box<str>,
        /// What may be collected.
        collection: Box<str>,
        /// Where.
        area: DivisionCode,
        /// When it ends by itself.
        until: Instant,
        /// Where the impact assessment is kept.
        impact_assessment: Box<str>,
    }

    /// Bodies and the key of one retention class and day were destroyed.
    Erasure {
        /// Number of the certificate, counted from 1 in each store.
        certificate: u64,
        /// Which class.
        class: RetentionClass,
        /// Day on which the erased facts were recorded.
        recorded_on: CivilDay,
        /// How many bodies.
        bodies: u64,
        /// SHA-256 over the ids of the erased facts in log order, hexadecimal.
        ids_digest: Box<str>,
        /// Law or order.
        basis: Box<str>,
    }

    /// What a sentinel site reports, without anybody's name. It happened when the patient was seen, the drug sold, the day over.
    SentinelReport {
        /// The institution, by its id in the register.
        institution: SiteId,
        /// What was seen.
        report: SentinelKind,
        /// The day to which it counts.
        day: CivilDay,
        /// How many persons (sales: sales); 0 for a zero report.
        count: u32,
        /// Kinds of drugs sold.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        drugs: Vec<DrugKind>,
        /// When it was entered, by the device: earlier than the recording where there was no network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entered_at: Option<Instant>,
    }

    /// A policy pack takes effect at the instant at which this happens, which may lie ahead.
    PackAdopted {
        /// Id of the pack.
        pack: Box<str>,
        /// SHA-256 of what was signed, hexadecimal: no other text is adopted.
        digest: Box<str>,
        /// The organisations that signed it; at least two different ones.
        signers: Vec<Box<str>>,
        /// The pack itself, so that whoever reads the log has it. It counts only when it has the digest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Box<str>>,
    }
}

/// Where exposed person and case sat in a vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "fields come in pairs: the exposed person's, and the case's with prefix case_")]
pub struct Setting {
    /// Which kind of vehicle.
    pub vehicle: Vehicle,
    /// The exposed person's journey.
    pub trip: TripId,
    /// The case's journey.
    pub case_trip: TripId,
    /// Crew, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TravelRole>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat_type: Option<SeatType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_row: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bay: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_bay: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carriage: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_carriage: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compartment: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_compartment: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_zone: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cabin: Option<Position>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_cabin: Option<Position>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TestResultWire {
    sample: Option<FactId>,
    pool: Option<PoolId>,
    outcome: Outcome,
}

impl TryFrom<TestResultWire> for TestResult {
    type Error = &'static str;

    fn try_from(wire: TestResultWire) -> Result<Self, Self::Error> {
        if wire.sample.is_some() == wire.pool.is_some() {
            return Err("give exactly one of 'sample' and 'pool'");
        }
        Ok(Self { sample: wire.sample, pool: wire.pool, outcome: wire.outcome })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExposureWire {
    case: Option<PersonId>,
    via: Option<PersonId>,
    evidence: EvidenceKind,
    disease: Option<Box<str>>,
    case_left_at: Option<Instant>,
    setting: Option<Box<Setting>>,
    class: Option<ContactClass>,
}

impl TryFrom<ExposureWire> for Exposure {
    type Error = &'static str;

    fn try_from(wire: ExposureWire) -> Result<Self, Self::Error> {
        if wire.setting.is_some() == wire.class.is_some() {
            return Err("give exactly one of 'setting' and 'class'");
        }
        let ExposureWire { case, via, evidence, disease, case_left_at, setting, class } = wire;
        Ok(Self { case, via, evidence, disease, case_left_at, setting, class })
    }
}
