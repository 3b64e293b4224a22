//! No restriction without evidence: what is known from an interview, a ticket, a camera, a checkpoint or a declaration
//! counts; a scan, a payment, a row of a list or a model is a lead and counts from the moment a confirmation is
//! recorded; the cell of a phone never counts, confirmed or not.

use sizao_model::{
    FactBody, FactId, Instant,
    fact::{EvidenceGrade, EvidenceKind},
};

use crate::known::Seen;

/// Since when a fact counts, and the confirmation through which it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub since: Instant,
    pub confirmation: Option<FactId>,
}

/// Whether and since when a fact with this kind of evidence counts.
pub(crate) fn counts(seen: &Seen<'_>, evidence: EvidenceKind, facts: &[Seen<'_>]) -> Option<Counts> {
    match evidence.grade() {
        EvidenceGrade::Evidence => Some(Counts { since: seen.recorded_at, confirmation: None }),
        EvidenceGrade::Lead => facts
            .iter()
            .find(|other| matches!(&*other.body, FactBody::Confirmation(confirmation) if confirmation.of == seen.id))
            .map(|confirmed| Counts {
                since: confirmed.recorded_at.max(seen.recorded_at),
                confirmation: Some(confirmed.id),
            }),
        EvidenceGrade::Question => None,
    }
}
