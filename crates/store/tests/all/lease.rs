//! What only one may do at a time, over processes and within one.

use std::time::Duration;

use sizao_store::{Store, StoreKind};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_imported_by_one_at_a_time() {
    for place in places().await {
        let store = Store::create(&place.place, StoreKind::Real, master(), entropy(1), at(NOW)).await.unwrap();
        let lease = store.lease_list("monday").await.unwrap().expect("nobody has it");
        assert!(store.lease_list("monday").await.unwrap().is_none());
        assert!(store.lease_list("tuesday").await.unwrap().is_some());
        drop(lease);
        assert!(store.lease_list("monday").await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_postgresql_keep_each_other_out() {
    let Some(place) = postgres().await else { return };
    let one = Store::create(&place.place, StoreKind::Real, master(), entropy(1), at(NOW)).await.unwrap();
    let other = Store::open(&place.place, master(), entropy(2)).await.unwrap();
    let list = one.lease_list("monday").await.unwrap().expect("nobody has it");
    assert!(other.lease_list("monday").await.unwrap().is_none());
    assert!(other.lease_list("tuesday").await.unwrap().is_some());

    let assessing = one.lease_assessing().await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(300), other.lease_assessing()).await;
    assert!(waiting.is_err(), "the other process did not wait");
    drop((list, assessing));
    tokio::time::timeout(Duration::from_secs(20), other.lease_assessing()).await.expect("it is free").unwrap();
    // A lease that was asked for and given up holds nobody back, and the list is free when the rollback has arrived.
    for _ in 0..200 {
        if other.lease_list("monday").await.unwrap().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the list stayed taken");
}
