//! Every test of this room in one program: each further one would be linked, and kept on the disk, once more.

mod api;
mod attacks;
mod batches;
mod mllp;
mod packs;
mod passes;
mod peers;
mod powers;
mod promises;
mod real_ids;
mod rights;
mod sentinels;
mod support;
mod swapped;
mod texts;
mod tracing;
mod watch;
