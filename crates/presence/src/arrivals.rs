//! Arrivals: which records are one human being, and which signals are one arrival (来返人员).

mod fold;
mod matching;

pub use fold::{ArrivalRules, ArrivalSignal, ArrivalState, OneArrival, SignalKind, fold_signals};
pub use matching::{Known, Likeness, Reason, compare};
