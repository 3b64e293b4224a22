//! Adopting a pack: proposed and signed by one account, signed by a second one of another organisation, then a fact in
//! the log that carries the pack.

use ed25519_dalek::{Signature, Signer, SigningKey, Verifier};
use sizao_model::{
    DivisionCode, Happened, Instant,
    division::DivisionLevel,
    fact::{FactBody, PackAdopted},
};
use sizao_store::{AdoptionRecord, Channel, IntakeKey, NewFact, Receipt, from_hex, hex};
use uuid::Uuid;

use super::PackSource;
use crate::{
    App, AppError,
    access::Reason,
    accounts::NowV7,
    authorization::{Action, Purpose, can, usual_purpose},
    identity::Actor,
    refusal::Refusal,
};

/// Proposals on a page.
const LISTED_MAX: u32 = 100;
/// How far ahead a pack may be adopted, days.
const AHEAD_DAYS_MAX: i64 = 366;

/// What a proposer fills in.
#[derive(Clone, Debug, Default)]
pub struct NewAdoption {
    /// Digest of the pack.
    pub digest: String,
    /// When it takes effect, in Asia/Shanghai: `2022-03-28T00:00`.
    pub at: String,
    /// Why.
    pub reason: String,
}

/// A proposal with who signed it.
#[derive(Clone, Debug)]
pub struct AdoptionLine {
    /// The proposal.
    pub record: AdoptionRecord,
    /// Who proposed it: account and organisation.
    pub proposed_by: (String, String),
    /// Who put the second signature.
    pub signed_by: Option<(String, String)>,
    /// The proposer's organisation.
    pub unit: Uuid,
}

/// What both sign: the pack by its digest, and when it takes effect.
fn statement(pack: &str, digest: &[u8; 32], at: Instant) -> Vec<u8> {
    format!("sizao pack adoption, version 1\n{pack}\n{}\n{at}\n", hex(digest)).into_bytes()
}

impl App {
    /// Proposals and adoptions, latest first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_adoptions(&self, actor: &Actor) -> Result<Vec<AdoptionLine>, AppError> {
        let purpose = usual_purpose(actor, Action::ViewPacks)?;
        can(actor, Action::ViewPacks, actor.division, purpose)?;
        let mut lines = Vec::new();
        for record in self.store().list_adoptions(LISTED_MAX).await? {
            let (proposed_by, unit) = self.signer_of(record.proposed.0).await?;
            let signed_by = match &record.signed {
                Some((account, ..)) => Some(self.signer_of(*account).await?.0),
                None => None,
            };
            lines.push(AdoptionLine { record, proposed_by, signed_by, unit });
        }
        Ok(lines)
    }

    /// Proposes to adopt a pack, with the first signature.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn propose_adoption(
        &self,
        actor: &Actor,
        form: &NewAdoption,
        wall: Instant,
    ) -> Result<AdoptionRecord, AppError> {
        may_adopt(actor)?;
        let source = self.packs_named(std::slice::from_ref(&form.digest)).await?.remove(0);
        let at = moment(&form.at).ok_or(Refusal::field("at", "moment"))?;
        let now = self.now();
        if at < now || at > now.plus_hours(24 * AHEAD_DAYS_MAX) {
            return Err(Refusal::field("at", "adoption-time").into());
        }
        Reason::parse(&form.reason)?;
        let with = self.rules().timeline.with_adopted(&[(*source.pack).clone()], at);
        with.map_err(|_| Refusal::field("at", "adoption-clash"))?;
        let digest = digest_of(&source)?;
        let key = self.store().account_key(actor.account, wall).await?;
        let signature = key.sign(&statement(&source.id, &digest, at)).to_bytes().to_vec();
        let record = AdoptionRecord {
            id: Uuid::now_v7_at(wall),
            pack: source.id.to_string(),
            digest,
            takes_effect_at: at,
            reason: form.reason.trim().to_owned(),
            proposed: (actor.account, now, signature),
            signed: None,
            withdrawn: None,
        };
        self.store().propose_adoption(&record).await?;
        let told = Reason::of(&format!("proposed {} for {at}", record.pack));
        self.log_deed(actor, Action::AdoptPacks, Purpose::Administration, None, told, wall).await?;
        Ok(record)
    }

    /// Puts the second signature, by another person of another organisation: the adoption is in the log.
    ///
    /// # Errors
    /// [`Refusal::SameUnit`], [`Refusal::Changed`] when it was signed, withdrawn or its time has passed,
    /// [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn sign_adoption(&self, actor: &Actor, id: Uuid, wall: Instant) -> Result<(), AppError> {
        can(actor, Action::AdoptPacks, actor.division, Purpose::Administration)?;
        let record = self.store().load_adoption(id).await?.ok_or(Refusal::NotFound)?;
        may_adopt(actor)?;
        let ((_, first_unit), proposer_unit) = self.signer_of(record.proposed.0).await?;
        if record.proposed.0 == actor.account || proposer_unit == actor.unit || first_unit == actor.unit_name {
            return Err(Refusal::SameUnit.into());
        }
        let now = self.now();
        if record.signed.is_some() || record.withdrawn.is_some() || record.takes_effect_at < now {
            return Err(Refusal::Changed.into());
        }
        let said = statement(&record.pack, &record.digest, record.takes_effect_at);
        let first = self.store().account_key(record.proposed.0, wall).await?;
        check(&first, &said, &record.proposed.2)?;
        let source = self.packs_named(&[hex(&record.digest)]).await?.remove(0);
        let signature = self.store().account_key(actor.account, wall).await?.sign(&said).to_bytes().to_vec();
        let signers = [first_unit, actor.unit_name.clone()];
        let fact = self.append_adoption(actor, &record, &source, signers).await?;
        if !self.store().sign_adoption(id, actor.account, now, &signature, fact).await? {
            return Err(Refusal::Changed.into());
        }
        let told = Reason::of(&format!("signed {} for {}", record.pack, record.takes_effect_at));
        self.log_deed(actor, Action::AdoptPacks, Purpose::Administration, None, told, wall).await
    }

    /// Withdraws a proposal that has no second signature; the proposer, or somebody of the same organisation.
    ///
    /// # Errors
    /// [`Refusal::Changed`], [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn withdraw_adoption(&self, actor: &Actor, id: Uuid, wall: Instant) -> Result<(), AppError> {
        can(actor, Action::AdoptPacks, actor.division, Purpose::Administration)?;
        let record = self.store().load_adoption(id).await?.ok_or(Refusal::NotFound)?;
        if self.signer_of(record.proposed.0).await?.1 != actor.unit {
            return Err(Refusal::NotFound.into());
        }
        if !self.store().withdraw_adoption(id, actor.account, self.now()).await? {
            return Err(Refusal::Changed.into());
        }
        let told = Reason::of(&format!("withdrew {}", record.pack));
        self.log_deed(actor, Action::AdoptPacks, Purpose::Administration, None, told, wall).await
    }

    /// Name and organisation of an account, and the organisation's id.
    async fn signer_of(&self, account: Uuid) -> Result<((String, String), Uuid), AppError> {
        let account = self.store().load_account(account).await?.ok_or(Refusal::NotFound)?;
        let unit = self.store().load_unit(account.unit).await?.ok_or(Refusal::NotFound)?;
        Ok(((account.name, unit.name), unit.id))
    }

    /// The adoption as a fact that carries the pack; the same proposal is never two facts.
    async fn append_adoption(
        &self,
        actor: &Actor,
        record: &AdoptionRecord,
        source: &PackSource,
        signers: [String; 2],
    ) -> Result<sizao_model::FactId, AppError> {
        let (now, store) = (self.now(), self.store());
        let pen = self.pen(actor).await?;
        let fact = NewFact {
            id: store.new_fact_id(now),
            person: None,
            division: DivisionCode::HENAN,
            happened: Happened::at(record.takes_effect_at),
            recorded_at: now,
            body: FactBody::PackAdopted(PackAdopted {
                pack: record.pack.as_str().into(),
                digest: hex(&record.digest).into(),
                signers: signers.iter().map(|signer| signer.as_str().into()).collect(),
                text: Some((*source.text).into()),
            }),
            recorder: pen.recorder,
            channel: Channel::Page,
            source: store.source("pack adoptions").await?,
            intake_key: IntakeKey::Sender(record.id.to_string().into()),
        };
        match self.append_signed(vec![fact], &pen).await?.first() {
            Some(Receipt::Conflict { .. }) => Err(Refusal::Changed.into()),
            Some(receipt) => Ok(receipt.id()),
            None => Err(AppError::Stopped("no receipt for an adoption")),
        }
    }
}

/// Packs hold for everybody whom a node looks after: counties and below do not adopt them.
fn may_adopt(actor: &Actor) -> Result<(), AppError> {
    can(actor, Action::AdoptPacks, actor.division, Purpose::Administration)?;
    match actor.division.level() {
        DivisionLevel::Province | DivisionLevel::City => Ok(()),
        _ => Err(Refusal::field("pack", "adoption-level").into()),
    }
}

fn digest_of(source: &PackSource) -> Result<[u8; 32], AppError> {
    let bytes = from_hex(&source.digest).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(AppError::Stopped("a digest is 32 bytes"))
}

fn check(key: &SigningKey, said: &[u8], signature: &[u8]) -> Result<(), AppError> {
    let signature = Signature::from_slice(signature).map_err(|_| Refusal::Changed)?;
    Ok(key.verifying_key().verify(said, &signature).map_err(|_| Refusal::Changed)?)
}

/// A moment as browsers send it, in Asia/Shanghai.
pub(super) fn moment(text: &str) -> Option<Instant> {
    let text = text.trim();
    let text = if text.len() == 10 { format!("{text}T00:00") } else { text.to_owned() };
    let seconds = if text.len() == 16 { ":00" } else { "" };
    Instant::parse(&format!("{text}{seconds}+08:00")).ok()
}
