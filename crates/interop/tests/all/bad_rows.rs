//! Refused rows come back in a file that can be mended and sent again, as CSV, as a workbook and as lines.

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use sizao_interop::{
    BadRows, BadRowsWorkbook, CsvImport, ImportError, Imported, Mapping, REASON_HEADER, RowError, XlsxImport,
    ndjson::FactImport,
};
use sizao_model::DivisionCode;

use crate::common::{import, lab_mapping, now};

const HEADER: &str = "条码,姓名,证件类型,证件号码,手机号,采样地,方法,采样时间,结果,报告时间";
const ROWS: [&str; 4] = [
    "B001,张三,身份证,11010519491231002X,13800138000,410102,核酸,2022-03-16 08:30,阴性,2022-03-16 20:00",
    "B002,\"李, \"\"四\"\"\",护照,E12345678,,410102,核酸,2022-03-32 08:30,阴性,2022-03-16 20:00",
    "B003,王五,护照,E87654321,410102,核酸,2022-03-16 08:30,阴性,2022-03-16 20:00",
    "B004,赵六,护照,E11111111,,410102,核酸,2022-03-16 08:30,-,",
];

fn bad_rows(bytes: &[u8], mapping: &Mapping) -> (usize, String) {
    let mut rows = CsvImport::new(bytes, mapping, now()).unwrap();
    let mut bad = BadRows::new(Vec::new(), mapping, rows.header()).unwrap();
    for step in rows.by_ref() {
        if let Imported::Rejected(error) = step.unwrap() {
            bad.push(&error).unwrap();
        }
    }
    assert_eq!(rows.counts().rejected, bad.rows());
    (rows.counts().accepted as usize, String::from_utf8(bad.finish().unwrap()).unwrap())
}

#[test]
fn a_mended_file_goes_in_whatever_the_encoding_of_the_first_one() {
    let text = format!("{HEADER}\n{}\n", ROWS.join("\n"));
    let named = Mapping::from_toml(&format!("encoding = \"gb18030\"\n{}", include_str!("../data/lab.toml"))).unwrap();
    let (gb, ..) = encoding_rs::GB18030.encode(&text);
    for (bytes, mapping) in [(text.as_bytes(), lab_mapping()), (&gb, named)] {
        let (accepted, bad) = bad_rows(bytes, &mapping);
        assert_eq!(accepted, 2);
        assert!(bad.contains("Row 3: 采样时间 2022-03-32 08:30: March has 31 days"), "{bad}");
        assert!(bad.lines().next().unwrap().ends_with(REASON_HEADER));

        let (accepted, again) = bad_rows(bad.as_bytes(), &mapping);
        assert_eq!(accepted, 0, "nothing was mended");
        assert_eq!(again.matches(REASON_HEADER).count(), 1, "the reason is not passed on as a cell");

        let mended = again.replace("2022-03-32", "2022-03-15").replace("E87654321,410102", "E87654321,,410102");
        let imported = import(mended.as_bytes(), &mapping);
        assert_eq!((imported.accepted.len(), imported.rejected.len()), (2, 0), "{mended}");
        assert_eq!(imported.accepted[0].people[0].full_name.as_deref(), Some("李, \"四\""));
    }
}

#[test]
fn a_mended_row_is_recognised_as_the_row_it_would_have_been() {
    let good = format!("{HEADER}\n{}\n", ROWS[0]);
    let with_reason = format!("{HEADER},{REASON_HEADER}\n{},was bad\n", ROWS[0]);
    let digest = |text: &str| import(text.as_bytes(), &lab_mapping()).accepted[0].origin.line_digest;
    assert_eq!(digest(&good), digest(&with_reason), "the reason is no part of the row");
}

fn workbook(cells: &[&[&str]]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (r, row) in cells.iter().enumerate() {
        for (c, cell) in row.iter().enumerate() {
            sheet.write_string(r as u32, c as u16, *cell).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

fn rejected(import: XlsxImport<'_>) -> Vec<RowError> {
    import
        .filter_map(|step| match step.unwrap() {
            Imported::Rejected(error) => Some(error),
            Imported::Accepted(_) => None,
        })
        .collect()
}

#[test]
fn a_workbook_gives_the_same_drafts_as_the_same_table_in_csv() {
    let mapping = lab_mapping();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.write_string(0, 0, "Results of the day").unwrap();
    for (c, name) in HEADER.split(',').enumerate() {
        sheet.write_string(1, c as u16, name).unwrap();
    }
    for (c, cell) in ROWS[0].split(',').enumerate() {
        sheet.write_string(2, c as u16, cell).unwrap();
    }
    // As a person types it: numbers as numbers, dates as dates.
    let format = Format::new().set_num_format("yyyy-mm-dd hh:mm");
    sheet.write_number(2, 4, 13_800_138_000.0).unwrap();
    sheet.write_number(2, 5, 410_102.0).unwrap();
    let sampled = ExcelDateTime::from_ymd(2022, 3, 16).unwrap().and_hms(8, 30, 0).unwrap();
    sheet.write_datetime_with_format(2, 7, &sampled, &format).unwrap();
    let reported = ExcelDateTime::from_ymd(2022, 3, 16).unwrap().and_hms(20, 0, 0).unwrap();
    sheet.write_number(2, 9, reported.to_excel()).unwrap();
    let bytes = book.save_to_buffer().unwrap();

    let titled = Mapping::from_toml(&format!("header_row = 2\n{}", include_str!("../data/lab.toml"))).unwrap();
    let steps: Vec<_> = XlsxImport::new(&bytes, &titled, now()).unwrap().collect();
    let [Ok(Imported::Accepted(row))] = steps.as_slice() else { panic!("{steps:?}") };
    let csv = import(format!("{HEADER}\n{}\n", ROWS[0]).as_bytes(), &mapping);
    assert_eq!(format!("{:?}", row.people), format!("{:?}", csv.accepted[0].people));
    assert_eq!(row.people[0].phones[0].reveal(), "13800138000");
    assert_eq!(row.origin.row, 3);
    for (fact, expected) in row.facts.iter().zip(&csv.accepted[0].facts) {
        assert_eq!(fact.happened, expected.happened);
        assert_eq!((&fact.body, &fact.key, fact.person), (&expected.body, &expected.key, expected.person));
    }
    assert_eq!(row.facts.len(), 2);
}

#[test]
fn a_mended_workbook_goes_in() {
    let mapping = lab_mapping();
    let header: Vec<_> = HEADER.split(',').collect();
    let mut bad: Vec<_> = ROWS[0].split(',').collect();
    bad[7] = "2022-02-30 08:30";
    let good: Vec<_> = ROWS[0].split(',').collect();
    let bytes = workbook(&[&header, &good, &bad]);
    let import = XlsxImport::new(&bytes, &mapping, now()).unwrap();
    let mut back = BadRowsWorkbook::new(import.header()).unwrap();
    let errors = rejected(import);
    assert_eq!(
        errors[0].to_string().split(". ").next(),
        Some("Row 3, 采样时间 2022-02-30 08:30: February 2022 has 28 days")
    );
    back.push(&errors[0]).unwrap();
    let again = back.finish().unwrap();
    let import = XlsxImport::new(&again, &mapping, now()).unwrap();
    assert_eq!(import.header().names().len(), header.len());
    let refused = rejected(import);
    assert_eq!((refused[0].row, &refused[0].problems), (2, &errors[0].problems));

    bad[7] = "2022-02-28 08:30";
    let mended = workbook(&[&[&header[..], &[REASON_HEADER]].concat(), &[&bad[..], &["Row 3: bad"]].concat()]);
    assert_eq!(rejected(XlsxImport::new(&mended, &mapping, now()).unwrap()), []);
}

#[test]
fn identity_numbers_that_a_sheet_has_rounded_are_refused_with_the_way_out() {
    let mapping = lab_mapping();
    let header: Vec<_> = HEADER.split(',').collect();
    let good: Vec<_> = ROWS[0].split(',').collect();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (c, (name, cell)) in header.iter().zip(&good).enumerate() {
        sheet.write_string(0, c as u16, *name).unwrap();
        sheet.write_string(1, c as u16, *cell).unwrap();
    }
    sheet.write_number(1, 3, 110_105_194_912_310_021.0).unwrap();
    let bytes = book.save_to_buffer().unwrap();
    let errors = rejected(XlsxImport::new(&bytes, &mapping, now()).unwrap());
    assert!(errors[0].to_string().contains("Format the column as text"), "{}", errors[0]);
}

#[test]
fn what_is_no_workbook_or_lacks_the_sheet_is_said() {
    let mapping = Mapping::from_toml(&format!("sheet = \"结果\"\n{}", include_str!("../data/lab.toml"))).unwrap();
    let open = |bytes: &[u8]| XlsxImport::new(bytes, &mapping, now()).err().unwrap();
    assert!(matches!(open(b""), ImportError::Workbook(_)));
    assert!(matches!(open(HEADER.as_bytes()), ImportError::Workbook(_)));
    assert!(open(&workbook(&[&["a"]])).to_string().contains("no sheet '结果', but Sheet1"));
    let plain = lab_mapping();
    let empty = XlsxImport::new(&workbook(&[]), &plain, now()).err().unwrap();
    assert!(matches!(empty, ImportError::Empty));
    let csv = CsvImport::new(&workbook(&[&["a"]])[..], &plain, now()).err().unwrap();
    assert!(csv.to_string().contains("not CSV"), "{csv}");
}

#[test]
fn refused_lines_come_back_under_a_remark() {
    let good = r#"{"id":"f1","kind":"death","person":"p1","happened":{"day":"2022-03-02"},"body":{}}"#;
    let bad = good.replace("2022-03-02", "2022-02-30");
    let division = DivisionCode::parse("4101").unwrap();
    let text = format!("{good}\n{bad}\n");
    let mut back = BadRows::lines(Vec::new());
    for step in FactImport::new(text.as_bytes(), "city", division, now()) {
        if let Imported::Rejected(error) = step.unwrap() {
            back.push(&error).unwrap();
        }
    }
    let back = String::from_utf8(back.finish().unwrap()).unwrap();
    assert!(back.starts_with("# Line 2: '2022-02-30' is not a day"), "{back}");
    let mended = back.replace("2022-02-30\"}", "2022-02-28\"}");
    let mut import = FactImport::new(mended.as_bytes(), "city", division, now());
    assert!(matches!(import.next(), Some(Ok(Imported::Accepted(_)))));
    assert!(import.next().is_none());
}
