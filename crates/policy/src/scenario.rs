//! Scenarios beside a pack: facts, a moment and the expected assessment, written so that an epidemiologist can read,
//! change and add them. `docs/methods/policy.md` shows the format.

use serde::Deserialize;
use serde_json::Value;
use sizao_model::{Assessment, Colour, Edge, Fact, Instant, Measure, PersonId, Zone};
use thiserror::Error;

use crate::{FactIndex, PackTimeline, assess};

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it shows.
    pub title: String,
    /// The packs in force one after another; the pack in whose folder it lies if none are named.
    pub packs: Vec<String>,
    /// Whom it asks about.
    pub person: PersonId,
    /// The facts.
    pub facts: Vec<Fact>,
    /// What the file calls each of them.
    labels: Vec<String>,
    /// What is known.
    pub known_at: Instant,
    /// The moment asked about.
    pub at: Instant,
    expect: Expected,
}

/// Why a file is not a scenario.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// Not TOML, or a field missing, unknown or wrong.
    #[error("{0}")]
    Format(#[from] toml::de::Error),
    /// A fact is wrong.
    #[error("fact '{id}': {message}")]
    Fact {
        /// The fact's id.
        id: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] with the line, or the fact that is wrong.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text)?;
        let labels = file.facts.iter().map(|fact| fact.id.clone()).collect();
        let facts = file.facts.into_iter().map(RawFact::read).collect::<Result<Vec<Fact>, ScenarioError>>()?;
        Ok(Self {
            title: file.title,
            packs: file.packs,
            person: PersonId::from_label(&file.person),
            facts,
            labels,
            known_at: file.known_at.unwrap_or(file.at),
            at: file.at,
            expect: file.expect,
        })
    }

    /// Runs it; returns what differs from what is expected, in words. Nothing: it passes.
    pub fn run(&self, packs: &PackTimeline) -> Vec<String> {
        let index = FactIndex::new(&self.facts);
        let got = assess(&index.dossier(self.person), packs, self.known_at, self.at);
        let mut differences = self.expect.differences(&got);
        let late = self.facts.iter().zip(&self.labels).filter(|(fact, _)| fact.recorded_at > self.known_at);
        let late: Vec<&str> = late.map(|(_, label)| label.as_str()).collect();
        if !differences.is_empty() && !late.is_empty() {
            differences.push(format!("not known yet at {}, so left out: {}", self.known_at, late.join(", ")));
        }
        differences
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    packs: Vec<String>,
    person: String,
    at: Instant,
    known_at: Option<Instant>,
    #[serde(default)]
    facts: Vec<RawFact>,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFact {
    id: String,
    kind: String,
    person: Option<String>,
    /// An instant, a day, or a table as in a fact.
    happened: Value,
    /// Left out: when it happened.
    recorded_at: Option<Instant>,
    #[serde(default)]
    body: serde_json::Map<String, Value>,
}

impl RawFact {
    fn read(self) -> Result<Fact, ScenarioError> {
        let refuse = |message: String| ScenarioError::Fact { id: self.id.clone(), message };
        let happened = match &self.happened {
            Value::String(text) if text.len() == 10 => serde_json::json!({"day": text}),
            Value::String(text) => serde_json::json!({"at": text}),
            other => other.clone(),
        };
        let recorded_at = match self.recorded_at {
            Some(recorded_at) => recorded_at,
            None => serde_json::from_value::<sizao_model::Happened>(happened.clone())
                .map(|happened| happened.starts_at())
                .map_err(|error| refuse(error.to_string()))?,
        };
        let mut line = serde_json::json!({
            "id": self.id, "kind": self.kind, "happened": happened, "recorded_at": recorded_at, "body": self.body,
        });
        if let Some(person) = &self.person {
            line["person"] = Value::from(person.as_str());
        }
        Fact::from_json(&line.to_string()).map_err(|error| refuse(error.to_string()))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Left out: no colours.
    colour: Option<Colour>,
    #[serde(default)]
    measures: Vec<ExpectedMeasure>,
    next_change_at: Option<Edge>,
    #[serde(default)]
    offers: Vec<ExpectedOffer>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedOffer {
    kind: String,
    until: Edge,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedMeasure {
    kind: String,
    rule: String,
    starts_at: Edge,
    ends_at: Edge,
    /// `1 on 2022-03-02`, with `, 2 samples` where there are two.
    #[serde(default)]
    tests: Vec<String>,
    review_at: Option<Edge>,
}

impl Expected {
    fn differences(&self, got: &Assessment) -> Vec<String> {
        let mut differences = Vec::new();
        if self.colour != got.colour {
            differences.push(format!("colour: expected {}, got {}", in_words(self.colour), in_words(got.colour)));
        }
        if let Some(next) = self.next_change_at.map(first)
            && Some(next) != got.next_change_at
        {
            let got = got.next_change_at.map_or_else(|| "none".to_owned(), |at| at.to_string());
            differences.push(format!("next change: expected {next}, got {got}"));
        }
        let offer = |kind: &str, until: Instant| format!("offer of {kind} until {until}");
        let expected_offers = self.offers.iter().map(|expected| offer(&expected.kind, first(expected.until)));
        let mut expected: Vec<String> =
            self.measures.iter().map(ExpectedMeasure::line).chain(expected_offers).collect();
        let found_offers = got.offers.iter().map(|found| offer(&found.kind, found.until));
        let mut found: Vec<String> = got.measures.iter().map(line).chain(found_offers).collect();
        expected.sort();
        found.sort();
        let missing = expected.iter().filter(|line| !found.contains(line)).map(|line| format!("expected: {line}"));
        let surplus = found.iter().filter(|line| !expected.contains(line)).map(|line| format!("got:      {line}"));
        differences.extend(missing.chain(surplus));
        if differences.is_empty() && expected.len() != found.len() {
            differences.push(format!("expected {} measures and offers, got {}", expected.len(), found.len()));
        }
        differences
    }
}

const fn in_words(colour: Option<Colour>) -> &'static str {
    match colour {
        Some(Colour::Red) => "red",
        Some(Colour::Yellow) => "yellow",
        Some(Colour::Green) => "green",
        None => "none",
    }
}

impl ExpectedMeasure {
    fn line(&self) -> String {
        let review_at = self.review_at.map(first);
        shown(&self.kind, &self.rule, first(self.starts_at), first(self.ends_at), review_at, &self.tests)
    }
}

fn line(measure: &Measure) -> String {
    let tests: Vec<String> = measure
        .tests()
        .iter()
        .map(|test| match test.samples {
            1 => format!("{} on {}", test.day, test.date),
            samples => format!("{} on {}, {samples} samples", test.day, test.date),
        })
        .collect();
    shown(measure.kind().name(), measure.rule(), measure.starts_at(), measure.ends_at(), measure.review_at(), &tests)
}

fn shown(
    kind: &str,
    rule: &str,
    starts_at: Instant,
    ends_at: Instant,
    review_at: Option<Instant>,
    tests: &[String],
) -> String {
    let review = review_at.map_or(String::new(), |at| format!(", review {at}"));
    format!("{kind} by {rule}, {starts_at} to {ends_at}{review}, tests [{}]", tests.join("; "))
}

/// A day means its 00:00.
fn first(edge: Edge) -> Instant {
    edge.first(&Zone::SHANGHAI)
}
