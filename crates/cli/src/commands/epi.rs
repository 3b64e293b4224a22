//! `sizao epi …`: the statistics of the boards on files; no store, no key.

mod reference;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// What can be typed after `sizao epi`.
#[derive(Subcommand, Debug)]
pub enum Epi {
    /// Run every case of a folder of reference results and say how far apart the values are.
    #[command(after_help = reference::EXAMPLES)]
    Reference(reference::Reference),
}

/// Runs what was typed.
pub fn run(order: Epi, json: bool) -> Result<ExitCode> {
    match order {
        Epi::Reference(order) => reference::run(&order, json),
    }
}
