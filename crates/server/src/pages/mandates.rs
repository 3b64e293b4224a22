//! Mandates (采集授权): which hold, proposing one, the second signature, ending one.

use askama::Template;
use axum::{extract::Path, http::StatusCode};
use sizao_app::{
    authorization::{Action, purposes},
    mandates::{Collection, MandateState, NewMandate},
};
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page_with, wrong};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "mandates.html")]
struct MandatesPage {
    c: Chrome,
    lines: Vec<Line>,
    may_give: bool,
    collections: [Collection; Collection::ALL.len()],
    form: NewMandate,
    wrong: Option<Wrong>,
    deeds: Vec<sizao_app::people::Look>,
}

struct Line {
    id: Uuid,
    collection: String,
    place: String,
    legal_basis: String,
    authority: String,
    purpose: String,
    until: String,
    state: MandateState,
    own: bool,
    here: bool,
}

impl MandatesPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }
}

/// The list.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    shown(&ctx, StatusCode::OK, NewMandate { days: "30".to_owned(), ..NewMandate::default() }, None).await
}

/// Proposes one.
pub(crate) async fn propose(Sent(ctx, fields): Sent) -> Answer {
    let form = NewMandate {
        collection: fields.text("collection"),
        area: fields.text("area"),
        legal_basis: fields.text("legal_basis"),
        authority: fields.text("authority"),
        purpose: fields.text("purpose"),
        impact_assessment: fields.text("impact_assessment"),
        days: fields.text("days"),
    };
    match ctx.app().propose_mandate(&ctx.actor, &form, ctx.wall()).await {
        Ok(_) => on_to("/mandates"),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, form, Some(wrong)).await
        }
    }
}

/// Puts the second signature.
pub(crate) async fn sign(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().sign_mandate(&ctx.actor, id, ctx.wall()).await?;
    on_to("/mandates")
}

/// Ends one early.
pub(crate) async fn end(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().end_mandate(&ctx.actor, id, ctx.wall()).await?;
    on_to("/mandates")
}

async fn shown(ctx: &Ctx, status: StatusCode, form: NewMandate, wrong: Option<Wrong>) -> Answer {
    let c = Chrome::of(ctx);
    let now = ctx.app().now();
    let mandates = ctx.app().list_mandates(&ctx.actor).await?;
    let lines = mandates.into_iter().map(|mandate| Line {
        id: mandate.id,
        state: MandateState::of(&mandate, now),
        collection: c.word("collection", &mandate.collection),
        place: c.place(&mandate.area),
        until: c.at(&mandate.ended.map_or(mandate.ends_at, |(at, _)| at)),
        own: mandate.proposed_by == ctx.actor.account,
        here: mandate.area.is_under(ctx.actor.division),
        legal_basis: mandate.legal_basis,
        authority: mandate.authority,
        purpose: mandate.purpose,
    });
    let lines = lines.collect();
    let deeds = ctx.app().mandate_history(&ctx.actor).await?;
    let may_give = !purposes(ctx.actor.role, Action::GiveMandates).is_empty();
    page_with(status, &MandatesPage { c, lines, may_give, collections: Collection::ALL, form, wrong, deeds })
}
