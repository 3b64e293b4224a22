//! What each number of a pack counts: its unit, and the least and the most that it may be. Reading, schema and
//! documentation take them from here.

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use toml::Spanned;

/// What a number counts.
pub(super) trait Quantity {
    /// Its unit, as it stands in the file.
    const UNIT: &'static str;
    /// The least that it may be.
    const LEAST: i64;
    /// The most that it may be.
    const MOST: i64;
}

/// A number with unit and source.
#[derive(Debug, Deserialize)]
#[serde(
    bound = "",
    deny_unknown_fields,
    expecting = "a value with unit and source, such as { value = 14, unit = \"days\", source = \"guide\" }"
)]
pub(super) struct Counted<Q> {
    pub value: Spanned<i64>,
    pub unit: Spanned<String>,
    pub source: Spanned<String>,
    #[serde(skip)]
    quantity: PhantomData<Q>,
}

impl<Q: Quantity> JsonSchema for Counted<Q> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Counted".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = json_schema!({ "type": "integer", "minimum": Q::LEAST, "maximum": Q::MOST });
        sourced(&value, Q::UNIT)
    }
}

/// Test days with unit and source.
pub(super) fn test_days(_: &mut SchemaGenerator) -> Schema {
    let day = json_schema!({ "type": "integer", "minimum": 1, "maximum": PhaseDays::MOST });
    sourced(&json_schema!({ "type": "array", "items": day, "uniqueItems": true }), TEST_DAYS)
}

/// A day with unit and source.
pub(super) fn sourced_day(_: &mut SchemaGenerator) -> Schema {
    sourced(&json_schema!({ "type": "string", "format": "date" }), DAY)
}

/// Unit of test days.
pub(super) const TEST_DAYS: &str = "day_of_isolation";
/// Unit of a date.
pub(super) const DAY: &str = "day";

fn sourced(value: &Schema, unit: &str) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "value": value,
            "unit": { "const": unit },
            "source": { "type": "string", "description": "Name of an entry of [sources]." },
        },
        "required": ["value", "unit", "source"],
        "additionalProperties": false,
    })
}

macro_rules! quantities {
    ($($(#[$doc:meta])* $name:ident: $unit:literal, $least:literal to $most:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) enum $name {}

        impl Quantity for $name {
            const UNIT: &'static str = $unit;
            const LEAST: i64 = $least;
            const MOST: i64 = $most;
        }
    )*};
}

quantities! {
    GraceHours: "hours", 0 to 168;
    ExtensionDays: "days", 0 to 30;
    HoldHours: "hours", 1 to 48;
    ChecksPerDay: "checks", 0 to 24;
    ReportHours: "hours", 1 to 168;
    PoolSize: "samples", 1 to 100;
    FrequencyDays: "days", 1 to 90;
    BeforeDays: "days", 0 to 30;
    AfterDays: "days", 0 to 60;
    AirspaceHours: "hours", 0 to 24;
    PhaseDays: "days", 1 to 365;
    ExitSamples: "samples", 1 to 4;
    StartsDay: "days", 0 to 60;
    CaseDays: "days", 0 to 90;
    ReviewDays: "days", 1 to 14;
    CeilingDays: "days", 1 to 120;
    RelapseDays: "days", 1 to 365;
    LookbackDays: "days", 0 to 60;
    TwoTestsDays: "days", 1 to 30;
    ShortStayHours: "hours", 0 to 168;
    Doses: "doses", 1 to 10;
    OfferHours: "hours", 1 to 2160;
    ChildYears: "years", 0 to 18;
    Rows: "rows", 0 to 20;
    Bays: "bays", 0 to 20;
    Cases: "cases", 1 to 1000;
    OutbreakDays: "days", 1 to 365;
}
