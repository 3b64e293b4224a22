//! Passes at a gate, over HTTP: many different ones, forged and withdrawn ones among them, how fast, and how soon a change is
//! seen. `SIZAO_PASSES` (600) sets how many; `scripts/prove.sh passes` takes 10,000.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use ed25519_dalek::SigningKey;
use sizao_app::{
    identity::Role,
    residents::{Form, Pass},
};
use sizao_interop::pass;
use sizao_model::{DivisionCode, Happened, PersonId};
use sizao_store::{Channel, IntakeKey, NewFact};
use tokio::{sync::watch, time::Instant as Watch};

use crate::support::*;

/// Passes of one request.
const BATCH: usize = 1_000;
/// Checks in a second that two cores have to reach.
const RATE_MIN: f64 = 10_000.0;
/// A gate sees within so many seconds that what a pass says is not so any more.
const SEEN_SECONDS_MAX: f64 = 60.0;

/// A word for each pass, from the gate.
async fn gate(world: &World, session: &str, texts: &[String]) -> Vec<String> {
    let mut words = Vec::with_capacity(texts.len());
    for batch in texts.chunks(BATCH) {
        let request = Request::post("/passes/check").header(header::COOKIE, format!("sizao_session={session}"));
        let request = request.header(header::CONTENT_TYPE, "text/plain");
        let answer = world.ask(request.body(Body::from(batch.join("\n"))).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        words.extend(told["passes"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()));
    }
    words
}

/// A diagnosis of somebody, as the node's own record.
async fn diagnosed(world: &World, people: &[PersonId]) {
    let store = world.app.store();
    let source = store.source("passes").await.unwrap();
    let body = r#"{"status":"confirmed_case","onset":"2022-03-14"}"#;
    let facts = people.iter().map(|person| NewFact {
        id: store.new_fact_id(now()),
        person: Some(*person),
        division: DivisionCode::parse("410102").unwrap(),
        happened: Happened::at(now()),
        recorded_at: now(),
        body: sizao_model::FactBody::from_json("diagnosis", body).unwrap(),
        recorder: world.app.recorder(),
        channel: Channel::System,
        source,
        intake_key: IntakeKey::Sender(person.to_string().into()),
    });
    world.app.append_facts(facts.collect()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_withdrawn_passes_are_seen_among_many() {
    let count: usize = std::env::var("SIZAO_PASSES").ok().map_or(600, |text| text.parse().unwrap());
    for place in places().await {
        let world = World::full(place).await;
        let gate_unit = world.unit("4101").await;
        let session = world.session_in(&gate_unit, Role::Checkpoint).await;
        let people: Vec<PersonId> = (0..count).map(|_| PersonId::new(fresh())).collect();
        let mut texts = Vec::with_capacity(count);
        for person in &people {
            texts.push(world.app.issue_pass(*person, Form::Phone).await.unwrap().1);
        }
        // One in a hundred is forged: by another key, or with a letter changed.
        let (forged, withdrawn): (Vec<usize>, Vec<usize>) =
            ((0..count).step_by(100).collect(), (50..count).step_by(100).collect());
        let other = SigningKey::from_bytes(&[77; 32]);
        for (nth, index) in forged.iter().enumerate() {
            texts[*index] = if nth % 2 == 0 {
                let pass = Pass {
                    issuer: "another".into(),
                    id: [3; 16],
                    issued_at: now(),
                    expires_at: now().plus_minutes(5),
                    colour: None,
                    form: Form::Phone,
                };
                pass::sign(&pass, &other)
            } else {
                let middle = texts[*index].len() / 2;
                let letter = if texts[*index].as_bytes()[middle] == b'A' { "B" } else { "A" };
                let mut changed = texts[*index].clone();
                changed.replace_range(middle..=middle, letter);
                changed
            };
        }
        let before = gate(&world, &session, &texts).await;
        for (index, word) in before.iter().enumerate() {
            assert_eq!(word == "holds", !forged.contains(&index), "{index}: {word}");
        }

        // The node runs with its jobs; a diagnosis is put down, and the gate asks until it sees.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (stop, stopping) = watch::channel(false);
        let serving = tokio::spawn(sizao_server::serve(listener, None, world.shared.clone(), stopping));
        let ill: Vec<PersonId> = withdrawn.iter().map(|index| people[*index]).collect();
        diagnosed(&world, &ill).await;
        let started = Watch::now();
        let after = loop {
            let words = gate(&world, &session, &texts).await;
            if withdrawn.iter().all(|index| words[*index] == "withdrawn") {
                break words;
            }
            assert!(started.elapsed().as_secs_f64() < SEEN_SECONDS_MAX, "the gate does not see the change");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let seen = started.elapsed().as_secs_f64();
        for (index, word) in after.iter().enumerate() {
            let want_holds = !forged.contains(&index) && !withdrawn.contains(&index);
            assert_eq!(word == "holds", want_holds, "{index}: {word}");
        }
        stop.send(true).unwrap();
        serving.await.unwrap().unwrap();

        // How fast: two gates ask at once.
        let rounds = 3;
        let started = Watch::now();
        tokio::join!(
            async {
                for _ in 0..rounds {
                    gate(&world, &session, &texts).await;
                }
            },
            async {
                for _ in 0..rounds {
                    gate(&world, &session, &texts).await;
                }
            },
        );
        let rate = (2 * rounds * count) as f64 / started.elapsed().as_secs_f64();
        println!("figure: {count} passes, {} forged, {} withdrawn: each told apart", forged.len(), withdrawn.len());
        println!("figure: a change was seen at the gate after {seen:.1} s");
        println!("figure: {rate:.0} passes a second checked over HTTP");
        if !cfg!(debug_assertions) {
            assert!(rate >= RATE_MIN, "{rate:.0} passes a second");
        }
    }
}
