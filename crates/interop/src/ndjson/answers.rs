//! Assessments as lines of JSON, in the names of the file that the facts came from.

use std::borrow::Cow;

use serde::Serialize;
use sizao_model::{
    Assessment, Colour, ContactClass, Instant, Measure, MeasureKind,
    measure::{Offer, PlannedTest},
};

use super::Labels;

/// One assessment as one line, without line end.
pub fn answer_line(assessment: &Assessment, labels: &Labels) -> String {
    let answer = Answer {
        person: labels.person(assessment.person),
        colour: assessment.colour,
        measures: assessment.measures.iter().map(|measure| MeasureAnswer::new(measure, labels)).collect(),
        classes: assessment
            .classes
            .iter()
            .map(|found| ClassAnswer { fact: labels.fact(found.fact), class: found.class })
            .collect(),
        offers: &assessment.offers,
        next_change_at: assessment.next_change_at,
    };
    serde_json::to_string(&answer).expect("an answer is made of values that JSON can hold")
}

#[derive(Serialize)]
struct Answer<'a> {
    person: Cow<'a, str>,
    colour: Option<Colour>,
    measures: Vec<MeasureAnswer<'a>>,
    classes: Vec<ClassAnswer<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    offers: &'a [Offer],
    next_change_at: Option<Instant>,
}

#[derive(Serialize)]
struct MeasureAnswer<'a> {
    kind: MeasureKind,
    starts_at: Instant,
    ends_at: Instant,
    tests_on: &'a [PlannedTest],
    because: Vec<Cow<'a, str>>,
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    review_at: Option<Instant>,
}

#[derive(Serialize)]
struct ClassAnswer<'a> {
    fact: Cow<'a, str>,
    class: ContactClass,
}

impl<'a> MeasureAnswer<'a> {
    fn new(measure: &'a Measure, labels: &'a Labels) -> Self {
        Self {
            kind: measure.kind(),
            starts_at: measure.starts_at(),
            ends_at: measure.ends_at(),
            tests_on: measure.tests(),
            because: measure.because().iter().map(|&fact| labels.fact(fact)).collect(),
            rule: measure.rule(),
            review_at: measure.review_at(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sizao_model::{FactId, PersonId, measure::ClassFinding};

    use super::*;

    #[test]
    fn an_answer_speaks_in_the_names_of_the_file() {
        let mut labels = Labels::default();
        labels.note(r#"{"id":"f01","person":"p1","body":{}}"#);
        let at = |text: &str| Instant::parse(text).unwrap();
        let measure = Measure::open(
            MeasureKind::Hold,
            "cn-covid-v8:hold".into(),
            vec![FactId::from_label("f01")],
            at("2022-03-02T13:00:00Z"),
            at("2022-03-03T13:00:00Z"),
        );
        let assessment = Assessment {
            person: PersonId::from_label("p1"),
            colour: None,
            measures: vec![measure.unwrap()],
            classes: vec![ClassFinding { fact: FactId::from_label("f01"), class: ContactClass::CloseContact }],
            offers: Vec::new(),
            next_change_at: None,
        };
        assert_eq!(
            answer_line(&assessment, &labels),
            r#"{"person":"p1","colour":null,"measures":[{"kind":"hold","starts_at":"2022-03-02T21:00:00+08:00","ends_at":"2022-03-03T21:00:00+08:00","tests_on":[],"because":["f01"],"rule":"cn-covid-v8:hold"}],"classes":[{"fact":"f01","class":"close_contact"}],"next_change_at":null}"#
        );
    }
}
