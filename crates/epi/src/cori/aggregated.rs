//! R from weekly (or otherwise summed) cases: days are reconstructed first.

use super::{ReproductionPrior, ReproductionRow, rows_of};
use crate::error::{EpiError, require};
use crate::incidence::infectivity_of;
use crate::{Counts, SerialInterval, Window};

/// Rounds of reconstruction; ten are usual.
const ROUNDS: usize = 10;

/// Daily cases that add up to the totals of longer periods and grow smoothly within each.
///
/// Starts from equal days. Each round estimates R per period from the days so far, turns it into the growth rate r with
/// Σ w_k e^(-rk) = 1 / R, and spreads the total of the period in proportion to e^(rt). The first period takes the rate of the
/// second.
///
/// - `totals`: persons per period, oldest first.
/// - `days_per_period`: 7 for weeks.
/// - returns: `totals.len()` x `days_per_period` days; not whole numbers.
///
/// # Errors
/// [`EpiError::SeriesTooShort`] below two periods; [`EpiError::InvalidSetting`] for periods of no day.
/// # Limits
/// Weekday effects within the week are invisible; a turn within a week comes out as a corner between weeks.
/// # Source
/// Nash, Bhatt, Cori and Nouvellet 2023, PLoS Comput Biol 19:e1011439, doi:10.1371/journal.pcbi.1011439.
pub fn reconstruct_days(
    totals: &Counts,
    days_per_period: usize,
    serial_interval: &SerialInterval,
) -> Result<Vec<f64>, EpiError> {
    require("days_per_period", days_per_period as f64, "at least 1", days_per_period >= 1)?;
    totals.require_len(2, "cases per day out of longer periods")?;
    let y = totals.as_slice();
    let n = days_per_period;
    let mut days: Vec<f64> = y.iter().flat_map(|total| std::iter::repeat_n(total / n as f64, n)).collect();
    let prior = ReproductionPrior::default();
    for _ in 0..ROUNDS {
        let infectivity = infectivity_of(&days, serial_interval.weights());
        let rate = |period: usize| {
            let pressure: f64 = infectivity[period * n..(period + 1) * n].iter().sum();
            let r = (prior.shape() + y[period]) / (1.0 / prior.scale() + pressure);
            growth_rate(r, serial_interval.weights())
        };
        let mut rates: Vec<f64> = (1..y.len()).map(rate).collect();
        rates.insert(0, rates[0]);
        for ((total, rate), part) in y.iter().zip(rates).zip(days.chunks_mut(n)) {
            let shape = |day: usize| (rate * (day as f64 - 0.5 * (n - 1) as f64)).exp();
            let sum: f64 = (0..n).map(shape).sum();
            part.iter_mut().enumerate().for_each(|(day, cases)| *cases = total * shape(day) / sum);
        }
    }
    Ok(days)
}

/// Instantaneous reproduction number from summed cases: [`reconstruct_days`], then [`super::estimate_r_cori`] on the days.
///
/// - `windows`: in days; one or more whole periods give the steadiest answer.
///
/// # Errors
/// As for [`reconstruct_days`] and [`super::estimate_r_cori`].
/// # Limits
/// The interval does not carry the uncertainty of the reconstruction.
/// # Source
/// As for [`reconstruct_days`].
pub fn estimate_r_cori_aggregated(
    totals: &Counts,
    days_per_period: usize,
    serial_interval: &SerialInterval,
    windows: &[Window],
    prior: ReproductionPrior,
) -> Result<Vec<ReproductionRow>, EpiError> {
    prior.check()?;
    let days = reconstruct_days(totals, days_per_period, serial_interval)?;
    windows.iter().try_for_each(|window| window.check(days.len()))?;
    Ok(rows_of(&days, &days, serial_interval, windows, prior))
}

/// The r with Σ w_k e^(-rk) = 1 / R, by bisection: the sum falls with r.
fn growth_rate(reproduction: f64, weights: &[f64]) -> f64 {
    let excess =
        |r: f64| weights.iter().enumerate().map(|(k, w)| w * (-r * k as f64).exp()).sum::<f64>() * reproduction - 1.0;
    let (mut low, mut high) = (-2.0, 2.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if excess(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_growth_is_reconstructed_from_weeks() {
        let interval = SerialInterval::shifted_gamma(4.8, 2.3, 30).unwrap();
        let truth: Vec<f64> = (0..63).map(|t| 1e6 * (0.06 * f64::from(t)).exp()).collect();
        let weeks = Counts::new(truth.chunks(7).map(|week| week.iter().sum::<f64>().round())).unwrap();
        let days = reconstruct_days(&weeks, 7, &interval).unwrap();
        for (day, (ours, true_cases)) in days.iter().zip(&truth).enumerate().skip(35) {
            assert!((ours / true_cases - 1.0).abs() < 0.01, "day {day}: {ours} {true_cases}");
        }
        let exact = 1.0 / interval.weights().iter().enumerate().map(|(k, w)| w * (-0.06 * k as f64).exp()).sum::<f64>();
        let window = Window { first: 56, last: 62 };
        let prior = ReproductionPrior::default();
        let row = estimate_r_cori_aggregated(&weeks, 7, &interval, &[window], prior).unwrap()[0];
        assert!((row.estimate.unwrap().mean / exact - 1.0).abs() < 0.01);
    }

    #[test]
    fn days_add_up_to_their_weeks() {
        let interval = SerialInterval::shifted_gamma(4.8, 2.3, 30).unwrap();
        let weeks = Counts::new([3.0, 0.0, 14.0, 2.0, 0.0]).unwrap();
        let days = reconstruct_days(&weeks, 7, &interval).unwrap();
        for (week, total) in days.chunks(7).zip(weeks.as_slice()) {
            assert!((week.iter().sum::<f64>() - total).abs() < 1e-9);
        }
        assert!(reconstruct_days(&Counts::new([3.0]).unwrap(), 7, &interval).is_err());
    }
}
