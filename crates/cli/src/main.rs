//! The `sizao` command.

fn main() {}
