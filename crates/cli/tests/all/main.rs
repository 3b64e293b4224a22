//! Every test of this room in one program: each further one would be linked, and kept on the disk, once more.

mod durability;
mod epi_series;
mod readme;
mod secrets;
mod trace;
mod upgrade;
