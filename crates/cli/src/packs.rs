//! Policy packs: those that come with the program, and those of folders.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sizao_app::Rules;
use sizao_policy::{Pack, PackTimeline};

use crate::node::read_text;

/// The packs that come with the program.
const BUILT_IN: [(&str, &str); 2] = [
    ("cn-covid-v8", include_str!("../../../policies/cn-covid-v8/pack.toml")),
    ("cn-covid-v9", include_str!("../../../policies/cn-covid-v9/pack.toml")),
];

/// Packs with the texts they were read from.
pub struct Packs {
    pub timeline: PackTimeline,
    texts: Vec<String>,
}

impl Packs {
    /// The packs of these folders; without any, those that come with the program.
    ///
    /// # Errors
    /// Every error of every pack, with file, line and column.
    pub fn load(folders: &[PathBuf]) -> Result<Self> {
        let named: Vec<(String, String, String)> = if folders.is_empty() {
            BUILT_IN.map(|(id, text)| (id.to_owned(), text.to_owned(), format!("built-in pack {id}"))).into()
        } else {
            folders.iter().map(|folder| read(folder)).collect::<Result<_>>()?
        };
        Self::from_named(&named)
    }

    fn from_named(named: &[(String, String, String)]) -> Result<Self> {
        let mut packs = Vec::new();
        let mut complaints = Vec::new();
        for (id, text, place) in named {
            match Pack::from_toml(id, text) {
                Ok(pack) => packs.push(pack),
                Err(errors) => complaints.extend(errors.iter().map(|error| format!("{place}: {error}"))),
            }
        }
        if !complaints.is_empty() {
            bail!("{}", complaints.join("\n"));
        }
        let timeline = PackTimeline::new(packs)?;
        Ok(Self { timeline, texts: named.iter().map(|(_, text, _)| text.clone()).collect() })
    }

    /// One pack from its text.
    ///
    /// # Errors
    /// Its errors.
    pub fn one(id: &str, text: &str) -> Result<Self> {
        Self::from_named(&[(id.to_owned(), text.to_owned(), id.to_owned())])
    }

    /// The packs that come with the program, and one more.
    ///
    /// # Errors
    /// Their errors.
    pub fn with_built_in(id: &str, text: &str) -> Result<Self> {
        let mut named: Vec<(String, String, String)> =
            BUILT_IN.map(|(id, text)| (id.to_owned(), text.to_owned(), format!("built-in pack {id}"))).into();
        named.push((id.to_owned(), text.to_owned(), id.to_owned()));
        Self::from_named(&named)
    }

    /// As rules of a node.
    pub fn into_rules(self) -> Rules {
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        Rules::new(self.timeline, &texts)
    }
}

fn read(folder: &Path) -> Result<(String, String, String)> {
    let file = folder.join("pack.toml");
    let id = folder.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let id = id.with_context(|| format!("{}: the folder's name is the pack's id", folder.display()))?;
    Ok((id, read_text(&file)?, file.display().to_string()))
}
