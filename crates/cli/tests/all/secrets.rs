//! Names, telephones and document numbers of the seeded people are nowhere in plain: not in the database, its
//! write-ahead log, exports, backups, nor in anything that the program prints.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

fn sizao(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sizao")).args(arguments).current_dir(folder).output().unwrap()
}

fn must(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let out = sizao(folder, arguments);
    // 2: the register has mistyped numbers, whose rows come back.
    assert!(matches!(out.status.code(), Some(0 | 2)), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    [out.stdout, out.stderr].concat()
}

/// Everything in the register that says who somebody is.
fn secrets(register: &str) -> BTreeSet<String> {
    let mut lines = register.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let columns: Vec<usize> = ["name", "document", "document2", "phone", "phone2"]
        .iter()
        .map(|name| header.iter().position(|column| column == name).unwrap())
        .collect();
    let cells = lines.flat_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        columns.iter().map(|column| cells[*column].trim().to_owned()).collect::<Vec<_>>()
    });
    cells.filter(|cell| cell.chars().count() > 1).collect()
}

fn found_in(bytes: &[u8], secrets: &BTreeSet<String>) -> Vec<String> {
    let found = |secret: &&String| memchr::memmem::find(bytes, secret.as_bytes()).is_some();
    secrets.iter().filter(found).cloned().collect()
}

#[test]
fn nothing_that_identifies_a_person_is_in_plain_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let mapping = concat!(env!("CARGO_MANIFEST_DIR"), "/../../mappings/city-people.toml");
    must(here, &["demo", "city", "--people", "300", "--days", "14", "--seed", "11", "--out", "city"]);
    let register = fs::read_to_string(here.join("city/people.csv")).unwrap();
    let secrets = secrets(&register);
    assert!(secrets.len() > 700, "{} secrets", secrets.len());
    assert_eq!(found_in(register.as_bytes(), &secrets).len(), secrets.len(), "the scan finds what is there");

    must(here, &["init", "--kind", "drill"]);
    let mut said = must(here, &["import", "city/people.csv", "--mapping", mapping, "--bad-rows", "bad.csv"]);
    said.extend(must(here, &["import", "city/facts.ndjson", "--sender", "city"]));
    said.extend(must(here, &["import", "city/people.csv", "--mapping", mapping, "--json"]));
    said.extend(sizao(here, &["doctor"]).stdout);
    said.extend(must(here, &["log", "verify"]));
    said.extend(must(here, &["log", "export", "outsiders.ndjson"]));
    must(here, &["backup", "backup.ndjson"]);
    assert_eq!(found_in(&said, &secrets), Vec::<String>::new(), "in what was printed");
    for entry in fs::read_dir(here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Rows handed back belong to who sent them, as the list itself does.
        if path.is_file() && !name.contains("bad") {
            let bytes = fs::read(&path).unwrap();
            assert_eq!(found_in(&bytes, &secrets), Vec::<String>::new(), "in {}", path.display());
        }
    }
}
