//! Breaking the glass (破窗): leave to open one person, for a reason and a short time; and protecting people.

use askama::Template;
use axum::{extract::Path, http::StatusCode};
use sizao_app::break_glass::BrokenGlass;
use sizao_model::PersonId;
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page_with, wrong};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "break_glass.html")]
struct GlassPage {
    c: Chrome,
    own: Vec<BrokenGlass>,
    reason: String,
    minutes: String,
    wrong: Option<Wrong>,
}

impl GlassPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn number(&self, glass: &BrokenGlass) -> String {
        sizao_app::people::number(glass.person)
    }
}

/// The form, and one's own glasses that are still open.
pub(crate) async fn form(ctx: Ctx) -> Answer {
    shown(&ctx, StatusCode::OK, String::new(), "30".to_owned(), None).await
}

/// Breaks it: on to the person.
pub(crate) async fn take(Sent(ctx, fields): Sent) -> Answer {
    let (reason, minutes) = (fields.text("reason"), fields.text("minutes"));
    match ctx.app().break_glass(&ctx.actor, fields.get("whom"), &reason, &minutes, ctx.wall()).await {
        Ok(glass) => on_to(&format!("/people/{}", glass.person.uuid())),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            let kept = |text: String| text.chars().take(200).collect();
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, kept(reason), kept(minutes), Some(wrong)).await
        }
    }
}

/// Puts a person under protection, or takes it away.
pub(crate) async fn protect(Path(id): Path<Uuid>, Sent(ctx, fields): Sent) -> Answer {
    let protect = fields.get("protect") == "yes";
    ctx.app().protect(&ctx.actor, PersonId::new(id), protect, fields.get("protect_reason"), ctx.wall()).await?;
    on_to("/people")
}

async fn shown(ctx: &Ctx, status: StatusCode, reason: String, minutes: String, wrong: Option<Wrong>) -> Answer {
    let own = ctx.app().own_glasses(&ctx.actor, ctx.wall()).await?;
    page_with(status, &GlassPage { c: Chrome::of(ctx), own, reason, minutes, wrong })
}
