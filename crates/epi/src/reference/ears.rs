//! Family `ears`.

use super::compare::{Comparison, Within, some};
use super::read::{Case, CaseError};
use crate::ears::{EarsMethod, EarsRow, EarsSettings, ears};

pub(super) fn run(case: &Case<'_>, comparison: &mut Comparison) -> Result<(), CaseError> {
    let settings = case.settings();
    let method = match settings.text("method")? {
        "C1" => EarsMethod::C1,
        "C2" => EarsMethod::C2,
        "C3" => EarsMethod::C3,
        other => return Err(CaseError::Field(format!("settings.method {other}"))),
    };
    let settings = EarsSettings {
        method,
        baseline: settings.count("baseline")?,
        sd_min: settings.optional("minSigma").unwrap_or(0.0),
        alpha: settings.number("alpha")?,
    };
    let counts = case.counts()?;
    let all = ears(&counts, &settings)?;
    let positions = case.positions()?;
    let rows: Vec<EarsRow> = all.into_iter().filter(|row| positions.contains(&row.position)).collect();
    comparison.same("rows", rows.len(), positions.len());
    let expected = case.output().numbers("upperbound")?;
    let within = Within::Relative(case.tolerance().number("upperbound_rel")?);
    comparison.rows("upperbound", &some(rows.iter().map(|r| r.upper_bound)), &expected, within);
    let alarms: Vec<bool> = rows.iter().map(|r| r.is_alarm).collect();
    let is_judged = |i: usize| expected[i].is_some_and(|bound| (counts.as_slice()[positions[i]] - bound).abs() > 1e-9);
    comparison.flags("alarm", &alarms, &case.output().flags("alarm")?, is_judged);
    Ok(())
}
