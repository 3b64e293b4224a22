//! When a case may have infected others, by the packs in force: what tracing looks for contacts in.

use std::sync::Arc;

use sizao_model::{CivilDay, Instant, PersonId};

use crate::{
    Dossier, known,
    people::Group,
    rules::{infection, window},
    timeline::PackTimeline,
};

/// The infectious window of one infection of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseWindow {
    /// The disease.
    pub disease: Arc<str>,
    /// When it opens.
    pub opens_at: Instant,
    /// When it closes; none while it is open.
    pub closes_at: Option<Instant>,
    /// First day of symptoms, if there was one.
    pub onset_on: Option<CivilDay>,
    /// Day of the diagnosis.
    pub diagnosed_on: CivilDay,
    /// For how many hours the air of a room stays infectious after the case has left; none: it does not.
    pub airspace_hours: Option<i64>,
}

/// The windows of every infection of a person, by the rules in force at `now`, as known at `known_at`; latest last.
pub fn infectious_windows(
    dossier: &Dossier<'_>,
    packs: &PackTimeline,
    known_at: Instant,
    now: Instant,
) -> Vec<CaseWindow> {
    let facts = known::read(&dossier.facts, known_at);
    let person: PersonId = dossier.person;
    let group = Group::of(person, &facts);
    let mut windows = Vec::new();
    for timeline in packs.diseases() {
        let Some(rules) = timeline.at(now) else { continue };
        let Some(rule) = &rules.window else { continue };
        for infection in infection::infections(&group, &timeline.disease, rules.relapse_days, &facts) {
            let window = window::infectious(rule, &infection, &group, &timeline.disease, &facts);
            windows.push(CaseWindow {
                disease: timeline.disease.as_ref().into(),
                opens_at: window.opens_at,
                closes_at: window.closes.map(|closing| closing.at),
                onset_on: infection.onset_on,
                diagnosed_on: infection.diagnosed_on,
                airspace_hours: rule.airspace_hours,
            });
        }
    }
    windows.sort_by_key(|window| window.opens_at);
    windows
}
