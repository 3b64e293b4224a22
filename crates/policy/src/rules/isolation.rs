//! When and where a person was isolated. The first start of isolation since an exposure is day 1 of the tests; that of a
//! case closes the infectious window. The floors on which somebody was on a day say whom a reset of the site concerns.

use sizao_model::{CivilDay, FactBody, Instant, id::SiteId};

use crate::{known::Seen, people::Group};

/// The first start of isolation at or after an instant.
pub(crate) fn first_started(group: &Group, from: Instant, facts: &[Seen<'_>]) -> Option<Instant> {
    facts
        .iter()
        .filter(|seen| matches!(&*seen.body, FactBody::IsolationStarted(_)) && group.reach(seen).is_some())
        .map(Seen::starts_at)
        .filter(|started_at| *started_at >= from)
        .min()
}

/// A site and, where recorded, the floor.
type Place<'f> = (&'f SiteId, Option<i32>);

/// The floors of the site on which the person was at any time of the day; nothing if elsewhere.
pub(crate) fn floors_on(group: &Group, site: &SiteId, day: CivilDay, facts: &[Seen<'_>]) -> Vec<Option<i32>> {
    let mut moves: Vec<(Instant, Option<Place<'_>>)> = facts
        .iter()
        .filter(|seen| group.reach(seen).is_some())
        .filter_map(|seen| match &*seen.body {
            FactBody::IsolationStarted(place) => Some((seen.starts_at(), Some((&place.site, place.floor)))),
            FactBody::IsolationMoved(place) => Some((seen.starts_at(), Some((&place.site, place.floor)))),
            FactBody::IsolationLeft(_) => Some((seen.starts_at(), None)),
            _ => None,
        })
        .collect();
    moves.sort_by_key(|(at, _)| *at);
    let (begins_at, ends_at) = (day.start(), day.plus_days(1).start());
    let mut floors = Vec::new();
    for (index, (from, place)) in moves.iter().enumerate() {
        let until = moves.get(index + 1).map_or(Instant::MAX, |(next, _)| *next);
        if let Some((at, floor)) = place
            && *at == site
            && *from < ends_at
            && until > begins_at
        {
            floors.push(*floor);
        }
    }
    floors
}
