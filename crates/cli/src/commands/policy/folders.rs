//! Finding packs: files, folders of one pack, folders of packs, and the packs beside them on which overlays rest.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sizao_policy::{
    Pack, PackError,
    pack::{CheckedPacks, PackText, check_together},
};

use crate::node::read_text;

/// A pack on disk.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its file.
    pub file: PathBuf,
    /// What it says.
    pub text: PackText,
}

impl Found {
    /// The folder that holds it.
    pub fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}

/// The packs of these places, each once.
pub fn find(places: &[PathBuf]) -> Result<Vec<Found>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for place in places {
        for file in files_of(place)? {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    files.into_iter().map(read).collect()
}

/// Checks packs together with those beside them that their overlays rest on. The packs asked for come first.
pub fn check(asked: &[Found]) -> Result<Result<CheckedPacks, Vec<PackError>>> {
    let mut texts: Vec<PackText> = asked.iter().map(|found| found.text.clone()).collect();
    let mut open: Vec<Found> = asked.to_vec();
    while let Some(found) = open.pop() {
        let Some(base) = Pack::overlay_named_in(&found.text.text) else { continue };
        let Some(beside) = found.folder().parent().map(|parent| parent.join(&base).join("pack.toml")) else { continue };
        let is_there = texts.iter().any(|text| Pack::id_named_in(&text.text).as_deref() == Some(base.as_str()));
        if !is_there && beside.is_file() {
            let found = read(beside)?;
            texts.push(found.text.clone());
            open.push(found);
        }
    }
    Ok(check_together(&texts))
}

/// Faults as lines of words, or as values.
pub fn faults_as_json(faults: &[PackError]) -> Value {
    let each = faults.iter().map(|error| {
        json!({
            "file": error.file, "line": error.line, "column": error.column,
            "fault": error.fault.to_string(), "cure": error.fault.cure(),
        })
    });
    each.collect()
}

fn files_of(place: &Path) -> Result<Vec<PathBuf>> {
    if place.is_file() {
        return Ok(vec![place.to_owned()]);
    }
    let own = place.join("pack.toml");
    if own.is_file() {
        return Ok(vec![own]);
    }
    let entries = std::fs::read_dir(place).with_context(|| format!("reading {}", place.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry?.path().join("pack.toml");
        if file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        bail!("{} holds no pack: a pack is a folder with a file pack.toml", place.display());
    }
    files.sort();
    Ok(files)
}

pub fn read(file: PathBuf) -> Result<Found> {
    let is_pack = file.file_name().is_some_and(|name| name == "pack.toml");
    let whole = std::path::absolute(&file)?;
    let folder = whole.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let folder = folder.filter(|_| is_pack).map(str::to_owned);
    let text = PackText { folder, file: file.display().to_string(), text: read_text(&file)? };
    Ok(Found { file, text })
}
