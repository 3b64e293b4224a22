//! T3: everybody who was at a set of places in a window.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::stay::{PersonNo, PlaceNo, Span};
use crate::tally::{Gathered, NARROW_S, Narrow, Record, Sum, Tally, Wide};
use crate::view::View;

/// Places that a worker takes at a time.
const PLACES_AT_ONCE: usize = 16;

/// Somebody who was at one of the places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    /// Who.
    pub person: PersonNo,
    /// Stays there that meet the window.
    pub stays: u32,
    /// Their time in the window; a check-in only adds nothing; seconds.
    pub total_s: u64,
    /// First moment there in the window; seconds since 1970.
    pub first_s: u32,
    /// End of the last stay, cut to the window; seconds since 1970.
    pub last_s: u32,
}

/// Everybody with a stay at one of `places` that meets `window`, by person.
///
/// A zero-length stay counts if it lies in the window. Places that are not in the ledger have no visitors; a place
/// named twice counts once.
#[must_use]
pub fn find_visitors(view: &View, places: &[PlaceNo], window: Span) -> Vec<Visitor> {
    if window.is_empty() {
        return Vec::new();
    }
    let mut numbers: Vec<u32> = places.iter().filter_map(|place| view.places.number(place.0)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let row = |person: u32, sum: &Sum| {
        Some(Visitor {
            person: PersonNo(view.people.id(person)),
            stays: sum.encounters,
            total_s: sum.overlap_s,
            first_s: window.from_s + sum.first_s,
            last_s: window.from_s + sum.last_s,
        })
    };
    let mut rows = if window.until_s.saturating_sub(window.from_s) < NARROW_S {
        tally::<Narrow>(view, &numbers, window, row)
    } else {
        tally::<Wide>(view, &numbers, window, row)
    };
    if !view.people.is_ordered() {
        rows.sort_unstable_by_key(|row| row.person);
    }
    rows
}

fn tally<R: Record>(
    view: &View,
    places: &[u32],
    window: Span,
    row: impl Fn(u32, &Sum) -> Option<Visitor> + Sync,
) -> Vec<Visitor> {
    let person_count = view.people.len();
    // Places differ much in size, so each worker takes the next few when it is done with its last.
    let next = AtomicUsize::new(0);
    let gather = |_| {
        let mut gathered = Gathered::new(person_count);
        loop {
            let first = next.fetch_add(PLACES_AT_ONCE, Ordering::Relaxed);
            let Some(rest) = places.get(first..).filter(|rest| !rest.is_empty()) else { return gathered };
            for &place in &rest[..rest.len().min(PLACES_AT_ONCE)] {
                view.for_visits_at(place, window, |person, span| {
                    gathered.add(0, person, span.from_s - window.from_s, span.length_s());
                });
            }
        }
    };
    let workers = if places.len() > PLACES_AT_ONCE { rayon::current_num_threads() } else { 1 };
    let gathered: Vec<Gathered<R>> = (0..workers).into_par_iter().map(gather).collect();
    Tally::new(person_count).finish(&gathered, row)
}
