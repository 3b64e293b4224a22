//! Stays for which there is evidence.

use sizao_model::{CivilDay, FactBody, FactId, Instant, id::AreaCode};

use crate::rules::{View, add, add_seen, evidence, window};

/// A stay that counts.
#[derive(Clone, Debug)]
pub(crate) struct Stayed<'f> {
    pub area: &'f AreaCode,
    pub starts_at: Instant,
    /// When the person left, or nothing while they are there.
    pub ends_at: Option<Instant>,
    pub last_on: Option<CivilDay>,
    pub known_at: Instant,
    pub because: Vec<FactId>,
}

/// The stays of a person, in order of recording.
pub(crate) fn stays<'f>(view: &'f View<'_>) -> Vec<Stayed<'f>> {
    view.facts
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::Stay(stay) => {
                let reach = view.me.reach(seen)?;
                let counts = evidence::counts(seen, stay.evidence, view.facts)?;
                let mut because = Vec::new();
                add_seen(&mut because, seen, reach.links);
                add(&mut because, counts.confirmation);
                Some(Stayed {
                    area: &stay.area,
                    starts_at: seen.starts_at(),
                    ends_at: seen.happened.ends_at(),
                    last_on: window::last_day(&seen.happened),
                    known_at: counts.since.max(reach.since),
                    because,
                })
            }
            _ => None,
        })
        .collect()
}
