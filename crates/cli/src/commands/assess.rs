//! `sizao assess`: facts of a file in, assessments out; no store, no clock.

use std::process::ExitCode;

use anyhow::{Result, bail};
use sizao_interop::ndjson::{self, Labels};
use sizao_model::{Assessment, Colour, Instant};
use sizao_policy::{FactIndex, assess};

use crate::{args::Assess, output, packs::Packs};

pub fn run(order: &Assess, json: bool) -> Result<ExitCode> {
    let packs = Packs::load(&order.packs)?;
    let (facts, labels) = match ndjson::read_facts(output::reader(&order.facts)?) {
        Ok(read) => read,
        Err(errors) => {
            let lines: Vec<String> = errors.iter().map(|error| format!("{}: {error}", order.facts.display())).collect();
            bail!("{}", lines.join("\n"));
        }
    };
    let index = FactIndex::new(&facts);
    let mut text = String::new();
    for person in index.persons() {
        let answer = assess(&index.dossier(person), &packs.timeline, order.known_at, order.at);
        if json {
            text.push_str(&ndjson::answer_line(&answer, &labels));
        } else {
            text.push_str(&in_words(&answer, &labels, order.at));
        }
        text.push('\n');
    }
    print!("{text}");
    Ok(ExitCode::SUCCESS)
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
