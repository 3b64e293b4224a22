//! The closed loop about a measure: its steps, what a person needs meanwhile, objections.

use serde::{Deserialize, Serialize};

use super::people::LinkBasis;
use super::shapes::{bodies, words};
use crate::id::{FactId, SiteId};

words! {
    /// A step of a closed loop.
    LoopStage {
        /// Given to an owner.
        Assigned,
        /// The person was told.
        Notified,
        /// The person was found, address and time.
        Located,
        /// The measure is being kept.
        UnderControl,
        /// The end was reached; release is owed.
        Due,
        /// Released.
        Released,
        /// Made longer, with evidence.
        Extended,
        /// Handed to the next level.
        Escalated,
        /// Who it is was confirmed by document or by the person (查清人头).
        Identified,
        /// Looked for and gone elsewhere (去向他处).
        MovedOn,
        /// Looked for and not found (未找到).
        NotFound,
        /// Name, telephone or address are wrong (信息有误).
        WrongData,
        /// There was no such exposure (排除).
        Refuted,
    }
}

words! {
    /// What somebody under a measure needs. Each has a clock of its own.
    Need {
        /// Medicine.
        Medicine,
        /// Dialysis.
        Dialysis,
        /// Food.
        Food,
        /// A doctor.
        Doctor,
        /// Anything else.
        Other,
    }
}

words! {
    /// How an appeal ended.
    AppealOutcome {
        /// The person is right: what the measure rested on does not count.
        Upheld,
        /// The measure stands.
        Rejected,
        /// Nobody decided in time, and the rules end the measure for that.
        Lapsed,
    }
}

bodies! {
    /// A step of a closed loop.
    LoopStep {
        /// `<pack>:<rule>` of the measure.
        rule: Box<str>,
        /// The first of the facts that opened the measure.
        opened_by: FactId,
        /// Which step.
        stage: LoopStage,
        /// Unit that has to act.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Box<str>>,
        /// Where the person was found or is kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<SiteId>,
        /// Account of the person of that unit who has to act.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        officer: Option<Box<str>>,
        /// Account of who acts when that person cannot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deputy: Option<Box<str>>,
        /// How it is known who the person is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        basis: Option<LinkBasis>,
        /// What was tried, why it ended so; in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
    }

    /// Somebody under a measure needs something.
    CareNeed {
        /// What.
        need: Need,
        /// In words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Box<str>>,
    }

    /// What was needed was given.
    CareGiven {
        /// The need.
        of: FactId,
    }

    /// A person objects to a measure.
    Appeal {
        /// `<pack>:<rule>` of the measure.
        rule: Box<str>,
        /// The first of the facts that opened the measure.
        opened_by: FactId,
        /// Why, in words.
        words: Box<str>,
        /// The decision against which this is the second instance.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against: Option<FactId>,
    }

    /// An appeal is decided, or lapses.
    AppealDecision {
        /// The appeal.
        of: FactId,
        /// How.
        outcome: AppealOutcome,
        /// Why, in words that the person reads.
        reason: Box<str>,
        /// Unit that decided; none when nobody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<Box<str>>,
        /// Account that decided.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        officer: Option<Box<str>>,
    }
}
