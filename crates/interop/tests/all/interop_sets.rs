//! The sets of `reference/interop`, each with its expected outcomes.

use std::{fs, io, path::PathBuf};

use sizao_interop::check::{ClassReport, Folder, check_set};

struct Disk(PathBuf);

impl Folder for Disk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(path))
    }
}

fn check(set: &str) -> Option<ClassReport> {
    let folder = reference()?.join("interop").join(set);
    let report = check_set(&Disk(folder)).unwrap();
    let lines: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(report.failed, 0, "{} of {}:\n{}", report.failed, report.failed + report.passed, lines.join("\n"));
    Some(report)
}

#[test]
fn every_certificate_of_the_reference_comes_out_as_expected() {
    if let Some(report) = check("eu-dcc") {
        assert_eq!(report.passed, 432);
        // Two of Poland have other names beside the signed ones, one of France other hours.
        let contradicted: Vec<&str> = report.contradictions.iter().map(|one| &*one.sample).collect();
        let samples = ["cases/FR/test_pcr_ok.json", "cases/PL/1.3.0/1.json", "cases/PL/1.3.0/5.json"];
        assert_eq!(contradicted, samples.map(|sample| [sample; 2]).concat());
    }
}

/// Folder of reference data; nothing, said aloud, where there is none.
fn reference() -> Option<PathBuf> {
    let folder = std::env::var_os("SIZAO_REFERENCE").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "SIZAO_REFERENCE is not set");
        println!("not run: reference data absent");
    }
    folder
}

#[test]
fn every_fhir_example_of_the_reference_is_read_and_written_without_loss() {
    if let Some(report) = check("fhir-r4") {
        assert_eq!(report.passed, 140);
    }
}

#[test]
fn every_message_of_the_reference_is_kept_and_says_what_its_outcome_says() {
    if let Some(report) = check("hl7v2") {
        assert_eq!(report.passed, 222);
    }
}
