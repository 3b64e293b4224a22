//! One story, on SQLite and on PostgreSQL.

use sizao_model::{CivilDay, fact::RetentionClass};
use sizao_store::{ExportOptions, MasterKey, MentionEntry, MentionKey, Receipt, Store, StoreError};

use crate::support::*;

#[tokio::test]
async fn a_fact_is_stored_once_repeated_harmlessly_and_refused_when_it_contradicts() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        let first = bench.append(vec![bench.fact("k1", "p1", NOW, symptoms(1))]).await.unwrap();
        let [Receipt::Stored { leaf: 0, id }] = first.receipts[..] else { panic!("{first:?}") };
        let again = bench.append(vec![bench.fact("k1", "p1", NOW, symptoms(1))]).await.unwrap();
        assert_eq!(again.receipts, [Receipt::Repeat { id }]);
        let other = bench.append(vec![bench.fact("k1", "p1", NOW, symptoms(2))]).await.unwrap();
        assert_eq!(other.receipts, [Receipt::Conflict { id }]);
        assert_eq!(bench.store.size().await.unwrap(), 1);
        let read = bench.store.load_fact(id).await.unwrap().unwrap();
        assert_eq!((read.leaf, read.fact.body), (0, symptoms(1)));
        let found = bench.store.find_by_sender_keys(bench.source, &["k1".into(), "k2".into()]).await.unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("k1".into(), id)]);
    }
}

#[tokio::test]
async fn every_fact_is_provable_and_the_log_verifies() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        let mut ids = bench.append_many(0, 300, NOW).await;
        let old = bench.store.head().await.unwrap();
        ids.extend(bench.append_many(300, 700, NOW).await);
        for id in ids.iter().step_by(97) {
            let proof = bench.store.prove_inclusion(*id).await.unwrap();
            assert!(proof.holds() && proof.checkpoint.is_signed_by(&bench.store.public_key()));
        }
        let proof = bench.store.prove_consistency(old.size).await.unwrap();
        assert!(proof.holds() && proof.old_root == old.root);
        let verified = bench.store.verify(|_| {}).await.unwrap();
        assert_eq!((verified.findings, verified.leaves, verified.bodies), (vec![], 1000, 1000));
        assert_eq!(verified.root, bench.store.head().await.unwrap().root);
    }
}

#[tokio::test]
async fn a_submission_that_the_recorder_did_not_sign_is_refused() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        let stranger = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
        let facts = vec![bench.fact("k1", "p1", NOW, symptoms(1))];
        let sealer = bench.store.sealer(&facts).await.unwrap();
        let sealed: Vec<_> = facts.into_iter().map(|fact| sealer.seal(fact, &[1; 32])).collect();
        let mut forged = sizao_store::Submission::sign(&sealed, &stranger);
        forged.recorder = bench.recorder;
        let error = bench.store.append(sealed, &forged, None, at(NOW)).await.unwrap_err();
        assert!(matches!(error, StoreError::Signature(_)), "{error}");
        assert_eq!(bench.store.size().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn an_erased_day_is_gone_with_its_key_and_says_so_for_ever() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        let gone = bench.append_many(0, 40, "2022-03-01T10:00:00+08:00").await;
        let kept = bench.append_many(40, 10, "2022-03-02T10:00:00+08:00").await;
        let mention = |leaf| MentionEntry {
            key: MentionKey::about(sizao_model::PersonId::from_label("p1")),
            kind: sizao_model::FactKind::SymptomReport,
            leaf,
            is_strong: false,
        };
        let mentions = (0..40).map(mention).collect();
        bench.store.save_mentions(mentions, &[], 50).await.unwrap();
        let day = CivilDay::parse("2022-03-01").unwrap();
        let erase = || bench.store.erase(RetentionClass::Test, day, "end of term", at("2022-04-01T08:00:00+08:00"));
        let certificate = erase().await.unwrap();
        assert_eq!((certificate.number, certificate.bodies, certificate.leaf), (1, 40, 50));
        assert_eq!(certificate.people, [sizao_model::PersonId::from_label("p1")]);
        assert!(bench.store.load_fact(gone[3]).await.unwrap().is_none());
        assert!(bench.store.load_fact(kept[3]).await.unwrap().is_some());
        assert!(bench.store.prove_inclusion(gone[3]).await.unwrap().holds(), "the leaf stays");
        let verified = bench.store.verify(|_| {}).await.unwrap();
        assert_eq!(verified.findings, []);
        assert_eq!(verified.erased.into_iter().collect::<Vec<_>>(), [(1, 40)]);
        assert!(erase().await.unwrap_err().to_string().contains("erased already, under certificate 1"));
        let late = bench.append(vec![bench.fact("late", "p1", "2022-03-01T23:00:00+08:00", symptoms(1))]).await;
        assert!(matches!(late.unwrap_err(), StoreError::Erasure(_)));
        let never = bench.store.erase(RetentionClass::Governance, day, "order", at(NOW)).await;
        assert!(never.unwrap_err().to_string().contains("never erased"));
    }
}

#[tokio::test]
async fn a_complete_export_restores_on_either_engine_with_the_same_root() {
    for from in places().await {
        let bench = Bench::new(&from.place).await;
        bench.append_many(0, 600, "2022-03-01T10:00:00+08:00").await;
        let ids = bench.append_many(600, 30, "2022-03-02T10:00:00+08:00").await;
        let day = CivilDay::parse("2022-03-01").unwrap();
        bench.store.erase(RetentionClass::Test, day, "end of term", at(NOW)).await.unwrap();
        let mut file = Vec::new();
        let exported = bench.store.export(ExportOptions { complete: true }, &mut file).await.unwrap();
        for to in places().await {
            let (store, restored) =
                Store::restore(&to.place, master(), entropy(5), &mut file.as_slice()).await.unwrap();
            assert_eq!(restored.head, exported.head);
            let verified = store.verify(|_| {}).await.unwrap();
            assert_eq!((verified.findings, verified.root), (vec![], exported.head.root));
            assert_eq!(store.load_fact(ids[7]).await.unwrap(), bench.store.load_fact(ids[7]).await.unwrap());
            let mut again = Vec::new();
            store.export(ExportOptions { complete: true }, &mut again).await.unwrap();
            let facts = |file: &[u8]| String::from_utf8_lossy(file).lines().skip(1).count();
            assert_eq!(facts(&again), facts(&file));
            let bench = Bench::with(store).await;
            bench.append_many(2000, 5, NOW).await;
            assert!(bench.store.prove_consistency(exported.head.size).await.unwrap().holds(), "the log goes on");
            bench.store.close().await;
            let full = Store::restore(&to.place, master(), entropy(5), &mut file.as_slice()).await.err().unwrap();
            assert!(matches!(full, StoreError::NotEmpty { .. } | StoreError::Exists { .. }), "{full}");
        }
    }
}

#[tokio::test]
async fn a_cut_or_changed_export_is_refused_with_its_line() {
    let from = sqlite();
    let bench = Bench::new(&from.place).await;
    bench.append_many(0, 20, NOW).await;
    let mut file = Vec::new();
    bench.store.export(ExportOptions { complete: true }, &mut file).await.unwrap();
    let text = String::from_utf8(file).unwrap();
    let refused = async |text: &str| {
        let to = sqlite();
        Store::restore(&to.place, master(), entropy(5), &mut text.as_bytes()).await.err().unwrap().to_string()
    };
    let cut = &text[..text.len() / 2];
    assert!(refused(cut).await.starts_with("line "));
    let changed = text.replacen("\"410102", "\"410103", 1).replacen("test list", "best list", 1);
    assert_ne!(changed, text);
    assert!(refused(&changed).await.contains("the file was changed"));
    let mut outsiders = Vec::new();
    bench.store.export(ExportOptions { complete: false }, &mut outsiders).await.unwrap();
    assert!(refused(std::str::from_utf8(&outsiders).unwrap()).await.contains("for outsiders"));
}

#[tokio::test]
async fn the_master_key_is_rotated_without_touching_a_fact() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        let ids = bench.append_many(0, 10, NOW).await;
        let before = bench.store.head().await.unwrap();
        let new = MasterKey::from_parts(2, [8; 32]);
        bench.store.rotate_master_key(new.clone()).await.unwrap();
        bench.store.close().await;
        let old = Store::open(&place.place, master(), entropy(2)).await.err().unwrap().to_string();
        assert!(old.contains("locked with master key version 2, this is version 1"), "{old}");
        let wrong = Store::open(&place.place, MasterKey::from_parts(2, [1; 32]), entropy(2)).await.err().unwrap();
        assert!(wrong.to_string().contains("does not open the store"), "{wrong}");
        let store = Store::open(&place.place, new, entropy(2)).await.unwrap();
        assert_eq!(store.head().await.unwrap(), before);
        assert!(store.load_fact(ids[0]).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_store_is_made_once_and_opened_by_one_process_at_a_time() {
    let place = sqlite();
    let missing = Store::open(&place.place, master(), entropy(1)).await.err().unwrap();
    assert!(matches!(missing, StoreError::Missing { .. }));
    let bench = Bench::new(&place.place).await;
    let second = Store::open(&place.place, master(), entropy(1)).await.err().unwrap();
    assert!(matches!(second, StoreError::Locked { .. }), "{second}");
    bench.store.close().await;
    let twice = Store::create(&place.place, sizao_store::StoreKind::Real, master(), entropy(1), at(NOW)).await;
    assert!(matches!(twice.err().unwrap(), StoreError::Exists { .. }));
}

#[tokio::test]
async fn every_connection_keeps_what_it_acknowledged() {
    for place in places().await {
        let bench = Bench::new(&place.place).await;
        for (name, value) in bench.store.durability_settings().await.unwrap() {
            let wanted = match name {
                "synchronous" => "full",
                "journal_mode" => "wal",
                "secure_delete" => "1",
                _ => "on",
            };
            assert_eq!(value, wanted, "{name}");
        }
    }
}

#[tokio::test]
async fn several_processes_on_postgresql_share_one_log_without_gap_or_double_leaf() {
    let Some(place) = postgres().await else { return };
    let first = Bench::new(&place.place).await;
    let mut others = Vec::new();
    for seed in 10..13 {
        others.push(Bench::with(Store::open(&place.place, master(), entropy(seed)).await.unwrap()).await);
    }
    others.push(first);
    let work = others.iter().enumerate().map(|(number, bench)| async move {
        for round in 0..10 {
            bench.append_many(1000 * number + 20 * round, 20, NOW).await;
        }
    });
    futures_util::future::join_all(work).await;
    let verified = others[0].store.verify(|_| {}).await.unwrap();
    assert_eq!((verified.findings, verified.leaves), (vec![], 800));
}
