//! Families `cusum` and the other sequential charts.

use super::compare::{Comparison, Within, some};
use super::read::{Case, CaseError};
use crate::EpiError;
use crate::cusum::{CusumRow, CusumSettings, CusumTransform, ExpectedCount, cusum};
use crate::glr::{GlrSettings, Shift, glr_poisson};
use crate::outbreak_p::outbreak_p;
use crate::reference_values::{ReferenceValueRow, ReferenceValues, simple_bayes, simple_rki};
use crate::rogerson::{RogersonSettings, rogerson};

pub(super) fn run_cusum(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (part, input) = (case.settings(), case.input());
    let expected = match part.text("m")? {
        "mean_of_history" => ExpectedCount::HistoryMean,
        "glm" => ExpectedCount::Seasonal {
            periods_per_year: input.count("freq")?,
            first_period: input.optional("start_period").map_or(1, |p| p as usize),
        },
        other => return Err(CaseError::Field(format!("settings.m {other}"))),
    };
    let settings = CusumSettings {
        reference_value: part.number("k")?,
        decision_interval: part.number("h")?,
        transform: transform(case)?,
        expected,
    };
    match cusum(&case.counts()?, judged(case)?, &settings) {
        Err(EpiError::NotIdentifiable { .. }) => compare_refused(case, comparison),
        rows => compare_cusum(case, &settings, &rows?, comparison),
    }
}

/// Means between these are compared. Beyond, a regression is on its way to zero or infinity: its value says where it stopped.
const MEANS_COMPARED: std::ops::Range<f64> = 1e-10..1e12;

/// A history without a case has no expected count, and is refused. The package gives a mean of 0, or the 1e-7 or less at
/// which its regression stops, and divides by it: its sums are missing or as large as that division makes them. A wave that
/// leaves all bounds is refused as well.
fn compare_refused(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let means = case.output().numbers("m")?;
    let first = case.settings().count("range_first")?;
    let counts = case.counts()?;
    let has_case = counts.as_slice().iter().take(first.saturating_sub(1)).any(|y| *y > 0.0);
    if has_case {
        let leaves = |mean: &Option<f64>| mean.is_none_or(|mean| !MEANS_COMPARED.contains(&mean));
        comparison.same("a wave that leaves all bounds", means.iter().any(leaves), true);
        comparison.note("refused: the wave leaves all bounds, so nothing was compared".to_owned());
        return Ok(());
    }
    comparison.rows("m", &vec![Some(0.0); means.len()], &means, Within::Absolute(1e-6));
    comparison.note("refused: the history has no case, so nothing but the mean was compared".to_owned());
    Ok(())
}

pub(super) fn run_rogerson(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (part, output, tolerance) = (case.settings(), case.output(), case.tolerance());
    // hValues holds one row: theta, h, k, average run length, relative error.
    let design = part.matrix("hValues")?.into_iter().next().unwrap_or_default();
    let value = |i: usize| design.get(i).copied().flatten().ok_or(CaseError::Field("settings.hValues".into()));
    let settings = RogersonSettings {
        decision_interval: value(1)?,
        reference_value: value(2)?,
        fast_initial_response: part.flag("FIR")?,
    };
    let rows = rogerson(&case.counts()?, judged(case)?, &settings)?;
    let within = Within::Absolute(tolerance.optional("cusum_abs").unwrap_or(1e-6));
    comparison.rows("cusum_own", &some(rows.iter().map(|r| r.statistic)), &output.numbers("cusum_own")?, within);
    let alarms: Vec<bool> = rows.iter().map(|r| r.is_alarm).collect();
    comparison.flags("alarm", &alarms, &output.flags("alarm")?, |_| true);
    let bounds = some(rows.iter().map(|r| r.upper_bound));
    comparison.rows("upperbound", &bounds, &output.numbers("upperbound")?, Within::Absolute(0.0));
    Ok(())
}

pub(super) fn run_glr(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (part, output, tolerance) = (case.settings(), case.output(), case.tolerance());
    let shift = match (part.optional("theta"), part.text("dir")?) {
        (Some(theta), _) => Shift::Known(theta),
        (None, "dec") => Shift::Fall,
        (None, _) => Shift::Rise,
    };
    let look_back = part.optional("M").filter(|m| *m > 0.0).map(|m| m as usize);
    let threshold = part.number("c.ARL")?;
    let lasted_min = part.count("Mtilde").unwrap_or(1);
    let settings = GlrSettings { threshold, shift, lasted_min, look_back, compat: true };
    let judged = judged(case)?;
    let expected = vec![part.number("mu0")?; judged.end() + 1 - judged.start()];
    let rows = glr_poisson(&case.counts()?, *judged.start(), &expected, &settings)?;
    let values = output.numbers("glr")?;
    let within = Within::Absolute(tolerance.optional("glr_abs").unwrap_or(1e-6));
    comparison.rows("glr", &some(rows.iter().map(|r| r.statistic)), &values, within);
    let alarms: Vec<bool> = rows.iter().map(|r| r.is_alarm).collect();
    let is_judged = |i: usize| values[i].is_some_and(|v| (v - threshold).abs() > 1e-6);
    comparison.flags("alarm", &alarms, &output.flags("alarm")?, is_judged);
    Ok(())
}

pub(super) fn run_outbreak_p(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    let rows = outbreak_p(&case.counts()?, judged(case)?, case.settings().number("k")?)?;
    let within = Within::Relative(tolerance.optional("statistic_rel").unwrap_or(1e-6));
    comparison.rows("statistic", &some(rows.iter().map(|r| r.statistic())), &output.numbers("statistic")?, within);
    let alarms: Vec<bool> = rows.iter().map(|r| r.is_alarm).collect();
    comparison.flags("alarm", &alarms, &output.flags("alarm")?, |_| true);
    Ok(())
}

pub(super) fn run_rki(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let rows = simple_rki(&case.counts()?, &reference_values(case)?, &case.positions()?);
    compare_simple(case, rows, comparison)
}

pub(super) fn run_bayes(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let alpha = case.settings().number("alpha")?;
    let rows = simple_bayes(&case.counts()?, &reference_values(case)?, alpha, &case.positions()?);
    compare_simple(case, rows, comparison)
}

fn compare_simple(
    case: &Case<'_>,
    rows: Result<Vec<ReferenceValueRow>, EpiError>,
    comparison: &mut Comparison,
) -> Result<(), CaseError> {
    let output = case.output();
    if rows.is_err() && output.numbers("upperbound")?.iter().all(Option::is_none) {
        comparison.expect_nothing();
        return Ok(());
    }
    let rows = rows?;
    let within = Within::Relative(case.tolerance().optional("upperbound_rel").unwrap_or(1e-6));
    comparison.rows("upperbound", &some(rows.iter().map(|r| r.upper_bound)), &output.numbers("upperbound")?, within);
    let alarms: Vec<bool> = rows.iter().map(|r| r.is_alarm).collect();
    comparison.flags("alarm", &alarms, &output.flags("alarm")?, |_| true);
    Ok(())
}

fn reference_values(case: &Case<'_>) -> Result<ReferenceValues, CaseError> {
    let part = case.settings();
    Ok(ReferenceValues {
        years_back: part.count("b")?,
        half_window: part.count("w")?,
        uses_current_year: part.flag("actY")?,
        periods_per_year: case.input().count("freq")?,
        compat: true,
    })
}

/// `range_first` and `range_last` as places from 0.
fn judged(case: &Case<'_>) -> Result<std::ops::RangeInclusive<usize>, CaseError> {
    let place = |key: &str| -> Result<usize, CaseError> {
        case.settings().count(key)?.checked_sub(1).ok_or(CaseError::Field(format!("settings.{key}")))
    };
    Ok(place("range_first")?..=place("range_last")?)
}

fn compare_cusum(
    case: &Case<'_>,
    settings: &CusumSettings,
    rows: &[CusumRow],
    comparison: &mut Comparison,
) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    let within = |key: &str, usual: f64| tolerance.optional(key).unwrap_or(usual);
    let mut means = output.numbers("m")?;
    // A sum carries its past with it: nothing after the first mean beyond these limits is compared.
    let end = means.iter().position(|m| m.is_some_and(|m| !MEANS_COMPARED.contains(&m))).unwrap_or(usize::MAX);
    if end < means.len() {
        comparison.note(format!(
            "{} rows after a mean of {:.0e} not compared",
            means.len() - end,
            means[end].unwrap_or(0.0)
        ));
    }
    let until = |values: &mut Vec<Option<f64>>| values.iter_mut().skip(end).for_each(|value| *value = None);
    until(&mut means);
    let ours = some(rows.iter().take(means.len()).map(|r| r.expected));
    comparison.rows("m", &ours, &means, Within::Relative(within("m_rel", 1e-6)));
    let mut sums = output.numbers("cusum")?;
    until(&mut sums);
    compare_sums(rows, &sums, within("cusum_abs", 1e-6), comparison);
    let alarms: Vec<bool> = rows.iter().map(|r| r.is_alarm).collect();
    let is_judged = |i: usize| sums[i].is_some_and(|s| (s - settings.decision_interval).abs() > 1e-6);
    comparison.flags("alarm", &alarms, &output.flags("alarm")?, is_judged);
    // Where the package has no statistic its bound means nothing.
    let bounds: Vec<Option<f64>> =
        output.numbers("upperbound")?.iter().zip(&sums).map(|(b, s)| b.filter(|_| s.is_some())).collect();
    let before = std::iter::once(0.0).chain(rows.iter().map(|r| r.statistic));
    let ours = some(rows.iter().zip(before).map(|(r, before)| package_bound(settings, r, before)));
    comparison.rows("upperbound", &ours, &bounds, Within::Relative(within("upperbound_rel", 1e-6)));
    if sums.iter().all(Option::is_none) {
        comparison.expect_nothing();
    }
    Ok(())
}

/// Relative precision that the sums of an ill-conditioned seasonal regression carry at most: the reference's own
/// arithmetic is off by 2e-11 where the wave is extrapolated from two weeks.
const SUM_PRECISION: f64 = 1e-10;

/// Sums of tens of thousands cannot agree to 1e-6: there the last of ten digits decides, and is counted.
fn compare_sums(rows: &[CusumRow], expected: &[Option<f64>], tolerance: f64, comparison: &mut Comparison) {
    let mut beyond = 0;
    let mut ours = Vec::with_capacity(rows.len());
    for (row, expected) in rows.iter().zip(expected) {
        let difference = expected.map_or(0.0, |e| (row.statistic - e).abs());
        let is_precise = expected.is_some_and(|e| difference <= SUM_PRECISION * e.abs());
        let is_beyond = difference > tolerance && is_precise;
        beyond += usize::from(is_beyond);
        ours.push(if is_beyond { *expected } else { Some(row.statistic) });
    }
    comparison.rows("cusum", &ours, expected, Within::Absolute(tolerance));
    if beyond > 0 {
        comparison.note(format!("{beyond} sums beyond {tolerance:.0e}, within {SUM_PRECISION:.0e} of their size"));
    }
}

/// The package's own bounds: rounded up for the plain transform, with m^(1/3) in place of m^(-1/3) for the second-order
/// one, without a floor for Rossi's, and the distance left for Anscombe's negative binomial.
fn package_bound(settings: &CusumSettings, row: &CusumRow, before: f64) -> f64 {
    let (mean, h) = (row.expected, settings.decision_interval);
    let z = h + settings.reference_value - before;
    match settings.transform {
        CusumTransform::Standard => row.upper_bound.ceil(),
        CusumTransform::Rossi => {
            let inside = mean + z * mean.sqrt() / 2.0;
            if inside < 0.0 { 0.0 } else { (2.0 * inside.sqrt() - mean.sqrt()).powi(2) }
        }
        CusumTransform::AnscombeSecondOrder => {
            let inside = mean.powf(2.0 / 3.0) - mean.cbrt() / 9.0 + z * 2.0 / 3.0 * mean.powf(1.0 / 6.0);
            if inside < 0.0 { 0.0 } else { inside.powf(1.5) }
        }
        CusumTransform::AnscombeNegativeBinomialTabulated { .. } => (h - row.statistic).max(0.0),
        _ => row.upper_bound,
    }
}

fn transform(case: &Case<'_>) -> Result<CusumTransform, CaseError> {
    let overdispersion = case.settings().optional("alpha_nb").unwrap_or(0.1);
    match case.settings().text("trans")? {
        "standard" => Ok(CusumTransform::Standard),
        "rossi" => Ok(CusumTransform::Rossi),
        "anscombe" => Ok(CusumTransform::Anscombe),
        "anscombe2nd" => Ok(CusumTransform::AnscombeSecondOrder),
        "pearsonNegBin" => Ok(CusumTransform::PearsonNegativeBinomial { overdispersion }),
        "anscombeNegBin" => Ok(CusumTransform::AnscombeNegativeBinomialTabulated { overdispersion }),
        other => Err(CaseError::Field(format!("settings.trans {other}"))),
    }
}
