//! Stays in declared areas.
//!
//! A stay that ended counts when it ended within the look-back before the first declaration, or later, and began before
//! the area was over; its last day is day 0. Each area is a chain of its own, with the level of its latest declaration
//! in effect. Who is still there stays indoors or in the area. Whatever rests only on an area ends with it.

mod episode;
mod resident;
mod stay;
mod traveller;

use sizao_model::{Instant, id::AreaCode};

use super::{Opened, View, case::CasePeriod};
use crate::{
    pack::AreaUnit,
    timeline::{DiseaseTimeline, NamedArea},
};
use episode::Episode;
use stay::Stayed;

/// What declared areas make of a person's stays.
#[derive(Debug, Default)]
pub(crate) struct Areas {
    pub opened: Vec<Opened>,
    /// When announced declarations take effect, and stays begin or end.
    pub announced: Vec<Instant>,
}

/// How a stay lies to an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Relation {
    Inside,
    SameCounty,
    SameCity,
}

/// Plans what a person's stays in declared areas open.
pub(crate) fn assess(view: &View<'_>, timeline: &DiseaseTimeline, case_periods: &[CasePeriod]) -> Areas {
    let mut areas = Areas::default();
    let Some(rule) = timeline.at(view.at).and_then(|rules| rules.area.as_ref()) else { return areas };
    let stays = stay::stays(view);
    if stays.is_empty() {
        return areas;
    }
    let is_near = |area: &AreaCode| stays.iter().any(|stay| relation(stay.area, area, rule).is_some());
    for episode in &episode::episodes(view.facts, is_near) {
        areas.announced.extend(announced(episode, &stays, rule, view.at));
        if episode.begins_at() > view.at || episode.ends_at(view.at) <= view.at {
            continue;
        }
        areas.opened.extend(traveller::assess(view, timeline, episode, &stays, case_periods));
        areas.opened.extend(resident::assess(view, timeline, episode, &stays, case_periods));
    }
    areas
}

/// When an announced declaration of an area in which the person stayed takes effect, and when a stay in an area is
/// known to begin or end.
fn announced(episode: &Episode<'_>, stays: &[Stayed<'_>], rule: &NamedArea, at: Instant) -> Vec<Instant> {
    let lookback_at = episode.begins_at().day().plus_days(-rule.rule.lookback_days).start();
    let concerned: Vec<&Stayed<'_>> = stays
        .iter()
        .filter(|stay| relation(stay.area, episode.area, rule).is_some())
        .filter(|stay| stay.ends_at.is_none_or(|ends_at| ends_at >= lookback_at))
        .collect();
    let edges = concerned.iter().flat_map(|stay| [Some(stay.starts_at), stay.ends_at]).flatten();
    let declared = episode.announced(at).filter(|_| !concerned.is_empty());
    edges.chain(declared).filter(|edge| *edge > at).collect()
}

/// How a stay lies to an area under a pack: inside (the area, or its whole county), in the rest of its county, in the
/// rest of its city; nothing where the pack has no rule for it.
fn relation(place: &AreaCode, area: &AreaCode, rule: &NamedArea) -> Option<Relation> {
    let (place, area) = (place.as_str(), area.as_str());
    let within = |digits: usize| place.starts_with(area.get(..digits).unwrap_or(area));
    let is_inside = match rule.rule.unit {
        AreaUnit::Area => place.starts_with(area),
        AreaUnit::County => within(6),
    };
    if is_inside {
        Some(Relation::Inside)
    } else if rule.rule.same_county.is_some() && within(6) {
        Some(Relation::SameCounty)
    } else if rule.rule.same_city.is_some() && within(4) {
        Some(Relation::SameCity)
    } else {
        None
    }
}
