//! `sizao pass`: the key of a node's passes, and checking passes without a network and without a store.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use ed25519_dalek::VerifyingKey;
use serde_json::json;
use sizao_interop::pass;
use sizao_model::{Clock, Instant};
use sizao_store::{from_hex, hex};

use crate::{
    args::{NodeArgs, parse_instant},
    node::{NodeKeys, SystemClock},
    output::say,
};

#[derive(Subcommand, Debug)]
pub enum Pass {
    /// The public key by which gates check this node's passes.
    Key,
    /// Check passes, one a line, without a network: signature, times, length of life. Exits with 1 when one is refused.
    Verify {
        /// File with passes; without it, standard input.
        file: Option<PathBuf>,
        /// Public key of a node, hexadecimal; several times for several nodes.
        #[arg(long = "public-key", required = true, value_parser = parse_key)]
        keys: Vec<VerifyingKey>,
        /// Check as if it were this moment.
        #[arg(long, value_parser = parse_instant, value_name = "MOMENT")]
        at: Option<Instant>,
    },
}

fn parse_key(text: &str) -> Result<VerifyingKey, String> {
    let bytes: [u8; 32] =
        from_hex(text).and_then(|bytes| bytes.try_into().ok()).ok_or("a public key has 64 hexadecimal digits")?;
    VerifyingKey::from_bytes(&bytes).map_err(|_| "this is no Ed25519 key".to_owned())
}

pub fn run(node: &NodeArgs, order: Pass, json: bool) -> Result<ExitCode> {
    match order {
        Pass::Key => {
            let key = hex(NodeKeys::load(node)?.recorder.verifying_key().as_bytes());
            say(json, || key.clone(), || json!({"public_key": key}));
            Ok(ExitCode::SUCCESS)
        }
        Pass::Verify { file, keys, at } => {
            let now = at.unwrap_or_else(|| SystemClock.now());
            let input: Box<dyn BufRead> = match &file {
                Some(path) => Box::new(std::io::BufReader::new(
                    std::fs::File::open(path).with_context(|| format!("reading {}", path.display()))?,
                )),
                None => Box::new(std::io::stdin().lock()),
            };
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let (mut count, mut refused) = (0u64, 0u64);
            for line in input.lines() {
                let line = line?;
                if line.trim().is_empty() {
                    continue;
                }
                count += 1;
                match pass::verify(&line, &keys, now) {
                    Ok(pass) if json => writeln!(
                        out,
                        "{}",
                        json!({"pass": count, "holds": true, "colour": pass.colour, "expires_at": pass.expires_at})
                    )?,
                    Ok(pass) => {
                        let colour = pass.colour.map_or(String::new(), |colour| format!(", {colour:?}").to_lowercase());
                        writeln!(out, "pass {count}: holds until {}{colour}", pass.expires_at)?;
                    }
                    Err(error) => {
                        refused += 1;
                        if json {
                            writeln!(
                                out,
                                "{}",
                                json!({"pass": count, "holds": false, "code": error.code(), "reason": error.to_string()})
                            )?;
                        } else {
                            writeln!(out, "pass {count}: {error}")?;
                        }
                    }
                }
            }
            out.flush()?;
            if count == 0 {
                bail!("there is no pass in the input: give one a line");
            }
            Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
    }
}
