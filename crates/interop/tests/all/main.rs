//! Every test of this room in one program: each further one would be linked, and kept on the disk, once more.

mod bad_rows;
mod certificates;
mod common;
mod csv;
mod golden;
mod independent_cose;
mod interop_sets;
mod lab_messages;
mod mapping;
mod properties;
mod reference_cases;
mod transmission_pairs;
