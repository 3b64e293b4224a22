//! Who is a case: a confirmed case or an asymptomatic infection. A suspected case has no contacts here. When the
//! diagnosis latest by the time it happened excludes the disease, the case and all that rests on it is gone at once.
//! Diagnoses within the relapse time after the first one of an infection belong to it, unless a clinician calls it new:
//! an asymptomatic infection that falls ill, and a positive after recovery (复阳), open nothing of their own.

use sizao_model::{
    CivilDay, FactBody, FactId, Instant,
    fact::{CaseStatus, Diagnosis},
};

use super::{add_seen, is_about};
use crate::{
    known::Seen,
    people::{Group, Reach},
};

/// One infection of one person.
#[derive(Clone, Debug)]
pub(crate) struct Infection {
    /// When the first diagnosis was made.
    pub first_at: Instant,
    /// When it was first on record that the person is a case.
    pub known_at: Instant,
    pub diagnosed_on: CivilDay,
    pub onset_on: Option<CivilDay>,
    pub sampled_on: Option<CivilDay>,
    pub because: Vec<FactId>,
}

/// The infections of a person, oldest first.
pub(crate) fn infections(group: &Group, disease: &str, relapse_days: i32, facts: &[Seen<'_>]) -> Vec<Infection> {
    let mut diagnoses: Vec<(&Seen<'_>, &Diagnosis, Reach<'_>)> = facts
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::Diagnosis(diagnosis) if is_about(diagnosis.disease.as_deref(), disease) => {
                Some((seen, diagnosis, group.reach(seen)?))
            }
            _ => None,
        })
        .collect();
    diagnoses.sort_by_key(|(seen, ..)| (seen.starts_at(), seen.recorded_at, seen.id));
    let mut found: Vec<Vec<(&Seen<'_>, &Diagnosis, Reach<'_>)>> = Vec::new();
    for diagnosis in diagnoses {
        let belongs = found.last().is_some_and(|episode| belongs_to(episode, &diagnosis, relapse_days));
        match found.last_mut() {
            Some(episode) if belongs => episode.push(diagnosis),
            _ if diagnosis.1.status == CaseStatus::Excluded => {}
            _ => found.push(vec![diagnosis]),
        }
        // A suspicion that was excluded before anybody confirmed it leaves nothing behind.
        if found.last().is_some_and(|episode| {
            episode.iter().all(|(_, diagnosis, _)| !is_positive(diagnosis)) && has_exclusion(episode)
        }) {
            found.pop();
        }
    }
    found.iter().filter_map(|episode| infection(episode)).collect()
}

type Dated<'f, 'a> = (&'f Seen<'a>, &'f Diagnosis, Reach<'f>);

fn belongs_to(episode: &[Dated<'_, '_>], (seen, diagnosis, _): &Dated<'_, '_>, relapse_days: i32) -> bool {
    if diagnosis.new_infection {
        return false;
    }
    let first = episode.iter().find(|(_, diagnosis, _)| is_positive(diagnosis)).unwrap_or(&episode[0]).0;
    seen.happened.first_day().days_since(first.happened.first_day()) <= relapse_days
}

fn infection(episode: &[Dated<'_, '_>]) -> Option<Infection> {
    let decided = episode.iter().rev().find(|(_, diagnosis, _)| diagnosis.status != CaseStatus::SuspectedCase)?;
    if decided.1.status == CaseStatus::Excluded {
        return None;
    }
    let positives = || episode.iter().filter(|(_, diagnosis, _)| is_positive(diagnosis));
    let (first, ..) = positives().next()?;
    let mut because = Vec::new();
    for (seen, _, reach) in positives() {
        add_seen(&mut because, seen, reach.links);
    }
    Some(Infection {
        first_at: first.starts_at(),
        known_at: positives().map(|(seen, _, reach)| seen.recorded_at.max(reach.since)).min()?,
        diagnosed_on: first.happened.first_day(),
        onset_on: episode.iter().filter_map(|(_, diagnosis, _)| diagnosis.onset).min(),
        sampled_on: episode.iter().filter_map(|(_, diagnosis, _)| diagnosis.sampled).min(),
        because,
    })
}

fn is_positive(diagnosis: &Diagnosis) -> bool {
    matches!(diagnosis.status, CaseStatus::ConfirmedCase | CaseStatus::AsymptomaticInfection)
}

fn has_exclusion(episode: &[Dated<'_, '_>]) -> bool {
    episode.iter().any(|(_, diagnosis, _)| diagnosis.status == CaseStatus::Excluded)
}
