//! Distributions of delays from pairs of intervals: serial interval, incubation period, onset to report.

mod distribution;
mod simplex;

use crate::error::{EpiError, require};
pub use distribution::{DelayDistribution, DelayFamily};
use simplex::minimise;

/// One pair of events, each known to an interval: infector's and infectee's onset, exposure and onset, onset and report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DelayPair {
    /// Earliest time of the first event; days.
    pub first_from: f64,
    /// Latest time of the first event; equal to `first_from` where it is known exactly.
    pub first_to: f64,
    /// Earliest time of the second event; days on the same clock.
    pub second_from: f64,
    /// Latest time of the second event.
    pub second_to: f64,
    /// Time up to which second events could be seen; `None` where all delays had time to pass. Days on the same clock.
    pub observed_until: Option<f64>,
}

/// A fitted delay distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DelayFit {
    /// The distribution of greatest likelihood.
    pub distribution: DelayDistribution,
    /// Its log-likelihood.
    pub log_likelihood: f64,
    /// Akaike's criterion, for choosing between families: smaller is better.
    pub aic: f64,
}

/// Fits a delay distribution to pairs of intervals by maximum likelihood.
///
/// With F the distribution function and the first event uniform over its interval a pair has likelihood
/// ∫ F(S_to - e) - F(S_from - e) de over the first interval; where one event is exact the integral or the difference
/// becomes a value of F, where both are it is the density. A pair seen only because it ended before `observed_until` is
/// divided by ∫ F(until - e) de, so that a growing outbreak does not shorten the delays.
///
/// - `pairs`: at least two; times in days.
/// - `family`: shape of the distribution; all live on delays above 0.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] below two pairs; [`EpiError::InvalidSetting`] for an interval that ends before it begins;
/// [`EpiError::NotIdentifiable`] where a delay cannot be above 0, or all pairs have one exact delay.
/// # Limits
/// No negative delays: pairs in which the infectee fell ill first have to be left out, which biases the mean upwards.
/// # Source
/// Reich et al. 2009, Stat Med 28:2769-2784, doi:10.1002/sim.3659; truncation after Seaman et al. 2022, Stat Methods Med
/// Res 31:1686, doi:10.1177/09622802211023955. Checked against coarseDataTools 0.6.6 and fitdistrplus 1.1.8: family
/// `serial_interval` of the surveillance reference.
pub fn fit_delay(pairs: &[DelayPair], family: DelayFamily) -> Result<DelayFit, EpiError> {
    check(pairs)?;
    let loss = |point: [f64; 2]| {
        let log_likelihood = log_likelihood(pairs, &DelayDistribution::at(family, point));
        if log_likelihood.is_finite() { -log_likelihood } else { f64::INFINITY }
    };
    let (mean, sd) = rough_moments(pairs);
    let best = minimise(loss, DelayDistribution::start(family, mean, sd));
    let log_likelihood = -loss(best);
    if !log_likelihood.is_finite() {
        let (quantity, reason) = ("a delay distribution", "no member of the family gives these pairs a likelihood");
        return Err(EpiError::NotIdentifiable { quantity, reason });
    }
    let distribution = DelayDistribution::at(family, best);
    Ok(DelayFit { distribution, log_likelihood, aic: 4.0 - 2.0 * log_likelihood })
}

fn log_likelihood(pairs: &[DelayPair], distribution: &DelayDistribution) -> f64 {
    let distribution = distribution.prepared();
    pairs
        .iter()
        .map(|pair| {
            let seen = likelihood(pair, &distribution).ln();
            let possible = pair.observed_until.map_or(0.0, |until| {
                let width = pair.first_to - pair.first_from;
                if width > 0.0 {
                    // The mean of F over the interval, to match a likelihood that is not divided by its width.
                    (distribution.integral(until - pair.first_from) - distribution.integral(until - pair.first_to)).ln()
                } else {
                    distribution.cdf(until - pair.first_from).ln()
                }
            });
            seen - possible
        })
        .sum()
}

fn likelihood(pair: &DelayPair, d: &distribution::Prepared) -> f64 {
    let is_first_exact = pair.first_to == pair.first_from;
    let is_second_exact = pair.second_to == pair.second_from;
    match (is_first_exact, is_second_exact) {
        (true, true) => d.density(pair.second_from - pair.first_from),
        (true, false) => d.cdf(pair.second_to - pair.first_from) - d.cdf(pair.second_from - pair.first_from),
        (false, true) => d.cdf(pair.second_from - pair.first_from) - d.cdf(pair.second_from - pair.first_to),
        (false, false) => {
            let until = |second: f64| d.integral(second - pair.first_from) - d.integral(second - pair.first_to);
            until(pair.second_to) - until(pair.second_from)
        }
    }
}

/// Mean and standard deviation of the delays between the middles of the intervals.
fn rough_moments(pairs: &[DelayPair]) -> (f64, f64) {
    let middle = |p: &DelayPair| (0.5 * (p.second_from + p.second_to - p.first_from - p.first_to)).max(0.1);
    let n = pairs.len() as f64;
    let mean = pairs.iter().map(middle).sum::<f64>() / n;
    let variance = pairs.iter().map(|p| (middle(p) - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, variance.sqrt().max(0.1 * mean))
}

fn check(pairs: &[DelayPair]) -> Result<(), EpiError> {
    if pairs.len() < 2 {
        return Err(EpiError::SeriesTooShort { have: pairs.len(), need: 2, what: "a delay distribution" });
    }
    for pair in pairs {
        let rule = "finite, and no interval may end before it begins";
        require("first interval", pair.first_to - pair.first_from, rule, pair.first_to >= pair.first_from)?;
        require("second interval", pair.second_to - pair.second_from, rule, pair.second_to >= pair.second_from)?;
        if pair.second_to - pair.first_from <= 0.0 {
            let (quantity, reason) = ("a delay above 0", "a pair has its second event no later than its first");
            return Err(EpiError::NotIdentifiable { quantity, reason });
        }
        if let Some(until) = pair.observed_until {
            require("observed_until", until, "not before the second event", until >= pair.second_to)?;
        }
    }
    let delay = |p: &DelayPair| p.second_from - p.first_from;
    let is_exact = |p: &DelayPair| p.first_to == p.first_from && p.second_to == p.second_from;
    if pairs.iter().all(|p| is_exact(p) && delay(p) == delay(&pairs[0])) {
        let (quantity, reason) = ("the spread of the delay", "all pairs have the same exact delay");
        return Err(EpiError::NotIdentifiable { quantity, reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(delay: f64) -> DelayPair {
        let (at, then) = (3.0, 3.0 + delay);
        DelayPair { first_from: at, first_to: at, second_from: then, second_to: then, observed_until: None }
    }

    #[test]
    fn exact_delays_give_the_closed_form_of_the_lognormal() {
        let delays = [1.0, 2.0, 3.5, 5.0, 8.0];
        let logs = delays.map(f64::ln);
        let mean = logs.iter().sum::<f64>() / 5.0;
        let sd = (logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / 5.0).sqrt();
        let fit = fit_delay(&delays.map(exact), DelayFamily::LogNormal).unwrap();
        let (a, b) = fit.distribution.parameters();
        assert!((a - mean).abs() < 1e-6 && (b - sd).abs() < 1e-6, "{a} {b}");
    }

    #[test]
    fn a_narrow_interval_is_nearly_exact() {
        let delays = [1.0, 2.0, 3.5, 5.0, 8.0];
        let narrow = |delay: f64| DelayPair { first_to: 3.0 + 1e-4, second_to: 3.0 + delay + 1e-4, ..exact(delay) };
        for family in [DelayFamily::Gamma, DelayFamily::LogNormal, DelayFamily::Weibull] {
            let (a, b) = fit_delay(&delays.map(exact), family).unwrap().distribution.parameters();
            let (c, d) = fit_delay(&delays.map(narrow), family).unwrap().distribution.parameters();
            assert!((a / c - 1.0).abs() < 1e-3 && (b / d - 1.0).abs() < 1e-3, "{family:?}: {a} {b} {c} {d}");
        }
    }

    #[test]
    fn allowing_for_truncation_lengthens_the_delay() {
        let delays = [1.0, 1.5, 2.0, 3.0, 2.5, 1.0];
        let cut = |delay: f64| DelayPair { observed_until: Some(3.0 + 3.2), ..exact(delay) };
        let plain = fit_delay(&delays.map(exact), DelayFamily::Gamma).unwrap().distribution.mean_days();
        let corrected = fit_delay(&delays.map(cut), DelayFamily::Gamma).unwrap().distribution.mean_days();
        assert!(corrected > plain, "{corrected} {plain}");
    }

    #[test]
    fn pairs_without_information_are_refused() {
        assert!(matches!(fit_delay(&[exact(2.0)], DelayFamily::Gamma), Err(EpiError::SeriesTooShort { .. })));
        let same = [exact(2.0), exact(2.0), exact(2.0)];
        assert!(matches!(fit_delay(&same, DelayFamily::Gamma), Err(EpiError::NotIdentifiable { .. })));
        let negative = [exact(2.0), exact(-1.0)];
        assert!(matches!(fit_delay(&negative, DelayFamily::Gamma), Err(EpiError::NotIdentifiable { .. })));
    }
}
