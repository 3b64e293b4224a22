//! Family `nowcast`.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::compare::{Comparison, Within, some};
use super::read::{Case, CaseError};
use crate::nowcast::{
    BayesNowcast, BayesRow, CasePrior, DelayModel, DelayWindow, ReportingTriangle, TruncatedDelays, nowcast_bayes,
    nowcast_beta_negative_binomial, nowcast_lawless,
};

/// Seed and size of the samples where truncated delays are drawn.
const SEED: u64 = 20_110_530;
const DRAWS: usize = 20_000;

pub(super) fn run(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let part = case.settings();
    let triangle = ReportingTriangle::new(&case.input().matrix("triangle_rows_event_day_cols_delay_0_to_D")?)?;
    let window = match (part.optional("m"), part.text("m_interpretation")?) {
        (None, _) => DelayWindow::All,
        (Some(m), "lawless1994") => DelayWindow::LaggedDays(m as usize),
        (Some(m), _) => DelayWindow::LastDays(m as usize),
    };
    let counts = triangle.delay_counts(window);
    let exact = Within::Absolute(0.0);
    let output = case.output();
    comparison.rows("n_x", &some(counts.iter().map(|c| c.with_delay)), &output.numbers("n_x")?, exact);
    comparison.rows("N_x", &some(counts.iter().map(|c| c.up_to_delay)), &output.numbers("N_x")?, exact);
    let level = 1.0 - part.number("alpha")?;
    let method = part.text("method")?;
    if method == "lawless" {
        return compare_lawless(case, &triangle, window, level, comparison);
    }
    let delays = DelayModel { window, prior_weight: part.number("kappa")? };
    let cases_max = part.count("N_max")?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let prior = prior(part.text("prior")?)?;
    let nowcast = match method {
        "bayes.notrunc.bnb" => nowcast_beta_negative_binomial(&triangle, delays, level, cases_max)?,
        "bayes.notrunc" => {
            nowcast_bayes(&triangle, delays, prior, TruncatedDelays::Ignored, level, cases_max, &mut rng)?
        }
        "bayes.trunc" => {
            let truncation = TruncatedDelays::Corrected { draws: DRAWS };
            nowcast_bayes(&triangle, delays, prior, truncation, level, cases_max, &mut rng)?
        }
        other => return Err(CaseError::Field(format!("settings.method {other}"))),
    };
    compare_bayes(case, &nowcast, comparison)
}

fn compare_bayes(case: &Case<'_>, nowcast: &BayesNowcast, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    let within = Within::Absolute(tolerance.optional("delay_cdf_abs").unwrap_or(1e-8));
    comparison.rows("delay_cdf", &some(nowcast.delay_cdf.iter().copied()), &output.numbers("delay_cdf")?, within);
    let column = |pick: fn(&BayesRow) -> Option<f64>| -> Vec<Option<f64>> { nowcast.rows.iter().map(pick).collect() };
    let median = Within::Absolute(tolerance.optional("median_abs").unwrap_or(0.0));
    let limits = Within::Absolute(tolerance.optional("pi_abs").unwrap_or(0.0));
    comparison.rows("nowcast_median", &column(|r| r.median), &output.numbers("nowcast_median")?, median);
    comparison.rows("pi_lower", &column(|r| r.lower), &output.numbers("pi_lower")?, limits);
    comparison.rows("pi_upper", &column(|r| r.upper), &output.numbers("pi_upper")?, limits);
    Ok(())
}

fn compare_lawless(
    case: &Case<'_>,
    triangle: &ReportingTriangle,
    window: DelayWindow,
    level: f64,
    comparison: &mut Comparison,
) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output().inner("lawless"), case.tolerance());
    let rows = nowcast_lawless(triangle, window, level)?;
    let share = Within::Absolute(tolerance.optional("W_hat_abs").unwrap_or(1e-10));
    let number = Within::Relative(tolerance.optional("N_hat_rel").unwrap_or(1e-9));
    let variance = Within::Relative(tolerance.optional("var_rel").unwrap_or(1e-8));
    let shares: Vec<Option<f64>> = rows.iter().map(|r| r.share_reported).collect();
    comparison.rows("W_hat", &shares, &output.numbers("W_hat")?, share);
    let expected: Vec<Option<f64>> = rows.iter().map(|r| r.expected).collect();
    comparison.rows("N_hat", &expected, &output.numbers("N_hat")?, number);
    let share_variances: Vec<Option<f64>> = rows.iter().map(|r| r.share_variance).collect();
    comparison.rows("var_W", &share_variances, &output.numbers("var_W")?, variance);
    let variances: Vec<Option<f64>> = rows.iter().map(|r| r.variance).collect();
    comparison.rows("var_Z_paper", &variances, &output.numbers("var_Z_paper")?, variance);
    Ok(())
}

/// Reads "poisson-gamma mean 50 variance 3000".
fn prior(text: &str) -> Result<CasePrior, CaseError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |name: &str| words.iter().position(|w| *w == name).and_then(|i| words.get(i + 1)?.parse().ok());
    match (after("mean"), after("variance")) {
        (Some(mean), Some(variance)) => Ok(CasePrior { mean, variance }),
        _ => Err(CaseError::Field(format!("settings.prior {text}"))),
    }
}
