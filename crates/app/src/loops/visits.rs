//! The community worker's day: whom to visit, the most at risk first, and what to do there.

use std::collections::HashMap;

use sizao_model::{DivisionCode, Instant, PersonId};
use sizao_policy::loops::{ClosedLoop, Urgency};
use sizao_store::{LoopFilter, LoopQuery};

use super::find;
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Scope, usual_purpose},
    identity::Actor,
    people::PersonLine,
};

/// Visits on a worker's list. More than a worker can make in a day.
const VISITS_MAX: u32 = 300;

/// One person to visit, with what is owed there.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The person, masked.
    pub line: PersonLine,
    /// The loop.
    pub closed_loop: ClosedLoop,
    /// Where.
    pub division: DivisionCode,
    /// How urgent it is.
    pub urgency: Urgency,
}

/// A worker's list.
#[derive(Clone, Debug)]
pub struct VisitList {
    /// The visits, in the order of work.
    pub visits: Vec<Visit>,
    /// How many open loops the unit has in all.
    pub total: u64,
    /// When it was read.
    pub at: Instant,
}

impl App {
    /// The visits of the actor's unit: needs and symptoms first, then by urgency, strictness and place.
    ///
    /// # Errors
    /// [`Refusal`](crate::Refusal), [`AppError::Store`].
    pub async fn visits(&self, actor: &Actor, wall: Instant) -> Result<VisitList, AppError> {
        let purpose = usual_purpose(actor, Action::EnterSteps)?;
        let within = Scope::of(actor, Action::EnterSteps, purpose)?.division();
        // What was entered a moment ago is on the list.
        self.catch_up(|_| {}).await?;
        let now = self.now();
        let query = LoopQuery { within, filter: LoopFilter::Open, unit: Some(actor.unit), now };
        let total = self.store().count_loops(query).await?;
        let (records, _) = self.store().list_loops(query, 0, VISITS_MAX).await?;
        let people: Vec<PersonId> = {
            let mut people: Vec<PersonId> = records.iter().map(|record| record.person).collect();
            people.sort_unstable();
            people.dedup();
            people
        };
        let told = Reason::of(&format!("{} visits", people.len()));
        self.log_deed(actor, Action::ListPeople, purpose, None, told, wall).await?;
        let mut lines: HashMap<PersonId, PersonLine> =
            self.lines(&people).await?.into_iter().map(|line| (line.person, line)).collect();
        let mut loops: HashMap<PersonId, Vec<ClosedLoop>> = HashMap::new();
        for (closed_loop, _) in self.lay_out(&people).await? {
            loops.entry(closed_loop.person).or_default().push(closed_loop);
        }
        let mut visits: Vec<Visit> = Vec::new();
        for record in &records {
            let of = loops.get(&record.person).map_or(&[][..], Vec::as_slice);
            let Some(closed_loop) = find(of, &record.rule, record.opened_by) else { continue };
            let Some(line) = lines.get_mut(&record.person) else { continue };
            visits.push(Visit {
                line: line.clone(),
                urgency: closed_loop.urgency(now),
                closed_loop: closed_loop.clone(),
                division: record.division,
            });
        }
        visits.sort_by_key(|visit| rank(visit, now));
        Ok(VisitList { visits, total, at: now })
    }
}

/// What is at stake first, then how late, how strict, and where: neighbours together.
fn rank(visit: &Visit, now: Instant) -> impl Ord + use<> {
    use std::cmp::Reverse;
    let tasks = &visit.closed_loop.tasks;
    let stake = tasks.iter().any(|task| matches!(task.kind.name(), "care" | "fever-clinic"));
    let strict = visit.closed_loop.kind_at(now).map_or(0, |kind| kind.strictness());
    let due = tasks.iter().map(|task| task.due_at).min().unwrap_or(Instant::MAX);
    (Reverse(stake), Reverse(visit.urgency), Reverse(strict), visit.division, due, visit.line.person)
}
