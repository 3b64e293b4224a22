//! Extension of a phase: it counts with an officer and evidence naming known facts. Whether it is in time and short
//! enough, the plan decides.

use sizao_model::FactBody;

use super::View;
use crate::plan::Extended;

/// The extensions of a rule (without the pack's name), oldest record first.
pub(crate) fn of_rule(rule: &str, view: &View<'_>) -> Vec<Extended> {
    let name = rule.rsplit(':').next().unwrap_or(rule);
    view.facts
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::Extension(extension) if &*extension.rule == name => {
                let reach = view.me.reach(seen)?;
                let has_officer = extension.officer.as_deref().is_some_and(|officer| !officer.trim().is_empty());
                let has_evidence =
                    !extension.evidence.is_empty() && extension.evidence.iter().all(|id| view.knows(*id));
                (has_officer && has_evidence).then_some(Extended {
                    id: seen.id,
                    recorded_at: seen.recorded_at.max(reach.since),
                    until_on: extension.until?,
                })
            }
            _ => None,
        })
        .collect()
}
