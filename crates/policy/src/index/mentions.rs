//! What a fact refers to besides the person it is about. An index by mention finds, for any fact, the facts that
//! depend on it; stores build theirs from the same function.

use serde_json::Value;
use sizao_model::{
    Fact, FactBody, FactId, PersonId,
    fact::Correction,
    id::{AreaCode, PoolId, SiteId},
};

/// Something that a fact refers to. The person that a fact is about is not among them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mention {
    /// A case, a contact, a parent, another identity, the person to whom a correction moves a fact.
    Person(PersonId),
    /// A fact confirmed, corrected, unlinked, sampled or named as evidence.
    Fact(FactId),
    /// A tube.
    Pool(PoolId),
    /// A place of isolation.
    Site(SiteId),
    /// An area, or the area of a stay.
    Area(AreaCode),
}

/// What a fact refers to. An id may come twice when a fact names it twice.
pub fn mentions(fact: &Fact) -> impl Iterator<Item = Mention> + use<> {
    let mut found = Vec::new();
    match &fact.body {
        FactBody::Person(person) => found.extend(person.parents.iter().copied().map(Mention::Person)),
        FactBody::IdentityLink(link) => found.push(Mention::Person(link.other)),
        FactBody::IdentityUnlink(unlink) => found.push(Mention::Fact(unlink.link)),
        FactBody::Stay(stay) => found.push(Mention::Area(stay.area.clone())),
        FactBody::Sample(sample) => found.extend(sample.pool.clone().map(Mention::Pool)),
        FactBody::TestResult(result) => {
            found.extend(result.sample.map(Mention::Fact));
            found.extend(result.pool.clone().map(Mention::Pool));
        }
        FactBody::Exposure(exposure) => {
            found.extend([exposure.case, exposure.via].into_iter().flatten().map(Mention::Person))
        }
        FactBody::Confirmation(confirmation) => found.push(Mention::Fact(confirmation.of)),
        FactBody::AreaDeclared(area) => {
            found.push(Mention::Area(area.area.clone()));
            found.extend(area.evidence.iter().copied().map(Mention::Fact));
        }
        FactBody::AreaEnded(area) => found.push(Mention::Area(area.area.clone())),
        FactBody::IsolationStarted(place) => found.push(Mention::Site(place.site.clone())),
        FactBody::IsolationMoved(place) => found.push(Mention::Site(place.site.clone())),
        FactBody::SiteReset(reset) => {
            found.push(Mention::Site(reset.site.clone()));
            found.extend(reset.evidence.iter().copied().map(Mention::Fact));
        }
        FactBody::Extension(extension) => found.extend(extension.evidence.iter().copied().map(Mention::Fact)),
        FactBody::Correction(correction) => of_correction(correction, &mut found),
        FactBody::LoopStep(step) => {
            found.push(Mention::Fact(step.opened_by));
            found.extend(step.site.clone().map(Mention::Site));
        }
        FactBody::NoShow(none) => found.push(Mention::Fact(none.of)),
        FactBody::HoldEnded(ended) => found.push(Mention::Fact(ended.of)),
        FactBody::Disinfection(record) => {
            found.extend(record.closes.into_iter().chain(record.case).map(Mention::Fact));
        }
        FactBody::CareGiven(given) => found.push(Mention::Fact(given.of)),
        FactBody::Appeal(appeal) => {
            found.push(Mention::Fact(appeal.opened_by));
            found.extend(appeal.against.map(Mention::Fact));
        }
        FactBody::AppealDecision(decision) => found.push(Mention::Fact(decision.of)),
        FactBody::CareNeed(_)
        | FactBody::Arrival(_)
        | FactBody::ArrivalExpected(_)
        | FactBody::Inspection(_)
        | FactBody::LaneStep(_)
        | FactBody::Diagnosis(_)
        | FactBody::IsolationLeft(_)
        | FactBody::SymptomReport(_)
        | FactBody::VaccineDose(_)
        | FactBody::Discharge(_)
        | FactBody::Death(_)
        | FactBody::Mandate(_)
        | FactBody::Erasure(_)
        | FactBody::PackAdopted(_)
        | FactBody::SentinelReport(_)
        | FactBody::WatchFreeze(_)
        | FactBody::OrderRefused(_)
        | FactBody::BatchDecided(_)
        | FactBody::AlternativePath(_)
        // No rule reads where a tube is, or who is reminded.
        | FactBody::TubeStep(_)
        | FactBody::ScreeningRound(_)
        | FactBody::GroupMember(_)
        | FactBody::GroupPause(_)
        | FactBody::LedgerDay(_)
        | FactBody::Investigation(_) => {}
        FactBody::WatchDecision(decision) => found.push(Mention::Fact(decision.of)),
    }
    found.into_iter()
}

/// The corrected fact, the person in truth, and whatever the replaced fields of the body refer to.
fn of_correction(correction: &Correction, found: &mut Vec<Mention>) {
    found.push(Mention::Fact(correction.of));
    found.extend(correction.person.map(Mention::Person));
    of_fields(correction.body.iter().flatten(), found);
}

fn of_fields<'v>(fields: impl Iterator<Item = (&'v String, &'v Value)>, found: &mut Vec<Mention>) {
    for (field, value) in fields {
        // What a correction of a correction says instead.
        if let ("body", Some(fields)) = (field.as_str(), value.as_object()) {
            of_nested(fields, found);
        }
        for text in texts(value) {
            found.extend(match field.as_str() {
                "case" | "via" | "other" | "parents" | "person" => Some(Mention::Person(PersonId::from_label(text))),
                "sample" | "link" | "of" => Some(Mention::Fact(FactId::from_label(text))),
                "evidence" if value.is_array() => Some(Mention::Fact(FactId::from_label(text))),
                "pool" => Some(Mention::Pool(text.into())),
                "site" => Some(Mention::Site(text.into())),
                "area" => Some(Mention::Area(text.into())),
                _ => None,
            });
        }
    }
}

fn of_nested(fields: &serde_json::Map<String, Value>, found: &mut Vec<Mention>) {
    of_fields(fields.iter(), found);
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_str().into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}
