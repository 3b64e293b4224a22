//! `sizao trace`: contacts, contacts of contacts and visitors from a ledger of stays; common sources; chains.

mod chains;
mod ledger;
mod sources;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use sizao_presence::{TraceQuestion, TraceReport};

use crate::output::{WholeFile, say, thousands};

/// Asks a ledger of stays; or `sources`, `chains`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, after_help = EXAMPLES)]
pub struct Trace {
    #[command(subcommand)]
    other: Option<Other>,
    // Optional only because a subcommand stands in their place.
    #[command(flatten)]
    asked: Option<Asked>,
    /// Places (`place_id`): CSV or Parquet. Without it T3 finds nobody.
    #[arg(long, value_name = "TABLE")]
    risky_places: Option<PathBuf>,
    /// Folder for t1.csv, t2.csv, t3.csv, and refused.csv if rows were refused.
    #[arg(long, value_name = "FOLDER", required = true)]
    out: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum Other {
    /// Places, events and people that cases have in common, least likely by chance first.
    Sources(sources::Sources),
    /// Who may have infected whom, all rivals kept, and what does not fit.
    Chains(chains::ChainTables),
}

/// What every question to a ledger has.
#[derive(Args, Debug)]
struct Asked {
    /// Stays (`person_id, place_id, enter_ts, leave_ts`): a CSV or Parquet file, or a folder of such files.
    #[arg(long, value_name = "LEDGER")]
    ledger: PathBuf,
    /// Cases (`case_id, person_id, t0, t1`, the window in which each may have infected): CSV or Parquet.
    #[arg(long, value_name = "TABLE")]
    cases: PathBuf,
    /// CSV of one row: `d_s, latency_s, t_now, open_cap_s, t3_t0, t3_t1`.
    #[arg(long, value_name = "CSV")]
    params: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  sizao trace --ledger ledger.csv --cases cases.csv --params params.csv --risky-places places.csv --out answer
  sizao trace sources --ledger days/ --cases cases.csv --params params.csv --out answer
  sizao trace chains --cases onsets.csv --exposures exposures.csv --serial-interval interval.csv --out answer

Times are whole seconds since 1970. Rows that cannot be are refused, counted and written to refused.csv; the answer is
that of the others. A file that cannot be read as a whole stops the question: exit code 1, nothing is written.";

const T3_HEADER: &[u8] = b"person_id,n_stays,total_s,first_ts,last_ts\n";

/// Runs one of the questions.
pub fn run(order: Trace, json: bool) -> Result<ExitCode> {
    match (order.other, order.asked, order.out) {
        (Some(Other::Sources(order)), ..) => sources::run(&order, json),
        (Some(Other::Chains(order)), ..) => chains::run(&order, json),
        (None, Some(asked), Some(out)) => contacts(&asked, order.risky_places.as_deref(), &out, json),
        (None, ..) => bail!("a ledger, cases, parameters and a folder for the answer are wanted"),
    }
}

fn contacts(asked: &Asked, risky_places: Option<&Path>, out: &Path, json: bool) -> Result<ExitCode> {
    let mut question = asked.read()?;
    if let Some(path) = risky_places {
        ledger::read_risky_places(path, &mut question)?;
    }
    let answer = question.answer()?;
    let t3 = answer.t3.unwrap_or_else(|| T3_HEADER.to_vec());
    let tables = [("t1.csv", &answer.t1), ("t2.csv", &answer.t2), ("t3.csv", &t3)];
    write_tables(out, &tables, &answer.report)?;
    let rows = tables.map(|(_, bytes)| rows_of(bytes));
    say(
        json,
        || {
            let [t1, t2, t3] = rows.map(thousands);
            let found = format!("{t1} contacts, {t2} contacts of contacts, {t3} visitors");
            format!("{}\n{found} are in {}", in_words(&answer.report), out.display())
        },
        || {
            let [t1, t2, t3] = rows;
            let mut value = in_json(&answer.report);
            value["t1_rows"] = json!(t1);
            value["t2_rows"] = json!(t2);
            value["t3_rows"] = json!(t3);
            value
        },
    );
    Ok(ExitCode::SUCCESS)
}

impl Asked {
    /// Reads the parameters, the ledger and the cases.
    fn read(&self) -> Result<TraceQuestion> {
        let mut question = TraceQuestion::new(&read(&self.params)?)?;
        ledger::read(&self.ledger, &mut question)?;
        ledger::read_cases(&self.cases, &mut question)?;
        Ok(question)
    }
}

/// Writes tables, and the refused rows if there are any, into a folder that need not be there yet.
fn write_tables(folder: &Path, tables: &[(&str, &Vec<u8>)], report: &TraceReport) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for (name, bytes) in tables {
        write(&folder.join(name), bytes)?;
    }
    let refused = folder.join("refused.csv");
    if report.refusals.is_empty() {
        // One of an earlier question would be taken for this one's.
        return match fs::remove_file(&refused) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", refused.display()))
            }
            _ => Ok(()),
        };
    }
    write(&refused, &report.refusals_csv())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = WholeFile::create(path)?;
    std::io::Write::write_all(&mut file, bytes).with_context(|| format!("writing {}", path.display()))?;
    file.finish()
}

fn in_words(report: &TraceReport) -> String {
    let [rows, stays, merged, refused] = [report.rows, report.stays, report.merged(), report.refused()].map(thousands);
    let mut lines = vec![format!("{rows} rows read: {stays} stays, {merged} merged into others, {refused} refused")];
    for complaint in report.complaints() {
        lines.push(format!("  {}: {}", complaint.rule, thousands(complaint.count)));
        lines.extend(complaint.examples.iter().map(|example| format!("    {example}")));
    }
    lines.join("\n")
}

fn in_json(report: &TraceReport) -> serde_json::Value {
    let complaints: Vec<_> = report
        .complaints()
        .map(|complaint| {
            json!({
                "rule": complaint.rule.name(), "count": complaint.count, "examples": complaint.examples,
            })
        })
        .collect();
    json!({
        "rows": report.rows, "accepted": report.accepted, "stays": report.stays, "merged": report.merged(),
        "refused": report.refused(), "complaints": complaints,
    })
}

fn rows_of(csv: &[u8]) -> u64 {
    csv.iter().filter(|&&byte| byte == b'\n').count() as u64 - 1
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

/// A file's name in messages.
fn name(path: &Path) -> String {
    path.display().to_string()
}
