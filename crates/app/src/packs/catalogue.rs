//! Which packs there are: in force, coming, past, at hand and not adopted; reading one; bringing a new one in.

use sizao_model::Instant;
use sizao_policy::{PackError, pack::PackText, pack::check_together};
use sizao_store::{PackTextRecord, from_hex};

use super::{PackSource, Rules};
use crate::{
    App, AppError,
    authorization::{Action, Purpose, can, usual_purpose},
    identity::Actor,
    refusal::Refusal,
};

/// Packs brought in that are looked at.
const TEXTS_MAX: u32 = 200;
/// Longest text of a pack, bytes.
const TEXT_BYTES_MAX: usize = 256 << 10;

/// Whether a pack is in force at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PackState {
    /// It is (现行).
    InForce,
    /// It will be (待施行).
    Coming,
    /// Nobody adopted it (未施行).
    AtHand,
    /// It was (已废止).
    Past,
}

impl PackState {
    /// The word in the locales.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::Coming => "coming",
            Self::AtHand => "at-hand",
            Self::Past => "past",
        }
    }
}

/// A pack of the list.
#[derive(Clone, Debug)]
pub struct PackLine {
    /// The pack with its text.
    pub source: PackSource,
    /// Whether it is in force.
    pub state: PackState,
    /// From when, until when, where that is known.
    pub stretch: Option<(Instant, Option<Instant>)>,
}

/// What is wrong with the text of a pack, by line and column.
#[derive(Clone, Debug)]
pub struct PackFaults(pub Vec<PackError>);

impl App {
    /// Every pack at hand: in force, coming, at hand, past.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_packs(&self, actor: &Actor) -> Result<Vec<PackLine>, AppError> {
        let purpose = usual_purpose(actor, Action::ViewPacks)?;
        can(actor, Action::ViewPacks, actor.division, purpose)?;
        self.packs_at_hand().await
    }

    /// One pack by its digest.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn view_pack(&self, actor: &Actor, digest: &str) -> Result<PackLine, AppError> {
        let lines = self.list_packs(actor).await?;
        Ok(lines.into_iter().find(|line| line.source.digest == digest).ok_or(Refusal::NotFound)?)
    }

    /// Brings in a pack; it is compared and adopted later. The faults of its text come back with their places.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn bring_in_pack(
        &self,
        actor: &Actor,
        text: &str,
        wall: Instant,
    ) -> Result<Result<PackSource, PackFaults>, AppError> {
        can(actor, Action::AdoptPacks, actor.division, Purpose::Administration)?;
        if text.len() > TEXT_BYTES_MAX || text.trim().is_empty() {
            return Err(Refusal::field("text", if text.trim().is_empty() { "required" } else { "too-long" }).into());
        }
        let rules = self.rules();
        // An overlay is checked together with what it rests on; errors of that are not this text's.
        let file = |text: &str| PackText { folder: None, file: "pack.toml".to_owned(), text: text.to_owned() };
        let own = sizao_policy::Pack::id_named_in(text).unwrap_or_default();
        let others = rules.sources.iter().chain(rules.library.iter()).filter(|source| *source.id != *own);
        let texts: Vec<PackText> = std::iter::once(file(text))
            .chain(others.map(|source| PackText {
                folder: Some(source.id.to_string()),
                file: format!("{}/pack.toml", source.id),
                text: source.text.to_string(),
            }))
            .collect();
        if let Err(faults) = check_together(&texts) {
            let own: Vec<PackError> = faults.into_iter().filter(|fault| fault.file == "pack.toml").collect();
            if !own.is_empty() {
                return Ok(Err(PackFaults(own)));
            }
        }
        let source = PackSource::read(text).ok_or(Refusal::field("text", "pack-unreadable"))?;
        let digest = from_hex(&source.digest).and_then(|bytes| bytes.try_into().ok());
        let record = PackTextRecord {
            digest: digest.ok_or(AppError::Stopped("a digest is 32 bytes"))?,
            pack: source.id.to_string(),
            text: text.to_owned(),
            kept_by: actor.account,
            kept_at: wall,
        };
        self.store().keep_pack_text(&record).await?;
        Ok(Ok(source))
    }

    /// The packs of the digests; each has to be at hand.
    pub(super) async fn packs_named(&self, digests: &[String]) -> Result<Vec<PackSource>, AppError> {
        let lines = self.packs_at_hand().await?;
        let of = |digest: &String| lines.iter().find(|line| line.source.digest == *digest).map(|l| l.source.clone());
        let found: Option<Vec<PackSource>> = digests.iter().map(of).collect();
        Ok(found.filter(|found| !found.is_empty()).ok_or(Refusal::field("pack", "choose"))?)
    }

    async fn packs_at_hand(&self) -> Result<Vec<PackLine>, AppError> {
        let rules = self.rules();
        let now = self.now();
        let mut sources = rules.sources.to_vec();
        let brought = self.store().list_pack_texts(TEXTS_MAX).await?;
        for source in
            rules.library.iter().cloned().chain(brought.iter().filter_map(|kept| PackSource::read(&kept.text)))
        {
            if sources.iter().all(|known| known.digest != source.digest) {
                sources.push(source);
            }
        }
        let mut lines: Vec<PackLine> = sources.into_iter().map(|source| line(&rules, source, now)).collect();
        lines.sort_by_key(|line| {
            (line.state, line.stretch.map(|(from, _)| std::cmp::Reverse(from)), line.source.id.clone())
        });
        Ok(lines)
    }
}

/// Where a pack stands. Of two texts of one id the older one goes on under another name; it is past.
fn line(rules: &Rules, source: PackSource, now: Instant) -> PackLine {
    let in_timeline = rules.sources.iter().any(|known| known.digest == source.digest);
    let is_this = |pack: &&sizao_policy::Pack| {
        // The adopted pack has another first instant than its text names.
        sizao_policy::Pack { valid_from: source.pack.valid_from, ..(*pack).clone() } == *source.pack
    };
    let named = rules.timeline.packs().find(|pack| pack.id == source.id).filter(is_this);
    let stretch = named.and_then(|pack| rules.timeline.stretch(&pack.id));
    let state = match stretch {
        Some((from, _)) if from > now => PackState::Coming,
        Some((_, until)) if until.is_none_or(|until| until > now) => PackState::InForce,
        Some(_) => PackState::Past,
        None if in_timeline => PackState::Past,
        None => PackState::AtHand,
    };
    PackLine { source, state, stretch }
}
