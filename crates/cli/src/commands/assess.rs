//! `sizao assess`: facts of a file in, assessments out; no store, no clock.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::{Result, bail};
use sizao_interop::ndjson::{self, Labels, LineError};
use sizao_model::{Assessment, Colour, Fact, FactId, Instant};
use sizao_policy::{FactIndex, assess};

use crate::{args::Assess, output, packs::Packs};

pub fn run(order: &Assess, json: bool) -> Result<ExitCode> {
    let packs = Packs::load(&order.packs)?;
    let (facts, labels, mut complaints) = read(order)?;
    let (timeline, others) = packs.with_adoptions(&facts, order.known_at)?;
    complaints.extend(others);
    let index = FactIndex::new(&facts);
    let mut text = String::new();
    for person in index.persons() {
        let answer = assess(&index.dossier(person), &timeline, order.known_at, order.at);
        if json {
            text.push_str(&ndjson::answer_line(&answer, &labels));
        } else {
            text.push_str(&in_words(&answer, &labels, order.at));
        }
        text.push('\n');
    }
    print!("{text}");
    if !complaints.is_empty() {
        bail!("{}", complaints.join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The facts of a file. A malformed line never stops the assessment of others: it is reported when they are answered.
fn read(order: &Assess) -> Result<(Vec<Fact>, Labels, Vec<String>)> {
    let (mut facts, mut complaints) = (Vec::new(), Vec::new());
    let mut first_lines: BTreeMap<FactId, u64> = BTreeMap::new();
    let mut lines = ndjson::FactLines::new(output::reader(&order.facts)?);
    while let Some(step) = lines.next() {
        let line = lines.line();
        let step = step.and_then(|fact| match first_lines.insert(fact.id, line) {
            Some(first) => Err(LineError::SameId { line, first }),
            None => Ok(fact),
        });
        match step {
            Ok(fact) => facts.push(fact),
            Err(error) => complaints.push(format!("{}: {error}", order.facts.display())),
        }
    }
    Ok((facts, lines.into_labels(), complaints))
}

fn in_words(answer: &Assessment, labels: &Labels, at: Instant) -> String {
    let colour = match answer.colour {
        None => "no code",
        Some(Colour::Green) => "green",
        Some(Colour::Yellow) => "yellow",
        Some(Colour::Red) => "red",
    };
    let mut lines = vec![format!("{}  {colour}", labels.person(answer.person))];
    for measure in &answer.measures {
        let state = if measure.is_active(at) { "now" } else { "planned" };
        let because: Vec<_> = measure.because().iter().map(|fact| labels.fact(*fact)).collect();
        let (kind, rule) = (measure.kind().name(), measure.rule());
        let (from, to) = (measure.starts_at(), measure.ends_at());
        lines.push(format!("  {state:8} {kind}  {from} – {to}, ends by itself  [{rule}; {}]", because.join(", ")));
        for test in measure.tests() {
            let samples = if test.samples > 1 {
                format!(", {} samples in two laboratories", test.samples)
            } else {
                String::new()
            };
            lines.push(format!("           test on day {} ({}){samples}", test.day, test.date));
        }
    }
    if let Some(next) = answer.next_change_at {
        lines.push(format!("  next change {next}"));
    }
    lines.join("\n")
}
