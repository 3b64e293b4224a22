//! Ids that are real, asked from elsewhere: a thing of another division, or another's own, is as unknown as none.

use sizao_app::{
    authorization::purposes,
    identity::Role,
    sentinels::{Entry, NewInstitution, NewReview},
};
use sizao_model::{CivilDay, DivisionCode, FactBody, PersonId};
use sizao_server::routes::{ROUTES, Route, Who};
use sizao_store::{SignalRecord, UnitRecord};
use uuid::Uuid;

use crate::support::*;

const TOLD: &str =
    "told=the clinic was called&answer=called&outcome=outbreak&decision=upheld&reply=confirmed by telephone";
const DECIDED: &str = "outcome=rejected&reason=the list of the ward names this person";

/// A thing, and the routes that take its id with the fields they take.
struct Thing {
    id: Uuid,
    routes: Vec<(&'static str, &'static str)>,
}

/// The route of the table.
fn route(method: &str, path: &str) -> &'static Route {
    ROUTES.iter().find(|route| route.method == method && route.path == path).expect("the route is in the table")
}

/// Everything that a place has: a site with a report of a sale, an objection and a signal; an appeal and a request.
async fn things_of(world: &World, object: usize) -> Vec<Thing> {
    let (app, place, person) = (&world.app, PEOPLE[object].1, world.people[object]);
    let division = DivisionCode::parse(place).unwrap();
    let unit = world.unit(place).await;
    let overseer = world.actor_in(&unit, Role::Epidemiologist).await;
    let reporter = world.actor_in(&unit, Role::Sentinel).await;
    let code = format!("clinic-{}", fresh().simple());
    let form = NewInstitution {
        unit: unit.id.to_string(),
        name: "Fever clinic".to_owned(),
        kind: "clinic".to_owned(),
        division: place.to_owned(),
        code: code.clone(),
        capabilities: ["registers-fever", "sells-drugs"].map(str::to_owned).into(),
    };
    let site = app.add_institution(&overseer, &form, now()).await.unwrap();
    let told = NewReview { kind: String::new(), month: String::new(), told: "the network was down".to_owned() };
    let review = app.object_to_score(&reporter, site, &told, now()).await.unwrap();
    let sale = Entry {
        key: format!("phone/000{object}"),
        institution: code,
        kind: "drug-sale".to_owned(),
        name: "Patient".to_owned(),
        phone: "13800000077".to_owned(),
        drugs: vec!["cough".to_owned()],
        buyer_name: "Buyer".to_owned(),
        buyer_phone: "13800000078".to_owned(),
        ..Entry::default()
    };
    let sale = app.report_sentinel(&reporter, &sale, true).await.unwrap();
    let signal = signal(division, site);
    app.store().save_signal(&signal, None).await.unwrap();
    app.ask_about_own_data(person, "correct", "my telephone is another", now()).await.unwrap();
    let request = app.own_data_requests_of(person).await.unwrap().remove(0).id;
    let appeal = appeal(world, person).await;
    let thing = |id, routes: &[(&'static str, &'static str)]| Thing { id, routes: routes.to_vec() };
    vec![
        thing(
            site,
            &[
                ("GET /sentinels/{id}", ""),
                ("POST /sentinels/{id}/responsible", "name=Somebody&from_on=&until_on="),
                ("POST /sentinels/{id}/capabilities", "capabilities=sells-drugs&reason=no fever clinic any more"),
                ("POST /sentinels/{id}/reviews", "kind=penalty&told=ten days without a report"),
                ("POST /sentinels/{id}/close", "reason=closed for good"),
            ],
        ),
        thing(review, &[("POST /reviews/{id}", TOLD)]),
        thing(sale.fact.uuid(), &[("POST /sales/{id}", "reason=fever in the family")]),
        thing(
            signal.id,
            &[
                ("GET /signals/{id}", ""),
                ("POST /signals/{id}/answer", TOLD),
                ("POST /signals/{id}/close", "outcome=outbreak&told=three cases"),
            ],
        ),
        thing(appeal, &[("POST /appeals/{id}/decide", DECIDED)]),
        thing(fact_of(world, person).await, &[("POST /facts/{id}/correct", "what=retract&reason=entered twice")]),
        thing(request, &[("POST /requests/{id}", "outcome=done&reason=the telephone was corrected")]),
    ]
}

/// What somebody saw of a person.
async fn fact_of(world: &World, person: PersonId) -> Uuid {
    let facts = world.app.explain(person, now(), now()).await.unwrap().facts;
    let seen = facts.iter().find(|fact| matches!(fact.body, FactBody::Diagnosis(_) | FactBody::Exposure(_)));
    seen.expect("each person of the world is a case").id.uuid()
}

fn signal(division: DivisionCode, site: Uuid) -> SignalRecord {
    let day = |text| CivilDay::parse(text).unwrap();
    SignalRecord {
        id: fresh(),
        division,
        institution: Some(site),
        first_on: day("2022-03-15"),
        last_on: day("2022-03-16"),
        peak_on: day("2022-03-16"),
        score: 7_500,
        probability: 310_000,
        excess: 21_000,
        benefit: 12_000,
        detector: "EARS C1".to_owned(),
        reasons: "[]".to_owned(),
        opened_at: now(),
        due_at: now().plus_hours(4),
        answered_at: None,
        escalated_at: None,
        closed_at: None,
        outcome: None,
    }
}

async fn appeal(world: &World, person: PersonId) -> Uuid {
    let assessed = world.app.assess(person, now(), now()).await.unwrap().assessment;
    let measure = &assessed.measures[0];
    let words = "I was never there";
    let filed = world.app.file_appeal(person, measure.rule(), measure.because()[0], words, "1").await.unwrap();
    filed.fact.uuid()
}

/// Everything about a thing that a request could have changed.
async fn state(world: &World) -> (u64, String) {
    let store = world.app.store();
    let mut told = String::new();
    for unit in &world.units {
        let overseer = world.actor_in(unit, Role::Epidemiologist).await;
        told += &format!("{:?}", world.app.list_institutions(&overseer, None).await.unwrap());
        told += &format!("{:?}", world.app.list_signals(&overseer, None).await.unwrap());
        told += &format!("{:?}", store.list_appeals(unit.division, 200).await.unwrap());
    }
    (store.size().await.unwrap(), told)
}

async fn ask(world: &World, asked: &str, id: Uuid, fields: &str, token: &str) -> Answer {
    let (method, path) = asked.split_once(' ').unwrap();
    let path = path.replace("{id}", &id.to_string());
    match method {
        "GET" => world.get(&path, Some(token)).await,
        _ => world.post(&path, Some(token), fields).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_a_thing_of_another_division_opens_and_changes_nothing() {
    for place in places().await {
        let world = World::full(place).await;
        let mut things = Vec::new();
        for (object, (_, division, ..)) in PEOPLE.iter().enumerate() {
            things.push((DivisionCode::parse(division).unwrap(), things_of(&world, object).await));
        }
        let mut outside_asked = 0;
        let before = state(&world).await;
        for (division, things) in &things {
            let foreign = |unit: &&UnitRecord| !division.is_under(unit.division);
            for unit in world.units.iter().filter(foreign) {
                for (thing, (asked, fields)) in things.iter().flat_map(|t| t.routes.iter().map(move |r| (t, r))) {
                    let (method, path) = asked.split_once(' ').unwrap();
                    let Who::May(action) = route(method, path).who else { panic!("{asked} is open to anybody") };
                    for role in Role::ALL {
                        let token = world.session_in(unit, role).await;
                        let answer = ask(&world, asked, thing.id, fields, &token).await;
                        let may = !purposes(role, action).is_empty();
                        let expected = if may { 404 } else { 403 };
                        let told = format!("{asked} of {division} by {} of {}", role.name(), unit.division);
                        assert_eq!(answer.status.as_u16(), expected, "{told}\n{}", answer.body);
                        outside_asked += 1;
                    }
                }
            }
        }
        assert!(outside_asked > 500, "{outside_asked}");
        assert_eq!(state(&world).await, before, "asking from elsewhere changed something");
        // The same ids from inside: each route does its work for somebody.
        for (division, things) in &things {
            let unit = world.unit(&division.to_string()).await;
            for (thing, (asked, fields)) in things.iter().flat_map(|t| t.routes.iter().map(move |r| (t, r))) {
                let (method, path) = asked.split_once(' ').unwrap();
                let Who::May(action) = route(method, path).who else { continue };
                let mut statuses = Vec::new();
                for role in Role::ALL.into_iter().filter(|role| !purposes(*role, action).is_empty()) {
                    let token = world.session_in(&unit, role).await;
                    statuses.push(ask(&world, asked, thing.id, fields, &token).await.status.as_u16());
                }
                assert!(statuses.iter().any(|status| matches!(status, 200 | 303)), "{asked} inside: {statuses:?}");
                assert!(statuses.iter().all(|status| *status < 500), "{asked} inside: {statuses:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_one_accounts_own_is_unknown_to_every_other() {
    for place in places().await {
        let world = World::full(place).await;
        let unit = &world.units[1];
        let owner = world.session_in(unit, Role::Epidemiologist).await;
        let upload =
            world.upload(Some(&owner), "code,name,phone,division,day,onset\nzz-9,Ann,1,410102,2022-03-16,\n").await;
        let digest = &world.app.rules().sources[0].digest;
        let form = format!("pack={digest}&at=2022-03-18T00:00");
        let comparison = world.post("/packs/comparisons", Some(&owner), &form).await;
        let view = world.post("/people/views", Some(&owner), "view_name=Mine&group=new-7d&division=4101").await;
        for made in [&upload, &comparison, &view] {
            assert_eq!(made.status.as_u16(), 303, "{}", made.body);
        }
        let place_of = |answer: &Answer| answer.headers["location"].to_str().unwrap().to_owned();
        let (upload, comparison) = (place_of(&upload), place_of(&comparison));
        let account = world.app.actor(&owner, "", now()).await.unwrap().account;
        let view = world.app.store().saved_views(account).await.unwrap()[0].id;
        let asked = [
            ("GET", upload.clone()),
            ("GET", format!("{upload}/rows-to-mend")),
            ("POST", format!("{upload}/store")),
            ("GET", comparison.clone()),
            ("GET", format!("{comparison}/people?change=released")),
            ("GET", format!("{comparison}/plans?person={}", world.people[0].uuid())),
            ("POST", format!("/people/views/{view}/drop")),
        ];
        let size = world.app.store().size().await.unwrap();
        for unit in &world.units {
            for role in Role::ALL {
                let token = world.session_in(unit, role).await;
                for (method, path) in &asked {
                    let answer = match *method {
                        "GET" => world.get(path, Some(&token)).await,
                        _ => world.post(path, Some(&token), "").await,
                    };
                    let told = format!("{method} {path} by {} of {}", role.name(), unit.division);
                    assert!(matches!(answer.status.as_u16(), 403 | 404), "{told}: {}", answer.status);
                }
            }
        }
        assert_eq!(world.app.store().size().await.unwrap(), size, "nobody else stored the upload");
        assert_eq!(world.app.store().saved_views(account).await.unwrap().len(), 1, "nobody else dropped the list");
        assert_eq!(world.get(&upload, Some(&owner)).await.status.as_u16(), 200);
        assert_eq!(world.get(&comparison, Some(&owner)).await.status.as_u16(), 200);
        assert_eq!(world.post(&format!("/people/views/{view}/drop"), Some(&owner), "").await.status.as_u16(), 303);
    }
}
