//! Scans of place codes by program, by visitor and by hand; and the file of a case: found, confirmed, entered, linked.

use std::sync::Arc;

use serde_json::{Value, json};
use sizao_app::{
    App,
    identity::Role,
    ledger::{Known, NewPlace, PlaceRecord, StayEntry, StayReceipt, Who},
    mandates::MandateState,
};
use sizao_model::{FactBody, FactKind, Instant, PersonId, draft::PersonName};

use crate::support::*;

fn seconds(at: Instant) -> u32 {
    (at.as_micros() / 1_000_000) as u32
}

/// A venue in Jinshui and one in Luoyang.
async fn venues(world: &World) -> [PlaceRecord; 2] {
    let keeper = world.actor_in(&world.units[0], Role::VenueKeeper).await;
    let mut venues = Vec::new();
    for (name, division) in [("丹尼斯商场", "410105"), ("洛阳站", "410302")] {
        let form =
            NewPlace { name: name.into(), kind: "shop".into(), division: division.into(), ..NewPlace::default() };
        venues.push(world.app.add_place(&keeper, &form, now()).await.unwrap());
    }
    venues.try_into().unwrap()
}

fn scan(key: &str, person: &str, code: &str) -> Value {
    json!({"key": key, "person": person, "code": code})
}

async fn send(world: &World, token: &str, scans: Vec<Value>) -> Vec<Value> {
    let answer = world.api("POST", "/scans", Some(token), Some(&json!({"scans": scans}).to_string())).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    body["scans"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_is_stored_once_flagged_when_implausible_and_changes_nobodys_status() {
    for place in places().await {
        let world = World::full(place).await;
        let [shop, station] = venues(&world).await;
        let token = world.token_in(&world.units[0], Role::VenueKeeper).await;
        let (size, digest) =
            (world.app.store().size().await.unwrap(), world.app.store().projection_digest().await.unwrap());
        let code = world.app.code_of(shop.no, now());
        let first = send(&world, &token, vec![scan("k1", "v1", &code), scan("k1", "v1", &code)]).await;
        assert_eq!((&first[0]["state"], &first[1]["state"]), (&json!("stored"), &json!("repeat")));
        let again = send(&world, &token, vec![scan("k1", "v2", &code)]).await;
        assert_eq!(again[0]["state"], "refused", "another content under the key: {again:?}");
        // A picture that was sent on still says the minute in which it was taken.
        let old = world.app.code_of(shop.no, now().plus_minutes(-30));
        let flagged = send(&world, &token, vec![scan("k2", "v3", &old)]).await;
        assert_eq!(flagged[0]["flags"], json!(["stale"]));
        let forged = code.replace(&code[code.len() - 4..], "0000");
        for wrong in [forged.as_str(), "https://elsewhere/scan/x", ""] {
            assert_eq!(send(&world, &token, vec![scan("k3", "v4", wrong)]).await[0]["state"], "refused", "{wrong}");
        }
        // Nobody is in Luoyang a moment after Zhengzhou; nor is a device elsewhere than its owner.
        let there = world.app.code_of(station.no, now());
        assert_eq!(send(&world, &token, vec![scan("k5", "v1", &there)]).await[0]["flags"], json!(["far"]));
        let mut afar = scan("k6", "v6", &code);
        afar["near"] = json!("110101");
        assert_eq!(send(&world, &token, vec![afar]).await[0]["flags"], json!(["far"]));
        // Leaving, by the key of the coming.
        let mut leaving = scan("k7", "v1", &code);
        leaving["leaves"] = json!("k1");
        assert_eq!(send(&world, &token, vec![leaving]).await[0]["state"], "stored");
        let state = world.app.ledger_state().await.unwrap();
        assert_eq!((state.people, state.set_aside), (1, 3), "flagged rows are seen by nobody who seeks contacts");

        // A visitor with a telephone and without an account; and one written down by hand.
        let page = world.get(&format!("/scan/{code}"), None).await;
        assert!(page.status == 200 && page.body.contains("丹尼斯商场"));
        let form = "key=abc&name=来客&phone=13812345678";
        assert_eq!(world.post_raw(&format!("/scan/{code}"), None, form.into()).await.status, 200);
        assert_eq!(world.post_raw(&format!("/scan/{code}"), None, "key=x&name=".into()).await.status, 422);
        assert_eq!(world.get("/scan/SZ1.1.1.00112233445566778899", None).await.status, 404);
        let session = world.session_in(&world.units[0], Role::VenueKeeper).await;
        let by_hand = world.post(&format!("/places/{}/visits", shop.id), Some(&session), "name=老人&key=h1").await;
        assert_eq!(by_hand.status, 303, "{}", by_hand.body);
        assert_eq!(world.app.ledger_state().await.unwrap().people, 3);

        world.app.catch_up(|_| {}).await.unwrap();
        assert_eq!(world.app.store().size().await.unwrap(), size, "no scan is a fact");
        assert_eq!(world.app.store().projection_digest().await.unwrap(), digest, "nobody's status changed");
        let many: Vec<Value> = (0..101).map(|n| scan(&format!("m{n}"), "v", &code)).collect();
        let body = json!({"scans": many}).to_string();
        assert_eq!(world.api("POST", "/scans", Some(&token), Some(&body)).await.status, 422);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mandate_no_scan_is_stored() {
    for place in places().await {
        let world = World::full(place).await;
        let [shop, _] = venues(&world).await;
        let token = world.token_in(&world.units[0], Role::VenueKeeper).await;
        let chief = world.actor_in(&world.units[0], Role::Headquarters).await;
        for mandate in world.app.list_mandates(&chief).await.unwrap() {
            if mandate.collection == "movement" && MandateState::of(&mandate, now()) == MandateState::InForce {
                world.app.end_mandate(&chief, mandate.id, now()).await.unwrap();
            }
        }
        let code = world.app.code_of(shop.no, now());
        let body = json!({"scans": [scan("k", "v", &code)]}).to_string();
        assert_eq!(world.api("POST", "/scans", Some(&token), Some(&body)).await.status, 403);
        let visit = world.post_raw(&format!("/scan/{code}"), None, "key=abc&name=Visitor".into()).await;
        assert_eq!(visit.status, 403);
        assert!(world.app.store().load_presence().await.unwrap().is_empty());
    }
}

async fn stay(app: &Arc<App>, person: PersonId, place: u32, from: Instant, minutes: i64) {
    let entry = StayEntry {
        key: format!("{person}/{place}/{}", from.as_micros()),
        who: Who::Person(person),
        place,
        enter_s: seconds(from),
        leave_s: Some(seconds(from.plus_minutes(minutes))),
        of: None,
        known: Known::List,
        flags: 0,
        seat: None,
    };
    assert_eq!(app.take_stays("test", vec![entry]).await.unwrap(), [StayReceipt::Stored(Vec::new())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_ledger_finds_is_nothing_until_a_tracer_confirms_it_in_their_own_name() {
    for place in places().await {
        let world = World::full(place).await;
        let [shop, _] = venues(&world).await;
        // The case fell ill on the 14th; the contact met them on the 15th for an hour, somebody else for a minute.
        let (case, contact, passer) = (world.people[0], world.people[1], world.people[2]);
        let met = Instant::parse("2022-03-15T10:00:00+08:00").unwrap();
        stay(&world.app, case, shop.no, met, 60).await;
        stay(&world.app, contact, shop.no, met.plus_minutes(5), 90).await;
        stay(&world.app, passer, shop.no, met.plus_minutes(59), 30).await;
        let size = world.app.store().size().await.unwrap();
        let unit = world.units[1].clone();
        let token = world.session_in(&unit, Role::Tracer).await;
        let path = |rest: &str| format!("/cases/{}{rest}", case.uuid());
        let found = world.get(&path("/found?minutes=15"), Some(&token)).await;
        assert!(found.status == 200 && found.body.contains(&contact.uuid().to_string()), "{}", found.body);
        assert!(!found.body.contains(&passer.uuid().to_string()), "one minute is no contact");
        assert!(!found.body.contains("司徒金水"), "masked");
        assert_eq!(world.app.store().size().await.unwrap(), size, "a proposal is no fact");
        let fields = format!("minutes=15&pick={}", contact.uuid());
        assert_eq!(world.post(&path("/confirm"), Some(&token), &fields).await.status, 303);
        let facts = world.app.store().load_leaves(size, size + 10).await.unwrap();
        let kinds: Vec<FactKind> = facts.iter().map(|stored| stored.fact.body.kind()).collect();
        assert_eq!(kinds[..2], [FactKind::Exposure, FactKind::Confirmation]);
        let FactBody::Exposure(exposure) = &facts[0].fact.body else { panic!("{facts:?}") };
        let meeting = exposure.meeting.as_deref().unwrap();
        assert_eq!((meeting.overlap_s, meeting.place.as_deref()), (Some(55 * 60), Some("丹尼斯商场")));
        assert_eq!((exposure.case, facts[0].fact.person), (Some(case), Some(contact)));
        // Confirmed twice it is on record once; a contact who is a case already stays isolated as one, and nothing twice.
        world.post(&path("/confirm"), Some(&token), &fields).await;
        let again = world.app.store().load_leaves(size, size + 100).await.unwrap();
        assert_eq!(again.iter().filter(|stored| stored.fact.body.kind() == FactKind::Exposure).count(), 1);
        let measures = world.app.assess(contact, now(), now()).await.unwrap().assessment.measures;
        assert_eq!(measures.len(), 1, "{measures:?}");
        // Whoever is elsewhere learns nothing of it.
        let luoyang = world.session_in(&world.units[3], Role::Tracer).await;
        assert_eq!(world.get(&path("/found?minutes=15"), Some(&luoyang)).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sheet_takes_the_right_rows_once_and_hands_the_others_back() {
    for place in places().await {
        let world = World::full(place).await;
        let case = world.people[0];
        let token = world.session_in(&world.units[1], Role::Tracer).await;
        let path = format!("/cases/{}/sheet", case.uuid());
        let rows = [
            "name-1=王建国&phone-1=13900006602&relation-1=同住&place-1=家中&last-1=3/16 21:00&group-1=A",
            "name-2=王小妹&group-2=A",
            "name-3=赵明&document-3=41010519810322174&place-3=未来路&last-3=3/16 18:00",
            "name-4=孙磊&place-4=龙亭&last-4=3/16 07:00&via-4=1&phone-4=13900006603",
        ]
        .join("&");
        let answer = world.post(&path, Some(&token), &format!("sheet=s1&{rows}")).await;
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains("17") && answer.body.contains("赵明"), "the row comes back with its cell");
        let contacts = async || {
            let tracer = world.actor_in(&world.units[1], Role::Tracer).await;
            world.app.case_file(&tracer, case, now()).await.unwrap().contacts
        };
        let entered = contacts().await;
        assert_eq!(entered.len(), 2, "the case's own contacts; the third is one of a contact's");
        let waiting: Vec<bool> = entered.iter().map(|contact| contact.counts).collect();
        assert_eq!(waiting.iter().filter(|counts| !**counts).count(), 1, "nobody can find her yet: to verify");
        // The same sheet sent again is the same sheet.
        let size = world.app.store().size().await.unwrap();
        world.post(&path, Some(&token), &format!("sheet=s1&{rows}")).await;
        assert_eq!(world.app.store().size().await.unwrap(), size);
        // Whom the vault may know already is told, masked, with why; linked and taken apart again.
        let fields = "row=1&name=欧阳正州&phone=13800000001&document=";
        let alike = world.post(&format!("/cases/{}/alike", case.uuid()), Some(&token), fields).await;
        assert!(
            alike.status == 200 && alike.body.contains("同音") && alike.body.contains("电话相同"),
            "{}",
            alike.body
        );
        assert!(!alike.body.contains("欧阳郑州"), "masked");
        let other = world.people[1].uuid();
        let linked = world
            .post(&format!("/cases/{}/link", case.uuid()), Some(&token), &format!("basis=person&other={other}"))
            .await;
        assert_eq!(linked.status, 303);
        let page = world.get(&format!("/cases/{}", case.uuid()), Some(&token)).await.body;
        let link =
            page.split("name=\"of\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        let undone = world.post(&format!("/cases/{}/unlink", case.uuid()), Some(&token), &format!("of={link}")).await;
        assert_eq!(undone.status, 303);
        let page = world.get(&format!("/cases/{}", case.uuid()), Some(&token)).await.body;
        assert!(!page.contains("name=\"of\""), "taken apart");
        // Somebody not in the vault before is found by name now.
        let name = PersonName::Code { scope: "sheet".into(), code: "s1/1".into() };
        assert!(world.app.store().find_person(&name).await.unwrap().is_some());
    }
}
