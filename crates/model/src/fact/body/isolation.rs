//! Isolation, at home or at a site.

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::{
    id::{FactId, SiteId},
    time::CivilDay,
};

words! {
    /// Who starts again after a positive in an isolation site.
    ResetScope {
        /// Same floor, one above, one below.
        Floors,
        /// Everybody in the site.
        WholeSite,
    }
}

bodies! {
    /// Isolation begins.
    IsolationStarted {
        /// Where.
        site: SiteId,
        /// On which floor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor: Option<i32>,
    }

    /// Isolation goes on elsewhere.
    IsolationMoved {
        /// Where.
        site: SiteId,
        /// On which floor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor: Option<i32>,
    }

    /// The person left isolation.
    IsolationLeft {}

    /// A positive in an isolation site.
    SiteReset {
        /// Where.
        site: SiteId,
        /// On which floor.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        floor: Option<i32>,
        /// Who starts again.
        scope: ResetScope,
        /// Facts on which it rests.
        evidence: Vec<FactId>,
    }

    /// A measure is made longer, or a case isolation renewed.
    Extension {
        /// Rule name without pack: `close_contact`, `case`.
        rule: Box<str>,
        /// Last day served.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<CivilDay>,
        /// Facts on which it rests.
        evidence: Vec<FactId>,
        /// Who decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        officer: Option<Box<str>>,
        /// Who signed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        signers: Vec<Box<str>>,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    }
}
