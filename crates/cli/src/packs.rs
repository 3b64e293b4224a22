//! Policy packs: those that come with the program, and those of folders.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sizao_app::{Rules, pack_signatures::digest};
use sizao_model::{Fact, FactKind, Instant};
use sizao_policy::{AdoptedPack, Pack, PackTimeline, adopted_packs, pack::PackText};
use sizao_store::hex;

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
            let text = PackText { folder: Some(id.clone()), file: place.clone(), text: text.clone() };
            match Pack::read(&text) {
                Ok(pack) => packs.push(pack),
                Err(errors) => complaints.extend(errors.iter().map(ToString::to_string)),
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

    /// When which pack is in force, with what was adopted on record: an adoption of the text at hand comes before the
    /// day that the pack names. The second value says which adoptions are of another text.
    pub fn with_adoptions(&self, facts: &[Fact], known_at: Instant) -> Result<(PackTimeline, Vec<String>)> {
        let adoptions: Vec<&Fact> = facts
            .iter()
            .filter(|fact| matches!(fact.body.kind(), FactKind::PackAdopted | FactKind::Correction))
            .collect();
        let adopted = adopted_packs(&adoptions, known_at);
        let digests =
            self.timeline.packs().zip(&self.texts).map(|(pack, text)| (&*pack.id, hex(&digest(&pack.id, text))));
        let digests: Vec<(&str, String)> = digests.collect();
        let is_at_hand =
            |pack: &&AdoptedPack| digests.iter().any(|(id, sum)| **id == *pack.pack && *sum == pack.digest);
        let (at_hand, others): (Vec<&AdoptedPack>, Vec<&AdoptedPack>) = adopted.iter().partition(is_at_hand);
        let from: Vec<(&str, Instant)> = at_hand.iter().map(|pack| (pack.pack.as_str(), pack.from)).collect();
        let is_known = |pack: &&&AdoptedPack| digests.iter().any(|(id, _)| **id == *pack.pack);
        let told = others.iter().filter(is_known).map(|pack| {
            format!(
                "the pack '{}' that was adopted is another text than the one given: give the one that was signed",
                pack.pack
            )
        });
        Ok((self.timeline.in_force_from(&from)?, told.collect()))
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
