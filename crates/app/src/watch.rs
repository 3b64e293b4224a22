//! The watch over proposals (异常监测): who proposes restrictions with nothing behind them is found within minutes, and
//! new openings of that class by that officer are held back until an auditor of another unit has looked.
//!
//! A freeze is a fact. It holds back exposures, stays, arrivals and confirmations at the door of intake: the rows come back
//! and can be sent again. It never holds back a diagnosis, a result, a correction or a release.

mod judging;
mod reading;

use sizao_model::{
    DivisionCode, FactBody, FactId, Happened, Instant,
    fact::{FreezeOutcome, WatchDecision, WatchFreeze},
};
use sizao_store::{Channel, FreezeRecord, Receipt};
use uuid::Uuid;

pub use self::judging::{Register, Registers, Suspect, judge};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, Scope},
    identity::Actor,
    loops::Addition,
    refusal::Refusal,
};

/// Hours that an auditor has.
pub const DECIDE_HOURS: i64 = 4;
/// Days for which an upheld freeze holds at most.
pub const HOLDS_DAYS: i64 = 7;
/// Proposals of so many hours are judged.
pub const WINDOW_HOURS: i64 = 24;
/// Against those of so many days.
pub const PEERS_DAYS: i64 = 28;
/// Proposals that are judged at once: a city of ten million has fewer a day.
const WATCHED_MAX: u32 = 200_000;
/// Proposals that a freeze names.
const NAMED_MAX: usize = 50;
const LISTED_MAX: u32 = 100;
const CHUNK: u64 = 20_000;
/// Shortest reason of a decision, in characters.
const REASON_MIN: usize = 10;

/// What one round of the watch did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Proposals read from the log.
    pub read: u64,
    /// Freezes put on record.
    pub frozen: u64,
}

/// How a freeze stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeState {
    /// It holds and waits for an auditor.
    Open,
    /// An auditor lifted it.
    Lifted,
    /// An auditor upheld it and it holds.
    Upheld,
    /// Upheld, and its time is over.
    Over,
    /// Nobody decided in time.
    Lapsed,
}

impl FreezeState {
    /// The word in texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Lifted => "lifted",
            Self::Upheld => "upheld",
            Self::Over => "over",
            Self::Lapsed => "lapsed",
        }
    }

    /// How a record stands at a moment.
    pub fn of(record: &FreezeRecord, now: Instant) -> Self {
        match record.outcome {
            0 if now < record.until_at => Self::Open,
            0 => Self::Lapsed,
            2 if record.holds_till.is_some_and(|till| now < till) => Self::Upheld,
            2 => Self::Over,
            _ => Self::Lifted,
        }
    }

    /// Whether new openings are held back.
    pub const fn holds(self) -> bool {
        matches!(self, Self::Open | Self::Upheld)
    }
}

/// A freeze as the auditor reads it.
#[derive(Clone, Debug)]
pub struct FreezeLine {
    /// The record.
    pub record: FreezeRecord,
    /// What it says.
    pub freeze: WatchFreeze,
    /// The decision, if there is one.
    pub decision: Option<WatchDecision>,
    /// How it stands.
    pub state: FreezeState,
    /// Name and unit of the officer, or who gives the keys.
    pub officer: String,
    /// Unit of the officer.
    pub unit: Option<Uuid>,
}

impl App {
    /// Reads new proposals from the log, judges the last 24 hours, and puts freezes on record. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn watch_proposals(&self) -> Result<Watched, AppError> {
        let mut done = Watched { read: self.follow_proposals().await?, frozen: 0 };
        self.follow_freezes().await?;
        if done.read == 0 {
            return Ok(done);
        }
        let now = self.now();
        let since = now.plus_hours(-WINDOW_HOURS);
        self.store().mark_watched(since).await?;
        let rows = self.store().list_watched(since, WATCHED_MAX).await?;
        let peers = self.store().tally_watched(now.plus_hours(-24 * PEERS_DAYS)).await?;
        let registers = self.registers_among(&rows).await?;
        let mut officers: Vec<&str> = rows.iter().map(|row| row.officer.as_str()).collect();
        officers.sort_unstable();
        officers.dedup();
        let mut before = Vec::new();
        for officer in officers {
            before.extend(self.store().freezes_of(officer).await?);
        }
        let suspects = judge(&rows, &peers, &registers, &before, now);
        done.frozen = self.freeze(suspects, now).await?;
        self.follow_freezes().await?;
        self.store().forget_watched(now.plus_hours(-24 * (PEERS_DAYS + 1))).await?;
        Ok(done)
    }

    async fn freeze(&self, suspects: Vec<Suspect>, now: Instant) -> Result<u64, AppError> {
        let mut additions = Vec::new();
        for suspect in suspects {
            let division = self.division_of_officer(&suspect.officer).await?;
            let last = suspect.proposed.last().map_or(FactId::new(Uuid::nil()), |fact| *fact);
            let body = WatchFreeze {
                class: suspect.class.as_str().into(),
                officer: suspect.officer.as_str().into(),
                division,
                sign: suspect.sign.into(),
                of: suspect.of.as_deref().map(Into::into),
                proposals: suspect.own.proposals,
                untied: suspect.own.untied,
                copied: suspect.own.copied,
                chance: format!("{:.1e}", suspect.tail).into(),
                proposed: suspect.proposed.into_iter().rev().take(NAMED_MAX).collect(),
                until: now.plus_hours(DECIDE_HOURS),
            };
            additions.push(Addition {
                person: None,
                division,
                happened: Happened::at(now),
                key: format!("freeze/{}/{}/{last}", suspect.class, suspect.officer),
                body: body.into(),
                channel: Channel::System,
            });
        }
        let receipts = self.append_all("watch", additions).await?;
        let frozen = receipts.iter().filter(|receipt| matches!(receipt, Receipt::Stored { .. })).count() as u64;
        if frozen > 0 {
            tracing::warn!(frozen, "New openings were frozen until an auditor has looked");
        }
        Ok(frozen)
    }

    async fn division_of_officer(&self, officer: &str) -> Result<DivisionCode, AppError> {
        let unit = self.unit_of_officer(officer).await?;
        Ok(unit.map_or(DivisionCode::HENAN, |(_, unit)| unit.division))
    }

    /// Account and unit of an officer; none for whoever only gives keys.
    async fn unit_of_officer(
        &self,
        officer: &str,
    ) -> Result<Option<(sizao_store::AccountRecord, sizao_store::UnitRecord)>, AppError> {
        let id = officer.strip_prefix("account:").and_then(|id| Uuid::try_parse(id).ok());
        let Some(id) = id else { return Ok(None) };
        let Some(account) = self.store().load_account(id).await? else { return Ok(None) };
        let unit = self.store().load_unit(account.unit).await?;
        Ok(unit.map(|unit| (account, unit)))
    }

    /// Classes of which this account may open nothing now.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn frozen_classes(&self, account: Uuid) -> Result<Vec<&'static str>, AppError> {
        let now = self.now();
        let freezes = self.store().freezes_of(&format!("account:{account}")).await?;
        let holding: Vec<&FreezeRecord> =
            freezes.iter().filter(|freeze| FreezeState::of(freeze, now).holds()).collect();
        // Whoever is frozen confirms no leads either: that would open what the freeze holds back.
        let held = |class: &str| match class {
            "confirmation" => !holding.is_empty(),
            class => holding.iter().any(|freeze| freeze.class == class),
        };
        Ok(["exposure", "stay", "arrival", "confirmation"].into_iter().filter(|class| held(class)).collect())
    }

    /// The freezes of the auditor's division, open ones first.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn list_freezes(&self, actor: &Actor, wall: Instant) -> Result<Vec<FreezeLine>, AppError> {
        let within = Scope::of(actor, Action::WatchProposals, Purpose::Audit)?.division();
        self.follow_freezes().await?;
        let records = self.store().list_freezes(within, LISTED_MAX).await?;
        let told = Reason::of(&format!("{} freezes", records.len()));
        self.log_deed(actor, Action::WatchProposals, Purpose::Audit, None, told, wall).await?;
        let mut lines = Vec::new();
        for record in records {
            let Ok(FactBody::WatchFreeze(freeze)) = FactBody::from_json("watch_freeze", &record.told) else { continue };
            let decision = match FactBody::from_json("watch_decision", &record.decision) {
                Ok(FactBody::WatchDecision(decision)) => Some(decision),
                _ => None,
            };
            let known = self.unit_of_officer(&record.officer).await?;
            let unit = known.as_ref().map(|(_, unit)| unit.id);
            let officer = known.map_or_else(
                || record.officer.trim_start_matches("source:").to_owned(),
                |(account, unit)| format!("{} · {}", account.name, unit.name),
            );
            let state = FreezeState::of(&record, self.now());
            lines.push(FreezeLine { record, freeze, decision, state, officer, unit });
        }
        Ok(lines)
    }

    /// Decides a freeze: lifts it, or upholds it for some days.
    ///
    /// # Errors
    /// [`Refusal::SameUnit`] for an auditor of the officer's unit; [`Refusal::Changed`] when it was decided or is over;
    /// [`Refusal`], [`AppError::Store`].
    pub async fn decide_freeze(
        &self,
        actor: &Actor,
        id: FactId,
        outcome: &str,
        reason: &str,
        wall: Instant,
    ) -> Result<(), AppError> {
        let within = Scope::of(actor, Action::WatchProposals, Purpose::Audit)?.division();
        self.follow_freezes().await?;
        let record = self.store().load_freeze(id).await?.filter(|one| one.division.is_under(within));
        let record = record.ok_or(Refusal::NotFound)?;
        let now = self.now();
        let (outcome, holds_till) = match outcome {
            "lifted" => (FreezeOutcome::Lifted, None),
            "upheld" => (FreezeOutcome::Upheld, Some(now.plus_hours(24 * HOLDS_DAYS))),
            _ => return Err(Refusal::field("outcome", "choose").into()),
        };
        let reason = crate::loops::text("reason", reason)?.filter(|text| text.chars().count() >= REASON_MIN);
        let reason = reason.ok_or(Refusal::field("reason", "reason-long"))?;
        if FreezeState::of(&record, now) != FreezeState::Open {
            return Err(Refusal::Changed.into());
        }
        let unit = self.unit_of_officer(&record.officer).await?;
        if unit.is_some_and(|(_, unit)| unit.id == actor.unit) {
            return Err(Refusal::SameUnit.into());
        }
        let told = Reason::of(&format!("{id} {outcome:?}"));
        self.log_deed(actor, Action::WatchProposals, Purpose::Audit, None, told, wall).await?;
        let body = WatchDecision {
            of: id,
            outcome,
            reason,
            holds_till,
            unit: actor.unit.to_string().into(),
            officer: actor.account.to_string().into(),
        };
        let addition = Addition {
            person: None,
            division: record.division,
            happened: Happened::at(now),
            body: body.into(),
            key: format!("freeze-decision/{id}"),
            channel: Channel::Page,
        };
        let receipts = self.append_all("watch", vec![addition]).await?;
        if !matches!(receipts.first(), Some(Receipt::Stored { .. })) {
            return Err(Refusal::Changed.into());
        }
        self.follow_freezes().await
    }
}
