//! T1: the contacts (接触者) of index cases in their infectious windows.

use rayon::prelude::*;

use crate::encounters::{BATCH, Exposer, Scratch, for_encounters};
use crate::exposure::{CaseNo, Encounter, ExposureRules, IndexCase};
use crate::stay::PersonNo;
use crate::view::View;

/// One contact of one case, with what the two had in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contact {
    /// The case.
    pub case: CaseNo,
    /// The contact; may be a case too.
    pub contact: PersonNo,
    /// Encounters that count.
    pub encounters: u32,
    /// Their time together; seconds.
    pub overlap_s: u64,
    /// Start of the first; seconds since 1970.
    pub first_exposure_s: u32,
    /// End of the last (exclusive); seconds since 1970.
    pub last_exposure_s: u32,
}

/// Everybody who was exposed to each case within its window, by case and contact.
///
/// A person's own stays are never a contact. A case without a stay, or with an empty window, has none. Rows of one
/// case number are pooled; two numbers for one person give separate results.
#[must_use]
pub fn find_contacts(view: &View, cases: &[IndexCase], rules: &ExposureRules) -> Vec<Contact> {
    let mut sorted: Vec<&IndexCase> = cases.iter().collect();
    sorted.sort_by_key(|case| case.case);
    let groups: Vec<&[&IndexCase]> = sorted.chunk_by(|a, b| a.case == b.case).collect();
    // Few long lists put together in order, rather than many: each contact is copied once at most.
    let batches = groups.par_chunks(BATCH).fold(Worker::default, |mut worker, groups| {
        find_in_batch(view, groups, rules, &mut worker);
        worker
    });
    batches.map(|worker| worker.contacts).reduce(Vec::new, |mut earlier, mut later| {
        earlier.append(&mut later);
        earlier
    })
}

/// What a worker found, and the buffers that it uses again and again.
#[derive(Default)]
struct Worker {
    contacts: Vec<Contact>,
    scratch: Scratch,
    buffers: Buffers,
}

/// Encounters of one case, and what they are sorted with.
#[derive(Default)]
struct Buffers {
    encounters: Vec<Encounter>,
    /// Contact in the upper half, position among the encounters in the lower.
    keys: Vec<u64>,
    spare: Vec<u64>,
}

fn find_in_batch(view: &View, groups: &[&[&IndexCase]], rules: &ExposureRules, worker: &mut Worker) {
    let Worker { contacts, scratch, buffers } = worker;
    let known = |case: &&IndexCase| Some((case.case, view.people.number(case.person.0)?, case.window));
    let cases: Vec<_> = groups.concat().iter().filter_map(known).collect();
    let exposers: Vec<Exposer> = cases.iter().map(|&(_, person, window)| Exposer { person, window }).collect();
    let mut current = None;
    buffers.encounters.clear();
    for_encounters(view, &exposers, rules, scratch, |exposer, encounter| {
        let case = cases[exposer].0;
        if current != Some(case)
            && let Some(done) = current.replace(case)
        {
            add_contacts(view, done, buffers, contacts);
        }
        buffers.encounters.push(encounter);
    });
    if let Some(done) = current {
        add_contacts(view, done, buffers, contacts);
    }
}

/// Sums up the encounters of one case by contact and empties the list.
fn add_contacts(view: &View, case: CaseNo, buffers: &mut Buffers, contacts: &mut Vec<Contact>) {
    let first = contacts.len();
    sort_by_contact(buffers, view.people.len());
    let mut last = None;
    for &key in &buffers.keys {
        let Encounter { contact, start_s, end_s } = buffers.encounters[key as u32 as usize];
        let overlap_s = u64::from(end_s - start_s);
        match contacts.last_mut() {
            Some(row) if last == Some(contact) => {
                row.encounters += 1;
                row.overlap_s += overlap_s;
                row.first_exposure_s = row.first_exposure_s.min(start_s);
                row.last_exposure_s = row.last_exposure_s.max(end_s);
            }
            _ => contacts.push(Contact {
                case,
                contact: PersonNo(view.people.id(contact)),
                encounters: 1,
                overlap_s,
                first_exposure_s: start_s,
                last_exposure_s: end_s,
            }),
        }
        last = Some(contact);
    }
    if !view.people.is_ordered() {
        contacts[first..].sort_unstable_by_key(|contact| contact.contact);
    }
    buffers.encounters.clear();
}

/// Widest digit: its counters and the keys of some hundred encounters stay in the first-level cache.
const DIGIT_BITS_MAX: u32 = 11;

/// Sorts the keys by contact, digit by digit: a case has some hundred encounters, and their order cannot be guessed.
///
/// As few digits as the number of encounters is worth: each costs its counters, and a write for every encounter.
fn sort_by_contact(buffers: &mut Buffers, person_count: usize) {
    let Buffers { encounters, keys, spare } = buffers;
    keys.clear();
    keys.extend((0..).zip(&*encounters).map(|(at, encounter): (u64, _)| u64::from(encounter.contact) << 32 | at));
    if keys.len() < 64 {
        return keys.sort_unstable();
    }
    spare.resize(keys.len(), 0);
    let person_bits = usize::BITS - person_count.leading_zeros();
    let worth = (usize::BITS - keys.len().leading_zeros()).clamp(8, DIGIT_BITS_MAX);
    let digits = person_bits.div_ceil(worth).max(1);
    let digit_bits = person_bits.div_ceil(digits);
    let mut next = [0u32; 1 << DIGIT_BITS_MAX];
    for shift in (0..digits).map(|digit| 32 + digit * digit_bits) {
        let next = &mut next[..1 << digit_bits];
        let mask = next.len() - 1;
        let digit = |key: u64| (key >> shift) as usize & mask;
        next.fill(0);
        keys.iter().for_each(|&key| next[digit(key)] += 1);
        let mut sum = 0;
        for slot in &mut *next {
            sum += std::mem::replace(slot, sum);
        }
        for &key in &*keys {
            let slot = &mut next[digit(key)];
            spare[*slot as usize] = key;
            *slot += 1;
        }
        std::mem::swap(keys, spare);
    }
}
