//! The page of a laboratory: a scan box that never loses the focus, what is late, results, messages to be mended.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json,
    extract::{FromRequest, Multipart, Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use sizao_app::{
    AppError, Refusal,
    authorization::{Action, Purpose, can},
    laboratory::{LabBoard, LabMessageRecord, ResultEntry, ResultsFile, ScanForm, TubeRecord, outcome_name},
};
use sizao_model::fact::Outcome;
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page, page_with, wrong};
use crate::{
    context::Ctx,
    failure::Failure,
    form::{Sent, check_word, readable},
    lang,
    state::Shared,
    view::{Chrome, refusal_text},
};

/// Largest body with a table of results.
pub(crate) const BODY_BYTES_MAX: usize = sizao_app::intake::FILE_BYTES_MAX + (1 << 20);
/// Outcomes that can be entered by hand.
const OUTCOMES: [Outcome; 4] = [Outcome::Negative, Outcome::Positive, Outcome::GreyZone, Outcome::Invalid];

#[derive(Template)]
#[template(path = "lab.html")]
struct LabPage {
    c: Chrome,
    board: LabBoard,
    file: Option<ResultsFile>,
    wrong: Option<Wrong>,
    taken: Option<String>,
}

impl LabPage {
    fn outcomes(&self) -> Vec<&'static str> {
        OUTCOMES.map(outcome_name).into()
    }

    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn report(&self, report: &ResultsFile) -> String {
        let (taken, back) = (report.accepted.to_string(), report.rejected.to_string());
        self.c.t2("lab-file-report", ("taken", &taken), ("back", &back))
    }

    /// Hours and minutes.
    fn span(&self, minutes: &i64) -> String {
        span(&self.c, *minutes)
    }

    fn received(&self, tube: &TubeRecord) -> String {
        tube.received_at.map_or_else(String::new, |at| self.c.at(&at))
    }

    fn late(&self) -> usize {
        self.board.late.iter().filter(|tube| tube.minutes_left < 0).count()
    }
}

/// `3 h 20 min`, without a sign.
pub(super) fn span(c: &Chrome, minutes: i64) -> String {
    let minutes = minutes.abs();
    c.t2("lab-span", ("h", &(minutes / 60).to_string()), ("m", &(minutes % 60).to_string()))
}

#[derive(Template)]
#[template(path = "lab_message.html")]
struct MessagePage {
    c: Chrome,
    message: LabMessageRecord,
    text: String,
    problems: Vec<String>,
}

/// The page.
pub(crate) async fn show(ctx: Ctx) -> Answer {
    shown(&ctx, StatusCode::OK, None, None, None).await
}

async fn shown(
    ctx: &Ctx,
    status: StatusCode,
    file: Option<ResultsFile>,
    wrong: Option<Wrong>,
    taken: Option<String>,
) -> Answer {
    let board = ctx.app().lab_board(&ctx.actor).await?;
    page_with(status, &LabPage { c: Chrome::of(ctx), board, file, wrong, taken })
}

/// A tube is scanned in. A script gets the line to show; a form without script comes back to the page.
pub(crate) async fn scan(Sent(ctx, fields): Sent) -> Result<Response, Failure> {
    let form = ScanForm {
        step: "receive".to_owned(),
        barcode: fields.text("barcode"),
        container: fields.text("container"),
        ..ScanForm::default()
    };
    let answers = ctx.app().scan(&ctx.actor, &[form], true).await?;
    let answer = answers.into_iter().next().ok_or(Failure::status(StatusCode::BAD_REQUEST))?;
    let scanned = match answer {
        Ok(scanned) => scanned,
        Err(refusal) if ctx.asked.json => return Err(refusal.into()),
        Err(refusal) => {
            let wrong = wrong(AppError::Refused(refusal), ctx.asked.lang)?;
            return shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, None, Some(wrong), None).await;
        }
    };
    if !ctx.asked.json {
        return on_to("/lab");
    }
    let c = Chrome::of(&ctx);
    let told = if scanned.repeated { c.t("lab-scan-repeat") } else { c.t("lab-scan-in") };
    let swabs = c.n("lab-swabs", u64::from(scanned.tube.swabs));
    Ok(Json(json!({"barcode": scanned.tube.barcode, "told": told, "swabs": swabs, "at": c.at(&ctx.app().now())}))
        .into_response())
}

/// One result by hand.
pub(crate) async fn result(Sent(ctx, fields): Sent) -> Answer {
    can(&ctx.actor, Action::RunLab, ctx.actor.division, Purpose::Reporting)?;
    let outcome = OUTCOMES.into_iter().find(|outcome| outcome_name(*outcome) == fields.get("outcome"));
    let Some(outcome) = outcome else { return refused(&ctx, Refusal::field("outcome", "choose")).await };
    let entry = ResultEntry {
        barcode: fields.text("barcode"),
        outcome,
        at: None,
        corrects: fields.get("corrects") == "yes",
        message: sizao_app::new_id(ctx.wall()).to_string(),
    };
    let answers = ctx.app().take_results(&ctx.actor, &[entry], false, sizao_app::laboratory::by_page()).await?;
    match answers.into_iter().next() {
        Some(Err(refusal @ Refusal::Field { .. })) => refused(&ctx, refusal).await,
        Some(Err(refusal)) => Err(refusal.into()),
        _ => {
            let told = lang::text(ctx.asked.lang, "lab-result-in", &[("code", fields.text("barcode").into())]);
            shown(&ctx, StatusCode::OK, None, None, Some(told)).await
        }
    }
}

async fn refused(ctx: &Ctx, refusal: Refusal) -> Answer {
    let wrong = wrong(AppError::Refused(refusal), ctx.asked.lang)?;
    shown(ctx, StatusCode::UNPROCESSABLE_ENTITY, None, Some(wrong), None).await
}

/// A table of results: a file, or the rows that were handed back, mended in place.
pub(crate) async fn file(ctx: Ctx, State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    can(&ctx.actor, Action::RunLab, ctx.actor.division, Purpose::Reporting)?;
    // Whoever may not learns nothing about how the form is wrong; so the form is read after the right.
    let Ok(multipart) = Multipart::from_request(request, &shared).await else {
        return refused(&ctx, Refusal::field("file", "file-empty")).await;
    };
    let (csrf, bytes) = parts(multipart).await?;
    check_word(&ctx, &csrf)?;
    let lang = ctx.asked.lang;
    let say = |refusal: &Refusal| refusal_text(lang, refusal);
    match ctx.app().take_results_file(&ctx.actor, &bytes, say, ctx.wall()).await {
        Ok(report) => shown(&ctx, StatusCode::OK, Some(report), None, None).await,
        Err(AppError::Import(error)) => {
            let wrong = Wrong { field: "file", text: error.to_string() };
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, None, Some(wrong), None).await
        }
        Err(AppError::Refused(refusal @ Refusal::Field { .. })) => refused(&ctx, refusal).await,
        Err(other) => Err(other.into()),
    }
}

async fn parts(mut multipart: Multipart) -> Result<(String, Vec<u8>), Failure> {
    let unread = |error: axum::extract::multipart::MultipartError| Failure::status(readable(error.status()));
    let (mut csrf, mut bytes) = (String::new(), Vec::new());
    while let Some(field) = multipart.next_field().await.map_err(unread)? {
        match field.name() {
            Some("csrf") => csrf = field.text().await.map_err(unread)?,
            Some("file") => bytes = field.bytes().await.map_err(unread)?.to_vec(),
            // A browser sends line ends of its own; the table is read with either.
            Some("rows") => bytes = field.text().await.map_err(unread)?.into_bytes(),
            _ => {}
        }
    }
    Ok((csrf, bytes))
}

/// A message that waits.
pub(crate) async fn message(ctx: Ctx, Path(id): Path<Uuid>) -> Answer {
    let (message, text) = ctx.app().open_message(&ctx.actor, id, ctx.wall()).await?;
    page(&MessagePage { c: Chrome::of(&ctx), message, text: text.replace('\r', "\n"), problems: Vec::new() })
}

/// Tries a mended message again, or drops it.
pub(crate) async fn mend(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    if fields.get("do") == "drop" {
        ctx.app().drop_message(&ctx.actor, id, ctx.wall()).await?;
        return on_to("/lab");
    }
    let answer = ctx.app().retry_message(&ctx.actor, id, fields.get("text"), ctx.wall()).await?;
    let Some(waits) = answer.queued else { return on_to("/lab") };
    let (message, text) = ctx.app().open_message(&ctx.actor, waits, ctx.wall()).await?;
    let page = MessagePage { c: Chrome::of(&ctx), message, text: text.replace('\r', "\n"), problems: answer.problems };
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}
