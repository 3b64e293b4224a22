//! The file format of packs, as serde reads it. Meaning and checks are in `check`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, de};
use sizao_model::{
    CivilDay, Colour, Edge, MeasureKind,
    fact::{AreaLevel, Trait},
    measure::Swab,
};
use toml::Spanned;

/// Words in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Chinese.
    #[serde(default)]
    pub zh: String,
    /// English.
    #[serde(default)]
    pub en: String,
}

/// Whether a source says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A source states it.
    Verified,
    /// No source found, or decided here: shown as "default, not official".
    Unsourced,
}

/// The day from which the infectious window is counted; without one, the day of diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowAnchor {
    /// First day of symptoms (of the rash).
    Onset,
    /// First day of symptoms or first positive sample, whichever is earlier.
    OnsetOrSampling,
}

/// What closes the infectious window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowEnd {
    /// The case's first isolation at or after the window's start.
    Isolation,
    /// The end of a day counted from the anchor.
    DaysAfter,
    /// Discharge, or the end of the day of safe burial.
    RecoveryOrBurial,
}

/// How far an area's rule for "inside" reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaUnit {
    /// The whole county of the area.
    County,
    /// The declared area itself.
    Area,
}

/// What causes a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeTrigger {
    /// A planned test was not taken.
    MissedTest,
    /// The phone was in the same cell as a case's.
    CellLocation,
    /// A symptom was reported.
    Symptom,
    /// An antigen test was positive.
    AntigenPositive,
    /// The person left the place of isolation.
    LeftSite,
}

/// What a notice does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Reminds the person.
    Reminder,
    /// Asks the person.
    Question,
    /// Gives an officer a task.
    Task,
}

/// A day or an instant, in quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(pub Edge);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(MomentVisitor)
    }
}

struct MomentVisitor;

impl de::Visitor<'_> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day or an instant in quotes, such as \"2024-01-01\" or \"2024-01-01T00:00:00+08:00\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
        Edge::try_from(text.to_owned()).map(Moment).map_err(E::custom)
    }
}

/// A number, or a list of numbers, with unit and source.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a value with unit and source, such as { value = 14, unit = \"days\", source = \"guide\" }"
)]
pub(super) struct Sourced<T> {
    pub value: Spanned<T>,
    pub unit: Spanned<String>,
    pub source: Spanned<String>,
}

pub(super) type Number = Sourced<i64>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub title: String,
    #[serde(default)]
    #[expect(dead_code, reason = "read by people, and kept so that the field is allowed")]
    pub url: Option<String>,
    pub mark: Mark,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPack {
    pub id: Spanned<String>,
    pub disease: Spanned<String>,
    pub name: Spanned<Text>,
    pub valid_from: Spanned<Moment>,
    pub valid_until: Option<Spanned<Moment>>,
    pub supersedes: Option<String>,
    pub overlay_of: Option<Spanned<String>>,
    pub colours: bool,
    pub grace_hours: Option<Number>,
    pub max_extension_days: Option<Number>,
    pub hold_hours: Option<Spanned<Number>>,
    pub checks_per_day: Option<Number>,
    pub report_limit_hours: Option<Number>,
    pub pool_size_max: Option<Number>,
    #[serde(default)]
    pub sources: BTreeMap<String, RawSource>,
    pub window: Option<Spanned<RawWindow>>,
    pub close_contact: Option<Spanned<RawPhases>>,
    pub secondary_contact: Option<Spanned<RawSecondary>>,
    pub case: Option<Spanned<RawCase>>,
    pub inbound_traveller: Option<Spanned<RawPhases>>,
    pub area: Option<Spanned<RawArea>>,
    pub arrival: Option<Spanned<RawArrival>>,
    pub immunity: Option<Spanned<RawImmunity>>,
    #[serde(default)]
    pub offers: Vec<Spanned<RawOffer>>,
    pub special: Option<RawSpecial>,
    pub transport: Option<RawTransport>,
    #[serde(default)]
    pub notices: Vec<Spanned<RawNotice>>,
    #[serde(default)]
    pub texts: BTreeMap<Spanned<String>, Spanned<Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPhase {
    pub kind: MeasureKind,
    pub days: Option<Number>,
    pub from_day: Option<Spanned<i32>>,
    pub tests: Option<Sourced<Vec<Spanned<i32>>>>,
    pub colour: Option<Colour>,
    pub swab: Option<Swab>,
    pub exit_samples: Option<Number>,
    pub starts_day_after_first: Option<Number>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPhases {
    #[serde(default)]
    pub phases: Vec<Spanned<RawPhase>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecondary {
    #[serde(default)]
    pub phases: Vec<Spanned<RawPhase>>,
    pub follows_source: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWindow {
    pub before_days: Number,
    pub anchor: Spanned<String>,
    pub until: WindowEnd,
    pub after_days: Option<Number>,
    pub airspace_hours: Option<Number>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawCaseEnd {
    Discharge,
    DaysAfterAnchor,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCase {
    pub end: Spanned<RawCaseEnd>,
    pub days: Option<Number>,
    pub review_days: Option<Number>,
    pub ceiling_days: Option<Number>,
    pub colour: Option<Colour>,
    pub relapse_days: Number,
    #[serde(default)]
    pub after: Vec<Spanned<RawPhase>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInside {
    pub high: Option<Vec<Spanned<RawPhase>>>,
    pub medium: Option<Vec<Spanned<RawPhase>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTwoTests {
    pub days: Option<Number>,
    pub colour: Option<Colour>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArea {
    pub lookback_days: Number,
    pub unit: AreaUnit,
    #[serde(default)]
    pub inside: RawInside,
    pub same_city: Option<Vec<Spanned<RawPhase>>>,
    pub same_county: Option<Spanned<RawTwoTests>>,
    #[serde(default)]
    pub resident: BTreeMap<AreaLevel, MeasureKind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArrival {
    pub province: Spanned<String>,
    pub days: Option<Number>,
    pub colour: Option<Colour>,
    pub short_stay_hours: Number,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawImmunity {
    pub doses: Option<Number>,
    pub born_before: Option<Sourced<CivilDay>>,
    #[serde(default)]
    pub igg: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOffer {
    pub kind: String,
    pub hours: Number,
    pub effect: Option<MeasureKind>,
    #[serde(default)]
    pub not_for: Vec<Trait>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpecial {
    pub home_traits: Vec<Trait>,
    pub child_years_max: Number,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTransport {
    pub aircraft_rows: Number,
    pub coach_rows: Number,
    pub train_bays: Number,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotice {
    pub on: NoticeTrigger,
    pub does: Spanned<String>,
    #[serde(default)]
    pub text: Text,
}
