//! Results of tubes: each once, whatever is sent again; corrected where the laboratory says so; wrong ones handed back.

use std::collections::HashMap;

use sizao_model::{
    FactBody, FactId, Happened, Instant,
    fact::{Correction, Outcome, TestResult},
};
use sizao_store::{Channel, Receipt, TubeRecord};
use uuid::Uuid;

use super::{is_told_only, outcome_code, outcome_of_code, tube_id};
use crate::{
    App, AppError,
    authorization::{Action, Purpose, can},
    identity::Actor,
    loops::Addition,
    mandates::Collection,
    refusal::Refusal,
};

/// Results of one call at most.
pub const RESULTS_MAX: usize = 20_000;
/// A laboratory's clock may be ahead by so much.
const AHEAD_MINUTES: i64 = 5;
/// Scope of the keys of results.
const RESULTS: &str = "results";

/// What a laboratory says of a tube.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultEntry {
    /// The tube.
    pub barcode: String,
    /// What it found.
    pub outcome: Outcome,
    /// When; none: now.
    pub at: Option<Instant>,
    /// It replaces what it said before.
    pub corrects: bool,
    /// The sender's id of the message; keys a correction.
    pub message: String,
}

/// What became of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultTaken {
    /// It is on record now.
    Stored(FactId),
    /// It was there before.
    Repeated(FactId),
    /// It corrects what was said before.
    Corrected(FactId),
}

impl ResultTaken {
    /// The fact.
    pub const fn fact(self) -> FactId {
        match self {
            Self::Stored(fact) | Self::Repeated(fact) | Self::Corrected(fact) => fact,
        }
    }
}

impl App {
    /// Takes results in; each is answered by itself. When this returns what was taken is durable.
    ///
    /// - `whole`: when any of them is refused, none is taken: a message is taken whole or not at all.
    ///
    /// # Errors
    /// [`Refusal::NoMandate`], [`Refusal::NotAllowed`]; [`AppError::Store`]. What is wrong with a result stands in its place.
    pub async fn take_results(
        &self,
        actor: &Actor,
        entries: &[ResultEntry],
        whole: bool,
        channel: Channel,
    ) -> Result<Vec<Result<ResultTaken, Refusal>>, AppError> {
        can(actor, Action::RunLab, actor.division, Purpose::Reporting)?;
        if entries.len() > RESULTS_MAX {
            return Err(Refusal::field("results", "too-many").into());
        }
        self.require_mandate(Collection::Tests, actor.division).await?;
        let _turn = self.scanning.turn.lock().await;
        let _lease = self.store().lease_scanning().await?;
        self.follow_screening_held().await?;
        let mut desk = self.desk(actor, entries).await?;
        let now = self.now();
        let mut additions = Vec::new();
        let decided: Vec<Result<Decision, Refusal>> =
            entries.iter().map(|entry| desk.decide(entry, now, channel, &mut additions)).collect();
        if whole && decided.iter().any(Result::is_err) {
            // Those that are right are told so, and sent again with the message.
            return Ok(decided.into_iter().map(|one| one.and(Err(Refusal::Changed))).collect());
        }
        let receipts = self.append_all(RESULTS, additions).await?;
        self.follow_screening_held().await?;
        let taken = |decision: Decision| match decision {
            Decision::Known(fact) => Ok(ResultTaken::Repeated(fact)),
            Decision::New { index, corrects } => match receipts.get(index) {
                Some(Receipt::Repeat { id }) => Ok(ResultTaken::Repeated(*id)),
                Some(Receipt::Stored { id, .. }) if corrects => Ok(ResultTaken::Corrected(*id)),
                Some(Receipt::Stored { id, .. }) => Ok(ResultTaken::Stored(*id)),
                _ => Err(Refusal::field("outcome", "result-contradicts")),
            },
        };
        Ok(decided.into_iter().map(|one| one.and_then(taken)).collect())
    }

    /// The tubes of these barcodes that lie in the actor's division, by their ids.
    pub(super) async fn tubes_called(
        &self,
        actor: &Actor,
        barcodes: impl Iterator<Item = &str>,
    ) -> Result<HashMap<Uuid, TubeRecord>, AppError> {
        let ids = barcodes.map(tube_id).collect();
        let tubes = self.store().load_tubes(ids).await?.into_iter();
        Ok(tubes.filter(|tube| tube.division.is_under(actor.division)).map(|tube| (tube.id, tube)).collect())
    }

    async fn desk(&self, actor: &Actor, entries: &[ResultEntry]) -> Result<Desk, AppError> {
        let tubes = self.tubes_called(actor, entries.iter().map(|entry| entry.barcode.trim())).await?;
        let single = tubes.values().filter(|tube| tube.holds == 0 && !is_told_only(tube)).map(|tube| tube.id).collect();
        let samples =
            self.store().swabs_in(single).await?.into_iter().filter_map(|swab| Some((swab.tube?, swab.fact))).collect();
        Ok(Desk { tubes, samples, made: HashMap::new() })
    }
}

enum Decision {
    Known(FactId),
    New { index: usize, corrects: bool },
}

struct Desk {
    tubes: HashMap<Uuid, TubeRecord>,
    /// The sample in a tube that holds one person's.
    samples: HashMap<Uuid, FactId>,
    /// Results of this batch: outcome and place.
    made: HashMap<Uuid, (Outcome, usize)>,
}

impl Desk {
    fn decide(
        &mut self,
        entry: &ResultEntry,
        now: Instant,
        channel: Channel,
        additions: &mut Vec<Addition>,
    ) -> Result<Decision, Refusal> {
        let barcode = entry.barcode.trim();
        let id = tube_id(barcode);
        let tube = self.tubes.get(&id).ok_or(Refusal::field("barcode", "result-unknown-tube"))?;
        if !is_told_only(tube) && tube.sealed_at.is_none() {
            let rule = if tube.swabs == 0 { "tube-empty" } else { "result-open-tube" };
            return Err(Refusal::field("barcode", rule));
        }
        let at = entry.at.unwrap_or(now);
        if at > now.plus_minutes(AHEAD_MINUTES) {
            return Err(Refusal::field("at", "result-ahead"));
        }
        if tube.last_at.is_some_and(|last| at < last) {
            return Err(Refusal::field("at", "result-before-sampling"));
        }
        if let Some((outcome, index)) = self.made.get(&id) {
            let same = *outcome == entry.outcome;
            let decision = Decision::New { index: *index, corrects: false };
            return if same { Ok(decision) } else { Err(Refusal::field("outcome", "result-contradicts")) };
        }
        let addition = |body: FactBody, key: String| Addition {
            person: None,
            division: tube.division,
            happened: Happened::at(at.min(now)),
            body,
            key,
            channel,
        };
        let index = additions.len();
        let corrects = match (tube.outcome, tube.result) {
            (Some(said), Some(result)) if said == outcome_code(entry.outcome) => return Ok(Decision::Known(result)),
            (Some(_), Some(of)) if entry.corrects => {
                let outcome = serde_json::to_value(entry.outcome).expect("an outcome is a word");
                let correction = Correction {
                    of,
                    retract: false,
                    reason: Some("the laboratory corrected its result".into()),
                    person: None,
                    happened: None,
                    body: Some(serde_json::Map::from_iter([("outcome".to_owned(), outcome)])),
                };
                let nth = tube.corrected;
                additions.push(addition(correction.into(), format!("result/{barcode}#{nth}/{}", entry.message)));
                true
            }
            (Some(_), _) => return Err(Refusal::field("outcome", "result-contradicts")),
            (None, _) => {
                let sample = self.samples.get(&id).copied();
                let pool = sample.is_none().then(|| barcode.into());
                let result = TestResult { sample, pool, outcome: entry.outcome };
                // What was taken back may be said again.
                additions.push(addition(result.into(), format!("result/{barcode}/{}", tube.corrected)));
                false
            }
        };
        self.made.insert(id, (entry.outcome, index));
        Ok(Decision::New { index, corrects })
    }
}

/// What a tube's outcome is called.
pub(super) fn said(tube: &TubeRecord) -> Option<Outcome> {
    tube.outcome.map(outcome_of_code)
}
