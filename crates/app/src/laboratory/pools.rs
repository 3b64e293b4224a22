//! A pool that is not negative: who is in it, who waits, which clocks run, what came of the single samples.
//!
//! The wait is the policy's: `assess` opens it for the members of a positive or grey pool and ends it, by the member's own
//! negative single sample or by its hours. Here it is looked at, people are called, and a single positive becomes a case
//! by somebody's word. Nothing here opens, lengthens or ends a wait.

use std::collections::HashMap;

use sizao_epi::{
    duties::{Duty, DutyClock, Standing},
    pooling::recall::{self, Overdue, Recall, RecallStep, Resolution},
};
use sizao_model::{
    FactId, Happened, Instant, MeasureKind, PersonId,
    fact::{CaseStatus, Diagnosis, LoopStage, Outcome},
};
use sizao_policy::loops::{ClosedLoop, LoopState};
use sizao_store::{Channel, SwabRecord, TubeQuery, TubeRecord};
use uuid::Uuid;

use super::{outcome_of_code, results::said, tube_id};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, Scope, can},
    identity::Actor,
    loops::{Addition, EnteredStep, step_of},
    people::PersonLine,
    refusal::Refusal,
};

/// Pools on the list.
const POOLS_MAX: u32 = 200;

/// How a member of a pool stands.
#[derive(Clone, Debug)]
pub struct MemberView {
    /// The person, masked.
    pub line: PersonLine,
    /// When the swab in the pool was taken.
    pub taken_at: Instant,
    /// When the person was called.
    pub called_at: Option<Instant>,
    /// When the person was reached or found.
    pub reached_at: Option<Instant>,
    /// When the person was sampled singly; the last time.
    pub resampled_at: Option<Instant>,
    /// The last single result.
    pub single: Option<(Instant, Outcome)>,
    /// Until when the person is asked to wait at the latest; none: is not.
    pub waits_until: Option<Instant>,
    /// When the wait ended.
    pub wait_ended_at: Option<Instant>,
    /// The first step whose time is over, and since when.
    pub overdue: Option<(RecallStep, Instant)>,
    /// The clock of the statutory report, from the single positive result.
    pub report: Option<(DutyClock, Standing)>,
}

/// A pool with its members and clocks.
#[derive(Clone, Debug)]
pub struct PoolView {
    /// The tube.
    pub tube: TubeRecord,
    /// What the laboratory said.
    pub outcome: Outcome,
    /// When it was on record: the signal from which the clocks run.
    pub signal_at: Instant,
    /// Whether its members are asked to wait; those of an invalid one are not.
    pub holds: bool,
    /// Its members, in the order of the scans.
    pub members: Vec<MemberView>,
    /// What has become of it.
    pub resolution: Resolution,
    /// When nobody waits any longer.
    pub ceiling: Instant,
    /// When it was computed.
    pub at: Instant,
}

impl PoolView {
    /// Members who are asked to wait now.
    pub fn waiting(&self) -> usize {
        self.members.iter().filter(|member| member.waits_until.is_some()).count()
    }

    /// Members with a step whose time is over.
    pub fn overdue(&self) -> usize {
        self.members.iter().filter(|member| member.overdue.is_some()).count()
    }

    /// The limits of the clocks: what, and until when.
    pub fn limits(&self) -> [(&'static str, Instant); 4] {
        [
            ("called", self.signal_at.plus_minutes(recall::CALLED_MINUTES)),
            ("reached", self.signal_at.plus_minutes(recall::REACHED_MINUTES)),
            ("resampled", self.signal_at.plus_minutes(recall::RESAMPLED_MINUTES)),
            ("ceiling", self.ceiling),
        ]
    }
}

/// A pool on the list.
#[derive(Clone, Debug)]
pub struct PoolLine {
    /// The tube.
    pub tube: TubeRecord,
    /// What the laboratory said.
    pub outcome: Outcome,
    /// What has become of it.
    pub resolution: Resolution,
    /// How many members have no verdict yet.
    pub open: usize,
    /// How many steps are late, as far as samples and results show.
    pub late: usize,
}

/// A single sample that is positive, without a pool being needed for it.
#[derive(Clone, Debug)]
pub struct PositiveTest {
    /// The tube.
    pub tube: TubeRecord,
    /// Whose, masked.
    pub line: PersonLine,
}

/// What somebody calls a single positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseWord {
    /// Confirmed case (确诊病例).
    Confirmed,
    /// Asymptomatic infection (无症状感染者).
    Asymptomatic,
}

impl App {
    /// Pools of the actor's division that are not negative, those without an answer first.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn list_pools(&self, actor: &Actor) -> Result<Vec<PoolLine>, AppError> {
        let scope = Scope::of(actor, Action::FollowPools, Purpose::Control)?;
        self.follow_screening().await?;
        let tubes = self.store().list_tubes(scope.division(), TubeQuery::NotNegative, POOLS_MAX).await?;
        let pools: Vec<TubeRecord> = tubes.into_iter().filter(|tube| tube.holds != 0).collect();
        let swabs = self.store().swabs_in(pools.iter().map(|tube| tube.id).collect()).await?;
        let mut people: Vec<PersonId> = swabs.iter().map(|swab| swab.person).collect();
        people.sort_unstable();
        people.dedup();
        let singles = self.singles_of(&people).await?;
        let now = self.now();
        let mut lines: Vec<PoolLine> = Vec::new();
        for tube in pools {
            let own: Vec<&SwabRecord> = swabs.iter().filter(|swab| swab.tube == Some(tube.id)).collect();
            let Some((recall, outcome)) = recall_of(&tube, &own, &singles, &HashMap::new()) else { continue };
            let verdict =
                |member: &&recall::Member| !matches!(member.single, Some((_, Outcome::Negative | Outcome::Positive)));
            let open = recall.members().iter().filter(verdict).count();
            // Whether people were called stands on the page of the pool.
            let late = recall
                .overdue_at(now)
                .iter()
                .filter(|late| late.step >= RecallStep::Resample || late.since < now.plus_minutes(-90))
                .count();
            lines.push(PoolLine { resolution: recall.resolution(), outcome, open, late, tube });
        }
        lines.sort_by_key(|line| (line.open == 0, std::cmp::Reverse(line.tube.told_at)));
        Ok(lines)
    }

    /// A pool of the actor's division; that its members were looked at is recorded.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn view_pool(&self, actor: &Actor, barcode: &str, wall: Instant) -> Result<PoolView, AppError> {
        let (tube, swabs) = self.pool(actor, barcode).await?;
        let told = Reason::of(&format!("pool {}", tube.barcode));
        self.log_deed(actor, Action::FollowPools, Purpose::Control, None, told, wall).await?;
        let people: Vec<PersonId> = swabs.iter().map(|swab| swab.person).collect();
        self.catch_up(|_| {}).await?;
        self.follow_log().await?;
        let singles = self.singles_of(&people).await?;
        let holds = self.holds_of(&tube, &swabs).await?;
        let own: Vec<&SwabRecord> = swabs.iter().collect();
        let (recall, outcome) = recall_of(&tube, &own, &singles, &holds).ok_or(Refusal::NotFound)?;
        let now = self.now();
        let overdue: HashMap<PersonId, Overdue> =
            recall.overdue_at(now).into_iter().map(|late| (late.person, late)).collect();
        let mut lines: HashMap<PersonId, PersonLine> =
            self.lines(&people).await?.into_iter().map(|line| (line.person, line)).collect();
        let mut members = Vec::new();
        for member in recall.members() {
            let Some(line) = lines.remove(&member.person) else { continue };
            let hold = holds.get(&member.person);
            let reported_at =
                line.course.as_ref().filter(|course| course.status >= 2).and_then(|course| course.reported_at);
            let report = member.single.filter(|(_, outcome)| *outcome == Outcome::Positive).map(|(told_at, _)| {
                let clock = DutyClock::usual(Duty::CaseReport, told_at, reported_at);
                (clock, clock.standing(now))
            });
            members.push(MemberView {
                taken_at: swabs.iter().find(|swab| swab.person == member.person).map_or(now, |swab| swab.taken_at),
                called_at: member.called_at,
                reached_at: member.reached_at,
                resampled_at: member.resampled_at,
                single: member.single,
                waits_until: hold.filter(|hold| hold.kind_at(now) == Some(MeasureKind::Hold)).map(|hold| hold.due_at),
                wait_ended_at: hold.and_then(|hold| match hold.state {
                    LoopState::Ended { at, .. } => Some(at),
                    _ => None,
                }),
                overdue: overdue.get(&member.person).map(|late| (late.step, late.since)),
                report,
                line,
            });
        }
        Ok(PoolView {
            outcome,
            signal_at: tube.told_at.unwrap_or(now),
            holds: matches!(outcome, Outcome::Positive | Outcome::GreyZone),
            members,
            resolution: recall.resolution(),
            ceiling: recall.ceiling(),
            at: now,
            tube,
        })
    }

    /// Puts on record that a member was called (`notified`) or reached (`located`).
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for somebody who is no member or does not wait; [`AppError::Store`].
    pub async fn note_member(
        &self,
        actor: &Actor,
        barcode: &str,
        person: PersonId,
        step: &str,
        wall: Instant,
    ) -> Result<EnteredStep, AppError> {
        let (tube, swabs) = self.pool(actor, barcode).await?;
        let stage = match step {
            "notified" => LoopStage::Notified,
            "located" => LoopStage::Located,
            "not_found" => LoopStage::NotFound,
            _ => return Err(Refusal::field("step", "choose").into()),
        };
        let holds = self.holds_of(&tube, &swabs).await?;
        let hold = holds.get(&person).ok_or(Refusal::NotFound)?;
        let mut body = step_of(hold, stage);
        if stage == LoopStage::Located {
            body.site = Some("where the person said to be".into());
        }
        let told = Reason::of(&format!("pool {}: {step}", tube.barcode));
        self.log_deed(actor, Action::FollowPools, Purpose::Control, Some(person), told, wall).await?;
        let key = format!("pool/{}/{person}/{step}", tube.barcode);
        let entered = self.append_entry(person, tube.division, body.into(), &key, self.now()).await?;
        self.catch_up(|_| {}).await?;
        Ok(entered)
    }

    /// Says that a member with a positive single sample is a case. Nothing else makes one.
    ///
    /// # Errors
    /// [`Refusal::Field`] when the member's single sample is not positive; [`Refusal::NotFound`]; [`AppError::Store`].
    pub async fn diagnose_member(
        &self,
        actor: &Actor,
        barcode: &str,
        person: PersonId,
        word: CaseWord,
        wall: Instant,
    ) -> Result<FactId, AppError> {
        can(actor, Action::DiagnoseCases, actor.division, Purpose::Control)?;
        let view = self.view_pool(actor, barcode, wall).await?;
        let member = view.members.iter().find(|member| member.line.person == person).ok_or(Refusal::NotFound)?;
        if !matches!(member.single, Some((_, Outcome::Positive))) {
            return Err(Refusal::field("person", "case-single-positive").into());
        }
        let told = Reason::of(&format!("pool {}: case", view.tube.barcode));
        self.log_deed(actor, Action::DiagnoseCases, Purpose::Control, Some(person), told, wall).await?;
        let status = match word {
            CaseWord::Confirmed => CaseStatus::ConfirmedCase,
            CaseWord::Asymptomatic => CaseStatus::AsymptomaticInfection,
        };
        let body = Diagnosis {
            status,
            onset: None,
            sampled: member.resampled_at.map(Instant::day),
            disease: None,
            new_infection: false,
        };
        let addition = Addition {
            person: Some(person),
            division: view.tube.division,
            happened: Happened::at(self.now()),
            body: body.into(),
            key: format!("pool/{}/{person}/case", view.tube.barcode),
            channel: Channel::Page,
        };
        let receipts = self.append_all("diagnoses", vec![addition]).await?;
        self.follow_log().await?;
        receipts.first().map(|receipt| receipt.id()).ok_or(AppError::Stopped("no receipt for a diagnosis"))
    }

    /// Whether the actor may say that a member of a pool is a case.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn may_diagnose(&self, actor: &Actor, barcode: &str) -> Result<(), AppError> {
        can(actor, Action::DiagnoseCases, actor.division, Purpose::Control)?;
        self.pool(actor, barcode).await.map(drop)
    }

    /// A pool of the actor's division that is not negative, with its swabs in their order.
    async fn pool(&self, actor: &Actor, barcode: &str) -> Result<(TubeRecord, Vec<SwabRecord>), AppError> {
        can(actor, Action::FollowPools, actor.division, Purpose::Control)?;
        self.follow_screening().await?;
        let tube = self.store().load_tubes(vec![tube_id(barcode)]).await?.pop().ok_or(Refusal::NotFound)?;
        can(actor, Action::FollowPools, tube.division, Purpose::Control)?;
        if tube.holds == 0 || said(&tube).is_none_or(|outcome| outcome == Outcome::Negative) {
            return Err(Refusal::NotFound.into());
        }
        let swabs = self.store().swabs_in(vec![tube.id]).await?;
        Ok((tube, swabs))
    }

    /// Samples of these people that are theirs alone, with their own results; oldest first.
    async fn singles_of(&self, people: &[PersonId]) -> Result<Vec<SwabRecord>, AppError> {
        let swabs = self.store().swabs_of(people).await?;
        let tubes: Vec<Uuid> = swabs.iter().filter_map(|swab| swab.tube).collect();
        let shared: std::collections::HashSet<Uuid> = self
            .store()
            .load_tubes(tubes)
            .await?
            .into_iter()
            .filter(|tube| tube.holds != 0)
            .map(|tube| tube.id)
            .collect();
        Ok(swabs.into_iter().filter(|swab| swab.tube.is_none_or(|tube| !shared.contains(&tube))).collect())
    }

    /// The wait of each member that this pool opened.
    async fn holds_of(
        &self,
        tube: &TubeRecord,
        swabs: &[SwabRecord],
    ) -> Result<HashMap<PersonId, ClosedLoop>, AppError> {
        let mut people: Vec<PersonId> = swabs.iter().map(|swab| swab.person).collect();
        people.sort_unstable();
        people.dedup();
        let opens = |fact: FactId| Some(fact) == tube.result || swabs.iter().any(|swab| swab.fact == fact);
        let loops = self.lay_out(&people).await?.into_iter().map(|(closed_loop, _)| closed_loop);
        Ok(loops
            .filter(|closed_loop| closed_loop.rule.ends_with(":hold") && opens(closed_loop.opened_by))
            .map(|closed_loop| (closed_loop.person, closed_loop))
            .collect())
    }
}

/// The recall of a pool as facts have it; none for a tube without a word other than negative.
fn recall_of(
    tube: &TubeRecord,
    swabs: &[&SwabRecord],
    singles: &[SwabRecord],
    holds: &HashMap<PersonId, ClosedLoop>,
) -> Option<(Recall, Outcome)> {
    let (outcome, signal_at) = (said(tube)?, tube.told_at?);
    let mut recall = Recall::begin(outcome, swabs.iter().map(|swab| swab.person), signal_at).ok()?;
    let people: Vec<PersonId> = recall.members().iter().map(|member| member.person).collect();
    for person in people {
        let reached = holds.get(&person).map(|hold| hold.reached).unwrap_or_default();
        if let Some(at) = reached.notified_at {
            let _ = recall.call(person, at.max(signal_at));
        }
        if let Some(at) = reached.located_at {
            let _ = recall.reach(person, at.max(signal_at));
        }
        // A sample from before the signal says nothing about the pool's result.
        for single in singles.iter().filter(|single| single.person == person && single.taken_at >= signal_at) {
            let _ = recall.resample(person, single.taken_at);
            if let (Some(code), Some(told_at)) = (single.outcome, single.told_at) {
                let _ = recall.report(person, outcome_of_code(code), told_at.max(single.taken_at));
            }
        }
    }
    Some((recall, outcome))
}
