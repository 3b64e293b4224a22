//! The attacks of 2022 and worse, with the powers of each: importer, scan device, command user, administrator, owner of the
//! database without any key. Each ends with nobody restricted who was not before.

use axum::http::StatusCode;
use serde_json::json;
use sizao_app::identity::Role;
use sizao_store::Place;

use crate::support::*;

async fn restricted(world: &World) -> usize {
    world.app.catch_up(|_| {}).await.unwrap();
    let (rows, _) = world.app.store().list_assessments(None, 5_000).await.unwrap();
    rows.iter().filter(|row| row.strictness > 0).count()
}

/// SQL that the two engines spell differently.
fn spelled(place: &Place, id: u128, bytes: &[u8]) -> (String, String) {
    let id = uuid::Uuid::from_u128(id);
    match place {
        Place::Sqlite(_) => (format!("x'{}'", id.simple()), format!("x'{}'", sizao_store::hex(bytes))),
        Place::Postgres(_) => (format!("'{id}'::uuid"), format!("'\\x{}'::bytea", sizao_store::hex(bytes))),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_area_round_a_bank_is_taken_from_no_list_and_no_program() {
    for place in places().await {
        let world = World::full(place).await;
        let before = restricted(&world).await;
        let unit = world.units[1].clone();
        let area = json!({
            "id": "a", "kind": "area_declared", "division": "410102", "happened": {"at": NOW},
            "body": {"area": "410102001", "level": "high", "until": "2022-04-16T00:00:00+08:00", "evidence": ["d"],
                     "signers": ["headquarters", "cdc"], "basis": "law"},
        });
        for role in Role::ALL {
            let token = world.token_in(&unit, role).await;
            let answer = world.send_facts(&token, &format!("area-{}", role.name()), &area.to_string()).await;
            if answer.status.is_success() {
                let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
                assert_eq!((&told["accepted"], &told["rejected"]), (&json!(0), &json!(1)), "{role:?}: {told}");
            } else {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role:?}: {}", answer.body);
            }
        }
        let importer = world.session_in(&unit, Role::Epidemiologist).await;
        let mapping = "sender = \"area\"\ntitle = \"Area\"\ndivision = \"4101\"\n\n[[fact]]\nkind = \"area_declared\"\n\
                       key = \"{area}\"\nhappened = \"day\"\n[fact.body]\narea = { column = \"area\" }\nlevel = \"high\"\n\
                       until = \"2022-04-16T00:00:00+08:00\"\nevidence = []\nsigners = [\"a\", \"b\"]\n";
        let answer = world.upload_by(Some(&importer), mapping, "area,day\n410102001,2022-03-16\n").await;
        if answer.status == StatusCode::SEE_OTHER {
            let job = answer.headers["location"].to_str().unwrap().to_owned();
            world.post(&format!("{job}/store"), Some(&importer), "").await;
        }
        let size = world.app.store().size().await.unwrap();
        let (facts, _) = world.app.store().load_leaves_that_fit(0, size).await.unwrap();
        assert!(facts.iter().all(|stored| stored.fact.body.kind().name() != "area_declared"));
        assert_eq!(restricted(&world).await, before);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_decides_who_works_and_who_keeps_the_machine_bring_in_nothing_that_restricts() {
    let exposure = json!({
        "id": "e", "kind": "exposure", "person": "depositor", "division": "410102",
        "happened": {"from": "2022-03-15T10:00:00+08:00", "to": "2022-03-15T12:00:00+08:00"},
        "body": {"case": "c", "evidence": "interview", "class": "close_contact"},
    });
    for place in places().await {
        let world = World::full(place).await;
        let before = restricted(&world).await;
        // Command users, administrators, operators, auditors, keepers of venues with their scanners.
        for role in [
            Role::Headquarters,
            Role::UnitAdmin,
            Role::Operator,
            Role::Auditor,
            Role::Statistician,
            Role::AppealOfficer,
            Role::CommunityWorker,
            Role::VenueKeeper,
        ] {
            let unit = world.units[1].clone();
            let token = world.token_in(&unit, role).await;
            let answer = world.send_facts(&token, "k", &exposure.to_string()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role:?}");
            let session = world.session_in(&unit, role).await;
            assert_eq!(world.upload(Some(&session), "code,name\n").await.status, StatusCode::FORBIDDEN, "{role:?}");
        }
        assert_eq!(restricted(&world).await, before);
    }
}

/// Accounts, sessions, tokens, roles and mandates that the owner of the database writes: none of them opens anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_sessions_tokens_and_mandates_put_into_the_database_open_nothing_and_are_named() {
    for place in places().await {
        let owner = place.0.clone();
        let world = World::full(place).await;
        let unit = world.units[1].clone();
        let now = now().as_micros();
        let till = now + 3_600_000_000;
        let (own, own_session) = (world.account(&unit, Role::VenueKeeper).await, [5_u8; 32]);
        let digest = |bytes: &[u8]| sizao_store::sha256(&[bytes]);
        let spell = |id: u128, bytes: &[u8]| spelled(&owner, id, bytes);
        let (account, session_token) = spell(0xbad, &digest(&own_session));
        let (session, api_token) = spell(0xbad1, &digest(&[6; 32]));
        let unit_id = spell(unit.id.as_u128(), &[]).0;
        as_owner(
            &owner,
            &[
                &format!(
                    "INSERT INTO account (id, unit, login, name, role, password, totp_step, demo, made_at, mac) \
                     SELECT {account}, {unit_id}, 'intruder', 'x', 'epidemiologist', password, 0, 0, made_at, mac \
                     FROM account WHERE id = {}",
                    spell(own.id.as_u128(), &[]).0
                ),
                &format!(
                    "INSERT INTO session (token, id, account, device, made_at, seen_at, expires_at) \
                     VALUES ({session_token}, {session}, {account}, 'x', {now}, {now}, {till})"
                ),
                &format!(
                    "INSERT INTO api_token (token, id, account, name, scopes, made_at, expires_at, mac) \
                     VALUES ({api_token}, {session}, {account}, 'x', 'import', {now}, {till}, NULL)"
                ),
            ],
        )
        .await;
        let intruder = sizao_store::hex(&own_session);
        assert_eq!(world.get("/people", Some(&intruder)).await.status, StatusCode::SEE_OTHER, "signs nobody in");
        let token = format!("{}{}", sizao_app::api_tokens::PREFIX, sizao_store::hex(&[6; 32]));
        assert_eq!(world.send_facts(&token, "k", "{}").await.status, StatusCode::UNAUTHORIZED);

        // A session of one's own, given to somebody who may more; one's own role, raised.
        let mine = world.app.store().begin_session(own.id, "x", self::now(), self::now().plus_hours(1)).await.unwrap();
        let mine = sizao_store::hex(&mine);
        assert_eq!(world.get("/me", Some(&mine)).await.status, StatusCode::OK);
        let victim = world.account(&unit, Role::Epidemiologist).await;
        let (own_id, victim_id) = (spell(own.id.as_u128(), &[]).0, spell(victim.id.as_u128(), &[]).0);
        as_owner(&owner, &[&format!("UPDATE session SET account = {victim_id} WHERE account = {own_id}")]).await;
        assert_eq!(world.get("/people", Some(&mine)).await.status, StatusCode::SEE_OTHER);
        let again = world.app.store().begin_session(own.id, "x", self::now(), self::now().plus_hours(1)).await.unwrap();
        let again = sizao_store::hex(&again);
        as_owner(&owner, &[&format!("UPDATE account SET role = 'epidemiologist' WHERE id = {own_id}")]).await;
        assert_eq!(world.get("/people", Some(&again)).await.status, StatusCode::SEE_OTHER);

        // A mandate that nobody gave: the log does not have it.
        let mandates = world.app.store().mandates_in_force("contacts", self::now()).await.unwrap();
        assert!(!mandates.is_empty());
        as_owner(&owner, &["UPDATE mandate SET ends_at = ends_at + 864000000000 WHERE collection = 'contacts'"]).await;
        let tracer = world.token_in(&unit, Role::Epidemiologist).await;
        let exposure = json!({
            "id": "e", "kind": "exposure", "person": "depositor", "division": "410102", "happened": {"at": NOW},
            "body": {"case": "c", "evidence": "interview", "class": "close_contact"},
        });
        assert_eq!(world.send_facts(&tracer, "k", &exposure.to_string()).await.status, StatusCode::FORBIDDEN);

        let found = world.app.store().unsealed_identities().await.unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        let seen = world.app.store().verify(|_| {}).await.unwrap();
        let told: Vec<&str> = seen.findings.iter().map(|finding| finding.what.as_str()).collect();
        assert!(told.iter().any(|told| told.starts_with("account intruder: its seal does not fit")), "{told:?}");
        // Nobody seals what has a seal that does not fit.
        assert_eq!(world.app.store().seal_identities().await.unwrap(), 0);
    }
}

/// Measures and projections that the owner of the database writes are not served, and the person's page does not know them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measures_and_loops_put_into_the_database_are_not_served() {
    for place in places().await {
        let owner = place.0.clone();
        let world = World::full(place).await;
        world.app.catch_up(|_| {}).await.unwrap();
        world.app.follow_loops().await.unwrap();
        let before = restricted(&world).await;
        let (stranger, _) = spelled(&owner, 0x57a6e, &[]);
        let copied = "division, colour, strictness, ends_at, next_change_at, known_leaf, dossier, context, answer, mac";
        as_owner(
            &owner,
            &[&format!(
                "INSERT INTO assessment (person, {copied}) SELECT {stranger}, {copied} FROM assessment \
                 WHERE strictness > 0 LIMIT 1"
            )],
        )
        .await;
        let (rows, forged) = world.app.store().list_assessments(None, 5_000).await.unwrap();
        assert_eq!((rows.iter().filter(|row| row.strictness > 0).count(), forged), (before, 1), "counted as forged");
        let person = sizao_model::PersonId::new(uuid::Uuid::from_u128(0x57a6e));
        assert_eq!(world.app.store().load_assessment(person).await.unwrap(), None);
        let explained = world.app.explain(person, now(), now()).await.unwrap();
        assert!(explained.assessment.measures.is_empty(), "no fact says so");
        // A changed end of a measure is no end: nobody is held longer by a row.
        as_owner(&owner, &["UPDATE assessment SET ends_at = 4102444800000000 WHERE strictness > 0"]).await;
        let (rows, _) = world.app.store().list_assessments(None, 5_000).await.unwrap();
        assert!(rows.iter().all(|row| row.strictness == 0), "computed anew instead");
    }
}
