//! What keeps those in check who record: freezes, refused orders, ways that no code may close.

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::{division::DivisionCode, id::FactId, time::Instant};

words! {
    /// How an auditor decides about a freeze.
    FreezeOutcome {
        /// Nothing was wrong: the officer goes on.
        Lifted,
        /// It goes on, for at most as long as it says.
        Upheld,
    }
}

words! {
    /// What no code may close (G15).
    Passage {
        /// A doctor, a hospital, an ambulance.
        Care,
        /// A pharmacy.
        Pharmacy,
        /// Food and daily needs.
        Food,
        /// A vote.
        Vote,
        /// A court, a complaint to an authority.
        Court,
    }
}

words! {
    /// What a second person says of a batch.
    BatchOutcome {
        /// It may go in, as it is and within a day.
        Confirmed,
        /// It may not.
        Refused,
    }
}

bodies! {
    /// A second person of another organisation decided about a batch of facts that would restrict many.
    BatchDecided {
        /// SHA-256 of what may go in: another content is another batch.
        content: Box<str>,
        /// How.
        outcome: BatchOutcome,
        /// Facts of the batch that would open something by themselves.
        people: u64,
        /// Account that brings it.
        proposer: Box<str>,
        /// Unit of the second person.
        unit: Box<str>,
        /// Account of the second person.
        officer: Box<str>,
        /// Why.
        reason: Box<str>,
    }

    /// New openings of a class by one officer are held back until an auditor has looked.
    WatchFreeze {
        /// As in the limits: `exposure`, `stay`, `arrival`, `confirmation`.
        class: Box<str>,
        /// `account:` and an id, or `source:` and who gives the keys.
        officer: Box<str>,
        /// Where that officer's unit is.
        division: DivisionCode,
        /// `untied`, `copied`, `register`, `target`: which sign stood out.
        sign: Box<str>,
        /// The register or target in which it stood out; none: the officer's own proposals.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<Box<str>>,
        /// Proposals of the last 24 hours.
        proposals: u64,
        /// Of these without anything behind them.
        untied: u64,
        /// Of the untied: copies of one place and time.
        copied: u64,
        /// Probability of so many by chance, as a number in words of arithmetic: `1.2e-9`.
        chance: Box<str>,
        /// Some of the proposals.
        proposed: Vec<FactId>,
        /// By when it has to be decided; undecided it lapses then.
        until: Instant,
    }

    /// An auditor's decision about a freeze.
    WatchDecision {
        /// The freeze.
        of: FactId,
        /// How.
        outcome: FreezeOutcome,
        /// Why.
        reason: Box<str>,
        /// Until when an upheld one holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holds_till: Option<Instant>,
        /// Unit of the auditor.
        unit: Box<str>,
        /// Account of the auditor.
        officer: Box<str>,
    }

    /// An order was refused because it conflicts with a rule.
    OrderRefused {
        /// What was ordered.
        order: Box<str>,
        /// Who ordered it, by office.
        by: Box<str>,
        /// Word of the rule with which it conflicts.
        rule: Box<str>,
        /// Unit that refused.
        unit: Box<str>,
        /// Account that refused.
        officer: Box<str>,
        /// The next level, which is told; none where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told: Option<Box<str>>,
    }

    /// Care, food, a vote or a court was reached without a code, or would not have been.
    AlternativePath {
        /// What.
        passage: Passage,
        /// Somebody had refused it for want of a code.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refused_before: bool,
        /// How it went.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<Box<str>>,
    }
}
