//! T2: contacts of contacts (次密接), each person once over all sources.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::contacts::Contact;
use crate::encounters::{BATCH, Exposer, Scratch, for_encounters};
use crate::exposure::{ExposureRules, IndexCase};
use crate::stay::{PersonNo, Span};
use crate::tally::{Gathered, NARROW_S, Narrow, Record, Sum, Tally, Wide};
use crate::view::View;

/// Somebody who met contacts of cases after these may have become infectious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondaryContact {
    /// Who.
    pub contact: PersonNo,
    /// Different contacts met.
    pub sources: u32,
    /// Encounters with them.
    pub encounters: u32,
    /// Time together; time shared with two sources at once counts for both; seconds.
    pub overlap_s: u64,
    /// Start of the first encounter; seconds since 1970.
    pub first_exposure_s: u32,
    /// End of the last (exclusive); seconds since 1970.
    pub last_exposure_s: u32,
}

/// From when until when a contact may pass the infection on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondaryRules {
    /// From first exposure to being infectious; seconds.
    pub latency_s: u32,
    /// Until now; seconds since 1970.
    pub now_s: u32,
}

/// Contacts of `contacts` (the answer of [`crate::find_contacts`] for `cases`), by person.
///
/// A source is a contact that is no index case, from the earliest first exposure to any case plus the latency until
/// now. Index cases and all contacts of degree 1 are left out of the answer.
#[must_use]
pub fn find_secondary_contacts(
    view: &View,
    cases: &[IndexCase],
    contacts: &[Contact],
    secondary: &SecondaryRules,
    rules: &ExposureRules,
) -> Vec<SecondaryContact> {
    let sources = sources_of(view, cases, contacts, secondary);
    // Nothing in the answer is later than the last emission, and nothing is earlier than the first stay.
    let epoch_s = view.epoch_s();
    let excluded = excluded(view, cases, contacts);
    let latest_s = secondary.now_s.saturating_add(rules.airborne_lag_s);
    let row = |person: u32, sum: &Sum| {
        let row = SecondaryContact {
            contact: PersonNo(view.people.id(person)),
            sources: sum.sources,
            encounters: sum.encounters,
            overlap_s: sum.overlap_s,
            first_exposure_s: epoch_s + sum.first_s,
            last_exposure_s: epoch_s + sum.last_s,
        };
        (!excluded.contains(person)).then_some(row)
    };
    let mut rows = if latest_s.saturating_sub(epoch_s) < NARROW_S {
        tally::<Narrow>(view, &sources, epoch_s, rules, row)
    } else {
        tally::<Wide>(view, &sources, epoch_s, rules, row)
    };
    if !view.people.is_ordered() {
        rows.sort_unstable_by_key(|row| row.contact);
    }
    rows
}

/// Contacts of degree 1 from the moment when they may infect until now, by person.
fn sources_of(view: &View, cases: &[IndexCase], contacts: &[Contact], rules: &SecondaryRules) -> Vec<Exposer> {
    let mut first: FxHashMap<u32, u32> = FxHashMap::default();
    for contact in contacts {
        let from_s = contact.first_exposure_s;
        first.entry(contact.contact.0).and_modify(|first| *first = from_s.min(*first)).or_insert(from_s);
    }
    for case in cases {
        first.remove(&case.person.0);
    }
    let exposer = |(person, first_s): (u32, u32)| {
        let window = Span { from_s: first_s.saturating_add(rules.latency_s), until_s: rules.now_s };
        Some(Exposer { person: view.people.number(person)?, window })
    };
    let mut sources: Vec<Exposer> =
        first.into_iter().filter_map(exposer).filter(|source| !source.window.is_empty()).collect();
    sources.sort_unstable_by_key(|source| source.person);
    sources
}

fn tally<R: Record>(
    view: &View,
    sources: &[Exposer],
    epoch_s: u32,
    rules: &ExposureRules,
    row: impl Fn(u32, &Sum) -> Option<SecondaryContact> + Sync,
) -> Vec<SecondaryContact> {
    let person_count = view.people.len();
    let mut tally = Tally::new(person_count);
    let workers = rayon::current_num_threads();
    let mut gathered: Vec<Gathered<R>> = (0..workers).map(|_| Gathered::new(person_count)).collect();
    // Each worker walks its own share of the sources and stops when its buffers are full.
    let mut shares: Vec<(usize, &[Exposer])> = Vec::new();
    let mut number = 0;
    for share in sources.chunks(sources.len().div_ceil(workers).max(1)) {
        shares.push((number, share));
        number += share.len();
    }
    loop {
        shares.par_iter_mut().zip(&mut gathered).for_each_init(Scratch::default, |scratch, (share, gathered)| {
            while !share.1.is_empty() && !gathered.is_full() {
                let (batch, rest) = share.1.split_at(share.1.len().min(BATCH));
                for_encounters(view, batch, rules, scratch, |exposer, encounter| {
                    let length_s = encounter.end_s - encounter.start_s;
                    let source = (share.0 + exposer) as u32;
                    gathered.add(source, encounter.contact, encounter.start_s - epoch_s, length_s);
                });
                *share = (share.0 + batch.len(), rest);
            }
        });
        if shares.iter().all(|(_, share)| share.is_empty()) {
            return tally.finish(&gathered, row);
        }
        tally.add(&mut gathered);
    }
}

/// A set of persons by dense number.
struct PersonSet(Vec<u64>);

impl PersonSet {
    fn insert(&mut self, person: u32) {
        self.0[person as usize / 64] |= 1 << (person % 64);
    }

    fn contains(&self, person: u32) -> bool {
        self.0[person as usize / 64] >> (person % 64) & 1 == 1
    }
}

fn excluded(view: &View, cases: &[IndexCase], contacts: &[Contact]) -> PersonSet {
    let mut set = PersonSet(vec![0; view.people.len().div_ceil(64)]);
    let ids = cases.iter().map(|case| case.person.0).chain(contacts.iter().map(|contact| contact.contact.0));
    ids.filter_map(|id| view.people.number(id)).for_each(|person| set.insert(person));
    set
}
