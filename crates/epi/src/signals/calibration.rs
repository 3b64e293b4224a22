//! From a score to the probability of one as high without an outbreak, learned from the past of like series.

/// Share of past scores above the point where the tail begins.
const TAIL: f64 = 0.005;
/// Cells of the table below the tail.
const CELLS: usize = 512;
/// Least number of past scores to learn from.
const LEAST: usize = 50;

/// -ln P(score >= s), from the past.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Calibration {
    low: f32,
    cells_per_unit: f32,
    table: Vec<f32>,
    tail_start: f32,
    /// -ln p where the tail begins.
    tail_evidence: f32,
    tail_scale: f32,
}

impl Calibration {
    /// Learns from past scores; `None` with too few of them.
    ///
    /// Below the 99.5 % quantile the empirical distribution, beyond it an exponential tail with the mean excess of the
    /// past: the peaks-over-threshold approach with shape 0.
    pub(super) fn learn(mut scores: Vec<f32>) -> Option<Self> {
        scores.retain(|score| score.is_finite());
        if scores.len() < LEAST {
            return None;
        }
        scores.sort_unstable_by(f32::total_cmp);
        let n = scores.len();
        let above = ((n as f64 * TAIL).ceil() as usize).max(5);
        let (low, tail_start) = (scores[0], scores[n - above]);
        let excess: f32 = scores[n - above..].iter().map(|score| score - tail_start).sum();
        let tail_scale = (excess / above as f32).max(1e-3);
        let width = ((tail_start - low) / CELLS as f32).max(1e-6);
        let evidence = |below: usize| -(((n - below) as f64 + 1.0) / (n as f64 + 1.0)).ln() as f32;
        let tail_evidence = evidence(scores.partition_point(|score| *score < tail_start));
        let mut table = Vec::with_capacity(CELLS + 1);
        let mut below = 0;
        for cell in 0..=CELLS {
            let edge = low + width * cell as f32;
            while below < n && scores[below] < edge {
                below += 1;
            }
            table.push(evidence(below));
        }
        Some(Self { low, cells_per_unit: 1.0 / width, table, tail_start, tail_evidence, tail_scale })
    }

    /// -ln p of a score.
    pub(super) fn evidence(&self, score: f32) -> f32 {
        if score >= self.tail_start {
            return self.tail_evidence + (score - self.tail_start) / self.tail_scale;
        }
        let place = ((score - self.low) * self.cells_per_unit).max(0.0) as usize;
        self.table[place.min(CELLS)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_of_exponential_scores_is_their_logarithm() {
        // Quantiles of the standard exponential: -ln P(S >= s) = s.
        let n = 100_000;
        let scores = (0..n).map(|i| -(1.0 - (f64::from(i) + 0.5) / f64::from(n)).ln() as f32).collect();
        let calibration = Calibration::learn(scores).unwrap();
        for score in [0.5_f32, 2.0, 4.0, 8.0, 12.0] {
            let evidence = calibration.evidence(score);
            assert!((evidence - score).abs() < 0.05 * score.max(1.0), "{score}: {evidence}");
        }
    }

    #[test]
    fn a_constant_past_gives_no_evidence_to_the_same_again_and_much_to_more() {
        let calibration = Calibration::learn(vec![0.0; 1000]).unwrap();
        assert_eq!(calibration.evidence(-1.0), 0.0);
        assert!(calibration.evidence(0.0) < 0.01, "{}", calibration.evidence(0.0));
        assert!(calibration.evidence(1.0) > 5.0);
    }

    #[test]
    fn too_short_a_past_teaches_nothing() {
        assert!(Calibration::learn(vec![1.0; 49]).is_none());
        assert!(Calibration::learn(vec![f32::NEG_INFINITY; 200]).is_none());
    }
}
