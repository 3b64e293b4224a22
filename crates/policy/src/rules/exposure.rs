//! Which exposures count, and as which class.
//!
//! A meeting with a case counts when it overlaps the case's infectious window. A meeting with a close contact makes a
//! secondary contact (次密接) when it overlaps the time from that contact's first exposure to their isolation; when the
//! close contact is diagnosed, it makes a close contact, without a look at the window. Packs without a rule for
//! secondary contacts determine none and raise none.

use sizao_model::{CivilDay, ContactClass, FactBody, FactId, Instant, PersonId, fact::Exposure};

use super::{
    add, add_seen, evidence,
    evidence::Counts,
    infection::{self, Infection},
    is_about, isolation, seats,
    window::{self, Closing, InfectiousWindow},
};
use crate::{
    known::Seen,
    people::{Group, Reach},
    timeline::Rules,
};

/// An exposure that counts.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub fact: FactId,
    pub class: ContactClass,
    /// When it was known that it counts.
    pub known_at: Instant,
    pub first_at: Instant,
    pub last_on: CivilDay,
    pub because: Vec<FactId>,
    /// The close contact through whom it counts.
    pub via: Option<PersonId>,
}

/// How far to look: a person's own exposures need those of their close contacts, which need no more than cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The person assessed.
    Own,
    /// A close contact or a parent.
    Source,
}

/// The exposures of a person that count under these rules, in order of recording.
pub(crate) fn of(group: &Group, rules: &Rules, disease: &str, facts: &[Seen<'_>], depth: Depth) -> Vec<Counted> {
    facts
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::Exposure(exposure) if is_about(exposure.disease.as_deref(), disease) => {
                let reach = group.reach(seen)?;
                let judge = Judge { seen, exposure, reach, rules, disease, facts, depth };
                judge.judge()
            }
            _ => None,
        })
        .collect()
}

struct Judge<'f, 'a> {
    seen: &'f Seen<'a>,
    exposure: &'f Exposure,
    reach: Reach<'f>,
    rules: &'f Rules,
    disease: &'f str,
    facts: &'f [Seen<'a>],
    depth: Depth,
}

impl Judge<'_, '_> {
    fn judge(&self) -> Option<Counted> {
        let counts = evidence::counts(self.seen, self.exposure.evidence, self.facts)?;
        let class = match (&self.exposure.class, &self.exposure.setting) {
            (Some(class), _) => *class,
            (None, Some(setting)) => seats::class(setting, self.rules.transport)?,
            (None, None) => return None,
        };
        match (self.exposure.case, self.exposure.via) {
            (_, _) if class == ContactClass::SpacetimeCompanion => None,
            (Some(case), None) if class != ContactClass::SecondaryContact => self.with_case(case, class, counts),
            (_, Some(via)) => self.with_contact(via, class, counts),
            (_, None) => None,
        }
    }

    fn with_case(&self, case: PersonId, class: ContactClass, counts: Counts) -> Option<Counted> {
        let rule = self.rules.window.as_ref()?;
        if let (Some(hours), Some(left_at)) = (rule.airspace_hours, self.exposure.case_left_at)
            && self.seen.starts_at() >= left_at.plus_hours(hours)
        {
            return None;
        }
        let group = Group::of(case, self.facts);
        let (infection, window) = self.infections(&group).into_iter().find_map(|infection| {
            let window = window::infectious(rule, &infection, &group, self.disease, self.facts);
            window.overlaps(&self.seen.happened).then_some((infection, window))
        })?;
        let mut counted = self.counted(class, counts, window.last_exposure(self.seen));
        counted.known_at = counted.known_at.max(infection.known_at);
        add(&mut counted.because, infection.because);
        Some(counted)
    }

    fn with_contact(&self, via: PersonId, class: ContactClass, counts: Counts) -> Option<Counted> {
        self.rules.secondary_contact.as_ref()?;
        let group = Group::of(via, self.facts);
        let secondary = if self.depth == Depth::Own { self.secondary(&group, class, counts) } else { None };
        let opens_nothing = class == ContactClass::GeneralContact;
        let met_on = self.seen.happened.first_day();
        // An infection long before or after the meeting has nothing to do with it.
        let turned = self
            .infections(&group)
            .into_iter()
            .find(|infection| infection.diagnosed_on.days_since(met_on).abs() <= self.rules.relapse_days);
        let Some(infection) = turned.filter(|_| !opens_nothing) else { return secondary };
        let isolated_at = isolation::first_started(&group, self.seen.starts_at(), self.facts);
        let last_on = window::last_day(&self.seen.happened)
            .or(isolated_at.map(Instant::day))
            .unwrap_or_else(|| self.seen.recorded_at.day().max(self.seen.starts_at().day()));
        let mut raised = self.counted(ContactClass::CloseContact, counts, last_on);
        raised.known_at = raised.known_at.max(infection.known_at);
        raised.via = Some(via);
        // Who was a secondary contact before keeps the day on which that was known.
        if let Some(secondary) = secondary {
            raised.known_at = raised.known_at.min(secondary.known_at);
            add(&mut raised.because, secondary.because);
        }
        add(&mut raised.because, infection.because);
        Some(raised)
    }

    /// The meeting overlaps the time from the contact's first exposure to their first isolation.
    fn secondary(&self, contact: &Group, class: ContactClass, counts: Counts) -> Option<Counted> {
        let sources: Vec<Counted> = of(contact, self.rules, self.disease, self.facts, Depth::Source)
            .into_iter()
            .filter(|source| source.class == ContactClass::CloseContact)
            .collect();
        let opens_at = sources.iter().map(|source| source.first_at).min()?;
        let isolated_at = isolation::first_started(contact, opens_at, self.facts);
        let window = InfectiousWindow { opens_at, closes: isolated_at.map(|at| Closing { at, last_on: at.day() }) };
        if !window.overlaps(&self.seen.happened) {
            return None;
        }
        let class = match class {
            ContactClass::GeneralContact => ContactClass::GeneralContact,
            _ => ContactClass::SecondaryContact,
        };
        let mut counted = self.counted(class, counts, window.last_exposure(self.seen));
        counted.known_at = counted.known_at.max(sources.iter().map(|source| source.known_at).min()?);
        counted.via = self.exposure.via;
        for source in sources {
            add(&mut counted.because, source.because);
        }
        Some(counted)
    }

    fn infections(&self, group: &Group) -> Vec<Infection> {
        infection::infections(group, self.disease, self.rules.relapse_days, self.facts)
    }

    fn counted(&self, class: ContactClass, counts: Counts, last_on: CivilDay) -> Counted {
        let mut because = Vec::with_capacity(4);
        add_seen(&mut because, self.seen, self.reach.links);
        add(&mut because, counts.confirmation);
        Counted {
            fact: self.seen.id,
            class,
            known_at: counts.since.max(self.reach.since),
            first_at: self.seen.starts_at(),
            last_on,
            because,
            via: None,
        }
    }
}
