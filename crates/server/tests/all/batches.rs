//! More restrictions than one person may bring in wait for a second person of another organisation (G3).

use axum::http::StatusCode;
use serde_json::{Value, json};
use sizao_app::identity::Role;

use crate::support::*;

/// Contacts of a case, who live where it does, each from a minute of its own on.
fn contacts(names: &str, count: u32) -> Vec<String> {
    let contact = |n: u32| {
        json!({
            "id": format!("e-{names}-{n}"), "kind": "exposure", "person": format!("{names}-{n}"), "division": "410102",
            "happened": {"from": format!("2022-03-15T10:{:02}:00+08:00", n % 60), "to": "2022-03-15T12:00:00+08:00"},
            "body": {"case": "c", "evidence": "interview", "class": "close_contact"},
        })
        .to_string()
    };
    (0..count).map(contact).collect()
}

async fn sent(world: &World, token: &str, key: &str, lines: &[String]) -> (StatusCode, Value) {
    let answer = world.send_facts(token, key, &lines.join("\n")).await;
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

/// The id of the batch that waits, as the page shows it.
async fn waiting(world: &World, session: &str) -> String {
    let page = world.get("/batches", Some(session)).await;
    assert_eq!(page.status, StatusCode::OK);
    page.body.split("action=\"/batches/").nth(1).expect("a form").split('/').next().unwrap().to_owned()
}

const CONFIRMED: &str = "outcome=confirmed&reason=Compared with the tracing sheets of the two districts";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_twenty_restrictions_wait_for_a_second_person_of_another_unit() {
    for place in places().await {
        let owner = place.0.clone();
        let world = World::full(place).await;
        let (unit, other) = (world.units[1].clone(), world.unit("4101").await);
        let token = world.token_in(&unit, Role::Epidemiologist).await;
        let size = world.app.store().size().await.unwrap();
        let batch = contacts("a", 21);
        for _ in 0..2 {
            let (status, problem) = sent(&world, &token, "k1", &batch).await;
            assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("second-person")), "{problem}");
        }
        assert_eq!(world.app.store().size().await.unwrap(), size, "nothing was stored");

        // Not the own unit, not an operator or auditor, not another county; and not without a reason.
        let own = world.session_in(&unit, Role::Headquarters).await;
        let second = world.session_in(&other, Role::Headquarters).await;
        let decide = format!("/batches/{}/decide", waiting(&world, &second).await);
        assert_eq!(world.post(&decide, Some(&own), CONFIRMED).await.status, StatusCode::FORBIDDEN);
        for role in [Role::Operator, Role::UnitAdmin, Role::Auditor, Role::Lab] {
            let session = world.session_in(&other, role).await;
            assert_eq!(world.post(&decide, Some(&session), CONFIRMED).await.status, StatusCode::FORBIDDEN, "{role:?}");
        }
        let elsewhere = world.session_in(&world.units[3].clone(), Role::Headquarters).await;
        assert_eq!(world.post(&decide, Some(&elsewhere), CONFIRMED).await.status, StatusCode::NOT_FOUND);
        assert_eq!(world.post(&decide, Some(&second), "outcome=confirmed&reason=ok").await.status, 422);
        assert_eq!(sent(&world, &token, "k1", &batch).await.0, StatusCode::CONFLICT);
        assert_eq!(world.post(&decide, Some(&second), CONFIRMED).await.status, StatusCode::SEE_OTHER);
        assert_eq!(world.post(&decide, Some(&second), CONFIRMED).await.status, StatusCode::CONFLICT, "once");

        // That content from that account goes in, and nothing else: not one line more, not from a colleague.
        let mut more = batch.clone();
        more.extend(contacts("b", 1));
        assert_eq!(sent(&world, &token, "k2", &more).await.0, StatusCode::CONFLICT);
        let colleague = world.token_in(&unit, Role::Epidemiologist).await;
        assert_eq!(sent(&world, &colleague, "k3", &batch).await.0, StatusCode::CONFLICT);
        let (status, answer) = sent(&world, &token, "k1", &batch).await;
        assert_eq!((status, &answer["accepted"]), (StatusCode::OK, &json!(21)), "{answer}");

        // The decision stands in the log under the name of who made it; a row that claims one opens nothing.
        let decided = "SELECT decision FROM batch WHERE decision IS NOT NULL";
        as_owner(&owner, &[&format!("UPDATE batch SET decision = ({decided}) WHERE decision IS NULL")]).await;
        assert_eq!(sent(&world, &token, "k2", &more).await.0, StatusCode::CONFLICT, "another batch's decision");
        assert_eq!(sent(&world, &colleague, "k3", &batch).await.0, StatusCode::CONFLICT, "another account's decision");
        let invented = match owner {
            sizao_store::Place::Sqlite(_) => "UPDATE batch SET decision = randomblob(16)",
            sizao_store::Place::Postgres(_) => "UPDATE batch SET decision = gen_random_uuid()",
        };
        as_owner(&owner, &[invented]).await;
        assert_eq!(sent(&world, &token, "k2", &more).await.0, StatusCode::CONFLICT, "a decision that nobody made");
        let size = world.app.store().size().await.unwrap();
        let (facts, _) = world.app.store().load_leaves_that_fit(0, size).await.unwrap();
        let on_record = facts.iter().filter(|stored| stored.fact.body.kind().name() == "batch_decided").count();
        assert_eq!(on_record, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_batch_never_goes_in_and_many_small_ones_wait_too() {
    for place in places().await {
        let world = World::full(place).await;
        let (unit, other) = (world.units[1].clone(), world.unit("4101").await);
        let token = world.token_in(&unit, Role::Epidemiologist).await;
        let second = world.session_in(&other, Role::Epidemiologist).await;
        let batch = contacts("a", 30);
        assert_eq!(sent(&world, &token, "k1", &batch).await.0, StatusCode::CONFLICT);
        let decide = format!("/batches/{}/decide", waiting(&world, &second).await);
        let fields = "outcome=refused&reason=No interview is on record for any of them";
        assert_eq!(world.post(&decide, Some(&second), fields).await.status, StatusCode::SEE_OTHER);
        let (status, problem) = sent(&world, &token, "k1", &batch).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        // Sixty-six batches of twenty: three go in on one person's word, then each waits.
        let mut taken = 0;
        for n in 0..66 {
            let (status, _) = sent(&world, &token, &format!("s{n}"), &contacts(&format!("s{n}"), 20)).await;
            taken += usize::from(status.is_success());
        }
        assert_eq!(taken, 3);
    }
}

/// The list by page: what says that it is a list opens nothing; what claims interviews waits, and meets the limit then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_1317_ids_brought_in_by_page_restricts_nobody_with_or_without_a_second_person() {
    for place in places().await {
        let world = World::full(place).await;
        let (unit, other) = (world.units[1].clone(), world.unit("4101").await);
        let importer = world.session_in(&unit, Role::Epidemiologist).await;
        let second = world.session_in(&other, Role::Headquarters).await;
        let before = restricted(&world).await;
        for (kind, evidence, status, want) in [
            ("exposure", "list_row", 303, "done"),
            ("stay", "list_row", 303, "done"),
            ("exposure", "interview", 409, "refused"),
            ("stay", "ticket", 409, "refused"),
        ] {
            let (about, case) = match kind {
                "stay" => ("area = \"410102001\"", ""),
                _ => (
                    "class = \"close_contact\"\ncase = { person = \"c\" }",
                    "[[person]]\nid = \"c\"\ncode = [{ scope = \"bank\", column = \"case\" }]\n\n",
                ),
            };
            let mapping = format!(
                "sender = \"{kind}-{evidence}\"\ntitle = \"Depositors\"\ndivision = \"4101\"\n\n[[person]]\nid = \"p\"\n\
                 code = [{{ scope = \"bank\", column = \"code\" }}]\n\n{case}[[fact]]\nkind = \"{kind}\"\nperson = \"p\"\n\
                 key = \"{{code}}\"\nhappened = \"day\"\n[fact.body]\n{about}\nevidence = \"{evidence}\"\n"
            );
            let (header, named) = if case.is_empty() { ("code,day", "") } else { ("code,case,day", ",c") };
            let rows: String = (0..1_317).map(|n| format!("depositor-{n}{named},2022-03-15\n")).collect();
            let answer = world.upload_by(Some(&importer), &mapping, &format!("{header}\n{rows}")).await;
            assert_eq!(answer.status, 303, "{}", answer.body);
            let job = answer.headers["location"].to_str().unwrap().to_owned();
            let page = world.get(&job, Some(&importer)).await.body;
            assert!(page.contains("1,317"), "{page}");
            let store = format!("{job}/store");
            assert_eq!(world.post(&store, Some(&importer), "").await.status, status, "{kind} {evidence}");
            if want == "refused" {
                let decide = format!("/batches/{}/decide", waiting(&world, &second).await);
                assert_eq!(world.post(&decide, Some(&second), CONFIRMED).await.status, 303);
                assert_eq!(world.post(&store, Some(&importer), "").await.status, 422, "beyond the limit of a day");
            } else {
                until_done(&world, &job, &importer).await;
            }
        }
        assert_eq!(restricted(&world).await, before, "nobody");
    }
}

async fn until_done(world: &World, job: &str, session: &str) {
    for _ in 0..600 {
        let answer = world.get(job, Some(session)).await;
        if !answer.headers.contains_key("refresh") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the import did not end");
}

async fn restricted(world: &World) -> usize {
    world.app.catch_up(|_| {}).await.unwrap();
    let (rows, forged) = world.app.store().list_assessments(None, 5_000).await.unwrap();
    assert_eq!(forged, 0);
    rows.iter().filter(|row| row.strictness > 0).count()
}
