//! A node with people in three cities and an account for every role at every level, asked without a network.
#![allow(dead_code, reason = "each room of tests uses a part")]

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use ed25519_dalek::SigningKey;
use sizao_app::{
    App, Rules,
    accounts::form_word,
    api_tokens::{PREFIX, scopes_of},
    authorization::Action,
    identity::{Actor, Role},
    intake::Upload,
    mandates::{Collection, NewMandate},
};
use sizao_model::{DivisionCode, Instant, PersonId, draft::PersonName};
use sizao_policy::{Pack, PackTimeline};
use sizao_server::{Settings, Shared, router};
use sizao_store::{AccountRecord, ApiTokenRecord, Entropy, MasterKey, Place, Store, StoreKind, UnitRecord};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

pub const NOW: &str = "2022-03-17T09:30:00+08:00";
const PACK: &str = include_str!("../../../../policies/cn-covid-v8/pack.toml");

/// Where actors are: parent, own, child, foreign, seen from Zhengzhou.
pub const LEVELS: [&str; 5] = ["41", "4101", "410105", "4103", "4102"];
/// Who is where: name, division, code, telephone.
pub const PEOPLE: [(&str, &str, &str, &str); 4] = [
    ("欧阳郑州", "410102", "zz-1", "13800000001"),
    ("司徒金水", "410105", "js-1", "13800000002"),
    ("诸葛洛阳", "410302", "ly-1", "13800000003"),
    ("上官开封", "410202", "kf-1", "13800000004"),
];

pub const MAPPING: &str = r#"
sender = "test"
title = "Cases"
division = "41"

[columns.onset]
optional = true

[[person]]
id = "p"
code = [{ scope = "test", column = "code" }]
full_name = "name"
phone = [{ column = "phone", role = "own" }]
division = { column = "division", otherwise = "41" }

[[fact]]
kind = "diagnosis"
person = "p"
key = "{code}/d"
happened = "day"
[fact.body]
status = "confirmed_case"
onset = { day = "onset" }
"#;

/// Randomness that is the same in every run.
pub fn entropy(seed: u64) -> Box<Entropy> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    Box::new(move |bytes: &mut [u8]| {
        for byte in bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = (state >> 32) as u8;
        }
    })
}

/// Places for stores: SQLite, and PostgreSQL where the test script started one; in CI it has to.
pub async fn places() -> Vec<(Place, Option<TempDir>)> {
    let folder = tempfile::tempdir().unwrap();
    let mut places = vec![(Place::Sqlite(folder.path().join("store.db")), Some(folder))];
    if let Ok(url) = std::env::var("SIZAO_TEST_POSTGRES") {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("w{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let pool = sqlx::PgPool::connect(&url).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await.unwrap();
        pool.close().await;
        places.push((Place::Postgres(format!("{}/{name}", url.rsplit_once('/').unwrap().0)), None));
    } else {
        assert!(std::env::var_os("CI").is_none(), "CI runs every test on PostgreSQL too");
        println!("not run on PostgreSQL: SIZAO_TEST_POSTGRES is not set (make test starts a server)");
    }
    places
}

/// A node, asked in memory.
pub struct World {
    pub app: Arc<App>,
    pub shared: Arc<Shared>,
    router: Router,
    pub people: Vec<PersonId>,
    pub units: Vec<UnitRecord>,
    _folder: Option<TempDir>,
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

pub fn now() -> Instant {
    Instant::parse(NOW).unwrap()
}

impl World {
    /// An empty node.
    pub async fn empty(place: (Place, Option<TempDir>)) -> Self {
        let store = Store::create(&place.0, StoreKind::Drill, MasterKey::from_parts(1, [7; 32]), entropy(3), now());
        let timeline = PackTimeline::new(vec![Pack::from_toml("cn-covid-v8", PACK).unwrap()]).unwrap();
        let rules = Rules::new(timeline, &[PACK]);
        let signer = SigningKey::from_bytes(&[9; 32]);
        let app = App::new(store.await.unwrap(), Arc::new(now()), signer, "test", rules).await.unwrap();
        let app = Arc::new(app);
        let shared = Shared::new(app.clone(), Arc::new(now()), Settings::default());
        let router = router(shared.clone());
        Self { app, shared, router, people: Vec::new(), units: Vec::new(), _folder: place.1 }
    }

    /// A node with units at every level, and one case in each of four places, in three cities.
    pub async fn full(place: (Place, Option<TempDir>)) -> Self {
        let mut world = Self::empty(place).await;
        for division in LEVELS {
            world.units.push(world.unit(division).await);
        }
        let second = world.unit("41").await;
        let proposer = world.actor_in(&world.units[0].clone(), Role::Epidemiologist).await;
        let signer = world.actor_in(&second, Role::Headquarters).await;
        for collection in Collection::ALL {
            let mandate = world.app.propose_mandate(&proposer, &mandate(collection, "41"), now()).await.unwrap();
            world.app.sign_mandate(&signer, mandate.id, now()).await.unwrap();
        }
        let rows = PEOPLE
            .map(|(name, division, code, phone)| format!("{code},{name},{phone},{division},2022-03-16,2022-03-14\n"));
        let file = format!("code,name,phone,division,day,onset\n{}", rows.concat());
        let upload = Upload::new(&proposer, "cases.csv", file.into_bytes(), MAPPING).unwrap();
        let checked = upload.check(now()).unwrap();
        assert_eq!((checked.accepted, checked.rejected), (PEOPLE.len() as u64, 0), "{:?}", checked.refused);
        world.app.take_in(&proposer, Arc::new(upload), &checked.collections, (), now()).await.unwrap();
        for (_, _, code, _) in PEOPLE {
            let name = PersonName::Code { scope: "test".into(), code: code.into() };
            world.people.push(world.app.store().find_person(&name).await.unwrap().unwrap());
        }
        world
    }

    /// A new unit in a division.
    pub async fn unit(&self, division: &str) -> UnitRecord {
        let division = DivisionCode::parse(division).unwrap();
        let unit = UnitRecord {
            id: fresh(),
            name: format!("Unit {division}"),
            kind: "cdc".into(),
            division,
            made_at: now(),
            closed_at: None,
        };
        self.app.store().add_unit(&unit).await.unwrap();
        unit
    }

    /// A new account of a unit, without a password.
    pub async fn account(&self, unit: &UnitRecord, role: Role) -> AccountRecord {
        let id = fresh();
        let account = AccountRecord {
            id,
            unit: unit.id,
            login: format!("u{}", id.simple()),
            name: "Somebody".into(),
            role: role.name().into(),
            password: String::new(),
            totp: None,
            totp_step: 0,
            demo: false,
            made_at: now(),
            closed_at: None,
        };
        assert!(self.app.store().add_account(&account).await.unwrap());
        account
    }

    /// The session token of a new account.
    pub async fn session_in(&self, unit: &UnitRecord, role: Role) -> String {
        let account = self.account(unit, role).await;
        let token = self.app.store().begin_session(account.id, "test", now(), now().plus_hours(1)).await.unwrap();
        sizao_store::hex(&token)
    }

    pub async fn actor_in(&self, unit: &UnitRecord, role: Role) -> Actor {
        let token = self.session_in(unit, role).await;
        self.app.actor(&token, "test", now()).await.unwrap()
    }

    /// Asks, with a session or without.
    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.ask(with_session(Request::get(path), token).body(Body::empty()).unwrap()).await
    }

    /// A program's token of a new account, for everything that its role may give.
    pub async fn token_in(&self, unit: &UnitRecord, role: Role) -> String {
        let scopes: Vec<&str> = scopes_of(role).into_iter().map(Action::name).collect();
        self.token_for(unit, role, &scopes.join(" "), now().plus_hours(1)).await
    }

    /// A token of a new account, for some actions, until a moment.
    pub async fn token_for(&self, unit: &UnitRecord, role: Role, scopes: &str, expires_at: Instant) -> String {
        let account = self.account(unit, role).await;
        let token = ApiTokenRecord {
            id: fresh(),
            account: account.id,
            name: "test".into(),
            scopes: scopes.into(),
            made_at: now(),
            seen_at: None,
            expires_at,
        };
        format!("{PREFIX}{}", sizao_store::hex(&self.app.store().add_api_token(&token).await.unwrap()))
    }

    /// Asks the API, with a body where there is one.
    pub async fn api(&self, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.ask(request.body(Body::from(body.unwrap_or_default().to_owned())).unwrap()).await
    }

    /// Sends facts, one a line, under a key.
    pub async fn send_facts(&self, token: &str, key: &str, lines: &str) -> Answer {
        let request = Request::post("/api/v1/facts")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .header("idempotency-key", key);
        self.ask(request.body(Body::from(lines.to_owned())).unwrap()).await
    }

    /// Sends a form as our own page does.
    pub async fn post(&self, path: &str, token: Option<&str>, fields: &str) -> Answer {
        let word = token.map(form_word).unwrap_or_default();
        self.post_raw(path, token, format!("csrf={word}&{fields}").into_bytes()).await
    }

    /// Sends bytes as a form.
    pub async fn post_raw(&self, path: &str, token: Option<&str>, body: Vec<u8>) -> Answer {
        let request = with_session(Request::post(path), token);
        self.ask(
            request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body)).unwrap(),
        )
        .await
    }

    /// Sends a file as the page of imports does.
    pub async fn upload(&self, token: Option<&str>, file: &str) -> Answer {
        self.upload_by(token, MAPPING, file).await
    }

    /// The same by another mapping.
    pub async fn upload_by(&self, token: Option<&str>, mapping: &str, file: &str) -> Answer {
        let word = token.map(form_word).unwrap_or_default();
        let part = |name: &str, more: &str, text: &str| {
            format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{text}\r\n")
        };
        let body = [
            part("csrf", "", &word),
            part("mapping", "; filename=\"m.toml\"", mapping),
            part("file", "; filename=\"cases.csv\"", file),
            "--B--\r\n".to_owned(),
        ];
        let request = with_session(Request::post("/imports"), token);
        let request = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=B");
        self.ask(request.body(Body::from(body.concat())).unwrap()).await
    }
}

/// Runs statements as the owner of the database would.
pub async fn as_owner(place: &Place, statements: &[&str]) {
    use sqlx::{AssertSqlSafe, Connection};
    match place {
        Place::Sqlite(path) => {
            let mut owner = sqlx::SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
            for text in statements {
                sqlx::query(AssertSqlSafe(*text)).execute(&mut owner).await.unwrap();
            }
        }
        Place::Postgres(url) => {
            let mut owner = sqlx::PgConnection::connect(url).await.unwrap();
            for text in statements {
                sqlx::query(AssertSqlSafe(*text)).execute(&mut owner).await.unwrap();
            }
        }
    }
}

pub fn mandate(collection: Collection, area: &str) -> NewMandate {
    NewMandate {
        collection: collection.name().into(),
        area: area.into(),
        legal_basis: "Law, article 39".into(),
        authority: "Headquarters".into(),
        purpose: "Control".into(),
        impact_assessment: "File 1".into(),
        days: "30".into(),
    }
}

fn with_session(request: axum::http::request::Builder, token: Option<&str>) -> axum::http::request::Builder {
    match token {
        Some(token) => request.header(header::COOKIE, format!("sizao_session={token}")),
        None => request,
    }
}

/// An id of its own.
pub fn fresh() -> Uuid {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(u128::from(NUMBER.fetch_add(1, Ordering::Relaxed)) | 0xabcd << 80)
}
