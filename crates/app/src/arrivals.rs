//! Arrivals (来返人员): announced, seen by several channels, put together into one, given a class and an owner within minutes.
//!
//! A row of a list is a lead; the word of the person or of a checkpoint is evidence; the fence only asks. What follows is said by
//! the policy from facts like everywhere else: nothing here decides about anybody.

mod announce;
mod board;
mod follow;
mod merge;
mod signals;

use sizao_model::fact::EvidenceKind;
use sizao_presence::SignalKind;

pub use self::{
    announce::{Announced, Announcement, ReceiptView},
    board::{ArrivalBoard, ArrivalLine, ArrivalView, ChannelQuality, Latency, OwnerLine, PAGE, SameRecord, Signal},
    follow::FollowedArrivals,
};
use crate::identity::named;
pub use sizao_store::{ArrivalFilter, ArrivalRecord};

/// Minutes after the first signal in which class and owner have to be there.
pub const MINUTES_MAX: i64 = 10;
/// Hours in which the person's own word has to follow where it is missing (补填).
pub const FILL_HOURS: i64 = 24;

named! {
    /// What follows from an arrival by the rules in force.
    ArrivalClass {
        /// A stay in or near an area that is graded, before or after the person left it.
        RiskArea = "risk-area",
        /// From abroad.
        Abroad = "abroad",
        /// From another province: two tests in three days, or one on landing.
        Tests = "tests",
        /// Passes through: nothing.
        Transit = "transit",
        /// From within the province: nothing.
        WithinProvince = "within-province",
        /// Known by leads or questions alone: nothing until somebody asked.
        ToConfirm = "to-confirm",
        /// No rule in force says anything of it: nothing.
        NoRule = "no-rule",
        /// Under a measure for another reason.
        Other = "other",
    }
}

impl ArrivalClass {
    /// Its number in tables; 0 is none yet.
    pub fn code(self) -> i64 {
        Self::ALL.iter().position(|class| *class == self).map_or(0, |at| at as i64 + 1)
    }

    /// The class with a number.
    pub fn of_code(code: i64) -> Option<Self> {
        usize::try_from(code - 1).ok().and_then(|at| Self::ALL.get(at)).copied()
    }
}

/// The words of the states, by their number.
pub const STATES: [&str; 5] = ["expected", "to-confirm", "arrived", "no-show", "refuted"];

/// Which kind of signal an evidence is.
pub(crate) const fn signal_of(evidence: EvidenceKind) -> SignalKind {
    match evidence {
        EvidenceKind::Declared => SignalKind::Declared,
        EvidenceKind::Checkpoint => SignalKind::Checkpoint,
        EvidenceKind::Ticket => SignalKind::Ticket,
        EvidenceKind::ListRow => SignalKind::List,
        EvidenceKind::CellLocation => SignalKind::Fence,
        EvidenceKind::Interview
        | EvidenceKind::Camera
        | EvidenceKind::VenueScan
        | EvidenceKind::Payment
        | EvidenceKind::Model => SignalKind::Other,
    }
}
