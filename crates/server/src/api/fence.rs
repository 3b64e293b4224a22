//! Records of cell towers in, for the fence: read, never kept.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::StatusCode,
};
use schemars::JsonSchema;
use serde::Serialize;
use sizao_app::{
    authorization::{Action, usual_purpose},
    fence::BATCH_BYTES_MAX,
};

use super::{Operation, Told, op, read::Raw};
use crate::{context::Ctx, failure::Failure, routes::Who::May, state::Shared};

const EXAMPLE: &str =
    concat!(r#"{"recv_ms":1647504000000,"person_id":"subscriber-12","tower_id":"17","event_ms":1647503990000}"#, "\n");

pub(super) const OPERATIONS: &[Operation] = &[op!(post "/fence/observations" May(Action::Import) => send_observations)
    .says("sendTowerRecords", "Let the fence read records of cell towers")
    .more(
        "One record a line (application/x-ndjson, up to 8 MiB), in order of receipt: recv_ms and event_ms are milliseconds since 1970, person_id is your own word for the subscriber, tower_id is of the list that the node was started with. No record is kept: what may come of it is a question to somebody, never a status. Without a mandate for the fence in force 403 is answered and nothing is read; 404 where the node has no fence. Lines that cannot be read are counted and left out. Sent again, a batch has no effect.",
    )
    .or_takes::<RecordLines>("application/x-ndjson", EXAMPLE)
    .up_to(BATCH_BYTES_MAX)
    .gives::<FenceRead>(200)];

/// One record a line, each an object.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct RecordLines(String);

/// What became of a batch.
#[derive(Serialize, JsonSchema)]
struct FenceRead {
    /// Records taken in.
    taken: u64,
    /// Records without effect: repeated, or older than the last of the same person.
    old: u64,
    /// Questions that came of it.
    questions: u64,
    /// Lines left out, by what is wrong with them.
    refused: BTreeMap<&'static str, LeftOut>,
}

#[derive(Serialize, JsonSchema)]
struct LeftOut {
    /// How many.
    count: u64,
    /// The first of them, counted from 1.
    first_line: u64,
}

async fn send_observations(ctx: Ctx, State(shared): State<Arc<Shared>>, request: Request) -> Told<FenceRead> {
    usual_purpose(&ctx.actor, Action::Import)?;
    let Raw(media, bytes) = Raw::from_request(request, &shared).await?;
    if media != "application/x-ndjson" {
        return Err(Failure::told(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send application/x-ndjson."));
    }
    let answer = ctx.app().take_positions(&ctx.actor, &bytes, ctx.wall()).await?;
    let refused = answer.refused.into_iter();
    Ok((
        StatusCode::OK,
        Json(FenceRead {
            taken: answer.taken,
            old: answer.old,
            questions: answer.questions,
            refused: refused.map(|(fault, (count, first_line))| (fault, LeftOut { count, first_line })).collect(),
        }),
    ))
}
