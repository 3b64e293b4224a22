//! The watch and the public figures through the node that answers.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Value, json};
use sizao_app::{identity::Role, watch::FreezeState};
use sizao_model::{
    DivisionCode, FactBody, Instant, PersonId,
    fact::{AppealOutcome, FreezeOutcome, LoopStage},
};

use crate::support::*;

/// A contact of case `c`, at home in a division, from 10:00 plus some minutes on.
fn contact(name: &str, home: &str, minutes: u32) -> String {
    json!({
        "id": format!("e-{name}"), "kind": "exposure", "person": name, "division": home,
        "happened": {"from": format!("2022-03-15T10:{minutes:02}:00+08:00"), "to": "2022-03-15T12:00:00+08:00"},
        "body": {"case": "c", "evidence": "interview", "class": "close_contact"},
    })
    .to_string()
}

const CASE: &str = r#"{"id":"d","kind":"diagnosis","person":"c","division":"410102","happened":{"at":"2022-03-16T20:00:00+08:00"},"body":{"status":"confirmed_case","onset":"2022-03-15"}}"#;
/// Where the people of the list live: everywhere but where the case was.
const ELSEWHERE: [&str; 6] = ["410103", "410104", "410105", "410106", "410108", "410122"];

/// What was answered: of several batches the last, with the sums of all. More than twenty need a second person.
async fn sent(world: &World, token: &str, key: &str, lines: &[String]) -> Value {
    let (mut accepted, mut rejected, mut last) = (0, 0, Value::Null);
    for (number, some) in lines.chunks(20).enumerate() {
        let answer = world.send_facts(token, &format!("{key}-{number}"), &some.join("\n")).await;
        assert!(answer.status.is_success(), "{} {}", answer.status, answer.body);
        last = serde_json::from_str(&answer.body).unwrap();
        accepted += last["accepted"].as_u64().unwrap();
        rejected += last["rejected"].as_u64().unwrap();
    }
    (last["accepted"], last["rejected"]) = (json!(accepted), json!(rejected));
    last
}

async fn restricted(world: &World) -> usize {
    world.app.catch_up(|_| {}).await.unwrap();
    let (rows, _) = world.app.store().list_assessments(None, 5_000).await.unwrap();
    rows.iter().filter(|row| row.strictness > 0).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_strangers_freezes_its_officer_until_an_auditor_of_another_unit_decides() {
    for place in places().await {
        let world = World::full(place).await;
        let unit = world.units[1].clone();
        let (tracer, hostile) =
            (world.token_in(&unit, Role::Epidemiologist).await, world.token_in(&unit, Role::Epidemiologist).await);
        // An honest morning: contacts who live where the case does, and two who do not.
        let mut honest = vec![CASE.to_owned()];
        honest.extend((0..30).map(|n| contact(&format!("near-{n}"), "410102", n)));
        honest.extend((0..2).map(|n| contact(&format!("far-{n}"), "410105", 40 + n)));
        assert_eq!(sent(&world, &tracer, "k1", &honest).await["accepted"], 33);
        assert_eq!(world.app.watch_proposals().await.unwrap().frozen, 0, "nothing stands out");

        // A list of strangers, all of them at one place and time.
        let strangers: Vec<String> = ELSEWHERE.iter().map(|home| contact(&format!("s-{home}"), home, 50)).collect();
        assert_eq!(sent(&world, &hostile, "k2", &strangers).await["accepted"], 6);
        let before = restricted(&world).await;
        let watched = world.app.watch_proposals().await.unwrap();
        assert_eq!((watched.read, watched.frozen), (6, 1));
        assert_eq!(world.app.watch_proposals().await.unwrap().frozen, 0, "once");

        // New openings of that officer come back; a diagnosis and a correction go in; others work on.
        let more = vec![contact("s-next", "410106", 51), CASE.replace("\"d\"", "\"d2\"").replace("\"c\"", "\"c2\"")];
        let answer = sent(&world, &hostile, "k3", &more).await;
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(1), &json!(1)), "{answer}");
        assert!(answer["refused"][0]["reason"].as_str().unwrap().contains("frozen"), "{answer}");
        let back = json!({"id": "back", "kind": "correction", "division": "410103", "happened": {"at": NOW},
                          "body": {"of": format!("e-s-{}", ELSEWHERE[0]), "retract": true}});
        assert_eq!(sent(&world, &hostile, "k4", &[back.to_string()]).await["accepted"], 1);
        assert_eq!(restricted(&world).await, before + 1 - 1, "the second case is isolated, the first stranger is free");
        assert_eq!(sent(&world, &tracer, "k5", &[contact("near-31", "410102", 31)]).await["accepted"], 1);

        // The auditor of the officer's own unit may not decide; another may, with reasons.
        let own = world.session_in(&unit, Role::Auditor).await;
        let other = world.session_in(&world.units[0].clone(), Role::Auditor).await;
        let page = world.get("/watch", Some(&other)).await;
        assert_eq!(page.status, StatusCode::OK);
        let id = page.body.split("action=\"/watch/").nth(1).expect("a form").split('/').next().unwrap().to_owned();
        let decide = format!("/watch/{id}/decide");
        let fields = "outcome=upheld&reason=Nobody on the list met the case";
        assert_eq!(world.post(&decide, Some(&own), fields).await.status, StatusCode::FORBIDDEN);
        assert_eq!(world.post(&decide, Some(&other), "outcome=upheld&reason=no").await.status, 422);
        assert_eq!(world.post(&decide, Some(&other), fields).await.status, StatusCode::SEE_OTHER);
        assert_eq!(world.post(&decide, Some(&other), fields).await.status, StatusCode::CONFLICT, "once");
        let record =
            world.app.store().load_freeze(sizao_model::FactId::new(id.parse().unwrap())).await.unwrap().unwrap();
        assert_eq!(FreezeState::of(&record, now()), FreezeState::Upheld);
        assert_eq!(FreezeState::of(&record, now().plus_hours(24 * 8)), FreezeState::Over, "even an upheld one ends");
        let undecided = sizao_store::FreezeRecord { outcome: 0, ..record };
        assert!(FreezeState::of(&undecided, now().plus_minutes(239)).holds());
        assert_eq!(FreezeState::of(&undecided, now().plus_hours(4)), FreezeState::Lapsed);
        assert_eq!(sent(&world, &hostile, "k6", &[contact("s-last", "410104", 52)]).await["rejected"], 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_officers_who_each_name_two_of_one_register_are_held_together() {
    for place in places().await {
        let world = World::full(place).await;
        let unit = world.units[1].clone();
        // One unit keeps the register of a bank in Zhongyuan and one of the town; labels are the unit's.
        let keeper = world.token_in(&unit, Role::Epidemiologist).await;
        let registered = |name: String| {
            json!({"id": format!("p-{name}"), "kind": "person", "person": name, "division": "410105",
                   "happened": {"at": "2022-03-01T08:00:00+08:00"}, "body": {}})
            .to_string()
        };
        let town: Vec<String> = (0..300).map(|n| registered(format!("t-{n}"))).collect();
        assert_eq!(sent(&world, &keeper, "town", &town).await["accepted"], 300);
        sent(&world, &keeper, "case", &[CASE.to_owned()]).await;
        // The bank's list comes as a list of its own: its name is the register's.
        let mapping = "sender = \"bank\"\ntitle = \"Bank\"\ndivision = \"4101\"\n[[person]]\nid = \"p\"\n\
                       code = [{ scope = \"unit:UNIT\", column = \"code\" }]\n[[fact]]\nkind = \"person\"\nperson = \"p\"\n\
                       key = \"{code}\"\nhappened = \"day\"\n"
            .replace("UNIT", &unit.id.to_string());
        let rows: String = (0..14).map(|n| format!("t-{n},2022-03-01\n")).collect();
        let clerk = world.actor_in(&unit, Role::Epidemiologist).await;
        let file = format!("code,day\n{rows}").into_bytes();
        let upload = sizao_app::intake::Upload::new(&clerk, "bank.csv", file, &mapping).unwrap();
        let checked = upload.check(now()).unwrap();
        assert_eq!((checked.accepted, checked.rejected), (14, 0), "{:?}", checked.refused);
        world.app.take_in(&clerk, std::sync::Arc::new(upload), &checked.collections, (), now()).await.unwrap();
        world.app.watch_proposals().await.unwrap();
        for officer in 0..6 {
            let token = world.token_in(&unit, Role::Epidemiologist).await;
            // Each at times of its own: nothing is copied, and two are too few to stand out.
            let of = |n: u32| contact(&format!("t-{}", 2 * officer + n), "410105", 2 * officer + n);
            assert_eq!(sent(&world, &token, &format!("o{officer}"), &[of(0), of(1)]).await["accepted"], 2);
        }
        assert_eq!(world.app.watch_proposals().await.unwrap().frozen, 6, "all who named two of them");
    }
}

/// Every number of the page, counted again from the facts of the log alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_public_figures_equal_a_recount_of_the_log() {
    for place in places().await {
        let world = World::full(place).await;
        let unit = world.units[1].clone();
        let (token, hostile) =
            (world.token_in(&unit, Role::Epidemiologist).await, world.token_in(&unit, Role::Epidemiologist).await);
        let mut lines = vec![CASE.to_owned()];
        lines.extend((0..30).map(|n| contact(&format!("near-{n}"), "410102", n)));
        sent(&world, &token, "k1", &lines).await;
        let strangers: Vec<String> = ELSEWHERE.iter().map(|home| contact(&format!("s-{home}"), home, 50)).collect();
        sent(&world, &hostile, "k2", &strangers).await;
        world.app.follow_loops().await.unwrap();
        assert_eq!(world.app.watch_proposals().await.unwrap().frozen, 1);
        let facts = facts_of(&world).await;
        let people: BTreeSet<PersonId> = facts.iter().filter_map(|(person, ..)| *person).collect();
        let contacts: Vec<PersonId> = facts
            .iter()
            .filter(|(_, body, ..)| matches!(body, FactBody::Exposure(_)))
            .filter_map(|(person, ..)| *person)
            .collect();
        let mut filed = Vec::new();
        for (n, person) in contacts.iter().take(3).enumerate() {
            let closed_loop = world.app.loops_of(*person).await.unwrap().remove(0);
            let key = format!("a{n}");
            let appeal = world.app.file_appeal(*person, &closed_loop.rule, closed_loop.opened_by, "I was away.", &key);
            filed.push(appeal.await.unwrap().fact);
        }
        let officer = world.actor_in(&world.units[0].clone(), Role::AppealOfficer).await;
        world.app.decide_appeal(&officer, filed[0], "upheld", "The tickets show it.", now()).await.unwrap();
        world.app.decide_appeal(&officer, filed[1], "rejected", "Two witnesses say so.", now()).await.unwrap();
        world.app.follow_loops().await.unwrap();

        let shown = world.get("/transparency.json", None).await;
        assert_eq!(shown.status, StatusCode::OK);
        let shown: Value = serde_json::from_str(&shown.body).unwrap();
        let page = world.get("/transparency", None).await;
        assert_eq!(page.status, StatusCode::OK);

        let facts = facts_of(&world).await;
        let (mut appeals, mut freezes, mut released) = ([0_u64; 4], [0_u64; 4], BTreeMap::<String, [u64; 2]>::new());
        for (_, body, recorded_at, started_at) in &facts {
            match body {
                FactBody::Appeal(_) => appeals[0] += 1,
                FactBody::AppealDecision(decision) => {
                    appeals[0] -= 1;
                    appeals[match decision.outcome {
                        AppealOutcome::Upheld => 1,
                        AppealOutcome::Rejected => 2,
                        AppealOutcome::Lapsed => 3,
                    }] += 1;
                }
                FactBody::WatchFreeze(_) => (freezes[0], freezes[1]) = (freezes[0] + 1, freezes[1] + 1),
                FactBody::WatchDecision(decision) => {
                    freezes[1] -= 1;
                    freezes[if decision.outcome == FreezeOutcome::Lifted { 2 } else { 3 }] += 1;
                }
                FactBody::LoopStep(step) if step.stage == LoopStage::Released => {
                    let counts = released.entry(step.rule.to_string()).or_default();
                    counts[0] += 1;
                    counts[1] += u64::from(*recorded_at > started_at.plus_minutes(15));
                }
                _ => {}
            }
        }
        assert_eq!((appeals, freezes), ([1, 1, 1, 0], [1, 1, 0, 0]), "what was done above");
        let told = |group: &str, names: &[&str]| -> Vec<u64> {
            names.iter().map(|name| shown[group][name].as_u64().unwrap()).collect()
        };
        assert_eq!(told("appeals", &["open", "upheld", "rejected", "lapsed"]), appeals);
        assert_eq!(told("freezes", &["all", "open", "lifted", "upheld"]), freezes);
        let mut rules: BTreeMap<String, [u64; 2]> = BTreeMap::new();
        for person in people {
            for closed_loop in world.app.loops_of(person).await.unwrap() {
                let counts = rules.entry(closed_loop.rule.to_string()).or_default();
                counts[0] += 1;
                counts[1] += u64::from(closed_loop.is_open());
            }
        }
        let cell = |count: u64| if (1..5).contains(&count) { json!("1-4") } else { json!(count) };
        let told: BTreeMap<&str, &Value> =
            shown["measures"].as_array().unwrap().iter().map(|rule| (rule["rule"].as_str().unwrap(), rule)).collect();
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), rules.keys().map(String::as_str).collect::<Vec<_>>());
        for (rule, [opened, open]) in &rules {
            let shown = told[rule.as_str()];
            let [released, late] = released.get(rule).copied().unwrap_or_default();
            let wanted = [*opened, *open, opened - open, released, late].map(cell);
            let names = ["opened", "open", "ended", "released", "released_late"];
            assert_eq!(names.map(|name| shown[name].clone()), wanted, "{rule}");
        }
        assert!(rules.values().map(|[opened, _]| opened).sum::<u64>() > 15);
        assert_eq!(shown["log"]["facts"], json!(facts.len()));
        assert_eq!(shown["log"]["root"], sizao_store::hex(&world.app.store().head().await.unwrap().root));
    }
}

/// Changes made with the powers of the database's owner, in a node that runs: named on the auditor's page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_owner_of_the_database_changes_is_named_within_a_minute() {
    use std::time::Duration;

    use sizao_server::{Settings, Shared};
    use sqlx::Connection;

    let mut there = places().await;
    let place = there.remove(0);
    let sizao_store::Place::Sqlite(path) = place.0.clone() else { unreachable!("the first place is a file") };
    let world = World::full(place).await;
    assert!(Settings::default().verify_pause <= Duration::from_secs(30), "half of the minute");
    let settings = Settings { verify_pause: Duration::from_millis(200), ..Settings::default() };
    let shared = Shared::new(world.app.clone(), std::sync::Arc::new(now()), settings);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let node = sizao_server::router(shared.clone());
    let serving = tokio::spawn(sizao_server::serve(listener, None, shared, stopping));
    let auditor = world.session_in(&world.units[0].clone(), Role::Auditor).await;
    let page = async || {
        let request = axum::http::Request::get("/audit").header("cookie", format!("sizao_session={auditor}"));
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(node.clone(), request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        String::from_utf8_lossy(&body).into_owned()
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!page().await.contains("note-box bad"), "nothing is wrong yet");

    let mut owner = sqlx::SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    for text in [
        "DROP TRIGGER fact_no_update",
        "DROP TRIGGER body_no_update",
        // A diagnosis of 16 March put down as of another day, and a body that is another's.
        "UPDATE fact SET happened_from = happened_from + 1 WHERE leaf = 2",
        "UPDATE body SET sealed = (SELECT sealed FROM body WHERE leaf = 0) WHERE leaf = 1",
    ] {
        sqlx::query(text).execute(&mut owner).await.unwrap();
    }
    let mut looks = 0;
    loop {
        let body = page().await;
        if body.contains("note-box bad") {
            for named in ["fact_no_update", "body_no_update", "2: ", "1: "] {
                assert!(body.contains(named), "{named} is named: {body}");
            }
            break;
        }
        looks += 1;
        assert!(looks < 300, "nobody noticed within a minute");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
}

/// An order from above that conflicts with a rule: refused on record, read by the next level and the auditor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_order_goes_to_the_next_level_and_the_auditor_and_nowhere_else() {
    for place in places().await {
        let world = World::full(place).await;
        let mut city = sizao_store::UnitRecord { kind: "headquarters".into(), ..world.unit("4101").await };
        city.id = fresh();
        world.app.store().add_unit(&city).await.unwrap();
        let (district, foreign) = (world.units[2].clone(), world.units[3].clone());
        let tracer = world.session_in(&district, Role::Epidemiologist).await;
        let order = "order=Make+these+1%2C317+people+red&by=Deputy+head+of+the+section&rule=list&key=k1";
        assert_eq!(world.post("/orders", Some(&tracer), order).await.status, StatusCode::SEE_OTHER);
        assert_eq!(world.post("/orders", Some(&tracer), order).await.status, StatusCode::SEE_OTHER, "twice is once");
        assert_eq!(world.post("/orders", Some(&tracer), &order.replace("rule=list", "rule=none")).await.status, 422);
        let sees = async |unit: &sizao_store::UnitRecord, role| {
            let session = world.session_in(unit, role).await;
            world.get("/orders", Some(&session)).await.body.matches("Make these 1,317 people red").count()
        };
        assert_eq!(sees(&city, Role::Headquarters).await, 1, "the next level");
        assert_eq!(sees(&world.units[0].clone(), Role::Auditor).await, 1, "the auditor above");
        assert_eq!(sees(&district, Role::Epidemiologist).await, 1, "whoever refused");
        assert_eq!(sees(&foreign, Role::Auditor).await, 0, "not another city");
        assert_eq!(sees(&foreign, Role::Headquarters).await, 0);
        let figures: Value = serde_json::from_str(&world.get("/transparency.json", None).await.body).unwrap();
        assert_eq!(figures["orders_refused"], 1);
    }
}

type Read = (Option<PersonId>, FactBody, Instant, Instant);

async fn facts_of(world: &World) -> Vec<Read> {
    let size = world.app.store().size().await.unwrap();
    let (facts, damaged) = world.app.store().load_leaves_that_fit(0, size).await.unwrap();
    assert!(damaged.is_empty());
    let read = |stored: sizao_store::StoredFact| {
        let fact = stored.fact;
        (fact.person, fact.body, fact.recorded_at, fact.happened.starts_at())
    };
    facts.into_iter().map(read).collect()
}

#[test]
fn the_homes_of_the_strangers_are_counties() {
    for home in ELSEWHERE {
        assert!(DivisionCode::parse(home).unwrap().is_under(DivisionCode::parse("4101").unwrap()));
    }
}
