//! `sizao policy check`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use serde_json::json;
use sizao_policy::Pack;

use super::folders;
use crate::output;

pub fn run(places: &[PathBuf], json: bool) -> Result<ExitCode> {
    let asked = folders::find(places)?;
    match folders::check(&asked)? {
        Ok(checked) => {
            let packs = &checked.packs[..asked.len()];
            let words = || packs.iter().zip(&asked).map(|(pack, found)| valid(pack, &found.text.file)).collect();
            let value = || json!({ "valid": packs.iter().map(|pack| &*pack.id).collect::<Vec<_>>(), "faults": [] });
            output::say(json, words, value);
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            let words = || faults.iter().map(|error| format!("{error}\n")).collect();
            output::say(json, words, || json!({ "valid": [], "faults": folders::faults_as_json(&faults) }));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn valid(pack: &Pack, file: &str) -> String {
    format!("{file}: valid; {}\n", share(pack))
}

/// How many numbers of a pack have no source.
pub fn share(pack: &Pack) -> String {
    match pack.unsourced() {
        (_, 0) => "no numbers".to_owned(),
        (0, all) => format!("all {all} numbers have a source"),
        (unsourced, all) => {
            format!(
                "{unsourced} of {all} numbers without a source ({} %): default, not official",
                (unsourced * 100).div_ceil(all)
            )
        }
    }
}
