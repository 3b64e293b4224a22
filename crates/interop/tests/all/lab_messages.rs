//! Messages of a laboratory as drafts of facts: what comes in, what comes back, and what is the same thing said twice.

use proptest::prelude::*;
use sizao_interop::{
    Imported, Row, RowError,
    fhir::{BundleImport, Resource, read_lab as read_fhir, write_lab},
    hl7v2::{Message, MessageImport, decode, frame, read_lab, split},
};
use sizao_model::{
    DivisionCode, Instant,
    draft::{PersonName, provisional_fact},
    fact::{FactBody, Outcome, TestMethod},
};

const HEADER: &str = "MSH|^~\\&|LIS|HOSPITAL|NODE|CDC|20220318110000+0800||ORU^R01^ORU_R01|";

/// A message with its id, sample, OBX-5 with its type before it, status and what stands in SPM-11.
fn message(id: &str, sample: &str, value: &str, status: &str, role: &str) -> String {
    format!(
        "{HEADER}{id}|P|2.5.1||||||UNICODE UTF-8\rPID|1||P1^^^LIS^PI||张^三||19900101|M\r\
         OBR|1||{sample}^LIS|94500-6^SARS-CoV-2 RNA^LN|||20220317080000+0800|||||||||||||||20220318095000+0800|||{status}\r\
         OBX|1|{}|94500-6^SARS-CoV-2 RNA^LN||{}||||||{status}\r\
         SPM|1|^{sample}&LIS||258500001^Nasopharyngeal swab^SCT|||||||{role}||||||20220317080000+0800\r",
        value.split_once(' ').unwrap().0,
        value.split_once(' ').unwrap().1,
    )
}

const NEGATIVE: &str = "CWE 260415000^Not detected^SCT";
const POSITIVE: &str = "CWE 260373001^Detected^SCT";

fn import(bytes: &[u8]) -> Vec<Result<Row, RowError>> {
    let now = Instant::parse("2022-03-20T00:00:00Z").unwrap();
    let rows = MessageImport::new(bytes, "lab", DivisionCode::HENAN, now).unwrap();
    rows.map(|row| match row.unwrap() {
        Imported::Accepted(row) => Ok(row),
        Imported::Rejected(error) => Err(error),
    })
    .collect()
}

fn one(text: &str) -> Result<Row, RowError> {
    let mut rows = import(text.as_bytes());
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

fn keys(row: &Row) -> Vec<&str> {
    row.facts.iter().map(|fact| fact.key.as_deref().unwrap()).collect()
}

#[test]
fn a_result_becomes_a_sample_of_a_person_and_a_result_of_the_sample() {
    let row = one(&message("m1", "S1", NEGATIVE, "F", "")).unwrap();
    assert_eq!(keys(&row), ["sample:S1", "result:S1/94500-6/"]);
    let FactBody::Sample(sample) = &row.facts[0].body else { panic!("no sample") };
    assert_eq!(sample.method, TestMethod::NucleicTest);
    assert_eq!(row.facts[0].happened.starts_at(), Instant::parse("2022-03-17T08:00:00+08:00").unwrap());
    let FactBody::TestResult(result) = &row.facts[1].body else { panic!("no result") };
    assert_eq!((result.sample, result.outcome), (Some(provisional_fact("lab", "sample:S1")), Outcome::Negative));
    assert_eq!(row.people[0].full_name.as_deref(), Some("张三"));
    assert!(
        matches!(&row.people[0].names[0], PersonName::Code { scope, code } if &**scope == "lab/LIS" && &**code == "P1")
    );
    assert_eq!(row.facts[0].person, Some(row.people[0].names[0].provisional()));
}

#[test]
fn the_same_result_in_another_message_is_the_same_fact_and_a_correction_is_another() {
    let first = one(&message("m1", "S1", NEGATIVE, "F", "")).unwrap();
    let again = one(&message("m2", "S1", NEGATIVE, "F", "")).unwrap();
    assert_eq!(keys(&first), keys(&again));
    assert_eq!(first.facts[1].body, again.facts[1].body);
    let corrected = one(&message("m3", "S1", POSITIVE, "C", "")).unwrap();
    assert_eq!(keys(&corrected), ["sample:S1", "result:S1/94500-6/#m3"]);
    let FactBody::Correction(correction) = &corrected.facts[1].body else { panic!("no correction") };
    assert_eq!(correction.of, provisional_fact("lab", "result:S1/94500-6/"));
    assert_eq!(correction.body.as_ref().unwrap()["outcome"], "positive");
    let withdrawn = one(&message("m4", "S1", POSITIVE, "W", "")).unwrap();
    assert!(matches!(&withdrawn.facts[1].body, FactBody::Correction(correction) if correction.retract));
}

#[test]
fn a_pooled_specimen_is_a_result_of_its_tube_and_of_no_person() {
    let row = one(&message("m1", "T7", POSITIVE, "F", "L")).unwrap();
    assert_eq!(row.facts.len(), 1);
    assert!(row.people.is_empty() && row.facts[0].person.is_none());
    assert!(
        matches!(&row.facts[0].body, FactBody::TestResult(result) if result.pool.as_ref().unwrap().as_str() == "T7")
    );
}

#[test]
fn a_preliminary_result_makes_no_result() {
    let row = one(&message("m1", "S1", POSITIVE, "P", "")).unwrap();
    assert_eq!(keys(&row), ["sample:S1"]);
    assert!(row.notes[0].text.contains("preliminary"));
}

/// The rules for which a message comes back.
fn refused(text: &str) -> Vec<String> {
    one(text).unwrap_err().problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_bad_message_comes_back_with_segment_field_value_and_rule() {
    let bad = message("m1", "S1", "NM many", "Q", "");
    assert_eq!(
        refused(&bad),
        [
            "OBX field 5 many: OBX-2 says NM, and OBX-5 is no number",
            "OBX field 11 Q: the status is one of table 0085, such as F or C"
        ]
    );
    let nobody = message("m1", "S1", NEGATIVE, "F", "").replace("P1^^^LIS^PI", "");
    assert_eq!(refused(&nobody), ["PID field 3: a patient needs a number, with who gave it"]);
    let other = message("m1", "S1", NEGATIVE, "F", "").replace("ORU^R01^ORU_R01", "ADT^A01");
    assert_eq!(refused(&other), ["MSH field 9 ADT^A01: only results are read here: ORU^R01"]);
    let trial = message("m1", "S1", NEGATIVE, "F", "").replace("|m1|P|", "|m1|T|");
    assert_eq!(refused(&trial), ["processing id: this is a trial message"]);
    let early = message("m1", "S1", NEGATIVE, "F", "").replace("20220317080000", "20220327080000");
    assert_eq!(refused(&early), ["time: it happened later than now"]);
    let question = message("m1", "S1", "CWE Y^Yes^HL70136", "F", "");
    assert_eq!(refused(&question), ["result: no observation is a test's result that is known here"]);
}

#[test]
fn a_broken_line_is_refused_without_showing_what_may_be_a_name() {
    let broken = message("m1", "S1", NEGATIVE, "F", "").replace("||19900101", "\r王小明||19900101");
    assert!(refused(&broken).iter().all(|line| !line.contains('王')));
}

#[test]
fn one_bad_message_costs_one_and_its_file_can_be_sent_again() {
    let file = [
        message("m1", "S1", NEGATIVE, "F", ""),
        message("m2", "S2", "NM x", "F", ""),
        message("m3", "S3", NEGATIVE, "F", ""),
    ];
    let rows = import(file.concat().as_bytes());
    assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let error = rows[1].as_ref().unwrap_err();
    assert_eq!(error.row, 6);
    let mut bad = sizao_interop::BadRows::lines(Vec::new());
    bad.push(error).unwrap();
    let again = String::from_utf8(bad.finish().unwrap()).unwrap();
    assert!(again.starts_with("# Line 6: OBX field 5 x"), "{again}");
    let mended = again.replace("|NM|", "|ST|").replace("||x||", "||阴性||");
    assert_eq!(keys(import(mended.as_bytes())[0].as_ref().unwrap()), ["sample:S2", "result:S2/94500-6/"]);
}

#[test]
fn frames_of_mllp_and_a_short_batch_are_read() {
    let framed: Vec<u8> =
        ["m1", "m2"].iter().flat_map(|id| frame(message(id, id, NEGATIVE, "F", "").as_bytes())).collect();
    assert_eq!(import(&framed).iter().filter(|row| row.is_ok()).count(), 2);
    let cut = &framed[..framed.len() - 5];
    assert_eq!(import(cut).iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    let batch = format!("BHS|^~\\&|A\r{}BTS|2\r", message("m1", "S1", NEGATIVE, "F", ""));
    let rows = import(batch.as_bytes());
    assert_eq!(rows.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    assert!(rows[1].as_ref().unwrap_err().to_string().contains("trailer of the batch"));
}

#[test]
fn a_message_in_a_charset_it_does_not_name_is_refused() {
    let text = message("m1", "S1", NEGATIVE, "F", "");
    let (bytes, ..) = encoding_rs::GB18030.encode(&text);
    let rows = import(&bytes);
    assert!(rows[0].as_ref().unwrap_err().to_string().contains("UNICODE UTF-8, which MSH-18 says"));
    let named = message("m1", "S1", NEGATIVE, "F", "").replace("UNICODE UTF-8", "GB 18030-2000");
    let (bytes, ..) = encoding_rs::GB18030.encode(&named);
    assert_eq!(import(&bytes)[0].as_ref().unwrap().people[0].full_name.as_deref(), Some("张三"));
}

#[test]
fn a_bundle_says_the_same_as_the_message_that_it_was_made_of() {
    let text = message("m1", "S1", POSITIVE, "F", "");
    let (lab, problems) = read_lab(&Message::parse(&text).unwrap());
    assert!(problems.is_empty(), "{problems:?}");
    let bundle = write_lab(&lab);
    assert_eq!(bundle.problems(), []);
    let again = read_fhir(&bundle);
    assert_eq!((&again.id, &again.reports[0].patient), (&lab.id, &lab.reports[0].patient));
    assert_eq!(again.reports[0].results, lab.reports[0].results);
    assert_eq!(again.reports[0].specimens, lab.reports[0].specimens);
    let now = Instant::parse("2022-03-20T00:00:00Z").unwrap();
    let mut rows = BundleImport::new(bundle.write().as_bytes(), "lab", DivisionCode::HENAN, now).unwrap();
    let Some(Ok(Imported::Accepted(row))) = rows.next() else { panic!("refused") };
    assert_eq!(keys(&row), keys(&one(&text).unwrap()));
}

#[test]
fn a_bundle_that_breaks_the_structure_comes_back() {
    let text = r#"{"resourceType":"Observation","status":"done","code":{"text":"x"}}"#;
    let now = Instant::parse("2022-03-20T00:00:00Z").unwrap();
    let mut rows = BundleImport::new(text.as_bytes(), "lab", DivisionCode::HENAN, now).unwrap();
    let Some(Ok(Imported::Rejected(error))) = rows.next() else { panic!("taken") };
    assert_eq!(error.problems[0].column.as_deref(), Some("Observation.status"));
}

proptest! {
    #[test]
    fn any_text_behind_a_header_is_written_as_it_was_read(rest in "[|^~&\\\\#A-Z0-9 \r\n张.]{0,200}") {
        let text = format!("MSH|^~\\&|{rest}");
        let message = Message::parse(&text).unwrap();
        prop_assert_eq!(&message.write(), &text);
        let (lab, _) = read_lab(&message);
        prop_assert_eq!(Resource::parse(&write_lab(&lab).write()).unwrap().problems(), []);
    }

    #[test]
    fn any_bytes_are_cut_without_loss_and_never_stop_the_import(bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        let mut file = b"MSH|^~\\&|A\rPID|".to_vec();
        file.extend(&bytes);
        let chunks: Vec<u8> = split(&file).iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
        prop_assert_eq!(&chunks, &file);
        let _ = decode(&file);
        prop_assert!(!import(&file).is_empty());
    }
}
