//! The electronic fence (电子围栏): who seems to have come in, from records of cell towers. It asks, it never decides.

mod coverage;
mod detector;
mod patch;
mod person;
mod question;
mod rules;
mod track;

pub use coverage::Tower;
pub use detector::{Detector, Observation, Outcome, TOWERS_MAX};
pub use question::{Evidence as FenceEvidence, Question, Tongue};
pub use rules::FenceRules;
