//! Backward tracing (溯源): places, events and people that cases have in common, ranked against chance.
//!
//! Popular places are common to many cases because they are common to everybody. Under chance alone each case is a
//! person of the ledger drawn at random, so of n cases the number found at a place is binomial with the share q of
//! the ledger's persons who were there. The rank is by the probability of at least as many as were seen.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::encounters::{BATCH, Exposer, Scratch, for_encounters};
use crate::exposure::{CaseNo, ExposureRules, IndexCase};
use crate::stay::{PersonNo, PlaceNo, Span};
use crate::view::View;

/// How far common sources are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceRules {
    /// Fewest cases that something must be common to; at least 2.
    pub cases_min: usize,
    /// Shortest time together that makes somebody a common acquaintance; seconds.
    pub least_s: u32,
    /// Cases at one place at most this far apart belong to one event; seconds.
    pub event_gap_s: u32,
    /// Longest list of each kind.
    pub rows_max: usize,
}

impl Default for SourceRules {
    fn default() -> Self {
        Self { cases_min: 2, least_s: 600, event_gap_s: 3_600, rows_max: 100 }
    }
}

/// What something common to cases weighs against chance.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight {
    /// The cases, by number.
    pub cases: Vec<CaseNo>,
    /// Cases that chance would bring there.
    pub expected: f64,
    /// Probability that chance brings at least as many; 0 to 1.
    pub p_value: f64,
    /// The same times the number of candidates looked at (Bonferroni), at most 1: below 0.05 is worth a team.
    pub p_corrected: f64,
}

/// A place where several cases were in their windows.
#[derive(Debug, Clone, PartialEq)]
pub struct CommonPlace {
    /// Where.
    pub place: PlaceNo,
    /// Different people there from the first window's start to the last one's end.
    pub visitors: u64,
    /// How it stands against chance.
    pub weight: Weight,
}

/// A time at a place when several cases were there together, or shortly after one another.
#[derive(Debug, Clone, PartialEq)]
pub struct CommonEvent {
    /// Where.
    pub place: PlaceNo,
    /// From the first case's coming to the last one's leaving.
    pub span: Span,
    /// Different people there in that time.
    pub visitors: u64,
    /// How it stands against chance.
    pub weight: Weight,
}

/// Somebody whom several cases met in their windows; may be a case.
#[derive(Debug, Clone, PartialEq)]
pub struct CommonPerson {
    /// Who.
    pub person: PersonNo,
    /// Different people they met in that time.
    pub met: u64,
    /// How it stands against chance.
    pub weight: Weight,
}

/// What cases have in common, least likely by chance first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommonSources {
    /// Places.
    pub places: Vec<CommonPlace>,
    /// Events.
    pub events: Vec<CommonEvent>,
    /// People.
    pub people: Vec<CommonPerson>,
}

/// What `cases` have in common in the windows in which they may have been infected.
///
/// The share of persons is taken over the whole time from the first window to the last, which is at least the share
/// in each window: the probabilities are too large rather than too small.
///
/// # Limits
/// Chance here knows no districts and no households: people who live or work together meet more than chance, and will
/// stand high in the lists. The lists say what is common, not what infected.
#[must_use]
pub fn find_sources(view: &View, cases: &[IndexCase], rules: &SourceRules) -> CommonSources {
    let Some(all) = cases
        .iter()
        .map(|case| case.window)
        .filter(|window| !window.is_empty())
        .reduce(|a, b| Span { from_s: a.from_s.min(b.from_s), until_s: a.until_s.max(b.until_s) })
    else {
        return CommonSources::default();
    };
    let question = Question { view, cases, rules, all, cases_min: rules.cases_min.max(2), visits: visits(view, cases) };
    CommonSources { places: question.places(), events: question.events(), people: question.people() }
}

/// A case's presence at a place (dense number), cut to its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Visit {
    place: u32,
    span: Span,
    case: CaseNo,
}

fn visits(view: &View, cases: &[IndexCase]) -> Vec<Visit> {
    let mut visits = Vec::new();
    for case in cases {
        let Some(person) = view.people.number(case.person.0) else { continue };
        view.for_stays_of(person, case.window, |anchor, stay| {
            let span = stay.intersection(case.window);
            // A check-in counts as presence.
            if !span.is_empty() || (stay.is_empty() && stay.from_s < case.window.until_s) {
                visits.push(Visit { place: view.place_of(anchor), span, case: case.case });
            }
        });
    }
    visits.sort_unstable();
    visits
}

struct Question<'a> {
    view: &'a View,
    cases: &'a [IndexCase],
    rules: &'a SourceRules,
    all: Span,
    cases_min: usize,
    visits: Vec<Visit>,
}

impl Question<'_> {
    fn places(&self) -> Vec<CommonPlace> {
        let groups: Vec<&[Visit]> = self.visits.chunk_by(|a, b| a.place == b.place).collect();
        let common = groups.par_iter().filter_map(|group| {
            let cases = self.common(group.iter().map(|visit| visit.case))?;
            let visitors = self.visitors(group[0].place, self.all);
            let weight = self.weight(cases, visitors, groups.len());
            Some(CommonPlace { place: PlaceNo(self.view.places.id(group[0].place)), visitors, weight })
        });
        self.ranked(common.collect(), |place| (&place.weight, (place.place.0, 0)))
    }

    fn events(&self) -> Vec<CommonEvent> {
        let mut events: Vec<(Span, Vec<Visit>)> = Vec::new();
        for &visit in &self.visits {
            match events.last_mut() {
                Some((span, visits))
                    if visits[0].place == visit.place
                        && visit.span.from_s <= span.until_s.saturating_add(self.rules.event_gap_s) =>
                {
                    span.until_s = span.until_s.max(visit.span.until_s);
                    visits.push(visit);
                }
                _ => events.push((visit.span, vec![visit])),
            }
        }
        let common = events.par_iter().filter_map(|(span, visits)| {
            let cases = self.common(visits.iter().map(|visit| visit.case))?;
            let until_s = span.until_s.max(span.from_s.saturating_add(1));
            let visitors = self.visitors(visits[0].place, Span { until_s, ..*span });
            let weight = self.weight(cases, visitors, events.len());
            Some(CommonEvent { place: PlaceNo(self.view.places.id(visits[0].place)), span: *span, visitors, weight })
        });
        self.ranked(common.collect(), |event| (&event.weight, (event.place.0, event.span.from_s)))
    }

    fn people(&self) -> Vec<CommonPerson> {
        let rules = ExposureRules::at_least(self.rules.least_s);
        let known = |case: &IndexCase| Some((case.case, self.view.people.number(case.person.0)?, case.window));
        let known: Vec<_> = self.cases.iter().filter_map(known).collect();
        let exposers: Vec<Exposer> = known.iter().map(|&(_, person, window)| Exposer { person, window }).collect();
        let mut met: FxHashMap<u32, Vec<CaseNo>> = FxHashMap::default();
        let mut scratch = Scratch::default();
        let mut first = 0;
        for batch in exposers.chunks(BATCH) {
            for_encounters(self.view, batch, &rules, &mut scratch, |exposer, encounter| {
                let cases = met.entry(encounter.contact).or_default();
                let case = known[first + exposer].0;
                if cases.last() != Some(&case) {
                    cases.push(case);
                }
            });
            first += batch.len();
        }
        let candidates = met.len();
        let mut common: Vec<(u32, Vec<CaseNo>)> =
            met.into_iter().filter_map(|(person, cases)| Some((person, self.common(cases.into_iter())?))).collect();
        common.sort_unstable_by_key(|(person, _)| *person);
        let common = common.into_par_iter().map_init(Scratch::default, |scratch, (person, cases)| {
            let mut others = FxHashSet::default();
            let exposer = [Exposer { person, window: self.all }];
            for_encounters(self.view, &exposer, &rules, scratch, |_, encounter| {
                others.insert(encounter.contact);
            });
            let weight = self.weight(cases, others.len() as u64, candidates);
            CommonPerson { person: PersonNo(self.view.people.id(person)), met: others.len() as u64, weight }
        });
        self.ranked(common.collect(), |person| (&person.weight, (person.person.0, 0)))
    }

    /// The different cases, if there are enough.
    fn common(&self, cases: impl Iterator<Item = CaseNo>) -> Option<Vec<CaseNo>> {
        let mut cases: Vec<CaseNo> = cases.collect();
        cases.sort_unstable();
        cases.dedup();
        (cases.len() >= self.cases_min).then_some(cases)
    }

    fn visitors(&self, place: u32, window: Span) -> u64 {
        let mut persons = FxHashSet::default();
        self.view.for_visits_at(place, window, |person, _| {
            persons.insert(person);
        });
        persons.len() as u64
    }

    fn weight(&self, cases: Vec<CaseNo>, visitors: u64, candidates: usize) -> Weight {
        let share = (visitors as f64 / self.view.person_count().max(1) as f64).min(1.0);
        let asked = self.case_count();
        let p_value = binomial_at_least(cases.len(), asked, share);
        let p_corrected = (p_value * candidates as f64).min(1.0);
        Weight { cases, expected: share * asked as f64, p_value, p_corrected }
    }

    fn case_count(&self) -> usize {
        self.cases.iter().map(|case| case.case).collect::<FxHashSet<_>>().len()
    }

    fn ranked<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> (&Weight, (u32, u32))) -> Vec<T> {
        rows.sort_by(|a, b| {
            let ((a, a_id), (b, b_id)) = (key(a), key(b));
            let by_chance = a.p_value.total_cmp(&b.p_value);
            by_chance.then(b.cases.len().cmp(&a.cases.len())).then(a_id.cmp(&b_id))
        });
        rows.truncate(self.rules.rows_max);
        rows
    }
}

/// Probability of at least `least` successes in `trials` of probability `share` each.
pub(crate) fn binomial_at_least(least: usize, trials: usize, share: f64) -> f64 {
    if least == 0 || share >= 1.0 {
        return 1.0;
    }
    if least > trials || share <= 0.0 {
        return 0.0;
    }
    // The term of `least`, then each next one by its ratio to the last.
    let choose: f64 = (0..least).map(|i| (((trials - i) as f64) / ((i + 1) as f64)).ln()).sum();
    let mut term = (choose + least as f64 * share.ln() + (trials - least) as f64 * (-share).ln_1p()).exp();
    let mut sum = term;
    for successes in least..trials {
        term *= (trials - successes) as f64 / (successes + 1) as f64 * share / (1.0 - share);
        sum += term;
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(least: usize, trials: usize, share: f64, expect: f64) {
        let got = binomial_at_least(least, trials, share);
        assert!((got - expect).abs() <= 1e-9 * expect.max(1e-3), "{least} of {trials} at {share}: {got}, not {expect}");
    }

    #[test]
    fn the_binomial_tail_agrees_with_exact_fractions() {
        // 1 - 0.9^10 - 10 * 0.1 * 0.9^9 - 45 * 0.01 * 0.9^8, and so on.
        check(3, 10, 0.1, 0.070_190_826_4);
        check(1, 3, 0.5, 0.875);
        check(4, 4, 0.25, 0.003_906_25);
        check(0, 5, 0.2, 1.0);
        check(6, 5, 0.2, 0.0);
    }
}
