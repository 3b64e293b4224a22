//! The duty officer's board: what is late, whose it is, and giving it to somebody who has time.

use std::collections::HashMap;

use sizao_model::{DivisionCode, Instant, PersonId, fact::LoopStage};
use sizao_policy::loops::FourClears;
use sizao_store::{Channel, LoopFilter, LoopQuery, LoopRecord};
use uuid::Uuid;

use super::{Addition, find, step_of, unit_names};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Scope, can, usual_purpose},
    identity::Actor,
    people::number,
    refusal::Refusal,
};

/// Loops on a page.
pub const PAGE: u32 = 50;
/// Loops that are given away at once: no more than one page.
pub const ASSIGNED_MAX: usize = PAGE as usize;
/// Units on a board.
const UNITS_MAX: u32 = 5_000;

/// A loop as a board shows it.
#[derive(Clone, Debug)]
pub struct BoardLine {
    /// The row.
    pub record: LoopRecord,
    /// Number to speak of the person by.
    pub number: String,
    /// Name of the unit that has to act.
    pub unit: Option<String>,
}

/// How much a unit has to do.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The unit; none: nobody's.
    pub unit: Option<Uuid>,
    /// Its name.
    pub name: Option<String>,
    /// Open loops.
    pub open: u64,
    /// Late ones.
    pub late: u64,
}

/// The board.
#[derive(Clone, Debug)]
pub struct LoopBoard {
    /// Which loops are listed.
    pub filter: LoopFilter,
    /// How many each number has.
    pub counts: Vec<(LoopFilter, u64)>,
    /// The lines, most pressing first.
    pub lines: Vec<BoardLine>,
    /// Rows whose seal does not fit: they are not shown, and the auditor has to look.
    pub refused: usize,
    /// Who has how much to do; the latest first.
    pub workload: Vec<Workload>,
    /// Units to which loops can be given.
    pub units: Vec<(Uuid, String)>,
    /// The four clears.
    pub clears: FourClears,
    /// Which division it was limited to.
    pub within: DivisionCode,
    /// When it was read.
    pub at: Instant,
}

impl App {
    /// The board of the actor's division.
    ///
    /// # Errors
    /// [`Refusal`], [`AppError::Store`].
    pub async fn loop_board(
        &self,
        actor: &Actor,
        filter: LoopFilter,
        unit: Option<Uuid>,
        page: u32,
    ) -> Result<LoopBoard, AppError> {
        let purpose = usual_purpose(actor, Action::ViewLoops)?;
        let within = Scope::of(actor, Action::ViewLoops, purpose)?.division();
        let now = self.now();
        let store = self.store();
        let mut counts = Vec::new();
        for each in LoopFilter::ALL {
            counts.push((each, store.count_loops(LoopQuery { within, filter: each, unit, now }).await?));
        }
        let query = LoopQuery { within, filter, unit, now };
        let (records, refused) = store.list_loops(query, page.saturating_mul(PAGE), PAGE).await?;
        let units = store.list_units(within, UNITS_MAX).await?;
        let open: Vec<(Uuid, String)> =
            units.iter().filter(|unit| unit.closed_at.is_none()).map(|unit| (unit.id, unit.name.clone())).collect();
        let names = unit_names(units);
        let lines = records.into_iter().map(|record| line(record, &names)).collect();
        let mut workload: Vec<Workload> = store
            .loop_workload(within, now)
            .await?
            .into_iter()
            .map(|(unit, open, late)| Workload { unit, name: unit.and_then(|id| names.get(&id).cloned()), open, late })
            .collect();
        workload.sort_by_key(|load| (std::cmp::Reverse((load.late, load.open)), load.unit));
        let clears = self.four_clears(within, None).await?;
        Ok(LoopBoard { filter, counts, lines, refused, workload, units: open, clears, within, at: now })
    }

    /// How many loops are open, late and about to be, for the board of a division; nothing for whoever may not see loops,
    /// or where their list is that of another division.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn open_loops(
        &self,
        actor: &Actor,
        within: DivisionCode,
    ) -> Result<Option<Vec<(LoopFilter, u64)>>, AppError> {
        let Ok(purpose) = usual_purpose(actor, Action::ViewLoops) else { return Ok(None) };
        if Scope::of(actor, Action::ViewLoops, purpose)?.division() != within {
            return Ok(None);
        }
        let (now, stand) = (self.now(), self.store().stand().await?);
        if let Some(counts) = self.loop_counts.get(&within, now, stand) {
            return Ok(Some(counts));
        }
        let counts = self.store().count_open_loops(within, now).await?;
        self.loop_counts.put(within, now, stand, counts.first().map_or(0, |(_, open)| *open), counts.clone());
        Ok(Some(counts))
    }

    /// Gives loops to a unit of the actor's division, each as a fact. Returns how many were given.
    ///
    /// # Errors
    /// [`Refusal`]: who may not, a unit or loop that is not there, too many at once; [`AppError::Store`].
    pub async fn assign_loops(
        &self,
        actor: &Actor,
        unit: &str,
        chosen: &[(PersonId, String, sizao_model::FactId)],
        wall: Instant,
    ) -> Result<usize, AppError> {
        let purpose = usual_purpose(actor, Action::AssignLoops)?;
        can(actor, Action::AssignLoops, actor.division, purpose)?;
        if chosen.is_empty() || chosen.len() > ASSIGNED_MAX {
            return Err(Refusal::field("loop", "choose").into());
        }
        let id = Uuid::try_parse(unit).map_err(|_| Refusal::field("unit", "choose"))?;
        let unit = self
            .store()
            .load_unit(id)
            .await?
            .filter(|unit| unit.closed_at.is_none() && unit.division.is_under(actor.division));
        let unit = unit.ok_or(Refusal::field("unit", "choose"))?;
        self.catch_up(|_| {}).await?;
        let mut additions = Vec::new();
        for (person, rule, opened_by) in chosen {
            self.may_serve(actor, Action::AssignLoops, *person, purpose).await?;
            let laid = self.lay_out(&[*person]).await?;
            let place = laid.first().map_or(actor.division, |(_, place)| *place);
            let loops: Vec<_> = laid.into_iter().map(|(closed_loop, _)| closed_loop).collect();
            let closed_loop = find(&loops, rule, *opened_by).filter(|one| one.is_open()).ok_or(Refusal::NotFound)?;
            let mut step = step_of(closed_loop, LoopStage::Assigned);
            step.owner = Some(unit.id.to_string().into());
            let told = Reason::of(&format!("to {}", unit.name));
            self.log_deed(actor, Action::AssignLoops, purpose, Some(*person), told, wall).await?;
            additions.push(Addition {
                person: Some(*person),
                division: place,
                happened: sizao_model::Happened::at(self.now()),
                body: step.into(),
                key: format!("{}/{person}/{rule}/{opened_by}/{}", unit.id, actor.request),
                channel: Channel::Page,
            });
        }
        let given = additions.len();
        self.append_all_by(&self.pen(actor).await?, "assignments", additions).await?;
        self.follow_loops().await?;
        Ok(given)
    }
}

fn line(record: LoopRecord, names: &HashMap<Uuid, String>) -> BoardLine {
    let unit = record.unit.and_then(|unit| names.get(&unit).cloned());
    BoardLine { number: number(record.person), unit, record }
}
