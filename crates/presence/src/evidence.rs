//! Each contact with its evidence: every encounter with place, time and closeness, by the rules of its setting.

use rayon::prelude::*;

use crate::encounters::{BATCH, Exposer, Scratch, for_meetings};
use crate::exposure::{CaseNo, Duration, Encounter, IndexCase, is_enough};
use crate::setting::{Closeness, Setting, Settings};
use crate::stay::{PersonNo, PlaceNo, Span};
use crate::view::View;

/// How long together counts as exposure in each setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingRules {
    /// In a home.
    pub household: Duration,
    /// In a school.
    pub school: Duration,
    /// On a trip.
    pub vehicle: Duration,
    /// Anywhere else.
    pub venue: Duration,
    /// How long the air stays infectious after the case has left; seconds.
    pub airborne_lag_s: u32,
}

impl SettingRules {
    fn duration(&self, setting: Setting) -> Duration {
        match setting {
            Setting::Household => self.household,
            Setting::School => self.school,
            Setting::Vehicle(_) => self.vehicle,
            Setting::Venue => self.venue,
        }
    }
}

/// One encounter of a case and a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// The case.
    pub case: CaseNo,
    /// The contact.
    pub contact: PersonNo,
    /// Where.
    pub place: PlaceNo,
    /// When both were there, or the contact was in the air that the case had left.
    pub span: Span,
    /// What kind of place.
    pub setting: Setting,
    /// How close.
    pub closeness: Closeness,
}

/// Every encounter that counts by the rule of its setting, by case, contact and time.
///
/// Where minutes are added up, those of one pair in one kind of setting are. A seat that is not known makes an
/// encounter [`Closeness::Undetermined`]; it is listed, so that somebody asks.
#[must_use]
pub fn find_evidence(view: &View, cases: &[IndexCase], settings: &Settings, rules: &SettingRules) -> Vec<Evidence> {
    let batches: Vec<Vec<Evidence>> = cases
        .par_chunks(BATCH)
        .map_init(Scratch::default, |scratch, cases| evidence_of_batch(view, cases, settings, rules, scratch))
        .collect();
    let mut evidence = batches.concat();
    let order = |e: &Evidence| (e.case, e.contact, e.setting_order(), e.span, e.place);
    evidence.sort_unstable_by_key(order);
    // Two windows of one case may show the same encounter.
    evidence.dedup();
    let mut kept = Vec::with_capacity(evidence.len());
    let alike =
        |a: &Evidence, b: &Evidence| (a.case, a.contact, a.setting_order()) == (b.case, b.contact, b.setting_order());
    for pair in evidence.chunk_by(alike) {
        match rules.duration(pair[0].setting) {
            Duration::Each { least_s } => kept.extend(pair.iter().filter(|e| e.span.length_s() >= least_s)),
            Duration::Cumulated { least_s, within_s } => {
                let encounter = |e: &Evidence| Encounter { contact: 0, start_s: e.span.from_s, end_s: e.span.until_s };
                let encounters: Vec<Encounter> = pair.iter().map(encounter).collect();
                if is_enough(&encounters, least_s, within_s) {
                    kept.extend_from_slice(pair);
                }
            }
        }
    }
    kept.sort_unstable_by_key(|e| (e.case, e.contact, e.span, e.place));
    kept
}

impl Evidence {
    fn setting_order(&self) -> u8 {
        match self.setting {
            Setting::Household => 0,
            Setting::School => 1,
            Setting::Vehicle(_) => 2,
            Setting::Venue => 3,
        }
    }
}

fn evidence_of_batch(
    view: &View,
    cases: &[IndexCase],
    settings: &Settings,
    rules: &SettingRules,
    scratch: &mut Scratch,
) -> Vec<Evidence> {
    let known = |case: &IndexCase| Some((*case, view.people.number(case.person.0)?));
    let known: Vec<(IndexCase, u32)> = cases.iter().filter_map(known).collect();
    let exposers: Vec<Exposer> = known.iter().map(|&(case, person)| Exposer { person, window: case.window }).collect();
    let mut evidence = Vec::new();
    for_meetings(view, &exposers, rules.airborne_lag_s, scratch, |exposer, place, encounter| {
        let case = known[exposer].0;
        let (contact, place) = (PersonNo(view.people.id(encounter.contact)), PlaceNo(view.places.id(place)));
        let span = Span { from_s: encounter.start_s, until_s: encounter.end_s };
        let closeness = settings.closeness(place, case.person, contact, span, rules.airborne_lag_s);
        evidence.push(Evidence { case: case.case, contact, place, span, setting: settings.setting(place), closeness });
    });
    evidence
}
