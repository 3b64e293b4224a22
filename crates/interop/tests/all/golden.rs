//! A file in which everything is right, in the ways people write it, and one in which every row is wrong.

use sizao_model::FactBody;

use crate::common::{import, lab_mapping};

#[test]
fn every_way_of_writing_it_right_is_understood() {
    let imported = import(include_bytes!("../data/good.csv"), &lab_mapping());
    assert!(imported.rejected.is_empty(), "{:?}", imported.rejected);
    let said: Vec<String> = imported
        .accepted
        .iter()
        .flat_map(|row| &row.facts)
        .map(|fact| {
            let word = match &fact.body {
                FactBody::Sample(body) => format!("{:?}", body.method),
                FactBody::TestResult(body) => format!("{:?}", body.outcome),
                other => format!("{other:?}"),
            };
            let happened = serde_json::to_string(&fact.happened).unwrap();
            format!("{} {} {happened} {word}", fact.key.as_deref().unwrap(), fact.division)
        })
        .collect();
    assert_eq!(
        said,
        [
            r#"G001/sample 410102 {"at":"2022-03-16T08:30:00+08:00"} NucleicTest"#,
            r#"G001/result 410102 {"at":"2022-03-16T20:00:00+08:00"} Negative"#,
            r#"G002/sample 410102 {"at":"2022-03-16T09:05:00+08:00"} NucleicTest"#,
            r#"G002/result 410102 {"at":"2022-03-16T21:10:00+08:00"} GreyZone"#,
            r#"G003/sample 410102 {"day":"2022-03-16"} AntigenTest"#,
            r#"G004/sample 4101 {"at":"2022-03-16T09:00:00+08:00"} NucleicTest"#,
            r#"G004/result 4101 {"day":"2022-03-16"} Positive"#,
        ]
    );
    let people: Vec<_> = imported.accepted.iter().map(|row| row.people[0].names[0].provisional()).collect();
    assert_eq!(people[0], people[1], "fifteen and eighteen digits are one document");
}

#[test]
fn every_way_of_writing_it_wrong_is_answered_in_words() {
    let imported = import(include_bytes!("../data/bad.csv"), &lab_mapping());
    assert!(imported.accepted.is_empty());
    let said: Vec<String> = imported.rejected.iter().map(ToString::to_string).collect();
    assert_eq!(said, include_str!("../data/bad.expected.txt").lines().collect::<Vec<_>>());
}
