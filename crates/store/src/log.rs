//! The log seen from outside: signed checkpoints, proofs, verification, export and restore, erasure.

pub(crate) mod checkpoint;
pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod prove;
mod tables;
pub(crate) mod verify;
