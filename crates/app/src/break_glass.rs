//! Breaking the glass (破窗): opening somebody outside one's division, or somebody protected, for a reason and a short time.
//! The auditor sees each one.

use sizao_model::{
    Instant, PersonId,
    draft::PersonName,
    identity::{Document, DocumentKind},
};
use sizao_store::BreakGlassRecord;
use uuid::Uuid;

pub use sizao_store::BreakGlassRecord as BrokenGlass;

use crate::{
    App, AppError,
    access::Reason,
    accounts::NowV7,
    authorization::{Action, Purpose, Scope, can, usual_purpose},
    identity::Actor,
    refusal::Refusal,
};

/// A broken glass closes by itself after so many minutes at most.
pub const MINUTES_MAX: i64 = 120;
/// At most so many on a page.
const LISTED_MAX: u32 = 100;

/// A glass as the auditor sees it.
#[derive(Clone, Debug)]
pub struct GlassLine {
    /// What was taken.
    pub glass: BreakGlassRecord,
    /// Name of the account's holder.
    pub who: String,
}

impl App {
    /// Takes leave to open one person. The try is on record before it is answered, whether or not it finds anybody.
    ///
    /// - `whom`: id of the person, or the whole number of a document.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::Field`], [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn break_glass(
        &self,
        actor: &Actor,
        whom: &str,
        reason: &str,
        minutes: &str,
        now: Instant,
    ) -> Result<BreakGlassRecord, AppError> {
        let purpose = usual_purpose(actor, Action::BreakGlass)?;
        can(actor, Action::BreakGlass, actor.division, purpose)?;
        let reason = Reason::parse(reason)?;
        let minutes: i64 = minutes.trim().parse().map_err(|_| Refusal::field("minutes", "glass-minutes"))?;
        if !(1..=MINUTES_MAX).contains(&minutes) {
            return Err(Refusal::field("minutes", "glass-minutes").into());
        }
        let found = self.whom(whom.trim()).await?;
        let told = reason.clone();
        self.log_deed(actor, Action::BreakGlass, purpose, found, told, now).await?;
        let glass = BreakGlassRecord {
            id: Uuid::now_v7_at(now),
            account: actor.account,
            division: actor.division,
            person: found.ok_or(Refusal::field("whom", "nobody-found"))?,
            reason: reason.text().to_owned(),
            begun_at: now,
            ends_at: now.plus_minutes(minutes),
        };
        self.store().add_break_glass(&glass).await?;
        tracing::warn!(glass.id = %glass.id, account.id = %actor.account, "A glass was broken");
        Ok(glass)
    }

    /// Only a whole number or an id names somebody here: names would be a search of the whole country.
    async fn whom(&self, text: &str) -> Result<Option<PersonId>, AppError> {
        if let Ok(id) = Uuid::try_parse(text) {
            let person = PersonId::new(id);
            return Ok((!self.store().divisions_of(person).await?.is_empty()).then_some(person));
        }
        for kind in DocumentKind::ALL {
            let Ok(document) = Document::new(kind, text) else { continue };
            if let Some(person) = self.store().find_person(&PersonName::Document(document)).await? {
                return Ok(Some(person));
            }
        }
        Ok(None)
    }

    /// The actor's own glasses that are still open.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn own_glasses(&self, actor: &Actor, now: Instant) -> Result<Vec<BreakGlassRecord>, AppError> {
        let purpose = usual_purpose(actor, Action::BreakGlass)?;
        can(actor, Action::BreakGlass, actor.division, purpose)?;
        Ok(self.store().own_break_glass(actor.account, now).await?)
    }

    /// Glasses broken in the auditor's division, latest first.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn list_glasses(&self, actor: &Actor) -> Result<Vec<GlassLine>, AppError> {
        let scope = Scope::of(actor, Action::ViewAccess, Purpose::Audit)?;
        let mut lines = Vec::new();
        for glass in self.store().list_break_glass(scope.division(), LISTED_MAX).await? {
            let who = self.store().load_account(glass.account).await?.map_or_else(String::new, |account| account.name);
            lines.push(GlassLine { glass, who });
        }
        Ok(lines)
    }

    /// Puts a person under protection: from then on nobody opens them without breaking the glass; or takes it away.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn protect(
        &self,
        actor: &Actor,
        person: PersonId,
        protect: bool,
        reason: &str,
        now: Instant,
    ) -> Result<(), AppError> {
        let purpose = usual_purpose(actor, Action::ProtectPeople)?;
        can(actor, Action::ProtectPeople, actor.division, purpose)?;
        if !self.is_within(person, actor.division).await? {
            return Err(Refusal::NotFound.into());
        }
        let reason = Reason::parse(reason)?;
        let because = protect.then(|| reason.text().to_owned());
        self.log_deed(actor, Action::ProtectPeople, purpose, Some(person), reason, now).await?;
        Ok(self.store().set_protected(person, because.as_deref(), actor.account, now).await?)
    }
}
