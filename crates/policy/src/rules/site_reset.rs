//! A positive in an isolation site: who was in central isolation there on that day, on the same floor, one above or one
//! below, or in the whole site, starts counting again. The reset needs evidence naming known facts; else it is void.

use sizao_model::{
    CivilDay, FactBody, FactId, Instant, MeasureKind,
    fact::{ResetScope, SiteReset},
};

use super::{View, add_seen, isolation};
use crate::plan::Plan;

/// A reset that concerns the place where the person was.
#[derive(Clone, Debug)]
pub(crate) struct Reset {
    pub on: CivilDay,
    pub known_at: Instant,
    pub because: Vec<FactId>,
}

impl Reset {
    /// Whether the person was in central isolation that day, and the plan still ran when the reset became known.
    pub fn applies(&self, plan: &Plan) -> bool {
        let (begins_at, ends_at) = (self.on.start(), self.on.plus_days(1).start());
        plan.is_open(self.known_at)
            && plan.laid.iter().any(|laid| {
                laid.kind == MeasureKind::CentralIsolation && laid.starts_at < ends_at && laid.ends_at > begins_at
            })
    }
}

/// The resets that make a chain of its own (an arrival, stays in an area) start again, in the order in which they
/// became known.
///
/// - `plan`: the chain's plan with the resets that applied so far, as it looks at a moment.
pub(crate) fn applying(view: &View<'_>, plan: impl Fn(&[Reset], Instant) -> Option<Plan>) -> Vec<Reset> {
    let mut applying: Vec<Reset> = Vec::new();
    for reset in of(view) {
        if plan(&applying, reset.known_at).is_some_and(|plan| reset.applies(&plan)) {
            applying.push(reset);
        }
    }
    applying
}

/// The day from which resets make counting start again.
pub(crate) fn latest_on(resets: &[Reset]) -> Option<CivilDay> {
    resets.iter().map(|reset| reset.on).max()
}

/// The resets at the places of isolation of the person, in the order in which they became known.
pub(crate) fn of(view: &View<'_>) -> Vec<Reset> {
    view.facts
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::SiteReset(reset) => {
                let on = seen.happened.first_day();
                (has_evidence(reset, view) && was_there(reset, on, view)).then(|| {
                    let mut because = Vec::new();
                    add_seen(&mut because, seen, &[]);
                    Reset { on, known_at: seen.recorded_at, because }
                })
            }
            _ => None,
        })
        .collect()
}

fn has_evidence(reset: &SiteReset, view: &View<'_>) -> bool {
    !reset.evidence.is_empty() && reset.evidence.iter().all(|id| view.knows(*id))
}

fn was_there(reset: &SiteReset, on: CivilDay, view: &View<'_>) -> bool {
    let floors = isolation::floors_on(view.me, &reset.site, on, view.facts);
    match reset.scope {
        ResetScope::WholeSite => !floors.is_empty(),
        ResetScope::Floors => {
            reset.floor.is_some_and(|positive| floors.iter().flatten().any(|floor| floor.abs_diff(positive) <= 1))
        }
    }
}
