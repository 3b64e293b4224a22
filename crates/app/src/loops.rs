//! Closed loops at work: following each measure to its end, putting releases on record, and asking people to act.
//!
//! The pure part is [`sizao_policy::loops`]. Here a pass reads whose loops changed or whose time has come, lays them out
//! anew, and appends what a program may say by itself: who has to act, and that a measure is over, with the true time. A
//! pass that is repeated, or comes days late, appends the same facts once.

mod board;
mod steps;
mod visits;

use std::collections::HashMap;

use sizao_model::{
    DivisionCode, FactBody, FactId, Happened, Instant, PersonId,
    division::DivisionLevel,
    fact::{LoopStage, LoopStep},
};
use sizao_policy::loops::{Clocks, ClosedLoop, FourClears, LoopState, Reply};
use sizao_store::{Channel, IntakeKey, LoopRecord, NewFact, Submission, UnitRecord};
use uuid::Uuid;

pub use sizao_policy::loops::{LoopTask, TaskKind, Urgency};
pub use sizao_store::LoopFilter;

pub(crate) use self::steps::text;
pub use self::{
    board::{BoardLine, LoopBoard, PAGE, Workload},
    steps::{EnteredStep, Fields},
    visits::{Visit, VisitList},
};
use crate::{App, AppError, identity::UnitKind};

/// People whose loops are laid out at a time.
const PEOPLE_CHUNK: u32 = 2_000;
/// Rounds of one pass: a fact that it appends changes the loop, which is laid out again.
const ROUNDS_MAX: u32 = 400;
/// Units of a province that may be asked to act.
const UNITS_MAX: u32 = 20_000;

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// People whose loops were laid out.
    pub people: u64,
    /// Loops that were given to a unit.
    pub assigned: u64,
    /// Loops that were handed to the next level.
    pub escalated: u64,
    /// Releases put on record.
    pub released: u64,
    /// Of these, those that lapsed without an exit test: somebody has to ask why.
    pub lapsed: u64,
}

/// A fact that a use case adds.
pub(crate) struct Addition {
    pub(crate) person: Option<PersonId>,
    pub(crate) division: DivisionCode,
    pub(crate) happened: Happened,
    pub(crate) body: FactBody,
    /// The key under which a repetition is the same fact.
    pub(crate) key: String,
    pub(crate) channel: Channel,
}

impl App {
    /// Lays out whose loops changed or whose time has come, and puts on record what a program may say by itself.
    ///
    /// Repeating it changes nothing. After days without it, one pass does what is owed, each with its true time.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn follow_loops(&self) -> Result<Followed, AppError> {
        let mut done = Followed::default();
        for _ in 0..ROUNDS_MAX {
            self.catch_up(|_| {}).await?;
            let people = self.store().loops_to_follow(self.now(), PEOPLE_CHUNK).await?;
            if people.is_empty() {
                break;
            }
            done.people += people.len() as u64;
            let loops = self.lay_out(&people).await?;
            let records = loops.iter().map(|(closed_loop, place)| record(closed_loop, *place, self.now())).collect();
            self.store().save_loops(&people, records).await?;
            let units = self.units_asked(&loops).await?;
            let additions = self.owed_steps(&loops, &units, &mut done);
            self.append_all("loops", additions).await?;
        }
        Ok(done)
    }

    /// The loops of one person, laid out from the facts as they are known now.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn loops_of(&self, person: PersonId) -> Result<Vec<ClosedLoop>, AppError> {
        self.catch_up(|_| {}).await?;
        Ok(self.lay_out(&[person]).await?.into_iter().map(|(closed_loop, _)| closed_loop).collect())
    }

    /// The four clears of the open loops of a division, of one rule or of all.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn four_clears(&self, within: DivisionCode, rule: Option<&str>) -> Result<FourClears, AppError> {
        let mut clears = FourClears::default();
        for [reply, identified, placed, controlled, count] in self.store().clears_of(within, rule).await? {
            let count = count as u64;
            clears.total += count;
            match usize::try_from(reply - 1).ok().filter(|index| *index < clears.replied.len()) {
                Some(index) => clears.replied[index] += count,
                None => clears.open += count,
            }
            clears.identified += count * identified as u64;
            clears.placed += count * placed as u64;
            clears.controlled += count * controlled as u64;
        }
        Ok(clears)
    }

    pub(crate) fn clocks(&self) -> &'static Clocks {
        static CLOCKS: std::sync::OnceLock<Clocks> = std::sync::OnceLock::new();
        CLOCKS.get_or_init(Clocks::default)
    }

    /// Units that may be asked, by province.
    async fn units_asked(&self, loops: &[(ClosedLoop, DivisionCode)]) -> Result<Vec<UnitRecord>, AppError> {
        let mut provinces: Vec<DivisionCode> =
            loops.iter().filter_map(|(_, place)| place.at(DivisionLevel::Province)).collect();
        provinces.sort_unstable();
        provinces.dedup();
        let mut units = Vec::new();
        for province in provinces {
            units.extend(self.store().list_units(province, UNITS_MAX).await?);
        }
        units.retain(|unit| unit.closed_at.is_none());
        Ok(units)
    }

    /// What a program may say by itself about these loops.
    fn owed_steps(
        &self,
        loops: &[(ClosedLoop, DivisionCode)],
        units: &[UnitRecord],
        done: &mut Followed,
    ) -> Vec<Addition> {
        let now = self.now();
        let mut additions = Vec::new();
        for (closed_loop, place) in loops {
            let mut add = |stage, at, unit: Option<Uuid>, told: Option<&str>| {
                additions.push(addition(closed_loop, *place, stage, at, unit, told));
            };
            match closed_loop.state {
                LoopState::Ended { at, by } if closed_loop.reached.released_at.is_none() => {
                    let lapsed = by == sizao_policy::loops::Ending::Lapsed;
                    done.released += 1;
                    done.lapsed += u64::from(lapsed);
                    add(LoopStage::Released, at, None, lapsed.then_some("lapsed without an exit test"));
                }
                LoopState::Ended { .. } => {}
                LoopState::Opened => {
                    if let Some(unit) =
                        nearest(units, *place, &[UnitKind::Community, UnitKind::Cdc, UnitKind::Headquarters])
                    {
                        done.assigned += 1;
                        add(LoopStage::Assigned, now.max(closed_loop.opened_at), Some(unit), None);
                    }
                }
                _ if closed_loop.reached.escalated_at.is_none() && closed_loop.urgency(now) >= Urgency::Escalated => {
                    // The next level is the headquarters of the smallest division around the person.
                    if let Some(unit) = nearest(units, *place, &[UnitKind::Headquarters]) {
                        done.escalated += 1;
                        add(
                            LoopStage::Escalated,
                            now,
                            Some(unit),
                            closed_loop.tasks.first().map(|task| task.kind.name()),
                        );
                    }
                }
                _ => {}
            }
        }
        additions
    }

    /// The fact that was sent under this key before, if its body is the same. Its time is the first one's: what is sent again
    /// later would else be dated anew each time.
    pub(crate) async fn seen_before(
        &self,
        scope: &str,
        key: &str,
        body: &FactBody,
    ) -> Result<Option<FactId>, AppError> {
        let source = self.store().source(scope).await?;
        let found = self.store().find_by_sender_keys(source, &[key.into()]).await?;
        let Some(id) = found.get(key).copied() else { return Ok(None) };
        match self.store().load_fact(id).await? {
            Some(stored) if stored.fact.body != *body => Err(crate::Refusal::Changed.into()),
            _ => Ok(Some(id)),
        }
    }

    /// Appends facts through the ordinary path: sealed, signed, each once for its key. The receipts, in order.
    pub(crate) async fn append_all(
        &self,
        scope: &str,
        additions: Vec<Addition>,
    ) -> Result<Vec<sizao_store::Receipt>, AppError> {
        if additions.is_empty() {
            return Ok(Vec::new());
        }
        let (now, store) = (self.now(), self.store());
        let source = store.source(scope).await?;
        let facts: Vec<NewFact> = additions
            .into_iter()
            .map(|addition| NewFact {
                id: store.new_fact_id(now),
                person: addition.person,
                division: addition.division,
                happened: addition.happened,
                recorded_at: now,
                body: addition.body,
                recorder: self.recorder,
                channel: addition.channel,
                source,
                intake_key: IntakeKey::Sender(addition.key.into()),
            })
            .collect();
        let sealer = store.sealer(&facts).await?;
        let salts = store.salts(facts.len());
        let sealed: Vec<_> = facts.into_iter().zip(&salts).map(|(fact, salt)| sealer.seal(fact, salt)).collect();
        let submission = Submission::sign(&sealed, &self.signer);
        Ok(store.append(sealed, &submission, None, now).await?.receipts)
    }
}

fn addition(
    closed_loop: &ClosedLoop,
    division: DivisionCode,
    stage: LoopStage,
    at: Instant,
    unit: Option<Uuid>,
    told: Option<&str>,
) -> Addition {
    let body = LoopStep {
        rule: (*closed_loop.rule).into(),
        opened_by: closed_loop.opened_by,
        stage,
        owner: unit.map(|unit| unit.to_string().into()),
        site: None,
        officer: None,
        deputy: None,
        basis: None,
        reason: told.map(Into::into),
    };
    // A release belongs to its end: what opens again is released again. Other steps are said once.
    let nth = if stage == LoopStage::Released { at.as_micros() } else { 0 };
    Addition {
        person: Some(closed_loop.person),
        division,
        happened: Happened::at(at),
        body: body.into(),
        key: format!("{}/{}/{}/{stage:?}/{nth}", closed_loop.person, closed_loop.rule, closed_loop.opened_by),
        channel: Channel::System,
    }
}

/// The unit of the first of these kinds whose division holds the place most closely.
pub(crate) fn nearest(units: &[UnitRecord], place: DivisionCode, kinds: &[UnitKind]) -> Option<Uuid> {
    kinds.iter().find_map(|kind| {
        let fitting = units.iter().filter(|unit| unit.kind == kind.name() && place.is_under(unit.division));
        // Of several the oldest, so that a repetition gives the same.
        fitting.max_by_key(|unit| (unit.division.to_string().len(), std::cmp::Reverse(unit.id))).map(|unit| unit.id)
    })
}

/// A loop as its row.
fn record(closed_loop: &ClosedLoop, division: DivisionCode, now: Instant) -> LoopRecord {
    let first = closed_loop.tasks.iter().min_by_key(|task| (task.due_at, task.kind));
    let id = |text: &str| Uuid::try_parse(text).ok();
    let owner = closed_loop.owner.as_ref();
    LoopRecord {
        person: closed_loop.person,
        rule: closed_loop.rule.to_string(),
        opened_by: closed_loop.opened_by,
        division,
        state: match closed_loop.state {
            LoopState::Opened => 0,
            LoopState::Assigned => 1,
            LoopState::Notified => 2,
            LoopState::Located => 3,
            LoopState::UnderControl => 4,
            LoopState::Due { .. } => 5,
            LoopState::Ended { .. } => 6,
        },
        strictness: closed_loop.kind_at(now).map_or(0, |kind| kind.strictness().into()),
        unit: owner.and_then(|owner| id(&owner.unit)),
        officer: owner.and_then(|owner| id(owner.officer.as_deref()?)),
        opened_at: closed_loop.opened_at,
        due_at: closed_loop.due_at,
        ended_at: match closed_loop.state {
            LoopState::Ended { at, .. } => Some(at),
            _ => None,
        },
        owed: closed_loop.owed_since().is_some(),
        task: first.map_or(String::new(), |task| task.kind.name().to_owned()),
        deadline_at: first.map(|task| task.due_at),
        next_at: closed_loop.next_change_at.filter(|_| closed_loop.is_open()),
        reply: closed_loop
            .known
            .reply
            .and_then(|reply| Reply::ALL.iter().position(|one| *one == reply))
            .map_or(0, |index| index as i64 + 1),
        identified: closed_loop.known.identified.is_some(),
        placed: closed_loop.known.place.is_some(),
        controlled: closed_loop.known.control.is_some(),
    }
}

/// The names of units by id.
pub(crate) fn unit_names(units: Vec<UnitRecord>) -> HashMap<Uuid, String> {
    units.into_iter().map(|unit| (unit.id, unit.name)).collect()
}

/// The fact that a step of a loop speaks of.
pub(crate) fn step_of(closed_loop: &ClosedLoop, stage: LoopStage) -> LoopStep {
    LoopStep {
        rule: (*closed_loop.rule).into(),
        opened_by: closed_loop.opened_by,
        stage,
        owner: None,
        site: None,
        officer: None,
        deputy: None,
        basis: None,
        reason: None,
    }
}

/// Finds a loop by its rule and the fact that opened it.
pub(crate) fn find<'l>(loops: &'l [ClosedLoop], rule: &str, opened_by: FactId) -> Option<&'l ClosedLoop> {
    loops.iter().find(|closed_loop| *closed_loop.rule == *rule && closed_loop.opened_by == opened_by)
}
