//! The ledger of stays: closed days, and the live day that is still being written.
//!
//! A day that is over leaves as a [`DaySegment`], which never changes and from which the ledger can be built again.
//! In memory all stays lie in layers, small ones merged into larger ones as they come; a question sees one set of
//! stays, as if everything had been reported at once.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::error::PresenceError;
use crate::index::Index;
use crate::roster::Roster;
use crate::stay::{PersonNo, PlaceNo, ReportedStay, Stay, StayRules, merge_stays};
use crate::view::{Layer, View, absorb};

/// Live stays that wait before they get an index of their own.
const WAITING_MAX: usize = 1 << 16;

/// Layers above this size are merged only by [`Ledger::compact`], since that takes a second per 10 million stays.
const MERGED_MAX: usize = 1 << 22;

/// Stays of one closed day: those that ended in it, whole, also if they began the day before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySegment {
    until_s: u32,
    stays: Vec<Stay>,
}

impl DaySegment {
    /// A segment read back from where it was kept; stays may come in any order.
    #[must_use]
    pub fn new(until_s: u32, mut stays: Vec<Stay>) -> Self {
        merge_stays(&mut stays);
        Self { until_s, stays }
    }

    /// When the day ended; seconds since 1970.
    #[must_use]
    pub fn until_s(&self) -> u32 {
        self.until_s
    }

    /// Its stays, merged, by person, place and time.
    #[must_use]
    pub fn stays(&self) -> &[Stay] {
        &self.stays
    }
}

/// All stays over the term that a pack sets.
#[derive(Debug, Clone)]
pub struct Ledger {
    open_cap_s: u32,
    stay_max_s: u32,
    people: Arc<Roster>,
    places: Arc<Roster>,
    layers: Vec<Layer>,
    /// Stays of the live day that have ended, as reported; the first `indexed` are in layers too.
    day: Vec<Stay>,
    indexed: usize,
    /// Person, place and time of entering of stays without an end.
    open: FxHashSet<(PersonNo, PlaceNo, u32)>,
}

impl Ledger {
    /// An empty ledger.
    ///
    /// - `open_cap_s`: how long a stay without an end lasts at most; seconds.
    /// - `stay_max_s`: longer stays are refused, [`crate::STAY_MAX_S`] if nothing else is said; seconds.
    #[must_use]
    pub fn new(open_cap_s: u32, stay_max_s: u32) -> Self {
        Self {
            open_cap_s,
            stay_max_s,
            people: Arc::default(),
            places: Arc::default(),
            layers: Vec::new(),
            day: Vec::new(),
            indexed: 0,
            open: FxHashSet::default(),
        }
    }

    /// A ledger of closed days. To let a day go, build it from the others.
    ///
    /// # Errors
    /// [`PresenceError::TooMany`].
    pub fn from_segments(
        segments: impl IntoIterator<Item = DaySegment>,
        open_cap_s: u32,
        stay_max_s: u32,
    ) -> Result<Self, PresenceError> {
        let stays = segments.into_iter().flat_map(|segment| segment.stays).collect();
        let View { people, places, layers } = View::from_stays(stays)?;
        Ok(Self { people, places, layers, ..Self::new(open_cap_s, stay_max_s) })
    }

    /// Takes a stay into the live day, in any order and as often as it comes.
    ///
    /// # Errors
    /// [`PresenceError::LeaveBeforeEnter`], [`PresenceError::StayTooLong`]; [`PresenceError::TooMany`] when an index
    /// is full.
    pub fn record(&mut self, stay: ReportedStay) -> Result<(), PresenceError> {
        let Some(leave_s) = stay.leave_s else {
            self.open.insert((stay.person, stay.place, stay.enter_s));
            return Ok(());
        };
        self.day.push(stay.close(&self.rules(leave_s))?);
        if self.day.len() - self.indexed >= WAITING_MAX {
            self.index_waiting()?;
        }
        Ok(())
    }

    /// Gives an open stay its end.
    ///
    /// # Errors
    /// [`PresenceError::NoOpenStay`] if it is not open; otherwise as [`Self::record`], and the stay remains open.
    pub fn record_leaving(&mut self, stay: Stay) -> Result<(), PresenceError> {
        let Stay { person, place, enter_s, leave_s } = stay;
        if !self.open.contains(&(person, place, enter_s)) {
            return Err(PresenceError::NoOpenStay { enter_s });
        }
        self.record(ReportedStay { person, place, enter_s, leave_s: Some(leave_s) })?;
        self.open.remove(&(person, place, enter_s));
        Ok(())
    }

    /// Closes the live day: what ended by `until_s` leaves as a segment, the rest is the new live day.
    ///
    /// Open stays whose cap is over by then end with it; the others stay open. Answers do not change.
    ///
    /// # Errors
    /// [`PresenceError::TooMany`].
    pub fn close_day(&mut self, until_s: u32) -> Result<DaySegment, PresenceError> {
        let rules = self.rules(until_s);
        let mut over: Vec<_> = self.open.iter().copied().collect();
        over.retain(|&(_, _, enter_s)| enter_s.saturating_add(rules.open_cap_s) <= until_s);
        over.sort_unstable();
        for key in over {
            let (person, place, enter_s) = key;
            self.day.push(ReportedStay { person, place, enter_s, leave_s: None }.close(&rules)?);
            self.open.remove(&key);
        }
        self.index_waiting()?;
        let (ended, rest) = self.day.iter().copied().partition(|stay| stay.leave_s <= until_s);
        self.day = rest;
        self.indexed = self.day.len();
        Ok(DaySegment::new(until_s, ended))
    }

    /// The stays as they are at `now_s`: open ones last until then, at most for their cap.
    ///
    /// Costs time for the open stays and those that wait for an index, not for the others.
    ///
    /// # Errors
    /// [`PresenceError::TooMany`].
    pub fn view(&self, now_s: u32) -> Result<View, PresenceError> {
        let mut snapshot =
            View { people: self.people.clone(), places: self.places.clone(), layers: self.layers.clone() };
        let rules = self.rules(now_s);
        let mut fresh = self.day[self.indexed..].to_vec();
        for &(person, place, enter_s) in &self.open {
            fresh.push(ReportedStay { person, place, enter_s, leave_s: None }.close(&rules)?);
        }
        if !fresh.is_empty() || snapshot.layers.is_empty() {
            snapshot.add_layer(fresh)?;
        }
        Ok(snapshot)
    }

    /// Puts all layers into one and numbers persons and places anew; questions are quickest afterwards.
    ///
    /// # Errors
    /// [`PresenceError::TooMany`].
    pub fn compact(&mut self) -> Result<(), PresenceError> {
        self.index_waiting()?;
        let all = View { people: self.people.clone(), places: self.places.clone(), layers: self.layers.clone() };
        let View { people, places, layers } = View::from_stays(all.unsorted_stays())?;
        (self.people, self.places, self.layers) = (people, places, layers);
        Ok(())
    }

    /// Number of indexes that a question has to visit.
    #[must_use]
    pub fn layer_count(&self) -> usize {
        self.layers.len()
    }

    /// Number of stays without an end.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    fn rules(&self, now_s: u32) -> StayRules {
        // A cap is no stay that somebody reported, so it is not refused for its length.
        StayRules { open_cap_s: self.open_cap_s, now_s, stay_max_s: self.stay_max_s.max(self.open_cap_s) }
    }

    fn index_waiting(&mut self) -> Result<(), PresenceError> {
        let waiting = self.day[self.indexed..].to_vec();
        if waiting.is_empty() {
            return Ok(());
        }
        let mut all = View {
            people: std::mem::take(&mut self.people),
            places: std::mem::take(&mut self.places),
            layers: std::mem::take(&mut self.layers),
        };
        let added = all.add_layer(waiting).and_then(|()| all.merge_small_layers(MERGED_MAX));
        (self.people, self.places, self.layers) = (all.people, all.places, all.layers);
        added?;
        self.indexed = self.day.len();
        Ok(())
    }
}

impl View {
    /// Adds stays (ids, any order) as a layer, taking in what they overlap or touch.
    fn add_layer(&mut self, mut stays: Vec<Stay>) -> Result<(), PresenceError> {
        let (people, places) = (Arc::make_mut(&mut self.people), Arc::make_mut(&mut self.places));
        for stay in &mut stays {
            stay.person = PersonNo(people.number_or_add(stay.person.0));
            stay.place = PlaceNo(places.number_or_add(stay.place.0));
        }
        absorb(&mut self.layers, &mut stays);
        self.layers.push(Layer::new(Index::build(stays, self.people.len(), self.places.len())?));
        Ok(())
    }

    /// Merges the last layer into the one before while that is less than four times its size.
    fn merge_small_layers(&mut self, size_max: usize) -> Result<(), PresenceError> {
        while let [.., larger, smaller] = &self.layers[..]
            && larger.live_len() < 4 * smaller.live_len()
            && larger.live_len() + smaller.live_len() <= size_max
        {
            let stays = larger.stays().chain(smaller.stays()).collect();
            let merged = Layer::new(Index::build(stays, self.people.len(), self.places.len())?);
            self.layers.truncate(self.layers.len() - 2);
            self.layers.push(merged);
        }
        Ok(())
    }

    /// All stays, by person, place and time.
    #[must_use]
    pub fn stays(&self) -> Vec<Stay> {
        let mut stays = self.unsorted_stays();
        stays.sort_unstable();
        stays
    }

    /// All stays by id, in no order.
    fn unsorted_stays(&self) -> Vec<Stay> {
        let mut stays: Vec<Stay> = self.layers.iter().flat_map(Layer::stays).collect();
        for stay in &mut stays {
            stay.person = PersonNo(self.people.id(stay.person.0));
            stay.place = PlaceNo(self.places.id(stay.place.0));
        }
        stays
    }
}
