//! Exit tests: so many negative nucleic results of a person's own single samples, taken on or after the day of the exit
//! test; of several, from different laboratories. Sampling time decides whether a test counts, recording time when its
//! effect begins. Earlier planned tests are not a condition.

use sizao_model::{
    CivilDay, FactBody, FactId, Instant,
    fact::{Outcome, Sample, TestMethod},
    id::LabId,
};

use super::is_about;
use crate::{known::Seen, people::Group};

/// A nucleic sample of a person and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Tested<'f> {
    pub sample: FactId,
    pub sampled_at: Instant,
    pub lab: Option<&'f LabId>,
    pub is_single: bool,
    /// When it was known to be negative.
    pub negative_at: Option<Instant>,
    /// Whether any other result is known.
    pub has_other_result: bool,
}

/// The nucleic samples of a person for a disease, in order of sampling.
pub(crate) fn nucleic_samples<'f>(group: &Group, disease: &str, facts: &'f [Seen<'_>]) -> Vec<Tested<'f>> {
    let mut tested: Vec<Tested<'f>> = facts
        .iter()
        .filter_map(|seen| match &*seen.body {
            FactBody::Sample(sample)
                if sample.method == TestMethod::NucleicTest && is_about(sample.disease.as_deref(), disease) =>
            {
                let since = group.reach(seen)?.since.max(seen.recorded_at);
                Some(outcome(seen, sample, since, facts))
            }
            _ => None,
        })
        .collect();
    tested.sort_by_key(|tested| (tested.sampled_at, tested.sample));
    tested
}

fn outcome<'f>(seen: &'f Seen<'_>, sample: &'f Sample, since: Instant, facts: &'f [Seen<'_>]) -> Tested<'f> {
    let mut tested = Tested {
        sample: seen.id,
        sampled_at: seen.starts_at(),
        lab: sample.lab.as_ref(),
        is_single: sample.pool.is_none(),
        negative_at: None,
        has_other_result: false,
    };
    for other in facts {
        let FactBody::TestResult(result) = &*other.body else { continue };
        if result.sample != Some(seen.id) && (result.pool.is_none() || result.pool != sample.pool) {
            continue;
        }
        match result.outcome {
            Outcome::Negative => {
                let known_at = other.recorded_at.max(since);
                tested.negative_at = Some(tested.negative_at.map_or(known_at, |earlier| earlier.min(known_at)));
                tested.is_single |= result.sample.is_some();
            }
            Outcome::Positive | Outcome::GreyZone | Outcome::Invalid => tested.has_other_result = true,
        }
    }
    tested
}

/// When it became known that so many exit samples, taken on or after a day, are negative.
pub(crate) fn met_at(samples: u8, exit_on: CivilDay, tested: &[Tested<'_>]) -> Option<Instant> {
    let mut negatives: Vec<(Instant, Option<&LabId>)> = tested
        .iter()
        .filter(|tested| tested.is_single && tested.sampled_at.day() >= exit_on)
        .filter_map(|tested| Some((tested.negative_at?, tested.lab)))
        .collect();
    negatives.sort_unstable_by_key(|(known_at, _)| *known_at);
    if samples <= 1 {
        return negatives.first().map(|(known_at, _)| *known_at);
    }
    let mut labs: Vec<&LabId> = Vec::new();
    for (known_at, lab) in negatives {
        if let Some(lab) = lab.filter(|lab| !labs.contains(lab)) {
            labs.push(lab);
        }
        if labs.len() >= usize::from(samples) {
            return Some(known_at);
        }
    }
    None
}

/// When it became known that the first two nucleic samples of a contact, taken since the first exposure, are negative.
pub(crate) fn first_two_negative_at(since: Instant, tested: &[Tested<'_>]) -> Option<Instant> {
    let mut first = tested.iter().filter(|tested| tested.sampled_at >= since);
    let (one, two) = (first.next()?, first.next()?);
    Some(one.negative_at?.max(two.negative_at?))
}
