//! The tables of pooled tests in section C of the drill reference, to the digits that are printed there.

use std::path::PathBuf;

use sizao_epi::pooling::{Assay, best_size, plan_dorfman, square_array_tests};

/// The cells of all rows of section C that begin with a number.
fn rows() -> Option<Vec<Vec<String>>> {
    let Some(folder) = std::env::var_os("SIZAO_REFERENCE").map(PathBuf::from) else {
        assert!(std::env::var_os("CI").is_none(), "SIZAO_REFERENCE is not set");
        println!("not run: reference data absent");
        return None;
    };
    let text = std::fs::read_to_string(folder.join("drill/README.md")).unwrap();
    let section = text.split("## C. ").nth(1).unwrap().split("## D. ").next().unwrap();
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let numbered = |row: &Vec<String>| row[0].parse::<f64>().is_ok();
    Some(section.lines().filter(|line| line.starts_with('|')).map(cells).filter(numbered).collect())
}

/// Compares with as many decimals as are printed.
fn assert_printed(value: f64, printed: &str, what: &str) {
    let decimals = printed.split_once('.').map_or(0, |(_, part)| part.len());
    assert_eq!(format!("{value:.decimals$}"), printed, "{what}");
}

#[test]
fn a_perfect_test_needs_as_many_tests_as_printed() {
    let Some(rows) = rows() else { return };
    let perfect: Vec<_> = rows.iter().filter(|row| row.len() == 9).collect();
    assert_eq!(perfect.len(), 9);
    for row in perfect {
        let prevalence: f64 = row[0].parse().unwrap();
        for (cell, size) in [(1, 3), (2, 5), (3, 10), (4, 20), (5, 30)] {
            let design = plan_dorfman(prevalence, size, &Assay::PERFECT).unwrap();
            assert_printed(design.tests_per_person, &row[cell], &format!("{prevalence} {size}"));
        }
        let best = best_size(prevalence, &Assay::PERFECT, 400).unwrap();
        assert_eq!(best.size.to_string(), row[6], "{prevalence}");
        assert_printed(best.tests_per_person, &row[7], &format!("{prevalence} best"));
        assert_printed(square_array_tests(prevalence, 10).unwrap(), &row[8], &format!("{prevalence} array"));
    }
}

#[test]
fn an_imperfect_test_finds_as_much_as_printed() {
    let Some(rows) = rows() else { return };
    let assay = Assay::new(0.95, 0.995).unwrap();
    let imperfect: Vec<_> = rows.iter().filter(|row| row.len() == 7).collect();
    assert_eq!(imperfect.len(), 12);
    for row in imperfect {
        let (prevalence, size): (f64, u32) = (row[0].parse().unwrap(), row[1].parse().unwrap());
        let design = plan_dorfman(prevalence, size, &assay).unwrap();
        let what = format!("{prevalence} {size}");
        assert_printed(design.tests_per_person, &row[2], &what);
        assert_printed(design.sensitivity, &row[3], &what);
        assert_printed(design.specificity, &row[4], &what);
        assert_printed(design.ppv.unwrap(), &row[5], &what);
        assert_printed(design.npv, &row[6], &what);
    }
}
