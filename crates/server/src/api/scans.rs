//! Scans of place codes: one or up to a hundred, acknowledged when they are committed, each once under its key.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, header, request::Parts},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sizao_app::{
    Refusal,
    authorization::Action,
    identity::Actor,
    ledger::{CheckIn, StayReceipt},
};
use sizao_model::Instant;
use tokio::time::{Duration, Instant as Stopwatch};

use super::{
    Operation, Told, op,
    read::Body,
    wire::{Anything, Division},
};
use crate::{context::Asked, failure::Failure, routes::Who::May, state::Shared};

/// Who sends with a token is looked up again after so long; a token that was ended may send until then.
const REMEMBERED: Duration = Duration::from_secs(2);
/// Tokens remembered.
const TOKENS_MAX: usize = 10_000;

const EXAMPLE: &str =
    r#"{"scans": [{"key": "gate-7/1042", "person": "visitor-5501", "code": "SZ1.2a.1a2b3c4.00112233445566778899"}]}"#;

pub(super) const OPERATIONS: &[Operation] = &[op!(post "/scans" May(Action::SendScans) => send_scans)
    .says("sendScans", "Scans of place codes into the ledger")
    .more(
        "Up to 100 scans, each with a `key` of your own: the same key is the same scan, however often it is sent. The answer comes when all of them are committed. `person` is your name for the person. With `leaves`, the key of the coming, a scan says that the person left. A code that the place did not show then, or a person who was in another city a moment before, is taken, flagged, and looked at by nobody who seeks contacts. Nothing is stored and 403 is answered without a mandate for movement. A scan changes nobody's status.",
    )
    .takes::<Scans>(EXAMPLE)
    .gives::<Receipts>(200)];

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Scans {
    #[schemars(length(min = 1, max = 100))]
    scans: Vec<Scan>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Scan {
    /// Your key of the scan, 1 to 64 characters.
    key: String,
    /// Your name of the person, 1 to 64 characters.
    person: String,
    /// What was scanned: the code, or an address that ends with it.
    code: String,
    /// When, if not now.
    #[serde(default)]
    at: Option<String>,
    /// Where the device believes to be; compared and not kept.
    #[serde(default)]
    near: Option<Division>,
    /// The person leaves: key of the coming.
    #[serde(default)]
    leaves: Option<String>,
    /// Row, carriage, compartment, cabin, zone, class; role "crew".
    #[serde(default)]
    seat: Option<Seat>,
}

/// Seat, carriage, class.
#[derive(Deserialize, JsonSchema)]
#[schemars(with = "Anything")]
#[serde(transparent)]
struct Seat(serde_json::Map<String, serde_json::Value>);

#[derive(Serialize, JsonSchema)]
struct Receipts {
    scans: Vec<Receipt>,
}

#[derive(Serialize, JsonSchema)]
struct Receipt {
    key: String,
    /// `stored`, `repeat` (it was there before), `refused`.
    state: &'static str,
    /// What is implausible: `stale`, `far`.
    flags: Vec<&'static str>,
    /// Why it was refused, and what to do.
    reason: Option<&'static str>,
}

/// Who sends, remembered for a moment: at thousands of scans a second each look at the store counts.
pub(crate) struct Sender(Actor);

impl FromRequestParts<Arc<Shared>> for Sender {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Failure> {
        let asked = parts.extensions.get::<Asked>().cloned().ok_or(Refusal::SignedOut)?;
        let text = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = text.and_then(|text| text.split_once(' ')).ok_or(Refusal::SignedOut)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::SignedOut.into());
        }
        let word = sizao_app::digest(&[token.trim().as_bytes()]);
        {
            let known = shared.senders.lock().expect("no thread panics with it");
            if let Some((actor, _)) = known.get(&word).filter(|(_, at)| at.elapsed() < REMEMBERED) {
                return Ok(Self(Actor { request: asked.request, ..actor.clone() }));
            }
        }
        let actor = shared.app.actor_of_token(token.trim(), &asked.request, shared.now()).await?;
        let mut known = shared.senders.lock().expect("no thread panics with it");
        if known.len() > TOKENS_MAX {
            known.clear();
        }
        known.insert(word, (actor.clone(), Stopwatch::now()));
        Ok(Self(actor))
    }
}

async fn send_scans(
    State(shared): State<Arc<Shared>>,
    Sender(actor): Sender,
    Body(sent): Body<Scans>,
) -> Told<Receipts> {
    let mut scans = Vec::with_capacity(sent.scans.len());
    for scan in sent.scans {
        let unread = || Failure::told(StatusCode::UNPROCESSABLE_ENTITY, "`at` is a moment: 2022-03-17T09:30:00+08:00.");
        let at = scan.at.as_deref().map(Instant::parse).transpose().map_err(|_| unread())?;
        scans.push(CheckIn {
            key: scan.key,
            person: scan.person,
            code: scan.code,
            at,
            near: scan.near.map(|near| near.0),
            leaves: scan.leaves,
            seat: scan.seat.map(|seat| seat.0.into()),
        });
    }
    let receipts = shared.app.check_in(&actor, scans).await?.into_iter().map(|one| {
        let (state, flags, reason) = match one.receipt {
            StayReceipt::Stored(flags) => ("stored", flags.iter().map(|flag| flag.name()).collect(), None),
            StayReceipt::Repeat => ("repeat", Vec::new(), None),
            StayReceipt::Refused(refusal) => ("refused", Vec::new(), Some(refusal.told())),
        };
        Receipt { key: one.key, state, flags, reason }
    });
    Ok((StatusCode::OK, Json(Receipts { scans: receipts.collect() })))
}
