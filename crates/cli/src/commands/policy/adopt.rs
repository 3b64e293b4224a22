//! `sizao policy adopt`: writes the fact by which a pack takes effect. `sizao import` takes it in.

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use serde_json::json;
use sizao_app::pack_signatures::digest;
use sizao_model::{Clock, Instant};
use sizao_policy::Pack;
use sizao_store::hex;

use super::{
    folders,
    sign::{self, Signatures},
};
use crate::{
    args::parse_instant,
    node::SystemClock,
    output::{WholeFile, say},
};

/// Adopt a pack that two organisations signed.
#[derive(ClapArgs, Debug)]
pub struct Adopt {
    /// The folder of the pack.
    pub pack: PathBuf,
    /// When it takes effect; it may lie ahead.
    #[arg(long, value_parser = parse_instant)]
    pub at: Instant,
    /// File for the fact, to be taken in by `sizao import`.
    #[arg(long)]
    pub out: PathBuf,
    /// The list of organisations; left out: organisations.toml beside the folder of the pack.
    #[arg(long)]
    pub organisations: Option<PathBuf>,
}

pub fn run(order: &Adopt, json: bool) -> Result<ExitCode> {
    let asked = folders::find(std::slice::from_ref(&order.pack))?;
    let [found] = &asked[..] else { bail!("{} holds several packs: adopt each", order.pack.display()) };
    let pack = match Pack::read(&found.text) {
        Ok(pack) => pack,
        Err(faults) => bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    };
    let signers = match sign::signatures(found, order.organisations.as_deref())? {
        Signatures::Signed(by) => by,
        Signatures::None => bail!("{} is not signed. Two different organisations sign: sizao policy sign", pack.id),
        Signatures::Wrong(faults) => bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    };
    let sum = hex(&digest(&pack.id, &found.text.text));
    let fact = json!({
        "id": format!("adoption {} {} {}", pack.id, &sum[..16], order.at), "kind": "pack_adopted",
        "happened": { "at": order.at }, "recorded_at": SystemClock.now(),
        "body": { "pack": &*pack.id, "digest": sum, "signers": signers, "text": found.text.text },
    });
    let mut out = WholeFile::create(&order.out)?;
    writeln!(out, "{fact}")?;
    out.finish()?;
    let words = || {
        let (id, at, by, out) = (&pack.id, order.at, signers.join(" and "), order.out.display());
        format!("{id} takes effect at {at}, signed by {by}. Take the fact in: sizao import {out}")
    };
    say(json, words, || fact.clone());
    Ok(ExitCode::SUCCESS)
}
