//! The `sizao` command: one binary for a laptop, a county and a city.

mod args;
mod commands;
mod node;
mod output;
mod packs;

use std::process::ExitCode;

use clap::Parser;

/// Many short-lived rows on several threads: the system's allocator spends a fifth of an import on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("sizao: the system gives no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match commands::run(args, &runtime) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sizao: {error:#}");
            ExitCode::FAILURE
        }
    }
}
