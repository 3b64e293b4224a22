//! What programs send, read strictly: unknown fields, other types and other media are refused with the place.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use sizao_app::Refusal;
use uuid::Uuid;

use crate::{failure::Failure, form::readable, state::Shared};

/// A body of JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Failure> {
        if media(request.headers()) != "application/json" {
            return Err(Failure::told(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send application/json."));
        }
        let bytes = Bytes::from_request(request, shared).await.map_err(unread)?;
        parsed(&bytes).map(Self)
    }
}

/// Bytes of a body with its media type.
pub(crate) struct Raw(pub(crate) String, pub(crate) Bytes);

impl FromRequest<Arc<Shared>> for Raw {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Failure> {
        let media = media(request.headers());
        let bytes = Bytes::from_request(request, shared).await.map_err(unread)?;
        Ok(Self(media, bytes))
    }
}

/// The media type of a body, without its parameters.
fn media(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn unread(rejection: BytesRejection) -> Failure {
    Failure::status(readable(rejection.status()))
}

/// JSON read as a value, or what is wrong with it and where. 400: it is no JSON; 422: it is, and something else.
pub(crate) fn parsed<'b, T: serde::Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let status = if error.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        Failure::told(status, &format!("The body cannot be read: {error}."))
    })
}

/// The query, without anything beside what is described.
pub(crate) struct Asks<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Shared>> for Asks<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Failure> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, shared).await;
        query.map(|query| Self(query.0)).map_err(|rejection| {
            Failure::told(StatusCode::BAD_REQUEST, &format!("The query cannot be read: {}.", rejection.body_text()))
        })
    }
}

/// The id in a path.
pub(crate) struct Id(pub(crate) Uuid);

impl FromRequestParts<Arc<Shared>> for Id {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Failure> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, shared).await;
        let text = path.map_err(|_| Failure::status(StatusCode::BAD_REQUEST))?.0;
        // Other spellings of an id name nothing here.
        let id = Uuid::try_parse(&text).ok().filter(|_| text.len() == 36);
        id.map(Self).ok_or(Refusal::NotFound.into())
    }
}

/// The key under which a request counts once.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<String, Failure> {
    let mut sent = headers.get_all("idempotency-key").iter();
    let key = sent.next().and_then(|value| value.to_str().ok());
    match (key, sent.next()) {
        (Some(key), None) => Ok(key.to_owned()),
        (None, _) => Err(Failure::told(
            StatusCode::BAD_REQUEST,
            "Give the header Idempotency-Key: a word of your own for this batch, 1 to 64 visible ASCII characters.",
        )),
        (Some(_), Some(_)) => Err(Failure::told(StatusCode::BAD_REQUEST, "Give the header Idempotency-Key once.")),
    }
}
