//! What the node promises beside rights: it stays light, it takes what the field sends when it is full, it speaks HTTPS,
//! and it gives people what they may ask for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::Request,
};
use sizao_app::identity::Role;
use sizao_server::{Settings, Shared, Tls, router, routes::ROUTES};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tower::ServiceExt;

use crate::support::*;

/// Bytes of an answer as it is sent to a browser, and its text.
async fn weighed(world: &World, path: &str, session: &str) -> (usize, String) {
    let asked = |packed: bool| {
        let request = Request::get(path).header("cookie", format!("sizao_session={session}"));
        let request = if packed { request.header("accept-encoding", "gzip") } else { request };
        router(world.shared.clone()).oneshot(request.body(Body::empty()).unwrap())
    };
    let packed = axum::body::to_bytes(asked(true).await.unwrap().into_body(), 64 << 20).await.unwrap();
    let plain = axum::body::to_bytes(asked(false).await.unwrap().into_body(), 64 << 20).await.unwrap();
    (packed.len(), String::from_utf8_lossy(&plain).into_owned())
}

/// Addresses of style, scripts and icon that a page loads.
fn loaded(page: &str) -> BTreeSet<&str> {
    page.split('"').filter(|part| part.starts_with("/assets/")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_weighs_more_than_a_slow_line_bears() {
    let world = World::full(places().await.remove(0)).await;
    let person = world.people[0].uuid().to_string();
    let mut heaviest = (0, String::new());
    let mut count = 0;
    for role in [
        Role::Headquarters,
        Role::Epidemiologist,
        Role::CommunityWorker,
        Role::Sentinel,
        Role::AppealOfficer,
        Role::Auditor,
        Role::UnitAdmin,
        Role::Operator,
    ] {
        let session = world.session_in(&world.units[1], role).await;
        for route in ROUTES.iter().filter(|route| route.method == "GET" && !route.path.contains("{name}")) {
            let path = route.path.replace("{id}", &person);
            let (mut bytes, page) = weighed(&world, &path, &session).await;
            let assets: Vec<String> = loaded(&page).into_iter().map(str::to_owned).collect();
            for asset in &assets {
                bytes += weighed(&world, asset, &session).await.0;
            }
            count += usize::from(!assets.is_empty());
            // The phone's limit, kept by every page: 150 kB with style and scripts, where a desk may load 400.
            assert!(bytes < 150_000, "{path} for {}: {bytes} bytes", role.name());
            heaviest = heaviest.max((bytes, path));
        }
    }
    println!("heaviest: {} bytes, {}", heaviest.0, heaviest.1);
    assert!(count > 100 && heaviest.0 > 5_000, "{count} pages, {heaviest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_place_is_taken_readings_go_and_what_is_sent_waits() {
    let world = World::full(places().await.remove(0)).await;
    let settings = Settings { turns: 1, ..Settings::default() };
    let full = router(Shared::new(world.app.clone(), Arc::new(now()), settings));
    let session = world.session_in(&world.units[1], Role::Headquarters).await;
    let form = |body: Body| {
        Request::post("/people/views")
            .header("cookie", format!("sizao_session={session}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .unwrap()
    };
    let word = sizao_app::accounts::form_word(&session);
    let fields = |name: &str| Bytes::from(format!("csrf={word}&view_name={name}&group=new-7d&division=4101"));
    // One request has the only place until the rest of it comes.
    let (give, rest) = tokio::sync::oneshot::channel::<Bytes>();
    let slow = Body::from_stream(futures_util::stream::once(rest));
    let first = tokio::spawn(full.clone().oneshot(form(slow)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let reading = full.clone().oneshot(Request::get("/healthz").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(reading.status(), 503);
    assert_eq!(reading.headers()["retry-after"], "2");
    let second = tokio::spawn(full.clone().oneshot(form(Body::from(fields("second")))));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!second.is_finished(), "what is sent waits for its turn");
    give.send(fields("first")).unwrap();
    for sent in [first, second] {
        assert_eq!(sent.await.unwrap().unwrap().status(), 303);
    }
    let reading = full.oneshot(Request::get("/healthz").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(reading.status(), 200);
    let page = world.get("/people?group=new-7d", Some(&session)).await.body;
    assert!(page.contains(">first<") && page.contains(">second<"), "both were stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_nothing_gives_the_place_back() {
    let world = World::full(places().await.remove(0)).await;
    let settings = Settings { turns: 1, slowest_body: Duration::from_millis(300), ..Settings::default() };
    let node = router(Shared::new(world.app.clone(), Arc::new(now()), settings));
    let body = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let silent = Request::post("/sign-in").header("content-type", "application/x-www-form-urlencoded").body(body);
    let silent = tokio::spawn(node.clone().oneshot(silent.unwrap()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let waiting = Request::post("/sign-in").header("content-type", "application/x-www-form-urlencoded");
    let waiting = node.oneshot(waiting.body(Body::from("login=nobody&password=none")).unwrap()).await.unwrap();
    assert!(waiting.status().is_client_error() && waiting.status() != 408, "{}", waiting.status());
    let silent = silent.await.unwrap().unwrap();
    assert_eq!(silent.status(), 408);
    let page = axum::body::to_bytes(silent.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&page).contains("too slowly") || String::from_utf8_lossy(&page).contains("太慢"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_node_speaks_https_with_files_and_refuses_a_foreign_key() {
    let world = World::empty(places().await.remove(0)).await;
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("node.crt"), folder.path().join("node.key"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    let other = rcgen::KeyPair::generate().unwrap();
    std::fs::write(&key, other.serialize_pem()).unwrap();
    assert!(Tls::read(&certificate, &key).is_err(), "another's key");
    assert!(Tls::read(&key, &key).is_err() && Tls::read(&certificate, &folder.path().join("none")).is_err());
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = Tls::read(&certificate, &key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let serving = tokio::spawn(sizao_server::serve(listener, Some(tls), world.shared.clone(), stopping));
    // Somebody who connects and says nothing holds nobody up.
    let _silent = TcpStream::connect(address).await.unwrap();
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("alive\n"), "{answer}");
    // Without HTTPS there is no answer.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("alive"));
    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_saved_under_a_name_for_its_owner_alone() {
    for place in places().await {
        let world = World::full(place).await;
        let own = world.session_in(&world.units[1], Role::Tracer).await;
        let other = world.session_in(&world.units[1], Role::Tracer).await;
        let save = "view_name=East&group=new-7d&division=410105";
        assert_eq!(world.post("/people/views", Some(&own), save).await.status, 303);
        assert_eq!(world.post("/people/views", Some(&own), save).await.status, 303, "the same name again");
        let page = world.get("/people?group=new-7d&division=410105", Some(&own)).await.body;
        assert_eq!(page.matches(">East<").count(), 1);
        assert!(!world.get("/people", Some(&other)).await.body.contains(">East<"));
        let foreign = save.replace("410105", "4103");
        assert_eq!(world.post("/people/views", Some(&own), &foreign).await.status, 404);
        for wrong in [save.replace("East", ""), save.replace("East", &"x".repeat(31)), save.replace("new-7d", "all")] {
            assert_eq!(world.post("/people/views", Some(&own), &wrong).await.status, 422, "{wrong}");
        }
        for n in 0..19 {
            let more = save.replace("East", &format!("list{n}"));
            assert_eq!(world.post("/people/views", Some(&own), &more).await.status, 303);
        }
        assert_eq!(world.post("/people/views", Some(&own), &save.replace("East", "one more")).await.status, 422);
        let path =
            page.split("action=\"").find_map(|part| part.split('"').next().filter(|path| path.ends_with("/drop")));
        let path = path.unwrap();
        assert_eq!(world.post(path, Some(&other), "").await.status, 404);
        assert_eq!(world.post(path, Some(&own), "").await.status, 303);
        assert!(!world.get("/people", Some(&own)).await.body.contains(">East<"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_get_a_copy_of_their_data_and_an_answer_to_what_they_ask() {
    for place in places().await {
        let world = World::full(place).await;
        let worker = world.actor_in(&world.units[1], Role::CommunityWorker).await;
        let token = world.app.give_link(&worker, world.people[0], now()).await.unwrap();
        let copy = world.get(&format!("/my/{token}/copy"), None).await;
        assert_eq!(copy.status, 200);
        assert!(copy.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        let whole: serde_json::Value = serde_json::from_str(&copy.body).unwrap();
        assert_eq!(whole["facts"][0]["kind"], "diagnosis");
        assert_eq!(whole["facts"][0]["body"]["status"], "confirmed_case");
        assert!(whole["looks"].as_array().is_some_and(|looks| !looks.is_empty()), "{whole}");
        for other in &world.people[1..] {
            assert!(!copy.body.contains(&other.uuid().to_string()), "nobody else is in it");
        }
        assert_eq!(world.get(&format!("/my/{}/copy", "0".repeat(64)), None).await.status, 404);

        let ask = |fields: &str| format!("/my/{token}/request?{fields}");
        let ask_form = async |fields: &str| world.post_raw(&ask(""), None, fields.as_bytes().to_vec()).await.status;
        assert_eq!(ask_form("kind=erase&words=").await, 422);
        assert_eq!(ask_form("kind=all&words=everything").await, 422);
        assert_eq!(ask_form("kind=correct&words=The onset was on the 15th").await, 303);
        for _ in 0..4 {
            assert_eq!(ask_form("kind=erase&words=My old number").await, 303);
        }
        assert_eq!(ask_form("kind=erase&words=My old number").await, 422, "five are open");
        let officer = world.session_in(&world.units[1], Role::AppealOfficer).await;
        let foreign = world.session_in(&world.units[3], Role::AppealOfficer).await;
        let page = world.get("/appeals", Some(&officer)).await.body;
        assert!(page.contains("The onset was on the 15th"));
        assert!(!world.get("/appeals", Some(&foreign)).await.body.contains("The onset was on the 15th"));
        let mut paths = page.split("action=\"").filter_map(|part| part.split('"').next());
        let path = paths.find(|path| path.starts_with("/requests/")).unwrap().to_owned();
        let answer = "outcome=done&reason=Corrected by a new fact on 17 March";
        assert_eq!(world.post(&path, Some(&foreign), answer).await.status, 404);
        assert_eq!(world.post(&path, Some(&officer), "outcome=done&reason=ok").await.status, 422);
        assert_eq!(world.post(&path, Some(&officer), answer).await.status, 303);
        assert_eq!(world.post(&path, Some(&officer), answer).await.status, 404, "the first answer stands");
        let own = world.get(&format!("/my/{token}"), None).await.body;
        assert!(own.contains("Corrected by a new fact on 17 March"), "the person reads it");
        let stored = world.app.store().own_data_requests_of(world.people[0]).await.unwrap();
        assert_eq!(stored.iter().filter(|request| request.outcome == 0).count(), 4);
    }
}
