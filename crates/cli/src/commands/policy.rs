//! `sizao policy`: check, test, sign, compare and adopt packs.

mod check;
mod folders;
mod test;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args as ClapArgs, Subcommand};
use sizao_policy::pack;

#[derive(Subcommand, Debug)]
pub enum Policy {
    /// Check packs: each fault with file, line, column and cure.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Places),
    /// Run the scenarios beside packs, and say which share of their numbers has no source.
    Test(Places),
    /// Print the JSON Schema of pack.toml.
    Schema,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  sizao policy check policies                      every pack of a folder
  sizao policy check policies/lantern-fever        one pack, with the packs beside it that it rests on
  sizao policy check draft.toml                    a file that is no pack of a folder yet

Exit codes: 0 all are valid, 1 something is refused.";

/// Packs: files, folders of one pack, folders of packs.
#[derive(ClapArgs, Debug)]
pub struct Places {
    /// pack.toml, the folder of a pack, or a folder of such folders.
    #[arg(required = true, value_name = "PLACE")]
    pub places: Vec<PathBuf>,
}

pub fn run(order: &Policy, json: bool) -> Result<ExitCode> {
    match order {
        Policy::Check(order) => check::run(&order.places, json),
        Policy::Test(order) => test::run(&order.places, json),
        Policy::Schema => {
            print!("{}", pack::schema());
            Ok(ExitCode::SUCCESS)
        }
    }
}
