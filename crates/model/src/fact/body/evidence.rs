//! How something is known, what that is worth, and what was known wrongly.

use serde::{Deserialize, Serialize};

use super::shapes::{bodies, words};
use crate::{
    happened::Happened,
    id::{FactId, PersonId},
};

words! {
    /// How it is known. Ranked: the person's word and papers, then leads, then the cell of a phone.
    EvidenceKind {
        /// The person or a companion said so to an investigator.
        Interview,
        /// Ticket or seat.
        Ticket,
        /// Camera picture looked at by a person.
        Camera,
        /// Seen at a checkpoint.
        Checkpoint,
        /// The person declared it.
        Declared,
        /// Scan of a venue code.
        VenueScan,
        /// A payment.
        Payment,
        /// A row of a list.
        ListRow,
        /// A model's output.
        Model,
        /// Cell of a mobile phone.
        CellLocation,
    }
}

words! {
    /// What a kind of evidence is worth.
    EvidenceGrade {
        /// Only a reason to ask.
        Question,
        /// Counts once confirmed (线索).
        Lead,
        /// Counts (依据).
        Evidence,
    }
}

impl EvidenceKind {
    /// What this kind is worth before anybody confirms it.
    pub const fn grade(self) -> EvidenceGrade {
        match self {
            Self::Interview | Self::Ticket | Self::Camera | Self::Checkpoint | Self::Declared => {
                EvidenceGrade::Evidence
            }
            Self::VenueScan | Self::Payment | Self::ListRow | Self::Model => EvidenceGrade::Lead,
            Self::CellLocation => EvidenceGrade::Question,
        }
    }
}

words! {
    /// Who turned a lead into evidence.
    ConfirmedBy {
        /// The person.
        Person,
        /// A second, independent source.
        SecondSource,
        /// An epidemiologist, case by case.
        Epidemiologist,
    }
}

bodies! {
    /// A lead becomes evidence.
    Confirmation {
        /// The fact that is confirmed.
        of: FactId,
        /// By whom.
        by: ConfirmedBy,
    }

    /// An earlier fact was wrong: retracted, or what replaces it.
    Correction {
        /// Which.
        of: FactId,
        /// Refuted or entered in error.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        retract: bool,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Box<str>>,
        /// The person it is about in truth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<PersonId>,
        /// When it happened in truth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        happened: Option<Happened>,
        /// Fields of the body as they are in truth; those left out stay.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<serde_json::Map<String, serde_json::Value>>,
    }
}
