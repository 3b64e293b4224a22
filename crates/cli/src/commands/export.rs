//! `sizao export`

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use serde_json::json;

use crate::{
    args::NodeArgs,
    node,
    output::{self, WholeFile, say, thousands},
};

/// Facts for another store, or for `sizao assess`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  sizao export facts.ndjson                              write all facts, one a line
  sizao --store other.db import facts.ndjson --sender x  take them in elsewhere; sent again they change nothing

Names and papers stay in the vault: people are opaque ids. What was erased cannot be written.")]
pub struct Export {
    /// File to write (.zst is compressed); - for standard output.
    file: PathBuf,
}

pub async fn run(node: &NodeArgs, order: Export, json: bool) -> Result<ExitCode> {
    let app = node::open(node).await?;
    let bar = output::progress_bar(app.store().size().await?, "facts");
    let mut out = WholeFile::create(&order.file)?;
    let done = app.export_facts(&mut out, |leaf| bar.set_position(leaf)).await?;
    out.finish()?;
    bar.finish_and_clear();
    if order.file.as_os_str() != "-" {
        say(
            json,
            || {
                let mut words = format!("Wrote {} facts to {}.", thousands(done.facts), order.file.display());
                for (count, why) in [
                    (done.erased, "were erased"),
                    (done.about_this_log, "speak of this log itself (erasures, adoptions of packs) and were left out"),
                    (done.refused, "do not fit their seal and were left out: run `sizao log verify`"),
                ] {
                    if count > 0 {
                        words.push_str(&format!(" {} {why}.", thousands(count)));
                    }
                }
                words
            },
            || {
                json!({
                    "file": order.file, "facts": done.facts, "erased": done.erased,
                    "about_this_log": done.about_this_log, "refused": done.refused,
                })
            },
        );
    }
    Ok(if done.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
