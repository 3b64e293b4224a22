//! Where a person was, and coming into a place from another.

use serde::{Deserialize, Serialize};

use super::evidence::EvidenceKind;
use super::shapes::{bodies, words};
use crate::{
    id::{AreaCode, FactId},
    time::Instant,
};

words! {
    /// Who announced an arrival.
    Announcer {
        /// The person.
        Own,
        /// A guardian, for a child.
        Guardian,
        /// A relative, for somebody old or without a telephone.
        Relative,
        /// Staff, told by the person.
        Staff,
    }
}

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

    /// Somebody is announced (来豫报备). It opens nothing: only an arrival does.
    ArrivalExpected {
        /// Division code or `abroad`.
        from: Box<str>,
        /// Division code.
        into: Box<str>,
        /// When.
        arrives_at: Instant,
        /// Who says so.
        by: Announcer,
        /// Passing through without leaving the motorway, station or airport.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        transit: bool,
        /// When the person leaves again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leaves_at: Option<Instant>,
    }

    /// Somebody who was announced did not come: nobody is waited for any more (未抵达销号).
    NoShow {
        /// The announcement.
        of: FactId,
    }
}
