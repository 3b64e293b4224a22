//! The case reproduction number of Wallinga and Teunis: how many others did the cases of a day infect?

use crate::error::EpiError;
use crate::incidence::infectivity_of;
use crate::special::{ln_gamma, normal_quantile};
use crate::{Counts, SerialInterval, Window};

/// Variance of the number of infectees above which its distribution is taken as normal.
const EXACT_VARIANCE_MAX: f64 = 400.0;

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
/// of that sum, exact up to a variance of 400 and normal beyond. Later cases whose infector cannot be in the series
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
    let sum = chances.iter().fold(Masses { first: 0.0, masses: vec![1.0] }, |sum, &(n, p)| sum.plus(binomial(n, p)));
    levels.map(|level| {
        let mut cdf = 0.0;
        let reached = sum.masses.iter().position(|m| {
            cdf += m;
            cdf >= level
        });
        sum.first + reached.unwrap_or(sum.masses.len() - 1) as f64
    })
}

/// Probabilities of `first`, `first` + 1, ...; what is left out has less than 1e-14.
struct Masses {
    first: f64,
    masses: Vec<f64>,
}

impl Masses {
    /// Distribution of the sum of two independent numbers.
    fn plus(&self, other: Masses) -> Masses {
        let mut masses = vec![0.0; self.masses.len() + other.masses.len() - 1];
        for (i, a) in self.masses.iter().enumerate() {
            masses[i..].iter_mut().zip(&other.masses).for_each(|(slot, b)| *slot += a * b);
        }
        let is_heavy = |m: &f64| *m > 1e-17;
        let from = masses.iter().position(is_heavy).unwrap_or(0);
        let to = masses.iter().rposition(is_heavy).unwrap_or(0);
        Masses { first: self.first + other.first + from as f64, masses: masses[from..=to].to_vec() }
    }
}

/// The binomial distribution about its bulk. A probability above one half is counted by its misses, so that many cases
/// with nearly certain infectors stay a short list.
fn binomial(n: f64, p: f64) -> Masses {
    if p > 0.5 {
        let mut misses = binomial(n, 1.0 - p);
        misses.masses.reverse();
        let first = n - misses.first - (misses.masses.len() - 1) as f64;
        return Masses { first, masses: misses.masses };
    }
    if p <= 0.0 {
        return Masses { first: 0.0, masses: vec![1.0] };
    }
    let (mean, sd) = (n * p, (n * p * (1.0 - p)).sqrt());
    let first = (mean - 9.0 * sd - 10.0).floor().max(0.0);
    let last = (mean + 9.0 * sd + 20.0).ceil().min(n);
    let choose = ln_gamma(n + 1.0) - ln_gamma(first + 1.0) - ln_gamma(n - first + 1.0);
    let mut mass = (choose + first * p.ln() + (n - first) * (-p).ln_1p()).exp();
    let mut masses = Vec::with_capacity((last - first) as usize + 1);
    for k in 0..=(last - first) as usize {
        masses.push(mass);
        let k = first + k as f64;
        mass *= (n - k) / (k + 1.0) * p / (1.0 - p);
    }
    Masses { first, masses }
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
    fn quantiles_equal_a_case_by_case_sum() {
        let chances = [(7.0, 0.2), (3.0, 0.9), (40.0, 0.03), (5.0, 1.0), (12.0, 0.5)];
        let mut masses = vec![1.0];
        for (n, p) in chances {
            for _ in 0..n as usize {
                let mut next = vec![0.0; masses.len() + 1];
                for (k, m) in masses.iter().enumerate() {
                    next[k] += m * (1.0 - p);
                    next[k + 1] += m * p;
                }
                masses = next;
            }
        }
        let mean: f64 = chances.iter().map(|(n, p)| n * p).sum();
        for level in [0.001, 0.025, 0.5, 0.975, 0.999] {
            let mut cdf = 0.0;
            let slow = masses
                .iter()
                .position(|m| {
                    cdf += m;
                    cdf >= level
                })
                .unwrap() as f64;
            assert_eq!(sum_quantiles(&chances, mean, 10.0, [level, level]), [slow, slow], "{level}");
        }
    }

    #[test]
    fn a_thousand_million_cases_end_soon() {
        let row = rows(&[1.0, 1e9, 3.0, 1e9], &[Window { first: 0, last: 0 }])[0];
        assert!(row.mean >= 1e9 && row.lower <= row.mean && row.upper >= row.mean);
    }

    #[test]
    fn windows_without_cases_are_left_out() {
        assert!(rows(&[1.0, 0.0, 0.0, 2.0], &[Window { first: 1, last: 2 }]).is_empty());
    }
}
