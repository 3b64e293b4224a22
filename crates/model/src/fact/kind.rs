//! Kinds of facts: name, code, how long they are kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{FactError, body::*};

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
    /// Somebody is announced (来豫报备); opens nothing.
    ArrivalExpected "arrival_expected" 80 true Movement,
    /// Somebody who was announced did not come (未抵达销号).
    NoShow "no_show" 81 true Movement,
    /// A check at a checkpoint (查验); nobody's name.
    Inspection "inspection" 82 false Movement,
    /// What became of somebody held at a checkpoint (处置结果).
    HoldEnded "hold_ended" 83 false Movement,
    /// A lorry's step through a checkpoint and on its way (货车通行).
    LaneStep "lane_step" 84 true Movement,
    /// A disinfection, begun or done (消毒记录).
    Disinfection "disinfection" 85 false Governance,
    /// Somebody under a measure needs something: medicine, dialysis, food (服务需求).
    CareNeed "care_need" 40 true Case,
    /// What was needed was given (需求办结).
    CareGiven "care_given" 41 true Case,
    /// A closed day of the ledger of stays: its digest, nobody's stay (停留台账封存).
    LedgerDay "ledger_day" 100 false Governance,
    /// What an epidemiologist asked a case: core facts of the investigation (流行病学调查).
    Investigation "investigation" 101 true Case,
    /// A person objects to a measure (申诉).
    Appeal "appeal" 42 true Case,
    /// An appeal is decided, or lapses (申诉决定).
    AppealDecision "appeal_decision" 43 true Case,
    /// New openings of a class by one officer are held back until an auditor has looked (冻结).
    WatchFreeze "watch_freeze" 90 false Governance,
    /// An auditor's decision about a freeze (冻结决定).
    WatchDecision "watch_decision" 91 false Governance,
    /// An order was refused because it conflicts with a rule (拒绝执行).
    OrderRefused "order_refused" 92 false Governance,
    /// A second person of another organisation confirmed or refused a batch of restricting facts (批次复核).
    BatchDecided "batch_decided" 94 false Governance,
    /// Care, food, a vote or a court was reached without a code (替代通道).
    AlternativePath "alternative_path" 93 true Case,
    /// A step of a tube on its way from the desk to the laboratory (采样管流转).
    TubeStep "tube_step" 70 false Test,
    /// A round of screening begins (筛查轮次).
    ScreeningRound "screening_round" 71 false Governance,
    /// Somebody belongs to a key group (重点人群).
    GroupMember "group_member" 72 true Case,
    /// Somebody of a key group is not tested for a time (暂免).
    GroupPause "group_pause" 73 true Case,
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
    /// Who was at which place when, as the ledger has it (停留台账): never facts; for the ledger's term.
    Presence,
}

impl RetentionClass {
    /// Every class, in the order of their codes.
    pub const ALL: [Self; 7] =
        [Self::Case, Self::Exposure, Self::Test, Self::Movement, Self::Governance, Self::Sale, Self::Presence];

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
            Self::Presence => "presence",
        }
    }
}

#[cfg(test)]
mod code_tests {
    use super::FactKind;

    #[test]
    fn each_kind_has_a_code_of_its_own() {
        for kind in FactKind::ALL {
            assert_eq!(FactKind::from_code(kind.code()), Some(kind), "another kind has the code of {kind}");
        }
    }
}
