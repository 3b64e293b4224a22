//! FHIR resources: valid as the index says, and the same after reading and writing.

use super::{Folder, Tally, index::Index};
use crate::fhir::{Json, Resource};

pub(super) fn check(folder: &dyn Folder, index: &Index, tally: &mut Tally) {
    for row in index.rows() {
        let file = row.get("file");
        tally.begin(file);
        match read(folder, file) {
            Err(found) => tally.expect_outcome("read", !row.get("expected").contains("invalid"), Err(found)),
            Ok((text, resource)) => {
                let problems = resource.problems();
                let outcome = problems.first().map_or(Ok(()), |problem| Err(problem.to_string()));
                tally.expect_outcome("structure", !row.get("expected").contains("invalid"), outcome);
                tally.expect("type", same(row.get("resourceType"), resource.kind()));
                tally.expect("id", same(row.get("id"), resource.id()));
                tally.expect("read and written", is_lossless(&text, &resource));
            }
        }
        tally.end();
    }
}

/// A resource with its text.
pub(super) fn read(folder: &dyn Folder, path: &str) -> Result<(String, Resource), String> {
    let bytes = folder.read(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8"))?;
    let resource = Resource::parse(&text).map_err(|error| error.to_string())?;
    Ok((text, resource))
}

/// Whether what was written is the JSON that was read: judged by another reader too, which knows nothing of ours.
pub(super) fn is_lossless(text: &str, resource: &Resource) -> Result<(), String> {
    let written = resource.write();
    let again = Json::parse(&written).map_err(|error| error.to_string())?;
    if again != *resource.json() {
        return Err("not equal after writing".to_owned());
    }
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text.trim_start_matches('\u{feff}'));
    match (value(text), value(&written)) {
        (Ok(before), Ok(after)) if before == after => {}
        _ => return Err("another reader finds a difference after writing".to_owned()),
    }
    // Every number as it was written, in order: readers of floating point numbers do not see 1.50 become 1.5.
    if numbers(text) == numbers(&written) { Ok(()) } else { Err("a number has other digits after writing".to_owned()) }
}

/// The numbers of a JSON text outside of its strings.
fn numbers(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut in_text, mut escaped, mut from) = (false, false, None);
    for (at, byte) in text.bytes().enumerate() {
        let is_part = !in_text && (byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
        match (from, is_part) {
            (None, true) if byte.is_ascii_digit() || byte == b'-' => from = Some(at),
            (Some(start), false) => {
                found.push(&text[start..at]);
                from = None;
            }
            _ => {}
        }
        match (in_text, escaped, byte) {
            (true, true, _) => escaped = false,
            (true, false, b'\\') => escaped = true,
            (_, false, b'"') => in_text = !in_text,
            _ => {}
        }
    }
    found
}

fn same(expected: &str, found: Option<&str>) -> Result<(), String> {
    match found {
        _ if expected.is_empty() => Ok(()),
        Some(found) if found == expected => Ok(()),
        found => Err(format!("{found:?} instead of {expected}")),
    }
}
