//! `sizao fence detect`.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use serde_json::json;
use sha2::{Digest, Sha256};
use sizao_presence::{
    Detector, Faults, FenceRules, Gcj02, Level, Locator, Outcome, PlainTable, Question, Tongue, TowerTable, read_priors,
};

use super::{Detect, polygons};
use crate::output::{self, WholeFile};

pub fn run(order: &Detect, json: bool) -> Result<ExitCode> {
    let (towers, mut detector, prior_faults) = prepare(order)?;
    if let Some(path) = &order.resume {
        let bytes = fs::read(path).with_context(|| format!("opening {}", path.display()))?;
        detector.restore(&bytes).with_context(|| path.display().to_string())?;
    }
    let bytes = read(&order.observations)?;
    let mut out = WholeFile::create(&order.out)?;
    writeln!(out, "person_id,declared_ms")?;
    let mut questions = order.questions.as_deref().map(WholeFile::create).transpose()?;
    let mut table = PlainTable::open("observations", &bytes, ["recv_ms", "person_id", "tower_id", "event_ms"])?;
    let (mut faults, mut old, mut asked) = (Faults::default(), 0_u64, 0_u64);
    let mut restart_at = order.restart_at;
    while let Some(row) = table.next_row() {
        let (cells, record) = match row.and_then(|cells| Ok((cells, towers.observation(cells)?))) {
            Ok(read) => read,
            Err(fault) => {
                faults.count(fault, table.row);
                if faults.total() > order.faults_max {
                    bail!(
                        "{}: more than {} rows are wrong:\n{}",
                        order.observations.display(),
                        order.faults_max,
                        listed(&faults)
                    );
                }
                continue;
            }
        };
        if restart_at.is_some_and(|at| record.recv_ms >= at) {
            restart(&mut detector)?;
            restart_at = None;
        }
        match detector.take(&record) {
            Outcome::Taken => {}
            Outcome::Old => old += 1,
            Outcome::Asked(question) => {
                asked += 1;
                out.write_all(cells[1])?;
                writeln!(out, ",{}", question.declared_ms)?;
                if let Some(file) = &mut questions {
                    writeln!(file, "{}", in_json(&question, cells[1]))?;
                }
            }
        }
    }
    let rows = table.row - 1;
    out.finish()?;
    if let Some(file) = questions {
        file.finish()?;
    }
    if let Some(path) = &order.snapshot {
        let mut file = WholeFile::create(path)?;
        file.write_all(&detector.snapshot())?;
        file.finish()?;
    }
    let wrong = faults.total() + towers.faults.total() + prior_faults.total();
    if order.out.as_os_str() != "-" {
        let words = || {
            let mut text = format!(
                "{} rows, {} of them late or repeated; {} people; {} questions",
                output::thousands(rows),
                output::thousands(old),
                output::thousands(detector.people() as u64),
                output::thousands(asked)
            );
            for (name, faults) in [("towers", &towers.faults), ("prior", &prior_faults), ("observations", &faults)] {
                if faults.total() > 0 {
                    text.push_str(&format!("\n{name}: rows left out:\n{}", listed(faults)));
                }
            }
            text
        };
        let counted = |faults: &Faults| {
            faults
                .sorted()
                .into_iter()
                .map(|(fault, count, _)| (fault.name().to_owned(), count.into()))
                .collect::<serde_json::Map<_, _>>()
        };
        let value = || {
            json!({ "rows": rows, "old": old, "people": detector.people(), "questions": asked, "left_out": {
                "towers": counted(&towers.faults), "prior": counted(&prior_faults), "observations": counted(&faults) } })
        };
        output::say(json, words, value);
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes)?;
    } else {
        output::reader(path)?.read_to_end(&mut bytes).with_context(|| format!("reading {}", path.display()))?;
    }
    Ok(bytes)
}

/// Reads towers, border and priors and makes the detector.
fn prepare(order: &Detect) -> Result<(TowerTable, Detector, Faults)> {
    if let Some(sites) = &order.sites {
        let text = fs::read_to_string(sites).with_context(|| format!("opening {}", sites.display()))?;
        serde_json::from_str::<serde_json::Value>(&text).with_context(|| format!("{} is no JSON", sites.display()))?;
    }
    let areas = polygons::read(&order.border, Level::Province)?;
    let border = Locator::<Gcj02>::new(&areas).with_context(|| order.border.display().to_string())?;
    let vertices = || areas.iter().flat_map(|area| &area.rings).flatten();
    let far = f64::INFINITY;
    let south_west = vertices().fold((far, far), |low, vertex| (low.0.min(vertex.0), low.1.min(vertex.1)));
    let north_east = vertices().fold((-far, -far), |high, vertex| (high.0.max(vertex.0), high.1.max(vertex.1)));
    let towers = TowerTable::read(&read(&order.towers)?, (south_west, north_east))?;
    if towers.towers.is_empty() {
        bail!("{}: no tower can be used\n{}", order.towers.display(), listed(&towers.faults));
    }
    let (prior, prior_faults) = read_priors(&read(&order.prior)?)?;
    let mut rules = FenceRules::default();
    if let Some(ask_at) = order.ask_at {
        if !(ask_at > 0.0 && ask_at < 1.0) {
            bail!("--ask-at {ask_at}: a probability between 0 and 1 is wanted");
        }
        rules.ask_at = ask_at;
    }
    let is_inside = |lon, lat| border.locate_degrees(lon, lat).unit(Level::Province).is_some();
    let detector = Detector::new(&towers.towers, is_inside, prior, rules);
    Ok((towers, detector, prior_faults))
}

/// What a restart of a server does: only sketches under keyed hashes come over. The key is drawn for this one restart.
fn restart(detector: &mut Detector) -> Result<()> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).context("the system gives no random numbers")?;
    let hash = |tower: u32| {
        let digest = Sha256::new().chain_update(key).chain_update(tower.to_le_bytes()).finalize();
        u64::from_le_bytes(digest[..8].try_into().expect("eight bytes"))
    };
    let sketches = detector.sketches(hash);
    detector.restart_from(&sketches, hash);
    Ok(())
}

fn listed(faults: &Faults) -> String {
    let lines: Vec<_> = faults
        .sorted()
        .into_iter()
        .map(|(fault, count, row)| format!("  {} {} (first in row {row})", fault.name(), output::thousands(count)))
        .collect();
    lines.join("\n")
}

fn in_json(question: &Question, id: &[u8]) -> serde_json::Value {
    json!({
        "person_id": String::from_utf8_lossy(id),
        "declared_ms": question.declared_ms,
        "probability": (f64::from(question.probability) * 1000.0).round() / 1000.0,
        "zh": question.in_words(Tongue::Zh),
        "en": question.in_words(Tongue::En),
    })
}
