//! `sizao store rebuild`, `sizao store seal-accounts`

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::{
    args::NodeArgs,
    node,
    output::{self, say, thousands},
};

pub async fn run(node: &NodeArgs, json: bool) -> Result<ExitCode> {
    let app = node::open(node).await?;
    let before = app.store().projection_digest().await?;
    let bar = output::progress_bar(app.store().size().await?, "facts");
    let done = app.rebuild(|leaf| bar.set_position(leaf)).await?;
    bar.finish_and_clear();
    let same = app.store().projection_digest().await? == before;
    say(
        json,
        || {
            let verdict = if same {
                "They are the same as before."
            } else {
                "They differ from before: the old ones were out of date or changed."
            };
            format!(
                "Read {} facts again and assessed {} people. {verdict}",
                thousands(done.facts),
                thousands(done.assessed)
            )
        },
        || json!({"facts": done.facts, "assessed": done.assessed, "refused": done.refused, "same_as_before": same}),
    );
    Ok(ExitCode::SUCCESS)
}

/// Seals accounts and units of before there were seals.
pub async fn seal(node: &NodeArgs, json: bool) -> Result<ExitCode> {
    let app = node::open(node).await?;
    let sealed = app.store().seal_identities().await?;
    say(json, || format!("{} accounts and units were sealed", thousands(sealed)), || json!({"sealed": sealed}));
    Ok(ExitCode::SUCCESS)
}
