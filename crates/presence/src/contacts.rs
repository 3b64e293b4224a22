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
    let batches: Vec<Vec<Contact>> = groups
        .par_chunks(BATCH)
        .map_init(Default::default, |(scratch, buffers): &mut (Scratch, Buffers), groups| {
            find_in_batch(view, groups, rules, scratch, buffers)
        })
        .collect();
    batches.concat()
}

/// Encounters of one case, and a list of the same length to sort them with.
#[derive(Default)]
struct Buffers {
    encounters: Vec<Encounter>,
    spare: Vec<Encounter>,
}

fn find_in_batch(
    view: &View,
    groups: &[&[&IndexCase]],
    rules: &ExposureRules,
    scratch: &mut Scratch,
    buffers: &mut Buffers,
) -> Vec<Contact> {
    let Buffers { encounters, spare } = buffers;
    let known = |case: &&IndexCase| Some((case.case, view.people.number(case.person.0)?, case.window));
    let cases: Vec<_> = groups.concat().iter().filter_map(known).collect();
    let exposers: Vec<Exposer> = cases.iter().map(|&(_, person, window)| Exposer { person, window }).collect();
    let mut contacts = Vec::new();
    let mut current = None;
    encounters.clear();
    for_encounters(view, &exposers, rules, scratch, |exposer, encounter| {
        let case = cases[exposer].0;
        if current != Some(case)
            && let Some(done) = current.replace(case)
        {
            add_contacts(view, done, encounters, spare, &mut contacts);
        }
        encounters.push(encounter);
    });
    if let Some(done) = current {
        add_contacts(view, done, encounters, spare, &mut contacts);
    }
    contacts
}

/// Sums up the encounters of one case by contact and empties the list.
fn add_contacts(
    view: &View,
    case: CaseNo,
    encounters: &mut Vec<Encounter>,
    spare: &mut Vec<Encounter>,
    contacts: &mut Vec<Contact>,
) {
    let first = contacts.len();
    sort_by_contact(encounters, spare, view.people.len());
    contacts.reserve(encounters.len());
    let mut last = None;
    for encounter in &*encounters {
        let &Encounter { contact, start_s, end_s } = encounter;
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
    encounters.clear();
}

/// Sorts by contact, byte by byte: a case has some hundred encounters, and their order cannot be guessed.
fn sort_by_contact(encounters: &mut Vec<Encounter>, spare: &mut Vec<Encounter>, person_count: usize) {
    if encounters.len() < 64 {
        return encounters.sort_unstable_by_key(|encounter| encounter.contact);
    }
    spare.resize(encounters.len(), Encounter { contact: 0, start_s: 0, end_s: 0 });
    let bytes = (usize::BITS - person_count.leading_zeros()).div_ceil(8);
    for shift in (0..bytes).map(|byte| byte * 8) {
        let digit = |encounter: &Encounter| (encounter.contact >> shift) as usize & 255;
        let mut next = [0u32; 256];
        encounters.iter().for_each(|encounter| next[digit(encounter)] += 1);
        let mut sum = 0;
        for slot in &mut next {
            sum += std::mem::replace(slot, sum);
        }
        for encounter in &*encounters {
            let slot = &mut next[digit(encounter)];
            spare[*slot as usize] = *encounter;
            *slot += 1;
        }
        std::mem::swap(encounters, spare);
    }
}
