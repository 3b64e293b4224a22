//! The commands of README.md, run as written: each page of `tests/cmd` in a folder of its own.

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    trycmd::TestCases::new().case("tests/cmd/*.md");
}
