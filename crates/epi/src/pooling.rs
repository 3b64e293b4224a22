//! Pooled tests (混检): how many tests a person costs, what dilution misses, and which pool size is best.
//!
//! The life of one pool, from the open tube to the last single result, is [`tube`] and [`recall`].

pub mod recall;
pub mod tube;

use crate::{EpiError, special::normal_cdf};

/// The largest pool that is looked at when the best size is searched, unless the caller sets another.
pub const SIZE_MAX: u32 = 400;

/// How often one test is right, on a sample of one person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assay {
    sensitivity: f64,
    specificity: f64,
    dilution: Option<Dilution>,
}

/// How much virus the infected carry, and how little the assay finds, both as cycle thresholds (Ct).
///
/// A pool of n holds the virus of one person in n times the volume: its Ct is higher by log2(n), 3.3 cycles for
/// 10-in-1 and 4.3 for 20-in-1. What lies above the limit then is missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dilution {
    /// Mean Ct of the infected, tested singly; cycles.
    pub ct_mean: f64,
    /// Standard deviation of their Ct; cycles.
    pub ct_sd: f64,
    /// The highest Ct at which the assay finds the virus; cycles.
    pub ct_limit: f64,
}

/// What a pooled design costs and finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolDesign {
    /// Persons in a pool.
    pub size: u32,
    /// Expected tests for each person, pools and single retests together.
    pub tests_per_person: f64,
    /// Probability that an infected person is found by the whole procedure.
    pub sensitivity: f64,
    /// Probability that a person who is not infected is not called so.
    pub specificity: f64,
    /// Probability that a person called infected is; nothing when nobody is ever called so.
    pub ppv: Option<f64>,
    /// Probability that a person called free is.
    pub npv: f64,
    /// Cycles by which the pool raises Ct.
    pub ct_shift: f64,
}

impl Assay {
    /// An assay that is always right.
    pub const PERFECT: Self = Self { sensitivity: 1.0, specificity: 1.0, dilution: None };

    /// An assay with these probabilities, which a pool does not change.
    ///
    /// # Errors
    /// [`EpiError::InvalidSetting`] outside (0, 1].
    pub fn new(sensitivity: f64, specificity: f64) -> Result<Self, EpiError> {
        check_probability("sensitivity", sensitivity, f64::MIN_POSITIVE)?;
        check_probability("specificity", specificity, f64::MIN_POSITIVE)?;
        Ok(Self { sensitivity, specificity, dilution: None })
    }

    /// The same assay with what dilution costs.
    ///
    /// # Errors
    /// [`EpiError::InvalidSetting`] unless the deviation is positive and all are finite.
    pub fn with_dilution(self, dilution: Dilution) -> Result<Self, EpiError> {
        let Dilution { ct_mean, ct_sd, ct_limit } = dilution;
        if !(ct_sd > 0.0 && ct_sd.is_finite() && ct_mean.is_finite() && ct_limit.is_finite()) {
            return Err(EpiError::InvalidSetting {
                name: "Ct deviation",
                value: ct_sd,
                rule: "a positive number of cycles",
            });
        }
        Ok(Self { dilution: Some(dilution), ..self })
    }

    /// Probability that a pool of n with one infected person is found, n = 1 being the person alone.
    ///
    /// Se · Φ((L − log2 n − μ)/σ) / Φ((L − μ)/σ), with Ct of the infected normal(μ, σ) and limit L. With more than one
    /// infected person in a pool there is more virus in it: the value is a lower bound then.
    pub fn pool_sensitivity(&self, size: u32) -> f64 {
        let Some(Dilution { ct_mean, ct_sd, ct_limit }) = self.dilution else { return self.sensitivity };
        let found = |shift: f64| normal_cdf((ct_limit - shift - ct_mean) / ct_sd);
        self.sensitivity * found(ct_shift(size)) / found(0.0)
    }
}

/// Cycles by which a pool of n raises Ct: log2(n).
pub fn ct_shift(size: u32) -> f64 {
    f64::from(size).log2()
}

/// Two-stage pooling: one test for n persons, and when it is positive one for each.
///
/// With prevalence p, q = 1 − p, sensitivity of the pool Se_n and of the single test Se, specificity Sp:
/// P(pool +) = Se_n (1 − q^n) + (1 − Sp) q^n; tests for each person 1/n + P(pool +); sensitivity Se_n · Se; false
/// positives (1 − Sp) [Se_n (1 − q^(n−1)) + (1 − Sp) q^(n−1)]; predictive values by Bayes. A pool of 1 is the single
/// test and is not repeated.
///
/// - `prevalence`: share of the persons that is infected, independently of each other.
/// - `size`: persons in a pool.
///
/// # Errors
/// [`EpiError::InvalidSetting`] for a prevalence outside [0, 1] or a size of 0.
/// # Limits
/// Infected persons come in clusters (households, sites); a pool of people who belong together is positive less often
/// than this says, and then holds more of them.
/// # Source
/// Dorfman 1943, Ann Math Stat 14(4):436-440, doi:10.1214/aoms/1177731363. Checked against section C of the drill
/// reference.
pub fn plan_dorfman(prevalence: f64, size: u32, assay: &Assay) -> Result<PoolDesign, EpiError> {
    check_probability("prevalence", prevalence, 0.0)?;
    check_size(size)?;
    let (n, q) = (f64::from(size), 1.0 - prevalence);
    let (se, false_alarm) = (assay.sensitivity, 1.0 - assay.specificity);
    let pool_se = assay.pool_sensitivity(size);
    let design =
        |tests, sensitivity, false_positives| Ok(design(size, prevalence, tests, sensitivity, false_positives));
    if size == 1 {
        return design(1.0, se, false_alarm);
    }
    // 1 − q^n by exp_m1 and ln_1p: exact for the smallest prevalence.
    let some_infected = |others: f64| -(others * (-prevalence).ln_1p()).exp_m1();
    let positive = pool_se * some_infected(n) + false_alarm * q.powf(n);
    let false_positives = false_alarm * (pool_se * some_infected(n - 1.0) + false_alarm * q.powf(n - 1.0));
    design(1.0 / n + positive, pool_se * se, false_positives)
}

/// Square array n × n with a perfect test: every sample is in one row pool and one column pool, and is tested singly
/// when both are positive. Tests for each person: 2/n + p + q (1 − q^(n−1))².
///
/// # Errors
/// [`EpiError::InvalidSetting`] for a prevalence outside [0, 1] or a size of 0.
/// # Source
/// Phatarfod and Sudbury 1994, Stat Med 13(22):2337-2343, doi:10.1002/sim.4780132205. Checked against section C of the
/// drill reference.
pub fn square_array_tests(prevalence: f64, size: u32) -> Result<f64, EpiError> {
    check_probability("prevalence", prevalence, 0.0)?;
    check_size(size)?;
    let (n, q) = (f64::from(size), 1.0 - prevalence);
    let crossed = -((n - 1.0) * (-prevalence).ln_1p()).exp_m1();
    Ok(2.0 / n + prevalence + q * crossed * crossed)
}

/// The size from 1 to `size_max` that needs the fewest tests; of several, the smallest.
///
/// # Errors
/// [`EpiError::InvalidSetting`] as for [`plan_dorfman`].
pub fn best_size(prevalence: f64, assay: &Assay, size_max: u32) -> Result<PoolDesign, EpiError> {
    check_size(size_max)?;
    let mut best = plan_dorfman(prevalence, 1, assay)?;
    for size in 2..=size_max {
        let design = plan_dorfman(prevalence, size, assay)?;
        if design.tests_per_person < best.tests_per_person {
            best = design;
        }
    }
    Ok(best)
}

fn design(size: u32, prevalence: f64, tests: f64, sensitivity: f64, false_positives: f64) -> PoolDesign {
    let q = 1.0 - prevalence;
    let (found, called) = (prevalence * sensitivity, prevalence * sensitivity + q * false_positives);
    let specificity = 1.0 - false_positives;
    let (cleared, free) = (prevalence * (1.0 - sensitivity) + q * specificity, q * specificity);
    PoolDesign {
        size,
        tests_per_person: tests,
        sensitivity,
        specificity,
        ppv: (called > 0.0).then(|| found / called),
        npv: if cleared > 0.0 { free / cleared } else { 1.0 },
        ct_shift: ct_shift(size),
    }
}

fn check_probability(name: &'static str, value: f64, least: f64) -> Result<(), EpiError> {
    if value >= least && value <= 1.0 {
        return Ok(());
    }
    Err(EpiError::InvalidSetting { name, value, rule: "a share between 0 and 1" })
}

fn check_size(size: u32) -> Result<(), EpiError> {
    if size >= 1 {
        Ok(())
    } else {
        Err(EpiError::InvalidSetting { name: "pool size", value: 0.0, rule: "at least 1 person" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests by going through every way in which n people can be infected.
    fn tests_slowly(prevalence: f64, size: u32, assay: &Assay) -> f64 {
        let mut positive = 0.0;
        for infected in 0u32..1 << size {
            let count = infected.count_ones();
            let chance = prevalence.powi(count as i32) * (1.0 - prevalence).powi((size - count) as i32);
            positive += chance * if count > 0 { assay.pool_sensitivity(size) } else { 1.0 - assay.specificity };
        }
        (1.0 + positive * f64::from(size)) / f64::from(size)
    }

    #[test]
    fn expected_tests_equal_the_sum_over_all_outcomes() {
        let assay = Assay::new(0.95, 0.995).unwrap();
        for prevalence in [0.0001, 0.01, 0.3] {
            for size in [2, 3, 7, 12] {
                let fast = plan_dorfman(prevalence, size, &assay).unwrap().tests_per_person;
                assert!((fast - tests_slowly(prevalence, size, &assay)).abs() < 1e-12, "{prevalence} {size}");
            }
        }
    }

    #[test]
    fn ten_in_one_costs_three_cycles_and_a_third() {
        // Section C of the drill reference, to the digits printed.
        assert_eq!([10, 20].map(|size| format!("{:.1}", ct_shift(size))), ["3.3", "4.3"]);
    }

    #[test]
    fn larger_pools_miss_more() {
        let dilution = Dilution { ct_mean: 28.0, ct_sd: 5.0, ct_limit: 38.0 };
        let assay = Assay::new(0.95, 0.995).unwrap().with_dilution(dilution).unwrap();
        let sensitivities: Vec<f64> = [1, 5, 10, 20].map(|size| assay.pool_sensitivity(size)).to_vec();
        assert!((sensitivities[0] - 0.95).abs() < 1e-12);
        assert!(sensitivities.windows(2).all(|pair| pair[1] < pair[0]));
        // Φ(2) and Φ((10 − 3.3219)/5) = Φ(1.33562) of a table of the normal distribution.
        assert!((sensitivities[2] - 0.95 * 0.909164 / 0.977250).abs() < 1e-5, "{}", sensitivities[2]);
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        assert!(plan_dorfman(1.5, 10, &Assay::PERFECT).is_err());
        assert!(plan_dorfman(f64::NAN, 10, &Assay::PERFECT).is_err());
        assert!(plan_dorfman(0.1, 0, &Assay::PERFECT).is_err());
        assert!(Assay::new(0.0, 1.0).is_err());
    }
}
