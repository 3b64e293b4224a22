//! Packs: those given to the program, those brought in, and what of them is in force by the adoptions in the log.

mod adoption;
mod catalogue;
mod comparison;
mod in_force;

use std::sync::Arc;

use sizao_model::Instant;
use sizao_policy::PackTimeline;
pub use sizao_policy::{
    PackError,
    change::{Change, Counts},
    pack::{Effect, Mark, NumberNote, Pack, Phase, Text},
};
use sizao_store::{hex, sha256};

use crate::pack_signatures::digest;

pub(crate) use self::in_force::{InForce, may_change_packs};
pub use self::{
    adoption::{AdoptionLine, NewAdoption},
    catalogue::{PackFaults, PackLine, PackState},
    comparison::{Asked, Changed, ChangedPage, Compared, TwoPlans, Which},
};

/// A pack with the text that it was read from.
#[derive(Clone, Debug)]
pub struct PackSource {
    /// Its id.
    pub id: Arc<str>,
    /// SHA-256 of what is signed, hexadecimal.
    pub digest: String,
    /// `pack.toml`.
    pub text: Arc<str>,
    /// The pack.
    pub pack: Arc<Pack>,
}

impl PackSource {
    /// A pack from its text; nothing when it is none.
    pub fn read(text: &str) -> Option<Self> {
        let id = Pack::id_named_in(text)?;
        let pack = Pack::from_toml(&id, text).ok()?;
        let digest = hex(&digest(&id, text));
        Some(Self { id: id.as_str().into(), digest, text: text.into(), pack: Arc::new(pack) })
    }
}

/// The packs by which a node assesses, with a digest of their texts and of the engine.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Packs of every disease, by the time from which they are in force.
    pub timeline: Arc<PackTimeline>,
    /// Digest of the packs' texts and of this program's version; part of every stored assessment.
    pub context: [u8; 32],
    /// The packs of the timeline, with their texts.
    pub sources: Arc<Vec<PackSource>>,
    /// Packs at hand that are not in force unless they are adopted.
    pub library: Arc<Vec<PackSource>>,
}

impl Rules {
    /// Rules from packs; `texts` are the files they were read from.
    pub fn new(timeline: PackTimeline, texts: &[&str]) -> Self {
        let mut parts: Vec<&[u8]> = vec![env!("CARGO_PKG_VERSION").as_bytes()];
        parts.extend(texts.iter().map(|text| text.as_bytes()));
        let sources = texts.iter().filter_map(|text| PackSource::read(text)).collect();
        Self {
            timeline: Arc::new(timeline),
            context: sha256(&parts),
            sources: Arc::new(sources),
            library: Arc::default(),
        }
    }

    /// The same with packs at hand that are not in force unless they are adopted.
    #[must_use]
    pub fn with_library(self, texts: &[&str]) -> Self {
        let sources = texts.iter().filter_map(|text| PackSource::read(text));
        let is_new = |source: &PackSource| self.sources.iter().all(|known| known.digest != source.digest);
        Self { library: Arc::new(sources.filter(is_new).collect()), ..self }
    }

    /// What stored assessments rest on besides facts: packs, program, and the last moment at which packs changed.
    pub(crate) fn standing(&self, now: Instant) -> [u8; 32] {
        let since = self.timeline.last_adoption(now).map_or(i64::MIN, Instant::as_micros);
        sha256(&[&self.context, &since.to_be_bytes()])
    }

    /// What decides whom a fact can concern at all.
    pub(crate) fn coverage(&self) -> [u8; 32] {
        sha256(&[env!("CARGO_PKG_VERSION").as_bytes(), &[u8::from(self.timeline.has_arrival_rule())]])
    }
}
