//! What a handler knows of its request: who asks, in which language, and the word that its forms have to carry.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, Method, header, request::Parts},
};
use sizao_app::{
    App, Refusal,
    authorization::{Action, usual_purpose},
    identity::Actor,
};
use sizao_model::Instant;

use crate::{failure::Failure, lang::Lang, state::Shared};

/// Name of the session's cookie.
pub(crate) const SESSION: &str = "sizao_session";
/// Name of the language's cookie.
pub(crate) const LANGUAGE: &str = "sizao_language";

/// What is known of every request, before anybody is asked who it is.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Id of the request, in answers, logs and the record of who looked.
    pub(crate) request: String,
    /// Language of the answer.
    pub(crate) lang: Lang,
    /// Whether a program asks.
    pub(crate) json: bool,
    /// Whether a browser wants to show a page: it may be sent to sign in.
    pub(crate) is_page_read: bool,
    /// Path and query.
    pub(crate) address: String,
}

impl Asked {
    pub(crate) fn of(method: &Method, uri: &axum::http::Uri, headers: &HeaderMap, request: String) -> Self {
        let lang = cookie(headers, LANGUAGE).map(Lang::parse).unwrap_or_else(|| {
            headers
                .get(header::ACCEPT_LANGUAGE)
                .and_then(|value| value.to_str().ok())
                .map(Lang::parse)
                .unwrap_or_default()
        });
        let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let json = uri.path().starts_with("/api/") || accepts.starts_with("application/json");
        let address = uri.path_and_query().map_or("/", |whole| whole.as_str()).to_owned();
        Self { request, lang, json, is_page_read: !json && method == Method::GET, address }
    }
}

/// The request of somebody who is signed in.
pub(crate) struct Ctx {
    pub(crate) shared: Arc<Shared>,
    pub(crate) asked: Asked,
    pub(crate) actor: Actor,
    /// What every form of this session carries.
    pub(crate) csrf: String,
}

impl Ctx {
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.shared.app
    }

    /// By the clock on the wall.
    pub(crate) fn wall(&self) -> Instant {
        self.shared.now()
    }
}

impl FromRequestParts<Arc<Shared>> for Ctx {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Failure> {
        let asked = parts.extensions.get::<Asked>().cloned().ok_or(Refusal::SignedOut)?;
        // Programs show a token that they were given; what a browser sends by itself counts for nothing there.
        if parts.uri.path().starts_with("/api/") {
            let token = bearer(&parts.headers).ok_or(Refusal::SignedOut)?;
            let actor = shared.app.actor_of_token(token, &asked.request, shared.now()).await?;
            may(parts, &actor)?;
            return Ok(Self { shared: shared.clone(), asked, actor, csrf: String::new() });
        }
        let token = cookie(&parts.headers, SESSION).ok_or(Refusal::SignedOut)?.to_owned();
        let actor = shared.app.actor(&token, &asked.request, shared.now()).await?;
        may(parts, &actor)?;
        let csrf = sizao_app::accounts::form_word(&token);
        Ok(Self { shared: shared.clone(), asked, actor, csrf })
    }
}

impl OptionalFromRequestParts<Arc<Shared>> for Ctx {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Option<Self>, Failure> {
        match <Self as FromRequestParts<Arc<Shared>>>::from_request_parts(parts, shared).await {
            Ok(ctx) => Ok(Some(ctx)),
            Err(failure) if failure.refusal == Some(Refusal::SignedOut) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// What the path that was asked for needs, put beside the request by the router.
#[derive(Clone, Copy)]
pub(crate) struct Needs(pub(crate) Action);

/// Whose role has no right to a path is told so before anything else of the request is looked at.
fn may(parts: &Parts, actor: &Actor) -> Result<(), Failure> {
    if let Some(Needs(action)) = parts.extensions.get::<Needs>() {
        usual_purpose(actor, *action)?;
    }
    Ok(())
}

/// The token of a program.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The value of a cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}
