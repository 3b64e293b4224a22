//! Why something holds, for the person and the officer alike: a tree of findings in plain Chinese and English.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    fact::EvidenceKind,
    id::{FactId, PersonId},
};

/// Why an assessment says what it says. It never identifies another patient: facts about others are counted and named
/// by their kind, without id, day or place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Whom it is about.
    pub person: PersonId,
    /// What was found, each with what it rests on.
    pub findings: Vec<Finding>,
}

/// One finding and what it rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `<pack>:<rule>`, where a rule speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<str>>,
    /// How it is known, where a fact of the person speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceKind>,
    /// Facts of the person themself; never of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactId>,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// What it rests on, and what follows from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Finding>,
}

impl Finding {
    /// Words alone.
    pub fn of(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into(), ..Self::default() }
    }

    /// The finding and everything below it, top first.
    pub fn walk(&self) -> impl Iterator<Item = &Finding> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let finding = open.pop()?;
            open.extend(finding.children.iter().rev());
            Some(finding)
        })
    }
}
