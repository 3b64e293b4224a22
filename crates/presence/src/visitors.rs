//! T3: everybody who was at a set of places in a window.

use rayon::prelude::*;

use crate::stay::{PersonNo, PlaceNo, Span};
use crate::tally::{Gathered, NARROW_S, Narrow, Record, Tally, Wide};
use crate::view::View;

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
    let tally = if window.until_s.saturating_sub(window.from_s) < NARROW_S {
        tally::<Narrow>(view, &numbers, window)
    } else {
        tally::<Wide>(view, &numbers, window)
    };
    let mut rows = tally.rows(|person, sum| {
        Some(Visitor {
            person: PersonNo(view.people.id(person)),
            stays: sum.encounters,
            total_s: sum.overlap_s,
            first_s: window.from_s + sum.first_s,
            last_s: window.from_s + sum.last_s,
        })
    });
    if !view.people.is_ordered() {
        rows.sort_unstable_by_key(|row| row.person);
    }
    rows
}

fn tally<R: Record>(view: &View, places: &[u32], window: Span) -> Tally {
    let person_count = view.people.len();
    let mut tally = Tally::new(person_count);
    let share = places.len().div_ceil(rayon::current_num_threads()).max(1);
    let mut gathered: Vec<Gathered<R>> = places
        .par_chunks(share)
        .map(|places| {
            let mut gathered = Gathered::new(person_count);
            for &place in places {
                view.for_visits_at(place, window, |person, span| {
                    gathered.add(0, person, span.from_s - window.from_s, span.length_s());
                });
            }
            gathered
        })
        .collect();
    tally.add(&mut gathered);
    tally
}
