//! `sizao doctor`: what is wrong with this node, and how to mend it.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use sizao_model::{Clock, Instant};
use sizao_store::{Place, Store};

use super::keys::RECOVERY_NOTE;
use crate::{
    args::NodeArgs,
    node::{self, NodeKeys, SystemClock, key_path},
    output::say,
};

/// One thing that was looked at.
struct Check {
    what: &'static str,
    fine: bool,
    found: String,
    cure: Option<&'static str>,
}

/// Facts further behind than this are a fault, not a moment's work.
const BEHIND_MAX: u64 = 1_000;
/// The program knows no day before its own making.
const MADE_AT: &str = "2026-11-01T00:00:00Z";

pub async fn run(node: &NodeArgs, json: bool) -> Result<ExitCode> {
    let mut checks = vec![clock()];
    match node::open_store(node).await {
        Ok((store, keys)) => {
            checks.extend(key_file(node));
            checks.extend(look(&store, &keys).await?);
            store.close().await;
        }
        Err(error) => checks.push(Check {
            what: "store",
            fine: false,
            found: format!("{error:#}"),
            cure: Some("make one with `sizao init`, or name the right one with --store and --key"),
        }),
    }
    let fine = checks.iter().all(|check| check.fine);
    say(json, || in_words(&checks), || in_json(&checks));
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(store: &Store, keys: &NodeKeys) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    let kit = store.note(RECOVERY_NOTE).await?;
    let version = keys.master.version().to_string();
    let current = kit.as_deref().and_then(|note| note.split(' ').next()) == Some(version.as_str());
    checks.push(Check {
        what: "recovery kit",
        fine: current,
        found: match &kit {
            Some(note) => format!("made for master key version {note}"),
            None => "none was made: if the key file is lost, everything is lost".to_owned(),
        },
        cure: (!current).then_some("make one with `sizao keys recovery-kit` and give its parts to three people"),
    });
    for (name, value) in store.durability_settings().await? {
        let wanted = matches!(value.as_str(), "full" | "wal" | "on" | "1");
        checks.push(Check {
            what: "durability",
            fine: wanted,
            found: format!("{name} = {value}"),
            cure: (!wanted)
                .then_some("switch it on in the server's settings: without it acknowledged facts can be lost"),
        });
    }
    let size = store.size().await?;
    let behind = size - store.watermark("assessment").await?.min(size);
    checks.push(Check {
        what: "assessments",
        fine: behind <= BEHIND_MAX,
        found: format!("{behind} of {size} facts are still to be assessed"),
        cure: (behind > BEHIND_MAX).then_some("run `sizao store rebuild`"),
    });
    let head = store.head().await?;
    let signed = head.is_signed_by(&store.public_key());
    checks.push(Check {
        what: "head of the log",
        fine: signed,
        found: format!("{} leaves, signed at {}", head.size, head.signed_at),
        cure: (!signed).then_some("the signature does not fit: run `sizao log verify` and compare with your witnesses"),
    });
    let ahead = head.signed_at > SystemClock.now().plus_minutes(5);
    if ahead {
        checks.push(Check {
            what: "clock",
            fine: false,
            found: format!("the last fact was recorded at {}, which lies ahead", head.signed_at),
            cure: Some("set this machine's clock"),
        });
    }
    Ok(checks)
}

fn clock() -> Check {
    let now = SystemClock.now();
    let made = Instant::parse(MADE_AT).expect("written as an instant");
    let fine = now > made;
    Check {
        what: "clock",
        fine,
        found: now.to_string(),
        cure: (!fine).then_some("set this machine's clock: it lies before this program was made"),
    }
}

fn key_file(node: &NodeArgs) -> Option<Check> {
    let path = key_path(node);
    let open_to_others = others_can_read(&path)?;
    let beside = matches!(Place::parse(&node.store), Place::Sqlite(file) if file.parent() == path.parent());
    let mut found = path.display().to_string();
    if beside {
        found.push_str(" (beside the store: whoever copies the folder has both)");
    }
    Some(Check {
        what: "key file",
        fine: !open_to_others,
        found,
        cure: open_to_others.then_some("others can read it: chmod 600"),
    })
}

#[cfg(unix)]
fn others_can_read(path: &std::path::Path) -> Option<bool> {
    use std::os::unix::fs::PermissionsExt;
    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_path: &std::path::Path) -> Option<bool> {
    None
}

fn in_words(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let mark = if check.fine { "ok  " } else { "MEND" };
        let cure = check.cure.map_or(String::new(), |cure| format!("\n      → {cure}"));
        format!("{mark}  {}: {}{cure}", check.what, check.found)
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn in_json(checks: &[Check]) -> serde_json::Value {
    let each =
        |check: &Check| json!({"what": check.what, "fine": check.fine, "found": check.found, "cure": check.cure});
    json!({"fine": checks.iter().all(|check| check.fine), "checks": checks.iter().map(each).collect::<Vec<_>>()})
}
