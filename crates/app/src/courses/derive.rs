//! A person's course out of the person's facts.

use sizao_model::{
    ContactClass, DivisionCode, Fact, FactBody, FactId, Happened, Instant, PersonId,
    fact::{CaseStatus, Correction, EvidenceGrade, Exposure, Outcome},
};
use sizao_store::CourseRecord;

/// The course of a person; none for somebody who is neither case nor contact.
///
/// Times that are only known to the day count as the end of that day: nobody is late by a lack of precision.
pub(super) fn course(person: PersonId, division: DivisionCode, facts: &[Fact]) -> Option<CourseRecord> {
    let facts = as_corrected(facts);
    let mut course = CourseRecord {
        person,
        division,
        status: 0,
        onset_on: None,
        sampled_at: None,
        positive_at: None,
        diagnosed_at: None,
        reported_at: None,
        reported_on: None,
        contact_at: None,
        isolated_at: None,
    };
    let mut latest: Option<(Instant, CaseStatus)> = None;
    for (fact, happened) in &facts {
        let at = latest_of(happened);
        match &fact.body {
            FactBody::Diagnosis(diagnosis) => {
                let key = (happened.starts_at(), diagnosis.status);
                if latest.is_none_or(|known| known.0 <= key.0) {
                    latest = Some(key);
                }
                if diagnosis.status != CaseStatus::Excluded {
                    earliest(&mut course.diagnosed_at, at);
                    earliest(&mut course.reported_at, fact.recorded_at);
                    course.onset_on = [course.onset_on, diagnosis.onset].into_iter().flatten().min();
                }
            }
            FactBody::Exposure(exposure) if asks_for_isolation(exposure) => {
                earliest(&mut course.contact_at, fact.recorded_at);
            }
            FactBody::IsolationStarted(_) => earliest(&mut course.isolated_at, happened.starts_at()),
            FactBody::Sample(_) => earliest(&mut course.sampled_at, happened.starts_at()),
            FactBody::TestResult(result) if result.outcome == Outcome::Positive => {
                earliest(&mut course.positive_at, at);
            }
            _ => {}
        }
    }
    course.status = match latest.map(|(_, status)| status) {
        None | Some(CaseStatus::Excluded) => 0,
        Some(CaseStatus::SuspectedCase) => 1,
        Some(CaseStatus::ConfirmedCase) => 2,
        Some(CaseStatus::AsymptomaticInfection) => 3,
    };
    if course.status == 0 {
        (course.diagnosed_at, course.reported_at) = (None, None);
    }
    course.reported_on = course.reported_at.map(Instant::day);
    (course.status > 0 || course.contact_at.is_some()).then_some(course)
}

/// Whether an exposure makes a contact whom the clock of early isolation concerns: close or secondary, or in a vehicle,
/// and more than a lead.
fn asks_for_isolation(exposure: &Exposure) -> bool {
    let class =
        exposure.class.is_none_or(|class| matches!(class, ContactClass::CloseContact | ContactClass::SecondaryContact));
    class && exposure.evidence.grade() == EvidenceGrade::Evidence
}

fn earliest(known: &mut Option<Instant>, at: Instant) {
    *known = Some(known.map_or(at, |before| before.min(at)));
}

/// The last instant at which it can have happened.
fn latest_of(happened: &Happened) -> Instant {
    happened.ends_at().unwrap_or_else(|| happened.starts_at())
}

/// Facts with their corrections applied; retracted ones are gone.
fn as_corrected(facts: &[Fact]) -> Vec<(Fact, Happened)> {
    let corrections: Vec<(FactId, Instant, &Correction)> = facts
        .iter()
        .filter_map(|fact| match &fact.body {
            FactBody::Correction(correction) => Some((fact.id, fact.recorded_at, correction)),
            _ => None,
        })
        .collect();
    let retracted = |id: FactId| corrections.iter().any(|(_, _, correction)| correction.retract && correction.of == id);
    let mut standing: Vec<_> = corrections.iter().filter(|(id, ..)| !retracted(*id)).collect();
    standing.sort_by_key(|(id, at, _)| (*at, *id));
    let own = facts.iter().filter(|fact| !matches!(fact.body, FactBody::Correction(_)));
    own.filter_map(|fact| {
        let (mut fact, mut happened) = (fact.clone(), fact.happened.clone());
        for (_, _, correction) in standing.iter().filter(|(_, _, correction)| correction.of == fact.id) {
            if correction.retract || correction.person.is_some_and(|person| Some(person) != fact.person) {
                return None;
            }
            if let Some(corrected) = &correction.happened {
                happened = corrected.clone();
            }
            if let Some(body) = correction.body.as_ref().and_then(|fields| patched(&fact.body, fields)) {
                fact.body = body;
            }
        }
        Some((fact, happened))
    })
    .collect()
}

fn patched(body: &FactBody, fields: &serde_json::Map<String, serde_json::Value>) -> Option<FactBody> {
    let mut whole: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&body.to_json()).ok()?;
    whole.extend(fields.clone());
    whole.retain(|_, value| !value.is_null());
    FactBody::from_json(body.kind().name(), &serde_json::Value::Object(whole).to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(id: &str, kind: &str, happened: &str, recorded: &str, body: &str) -> Fact {
        let person = if matches!(kind, "result" | "correction") { "" } else { r#""person":"p","# };
        Fact::from_json(&format!(
            r#"{{"id":"{id}","kind":"{kind}",{person}"happened":{happened},"recorded_at":"{recorded}","body":{body}}}"#
        ))
        .unwrap()
    }

    fn of(facts: &[Fact]) -> Option<CourseRecord> {
        course(PersonId::from_label("p"), DivisionCode::HENAN, facts)
    }

    #[test]
    fn a_case_has_onset_sample_result_diagnosis_and_report() {
        let facts = [
            fact(
                "s",
                "sample",
                r#"{"at":"2022-03-12T10:00:00+08:00"}"#,
                "2022-03-12T10:05:00+08:00",
                r#"{"method":"nucleic_test"}"#,
            ),
            fact(
                "r",
                "result",
                r#"{"at":"2022-03-12T20:00:00+08:00"}"#,
                "2022-03-12T20:01:00+08:00",
                r#"{"sample":"s","outcome":"positive"}"#,
            ),
            fact(
                "d",
                "diagnosis",
                r#"{"day":"2022-03-13"}"#,
                "2022-03-13T23:30:00+08:00",
                r#"{"status":"confirmed_case","onset":"2022-03-11"}"#,
            ),
        ];
        let course = of(&facts).unwrap();
        assert_eq!((course.status, course.onset_on.unwrap().to_string()), (2, "2022-03-11".to_owned()));
        assert_eq!(course.diagnosed_at, Some(Instant::parse("2022-03-14T00:00:00+08:00").unwrap()));
        assert_eq!(course.reported_on.unwrap().to_string(), "2022-03-13");
        assert_eq!(course.positive_at, Some(Instant::parse("2022-03-12T20:00:00+08:00").unwrap()));
    }

    #[test]
    fn a_retracted_diagnosis_leaves_no_course_and_an_excluded_contact_stays_a_contact() {
        let diagnosis = fact(
            "d",
            "diagnosis",
            r#"{"day":"2022-03-13"}"#,
            "2022-03-13T23:30:00+08:00",
            r#"{"status":"confirmed_case"}"#,
        );
        let retraction = fact(
            "c",
            "correction",
            r#"{"day":"2022-03-14"}"#,
            "2022-03-14T01:00:00+08:00",
            r#"{"of":"d","retract":true}"#,
        );
        assert_eq!(of(&[diagnosis.clone(), retraction]), None);
        let exposure = fact(
            "e",
            "exposure",
            r#"{"day":"2022-03-12"}"#,
            "2022-03-12T09:00:00+08:00",
            r#"{"case":"q","evidence":"interview","class":"close_contact"}"#,
        );
        let excluded =
            fact("x", "diagnosis", r#"{"day":"2022-03-15"}"#, "2022-03-15T09:00:00+08:00", r#"{"status":"excluded"}"#);
        let course = of(&[diagnosis, exposure, excluded]).unwrap();
        assert_eq!((course.status, course.reported_at), (0, None));
    }
}
