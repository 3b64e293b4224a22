//! Close contacts (密接) and secondary contacts (次密接).
//!
//! All exposures of one class and disease form one chain with the latest last exposure; one that becomes known after
//! the chain's end opens a new chain. A measure starts when the opening facts were all known, or with isolation if that
//! came first and the first phase is one of isolation.

use std::{cmp::Reverse, sync::Arc};

use sizao_model::{CivilDay, ContactClass, FactId, Instant, measure::ClassFinding};

use super::{
    Opened, View, add,
    case::CasePeriod,
    exit_test::{self, Tested},
    exposure::{self, Counted, Depth},
    extension, immunity, isolation, offers, site_reset,
    site_reset::Reset,
    special,
};
use crate::{
    chain::{self, Chain, Ruled},
    pack::Phase,
    plan::{self, Adoption, Course, Limits, Plan},
    timeline::{DiseaseTimeline, Rules},
};

/// What exposures make of a person.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    pub classes: Vec<ClassFinding>,
    pub opened: Vec<Opened>,
    pub offers: Vec<sizao_model::measure::Offer>,
}

/// Judges the exposures of a person and plans their measures.
pub(crate) fn assess(view: &View<'_>, timeline: &DiseaseTimeline, case_periods: &[CasePeriod]) -> Contacts {
    let mut contacts = Contacts::default();
    let Some(now) = timeline.era_at(view.at) else { return contacts };
    let Some(rules) = timeline.eras[now].rules.as_ref() else { return contacts };
    let counted = exposure::of(view.me, rules, &timeline.disease, view.facts, Depth::Own);
    if counted.is_empty() {
        return contacts;
    }
    contacts.classes =
        counted.iter().map(|counted| ClassFinding { fact: counted.fact, class: counted.class }).collect();
    contacts.classes.sort_unstable();
    let by_era = by_era(view, timeline, now, counted);
    for class in [ContactClass::CloseContact, ContactClass::SecondaryContact] {
        let context = Context::new(class, view, timeline, &by_era);
        for linked in context.chains(now) {
            let last_on = context.last_on(&linked, now);
            if last_on.is_some_and(|last_on| case_periods.iter().any(|period| period.covers(last_on))) {
                continue;
            }
            if class == ContactClass::CloseContact {
                contacts.offers.extend(offers::open(view, rules, &timeline.disease, linked.first_at(&by_era[now])));
            }
            if let Some(ruled) = context.follow(&linked, view.at) {
                contacts.opened.extend(context.opened(&linked, ruled, now));
            }
        }
    }
    contacts
}

/// What counts in each era up to now, from the one in which the first exposure was known.
fn by_era(view: &View<'_>, timeline: &DiseaseTimeline, now: usize, counted: Vec<Counted>) -> Vec<Vec<Counted>> {
    let known_at = counted.iter().map(|counted| counted.known_at).min().unwrap_or(view.at);
    let first = timeline.era_at(known_at).unwrap_or(0).min(now);
    let mut by_era: Vec<Vec<Counted>> = Vec::with_capacity(now + 1);
    for era in &timeline.eras[..now] {
        let is_needed = by_era.len() >= first;
        by_era.push(match era.rules.as_ref().filter(|_| is_needed) {
            Some(rules) => exposure::of(view.me, rules, &timeline.disease, view.facts, Depth::Own),
            None => Vec::new(),
        });
    }
    by_era.push(counted);
    by_era
}

struct Context<'c> {
    class: ContactClass,
    view: &'c View<'c>,
    timeline: &'c DiseaseTimeline,
    by_era: &'c [Vec<Counted>],
    tested: Vec<Tested<'c>>,
}

/// A chain of exposures, and the resets of the site that made it start again.
#[derive(Clone, Debug)]
struct Linked {
    members: Vec<FactId>,
    opened_at: Instant,
    resets: Vec<Reset>,
}

impl Linked {
    fn has(&self, counted: &Counted) -> bool {
        self.members.contains(&counted.fact)
    }

    fn first_at(&self, counted: &[Counted]) -> Option<Instant> {
        counted.iter().filter(|counted| self.has(counted)).map(|counted| counted.first_at).min()
    }
}

impl<'c> Context<'c> {
    fn new(class: ContactClass, view: &'c View<'c>, timeline: &'c DiseaseTimeline, by_era: &'c [Vec<Counted>]) -> Self {
        let is_needed = by_era.iter().flatten().any(|counted| counted.class == class);
        let tested =
            if is_needed { exit_test::nucleic_samples(view.me, &timeline.disease, view.facts) } else { Vec::new() };
        Self { class, view, timeline, by_era, tested }
    }

    /// Exposures and resets in the order in which they became known, each joined to the chain that was open then.
    fn chains(&self, now: usize) -> Vec<Linked> {
        let mut exposures: Vec<(Instant, Reverse<CivilDay>, FactId)> = self.by_era[now]
            .iter()
            .filter(|counted| counted.class == self.class)
            .filter_map(|counted| Some((self.opened_at(counted, now)?, Reverse(counted.last_on), counted.fact)))
            .collect();
        // Of exposures that became known together the latest comes first: they are one chain if any of them is open.
        exposures.sort_unstable();
        let resets = if exposures.is_empty() { Vec::new() } else { site_reset::of(self.view) };
        let mut resets = resets.into_iter().peekable();
        let mut chains: Vec<Linked> = Vec::new();
        for (opened_at, _, fact) in exposures {
            while let Some(reset) = resets.next_if(|reset| reset.known_at < opened_at) {
                self.reset(chains.last_mut(), reset);
            }
            let open = chains
                .last_mut()
                .filter(|chain| self.follow(chain, opened_at).is_some_and(|ruled| ruled.plan.is_open(opened_at)));
            match open {
                Some(chain) => chain.members.push(fact),
                None => chains.push(Linked { members: vec![fact], opened_at, resets: Vec::new() }),
            }
        }
        for reset in resets {
            self.reset(chains.last_mut(), reset);
        }
        chains
    }

    fn reset(&self, chain: Option<&mut Linked>, reset: Reset) {
        let Some(chain) = chain else { return };
        let applies = self.follow(chain, reset.known_at).is_some_and(|ruled| reset.applies(&ruled.plan));
        if applies {
            chain.resets.push(reset);
        }
    }

    /// When an exposure opened its chain: when it was known, but not before a pack was in force under which it counts.
    fn opened_at(&self, counted: &Counted, now: usize) -> Option<Instant> {
        let known = self.timeline.era_at(counted.known_at).unwrap_or(0).min(now);
        let counts_in =
            |era: &usize| self.by_era[*era].iter().any(|other| other.fact == counted.fact && other.class == self.class);
        let era = (known..=now).find(counts_in)?;
        Some(counted.known_at.max(self.timeline.eras[era].from))
    }

    fn last_on(&self, linked: &Linked, era: usize) -> Option<CivilDay> {
        let exposures = self.by_era[era].iter().filter(|counted| linked.has(counted)).map(|counted| counted.last_on);
        exposures.chain(linked.resets.iter().map(|reset| reset.on)).max()
    }

    fn follow(&self, linked: &Linked, at: Instant) -> Option<Ruled> {
        // Eras that begin after the moment in question do not count, even where a later exposure is joined to a chain.
        chain::follow(
            &self.timeline.eras[..self.by_era.len()],
            linked.opened_at,
            at,
            &Followed { context: self, linked },
        )
    }

    fn opened(&self, linked: &Linked, ruled: Ruled, now: usize) -> impl Iterator<Item = Opened> {
        let mut because = Vec::new();
        for counted in self.by_era[now].iter().filter(|counted| linked.has(counted)) {
            add(&mut because, counted.because.iter().copied());
        }
        for reset in &linked.resets {
            add(&mut because, reset.because.iter().copied());
        }
        let rule: Arc<str> = ruled.rule;
        ruled.plan.laid.into_iter().map(move |laid| {
            let mut because = because.clone();
            add(&mut because, laid.extensions.iter().copied());
            Opened { rule: rule.clone(), laid, because }
        })
    }

    /// When the first two tests of every close contact behind the chain were known to be negative.
    fn sources_negative_at(&self, sources: &[&Counted], rules: &Rules) -> Option<Instant> {
        let mut latest = Instant::MIN;
        for via in sources.iter().filter_map(|counted| counted.via) {
            let group = self.view.group(via);
            let since = exposure::of(&group, rules, &self.timeline.disease, self.view.facts, Depth::Source)
                .iter()
                .filter(|source| source.class == ContactClass::CloseContact)
                .map(|source| source.first_at)
                .min()?;
            let tested = exit_test::nucleic_samples(&group, &self.timeline.disease, self.view.facts);
            latest = latest.max(exit_test::first_two_negative_at(since, &tested)?);
        }
        Some(latest)
    }
}

struct Followed<'f, 'c> {
    context: &'f Context<'c>,
    linked: &'f Linked,
}

impl Chain for Followed<'_, '_> {
    fn rule<'r>(&self, rules: &'r Rules) -> Option<&'r Arc<str>> {
        match self.context.class {
            ContactClass::CloseContact => rules.close_contact.as_ref().map(|rule| &rule.id),
            ContactClass::SecondaryContact => rules.secondary_contact.as_ref().map(|rule| &rule.id),
            ContactClass::GeneralContact | ContactClass::SpacetimeCompanion => None,
        }
    }

    fn plan(&self, era: usize, rules: &Rules, adoption: Option<Adoption>, at: Instant) -> Option<Plan> {
        let (context, view) = (self.context, self.context.view);
        let disease = &*context.timeline.disease;
        let members: Vec<&Counted> = context.by_era[era]
            .iter()
            .filter(|counted| counted.class == context.class && self.linked.has(counted))
            .collect();
        let first_at = members.iter().map(|counted| counted.first_at).min()?;
        let (phases, follows_source) = match context.class {
            ContactClass::SecondaryContact => {
                rules.secondary_contact.as_ref().map(|rule| (&rule.rule.phases, rule.rule.follows_source))?
            }
            _ => rules.close_contact.as_ref().map(|rule| (&rule.rule, false))?,
        };
        if immunity::is_immune(view, rules, disease, first_at) {
            return None;
        }
        let reset_on = self.linked.resets.iter().map(|reset| reset.on).max();
        let last_on = members
            .iter()
            .map(|counted| counted.last_on)
            .max()?
            .max(reset_on.unwrap_or(CivilDay::from_number(i32::MIN)));
        let phases = adapted(phases, view, rules, disease, first_at, last_on);
        let isolated_at = isolation::first_started(view.me, first_at, view.facts);
        let begins_at = context.timeline.eras[0].from;
        let starts_at = plan::with_isolation(self.linked.opened_at, isolated_at, &phases).max(begins_at);
        let course = Course {
            last_on,
            first_on: first_at.day(),
            starts_at,
            isolation_on: isolated_at.map(|at| at.day().max(last_on)).or(reset_on.filter(|on| *on == last_on)),
            cap: None,
            extensions: self.rule(rules).map_or_else(Vec::new, |rule| extension::of_rule(rule, view)),
        };
        let limits = Limits { grace_hours: rules.grace_hours, max_extension_days: rules.max_extension_days };
        let exit = |samples: u8, exit_on: CivilDay| {
            let own = exit_test::met_at(samples, exit_on, &context.tested)?;
            if follows_source { Some(own.max(context.sources_negative_at(&members, rules)?)) } else { Some(own) }
        };
        Some(plan::lay_out(&phases, &course, limits, adoption, at, &exit))
    }
}

/// The phases as they are for this person: prophylaxis in time, or care at home instead of a site.
fn adapted<'p>(
    phases: &'p [Phase],
    view: &View<'_>,
    rules: &Rules,
    disease: &str,
    first_at: Instant,
    last_on: CivilDay,
) -> std::borrow::Cow<'p, [Phase]> {
    if let Some(effect) = offers::effect(view, rules, disease, first_at) {
        return offers::replaced(phases, effect).into();
    }
    let has_site = phases.iter().any(|phase| phase.kind == sizao_model::MeasureKind::CentralIsolation);
    if has_site && special::stays_home(rules, disease, last_on, view) {
        return special::at_home(phases).into();
    }
    phases.into()
}
