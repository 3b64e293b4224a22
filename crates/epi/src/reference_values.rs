//! Simple rules from the counts of the same weeks in earlier years: that of the Robert Koch Institute, and a Bayesian one.

use crate::Counts;
use crate::error::{EpiError, require, require_probability};
use crate::special::CountDistribution;

/// Upper 95 % confidence limits of a Poisson mean for 0, 1, ..., 20 observed cases: Crow and Gardner 1959, Biometrika
/// 46:441-453, table 1.
const CROW_GARDNER_UPPER: [f64; 21] = [
    3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817, 13.765, 14.921, 16.768, 17.633, 19.050, 20.335, 21.364, 22.945,
    23.762, 25.400, 26.306, 27.735, 28.966, 30.017,
];

/// Which counts a period is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceValues {
    /// Years back, b.
    pub years_back: usize,
    /// Periods on either side of the same period of an earlier year, w.
    pub half_window: usize,
    /// Whether the w periods just before belong to the reference too.
    pub uses_current_year: bool,
    /// Periods in a year.
    pub periods_per_year: usize,
    /// Count as the R package does: with a `half_window` of 0 the current year gives the judged period itself and the one
    /// before it (its range runs backwards).
    pub compat: bool,
}

/// One judged period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReferenceValueRow {
    /// Place in the series, from 0.
    pub position: usize,
    /// Mean of the reference values; persons.
    pub expected: f64,
    /// Count above which the period is an alarm.
    pub upper_bound: f64,
    /// Whether the count is above the bound.
    pub is_alarm: bool,
}

/// The rule of the Robert Koch Institute.
///
/// With mean m of the reference values: above 20 the bound is m + 2 standard deviations, else the upper 95 % confidence
/// limit of a Poisson mean for floor(m) observed cases after Crow and Gardner.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] when a position has not enough history, [`EpiError::PositionOutside`],
/// [`EpiError::InvalidSetting`] without any reference value, [`EpiError::NotIdentifiable`] for a single one above 20, which
/// has no spread.
/// # Limits
/// No trend, no weights: one earlier outbreak in the same weeks hides the next for years.
/// # Source
/// Altmann 2003 and Riebler 2004 as described by Höhle 2007, Comput Stat 22:571-582, doi:10.1007/s00180-007-0074-8.
/// Checked against surveillance 1.20.3: family `simple_rki` of the surveillance reference.
pub fn simple_rki(
    counts: &Counts,
    reference: &ReferenceValues,
    positions: &[usize],
) -> Result<Vec<ReferenceValueRow>, EpiError> {
    judge(counts, reference, positions, |values| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        if mean <= 20.0 {
            return Ok(CROW_GARDNER_UPPER[mean.floor() as usize]);
        }
        if values.len() < 2 {
            let (quantity, reason) = ("the spread", "one reference value above 20; take more years or a wider window");
            return Err(EpiError::NotIdentifiable { quantity, reason });
        }
        let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
        Ok(mean + 2.0 * (squares / (n - 1.0)).sqrt())
    })
}

/// The Bayesian rule: bound from the posterior predictive distribution.
///
/// With Jeffreys' prior and n reference values that sum to S the next count is negative binomial with size S + 1/2 and
/// success probability n / (n + 1); the bound is its quantile at 1 - alpha.
///
/// # Errors
/// As for [`simple_rki`].
/// # Limits
/// As for [`simple_rki`]; overdispersed series alarm too often, because the counts are taken as Poisson.
/// # Source
/// Riebler 2004 as described by Höhle 2007, Comput Stat 22:571-582, doi:10.1007/s00180-007-0074-8.
/// Checked against surveillance 1.20.3: family `simple_bayes` of the surveillance reference.
pub fn simple_bayes(
    counts: &Counts,
    reference: &ReferenceValues,
    alpha: f64,
    positions: &[usize],
) -> Result<Vec<ReferenceValueRow>, EpiError> {
    require_probability("alpha", alpha)?;
    judge(counts, reference, positions, |values| {
        let n = values.len() as f64;
        let size = values.iter().sum::<f64>() + 0.5;
        // Success probability n / (n + 1) is a variance of (n + 1) / n times the mean, size / n.
        Ok(CountDistribution::new(size / n, (n + 1.0) / n).quantile(1.0 - alpha))
    })
}

fn judge(
    counts: &Counts,
    reference: &ReferenceValues,
    positions: &[usize],
    bound: impl Fn(&[f64]) -> Result<f64, EpiError>,
) -> Result<Vec<ReferenceValueRow>, EpiError> {
    let (b, w, year) = (reference.years_back, reference.half_window, reference.periods_per_year);
    require("periods_per_year", year as f64, "at least 2", year >= 2)?;
    let runs_backwards = reference.compat && reference.uses_current_year && w == 0;
    let size = b * (2 * w + 1) + if runs_backwards { 2 } else { w * usize::from(reference.uses_current_year) };
    let rule = "at least 1: name years to look back, or use the current year with a half-window of 1 or more";
    require("number of reference values", size as f64, rule, size >= 1)?;
    let history = if b > 0 { b * year + w } else { w.max(usize::from(runs_backwards)) };
    let y = counts.as_slice();
    let mut values = Vec::with_capacity(size);
    let mut rows = Vec::with_capacity(positions.len());
    for &position in positions {
        let count = *y.get(position).ok_or(EpiError::PositionOutside { position: position + 1, periods: y.len() })?;
        if position < history {
            let (have, need) = (position + 1, history + 1);
            return Err(EpiError::SeriesTooShort { have, need, what: "this reference set" });
        }
        values.clear();
        for years in 1..=b {
            let same = position - years * year;
            // The window of last year may not reach up to the judged period itself.
            values.extend_from_slice(&y[same - w..=(same + w).min(position - 1)]);
        }
        if runs_backwards {
            values.extend_from_slice(&y[position - 1..=position]);
        } else if reference.uses_current_year {
            values.extend_from_slice(&y[position - w..position]);
        }
        let upper_bound = bound(&values)?;
        let expected = values.iter().sum::<f64>() / values.len() as f64;
        rows.push(ReferenceValueRow { position, expected, upper_bound, is_alarm: count > upper_bound });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: ReferenceValues =
        ReferenceValues { years_back: 1, half_window: 2, uses_current_year: true, periods_per_year: 12, compat: false };

    #[test]
    fn a_series_without_cases_is_quiet_and_the_first_cases_are_not() {
        let mut y = [0.0; 15];
        let quiet = simple_bayes(&Counts::new(y).unwrap(), &REFERENCE, 0.05, &[14]).unwrap()[0];
        assert!(!quiet.is_alarm);
        y[14] = 5.0;
        let loud = simple_rki(&Counts::new(y).unwrap(), &REFERENCE, &[14]).unwrap()[0];
        assert!(loud.is_alarm && loud.upper_bound == 3.285);
    }

    #[test]
    fn too_short_a_history_says_what_is_needed() {
        let error = simple_rki(&Counts::new([1.0; 14]).unwrap(), &REFERENCE, &[13]);
        assert_eq!(error, Err(EpiError::SeriesTooShort { have: 14, need: 15, what: "this reference set" }));
    }

    #[test]
    fn one_reference_value_is_enough_where_no_spread_is_needed() {
        let one = ReferenceValues { years_back: 0, half_window: 1, ..REFERENCE };
        let rows = simple_rki(&Counts::new([4.0, 11.0]).unwrap(), &one, &[1]).unwrap();
        assert!(rows[0].upper_bound == 9.598 && rows[0].is_alarm);
        let large = simple_rki(&Counts::new([40.0, 11.0]).unwrap(), &one, &[1]);
        assert!(matches!(large, Err(EpiError::NotIdentifiable { .. })), "{large:?}");
        let none = ReferenceValues { half_window: 0, ..one };
        assert!(simple_rki(&Counts::new([4.0, 11.0]).unwrap(), &none, &[1]).is_err());
        // 11 and 4, the judged period with it: mean 7.5, bound for 7 cases.
        let compat = ReferenceValues { compat: true, ..none };
        assert_eq!(simple_rki(&Counts::new([4.0, 11.0]).unwrap(), &compat, &[1]).unwrap()[0].upper_bound, 13.765);
    }

    #[test]
    fn confidence_limits_grow_with_the_count() {
        assert!(CROW_GARDNER_UPPER.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
