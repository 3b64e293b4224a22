//! The JSON Schema of packs, for editors and for people who write one. What a schema cannot say (order of phases, what
//! a rule needs) is checked when the pack is read.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use sizao_model::{
    Colour, MeasureKind,
    fact::{AreaLevel, Trait},
    measure::Swab,
};

use super::format::RawPack;

/// The JSON Schema (draft 2020-12) of `pack.toml`, as text.
pub fn schema() -> String {
    let schema = schemars::schema_for!(RawPack);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}

/// Kinds of measures that a pack may ask for.
pub(super) const KINDS: [MeasureKind; 12] = [
    MeasureKind::CaseIsolation,
    MeasureKind::CentralIsolation,
    MeasureKind::HomeIsolation,
    MeasureKind::StayIndoors,
    MeasureKind::Exclusion,
    MeasureKind::HomeMonitoring,
    MeasureKind::StayInArea,
    MeasureKind::TwoTestsThreeDays,
    MeasureKind::LandingTest,
    MeasureKind::Hold,
    MeasureKind::SelfMonitoring,
    MeasureKind::FollowUp,
];
pub(super) const COLOURS: [Colour; 3] = [Colour::Green, Colour::Yellow, Colour::Red];
pub(super) const SWABS: [Swab; 2] = [Swab::NasopharyngealSwab, Swab::ThroatSwab];
pub(super) const LEVELS: [AreaLevel; 5] =
    [AreaLevel::High, AreaLevel::Medium, AreaLevel::Low, AreaLevel::Sealed, AreaLevel::Controlled];
pub(super) const TRAITS: [Trait; 7] = [
    Trait::Pregnant,
    Trait::Dialysis,
    Trait::Chemotherapy,
    Trait::MentalIllness,
    Trait::CannotSelfCare,
    Trait::Immunocompromised,
    Trait::LivesAlone,
];

pub(super) fn measure_kind(_: &mut SchemaGenerator) -> Schema {
    one_of(&KINDS)
}

pub(super) fn colour(_: &mut SchemaGenerator) -> Schema {
    one_of(&COLOURS)
}

pub(super) fn swab(_: &mut SchemaGenerator) -> Schema {
    one_of(&SWABS)
}

pub(super) fn traits(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": one_of(&TRAITS) })
}

pub(super) fn resident(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "propertyNames": one_of(&LEVELS), "additionalProperties": one_of(&KINDS) })
}

pub(super) fn moment(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "anyOf": [{ "format": "date" }, { "format": "date-time" }] })
}

pub(super) fn division(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9]{2,12}$" })
}

fn one_of<T: Serialize>(names: &[T]) -> Schema {
    json_schema!({ "type": "string", "enum": names })
}
