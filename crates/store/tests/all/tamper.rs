//! What somebody with the database's password can do, and who notices: `verify`, and an outsider with docs/verify.py.

use std::{io::Write, process::Command};

use ed25519_dalek::SigningKey;
use sizao_model::{CivilDay, fact::RetentionClass};
use sizao_store::{Checkpoint, ExportOptions, Place, Submission};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::support::*;

/// Runs statements as the owner of the database would.
async fn as_owner(place: &Place, statements: &[&str]) {
    match place {
        Place::Sqlite(path) => {
            let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
            for text in statements {
                sqlx::query(AssertSqlSafe(*text)).execute(&mut connection).await.unwrap();
            }
        }
        Place::Postgres(url) => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            for text in statements {
                sqlx::query(AssertSqlSafe(*text)).execute(&mut connection).await.unwrap();
            }
        }
    }
}

/// The guard switched off around a statement and put back afterwards, so that only the change itself is to be seen.
async fn behind_the_guard(place: &Place, table: &str, guard: &str, statement: &str) {
    match place {
        Place::Sqlite(path) => {
            let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
            let text: String = sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE name = $1")
                .bind(guard)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            for text in [&format!("DROP TRIGGER {guard}"), statement, &text] {
                sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
            }
        }
        Place::Postgres(_) => {
            let (off, on) = (
                format!("ALTER TABLE {table} DISABLE TRIGGER {guard}"),
                format!("ALTER TABLE {table} ENABLE TRIGGER {guard}"),
            );
            as_owner(place, &[&off, statement, &on]).await;
        }
    }
}

async fn findings(bench: &Bench) -> Vec<String> {
    let seen = bench.store.verify(|_| {}).await.unwrap();
    seen.findings
        .into_iter()
        .map(|finding| {
            format!("{}: {}", finding.leaf.map_or("log".to_owned(), |leaf| format!("leaf {leaf}")), finding.what)
        })
        .collect()
}

/// What an outsider's program says of an export.
async fn outsider(bench: &Bench) -> (bool, String) {
    witness(bench, None).await
}

/// What it says to a witness who kept a checkpoint.
async fn witness(bench: &Bench, kept: Option<&Checkpoint>) -> (bool, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut text = Vec::new();
    bench.store.export(ExportOptions { complete: false }, &mut text).await.unwrap();
    file.write_all(&text).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/verify.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(file.path());
    let mut since = tempfile::NamedTempFile::new().unwrap();
    if let Some(kept) = kept {
        since.write_all(kept.to_json().to_string().as_bytes()).unwrap();
        command.arg("--since").arg(since.path());
    }
    let out = command.output().unwrap();
    (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
}

async fn check(place: TestPlace, table: &str, guard: &str, statement: &str, named: &str, outsiders_see: Option<&str>) {
    let bench = Bench::new(&place.place).await;
    bench.append_many(0, 300, NOW).await;
    bench.append_many(300, 20, NOW).await;
    assert_eq!(findings(&bench).await, Vec::<String>::new());
    assert!(outsider(&bench).await.0);
    behind_the_guard(&place.place, table, guard, statement).await;
    let found = findings(&bench).await;
    assert!(found.iter().any(|finding| finding.contains(named)), "'{named}' not in {found:#?}");
    let (sound, said) = outsider(&bench).await;
    if let Some(words) = outsiders_see {
        assert!(!sound && said.contains(words), "'{words}' not in {said}");
    }
}

#[tokio::test]
async fn a_changed_envelope_is_named_by_its_leaf() {
    for place in places().await {
        let change = "UPDATE fact SET recorded_at = recorded_at + 1 WHERE leaf = 77";
        check(
            place,
            "fact",
            "fact_no_update",
            change,
            "leaf 77: the row was changed",
            Some("leaf 77: the row was changed"),
        )
        .await;
    }
}

#[tokio::test]
async fn a_changed_commitment_with_a_leaf_hash_to_match_is_seen_in_the_tree() {
    for place in places().await {
        let change = match place.place {
            Place::Sqlite(_) => {
                "UPDATE fact SET leaf_hash = (SELECT leaf_hash FROM fact WHERE leaf = 5) WHERE leaf = 6"
            }
            Place::Postgres(_) => {
                "UPDATE fact SET leaf_hash = (SELECT f.leaf_hash FROM fact f WHERE f.leaf = 5) WHERE leaf = 6"
            }
        };
        check(place, "fact", "fact_no_update", change, "leaf 6:", Some("leaf 6:")).await;
    }
}

#[tokio::test]
async fn one_changed_byte_of_a_body_is_named_by_its_leaf() {
    for place in places().await {
        let change = match place.place {
            Place::Sqlite(_) => "UPDATE body SET sealed = CAST(x'00' || substr(sealed, 2) AS BLOB) WHERE leaf = 200",
            Place::Postgres(_) => {
                "UPDATE body SET sealed = set_byte(sealed, 9, get_byte(sealed, 9) # 1) WHERE leaf = 200"
            }
        };
        check(place, "body", "body_no_update", change, "leaf 200: the row was changed: body", None).await;
    }
}

/// Whoever has the database, the master key and with it the key that signs can write the log anew: all of it fits itself.
/// A witness who kept one checkpoint of before sees it at the next.
#[tokio::test]
async fn a_log_written_anew_with_every_key_fits_itself_and_is_found_at_the_next_witnessed_checkpoint() {
    for (place, elsewhere) in places().await.into_iter().zip(places().await) {
        let honest = Bench::new(&place.place).await;
        honest.append_many(0, 300, NOW).await;
        let kept = honest.store.head().await.unwrap();
        honest.append_many(300, 20, NOW).await;
        assert!(witness(&honest, Some(&kept)).await.0, "an honest log goes on from what was kept");

        // The same store by its keys and its id, with one report that somebody else is said to have made.
        let forged = Bench::new(&elsewhere.place).await;
        assert_eq!((forged.store.id(), forged.store.public_key()), (honest.store.id(), honest.store.public_key()));
        forged.append_many(0, 77, NOW).await;
        forged.append(vec![forged.fact("k77", "somebody else", NOW, symptoms(77))]).await.unwrap();
        forged.append_many(78, 242, NOW).await;
        let head = forged.store.head().await.unwrap();
        assert_eq!(head.size, 320);
        assert!(head.is_signed_by(&honest.store.public_key()), "the signature is right");
        assert_eq!(findings(&forged).await, Vec::<String>::new(), "the node itself cannot see it");
        assert!(outsider(&forged).await.0, "nor does an outsider without a checkpoint of before");
        let (sound, said) = witness(&forged, Some(&kept)).await;
        assert!(!sound && said.contains("does not begin with the 300 leaves that the witness kept"), "{said}");
        let proof = forged.store.prove_consistency(kept.size).await.unwrap();
        assert!(proof.holds() && proof.old_root != kept.root, "the proof is of another beginning");

        // A log that was cut back to before the checkpoint and went on otherwise is no better.
        assert_ne!(forged.store.prove_consistency(78).await.unwrap().old_root, kept.root);
        // What the keys allow without writing anew is a false fact at the end: it stands there under its recorder.
        honest.append(vec![honest.fact("false", "p1", NOW, symptoms(1))]).await.unwrap();
        assert!(witness(&honest, Some(&kept)).await.0, "it is added, with time and recorder, and can be taken back");
    }
}

#[tokio::test]
async fn a_signature_of_another_batch_or_another_hand_puts_nothing_into_the_log() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        let seal = async |key: &str| {
            let facts = vec![bench.fact(key, "p1", NOW, symptoms(1))];
            let sealer = bench.store.sealer(&facts).await.unwrap();
            facts.into_iter().map(|fact| sealer.seal(fact, &[7; 32])).collect::<Vec<_>>()
        };
        let first = seal("k1").await;
        let signed = Submission::sign(&first, &bench.signer);
        assert!(bench.store.append(first, &signed, None, at(NOW)).await.is_ok());
        // Replayed for other facts.
        assert!(bench.store.append(seal("k2").await, &signed, None, at(NOW)).await.is_err());
        // Signed by somebody whom the store does not know, in the name of one whom it does; and by another recorder.
        let stranger = SigningKey::from_bytes(&[8; 32]);
        let second = seal("k3").await;
        let forged = Submission::sign(&second, &stranger);
        assert!(bench.store.append(second, &forged, None, at(NOW)).await.is_err());
        bench.store.add_recorder("another", &stranger.verifying_key(), at(NOW)).await.unwrap();
        let third = seal("k4").await;
        let foreign = Submission::sign(&third, &stranger);
        assert!(bench.store.append(third, &foreign, None, at(NOW)).await.is_err(), "facts that name another recorder");
        // Replayed as it was, with facts that are there: they are known, and nothing is added.
        let again = seal("k1").await;
        let signed = Submission::sign(&again, &bench.signer);
        assert!(bench.store.append(again, &signed, None, at(NOW)).await.is_ok());
        assert_eq!(bench.store.size().await.unwrap(), 1);
        assert_eq!(findings(&bench).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_inserted_row_is_named() {
    for place in places().await {
        let columns = "kind, happened_form, happened_from, happened_to, zone, recorded_at, recorder, channel, data_key, \
                       commitment, leaf_hash, mac, source, subject";
        let (id, key) = match place.place {
            Place::Sqlite(_) => ("randomblob(16)", "x'02aa'"),
            Place::Postgres(_) => ("gen_random_uuid()", "'\\x02aa'::bytea"),
        };
        let change = format!(
            "INSERT INTO fact (leaf, id, intake_key, {columns}) SELECT 320, {id}, {key}, {columns} FROM fact WHERE leaf = 3"
        );
        check(
            place,
            "fact",
            "fact_no_delete",
            &change,
            "leaf 320: the row is not in the signed log",
            Some("leaf 320: the row is not in the signed log"),
        )
        .await;
    }
}

#[tokio::test]
async fn a_deleted_row_and_a_body_gone_without_erasure_are_named() {
    for place in places().await {
        let change = "DELETE FROM fact WHERE leaf = 41";
        check(place, "fact", "fact_no_delete", change, "leaf 41: the leaf is missing", Some("leaf 41: missing")).await;
    }
    for place in places().await {
        let change = "DELETE FROM body WHERE leaf = 42";
        let named = "leaf 42: the body is gone without an erasure";
        check(place, "body", "body_delete_with_erasure", change, named, Some(named)).await;
    }
}

#[tokio::test]
async fn a_log_cut_short_does_not_fit_what_was_signed() {
    for place in places().await {
        let change = "DELETE FROM fact WHERE leaf >= 310";
        check(place, "fact", "fact_no_delete", change, "the end of the log was cut off", Some("its end was cut off"))
            .await;
    }
}

#[tokio::test]
async fn a_fact_that_is_missing_from_the_index_of_intake_keys_is_named_and_a_rebuild_mends_it() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        bench.append_many(0, 20, NOW).await;
        as_owner(&place.place, &["DELETE FROM intake_recent WHERE leaf = 7", "DELETE FROM intake WHERE leaf = 7"])
            .await;
        let found = findings(&bench).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("leaf 7: its intake key is not in the index"), "{found:?}");
        bench.store.clear_projections().await.unwrap();
        assert_eq!(findings(&bench).await, Vec::<String>::new());
        bench.append_many(0, 20, NOW).await;
        assert_eq!(bench.store.size().await.unwrap(), 20, "every one is a repeat again");
    }
}

#[tokio::test]
async fn a_dropped_or_weakened_guard_is_named() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        bench.append_many(0, 3, NOW).await;
        let drop = match place.place {
            Place::Sqlite(_) => "DROP TRIGGER fact_no_update",
            Place::Postgres(_) => "DROP TRIGGER fact_no_update ON fact",
        };
        as_owner(&place.place, &[drop]).await;
        let found = findings(&bench).await;
        assert_eq!(found, ["log: guard fact_no_update is gone: the trigger was dropped"]);
        let (sound, said) = outsider(&bench).await;
        assert!(!sound && said.contains("guard fact_no_update was dropped"), "{said}");
    }
    if let Some(place) = postgres().await {
        let bench = Bench::new(&place.place).await;
        as_owner(&place.place, &["ALTER TABLE body DISABLE TRIGGER body_no_update"]).await;
        let found = findings(&bench).await;
        assert_eq!(found, ["log: guard body_no_update was changed or switched off"]);
    }
    let place = sqlite();
    let bench = Bench::new(&place.place).await;
    let weak = "CREATE TRIGGER fact_no_delete BEFORE DELETE ON fact BEGIN SELECT 1; END";
    as_owner(&place.place, &["DROP TRIGGER fact_no_delete", weak]).await;
    assert_eq!(findings(&bench).await, ["log: guard fact_no_delete was changed"]);
}

#[tokio::test]
async fn the_guards_hold_without_any_key() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        bench.append_many(0, 3, NOW).await;
        for text in [
            "UPDATE fact SET recorded_at = 0",
            "DELETE FROM fact",
            "UPDATE body SET data_key = 0",
            "DELETE FROM body",
            "INSERT INTO erasure (certificate, data_key, leaf) VALUES (1, 1, 1)",
            "UPDATE log_head SET size = 1",
            "DELETE FROM checkpoint",
            "UPDATE submission SET facts = 0",
        ] {
            let refused = match &place.place {
                Place::Sqlite(path) => {
                    let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
                    sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await.err()
                }
                Place::Postgres(url) => {
                    let mut connection = PgConnection::connect(url).await.unwrap();
                    sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await.err()
                }
            };
            assert!(refused.is_some(), "{text} was let through");
        }
        assert_eq!(findings(&bench).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_erased_day_leaves_no_byte_of_its_bodies_in_database_log_or_next_backup() {
    let place = sqlite();
    let Place::Sqlite(path) = place.place.clone() else { unreachable!("a file") };
    let bench = Bench::new(&place.place).await;
    bench.append_many(0, 500, "2022-03-01T10:00:00+08:00").await;
    bench.append_many(500, 500, "2022-03-02T10:00:00+08:00").await;
    let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    let bodies: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT sealed FROM body WHERE leaf < 500").fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let here = |bodies: &[Vec<u8>]| {
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend(std::fs::read(path.with_extension("db-wal")).unwrap_or_default());
        bodies.iter().filter(|body| memchr::memmem::find(&bytes, &body[..24]).is_some()).count()
    };
    assert_eq!(here(&bodies), 500);
    let day = CivilDay::parse("2022-03-01").unwrap();
    bench.store.erase(RetentionClass::Test, day, "end of term", at(NOW)).await.unwrap();
    assert_eq!(here(&bodies), 0);
    let mut backup = Vec::new();
    bench.store.export(ExportOptions { complete: true }, &mut backup).await.unwrap();
    let text = String::from_utf8(backup).unwrap();
    assert!(bodies.iter().all(|body| !text.contains(&sizao_store::hex(&body[..24]))));
    let (sound, said) = outsider(&bench).await;
    assert!(sound && said.contains("500 bodies are erased under certificate 1"), "{said}");
}

#[tokio::test]
async fn a_forged_assessment_row_is_not_served() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        let person = sizao_model::PersonId::from_label("p1");
        let row = sizao_store::StoredAssessment {
            person,
            division: sizao_model::DivisionCode::parse("410102").unwrap(),
            colour: 1,
            strictness: 0,
            ends_at: None,
            next_change_at: None,
            known_leaf: 0,
            dossier: [0; 32],
            context: [0; 32],
            answer: "{}".to_owned(),
        };
        bench.store.save_assessments(vec![row.clone()], vec![], &[]).await.unwrap();
        assert_eq!(bench.store.load_assessment(person).await.unwrap(), Some(row));
        as_owner(&place.place, &["UPDATE assessment SET colour = 3"]).await;
        assert_eq!(bench.store.load_assessment(person).await.unwrap(), None);
        assert_eq!(bench.store.list_assessments(None, 10).await.unwrap(), (vec![], 1));
    }
}
