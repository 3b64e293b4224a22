//! `sizao policy check`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use serde_json::{Value, json};
use sizao_policy::Pack;

use super::{
    folders::{self, Found},
    sign::{self, Signatures},
};
use crate::output;

pub fn run(places: &[PathBuf], json: bool) -> Result<ExitCode> {
    let asked = folders::find(places)?;
    let (mut lines, mut faults): (Vec<String>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut valid = Vec::new();
    match folders::check(&asked)? {
        Ok(checked) => {
            for (pack, found) in checked.packs.iter().zip(&asked) {
                match sign::signatures(found, None)? {
                    Signatures::Wrong(wrong) => {
                        lines.extend(wrong.iter().map(ToString::to_string));
                        faults.extend(sign::as_json(&wrong).as_array().cloned().unwrap_or_default());
                    }
                    Signatures::None => {
                        lines.push(told(pack, found, "not signed", &checked.packs));
                        valid.push(pack.id.to_string());
                    }
                    Signatures::Signed(by) => {
                        lines.push(told(pack, found, &format!("signed by {}", by.join(" and ")), &checked.packs));
                        valid.push(pack.id.to_string());
                    }
                }
            }
        }
        Err(wrong) => {
            lines.extend(wrong.iter().map(ToString::to_string));
            faults.extend(folders::faults_as_json(&wrong).as_array().cloned().unwrap_or_default());
        }
    }
    output::say(json, || lines.join("\n"), || json!({ "valid": valid, "faults": faults }));
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told(pack: &Pack, found: &Found, signed: &str, all: &[Pack]) -> String {
    let base = pack.overlay_of.as_ref().filter(|base| all.iter().all(|other| other.id != **base));
    let lacking =
        base.map_or_else(String::new, |base| format!("; without its base '{base}', not found here, it does nothing"));
    format!("{}: valid; {}; {signed}{lacking}", found.text.file, share(pack))
}

/// How many numbers of a pack have no source.
pub fn share(pack: &Pack) -> String {
    match pack.unsourced() {
        (_, 0) => "no numbers".to_owned(),
        (0, all) => format!("all {all} numbers have a source"),
        (unsourced, all) => {
            let percent = (unsourced * 100).div_ceil(all);
            format!("{unsourced} of {all} numbers without a source ({percent} %): default, not official")
        }
    }
}
