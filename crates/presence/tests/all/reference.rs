//! The small reference cases, computed three independent ways, must come out to the byte.

use std::path::{Path, PathBuf};

use sizao_presence::{Rule, TraceTables, trace_tables};

fn check(name: &str) {
    let Some(folder) = reference().map(|folder| folder.join("trace").join(name)) else { return };
    let read = |file: &str| std::fs::read(folder.join(file)).expect("the reference file is there");
    let (ledger, cases, params, risky) =
        (read("ledger.csv"), read("index_case.csv"), read("param.csv"), read("risky_place.csv"));
    let tables = TraceTables { ledger: &ledger, cases: &cases, params: &params, risky_places: Some(&risky) };
    let answer = trace_tables(&tables).expect("the tables are sound");
    for (file, got) in [
        ("expected_t1.csv", answer.t1),
        ("expected_t2.csv", answer.t2),
        ("expected_t3.csv", answer.t3.expect("risky places were given")),
    ] {
        let want = String::from_utf8(read(file)).expect("expected answers are text").replace("\r\n", "\n");
        let got = String::from_utf8(got).expect("answers are text");
        let differs = want.lines().zip(got.lines()).find(|(want, got)| want != got);
        assert_eq!(differs, None, "{name} {file}: first row that differs (wanted, got)");
        assert_eq!(got.lines().count(), want.lines().count(), "{name} {file}");
    }
    let backward = ledger_rows(&folder).filter(|(enter, leave)| leave.is_some_and(|leave| leave < *enter)).count();
    assert!(backward > 0, "{name} holds rows that leave before they enter");
    assert_eq!(answer.report.count(Rule::LeaveBeforeEnter), backward as u64);
    assert_eq!(answer.report.rows, ledger_rows(&folder).count() as u64);
}

fn ledger_rows(folder: &Path) -> impl Iterator<Item = (u32, Option<u32>)> {
    let text = std::fs::read_to_string(folder.join("ledger.csv")).expect("the ledger is text");
    let rows: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[2].parse().expect("a time"), cells[3].parse().ok())
        })
        .collect();
    rows.into_iter()
}

/// Folder of the reference data, if the machine has it; CI must.
fn reference() -> Option<PathBuf> {
    let folder = std::env::var_os("SIZAO_REFERENCE").map(PathBuf::from);
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI runs with SIZAO_REFERENCE");
        eprintln!("not run: reference data absent");
    }
    folder
}

#[test]
fn case_a_with_its_touching_zero_length_and_open_stays_is_exact() {
    check("case_a");
}

#[test]
fn case_b_with_ids_over_the_whole_range_is_exact() {
    check("case_b");
}

#[test]
fn case_c_with_another_latency_cap_and_least_time_is_exact() {
    check("case_c");
}
