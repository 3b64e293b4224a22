//! Nowcasting: how many events of the last days are still on their way through the reporting system?

mod bayes;
mod chain_ladder;
mod lawless;
mod triangle;

pub use bayes::{
    BayesNowcast, BayesRow, CasePrior, DelayModel, TruncatedDelays, nowcast_bayes, nowcast_beta_negative_binomial,
};
pub use chain_ladder::{ChainLadderRow, nowcast_chain_ladder};
pub use lawless::{LawlessRow, NormalInterval, nowcast_lawless};
pub use triangle::{DelayCounts, DelayWindow, ReportingTriangle};
