//! From scores to signals: one per happening, within a budget of false alarms.

use crate::error::{EpiError, require_positive};

/// Days of one county that belong together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Happening {
    /// Place of the county.
    pub county: usize,
    /// First day above the cut; place in the scores.
    pub first: usize,
    /// Last day above the cut.
    pub last: usize,
    /// Day with the highest score.
    pub peak: usize,
    /// That score.
    pub score: f32,
}

/// Days of each county with a score of at least `cut`; days with at most `quiet_days` quiet ones between them are one
/// happening, whatever the source or site that raised them.
///
/// - `scores`: `[county][day]`.
/// - `days`: which days to look at.
pub fn find_happenings(
    scores: &[Vec<f32>],
    cut: f32,
    quiet_days: usize,
    days: std::ops::Range<usize>,
) -> Vec<Happening> {
    let mut found: Vec<Happening> = Vec::new();
    for (county, scores) in scores.iter().enumerate() {
        let mut open: Option<Happening> = None;
        for day in days.clone().filter(|day| scores[*day] >= cut) {
            let score = scores[day];
            match &mut open {
                Some(happening) if day - happening.last <= quiet_days + 1 => {
                    happening.last = day;
                    if score > happening.score {
                        (happening.peak, happening.score) = (day, score);
                    }
                }
                _ => found.extend(open.replace(Happening { county, first: day, last: day, peak: day, score })),
            }
        }
        found.extend(open);
    }
    found
}

/// Signals per county and week.
pub fn alarms_per_county_week(happenings: usize, counties: usize, days: usize) -> f64 {
    happenings as f64 * 7.0 / (counties * days).max(1) as f64
}

/// The lowest cut at which the past had no more than `budget` signals per county and week.
///
/// Outbreaks of the past count as if they had been false: the cut errs on the quiet side.
///
/// # Errors
/// [`EpiError::InvalidSetting`] for a budget that is not positive, or for no day.
pub fn cut_for_budget(
    scores: &[Vec<f32>],
    budget: f64,
    quiet_days: usize,
    days: std::ops::Range<usize>,
) -> Result<f32, EpiError> {
    require_positive("budget", budget)?;
    require_positive("county-days to learn the cut from", (scores.len() * days.len()) as f64)?;
    let rate = |cut: f32| {
        let found = find_happenings(scores, cut, quiet_days, days.clone());
        alarms_per_county_week(found.len(), scores.len(), days.len())
    };
    // With a lower cut there are more signals, until everything runs together: the rate is searched from above, by ranks,
    // so that a few very high scores do not make the steps too wide.
    let mut all: Vec<f32> = scores.iter().flat_map(|s| &s[days.clone()]).copied().filter(|s| *s > 0.0).collect();
    all.sort_unstable_by(|a, b| b.total_cmp(a));
    all.dedup();
    let Some(&top) = all.first() else { return Ok(1e-3) };
    let (mut within, mut rank) = (None, 0);
    while rank < all.len() && rate(all[rank]) <= budget {
        within = Some(rank);
        rank += 1 + rank / 16;
    }
    let (mut low, mut high) = match within {
        None => return Ok(top * 1.001 + 1e-3),
        Some(within) => (within, rank.min(all.len())),
    };
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if rate(all[middle]) <= budget {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(all[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_close_together_are_one_happening() {
        let scores = [vec![0.0, 5.0, 0.0, 6.0, 0.0, 0.0, 0.0, 5.0], vec![9.0; 8]];
        let found = find_happenings(&scores, 4.0, 2, 0..8);
        let spans: Vec<_> = found.iter().map(|h| (h.county, h.first, h.last, h.peak)).collect();
        assert_eq!(spans, [(0, 1, 3, 3), (0, 7, 7, 7), (1, 0, 7, 0)]);
        assert!(find_happenings(&scores, 10.0, 2, 0..8).is_empty());
    }

    #[test]
    fn the_cut_keeps_the_past_within_the_budget_and_a_lower_one_does_not() {
        let scores: Vec<Vec<f32>> =
            (0..10).map(|c| (0..700).map(|t| ((t * 37 + c * 91) % 499) as f32 / 50.0).collect()).collect();
        for budget in [0.05, 0.2, 0.5] {
            let cut = cut_for_budget(&scores, budget, 3, 0..700).unwrap();
            let rate = |cut| alarms_per_county_week(find_happenings(&scores, cut, 3, 0..700).len(), 10, 700);
            assert!(rate(cut) <= budget, "{budget}: {}", rate(cut));
            assert!(rate(cut - 0.05) > budget, "{budget}: the cut {cut} is needlessly high");
        }
        assert!(cut_for_budget(&scores, 0.0, 3, 0..700).is_err());
    }
}
