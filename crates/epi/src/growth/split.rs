//! Growth up to a day and decline from it on.

use super::{Growth, fit_growth};
use crate::Counts;
use crate::error::EpiError;

/// One candidate for the day of the turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitCandidate {
    /// Period at which the two fits meet, from 0.
    pub position: usize,
    /// Mean of the adjusted R² of the two fits that have one; `None` where neither has.
    pub mean_r2: Option<f64>,
}

/// Two fits that meet at the best split.
#[derive(Debug, Clone, PartialEq)]
pub struct GrowthSplit {
    /// Period at which the two fits meet, from 0; it belongs to both.
    pub position: usize,
    /// Growth up to it.
    pub before: Growth,
    /// Decline from it on.
    pub after: Growth,
    /// All candidates, in order.
    pub candidates: Vec<SplitCandidate>,
}

/// Finds the split into growth and decline that two log-linear fits describe best.
///
/// Candidates are the periods within an eighth of the time span (rounded) of the peak, the earliest period with the
/// largest count. Each gives two fits that share the candidate; the best has the largest mean adjusted R².
///
/// - `counts`: persons per period, oldest first.
/// - `interval_days`: length of a period; whole days.
/// - `level`: of the confidence limits of the fits.
///
/// # Errors
/// [`EpiError::NotIdentifiable`] when no candidate leaves two periods with cases on each side and a residual on one;
/// those of [`fit_growth`].
/// # Source
/// The search of Jombart et al. (incidence 1.7.3); checked against it: family `growth_split` of the reference.
pub fn find_growth_split(counts: &Counts, interval_days: f64, level: f64) -> Result<GrowthSplit, EpiError> {
    let not_found = EpiError::NotIdentifiable {
        quantity: "a split into growth and decline",
        reason: "two periods with cases are needed on each side of the peak, and three on one",
    };
    let y = counts.as_slice();
    let Some(peak) = first_peak(y) else { return Err(not_found) };
    let span_days = (y.len() - 1) as f64 * interval_days + 1.0;
    let reach = ((span_days / 8.0).round_ties_even() / interval_days).floor() as usize;
    let (mut best, mut candidates): (Option<(f64, GrowthSplit)>, _) = (None, Vec::new());
    for position in peak.saturating_sub(reach)..=(peak + reach).min(y.len() - 1) {
        let fits = fit_sides(counts, position, interval_days, level)?;
        let mean_r2 = fits.as_ref().and_then(|(before, after)| mean_of_known(before.adjusted_r2, after.adjusted_r2));
        candidates.push(SplitCandidate { position, mean_r2 });
        if let (Some((before, after)), Some(r2)) = (fits, mean_r2)
            && best.as_ref().is_none_or(|(most, _)| r2 > *most)
        {
            best = Some((r2, GrowthSplit { position, before, after, candidates: Vec::new() }));
        }
    }
    best.map(|(_, split)| GrowthSplit { candidates, ..split }).ok_or(not_found)
}

fn first_peak(y: &[f64]) -> Option<usize> {
    let largest = y.iter().copied().reduce(f64::max)?;
    y.iter().position(|&v| v == largest)
}

/// The two fits, or None where one side has too few periods with cases.
fn fit_sides(
    counts: &Counts,
    position: usize,
    interval_days: f64,
    level: f64,
) -> Result<Option<(Growth, Growth)>, EpiError> {
    let (before, after) = (&counts.as_slice()[..=position], &counts.as_slice()[position..]);
    let side = |part: &[f64]| match fit_growth(&Counts::new(part.iter().copied())?, interval_days, level) {
        Ok(growth) => Ok(Some(growth)),
        Err(EpiError::NotIdentifiable { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    Ok(side(before)?.zip(side(after)?))
}

fn mean_of_known(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a + b) / 2.0),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tent_is_split_at_its_top() {
        let rise = (0..10).map(|i| (100.0 * 1.5f64.powi(i)).round());
        let fall = (1..10).map(|i| (100.0 * 1.5f64.powi(9) * 0.7f64.powi(i)).round());
        let split = find_growth_split(&Counts::new(rise.chain(fall)).unwrap(), 1.0, 0.95).unwrap();
        assert_eq!(split.position, 9);
        assert!((split.before.rate - 1.5f64.ln()).abs() < 1e-3 && (split.after.rate - 0.7f64.ln()).abs() < 1e-3);
    }

    #[test]
    fn a_series_without_cases_has_no_split() {
        let error = find_growth_split(&Counts::new([0.0; 9]).unwrap(), 1.0, 0.95);
        assert!(matches!(error, Err(EpiError::NotIdentifiable { .. })));
        assert!(find_growth_split(&Counts::new([]).unwrap(), 1.0, 0.95).is_err());
    }
}
