//! FHIR R4 (4.0.1) in JSON: resources kept whole, and laboratory reports read from and written to them.
//!
//! A [`Resource`] keeps every element, extension and digit, known or not. [`Resource::problems`] says what is wrong
//! with its structure; [`read_lab`] and [`write_lab`] go to and from what a laboratory says.
//! `docs/methods/interop-fhir.md` has the sources.

mod import;
mod json;
mod read;
mod structure;
mod write;

use std::fmt;

pub use import::BundleImport;
pub(crate) use import::cut;
pub use json::{Json, JsonError};
pub use read::read_lab;
pub use write::write_lab;

/// One resource, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    json: Json,
}

/// One thing that is wrong with a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FhirProblem {
    /// Where, such as `Observation.status`.
    pub path: String,
    /// The rule, as a sentence without its stop.
    pub rule: &'static str,
}

impl fmt::Display for FhirProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.rule)
    }
}

impl Resource {
    /// Reads a resource.
    ///
    /// # Errors
    /// [`JsonError`] when it is not JSON, or JSON that has a key twice or nests too deep.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        Ok(Self { json: Json::parse(text.strip_prefix('\u{feff}').unwrap_or(text))? })
    }

    /// A resource made here.
    pub const fn new(json: Json) -> Self {
        Self { json }
    }

    /// Everything in it.
    pub const fn json(&self) -> &Json {
        &self.json
    }

    /// Its type, such as Observation.
    pub fn kind(&self) -> Option<&str> {
        self.json.get("resourceType").and_then(Json::as_str)
    }

    /// Its logical id.
    pub fn id(&self) -> Option<&str> {
        self.json.get("id").and_then(Json::as_str)
    }

    /// What is wrong with its structure; empty when nothing is.
    pub fn problems(&self) -> Vec<FhirProblem> {
        structure::check(&self.json)
    }

    /// The resource as JSON on one line, every digit as it came.
    pub fn write(&self) -> String {
        self.json.to_string()
    }
}
