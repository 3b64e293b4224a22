//! `sizao policy key`, `sign` and `verify`: who answers for a pack.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;
use ed25519_dalek::SigningKey;
use serde_json::json;
use sizao_app::pack_signatures::{self, Organisations, SignatureError, canonical, digest, key_id};
use sizao_store::{from_hex, hex};

use super::folders::{self, Found};
use crate::{
    node::{entropy, read_text},
    output::{WholeFile, say},
    packs::{ORGANISATIONS, SIGNATURES},
};

const KEY_PREFIX: &str = "sizao-pack-key:";

/// Make a key to sign packs with.
#[derive(ClapArgs, Debug)]
pub struct Key {
    /// File for the secret key; one that is there is left alone.
    #[arg(long)]
    pub out: PathBuf,
}

/// Sign a pack.
#[derive(ClapArgs, Debug)]
pub struct Sign {
    /// The folder of the pack.
    pub pack: PathBuf,
    /// File with the secret key, made by `sizao policy key`.
    #[arg(long = "with", value_name = "FILE")]
    pub with: PathBuf,
    /// The organisation that signs, as the list of organisations calls it.
    #[arg(long)]
    pub organisation: String,
}

/// Check the signatures of packs.
#[derive(ClapArgs, Debug)]
pub struct Verify {
    /// pack.toml, the folder of a pack, or a folder of such folders.
    #[arg(required = true, value_name = "PLACE")]
    pub places: Vec<PathBuf>,
    /// The list of organisations; left out: organisations.toml beside the folder of the pack.
    #[arg(long)]
    pub organisations: Option<PathBuf>,
}

pub fn key(order: &Key, json: bool) -> Result<ExitCode> {
    let mut seed = [0; 32];
    entropy()(&mut seed);
    let key = SigningKey::from_bytes(&seed);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&order.out).with_context(|| format!("making {}", order.out.display()))?;
    file.write_all(format!("{KEY_PREFIX}{}\n", hex(&seed)).as_bytes())?;
    file.sync_all()?;
    let (id, public) = (key_id(&key.verifying_key()), hex(key.verifying_key().as_bytes()));
    let words = || {
        format!(
            "Key {id} is in {}: keep it secret.\nPublic key, for the list of organisations: {public}",
            order.out.display()
        )
    };
    say(json, words, || json!({ "key": id, "public": public, "file": order.out }));
    Ok(ExitCode::SUCCESS)
}

pub fn sign(order: &Sign, json: bool) -> Result<ExitCode> {
    let asked = folders::find(std::slice::from_ref(&order.pack))?;
    let [found] = &asked[..] else { bail!("{} holds several packs: sign each", order.pack.display()) };
    if let Err(faults) = folders::check(&asked)? {
        bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    let id = id_of(found)?;
    let secret = read_text(&order.with)?;
    let seed = secret.trim().strip_prefix(KEY_PREFIX).and_then(from_hex);
    let seed = seed.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let seed = seed.with_context(|| format!("{} is no key that `sizao policy key` made", order.with.display()))?;
    let file = found.folder().join(SIGNATURES);
    let text = if file.exists() { read_text(&file)? } else { String::new() };
    let name = file.display().to_string();
    let bytes = canonical(&id, &found.text.text);
    let text = pack_signatures::sign(&name, &text, &bytes, &order.organisation, &SigningKey::from_bytes(&seed))?;
    let mut out = WholeFile::create(&file)?;
    out.write_all(text.as_bytes())?;
    out.finish()?;
    let sum = hex(&digest(&id, &found.text.text));
    let words = || format!("{id} is signed for {} in {name}.\nDigest of the pack: {sum}", order.organisation);
    say(json, words, || json!({ "pack": id, "organisation": order.organisation, "digest": sum, "file": name }));
    Ok(ExitCode::SUCCESS)
}

pub fn verify(order: &Verify, json: bool) -> Result<ExitCode> {
    let mut wrong = false;
    for found in &folders::find(&order.places)? {
        let state = signatures(found, order.organisations.as_deref())?;
        wrong |= !matches!(state, Signatures::Signed(_));
        let file = &found.text.file;
        let words = || match &state {
            Signatures::Signed(by) => format!("{file}: signed by {}", by.join(" and ")),
            Signatures::None => format!("{file}: not signed. Two different organisations sign: sizao policy sign"),
            Signatures::Wrong(faults) => faults.iter().map(|error| format!("{error}\n")).collect(),
        };
        let value = || match &state {
            Signatures::Signed(by) => json!({ "file": file, "signed_by": by }),
            Signatures::None => json!({ "file": file, "signed_by": [] }),
            Signatures::Wrong(faults) => json!({ "file": file, "faults": as_json(faults) }),
        };
        say(json, words, value);
    }
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What is known about the signatures of a pack.
pub enum Signatures {
    /// By these organisations.
    Signed(Vec<String>),
    /// There is no file of signatures.
    None,
    /// This is wrong with them.
    Wrong(Vec<SignatureError>),
}

/// Reads and checks the signatures beside a pack.
pub fn signatures(found: &Found, organisations: Option<&Path>) -> Result<Signatures> {
    let file = found.folder().join(SIGNATURES);
    if !file.exists() {
        return Ok(Signatures::None);
    }
    let list = match organisations {
        Some(list) => list.to_owned(),
        None => std::path::absolute(found.folder())?.parent().unwrap_or(Path::new("/")).join(ORGANISATIONS),
    };
    let known = if list.exists() {
        Organisations::from_toml(&list.display().to_string(), &read_text(&list)?)
    } else if organisations.is_some() {
        bail!("reading {}: there is no such file", list.display());
    } else {
        Ok(Organisations::default())
    };
    let known = match known {
        Ok(known) => known,
        Err(error) => return Ok(Signatures::Wrong(vec![error])),
    };
    let bytes = canonical(&id_of(found)?, &found.text.text);
    Ok(match pack_signatures::verify(&file.display().to_string(), &read_text(&file)?, &bytes, &known) {
        Ok(by) => Signatures::Signed(by),
        Err(faults) => Signatures::Wrong(faults),
    })
}

/// Faults of signatures as values.
pub fn as_json(faults: &[SignatureError]) -> serde_json::Value {
    let each = faults.iter().map(|error| {
        json!({
            "file": error.file, "line": error.line, "column": error.column,
            "fault": error.fault.to_string(), "cure": error.fault.cure(),
        })
    });
    each.collect()
}

fn id_of(found: &Found) -> Result<String> {
    sizao_policy::Pack::id_named_in(&found.text.text).with_context(|| format!("{} names no id", found.text.file))
}
