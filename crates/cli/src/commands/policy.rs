//! `sizao policy`: check, test, sign, compare and adopt packs.

mod adopt;
mod changes;
mod check;
mod folders;
mod sign;
mod test;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args as ClapArgs, Subcommand};
use sizao_policy::pack;
use tokio::runtime::Runtime;

pub use self::{
    adopt::Adopt,
    changes::{AgainstLog, Diff, Replay},
    sign::{Key, Sign, Verify},
};
use crate::args::NodeArgs;

#[derive(Subcommand, Debug)]
pub enum Policy {
    /// Check packs: each fault with file, line, column and cure.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Places),
    /// Run the scenarios beside packs, and say which share of their numbers has no source.
    Test(Places),
    /// Print the JSON Schema of pack.toml.
    Schema,
    /// Make a key to sign packs with.
    Key(Key),
    /// Sign a pack for an organisation; two different ones sign each.
    Sign(Sign),
    /// Check the signatures of packs.
    Verify(Verify),
    /// Write the fact by which a signed pack takes effect, possibly in advance.
    Adopt(Adopt),
    /// What packs would change for people if they were adopted at a moment: nothing is stored.
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(Diff),
    /// The whole record under other packs, as if each side had always been in force.
    Replay(Replay),
    /// What the store decided against what would be decided now: the decisions that a mended rule changes.
    AgainstLog(AgainstLog),
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

const DIFF_EXAMPLES: &str = "\
Examples:
  sizao policy diff policies/cn-covid-v8 policies/cn-covid-v9 --at 2022-06-28T00:00:00+08:00 --facts facts.ndjson
  sizao --json policy diff policies/cn-covid-v9 policies/cn-twenty --at 2022-11-11T00:00:00+08:00";

pub fn run(node: &NodeArgs, order: &Policy, json: bool, runtime: &Runtime) -> Result<ExitCode> {
    match order {
        Policy::Check(order) => check::run(&order.places, json),
        Policy::Test(order) => test::run(&order.places, json),
        Policy::Schema => {
            print!("{}", pack::schema());
            Ok(ExitCode::SUCCESS)
        }
        Policy::Key(order) => sign::key(order, json),
        Policy::Sign(order) => sign::sign(order, json),
        Policy::Verify(order) => sign::verify(order, json),
        Policy::Adopt(order) => adopt::run(order, json),
        Policy::Diff(order) => changes::run(node, order, false, json, runtime),
        Policy::Replay(order) => changes::run(node, &order.diff, true, json, runtime),
        Policy::AgainstLog(order) => changes::against_log(node, order, json, runtime),
    }
}
