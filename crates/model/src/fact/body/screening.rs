//! Screening: rounds, tubes on their way, and who belongs to a key group.

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::{
    division::DivisionCode,
    id::{LabId, PoolId},
    time::{CivilDay, Instant},
};

words! {
    /// How far a tube has come.
    TubeStage {
        /// Opened at a desk; swabs go in.
        Opened,
        /// Closed; nothing goes in any more.
        Sealed,
        /// On its way, in a box (转运箱).
        Sent,
        /// In the laboratory.
        Received,
    }
}

words! {
    /// Whose swabs a tube is for.
    TubeUse {
        /// One person's (单采).
        Single,
        /// Of people who need not know each other (混采).
        Pool,
        /// Of one household (同户).
        Household,
    }
}

words! {
    /// Why somebody of a key group is not tested for a time.
    PauseReason {
        /// Away (休假).
        Leave,
        /// An infant.
        Infant,
        /// On medical grounds.
        Medical,
        /// Recovered a short time ago.
        Recovered,
    }
}

bodies! {
    /// A step of a tube (采样管). What is in it are the samples that name it.
    TubeStep {
        /// Its barcode, used once for ever.
        tube: PoolId,
        /// Which step.
        stage: TubeStage,
        /// When it is opened: for whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds: Option<TubeUse>,
        /// When it is opened: how many swabs it may hold, fixed from then on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capacity: Option<u32>,
        /// When it is opened: the round, by the id of the fact that opened it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round: Option<Box<str>>,
        /// When it is opened: site and desk.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<Box<str>>,
        /// The box in which it travels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        container: Option<Box<str>>,
        /// Degrees Celsius in the box.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        temperature: Option<f64>,
        /// The laboratory that has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lab: Option<LabId>,
    }

    /// A site of a round (采样点).
    RoundSite {
        /// Its name.
        name: Box<str>,
        /// How many desks it has.
        desks: u32,
    }

    /// A round of screening (核酸筛查轮次): where, from when to when, with which sites.
    ScreeningRound {
        /// Its name.
        name: Box<str>,
        /// Where.
        area: DivisionCode,
        /// Its beginning.
        from: Instant,
        /// Its end.
        until: Instant,
        /// How many swabs a tube holds unless a desk says less.
        capacity: u32,
        /// Where it is held.
        sites: Vec<RoundSite>,
    }

    /// Somebody belongs to a key group (重点人群), by job or place.
    GroupMember {
        /// The group, by its name in the catalogue.
        group: Box<str>,
        /// First day.
        from: CivilDay,
        /// Last day, when it is known: a change of jobs ends it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<CivilDay>,
        /// Where the person works.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workplace: Option<Box<str>>,
    }

    /// Somebody of a key group is not tested for a time.
    GroupPause {
        /// Why.
        reason: PauseReason,
        /// First day.
        from: CivilDay,
        /// Last day; none: until another word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<CivilDay>,
    }
}
