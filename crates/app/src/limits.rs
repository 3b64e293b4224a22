//! Limits over 24 hours: how many people one may propose restrictions for, by proposer, source, and place with class.
//!
//! A fact that would open a restriction by itself, because its kind of evidence counts at once, is counted before it is
//! stored. Leads are not counted: they open nothing. Diagnoses and results are not: an infection found by a laboratory is
//! never held back. Beyond a limit nothing of the file is stored, and the record of deeds shows the attempt.

use std::collections::BTreeMap;

use sizao_model::{FactBody, Instant, fact::EvidenceGrade};
use sizao_store::Restricting;

use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose},
    identity::Actor,
    refusal::Refusal,
};

/// People for whom one account may propose restrictions within 24 hours.
pub const PROPOSER_MAX: u64 = 500;
/// And from one source: a unit's lists.
pub const SOURCE_MAX: u64 = 1_000;
/// And in one place, of one class.
pub const PLACE_CLASS_MAX: u64 = 2_000;

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
    /// Counts what an actor proposes, or refuses all of it.
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
        for (class, people) in counts {
            let entry = Restricting {
                at: self.now(),
                proposer: actor.account,
                source: actor.unit.to_string(),
                place: actor.division,
                class: (*class).to_owned(),
                people: *people,
            };
            let limits = [PROPOSER_MAX, SOURCE_MAX, PLACE_CLASS_MAX];
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
