//! Bayesian nowcasts: a distribution of the final number of events per day.

use rand::Rng;
use rand_distr::{Beta, Distribution};
use statrs::function::beta::inv_beta_reg;

use super::triangle::{DelayWindow, ReportingTriangle};
use crate::error::{EpiError, require, require_positive, require_probability};
use crate::special::ln_gamma;

/// Equally likely values of the share reported by which a beta distribution is represented.
const SHARE_NODES: usize = 256;

/// What is assumed about delays that the triangle cannot show yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DelayModel {
    /// Which event days teach the delays.
    pub window: DelayWindow,
    /// Dirichlet prior weight per delay, 0.1 as a rule; events.
    pub prior_weight: f64,
}

/// Gamma prior of the expected number of events of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CasePrior {
    /// Prior mean; events per day.
    pub mean: f64,
    /// Prior variance.
    pub variance: f64,
}

/// Whether the delay distribution allows for event days that are not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruncatedDelays {
    /// Delays counted as they came: biased towards short ones while an outbreak grows.
    Ignored,
    /// Delays given that they could be seen: generalised Dirichlet distribution of the reverse hazards. `draws` samples
    /// of the share reported.
    Corrected {
        /// Samples, 1,000 or more.
        draws: usize,
    },
}

/// The nowcast of one event day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BayesRow {
    /// Place of the event day in the triangle, from 0.
    pub day: usize,
    /// Events known so far.
    pub observed: f64,
    /// Median of the final number; `None` where it lies beyond `cases_max`.
    pub median: Option<f64>,
    /// Lower limit of the interval; `None` where it lies beyond `cases_max`.
    pub lower: Option<f64>,
    /// Upper limit of the interval; `None` where it lies beyond `cases_max`.
    pub upper: Option<f64>,
}

/// Nowcast of all open event days.
#[derive(Debug, Clone, PartialEq)]
pub struct BayesNowcast {
    /// Posterior mean of the share of events reported within delay 0, 1, ..., D.
    pub delay_cdf: Vec<f64>,
    /// One row per open event day, oldest first.
    pub rows: Vec<BayesRow>,
}

/// Nowcast in closed form: the final number is beta-negative binomial.
///
/// Delays as in [`TruncatedDelays::Ignored`]: their shares are Dirichlet with weights n_x + κ, so the share F reported
/// within the age d of an event day is Beta(Σ_{x<=d}, Σ_{x>d}). With every final number equally likely beforehand the
/// number still to come is negative binomial (n + 1, F), and mixed over F it is beta-negative binomial.
///
/// - `triangle`, `delays`: what is known about delays.
/// - `level`: of the interval; equal tails.
/// - `cases_max`: largest final number looked at, per day.
///
/// # Errors
/// [`EpiError::InvalidSetting`].
/// # Limits
/// Ignores that recent days are incomplete; in the growth phase of an outbreak it is too low. With one or two events
/// known the interval is very wide, because any final number is thought possible.
/// # Source
/// Höhle and an der Heiden 2014, Biometrics 70:993-1002, doi:10.1111/biom.12194.
/// Checked against surveillance 1.20.3 (`bayes.notrunc.bnb`): family `nowcast` of the surveillance reference.
pub fn nowcast_beta_negative_binomial(
    triangle: &ReportingTriangle,
    delays: DelayModel,
    level: f64,
    cases_max: usize,
) -> Result<BayesNowcast, EpiError> {
    check(delays, level)?;
    let weights = dirichlet_weights(triangle, delays);
    let mut masses = Vec::new();
    let rows = triangle.open_days().map(|day| {
        let observed = triangle.observed(day);
        let (within, beyond) = split_weights(&weights, triangle.age(day));
        masses.clear();
        if beyond > 0.0 {
            beta_negative_binomial(observed + 1.0, within, beyond, room(cases_max, observed), &mut masses);
        } else {
            masses.push(1.0);
        }
        bayes_row(day, observed, &masses, level)
    });
    Ok(BayesNowcast { rows: rows.collect(), delay_cdf: dirichlet_cdf(&weights) })
}

/// Nowcast with a gamma prior on the expected number of events of each day.
///
/// Given the share F reported so far and λ ~ Gamma(α, rate β), the number still to come is negative binomial with size
/// n + α and success probability (β + F) / (β + 1); the answer is the mixture over the distribution of F, see
/// [`TruncatedDelays`].
///
/// - `triangle`, `delays`: what is known about delays.
/// - `prior`: of the expected number of events per day.
/// - `truncation`: whether the delays allow for incomplete days.
/// - `level`: of the interval; equal tails. `cases_max`: largest final number looked at, per day.
/// - `rng`: a seeded generator; used only for [`TruncatedDelays::Corrected`].
///
/// # Errors
/// [`EpiError::InvalidSetting`].
/// # Limits
/// The days are independent given the delays; a sudden change of reporting is taken for a change of incidence.
/// # Source
/// Höhle and an der Heiden 2014, Biometrics 70:993-1002, doi:10.1111/biom.12194.
/// Checked against surveillance 1.20.3 (`bayes.notrunc`, `bayes.trunc`): family `nowcast` of the reference.
pub fn nowcast_bayes(
    triangle: &ReportingTriangle,
    delays: DelayModel,
    prior: CasePrior,
    truncation: TruncatedDelays,
    level: f64,
    cases_max: usize,
    rng: &mut impl Rng,
) -> Result<BayesNowcast, EpiError> {
    check(delays, level)?;
    require_positive("prior mean", prior.mean)?;
    require_positive("prior variance", prior.variance)?;
    let (shape, rate) = (prior.mean * prior.mean / prior.variance, prior.mean / prior.variance);
    let shares = share_distribution(triangle, delays, truncation, rng)?;
    let mut masses = Vec::new();
    let rows = triangle.open_days().map(|day| {
        let observed = triangle.observed(day);
        let nodes = shares.nodes(triangle.age(day));
        masses.clear();
        masses.resize(room(cases_max, observed), 0.0);
        for share in &nodes {
            let success = (rate + share) / (rate + 1.0);
            add_negative_binomial(&mut masses, observed + shape, success, 1.0 / nodes.len() as f64);
        }
        bayes_row(day, observed, &masses, level)
    });
    let rows = rows.collect();
    Ok(BayesNowcast { rows, delay_cdf: shares.mean_cdf() })
}

/// Distribution of the share of events reported within each delay.
enum Shares {
    Dirichlet(Vec<f64>),
    ReverseHazards {
        /// Beta parameters of the reverse hazards for delays 1..=D.
        parameters: Vec<(f64, f64)>,
        /// Equally likely values per delay 0..=D.
        nodes: Vec<Vec<f64>>,
    },
}

impl Shares {
    /// Equally likely values of the share reported within a delay.
    fn nodes(&self, delay: usize) -> Vec<f64> {
        match self {
            Shares::Dirichlet(weights) => {
                let (within, beyond) = split_weights(weights, delay);
                if beyond <= 0.0 {
                    return vec![1.0];
                }
                let level = |i: usize| (i as f64 + 0.5) / SHARE_NODES as f64;
                (0..SHARE_NODES).map(|i| inv_beta_reg(within, beyond, level(i)).clamp(0.0, 1.0)).collect()
            }
            Shares::ReverseHazards { nodes, .. } => nodes[delay.min(nodes.len() - 1)].clone(),
        }
    }

    fn mean_cdf(&self) -> Vec<f64> {
        match self {
            Shares::Dirichlet(weights) => dirichlet_cdf(weights),
            Shares::ReverseHazards { parameters, .. } => {
                let mut cdf = vec![1.0; parameters.len() + 1];
                for (i, (a, b)) in parameters.iter().enumerate().rev() {
                    cdf[i] = cdf[i + 1] * b / (a + b);
                }
                cdf
            }
        }
    }
}

fn share_distribution(
    triangle: &ReportingTriangle,
    delays: DelayModel,
    truncation: TruncatedDelays,
    rng: &mut impl Rng,
) -> Result<Shares, EpiError> {
    match truncation {
        TruncatedDelays::Ignored => Ok(Shares::Dirichlet(dirichlet_weights(triangle, delays))),
        TruncatedDelays::Corrected { draws } => {
            require("draws", draws as f64, "at least 1", draws >= 1)?;
            let counts = triangle.delay_counts(delays.window);
            let parameters = counts.iter().enumerate().skip(1).map(|(x, count)| {
                let later = count.up_to_delay - count.with_delay + delays.prior_weight * x as f64;
                (count.with_delay + delays.prior_weight, later)
            });
            let parameters: Vec<(f64, f64)> = parameters.collect();
            let nodes = draw_shares(&parameters, draws, rng);
            Ok(Shares::ReverseHazards { parameters, nodes })
        }
    }
}

/// Draws reverse hazards, multiplies them up to shares, and gathers the shares of each delay into equal groups.
fn draw_shares(parameters: &[(f64, f64)], draws: usize, rng: &mut impl Rng) -> Vec<Vec<f64>> {
    let both_positive = "prior weights make both parameters positive";
    let hazards: Vec<Beta<f64>> = parameters.iter().map(|&(a, b)| Beta::new(a, b).expect(both_positive)).collect();
    let mut samples = vec![Vec::with_capacity(draws); parameters.len()];
    for _ in 0..draws {
        let mut share = 1.0;
        for (hazard, sample) in hazards.iter().zip(&mut samples).rev() {
            share *= 1.0 - hazard.sample(rng);
            sample.push(share);
        }
    }
    let mut nodes: Vec<Vec<f64>> = samples.into_iter().map(grouped).collect();
    nodes.push(vec![1.0]);
    nodes
}

/// Means of equal groups of sorted values.
fn grouped(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let groups = values.len().min(SHARE_NODES);
    let bounds = |i: usize| i * values.len() / groups;
    (0..groups)
        .map(|i| {
            let group = &values[bounds(i)..bounds(i + 1)];
            group.iter().sum::<f64>() / group.len() as f64
        })
        .collect()
}

fn dirichlet_weights(triangle: &ReportingTriangle, delays: DelayModel) -> Vec<f64> {
    triangle.delay_counts(delays.window).iter().map(|c| c.with_delay + delays.prior_weight).collect()
}

fn dirichlet_cdf(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let mut cdf: Vec<f64> = weights
        .iter()
        .map(|w| {
            sum += w;
            sum / total
        })
        .collect();
    if let Some(last) = cdf.last_mut() {
        *last = 1.0;
    }
    cdf
}

fn split_weights(weights: &[f64], delay: usize) -> (f64, f64) {
    let cut = (delay + 1).min(weights.len());
    (weights[..cut].iter().sum(), weights[cut..].iter().sum())
}

/// Room for final numbers from the observed one to the largest.
fn room(cases_max: usize, observed: f64) -> usize {
    cases_max.saturating_sub(observed as usize) + 1
}

/// Probabilities of 0, 1, ... events still to come: negative binomial of this size with Beta(a, b) success.
fn beta_negative_binomial(size: f64, a: f64, b: f64, length: usize, masses: &mut Vec<f64>) {
    let mut log_mass = ln_gamma(a + size) + ln_gamma(a + b) - ln_gamma(a + b + size) - ln_gamma(a);
    for k in 0..length {
        masses.push(log_mass.exp());
        let k = k as f64;
        log_mass += ((size + k) / (k + 1.0) * (b + k) / (a + b + size + k)).ln();
    }
}

/// Adds weight x P(k) of a negative binomial to each entry k.
fn add_negative_binomial(masses: &mut [f64], size: f64, success: f64, weight: f64) {
    if success >= 1.0 {
        masses[0] += weight;
        return;
    }
    let sd = (size * (1.0 - success)).sqrt() / success;
    let mean = size * (1.0 - success) / success;
    let log_mass =
        |k: f64| ln_gamma(size + k) - ln_gamma(size) - ln_gamma(k + 1.0) + size * success.ln() + k * (-success).ln_1p();
    // Start where the probability is a number that a double can hold; below it nothing would be added anyway.
    let mut first = (mean - 12.0 * sd).floor().max(0.0);
    while log_mass(first) < -600.0 && first < mean {
        first += (sd / 8.0).ceil();
    }
    let mut mass = weight * log_mass(first).exp();
    for (k, slot) in masses.iter_mut().enumerate().skip(first as usize) {
        *slot += mass;
        let k = k as f64;
        mass *= (1.0 - success) * (size + k) / (k + 1.0);
    }
}

fn bayes_row(day: usize, observed: f64, masses: &[f64], level: f64) -> BayesRow {
    let quantile = |p: f64| {
        let mut sum = 0.0;
        let reached = masses.iter().position(|m| {
            sum += m;
            sum >= p
        });
        reached.map(|k| observed + k as f64)
    };
    let tail = (1.0 - level) / 2.0;
    BayesRow { day, observed, median: quantile(0.5), lower: quantile(tail), upper: quantile(1.0 - tail) }
}

fn check(delays: DelayModel, level: f64) -> Result<(), EpiError> {
    require_positive("prior_weight", delays.prior_weight)?;
    require_probability("level", level)
}
