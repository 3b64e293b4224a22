//! The JSON API: its document is what answers, tokens do no more than they were made for, facts go in once.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::Value;
use sizao_app::{api_tokens::NewApiToken, identity::Role, mandates::Collection};
use sizao_server::{
    api::{document, operations},
    routes::{ROUTES, Who},
};

use crate::support::*;

#[test]
fn the_operations_are_these() {
    let right = |who| match who {
        Who::May(action) => action.name(),
        Who::SignedIn => "any token",
        Who::Anyone => "anyone",
    };
    let lines =
        operations().map(|one| format!("{:<4} {:<36} {:<18} {}\n", one.method, one.path, one.id, right(one.who)));
    insta::assert_snapshot!("operations", lines.collect::<String>());
}

#[test]
fn the_document_has_every_operation_and_nothing_else_answers_under_its_path() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let told = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    let told: BTreeSet<_> = told.collect();
    let answered: BTreeSet<_> = operations().map(|one| (one.method.to_owned(), one.path.to_owned())).collect();
    assert_eq!(told, answered);
    let beside: Vec<&str> = ROUTES.iter().map(|route| route.path).filter(|path| path.starts_with("/api")).collect();
    assert_eq!(beside, ["/api/v1/openapi.json"]);
    let ids: BTreeSet<&str> = operations().map(|one| one.id).collect();
    assert_eq!(ids.len(), operations().count(), "each operation has a name of its own");
    assert!(operations().all(|one| !one.summary.is_empty()));
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    fn walk(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|field| walk(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    walk(&document, &mut found);
    assert!(found.len() > 50);
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_is_a_problem_with_the_id_of_its_request() {
    let world = World::full(places().await.remove(0)).await;
    let token = world.token_in(&world.units[0], Role::Epidemiologist).await;
    let unknown = format!("/people/{}", fresh());
    type Asked<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>, u16, &'a str);
    let asked: [Asked<'_>; 11] = [
        ("GET", "/me", None, None, 401, "signed-out"),
        ("GET", "/me", Some("sizao_00"), None, 401, "signed-out"),
        ("GET", "/nothing", Some(&token), None, 404, "not-found"),
        ("GET", &unknown, Some(&token), None, 404, "not-found"),
        ("GET", "/accounts", Some(&token), None, 403, "not-allowed"),
        ("PUT", "/me", Some(&token), None, 405, "method-not-allowed"),
        ("GET", "/people?group=friends", Some(&token), None, 400, "malformed"),
        ("GET", "/people?more=1", Some(&token), None, 400, "malformed"),
        ("POST", "/people/search", Some(&token), Some("{"), 400, "malformed"),
        ("POST", "/people/search", Some(&token), Some(r#"{"q": "a", "w": 1}"#), 422, "malformed"),
        ("POST", "/people/search", Some(&token), None, 415, "media-type"),
    ];
    for (method, path, token, body, status, code) in asked {
        let answer = world.api(method, path, token, body).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{method} {path}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some(code), Some(status.into())), "{path}");
        let id = answer.headers["x-request-id"].to_str().unwrap();
        assert_eq!(problem["instance"], format!("urn:uuid:{id}"));
        assert_eq!(answer.headers.contains_key(header::WWW_AUTHENTICATE), status == 401);
        assert_eq!(answer.headers.contains_key(header::ALLOW), status == 405, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_does_no_more_than_it_was_made_for_and_ends() {
    for place in places().await {
        let world = World::full(place).await;
        let unit = &world.units[0];
        let hour = now().plus_hours(1);
        let narrow = world.token_for(unit, Role::Epidemiologist, "view-board", hour).await;
        assert_eq!(world.api("GET", "/board", Some(&narrow), None).await.status, 200);
        let refused = world.api("GET", "/people", Some(&narrow), None).await;
        assert!(refused.status == 403 && refused.body.contains("out-of-scope"), "{}", refused.body);
        let wide = world.token_for(unit, Role::Statistician, "view-board list-people", hour).await;
        assert_eq!(world.api("GET", "/people", Some(&wide), None).await.status, 403, "the role has no such right");
        let over = world.token_for(unit, Role::Epidemiologist, "view-board", now()).await;
        assert_eq!(world.api("GET", "/board", Some(&over), None).await.status, 401, "it ended by itself");

        // Pages take no tokens, the API takes no sessions.
        let session = world.session_in(unit, Role::Epidemiologist).await;
        let by_session = Request::get("/api/v1/board").header(header::COOKIE, format!("sizao_session={session}"));
        assert_eq!(world.ask(by_session.body(Body::empty()).unwrap()).await.status, 401);
        let by_token = Request::get("/board").header(header::AUTHORIZATION, format!("Bearer {narrow}"));
        assert_eq!(world.ask(by_token.body(Body::empty()).unwrap()).await.status, 303);

        // Made on the page, shown once, kept as a digest, ended on the page.
        let form = "token_name=Ward+system&scopes=view-board&scopes=list-people&token_days=30";
        let made = world.post("/me/tokens", Some(&session), form).await;
        let secret = made.body.split("<code id=\"token\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        assert_eq!(world.api("GET", "/people", Some(&secret), None).await.status, 200);
        let page = world.get("/me", Some(&session)).await.body;
        assert!(page.contains("Ward system") && !page.contains(&secret), "{page}");
        let id = page.split("/me/tokens/").nth(1).unwrap().split('/').next().unwrap().to_owned();
        let other = world.session_in(unit, Role::Epidemiologist).await;
        assert_eq!(world.post(&format!("/me/tokens/{id}/end"), Some(&other), "").await.status, 404);
        assert_eq!(world.post(&format!("/me/tokens/{id}/end"), Some(&session), "").await.status, 303);
        assert_eq!(world.api("GET", "/people", Some(&secret), None).await.status, 401);

        // A closed account's tokens end with it; nobody makes a token beyond the role or the limit of days.
        let actor = world.actor_in(unit, Role::Epidemiologist).await;
        let form =
            |scopes: &str, days: &str| NewApiToken { name: "x".into(), scopes: vec![scopes.into()], days: days.into() };
        for (scopes, days) in [("view-board", "0"), ("view-board", "91"), ("view-access", "3"), ("make-tokens", "3")] {
            assert!(world.app.make_api_token(&actor, &form(scopes, days), now()).await.is_err(), "{scopes} {days}");
        }
        let (_, secret) = world.app.make_api_token(&actor, &form("view-board", "3"), now()).await.unwrap();
        assert_eq!(world.api("GET", "/board", Some(&secret), None).await.status, 200);
        world.app.store().close_account(actor.account, now()).await.unwrap();
        assert_eq!(world.api("GET", "/board", Some(&secret), None).await.status, 401);
    }
}

const DEATH: &str =
    r#"{"id":"d1","kind":"death","person":"p1","division":"410102","happened":{"day":"2022-03-16"},"body":{}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_go_in_once_under_their_key_and_the_bad_ones_come_back() {
    for place in places().await {
        let world = World::full(place).await;
        let token = world.token_in(&world.units[1], Role::Lab).await;
        let size = world.app.store().size().await.unwrap();
        let lines = [
            DEATH.to_owned(),
            DEATH.replace("d1", "d2").replace("410102", "410302"),
            r#"{"id":"a1","kind":"area_ended","happened":{"day":"2022-03-16"},"body":{"area":"4101"}}"#.to_owned(),
            DEATH.replace("d1", "d3").replace("death", "rumour"),
            DEATH.replace("d1", "d4").replace("p1", "p2"),
        ];
        let first = world.send_facts(&token, "batch-1", &lines.join("\n")).await;
        assert_eq!(first.status, 200, "{}", first.body);
        let answer: Value = serde_json::from_str(&first.body).unwrap();
        assert_eq!((answer["accepted"].as_u64(), answer["rejected"].as_u64()), (Some(2), Some(3)), "{answer}");
        let refused: Vec<&str> =
            answer["refused"].as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
        assert!(refused[0].contains("410302, outside 4101"), "{refused:?}");
        assert!(refused[1].contains("'area_ended' is not taken here"), "{refused:?}");
        assert!(refused[2].contains("unknown kind 'rumour'"), "{refused:?}");
        assert_eq!(world.app.store().size().await.unwrap(), size + 2);

        let again = world.send_facts(&token, "batch-1", &lines.join("\n")).await;
        assert_eq!((again.status, again.body), (first.status, first.body), "the first answer again");
        let other = world.send_facts(&token, "batch-1", DEATH).await;
        assert!(other.status == 409 && other.body.contains("key-used"), "{}", other.body);
        let elsewhere = world.token_in(&world.units[0], Role::Lab).await;
        assert_eq!(world.send_facts(&elsewhere, "batch-1", DEATH).await.status, 200, "another unit's keys are its own");

        // The same fact in another batch is no new fact; other content under its id comes back.
        let repeat =
            world.send_facts(&token, "batch-2", &format!("{DEATH}\n{}", DEATH.replace("03-16", "03-15"))).await;
        let repeat: Value = serde_json::from_str(&repeat.body).unwrap();
        assert_eq!(
            (repeat["facts"][0]["stored"].as_bool(), &repeat["facts"][0]["fact"]),
            (Some(false), &answer["facts"][0]["fact"])
        );
        assert!(
            repeat["refused"][0]["reason"].as_str().unwrap().contains("used before with other content"),
            "{repeat}"
        );
        for key in ["", "a b", "é", &"x".repeat(65)] {
            assert!(world.send_facts(&token, key, DEATH).await.status.is_client_error(), "{key:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_without_a_mandate_are_refused_and_nothing_is_stored() {
    for place in places().await {
        let world = World::empty(place).await;
        let (unit, second) = (world.unit("4101").await, world.unit("4101").await);
        let token = world.token_in(&unit, Role::Lab).await;
        let before = world.app.store().size().await.unwrap();
        let refused = world.send_facts(&token, "k", DEATH).await;
        assert!(refused.status == 403 && refused.body.contains("no-mandate"), "{}", refused.body);
        assert_eq!(world.app.store().size().await.unwrap(), before);
        assert_eq!(world.app.store().count_people(None).await.unwrap(), 0);
        let proposer = world.actor_in(&unit, Role::Epidemiologist).await;
        let signer = world.actor_in(&second, Role::Headquarters).await;
        let proposed = world.app.propose_mandate(&proposer, &mandate(Collection::Cases, "4101"), now()).await.unwrap();
        world.app.sign_mandate(&signer, proposed.id, now()).await.unwrap();
        let taken = world.send_facts(&token, "k", DEATH).await;
        assert_eq!(taken.status, 200, "what was refused under a key may be sent again under it: {}", taken.body);
        assert_eq!(world.app.store().count_people(None).await.unwrap(), 1);
    }
}
