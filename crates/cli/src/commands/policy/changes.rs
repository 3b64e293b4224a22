//! `sizao policy diff` and `sizao policy replay`: what another pack would change, before anybody adopts it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use sizao_app::policy_changes::{Comparison, compare, counties, read_mattering};
use sizao_model::{Instant, Measure, PersonId};
use sizao_policy::{
    FactIndex, Pack, PackTimeline,
    change::{Change, ChangeReport, Counts},
};
use tokio::runtime::Runtime;

use super::folders;
use crate::{
    args::{NodeArgs, parse_instant},
    node,
    output::{self, progress_bar, thousands},
};

/// Folders separated by commas.
#[derive(Clone, Debug)]
pub struct Folders(Vec<PathBuf>);

impl std::str::FromStr for Folders {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.split(',').map(PathBuf::from).collect()))
    }
}

/// Compare packs before one is adopted.
#[derive(ClapArgs, Debug)]
pub struct Diff {
    /// Folders of the packs in force, separated by commas.
    pub old: Folders,
    /// Folders of the packs that would be adopted at the moment, separated by commas.
    pub new: Folders,
    /// The moment of the adoption.
    #[arg(long, value_parser = parse_instant)]
    pub at: Instant,
    /// Only facts recorded by then exist; left out: the moment of the adoption.
    #[arg(long, value_parser = parse_instant)]
    pub known_at: Option<Instant>,
    /// Facts, one JSON object a line; left out: those of the store, as they stand now.
    #[arg(long)]
    pub facts: Option<PathBuf>,
}

/// Replay the whole record under other packs.
#[derive(ClapArgs, Debug)]
pub struct Replay {
    /// The comparison; `old` and `new` count as if each had always been in force.
    #[command(flatten)]
    pub diff: Diff,
}

/// Compare what the store decided with what would be decided now.
#[derive(ClapArgs, Debug)]
pub struct AgainstLog {
    /// Folders of packs, separated by commas; without any, those that come with the program.
    #[arg(long, value_delimiter = ',')]
    pub packs: Vec<PathBuf>,
}

/// What was compared.
struct Compared {
    report: ChangeReport,
    facts: u64,
    names: std::collections::HashMap<PersonId, String>,
    bad: Vec<String>,
}

/// - `always`: each side as if it had been in force from the beginning.
pub fn run(node: &NodeArgs, order: &Diff, always: bool, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    let (old, new) = (load(&order.old.0)?, load(&order.new.0)?);
    let in_force = |packs: &[Pack]| packs.iter().any(|pack| pack.overlay_of.is_none() && pack.valid_from <= order.at);
    let before = if always || !in_force(&old) { PackTimeline::always(&old)? } else { PackTimeline::new(old.clone())? };
    let after = if always { PackTimeline::always(&new)? } else { before.with_adopted(&new, order.at)? };
    let comparison =
        Comparison { before: &before, after: &after, known_at: order.known_at.unwrap_or(order.at), at: order.at };
    let compared = match &order.facts {
        Some(file) => of_file(file, comparison)?,
        None => runtime.block_on(of_store(node, comparison))?,
    };
    let names = |packs: &[Pack]| packs.iter().map(|pack| pack.id.to_string()).collect::<Vec<_>>();
    let (old, new) = (names(&old), names(&new));
    let adopted = if always { "each as if always in force, asked for" } else { "adopted at" };
    let title = format!("{} → {}, {adopted} {}", old.join(", "), new.join(", "), order.at);
    output::say(json, || in_words(&title, &compared), || as_json(&old, &new, order.at, &compared));
    if !compared.bad.is_empty() {
        bail!("these lines are no facts and were passed over:\n{}", compared.bad.join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What the store decided against what would be decided now.
pub fn against_log(node: &NodeArgs, order: &AgainstLog, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    let compared = runtime.block_on(async {
        let app = node::open_with(node, &order.packs).await?;
        let now = app.now();
        let snapshot = app.snapshot(now, |_, _| {}).await?;
        // With what was adopted on record, as the node assesses.
        let report = app.against_stored(&snapshot, &app.rules().timeline, now).await?;
        anyhow::Ok((Compared { report, facts: snapshot.leaves, names: Default::default(), bad: Vec::new() }, now))
    });
    let (compared, now) = compared?;
    let title = format!("Decisions on record → what would be decided now, {now}");
    output::say(json, || in_words(&title, &compared), || as_json(&[], &[], now, &compared));
    Ok(ExitCode::SUCCESS)
}

fn load(places: &[PathBuf]) -> Result<Vec<Pack>> {
    let asked = folders::find(places)?;
    match folders::check(&asked)? {
        Ok(checked) => Ok(checked.packs.into_iter().take(asked.len()).collect()),
        Err(faults) => bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

fn of_file(file: &std::path::Path, comparison: Comparison<'_>) -> Result<Compared> {
    // Of a packed file the length is not known beforehand; it is about six times as long.
    let packed = if file.extension().is_some_and(|extension| extension == "zst") { 6 } else { 1 };
    let length = std::fs::metadata(file).map_or(0, |file| file.len() * packed);
    let bar = progress_bar(2 * length, "B/s");
    let open = || output::reader(file).map_err(std::io::Error::other);
    let read = read_mattering(open, comparison.known_at, |bytes| bar.set_position(bytes.min(2 * length)))?;
    bar.finish_and_clear();
    let index = FactIndex::new(&read.facts);
    let people: Vec<PersonId> = index.persons().collect();
    let counties = counties(read.facts.iter());
    let division = |person: PersonId| counties.get(&person).cloned().unwrap_or_default();
    let bar = progress_bar(people.len() as u64, "people/s");
    let report = compare(&index, &people, comparison, division, |people| bar.set_position(people));
    bar.finish_and_clear();
    Ok(Compared { report, facts: read.lines, names: read.names.into_iter().collect(), bad: read.bad })
}

async fn of_store(node: &NodeArgs, comparison: Comparison<'_>) -> Result<Compared> {
    let app = node::open(node).await?;
    let bar = progress_bar(0, "facts/s");
    let progress = |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    };
    let snapshot = app.snapshot(comparison.known_at, progress).await?;
    bar.finish_and_clear();
    let index = FactIndex::new(&snapshot.facts);
    let people: Vec<PersonId> = index.persons().collect();
    let division = |person: PersonId| snapshot.divisions.get(&person).map_or_else(String::new, ToString::to_string);
    let bar = progress_bar(people.len() as u64, "people/s");
    let report = compare(&index, &people, comparison, division, |people| bar.set_position(people));
    bar.finish_and_clear();
    Ok(Compared { report, facts: snapshot.leaves, names: Default::default(), bad: Vec::new() })
}

fn name(change: Change) -> &'static str {
    match change {
        Change::Released => "released",
        Change::Shortened => "shortened",
        Change::Milder => "milder",
        Change::Unchanged => "unchanged",
        Change::Stricter => "stricter",
        Change::Lengthened => "lengthened",
        Change::NewlyRestricted => "newly_restricted",
    }
}

fn in_words(title: &str, Compared { report, facts, names, .. }: &Compared) -> String {
    let mut text = format!("{title}\n{} facts, {} people looked at\n\n", thousands(*facts), thousands(report.people));
    let cells = |counts: &Counts| Change::ALL.map(|change| format!("{:>17}", thousands(counts.of(change)))).concat();
    text.push_str(&format!("{:34}{}\n", "", Change::ALL.map(|change| format!("{:>17}", name(change))).concat()));
    for ((class, division), counts) in &report.rows {
        text.push_str(&format!("{:22}{:12}{}\n", class, division, cells(counts)));
    }
    text.push_str(&format!("{:34}{}\n", "all", cells(&report.total())));
    let days = |hours: u64| thousands(hours / 24);
    text.push_str(&format!(
        "Days of restriction still ahead: {} before, {} after\n",
        days(report.hours_before),
        days(report.hours_after)
    ));
    for (change, examples) in &report.examples {
        text.push_str(&format!("\n{}, for example\n", name(*change)));
        for example in examples {
            let who = names.get(&example.person).cloned().unwrap_or_else(|| example.person.to_string());
            text.push_str(&format!(
                "  {who}\n    before: {}\n    after:  {}\n",
                plan(&example.before),
                plan(&example.after)
            ));
        }
    }
    text
}

fn plan(measures: &[Measure]) -> String {
    if measures.is_empty() {
        return "nothing".to_owned();
    }
    let each = measures
        .iter()
        .map(|measure| format!("{} to {} [{}]", measure.kind().name(), measure.ends_at(), measure.rule()));
    each.collect::<Vec<_>>().join("; ")
}

fn as_json(old: &[String], new: &[String], at: Instant, Compared { report, facts, names, .. }: &Compared) -> Value {
    let rows = report.rows.iter().map(|((class, division), counts)| {
        let mut row = json!(counts);
        row["class"] = json!(class);
        row["division"] = json!(division);
        row
    });
    let examples = report.examples.iter().map(|(change, examples)| {
        let each = examples.iter().map(|example| {
            let who = names.get(&example.person).cloned().unwrap_or_else(|| example.person.to_string());
            json!({ "person": who, "before": example.before, "after": example.after })
        });
        (name(*change).to_owned(), each.collect::<Value>())
    });
    json!({
        "old": old, "new": new, "at": at, "facts": facts, "people": report.people, "total": report.total(),
        "rows": rows.collect::<Vec<_>>(), "examples": examples.collect::<serde_json::Map<_, _>>(),
        "hours_before": report.hours_before, "hours_after": report.hours_after,
    })
}
