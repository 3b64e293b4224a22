//! Runs the cases of a reference folder against the methods of this room and reports how far apart they are.
//!
//! A family is the text of one `FAMILY.jsonl`: a case a line with `id`, `settings`, `input`, `output`, `tolerance`.
//! Nothing here reads a file: the caller brings the text.

mod charts;
mod compare;
mod delays;
mod ears;
mod farrington;
mod growth;
mod nowcast;
mod read;
mod reproduction;
mod scan;

use serde_json::Value;

use crate::EpiError;
use compare::Comparison;
pub use compare::Deviation;
use read::{Case, CaseError};

/// How one family of cases went.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FamilyReport {
    /// Name of the family, as in the file's name.
    pub family: String,
    /// Whether a method of this room answers it. Where false no case was run.
    pub is_built: bool,
    /// Cases with every compared value within its tolerance.
    pub passed: usize,
    /// Cases with at least one value outside, or that could not be run.
    pub failed: usize,
    /// Single values compared over all cases.
    pub values_compared: usize,
    /// The value that used up most of its tolerance.
    pub worst: Option<Deviation>,
    /// One text per failed case: its id and what was wrong first.
    pub failures: Vec<String>,
    /// What a reader should know of cases that passed, such as sampled values that can only agree within their noise.
    pub notes: Vec<String>,
}

/// Families that [`run_reference_family`] answers.
pub const FAMILIES: [&str; 21] = [
    "cusum",
    "discr_si",
    "ears",
    "epiestim_cori",
    "epiestim_uncertain",
    "farrington",
    "farrington_flexible",
    "glr_poisson",
    "growth",
    "growth_split",
    "growth_to_R",
    "nowcast",
    "outbreakP",
    "overall_infectivity",
    "rogerson",
    "scan_permutation",
    "scan_poisson",
    "serial_interval",
    "simple_bayes",
    "simple_rki",
    "wallinga_teunis",
];

/// Runs every case of a family and compares each output named under `tolerance`.
///
/// - `family`: the file's name without ending, such as `ears`.
/// - `jsonl`: the text of the file; empty lines are skipped.
/// - returns: counts of passed and failed cases, the worst deviation, and a text per failure. A value that is `null`
///   in the reference is not compared. A family that is not built comes back with `is_built` false.
pub fn run_reference_family(family: &str, jsonl: &str) -> FamilyReport {
    let mut report = FamilyReport { family: family.to_owned(), ..FamilyReport::default() };
    let Some(run) = runner(family) else {
        return report;
    };
    report.is_built = true;
    for (number, line) in jsonl.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Ok(value) => run_case(run, &value, &mut report),
            Err(error) => {
                report.failed += 1;
                report.failures.push(format!("line {}: not JSON: {error}", number + 1));
            }
        }
    }
    report
}

type Runner = fn(&Case<'_>, &mut Comparison) -> Result<(), CaseError>;

fn runner(family: &str) -> Option<Runner> {
    Some(match family {
        "cusum" => charts::run_cusum,
        "discr_si" => reproduction::run_discretise,
        "ears" => ears::run,
        "epiestim_cori" => reproduction::run_cori,
        "epiestim_uncertain" => reproduction::run_uncertain,
        "farrington" => farrington::run_original,
        "farrington_flexible" => farrington::run_flexible,
        "glr_poisson" => charts::run_glr,
        "growth" => growth::run_growth,
        "growth_split" => growth::run_split,
        "growth_to_R" => growth::run_reproduction,
        "nowcast" => nowcast::run,
        "outbreakP" => charts::run_outbreak_p,
        "overall_infectivity" => reproduction::run_infectivity,
        "rogerson" => charts::run_rogerson,
        "scan_permutation" => scan::run_permutation,
        "scan_poisson" => scan::run_poisson,
        "serial_interval" => delays::run,
        "simple_bayes" => charts::run_bayes,
        "simple_rki" => charts::run_rki,
        "wallinga_teunis" => reproduction::run_wallinga_teunis,
        _ => return None,
    })
}

fn run_case(run: Runner, value: &Value, report: &mut FamilyReport) {
    let case = Case::new(value);
    let mut comparison = Comparison::new(case.id());
    if let Err(error) = run(&case, &mut comparison) {
        comparison.fail(error.to_string());
    }
    if comparison.values_compared() == 0 && comparison.failure().is_none() && !comparison.nothing_to_compare() {
        comparison.fail("no value was compared".to_owned());
    }
    report.values_compared += comparison.values_compared();
    match comparison.failure() {
        None => report.passed += 1,
        Some(text) => {
            report.failed += 1;
            report.failures.push(format!("{}: {text}", case.id()));
        }
    }
    report.notes.extend(comparison.noted().map(|text| format!("{}: {text}", case.id())));
    let worst = comparison.into_worst();
    if worst.as_ref().map_or(0.0, |w| w.share) > report.worst.as_ref().map_or(-1.0, |w| w.share) {
        report.worst = worst;
    }
}

impl From<EpiError> for CaseError {
    fn from(error: EpiError) -> Self {
        CaseError::Method(error)
    }
}
