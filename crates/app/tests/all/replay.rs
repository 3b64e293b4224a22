//! Asked again for the same moment of knowing and the same moment in question, a node answers what it answered then,
//! whatever was recorded, corrected and adopted since.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sizao_drill::city::{City, CityOptions};
use sizao_model::{Fact, Instant, PersonId};
use sizao_policy::FactIndex;

use crate::node::{Node, pack_text};
use crate::support::*;

/// Who was answered what: people with something to say, as JSON.
type Answers = BTreeMap<PersonId, String>;

async fn answers(node: &Node, people: &[PersonId], at: Instant) -> Answers {
    let mut answers = Answers::new();
    for person in people {
        let answer = node.app.assess(*person, at, at).await.unwrap().assessment;
        answers.insert(*person, json!(answer).to_string());
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_past_is_given_again() {
    for place in places().await {
        let city = City::build(CityOptions::new(150, 14, 11)).unwrap();
        let mut facts: Vec<Fact> = city.facts().collect();
        facts.sort_by_key(|fact| (fact.recorded_at, fact.id));
        let people: Vec<PersonId> = FactIndex::new(&facts).persons().collect();
        let first = facts[0].recorded_at.to_string();
        let node = Node::new(&place, &["cn-covid-v8", "ha-normal-2.0"], &first).await;
        let mut given: Vec<(Instant, Answers)> = Vec::new();
        let text = pack_text("cn-covid-v9");
        let parts = 5;
        for (number, portion) in facts.chunks(facts.len().div_ceil(parts)).enumerate() {
            let last = portion[portion.len() - 1].recorded_at;
            let now = last.plus_minutes(1).to_string();
            node.set(&now);
            let values: Vec<Value> =
                portion.iter().map(|fact| serde_json::from_str(&fact.to_json()).unwrap()).collect();
            node.append(&values).await;
            if number == 2 {
                let sum = sizao_store::hex(&sizao_app::pack_signatures::digest("cn-covid-v9", &text));
                node.append(&[json!({
                    "id": "adopted", "kind": "pack_adopted", "happened": {"at": last.plus_hours(20)}, "recorded_at": now,
                    "body": {"pack": "cn-covid-v9", "digest": sum, "signers": ["a", "b"], "text": text},
                })])
                .await;
            }
            node.app.follow_log().await.unwrap();
            given.push((node.now(), answers(&node, &people, node.now()).await));
        }
        let says = |answers: &Answers| answers.values().filter(|text| !text.contains("\"measures\":[]")).count();
        assert!(given.iter().map(|(_, answers)| says(answers)).max() > Some(10), "the city is too quiet to test with");
        for (at, then) in &given {
            assert_eq!(&answers(&node, &people, *at).await, then, "as known at {at}");
        }
    }
}
