//! One's own account: devices that are signed in, tokens of programs.

use askama::Template;
use axum::{extract::Path, http::StatusCode};
use sizao_app::{
    api_tokens::{ApiToken, NewApiToken, scopes_of},
    authorization::{Action, purposes},
};
use sizao_model::Instant;
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page_with, wrong};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "me.html")]
struct MePage {
    c: Chrome,
    sessions: Vec<Device>,
    may_make: bool,
    tokens: Vec<ApiToken>,
    scopes: Vec<Action>,
    form: NewApiToken,
    /// Name and secret of a token just made: shown this once.
    made: Option<(String, String)>,
    wrong: Option<Wrong>,
}

struct Device {
    id: Uuid,
    name: String,
    made_at: Instant,
    seen_at: Instant,
    current: bool,
}

impl MePage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }

    fn is_chosen(&self, action: &Action) -> bool {
        self.form.scopes.iter().any(|word| word == action.name())
    }

    /// The actions of a token in words.
    fn told(&self, token: &ApiToken) -> String {
        let words: Vec<String> = token.scopes.split(' ').map(|word| self.c.word("action", word)).collect();
        words.join(&self.c.t("list-and"))
    }
}

/// Name, unit, devices, tokens.
pub(crate) async fn show(ctx: Ctx) -> Answer {
    shown(&ctx, StatusCode::OK, NewApiToken { days: "30".to_owned(), ..NewApiToken::default() }, None, None).await
}

/// Ends the session of a device.
pub(crate) async fn end_session(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().end_own_session(&ctx.actor, id, ctx.wall()).await?;
    on_to("/me")
}

/// Makes a token; the page shows it, once.
pub(crate) async fn make_token(Sent(ctx, fields): Sent) -> Answer {
    let form = NewApiToken {
        name: fields.text("token_name"),
        scopes: fields.all("scopes").map(str::to_owned).collect(),
        days: fields.text("token_days"),
    };
    match ctx.app().make_api_token(&ctx.actor, &form, ctx.wall()).await {
        Ok((token, secret)) => {
            let form = NewApiToken { days: form.days, ..NewApiToken::default() };
            shown(&ctx, StatusCode::OK, form, Some((token.name, secret)), None).await
        }
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            shown(&ctx, StatusCode::UNPROCESSABLE_ENTITY, form, None, Some(wrong)).await
        }
    }
}

/// Ends a token.
pub(crate) async fn end_token(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    ctx.app().end_api_token(&ctx.actor, id, ctx.wall()).await?;
    on_to("/me")
}

async fn shown(
    ctx: &Ctx,
    status: StatusCode,
    form: NewApiToken,
    made: Option<(String, String)>,
    wrong: Option<Wrong>,
) -> Answer {
    let sessions = ctx.app().own_sessions(&ctx.actor, ctx.wall()).await?;
    let tokens = ctx.app().own_api_tokens(&ctx.actor, ctx.wall()).await?;
    let device = |session: sizao_app::accounts::Session| Device {
        current: session.id == ctx.actor.session,
        id: session.id,
        name: session.device,
        made_at: session.made_at,
        seen_at: session.seen_at,
    };
    let sessions = sessions.into_iter().map(device).collect();
    let may_make = !purposes(ctx.actor.role, Action::MakeTokens).is_empty();
    let (c, scopes) = (Chrome::of(ctx), scopes_of(ctx.actor.role));
    page_with(status, &MePage { c, sessions, may_make, tokens, scopes, form, made, wrong })
}
