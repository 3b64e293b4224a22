//! What an attacker or a broken program sends is refused or harmless, and never our failure.

use axum::{body::Body, http::Request};
use sizao_app::{
    accounts::{Credentials, NewUnit},
    identity::Role,
    mandates::Collection,
    totp,
};
use sizao_server::routes::ROUTES;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_not_ours_does_nothing() {
    for place in places().await {
        let world = World::full(place).await;
        let admin = world.session_in(&world.units[0], Role::UnitAdmin).await;
        let fields = "unit_name=Evil&unit_kind=cdc&division=41";
        for forged in [fields.to_owned(), format!("csrf=&{fields}"), format!("csrf={}&{fields}", "0".repeat(32))] {
            assert_eq!(world.post_raw("/units", Some(&admin), forged.into_bytes()).await.status, 403);
        }
        let other = world.session_in(&world.units[0], Role::UnitAdmin).await;
        let word = sizao_app::accounts::form_word(&other);
        let taken = format!("csrf={word}&{fields}").into_bytes();
        assert_eq!(world.post_raw("/units", Some(&admin), taken).await.status, 403, "another session's word");
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let word = sizao_app::accounts::form_word(&admin);
            let request = Request::post("/units")
                .header("host", "node.example")
                .header(name, value)
                .header("cookie", format!("sizao_session={admin}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Body::from(format!("csrf={word}&{fields}")))
                .unwrap();
            assert_eq!(world.ask(request).await.status, 403, "{name}: {value}");
        }
        let page = world.get("/accounts", Some(&admin)).await.body;
        assert!(!page.contains("Evil"));
        assert_eq!(world.post("/units", Some(&admin), fields).await.status, 303, "our own page's form works");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_in_any_text_is_shown_as_text() {
    for place in places().await {
        let world = World::full(place).await;
        let script = "%3Cscript%3Ealert(1)%3C/script%3E%22%27%3E%3Cimg%20src=x%20onerror=alert(1)%3E";
        let admin = world.session_in(&world.units[0], Role::UnitAdmin).await;
        let epi = world.session_in(&world.units[0], Role::Epidemiologist).await;
        world.post("/units", Some(&admin), &format!("unit_name={script}&unit_kind=cdc&division=41")).await;
        world
            .post("/accounts", Some(&admin), &format!("unit={}&role=lab&login=xss&name={script}", world.units[0].id))
            .await;
        let all = ["legal_basis", "authority", "purpose", "impact_assessment"]
            .map(|field| format!("{field}={script}"))
            .join("&");
        world.post("/mandates", Some(&epi), &format!("collection=cases&area=41&days=3&{all}")).await;
        let person = format!("/people/{}/identity", world.people[0].uuid());
        world.post(&person, Some(&epi), &format!("purpose=tracing&reason={script}")).await;
        let auditor = world.session_in(&world.units[0], Role::Auditor).await;
        let shown = [
            world.get("/accounts", Some(&admin)).await,
            world.get("/mandates", Some(&epi)).await,
            world.get("/audit", Some(&auditor)).await,
            world.get(&format!("/people?q={script}"), Some(&epi)).await,
            world.get(&format!("/sign-in?back=/{script}"), None).await,
            world.post_raw("/sign-in", None, format!("login={script}&password=x").into_bytes()).await,
            world.post(&person, Some(&epi), &format!("purpose=none&reason={script}")).await,
            world.get(&format!("/{script}"), Some(&epi)).await,
        ];
        for answer in shown {
            assert!(!answer.body.contains("<script>alert") && !answer.body.contains("<img src=x"), "{}", answer.body);
            let policy = answer.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_gives_a_new_session_and_ends_the_one_before() {
    for place in places().await {
        let world = World::empty(place).await;
        let unit = world.app.add_demo_unit(&NewUnit { name: "HQ", kind: "cdc", division: "41" }, now()).await.unwrap();
        world
            .app
            .add_demo_account(&unit, Role::Headquarters, "hq.demo", "Somebody", "a long password", now())
            .await
            .unwrap();
        let sign_in = async |cookie: &str| {
            let request = Request::post("/sign-in")
                .header("cookie", format!("sizao_session={cookie}"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Body::from("login=hq.demo&password=a long password"))
                .unwrap();
            let answer = world.ask(request).await;
            assert_eq!(answer.status, 303);
            let set = answer.headers["set-cookie"].to_str().unwrap().to_owned();
            assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"), "{set}");
            set.split(['=', ';']).nth(1).unwrap().to_owned()
        };
        let planted = "ab".repeat(32);
        let first = sign_in(&planted).await;
        assert_ne!(first, planted);
        assert_eq!(world.get("/board", Some(&planted)).await.status, 303, "a planted session never counts");
        let second = sign_in(&first).await;
        assert_ne!(first, second);
        assert_eq!(world.get("/board", Some(&first)).await.status, 303);
        assert_eq!(world.get("/board", Some(&second)).await.status, 200);
        assert_eq!(world.post("/sign-out", Some(&second), "").await.status, 303);
        assert_eq!(world.get("/board", Some(&second)).await.status, 303);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_locked_with_growing_waits_whether_or_not_the_login_exists() {
    for place in places().await {
        let world = World::empty(place).await;
        let unit = world.app.add_demo_unit(&NewUnit { name: "HQ", kind: "cdc", division: "41" }, now()).await.unwrap();
        world
            .app
            .add_demo_account(&unit, Role::Headquarters, "victim", "Somebody", "a long password", now())
            .await
            .unwrap();
        for login in ["victim", "nobody.there"] {
            for tries in 1..=5 {
                let answer =
                    world.post_raw("/sign-in", None, format!("login={login}&password=guess{tries}").into_bytes()).await;
                assert_eq!(answer.status, 401, "{login} {tries}");
            }
            let answer =
                world.post_raw("/sign-in", None, format!("login={login}&password=a long password").into_bytes()).await;
            assert_eq!(answer.status, 429, "the right password waits too");
        }
        // Each failure beyond the fifth doubles the wait.
        let sent = || Credentials { login: "victim".into(), password: "wrong".into(), code: String::new() };
        let mut at = now().plus_minutes(1);
        for minutes in [1, 2, 4, 8] {
            assert!(world.app.sign_in(sent(), "", at).await.unwrap_err().to_string().starts_with("login, password"));
            let locked = world.app.sign_in(sent(), "", at).await.unwrap_err().to_string();
            assert!(locked.contains("locked until"), "{locked}");
            at = at.plus_minutes(minutes);
        }
        let right = Credentials { password: "a long password".into(), ..sent() };
        assert!(world.app.sign_in(right, "", at.plus_hours(1)).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_set_up_link_works_once_and_a_code_too() {
    for place in places().await {
        let world = World::empty(place).await;
        let token = world.app.first_link(now()).await.unwrap().unwrap();
        let path = format!("/setup/{token}");
        let link = world.app.set_up_link(&token, now()).await.unwrap();
        let secret: Vec<u8> = decode(&link.secret);
        let code = totp::code_at(&secret, totp::step_of(now()));
        let form = |password: &str, code: &str| {
            format!("unit_name=HQ&unit_kind=headquarters&division=41&login=first&name=First&password={password}&repeated={password}&code={code}").into_bytes()
        };
        for (password, code) in
            [("short", code.as_str()), ("long enough now", "000000"), ("first and more", code.as_str())]
        {
            assert_eq!(world.post_raw(&path, None, form(password, code)).await.status, 422, "{password}");
        }
        assert_eq!(world.post_raw(&path, None, form("long enough now", &code)).await.status, 303);
        assert_eq!(world.post_raw(&path, None, form("long enough now", &code)).await.status, 404);
        assert_eq!(world.get(&path, None).await.status, 404);
        assert_eq!(world.app.first_link(now()).await.unwrap(), None, "one administrator is enough");
        let sign_in = format!("login=first&password=long enough now&code={code}");
        assert_eq!(
            world.post_raw("/sign-in", None, sign_in.into_bytes()).await.status,
            401,
            "the code was used for the set-up"
        );
        let later = now().plus_minutes(1);
        let next = totp::code_at(&secret, totp::step_of(later));
        let sent = Credentials { login: "FIRST".into(), password: "long enough now".into(), code: next.clone() };
        assert!(world.app.sign_in(sent.clone(), "", later).await.is_ok());
        assert!(world.app.sign_in(sent, "", later).await.is_err(), "a code works once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mandate_an_import_stores_nothing_and_a_mandate_ends_to_the_minute() {
    for place in places().await {
        let world = World::empty(place).await;
        let unit = world.unit("4101").await;
        let second = world.unit("4101").await;
        let token = world.session_in(&unit, Role::Epidemiologist).await;
        let row = "code,name,phone,division,day,onset\nc1,张三,13800000009,410102,2022-03-16,2022-03-14\n";
        let answer = world.upload(Some(&token), row).await;
        assert_eq!(answer.status, 303);
        let job = answer.headers["location"].to_str().unwrap().to_owned();
        let before = world.app.store().size().await.unwrap();
        assert_eq!(world.post(&format!("{job}/store"), Some(&token), "").await.status, 403);
        assert_eq!(world.app.store().size().await.unwrap(), before);
        assert_eq!(world.app.store().count_people(None).await.unwrap(), 0);
        let proposer = world.app.actor(&token, "", now()).await.unwrap();
        let signer = world.actor_in(&second, Role::Headquarters).await;
        let proposed = world.app.propose_mandate(&proposer, &mandate(Collection::Cases, "4101"), now()).await.unwrap();
        assert_eq!(world.post(&format!("{job}/store"), Some(&token), "").await.status, 403, "one signature is none");
        let own = world.app.sign_mandate(&proposer, proposed.id, now()).await.unwrap_err();
        assert!(own.to_string().contains("another unit"));
        world.app.sign_mandate(&signer, proposed.id, now()).await.unwrap();
        let in_force = |at| world.app.store().mandates_in_force("cases", at);
        assert_eq!(in_force(proposed.ends_at.plus_minutes(-1)).await.unwrap().len(), 1);
        assert_eq!(in_force(proposed.ends_at).await.unwrap().len(), 0);
        assert_eq!(world.post(&format!("{job}/store"), Some(&token), "").await.status, 303);
        for _ in 0..100 {
            if world.app.store().count_people(None).await.unwrap() == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(world.app.store().count_people(None).await.unwrap(), 1);
        let foreign = "code,name,phone,division,day,onset\nc2,李四,13800000008,410302,2022-03-16,2022-03-14\n";
        let job = world.upload(Some(&token), foreign).await.headers["location"].to_str().unwrap().to_owned();
        let page = world.get(&job, Some(&token)).await.body;
        assert!(page.contains("410302, outside 4101"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_forms_are_never_our_failure() {
    let world = World::full(places().await.remove(0)).await;
    let mut sessions = Vec::new();
    for role in [Role::Epidemiologist, Role::UnitAdmin, Role::Auditor] {
        sessions.push(world.session_in(&world.units[0], role).await);
    }
    let posts: Vec<&str> = ROUTES.iter().filter(|route| route.method == "POST").map(|route| route.path).collect();
    let pieces: [&[u8]; 16] = [
        b"csrf=",
        b"&",
        b"=",
        b"%",
        b"%00",
        b"%ff%fe",
        b"%F0%9F",
        b"name=",
        b"division=-1",
        b"days=99999999999999999999",
        b"area=0",
        b"\x00\xff",
        b"purpose[]=x",
        b"code=1&code=2",
        b"login=%E2%80%AE",
        b"reason=",
    ];
    let mut random = entropy(77);
    let mut byte = || {
        let mut one = [0; 2];
        random(&mut one);
        usize::from(u16::from_le_bytes(one))
    };
    for n in 0..10_000 {
        let path = posts[byte() % posts.len()]
            .replace("{id}", if n % 3 == 0 { "..%2f..%2fetc" } else { "00000000-0000-0000-0000-000000000001" });
        let path = path.replace("{token}", "zz");
        let token = &sessions[byte() % sessions.len()];
        // Sign-in hashes a password each time; it is tried less often.
        if path == "/sign-in" && n % 40 != 0 {
            continue;
        }
        let mut body = if n % 2 == 0 {
            format!("csrf={}&", sizao_app::accounts::form_word(token)).into_bytes()
        } else {
            Vec::new()
        };
        for _ in 0..byte() % 12 {
            body.extend_from_slice(pieces[byte() % pieces.len()]);
        }
        let answer = world.post_raw(&path, Some(token), body.clone()).await;
        assert!(!answer.status.is_server_error(), "{path} {:?}: {}", String::from_utf8_lossy(&body), answer.status);
        // A sign-out ends the session: the next forms then come from nobody.
        if path == "/sign-out" && answer.status == 303 {
            for (session, role) in sessions.iter_mut().zip([Role::Epidemiologist, Role::UnitAdmin, Role::Auditor]) {
                *session = world.session_in(&world.units[0], role).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_names_foreign_paths_and_odd_addresses_are_refused_kindly() {
    let world = World::full(places().await.remove(0)).await;
    let admin = world.session_in(&world.units[0], Role::UnitAdmin).await;
    let huge = "x".repeat(10 << 20);
    let answer = world.post("/units", Some(&admin), &format!("unit_name={huge}&unit_kind=cdc&division=41")).await;
    assert_eq!(answer.status, 413);
    let long = "x".repeat(81);
    assert_eq!(
        world.post("/units", Some(&admin), &format!("unit_name={long}&unit_kind=cdc&division=41")).await.status,
        422
    );
    for path in [
        "/assets/x/../../Cargo.toml",
        "/assets/x/..%2f..%2fCargo.toml",
        "/people/%00",
        "/people/-1",
        "/audit/proofs/x",
        "/%ff",
    ] {
        let answer = world.get(path, Some(&admin)).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
    }
    for back in ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let answer = world.get(&format!("/language?to=en&back={back}"), None).await;
        assert_eq!(answer.headers["location"], "/", "{back}");
    }
}

/// Base 32 back to bytes.
fn decode(text: &str) -> Vec<u8> {
    let (mut bits, mut have, mut out) = (0u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 };
        bits = bits << 5 | u32::from(value);
        have += 5;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have & 255) as u8);
        }
    }
    out
}
