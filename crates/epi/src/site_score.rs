//! Score of a sentinel site from how it reports, never from how much it finds.

use crate::duties::{DutyClock, Standing};
use sizao_model::Instant;

/// What a site did in a month.
#[derive(Debug, Clone, Default)]
pub struct SiteMonth {
    /// Duties that began in the month.
    pub clocks: Vec<DutyClock>,
    /// Days on which the site was to report, up to yesterday.
    pub days_due: u32,
    /// Days of these with a report, a zero report included.
    pub days_reported: u32,
    /// Reports that were held against something else: zero reports beside sales, entries beside what they repeat.
    pub checked: u32,
    /// Reports of these that were contradicted.
    pub contradicted: u32,
}

/// A part of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// How many were good.
    pub good: u32,
    /// Of how many.
    pub of: u32,
}

impl Part {
    /// The share that was good; none where there was nothing to judge.
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| f64::from(self.good) / f64::from(self.of))
    }
}

/// A site's score, with what it is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteScore {
    /// Duties kept in time (及时).
    pub timeliness: Part,
    /// Days with a report (完整).
    pub completeness: Part,
    /// Reports that were not contradicted (有效).
    pub validity: Part,
    /// 0 to 100; none where nothing could be judged.
    pub total: Option<f64>,
}

/// Weights of timeliness, completeness and validity.
pub const WEIGHTS: [f64; 3] = [0.4, 0.3, 0.3];

/// Scores a month.
///
/// Each part is a share; the total is their weighted mean in percent over the parts that could be judged. A duty that
/// still runs is not judged. How many patients, sales or positives were reported appears nowhere: a site that finds nobody
/// and says so every day in time has 100.
///
/// # Limits
/// With few duties a share is coarse: the page shows the counts beside it.
/// # Source
/// Timeliness, completeness and validity as attributes of a surveillance system: German et al. 2001, MMWR 50(RR-13):1-35.
pub fn score_site(month: &SiteMonth, now: Instant) -> SiteScore {
    let standings = month.clocks.iter().map(|clock| clock.standing(now));
    let (mut kept, mut judged) = (0, 0);
    for standing in standings {
        judged += u32::from(!matches!(standing, Standing::Running { .. }));
        kept += u32::from(matches!(standing, Standing::Kept { .. }));
    }
    let timeliness = Part { good: kept, of: judged };
    let completeness = Part { good: month.days_reported.min(month.days_due), of: month.days_due };
    let validity = Part { good: month.checked.saturating_sub(month.contradicted), of: month.checked };
    let parts = [timeliness, completeness, validity].into_iter().zip(WEIGHTS);
    let judged: Vec<(f64, f64)> = parts.filter_map(|(part, weight)| Some((part.share()?, weight))).collect();
    let weight: f64 = judged.iter().map(|(_, weight)| weight).sum();
    let total =
        (weight > 0.0).then(|| 100.0 * judged.iter().map(|(share, weight)| share * weight).sum::<f64>() / weight);
    SiteScore { timeliness, completeness, validity, total }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duties::Duty;

    fn fever(done_after_minutes: Option<i64>) -> DutyClock {
        let began = Instant::parse("2022-03-17T08:00:00+08:00").unwrap();
        DutyClock::usual(Duty::FeverReport, began, done_after_minutes.map(|minutes| began.plus_minutes(minutes)))
    }

    fn now() -> Instant {
        Instant::parse("2022-03-17T08:30:00+08:00").unwrap()
    }

    #[test]
    fn a_site_that_finds_nobody_and_says_so_has_everything() {
        let month = SiteMonth { days_due: 16, days_reported: 16, checked: 16, ..SiteMonth::default() };
        let score = score_site(&month, now());
        assert_eq!((score.total, score.timeliness.share()), (Some(100.0), None));
    }

    #[test]
    fn more_findings_never_change_a_score() {
        let one = SiteMonth { clocks: vec![fever(Some(10)), fever(Some(90))], ..SiteMonth::default() };
        let many = SiteMonth { clocks: [one.clocks.clone(), one.clocks.clone()].concat(), ..SiteMonth::default() };
        assert_eq!(score_site(&one, now()).total, Some(50.0));
        assert_eq!(score_site(&many, now()).total, Some(50.0));
    }

    #[test]
    fn the_total_is_the_weighted_mean_of_the_three_shares() {
        let month = SiteMonth {
            clocks: vec![fever(Some(10)), fever(Some(59)), fever(Some(61)), fever(None)],
            days_due: 10,
            days_reported: 9,
            checked: 4,
            contradicted: 1,
        };
        // 0.4 x 2/3 + 0.3 x 0.9 + 0.3 x 0.75 = 0.761666...; the one that runs is not judged.
        let score = score_site(&month, now());
        assert!((score.total.unwrap() - 76.166_666_7).abs() < 1e-6, "{score:?}");
        assert_eq!(score.timeliness, Part { good: 2, of: 3 });
    }

    #[test]
    fn nothing_to_judge_is_no_score() {
        assert_eq!(score_site(&SiteMonth::default(), now()).total, None);
    }
}
