//! The file format of packs, as serde reads it. Checks are in `check`; the JSON Schema is made from the same types and
//! the words that stand on them here.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use sizao_model::{
    CivilDay, Colour, Edge, MeasureKind,
    fact::{AreaLevel, Trait},
    measure::Swab,
};
use toml::Spanned;

use super::{
    quantity::{
        AfterDays, AirspaceHours, Bays, BeforeDays, CaseDays, Cases, CeilingDays, ChecksPerDay, ChildYears, Counted,
        Doses, ExitSamples, ExtensionDays, FrequencyDays, GraceHours, HoldHours, LookbackDays, OfferHours,
        OutbreakDays, PhaseDays, PoolSize, RelapseDays, ReportHours, ReviewDays, Rows, ShortStayHours, StartsDay,
        TwoTestsDays, sourced_day, test_days,
    },
    schema,
};

/// Words in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// A source states it.
    Verified,
    /// No source found, or decided here: shown as "default, not official".
    Unsourced,
}

/// The day from which the infectious window is counted; without one, the day of diagnosis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum WindowAnchor {
    /// First day of symptoms (of the rash).
    Onset,
    /// First day of symptoms or first positive sample, whichever is earlier.
    OnsetOrSampling,
}

/// What closes the infectious window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AreaUnit {
    /// The whole county of the area.
    County,
    /// The declared area itself.
    Area,
}

/// What causes a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

/// A list or a date, with unit and source.
#[derive(Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a value with unit and source, such as { value = [1, 4], unit = \"day_of_isolation\", source = \"guide\" }"
)]
pub(super) struct Sourced<T> {
    pub value: Spanned<T>,
    pub unit: Spanned<String>,
    pub source: Spanned<String>,
}

/// Where numbers come from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    /// What people look up.
    pub title: String,
    /// Where it can be read.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people, and kept so that the field is allowed")]
    pub url: Option<String>,
    /// `verified`: the source states the number. `unsourced`: none was found, or it was chosen here; shown as
    /// "default, not official".
    pub mark: Mark,
}

/// A policy pack: the rules of one disease, or the rules that an overlay changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Sizao policy pack")]
pub(super) struct RawPack {
    /// Name of the folder.
    #[schemars(with = "String")]
    pub id: Spanned<String>,
    /// As facts write it; facts without a disease are about `covid`.
    #[schemars(with = "String")]
    pub disease: Spanned<String>,
    /// What people call it.
    #[schemars(with = "Text")]
    pub name: Spanned<Text>,
    /// In force from this day (its 00:00 in Asia/Shanghai) or instant, until the next base pack of the disease.
    #[schemars(schema_with = "schema::moment")]
    pub valid_from: Spanned<Moment>,
    /// Not in force from here on, with or without a successor.
    #[schemars(schema_with = "schema::moment")]
    #[serde(default)]
    pub valid_until: Option<Spanned<Moment>>,
    /// The pack that it replaces, for readers.
    pub supersedes: Option<String>,
    /// For an overlay: the pack that it changes.
    #[schemars(with = "Option<String>")]
    pub overlay_of: Option<Spanned<String>>,
    /// Whether the disease uses health codes; with `false` no colour may stand anywhere.
    pub colours: bool,
    /// How long a phase goes on when its exit test is missing; left out: 24.
    pub grace_hours: Option<Counted<GraceHours>>,
    /// How far an officer may extend a phase; left out: 7.
    pub max_extension_days: Option<Counted<ExtensionDays>>,
    /// A positive or grey result holds a person at most so long; left out: nobody is held.
    #[schemars(with = "Option<Counted<HoldHours>>")]
    pub hold_hours: Option<Spanned<Counted<HoldHours>>>,
    /// Visits or calls to a contact, for those who plan them.
    pub checks_per_day: Option<Counted<ChecksPerDay>>,
    /// A case is reported within so many hours, for those who watch the clock.
    pub report_limit_hours: Option<Counted<ReportHours>>,
    /// Samples in one pool at most, for laboratories.
    pub pool_size_max: Option<Counted<PoolSize>>,
    /// Where numbers come from, by the name that numbers write as `source`.
    #[serde(default)]
    pub sources: BTreeMap<String, RawSource>,
    /// When a case infects others; left out: nobody is a contact.
    #[schemars(with = "Option<RawWindow>")]
    pub window: Option<Spanned<RawWindow>>,
    /// What a close contact serves.
    #[schemars(with = "Option<RawPhases>")]
    pub close_contact: Option<Spanned<RawPhases>>,
    /// What a contact of a close contact serves; left out: there are none.
    #[schemars(with = "Option<RawSecondary>")]
    pub secondary_contact: Option<Spanned<RawSecondary>>,
    /// What a case serves.
    #[schemars(with = "Option<RawCase>")]
    pub case: Option<Spanned<RawCase>>,
    /// What an arrival from abroad serves.
    #[schemars(with = "Option<RawPhases>")]
    pub inbound_traveller: Option<Spanned<RawPhases>>,
    /// What a stay in a declared area means.
    #[schemars(with = "Option<RawArea>")]
    pub area: Option<Spanned<RawArea>>,
    /// What an arrival from outside a province means.
    #[schemars(with = "Option<RawArrival>")]
    pub arrival: Option<Spanned<RawArrival>>,
    /// Who is immune: classed as a contact, and serves nothing.
    #[schemars(with = "Option<RawImmunity>")]
    pub immunity: Option<Spanned<RawImmunity>>,
    /// What may be done for a susceptible contact in time.
    #[serde(default)]
    #[schemars(with = "Vec<RawOffer>")]
    pub offers: Vec<Spanned<RawOffer>>,
    /// Who is cared for at home instead of a site; left out: see the fields.
    pub special: Option<RawSpecial>,
    /// Which seats make a close contact; left out: see the fields.
    pub transport: Option<RawTransport>,
    /// Reminders, questions and tasks; they restrict nobody.
    #[serde(default)]
    #[schemars(with = "Vec<RawNotice>")]
    pub notices: Vec<Spanned<RawNotice>>,
    /// How often groups of people are tested, for those who plan it.
    #[serde(default)]
    pub frequencies: Vec<RawFrequency>,
    /// From when on cases are an outbreak, for surveillance.
    #[serde(default)]
    pub outbreak: Vec<RawOutbreak>,
    /// When an outbreak is over, for surveillance.
    pub outbreak_end: Option<RawOutbreakEnd>,
    /// What a person reads about each rule of the pack.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Text>")]
    pub texts: BTreeMap<Spanned<String>, Spanned<Text>>,
}

/// One phase of a measure. Phases stand in order, strict to mild.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPhase {
    /// What is asked.
    #[schemars(schema_with = "schema::measure_kind")]
    pub kind: MeasureKind,
    /// Length; phases add up from day 0. It has to be given.
    #[schemars(with = "Counted<PhaseDays>", required)]
    pub days: Option<Counted<PhaseDays>>,
    /// First day served, counted from day 0; only checked, so that a reader sees it.
    #[schemars(with = "Option<i32>")]
    pub from_day: Option<Spanned<i32>>,
    /// Test days, ascending, within the phase; the last one is the exit test. Left out: no tests.
    #[schemars(schema_with = "test_days")]
    #[serde(default)]
    pub tests: Option<Sourced<Vec<Spanned<i32>>>>,
    /// Colour while it is active; left out: none. A later phase has no worse one.
    #[schemars(schema_with = "schema::colour")]
    #[serde(default)]
    pub colour: Option<Colour>,
    /// How its tests are sampled; left out: `throat_swab`.
    #[schemars(schema_with = "schema::swab")]
    #[serde(default)]
    pub swab: Option<Swab>,
    /// Samples of the exit test, each from another laboratory; left out: 1.
    pub exit_samples: Option<Counted<ExitSamples>>,
    /// First phase only: not before this day after the first exposure.
    pub starts_day_after_first: Option<Counted<StartsDay>>,
}

/// Phases that follow one another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPhases {
    /// At least one.
    #[serde(default)]
    #[schemars(with = "Vec<RawPhase>", required, length(min = 1))]
    pub phases: Vec<Spanned<RawPhase>>,
}

/// What a contact of a close contact serves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSecondary {
    /// At least one.
    #[serde(default)]
    #[schemars(with = "Vec<RawPhase>", required, length(min = 1))]
    pub phases: Vec<Spanned<RawPhase>>,
    /// Whether release also needs the first two tests of the close contact negative.
    pub follows_source: bool,
}

/// When a case infects others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWindow {
    /// It opens at 00:00 of the day so many days before the anchor.
    pub before_days: Counted<BeforeDays>,
    /// The day from which it is counted; where it is not known, the day of diagnosis.
    #[schemars(with = "WindowAnchor")]
    pub anchor: Spanned<String>,
    /// What closes it.
    pub until: WindowEnd,
    /// With `days_after`: the last infectious day, counted from the anchor.
    pub after_days: Option<Counted<AfterDays>>,
    /// One who enters so many hours after the case left is no contact.
    pub airspace_hours: Option<Counted<AirspaceHours>>,
}

/// What ends the isolation of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawCaseEnd {
    /// Discharge by the hospital; needs `review_days` and `ceiling_days`.
    Discharge,
    /// The end of a day counted from the anchor of the window; needs `days`.
    DaysAfterAnchor,
}

/// What a case serves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCase {
    /// What ends isolation.
    #[schemars(with = "RawCaseEnd")]
    pub end: Spanned<RawCaseEnd>,
    /// With `days_after_anchor`: isolated to the end of this day after the anchor.
    pub days: Option<Counted<CaseDays>>,
    /// With `discharge`: a review is due so many days after start or renewal, not after the ceiling.
    pub review_days: Option<Counted<ReviewDays>>,
    /// With `discharge`: an isolation that nobody renewed lapses so many days after start or renewal.
    pub ceiling_days: Option<Counted<CeilingDays>>,
    /// Colour while isolated; left out: none.
    #[schemars(schema_with = "schema::colour")]
    #[serde(default)]
    pub colour: Option<Colour>,
    /// Diagnoses so many days after the first belong to the same infection.
    pub relapse_days: Counted<RelapseDays>,
    /// Phases that follow, counted from the last day of isolation as day 0.
    #[serde(default)]
    #[schemars(with = "Vec<RawPhase>")]
    pub after: Vec<Spanned<RawPhase>>,
}

/// Phases for who was inside an area and left, by its level; without a list, that level opens nothing.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInside {
    /// High, and sealed.
    #[schemars(with = "Option<Vec<RawPhase>>")]
    pub high: Option<Vec<Spanned<RawPhase>>>,
    /// Medium, and controlled.
    #[schemars(with = "Option<Vec<RawPhase>>")]
    pub medium: Option<Vec<Spanned<RawPhase>>>,
}

/// Two nucleic tests, 24 to 72 hours apart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTwoTests {
    /// It lapses after so many days. It has to be given.
    #[schemars(with = "Counted<TwoTestsDays>", required)]
    pub days: Option<Counted<TwoTestsDays>>,
    /// Colour while it is active; left out: none.
    #[schemars(schema_with = "schema::colour")]
    #[serde(default)]
    pub colour: Option<Colour>,
}

/// What a stay in a declared area means.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArea {
    /// A stay that ended so many days before the first declaration still counts.
    pub lookback_days: Counted<LookbackDays>,
    /// How far `inside` reaches.
    pub unit: AreaUnit,
    /// Who was inside and left, counted from the day of leaving.
    #[serde(default)]
    pub inside: RawInside,
    /// Who was in the rest of the city and left.
    #[schemars(with = "Option<Vec<RawPhase>>")]
    pub same_city: Option<Vec<Spanned<RawPhase>>>,
    /// Who was in the rest of the county and left.
    #[schemars(with = "Option<RawTwoTests>")]
    pub same_county: Option<Spanned<RawTwoTests>>,
    /// What somebody still there is asked, by level; a level that is left out: nothing, but sealed counts as high and
    /// controlled as medium.
    #[serde(default)]
    #[schemars(schema_with = "schema::resident")]
    pub resident: BTreeMap<AreaLevel, MeasureKind>,
}

/// Two tests for who arrives in a province from elsewhere in the country.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArrival {
    /// Code of the province, city or county, such as `41`: arrivals into it from outside it.
    #[schemars(schema_with = "schema::division")]
    pub province: Spanned<String>,
    /// The two tests lapse after so many days, the day of arrival being day 0. It has to be given.
    #[schemars(with = "Counted<TwoTestsDays>", required)]
    pub days: Option<Counted<TwoTestsDays>>,
    /// Colour while it is active; left out: none.
    #[schemars(schema_with = "schema::colour")]
    #[serde(default)]
    pub colour: Option<Colour>,
    /// Who leaves again sooner takes one test.
    pub short_stay_hours: Counted<ShortStayHours>,
}

/// Who is immune; any of these is enough.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawImmunity {
    /// Doses against the disease on different days before the first exposure.
    pub doses: Option<Counted<Doses>>,
    /// Born before this day.
    #[schemars(schema_with = "sourced_day")]
    #[serde(default)]
    pub born_before: Option<Sourced<CivilDay>>,
    /// A positive IgG test; left out: no.
    #[serde(default)]
    pub igg: bool,
}

/// A product that helps in time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOffer {
    /// The product, as doses name it.
    pub kind: String,
    /// It is offered until so many hours after the first exposure.
    pub hours: Counted<OfferHours>,
    /// Given in time, it turns all phases into one of this kind, same dates, no tests; left out: it changes nothing.
    #[schemars(schema_with = "schema::measure_kind")]
    #[serde(default)]
    pub effect: Option<MeasureKind>,
    /// Not offered to people with these traits.
    #[serde(default)]
    #[schemars(schema_with = "schema::traits")]
    pub not_for: Vec<Trait>,
}

/// For whom central isolation becomes home isolation, same days and tests.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSpecial {
    /// Left out: pregnant, dialysis, chemotherapy, mental_illness, cannot_self_care.
    #[schemars(schema_with = "schema::traits")]
    #[serde(default)]
    pub home_traits: Option<Vec<Trait>>,
    /// Children up to this age without a parent who is a close contact; left out: 14.
    pub child_years_max: Option<Counted<ChildYears>>,
}

/// Which seats make a close contact.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTransport {
    /// Aircraft: rows in front and behind; left out: 3.
    pub aircraft_rows: Option<Counted<Rows>>,
    /// Ventilated coach: rows in front and behind; left out: 3.
    pub coach_rows: Option<Counted<Rows>>,
    /// Ordinary train: bays on either side; left out: 1.
    pub train_bays: Option<Counted<Bays>>,
}

/// Something that restricts nobody.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotice {
    /// What causes it.
    pub on: NoticeTrigger,
    /// What it does. A measure in its place is refused.
    #[schemars(with = "Effect")]
    pub does: Spanned<String>,
    /// Its words.
    #[schemars(required)]
    #[serde(default)]
    pub text: Text,
}

/// How often a group is tested.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFrequency {
    /// Whom: words for people, such as "cold-chain workers".
    pub group: Text,
    /// One test in so many days.
    pub every_days: Counted<FrequencyDays>,
}

/// From when on cases are an outbreak.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOutbreak {
    /// Where: words for people, such as "a village or school".
    pub place: Text,
    /// So many cases …
    pub cases: Counted<Cases>,
    /// … within so many days.
    pub within_days: Counted<OutbreakDays>,
}

/// When an outbreak is over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOutbreakEnd {
    /// So many days without a case, counted from the day after the last.
    pub days: Counted<OutbreakDays>,
    /// Then so many days of heightened watch; left out: none.
    pub watch_days: Option<Counted<OutbreakDays>>,
}
