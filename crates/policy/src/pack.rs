//! Policy packs: dated rules as data. A pack is read from text, checked as a whole and refused with place and cure
//! when it could restrict anybody without evidence, without end, or more because of a negative result.

mod check;
mod fault;
mod format;
mod quantity;
mod schema;
mod set;

use std::sync::Arc;

pub use fault::{PackError, PackFault, place_of};
pub use format::{AreaUnit, Effect, Mark, NoticeTrigger, Text, WindowAnchor, WindowEnd};
pub use schema::schema;
pub use set::{CheckedPacks, PackText, check_together};
use sizao_model::{
    CivilDay, Colour, Instant, MeasureKind,
    fact::{AreaLevel, Trait},
    measure::Swab,
};

/// One policy pack, checked: nothing in it can open a measure without an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// Its id: the name of its folder, such as `cn-covid-v8`.
    pub id: Arc<str>,
    /// The disease, as facts write it; `covid`, `measles`, …
    pub disease: Arc<str>,
    /// What people call it.
    pub name: Text,
    /// First instant in force.
    pub valid_from: Instant,
    /// First instant no longer in force; none: until the next pack of the disease.
    pub valid_until: Option<Instant>,
    /// The pack that it replaces.
    pub supersedes: Option<Arc<str>>,
    /// For a local overlay: the pack whose rules it replaces one by one.
    pub overlay_of: Option<Arc<str>>,
    /// Whether this disease uses health codes.
    pub colours: bool,
    /// How long a phase goes on when its exit test is missing; hours.
    pub grace_hours: i64,
    /// How far an officer may extend a phase; days beyond its planned end.
    pub max_extension_days: i32,
    /// How long a positive single or pooled result holds a person; hours. None: no such rule.
    pub hold_hours: Option<i64>,
    /// When a case infects others.
    pub window: Option<Window>,
    /// What a close contact serves.
    pub close_contact: Option<Vec<Phase>>,
    /// What a contact of a close contact serves.
    pub secondary_contact: Option<SecondaryRule>,
    /// What a case serves.
    pub case: Option<CaseRule>,
    /// What an arrival from abroad serves.
    pub inbound_traveller: Option<Vec<Phase>>,
    /// What a stay in a declared area means.
    pub area: Option<AreaRule>,
    /// What an arrival from outside a province means.
    pub arrival: Option<ArrivalRule>,
    /// Who is immune.
    pub immunity: Option<Immunity>,
    /// What may be done for a contact in time.
    pub offers: Vec<OfferRule>,
    /// Who is cared for at home instead of a site.
    pub special: Special,
    /// Which seats make a close contact.
    pub transport: Transport,
    /// What is only a reminder or a question.
    pub notices: Vec<Notice>,
    /// What is for those who plan tests, reports and surveillance; no assessment reads it.
    pub planning: Planning,
    /// What a person reads about each rule.
    pub texts: Vec<(Arc<str>, Text)>,
    /// Every number of the pack with unit, source and mark, in the order of the file.
    pub numbers: Vec<NumberNote>,
}

/// A number of a pack, as an epidemiologist checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberNote {
    /// Where it stands: `close_contact.phases[0].days`.
    pub path: String,
    /// Its value as text.
    pub value: String,
    /// Its unit.
    pub unit: String,
    /// Title of its source.
    pub source: String,
    /// Whether a source says so; an unsourced number is shown as "default, not official".
    pub mark: Mark,
}

/// One phase of a measure: so many days, with tests on some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What is asked.
    pub kind: MeasureKind,
    /// Length; days served.
    pub days: i32,
    /// Test days; entry is day 1.
    pub tests: Vec<i32>,
    /// Colour while it is active.
    pub colour: Option<Colour>,
    /// How its tests are sampled.
    pub swab: Swab,
    /// Samples of the last test; 2 means two kits and two laboratories.
    pub exit_samples: u8,
    /// Starts on this day after the first exposure instead of at once.
    pub starts_day_after_first: Option<i32>,
}

/// When a case infects others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// It opens at 00:00 of the day so many days before the anchor.
    pub before_days: i32,
    /// Which day is the anchor.
    pub anchor: WindowAnchor,
    /// What closes it.
    pub until: WindowEnd,
    /// For [`WindowEnd::DaysAfter`]: the last infectious day, counted from the anchor.
    pub after_days: i32,
    /// One who enters a place so many hours after the case left is no contact.
    pub airspace_hours: Option<i64>,
}

/// What a contact of a close contact serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondaryRule {
    /// Its phases.
    pub phases: Vec<Phase>,
    /// Whether release also needs the first two tests of the close contact negative.
    pub follows_source: bool,
}

/// What a case serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseRule {
    /// What ends isolation.
    pub end: CaseEnd,
    /// Colour while isolated.
    pub colour: Option<Colour>,
    /// Diagnoses so many days after the first belong to the same infection.
    pub relapse_days: i32,
    /// What follows.
    pub after: Vec<Phase>,
}

/// What ends the isolation of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseEnd {
    /// Discharge by the hospital; reviewed, and lapsing at a ceiling.
    Discharge {
        /// A review is due so many days after start or renewal.
        review_days: i32,
        /// An unrenewed isolation lapses so many days after start or renewal.
        ceiling_days: i32,
    },
    /// The end of the day so many days after onset.
    DaysAfterAnchor {
        /// Days after the anchor.
        days: i32,
    },
}

/// What a stay in a declared area means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaRule {
    /// Stays that ended so many days before the first declaration still count.
    pub lookback_days: i32,
    /// How far `inside` reaches.
    pub unit: AreaUnit,
    /// Phases for who was inside a high-risk area.
    pub inside_high: Option<Vec<Phase>>,
    /// Phases for who was inside a medium-risk area.
    pub inside_medium: Option<Vec<Phase>>,
    /// Phases for the rest of the city.
    pub same_city: Option<Vec<Phase>>,
    /// Two tests in so many days for the rest of the county.
    pub same_county: Option<TwoTests>,
    /// What a resident is asked, by level.
    pub resident: Vec<(AreaLevel, MeasureKind)>,
}

/// Two nucleic tests, 24 to 72 hours apart, within so many days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwoTests {
    /// It lapses after so many days.
    pub days: i32,
    /// Colour while it is active.
    pub colour: Option<Colour>,
}

/// What an arrival from outside a province means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivalRule {
    /// Into which province; the prefix of division codes.
    pub province: Arc<str>,
    /// The two tests.
    pub tests: TwoTests,
    /// Who leaves again within so many hours takes one test.
    pub short_stay_hours: i64,
}

/// Who is immune.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Immunity {
    /// Doses on different days before the first exposure.
    pub doses: Option<usize>,
    /// Born before this day.
    pub born_before: Option<CivilDay>,
    /// A positive IgG test.
    pub igg: bool,
}

/// What may be done for a contact in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferRule {
    /// Which product.
    pub kind: Arc<str>,
    /// Within so many hours of the first exposure.
    pub hours: i64,
    /// In time, it turns all phases into one of this kind.
    pub effect: Option<MeasureKind>,
    /// Not for people with these traits.
    pub not_for: Vec<Trait>,
}

/// Who is cared for at home instead of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Special {
    /// Traits that make it so.
    pub home_traits: Vec<Trait>,
    /// Children up to this age, unless a parent is a close contact; years.
    pub child_years_max: i32,
}

/// Which seats make a close contact (v8 annex).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// Aircraft: rows in front and behind.
    pub aircraft_rows: i64,
    /// Ventilated coach: rows in front and behind.
    pub coach_rows: i64,
    /// Ordinary train: bays on either side.
    pub train_bays: i64,
}

/// Something that restricts nobody: a reminder to the person or a question by an investigator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What causes it.
    pub on: NoticeTrigger,
    /// What it does.
    pub does: Effect,
    /// Its words.
    pub text: Text,
}

/// Numbers for those who plan visits, tests, reports and surveillance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planning {
    /// Visits or calls to a contact each day.
    pub checks_per_day: Option<i64>,
    /// A case is reported within so many hours.
    pub report_limit_hours: Option<i64>,
    /// Samples in one pool at most.
    pub pool_size_max: Option<i64>,
    /// How often groups are tested.
    pub frequencies: Vec<Frequency>,
    /// From when on cases are an outbreak.
    pub outbreaks: Vec<Outbreak>,
    /// When an outbreak is over.
    pub outbreak_end: Option<OutbreakEnd>,
}

/// How often a group is tested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frequency {
    /// Whom.
    pub group: Text,
    /// One test in so many days.
    pub every_days: i64,
}

/// From when on cases are an outbreak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbreak {
    /// Where.
    pub place: Text,
    /// So many cases.
    pub cases: i64,
    /// Within so many days.
    pub within_days: i64,
}

/// When an outbreak is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutbreakEnd {
    /// Days without a case, counted from the day after the last.
    pub days: i64,
    /// Days of heightened watch after that.
    pub watch_days: i64,
}

impl Pack {
    /// Reads and checks a pack.
    ///
    /// - `id`: the name of the pack's folder; the file must carry the same.
    /// - `text`: the content of `pack.toml`.
    ///
    /// # Errors
    /// Every fault found, with line, column, rule and cure.
    pub fn from_toml(id: &str, text: &str) -> Result<Self, Vec<PackError>> {
        let file = format!("{id}/pack.toml");
        check::read(&PackText { folder: Some(id.to_owned()), file, text: text.to_owned() })
    }

    /// The same, with the file that errors name.
    ///
    /// # Errors
    /// Every fault found, with file, line, column, rule and cure.
    pub fn read(text: &PackText) -> Result<Self, Vec<PackError>> {
        check::read(text)
    }

    /// The id that a text names, valid or not.
    pub fn id_named_in(text: &str) -> Option<String> {
        named_in(text, "id")
    }

    /// The base that a text names, valid or not.
    pub fn overlay_named_in(text: &str) -> Option<String> {
        named_in(text, "overlay_of")
    }

    /// The words of a rule, if the pack has such a rule.
    pub fn text(&self, rule: &str) -> Option<&Text> {
        self.texts.iter().find(|(name, _)| &**name == rule).map(|(_, text)| text)
    }

    /// How many of its numbers have no source, and how many there are.
    pub fn unsourced(&self) -> (usize, usize) {
        (self.numbers.iter().filter(|number| number.mark == Mark::Unsourced).count(), self.numbers.len())
    }
}

fn named_in(text: &str, field: &str) -> Option<String> {
    text.parse::<toml::Table>().ok()?.get(field)?.as_str().map(str::to_owned)
}

impl Default for Special {
    /// Pregnancy, dialysis, chemotherapy, need of a carer (v8, verified), mental illness (no source found); children
    /// to 14 years (v8).
    fn default() -> Self {
        Self {
            home_traits: vec![
                Trait::Pregnant,
                Trait::Dialysis,
                Trait::Chemotherapy,
                Trait::MentalIllness,
                Trait::CannotSelfCare,
            ],
            child_years_max: 14,
        }
    }
}

impl Default for Transport {
    /// Three rows, three rows, one bay (annex of the eighth protocol).
    fn default() -> Self {
        Self { aircraft_rows: 3, coach_rows: 3, train_bays: 1 }
    }
}
