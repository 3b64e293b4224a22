//! Family `serial_interval`.

use super::compare::{Comparison, Within};
use super::read::{Case, CaseError};
use crate::delay_fit::{DelayFamily, DelayPair, fit_delay};

pub(super) fn run(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let (input, output, tolerance) = (case.input(), case.output(), case.tolerance());
    let name = case.settings().text("dist")?;
    let family = match name.split('(').next().unwrap_or(name).trim() {
        "gamma" => DelayFamily::Gamma,
        "lognormal" => DelayFamily::LogNormal,
        "weibull" => DelayFamily::Weibull,
        other => return Err(CaseError::Field(format!("settings.dist {other}"))),
    };
    let column = |key: &str| input.all_numbers(key);
    let (el, er, sl, sr) = (column("EL")?, column("ER")?, column("SL")?, column("SR")?);
    if [er.len(), sl.len(), sr.len()] != [el.len(); 3] {
        return Err(CaseError::Field("input.EL".into()));
    }
    let pairs: Vec<DelayPair> = (0..el.len())
        .map(|i| DelayPair {
            first_from: el[i],
            first_to: er[i],
            second_from: sl[i],
            second_to: sr[i],
            observed_until: None,
        })
        .collect();
    let fit = fit_delay(&pairs, family)?;
    let (par1, par2) = fit.distribution.parameters();
    let within = Within::Relative(tolerance.optional("par_rel").unwrap_or(1e-3));
    comparison.value("par1", Some(par1), output.optional("par1"), within);
    comparison.value("par2", Some(par2), output.optional("par2"), within);
    let within = Within::Relative(tolerance.optional("quantile_rel").unwrap_or(1e-3));
    for (key, p) in [("q05", 0.05), ("q50", 0.5), ("q95", 0.95)] {
        comparison.value(key, Some(fit.distribution.quantile_days(p)), output.optional(key), within);
    }
    let within = Within::Absolute(tolerance.optional("loglik_abs").unwrap_or(1e-5));
    comparison.value("loglik", Some(fit.log_likelihood), output.optional("loglik"), within);
    Ok(())
}
