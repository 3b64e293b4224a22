//! The node's side of the outbox on a device: the key that it sends, and the receipt that it waits for.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use sizao_app::Refusal;
use sizao_model::{FactId, Instant};
use uuid::Uuid;

use crate::{context::Asked, form::Fields, pages::on_to};

/// The longest time for which an entry may wait on a device, in days; what is older has to be entered again by hand.
const AGE_DAYS_MAX: i64 = 14;
/// How far a device's clock may be ahead, in minutes.
const AHEAD_MINUTES_MAX: i64 = 5;

/// What a form of an outbox says beside its own fields.
pub(crate) struct Entry {
    /// The device's key of this entry: the same key is the same fact. A form without script gets one here.
    pub(crate) key: String,
    /// When it was entered, by the device's clock; now for a form without script.
    pub(crate) entered_at: Instant,
}

impl Entry {
    /// Reads them.
    ///
    /// # Errors
    /// [`Refusal::Field`] for a key that is none, or a time too old or ahead.
    pub(crate) fn of(fields: &Fields, now: Instant) -> Result<Self, Refusal> {
        let key = match fields.get("client_key") {
            "" => sizao_app::new_id(now).to_string(),
            text => Uuid::try_parse(text).map_err(|_| Refusal::field("client_key", "client-key"))?.to_string(),
        };
        let entered_at = match fields.get("entered_at") {
            "" => now,
            text => Instant::parse(text).map_err(|_| Refusal::field("entered_at", "entered-at"))?,
        };
        if entered_at > now.plus_minutes(AHEAD_MINUTES_MAX) || entered_at < now.plus_hours(-24 * AGE_DAYS_MAX) {
            return Err(Refusal::field("entered_at", "entered-at"));
        }
        Ok(Self { key, entered_at: entered_at.min(now) })
    }
}

/// The receipt of an entry for a device, or on to a page for a form without script.
pub(crate) fn received(asked: &Asked, fact: FactId, page: &str) -> Response {
    if !asked.json {
        return on_to(page).unwrap_or_else(IntoResponse::into_response);
    }
    let mut response = Json(json!({ "receipt": fact.uuid().to_string() })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page that the device keeps for reading without a network.
pub(crate) fn kept(mut response: Response) -> Response {
    response.headers_mut().insert("x-offline", HeaderValue::from_static("keep"));
    response
}
