//! Tables by mapping: what is accepted, what is refused and with which words.

use sizao_interop::{CsvImport, ImportError, Imported, Mapping};
use sizao_model::{FactBody, FactKind, draft::provisional_fact};

use crate::common::{import, lab_mapping, now};

const HEADER: &str = "条码,姓名,证件类型,证件号码,手机号,采样地,方法,采样时间,结果,报告时间";
const GOOD: &str = "B001,张三,身份证,11010519491231002X,13800138000,410102,核酸,2022-03-16 08:30,阴性,2022-03-16 20:00";

fn check(rows: &[&str], expect: &[&str]) {
    let text = format!("{HEADER}\n{}\n", rows.join("\n"));
    let imported = import(text.as_bytes(), &lab_mapping());
    let refused: Vec<String> = imported.rejected.iter().map(|error| error.to_string()).collect();
    assert_eq!(refused, expect);
    assert_eq!(imported.accepted.len() + imported.rejected.len(), rows.len());
}

/// The good row with one cell replaced.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    GOOD.replacen(from, to, 1)
}

#[test]
fn a_good_row_makes_a_person_and_its_facts() {
    let mapping = lab_mapping();
    let imported = import(format!("\u{feff}{HEADER}\r\n{GOOD}\r\n").as_bytes(), &mapping);
    let [row] = imported.accepted.as_slice() else { panic!("{:?}", imported.rejected) };
    assert_eq!(row.origin.row, 2);
    assert_eq!(row.people[0].full_name.as_deref(), Some("张三"));
    assert_eq!(row.people[0].phones[0].reveal(), "13800138000");
    let [sample, result] = row.facts.as_slice() else { panic!("{:?}", row.facts) };
    assert_eq!((sample.origin.part, result.origin.part), (0, 1));
    assert_eq!(sample.person, Some(row.people[0].names[0].provisional()));
    assert_eq!(sample.happened.starts_at().to_string(), "2022-03-16T08:30:00+08:00");
    assert_eq!(sample.division.to_string(), "410102");
    let FactBody::TestResult(body) = &result.body else { panic!("{:?}", result.body) };
    let key = sample.key.as_deref().unwrap();
    assert_eq!(key, "B001/sample");
    assert_eq!(body.sample, Some(provisional_fact(mapping.sender(), key)));
}

#[test]
fn a_fact_whose_condition_does_not_hold_is_not_made() {
    let imported = import(format!("{HEADER}\n{}\n", with("阴性,2022-03-16 20:00", "-,")).as_bytes(), &lab_mapping());
    assert_eq!(imported.accepted[0].facts.len(), 1);
    assert_eq!(imported.accepted[0].facts[0].body.kind(), FactKind::Sample);
}

#[test]
fn every_bad_cell_is_named_with_value_rule_and_cure() {
    check(
        &[
            GOOD,
            &with("2022-03-16 08:30", "2022-03-32 08:30"),
            &with("2022-03-16 08:30", "2022-02-30 08:30"),
            &with("阴性", "弱阳"),
            &with("410102", "410199"),
            &with("11010519491231002X", "110105194912310021"),
            &with("13800138000", "1380"),
            &with("2022-03-16 20:00", "2022-03-18 20:00"),
        ],
        &[
            "Row 3, 采样时间 2022-03-32 08:30: March has 31 days. Correct the cell and send the file again",
            "Row 4, 采样时间 2022-02-30 08:30: February 2022 has 28 days. Correct the cell and send the file again",
            "Row 5, 结果 弱阳: the mapping knows only 可疑, 阳性, 阴性. Correct the cell, or add the word to the mapping, \
             and send the file again",
            "Row 6, 采样地 410199: no division of the country has this code. Correct the cell and send the file again",
            "Row 7, 证件号码 1**********1: the last character of this ID number should be X: one character is mistyped or \
             two are swapped. Correct the cell and send the file again",
            "Row 8, 手机号 ****: a telephone number has 7 to 15 digits, with + and country code when it is foreign; this \
             has 4. Correct the cell and send the file again",
            "Row 9, 报告时间 2022-03-18 20:00: this lies in the future, and only arrivals and areas may be announced. \
             Correct the cell and send the file again",
        ],
    );
}

#[test]
fn several_bad_cells_of_a_row_are_named_together() {
    let row = GOOD.replace("阴性", "?").replace("核酸", "抗体").replace("2022-03-16 20:00", "later");
    check(
        &[&row],
        &[
            "Row 2, 方法 抗体: the mapping knows only 抗原, 核酸; 报告时间 later: a date here is written YYYY-MM-DD hh:mm or \
           YYYY/M/D hh:mm or YYYY年M月D日; 结果 ?: the mapping knows only 可疑, 阳性, 阴性. Correct the cell, or add the \
           word to the mapping, and send the file again",
        ],
    );
}

#[test]
fn shifted_cells_are_refused_without_showing_what_they_hold() {
    check(
        &["B001,张三,身份证", &format!("{GOOD},more")],
        &[
            "Row 2: the row has 3 cells, fewer than the header's 10: cells may have moved. Look for a missing or \
             additional delimiter, correct the row and send the file again",
            "Row 3: the row has 11 cells, more than the header's 10: cells may have moved. Look for a missing or \
             additional delimiter, correct the row and send the file again",
        ],
    );
    let moved = "B001,身份证,张三,13800138000,410102,11010519491231002X,核酸,2022-03-16 08:30,阴性,2022-03-16 20:00";
    let imported = import(format!("{HEADER}\n{moved}\n").as_bytes(), &lab_mapping());
    let text = format!("{}", imported.rejected[0]);
    assert!(text.contains("have moved to the left or right"), "{text}");
    for secret in ["张三", "13800138000", "11010519491231002X"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_stray_quotation_mark_costs_one_row() {
    let rows = [&with("B001", "\"B001"), &with("B001", "B002"), &with("B001", "\"B003"), &with("B001", "B004")];
    let text = format!("{HEADER}\n{}\n", rows.map(String::as_str).join("\n"));
    let imported = import(text.as_bytes(), &lab_mapping());
    assert_eq!(imported.accepted.iter().map(|row| row.origin.row).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(imported.rejected.iter().map(|error| error.row).collect::<Vec<_>>(), [2, 4]);
    assert!(imported.rejected[1].to_string().contains("quotation marks of the row do not pair"));
}

#[test]
fn quoted_line_ends_and_blank_rows_keep_the_row_numbers_of_a_spreadsheet() {
    let text = format!("{HEADER}\n{}\n\n,,,,,,,,,\n{}\n", with("张三", "\"张\n三\""), with("阴性", "bad"));
    let imported = import(text.as_bytes(), &lab_mapping());
    assert_eq!(imported.accepted[0].people[0].full_name.as_deref(), Some("张\n三"));
    assert_eq!(imported.rejected[0].row, 5);
}

#[test]
fn a_line_of_any_length_costs_one_row() {
    let mut text = format!("{HEADER}\n{GOOD}\n").into_bytes();
    text.extend(std::iter::repeat_n(b'x', 3 << 20));
    text.extend(format!("\n{GOOD}\n").into_bytes());
    let imported = import(&text, &lab_mapping());
    assert_eq!((imported.accepted.len(), imported.rejected.len()), (2, 1));
    assert!(imported.rejected[0].to_string().starts_with("Row 3: the row has 3145728 bytes; at most 1048576"));
    assert_eq!(imported.accepted[1].origin.row, 4);
}

#[test]
fn bytes_that_are_no_text_cost_one_row() {
    let mut text = format!("{HEADER}\n").into_bytes();
    text.extend(with("张三", "X").replace('X', "?").bytes().map(|b| if b == b'?' { 0xff } else { b }));
    text.extend(format!("\n{GOOD}\n").into_bytes());
    let imported = import(&text, &lab_mapping());
    assert_eq!((imported.accepted.len(), imported.rejected.len()), (1, 1));
    assert!(imported.rejected[0].to_string().starts_with("Row 2: the row is not valid UTF-8"));
}

#[test]
fn gb18030_is_understood_with_and_without_being_named() {
    let text = format!("{HEADER}\n{GOOD}\n");
    let (bytes, ..) = encoding_rs::GB18030.encode(&text);
    let named = format!("encoding = \"gb18030\"\n{}", include_str!("../data/lab.toml"));
    for mapping in [lab_mapping(), Mapping::from_toml(&named).unwrap()] {
        let imported = import(&bytes, &mapping);
        assert_eq!(imported.accepted[0].people[0].full_name.as_deref(), Some("张三"));
    }
}

#[test]
fn a_wrong_header_says_which_column_is_missing_and_which_may_be_meant() {
    let mapping = lab_mapping();
    let open = |text: &str| CsvImport::new(text.as_bytes(), &mapping, now()).err().unwrap().to_string();
    assert_eq!(
        open(&HEADER.replace("报告时间", "报告日期")),
        "the header lacks the column '报告时间' (it has '报告日期': is that the one?). Correct the header, or the mapping"
    );
    assert_eq!(open(""), "the file is empty: it needs a header line with the names of the columns");
    assert!(open(&format!("{HEADER},结果")).contains("'结果' twice"));
    assert!(CsvImport::new(HEADER.replace("采样时间", "sampled_at").as_bytes(), &mapping, now()).is_ok());
    assert!(CsvImport::new(HEADER.replace("手机号,", "").as_bytes(), &mapping, now()).is_ok(), "it is optional");
    assert!(open("\u{0}").contains("lacks"));
    let utf16 = [0xff, 0xfe, 0x41, 0x00];
    assert!(matches!(CsvImport::new(&utf16[..], &mapping, now()), Err(ImportError::Header(_))));
}

#[test]
fn a_source_that_fails_ends_the_import_with_its_row() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("cable"))
        }
    }
    let mapping = lab_mapping();
    let start = format!("{HEADER}\n{GOOD}\n{}", "x".repeat(70_000));
    let source = std::io::Read::chain(start.as_bytes(), Broken);
    let steps: Vec<_> = CsvImport::new(source, &mapping, now()).unwrap().collect();
    assert!(matches!(steps.as_slice(), [Ok(Imported::Accepted(_)), Err(ImportError::Read { row: 3, .. })]));
}
