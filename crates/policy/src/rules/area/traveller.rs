//! Who left a declared area, the rest of its county or of its city.

use std::sync::Arc;

use sizao_model::{CivilDay, FactId, Instant, MeasureKind, fact::AreaLevel};

use super::{Episode, Relation, Stayed, relation};
use crate::{
    chain::{self, Chain, Ruled},
    pack::Phase,
    plan::{self, Adoption, Course, Limits, Plan},
    rules::{
        Opened, View, add,
        case::CasePeriod,
        exit_test::{self, Tested},
        extension, isolation, site_reset,
        site_reset::Reset,
        special,
        two_tests::{self, Cause},
    },
    timeline::{DiseaseTimeline, NamedArea, Rules},
};

/// The measures of a person who left, one chain for each way in which stays lie to the area.
pub(crate) fn assess(
    view: &View<'_>,
    timeline: &DiseaseTimeline,
    episode: &Episode<'_>,
    stays: &[Stayed<'_>],
    case_periods: &[CasePeriod],
) -> Vec<Opened> {
    let Some(rule) = timeline.at(view.at).and_then(|rules| rules.area.as_ref()) else { return Vec::new() };
    let mut opened = Vec::new();
    for wanted in [Relation::Inside, Relation::SameCounty, Relation::SameCity] {
        let counted: Vec<&Stayed<'_>> = stays
            .iter()
            .filter(|stay| {
                relation(stay.area, episode.area, rule) == Some(wanted) && counts(stay, episode, rule, view.at)
            })
            .collect();
        if counted.is_empty() {
            continue;
        }
        let tested = exit_test::nucleic_samples(view.me, &timeline.disease, view.facts);
        for stays in chains(view, timeline, episode, counted, &tested) {
            let left = Left { view, disease: &timeline.disease, episode, stays, tested: &tested, resets: Vec::new() };
            let resets =
                site_reset::applying(view, |resets, at| left.with(resets).follow(timeline, at).map(|ruled| ruled.plan));
            let left = left.with(&resets);
            let last_on = left.stays.iter().filter_map(|stay| stay.last_on).max();
            if last_on.is_some_and(|last_on| case_periods.iter().any(|period| period.covers(last_on))) {
                continue;
            }
            if let Some(ruled) = left.follow(timeline, view.at) {
                opened.extend(left.opened(ruled));
            }
        }
    }
    opened
}

/// Whether a stay that is over counts.
fn counts(stay: &Stayed<'_>, episode: &Episode<'_>, rule: &NamedArea, at: Instant) -> bool {
    let lookback_at = episode.begins_at().day().plus_days(-rule.rule.lookback_days).start();
    stay.starts_at < episode.ends_at(at) && stay.ends_at.is_some_and(|ends_at| ends_at <= at && ends_at >= lookback_at)
}

/// Stays in the order in which they opened something, each joined to the chain that was open then.
fn chains<'c>(
    view: &'c View<'c>,
    timeline: &'c DiseaseTimeline,
    episode: &'c Episode<'c>,
    mut stays: Vec<&'c Stayed<'c>>,
    tested: &'c [Tested<'c>],
) -> Vec<Vec<&'c Stayed<'c>>> {
    stays.sort_by_key(|stay| opened_at(stay, episode));
    let mut chains: Vec<Left<'_>> = Vec::new();
    for stay in stays {
        let at = opened_at(stay, episode);
        match chains.last_mut().filter(|left| left.follow(timeline, at).is_some_and(|ruled| ruled.plan.is_open(at))) {
            Some(left) => left.stays.push(stay),
            None => chains.push(Left {
                view,
                disease: &timeline.disease,
                episode,
                stays: vec![stay],
                tested,
                resets: Vec::new(),
            }),
        }
    }
    chains.into_iter().map(|left| left.stays).collect()
}

/// When it was known that a stay counts, not before leaving and the first declaration.
fn opened_at(stay: &Stayed<'_>, episode: &Episode<'_>) -> Instant {
    stay.known_at.max(episode.known_at()).max(episode.begins_at()).max(stay.ends_at.unwrap_or(Instant::MIN))
}

#[derive(Clone)]
struct Left<'c> {
    view: &'c View<'c>,
    disease: &'c str,
    episode: &'c Episode<'c>,
    /// Never empty; in the order in which they opened something.
    stays: Vec<&'c Stayed<'c>>,
    tested: &'c [Tested<'c>],
    resets: Vec<Reset>,
}

impl Left<'_> {
    /// The same, started again by resets of the site.
    fn with(&self, resets: &[Reset]) -> Self {
        Self { resets: resets.to_vec(), ..self.clone() }
    }

    fn follow(&self, timeline: &DiseaseTimeline, at: Instant) -> Option<Ruled> {
        chain::follow(&timeline.eras, opened_at(self.stays[0], self.episode), at, self)
    }

    fn opened(&self, ruled: Ruled) -> impl Iterator<Item = Opened> {
        let mut because: Vec<FactId> = self.episode.because(self.view.at).collect();
        self.stays.iter().for_each(|stay| add(&mut because, stay.because.iter().copied()));
        self.resets.iter().for_each(|reset| add(&mut because, reset.because.iter().copied()));
        ruled.plan.laid.into_iter().map(move |laid| {
            let mut because = because.clone();
            add(&mut because, laid.extensions.iter().copied());
            Opened { rule: ruled.rule.clone(), laid, because }
        })
    }

    /// How the stays lie to the area under a pack; of several ways the nearest.
    fn relation(&self, rule: &NamedArea) -> Option<Relation> {
        self.stays.iter().filter_map(|stay| relation(stay.area, self.episode.area, rule)).min()
    }

    fn phases<'r>(&self, rule: &'r NamedArea, relation: Relation, at: Instant) -> Option<&'r Vec<Phase>> {
        match (relation, self.episode.level(at)) {
            (Relation::SameCounty, _) | (_, AreaLevel::Low) => None,
            (Relation::SameCity, _) => rule.rule.same_city.as_ref(),
            (Relation::Inside, AreaLevel::High | AreaLevel::Sealed) => rule.rule.inside_high.as_ref(),
            (Relation::Inside, AreaLevel::Medium | AreaLevel::Controlled) => rule.rule.inside_medium.as_ref(),
        }
    }
}

impl Chain for Left<'_> {
    fn rule<'r>(&self, rules: &'r Rules) -> Option<&'r Arc<str>> {
        let rule = rules.area.as_ref()?;
        Some(match self.relation(rule)? {
            Relation::Inside => &rule.risk_area_traveller,
            Relation::SameCounty => &rule.same_county_traveller,
            Relation::SameCity => &rule.same_city_traveller,
        })
    }

    fn plan(&self, _era: usize, rules: &Rules, adoption: Option<Adoption>, at: Instant) -> Option<Plan> {
        let rule = rules.area.as_ref()?;
        let ends_at = self.episode.ends_at(at);
        let stays: Vec<&&Stayed<'_>> =
            self.stays.iter().filter(|stay| counts(stay, self.episode, rule, self.view.at)).collect();
        let last_on = stays.iter().filter_map(|stay| stay.last_on).max()?.min(ends_at.day());
        let left_at = stays.iter().filter_map(|stay| stay.ends_at).min()?;
        let known_at = stays.iter().map(|stay| stay.known_at).min()?.max(self.episode.known_at());
        let earliest_at = left_at.max(self.episode.begins_at());
        let relation = self.relation(rule)?;
        if relation == Relation::SameCounty && self.episode.level(at) != AreaLevel::Low {
            let from = stays.iter().filter_map(|stay| stay.ends_at).max()?;
            let cause = Cause { from, day_0: last_on, starts_at: known_at.max(earliest_at), cap: Some(ends_at) };
            return two_tests::plan(rule.rule.same_county?, cause, self.tested, adoption);
        }
        let reset_on = site_reset::latest_on(&self.resets);
        let last_on = last_on.max(reset_on.unwrap_or(last_on));
        let phases = self.phases(rule, relation, at)?;
        let has_site = phases.iter().any(|phase| phase.kind == MeasureKind::CentralIsolation);
        let phases = if has_site && special::stays_home(rules, self.disease, last_on, self.view) {
            special::at_home(phases)
        } else {
            phases.clone()
        };
        let isolated_at = isolation::first_started(self.view.me, left_at, self.view.facts);
        let course = Course {
            last_on,
            first_on: last_on,
            starts_at: plan::with_isolation(known_at, isolated_at, &phases).max(earliest_at),
            isolation_on: isolated_at.map(|at| at.day().max(last_on)).or(reset_on),
            cap: Some(ends_at),
            extensions: self.rule(rules).map_or_else(Vec::new, |rule| extension::of_rule(rule, self.view)),
        };
        let limits = Limits { grace_hours: rules.grace_hours, max_extension_days: rules.max_extension_days };
        let exit = |samples: u8, exit_on: CivilDay| exit_test::met_at(samples, exit_on, self.tested);
        Some(plan::lay_out(&phases, &course, limits, adoption, at, &exit))
    }
}
