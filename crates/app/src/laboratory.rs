//! Tubes from the desk to the laboratory's word: scans, custody, results, messages, pools that are not negative.
//!
//! Everything is facts; what is shown is read back from tables that follow the log. Scans are decided one batch at a
//! time, so that two desks can never open one barcode or fill the last place of a tube twice.

mod files;
mod following;
mod messages;
mod pools;
mod results;
mod sampling;
mod turnaround;

use std::sync::Mutex;

pub use sizao_epi::pooling::recall::{RecallStep, Resolution};
pub use sizao_interop::hl7v2::{AckCode, Deframer, Frame, frame as mllp_frame};
use sizao_model::{Instant, fact::Outcome};
pub use sizao_store::{LabMessageRecord, TubeRecord};
use uuid::Uuid;

pub use self::{
    files::ResultsFile,
    messages::{MessageAnswer, MessageForm},
    pools::{CaseWord, MemberView, PoolLine, PoolView, PositiveTest},
    results::{ResultEntry, ResultTaken},
    sampling::{HOUSEHOLD_MAX, POOL_SIZES, Scan, ScanForm, ScanStep, Scanned, TubeNow},
    turnaround::{LabBoard, LateTube, TubePlace, Turnaround},
};

/// Who waits for a batch of scans to be decided.
#[derive(Default)]
pub(crate) struct Scanning {
    /// One batch at a time.
    turn: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<sampling::Waiting>>,
}

/// The id under which a tube is kept: made of its barcode.
pub fn tube_id(barcode: &str) -> Uuid {
    sizao_model::FactId::from_label(&format!("tube\u{1f}{barcode}")).uuid()
}

/// The channel of what is entered on a page.
pub const fn by_page() -> sizao_store::Channel {
    sizao_store::Channel::Page
}

/// The number of an outcome in tables.
pub(crate) const fn outcome_code(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Negative => 0,
        Outcome::Positive => 1,
        Outcome::GreyZone => 2,
        Outcome::Invalid => 3,
    }
}

/// The outcome with a number.
pub const fn outcome_of_code(code: i64) -> Outcome {
    match code {
        0 => Outcome::Negative,
        1 => Outcome::Positive,
        2 => Outcome::GreyZone,
        _ => Outcome::Invalid,
    }
}

/// The word of an outcome in locales.
pub const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Negative => "negative",
        Outcome::Positive => "positive",
        Outcome::GreyZone => "grey",
        Outcome::Invalid => "invalid",
    }
}

/// A tube that is known from results or samples of others only, not from a desk's scans.
pub(crate) const fn is_told_only(tube: &TubeRecord) -> bool {
    tube.capacity == 0
}

/// The later of two moments.
pub(crate) fn later(one: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(one.map_or(other, |one| one.max(other)))
}
