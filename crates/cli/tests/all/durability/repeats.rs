//! What an earlier list brought is there for a later one.

use std::fs;

use sizao_model::FactBody;

use crate::durability::node::Node;

const MAPPING: &str = r#"
sender = "lab"
dates = ["YYYY-MM-DD hh:mm"]
division = "4101"

[codes.results]
"阴性" = "negative"

[[person]]
id = "patient"
code = [{ scope = "lab", column = "编号" }]

[[fact]]
kind = "sample"
person = "patient"
key = "{条码}/sample"
happened = "采样时间"
[fact.body]
method = "nucleic_test"

[[fact]]
kind = "result"
when = ["结果"]
key = "{条码}/result"
happened = "报告时间"
[fact.body]
sample = { fact = "{条码}/sample" }
outcome = { column = "结果", codes = "results" }
"#;

const HEADER: &str = "条码,编号,采样时间,报告时间,结果";

/// A laboratory sends its day again and again, each time with more results.
#[test]
fn a_result_in_a_later_list_names_the_sample_that_an_earlier_list_brought() {
    let node = Node::sqlite();
    let mapping = node.folder.path().join("lab.toml");
    fs::write(&mapping, MAPPING).unwrap();
    let import = |name: &str, row: &str| {
        let file = node.folder.path().join(name);
        fs::write(&file, format!("{HEADER}\n{row}\n")).unwrap();
        node.run(&["import", file.to_str().unwrap(), "--mapping", mapping.to_str().unwrap()])
    };
    let morning = import("morning.csv", "b1,n1,2022-03-01 08:00,,");
    assert_eq!(morning["facts_stored"], 1, "{morning}");
    let evening = import("evening.csv", "b1,n1,2022-03-01 08:00,2022-03-01 20:00,阴性");
    assert_eq!((&evening["facts_stored"], &evening["facts_repeated"]), (&1.into(), &1.into()), "{evening}");
    let facts = node.facts();
    let [sample, result] = &facts[..] else { panic!("{facts:?}") };
    let FactBody::TestResult(body) = &result.body else { panic!("{result:?}") };
    assert_eq!(body.sample, Some(sample.id));
}
