//! `sizao ledger`: stays in, days closed and dropped, an export without identities, and how much there is.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::json;
use sizao_app::{
    App,
    ledger::{ListReport, StayList, TERM_DAYS},
    mandates::Collection,
};
use sizao_model::{CivilDay, Clock, DivisionCode};
use sizao_presence::{Cell, LEDGER_COLUMNS, for_ledger_rows};
use sizao_warehouse::{Value, read_rows};

use crate::{
    args::NodeArgs,
    node::{self, SystemClock},
    output::{say, thousands},
};

pub const EXAMPLES: &str = "\
Examples:
  sizao ledger import stays.parquet --sender gate-7 --division 410105
  sizao ledger state                          stays in memory, segments on the disk
  sizao ledger close                          close the days that are over; a node that serves does it by itself
  sizao ledger export --from 2022-03-10 --to 2022-03-16 --purpose \"study of venues\" --out stays.parquet

A list has the columns person_id, place_id, enter_ts, leave_ts (seconds since 1970; no leave: still there). It is stored only
under a mandate for movement. Exit codes: 0 all rows are in, 2 some were handed back, 1 nothing could be read or stored.";

#[derive(Subcommand, Debug)]
pub enum Ledger {
    /// Take in a list of stays, CSV or Parquet.
    Import {
        /// The file.
        file: PathBuf,
        /// Who sends it: their names of people and places mean something with them alone.
        #[arg(long)]
        sender: String,
        /// Where the places are.
        #[arg(long, value_parser = parse_division)]
        division: DivisionCode,
        /// Refuse places that are not in the register.
        #[arg(long)]
        known_places: bool,
    },
    /// How much there is.
    State,
    /// Close the days that are over.
    Close,
    /// Drop the days past the ledger's term, or before a day.
    Drop {
        /// Days before this one.
        #[arg(long, value_parser = parse_day)]
        before: Option<CivilDay>,
        /// Law or order.
        #[arg(long)]
        basis: String,
    },
    /// Write stays of some days without identities, as Parquet; recorded in the record of who looked.
    Export {
        /// First day.
        #[arg(long, value_parser = parse_day)]
        from: CivilDay,
        /// Last day.
        #[arg(long, value_parser = parse_day)]
        to: CivilDay,
        /// What for.
        #[arg(long)]
        purpose: String,
        /// The file.
        #[arg(long)]
        out: PathBuf,
    },
}

fn parse_division(text: &str) -> Result<DivisionCode, String> {
    DivisionCode::parse(text).map_err(|error| error.to_string())
}

fn parse_day(text: &str) -> Result<CivilDay, String> {
    CivilDay::parse(text).map_err(|error| error.to_string())
}

pub async fn run(node: &NodeArgs, order: Ledger, json: bool) -> Result<ExitCode> {
    let app = node::open(node).await?;
    match order {
        Ledger::Import { file, sender, division, known_places } => {
            app.require_mandate(Collection::Movement, division).await?;
            let list = StayList::new(&sender, division);
            let list = if known_places { list.refuse_unknown_places() } else { list };
            let report = import(&app, list, &file).await?;
            told(&report, json);
            return Ok(if report.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) });
        }
        Ledger::State => state(&app, json).await?,
        Ledger::Close => {
            let closed = app.close_days(app.now().day()).await?;
            say(
                json,
                || match &closed[..] {
                    [] => "No day is over that is not closed.".to_owned(),
                    closed => {
                        closed.iter().map(|one| format!("{}: {} stays\n", one.file, thousands(one.rows))).collect()
                    }
                },
                || json!({"closed": closed.iter().map(|one| json!({"file": one.file, "stays": one.rows, "bytes": one.bytes, "leaf": one.leaf})).collect::<Vec<_>>()}),
            );
        }
        Ledger::Drop { before, basis } => {
            let before = before.unwrap_or_else(|| app.now().day().plus_days(-TERM_DAYS));
            let dropped = app.drop_days(before, &basis).await?;
            say(
                json,
                || match &dropped[..] {
                    [] => format!("The ledger has nothing from before {before}."),
                    dropped => dropped
                        .iter()
                        .map(|one| {
                            format!(
                                "{}: dropped under certificate {}\n",
                                one.day,
                                one.certificate.map_or("–".to_owned(), |no| no.to_string())
                            )
                        })
                        .collect(),
                },
                || json!({"dropped": dropped.iter().map(|one| json!({"day": one.day.to_string(), "certificate": one.certificate, "files": one.files})).collect::<Vec<_>>()}),
            );
        }
        Ledger::Export { from, to, purpose, out } => {
            if from > to {
                bail!("--from {from} lies after --to {to}");
            }
            let done = app.export_stays(None, from..=to, &purpose, &out, SystemClock.now()).await?;
            say(
                json,
                || {
                    let (rows, left_out) = (thousands(done.rows), thousands(done.left_out));
                    format!(
                        "{rows} stays are in {}; {left_out} at places of fewer than ten people were left out.",
                        out.display()
                    )
                },
                || json!({"rows": done.rows, "left_out": done.left_out, "bytes": done.bytes, "sha256": done.sha256}),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the file on a thread of its own, a portion ahead of what is stored.
async fn import(app: &Arc<App>, mut list: StayList, file: &std::path::Path) -> Result<ListReport> {
    type Row = (u64, Option<[Owned; 4]>);
    let (to, mut rows) = tokio::sync::mpsc::channel::<Vec<Row>>(2);
    let path = file.to_owned();
    let reader = tokio::task::spawn_blocking(move || -> Result<()> {
        let mut portion: Vec<Row> = Vec::new();
        let mut push = |row: u64, cells: Option<[Owned; 4]>| {
            portion.push((row, cells));
            if portion.len() >= 4_096 {
                // Whoever stores has failed and says so itself.
                let _ = to.blocking_send(std::mem::take(&mut portion));
            }
        };
        if path.extension().is_some_and(|found| found.eq_ignore_ascii_case("parquet")) {
            read_rows(&path, &LEDGER_COLUMNS, |row, values| push(row, Some(values.map(Owned::of_value))))?;
        } else {
            let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            let name = path.display().to_string();
            for_ledger_rows(&name, &bytes, |row, cells| push(row, cells.map(|cells| cells.map(Owned::of_cell))))?;
        }
        let _ = to.blocking_send(portion);
        Ok(())
    });
    while let Some(portion) = rows.recv().await {
        for (row, cells) in &portion {
            list.push(*row, cells.as_ref().map(|cells| cells.each_ref().map(Owned::cell)));
        }
        if list.is_full() {
            app.store_list(&mut list).await?;
        }
    }
    reader.await.context("the reader stopped")??;
    Ok(app.finish_list(list).await?)
}

/// A cell that goes from one thread to another.
enum Owned {
    Empty,
    Number(i128),
    Text(String),
    Unreadable,
}

impl Owned {
    fn of_value(value: Value<'_>) -> Self {
        match value {
            Value::Empty => Self::Empty,
            Value::Number(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Unreadable => Self::Unreadable,
        }
    }

    fn of_cell(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Empty => Self::Empty,
            Cell::Number(number) => Self::Number(number),
            Cell::Text(text) => Self::Text(text.to_owned()),
            Cell::Unreadable => Self::Unreadable,
        }
    }

    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Empty => Cell::Empty,
            Self::Number(number) => Cell::Number(*number),
            Self::Text(text) => Cell::Text(text),
            Self::Unreadable => Cell::Unreadable,
        }
    }
}

fn told(report: &ListReport, json: bool) {
    let refused: u64 = report.refused.values().sum();
    say(
        json,
        || {
            let [rows, stored, repeated] = [report.rows, report.stored, report.repeated].map(thousands);
            let mut lines =
                vec![format!("{rows} rows read: {stored} stored, {repeated} were in before, {refused} handed back")];
            lines.extend(report.refused.iter().map(|(rule, count)| {
                let told = sizao_app::ledger::StayRefusal(rule).told();
                format!("  {rule}: {} ({told})", thousands(*count))
            }));
            lines.extend(report.examples.iter().take(10).map(|(row, rule)| format!("    row {row}: {rule}")));
            if report.busy_people > 0 {
                lines.push(format!(
                    "  {} people have more than 500 stays in a day: a shared card or a gate",
                    report.busy_people
                ));
            }
            if report.crowded_places > 0 {
                lines.push(format!("  {} places have more than 1,000,000 stays: too coarse", report.crowded_places));
            }
            lines.join("\n")
        },
        || {
            let examples: Vec<_> =
                report.examples.iter().map(|(row, rule)| json!({"row": row, "rule": rule})).collect();
            json!({"rows": report.rows, "stored": report.stored, "repeated": report.repeated, "refused": report.refused,
                   "examples": examples, "busy_people": report.busy_people, "crowded_places": report.crowded_places})
        },
    );
}

async fn state(app: &App, json: bool) -> Result<()> {
    let state = app.ledger_state().await?;
    say(
        json,
        || {
            let mut lines = vec![format!(
                "{} stays of {} people in memory ({} bytes), {} without an end, {} set aside as implausible",
                thousands(state.stays),
                thousands(state.people),
                thousands(state.bytes),
                thousands(state.open),
                thousands(state.set_aside)
            )];
            lines.extend(state.segments.iter().map(|one| {
                format!(
                    "  {}: {} stays, {} bytes, leaf {}",
                    one.file,
                    thousands(one.rows),
                    thousands(one.bytes),
                    one.leaf
                )
            }));
            lines.join("\n")
        },
        || {
            let segments: Vec<_> = state
                .segments
                .iter()
                .map(|one| json!({"file": one.file, "stays": one.rows, "bytes": one.bytes, "leaf": one.leaf}))
                .collect();
            json!({"stays": state.stays, "people": state.people, "bytes": state.bytes, "open": state.open,
                   "set_aside": state.set_aside, "segments": segments})
        },
    );
    Ok(())
}
