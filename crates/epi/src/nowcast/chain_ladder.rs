//! The chain ladder of actuaries, with Mack's standard error.

use super::triangle::ReportingTriangle;
use crate::error::{EpiError, require_probability};
use crate::special::normal_quantile;

/// The nowcast of one event day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChainLadderRow {
    /// Place of the event day in the triangle, from 0.
    pub day: usize,
    /// Events known so far.
    pub observed: f64,
    /// Expected final number; `None` where a development factor has no data.
    pub expected: Option<f64>,
    /// Standard error of the final number around `expected`.
    pub standard_error: Option<f64>,
    /// Lower limit, from a log-normal distribution with these moments, not below the known events.
    pub lower: Option<f64>,
    /// Upper limit.
    pub upper: Option<f64>,
}

/// One step from delay x to x + 1.
#[derive(Debug, Clone, Copy)]
struct Development {
    factor: f64,
    /// Residual variance per event, σ².
    variance: f64,
    /// Σ of C_{t,x} over the days that show both delays.
    base: f64,
}

/// Nowcast by development factors.
///
/// With C_{t,x} the events of day t known after x days, f_x = Σ C_{t,x+1} / Σ C_{t,x} over the days that have shown both.
/// A day of age d ends at C_{t,d} f_d ... f_{D-1}. Standard error after Mack: N² Σ_{x>=d} σ_x² / f_x² (1 / C_x + 1 / Σ C),
/// with σ_x² = Σ C_{t,x} (C_{t,x+1} / C_{t,x} - f_x)² / (k - 1) over k days; where only one day shows a step its σ² is
/// that of the step before.
///
/// - `triangle`: events by day and delay; all days are used.
/// - `level`: of the interval.
///
/// # Errors
/// [`EpiError::InvalidSetting`] for the level.
/// # Limits
/// Point estimates are those of Lawless; the error takes its size from how unequal the days were, so that batches of
/// reports show, which a binomial variance does not. A day with no event known stays at 0.
/// # Source
/// Mack 1993, ASTIN Bulletin 23:213-225, doi:10.2143/AST.23.2.2005092.
pub fn nowcast_chain_ladder(triangle: &ReportingTriangle, level: f64) -> Result<Vec<ChainLadderRow>, EpiError> {
    require_probability("level", level)?;
    let z = normal_quantile(0.5 + level / 2.0);
    let steps = developments(triangle);
    Ok(triangle.open_days().map(|day| row(triangle, day, &steps, z)).collect())
}

fn developments(triangle: &ReportingTriangle) -> Vec<Option<Development>> {
    let mut steps: Vec<Option<Development>> = Vec::with_capacity(triangle.delay_max());
    for x in 0..triangle.delay_max() {
        let pairs: Vec<(f64, f64)> = (0..triangle.days())
            .filter_map(|t| triangle.cumulated(t, x).zip(triangle.cumulated(t, x + 1)))
            .filter(|(before, _)| *before > 0.0)
            .collect();
        let base: f64 = pairs.iter().map(|p| p.0).sum();
        let before_variance = steps.last().copied().flatten().map_or(0.0, |s: Development| s.variance);
        steps.push((base > 0.0).then(|| {
            // Days without an event so far add to the numerator only.
            let all: f64 =
                (0..triangle.days()).filter_map(|t| triangle.cumulated(t, x).and(triangle.cumulated(t, x + 1))).sum();
            let factor = all / base;
            let squares: f64 = pairs.iter().map(|(b, a)| b * (a / b - factor).powi(2)).sum();
            let variance = if pairs.len() > 1 { squares / (pairs.len() - 1) as f64 } else { before_variance };
            Development { factor, variance, base }
        }));
    }
    steps
}

fn row(triangle: &ReportingTriangle, day: usize, steps: &[Option<Development>], z: f64) -> ChainLadderRow {
    let observed = triangle.observed(day);
    let age = triangle.age(day).min(steps.len());
    let mut known = Some((observed, 0.0));
    for step in &steps[age..] {
        known = known.zip(*step).map(|((size, relative), step)| {
            let share = if size > 0.0 { 1.0 / size + 1.0 / step.base } else { 0.0 };
            (size * step.factor, relative + step.variance / (step.factor * step.factor) * share)
        });
    }
    let limits = known.map(|(expected, relative)| {
        let spread = relative.ln_1p().sqrt();
        let median = expected / relative.sqrt().hypot(1.0);
        ((median * (-z * spread).exp()).max(observed), (median * (z * spread).exp()).max(observed))
    });
    ChainLadderRow {
        day,
        observed,
        expected: known.map(|k| k.0),
        standard_error: known.map(|(expected, relative)| expected * relative.sqrt()),
        lower: limits.map(|l| l.0),
        upper: limits.map(|l| l.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nowcast::{DelayWindow, nowcast_lawless};

    fn triangle() -> ReportingTriangle {
        let rows = [
            vec![Some(10.0), Some(6.0), Some(4.0)],
            vec![Some(7.0), Some(5.0), Some(2.0)],
            vec![Some(12.0), Some(9.0), None],
            vec![Some(9.0), None, None],
        ];
        ReportingTriangle::new(&rows).unwrap()
    }

    #[test]
    fn point_estimates_equal_those_of_lawless() {
        let ladder = nowcast_chain_ladder(&triangle(), 0.95).unwrap();
        let lawless = nowcast_lawless(&triangle(), DelayWindow::All, 0.95).unwrap();
        for row in &ladder {
            let other = lawless[triangle().age(row.day)].expected.unwrap();
            assert!((row.expected.unwrap() - other).abs() < 1e-10, "{row:?} {other}");
        }
    }

    #[test]
    fn the_youngest_day_is_the_least_certain() {
        let ladder = nowcast_chain_ladder(&triangle(), 0.95).unwrap();
        let relative: Vec<f64> = ladder.iter().map(|r| r.standard_error.unwrap() / r.expected.unwrap()).collect();
        assert!(relative.windows(2).all(|pair| pair[1] >= pair[0]), "{relative:?}");
        assert!(ladder.iter().all(|r| r.lower >= Some(r.observed) && r.upper >= r.expected.map(|e| e.floor())));
    }
}
