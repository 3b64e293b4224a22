//! Every test of this room in one program: each further one would be linked, and kept on the disk, once more.

mod adopted_packs;
mod arrivals;
mod arrivals_city;
mod assessments;
mod assists;
mod checkpoints;
mod cities;
mod city_drill;
mod export;
mod fence_keeps_nothing;
mod laboratory;
mod ledger;
mod loops;
mod node;
mod policy_changes;
mod replay;
mod retention;
#[path = "../../../store/tests/all/support.rs"]
mod support;
mod watch;
