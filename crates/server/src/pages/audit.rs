//! For the auditor: who looked at whom and why, the log verified, proofs to take away.

use askama::Template;
use axum::{
    Json,
    extract::{Path, Query},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use sizao_app::{
    audit::{Head, PastVerification, Verified},
    break_glass::GlassLine,
};
use uuid::Uuid;

use super::{Answer, page};
use crate::{
    context::Ctx,
    failure::Failure,
    form::Sent,
    view::{Chrome, number},
};

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    c: Chrome,
    head: Head,
    size: String,
    verified: Option<Verified>,
    last: Option<PastVerification>,
    glasses: Vec<Glass>,
    lines: Vec<Line>,
    next: Option<i64>,
}

struct Glass {
    at: String,
    until: String,
    who: String,
    person: String,
    reason: String,
}

struct Line {
    at: String,
    who: String,
    unit: String,
    action: String,
    purpose: String,
    person: Option<String>,
    reason: String,
    opened: bool,
}

/// The record of readings and the head of the log.
pub(crate) async fn show(ctx: Ctx, Query(query): Query<Before>) -> Answer {
    shown(&ctx, query.before, None).await
}

/// Verifies the whole log and says what it found.
pub(crate) async fn verify(Sent(ctx, _): Sent) -> Answer {
    let _turn = ctx.shared.verifying.acquire().await.map_err(|_| sizao_app::Refusal::Busy)?;
    let verified = ctx.app().verify_log(&ctx.actor, ctx.wall()).await?;
    shown(&ctx, None, Some(verified)).await
}

/// The proof that a fact is in the log, as an outsider checks it with `docs/verify.py`.
pub(crate) async fn proof(ctx: Ctx, Path(id): Path<Uuid>) -> Result<Response, Failure> {
    let proof = ctx.app().prove_fact(&ctx.actor, sizao_model::FactId::new(id)).await?;
    let named = [(axum::http::header::CONTENT_DISPOSITION, format!("attachment; filename=\"proof-{id}.json\""))];
    Ok((StatusCode::OK, named, Json(proof)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    fact: String,
}

/// The same, by a form: the proof of the fact whose id was typed.
pub(crate) async fn proof_of(ctx: Ctx, Query(which): Query<Which>) -> Result<Response, Failure> {
    let id = Uuid::try_parse(which.fact.trim()).map_or(Uuid::nil(), |id| id);
    proof(ctx, Path(id)).await
}

/// The signed head, to be kept by a witness.
pub(crate) async fn checkpoint(ctx: Ctx) -> Result<Response, Failure> {
    let head = ctx.app().checkpoint(&ctx.actor).await?;
    let named = [(axum::http::header::CONTENT_DISPOSITION, "attachment; filename=\"checkpoint.json\"")];
    Ok((StatusCode::OK, named, Json(head)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Since {
    #[serde(default)]
    since: String,
}

/// The proof that the log begins with an earlier one.
pub(crate) async fn consistency(ctx: Ctx, Query(which): Query<Since>) -> Result<Response, Failure> {
    let since = which.since.trim().parse().unwrap_or(u64::MAX);
    let proof = ctx.app().prove_since(&ctx.actor, since).await?;
    let named = [(axum::http::header::CONTENT_DISPOSITION, format!("attachment; filename=\"since-{since}.json\""))];
    Ok((StatusCode::OK, named, Json(proof)).into_response())
}

async fn shown(ctx: &Ctx, before: Option<i64>, verified: Option<Verified>) -> Answer {
    let lines = ctx.app().list_accesses(&ctx.actor, before).await?;
    // What the node found by itself is shown until it is mended.
    let found = ctx.shared.found.lock().expect("no thread panics with it").clone().filter(|found| !found.sound);
    let verified = verified.or(found);
    let head = ctx.app().log_head(&ctx.actor).await?;
    let last = ctx.app().last_verification(&ctx.actor).await?;
    let c = Chrome::of(ctx);
    let glass = |GlassLine { glass, who }: GlassLine| Glass {
        at: c.at(&glass.begun_at),
        until: c.at(&glass.ends_at),
        who,
        person: sizao_app::people::number(glass.person),
        reason: glass.reason,
    };
    let glasses = ctx.app().list_glasses(&ctx.actor).await?.into_iter().map(glass).collect();
    let next = if lines.len() < 100 { None } else { lines.last().map(|line| line.no) };
    let lines = lines.into_iter().map(|line| Line {
        at: c.at(&line.record.at),
        who: line.who,
        unit: line.unit_name,
        action: c.word("action", &line.record.action),
        purpose: c.word("purpose", &line.record.purpose),
        person: line.record.person.map(sizao_app::people::number),
        opened: matches!(line.record.action.as_str(), "open-identity" | "break-glass"),
        reason: line.record.reason,
    });
    let lines = lines.collect();
    page(&AuditPage { c, size: number(&head.size), head, verified, last, glasses, lines, next })
}
