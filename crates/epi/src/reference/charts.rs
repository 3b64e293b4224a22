//! Families `cusum` and the other sequential charts.

use super::compare::{Comparison, Within, some};
use super::read::{Case, CaseError};
use crate::cusum::{CusumRow, CusumSettings, CusumTransform, ExpectedCount, cusum};

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
    let judged = part.count("range_first")? - 1..=part.count("range_last")? - 1;
    let rows = cusum(&case.counts()?, judged, &settings)?;
    compare_cusum(case, &settings, &rows, comparison)
}

fn compare_cusum(
    case: &Case<'_>,
    settings: &CusumSettings,
    rows: &[CusumRow],
    comparison: &mut Comparison,
) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    let within = |key: &str, usual: f64| tolerance.optional(key).unwrap_or(usual);
    let means = output.numbers("m")?;
    let ours = some(rows.iter().take(means.len()).map(|r| r.expected));
    comparison.rows("m", &ours, &means, Within::Relative(within("m_rel", 1e-6)));
    let sums = output.numbers("cusum")?;
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
