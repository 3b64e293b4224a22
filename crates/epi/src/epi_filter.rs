//! EpiFilter: the reproduction number as a hidden walk, from all days before and after.

use crate::error::{EpiError, require_positive};
use crate::incidence::infectivity_of;
use crate::{Incidence, SerialInterval};

/// Settings of the filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpiFilterSettings {
    /// How freely R walks: its step has standard deviation `volatility` x √R per day; 0.1 as a rule.
    pub volatility: f64,
    /// Smallest R of the grid.
    pub r_min: f64,
    /// Largest R of the grid.
    pub r_max: f64,
    /// Points of the grid, at least 2.
    pub points: usize,
}

impl Default for EpiFilterSettings {
    /// Volatility 0.1 on 300 points from 0.01 to 10.
    fn default() -> Self {
        Self { volatility: 0.1, r_min: 0.01, r_max: 10.0, points: 300 }
    }
}

/// R of one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpiFilterRow {
    /// Day, from 0; the first row is day 1, since day 0 has no past.
    pub day: usize,
    /// Mean given all days.
    pub mean: f64,
    /// 2.5 % quantile given all days.
    pub lower: f64,
    /// Median given all days.
    pub median: f64,
    /// 97.5 % quantile given all days.
    pub upper: f64,
    /// Mean given the days up to this one only: what could have been known on the day.
    pub filtered_mean: f64,
}

/// Reproduction number per day by recursive Bayesian smoothing on a grid.
///
/// R_t follows R_{t-1} with normal steps of variance η² R_{t-1}; local cases are Poisson with mean Λ_t R_t. Forward: the
/// distribution of R_t given the days up to t. Backward: given all days.
///
/// - `incidence`, `serial_interval`: as for [`crate::cori::estimate_r_cori`].
/// - returns: one row per day from the second.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] below two days, [`EpiError::InvalidSetting`].
/// # Limits
/// Cases have to be reported evenly over the week; adjust weekdays first. The grid ends at `r_max`.
/// # Source
/// Parag 2021, PLoS Comput Biol 17:e1009347, doi:10.1371/journal.pcbi.1009347.
pub fn estimate_r_epi_filter(
    incidence: &Incidence,
    serial_interval: &SerialInterval,
    settings: &EpiFilterSettings,
) -> Result<Vec<EpiFilterRow>, EpiError> {
    check(incidence, settings)?;
    let cases: Vec<f64> = (0..incidence.days()).map(|day| incidence.total_on(day)).collect();
    let infectivity = infectivity_of(&cases, serial_interval.weights());
    let grid = grid(settings);
    let walk = walk(&grid, settings.volatility);
    let data: Vec<(f64, f64)> = incidence.local().iter().copied().zip(infectivity).skip(1).collect();
    let (filtered, predicted) = forward(&data, &grid, &walk);
    let smoothed = backward(&filtered, &predicted, &walk);
    let rows = smoothed.iter().zip(&filtered).enumerate().map(|(i, (all, past))| EpiFilterRow {
        day: i + 1,
        mean: mean(all, &grid),
        lower: quantile(all, &grid, 0.025),
        median: quantile(all, &grid, 0.5),
        upper: quantile(all, &grid, 0.975),
        filtered_mean: mean(past, &grid),
    });
    Ok(rows.collect())
}

fn grid(settings: &EpiFilterSettings) -> Vec<f64> {
    let step = (settings.r_max - settings.r_min) / (settings.points - 1) as f64;
    (0..settings.points).map(|i| settings.r_min + step * i as f64).collect()
}

/// Row i: probabilities of tomorrow's R given today's grid value i.
fn walk(grid: &[f64], volatility: f64) -> Vec<Vec<f64>> {
    let row = |from: &f64| {
        let sd = volatility * from.sqrt();
        let mut row: Vec<f64> = grid.iter().map(|to| (-0.5 * ((to - from) / sd).powi(2)).exp()).collect();
        normalise(&mut row);
        row
    };
    grid.iter().map(row).collect()
}

/// Distributions of R given the past and the day, and given the past alone.
fn forward(data: &[(f64, f64)], grid: &[f64], walk: &[Vec<f64>]) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let mut now = vec![1.0 / grid.len() as f64; grid.len()];
    let (mut filtered, mut predicted) = (Vec::with_capacity(data.len()), Vec::with_capacity(data.len()));
    for (day, &(cases, infectivity)) in data.iter().enumerate() {
        if day > 0 {
            let mut next = vec![0.0; grid.len()];
            for (weight, row) in now.iter().zip(walk) {
                next.iter_mut().zip(row).for_each(|(next, p)| *next += weight * p);
            }
            now = next;
        }
        predicted.push(now.clone());
        // A day without infectivity says nothing about R. Logarithms keep thousands of cases from underflowing.
        if infectivity > 0.0 {
            let log_likelihood = |r: &f64| cases * (infectivity * r).ln() - infectivity * r;
            let largest = grid.iter().map(log_likelihood).fold(f64::NEG_INFINITY, f64::max);
            now.iter_mut().zip(grid).for_each(|(p, r)| *p *= (log_likelihood(r) - largest).exp());
            normalise(&mut now);
        }
        filtered.push(now.clone());
    }
    (filtered, predicted)
}

/// Distributions of R given all days.
fn backward(filtered: &[Vec<f64>], predicted: &[Vec<f64>], walk: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut smoothed = filtered.to_vec();
    for day in (0..filtered.len().saturating_sub(1)).rev() {
        let ratio: Vec<f64> = smoothed[day + 1]
            .iter()
            .zip(&predicted[day + 1])
            .map(|(s, p)| if *p > 0.0 { s / p } else { 0.0 })
            .collect();
        let mut here: Vec<f64> = filtered[day]
            .iter()
            .zip(walk)
            .map(|(f, row)| f * row.iter().zip(&ratio).map(|(p, r)| p * r).sum::<f64>())
            .collect();
        normalise(&mut here);
        smoothed[day] = here;
    }
    smoothed
}

/// Divides by the sum; a distribution that has vanished becomes even.
fn normalise(masses: &mut [f64]) {
    let sum: f64 = masses.iter().sum();
    let even = 1.0 / masses.len() as f64;
    masses.iter_mut().for_each(|p| *p = if sum > 0.0 { *p / sum } else { even });
}

fn mean(masses: &[f64], grid: &[f64]) -> f64 {
    masses.iter().zip(grid).map(|(p, r)| p * r).sum()
}

fn quantile(masses: &[f64], grid: &[f64], level: f64) -> f64 {
    let mut sum = 0.0;
    let reached = masses.iter().position(|p| {
        sum += p;
        sum >= level
    });
    grid[reached.unwrap_or(grid.len() - 1)]
}

fn check(incidence: &Incidence, settings: &EpiFilterSettings) -> Result<(), EpiError> {
    require_positive("volatility", settings.volatility)?;
    require_positive("r_min", settings.r_min)?;
    require_positive("r_max - r_min", settings.r_max - settings.r_min)?;
    crate::error::require("points", settings.points as f64, "at least 2", settings.points >= 2)?;
    if incidence.days() < 2 {
        let (have, what) = (incidence.days(), "a reproduction number");
        return Err(EpiError::SeriesTooShort { have, need: 2, what });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counts;

    fn run(cases: &[f64], settings: &EpiFilterSettings) -> Vec<EpiFilterRow> {
        let incidence = Incidence::from_first_day_imported(&Counts::new(cases.iter().copied()).unwrap());
        estimate_r_epi_filter(&incidence, &SerialInterval::new(vec![0.0, 0.4, 0.6]).unwrap(), settings).unwrap()
    }

    #[test]
    fn smoothing_equals_the_sum_over_all_paths() {
        let settings = EpiFilterSettings { volatility: 0.5, r_min: 0.5, r_max: 1.5, points: 3 };
        let cases = [4.0, 3.0, 5.0, 2.0];
        let rows = run(&cases, &settings);
        let grid = grid(&settings);
        let walk = walk(&grid, settings.volatility);
        let infectivity = infectivity_of(&cases, &[0.0, 0.4, 0.6]);
        let chance = |day: usize, i: usize| (cases[day] * grid[i].ln() - infectivity[day] * grid[i]).exp();
        let (mut total, mut means) = (0.0, [0.0; 3]);
        for path in (0..27).map(|n: usize| [n % 3, n / 3 % 3, n / 9]) {
            let weight = (1..=3).map(|day| chance(day, path[day - 1])).product::<f64>()
                * walk[path[0]][path[1]]
                * walk[path[1]][path[2]];
            total += weight;
            means.iter_mut().zip(path).for_each(|(mean, i)| *mean += weight * grid[i]);
        }
        for (row, mean) in rows.iter().zip(means) {
            assert!((row.mean - mean / total).abs() < 1e-12, "{row:?}");
        }
    }

    #[test]
    fn steady_incidence_gives_one_and_the_last_day_knows_no_future() {
        let rows = run(&[500.0; 40], &EpiFilterSettings::default());
        assert!(rows[5..].iter().all(|r| (r.mean - 1.0).abs() < 0.05 && r.lower < 1.0 && r.upper > 1.0));
        let last = rows.last().unwrap();
        assert_eq!(last.mean, last.filtered_mean);
    }

    #[test]
    fn no_cases_leave_numbers_and_no_nan() {
        let rows = run(&[0.0; 10], &EpiFilterSettings::default());
        assert!(rows.iter().all(|r| r.mean.is_finite() && r.lower <= r.median && r.median <= r.upper));
    }
}
