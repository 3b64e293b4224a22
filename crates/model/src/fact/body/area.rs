//! Areas under a grading.

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::{
    id::{AreaCode, FactId},
    time::Instant,
};

words! {
    /// Grading of an area.
    AreaLevel {
        /// High risk (高风险区).
        High,
        /// Medium risk (中风险区).
        Medium,
        /// Low risk (低风险区).
        Low,
        /// Sealed zone (封控区).
        Sealed,
        /// Controlled zone (管控区).
        Controlled,
    }
}

bodies! {
    /// An area is graded.
    AreaDeclared {
        /// Which.
        area: AreaCode,
        /// How.
        level: AreaLevel,
        /// When it ends by itself.
        until: Instant,
        /// Facts about cases on which it rests.
        evidence: Vec<FactId>,
        /// Legal basis.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<Box<str>>,
        /// Who signed.
        signers: Vec<Box<str>>,
    }

    /// An area's grading ends.
    AreaEnded {
        /// Which.
        area: AreaCode,
    }
}
