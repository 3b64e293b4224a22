//! What is around every request: its id, its time, strict headers, a place in the queue, and the form of its failures.

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tokio::time::Instant as Stopwatch;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use crate::{
    context::Asked,
    failure::Failure,
    slow::{self, GivenUp},
    state::Shared,
};

/// Only what we serve ourselves; no inline script or style, no frame, no other site.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn around(routes: Router<Arc<Shared>>, shared: Arc<Shared>) -> Router {
    let panics = shared.clone();
    let caught = CatchPanicLayer::custom(move |_: Box<dyn std::any::Any + Send>| {
        panics.metrics.panics.fetch_add(1, Ordering::Relaxed);
        tracing::error!("A request met a fault of the program");
        Failure::status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
    });
    routes
        .fallback(|| async { Failure::status(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { Failure::status(StatusCode::METHOD_NOT_ALLOWED) })
        .layer(caught)
        .layer(middleware::from_fn_with_state(shared.clone(), dress))
        .layer(CompressionLayer::new().gzip(true))
        .with_state(shared)
}

async fn dress(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let began = Stopwatch::now();
    let id = sizao_app::new_id(shared.now()).to_string();
    let asked = Asked::of(request.method(), request.uri(), request.headers(), id);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(asked.clone());
    let is_foreign = is_unsafe(&method) && comes_from_elsewhere(request.headers());
    let mut response = if is_foreign {
        Failure::status(StatusCode::FORBIDDEN).into_response()
    } else {
        // Writes wait for their turn; readings give way at once.
        let turn = if is_unsafe(&method) { shared.turns.acquire().await.ok() } else { shared.turns.try_acquire().ok() };
        match turn {
            Some(_turn) => {
                let (grace, given_up) = (shared.settings.slowest_body, GivenUp::default());
                let response = next.run(request.map(|body| slow::bounded(body, grace, given_up.clone()))).await;
                if given_up.is_so() { Failure::status(StatusCode::REQUEST_TIMEOUT).into_response() } else { response }
            }
            None => {
                shared.metrics.shed.fetch_add(1, Ordering::Relaxed);
                Failure::status(StatusCode::SERVICE_UNAVAILABLE).into_response()
            }
        }
    };
    if let Some(failure) = failure_of(&mut response, &path) {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = failure.answer(&asked);
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    if response.status() == StatusCode::UNAUTHORIZED && path.starts_with("/api/") {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    harden(response.headers_mut(), &asked.request);
    let (status, took) = (response.status().as_u16(), began.elapsed());
    shared.metrics.answered(status, took);
    // The path may hold an id of a person, never a name; a one-time link is not shown; the query may hold what was searched for and is left out.
    let path = match path.as_str() {
        secret if secret.starts_with("/setup/") => "/setup/***",
        secret if secret.starts_with("/my/") => "/my/***",
        secret if secret.starts_with("/arrive/") => "/arrive/***",
        path => path,
    };
    tracing::info!(request.id = %asked.request, %method, path, status, took_ms = took.as_millis() as u64, "{method} {path} {status}");
    response
}

/// Why a request failed, as handlers say it; what the router itself refuses is put into the same form.
fn failure_of(response: &mut Response, path: &str) -> Option<Failure> {
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        return Some(failure);
    }
    let status = response.status();
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let is_plain = (status.is_client_error() || status.is_server_error()) && !is_page && path != "/readyz";
    is_plain.then(|| Failure::status(status))
}

fn harden(headers: &mut HeaderMap, request: &str) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let nothing = HeaderValue::from_static("camera=(), geolocation=(), microphone=()");
    headers.entry("permissions-policy").or_insert(nothing);
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    // Pages about people stay in no cache, and the back button shows none after signing out.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(request) {
        headers.insert("x-request-id", value);
    }
}

fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a browser says that another site's page sends this.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return true;
    }
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, from)| from != host),
        (Some(_), None) => true,
        (None, _) => false,
    }
}
