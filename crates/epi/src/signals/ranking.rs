//! What stands behind a signal, and which one to answer first.

use super::detectors::{Detector, WARM_UP};
use super::happenings::Happening;
use super::network::Network;
use super::score::{Calibrations, Learned, NetworkScores, Plan, ScoreSettings, class_of, loudest};
use crate::error::{EpiError, require_positive, require_probability};
use crate::parallel;

/// How signals are ranked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankingSettings {
    /// Probability that a county has an outbreak worth finding on a day, before anything was seen.
    pub prior: f64,
    /// Growth of cases per day where nobody acts; 0.15 is a doubling in under five days.
    pub growth_per_day: f64,
    /// Days by which an answer to the signal brings action forward.
    pub days_gained: f64,
    /// Contributions listed per signal.
    pub contributions_max: usize,
}

impl Default for RankingSettings {
    /// One outbreak in a county in 200 days, growth of 15 % a day, a week gained.
    fn default() -> Self {
        Self { prior: 0.005, growth_per_day: 0.15, days_gained: 7.0, contributions_max: 5 }
    }
}

/// A series that speaks for a signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// Place of the source.
    pub source: usize,
    /// Place of the site; `None` for the county's sum.
    pub site: Option<usize>,
    /// The detector that speaks loudest.
    pub detector: Detector,
    /// Its -ln p.
    pub evidence: f32,
    /// Persons above those expected in the seven days up to the peak.
    pub excess: f64,
}

/// A signal with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedSignal {
    /// Where and when; days as places in [`Network::dates`].
    pub happening: Happening,
    /// Probability of an outbreak, at most.
    pub probability: f64,
    /// Persons above those expected in the seven days up to the peak: the largest of the sources of the county, or of
    /// the site that raised the signal.
    pub excess: f64,
    /// Expected benefit: cases prevented if it is answered; persons.
    pub benefit: f64,
    /// Series behind it, loudest first, county sums and sites together.
    pub contributions: Vec<Contribution>,
}

/// Ranks happenings by expected benefit.
///
/// With p = exp(-score) the odds of an outbreak are at most prior odds / (-e p ln p) (the bound of Sellke, Bayarri and
/// Berger; p capped at 1/e). The benefit is that probability times the cases that growth would add in the days gained:
/// excess x (exp(g d) - 1).
///
/// - `happenings`: from [`super::find_happenings`] on `scores.joined`, days as places in the scores.
/// - returns: most beneficial first, days as places in [`Network::dates`].
///
/// # Errors
/// [`EpiError::InvalidSetting`] for settings outside their range, and those of [`super::score_network`].
/// # Source
/// Sellke, Bayarri and Berger 2001, Am Stat 55:62-71, doi:10.1198/000313001300339950.
pub fn rank_signals(
    network: &Network,
    scores: &NetworkScores,
    learned: &Learned,
    happenings: &[Happening],
    score_settings: &ScoreSettings,
    settings: &RankingSettings,
) -> Result<Vec<RankedSignal>, EpiError> {
    require_probability("prior", settings.prior)?;
    require_positive("growth_per_day", settings.growth_per_day)?;
    require_positive("days_gained", settings.days_gained)?;
    let plan = Plan::new(network, score_settings);
    let mut counties: Vec<usize> = happenings.iter().map(|h| h.county).collect();
    counties.dedup();
    let parts = parallel::map(&counties, score_settings.threads, |&county| {
        let of_county: Vec<&Happening> = happenings.iter().filter(|h| h.county == county).collect();
        contributions(&plan, learned.detectors(), network, &of_county)
    });
    let mut ranked: Vec<RankedSignal> = parts
        .into_iter()
        .flatten()
        .map(|(happening, contributions)| {
            let site = scores.site[happening.county][happening.peak].map(|site| site as usize);
            let excess = contributions.iter().filter(|c| c.site == site).map(|c| c.excess).fold(0.0, f64::max);
            let probability = outbreak_probability(f64::from(happening.score), settings.prior);
            let benefit = probability * excess * (settings.growth_per_day * settings.days_gained).exp_m1();
            let mut contributions = contributions;
            contributions.truncate(settings.contributions_max);
            let at = |day: usize| day + scores.first_day;
            let happening = Happening {
                first: at(happening.first),
                last: at(happening.last),
                peak: at(happening.peak),
                ..happening
            };
            RankedSignal { happening, probability, excess, benefit, contributions }
        })
        .collect();
    ranked.sort_by(|a, b| b.benefit.total_cmp(&a.benefit).then(b.happening.score.total_cmp(&a.happening.score)));
    Ok(ranked)
}

/// Every series of the county that says something at the peak of each happening, loudest first.
fn contributions(
    plan: &Plan<'_>,
    calibrations: &Calibrations,
    network: &Network,
    happenings: &[&Happening],
) -> Vec<(Happening, Vec<Contribution>)> {
    let mut found: Vec<(Happening, Vec<Contribution>)> = happenings.iter().map(|h| (**h, Vec::new())).collect();
    let Some(county) = happenings.first().map(|h| h.county) else { return found };
    plan.each_series(county, &mut |is_county, place, source, y, workspace| {
        let class = class_of(y);
        let site = (!is_county).then(|| network.series[place].site);
        for (happening, list) in &mut found {
            let evidence = calibrations.evidence(is_county, source, class, &workspace.scores[happening.peak]);
            let (detector, evidence) = loudest(&evidence);
            if evidence > std::f32::consts::LN_10 {
                let excess = workspace.excess(happening.peak + WARM_UP, 7);
                list.push(Contribution { source, site, detector, evidence, excess });
            }
        }
    });
    found.iter_mut().for_each(|(_, list)| list.sort_by(|a, b| b.evidence.total_cmp(&a.evidence)));
    found
}

fn outbreak_probability(score: f64, prior: f64) -> f64 {
    let p = (-score).exp().min((-1.0_f64).exp());
    let bayes_factor = 1.0 / (-std::f64::consts::E * p * p.max(1e-300).ln());
    let odds = prior / (1.0 - prior) * bayes_factor;
    if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_follows_the_bound() {
        // p = 0.001: 1 / (e x 0.001 x 6.9078) = 53.26; with odds of 1 to 99 that is 0.538, a probability of 0.3498.
        let ours = outbreak_probability(-(0.001_f64.ln()), 0.01);
        assert!((ours - 0.349_8).abs() < 5e-4, "{ours}");
        assert!((outbreak_probability(0.0, 0.01) - 0.01).abs() < 1e-12);
        assert!(outbreak_probability(800.0, 0.01) <= 1.0);
    }
}
