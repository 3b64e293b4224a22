//! From the fitted mean to the bound, the score and the p-value.

use super::glm::Fit;
use super::{BoundMethod, FarringtonMode, FarringtonRow, FarringtonSettings, NoBound, PowerTransform, unjudged};
use crate::special::{CountDistribution, normal_quantile, normal_upper};

/// Means above it are an extrapolation gone wrong, not a forecast.
const MEAN_MAX: f64 = 1e12;

/// Judges a count `y` by a fitted regression.
pub(super) fn judge(settings: &FarringtonSettings, position: usize, y: f64, recent: f64, fit: &Fit) -> FarringtonRow {
    let alpha = if settings.is_alpha_two_sided { settings.alpha / 2.0 } else { settings.alpha };
    let z = normal_quantile(1.0 - alpha);
    let bound_mean = match settings.bound {
        BoundMethod::Delta(_) | BoundMethod::NegativeBinomial => fit.mean,
        BoundMethod::NegativeBinomialUpperMean => {
            (fit.log_mean + z * (fit.dispersion_of_error * fit.prediction_variance).sqrt()).exp()
        }
    };
    if !(fit.mean <= MEAN_MAX && bound_mean <= MEAN_MAX) {
        let mut row = unjudged(position, NoBound::Exploded);
        row.dispersion = Some(fit.dispersion).filter(|d| d.is_finite());
        row.trend_per_period = fit.slope;
        return row;
    }
    let (bound, p_value) = match settings.bound {
        BoundMethod::Delta(power) => delta_bound(power, y, fit, z),
        BoundMethod::NegativeBinomial | BoundMethod::NegativeBinomialUpperMean => {
            let counts = CountDistribution::new(bound_mean, fit.dispersion);
            (counts.quantile(1.0 - alpha), counts.upper(y))
        }
    };
    let is_delta = matches!(settings.bound, BoundMethod::Delta(_));
    let centre = match settings.mode {
        FarringtonMode::CompatFlexible if !is_delta => fit.log_mean,
        _ => fit.mean,
    };
    let score = (y - centre) / (bound - centre);
    let has_enough = recent >= settings.recent_cases_min;
    let exceeds = match settings.mode {
        FarringtonMode::Textbook => y > bound,
        FarringtonMode::CompatOriginal | FarringtonMode::CompatFlexible => score > 1.0 && y > 0.0,
    };
    FarringtonRow {
        position,
        expected: Some(fit.mean),
        bound_mean: Some(bound_mean),
        upper_bound: Some(bound).filter(|_| has_enough),
        no_bound: Some(NoBound::TooFewRecentCases).filter(|_| !has_enough),
        is_alarm: has_enough && exceeds,
        score: Some(score).filter(|s| s.is_finite()),
        p_value: Some(p_value),
        dispersion: Some(fit.dispersion),
        trend_per_period: fit.slope,
    }
}

/// Bound and upper-tail probability of a normal distribution on the transformed scale.
fn delta_bound(power: PowerTransform, y: f64, fit: &Fit, z: f64) -> (f64, f64) {
    let mean = fit.mean;
    let squared_error = mean * mean * fit.dispersion_of_error * fit.prediction_variance;
    let tau = fit.dispersion + squared_error / mean;
    match power {
        PowerTransform::None => {
            let sd = (mean * tau).sqrt();
            (mean + z * sd, normal_upper((y - mean) / sd))
        }
        PowerTransform::SquareRoot => {
            let (centre, sd) = (mean.sqrt(), (tau / 4.0).sqrt());
            ((centre + z * sd).powi(2), normal_upper((y.sqrt() - centre) / sd))
        }
        PowerTransform::TwoThirds => {
            let cube_root = mean.cbrt();
            let (centre, sd) = (cube_root * cube_root, (4.0 / 9.0 * cube_root * tau).sqrt());
            let y_root = y.cbrt();
            ((centre + z * sd).powf(1.5), normal_upper((y_root * y_root - centre) / sd))
        }
    }
}
