//! Many detectors on many series, joined into one signal per county and happening.
//!
//! A network is sites in counties; each site reports daily counts from a few sources (fever visits, drug sales, positive
//! self-tests, absences). [`score_network`] turns it into one score per county and day, [`find_happenings`] into signals.

mod calibration;
mod detectors;
mod happenings;
mod network;
mod ranking;
mod score;

pub use detectors::{DETECTORS, Detector};
pub use happenings::{Happening, alarms_per_county_week, cut_for_budget, find_happenings};
pub use network::{Network, NetworkSeries, NetworkSite};
pub use ranking::{Contribution, RankedSignal, RankingSettings, rank_signals};
pub use score::{ALARM_CELL, Learned, NetworkScores, ScoreSettings, score_network, score_with};
