//! Mapping files: what is wrong with one is said with its place, and what the language can say.

use sizao_interop::{Mapping, NoteKind};
use sizao_model::{Edge, FactBody, When};

use crate::common::{import, lab_mapping};

const START: &str = "sender = \"s\"\ndates = [\"YYYY-MM-DD\"]\ndivision = \"4101\"\n\
                     [[person]]\nid = \"p\"\ncode = [{ scope = \"s\", column = \"no\" }]\n";

fn check_error(rest: &str, expect: &str) {
    let error = Mapping::from_toml(&format!("{START}{rest}")).unwrap_err().to_string();
    assert!(error.starts_with(expect), "{error}\n{expect}");
}

fn fact(fields: &str) -> String {
    format!("[[fact]]\nkind = \"diagnosis\"\nperson = \"p\"\nhappened = \"day\"\n{fields}\n")
}

#[test]
fn a_mistake_in_a_mapping_is_named_with_line_and_column() {
    check_error("", "line 1, column 1: there is no [[fact]]");
    check_error(
        "[[fact]]\nkind = \"diagnose\"\nhappened = \"d\"",
        "line 8, column 8: unknown kind 'diagnose'; did you mean \
                                                                   'diagnosis'? Known kinds: person,",
    );
    check_error("[[fact]]\nkind = \"death\"\nhappend = \"d\"", "line 9, column 1: unknown field `happend`");
    check_error("[[fact]]\nkind = \"death\"\nhappened = \"d\"", "line 7, column 1: kind 'death' needs 'person'");
    check_error(
        "[[fact]]\nkind = \"death\"\nperson = \"q\"\nhappened = \"d\"",
        "line 9, column 10: there is no [[person]]",
    );
    check_error(
        &fact("[fact.body]\nstatus = \"confirmed\""),
        "line 12, column 10: body of kind 'diagnosis', field \
                                                               'status': unknown variant `confirmed`",
    );
    check_error(
        &fact("[fact.body]\nstatus = \"confirmed_case\"\nonsett = { day = \"d\" }"),
        "line 13, column 10: body of \
        kind 'diagnosis', field 'onsett': unknown field `onsett`",
    );
    check_error(
        &fact("[fact.body]\nonset = { day = \"d\" }"),
        "line 7, column 1: a fact of kind 'diagnosis' needs 'status'",
    );
    check_error(
        &fact("[fact.body]\nstatus = { column = \"s\", codes = \"states\" }"),
        "line 12, column 10: there is no code \
        list [codes.states]",
    );
    check_error(&fact("once = true\n[fact.body]\nstatus = \"excluded\""), "line 7, column 1: 'once' needs a 'key'");
    check_error(&fact("key = \"{no\"\n[fact.body]\nstatus = \"excluded\""), "line 11, column 7: '{no' opens a brace");
    check_error(
        &fact("division = \"410199\"\n[fact.body]\nstatus = \"excluded\""),
        "line 11, column 12: division '410199'",
    );
    check_error("[columns.x]\ndates = [\"DD/MM\"]\n[[fact]]", "line 9, column 1: missing field");
    let bad_pattern = format!("{}\n[columns.day]\ndates = [\"DD/MM\"]", fact("[fact.body]\nstatus = \"excluded\""));
    check_error(&bad_pattern, "line 15, column 10: 'DD/MM' is not a date pattern");
    let error = Mapping::from_toml("sender = \"s\"\nzone = \"Mars/Olympus\"").unwrap_err().to_string();
    assert!(error.starts_with("line 2, column 8: 'Mars/Olympus' is not a time zone"), "{error}");
    assert!(Mapping::from_toml("sender = ").unwrap_err().to_string().starts_with("line 1, column 10"));
}

#[test]
fn dates_can_be_chosen_moved_and_joined_with_times() {
    let fields = "[fact.body]\nstatus = \"confirmed_case\"";
    let check = |happened: &str, row: &str, expect: &str| {
        let text = format!("{START}[[fact]]\nkind = \"diagnosis\"\nperson = \"p\"\nhappened = {happened}\n{fields}\n");
        let mapping = Mapping::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
        let imported = import(format!("no,a,b,c\n1,{row}\n").as_bytes(), &mapping);
        let said = match imported.accepted.first() {
            Some(row) => serde_json::to_string(&row.facts[0].happened).unwrap(),
            None => imported.rejected[0].to_string(),
        };
        assert_eq!(said, expect, "{happened}");
    };
    let row = "2022-03-02,2022-03-01,09:30";
    check("{ column = \"a\", time = \"c\" }", row, r#"{"at":"2022-03-02T09:30:00+08:00"}"#);
    check("{ column = \"a\", plus_days = -2 }", row, r#"{"day":"2022-02-28"}"#);
    check("{ column = \"a\", at = \"20:00\" }", row, r#"{"at":"2022-03-02T20:00:00+08:00"}"#);
    check("{ first_of = [\"a\", \"b\"] }", ",2022-03-01,", r#"{"day":"2022-03-01"}"#);
    check("{ earliest_of = [\"a\", \"b\"] }", row, r#"{"day":"2022-03-01"}"#);
    check("{ latest_of = [\"a\", \"b\"], plus_days = 1 }", row, r#"{"day":"2022-03-03"}"#);
    check("{ from = \"b\", to = \"a\" }", row, r#"{"from":"2022-03-01","to":"2022-03-02"}"#);
    check("{ from = \"b\", ongoing = true }", row, r#"{"from":"2022-03-01","to":null}"#);
    check("{ constant = \"2022-03-05\" }", row, r#"{"day":"2022-03-05"}"#);
    check(
        "{ from = \"a\", to = \"b\" }",
        row,
        "Row 2, a 2022-03-02: it would end on 2022-03-01, before it begins on 2022-03-02. Correct the cell and send the \
         file again",
    );
    check(
        "{ column = \"a\", time = \"c\" }",
        "2022-03-02,,9 o'clock",
        "Row 2, c 9 o'clock: a time of day is written hh:mm. Correct the cell and send the file again",
    );
}

#[test]
fn an_interval_that_the_dates_do_not_allow_can_be_listed_or_shortened() {
    let read = |unusable: &str| {
        let text = format!(
            "{START}[[fact]]\nkind = \"diagnosis\"\nperson = \"p\"\nunusable = \"{unusable}\"\n\
             happened = {{ from = \"a\", to = \"b\" }}\n[fact.body]\nstatus = \"confirmed_case\"\n"
        );
        let mapping = Mapping::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
        import(b"no,a,b\n1,2022-03-02,2022-03-01\n", &mapping).accepted.remove(0)
    };
    let listed = read("list");
    assert!(listed.facts.is_empty());
    assert_eq!(listed.notes[0].kind, NoteKind::Unusable);
    let shortened = read("shorten");
    let When::During(Edge::Day(from), Some(Edge::Day(to))) = shortened.facts[0].happened.when else { panic!() };
    assert_eq!((from.to_string(), to.to_string()), ("2022-03-01".to_owned(), "2022-03-01".to_owned()));
    assert_eq!(shortened.notes[0].kind, NoteKind::Shortened);
}

#[test]
fn a_person_named_in_many_rows_is_diagnosed_once_unless_the_rows_disagree() {
    let text = format!("{START}{}", fact("key = \"{no}\"\nonce = true\n[fact.body]\nstatus = \"confirmed_case\""));
    let mapping = Mapping::from_toml(&text).unwrap();
    let imported = import(b"no,day\n7,2022-03-01\n7,2022-03-01\n8,2022-03-01\n7,2022-03-02\n", &mapping);
    let facts: Vec<usize> = imported.accepted.iter().map(|row| row.facts.len()).collect();
    assert_eq!(facts, [1, 0, 1]);
    assert_eq!(
        imported.rejected[0].to_string(),
        "Row 5, no **: its diagnosis differs from what row 2 says under the same key. Make the two rows agree and send \
         the file again"
    );
}

#[test]
fn bodies_take_numbers_lists_references_and_objects() {
    let text = format!(
        r#"{START}
[codes.signs]
"咳" = "cough"
[[person]]
id = "case"
optional = true
code = [{{ scope = "s", column = "case no" }}]
[[fact]]
kind = "symptom_report"
person = "p"
happened = "day"
[fact.body]
symptoms = {{ column = "signs", separator = "、", codes = "signs" }}
temperature = {{ number = "degrees" }}
[[fact]]
kind = "exposure"
person = "p"
when = ["case no", {{ column = "seat", is_not = ["none"] }}]
happened = "day"
[fact.body]
case = {{ person = "case" }}
evidence = "ticket"
[fact.body.setting.object]
vehicle = "aircraft"
trip = "CZ1 {{day}}"
case_trip = "CZ1 {{day}}"
row = {{ number = "seat" }}
[[fact]]
kind = "extension"
person = "p"
when = {{ column = "until", blank = false }}
happened = "day"
[fact.body]
rule = "case"
until = {{ day = "until" }}
evidence = {{ facts = ["{{no}}/a", "{{no}}/b"] }}
signers = ["a", "b"]
"#
    );
    let mapping = Mapping::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    let header = "no,case no,day,signs,degrees,seat,until";
    let rows = format!("{header}\n1,2,2022-03-01,咳、咳,38.5,12,2022-04-01\n3,,2022-03-01,咳,hot,none,\n");
    let imported = import(rows.as_bytes(), &mapping);
    let [report, exposure, extension] = imported.accepted[0].facts.as_slice() else { panic!("{imported:?}") };
    assert_eq!(report.body.to_json(), r#"{"symptoms":["cough","cough"],"temperature":38.5}"#);
    let FactBody::Exposure(exposure) = &exposure.body else { panic!() };
    assert_eq!(exposure.case, Some(imported.accepted[0].people[1].names[0].provisional()));
    assert!(extension.body.to_json().contains(r#""until":"2022-04-01""#), "an end may lie ahead");
    assert_eq!(
        imported.rejected[0].to_string(),
        "Row 3, degrees hot: this is not a number. Correct the cell and send the file again"
    );
}

#[test]
fn a_refused_word_is_quoted_unless_it_may_be_somebody_s_number_or_name() {
    let body = "[fact.body]\nstatus = { column = \"status\" }\ndisease = \"{note}\"";
    let mapping = Mapping::from_toml(&format!("{START}{}", fact(body))).unwrap();
    let say = |row: &str| import(format!("no,day,status,note\n{row}\n").as_bytes(), &mapping).rejected[0].to_string();
    let text = say("1,2022-03-01,ill,");
    assert!(text.starts_with("Row 2, status ill: unknown variant `ill`, expected one of"), "{text}");
    for row in ["1,2022-03-01,13800138000,", "1,2022-03-01,张三,13800138000"] {
        let text = say(row);
        assert!(text.contains("this value does not fit here") && text.contains("have moved"), "{text}");
        assert!(!text.contains("张三") && !text.contains("13800138000"), "{text}");
    }
}

#[test]
fn every_mapping_of_the_repository_is_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../mappings");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        Mapping::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        seen += 1;
    }
    assert!(seen > 0);
    let lab = lab_mapping();
    assert_eq!((lab.sender(), lab.title()), ("lab-zz-07", "Results of laboratory 07"));
    assert!(lab.columns().any(|column| column == "采样时间"));
}

/// A list of passengers, by Chinese headers; one document is mistyped.
const PASSENGERS: &str = "姓名,证件类型,证件号码,手机号,车次,出发地,到达地,到达时间\n\
    李小明,身份证,11010519491231002X,10000000001,G1,上海,410102,2022-03-25 09:20\n\
    Anna Li,护照,E1234567,,G1,境外,410102,2022-03-25 09:20\n\
    王建国,身份证,110105194912310021,,G1,3101,410102,2022-03-25 09:20\n";

#[test]
fn a_row_of_a_list_is_a_lead_and_a_checkpoint_s_is_evidence() {
    use sizao_interop::{CsvImport, Imported};
    use sizao_model::{FactBody, fact::EvidenceGrade};
    let now = sizao_model::Instant::parse("2022-03-25T12:00:00+08:00").unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../mappings");
    let lists = [
        ("rail-manifest", "车次", "到达时间", EvidenceGrade::Lead),
        ("air-manifest", "航班", "到达时间", EvidenceGrade::Lead),
        ("coach-manifest", "班次", "到达时间", EvidenceGrade::Lead),
        ("hotel-guests", "酒店", "入住时间", EvidenceGrade::Lead),
        ("checkpoint-scans", "查验点", "查验时间", EvidenceGrade::Evidence),
    ];
    for (name, trip, time, grade) in lists {
        let mapping = Mapping::from_toml(&std::fs::read_to_string(format!("{folder}/{name}.toml")).unwrap()).unwrap();
        let text = PASSENGERS.replacen("车次", trip, 1).replacen("到达时间", time, 1);
        let rows: Vec<_> = CsvImport::new(std::io::Cursor::new(text), &mapping, now).unwrap().collect();
        let mut from = Vec::new();
        for row in &rows {
            match row.as_ref().unwrap() {
                Imported::Accepted(row) => {
                    let FactBody::Arrival(arrival) = &row.facts[0].body else { panic!("{name}") };
                    assert_eq!(arrival.evidence.grade(), grade, "{name}");
                    from.push(arrival.from.to_string());
                }
                Imported::Rejected(error) => {
                    assert!(error.reason().contains("last character"), "{name}: {}", error.reason());
                    assert!(!error.reason().contains("110105194912310021"), "{name}: masked");
                }
            }
        }
        assert_eq!(from, ["31", "abroad"], "{name}");
    }
}
