//! How many rows a second become drafts: `cargo bench -p sizao-interop`.

use std::{fmt::Write as _, hint::black_box};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sizao_interop::{CsvImport, Imported, Mapping, ndjson};
use sizao_model::Instant;

const ROWS: u64 = 20_000;
const SIMPLE: &str = r#"
sender = "checkpoint-3"
dates = ["YYYY-MM-DD hh:mm"]
[codes.methods]
"核酸" = "nucleic_test"
[[person]]
id = "patient"
division = { column = "采样地" }
[[person.document]]
column = "证件号码"
kind = "resident_id"
[[fact]]
kind = "sample"
person = "patient"
key = "{条码}"
happened = "采样时间"
[fact.body]
method = { column = "方法", codes = "methods" }
"#;

fn now() -> Instant {
    Instant::parse("2022-03-17T12:00:00+08:00").expect("a right instant")
}

fn read(text: &str, mapping: &Mapping) -> u64 {
    let import = CsvImport::new(text.as_bytes(), mapping, now()).expect("a right header");
    import.filter(|step| matches!(black_box(step), Ok(Imported::Accepted(_)))).count() as u64
}

fn tables(c: &mut Criterion) {
    let mut group = c.benchmark_group("csv");
    group.throughput(Throughput::Elements(ROWS));
    let simple = Mapping::from_toml(SIMPLE).expect("a right mapping");
    let mut text = String::from("条码,证件号码,采样地,方法,采样时间\n");
    for row in 0..ROWS {
        let _ = writeln!(text, "B{row},11010519491231002X,410102,核酸,2022-03-16 08:{:02}", row % 60);
    }
    group.bench_function("one fact a row", |b| b.iter(|| assert_eq!(read(&text, &simple), ROWS)));

    let lab = Mapping::from_toml(include_str!("../tests/data/lab.toml")).expect("a right mapping");
    let mut text = String::from("条码,姓名,证件类型,证件号码,手机号,采样地,方法,采样时间,结果,报告时间\n");
    for row in 0..ROWS {
        let _ = writeln!(
            text,
            "B{row},张三,身份证,11010519491231002X,13800138000,410102,核酸,2022-03-16 08:30,阴性,2022-03-16 20:00"
        );
    }
    group.bench_function("sample and result a row", |b| b.iter(|| assert_eq!(read(&text, &lab), ROWS)));
    group.finish();
}

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("ndjson");
    group.throughput(Throughput::Elements(ROWS));
    let mut text = String::new();
    for row in 0..ROWS {
        let _ = writeln!(
            text,
            r#"{{"id":"f{row}","kind":"exposure","person":"p{row}","happened":{{"from":"2022-03-02T10:00:00+08:00","to":"2022-03-02T11:30:00+08:00"}},"recorded_at":"2022-03-02T13:00:00+08:00","body":{{"case":"c1","evidence":"interview","class":"close_contact"}}}}"#
        );
    }
    group
        .bench_function("read_facts", |b| b.iter(|| ndjson::read_facts(text.as_bytes()).expect("right lines").0.len()));
    group.finish();
}

criterion_group!(benches, tables, lines);
criterion_main!(benches);
