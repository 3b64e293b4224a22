//! The JSON Schema of packs says what the reader reads, and the page on packs names every field of it.

use serde_json::Value;
use sizao_policy::{Pack, pack};
use support::policies;

use crate::files as support;

fn page(name: &str) -> String {
    std::fs::read_to_string(policies().join("../docs/methods").join(name)).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(&pack::schema()).unwrap()
}

#[test]
fn the_committed_schema_is_that_of_the_program() {
    assert!(
        page("pack.schema.json") == pack::schema(),
        "write it again: sizao policy schema > docs/methods/pack.schema.json"
    );
}

/// Every table of the format with the fields that the schema gives it.
fn tables(schema: &Value) -> Vec<(String, Vec<String>)> {
    let fields = |table: &Value| table["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut tables = vec![("the pack".to_owned(), fields(schema))];
    let defined = schema["$defs"].as_object().unwrap().iter().filter(|(_, table)| table["properties"].is_object());
    tables.extend(defined.map(|(name, table)| (name.clone(), fields(table))));
    tables
}

#[test]
fn the_page_on_packs_names_every_field_and_every_value() {
    let (page, schema) = (page("policy.md"), schema());
    let tables = tables(&schema);
    assert!(tables.len() > 15, "the schema has its tables");
    for (table, fields) in &tables {
        for field in fields.iter().filter(|field| !["zh", "en"].contains(&field.as_str())) {
            let ways = [format!("`{field}`"), format!("`[{field}]"), format!("`[[{field}]]"), format!(".{field}]")];
            assert!(ways.iter().any(|way| page.contains(way)), "{table}.{field} is not on the page");
        }
    }
    let mut values = Vec::new();
    collect(&schema, &mut values);
    assert!(values.iter().any(|value| value == "day_of_isolation"), "{values:?}");
    for value in values {
        assert!(
            page.contains(&format!("`{value}`")) || page.contains(&format!("\"{value}\"")),
            "{value} is not on the page"
        );
    }
}

/// All constants and members of enumerations.
fn collect(schema: &Value, into: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("const", Value::String(text)) => into.push(text.clone()),
                    ("enum", Value::Array(all)) => into.extend(all.iter().filter_map(Value::as_str).map(str::to_owned)),
                    _ => collect(value, into),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}

/// The reader's own list of the fields of a table, from what it says about a field that it does not know.
fn fields_read(before: &str, after: &str) -> Vec<String> {
    let text = std::fs::read_to_string(policies().join("cn-covid-v9/pack.toml")).unwrap();
    let text = if before.is_empty() {
        format!("zzz = 1\n{text}")
    } else {
        text.replacen(before, &format!("{before}\n{after}"), 1)
    };
    let told = Pack::from_toml("cn-covid-v9", &text).unwrap_err()[0].to_string();
    let mut fields: Vec<String> = told.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    fields.sort();
    fields
}

#[test]
fn the_schema_has_the_fields_that_the_reader_reads() {
    let schema = schema();
    let all = tables(&schema);
    let of = |name: &str| {
        let mut fields = all.iter().find(|(table, _)| table == name).unwrap_or_else(|| panic!("{name}")).1.clone();
        fields.sort();
        fields
    };
    assert_eq!(fields_read("", ""), of("the pack"));
    for (before, table) in [
        ("[window]", "RawWindow"),
        ("[[close_contact.phases]]", "RawPhase"),
        ("[secondary_contact]", "RawSecondary"),
        ("[case]", "RawCase"),
        ("[area]", "RawArea"),
        ("[area.same_county]", "RawTwoTests"),
        ("[sources.v9]", "RawSource"),
    ] {
        assert_eq!(fields_read(before, "zzz = 1"), of(table), "{before}");
    }
    for (added, table) in [
        ("[arrival]", "RawArrival"),
        ("[immunity]", "RawImmunity"),
        ("[[offers]]", "RawOffer"),
        ("[special]", "RawSpecial"),
        ("[transport]", "RawTransport"),
        ("[[notices]]", "RawNotice"),
        ("[[frequencies]]", "RawFrequency"),
        ("[[outbreak]]", "RawOutbreak"),
        ("[outbreak_end]", "RawOutbreakEnd"),
    ] {
        assert_eq!(fields_read("until = \"isolation\"", &format!("{added}\nzzz = 1")), of(table), "{added}");
    }
}

#[test]
fn the_schema_has_the_values_that_the_reader_reads() {
    let listed = |field: &str, table: &str| {
        let schema = schema();
        let mut names = Vec::new();
        collect(&schema["$defs"][table]["properties"][field], &mut names);
        names.sort();
        names
    };
    let told = |before: &str, line: &str| {
        let text = std::fs::read_to_string(policies().join("cn-covid-v9/pack.toml")).unwrap();
        let faults = Pack::from_toml("cn-covid-v9", &text.replacen(before, line, 1)).unwrap_err();
        let mut names: Vec<String> = faults[0].to_string().split('`').skip(3).step_by(2).map(str::to_owned).collect();
        names.sort();
        names
    };
    assert_eq!(told("kind = \"central_isolation\"", "kind = \"zzz\""), listed("kind", "RawPhase"));
    assert_eq!(told("swab = \"throat_swab\"", "swab = \"zzz\""), listed("swab", "RawPhase"));
    assert_eq!(told("colour = \"red\"", "colour = \"zzz\""), listed("colour", "RawPhase"));
    assert_eq!(told("high = \"stay_indoors\"", "zzz = \"stay_indoors\""), {
        let mut levels = ["high", "medium", "low", "sealed", "controlled"].map(str::to_owned);
        levels.sort();
        levels
    });
    assert_eq!(told("[window]", "[special]\nhome_traits = [\"zzz\"]\n[window]"), listed("home_traits", "RawSpecial"));
}
