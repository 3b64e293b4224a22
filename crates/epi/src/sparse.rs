//! Rare diseases: are the last few cases closer together than the history lets expect?

use crate::Counts;
use crate::error::{EpiError, require, require_probability};
use crate::special::CountDistribution;

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseSettings {
    /// Lengths of the stretches looked at, each ending with the judged period; periods.
    pub spans: Vec<usize>,
    /// Periods of history before the longest stretch, at least 2.
    pub history: usize,
    /// Probability of a false alarm per judged period, over all stretches together.
    pub alpha: f64,
    /// Cases that a stretch needs at least: one case of a disease never seen before is a matter for people, not for
    /// statistics.
    pub cases_min: f64,
}

/// One judged period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// The most surprising stretch; periods.
    pub span: usize,
    /// Cases in it.
    pub cases: f64,
    /// Cases expected in it.
    pub expected: f64,
    /// Probability of that many or more, times the number of stretches looked at; at most 1.
    pub p_value: f64,
    /// Whether it is below alpha, with enough cases.
    pub is_alarm: bool,
}

/// Judges periods of a sparse series by the sums over their last stretches.
///
/// With S cases in n periods of history and Jeffreys' prior the cases of a stretch of k periods are negative binomial with
/// size S + 1/2 and success probability n / (n + k). The smallest tail probability over the stretches is multiplied by their
/// number (Bonferroni).
///
/// - `counts`: persons per period, oldest first.
/// - returns: one row per period that has its history.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] when no period has its history; [`EpiError::InvalidSetting`] for no span or a span of 0.
/// # Limits
/// A constant rate: for seasonal diseases use a history of whole years.
/// # Source
/// Predictive distribution of a Poisson rate: Gelman et al., Bayesian Data Analysis, 3rd ed. 2013, section 2.6.
pub fn judge_sparse(counts: &Counts, settings: &SparseSettings) -> Result<Vec<SparseRow>, EpiError> {
    require_probability("alpha", settings.alpha)?;
    require("history", settings.history as f64, "at least 2 periods", settings.history >= 2)?;
    let shortest = settings.spans.iter().copied().min().unwrap_or(0);
    require("spans", shortest as f64, "one or more lengths of at least 1", shortest >= 1)?;
    let longest = settings.spans.iter().copied().max().unwrap_or(0);
    let need = settings.history + longest;
    counts.require_len(need, "the rule for sparse counts")?;
    let y = counts.as_slice();
    let judge = |position: usize| {
        let past: f64 = y[position + 1 - need..position + 1 - longest].iter().sum();
        let periods = settings.history as f64;
        let stretch = |&span: &usize| {
            let cases: f64 = y[position + 1 - span..=position].iter().sum();
            let expected = (past + 0.5) * span as f64 / periods;
            let tail = CountDistribution::new(expected, 1.0 + span as f64 / periods).upper(cases);
            let p_value = (tail * settings.spans.len() as f64).min(1.0);
            let is_alarm = p_value < settings.alpha && cases >= settings.cases_min;
            SparseRow { position, span, cases, expected, p_value, is_alarm }
        };
        let rows = settings.spans.iter().map(stretch);
        rows.min_by(|a, b| a.p_value.total_cmp(&b.p_value)).expect("there is at least one span")
    };
    Ok((need - 1..y.len()).map(judge).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SparseSettings {
        SparseSettings { spans: vec![1, 4], history: 52, alpha: 0.01, cases_min: 2.0 }
    }

    #[test]
    fn three_scattered_cases_in_a_month_are_found_where_one_a_year_is_usual() {
        let mut y = vec![0.0; 60];
        y[10] = 1.0;
        [56, 57, 59].iter().for_each(|&week| y[week] = 1.0);
        let rows = judge_sparse(&Counts::new(y).unwrap(), &settings()).unwrap();
        let last = rows.last().unwrap();
        assert!(last.is_alarm && last.span == 4 && last.cases == 3.0, "{last:?}");
        assert!(rows.iter().filter(|r| r.position < 57).all(|r| !r.is_alarm));
    }

    #[test]
    fn the_tail_equals_the_predictive_sum() {
        let mut y = vec![0.0; 57];
        (y[3], y[56]) = (2.0, 2.0);
        let row = *judge_sparse(&Counts::new(y).unwrap(), &settings()).unwrap().last().unwrap();
        // Size 2.5, success 52/53: P(Y >= 2) = 1 - p^2.5 (1 + 2.5 (1 - p)).
        let p: f64 = 52.0 / 53.0;
        let exact = 2.0 * (1.0 - p.powf(2.5) * (1.0 + 2.5 * (1.0 - p)));
        assert!((row.p_value / exact - 1.0).abs() < 1e-9 && row.span == 1, "{row:?} {exact}");
    }

    #[test]
    fn a_single_case_is_left_to_people() {
        let mut y = vec![0.0; 60];
        y[59] = 1.0;
        assert!(!judge_sparse(&Counts::new(y).unwrap(), &settings()).unwrap().last().unwrap().is_alarm);
        let error = judge_sparse(&Counts::new([0.0; 55]).unwrap(), &settings());
        assert!(matches!(error, Err(EpiError::SeriesTooShort { have: 55, need: 56, .. })));
    }
}
