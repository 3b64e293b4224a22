//! Units and accounts, for their administrator.

use askama::Template;
use axum::{extract::Path, http::StatusCode};
use sizao_app::{
    accounts::{AccountLine, NewAccount, Unit},
    identity::{Role, UnitKind},
};
use uuid::Uuid;

use super::{Answer, Wrong, beside, on_to, page_with, wrong};
use crate::{context::Ctx, form::Sent, view::Chrome};

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    c: Chrome,
    units: Vec<Unit>,
    accounts: Vec<AccountLine>,
    kinds: [UnitKind; UnitKind::ALL.len()],
    roles: [Role; Role::ALL.len()],
    own: Uuid,
    unit: NewUnit,
    account: NewAccount,
    wrong: Option<Wrong>,
    link: Option<(String, String)>,
    deeds: Vec<sizao_app::people::Look>,
}

#[derive(Default)]
struct NewUnit {
    name: String,
    kind: String,
    division: String,
}

impl AccountsPage {
    fn beside(&self, field: &str) -> Option<&str> {
        beside(&self.wrong, field)
    }
}

/// The lists and the two forms.
pub(crate) async fn list(ctx: Ctx) -> Answer {
    shown(&ctx, NewUnit::default(), NewAccount::default(), None, None).await
}

/// Enters a unit.
pub(crate) async fn add_unit(Sent(ctx, fields): Sent) -> Answer {
    let form =
        NewUnit { name: fields.text("unit_name"), kind: fields.text("unit_kind"), division: fields.text("division") };
    match ctx.app().add_unit(&ctx.actor, &form.name, &form.kind, &form.division, ctx.wall()).await {
        Ok(_) => on_to("/accounts"),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            shown(&ctx, form, NewAccount::default(), Some(wrong), None).await
        }
    }
}

/// Makes an account; the page shows its one-time link, once.
pub(crate) async fn add_account(Sent(ctx, fields): Sent) -> Answer {
    let form = NewAccount {
        unit: fields.text("unit"),
        login: fields.text("login"),
        name: fields.text("name"),
        role: fields.text("role"),
    };
    match ctx.app().add_account(&ctx.actor, &form, ctx.wall()).await {
        Ok((account, token)) => {
            let link = Some((account.login, format!("/setup/{token}")));
            shown(&ctx, NewUnit::default(), NewAccount::default(), None, link).await
        }
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            shown(&ctx, NewUnit::default(), form, Some(wrong), None).await
        }
    }
}

/// Closes an account.
pub(crate) async fn close(Path(id): Path<Uuid>, Sent(ctx, _): Sent) -> Answer {
    match ctx.app().close_account(&ctx.actor, id, ctx.wall()).await {
        Ok(()) => on_to("/accounts"),
        Err(error) => {
            let wrong = wrong(error, ctx.asked.lang)?;
            shown(&ctx, NewUnit::default(), NewAccount::default(), Some(wrong), None).await
        }
    }
}

async fn shown(
    ctx: &Ctx,
    unit: NewUnit,
    account: NewAccount,
    wrong: Option<Wrong>,
    link: Option<(String, String)>,
) -> Answer {
    let units = ctx.app().list_units(&ctx.actor).await?;
    let accounts = ctx.app().list_accounts(&ctx.actor).await?;
    let deeds = ctx.app().account_history(&ctx.actor).await?;
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let c = Chrome::of(ctx);
    let (kinds, roles, own) = (UnitKind::ALL, Role::ALL, ctx.actor.account);
    page_with(status, &AccountsPage { c, units, accounts, kinds, roles, own, unit, account, wrong, link, deeds })
}
