//! Every test of this room in one program: each further one would be linked, and kept on the disk, once more.

mod adopted;
mod assists;
mod by_hand;
mod concerned;
mod conditions;
mod explanations;
mod files;
mod loops;
mod packs;
mod properties;
mod reference;
mod scenarios;
mod schema;
mod together;
mod world;
