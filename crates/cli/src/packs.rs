//! Policy packs: those that come with the program, and those of folders.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sizao_app::{
    Rules,
    pack_signatures::{self, Organisations, canonical, digest},
};
use sizao_model::{Fact, FactKind, Instant};
use sizao_policy::{
    AdoptedPack, PackTimeline, adopted_packs,
    pack::{PackText, check_together},
};
use sizao_store::hex;

use crate::node::read_text;

/// The packs that come with the program.
const BUILT_IN: [(&str, &str); 2] = [
    ("cn-covid-v8", include_str!("../../../policies/cn-covid-v8/pack.toml")),
    ("cn-covid-v9", include_str!("../../../policies/cn-covid-v9/pack.toml")),
];

/// Packs at hand that are in force only where somebody adopts them, or names their folder.
const LIBRARY: [&str; 10] = [
    include_str!("../../../policies/cn-twenty/pack.toml"),
    include_str!("../../../policies/cn-new-ten/pack.toml"),
    include_str!("../../../policies/cn-class-B-B/pack.toml"),
    include_str!("../../../policies/cn-covid-v8/pack.toml"),
    include_str!("../../../policies/cn-covid-v9/pack.toml"),
    include_str!("../../../policies/ha-arrival-0322/pack.toml"),
    include_str!("../../../policies/ha-normal-2.0/pack.toml"),
    include_str!("../../../policies/ha-window-4/pack.toml"),
    include_str!("../../../policies/measles-cn/pack.toml"),
    include_str!("../../../policies/ebola-who/pack.toml"),
];

/// File beside a pack that holds its signatures.
pub const SIGNATURES: &str = "pack.sig.toml";
/// File beside the folders of packs that names the organisations.
pub const ORGANISATIONS: &str = "organisations.toml";

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
        let texts: Vec<PackText> = named
            .iter()
            .map(|(id, text, place)| PackText { folder: Some(id.clone()), file: place.clone(), text: text.clone() })
            .collect();
        match check_together(&texts) {
            Ok(checked) => {
                Ok(Self { timeline: checked.timeline, texts: named.iter().map(|(_, text, _)| text.clone()).collect() })
            }
            Err(faults) => bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        }
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
        Rules::new(self.timeline, &texts).with_library(&LIBRARY)
    }
}

fn read(folder: &Path) -> Result<(String, String, String)> {
    let file = folder.join("pack.toml");
    let id = folder.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let id = id.with_context(|| format!("{}: the folder's name is the pack's id", folder.display()))?;
    let text = read_text(&file)?;
    refuse_failing_signatures(folder, &id, &text)?;
    Ok((id, text, file.display().to_string()))
}

/// Refuses a signed pack whose signatures do not hold. Where nobody says who may sign, nothing can be told of them.
fn refuse_failing_signatures(folder: &Path, id: &str, text: &str) -> Result<()> {
    let file = folder.join(SIGNATURES);
    let list = std::path::absolute(folder)?.parent().unwrap_or(Path::new("/")).join(ORGANISATIONS);
    if !file.exists() || !list.exists() {
        return Ok(());
    }
    let known = Organisations::from_toml(&list.display().to_string(), &read_text(&list)?)?;
    let verified =
        pack_signatures::verify(&file.display().to_string(), &read_text(&file)?, &canonical(id, text), &known);
    match verified {
        Ok(_) => Ok(()),
        Err(faults) => bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}
