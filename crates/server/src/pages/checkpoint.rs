//! The desk of a checkpoint, what it sends, and the board above checkpoints.

use askama::Template;
use axum::{
    Json,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use serde_json::json;
use sizao_app::{
    Refusal,
    authorization::{Action, purposes, usual_purpose},
    checkpoints::{CheckForm, CheckpointView, DisinfectionForm, FEVER, HOLD_MINUTES_MAX, LaneForm, STAGES, VERDICTS},
};
use sizao_model::{FactId, Instant, identity::DocumentKind};
use uuid::Uuid;

use super::{Answer, Wrong, announce::origins, on_to, page_with, wrong};
use crate::{
    context::Ctx,
    form::{Fields, Sent},
    outbox::{kept, received},
    view::Chrome,
};

/// Fields of a check that the script fills in.
const FIELDS: [&str; 17] = [
    "shown",
    "verdict",
    "reason",
    "pass",
    "slip",
    "name",
    "document_kind",
    "document",
    "phone",
    "from",
    "into",
    "temperature",
    "transit",
    "device_at",
    "device_offset_s",
    "desk_s",
    "offline",
];

#[derive(Template)]
#[template(path = "checkpoint.html")]
struct DeskTemplate {
    c: Chrome,
    view: CheckpointView,
    keys: String,
    unit: Uuid,
    fever: f64,
    origins: Vec<(String, String)>,
    kinds: Vec<&'static str>,
    fields: [&'static str; 17],
    stages: Vec<&'static str>,
    journey: String,
    may_work: bool,
    wrong: Option<Wrong>,
}

#[derive(Template)]
#[template(path = "checkpoints.html")]
struct BoardTemplate {
    c: Chrome,
    view: CheckpointView,
    verdicts: Vec<(&'static str, usize)>,
    may_work: bool,
}

fn is_long(view: &CheckpointView, at: Instant) -> bool {
    at.plus_minutes(HOLD_MINUTES_MAX) <= view.at
}

fn stage(c: &Chrome, stage: i64) -> String {
    STAGES.get(stage as usize).map_or(String::new(), |(word, _)| c.word("lane", word))
}

impl DeskTemplate {
    fn is_long(&self, at: &Instant) -> bool {
        is_long(&self.view, *at)
    }

    fn stage(&self, number: &i64) -> String {
        stage(&self.c, *number)
    }
}

impl BoardTemplate {
    fn is_long(&self, at: &Instant) -> bool {
        is_long(&self.view, *at)
    }

    fn stage(&self, number: &i64) -> String {
        stage(&self.c, *number)
    }
}

/// The desk; the device keeps it for a day without a network.
pub(crate) async fn desk(ctx: Ctx) -> Answer {
    desk_with(ctx, None).await
}

async fn desk_with(ctx: Ctx, wrong: Option<Wrong>) -> Answer {
    usual_purpose(&ctx.actor, Action::WorkCheckpoint)?;
    let view = ctx.app().view_checkpoint(&ctx.actor).await?;
    let c = Chrome::keeping(&ctx);
    let kinds = DocumentKind::ALL.map(DocumentKind::name).into_iter().filter(|kind| *kind != "temporary_identity");
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = DeskTemplate {
        keys: sizao_app::hex(ctx.app().pass_key().as_bytes()),
        unit: ctx.actor.unit,
        fever: FEVER,
        origins: origins(&c),
        kinds: kinds.collect(),
        fields: FIELDS,
        stages: STAGES.iter().map(|(word, _)| *word).collect(),
        journey: sizao_app::new_id(ctx.wall()).simple().to_string()[20..].to_uppercase(),
        may_work: true,
        c,
        view,
        wrong,
    };
    let mut response = page_with(status, &page).map(kept)?;
    // The one page that may use the camera.
    let own = HeaderValue::from_static("camera=(self), geolocation=(), microphone=()");
    response.headers_mut().insert("permissions-policy", own);
    Ok(response)
}

/// What all checkpoints of a division did today, and who is held.
pub(crate) async fn board(ctx: Ctx) -> Answer {
    let view = ctx.app().view_checkpoint(&ctx.actor).await?;
    let c = Chrome::of(&ctx);
    let verdicts = VERDICTS.into_iter().zip(view.verdicts).collect();
    let may_work = !purposes(ctx.actor.role, Action::WorkCheckpoint).is_empty();
    page_with(StatusCode::OK, &BoardTemplate { c, view, verdicts, may_work })
}

/// The server's time, so that a device knows by how much its own is wrong.
pub(crate) async fn clock(ctx: Ctx) -> Answer {
    usual_purpose(&ctx.actor, Action::WorkCheckpoint)?;
    // Of a simulated node the node's own as well: its passes are dated by it.
    let (now, wall) = (ctx.app().now().to_rfc3339(), ctx.wall().to_rfc3339());
    let mut response = Json(json!({ "now": now, "wall": wall })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Lets a device sign slips.
pub(crate) async fn key(Sent(ctx, fields): Sent) -> Answer {
    usual_purpose(&ctx.actor, Action::WorkCheckpoint)?;
    let raw = sizao_app::from_hex(fields.get("key")).ok_or(Refusal::field("key", "choose"))?;
    let delegation = ctx.app().delegate_slips(&ctx.actor, &raw, ctx.wall()).await?;
    Ok(Json(json!({ "delegation": sizao_app::hex(&delegation) })).into_response())
}

fn key_of(ctx: &Ctx, fields: &Fields) -> Result<String, Refusal> {
    match fields.get("client_key") {
        "" => Ok(format!("{}/{}", ctx.actor.account, sizao_app::new_id(ctx.wall()))),
        text => match Uuid::try_parse(text) {
            Ok(key) => Ok(format!("{}/{key}", ctx.actor.account)),
            Err(_) => Err(Refusal::field("client_key", "client-key")),
        },
    }
}

/// A check: from the desk, or from the outbox of a device.
pub(crate) async fn check(Sent(ctx, fields): Sent) -> Answer {
    usual_purpose(&ctx.actor, Action::WorkCheckpoint)?;
    let key = key_of(&ctx, &fields)?;
    let text = |name: &str| fields.text(name);
    let form = CheckForm {
        shown: text("shown"),
        verdict: text("verdict"),
        reason: text("reason"),
        pass: text("pass"),
        slip: text("slip"),
        device_at: text("device_at"),
        device_offset_s: text("device_offset_s"),
        desk_s: text("desk_s"),
        offline: text("offline"),
        name: text("name"),
        document_kind: text("document_kind"),
        document: text("document"),
        phone: text("phone"),
        from: text("from"),
        into: text("into"),
        temperature: text("temperature"),
        transit: text("transit"),
    };
    let fact = ctx.app().record_check(&ctx.actor, &form, &key, ctx.wall()).await?;
    Ok(received(&ctx.asked, fact, "/checkpoint"))
}

/// What became of somebody who was held.
pub(crate) async fn end_hold(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    ctx.app().end_hold(&ctx.actor, FactId::new(id), fields.get("outcome"), ctx.wall()).await?;
    on_to("/checkpoint")
}

/// A lorry's step.
pub(crate) async fn lane(Sent(ctx, fields): Sent) -> Answer {
    usual_purpose(&ctx.actor, Action::WorkCheckpoint)?;
    let key = key_of(&ctx, &fields)?;
    let text = |name: &str| fields.text(name);
    let form = LaneForm {
        stage: text("stage"),
        journey: text("journey"),
        seal: text("seal"),
        name: text("name"),
        document: text("document"),
        phone: text("phone"),
        device_at: text("entered_at"),
        device_offset_s: text("device_offset_s"),
    };
    let fact = ctx.app().record_lane(&ctx.actor, &form, &key, ctx.wall()).await?;
    Ok(received(&ctx.asked, fact, "/checkpoint"))
}

/// Begins or closes a disinfection.
pub(crate) async fn disinfect(Sent(ctx, fields): Sent) -> Answer {
    usual_purpose(&ctx.actor, Action::WorkCheckpoint)?;
    let key = key_of(&ctx, &fields)?;
    let text = |name: &str| fields.text(name);
    let form = DisinfectionForm {
        place: text("place"),
        case: text("case"),
        agent: text("agent"),
        mg_per_litre: text("mg_per_litre"),
        contact_minutes: text("contact_minutes"),
        operator: text("operator"),
        supervisor: text("supervisor"),
        evaluation: text("evaluation"),
    };
    let closes = Uuid::try_parse(fields.get("closes")).ok().map(FactId::new);
    match ctx.app().record_disinfection(&ctx.actor, closes, &form, &key, ctx.wall()).await {
        Ok(_) => on_to("/checkpoint#disinfection"),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            desk_with(ctx, Some(wrong)).await
        }
    }
}
