//! Packs over HTTP: compared, adopted by two organisations, brought in; what one organisation alone cannot do.

use axum::http::StatusCode;
use sizao_app::identity::Role;

use crate::support::*;

/// A world with a case's contact, and who works at the CDC and at the headquarters of Zhengzhou.
async fn world() -> World {
    let place = places().await.remove(0);
    World::full(place).await
}

fn address(answer: &Answer) -> String {
    answer.headers["location"].to_str().unwrap().to_owned()
}

fn digest(id: &str) -> String {
    let text =
        std::fs::read_to_string(format!("{}/../../policies/{id}/pack.toml", env!("CARGO_MANIFEST_DIR"))).unwrap();
    sizao_store::hex(&sizao_app::pack_signatures::digest(id, &text))
}

/// As forms send it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn pack_text(id: &str) -> String {
    std::fs::read_to_string(format!("{}/../../policies/{id}/pack.toml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_is_brought_in_compared_and_adopted_by_two_organisations() {
    let world = world().await;
    let (first_unit, second_unit) = (world.unit("4101").await, world.unit("41").await);
    let first = world.session_in(&first_unit, Role::Epidemiologist).await;
    let same_unit = world.session_in(&first_unit, Role::Headquarters).await;
    let second = world.session_in(&second_unit, Role::Headquarters).await;
    // Brought in: first with a fault, which is told with its place.
    let faulty = pack_text("cn-covid-v9").replacen("[1, 2, 3, 5, 7]", "[1, 2, 3, 5, 9]", 1);
    let answer = world.post("/packs", Some(&first), &format!("text={}", encoded(&faulty))).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("39:"), "line and column of the fault");
    let answer = world.post("/packs", Some(&first), &format!("text={}", encoded(&pack_text("cn-covid-v9")))).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(address(&answer), format!("/packs/{}", digest("cn-covid-v9")));
    let read = world.get(&address(&answer), Some(&first)).await;
    assert!(read.body.contains("cn-covid-v9") && read.body.contains("方案(第九版)"), "rules with their sources");
    // Compared.
    let form = format!("pack={}&at=2022-03-18T00:00", digest("cn-covid-v9"));
    let started = world.post("/packs/comparisons", Some(&first), &form).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.body);
    let page = address(&started);
    let mut shown = world.get(&page, Some(&first)).await;
    for _ in 0..200 {
        if shown.headers.get("refresh").is_none() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        shown = world.get(&page, Some(&first)).await;
    }
    assert!(shown.body.contains("change=released") || shown.body.contains("解除"), "{}", shown.body);
    assert_eq!(world.get(&page, Some(&second)).await.status, StatusCode::NOT_FOUND, "a comparison is its owner's");
    // Adopted: the same organisation cannot sign twice, another can, once.
    let form = format!("pack={}&at=2022-03-18T00:00&reason={}", digest("cn-covid-v9"), encoded("会议纪要 17 号"));
    let proposed = world.post("/packs/adoptions", Some(&first), &form).await;
    assert_eq!(proposed.status, StatusCode::SEE_OTHER, "{}", proposed.body);
    let list = world.get("/packs", Some(&second)).await.body;
    let sign = list.split("action=\"").find(|rest| rest.starts_with("/packs/adoptions/")).unwrap();
    let sign = sign.split('"').next().unwrap().to_owned();
    assert!(sign.ends_with("/sign"), "{sign}");
    assert_eq!(world.post(&sign, Some(&same_unit), "").await.status, StatusCode::FORBIDDEN);
    assert!(world.app.rules().timeline.next_adoption(now()).is_none(), "one signature adopts nothing");
    assert_eq!(world.post(&sign, Some(&second), "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.post(&sign, Some(&second), "").await.status, StatusCode::CONFLICT, "once");
    world.app.follow_log().await.unwrap();
    let next = world.app.rules().timeline.next_adoption(now()).unwrap();
    assert_eq!(next.to_string(), "2022-03-18T00:00:00+08:00");
    let list = world.get("/packs", Some(&first)).await.body;
    assert!(list.contains("待施行"), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_county_adopts_nothing_and_the_past_is_not_changed() {
    let world = world().await;
    let digest = &world.app.rules().sources[0].digest;
    let county = world.unit("410105").await;
    let of_county = world.session_in(&county, Role::Headquarters).await;
    let form = format!("pack={digest}&at=2022-03-18T00:00&reason=a meeting");
    let answer = world.post("/packs/adoptions", Some(&of_county), &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let city = world.unit("4101").await;
    let of_city = world.session_in(&city, Role::Headquarters).await;
    for at in ["2022-03-16T00:00", "2032-03-16T00:00", "tomorrow"] {
        let form = format!("pack={digest}&at={at}&reason=a meeting");
        let answer = world.post("/packs/adoptions", Some(&of_city), &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{at}");
    }
    assert!(world.app.store().list_adoptions(10).await.unwrap().is_empty());
}
