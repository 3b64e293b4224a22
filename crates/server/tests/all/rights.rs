//! Every route, asked by nobody and by every role at every level: the outcome is what the table says.

use axum::http::StatusCode;
use sizao_app::{
    authorization::{Action, purposes, table_as_text},
    identity::Role,
    mandates::Collection,
    people::number,
};
use sizao_model::DivisionCode;
use sizao_server::{
    api::{Operation, operations},
    routes::{ROUTES, Route, Who},
};

use crate::support::*;

#[test]
fn the_table_of_rights_is_this() {
    insta::assert_snapshot!("rights", table_as_text());
}

#[test]
fn nobody_who_keeps_the_machine_or_the_accounts_sees_people() {
    let of_people = [Action::ListPeople, Action::ViewPerson, Action::OpenIdentity];
    for role in [Role::Operator, Role::UnitAdmin, Role::Auditor, Role::Statistician] {
        assert!(of_people.iter().all(|action| purposes(role, *action).is_empty()), "{}", role.name());
    }
    for role in Role::ALL {
        let checks = !purposes(role, Action::ViewAccess).is_empty();
        let acts = !purposes(role, Action::OpenIdentity).is_empty() || !purposes(role, Action::GiveMandates).is_empty();
        assert!(!(checks && acts), "{} would audit itself", role.name());
    }
}

/// The division of what a route's path names, with the path; none where it names nothing.
struct Target {
    path: String,
    division: Option<DivisionCode>,
    fields: String,
}

async fn target(world: &World, route: &Route, object: usize) -> Target {
    let (_, division, ..) = PEOPLE[object];
    let division = DivisionCode::parse(division).unwrap();
    let person = world.people[object].uuid().to_string();
    let with = |id: String, division| (route.path.replace("{id}", &id), division);
    let (path, division) = match route.path {
        "/people/{id}"
        | "/people/{id}/history"
        | "/people/{id}/identity"
        | "/people/{id}/steps"
        | "/people/{id}/link"
        | "/people/{id}/protect"
        | "/cases/{id}"
        | "/cases/{id}/found"
        | "/cases/{id}/confirm"
        | "/cases/{id}/sheet"
        | "/cases/{id}/alike"
        | "/cases/{id}/link"
        | "/cases/{id}/unlink"
        | "/cases/{id}/investigation"
        | "/cases/{id}/report" => with(person, Some(division)),
        "/places/{id}" | "/places/{id}/code" | "/places/{id}/visits" => {
            let (words, name) = (format!("of {division}"), format!("Place {division}"));
            let place = [(words, division, "venue".to_owned(), name, None)];
            let number = world.app.add_places(&place).await.unwrap()[0];
            let places = world.app.store().load_places(&[number]).await.unwrap();
            with(places[&number].id.to_string(), Some(division))
        }
        "/audit/consistency" => ("/audit/consistency?since=1".to_owned(), None),
        "/audit/proof" => {
            let (facts, _) = world.app.store().load_leaves_that_fit(0, 1).await.unwrap();
            (format!("/audit/proof?fact={}", facts[0].fact.id.uuid()), None)
        }
        "/accounts/{id}/close" => {
            let unit = world.unit(&division.to_string()).await;
            with(world.account(&unit, Role::Lab).await.id.to_string(), Some(division))
        }
        "/mandates/{id}/sign" | "/mandates/{id}/end" => {
            let unit = world.unit(&division.to_string()).await;
            let proposer = world.actor_in(&unit, Role::Headquarters).await;
            let form = mandate(Collection::Cases, &division.to_string());
            with(world.app.propose_mandate(&proposer, &form, now()).await.unwrap().id.to_string(), Some(division))
        }
        "/audit/proofs/{id}" => {
            let (facts, _) = world.app.store().load_leaves_that_fit(0, 1).await.unwrap();
            with(facts[0].fact.id.uuid().to_string(), None)
        }
        // Another's session or upload exists for nobody else.
        path if path.contains("{id}") => with(fresh().to_string(), None),
        path => (path.to_owned(), None),
    };
    let fields = match route.path {
        "/people/{id}/identity" => "purpose={purpose}&reason=phone call about the meal".to_owned(),
        "/people/{id}/steps" => "step=check&temperature=36.6".to_owned(),
        "/cases/{id}/confirm" => format!("pick={}", fresh()),
        "/cases/{id}/sheet" => "sheet=s1&name-1=&place-1=".to_owned(),
        "/cases/{id}/alike" => "row=1&name=nobody".to_owned(),
        "/cases/{id}/link" => format!("basis=person&other={}", world.people[object].uuid()),
        "/cases/{id}/unlink" => format!("of={}", fresh()),
        "/cases/{id}/investigation" => "part=core&onset=14 March".to_owned(),
        "/places" => format!("name=Hall&kind=venue&division={}", PEOPLE[object].1),
        "/places/{id}/visits" => format!("name=Somebody&key={}", fresh().simple()),
        // The others of this test go on looking at this person.
        "/people/{id}/protect" => "protect=no&protect_reason=no longer known to many".to_owned(),
        "/break-glass" => format!("whom={}&reason=unconscious in the ward&minutes=30", world.people[object].uuid()),
        "/units" => format!("unit_name=New&unit_kind=cdc&division={division}", division = PEOPLE[object].1),
        "/accounts" => format!("unit={}&role=lab&name=New&login=n{}", world.units[1].id, fresh().simple()),
        "/mandates" => format!(
            "collection=cases&area={}&days=3&legal_basis=a&authority=b&purpose=c&impact_assessment=d",
            PEOPLE[object].1
        ),
        "/packs" => "text=id".to_owned(),
        "/packs/adoptions" | "/packs/comparisons" => {
            let digest = &world.app.rules().sources[0].digest;
            format!("pack={digest}&at=2022-03-18T00:00&reason=meeting of 17 March")
        }
        _ => String::new(),
    };
    Target { path, division, fields }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_each_role_at_each_level_as_the_table_says() {
    for place in places().await {
        let world = World::full(place).await;
        let mut asked = 0;
        for route in ROUTES.iter().filter(|route| matches!(route.who, Who::May(_))) {
            let Who::May(action) = route.who else { continue };
            let mut first_fields = None;
            for object in 0..PEOPLE.len() {
                // What names nobody is asked once.
                let fields = target(&world, route, object).await.fields;
                if !route.path.contains('{') && first_fields.replace(fields.clone()).is_some_and(|seen| seen == fields)
                {
                    continue;
                }
                for unit in &world.units {
                    for role in Role::ALL {
                        let target = target(&world, route, object).await;
                        let purpose = purposes(role, action).first();
                        let fields =
                            target.fields.replace("{purpose}", purpose.map_or("control", |purpose| purpose.name()));
                        let token = world.session_in(unit, role).await;
                        let answer = match (route.method, route.path) {
                            ("GET", _) => world.get(&target.path, Some(&token)).await,
                            (_, "/imports") => world.upload(Some(&token), "code,name,phone,division,day,onset\n").await,
                            _ => world.post(&target.path, Some(&token), &fields).await,
                        };
                        asked += 1;
                        let told = format!(
                            "{} {} by {} of {}: {}",
                            route.method,
                            target.path,
                            role.name(),
                            unit.division,
                            answer.status
                        );
                        let outside = target.division.is_some_and(|object| !object.is_under(unit.division));
                        let unknown =
                            target.division.is_none() && route.path.contains("{id}") && !route.path.contains("proofs");
                        let status = answer.status.as_u16();
                        match () {
                            () if purpose.is_none() => assert_eq!(status, 403, "{told}"),
                            () if outside || unknown => assert_eq!(status, 404, "{told}"),
                            () => assert!(matches!(status, 200 | 303 | 422), "{told}\n{}", answer.body),
                        }
                        // What was asked stands in the address, which links of the page repeat.
                        let body = answer.body.replace(&target.path, "");
                        let opens = route.path.ends_with("/identity");
                        no_leak(&world, &body, unit.division, role, opens, &told);
                    }
                }
            }
        }
        assert!(asked > 4_000, "{asked}");
    }
}

/// No answer shows anybody outside the division, and no answer shows a whole name or telephone but the one that opens
/// an identity.
fn no_leak(world: &World, body: &str, division: DivisionCode, role: Role, opens: bool, told: &str) {
    for (person, (name, place, _, phone)) in world.people.iter().zip(PEOPLE) {
        let opens = opens && !purposes(role, Action::OpenIdentity).is_empty();
        if !opens {
            assert!(!body.contains(name) && !body.contains(phone), "{told} shows an identity");
        }
        let inside = DivisionCode::parse(place).unwrap().is_under(division);
        let sees = !purposes(role, Action::ListPeople).is_empty() || role == Role::Auditor;
        if !inside || !sees {
            let shown = body.contains(&person.uuid().to_string()) || body.contains(&number(*person));
            // The auditor reads of whom others read, by a number that says nothing.
            assert!(!shown || role == Role::Auditor, "{told} shows somebody of {place}");
            assert!(!body.contains(name) && !body.contains(phone), "{told} shows somebody of {place}");
        }
    }
}

/// Path, division of what it names, and body of an operation; ids and divisions are those of a person's place.
async fn asked(world: &World, operation: &Operation, object: usize, role: Role) -> Target {
    let (_, place, code, _) = PEOPLE[object];
    let division = DivisionCode::parse(place).unwrap();
    let with = |id: String| operation.path.replace("{id}", &id);
    let foreign_unit =
        world.units.iter().find(|unit| division.is_under(unit.division) && unit.division != DivisionCode::HENAN);
    let path = operation.path;
    let (path, names) = match path.trim_start_matches("/api/v1") {
        "/people/{id}" | "/people/{id}/assessment" | "/people/{id}/identity" => {
            (with(world.people[object].uuid().to_string()), Some(division))
        }
        "/accounts/{id}/close" => {
            let unit = world.unit(place).await;
            (with(world.account(&unit, Role::Lab).await.id.to_string()), Some(division))
        }
        "/mandates/{id}/end" => {
            let unit = world.unit(place).await;
            let proposer = world.actor_in(&unit, Role::Headquarters).await;
            let proposed =
                world.app.propose_mandate(&proposer, &mandate(Collection::Cases, place), now()).await.unwrap();
            (with(proposed.id.to_string()), Some(division))
        }
        "/log/proofs/{id}" => {
            let (facts, _) = world.app.store().load_leaves_that_fit(0, 1).await.unwrap();
            (with(facts[0].fact.id.uuid().to_string()), None)
        }
        "/people" => (format!("{path}?division={place}&group=new-7d"), Some(division)),
        "/board" => (format!("{path}?division={place}"), Some(division)),
        "/log/consistency" => (format!("{path}?since=1"), None),
        _ if path.contains("{id}") => (with(fresh().to_string()), None),
        _ => (path.to_owned(), None),
    };
    let purpose = purposes(role, Action::OpenIdentity).first().map_or("control", |purpose| purpose.name());
    let fields = match operation.path.trim_start_matches("/api/v1") {
        "/people/search" => format!(r#"{{"q": "{}"}}"#, PEOPLE[object].0),
        "/people/{id}/identity" => format!(r#"{{"purpose": "{purpose}", "reason": "call about the meal"}}"#),
        "/facts" => format!(
            r#"[{{"id":"x{}","kind":"death","person":"{code}","division":"{place}","happened":{{"day":"2022-03-16"}},"body":{{}}}}]"#,
            fresh().simple()
        ),
        "/imports" => format!(
            r#"{{"name":"c.csv","mapping":{},"table":"code,name,phone,division,day,onset\n{code},x,,{place},2022-03-16,\n"}}"#,
            serde_json::Value::from(MAPPING)
        ),
        "/mandates" => format!(
            r#"{{"collection":"cases","area":"{place}","legal_basis":"a","authority":"b","purpose":"c","impact_assessment":"d","days":3}}"#
        ),
        "/scans" => r#"{"scans":[{"key":"k","person":"p","code":"SZ1.1.1.00112233445566778899"}]}"#.to_owned(),
        "/units" => format!(r#"{{"name":"New","kind":"cdc","division":"{place}"}}"#),
        "/accounts" => format!(
            r#"{{"unit":"{}","login":"n{}","name":"New","role":"lab"}}"#,
            foreign_unit.unwrap_or(&world.units[0]).id,
            &fresh().simple().to_string()[20..]
        ),
        _ => String::new(),
    };
    Target { path, division: names, fields }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_answers_each_role_at_each_level_as_the_table_says() {
    for place in places().await {
        let world = World::full(place).await;
        let mut asked_count = 0;
        for unit in &world.units {
            for role in Role::ALL {
                let token = world.token_in(unit, role).await;
                for operation in operations() {
                    let Who::May(action) = operation.who else { continue };
                    for (object, described) in PEOPLE.iter().enumerate() {
                        let target = asked(&world, operation, object, role).await;
                        let mut request = axum::http::Request::builder()
                            .method(operation.method)
                            .uri(&target.path)
                            .header("authorization", format!("Bearer {token}"))
                            .header("idempotency-key", fresh().simple().to_string());
                        if !target.fields.is_empty() {
                            request = request.header("content-type", "application/json");
                        }
                        let answer = world.ask(request.body(target.fields.clone().into()).unwrap()).await;
                        asked_count += 1;
                        let status = answer.status.as_u16();
                        let told = format!(
                            "{} {} {} by {} of {}: {status} {}",
                            operation.method,
                            target.path,
                            target.fields,
                            role.name(),
                            unit.division,
                            answer.body
                        );
                        let outside = target.division.is_some_and(|object| !object.is_under(unit.division));
                        let unknown = target.division.is_none()
                            && operation.path.contains("{id}")
                            && !operation.path.contains("proofs");
                        let place_outside = !DivisionCode::parse(described.1).unwrap().is_under(unit.division);
                        match operation.path.trim_start_matches("/api/v1") {
                            _ if purposes(role, action).is_empty() => assert_eq!(status, 403, "{told}"),
                            _ if outside || unknown => assert_eq!(status, 404, "{told}"),
                            // A body that names another division changes nothing there.
                            "/units" | "/mandates" if operation.method == "POST" => {
                                assert_eq!(status, if place_outside { 409 } else { 201 }, "{told}");
                            }
                            "/accounts" if operation.method == "POST" => assert!(matches!(status, 201 | 409), "{told}"),
                            // Not lines of records, and no mandate: nothing is read.
                            "/fence/observations" => assert!(matches!(status, 403 | 404 | 415), "{told}"),
                            // No message, and no scan: whoever may send them is told so.
                            "/lab/messages" | "/sampling/scans" => {
                                assert!(matches!(status, 400 | 403 | 415 | 422), "{told}");
                            }
                            "/facts" => {
                                let (accepted, rejected) = if place_outside { (0, 1) } else { (1, 0) };
                                let found: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
                                assert_eq!(
                                    (&found["accepted"], &found["rejected"]),
                                    (&accepted.into(), &rejected.into()),
                                    "{told}"
                                );
                            }
                            _ => assert!(answer.status.is_success(), "{told}"),
                        }
                        if !answer.status.is_success() {
                            assert_eq!(answer.headers["content-type"], "application/problem+json", "{told}");
                        }
                        // What was asked stands in the address; whoever searches knows the name already.
                        let body = answer
                            .body
                            .replace(&world.people[object].uuid().to_string(), if outside { "" } else { "x" });
                        let opens = operation.path.ends_with("/identity");
                        no_leak(&world, &body, unit.division, role, opens, &told);
                    }
                }
            }
        }
        assert!(asked_count > 4_000, "{asked_count}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_sent_to_sign_in_and_changes_nothing() {
    for place in places().await {
        let world = World::full(place).await;
        for route in ROUTES.iter().filter(|route| route.who != Who::Anyone) {
            for token in [None, Some("00".repeat(32)), Some("x".to_owned())] {
                let target = target(&world, route, 0).await;
                let answer = match route.method {
                    "GET" => world.get(&target.path, token.as_deref()).await,
                    _ => world.post(&target.path, token.as_deref(), &target.fields).await,
                };
                let expected = if route.method == "GET" { StatusCode::SEE_OTHER } else { StatusCode::UNAUTHORIZED };
                assert_eq!(answer.status, expected, "{} {}", route.method, target.path);
                if route.method == "GET" {
                    assert!(answer.headers["location"].to_str().unwrap().starts_with("/sign-in"), "{}", target.path);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_boards_and_searches_stop_at_the_border_of_the_division() {
    for place in places().await {
        let world = World::full(place).await;
        let own = world.session_in(&world.units[1], Role::Headquarters).await;
        let page = world.get("/people?group=new-7d", Some(&own)).await;
        assert!(page.body.contains(&number(world.people[0])) && page.body.contains(&number(world.people[1])));
        assert!(!page.body.contains(&number(world.people[2])));
        for foreign in ["4103", "41", "410302"] {
            assert_eq!(world.get(&format!("/people?group=new-7d&division={foreign}"), Some(&own)).await.status, 404);
            assert_eq!(world.get(&format!("/board?division={foreign}"), Some(&own)).await.status, 404);
        }
        let found = async |q: &str| {
            let page = world.get(&format!("/people?q={q}"), Some(&own)).await.body;
            [0, 1, 2].map(|i| page.contains(&number(world.people[i])))
        };
        // Whole name, pinyin, initials, last four of the telephone, the list's code; in one's own division alone.
        for q in ["%E6%AC%A7%E9%98%B3%E9%83%91%E5%B7%9E", "ouyangzhengzhou", "oyzz", "0001", "zz-1"] {
            assert_eq!(found(q).await, [true, false, false], "{q}");
        }
        for q in ["%E8%AF%B8%E8%91%9B%E6%B4%9B%E9%98%B3", "0003", "ly-1"] {
            assert_eq!(found(q).await, [false, false, false], "{q}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_opened_identity_is_on_record_with_purpose_and_reason() {
    for place in places().await {
        let world = World::full(place).await;
        let token = world.session_in(&world.units[1], Role::Tracer).await;
        let path = format!("/people/{}/identity", world.people[0].uuid());
        let refused = world.post(&path, Some(&token), "purpose=tracing&reason=x").await;
        assert_eq!(refused.status, 422);
        assert!(!refused.body.contains(PEOPLE[0].0));
        assert_eq!(world.post(&path, Some(&token), "purpose=audit&reason=curious about it").await.status, 403);
        let opened = world.post(&path, Some(&token), "purpose=tracing&reason=call about the meal").await;
        assert!(opened.body.contains(PEOPLE[0].0) && opened.body.contains(PEOPLE[0].3));
        let auditor = world.session_in(&world.units[0], Role::Auditor).await;
        let record = world.get("/audit", Some(&auditor)).await.body;
        assert!(record.contains("call about the meal") && record.contains(&number(world.people[0])));
        let looks = world.app.store().accesses_of(world.people[0], 50).await.unwrap();
        let opened = looks.iter().filter(|look| look.record.action == "open-identity");
        assert_eq!(opened.count(), 1, "refused tries open nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_glass_opens_one_person_for_a_time_and_the_auditor_reads_it() {
    for place in places().await {
        let world = World::full(place).await;
        let (own, foreign) = (world.people[0], world.people[2]);
        let unit = &world.units[1];
        let token = world.session_in(unit, Role::Epidemiologist).await;
        let page = |person: sizao_model::PersonId| format!("/people/{}", person.uuid());
        assert_eq!(world.get(&page(foreign), Some(&token)).await.status, 404);
        let form = |whom: String, reason: &str, minutes: &str| format!("whom={whom}&reason={reason}&minutes={minutes}");
        let whom = || foreign.uuid().to_string();
        for wrong in [
            form(whom(), "x", "30"),
            form(whom(), "in the ward", "0"),
            form(whom(), "in the ward", "121"),
            form("诸葛洛阳".into(), "in the ward", "30"),
            form(fresh().to_string(), "in the ward", "30"),
        ] {
            assert_eq!(world.post("/break-glass", Some(&token), &wrong).await.status, 422, "{wrong}");
        }
        assert_eq!(world.get(&page(foreign), Some(&token)).await.status, 404);
        let taken = world.post("/break-glass", Some(&token), &form(whom(), "unconscious in the ward", "30")).await;
        assert_eq!((taken.status.as_u16(), taken.headers["location"].to_str().unwrap()), (303, &*page(foreign)));
        assert_eq!(world.get(&page(foreign), Some(&token)).await.status, 200);
        let other = world.session_in(unit, Role::Epidemiologist).await;
        assert_eq!(world.get(&page(foreign), Some(&other)).await.status, 404, "it is one account's");
        assert_eq!(world.get(&page(world.people[1]), Some(&token)).await.status, 200, "own people as before");
        let actor = world.app.actor(&token, "", now()).await.unwrap();
        let late = now().plus_minutes(30);
        assert!(world.app.view_person(&actor, foreign, late.plus_minutes(-1)).await.is_ok());
        assert!(world.app.view_person(&actor, foreign, late).await.is_err(), "it ends to the minute");
        let auditor = world.session_in(&world.units[0], Role::Auditor).await;
        let seen = world.get("/audit", Some(&auditor)).await.body;
        assert!(seen.contains("unconscious in the ward") && seen.contains(&number(foreign)), "{seen}");
        let community = world.session_in(unit, Role::CommunityWorker).await;
        assert_eq!(world.post("/break-glass", Some(&community), &form(whom(), "in the ward", "5")).await.status, 403);

        // A protected person: no name in a list, no page, no hit of a search, until the glass is broken.
        let chief = world.session_in(unit, Role::Headquarters).await;
        let protect = format!("{}/protect", page(own));
        assert_eq!(world.post(&protect, Some(&chief), "protect=yes&protect_reason=known to many").await.status, 303);
        assert_eq!(world.get(&page(own), Some(&chief)).await.status, 403);
        assert_eq!(
            world
                .post(&format!("{}/identity", page(own)), Some(&chief), "purpose=control&reason=call about it")
                .await
                .status,
            403
        );
        assert!(!world.get("/people?q=oyzz", Some(&chief)).await.body.contains(&number(own)));
        let list = world.get("/people?group=new-7d", Some(&chief)).await.body;
        assert!(list.contains(&number(own)) && !list.contains("欧"), "{list}");
        let chief_glass = form(own.uuid().to_string(), "call about the ward", "5");
        assert_eq!(world.post("/break-glass", Some(&chief), &chief_glass).await.status, 303);
        assert_eq!(world.get(&page(own), Some(&chief)).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_statistician_sees_no_small_number() {
    for place in places().await {
        let world = World::full(place).await;
        let token = world.session_in(&world.units[0], Role::Statistician).await;
        let page = world.get("/board", Some(&token)).await.body;
        assert!(page.contains("&lt;5") || page.contains("&#60;5"), "three cases are too few to be told");
        assert!(!page.contains("/people"), "no number opens its rows");
    }
}
