//! README.md is true: its commands are run as written, and what it says they print is what they print.

use std::{fs, path::Path, process::Command};

/// The pages in both languages.
const READMES: [&str; 2] = ["README.md", "README.zh-CN.md"];

#[test]
fn the_commands_of_the_pages_in_cmd_do_what_they_say() {
    trycmd::TestCases::new().case("tests/cmd/*.md");
}

#[test]
fn every_command_of_the_readme_is_tried_in_cmd_with_the_same_words() {
    let tried = pages_of_commands();
    for readme in READMES {
        let blocks = blocks(&text(readme));
        let commands: Vec<_> = blocks.iter().filter(|block| block.iter().any(|line| line.starts_with("$ "))).collect();
        assert!(!commands.is_empty(), "{readme} shows no command");
        for line in commands.into_iter().flatten().filter(|line| *line != "…") {
            assert!(tried.iter().any(|known| known == line), "{readme}: not in tests/cmd: {line}");
        }
    }
}

#[test]
fn the_report_in_the_readme_is_the_one_that_the_demo_prints() {
    let folder = tempfile::tempdir().unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_sizao"))
        .args(["demo", "pairs", "--out"])
        .arg(folder.path().join("demo"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let printed = String::from_utf8(out.stdout).unwrap();
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    for readme in READMES {
        let blocks = blocks(&text(readme));
        let report = blocks.iter().find(|block| block[0].contains(" rows taken, ") && !block[0].starts_with('$'));
        let report = report.unwrap_or_else(|| panic!("{readme} shows no report"));
        for line in report.iter().filter(|line| *line != "…") {
            assert!(printed.contains(&line.as_str()), "{readme}: the demo does not print: {line}");
        }
    }
}

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)).unwrap()
}

/// Runs of lines that are indented by four blanks, without the indent.
fn blocks(text: &str) -> Vec<Vec<String>> {
    let mut blocks: Vec<Vec<String>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(line) if inside => blocks.last_mut().expect("a block was begun").push(line.to_owned()),
            Some(line) => blocks.push(vec![line.to_owned()]),
            None => {}
        }
        inside = line.starts_with("    ");
    }
    blocks
}

/// Every line of the pages that trycmd runs.
fn pages_of_commands() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let pages = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.flat_map(|path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}
