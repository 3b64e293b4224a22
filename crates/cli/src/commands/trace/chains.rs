//! `sizao trace chains`: who may have infected whom.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use sizao_presence::{ChainRules, ChainTables as Tables, chain_tables};

use super::{name, read, write_tables};
use crate::output::say;

/// Files and weights.
#[derive(Args, Debug)]
pub struct ChainTables {
    /// CSV: `case_id, onset` (a date or a day number; empty: not known).
    #[arg(long, value_name = "CSV")]
    cases: PathBuf,
    /// CSV: `infector_id, infectee_id`; optional `first_day` (as onsets) and `hours`.
    #[arg(long, value_name = "CSV")]
    exposures: PathBuf,
    /// CSV: `days, probability`, from the infector's onset to the infectee's. Without it, every interval from -20 to 40 days alike.
    #[arg(long, value_name = "CSV")]
    serial_interval: Option<PathBuf>,
    /// Hours of exposure after which its weight is one half.
    #[arg(long, default_value_t = 1.0)]
    half_hours: f64,
    /// Weight of a source outside the data.
    #[arg(long, default_value_t = 0.0)]
    outside_weight: f64,
    /// Folder for links.csv, offspring.csv, inconsistencies.csv.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// Builds the chains.
pub fn run(order: &ChainTables, json: bool) -> Result<ExitCode> {
    let cases = read(&order.cases)?;
    let exposures = read(&order.exposures)?;
    let interval = order.serial_interval.as_deref().map(read).transpose()?;
    let tables = Tables {
        cases: (&name(&order.cases), &cases),
        exposures: (&name(&order.exposures), &exposures),
        serial_interval: interval.as_deref(),
    };
    let rules = ChainRules { half_hours: order.half_hours, outside_weight: order.outside_weight };
    let answer = chain_tables(&tables, &rules)?;
    let written = [
        ("links.csv", &answer.links),
        ("offspring.csv", &answer.offspring),
        ("inconsistencies.csv", &answer.inconsistencies),
    ];
    write_tables(&order.out, &written, &answer.report)?;
    let summary = answer.summary;
    say(
        json,
        || {
            let mut lines = vec![format!(
                "{} cases, {} possible links, {} cases without an infector, {} inconsistencies, {} rows refused",
                summary.cases,
                summary.links,
                summary.without_infector,
                summary.inconsistencies,
                answer.report.refused()
            )];
            if let Some(offspring) = summary.offspring {
                let (mean, k) = (offspring.mean, offspring.dispersion_k);
                lines.push(format!("each case infected {mean:.3} on average, dispersion k {k:.3}"));
                lines.push(format!(
                    "the five infectors with most links have {:.1} % of all links",
                    summary.top_five_share * 100.0
                ));
            }
            lines.push(format!("the tables are in {}", order.out.display()));
            lines.join("\n")
        },
        || {
            json!({
                "cases": summary.cases, "links": summary.links, "without_infector": summary.without_infector,
                "inconsistencies": summary.inconsistencies, "refused": answer.report.refused(),
                "offspring_mean": summary.offspring.map(|o| o.mean),
                "dispersion_k": summary.offspring.map(|o| o.dispersion_k).filter(|k| k.is_finite()),
                "top_five_share": summary.offspring.map(|_| summary.top_five_share),
            })
        },
    );
    Ok(ExitCode::SUCCESS)
}
