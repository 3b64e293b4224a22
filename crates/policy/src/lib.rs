//! Policy: what the facts about a person mean under the rules in force.
//!
//! [`assess`] turns a [`Dossier`] and a [`PackTimeline`] into an [`Assessment`](sizao_model::Assessment). It is pure:
//! no clock, no file, no randomness; the same input gives the same answer in whatever order the facts come. Rules are
//! [`Pack`]s, data with dates and sources; each condition that a pack can name is one file in `rules`.

mod adoption;
mod assess;
pub mod assists;
mod chain;
pub mod change;
mod dossier;
mod explain;
mod grounds;
mod index;
mod known;
mod lean;
pub mod loops;
pub mod pack;
mod people;
mod plan;
mod rules;
mod scenario;
mod timeline;
mod windows;

pub use adoption::{AdoptedPack, adopted_packs};
pub use assess::{Bearing, assess, bearing};
pub use dossier::Dossier;
pub use explain::explain;
pub use index::{FactIndex, Mention, Reach, mentions, reach};
pub use lean::{Attention, attention, lean, looked_at_from};
pub use pack::{Pack, PackError};
pub use scenario::{Scenario, ScenarioError};
pub use timeline::{PackTimeline, TimelineError};
pub use windows::{CaseWindow, infectious_windows};
