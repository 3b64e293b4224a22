//! T1: the contacts (接触者) of index cases in their infectious windows.

use rayon::prelude::*;

use crate::exposure::{CaseNo, Duration, Emission, Encounter, ExposureRules, IndexCase, emissions_of, is_enough};
use crate::index::Company;
use crate::stay::{PersonNo, Span};
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
    let per_case: Vec<Vec<Contact>> = groups
        .par_iter()
        .map_init(Scratch::default, |scratch, group| {
            scratch.encounters.clear();
            for case in *group {
                if let Some(person) = view.people.number(case.person.0) {
                    collect_encounters(view, person, case.window, rules, scratch);
                }
            }
            contacts_of(view, group[0].case, &mut scratch.encounters)
        })
        .collect();
    per_case.concat()
}

/// Buffers that a worker uses again for each person.
#[derive(Default)]
pub(crate) struct Scratch {
    emissions: Vec<Emission>,
    company: Company,
    pub(crate) encounters: Vec<Encounter>,
}

/// Appends the encounters of a person (dense number) that count; sorted by contact if durations are added up.
pub(crate) fn collect_encounters(view: &View, person: u32, window: Span, rules: &ExposureRules, scratch: &mut Scratch) {
    let Scratch { emissions, company, encounters } = scratch;
    let before = encounters.len();
    emissions_of(view, person, window, rules, emissions);
    for emission in emissions {
        view.for_company(emission.anchor, emission.span, rules.piece_s(), company, |contact, start_s, end_s| {
            if contact != person {
                encounters.push(Encounter { contact, start_s, end_s });
            }
        });
    }
    if let Duration::Cumulated { least_s, within_s } = rules.duration {
        let mut own = encounters.split_off(before);
        own.sort_unstable();
        for pair in own.chunk_by(|a, b| a.contact == b.contact) {
            if is_enough(pair, least_s, within_s) {
                encounters.extend_from_slice(pair);
            }
        }
    }
}

fn contacts_of(view: &View, case: CaseNo, encounters: &mut [Encounter]) -> Vec<Contact> {
    encounters.sort_unstable_by_key(|encounter| encounter.contact);
    let mut contacts: Vec<Contact> = encounters
        .chunk_by(|a, b| a.contact == b.contact)
        .map(|pair| Contact {
            case,
            contact: PersonNo(view.people.id(pair[0].contact)),
            encounters: pair.len() as u32,
            overlap_s: pair.iter().map(|e| u64::from(e.end_s - e.start_s)).sum(),
            first_exposure_s: pair.iter().map(|e| e.start_s).min().unwrap_or(0),
            last_exposure_s: pair.iter().map(|e| e.end_s).max().unwrap_or(0),
        })
        .collect();
    if !view.people.is_ordered() {
        contacts.sort_unstable_by_key(|contact| contact.contact);
    }
    contacts
}
