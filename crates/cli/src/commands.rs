//! The commands, one file each.

mod assess;
pub mod assist;
pub(crate) mod demo;
mod doctor;
pub mod epi;
pub mod export;
mod fence;
mod import;
mod init;
pub mod interop;
mod keys;
pub mod ledger;
mod log;
pub mod loops;
pub mod pass;
pub mod plan;
pub mod policy;
mod rebuild;
pub mod trace;

pub use fence::Fence;
pub(crate) mod serve;

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;
use tokio::runtime::Runtime;

use crate::args::{Args, Command};

/// Runs what was typed.
pub fn run(args: Args, runtime: &Runtime) -> Result<ExitCode> {
    let Args { node, json, command } = args;
    match command {
        Command::Init(order) => runtime.block_on(init::run(&node, order, json)),
        Command::Assess(order) => assess::run(&order, json),
        Command::Demo(order) => demo::run(order, json, runtime),
        Command::Fence(order) => fence::run(order, json),
        Command::Import(order) => import::run(&node, order, json, runtime),
        Command::Interop(order) => interop::run(&order, json),
        Command::Serve(order) => serve::run(&node, &order, json, runtime),
        Command::Ledger(order) => runtime.block_on(ledger::run(&node, order, json)),
        Command::Loop(order) => runtime.block_on(loops::run(&node, order, json)),
        Command::Assist(order) => runtime.block_on(assist::run(&node, order, json)),
        Command::Pass(order) => pass::run(&node, order, json),
        Command::Log(order) => runtime.block_on(log::run(&node, order, json)),
        Command::Backup { file } => runtime.block_on(log::export(&node, &file, true, json)),
        Command::Plan(order) => plan::run(&order, json),
        Command::Export(order) => runtime.block_on(export::run(&node, order, json)),
        Command::Restore { file } => runtime.block_on(log::restore(&node, &file, json)),
        Command::Erase(order) => runtime.block_on(log::erase(&node, order, json)),
        Command::Destroy(order) => runtime.block_on(log::destroy(&node, order, json)),
        Command::Keys(order) => runtime.block_on(keys::run(&node, order, json)),
        Command::Store(crate::args::StoreCommand::Rebuild) => runtime.block_on(rebuild::run(&node, json)),
        Command::Store(crate::args::StoreCommand::SealAccounts) => runtime.block_on(rebuild::seal(&node, json)),
        Command::Policy(order) => policy::run(&node, &order, json, runtime),
        Command::Epi(order) => epi::run(order, json),
        Command::Trace(order) => trace::run(*order, json),
        Command::Doctor => runtime.block_on(doctor::run(&node, json)),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "sizao", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}
