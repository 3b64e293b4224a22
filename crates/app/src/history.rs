//! The history of a record: who put what on record and when, what corrects it; and putting a correction on record.
//!
//! Nothing is edited. Whoever finds a fact wrong adds a fact that takes it back or gives it another day, under their name
//! and with a reason; both stay in the log.

use std::collections::{BTreeMap, HashMap};

use sizao_model::{CivilDay, Fact, FactBody, FactId, FactKind, Happened, Instant, PersonId, fact::Correction};
use sizao_store::{AccessLine, Receipt, hex, sha256};
pub use sizao_store::{Channel, Recorded};

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, Scope, can, usual_purpose},
    identity::Actor,
    limits::class_of,
    loops::Addition,
    mandates::Collection,
    refusal::Refusal,
};

/// Deeds shown beside what they were done to.
const DEEDS_MAX: u32 = 30;

/// A fact with everything about its being on record.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    /// The fact.
    pub fact: Fact,
    /// Who put it there.
    pub recorded: Option<Recorded>,
    /// Corrections of it, oldest first.
    pub corrected_by: Vec<FactId>,
    /// Whether the reader may put a correction on record.
    pub may_correct: bool,
}

/// What a person writes to correct a fact.
#[derive(Clone, Debug, Default)]
pub struct CorrectionForm {
    /// `retract`: it is not so; `day`: it was another day.
    pub what: String,
    /// The day on which it was.
    pub day: String,
    /// Why.
    pub reason: String,
}

impl App {
    /// Everything on record about a person, latest recorded first; that it was read is recorded first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn history_of(
        &self,
        actor: &Actor,
        person: PersonId,
        wall: Instant,
    ) -> Result<Vec<HistoryLine>, AppError> {
        let purpose = usual_purpose(actor, Action::ViewPerson)?;
        self.may_touch(actor, Action::ViewPerson, person, purpose, wall).await?;
        self.log_deed(actor, Action::ViewPerson, purpose, Some(person), Reason::of("history"), wall).await?;
        let at = self.now();
        let facts = self.explain(person, at, at).await?.facts;
        let ids: Vec<FactId> = facts.iter().map(|fact| fact.id).collect();
        let mut recorded = self.store().recorded(&ids).await?;
        let mut corrections: HashMap<FactId, Vec<FactId>> = HashMap::new();
        for fact in &facts {
            if let FactBody::Correction(correction) = &fact.body {
                corrections.entry(correction.of).or_default().push(fact.id);
            }
        }
        let may = usual_purpose(actor, Action::CorrectFacts).is_ok();
        let line = |fact: Fact| HistoryLine {
            recorded: recorded.remove(&fact.id),
            corrected_by: corrections.remove(&fact.id).unwrap_or_default(),
            may_correct: may && fact.person == Some(person) && is_correctable(fact.body.kind()),
            fact,
        };
        let mut lines: Vec<HistoryLine> = facts.into_iter().map(line).collect();
        lines.sort_by_key(|line| std::cmp::Reverse((line.fact.recorded_at, line.fact.id)));
        Ok(lines)
    }

    /// Puts a correction of a fact on record, for a reason; the same correction by the same account is one fact. Whom the
    /// fact is about.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a fact that the actor may not see, [`Refusal::Field`], [`AppError::Store`].
    pub async fn correct_fact(
        &self,
        actor: &Actor,
        fact: FactId,
        form: &CorrectionForm,
        wall: Instant,
    ) -> Result<PersonId, AppError> {
        let purpose = usual_purpose(actor, Action::CorrectFacts)?;
        can(actor, Action::CorrectFacts, actor.division, purpose)?;
        let stored = self.store().load_fact(fact).await?.ok_or(Refusal::NotFound)?;
        let person = stored.fact.person.filter(|_| is_correctable(stored.fact.body.kind())).ok_or(Refusal::NotFound)?;
        self.may_touch(actor, Action::CorrectFacts, person, purpose, wall).await?;
        // Whose division recorded it says what was wrong with it.
        if !stored.division.is_under(actor.division) {
            return Err(Refusal::NotFound.into());
        }
        let reason = Reason::parse(&form.reason)?;
        let now = self.now();
        let happened = match form.what.as_str() {
            "retract" => None,
            "day" => Some(Happened::on(day_of(&form.day, now)?)),
            _ => return Err(Refusal::field("what", "choose").into()),
        };
        if let Some(class) = class_of(&stored.fact.body).filter(|_| happened.is_some()) {
            self.count_restricting(actor, &BTreeMap::from([(class, 1)]), wall).await?;
        }
        self.log_deed(actor, Action::CorrectFacts, purpose, Some(person), reason.clone(), wall).await?;
        let content = sha256(&[form.what.as_bytes(), b"/", form.day.trim().as_bytes()]);
        let body = Correction {
            of: fact,
            retract: happened.is_none(),
            reason: Some(reason.text().into()),
            person: None,
            happened,
            body: None,
        };
        let addition = Addition {
            person: None,
            division: stored.division,
            happened: Happened::at(now),
            body: body.into(),
            key: format!("{}/{fact}/{}", actor.account, hex(&content[..8])),
            channel: Channel::Page,
        };
        let receipts = self.append_all_by(&self.pen(actor).await?, "corrections", vec![addition]).await?;
        if matches!(receipts.first(), Some(Receipt::Conflict { .. })) {
            return Err(Refusal::Changed.into());
        }
        self.catch_up(|_| {}).await?;
        self.follow_log().await?;
        self.follow_loops().await?;
        Ok(person)
    }

    /// What was done to units and accounts in the actor's division, latest first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn account_history(&self, actor: &Actor) -> Result<Vec<AccessLine>, AppError> {
        let scope = Scope::of(actor, Action::ManageAccounts, Purpose::Administration)?;
        Ok(self.store().deeds_in(scope.division(), Action::ManageAccounts.name(), DEEDS_MAX).await?)
    }

    /// Who proposed, signed and ended mandates in the actor's division, latest first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn mandate_history(&self, actor: &Actor) -> Result<Vec<AccessLine>, AppError> {
        let purpose = usual_purpose(actor, Action::ViewMandates)?;
        let scope = Scope::of(actor, Action::ViewMandates, purpose)?;
        Ok(self.store().deeds_in(scope.division(), Action::GiveMandates.name(), DEEDS_MAX).await?)
    }
}

/// What somebody saw or reported of a person; not what a program or two signers decided, and not who the person is.
const fn is_correctable(kind: FactKind) -> bool {
    !matches!(kind, FactKind::Person | FactKind::IdentityLink | FactKind::IdentityUnlink | FactKind::LoopStep)
        && Collection::of(kind).is_some()
}

/// A day that is not ahead.
fn day_of(text: &str, now: Instant) -> Result<CivilDay, Refusal> {
    let day = CivilDay::parse(text.trim()).map_err(|_| Refusal::field("day", "day"))?;
    if day > now.day() { Err(Refusal::field("day", "day-ahead")) } else { Ok(day) }
}
