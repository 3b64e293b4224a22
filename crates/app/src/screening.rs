//! Screening: who of the key groups is due for a test on a day, who was reminded, rounds, plans, antigen tests.
//!
//! A missed test is a reminder and nothing else: no rule of a pack reads any of this.

mod due;
mod plans;
mod rounds;
mod self_tests;

pub use self::{
    due::{DueDay, DueLine, GroupLine, PAGE},
    plans::{PlanForm, PlanView, PoolRow},
    rounds::{NewRound, RoundView},
    self_tests::{READ_MINUTES, SelfTestEntry, SelfTestTask},
};
pub use sizao_epi::screening::{Exemption, Frequency, KeyGroup, PoolMode};
pub use sizao_epi::site_plan::Limit;
