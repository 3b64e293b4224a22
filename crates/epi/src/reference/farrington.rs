//! Families `farrington` and `farrington_flexible`.

use super::compare::{Comparison, Within};
use super::read::{Case, CaseError, Part};
use crate::farrington::{
    BoundMethod, FarringtonMode, FarringtonRow, FarringtonSettings, NoBound, PowerTransform, SeasonalSeries, farrington,
};
use crate::special::CountDistribution;

/// Rows with a larger mean are an exploded trend and are not compared.
const MEAN_MAX: f64 = 1e12;
/// Counts that are the same forwards and backwards have a trend of 0, with p = 1, which no limit lets in. The package's sums
/// round to a trend below this, with a p-value a hair below 1, and it stays at a limit of 1: the row then hangs on the last
/// digit of a sum.
const SLOPE_MIN: f64 = 1e-12;

pub(super) fn run_original(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let settings = FarringtonSettings {
        is_alpha_two_sided: case.settings().flag("two_sided_alpha").unwrap_or(true),
        bound: BoundMethod::Delta(power(case.settings())?),
        mode: FarringtonMode::CompatOriginal,
        ..common_settings(case, FarringtonSettings::original_1996())?
    };
    let rows = judged(case, &settings)?;
    let (output, tolerance) = (case.output(), case.tolerance());
    let bounds: Vec<Option<f64>> = rows
        .iter()
        .map(|row| if row.no_bound == Some(NoBound::TooFewRecentCases) { Some(0.0) } else { row.upper_bound })
        .collect();
    let expected_bounds = output.numbers("upperbound")?;
    comparison.rows("upperbound", &bounds, &expected_bounds, relative(tolerance, "upperbound_rel", 1e-6));
    let lower: Vec<Option<f64>> = rows.iter().map(|r| r.p_value.map(|p| 1.0 - p)).collect();
    let expected = told(case, "p_lower", "p_lower_abs", rows.len())?;
    comparison.rows("p_lower", &lower, &expected, absolute(tolerance, "p_lower_abs", 1e-6));
    let means: Vec<Option<f64>> = rows.iter().map(|r| r.expected).collect();
    let expected = told(case, "median", "median_rel", rows.len())?;
    comparison.rows("median", &means, &expected, relative(tolerance, "median_rel", 1e-6));
    let trends: Vec<bool> = rows.iter().map(|r| r.trend_per_period.is_some()).collect();
    comparison.flags("trend", &trends, &output.flags("trend")?, |_| true);
    let counts = case.counts()?;
    let is_judged = |i: usize| {
        expected_bounds[i].is_some_and(|bound| (counts.as_slice()[rows[i].position] / bound - 1.0).abs() > 1e-6)
    };
    comparison.flags("alarm", &alarms(&rows), &output.flags("alarm")?, is_judged);
    Ok(())
}

pub(super) fn run_flexible(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let part = case.settings();
    let bound = match part.text("thresholdMethod")? {
        "delta" => BoundMethod::Delta(power(part)?),
        "nbPlugin" => BoundMethod::NegativeBinomial,
        "muan" => BoundMethod::NegativeBinomialUpperMean,
        other => return Err(CaseError::Field(format!("settings.thresholdMethod {other}"))),
    };
    let settings = FarringtonSettings {
        trend_p_max: part.number("pThresholdTrend")?,
        seasonal_levels: part.count("noPeriods")?,
        periods_excluded: part.count("pastWeeksNotIncluded")?,
        bound,
        mode: FarringtonMode::CompatFlexible,
        ..common_settings(case, FarringtonSettings::noufaily_2013())?
    };
    let rows = judged(case, &settings)?;
    compare_flexible(case, &settings, &rows, comparison)
}

fn compare_flexible(
    case: &Case<'_>,
    settings: &FarringtonSettings,
    rows: &[FarringtonRow],
    comparison: &mut Comparison,
) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    let mean0 = told(case, "mu0", "mu0_rel", rows.len())?;
    let expected = output.numbers("expected")?;
    let slopes = told(case, "trend_coef", "trend_coef_rel", rows.len())?;
    let by_rounding =
        |i: usize| rows[i].trend_per_period.is_none() && slopes[i].is_some_and(|slope| slope.abs() < SLOPE_MIN);
    let undecided = (0..rows.len().min(slopes.len())).filter(|i| by_rounding(*i)).count();
    if undecided > 0 {
        comparison.note(format!("{undecided} rows where rounding kept a trend of 0 not compared"));
    }
    if undecided == rows.len() {
        comparison.expect_nothing();
    }
    let is_compared = |i: usize| {
        let is_small = |v: Option<f64>| v.is_none_or(|v| v <= MEAN_MAX);
        let is_decided = i >= rows.len().min(slopes.len()) || !by_rounding(i);
        is_decided && is_small(expected.get(i).copied().flatten()) && is_small(mean0.get(i).copied().flatten())
    };
    let keep = |values: Vec<Option<f64>>| -> Vec<Option<f64>> {
        values.into_iter().enumerate().map(|(i, v)| v.filter(|_| is_compared(i))).collect()
    };
    let column = |pick: fn(&FarringtonRow) -> Option<f64>| -> Vec<Option<f64>> { rows.iter().map(pick).collect() };
    comparison.rows(
        "expected",
        &column(|r| r.expected),
        &keep(expected.clone()),
        relative(tolerance, "expected_rel", 1e-6),
    );
    comparison.rows("mu0", &column(|r| r.bound_mean), &keep(mean0.clone()), relative(tolerance, "mu0_rel", 1e-6));
    comparison.rows(
        "phi",
        &column(|r| r.dispersion),
        &keep(output.numbers("phi")?),
        relative(tolerance, "phi_rel", 1e-6),
    );
    let slopes = keep(slopes.clone());
    comparison.rows(
        "trend_coef",
        &column(|r| r.trend_per_period),
        &slopes,
        relative(tolerance, "trend_coef_rel", 1e-5),
    );
    let scores = keep(output.numbers("score")?);
    let flags: Vec<Option<bool>> =
        output.flags("alarm")?.into_iter().enumerate().map(|(i, flag)| flag.filter(|_| is_compared(i))).collect();
    let bounds = keep(output.numbers("upperbound")?);
    let knife_edge: Vec<bool> = rows.iter().zip(&bounds).map(|(r, b)| is_knife_edge(settings, r, *b)).collect();
    let sharp = |values: &[Option<f64>]| -> Vec<Option<f64>> {
        values.iter().zip(&knife_edge).map(|(v, edge)| v.filter(|_| !edge)).collect()
    };
    let within = if matches!(settings.bound, BoundMethod::Delta(_)) { 1e-6 } else { 1e-12 };
    comparison.rows("upperbound", &column(|r| r.upper_bound), &sharp(&bounds), Within::Relative(within));
    comparison.rows("score", &column(|r| r.score), &sharp(&scores), relative(tolerance, "score_rel", 1e-6));
    let p_values = keep(output.numbers("pvalue")?);
    comparison.rows("pvalue", &column(|r| r.p_value), &p_values, absolute(tolerance, "pvalue_abs", 1e-6));
    let is_judged = |i: usize| scores[i].is_some_and(|s| (s - 1.0).abs() > 1e-6);
    comparison.flags("alarm", &alarms(rows), &flags, is_judged);
    Ok(())
}

/// An output that counts only where the case names its tolerance: without it nothing is compared.
fn told(case: &Case<'_>, output: &str, tolerance: &str, rows: usize) -> Result<Vec<Option<f64>>, CaseError> {
    if case.tolerance().has(tolerance) { case.output().numbers(output) } else { Ok(vec![None; rows]) }
}

/// Whether the bound hangs on the last digits: the distribution function lies within 1e-9 of 1 - alpha at the lower of
/// the two candidates.
fn is_knife_edge(settings: &FarringtonSettings, row: &FarringtonRow, expected: Option<f64>) -> bool {
    let (Some(ours), Some(theirs), Some(mean), Some(dispersion)) =
        (row.upper_bound, expected, row.bound_mean, row.dispersion)
    else {
        return false;
    };
    let alpha = if settings.is_alpha_two_sided { settings.alpha / 2.0 } else { settings.alpha };
    let is_count = !matches!(settings.bound, BoundMethod::Delta(_));
    is_count
        && ours != theirs
        && (CountDistribution::new(mean, dispersion).cdf(ours.min(theirs)) - (1.0 - alpha)).abs() < 1e-9
}

fn judged(case: &Case<'_>, settings: &FarringtonSettings) -> Result<Vec<FarringtonRow>, CaseError> {
    let (input, part) = (case.input(), case.settings());
    let counts = case.counts()?;
    let dates = if part.flag("epochAsDate").unwrap_or(false) { input.dates("dates")? } else { None };
    let population = if part.flag("populationOffset").unwrap_or(false) && input.has("population") {
        Some(input.all_numbers("population")?)
    } else {
        None
    };
    let series = SeasonalSeries {
        counts: &counts,
        periods_per_year: input.count("freq")?,
        dates: dates.as_deref(),
        population: population.as_deref(),
    };
    Ok(farrington(&series, settings, &case.positions()?)?)
}

fn common_settings(case: &Case<'_>, base: FarringtonSettings) -> Result<FarringtonSettings, CaseError> {
    let part = case.settings();
    let limit = part.all_numbers("limit54")?;
    Ok(FarringtonSettings {
        years_back: part.count("b")?,
        half_window: part.count("w")?,
        reweight: part.flag("reweight")?,
        weights_threshold: part.optional("weightsThreshold").unwrap_or(base.weights_threshold),
        alpha: part.number("alpha")?,
        trend: part.flag("trend")?,
        recent_cases_min: limit.first().copied().unwrap_or(base.recent_cases_min),
        recent_periods: limit.get(1).map_or(base.recent_periods, |p| *p as usize),
        ..base
    })
}

fn power(part: Part<'_>) -> Result<PowerTransform, CaseError> {
    match part.text("powertrans")? {
        "2/3" => Ok(PowerTransform::TwoThirds),
        "1/2" => Ok(PowerTransform::SquareRoot),
        "none" => Ok(PowerTransform::None),
        other => Err(CaseError::Field(format!("settings.powertrans {other}"))),
    }
}

fn alarms(rows: &[FarringtonRow]) -> Vec<bool> {
    rows.iter().map(|r| r.is_alarm).collect()
}

fn relative(tolerance: Part<'_>, key: &str, usual: f64) -> Within {
    Within::Relative(tolerance.optional(key).unwrap_or(usual))
}

fn absolute(tolerance: Part<'_>, key: &str, usual: f64) -> Within {
    Within::Absolute(tolerance.optional(key).unwrap_or(usual))
}
