//! Forms: fields by name, and the word that shows that our own page sent them.

use axum::{
    Form,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use std::sync::Arc;

use crate::{context::Ctx, failure::Failure, state::Shared};

/// Fields of a form; a field that is missing reads as empty, of one sent twice the first counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Every value of a field that may be sent several times.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).to_owned()
    }
}

/// A form of nobody in particular: sign-in and set-up.
pub(crate) struct Open(pub(crate) Fields);

impl FromRequest<Arc<Shared>> for Open {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Failure> {
        let form = Form::<Vec<(String, String)>>::from_request(request, shared).await;
        form.map(|Form(fields)| Self(Fields(fields))).map_err(|rejection| Failure::status(readable(rejection.status())))
    }
}

/// A form of somebody who is signed in, sent by our own page.
pub(crate) struct Sent(pub(crate) Ctx, pub(crate) Fields);

impl FromRequest<Arc<Shared>> for Sent {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Failure> {
        use axum::extract::FromRequestParts;
        let (mut parts, body) = request.into_parts();
        let ctx = Ctx::from_request_parts(&mut parts, shared).await?;
        let Open(fields) = Open::from_request(Request::from_parts(parts, body), shared).await?;
        check_word(&ctx, fields.get("csrf"))?;
        Ok(Self(ctx, fields))
    }
}

/// Refuses what another site's page sends in the name of whoever is signed in.
pub(crate) fn check_word(ctx: &Ctx, sent: &str) -> Result<(), Failure> {
    let differs =
        sent.bytes().zip(ctx.csrf.bytes()).fold(sent.len() ^ ctx.csrf.len(), |d, (a, b)| d | usize::from(a ^ b));
    if differs == 0 { Ok(()) } else { Err(Failure::status(StatusCode::FORBIDDEN)) }
}

/// What a browser or program did wrong is told as such, never as our failure.
pub(crate) fn readable(status: StatusCode) -> StatusCode {
    if status.is_server_error() { StatusCode::BAD_REQUEST } else { status }
}
