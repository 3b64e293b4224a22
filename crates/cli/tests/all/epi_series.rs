//! Every method of `sizao epi` on every series that is not as it should be: a result whose empty cells have their reason, or
//! words that say what is needed.

use std::{
    fmt::Write,
    fs,
    path::Path,
    process::{Command, Output},
};

use jiff::{ToSpan, civil::Date};

/// Methods that answer with a table, with what else they have to be told.
const METHODS: [&[&str]; 21] = [
    &["ears", "--chart", "C1"],
    &["ears", "--chart", "C2"],
    &["ears", "--chart", "C3"],
    &["farrington"],
    &["farrington", "--compat"],
    &["farrington", "--form", "original"],
    &["cusum"],
    &["cusum", "--seasonal"],
    &["rogerson"],
    &["glr"],
    &["outbreak-p"],
    &["rki"],
    &["bayes"],
    &["sparse"],
    &["trend"],
    &["cori", "--si-mean", "4.8", "--si-sd", "2.3"],
    &["wallinga-teunis", "--si-mean", "4.8", "--si-sd", "2.3"],
    &["epi-filter", "--si-mean", "4.8", "--si-sd", "2.3"],
    &["infectivity", "--si-mean", "4.8", "--si-sd", "2.3"],
    &["growth"],
    &["day-effects"],
];

/// A table of one series.
fn table(step_days: i64, counts: &[&str]) -> String {
    let mut text = "date,count\n".to_owned();
    for (place, count) in counts.iter().enumerate() {
        writeln!(text, "{},{count}", on(step_days * place as i64)).unwrap();
    }
    text
}

fn on(day: i64) -> Date {
    Date::constant(2015, 1, 5).checked_add(day.days()).unwrap()
}

fn run(method: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sizao"));
    command.arg("epi").args(method).args(["--in", "in.csv", "--out", "out.csv"]).current_dir(folder);
    command.output().unwrap()
}

/// Runs every method on a table. See [`check_some`].
fn check(name: &str, text: &str, needs: &[&str]) -> bool {
    check_some(&METHODS, name, text, needs)
}

/// What a table has to be is the same for every method, which share its reader: one of each kind will do.
fn check_reading(name: &str, text: &str, needs: &[&str]) -> bool {
    check_some(&[METHODS[0], METHODS[3], METHODS[13], METHODS[15], METHODS[19]], name, text, needs)
}

/// Runs methods on a table. Those that answer 1 say something that holds one of `needs`, if there are any, and write
/// nothing; whether any has a result.
fn check_some(methods: &[&[&str]], name: &str, text: &str, needs: &[&str]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.csv"), text).unwrap();
    let mut is_judged = false;
    for method in methods {
        let _ = fs::remove_file(folder.path().join("out.csv"));
        let asked = run(method, folder.path());
        let told = String::from_utf8_lossy(&asked.stderr).into_owned();
        let written = fs::read_to_string(folder.path().join("out.csv")).unwrap_or_default();
        assert!(!told.contains("panicked") && !told.contains("NaN"), "{name}, {method:?}: {told}");
        match asked.status.code() {
            Some(1) => {
                assert!(written.is_empty(), "{name}, {method:?} wrote and failed: {told}");
                assert!(needs.is_empty() || needs.iter().any(|need| told.contains(need)), "{name}, {method:?}: {told}");
                assert!(told.trim().len() > 20, "{name}, {method:?} says nothing: {told}");
            }
            Some(0 | 2) => {
                is_judged = true;
                check_rows(&format!("{name}, {method:?}"), &written);
            }
            code => panic!("{name}, {method:?}: {code:?} {told}"),
        }
    }
    is_judged
}

/// Every cell holds a finite number or has its reason in the column `note`.
fn check_rows(name: &str, written: &str) {
    let mut reader = csv::Reader::from_reader(written.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(header.iter().next_back(), Some("note"), "{name}");
    let mut rows = 0;
    for row in reader.records() {
        let row = row.unwrap_or_else(|error| panic!("{name}: {error}"));
        rows += 1;
        let note = row.iter().next_back().unwrap();
        for (column, cell) in header.iter().zip(&row) {
            let is_word = matches!(column, "date" | "stratum" | "part" | "first" | "last" | "day_type" | "note");
            if !is_word && cell.is_empty() {
                assert!(!note.is_empty(), "{name}: {column} is empty without a reason: {row:?}");
            } else if !is_word {
                let value: f64 = cell.parse().unwrap_or_else(|_| panic!("{name}: {column} {cell}"));
                assert!(value.is_finite(), "{name}: {column} {cell}");
            }
        }
    }
    assert!(rows > 0, "{name}: no row");
}

/// The count of a period by its place.
type Counts = fn(usize) -> &'static str;

/// Days for methods that need days and weeks for those that need years.
fn steps(counts: impl Fn(usize) -> &'static str) -> [(&'static str, String); 2] {
    let make = |step, periods| table(step, &(0..periods).map(&counts).collect::<Vec<_>>());
    [("days", make(1, 120)), ("weeks", make(7, 330))]
}

#[test]
fn a_constant_zeros_a_single_case_and_a_thousand_million_have_results_or_say_what_is_needed() {
    let series: [(&str, Counts); 6] = [
        ("constant", |_| "7"),
        ("zeros", |_| "0"),
        ("one case", |place| if place == 100 { "1" } else { "0" }),
        ("a thousand million", |place| if place % 2 == 0 { "1000000000" } else { "999999000" }),
        ("a thousand million once", |place| if place == 110 { "1000000000" } else { "3" }),
        ("zeros, then many", |place| if place < 90 { "0" } else { "40" }),
    ];
    for (name, counts) in series {
        for (step, text) in steps(counts) {
            assert!(check(&format!("{name} in {step}"), &text, &[]), "{name} in {step}: no method has a result");
        }
    }
}

#[test]
fn rows_that_cannot_be_counts_are_named_with_their_line() {
    let bad = [
        ("negative", "-1"),
        ("a whole number", "2.5"),
        ("missing", ""),
        ("missing", "NA"),
        ("not a", "many"),
        ("not a finite", "inf"),
    ];
    for (need, count) in bad {
        let text = table(1, &["4", "5", count, "3"]);
        assert!(!check_reading(need, &text, &[need]), "{count}");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("in.csv"), text).unwrap();
        assert!(String::from_utf8_lossy(&run(METHODS[0], folder.path()).stderr).contains("line 4"), "{count}");
    }
}

#[test]
fn gaps_repeated_days_one_observation_and_mixed_zones_are_named() {
    let mut lines: Vec<String> = table(1, &["4"; 120]).lines().map(str::to_owned).collect();
    let mut gap = lines.clone();
    gap.remove(50);
    assert!(!check_reading("gap", &gap.join("\n"), &["Fill the gap"]));
    lines.insert(50, lines[49].clone());
    assert!(!check_reading("twice", &lines.join("\n"), &["occurs more than once"]));
    assert!(!check_reading("zones", "date,count\n2024-01-01T20:00:00Z,1\n2024-01-03,2\n", &["plain day"]));
    assert!(!check_reading("no zone", "date,count\n2024-01-01T20:00:00,1\n", &["without a zone"]));
    assert!(!check_reading("no row", "date,count\n", &["no row"]));
    assert!(!check_reading("no count", "date,cases\n2024-01-01,1\n", &["`count` is missing"]));
    // One observation: every method has no result, or one with its reason.
    check("one observation", "date,count\n2024-01-01,3\n", &["need", "determine", "points"]);
}

#[test]
fn instants_of_several_zones_are_days_of_one_and_a_late_stratum_is_judged_from_its_own_first_day() {
    let mut zones = "date,count\n".to_owned();
    let mut late = "date,stratum,count\n".to_owned();
    for day in 0..120 {
        let (zone, hour) = if day % 2 == 0 { ("Z", 20) } else { ("+08:00", 9) };
        // 20:00 UTC is the next day in Shanghai.
        let date = if day % 2 == 0 { on(day - 1) } else { on(day) };
        writeln!(zones, "{date}T{hour:02}:00:00{zone},{}", 3 + day % 4).unwrap();
        writeln!(late, "{},early,{}", on(day), 3 + day % 4).unwrap();
        if day >= 117 {
            writeln!(late, "{},late,2", on(day)).unwrap();
        }
    }
    assert!(check("zones", &zones, &["need", "history"]));
    assert!(check("late", &late, &["need", "history"]));
}
