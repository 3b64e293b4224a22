//! `sizao keys …`

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use sizao_model::Clock;
use sizao_store::{MasterKey, recover_master_key, split_master_key};

use crate::{
    args::{Keys, NodeArgs},
    node::{self, NodeKeys, SystemClock},
    output::say,
};

/// Note of the store: when a recovery kit was made, for which master key.
pub const RECOVERY_NOTE: &str = "recovery_kit";

pub async fn run(node: &NodeArgs, order: Keys, json: bool) -> Result<ExitCode> {
    match order {
        Keys::Rotate => rotate(node, json).await,
        Keys::RecoveryKit => recovery_kit(node, json).await,
        Keys::Recover { parts } => recover(node, &parts, json),
    }
}

async fn rotate(node: &NodeArgs, json: bool) -> Result<ExitCode> {
    let (store, mut keys) = node::open_store(node).await?;
    let version = keys.master.version() + 1;
    keys.master = MasterKey::generate(version, &mut *node::entropy());
    // The key is on disk before the store is locked with it.
    let path = keys.save(node)?;
    store.rotate_master_key(keys.master.clone()).await?;
    store.close().await;
    say(
        json,
        || {
            format!(
                "The store is locked with master key version {version}, in {}. Make a new recovery kit: sizao keys recovery-kit",
                path.display()
            )
        },
        || json!({"master_key_version": version, "key_file": path}),
    );
    Ok(ExitCode::SUCCESS)
}

async fn recovery_kit(node: &NodeArgs, json: bool) -> Result<ExitCode> {
    let (store, keys) = node::open_store(node).await?;
    let parts = split_master_key(&keys.master, &mut *node::entropy());
    store.set_note(RECOVERY_NOTE, &format!("{} {}", keys.master.version(), SystemClock.now())).await?;
    store.close().await;
    say(
        json,
        || {
            let parts: Vec<String> = (1..).zip(&parts).map(|(n, part)| format!("Part {n}  {part}")).collect();
            format!(
                "{}\n\nPrint each part and give it to another person. Any two give the master key back; one alone says nothing.\nThey are not kept anywhere. To use them: sizao keys recover PART PART",
                parts.join("\n")
            )
        },
        || json!({"parts": parts, "needed": sizao_store::RECOVERY_NEED}),
    );
    Ok(ExitCode::SUCCESS)
}

fn recover(node: &NodeArgs, parts: &[String], json: bool) -> Result<ExitCode> {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let keys = NodeKeys { master: recover_master_key(&parts)?, ..NodeKeys::generate() };
    let path = keys.save(node)?;
    say(
        json,
        || format!("The master key version {} is in {}.", keys.master.version(), path.display()),
        || json!({"master_key_version": keys.master.version(), "key_file": path}),
    );
    Ok(ExitCode::SUCCESS)
}
