//! Batches of restricting facts wait for a second person (批次复核): whoever proposes more than a few at once cannot be who
//! confirms them.
//!
//! The batch itself is not kept: its digest waits, with how many it would restrict. Somebody of another unit confirms or
//! refuses it, which is a fact under their name; then the same content goes in, within a day, from the account that
//! brought it, and nothing else does. A row of the database that says "confirmed" opens nothing: the fact is read, and a
//! fact that does not fit its seal is not there.

use std::collections::BTreeMap;

use sizao_model::{
    FactBody, Happened, Instant,
    fact::{BatchDecided, BatchOutcome},
};
use sizao_store::{BatchRecord, Channel, Receipt, hex};
use uuid::Uuid;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, Scope},
    identity::Actor,
    limits::{alone_day_max, alone_max},
    loops::Addition,
    refusal::Refusal,
};

/// Hours for which a batch waits, and for which it may go in once it was confirmed.
pub const WAITS_HOURS: i64 = 24;
/// Days for which the list shows what was decided.
const SHOWN_DAYS: i64 = 7;
const LISTED_MAX: u32 = 100;
/// Shortest reason of a decision, in characters.
const REASON_MIN: usize = 10;
const NAME_MAX: usize = 80;

/// How a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// It waits for a second person.
    Waiting,
    /// It may go in.
    Confirmed,
    /// It may not.
    Refused,
    /// Nobody decided in time, or it was confirmed too long ago.
    Over,
}

impl BatchState {
    /// The word in texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Over => "over",
        }
    }
}

/// A batch as the second person reads it.
#[derive(Clone, Debug)]
pub struct BatchLine {
    /// The record.
    pub record: BatchRecord,
    /// Restricting facts by class.
    pub counts: BTreeMap<String, u64>,
    /// SHA-256 of the content, in hexadecimal.
    pub digest: String,
    /// Name and unit of who brings it.
    pub proposer: String,
    /// How it stands.
    pub state: BatchState,
    /// The decision, if there is one.
    pub decision: Option<BatchDecided>,
}

impl App {
    /// Counts what a batch proposes and lets it through, or says that it waits: more restricting facts than one may bring
    /// in alone, at once or in a day, go in only when somebody of another unit has confirmed this very content.
    ///
    /// - `content`: SHA-256 of all that would go in.
    /// - `name`: how the proposer calls it.
    ///
    /// # Errors
    /// [`Refusal::SecondPerson`]; rules `batch-refused`, `limit-24h`; [`AppError::Store`].
    pub async fn propose_restrictions(
        &self,
        actor: &Actor,
        content: [u8; 32],
        name: &str,
        counts: &BTreeMap<&'static str, u64>,
        wall: Instant,
    ) -> Result<(), AppError> {
        let (people, now) = (counts.values().sum::<u64>(), self.now());
        if people == 0 {
            return Ok(());
        }
        let seconded = people > alone_max()
            || self.store().proposed_alone(actor.account, now.plus_hours(-24)).await? + people > alone_day_max();
        if seconded {
            self.second_person(actor, content, name, counts, wall).await?;
        }
        self.count_proposals(actor, counts, seconded, wall).await
    }

    /// Nothing when somebody of another unit confirmed this content; else it waits.
    async fn second_person(
        &self,
        actor: &Actor,
        content: [u8; 32],
        name: &str,
        counts: &BTreeMap<&'static str, u64>,
        wall: Instant,
    ) -> Result<(), AppError> {
        let (people, now) = (counts.values().sum::<u64>(), self.now());
        let batch = BatchRecord {
            id: self.store().new_fact_id(wall).uuid(),
            account: actor.account,
            unit: actor.unit,
            division: actor.division,
            content,
            name: name.chars().filter(|letter| !letter.is_control()).take(NAME_MAX).collect(),
            counts: serde_json::to_string(counts).expect("words and numbers can be written"),
            made_at: now,
            decision: None,
        };
        let waiting = self.store().propose_batch(&batch, WAITS_HOURS, now.plus_hours(-24 * SHOWN_DAYS)).await?;
        match self.state_of_batch(&waiting, now).await?.0 {
            BatchState::Confirmed => Ok(()),
            BatchState::Refused => Err(Refusal::field("file", "batch-refused").into()),
            BatchState::Over => Err(Refusal::field("file", "batch-over").into()),
            BatchState::Waiting => {
                if waiting.id == batch.id {
                    let told = Reason::of(&format!("a batch of {people} waits for a second person"));
                    self.log_deed(actor, Action::Import, Purpose::Reporting, None, told, wall).await?;
                    tracing::warn!(people, "A batch of restricting facts waits for a second person");
                }
                Err(Refusal::SecondPerson.into())
            }
        }
    }

    /// How a batch stands, by the fact that decided about it.
    async fn state_of_batch(
        &self,
        batch: &BatchRecord,
        now: Instant,
    ) -> Result<(BatchState, Option<BatchDecided>), AppError> {
        let until = batch.made_at.plus_hours(WAITS_HOURS);
        let undecided = if now < until { BatchState::Waiting } else { BatchState::Over };
        let Some(decision) = batch.decision else { return Ok((undecided, None)) };
        let Some(stored) = self.store().load_fact(decision).await? else { return Ok((undecided, None)) };
        let FactBody::BatchDecided(decided) = stored.fact.body else { return Ok((undecided, None)) };
        // A decision about another content, or about another account's batch, is none about this one.
        if *decided.content != *hex(&batch.content)
            || *decided.proposer != *batch.account.to_string()
            || *decided.unit == *batch.unit.to_string()
        {
            return Ok((undecided, None));
        }
        let state = match decided.outcome {
            BatchOutcome::Refused => BatchState::Refused,
            BatchOutcome::Confirmed if now < stored.fact.recorded_at.plus_hours(WAITS_HOURS) => BatchState::Confirmed,
            BatchOutcome::Confirmed => BatchState::Over,
        };
        Ok((state, Some(decided)))
    }

    /// Batches of the last days in the actor's division, those that wait first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_batches(&self, actor: &Actor) -> Result<Vec<BatchLine>, AppError> {
        let within = Scope::of(actor, Action::ConfirmBatches, Purpose::Control)?.division();
        let now = self.now();
        let mut lines = Vec::new();
        for record in self.store().list_batches(within, now.plus_hours(-24 * SHOWN_DAYS), LISTED_MAX).await? {
            let (state, decision) = self.state_of_batch(&record, now).await?;
            let account = self.store().load_account(record.account).await?;
            let unit = self.store().load_unit(record.unit).await?;
            let proposer = [account.map(|account| account.name), unit.map(|unit| unit.name)];
            let proposer = proposer.into_iter().flatten().collect::<Vec<_>>().join(" · ");
            let counts = serde_json::from_str(&record.counts).unwrap_or_default();
            let digest = hex(&record.content);
            lines.push(BatchLine { record, counts, digest, proposer, state, decision });
        }
        Ok(lines)
    }

    /// Confirms or refuses a batch, as somebody of another unit, with a reason; on record under the own name.
    ///
    /// # Errors
    /// [`Refusal::SameUnit`], [`Refusal::Changed`] when it was decided or is over, [`Refusal`], [`AppError::Store`].
    pub async fn decide_batch(
        &self,
        actor: &Actor,
        id: Uuid,
        outcome: &str,
        reason: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let within = Scope::of(actor, Action::ConfirmBatches, Purpose::Control)?.division();
        let batch = self.store().load_batch(id).await?.filter(|one| one.division.is_under(within));
        let batch = batch.ok_or(Refusal::NotFound)?;
        let outcome = match outcome {
            "confirmed" => BatchOutcome::Confirmed,
            "refused" => BatchOutcome::Refused,
            _ => return Err(Refusal::field("outcome", "choose").into()),
        };
        let reason = crate::loops::text("reason", reason)?.filter(|text| text.chars().count() >= REASON_MIN);
        let reason = reason.ok_or(Refusal::field("reason", "reason-long"))?;
        if batch.unit == actor.unit || batch.account == actor.account {
            return Err(Refusal::SameUnit.into());
        }
        let now = self.now();
        if self.state_of_batch(&batch, now).await?.0 != BatchState::Waiting {
            return Err(Refusal::Changed.into());
        }
        let counts: BTreeMap<String, u64> = serde_json::from_str(&batch.counts).unwrap_or_default();
        let people = counts.values().sum();
        let told = Reason::of(&format!("{outcome:?} a batch of {people}"));
        self.log_deed(actor, Action::ConfirmBatches, Purpose::Control, None, told, wall).await?;
        let body = BatchDecided {
            content: hex(&batch.content).into(),
            outcome,
            people,
            proposer: batch.account.to_string().into(),
            unit: actor.unit.to_string().into(),
            officer: actor.account.to_string().into(),
            reason,
        };
        let addition = Addition {
            person: None,
            division: batch.division,
            happened: Happened::at(now),
            body: body.into(),
            key: format!("batch/{id}"),
            channel: Channel::Page,
        };
        let receipts = self.append_all_by(&self.pen(actor).await?, "batches", vec![addition]).await?;
        let Some(Receipt::Stored { id: fact, .. }) = receipts.first() else { return Err(Refusal::Changed.into()) };
        if !self.store().note_batch_decision(batch.id, *fact).await? {
            return Err(Refusal::Changed.into());
        }
        Ok(())
    }
}
