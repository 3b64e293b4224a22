//! Surveillance statistics: aberration detection, reproduction numbers, growth, delays, nowcasts, space-time scans.
//!
//! Values in, values out: no files, no clock, no randomness without a seed. Series enter through [`Counts`], which
//! refuses what is not a count. Positions inside a series are counted from 0 in Rust and from 1 in messages.

mod counts;
mod error;
mod incidence;
mod regression;
mod serial_interval;
mod special;

pub mod alarm_budget;
pub mod cori;
pub mod cusum;
pub mod day_effects;
pub mod delay_fit;
pub mod detector_choice;
pub mod duties;
pub mod ears;
pub mod epi_filter;
pub mod evaluation;
pub mod farrington;
pub mod glr;
pub mod growth;
pub mod invented;
pub mod nowcast;
pub mod outbreak_p;
pub mod parallel;
pub mod pooling;
pub mod proposal_watch;
pub mod recent_trend;
pub mod reference;
pub mod reference_values;
pub mod rogerson;
pub mod scan;
pub mod screening;
pub mod signals;
pub mod site_plan;
pub mod site_score;
pub mod sparse;
pub mod wallinga_teunis;

pub use counts::{COUNT_MAX, Counts, DatedCounts, Gaps, Step, align_series};
pub use error::EpiError;
pub use incidence::{Incidence, Window, overall_infectivity};
pub use serial_interval::{SerialInterval, discretise_shifted_gamma};
