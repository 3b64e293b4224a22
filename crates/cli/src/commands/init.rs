//! `sizao init`

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use sizao_store::StoreKind;

use crate::{
    args::{Init, Kind, NodeArgs},
    node,
    output::say,
};

pub async fn run(node: &NodeArgs, order: Init, json: bool) -> Result<ExitCode> {
    let kind = match order.kind {
        Kind::Real => StoreKind::Real,
        Kind::Demo => StoreKind::Demo,
        Kind::Drill => StoreKind::Drill,
    };
    let (store, _, key) = node::create(node, kind).await?;
    let (id, place) = (store.id(), store.place().shown());
    store.close().await;
    say(
        json,
        || {
            format!(
                "Made the {} store {place}.\nIts master key is in {}: keep it apart from the store; without it nothing can be read.\nNext: sizao keys recovery-kit",
                kind.name(),
                key.display()
            )
        },
        || json!({"store": place, "id": id, "kind": kind.name(), "key_file": key}),
    );
    Ok(ExitCode::SUCCESS)
}
