//! Quasi-Poisson regression of counts on a factor and a time trend, by iteratively reweighted least squares.
//!
//! With one factor and one covariate the normal equations are those of an analysis of covariance: weighted level means
//! and one common slope. Each step is linear in the number of periods, needs no matrix and allocates nothing.

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
    /// Linear predictor without offset.
    linear: Vec<f64>,
    mean: Vec<f64>,
    /// ω μ at the start of the last step.
    working_weight: Vec<f64>,
    /// ω.
    prior_weight: Vec<f64>,
    level: Vec<LevelSums>,
}

/// Weighted sums over one level; after [`Glm::solve`] means of time and response.
#[derive(Debug, Clone, Copy, Default)]
struct LevelSums {
    weight: f64,
    time: f64,
    response: f64,
    time_square: f64,
    time_response: f64,
}

/// The weighted least-squares solution of one step.
#[derive(Debug, Clone, Copy, Default)]
struct Solution {
    /// None where there is no trend, or time does not vary within the levels.
    slope: Option<f64>,
    /// Weighted sum of squares of time about the level means.
    time_squares: f64,
}

/// What a step changed.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    deviance: f64,
    /// Σ W (change of the linear predictor)².
    moved: f64,
}

/// exp(slope x step), kept while the step stays the same.
struct StepGrowth {
    slope: f64,
    step: f64,
    factor: f64,
}

impl StepGrowth {
    fn new(slope: f64) -> Self {
        Self { slope, step: 0.0, factor: 1.0 }
    }

    fn over(&mut self, step: f64) -> f64 {
        if step != self.step {
            (self.step, self.factor) = (step, (self.slope * step).exp());
        }
        self.factor
    }
}

impl Glm {
    /// Fits with or without trend, reweights if asked, predicts the judged period. None when it does not converge.
    pub(super) fn fit(&mut self, weeks: &ReferenceWeeks, settings: &FarringtonSettings, trend: bool) -> Option<Fit> {
        let is_compat = settings.mode != FarringtonMode::Textbook;
        self.prior_weight.clear();
        self.prior_weight.resize(weeks.counts.len(), 1.0);
        let mut solution = self.iterate(weeks, trend, is_compat)?;
        let mut raw = self.dispersion(&self.working_weight, weeks, solution);
        if settings.reweight {
            self.reweight(weeks, solution, raw.max(1.0), settings.weights_threshold);
            solution = self.iterate(weeks, trend, is_compat)?;
            raw = self.dispersion(&self.working_weight, weeks, solution);
        }
        let (of_trend, of_error) = match settings.mode {
            FarringtonMode::CompatFlexible if settings.reweight => {
                let overwritten = self.dispersion(&self.prior_weight, weeks, solution);
                (overwritten, overwritten)
            }
            FarringtonMode::CompatFlexible => (raw, raw),
            FarringtonMode::CompatOriginal | FarringtonMode::Textbook => (raw, raw.max(1.0)),
        };
        Some(self.predict(weeks, solution, raw, of_trend, of_error))
    }

    /// Runs the iteration from log(y + 0.1); the buffers then hold the state of the last step.
    fn iterate(&mut self, weeks: &ReferenceWeeks, trend: bool, is_compat: bool) -> Option<Solution> {
        let steps = if is_compat { 25 } else { 100 };
        self.linear.clear();
        self.linear.extend(weeks.starts.iter().zip(&weeks.offsets).map(|(start, offset)| start - offset));
        self.mean.clear();
        self.mean.extend(weeks.counts.iter().map(|y| y + 0.1));
        self.working_weight.resize(weeks.counts.len(), 0.0);
        let mut before = self.deviance(weeks);
        for _ in 0..steps {
            let solution = self.solve(weeks, trend);
            let progress = self.update(weeks, solution);
            if !progress.deviance.is_finite() {
                return None;
            }
            // R stops on the deviance; the textbook iteration goes on until nothing moves by a millionth of an error.
            let change = (progress.deviance - before).abs() / (progress.deviance.abs() + 0.1);
            if if is_compat { change < 1e-8 } else { progress.moved < 1e-12 } {
                return Some(solution);
            }
            before = progress.deviance;
        }
        None
    }

    /// Level means and the common slope for weights ω μ and responses η + (y - μ)/μ.
    fn solve(&mut self, weeks: &ReferenceWeeks, trend: bool) -> Solution {
        self.level.clear();
        self.level.resize(weeks.level_count, LevelSums::default());
        for run in &weeks.runs {
            let mut sums = self.level[run.level];
            for i in run.from..run.to {
                let (mean, prior, time) = (self.mean[i], self.prior_weight[i], weeks.times[i]);
                let weight = prior * mean;
                // Weight times response without a division by the mean.
                let response = weight * self.linear[i] + prior * (weeks.counts[i] - mean);
                self.working_weight[i] = weight;
                sums.weight += weight;
                sums.time += weight * time;
                sums.response += response;
                sums.time_square += weight * time * time;
                sums.time_response += response * time;
            }
            self.level[run.level] = sums;
        }
        let (mut squares, mut products, mut scale) = (0.0, 0.0, 0.0);
        for level in self.level.iter_mut().filter(|l| l.weight > 0.0) {
            level.time /= level.weight;
            level.response /= level.weight;
            squares += level.time_square - level.weight * level.time * level.time;
            products += level.time_response - level.weight * level.time * level.response;
            scale += level.time_square;
        }
        let is_determined = trend && squares > 1e-14 * scale;
        Solution { slope: is_determined.then(|| products / squares), time_squares: squares }
    }

    /// New predictors and means. Along a run the mean grows by one factor per step.
    fn update(&mut self, weeks: &ReferenceWeeks, solution: Solution) -> Progress {
        let slope = solution.slope.unwrap_or(0.0);
        let mut progress = Progress::default();
        let mut growth = StepGrowth::new(slope);
        for run in &weeks.runs {
            let level = self.level[run.level];
            let base = level.response - slope * level.time;
            let factor = growth.over(run.step);
            let mut rate = (base + slope * weeks.times[run.from]).exp();
            for i in run.from..run.to {
                let linear = base + slope * weeks.times[i];
                let mean = (rate * weeks.exposures[i]).max(MEAN_MIN);
                rate *= factor;
                let moved = linear - self.linear[i];
                progress.moved += self.working_weight[i] * moved * moved;
                let fitted = weeks.counts[i] * (linear + weeks.offsets[i]);
                progress.deviance += self.prior_weight[i] * (weeks.saturated[i] - fitted + mean);
                self.linear[i] = linear;
                self.mean[i] = mean;
            }
        }
        progress.deviance *= 2.0;
        progress
    }

    /// Poisson deviance 2 Σ ω (y log(y/μ) - (y - μ)) of the start.
    fn deviance(&self, weeks: &ReferenceWeeks) -> f64 {
        let terms = (0..weeks.counts.len()).map(|i| {
            let fitted = weeks.counts[i] * (self.linear[i] + weeks.offsets[i]);
            self.prior_weight[i] * (weeks.saturated[i] - fitted + self.mean[i])
        });
        2.0 * terms.sum::<f64>()
    }

    /// Σ W r² / (n - p) with r = (y - μ)/μ of the end of the last step.
    fn dispersion(&self, weights: &[f64], weeks: &ReferenceWeeks, solution: Solution) -> f64 {
        let term = |i: usize| {
            let residual = (weeks.counts[i] - self.mean[i]) / self.mean[i];
            weights[i] * residual * residual
        };
        let squares: f64 = (0..weeks.counts.len()).map(term).sum();
        let freedom = self.degrees_of_freedom(weeks, solution);
        if freedom > 0.0 { squares / freedom } else { 1.0 }
    }

    fn degrees_of_freedom(&self, weeks: &ReferenceWeeks, solution: Solution) -> f64 {
        let levels = self.level.iter().filter(|l| l.weight > 0.0).count();
        weeks.counts.len() as f64 - (levels + usize::from(solution.slope.is_some())) as f64
    }

    /// Down-weights periods with large Anscombe residuals: earlier outbreaks.
    fn reweight(&mut self, weeks: &ReferenceWeeks, solution: Solution, dispersion: f64, threshold: f64) {
        let mut total = 0.0;
        let has_population = weeks.offsets.iter().any(|offset| *offset != 0.0);
        let mut growth = StepGrowth::new(solution.slope.unwrap_or(0.0) / 6.0);
        for run in &weeks.runs {
            let factor = growth.over(run.step);
            // μ^(1/6) grows along a run like μ itself, by the sixth root of its factor.
            let mut root = (self.linear[run.from] / 6.0).exp();
            for i in run.from..run.to {
                let leverage = self.working_weight[i] * self.variance_factor(run.level, weeks.times[i], solution);
                let sixth = if has_population { root * (weeks.offsets[i] / 6.0).exp() } else { root };
                root *= factor;
                let residual = 1.5 * (weeks.two_thirds[i] / sixth - sixth * sixth * sixth)
                    / (dispersion * (1.0 - leverage)).max(0.0).sqrt();
                let weight = if residual > threshold { 1.0 / (residual * residual) } else { 1.0 };
                self.prior_weight[i] = weight;
                total += weight;
            }
        }
        let scale = weeks.counts.len() as f64 / total;
        self.prior_weight.iter_mut().for_each(|w| *w *= scale);
    }

    /// x' (X'WX)^-1 x for a period of this level and time.
    fn variance_factor(&self, level: usize, time: f64, solution: Solution) -> f64 {
        let level = self.level[level];
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
            student_two_sided_p(slope / error, self.degrees_of_freedom(weeks, solution))
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
