//! The electronic fence (电子围栏): who seems to have come in, from records of cell towers. It asks, it never decides.

mod coverage;
mod detector;
mod patch;
mod person;
mod rules;
mod track;

pub use coverage::Tower;
pub use detector::{Detector, Observation, Outcome, Question};
pub use rules::FenceRules;
