//! Facts in: lines of JSON or a list, once for each idempotency key, under mandates.

use axum::{
    Json,
    extract::{FromRequest, Request, State},
    http::StatusCode,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sizao_app::{
    authorization::Action,
    facts_intake::{BATCH_BYTES_MAX, BatchAnswer, FactBatch},
};
use std::sync::Arc;

use super::{
    Operation, Told, op,
    read::{Raw, idempotency_key, parsed},
    wire::Key,
};
use crate::{context::Ctx, failure::Failure, routes::Who::May, state::Shared};

/// Most facts in one batch that is sent as a list.
const LIST_MAX: usize = 10_000;

const EXAMPLE: &str = r#"[{"id":"result-77","kind":"sample","person":"patient-12","division":"410102","happened":{"at":"2022-03-16T09:30:00+08:00"},"body":{"method":"nucleic"}}]"#;
const EXAMPLE_LINES: &str = concat!(
    r#"{"id":"result-78","kind":"sample","person":"patient-12","division":"410102","happened":{"day":"2022-03-16"},"body":{"method":"nucleic"}}"#,
    "\n"
);

pub(super) const OPERATIONS: &[Operation] = &[op!(post "/facts" May(Action::Import) => send)
    .says("sendFacts", "Put facts on record")
    .more(
        "A list of facts, or one fact a line (application/x-ndjson, up to 8 MiB). Good facts go in, durably, before the answer is given; the others are handed back with the reason. Nothing is stored and 403 is answered when a kind of fact among them is covered by no mandate in force. The same batch under the same Idempotency-Key gets the first answer again; another batch under that key gets 409. `id` and `person` are your unit's own names for the fact and the person. Without `division` your unit's counts. The kinds and their bodies are those of `sizao import facts.ndjson` (docs/imports.md).",
    )
    .takes::<FactList>(EXAMPLE)
    .or_takes::<FactLines>("application/x-ndjson", EXAMPLE_LINES)
    .once_by_key()
    .up_to(BATCH_BYTES_MAX)
    .gives::<Batch>(200)];

/// Facts, each an object: id, kind, person, division, happened, body.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[expect(dead_code, reason = "only its schema is used: what is wrong with one fact costs that fact")]
struct FactList(#[schemars(length(min = 1, max = 10_000))] Vec<FactObject>);

/// `{"id": your name of the fact, "kind": "sample", "person": your name of the person, "division": "410102",
/// "happened": {"at": …} or {"day": …} or {"from": …, "to": …}, "body": {…}}`
#[derive(JsonSchema)]
struct FactObject {}

/// One fact a line, each an object as in the list.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[expect(dead_code, reason = "only its schema is used")]
struct FactLines(String);

/// What became of a batch.
#[derive(Serialize, JsonSchema)]
struct Batch {
    /// Facts that are in.
    accepted: u64,
    /// Facts handed back.
    rejected: u64,
    /// Those that are in.
    facts: Vec<Taken>,
    /// The first thousand that were handed back.
    refused: Vec<HandedBack>,
}

#[derive(Serialize, JsonSchema)]
struct Taken {
    /// Place in the batch, counted from 1.
    line: u64,
    /// Its id in the log.
    fact: Key,
    /// Stored by this request; otherwise it was there before.
    stored: bool,
}

#[derive(Serialize, JsonSchema)]
struct HandedBack {
    /// Place in the batch, counted from 1.
    line: u64,
    /// The rule that is broken, and what to do.
    reason: String,
}

impl From<BatchAnswer> for Batch {
    fn from(answer: BatchAnswer) -> Self {
        let taken =
            answer.facts.into_iter().map(|one| Taken { line: one.line, fact: Key(one.fact), stored: one.stored });
        let refused = answer.refused.into_iter().map(|one| HandedBack { line: one.line, reason: one.reason });
        Self {
            accepted: answer.accepted,
            rejected: answer.rejected,
            facts: taken.collect(),
            refused: refused.collect(),
        }
    }
}

async fn send(ctx: Ctx, State(shared): State<Arc<Shared>>, request: Request) -> Told<Batch> {
    let headers = request.headers().clone();
    let Raw(media, bytes) = Raw::from_request(request, &shared).await?;
    let lines = match media.as_str() {
        "application/x-ndjson" => bytes.to_vec(),
        "application/json" => lines_of(&bytes)?,
        _ => {
            let told = "Send application/json or application/x-ndjson.";
            return Err(Failure::told(StatusCode::UNSUPPORTED_MEDIA_TYPE, told));
        }
    };
    let batch = FactBatch::new(&ctx.actor, &idempotency_key(&headers)?, lines)?;
    let answer = ctx.app().take_facts(&ctx.actor, batch, ctx.wall()).await?;
    Ok((StatusCode::OK, Json(answer.into())))
}

/// A list as lines: line breaks between the words of an object mean nothing.
fn lines_of(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let unfit = |told: &str| Failure::told(StatusCode::UNPROCESSABLE_ENTITY, told);
    let list: Vec<&RawValue> = parsed(bytes)?;
    if list.is_empty() || list.len() > LIST_MAX {
        return Err(unfit("A list of 1 to 10,000 facts is expected; send more as application/x-ndjson."));
    }
    let mut lines = Vec::with_capacity(bytes.len() + list.len());
    for fact in list {
        if !fact.get().starts_with('{') {
            return Err(unfit("Each fact of the list is an object."));
        }
        lines.extend(fact.get().bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }));
        lines.push(b'\n');
    }
    Ok(lines)
}
