//! `sizao trace` on the small reference cases, computed three independent ways, and on files that are not whole.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn trace(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sizao")).arg("trace").args(arguments).current_dir(folder).output().unwrap()
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

fn check(name: &str, ledger: impl FnOnce(&Path, &Path) -> PathBuf) {
    let Some(case) = reference().map(|folder| folder.join("trace").join(name)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let ledger = ledger(&case.join("ledger.csv"), folder.path());
    let path = |file: &str| case.join(file).display().to_string();
    let out = folder.path().join("a/new/folder");
    let [cases, params, risky] = ["index_case.csv", "param.csv", "risky_place.csv"].map(path);
    let [ledger, to] = [ledger, out.clone()].map(|path| path.display().to_string());
    let arguments =
        ["--ledger", &ledger, "--cases", &cases, "--params", &params, "--risky-places", &risky, "--out", &to];
    let asked = trace(&arguments, folder.path());
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    for table in ["t1.csv", "t2.csv", "t3.csv"] {
        let want = fs::read_to_string(case.join(format!("expected_{table}"))).unwrap().replace("\r\n", "\n");
        assert!(fs::read_to_string(out.join(table)).unwrap() == want, "{name} {table}");
    }
    let refused = fs::read_to_string(out.join("refused.csv")).unwrap();
    assert_eq!(refused.lines().skip(1).count(), 90, "{name}");
    assert!(refused.lines().skip(1).all(|line| line.contains(",leave_before_enter,")));
}

#[test]
fn the_three_reference_cases_come_out_to_the_byte() {
    for name in ["case_a", "case_b", "case_c"] {
        check(name, |ledger, _| ledger.to_owned());
    }
}

#[test]
fn a_ledger_in_a_folder_of_days_gives_the_same_answer() {
    check("case_a", |ledger, folder| {
        let text = fs::read_to_string(ledger).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        // Rows of one stay land in different files, since the rows have no order.
        for (number, rows) in lines[1..].chunks(4_000).enumerate() {
            let day = folder.join(format!("days/2022/{number}"));
            fs::create_dir_all(&day).unwrap();
            fs::write(day.join("stays.CSV"), format!("{}\r\n{}\r\n", lines[0], rows.join("\r\n"))).unwrap();
        }
        fs::write(folder.join("days/README.txt"), "no ledger").unwrap();
        folder.join("days")
    });
}

const PARAMS: &str = "d_s,latency_s,t_now,open_cap_s,t3_t0,t3_t1\n600,100,900000,3600,0,900000\n";
const CASES: &str = "case_id,person_id,t0,t1\n0,1,1000,900000\n";

/// What is printed when the ledger cannot be read; nothing may be written.
fn refusal(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    fs::write(folder.path().join("p.csv"), PARAMS).unwrap();
    fs::write(folder.path().join("c.csv"), CASES).unwrap();
    let arguments = ["--ledger", name, "--cases", "c.csv", "--params", "p.csv", "--out", "answer"];
    let asked = trace(&arguments, folder.path());
    assert_eq!(asked.status.code(), Some(1), "{name}");
    assert!(!folder.path().join("answer").exists(), "{name}: nothing is written");
    String::from_utf8(asked.stderr).unwrap()
}

#[test]
fn a_ledger_that_is_no_ledger_is_named_and_nothing_is_written() {
    assert!(refusal("l.csv", b"").contains("l.csv: the header has no column `person_id`"));
    assert!(refusal("l.csv", b"person_id;place_id;enter_ts;leave_ts\n").contains("no column `person_id`"));
    assert!(refusal("l.parquet", b"").contains("l.parquet: not a whole Parquet file"));
    assert!(refusal("l.parquet", b"PAR1 and then nothing").contains("l.parquet: not a whole Parquet file"));
}
