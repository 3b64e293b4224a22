//! Families of the reproduction number: Cori, Wallinga-Teunis, serial-interval weights and infectivity.

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::compare::{Comparison, Within, some};
use super::read::{Case, CaseError, Part};
use crate::cori::{
    ReproductionPrior, ReproductionRow, TruncatedNormal, UncertainSerialInterval, estimate_r_cori,
    estimate_r_cori_uncertain,
};
use crate::serial_interval::discretise_shifted_gamma;
use crate::special::beta_reg;
use crate::wallinga_teunis::{CaseReproductionRow, ancestry_quantiles, estimate_r_wallinga_teunis};
use crate::{Counts, Incidence, SerialInterval, Window, overall_infectivity};

/// Names of the quantile columns, in the order of `R_QUANTILES`.
const QUANTILE_COLUMNS: [&str; 7] = ["q0025", "q005", "q025", "median", "q075", "q095", "q0975"];
/// Seed of the Monte Carlo families.
const SEED: u64 = 20_130_915;

pub(super) fn run_cori(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    let incidence = incidence(case)?;
    // The package computes weights up to the last day before the end of the series.
    let interval = serial_interval(case, incidence.days().saturating_sub(1))?;
    let rows = estimate_r_cori(&incidence, &interval, &windows(case, "t_start", "t_end")?, prior(case)?)?;
    compare_rows(case, &rows, comparison, |_| true)?;
    if output.has("si_distr") {
        let within = Within::Absolute(tolerance.optional("si_abs").unwrap_or(1e-10));
        let expected = output.numbers("si_distr")?;
        let mut weights = interval.weights().to_vec();
        weights.resize(expected.len(), 0.0);
        comparison.rows("si_distr", &some(weights), &expected, within);
    }
    Ok(())
}

pub(super) fn run_uncertain(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let part = case.settings();
    let incidence = incidence(case)?;
    let normal = |what: &str| -> Result<TruncatedNormal, CaseError> {
        Ok(TruncatedNormal {
            mean: part.number(what)?,
            sd: part.number(&format!("std_{what}"))?,
            min: part.number(&format!("min_{what}"))?,
            max: part.number(&format!("max_{what}"))?,
        })
    };
    let interval = UncertainSerialInterval {
        mean_days: normal("mean_si")?,
        sd_days: normal("std_si")?,
        intervals: part.count("n1")?,
    };
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let windows = windows(case, "t_start", "t_end")?;
    let rows = estimate_r_cori_uncertain(&incidence, &interval, &windows, prior(case)?, &mut rng)?;
    compare_rows(case, &rows, comparison, |row| (row.window.last + 1) as f64 > interval.mean_days.max)
}

pub(super) fn run_wallinga_teunis(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    let cases = Counts::from_observed(case.input().numbers("incidence")?)?;
    let interval = serial_interval(case, cases.len().saturating_sub(1))?;
    let asked = windows(case, "t_start_asked", "t_end_asked")?;
    let mut rows = estimate_r_wallinga_teunis(&cases, &interval, &asked)?;
    // The package also drops windows that begin before the first case and hold it.
    let first_case = cases.as_slice().iter().position(|count| *count > 0.0).unwrap_or(0);
    rows.retain(|row| row.window.first >= first_case);
    let starts: Vec<usize> = rows.iter().map(|r| r.window.first + 1).collect();
    comparison.same("t_start", starts, output.counts("t_start")?);
    let column = |pick: fn(&CaseReproductionRow) -> f64| some(rows.iter().map(pick));
    let within = Within::Relative(tolerance.optional("mean_rel").unwrap_or(1e-8));
    comparison.rows("mean", &column(|r| r.mean), &output.numbers("mean")?, within);
    compare_sampled(case, &cases, &interval, &rows, comparison)
}

/// The `*_mc` columns come from 200 sampled ancestries. Ours are exact: where theirs lie further away than `mc_abs` they
/// are accepted if 200 draws from our distribution could have given them (1 in 100,000 to either side: a folder holds a thousand such values), and counted.
fn compare_sampled(
    case: &Case<'_>,
    cases: &Counts,
    interval: &SerialInterval,
    rows: &[CaseReproductionRow],
    comparison: &mut Comparison,
) -> Result<(), CaseError> {
    let output = case.output();
    let tolerance = case.tolerance().optional("mc_abs").unwrap_or(0.35);
    let draws = case.settings().optional("n_sim").unwrap_or(200.0);
    let sds: Vec<Option<f64>> = output.numbers("std_mc")?;
    let columns = [("q0025_mc", 0.025, output.numbers("q0025_mc")?), ("q0975_mc", 0.975, output.numbers("q0975_mc")?)];
    let mut outside = 0;
    for (i, row) in rows.iter().enumerate() {
        let noise = 4.0 * row.sd / (2.0 * draws).sqrt();
        let expected = sds.get(i).copied().flatten();
        let is_far = expected.is_some_and(|e| (e - row.sd).abs() > tolerance);
        outside += usize::from(is_far);
        comparison.value(&format!("std_mc[{}]", i + 1), Some(row.sd), expected, Within::Absolute(tolerance.max(noise)));
        for (name, level, values) in &columns {
            let exact = if *level < 0.5 { row.lower } else { row.upper };
            let Some(expected) = values.get(i).copied().flatten() else { continue };
            let mut ours = exact;
            if (expected - exact).abs() > tolerance {
                outside += 1;
                let range = sampling_range(*level, draws);
                let [low, high] = ancestry_quantiles(cases, interval, row.window, range);
                ours = expected.clamp(low, high);
            }
            comparison.value(&format!("{name}[{}]", i + 1), Some(ours), Some(expected), Within::Absolute(tolerance));
        }
    }
    if outside > 0 {
        comparison.note(format!("{outside} sampled values beyond {tolerance}, within the noise of {draws} draws"));
    }
    Ok(())
}

/// Probabilities between which the sample quantile of `draws` independent draws lies, but for 1 in 100,000 to each side:
/// order statistics of uniform numbers are beta distributed.
fn sampling_range(level: f64, draws: f64) -> [f64; 2] {
    let place = level * (draws - 1.0) + 1.0;
    let order = |k: f64, p: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if beta_reg(k, draws + 1.0 - k, middle) < p { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    [order(place.floor(), 1e-5), order(place.ceil(), 1.0 - 1e-5)]
}

pub(super) fn run_discretise(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let input = case.input();
    let days = input.counts("k")?;
    let days_max = days.iter().copied().max().unwrap_or(0);
    let all = discretise_shifted_gamma(input.number("mu")?, input.number("sigma")?, days_max)?;
    let within = Within::Absolute(case.tolerance().optional("w_abs").unwrap_or(1e-10));
    comparison.rows("w", &some(days.iter().map(|&k| all[k])), &case.output().numbers("w")?, within);
    Ok(())
}

pub(super) fn run_infectivity(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let interval = SerialInterval::new(case.input().all_numbers("si_distr")?)?;
    let lambda = overall_infectivity(&incidence(case)?, &interval);
    let within = Within::Absolute(case.tolerance().optional("abs").unwrap_or(1e-9));
    comparison.rows("lambda", &some(lambda), &case.output().numbers("lambda")?, within);
    Ok(())
}

fn compare_rows(
    case: &Case<'_>,
    rows: &[ReproductionRow],
    comparison: &mut Comparison,
    is_compared: impl Fn(&ReproductionRow) -> bool,
) -> Result<(), CaseError> {
    let (output, tolerance) = (case.output(), case.tolerance());
    let keep = |values: Vec<Option<f64>>| -> Vec<Option<f64>> {
        values.into_iter().zip(rows).map(|(v, row)| v.filter(|_| is_compared(row))).collect()
    };
    let within = |key: &str, usual: f64| Within::Relative(tolerance.optional(key).unwrap_or(usual));
    let means: Vec<Option<f64>> = rows.iter().map(|r| r.estimate.map(|e| e.mean)).collect();
    comparison.same("rows", rows.len(), output.numbers("mean")?.len());
    comparison.rows("mean", &means, &keep(output.numbers("mean")?), within("mean_rel", 1e-8));
    let sds: Vec<Option<f64>> = rows.iter().map(|r| r.estimate.map(|e| e.sd)).collect();
    comparison.rows("std", &sds, &keep(output.numbers("std")?), within("std_rel", 1e-8));
    for (i, name) in QUANTILE_COLUMNS.into_iter().enumerate() {
        let quantiles: Vec<Option<f64>> = rows.iter().map(|r| r.estimate.map(|e| e.quantiles[i])).collect();
        comparison.rows(name, &quantiles, &keep(output.numbers(name)?), within("quantile_rel", 1e-6));
    }
    Ok(())
}

/// The split into local and imported cases where given, else the first day as imported.
fn incidence(case: &Case<'_>) -> Result<Incidence, CaseError> {
    let input = case.input();
    if input.has("local") && input.has("imported") {
        let part = |key: &str| -> Result<Counts, CaseError> { Ok(Counts::from_observed(input.numbers(key)?)?) };
        return Ok(Incidence::new(part("local")?, part("imported")?)?);
    }
    Ok(Incidence::from_first_day_imported(&Counts::from_observed(input.numbers("incidence")?)?))
}

fn serial_interval(case: &Case<'_>, days: usize) -> Result<SerialInterval, CaseError> {
    let (input, part) = (case.input(), case.settings());
    if part.has("mean_si") {
        Ok(SerialInterval::shifted_gamma(part.number("mean_si")?, part.number("std_si")?, days)?)
    } else {
        Ok(SerialInterval::new(input.all_numbers("si_distr")?)?)
    }
}

fn prior(case: &Case<'_>) -> Result<ReproductionPrior, CaseError> {
    let part = case.settings();
    Ok(ReproductionPrior { mean: part.number("mean_prior")?, sd: part.number("std_prior")? })
}

fn windows(case: &Case<'_>, first: &str, last: &str) -> Result<Vec<Window>, CaseError> {
    let part: Part<'_> = case.settings();
    let (firsts, lasts) = (part.counts(first)?, part.counts(last)?);
    if firsts.len() != lasts.len() || firsts.contains(&0) || lasts.contains(&0) {
        return Err(CaseError::Field(format!("settings.{first}")));
    }
    Ok(firsts.into_iter().zip(lasts).map(|(f, l)| Window { first: f - 1, last: l - 1 }).collect())
}
