//! Style, script and mark: served by us, under an address that changes with their content.

use std::sync::OnceLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::failure::Failure;

const FILES: &[(&str, &str, &[u8])] = &[
    ("app.css", "text/css; charset=utf-8", include_bytes!("../assets/app.css")),
    ("app.js", "text/javascript; charset=utf-8", include_bytes!("../assets/app.js")),
    ("outbox.js", "text/javascript; charset=utf-8", include_bytes!("../assets/outbox.js")),
    ("tracing.js", "text/javascript; charset=utf-8", include_bytes!("../assets/tracing.js")),
    ("sampling.js", "text/javascript; charset=utf-8", include_bytes!("../assets/sampling.js")),
    ("lab.js", "text/javascript; charset=utf-8", include_bytes!("../assets/lab.js")),
    ("checkpoint.js", "text/javascript; charset=utf-8", include_bytes!("../assets/checkpoint.js")),
    ("icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
];

/// A word that changes when any of the files does.
pub(crate) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let parts: Vec<&[u8]> = FILES.iter().map(|(_, _, bytes)| *bytes).collect();
        sizao_app::digest(&parts)[..12].to_owned()
    })
}

/// A file. An old word gives the present file, but nobody keeps it.
pub(crate) async fn file(Path((word, name)): Path<(String, String)>) -> Result<Response, Failure> {
    let (_, kind, bytes) =
        FILES.iter().find(|(file, ..)| *file == name).ok_or(Failure::status(StatusCode::NOT_FOUND))?;
    let keep = if word == version() { "public, max-age=31536000, immutable" } else { "no-cache" };
    Ok(([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, keep)], *bytes).into_response())
}

/// The worker that keeps pages readable without a network; it has to lie at the top to reach every page.
pub(crate) async fn service_worker() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (kind, include_bytes!("../assets/sw.js").as_slice()).into_response()
}
