//! Limits over 24 hours: how many people one may propose restrictions for, by proposer, source, and place with class.
//!
//! A fact that would open a restriction by itself, because its kind of evidence counts at once, is counted before it is
//! stored. Leads are not counted: they open nothing. Diagnoses and results are not: an infection found by a laboratory is
//! never held back. Beyond a limit nothing of the file is stored, and the record of deeds shows the attempt.

use std::{collections::BTreeMap, sync::OnceLock};

use serde::Deserialize;
use sizao_model::{FactBody, Instant, fact::EvidenceGrade};
use sizao_store::Restricting;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose},
    identity::Actor,
    refusal::Refusal,
};

/// The limits, as data.
const LIMITS: &str = include_str!("../data/limits.toml");

/// For how many people restrictions may be proposed within 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// By one account.
    pub proposer: u64,
    /// From one source: a unit's lists.
    pub source: u64,
    /// In one place, of one class.
    pub place: u64,
}

/// The table: limits by class, and what one person may bring in at once.
#[derive(Debug, Deserialize)]
struct Table {
    batch: Batch,
    #[serde(flatten)]
    classes: BTreeMap<String, Limits>,
}

/// Limits of one batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    alone: u64,
    alone_day: u64,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(LIMITS).expect("the table of limits can be read"))
}

/// The limits of a class.
///
/// # Panics
/// Never: the table comes with the program, and a test reads it.
pub fn limits_of(class: &str) -> Limits {
    let classes = &table().classes;
    classes.get(class).copied().unwrap_or_else(|| classes["default"])
}

/// Restricting facts of one batch that go in on one person's word; more wait for a second person.
pub fn alone_max() -> u64 {
    table().batch.alone
}

/// The same over 24 hours.
pub fn alone_day_max() -> u64 {
    table().batch.alone_day
}

/// Under which class a fact is counted; nothing for one that opens no restriction by itself.
pub const fn class_of(body: &FactBody) -> Option<&'static str> {
    let (class, evidence) = match body {
        FactBody::Exposure(exposure) => ("exposure", exposure.evidence),
        FactBody::Stay(stay) => ("stay", stay.evidence),
        FactBody::Arrival(arrival) => ("arrival", arrival.evidence),
        FactBody::Confirmation(_) => return Some("confirmation"),
        FactBody::SiteReset(_) => return Some("site-reset"),
        _ => return None,
    };
    match evidence.grade() {
        EvidenceGrade::Evidence => Some(class),
        EvidenceGrade::Lead | EvidenceGrade::Question => None,
    }
}

impl App {
    /// What an actor may propose of this: without what is frozen, whose rows come back one by one.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn without_frozen(
        &self,
        actor: &Actor,
        counts: &BTreeMap<&'static str, u64>,
    ) -> Result<BTreeMap<&'static str, u64>, AppError> {
        let frozen = self.frozen_classes(actor.account).await?;
        Ok(counts.iter().filter(|(class, _)| !frozen.contains(class)).map(|(class, count)| (*class, *count)).collect())
    }

    /// Counts what an actor proposes, or refuses all of it: beyond a limit, or while it is frozen.
    ///
    /// - `counts`: facts by class.
    ///
    /// # Errors
    /// [`Refusal::Field`] with the rule `limit-24h`; [`AppError::Store`].
    pub async fn count_restricting(
        &self,
        actor: &Actor,
        counts: &BTreeMap<&'static str, u64>,
        wall: Instant,
    ) -> Result<(), AppError> {
        self.count_proposals(actor, counts, false, wall).await
    }

    /// The same; `seconded` when a second person confirmed the batch.
    pub(crate) async fn count_proposals(
        &self,
        actor: &Actor,
        counts: &BTreeMap<&'static str, u64>,
        seconded: bool,
        wall: Instant,
    ) -> Result<(), AppError> {
        let frozen = self.frozen_classes(actor.account).await?;
        if counts.keys().any(|class| frozen.contains(class)) {
            let told = Reason::of("refused: an auditor looks at what this account proposed before");
            self.log_deed(actor, Action::Import, Purpose::Reporting, None, told, wall).await?;
            return Err(Refusal::field("file", "frozen").into());
        }
        for (class, people) in counts {
            let entry = Restricting {
                at: self.now(),
                proposer: actor.account,
                source: actor.unit.to_string(),
                place: actor.division,
                class: (*class).to_owned(),
                people: *people,
                seconded,
            };
            let Limits { proposer, source, place } = limits_of(class);
            let limits = [proposer, source, place];
            if let Err((which, limit)) = self.store().count_restricting(&entry, limits).await? {
                let by = ["proposer", "source", "place and class"][which];
                let told = Reason::of(&format!("refused: {people} of {class} beyond {limit} by {by} in 24 hours"));
                self.log_deed(actor, Action::Import, Purpose::Reporting, None, told, wall).await?;
                tracing::warn!(class, people, limit, by, "Restrictions beyond a limit were refused");
                return Err(Refusal::field("file", "limit-24h").into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_limits_and_none_lets_the_list_of_1317_through() {
        for class in ["exposure", "stay", "arrival", "confirmation", "site-reset"] {
            let Limits { proposer, source, place } = limits_of(class);
            assert!(0 < proposer && proposer <= source && source <= place, "{class}");
            assert!(source < 1_317, "{class}: one unit's lists");
        }
        assert_eq!((alone_max(), alone_day_max()), (20, 60));
    }
}
