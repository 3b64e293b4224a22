//! Who is still in a declared area: indoors where it is high or sealed, in the area where it is medium or controlled,
//! to the area's end.

use std::sync::Arc;

use sizao_model::{Colour, FactId, Instant, MeasureKind};

use super::{Episode, Stayed};
use crate::{
    chain::{self, Chain},
    plan::{Adoption, Laid, Plan},
    rules::{Opened, View, add, case::CasePeriod},
    timeline::{DiseaseTimeline, Rules},
};

/// The measure of a resident.
pub(crate) fn assess(
    view: &View<'_>,
    timeline: &DiseaseTimeline,
    episode: &Episode<'_>,
    stays: &[Stayed<'_>],
    case_periods: &[CasePeriod],
) -> Option<Opened> {
    if case_periods.iter().any(|period| period.covers(view.at.day())) {
        return None;
    }
    let here: Vec<&Stayed<'_>> = stays
        .iter()
        .filter(|stay| episode.area.contains(stay.area) && stay.starts_at <= view.at)
        .filter(|stay| stay.ends_at.is_none_or(|ends_at| ends_at > view.at))
        .collect();
    let starts_at = here
        .iter()
        .map(|stay| stay.known_at.max(stay.starts_at))
        .min()?
        .max(episode.known_at())
        .max(episode.begins_at());
    let ruled = chain::follow(&timeline.eras, starts_at, view.at, &Residence { episode, starts_at })?;
    let laid = ruled.plan.laid.into_iter().next()?;
    let mut because: Vec<FactId> = episode.because(view.at).collect();
    here.iter().for_each(|stay| add(&mut because, stay.because.iter().copied()));
    Some(Opened { rule: ruled.rule, laid, because })
}

struct Residence<'c> {
    episode: &'c Episode<'c>,
    starts_at: Instant,
}

impl Chain for Residence<'_> {
    fn rule<'r>(&self, rules: &'r Rules) -> Option<&'r Arc<str>> {
        rules.area.as_ref().map(|area| &area.area_resident)
    }

    fn plan(&self, _era: usize, rules: &Rules, adoption: Option<Adoption>, at: Instant) -> Option<Plan> {
        let kind = rules.area.as_ref()?.rule.resident_kind(self.episode.level(at))?;
        let starts_at = Adoption::start(adoption, kind, self.starts_at);
        Some(Plan::single(Laid {
            kind,
            starts_at,
            ends_at: self.episode.ends_at(at),
            tests: Vec::new(),
            colour: if rules.colours { colour(kind) } else { None },
            extensions: Vec::new(),
            review_at: None,
        }))
    }
}

/// May not go out: red; may go out for need: yellow.
const fn colour(kind: MeasureKind) -> Option<Colour> {
    match kind {
        MeasureKind::StayIndoors | MeasureKind::HomeIsolation => Some(Colour::Red),
        MeasureKind::StayInArea | MeasureKind::HomeMonitoring => Some(Colour::Yellow),
        _ => None,
    }
}
