//! The record of who looked at whom, and why.

use sizao_model::{Instant, PersonId};
use sizao_store::{AccessLine, AccessRecord};

use crate::{
    App, AppError,
    authorization::{Action, Purpose, Scope},
    identity::Actor,
    refusal::Refusal,
};

/// At most so many lines on a page.
const LINES_MAX: u32 = 100;
/// A reason has so many characters at least, so that it says something.
const REASON_MIN: usize = 4;
/// And at most.
const REASON_MAX: usize = 200;

/// Why something was looked at, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// None is asked here.
    pub const NONE: Self = Self(String::new());

    /// What a person wrote.
    ///
    /// # Errors
    /// [`Refusal::Field`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        let count = text.chars().count();
        if count < REASON_MIN {
            return Err(Refusal::field("reason", "reason-short"));
        }
        if count > REASON_MAX || text.chars().any(char::is_control) {
            return Err(Refusal::field("reason", "too-long"));
        }
        Ok(Self(text.to_owned()))
    }

    /// What was written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What the program says itself.
    pub(crate) fn of(text: &str) -> Self {
        Self(text.chars().take(REASON_MAX).collect())
    }
}

impl App {
    /// Records a reading or a deed before its result is given.
    pub(crate) async fn log_deed(
        &self,
        actor: &Actor,
        action: Action,
        purpose: Purpose,
        person: Option<PersonId>,
        reason: Reason,
        now: Instant,
    ) -> Result<(), AppError> {
        let record = AccessRecord {
            at: now,
            account: actor.account,
            unit: actor.unit,
            division: actor.division,
            action: action.name().to_owned(),
            purpose: purpose.name().to_owned(),
            person,
            reason: reason.0,
            request: actor.request.clone(),
        };
        Ok(self.store().log_access(&record).await?)
    }

    /// Records what was done at the machine itself, where nobody is signed in.
    pub(crate) async fn log_own_deed(&self, action: &str, told: &str, now: Instant) -> Result<(), AppError> {
        let record = AccessRecord {
            at: now,
            account: uuid::Uuid::nil(),
            unit: uuid::Uuid::nil(),
            division: sizao_model::DivisionCode::HENAN,
            action: action.to_owned(),
            purpose: Purpose::Operation.name().to_owned(),
            person: None,
            reason: Reason::of(told).0,
            request: "command line".to_owned(),
        };
        Ok(self.store().log_access(&record).await?)
    }

    /// What the units of the auditor's division did, latest first.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn list_accesses(&self, actor: &Actor, before: Option<i64>) -> Result<Vec<AccessLine>, AppError> {
        let scope = Scope::of(actor, Action::ViewAccess, Purpose::Audit)?;
        Ok(self.store().accesses_in(scope.division(), before, LINES_MAX).await?)
    }
}
