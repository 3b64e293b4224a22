//! Whatever the bytes are: nothing panics, every row is accounted for, and what is good stays good among the bad.

use std::io::{Cursor, Read as _, Write as _};

use proptest::prelude::*;
use sizao_interop::{BadRows, CsvImport, Imported, Mapping, XlsxImport, ndjson};
use sizao_model::DivisionCode;

use crate::common::{import, lab_mapping, now};

const HEADER: &str = "条码,姓名,证件类型,证件号码,手机号,采样地,方法,采样时间,结果,报告时间";
const LAB: &str = include_str!("../data/lab.toml");
const FACT: &str = r#"{"id":"f9","kind":"exposure","person":"p1","happened":{"from":"2022-03-02","to":"2022-03-03"},"recorded_at":"2022-03-04T10:00:00+08:00","body":{"case":"c1","evidence":"interview","class":"close_contact"}}"#;

/// Cells of which rows are made: right ones, wrong ones, and ones that break tables.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("B001".to_owned()),
        Just("张三".to_owned()),
        Just("身份证".to_owned()),
        Just("11010519491231002X".to_owned()),
        Just("410102".to_owned()),
        Just("核酸".to_owned()),
        Just("2022-03-16 08:30".to_owned()),
        Just("2022-02-30".to_owned()),
        Just("阴性".to_owned()),
        Just("\"".to_owned()),
        Just("\"\"".to_owned()),
        Just(String::new()),
        "\\PC{0,6}",
    ]
}

fn good_row(number: usize) -> String {
    format!("B{number},张三,身份证,11010519491231002X,13800138000,410102,核酸,2022-03-16 08:30,阴性,2022-03-16 20:00")
}

/// Takes everything from an import, and gives the refused rows to a bad-rows file.
fn run(bytes: &[u8], mapping: &Mapping) -> Option<(u64, u64)> {
    let mut rows = CsvImport::new(bytes, mapping, now()).ok()?;
    let mut bad = BadRows::new(Vec::new(), mapping, rows.header()).unwrap();
    let (mut accepted, mut rejected) = (0, 0);
    for step in rows.by_ref() {
        match step.unwrap() {
            Imported::Accepted(_) => accepted += 1,
            Imported::Rejected(error) => {
                assert!(!error.problems.is_empty());
                assert!(!error.to_string().is_empty());
                bad.push(&error).unwrap();
                rejected += 1;
            }
        }
    }
    assert_eq!((rows.counts().accepted, rows.counts().rejected), (accepted, rejected));
    Some((accepted, rejected))
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mapping = lab_mapping();
        run(&bytes, &mapping);
        let mut with_header = format!("{HEADER}\n").into_bytes();
        with_header.extend(&bytes);
        prop_assert!(run(&with_header, &mapping).is_some());
        let division = DivisionCode::parse("4101").unwrap();
        for step in ndjson::FactImport::new(&bytes[..], "city", division, now()) {
            step.unwrap();
        }
        let _ = ndjson::read_facts(&bytes[..]);
        prop_assert!(XlsxImport::new(&bytes, &mapping, now()).is_err());
    }

    #[test]
    fn every_row_is_accepted_or_rejected(rows in prop::collection::vec(prop::collection::vec(cell(), 8..12), 0..12)) {
        // Without quotation marks a row is a line, whatever else it holds.
        let lines: Vec<String> = rows.iter().map(|row| row.join(",").replace('"', "”")).collect();
        let text = format!("{HEADER}\n{}\n", lines.join("\n"));
        let blank = |line: &&String| line.bytes().all(|byte| byte == b',' || byte.is_ascii_whitespace());
        let expected = lines.iter().filter(|line| !blank(line)).count() as u64;
        let (accepted, rejected) = run(text.as_bytes(), &lab_mapping()).unwrap();
        prop_assert_eq!(accepted + rejected, expected);
    }

    #[test]
    fn a_good_row_stays_good_behind_any_other(
        before in prop::collection::vec(cell(), 1..12),
        line in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        // Marks that open on one line may swallow the next ones by right of the format; all else may not.
        let mut text = format!("{HEADER}\n{}\n", before.join(",").replace(['"', '\n'], "")).into_bytes();
        text.extend(line.iter().filter(|byte| !matches!(byte, b'"' | b'\n')));
        text.extend(format!("\n{}\n", good_row(7)).into_bytes());
        // Named, because a file whose first Chinese words are broken may look like another encoding.
        let mapping = Mapping::from_toml(&format!("encoding = \"utf-8\"\n{LAB}")).unwrap();
        let imported = import(&text, &mapping);
        let last = imported.accepted.last().expect("the good row");
        prop_assert_eq!(last.facts[0].key.as_deref(), Some("B7/sample"));
    }

    #[test]
    fn quotation_marks_cost_at_most_their_own_rows(rows in prop::collection::vec(any::<bool>(), 1..8)) {
        // A mark at the beginning of a row that nobody closes: that row is refused, all others go in.
        let lines: Vec<String> =
            rows.iter().enumerate().map(|(i, bad)| format!("{}{}", if *bad { "\"" } else { "" }, good_row(i))).collect();
        let imported = import(format!("{HEADER}\n{}\n", lines.join("\n")).as_bytes(), &lab_mapping());
        let expected: Vec<u64> = (2..).zip(&rows).filter(|(_, bad)| **bad).map(|(row, _)| row).collect();
        prop_assert_eq!(imported.rejected.iter().map(|error| error.row).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_damaged_mapping_is_refused_with_its_place_or_still_works(
        at in 0..LAB.len(), length in 0usize..12, insert in "[a-z\"\\[\\]={}0-9 \n]{0,4}",
    ) {
        let text: String = LAB.chars().take(at).chain(insert.chars()).chain(LAB.chars().skip(at + length)).collect();
        match Mapping::from_toml(&text) {
            Ok(mapping) => drop(run(format!("{HEADER}\n{}\n", good_row(1)).as_bytes(), &mapping)),
            Err(error) => prop_assert!(error.line >= 1 && error.line <= text.lines().count() + 1, "{error}"),
        }
    }

    #[test]
    fn a_damaged_line_is_refused_or_a_fact(at in 0..FACT.len(), insert in "\\PC{0,3}", length in 0usize..6) {
        let text: String = FACT.chars().take(at).chain(insert.chars()).chain(FACT.chars().skip(at + length)).collect();
        let division = DivisionCode::parse("4101").unwrap();
        let mut import = ndjson::FactImport::new(text.as_bytes(), "city", division, now());
        for step in import.by_ref() {
            step.unwrap();
        }
        prop_assert!(import.counts().accepted + import.counts().rejected <= 1 + text.matches('\n').count() as u64);
        if let Ok((facts, _)) = ndjson::read_facts(text.as_bytes()) {
            for fact in facts {
                prop_assert_eq!(sizao_model::Fact::from_json(&fact.to_json()).unwrap(), fact);
            }
        }
    }

    #[test]
    fn a_damaged_workbook_is_refused_or_read(part in 0usize..12, at in 0usize..4000, insert in "[a-zA-Z0-9<>/=\" ]{0,5}", length in 0usize..9) {
        let bytes = damaged(part, at, &insert, length);
        let mapping = lab_mapping();
        if let Ok(import) = XlsxImport::new(&bytes, &mapping, now()) {
            for step in import {
                step.unwrap();
            }
        }
    }
}

/// A workbook one of whose parts is changed inside, with sums and sizes of the archive made right again.
fn damaged(part: usize, at: usize, insert: &str, length: usize) -> Vec<u8> {
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (r, line) in [HEADER.to_owned(), good_row(1), good_row(2)].iter().enumerate() {
        for (c, cell) in line.split(',').enumerate() {
            sheet.write_string(r as u32, c as u16, cell).unwrap();
        }
    }
    sheet.write_number(1, 7, 44_636.354).unwrap();
    let bytes = book.save_to_buffer().unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let changed = part % archive.len();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        if index == changed {
            let at = at % (content.len() + 1);
            let end = (at + length).min(content.len());
            content.splice(at..end, insert.bytes());
        }
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(file.name().unwrap().into_owned(), options).unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
