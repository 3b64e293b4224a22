//! The page of each condition is made from the words at the head of its file.
//!
//! After a change: `SIZAO_WRITE_PAGES=1 cargo test -p sizao-policy --test all conditions::`.

use std::{collections::BTreeMap, path::Path};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pages by name: what the head of each file in `rules` says.
fn pages() -> BTreeMap<String, String> {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let files = std::fs::read_dir(rules).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = read(&path);
            let head = text.lines().map_while(|line| line.strip_prefix("//!"));
            let head: Vec<&str> = head.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
            assert!(head.concat().len() > 60, "{name} says what it does");
            (format!("{name}.md"), format!("# `{name}`\n\n{}\n", head.join("\n")))
        })
        .collect()
}

#[test]
fn the_pages_of_the_conditions_are_made_from_their_docstrings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/methods/conditions");
    let pages = pages();
    if std::env::var_os("SIZAO_WRITE_PAGES").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        pages.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
    }
    for (name, text) in &pages {
        assert_eq!(&read(&folder.join(name)), text, "{name} was written from other words");
    }
    let there = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let surplus: Vec<String> = there.filter(|name| !pages.contains_key(name)).collect();
    assert!(surplus.is_empty(), "pages without a condition: {surplus:?}");
}
