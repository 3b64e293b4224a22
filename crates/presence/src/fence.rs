//! The electronic fence (电子围栏): who seems to have come in, from records of cell towers. It asks, it never decides.

mod coverage;
mod detector;
mod intake;
mod patch;
mod person;
mod question;
mod rules;
mod snapshot;
mod track;

pub use coverage::Tower;
pub use detector::{Detector, Observation, Outcome, TOWERS_MAX};
pub use intake::{ColumnMissing, Faults, ID_MAX, PlainTable, RowFault, TowerTable, person_key, read_priors};
pub use question::{Evidence as FenceEvidence, Question, Tongue};
pub use rules::FenceRules;
pub use snapshot::{Sketch, SnapshotError};
