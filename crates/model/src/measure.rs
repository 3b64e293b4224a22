//! Measures and assessments: what the rules in force make of the facts, with evidence and an end.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    fact::TestMethod,
    id::{FactId, PersonId},
    time::{CivilDay, Instant},
};

/// What a person is asked to do. Nobody invents a kind: these are all there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// Isolation and treatment of an infected person (病例隔离治疗).
    CaseIsolation,
    /// Quarantine at a site (集中隔离医学观察).
    CentralIsolation,
    /// Quarantine at home (居家隔离医学观察).
    HomeIsolation,
    /// Stay indoors in a sealed or high-risk area (足不出户).
    StayIndoors,
    /// Not to school or work (暂不到校到岗).
    Exclusion,
    /// Health monitoring at home (居家健康监测).
    HomeMonitoring,
    /// Stay within a controlled or medium-risk area (人不出区).
    StayInArea,
    /// Two tests in three days (三天两检).
    TwoTestsThreeDays,
    /// One test on arrival (落地检).
    LandingTest,
    /// Please wait for the single result (原地等候).
    Hold,
    /// Self health monitoring (自我健康监测); restricts nothing.
    SelfMonitoring,
    /// Follow-up by health workers (随访); restricts nothing.
    FollowUp,
}

impl MeasureKind {
    /// Rank by strictness: 0 restricts nothing, 6 most. Kinds of one rank are equally strict.
    pub const fn strictness(self) -> u8 {
        match self {
            Self::CaseIsolation => 5,
            Self::CentralIsolation => 4,
            Self::HomeIsolation | Self::StayIndoors => 3,
            Self::Exclusion | Self::HomeMonitoring | Self::StayInArea => 2,
            Self::TwoTestsThreeDays | Self::LandingTest | Self::Hold => 1,
            Self::SelfMonitoring | Self::FollowUp => 0,
        }
    }

    /// Whether it restricts anybody.
    pub const fn restricts(self) -> bool {
        self.strictness() > 0
    }

    /// Whether people live apart under it, so that it starts when they do.
    pub const fn is_isolation(self) -> bool {
        matches!(self, Self::CentralIsolation | Self::HomeIsolation)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CaseIsolation => "case_isolation",
            Self::CentralIsolation => "central_isolation",
            Self::HomeIsolation => "home_isolation",
            Self::StayIndoors => "stay_indoors",
            Self::Exclusion => "exclusion",
            Self::HomeMonitoring => "home_monitoring",
            Self::StayInArea => "stay_in_area",
            Self::TwoTestsThreeDays => "two_tests_three_days",
            Self::LandingTest => "landing_test",
            Self::Hold => "hold",
            Self::SelfMonitoring => "self_monitoring",
            Self::FollowUp => "follow_up",
        }
    }
}

/// Colour of a health code (健康码): always computed, never set. Ordered: green < yellow < red.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// Nothing known.
    Green,
    /// May go out for need.
    Yellow,
    /// May not go out.
    Red,
}

/// Class of a contact (接触者分类).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactClass {
    /// Close contact (密接).
    CloseContact,
    /// Contact of a close contact (次密接).
    SecondaryContact,
    /// General contact (一般接触者): health notice only.
    GeneralContact,
    /// Space-time companion (时空伴随者): a telecom rule, opens nothing.
    SpacetimeCompanion,
}

/// How a sample is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Swab {
    /// Nasopharyngeal swab (鼻咽拭子).
    NasopharyngealSwab,
    /// Throat swab (咽拭子).
    ThroatSwab,
}

/// A test that belongs to a measure's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTest {
    /// Day of isolation or of the phase; entry is day 1.
    pub day: i32,
    /// Civil day.
    pub date: CivilDay,
    /// How it is tested.
    pub kind: TestMethod,
    /// How it is sampled.
    pub sampling: Swab,
    /// How many samples; 2 means two kits and two laboratories.
    pub samples: u8,
    /// Not counted when sampled earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Instant>,
}

/// A restriction or an offer of care, with what opened it and when it ends: `[starts_at, ends_at)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "MeasureWire")]
pub struct Measure {
    kind: MeasureKind,
    starts_at: Instant,
    ends_at: Instant,
    #[serde(rename = "tests_on")]
    tests: Vec<PlannedTest>,
    because: Vec<FactId>,
    rule: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_at: Option<Instant>,
}

/// Why something is not a measure.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MeasureError {
    /// No restriction without evidence.
    #[error("a measure names the facts that opened it")]
    NoEvidence,
    /// Every measure ends, after it began.
    #[error("a measure ends after it starts; this one would run from {starts_at} to {ends_at}")]
    NoEnd {
        /// When it would start.
        starts_at: Instant,
        /// When it would end.
        ends_at: Instant,
    },
}

impl Measure {
    /// Opens a measure. There is no other way to get one, so none lacks evidence or an end.
    ///
    /// - `rule`: `<pack>:<rule>`.
    /// - `because`: the facts that opened it, with confirmations and links through which they count; kept sorted, each
    ///   once.
    ///
    /// # Errors
    /// [`MeasureError`].
    pub fn open(
        kind: MeasureKind,
        rule: Arc<str>,
        mut because: Vec<FactId>,
        starts_at: Instant,
        ends_at: Instant,
    ) -> Result<Self, MeasureError> {
        because.sort_unstable();
        because.dedup();
        if because.is_empty() {
            return Err(MeasureError::NoEvidence);
        }
        if ends_at <= starts_at || ends_at == Instant::MAX {
            return Err(MeasureError::NoEnd { starts_at, ends_at });
        }
        Ok(Self { kind, starts_at, ends_at, tests: Vec::new(), because, rule, review_at: None })
    }

    /// The same with a plan of tests.
    #[must_use]
    pub fn with_tests(mut self, tests: Vec<PlannedTest>) -> Self {
        self.tests = tests;
        self
    }

    /// The same with a date at which it has to be looked at again.
    #[must_use]
    pub fn with_review(mut self, review_at: Instant) -> Self {
        self.review_at = Some(review_at);
        self
    }

    /// What is asked.
    pub const fn kind(&self) -> MeasureKind {
        self.kind
    }

    /// When it starts.
    pub const fn starts_at(&self) -> Instant {
        self.starts_at
    }

    /// When it is over by itself.
    pub const fn ends_at(&self) -> Instant {
        self.ends_at
    }

    /// The whole plan of tests, done or not.
    pub fn tests(&self) -> &[PlannedTest] {
        &self.tests
    }

    /// The facts that opened it; never empty.
    pub fn because(&self) -> &[FactId] {
        &self.because
    }

    /// `<pack>:<rule>`.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// When it has to be looked at again.
    pub const fn review_at(&self) -> Option<Instant> {
        self.review_at
    }

    /// Whether it holds at the moment.
    pub fn is_active(&self, at: Instant) -> bool {
        self.starts_at <= at && at < self.ends_at
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureWire {
    kind: MeasureKind,
    starts_at: Instant,
    ends_at: Instant,
    tests_on: Vec<PlannedTest>,
    because: Vec<FactId>,
    rule: Arc<str>,
    #[serde(default)]
    review_at: Option<Instant>,
}

impl TryFrom<MeasureWire> for Measure {
    type Error = MeasureError;

    fn try_from(wire: MeasureWire) -> Result<Self, MeasureError> {
        let measure = Self::open(wire.kind, wire.rule, wire.because, wire.starts_at, wire.ends_at)?;
        Ok(Self { tests: wire.tests_on, review_at: wire.review_at, ..measure })
    }
}

/// An exposure that counts, and its class under the pack in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClassFinding {
    /// The exposure.
    pub fact: FactId,
    /// Its class.
    pub class: ContactClass,
}

/// Something that may be done for the person in time, such as a vaccine after exposure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Offer {
    /// Which product.
    pub kind: Arc<str>,
    /// Until when it helps.
    pub until: Instant,
}

/// All that holds for one person at one moment, as known at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// Whom it is about.
    pub person: PersonId,
    /// Worst colour of the active measures; nothing when no pack in force has colours.
    pub colour: Option<Colour>,
    /// Measures active or planned.
    pub measures: Vec<Measure>,
    /// Exposures that count.
    pub classes: Vec<ClassFinding>,
    /// What may be done in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Offer>,
    /// The least moment at which any of this may change by itself.
    pub next_change_at: Option<Instant>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_makes_a_measure_without_evidence_or_end() {
        let at = |micros| Instant::from_micros(micros);
        let open = |because, end| Measure::open(MeasureKind::HomeIsolation, "p:r".into(), because, at(0), end);
        assert_eq!(open(vec![], at(1)), Err(MeasureError::NoEvidence));
        let fact = vec![FactId::from_label("f1")];
        assert!(matches!(open(fact.clone(), at(0)), Err(MeasureError::NoEnd { .. })));
        assert!(matches!(open(fact.clone(), Instant::MAX), Err(MeasureError::NoEnd { .. })));
        assert!(open(fact, at(1)).is_ok());
        let json = r#"{"kind":"hold","starts_at":"2022-03-01T00:00:00Z","ends_at":"2022-03-02T00:00:00Z","tests_on":[],"because":[],"rule":"p:hold"}"#;
        assert!(serde_json::from_str::<Measure>(json).is_err(), "a stored row cannot lack evidence either");
    }
}
