//! The node itself: alive, ready, counters, and what its operator sees. No people.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{ConnectInfo, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use sizao_app::authorization::{Action, Purpose, can};
use sizao_model::Instant;

use super::{Answer, page};
use crate::{
    context::Ctx,
    doors::Peer,
    failure::Failure,
    state::Shared,
    view::{Chrome, number},
};

/// Alive: the process answers.
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// Ready: the store answers and the jobs run.
pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let store = shared.app.store().size().await.is_ok();
    if store && jobs_run(&shared) {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
    }
}

/// Whether jobs ended a round lately, in whichever process, or the node has only begun.
fn jobs_run(shared: &Shared) -> bool {
    shared.jobs.is_fine(shared.now())
}

/// Counters for Prometheus; only for the same machine.
pub(crate) async fn metrics(
    peer: Option<axum::Extension<ConnectInfo<Peer>>>,
    State(shared): State<Arc<Shared>>,
) -> Result<Response, Failure> {
    if peer.is_some_and(|peer| !peer.0.0.0.ip().is_loopback()) {
        return Err(Failure::status(StatusCode::NOT_FOUND));
    }
    let size = shared.app.store().size().await.map_err(sizao_app::AppError::from)?;
    let read = shared.app.store().course_watermark().await.map_err(sizao_app::AppError::from)?;
    let more = [
        ("sizao_log_facts", "gauge", size as f64),
        ("sizao_courses_behind_facts", "gauge", size.saturating_sub(read) as f64),
        ("sizao_clock_apart_seconds", "gauge", shared.clock.figures().0),
        ("sizao_clock_set_total", "counter", shared.clock.figures().1),
        ("sizao_jobs_fine", "gauge", f64::from(u8::from(jobs_run(&shared)))),
        ("sizao_jobs_age_seconds", "gauge", shared.jobs.age(shared.now()) as f64),
    ];
    let kind = [(axum::http::header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((kind, shared.metrics.text(&more)).into_response())
}

#[derive(Template)]
#[template(path = "operation.html")]
struct OperationPage {
    c: Chrome,
    facts: String,
    behind: String,
    jobs_run: bool,
    clock_wrong: Option<i64>,
    jobs_at: Option<Instant>,
    settings: Vec<(&'static str, String)>,
    place: String,
    kind: &'static str,
    version: &'static str,
    now: Instant,
}

/// State of the machine, for its operator.
pub(crate) async fn operation(ctx: Ctx) -> Answer {
    can(&ctx.actor, Action::ViewOperation, ctx.actor.division, Purpose::Operation)?;
    let store = ctx.app().store();
    let size = store.size().await.map_err(sizao_app::AppError::from)?;
    let read = store.course_watermark().await.map_err(sizao_app::AppError::from)?;
    page(&OperationPage {
        c: Chrome::of(&ctx),
        facts: number(&size),
        behind: number(&size.saturating_sub(read)),
        jobs_run: jobs_run(&ctx.shared),
        clock_wrong: ctx.shared.clock.wrong_by(),
        jobs_at: ctx.shared.jobs.last(),
        settings: store.durability_settings().await.map_err(sizao_app::AppError::from)?,
        place: store.place().shown(),
        kind: store.kind().name(),
        version: env!("CARGO_PKG_VERSION"),
        now: ctx.wall(),
    })
}
