//! Nothing acknowledged is lost: not by a killed process, not by a power cut, not on a full disk.
//!
//! The real binary imports a list of which every row tells its number, is stopped in the middle, and what it said was
//! committed is looked for in the store before it goes on.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "what is killed is killed by the clock on the wall")]

mod bad_store;
mod cities;
mod kill;
mod list;
mod lossy;
mod node;
mod power_cut;
mod random;
mod repeats;
mod scans;
mod server;

/// How often each test stops a program: `SIZAO_KILLS`, or a few.
fn kills() -> usize {
    std::env::var("SIZAO_KILLS").map_or(20, |text| text.parse().expect("SIZAO_KILLS is a number"))
}
