//! How many a case infects: mean, dispersion, and how much the few infect that infect many.

/// Distribution of the number of people that a case infects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offspring {
    /// Cases counted, those that infected nobody included.
    pub cases: usize,
    /// Mean number infected.
    pub mean: f64,
    /// Dispersion k of the negative binomial; small = few infect most. Infinite when the counts vary no more than a
    /// Poisson distribution does.
    pub dispersion_k: f64,
}

/// Mean and dispersion of offspring counts, by maximum likelihood of the negative binomial.
///
/// The mean is the plain one, which is its likeliest value whatever k. `None` without counts or if all are 0.
///
/// # Limits
/// Cases whose own cases are not found yet pull the mean and k down.
/// # Source
/// Lloyd-Smith et al. 2005, Nature 438:355-359, doi:10.1038/nature04153.
#[must_use]
pub fn estimate_offspring(counts: &[u32]) -> Option<Offspring> {
    let cases = counts.len();
    let mean = counts.iter().map(|&count| f64::from(count)).sum::<f64>() / cases as f64;
    if cases == 0 || mean == 0.0 {
        return None;
    }
    let variance = counts.iter().map(|&count| (f64::from(count) - mean).powi(2)).sum::<f64>() / cases as f64;
    // The likelihood rises up to k = infinity exactly when the counts vary no more than their mean.
    if variance <= mean {
        return Some(Offspring { cases, mean, dispersion_k: f64::INFINITY });
    }
    // The score falls through zero once; bisection on ln k between bounds that no outbreak reaches.
    let (mut low, mut high) = (1e-6f64.ln(), 1e6f64.ln());
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if score(counts, mean, middle.exp()) > 0.0 { low = middle } else { high = middle }
    }
    Some(Offspring { cases, mean, dispersion_k: f64::midpoint(low, high).exp() })
}

/// Derivative of the log-likelihood by k, the mean being at its likeliest value.
fn score(counts: &[u32], mean: f64, k: f64) -> f64 {
    let rising = |count: u32| (0..count).map(|i| 1.0 / (k + f64::from(i))).sum::<f64>();
    counts.iter().map(|&count| rising(count)).sum::<f64>() - counts.len() as f64 * (mean / k).ln_1p()
}

impl Offspring {
    /// Share of all transmissions that the `top` busiest of `counts` stand for; 0 to 1.
    #[must_use]
    pub fn top_share(counts: &[u32], top: usize) -> f64 {
        let mut sorted = counts.to_vec();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let sum = |counts: &[u32]| counts.iter().map(|&count| f64::from(count)).sum::<f64>();
        sum(&sorted[..top.min(sorted.len())]) / sum(&sorted).max(f64::MIN_POSITIVE)
    }
}

/// Days between onsets of known pairs, summed up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntervalSummary {
    /// Pairs.
    pub pairs: usize,
    /// Mean; days.
    pub mean_days: f64,
    /// Standard deviation with divisor n - 1; days, 0 for a single pair.
    pub sd_days: f64,
    /// Median; days.
    pub median_days: f64,
    /// Pairs in which the infectee fell ill first.
    pub negative: usize,
}

/// Sums up the days between onsets; `None` without pairs.
#[must_use]
pub fn summarise_intervals(days: &[i32]) -> Option<IntervalSummary> {
    let mut sorted = days.to_vec();
    sorted.sort_unstable();
    let pairs = sorted.len();
    let (low, high) = (sorted.get(pairs.saturating_sub(1) / 2)?, sorted.get(pairs / 2)?);
    let mean_days = days.iter().map(|&d| f64::from(d)).sum::<f64>() / pairs as f64;
    let squares = days.iter().map(|&d| (f64::from(d) - mean_days).powi(2)).sum::<f64>();
    Some(IntervalSummary {
        pairs,
        mean_days,
        sd_days: (squares / pairs.saturating_sub(1).max(1) as f64).sqrt(),
        median_days: f64::midpoint(f64::from(*low), f64::from(*high)),
        negative: days.iter().filter(|&&d| d < 0).count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Log-likelihood by its definition, for the slow search that the estimate has to equal.
    fn log_likelihood(counts: &[u32], mean: f64, k: f64) -> f64 {
        let one = |&count: &u32| {
            let rising: f64 = (0..count).map(|i| ((k + f64::from(i)) / f64::from(i + 1)).ln()).sum();
            rising + k * (k / (k + mean)).ln() + f64::from(count) * (mean / (k + mean)).ln()
        };
        counts.iter().map(one).sum()
    }

    #[test]
    fn k_is_where_a_fine_search_finds_the_largest_likelihood() {
        let counts = [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 0, 0, 9, 0, 1, 0, 0, 4, 0, 0];
        let estimate = estimate_offspring(&counts).expect("there are counts");
        assert!((estimate.mean - 0.9).abs() < 1e-12);
        let grid = (1..100_000).map(|step| f64::from(step) * 1e-4);
        let best = grid.max_by(|&a, &b| {
            log_likelihood(&counts, estimate.mean, a).total_cmp(&log_likelihood(&counts, estimate.mean, b))
        });
        assert!((estimate.dispersion_k - best.expect("a grid")).abs() <= 1e-4);
    }

    #[test]
    fn counts_that_vary_little_have_no_finite_k_and_no_counts_no_estimate() {
        assert_eq!(estimate_offspring(&[1, 1, 2, 1]).map(|o| o.dispersion_k), Some(f64::INFINITY));
        assert_eq!(estimate_offspring(&[]), None);
        assert_eq!(estimate_offspring(&[0, 0]), None);
    }
}
