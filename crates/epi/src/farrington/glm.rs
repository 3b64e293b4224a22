//! Quasi-Poisson regression of counts on a factor and a time trend, by iteratively reweighted least squares.
//!
//! With one factor and one covariate the normal equations are those of an analysis of covariance: weighted level means
//! and one common slope. Each step is linear in the number of periods and needs no matrix.

use super::reference_weeks::ReferenceWeeks;
use super::{FarringtonMode, FarringtonSettings};
use crate::special::student_two_sided_p;

/// The smallest mean that the log link gives back, as in R.
const MEAN_MIN: f64 = f64::EPSILON;

/// What the rest of the algorithm needs from a fitted regression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    /// Predicted logarithm of the mean of the judged period.
    pub(super) log_mean: f64,
    /// Predicted mean.
    pub(super) mean: f64,
    /// x' (X'WX)^-1 x of the prediction.
    pub(super) prediction_variance: f64,
    /// max(1, dispersion).
    pub(super) dispersion: f64,
    /// The dispersion that enters the standard error of the prediction.
    pub(super) dispersion_of_error: f64,
    /// Slope per period, where the trend is in.
    pub(super) slope: Option<f64>,
    /// Its two-sided p-value; NaN without trend.
    pub(super) trend_p: f64,
}

/// Buffers of the iteration.
#[derive(Debug, Default)]
pub(super) struct Glm {
    linear: Vec<f64>,
    mean: Vec<f64>,
    working_weight: Vec<f64>,
    response: Vec<f64>,
    prior_weight: Vec<f64>,
    log_count: Vec<f64>,
    start: Vec<f64>,
    level: Vec<LevelSums>,
}

#[derive(Debug, Clone, Copy, Default)]
struct LevelSums {
    weight: f64,
    time: f64,
    response: f64,
}

/// The weighted least-squares solution of one step.
#[derive(Debug, Clone, Copy, Default)]
struct Solution {
    /// None where there is no trend, or time does not vary within the levels.
    slope: Option<f64>,
    /// Weighted sum of squares of time about the level means.
    time_squares: f64,
}

impl Glm {
    /// Fits with or without trend, reweights if asked, predicts the judged period. None when it does not converge.
    pub(super) fn fit(&mut self, weeks: &ReferenceWeeks, settings: &FarringtonSettings, trend: bool) -> Option<Fit> {
        let is_compat = settings.mode != FarringtonMode::Textbook;
        self.prepare(weeks);
        let mut solution = self.iterate(weeks, trend, is_compat)?;
        let mut raw = self.raw_dispersion(weeks, trend, solution);
        if settings.reweight {
            self.reweight(weeks, solution, raw.max(1.0), settings.weights_threshold);
            solution = self.iterate(weeks, trend, is_compat)?;
            raw = self.raw_dispersion(weeks, trend, solution);
        }
        let overwritten = self.overwritten_dispersion(weeks, trend, solution);
        let (of_trend, of_error) = match settings.mode {
            FarringtonMode::CompatFlexible if settings.reweight => (overwritten, overwritten),
            FarringtonMode::CompatFlexible => (raw, raw),
            FarringtonMode::CompatOriginal | FarringtonMode::Textbook => (raw, raw.max(1.0)),
        };
        Some(self.predict(weeks, solution, raw, of_trend, of_error))
    }

    fn prepare(&mut self, weeks: &ReferenceWeeks) {
        let n = weeks.counts.len();
        self.prior_weight.clear();
        self.prior_weight.resize(n, 1.0);
        self.start.clear();
        self.start.extend(weeks.counts.iter().map(|y| (y + 0.1).ln()));
        self.log_count.clear();
        self.log_count.extend(weeks.counts.iter().map(|&y| if y > 0.0 { y * y.ln() - y } else { 0.0 }));
    }

    /// Runs the iteration from log(y + 0.1); the buffers then hold the state of the last step.
    fn iterate(&mut self, weeks: &ReferenceWeeks, trend: bool, is_compat: bool) -> Option<Solution> {
        let (tolerance, steps) = if is_compat { (1e-8, 25) } else { (1e-13, 100) };
        let n = weeks.counts.len();
        self.linear.clone_from(&self.start);
        self.mean.clear();
        self.mean.extend(weeks.counts.iter().map(|y| y + 0.1));
        self.working_weight.resize(n, 0.0);
        self.response.resize(n, 0.0);
        let mut deviance_before = self.deviance(weeks);
        for _ in 0..steps {
            self.linearise(weeks);
            let solution = self.solve(weeks, trend);
            self.update(weeks, solution);
            let deviance = self.deviance(weeks);
            if !deviance.is_finite() {
                return None;
            }
            if (deviance - deviance_before).abs() / (deviance.abs() + 0.1) < tolerance {
                return Some(solution);
            }
            deviance_before = deviance;
        }
        None
    }

    fn linearise(&mut self, weeks: &ReferenceWeeks) {
        for i in 0..weeks.counts.len() {
            let mean = self.mean[i];
            let offset = weeks.offsets.get(i).copied().unwrap_or(0.0);
            self.working_weight[i] = self.prior_weight[i] * mean;
            self.response[i] = self.linear[i] - offset + (weeks.counts[i] - mean) / mean;
        }
    }

    fn solve(&mut self, weeks: &ReferenceWeeks, trend: bool) -> Solution {
        self.level.clear();
        self.level.resize(weeks.level_count, LevelSums::default());
        for i in 0..weeks.counts.len() {
            let weight = self.working_weight[i];
            let level = &mut self.level[usize::from(weeks.levels[i])];
            level.weight += weight;
            level.time += weight * weeks.times[i];
            level.response += weight * self.response[i];
        }
        for level in self.level.iter_mut().filter(|l| l.weight > 0.0) {
            level.time /= level.weight;
            level.response /= level.weight;
        }
        if !trend {
            return Solution::default();
        }
        let (mut squares, mut products, mut scale) = (0.0, 0.0, 0.0);
        for i in 0..weeks.counts.len() {
            let level = self.level[usize::from(weeks.levels[i])];
            let (weight, time) = (self.working_weight[i], weeks.times[i] - level.time);
            squares += weight * time * time;
            products += weight * time * (self.response[i] - level.response);
            scale += weight * weeks.times[i] * weeks.times[i];
        }
        let is_determined = squares > 1e-22 * scale;
        Solution { slope: is_determined.then(|| products / squares), time_squares: squares }
    }

    fn update(&mut self, weeks: &ReferenceWeeks, solution: Solution) {
        let slope = solution.slope.unwrap_or(0.0);
        for i in 0..weeks.counts.len() {
            let level = self.level[usize::from(weeks.levels[i])];
            let offset = weeks.offsets.get(i).copied().unwrap_or(0.0);
            let linear = level.response + slope * (weeks.times[i] - level.time) + offset;
            self.linear[i] = linear;
            self.mean[i] = linear.exp().max(MEAN_MIN);
        }
    }

    /// Poisson deviance 2 Σ ω (y log(y/μ) - (y - μ)).
    fn deviance(&self, weeks: &ReferenceWeeks) -> f64 {
        let mut sum = 0.0;
        for i in 0..weeks.counts.len() {
            let mean = self.mean[i];
            let log_mean = if mean > MEAN_MIN { self.linear[i] } else { MEAN_MIN.ln() };
            let fitted = if weeks.counts[i] > 0.0 { weeks.counts[i] * log_mean } else { 0.0 };
            sum += self.prior_weight[i] * (self.log_count[i] - fitted + mean);
        }
        2.0 * sum
    }

    /// Σ W r² / (n - p), W of the last step's start and r of its end.
    fn raw_dispersion(&self, weeks: &ReferenceWeeks, trend: bool, solution: Solution) -> f64 {
        self.dispersion_with(&self.working_weight, weeks, trend, solution)
    }

    /// The same with ω in place of W = ω μ.
    fn overwritten_dispersion(&self, weeks: &ReferenceWeeks, trend: bool, solution: Solution) -> f64 {
        self.dispersion_with(&self.prior_weight, weeks, trend, solution)
    }

    fn dispersion_with(&self, weights: &[f64], weeks: &ReferenceWeeks, trend: bool, solution: Solution) -> f64 {
        let squares: f64 = (0..weeks.counts.len())
            .map(|i| {
                let residual = (weeks.counts[i] - self.mean[i]) / self.mean[i];
                weights[i] * residual * residual
            })
            .sum();
        let freedom = self.degrees_of_freedom(weeks, trend, solution);
        if freedom > 0.0 { squares / freedom } else { 1.0 }
    }

    fn degrees_of_freedom(&self, weeks: &ReferenceWeeks, trend: bool, solution: Solution) -> f64 {
        let levels = self.level.iter().filter(|l| l.weight > 0.0).count();
        let slopes = usize::from(trend && solution.slope.is_some());
        weeks.counts.len() as f64 - (levels + slopes) as f64
    }

    /// Down-weights periods with large Anscombe residuals: earlier outbreaks.
    fn reweight(&mut self, weeks: &ReferenceWeeks, solution: Solution, dispersion: f64, threshold: f64) {
        let n = weeks.counts.len();
        let mut total = 0.0;
        for i in 0..n {
            let leverage = self.working_weight[i] * self.variance_factor(weeks.levels[i], weeks.times[i], solution);
            let (y, mean) = (weeks.counts[i], self.mean[i]);
            let sixth = mean.powf(1.0 / 6.0);
            let cube_root = y.cbrt();
            let residual = 1.5 * (cube_root * cube_root / sixth - sixth * sixth * sixth)
                / (dispersion * (1.0 - leverage)).max(0.0).sqrt();
            let weight = if residual > threshold { 1.0 / (residual * residual) } else { 1.0 };
            self.prior_weight[i] = weight;
            total += weight;
        }
        let scale = n as f64 / total;
        self.prior_weight.iter_mut().for_each(|w| *w *= scale);
    }

    /// x' (X'WX)^-1 x for a period of this level and time.
    fn variance_factor(&self, level: u8, time: f64, solution: Solution) -> f64 {
        let level = self.level[usize::from(level)];
        let distance = time - level.time;
        let trend = if solution.slope.is_some() { distance * distance / solution.time_squares } else { 0.0 };
        1.0 / level.weight + trend
    }

    fn predict(&self, weeks: &ReferenceWeeks, solution: Solution, raw: f64, of_trend: f64, of_error: f64) -> Fit {
        let level = self.level[0];
        let slope = solution.slope.unwrap_or(0.0);
        let log_mean = level.response + slope * (weeks.time_now - level.time) + weeks.offset_now;
        let trend_p = solution.slope.map_or(f64::NAN, |slope| {
            let error = (of_trend / solution.time_squares).sqrt();
            student_two_sided_p(slope / error, self.degrees_of_freedom(weeks, true, solution))
        });
        Fit {
            log_mean,
            mean: log_mean.exp().max(MEAN_MIN),
            prediction_variance: self.variance_factor(0, weeks.time_now, solution),
            dispersion: raw.max(1.0),
            dispersion_of_error: of_error,
            slope: solution.slope,
            trend_p,
        }
    }
}
