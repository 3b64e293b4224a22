//! `sizao trace sources`: what cases have in common.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use sizao_presence::SourceRules;

use super::{Asked, in_json, in_words, rows_of, write_tables};
use crate::output::say;

/// Files and limits.
#[derive(Args, Debug)]
pub struct Sources {
    #[command(flatten)]
    asked: Asked,
    /// Folder for places.csv, events.csv, people.csv.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Fewest cases that something must be common to.
    #[arg(long, default_value_t = 2)]
    cases_min: usize,
    /// Cases at one place at most so many seconds apart belong to one event.
    #[arg(long, default_value_t = 3_600, value_name = "SECONDS")]
    event_gap: u32,
    /// Longest list of each kind.
    #[arg(long, default_value_t = 100)]
    rows_max: usize,
}

/// Asks for common sources.
pub fn run(order: &Sources, json: bool) -> Result<ExitCode> {
    let question = order.asked.read()?;
    let rules = SourceRules {
        cases_min: order.cases_min,
        least_s: question.params().least_s,
        event_gap_s: order.event_gap,
        rows_max: order.rows_max,
    };
    let answer = question.common_sources(&rules)?;
    let tables = [("places.csv", &answer.places), ("events.csv", &answer.events), ("people.csv", &answer.people)];
    write_tables(&order.out, &tables, &answer.report)?;
    let [places, events, people] = tables.map(|(_, bytes)| rows_of(bytes));
    say(
        json,
        || {
            let found = format!("{places} places, {events} events, {people} people common to cases");
            format!("{}\n{found} are in {}", in_words(&answer.report), order.out.display())
        },
        || {
            let mut value = in_json(&answer.report);
            value["places"] = json!(places);
            value["events"] = json!(events);
            value["people"] = json!(people);
            value
        },
    );
    Ok(ExitCode::SUCCESS)
}
