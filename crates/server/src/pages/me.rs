//! One's own account: devices that are signed in.

use askama::Template;
use axum::extract::Path;
use sizao_model::Instant;
use uuid::Uuid;

use super::{Answer, on_to, page};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "me.html")]
struct MePage {
    c: Chrome,
    sessions: Vec<Device>,
}

struct Device {
    id: Uuid,
    name: String,
    made_at: Instant,
    seen_at: Instant,
    current: bool,
}

/// Name, unit, devices.
pub(crate) async fn show(ctx: Ctx) -> Answer {
    let sessions = ctx.app().own_sessions(&ctx.actor, ctx.wall()).await?;
    let device = |session: sizao_app::accounts::Session| Device {
        current: session.id == ctx.actor.session,
        id: session.id,
        name: session.device,
        made_at: session.made_at,
        seen_at: session.seen_at,
    };
    let sessions = sessions.into_iter().map(device).collect();
    page(&MePage { c: Chrome::of(&ctx), sessions })
}

/// Ends the session of a device.
pub(crate) async fn end_session(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().end_own_session(&ctx.actor, id, ctx.wall()).await?;
    on_to("/me")
}
