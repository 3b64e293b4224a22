//! OutbreakP: is the mean rising, whatever the shape of the rise?

use std::ops::RangeInclusive;

use crate::Counts;
use crate::error::{EpiError, require_positive};

/// One judged period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutbreakPRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// Natural logarithm of the likelihood ratio of a rising against a constant mean.
    pub log_statistic: f64,
    /// Whether the ratio exceeds the threshold.
    pub is_alarm: bool,
}

impl OutbreakPRow {
    /// The likelihood ratio itself; infinite above e^709.
    pub fn statistic(&self) -> f64 {
        self.log_statistic.exp()
    }
}

/// Likelihood ratio of a never-falling mean against a constant one, for Poisson counts.
///
/// At each period s all counts up to s are used: Π_t (μ̂_t / μ̂)^{y_t}, where μ̂_t is the isotonic regression of the counts
/// (pool adjacent violators) and μ̂ their mean; both have the same total, so the exponentials cancel.
///
/// - `counts`: persons per period, oldest first.
/// - `judged`: first and last place to judge, from 0.
/// - `threshold`: alarm when the ratio exceeds it, for instance 100.
/// - returns: one row per judged period; 0 on the log scale for a series without cases.
///
/// # Errors
/// [`EpiError::PositionOutside`], [`EpiError::InvalidSetting`] unless the threshold is positive.
/// # Limits
/// Made for the onset of a season: the statistic never forgets a step up long ago, so start the series in the trough.
/// # Source
/// Frisén and Andersson 2009, Stat Med 28:1945-1958; Frisén, Andersson and Schiöler 2009, doi:10.1002/sim.3614.
/// Checked against surveillance 1.20.3: family `outbreakP` of the surveillance reference.
pub fn outbreak_p(
    counts: &Counts,
    judged: RangeInclusive<usize>,
    threshold: f64,
) -> Result<Vec<OutbreakPRow>, EpiError> {
    require_positive("threshold", threshold)?;
    if *judged.end() >= counts.len() {
        return Err(EpiError::PositionOutside { position: judged.end() + 1, periods: counts.len() });
    }
    let mut blocks: Vec<Block> = Vec::new();
    let mut rows = Vec::new();
    let mut total = 0.0;
    for (position, &y) in counts.as_slice().iter().enumerate().take(judged.end() + 1) {
        total += y;
        pool(&mut blocks, Block { cases: y, periods: 1.0 });
        if judged.contains(&position) {
            let mean = total / (position + 1) as f64;
            let term = |b: &Block| if b.cases > 0.0 { b.cases * (b.cases / b.periods / mean).ln() } else { 0.0 };
            let log_statistic: f64 = blocks.iter().map(term).sum::<f64>().max(0.0);
            rows.push(OutbreakPRow { position, log_statistic, is_alarm: log_statistic > threshold.ln() });
        }
    }
    Ok(rows)
}

/// A stretch with one fitted mean.
#[derive(Debug, Clone, Copy)]
struct Block {
    cases: f64,
    periods: f64,
}

/// Adds a period at the end and joins blocks until the means rise.
fn pool(blocks: &mut Vec<Block>, mut last: Block) {
    while let Some(before) = blocks.last() {
        // Cross products of whole numbers compare exactly where quotients would not.
        if before.cases * last.periods < last.cases * before.periods {
            break;
        }
        last = Block { cases: before.cases + last.cases, periods: before.periods + last.periods };
        blocks.pop();
    }
    blocks.push(last);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(y: &[f64]) -> Vec<OutbreakPRow> {
        outbreak_p(&Counts::new(y.iter().copied()).unwrap(), 0..=y.len() - 1, 10.0).unwrap()
    }

    #[test]
    fn a_falling_series_has_ratio_one() {
        assert!(run(&[9.0, 7.0, 7.0, 3.0, 0.0]).iter().all(|r| r.log_statistic == 0.0 && !r.is_alarm));
    }

    #[test]
    fn a_step_up_gives_the_two_sample_ratio() {
        let rows = run(&[2.0, 2.0, 8.0, 8.0]);
        let exact = 4.0 * (2.0f64 / 5.0).ln() + 16.0 * (8.0f64 / 5.0).ln();
        assert!((rows[3].log_statistic - exact).abs() < 1e-12);
    }

    #[test]
    fn a_series_without_cases_is_quiet() {
        assert!(run(&[0.0; 6]).iter().all(|r| r.log_statistic == 0.0 && !r.is_alarm));
    }
}
