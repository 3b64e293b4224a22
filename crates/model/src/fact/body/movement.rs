//! Where a person was, and coming into a place from another.

use serde::{Deserialize, Serialize};

use super::evidence::EvidenceKind;
use super::shapes::bodies;
use crate::{id::AreaCode, time::Instant};

bodies! {
    /// A stay in an area, a visit to a place.
    Stay {
        /// Where.
        area: AreaCode,
        /// How it is known.
        evidence: EvidenceKind,
    }

    /// Coming into a place from another.
    Arrival {
        /// Division code or `abroad`.
        from: Box<str>,
        /// Division code.
        into: Box<str>,
        /// How it is known.
        evidence: EvidenceKind,
        /// Passing through without leaving the motorway, station or airport.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        transit: bool,
        /// When the person leaves again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leaves_at: Option<Instant>,
    }
}
