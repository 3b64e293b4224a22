//! `sizao policy test`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sizao_policy::{Pack, PackTimeline, Scenario};

use super::{
    check::share,
    folders::{self, Found},
};
use crate::{node::read_text, output};

/// What came of one scenario.
struct Outcome {
    file: String,
    title: String,
    differences: Vec<String>,
}

/// What came of one pack.
struct Tested {
    found: Found,
    pack: Option<Pack>,
    outcomes: Vec<Outcome>,
}

pub fn run(places: &[PathBuf], json: bool) -> Result<ExitCode> {
    let asked = folders::find(places)?;
    let tested: Vec<Tested> = asked.iter().map(|found| test(found, &asked)).collect::<Result<_>>()?;
    let all = tested.iter().flat_map(|tested| &tested.outcomes);
    let (passed, failed): (Vec<_>, Vec<_>) = all.partition(|outcome| outcome.differences.is_empty());
    let words = || {
        let each: String = tested.iter().map(in_words).collect();
        format!("{each}{} passed, {} failed", passed.len(), failed.len())
    };
    let value = || json!({ "packs": tested.iter().map(as_json).collect::<Vec<_>>(), "passed": passed.len(), "failed": failed.len() });
    output::say(json, words, value);
    Ok(if failed.is_empty() && !passed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn test(found: &Found, asked: &[Found]) -> Result<Tested> {
    let whole = |faults: Vec<sizao_policy::PackError>| Outcome {
        file: found.text.file.clone(),
        title: "the pack is refused".to_owned(),
        differences: faults.iter().map(ToString::to_string).collect(),
    };
    let pack = match folders::check(std::slice::from_ref(found))? {
        Ok(checked) => checked.packs.into_iter().next(),
        Err(faults) => return Ok(Tested { found: found.clone(), pack: None, outcomes: vec![whole(faults)] }),
    };
    let folder = found.folder().join("scenarios");
    let mut outcomes = Vec::new();
    for file in scenarios(&folder)? {
        let (title, differences) = match run_one(&file, found, asked) {
            Ok(ran) => ran,
            Err(error) => ("cannot be run".to_owned(), vec![format!("{error:#}")]),
        };
        outcomes.push(Outcome { file: file.display().to_string(), title, differences });
    }
    Ok(Tested { found: found.clone(), pack, outcomes })
}

fn scenarios(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}

/// Title of a scenario, and what differs from what it expects.
fn run_one(file: &Path, own: &Found, asked: &[Found]) -> Result<(String, Vec<String>)> {
    let scenario = Scenario::from_toml(&read_text(file)?)?;
    let named = scenario.packs.iter().map(|id| named(id, own, asked)).collect::<Result<Vec<Found>>>()?;
    let packs = if named.is_empty() { vec![own.clone()] } else { named };
    let packs: Vec<Pack> = packs
        .iter()
        .map(|found| {
            Pack::read(&found.text).map_err(|faults| {
                anyhow::anyhow!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            })
        })
        .collect::<Result<_>>()?;
    let timeline = PackTimeline::new(packs)?;
    Ok((scenario.title.clone(), scenario.run(&timeline)))
}

/// The pack of an id: this one, one of those asked for, or one beside this.
fn named(id: &str, own: &Found, asked: &[Found]) -> Result<Found> {
    let is = |found: &&Found| found.text.folder.as_deref() == Some(id);
    if let Some(found) = std::iter::once(own).chain(asked).find(is) {
        return Ok(found.clone());
    }
    let beside = own.folder().join("..").join(id).join("pack.toml");
    folders::read(beside).with_context(|| format!("the scenario names the pack '{id}'; give its folder too"))
}

fn in_words(tested: &Tested) -> String {
    let name = tested.found.text.folder.as_deref().unwrap_or(&tested.found.text.file);
    let share = tested.pack.as_ref().map_or_else(|| "refused".to_owned(), share);
    let mut text = format!("{name}: {share}\n");
    if tested.outcomes.is_empty() {
        text.push_str("  no scenarios\n");
    }
    for outcome in &tested.outcomes {
        let state = if outcome.differences.is_empty() { "passed" } else { "FAILED" };
        text.push_str(&format!("  {state}  {} ({})\n", outcome.title, outcome.file));
        outcome.differences.iter().for_each(|line| text.push_str(&format!("          {line}\n")));
    }
    text
}

fn as_json(tested: &Tested) -> Value {
    let (unsourced, numbers) = tested.pack.as_ref().map_or((0, 0), Pack::unsourced);
    let scenarios: Vec<Value> = tested
        .outcomes
        .iter()
        .map(|outcome| json!({ "file": outcome.file, "title": outcome.title, "passed": outcome.differences.is_empty(), "differences": outcome.differences }))
        .collect();
    json!({ "pack": tested.found.text.folder, "numbers": numbers, "unsourced": unsourced, "scenarios": scenarios })
}
