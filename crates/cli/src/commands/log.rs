//! `sizao log …`, `sizao backup`, `sizao restore`, `sizao erase`, `sizao destroy`

use std::{
    io::{BufReader, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use serde_json::json;
use sizao_model::{Clock, FactId};
use sizao_store::{ExportOptions, Place, Store, Verification, hex};

use crate::{
    args::{Destroy, Erase, Log, NodeArgs},
    node::{self, NodeKeys, SystemClock},
    output::{self, WholeFile, say, thousands},
    packs::Packs,
};

pub async fn run(node: &NodeArgs, order: Log, json: bool) -> Result<ExitCode> {
    match order {
        Log::Verify => verify(node, json).await,
        Log::Prove { fact, since } => prove(node, fact, since).await,
        Log::Checkpoint => {
            let (store, _) = node::open_store(node).await?;
            println!("{}", store.head().await?.to_json());
            store.close().await;
            Ok(ExitCode::SUCCESS)
        }
        Log::Export { file, complete } => export(node, &file, complete, json).await,
        Log::Restore { file } => restore(node, &file, json).await,
    }
}

async fn verify(node: &NodeArgs, json: bool) -> Result<ExitCode> {
    let (store, _) = node::open_store(node).await?;
    let bar = output::progress_bar(store.size().await?, "facts");
    let seen = store.verify(|leaves| bar.set_position(leaves)).await?;
    bar.finish_and_clear();
    store.close().await;
    say(json, || in_words(&seen), || in_json(&seen));
    Ok(if seen.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_words(seen: &Verification) -> String {
    let mut lines = Vec::new();
    for finding in &seen.findings {
        let place = finding.leaf.map_or("the log".to_owned(), |leaf| format!("leaf {leaf}"));
        lines.push(format!("NOT SOUND  {place}: {}", finding.what));
    }
    for (certificate, bodies) in &seen.erased {
        lines.push(format!("{} bodies are erased under certificate {certificate}", thousands(*bodies)));
    }
    let verdict = if seen.is_sound() { "The log is sound" } else { "The log is NOT sound" };
    let (leaves, bodies) = (thousands(seen.leaves), thousands(seen.bodies));
    lines.push(format!("{verdict}: {leaves} leaves, {bodies} bodies opened, root {}", hex(&seen.root)));
    lines.join("\n")
}

fn in_json(seen: &Verification) -> serde_json::Value {
    let findings: Vec<_> =
        seen.findings.iter().map(|finding| json!({"leaf": finding.leaf, "what": finding.what})).collect();
    json!({
        "sound": seen.is_sound(),
        "leaves": seen.leaves,
        "bodies": seen.bodies,
        "root": hex(&seen.root),
        "erased": seen.erased,
        "findings": findings,
    })
}

async fn prove(node: &NodeArgs, fact: Option<String>, since: Option<u64>) -> Result<ExitCode> {
    let (store, _) = node::open_store(node).await?;
    let proof = match (fact, since) {
        (Some(fact), _) => store.prove_inclusion(FactId::from_label(&fact)).await?.to_json(),
        (None, Some(size)) => store.prove_consistency(size).await?.to_json(),
        (None, None) => unreachable!("clap asks for one of the two"),
    };
    store.close().await;
    println!("{proof}");
    Ok(ExitCode::SUCCESS)
}

/// Writes an export.
pub async fn export(node: &NodeArgs, file: &Path, complete: bool, json: bool) -> Result<ExitCode> {
    let (store, _) = node::open_store(node).await?;
    let mut out = WholeFile::create(file)?;
    let exported = store.export(ExportOptions { complete }, &mut out).await?;
    out.finish()?;
    store.close().await;
    if file.as_os_str() != "-" {
        let (facts, root) = (thousands(exported.head.size), hex(&exported.head.root));
        say(
            json,
            || format!("Wrote {facts} facts to {}, root {root}", file.display()),
            || json!({"file": file, "lines": exported.lines, "head": exported.head.to_json()}),
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a store from a complete export.
pub async fn restore(node: &NodeArgs, file: &Path, json: bool) -> Result<ExitCode> {
    let keys = NodeKeys::load(node)?;
    let mut input = BufReader::with_capacity(1 << 16, output::reader(file)?);
    let place = Place::parse(&node.store);
    let (store, restored) = Store::restore(&place, keys.master, node::entropy(), &mut input)
        .await
        .with_context(|| format!("restoring from {}", file.display()))?;
    let rules = Packs::load(&[])?.into_rules();
    let app = node::assemble(store, &NodeKeys::load(node)?, std::sync::Arc::new(SystemClock), rules).await?;
    app.catch_up(|_| {}).await?;
    if let Some(app) = std::sync::Arc::into_inner(app) {
        app.close().await;
    }
    let (facts, root) = (thousands(restored.head.size), hex(&restored.head.root));
    say(
        json,
        || format!("Restored {facts} facts into {}, root {root}", place.shown()),
        || json!({"store": place.shown(), "lines": restored.lines, "head": restored.head.to_json()}),
    );
    Ok(ExitCode::SUCCESS)
}

/// Erases a class and day.
pub async fn erase(node: &NodeArgs, order: Erase, json: bool) -> Result<ExitCode> {
    let app = node::open(node).await?;
    let certificate = app.erase(order.class, order.recorded_on, &order.basis).await?;
    let (number, bodies, leaf) = (certificate.number, certificate.bodies, certificate.leaf);
    say(
        json,
        || {
            format!(
                "Certificate {number}: {} bodies of class {} recorded on {} are destroyed with their key (leaf {leaf} of the log)",
                thousands(bodies),
                order.class.name(),
                order.recorded_on
            )
        },
        || json!({"certificate": number, "bodies": bodies, "leaf": leaf, "at": SystemClock.now()}),
    );
    Ok(ExitCode::SUCCESS)
}

/// Destroys what a policy collected, before witnesses.
pub async fn destroy(node: &NodeArgs, order: Destroy, json: bool) -> Result<ExitCode> {
    let mut witnesses = order.witnesses.clone();
    witnesses.sort();
    witnesses.dedup();
    if witnesses.len() < 2 {
        bail!("a destruction has two different witnesses at least: give --witness once for each");
    }
    // The file is made before anything goes: a disk that is full is told in time.
    let mut out = std::fs::File::create_new(&order.out)
        .with_context(|| format!("making {}: give a name that is not taken", order.out.display()))?;
    let app = node::open(node).await?;
    let basis = format!("{}; before {}", order.basis, witnesses.join(" and "));
    let gone = app.end_policy(order.until, &basis, order.with_cases).await?;
    let told = gone.to_json(&order.basis, &witnesses);
    out.write_all(format!("{told:#}\n").as_bytes())?;
    out.sync_all()?;
    let bodies: u64 = gone.certificates.iter().map(|day| day.bodies).sum();
    say(
        json,
        || {
            format!(
                "{} bodies of {} days were destroyed with their keys; {} is for the witnesses. Backups of before still hold them: destroy these too",
                thousands(bodies),
                thousands(gone.certificates.len() as u64),
                order.out.display()
            )
        },
        || told.clone(),
    );
    Ok(ExitCode::SUCCESS)
}
