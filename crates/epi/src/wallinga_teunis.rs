//! The case reproduction number of Wallinga and Teunis: how many others did the cases of a day infect?

use crate::error::EpiError;
use crate::incidence::infectivity_of;
use crate::special::normal_quantile;
use crate::{Counts, SerialInterval, Window};

/// Variance of the number of infectees above which its distribution is taken as normal.
const EXACT_VARIANCE_MAX: f64 = 2500.0;

/// Case reproduction number of the cases of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CaseReproductionRow {
    /// Days of the window, of the infectors' onsets.
    pub window: Window,
    /// Cases in the window; persons.
    pub cases: f64,
    /// Mean number of infectees per case.
    pub mean: f64,
    /// Standard deviation over who infected whom.
    pub sd: f64,
    /// 2.5 % quantile over who infected whom.
    pub lower: f64,
    /// 97.5 % quantile over who infected whom.
    pub upper: f64,
}

/// Case reproduction number on each window that has cases.
///
/// A case of day i was infected by a given case of day j with probability p_ij = w_{i-j} / Σ_k I_k w_{i-k}. A case of
/// day j then infects R_j = Σ_i I_i p_ij others on average, and a window has the mean of R_j over its cases. The
/// number infected from a window is a sum of independent yes-or-no events; standard deviation and quantiles are those
/// of that sum, exact up to a variance of 2500 and normal beyond. Later cases whose infector cannot be in the series
/// are nobody's infectee.
///
/// - `cases`: new cases per day by onset, oldest first, no gaps; persons.
/// - `serial_interval`: w_0 = 0, w_1, ... per day.
/// - returns: one row per window with at least one case; the others are left out.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] below two days, [`EpiError::PositionOutside`] for a window outside the series.
/// # Limits
/// The infectees of recent cases are not ill yet: the last serial intervals are biased low.
/// # Source
/// Wallinga and Teunis 2004, Am J Epidemiol 160:509-516, doi:10.1093/aje/kwh255.
/// Checked against EpiEstim 2.2-4: family `wallinga_teunis` of the surveillance reference.
pub fn estimate_r_wallinga_teunis(
    cases: &Counts,
    serial_interval: &SerialInterval,
    windows: &[Window],
) -> Result<Vec<CaseReproductionRow>, EpiError> {
    cases.require_len(2, "a case reproduction number")?;
    windows.iter().try_for_each(|window| window.check(cases.len()))?;
    let y = cases.as_slice();
    let weights = serial_interval.weights();
    let infectivity = infectivity_of(y, weights);
    let mut chances = Vec::new();
    let rows = windows.iter().filter_map(|&window| {
        let total: f64 = y[window.first..=window.last].iter().sum();
        if total == 0.0 {
            return None;
        }
        infection_chances(y, weights, &infectivity, window, &mut chances);
        let mean: f64 = chances.iter().map(|(n, p)| n * p).sum();
        let variance: f64 = chances.iter().map(|(n, p)| n * p * (1.0 - p)).sum();
        let [lower, upper] = sum_quantiles(&chances, mean, variance, [0.025, 0.975]);
        let row = CaseReproductionRow {
            window,
            cases: total,
            mean: mean / total,
            sd: variance.max(0.0).sqrt() / total,
            lower: lower / total,
            upper: upper / total,
        };
        Some(row)
    });
    Ok(rows.collect())
}

/// Quantiles of the mean number of infectees per case of a window that has cases.
pub(crate) fn ancestry_quantiles(
    cases: &Counts,
    serial_interval: &SerialInterval,
    window: Window,
    levels: [f64; 2],
) -> [f64; 2] {
    let (y, weights) = (cases.as_slice(), serial_interval.weights());
    let mut chances = Vec::new();
    infection_chances(y, weights, &infectivity_of(y, weights), window, &mut chances);
    let mean: f64 = chances.iter().map(|(n, p)| n * p).sum();
    let variance: f64 = chances.iter().map(|(n, p)| n * p * (1.0 - p)).sum();
    let total: f64 = y[window.first..=window.last].iter().sum();
    sum_quantiles(&chances, mean, variance, levels).map(|q| q / total)
}

/// For each later day: its cases, and the chance that one of them was infected from the window.
fn infection_chances(y: &[f64], weights: &[f64], infectivity: &[f64], window: Window, chances: &mut Vec<(f64, f64)>) {
    chances.clear();
    let end = y.len().min(window.last + weights.len());
    for i in window.first + 1..end {
        if y[i] == 0.0 || infectivity[i] <= 0.0 {
            continue;
        }
        let infectors = window.first..=window.last.min(i - 1);
        let force: f64 = infectors.map(|j| y[j] * weights.get(i - j).copied().unwrap_or(0.0)).sum();
        if force > 0.0 {
            chances.push((y[i], (force / infectivity[i]).min(1.0)));
        }
    }
}

/// Quantiles of a sum of binomial numbers.
fn sum_quantiles(chances: &[(f64, f64)], mean: f64, variance: f64, levels: [f64; 2]) -> [f64; 2] {
    if variance > EXACT_VARIANCE_MAX {
        return levels.map(|level| (mean + normal_quantile(level) * variance.sqrt()).max(0.0));
    }
    // Chances near 1 only shift the sum; the distribution of the rest is built up case by case, cut to its bulk.
    let reach = (mean + 12.0 * variance.sqrt() + 20.0).ceil() as usize;
    let sure: f64 = chances.iter().filter(|(_, p)| *p >= 1.0).map(|(n, _)| n).sum();
    let mut mass = vec![0.0; reach + 2];
    mass[0] = 1.0;
    let mut top = 0;
    for &(n, p) in chances.iter().filter(|(_, p)| *p < 1.0) {
        for _ in 0..n as usize {
            top = (top + 1).min(reach);
            for k in (1..=top).rev() {
                mass[k] = mass[k] * (1.0 - p) + mass[k - 1] * p;
            }
            mass[0] *= 1.0 - p;
        }
    }
    levels.map(|level| {
        let mut cdf = 0.0;
        let reached = mass.iter().position(|m| {
            cdf += m;
            cdf >= level
        });
        reached.unwrap_or(reach) as f64 + sure
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(cases: &[f64], windows: &[Window]) -> Vec<CaseReproductionRow> {
        let serial_interval = SerialInterval::new(vec![0.0, 0.5, 0.5]).unwrap();
        estimate_r_wallinga_teunis(&Counts::new(cases.iter().copied()).unwrap(), &serial_interval, windows).unwrap()
    }

    #[test]
    fn every_case_but_the_first_has_one_infector() {
        let cases = [2.0, 3.0, 5.0, 4.0, 7.0, 1.0];
        let windows: Vec<Window> = (0..6).map(|day| Window { first: day, last: day }).collect();
        let infected: f64 = rows(&cases, &windows).iter().map(|row| row.mean * row.cases).sum();
        assert!((infected - 20.0).abs() < 1e-12);
    }

    #[test]
    fn one_possible_infector_leaves_no_uncertainty() {
        let row = rows(&[1.0, 4.0], &[Window { first: 0, last: 0 }])[0];
        assert_eq!((row.mean, row.sd, row.lower, row.upper), (4.0, 0.0, 4.0, 4.0));
    }

    #[test]
    fn windows_without_cases_are_left_out() {
        assert!(rows(&[1.0, 0.0, 0.0, 2.0], &[Window { first: 1, last: 2 }]).is_empty());
    }
}
