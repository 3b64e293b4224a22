//! Every case of the surveillance reference, family by family.
//!
//! The folder is named by `SIZAO_REFERENCE`; its series are GPL and stay there.

use std::path::PathBuf;

use sizao_epi::reference::{FamilyReport, run_reference_family};

#[test]
fn every_ears_case_is_within_tolerance() {
    check("ears");
}

fn check(family: &str) {
    let Some(text) = family_text(family) else { return };
    let report = run_reference_family(family, &text);
    print(&report);
    assert!(report.is_built, "{family} is not built");
    if report.failed > 0 {
        println!("{}", report.failures.join("\n"));
    }
    assert!(report.passed > 0, "{family} has no case");
    assert_eq!(report.failed, 0, "{family}:\n{}", report.failures.join("\n"));
}

fn print(report: &FamilyReport) {
    println!(
        "{}: {} passed, {} failed, {} values",
        report.family, report.passed, report.failed, report.values_compared
    );
    report.notes.iter().for_each(|note| println!("  note: {note}"));
    if let Some(worst) = &report.worst {
        println!("  worst: {} {} {:.2e} of {:.1e}", worst.case_id, worst.what, worst.error, worst.tolerance);
    }
}

fn family_text(family: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("SIZAO_REFERENCE") else {
        assert!(std::env::var_os("CI").is_none(), "SIZAO_REFERENCE is not set: CI has to run the reference");
        println!("not run: reference data absent");
        return None;
    };
    let path = PathBuf::from(folder).join("surveillance").join(format!("{family}.jsonl"));
    Some(std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

#[test]
fn every_farrington_case_is_within_tolerance() {
    check("farrington");
}

#[test]
fn every_farrington_flexible_case_is_within_tolerance() {
    check("farrington_flexible");
}

#[test]
fn every_cusum_case_is_within_tolerance() {
    check("cusum");
}

#[test]
fn every_discr_si_case_is_within_tolerance() {
    check("discr_si");
}

#[test]
fn every_overall_infectivity_case_is_within_tolerance() {
    check("overall_infectivity");
}

#[test]
fn every_epiestim_cori_case_is_within_tolerance() {
    check("epiestim_cori");
}

#[test]
fn every_epiestim_uncertain_case_is_within_tolerance() {
    check("epiestim_uncertain");
}

#[test]
fn every_wallinga_teunis_case_is_within_tolerance() {
    check("wallinga_teunis");
}

#[test]
fn every_growth_case_is_within_tolerance() {
    check("growth");
}

#[test]
fn every_growth_split_case_is_within_tolerance() {
    check("growth_split");
}

#[test]
fn every_growth_to_r_case_is_within_tolerance() {
    check("growth_to_R");
}

#[test]
fn every_nowcast_case_is_within_tolerance() {
    check("nowcast");
}

#[test]
fn every_serial_interval_case_is_within_tolerance() {
    check("serial_interval");
}

#[test]
fn every_scan_poisson_case_is_within_tolerance() {
    check("scan_poisson");
}

#[test]
fn every_scan_permutation_case_is_within_tolerance() {
    check("scan_permutation");
}

#[test]
fn every_glr_poisson_case_is_within_tolerance() {
    check("glr_poisson");
}

#[test]
fn every_outbreakp_case_is_within_tolerance() {
    check("outbreakP");
}

#[test]
fn every_rogerson_case_is_within_tolerance() {
    check("rogerson");
}

#[test]
fn every_simple_bayes_case_is_within_tolerance() {
    check("simple_bayes");
}

#[test]
fn every_simple_rki_case_is_within_tolerance() {
    check("simple_rki");
}
