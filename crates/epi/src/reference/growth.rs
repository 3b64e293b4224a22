//! Families `growth`, `growth_split` and `growth_to_R`.

use jiff::ToSpan;

use super::compare::{Comparison, Within, some};
use super::read::{Case, CaseError};
use crate::Counts;
use crate::growth::{ChangeTime, find_growth_split, fit_growth, growth_to_reproduction};

pub(super) fn run_growth(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (input, output, tolerance) = (case.input(), case.output(), case.tolerance());
    let all = case.counts()?;
    let (first, last) = (input.count("first")?, input.count("last")?);
    let part = all.as_slice().get(first - 1..last).ok_or(CaseError::Field("input.first".into()))?;
    let level = case.settings().optional("level").unwrap_or(0.95);
    let growth = fit_growth(&Counts::new(part.iter().copied())?, input.number("interval_days")?, level)?;
    let rate = Within::Absolute(tolerance.optional("r_abs").unwrap_or(1e-9));
    comparison.value("r", Some(growth.rate), output.optional("r"), rate);
    comparison.value("r_lower", growth.rate_lower, output.optional("r_lower"), rate);
    comparison.value("r_upper", growth.rate_upper, output.optional("r_upper"), rate);
    let within = Within::Relative(tolerance.optional("doubling_rel").unwrap_or(1e-7));
    for (name, time) in [("doubling", growth.doubling), ("halving", growth.halving)] {
        let pick = |f: fn(&ChangeTime) -> Option<f64>| time.as_ref().and_then(f);
        comparison.value(name, pick(|t| Some(t.days)), output.optional(name), within);
        comparison.value(name, pick(|t| t.lower), output.optional(&format!("{name}_lower")), within);
        comparison.value(name, pick(|t| t.upper), output.optional(&format!("{name}_upper")), within);
    }
    let within = Within::Relative(tolerance.optional("fit_rel").unwrap_or(1e-7));
    comparison.rows("fit", &some(growth.points.iter().map(|p| p.fit)), &output.numbers("fit")?, within);
    comparison.rows("lwr", &some(growth.points.iter().map(|p| p.lower)), &output.numbers("lwr")?, within);
    comparison.rows("upr", &some(growth.points.iter().map(|p| p.upper)), &output.numbers("upr")?, within);
    Ok(())
}

pub(super) fn run_split(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (input, output, tolerance) = (case.input(), case.output(), case.tolerance());
    let step = input.count("interval_days")?;
    let split = find_growth_split(&case.counts()?, step as f64, 0.95)?;
    let first = input.date("first_date")?;
    let date = |position: usize| first.saturating_add(((position * step) as i64).days());
    comparison.same("split_date", date(split.position), output.date("split_date")?);
    let dates: Vec<_> = split.candidates.iter().map(|c| date(c.position)).collect();
    comparison.same("candidate_dates", Some(dates), output.dates("candidate_dates")?);
    let r2: Vec<Option<f64>> = split.candidates.iter().map(|c| c.mean_r2).collect();
    let within = Within::Absolute(tolerance.optional("mean_R2_abs").unwrap_or(1e-9));
    comparison.rows("mean_R2", &r2, &output.numbers("mean_R2")?, within);
    let rate = Within::Absolute(tolerance.optional("r_abs").unwrap_or(1e-9));
    comparison.value("r_before", Some(split.before.rate), output.optional("r_before"), rate);
    comparison.value("r_after", Some(split.after.rate), output.optional("r_after"), rate);
    Ok(())
}

pub(super) fn run_reproduction(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let input = case.input();
    let r = growth_to_reproduction(input.number("r")?, input.number("mean")?, input.number("sd")?)?;
    let within = Within::Relative(case.tolerance().optional("rel").unwrap_or(1e-8));
    comparison.value("R", Some(r), case.output().optional("R"), within);
    Ok(())
}
