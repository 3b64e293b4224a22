//! Chains of transmission (传播链): who may have infected whom, with every competing link kept.
//!
//! A link needs an exposure. Its weight is the probability of the time between the two onsets (the serial interval)
//! times how much exposure there was; the links into one case, and a source outside the data, share a probability
//! of one.

mod offspring;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::PresenceError;
use crate::exposure::CaseNo;
pub use offspring::{IntervalSummary, Offspring, estimate_offspring, summarise_intervals};

/// A case of an outbreak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainCase {
    /// Its number.
    pub case: CaseNo,
    /// Day of onset, counted from any fixed day; `None` if unknown or without symptoms.
    pub onset_day: Option<i32>,
}

/// Exposure of one case to another, as tracing or an interview found it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exposure {
    /// Who may have infected.
    pub infector: CaseNo,
    /// Who may have been infected.
    pub infectee: CaseNo,
    /// First day of exposure, counted as onsets are.
    pub first_day: i32,
    /// Time of exposure; hours. A link known without times has a nominal one, such as 1.
    pub hours: f64,
}

/// Distribution of the days from the infector's onset to the infectee's; negative days are possible.
#[derive(Debug, Clone, PartialEq)]
pub struct SerialInterval {
    first_day: i32,
    probabilities: Vec<f64>,
}

impl SerialInterval {
    /// From the probabilities of `first_day`, `first_day` + 1, ...
    ///
    /// # Errors
    /// [`PresenceError::ParameterRefused`] unless all are 0 or more and their sum is 1 (to a millionth).
    pub fn new(first_day: i32, probabilities: Vec<f64>) -> Result<Self, PresenceError> {
        let sum: f64 = probabilities.iter().sum();
        let sound = probabilities.iter().all(|&p| p >= 0.0) && (sum - 1.0).abs() < 1e-6;
        let refused = PresenceError::ParameterRefused {
            what: "serial interval",
            rule: "probabilities per day are wanted, none negative, that sum to 1",
        };
        sound.then_some(Self { first_day, probabilities }).ok_or(refused)
    }

    /// Probability of this many days.
    #[must_use]
    pub fn probability(&self, days: i32) -> f64 {
        let index = usize::try_from(i64::from(days) - i64::from(self.first_day)).ok();
        index.and_then(|index| self.probabilities.get(index)).copied().unwrap_or(0.0)
    }

    /// Probability that an interval drawn from it has, on average.
    fn average(&self) -> f64 {
        self.probabilities.iter().map(|p| p * p).sum()
    }
}

/// How exposure and unseen sources weigh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChainRules {
    /// Hours of exposure after which its factor is one half; longer exposure counts more, up to 1. Above 0.
    pub half_hours: f64,
    /// Weight of a source outside the data against one full day of the serial interval; 0 or more.
    pub outside_weight: f64,
}

impl Default for ChainRules {
    fn default() -> Self {
        Self { half_hours: 1.0, outside_weight: 0.0 }
    }
}

/// A possible transmission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Who may have infected.
    pub infector: CaseNo,
    /// Who may have been infected.
    pub infectee: CaseNo,
    /// Days between the onsets; `None` if one is not known.
    pub interval_days: Option<i32>,
    /// Time of exposure, all exposures of the two together; hours.
    pub hours: f64,
    /// Probability among all candidates of this infectee; 0 to 1.
    pub probability: f64,
}

/// What does not fit, for somebody to look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Inconsistency {
    /// An exposure names a case that is not listed.
    UnknownCase(CaseNo),
    /// A case is listed twice with different onsets; the first counts.
    TwoOnsets(CaseNo),
    /// Somebody is said to have been exposed to themselves.
    OwnExposure(CaseNo),
    /// Links of this case are weighed by exposure alone, since it has no day of onset.
    OnsetMissing(CaseNo),
    /// First exposed after falling ill.
    ExposedAfterOnset {
        /// Who would have infected.
        infector: CaseNo,
        /// Who was ill before.
        infectee: CaseNo,
    },
    /// The serial interval gives these days no probability.
    IntervalImpossible {
        /// Who would have infected.
        infector: CaseNo,
        /// Who would have been infected.
        infectee: CaseNo,
        /// Days between the onsets.
        days: i32,
    },
    /// Most likely infectors that lead in a circle; each infected the next, the last the first.
    Circle(Vec<CaseNo>),
}

/// Possible transmissions of an outbreak.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chains {
    /// All links, by infectee, likeliest first.
    pub links: Vec<Link>,
    /// Cases without a possible infector in the data: imported, or their source is not found yet.
    pub without_infector: Vec<CaseNo>,
    /// What does not fit.
    pub inconsistencies: Vec<Inconsistency>,
}

/// Candidate infectors of each case.
///
/// # Errors
/// [`PresenceError::ParameterRefused`] for rules or hours that are not numbers above their bounds.
pub fn find_chains(
    cases: &[ChainCase],
    exposures: &[Exposure],
    serial_interval: &SerialInterval,
    rules: &ChainRules,
) -> Result<Chains, PresenceError> {
    check_rules(exposures, rules)?;
    let mut odd = BTreeSet::new();
    let mut onsets: BTreeMap<CaseNo, Option<i32>> = BTreeMap::new();
    for case in cases {
        if *onsets.entry(case.case).or_insert(case.onset_day) != case.onset_day {
            odd.insert(Inconsistency::TwoOnsets(case.case));
        }
    }
    let mut links: Vec<Link> = Vec::new();
    for (infector, infectee, hours, first_day) in pairs(exposures) {
        match interval(&onsets, infector, infectee, first_day, serial_interval) {
            Err(inconsistency) => {
                odd.insert(inconsistency);
            }
            Ok(interval_days) => {
                let factor = 1.0 - (-hours / rules.half_hours).exp2();
                // Without an onset the interval may be any; on average it is as likely as one drawn from all.
                let likely = interval_days.map_or(serial_interval.average(), |days| serial_interval.probability(days));
                let probability = likely * factor;
                if interval_days.is_none() {
                    let missing = |case: &CaseNo| onsets.get(case).is_some_and(Option::is_none);
                    odd.extend([infector, infectee].into_iter().filter(missing).map(Inconsistency::OnsetMissing));
                }
                links.push(Link { infector, infectee, interval_days, hours, probability });
            }
        }
    }
    links.retain(|link| link.probability > 0.0);
    links.sort_by(|a, b| {
        let likelier = b.probability.total_cmp(&a.probability);
        a.infectee.cmp(&b.infectee).then(likelier).then(a.infector.cmp(&b.infector))
    });
    for rivals in links.chunk_by_mut(|a, b| a.infectee == b.infectee) {
        let sum: f64 = rivals.iter().map(|link| link.probability).sum::<f64>() + rules.outside_weight;
        rivals.iter_mut().for_each(|link| link.probability /= sum);
    }
    let mut chains = Chains { links, without_infector: Vec::new(), inconsistencies: Vec::new() };
    let infected: BTreeSet<CaseNo> = chains.links.iter().map(|link| link.infectee).collect();
    chains.without_infector = onsets.keys().copied().filter(|case| !infected.contains(case)).collect();
    odd.extend(chains.circles());
    chains.inconsistencies = odd.into_iter().collect();
    Ok(chains)
}

impl Chains {
    /// The likeliest link into each case; of two equally likely ones that of the lower infector.
    pub fn likeliest(&self) -> impl Iterator<Item = &Link> {
        self.links.chunk_by(|a, b| a.infectee == b.infectee).map(|rivals| &rivals[0])
    }

    /// How many each case infected if the likeliest links are true, also those with none, by case.
    #[must_use]
    pub fn offspring_counts(&self) -> BTreeMap<CaseNo, u32> {
        let mut counts: BTreeMap<CaseNo, u32> = self.without_infector.iter().map(|&case| (case, 0)).collect();
        for link in self.likeliest() {
            counts.entry(link.infectee).or_insert(0);
            *counts.entry(link.infector).or_insert(0) += 1;
        }
        counts
    }

    fn circles(&self) -> Vec<Inconsistency> {
        let infector_of: BTreeMap<CaseNo, CaseNo> =
            self.likeliest().map(|link| (link.infectee, link.infector)).collect();
        let mut done: BTreeSet<CaseNo> = BTreeSet::new();
        let mut circles = Vec::new();
        for &start in infector_of.keys() {
            let mut path = Vec::new();
            let mut at = Some(start);
            while let Some(case) = at.filter(|case| !done.contains(case)) {
                if let Some(first) = path.iter().position(|&earlier| earlier == case) {
                    let mut circle: Vec<CaseNo> = path[first..].to_vec();
                    circle.reverse();
                    let least = (0..circle.len()).min_by_key(|&position| circle[position]).unwrap_or(0);
                    circle.rotate_left(least);
                    circles.push(Inconsistency::Circle(circle));
                    break;
                }
                path.push(case);
                at = infector_of.get(&case).copied();
            }
            done.extend(path);
        }
        circles
    }
}

fn check_rules(exposures: &[Exposure], rules: &ChainRules) -> Result<(), PresenceError> {
    let refused = |what, rule| Err(PresenceError::ParameterRefused { what, rule });
    if !(rules.half_hours > 0.0 && rules.half_hours.is_finite()) {
        return refused("half_hours", "a number of hours above 0 is wanted");
    }
    if !(rules.outside_weight >= 0.0 && rules.outside_weight.is_finite()) {
        return refused("outside_weight", "a number of 0 or more is wanted");
    }
    if !exposures.iter().all(|exposure| exposure.hours > 0.0 && exposure.hours.is_finite()) {
        return refused("hours of exposure", "numbers above 0 are wanted: no link without exposure");
    }
    Ok(())
}

/// Exposures of each pair together: infector, infectee, hours, first day.
fn pairs(exposures: &[Exposure]) -> impl Iterator<Item = (CaseNo, CaseNo, f64, i32)> {
    let mut pairs: BTreeMap<(CaseNo, CaseNo), (f64, i32)> = BTreeMap::new();
    for exposure in exposures {
        let sums = pairs.entry((exposure.infector, exposure.infectee)).or_insert((0.0, i32::MAX));
        *sums = (sums.0 + exposure.hours, sums.1.min(exposure.first_day));
    }
    pairs.into_iter().map(|((infector, infectee), (hours, first_day))| (infector, infectee, hours, first_day))
}

fn interval(
    onsets: &BTreeMap<CaseNo, Option<i32>>,
    infector: CaseNo,
    infectee: CaseNo,
    first_day: i32,
    serial_interval: &SerialInterval,
) -> Result<Option<i32>, Inconsistency> {
    if infector == infectee {
        return Err(Inconsistency::OwnExposure(infector));
    }
    let onset = |case| onsets.get(&case).copied().ok_or(Inconsistency::UnknownCase(case));
    let (from, to) = (onset(infector)?, onset(infectee)?);
    if to.is_some_and(|to| first_day > to) {
        return Err(Inconsistency::ExposedAfterOnset { infector, infectee });
    }
    let (Some(from), Some(to)) = (from, to) else { return Ok(None) };
    let days = to - from;
    if serial_interval.probability(days) == 0.0 {
        return Err(Inconsistency::IntervalImpossible { infector, infectee, days });
    }
    Ok(Some(days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(case: u32, onset_day: Option<i32>) -> ChainCase {
        ChainCase { case: CaseNo(case), onset_day }
    }

    fn exposure(infector: u32, infectee: u32, first_day: i32, hours: f64) -> Exposure {
        Exposure { infector: CaseNo(infector), infectee: CaseNo(infectee), first_day, hours }
    }

    fn serial_interval() -> SerialInterval {
        SerialInterval::new(-1, vec![0.1, 0.1, 0.2, 0.2, 0.4]).expect("it sums to one")
    }

    #[test]
    fn rivals_share_by_interval_and_exposure_and_all_are_kept() {
        let cases = [case(1, Some(0)), case(2, Some(1)), case(3, Some(3))];
        let exposures = [exposure(1, 3, 1, 1.0), exposure(2, 3, 1, 0.5), exposure(2, 3, 2, 0.5)];
        let chains = find_chains(&cases, &exposures, &serial_interval(), &ChainRules::default());
        let chains = chains.expect("the rules are sound");
        // Three days have 0.4 and two days 0.2; both had one hour.
        let shares: Vec<_> = chains.links.iter().map(|link| (link.infector.0, link.probability)).collect();
        assert_eq!(shares.len(), 2);
        assert_eq!((shares[0].0, shares[1].0), (1, 2));
        assert!((shares[0].1 - 2.0 / 3.0).abs() < 1e-12 && (shares[1].1 - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(chains.without_infector, [CaseNo(1), CaseNo(2)]);
        assert_eq!(chains.offspring_counts().into_values().collect::<Vec<_>>(), [1, 0, 0]);
    }

    #[test]
    fn a_source_outside_the_data_takes_its_share() {
        let rules = ChainRules { outside_weight: 0.2, ..ChainRules::default() };
        let cases = [case(1, Some(0)), case(2, Some(3))];
        let chains = find_chains(&cases, &[exposure(1, 2, 0, 1.0)], &serial_interval(), &rules);
        assert!((chains.expect("the rules are sound").links[0].probability - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_does_not_fit_is_listed_and_makes_no_link() {
        let cases = [case(1, Some(0)), case(2, Some(9)), case(3, None), case(4, Some(1)), case(4, Some(2))];
        let exposures = [
            exposure(1, 2, 5, 1.0),
            exposure(1, 3, 0, 1.0),
            exposure(2, 4, 8, 1.0),
            exposure(1, 1, 0, 1.0),
            exposure(7, 1, 0, 1.0),
        ];
        let chains = find_chains(&cases, &exposures, &serial_interval(), &ChainRules::default());
        let chains = chains.expect("the rules are sound");
        // A missing onset is listed too, but the exposure is there, and so is the link.
        let links: Vec<_> = chains.links.iter().map(|link| (link.infectee.0, link.interval_days)).collect();
        assert_eq!(links, [(3, None)]);
        let (one, two, four) = (CaseNo(1), CaseNo(2), CaseNo(4));
        let expected = [
            Inconsistency::UnknownCase(CaseNo(7)),
            Inconsistency::TwoOnsets(four),
            Inconsistency::OwnExposure(one),
            Inconsistency::OnsetMissing(CaseNo(3)),
            Inconsistency::ExposedAfterOnset { infector: two, infectee: four },
            Inconsistency::IntervalImpossible { infector: one, infectee: two, days: 9 },
        ];
        assert_eq!(chains.inconsistencies, expected);
        assert!(find_chains(&cases, &[exposure(1, 2, 0, 0.0)], &serial_interval(), &ChainRules::default()).is_err());
    }

    #[test]
    fn two_who_may_have_infected_each_other_are_a_circle() {
        let cases = [case(1, Some(0)), case(2, Some(0)), case(3, Some(3))];
        let exposures = [exposure(1, 2, 0, 1.0), exposure(2, 1, 0, 1.0), exposure(2, 3, 0, 1.0)];
        let chains = find_chains(&cases, &exposures, &serial_interval(), &ChainRules::default());
        let chains = chains.expect("the rules are sound");
        assert_eq!(chains.links.len(), 3);
        assert_eq!(chains.inconsistencies, [Inconsistency::Circle(vec![CaseNo(1), CaseNo(2)])]);
    }
}
