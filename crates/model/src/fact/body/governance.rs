//! Decisions that are about nobody: leave to collect, erasure, rules.

use serde::{Deserialize, Serialize};

use super::shapes::bodies;
use crate::fact::RetentionClass;
use crate::{
    division::DivisionCode,
    time::{CivilDay, Instant},
};

bodies! {
    /// Leave to collect one kind of data in an area for at most 90 days.
    Mandate {
        /// Law and article.
        legal_basis: Box<str>,
        /// Who gives it.
        authority: Box<str>,
        /// What for.
        purpose: Box<str>,
        /// What may be collected.
        collection: Box<str>,
        /// Where.
        area: DivisionCode,
        /// When it ends by itself.
        until: Instant,
        /// Where the impact assessment is kept.
        impact_assessment: Box<str>,
    }

    /// Bodies and the key of one retention class and day were destroyed.
    Erasure {
        /// Number of the certificate, counted from 1 in each store.
        certificate: u64,
        /// Which class.
        class: RetentionClass,
        /// Day on which the erased facts were recorded.
        recorded_on: CivilDay,
        /// How many bodies.
        bodies: u64,
        /// SHA-256 over the ids of the erased facts in log order, hexadecimal.
        ids_digest: Box<str>,
        /// Law or order.
        basis: Box<str>,
    }

    /// A part of a day of the ledger was closed into a sealed segment; the segment has this digest or is not read.
    LedgerDay {
        /// The day in which the stays ended.
        day: CivilDay,
        /// Which part: rows that come late make another.
        part: u32,
        /// Stays in it.
        stays: u64,
        /// Rows left out, since they were no plausible presence.
        left_out: u64,
        /// SHA-256 of the file, hexadecimal.
        digest: Box<str>,
    }

    /// A policy pack takes effect at the instant at which this happens, which may lie ahead.
    PackAdopted {
        /// Id of the pack.
        pack: Box<str>,
        /// SHA-256 of what was signed, hexadecimal: no other text is adopted.
        digest: Box<str>,
        /// The organisations that signed it; at least two different ones.
        signers: Vec<Box<str>>,
        /// The pack itself, so that whoever reads the log has it. It counts only when it has the digest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Box<str>>,
    }
}
