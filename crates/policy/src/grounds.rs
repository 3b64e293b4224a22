//! What a declaration of an area rests on: a case, which has to be on record when the area is declared.
//!
//! Judged by what was recorded, as it was recorded: taking a diagnosis back later does not undo a declaration by itself;
//! ending the area or taking the declaration back does. Otherwise who put a stay down as evidence and took it back
//! would have made evidence of it.

use sizao_model::{
    Fact, FactBody, FactId,
    fact::{CaseStatus, Outcome},
};

/// What the evidence of a declaration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grounds {
    /// A case that was on record by then.
    Case,
    /// Facts, and no case among them: the declaration is void.
    None,
    /// None of it is here to be looked at.
    Unseen,
}

/// What a declaration rests on.
pub(crate) fn grounds_of<'a>(
    declared: &Fact,
    evidence: &[FactId],
    with_id: impl Fn(FactId) -> Option<&'a Fact>,
) -> Grounds {
    let mut grounds = Grounds::Unseen;
    // What was recorded later was not there to be looked at, and never becomes evidence of it.
    let seen = evidence.iter().filter_map(|id| with_id(*id)).filter(|fact| fact.recorded_at <= declared.recorded_at);
    for fact in seen {
        if is_case(&fact.body) {
            return Grounds::Case;
        }
        grounds = Grounds::None;
    }
    grounds
}

/// Whether a fact says that somebody is infected: a diagnosis, or a positive result.
fn is_case(body: &FactBody) -> bool {
    match body {
        FactBody::Diagnosis(diagnosis) => {
            matches!(diagnosis.status, CaseStatus::ConfirmedCase | CaseStatus::AsymptomaticInfection)
        }
        // A tube may hold many; the single result is what names a case.
        FactBody::TestResult(result) => result.sample.is_some() && result.outcome == Outcome::Positive,
        _ => false,
    }
}
