//! A snapshot of the ledger that can be asked: layers of stays, none of which overlaps another of the same person
//! at the same place.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::error::PresenceError;
use crate::index::{Company, Index};
use crate::roster::{Roster, RosterBuilder};
use crate::stay::{PersonNo, PlaceNo, Span, Stay, merge_stays};

/// Stays of a ledger at one moment. Cheap to clone and safe to ask from several threads while the ledger goes on.
#[derive(Debug, Clone)]
pub struct View {
    pub(crate) people: Arc<Roster>,
    pub(crate) places: Arc<Roster>,
    pub(crate) layers: Vec<Layer>,
}

/// One index, less the rows that a later layer holds in longer form.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) index: Arc<Index>,
    pub(crate) superseded: Arc<FxHashSet<u32>>,
}

/// Where a stay stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    pub(crate) layer: u32,
    pub(crate) row: u32,
}

impl View {
    /// A view of these stays alone: any order, ids over the whole range, duplicates and overlaps are merged.
    ///
    /// # Errors
    /// [`PresenceError::TooMany`] for more than 2^32 - 1 stays, or too many persons for a very long term.
    pub fn from_stays(mut stays: Vec<Stay>) -> Result<Self, PresenceError> {
        let (mut people, mut places) = (RosterBuilder::default(), RosterBuilder::default());
        rayon::join(
            || stays.iter().for_each(|stay| people.add(stay.person.0)),
            || stays.iter().for_each(|stay| places.add(stay.place.0)),
        );
        let (people_roster, places_roster) = (people.finish(), places.finish());
        stays.par_iter_mut().for_each(|stay| {
            stay.person = PersonNo(people.number(stay.person.0));
            stay.place = PlaceNo(places.number(stay.place.0));
        });
        drop((people, places));
        let index = Index::build(stays, people_roster.len(), places_roster.len())?;
        Ok(Self { people: Arc::new(people_roster), places: Arc::new(places_roster), layers: vec![Layer::new(index)] })
    }

    /// Number of stays, each merged one counted once.
    #[must_use]
    pub fn stay_count(&self) -> usize {
        self.layers.iter().map(|layer| layer.index.len() - layer.superseded.len()).sum()
    }

    /// Number of persons with a stay.
    #[must_use]
    pub fn person_count(&self) -> usize {
        self.people.len()
    }

    /// Bytes that the view's indexes and dictionaries hold in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let layers: usize = self.layers.iter().map(Layer::bytes).sum();
        layers + self.people.bytes() + self.places.bytes()
    }

    /// Whether the ledger has ever seen the person.
    #[must_use]
    pub fn knows_person(&self, person: PersonNo) -> bool {
        self.people.number(person.0).is_some()
    }

    /// Whether the ledger has ever seen the place.
    #[must_use]
    pub fn knows_place(&self, place: PlaceNo) -> bool {
        self.places.number(place.0).is_some()
    }

    /// Persons who entered more than `limit` times within some 24 hours, and how often at most, by person.
    #[must_use]
    pub fn busiest_days(&self, limit: usize) -> Vec<(PersonNo, usize)> {
        let all = Span { from_s: 0, until_s: u32::MAX };
        let busy = (0..self.people.len() as u32).into_par_iter().filter_map(|person| {
            let rows: usize = self.layers.iter().map(|layer| layer.index.row_count_of(person)).sum();
            if rows <= limit {
                return None;
            }
            let mut entered = Vec::with_capacity(rows);
            self.for_stays_of(person, all, |_, span| entered.push(span.from_s));
            entered.sort_unstable();
            let most =
                (0..entered.len()).map(|first| entered[first..].partition_point(|&at| at - entered[first] < 86_400));
            let most = most.max().unwrap_or(0);
            (most > limit).then(|| (PersonNo(self.people.id(person)), most))
        });
        let mut busy: Vec<_> = busy.collect();
        busy.sort_unstable();
        busy
    }

    /// Places with more than `limit` stays, and how many, by place.
    #[must_use]
    pub fn crowded_places(&self, limit: usize) -> Vec<(PlaceNo, usize)> {
        let stays = |place: u32| self.layers.iter().map(|layer| layer.index.rows_at(place).len()).sum();
        let numbered = (0..self.places.len() as u32).map(|place| (PlaceNo(self.places.id(place)), stays(place)));
        let mut crowded: Vec<_> = numbered.filter(|&(_, stays)| stays > limit).collect();
        crowded.sort_unstable();
        crowded
    }

    /// Stays of a person that overlap or touch `window`, in order of entering.
    #[must_use]
    pub fn stays_of(&self, person: PersonNo, window: Span) -> Vec<Stay> {
        let Some(number) = self.people.number(person.0) else { return Vec::new() };
        let mut stays = Vec::new();
        self.for_stays_of(number, window, |anchor, span| {
            let place = PlaceNo(self.places.id(self.place_of(anchor)));
            stays.push(Stay { person, place, enter_s: span.from_s, leave_s: span.until_s });
        });
        stays.sort_unstable_by_key(|stay| (stay.enter_s, stay.leave_s, stay.place));
        stays
    }

    /// Earliest time of entering; seconds since 1970.
    pub(crate) fn epoch_s(&self) -> u32 {
        let layers = self.layers.iter().filter(|layer| layer.index.len() > 0);
        layers.map(|layer| layer.index.epoch_s()).min().unwrap_or(0)
    }

    /// Calls `visit(person, span)` for every stay at a place (dense number) that meets `window`, cut to it.
    pub(crate) fn for_visits_at(&self, place: u32, window: Span, mut visit: impl FnMut(u32, Span)) {
        for layer in &self.layers {
            layer.index.for_visits_at(place, window, |found| {
                if layer.holds(found.row) {
                    visit(found.person, found.span.intersection(window));
                }
            });
        }
    }

    /// Dense number of the place of a stay.
    pub(crate) fn place_of(&self, anchor: Anchor) -> u32 {
        self.layers[anchor.layer as usize].index.place_of(anchor.row as usize)
    }

    /// Calls `visit` for every stay of a person (dense number) that overlaps or touches `window`.
    pub(crate) fn for_stays_of(&self, person: u32, window: Span, mut visit: impl FnMut(Anchor, Span)) {
        for (number, layer) in (0..).zip(&self.layers) {
            layer.index.for_rows_of(person, window, |found| {
                if layer.holds(found.row) {
                    visit(Anchor { layer: number, row: found.row }, found.span);
                }
            });
        }
    }

    /// Calls `visit` with where each stay of a person (dense number) stands, superseded ones included.
    pub(crate) fn for_anchors_of(&self, person: u32, mut visit: impl FnMut(Anchor)) {
        for (number, layer) in (0..).zip(&self.layers) {
            layer.index.add_rows_of(person, |row| visit(Anchor { layer: number, row }));
        }
    }

    /// The stay as it is stored; for [`Self::span_of`].
    #[inline]
    pub(crate) fn word(&self, anchor: Anchor) -> u64 {
        self.layers[anchor.layer as usize].index.word(anchor.row)
    }

    /// Interval of a stay that was read before.
    #[inline]
    pub(crate) fn span_of(&self, anchor: Anchor, word: u64) -> Span {
        self.layers[anchor.layer as usize].index.span_of(anchor.row, word)
    }

    /// Whether a stay counts.
    #[inline]
    pub(crate) fn holds(&self, anchor: Anchor) -> bool {
        self.layers[anchor.layer as usize].holds(anchor.row)
    }

    /// The only index, if there is one alone: then a stay's row is its place.
    pub(crate) fn single(&self) -> Option<&Index> {
        match &self.layers[..] {
            [layer] if layer.superseded.is_empty() => Some(&layer.index),
            _ => None,
        }
    }

    /// Calls `visit(person, together)` for every stay at a place (dense number) that shares at least `least_s`
    /// seconds with `span`; `company` is a buffer.
    pub(crate) fn for_company_at(
        &self,
        place: u32,
        span: Span,
        least_s: u32,
        company: &mut Company,
        mut visit: impl FnMut(u32, Span),
    ) {
        for layer in &self.layers {
            company.clear();
            layer.index.add_company_at(place, span, least_s, company);
            for &met in company.met().iter().filter(|met| layer.holds(met.row)) {
                if let Some((person, together)) = layer.index.time_together(met, span, least_s) {
                    visit(person, together);
                }
            }
        }
    }
}

impl Layer {
    pub(crate) fn new(index: Index) -> Self {
        Self { index: Arc::new(index), superseded: Arc::default() }
    }

    /// Whether a row counts here.
    #[inline]
    pub(crate) fn holds(&self, row: u32) -> bool {
        self.superseded.is_empty() || !self.superseded.contains(&row)
    }

    /// Rows that count.
    pub(crate) fn live_len(&self) -> usize {
        self.index.len() - self.superseded.len()
    }

    fn bytes(&self) -> usize {
        self.index.bytes() + self.superseded.capacity() * (size_of::<u32>() + 1)
    }

    /// Stays that count, by dense numbers.
    pub(crate) fn stays(&self) -> impl Iterator<Item = Stay> {
        (0..self.index.len()).filter(|&row| self.holds(row as u32)).map(|row| {
            let found = self.index.found(row);
            Stay {
                person: PersonNo(found.person),
                place: PlaceNo(self.index.place_of(row)),
                enter_s: found.span.from_s,
                leave_s: found.span.until_s,
            }
        })
    }
}

/// Makes `stays` (dense numbers) disjoint from all layers: a stay that overlaps or touches one of them takes it in,
/// and the row is superseded there.
pub(crate) fn absorb(layers: &mut [Layer], stays: &mut Vec<Stay>) {
    merge_stays(stays);
    for stay in &mut *stays {
        for layer in &mut *layers {
            let mut taken = Vec::new();
            let at_place = layer.index.rows_at(stay.place.0);
            if at_place.is_empty() {
                continue;
            }
            layer.index.for_rows_of(stay.person.0, stay.span(), |found| {
                if at_place.contains(&(found.row as usize)) && layer.holds(found.row) {
                    taken.push(found);
                }
            });
            // The layers' stays do not touch each other, so what is taken in brings no further neighbour.
            for found in taken {
                stay.enter_s = stay.enter_s.min(found.span.from_s);
                stay.leave_s = stay.leave_s.max(found.span.until_s);
                Arc::make_mut(&mut layer.superseded).insert(found.row);
            }
        }
    }
    // Two new stays may have taken in the same old one.
    merge_stays(stays);
}
