//! The serial interval as weights per day.

use crate::error::{EpiError, require, require_positive};
use crate::special::gamma_lr;

/// Probability w_k that the onset of an infectee falls k days after that of the infector; w_0 = 0.
#[derive(Debug, Clone, PartialEq)]
pub struct SerialInterval {
    weights: Vec<f64>,
}

impl SerialInterval {
    /// Checks given weights w_0, w_1, ...
    ///
    /// # Errors
    /// [`EpiError::InvalidSetting`] when a weight is negative or not a number, w_0 is not 0, or the sum is off 1 by more
    /// than 0.01.
    pub fn new(weights: Vec<f64>) -> Result<Self, EpiError> {
        for &w in &weights {
            require("serial_interval", w, "a probability", (0.0..=1.0 + 1e-9).contains(&w))?;
        }
        let first = weights.first().copied().unwrap_or(f64::NAN);
        require("serial_interval[0]", first, "0: nobody falls ill on the day of the infector", first == 0.0)?;
        let total: f64 = weights.iter().sum();
        require("sum of serial_interval", total, "1, give or take 0.01", (total - 1.0).abs() <= 0.01)?;
        Ok(Self { weights })
    }

    /// Weights of a gamma distribution shifted by one day, for k = 0..=`days_max`: see [`discretise_shifted_gamma`].
    ///
    /// # Errors
    /// [`EpiError::InvalidSetting`] unless mean > 1 and sd > 0.
    pub fn shifted_gamma(mean_days: f64, sd_days: f64, days_max: usize) -> Result<Self, EpiError> {
        Ok(Self { weights: discretise_shifted_gamma(mean_days, sd_days, days_max)? })
    }

    /// w_0, w_1, ...
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Mean; days.
    pub fn mean_days(&self) -> f64 {
        self.weights.iter().enumerate().map(|(k, w)| k as f64 * w).sum()
    }

    /// Standard deviation; days.
    pub fn sd_days(&self) -> f64 {
        let mean = self.mean_days();
        let squares: f64 = self.weights.iter().enumerate().map(|(k, w)| (k * k) as f64 * w).sum();
        (squares - mean * mean).max(0.0).sqrt()
    }
}

/// Weights of a gamma-distributed serial interval that is at least one day.
///
/// With shape a = ((μ - 1)/σ)², scale b = σ²/(μ - 1), F the gamma distribution function and F1 that of shape a + 1:
/// w_k = k F(k) + (k-2) F(k-2) - 2 (k-1) F(k-1) + a b (2 F1(k-1) - F1(k-2) - F1(k)), negative values set to 0. This is
/// the distribution of the difference of two onsets that are each uniform within their day.
///
/// - `mean_days`, `sd_days`: μ > 1 and σ > 0 of the continuous interval.
/// - returns: w_0 to w_`days_max`; sums to 1 up to what lies beyond.
///
/// # Errors
/// [`EpiError::InvalidSetting`] unless μ > 1 and σ > 0.
/// # Limits
/// No interval of 0 days or less: for infections that pass before the infector's onset use the generation time.
/// # Source
/// Cori et al. 2013, Am J Epidemiol 178:1505-1512, doi:10.1093/aje/kwt133, Web Appendix 11.
/// Checked against EpiEstim 2.2-4: family `discr_si` of the surveillance reference.
pub fn discretise_shifted_gamma(mean_days: f64, sd_days: f64, days_max: usize) -> Result<Vec<f64>, EpiError> {
    require("mean_days", mean_days, "above 1 day", mean_days > 1.0)?;
    require_positive("sd_days", sd_days)?;
    let shape = ((mean_days - 1.0) / sd_days).powi(2);
    let scale = sd_days * sd_days / (mean_days - 1.0);
    let below = |x: f64, shape: f64| if x <= 0.0 { 0.0 } else { gamma_lr(shape, x / scale) };
    // Each value serves three neighbouring days.
    let (mut plain, mut biased) = ([0.0; 3], [0.0; 3]);
    let weights = (0..=days_max).map(|k| {
        let k = k as f64;
        plain = [below(k, shape), plain[0], plain[1]];
        biased = [below(k, shape + 1.0), biased[0], biased[1]];
        let weight = k * plain[0] + (k - 2.0) * plain[2] - 2.0 * (k - 1.0) * plain[1]
            + shape * scale * (2.0 * biased[1] - biased[2] - biased[0]);
        weight.max(0.0)
    });
    Ok(weights.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_keep_the_mean() {
        for (mean, sd) in [(2.6, 1.5), (8.4, 3.8), (22.4, 6.1), (1.2, 0.1)] {
            let w = SerialInterval::shifted_gamma(mean, sd, 200).unwrap();
            assert!((w.weights().iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!((w.mean_days() - mean).abs() < 1e-6, "{}", w.mean_days());
            assert_eq!(w.weights()[0], 0.0);
        }
    }

    /// Days 38 to 42 of mean 40, by the formula with R's gamma distribution function (R 4.2.2).
    const NARROW: [f64; 5] = [0.0, 1.994711128788e-2, 9.601057774242e-1, 1.994711128789e-2, 0.0];
    const WIDER: [f64; 5] =
        [2.982688485420e-5, 1.196224402001e-1, 7.607033790496e-1, 1.196066137609e-1, 3.774010295698e-5];

    #[test]
    fn a_very_narrow_interval_keeps_its_digits() {
        for (sd, expected) in [(0.05, NARROW), (0.3, WIDER)] {
            let w = discretise_shifted_gamma(40.0, sd, 80).unwrap();
            for (day, expected) in (38..=42).zip(expected) {
                assert!((w[day] - expected).abs() < 1e-9, "sd {sd}, day {day}: {} {expected}", w[day]);
            }
            assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{sd}");
        }
    }

    #[test]
    fn weights_that_do_not_sum_to_one_are_refused() {
        assert!(SerialInterval::new(vec![0.0, 0.5]).is_err());
        assert!(SerialInterval::new(vec![0.5, 0.5]).is_err());
        assert!(SerialInterval::new(vec![]).is_err());
        assert!(SerialInterval::new(vec![0.0, 0.25, 0.75]).is_ok());
    }

    #[test]
    fn a_mean_of_one_day_or_less_is_refused() {
        assert!(discretise_shifted_gamma(1.0, 1.0, 10).is_err());
        assert!(discretise_shifted_gamma(3.0, 0.0, 10).is_err());
    }
}
