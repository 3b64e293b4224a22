//! A budget of false alarms over many series.

use crate::error::{EpiError, require, require_positive};

/// One series of a period under judgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BudgetedSeries {
    /// Probability of a count as high as this one without an outbreak.
    pub p_value: f64,
    /// Importance: a series with twice the weight may use twice the budget. 1 where all are alike.
    pub weight: f64,
}

/// The p-value below which alarms keep within a budget, if the p-values are right.
///
/// With m series and B false alarms allowed per period the cut is B / m: the expected number of alarms without outbreak.
/// p-values of counts are conservative, so that fewer come.
///
/// # Errors
/// [`EpiError::InvalidSetting`] unless there is a series and the budget is positive.
/// # Source
/// The per-family error rate of Spjøtvoll 1972, Ann Math Stat 43:398-411.
pub fn nominal_cut(series: usize, budget_per_period: f64) -> Result<f64, EpiError> {
    require_positive("series", series as f64)?;
    require_positive("budget_per_period", budget_per_period)?;
    Ok((budget_per_period / series as f64).min(1.0))
}

/// The p-value below which alarms kept within the budget in the past.
///
/// Takes the p-values of past periods, outbreaks and all, and finds the largest cut at which p < cut happened no more than
/// `budget_per_period` times per period on average. That also holds where the model behind the p-values is wrong, and it
/// errs on the quiet side when the past had outbreaks.
///
/// - `past`: p-values per period, any number of series in each.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] when the past is too short to hold a single alarm of the budget (fewer than 1 / budget
/// periods), [`EpiError::MissingCount`] for a p-value outside 0 to 1 (position: period), [`EpiError::InvalidSetting`].
/// # Limits
/// The past has to resemble the present; count again each season.
pub fn calibrated_cut(past: &[Vec<f64>], budget_per_period: f64) -> Result<f64, EpiError> {
    require_positive("budget_per_period", budget_per_period)?;
    let allowed = (budget_per_period * past.len() as f64).floor() as usize;
    if allowed == 0 {
        let need = (1.0 / budget_per_period).ceil() as usize;
        return Err(EpiError::SeriesTooShort { have: past.len(), need, what: "a calibrated alarm budget" });
    }
    let mut all = Vec::new();
    for (period, values) in past.iter().enumerate() {
        if values.iter().any(|p| !(0.0..=1.0).contains(p)) {
            return Err(EpiError::MissingCount { position: period + 1 });
        }
        all.extend_from_slice(values);
    }
    all.sort_unstable_by(f64::total_cmp);
    // Strictly below the first value that would break the budget.
    Ok(all.get(allowed).copied().unwrap_or(1.0))
}

/// The alarms of a period, most urgent first: places of the series with p < cut x weight / mean weight, by p / weight.
///
/// # Errors
/// [`EpiError::InvalidSetting`] for a weight that is not positive or a p-value outside 0 to 1.
pub fn alarms_within_budget(series: &[BudgetedSeries], cut: f64) -> Result<Vec<usize>, EpiError> {
    require("cut", cut, "from 0 to 1", (0.0..=1.0).contains(&cut))?;
    for one in series {
        require("p_value", one.p_value, "from 0 to 1", (0.0..=1.0).contains(&one.p_value))?;
        require_positive("weight", one.weight)?;
    }
    let mean = series.iter().map(|s| s.weight).sum::<f64>() / series.len().max(1) as f64;
    let urgency = |i: &usize| series[*i].p_value / series[*i].weight;
    let mut alarms: Vec<usize> = (0..series.len()).filter(|i| urgency(i) * mean < cut).collect();
    alarms.sort_by(|a, b| urgency(a).total_cmp(&urgency(b)).then(a.cmp(b)));
    Ok(alarms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calibrated_cut_keeps_the_past_within_the_budget() {
        let past: Vec<Vec<f64>> =
            (0..50).map(|t| (0..20).map(|i| f64::from((t * 37 + i * 91) % 499) / 499.0).collect()).collect();
        for budget in [0.1, 0.5, 1.0, 3.0] {
            let cut = calibrated_cut(&past, budget).unwrap();
            let alarms = past.iter().flatten().filter(|p| **p < cut).count();
            assert!(alarms as f64 <= budget * 50.0, "{budget}: {alarms}");
        }
    }

    #[test]
    fn ties_do_not_break_the_budget() {
        let past = vec![vec![0.01; 10]; 10];
        let cut = calibrated_cut(&past, 1.0).unwrap();
        assert_eq!(past.iter().flatten().filter(|p| **p < cut).count(), 0);
    }

    #[test]
    fn a_past_too_short_says_how_long_it_has_to_be() {
        let error = calibrated_cut(&[vec![0.5]], 0.1);
        assert!(matches!(error, Err(EpiError::SeriesTooShort { have: 1, need: 10, .. })));
    }

    #[test]
    fn weights_shift_the_budget_and_order_the_alarms() {
        let series = [
            BudgetedSeries { p_value: 0.012, weight: 3.0 },
            BudgetedSeries { p_value: 0.012, weight: 0.5 },
            BudgetedSeries { p_value: 0.001, weight: 0.5 },
        ];
        assert_eq!(alarms_within_budget(&series, nominal_cut(3, 0.03).unwrap()).unwrap(), [2, 0]);
        assert!(alarms_within_budget(&[], 0.01).unwrap().is_empty());
    }
}
