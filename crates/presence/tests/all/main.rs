//! Every test of this room in one program: each further one would be linked, and kept on the disk, once more.

mod bad_input;
mod fence_bad_input;
mod fence_stream;
mod geometry_obvious;
mod obvious;
mod office;
mod outbreaks;
mod reference;
mod seats;
mod shopping_centre;
mod sources;
