//! Units and accounts, for their administrator.

use axum::{Json, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de};
use sizao_app::{
    accounts::{AccountLine, NewAccount, Unit},
    authorization::Action,
};

use super::{
    Operation, Told, op,
    read::{Body, Id},
    wire::{Division, Key, Moment, Name, RoleWord, UnitWord},
};
use crate::{context::Ctx, failure::Failure, routes::Who::May};

pub(super) const OPERATIONS: &[Operation] = &[
    op!(get "/units" May(Action::ManageAccounts) => units)
        .says("listUnits", "Units of one's division and those under it")
        .gives::<Units>(200),
    op!(post "/units" May(Action::ManageAccounts) => add_unit)
        .says("addUnit", "Enter a unit")
        .takes::<NewUnit>(r#"{"name": "Second laboratory", "kind": "laboratory", "division": "410102"}"#)
        .gives::<UnitLine>(201),
    op!(get "/accounts" May(Action::ManageAccounts) => accounts)
        .says("listAccounts", "Accounts of one's division and those under it")
        .gives::<Accounts>(200),
    op!(post "/accounts" May(Action::ManageAccounts) => add_account)
        .says("addAccount", "Make an account")
        .more("The answer has the one-time address by which its holder sets a password, this once.")
        .takes::<AccountForm>(r#"{"unit": "00000000-0000-7000-8000-000000000000", "login": "lab.two", "name": "Fang Yuan", "role": "lab"}"#)
        .leads_to("/account/id", &["closeAccount"])
        .gives::<NewLine>(201),
    op!(post "/accounts/{id}/close" May(Action::ManageAccounts) => close)
        .says("closeAccount", "Close an account; its sessions and tokens end at once")
        .gives_nothing(),
];

#[derive(Serialize, JsonSchema)]
struct Units {
    units: Vec<UnitLine>,
}

/// An organisation in a division.
#[derive(Serialize, JsonSchema)]
struct UnitLine {
    id: Key,
    name: String,
    kind: String,
    division: Division,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewUnit {
    name: Name,
    kind: UnitWord,
    division: Division,
}

#[derive(Serialize, JsonSchema)]
struct Accounts {
    accounts: Vec<AccountOf>,
}

/// An account.
#[derive(Serialize, JsonSchema)]
struct AccountOf {
    id: Key,
    login: String,
    name: String,
    role: String,
    unit: Key,
    /// Made by the demonstration.
    demo: bool,
    made_at: Moment,
    closed_at: Option<Moment>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AccountForm {
    unit: Key,
    login: Login,
    /// Of the holder.
    name: Name,
    role: RoleWord,
}

/// What is typed to sign in.
#[derive(JsonSchema)]
#[schemars(transparent, inline)]
struct Login(#[schemars(regex(pattern = r"^[A-Za-z0-9.@_-]{3,40}$"))] String);

impl<'de> Deserialize<'de> for Login {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fits =
            (3..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".@_-".contains(&b));
        if fits { Ok(Self(text)) } else { Err(de::Error::custom("3 to 40 of A-Z a-z 0-9 . @ _ - are expected")) }
    }
}

/// An account just made.
#[derive(Serialize, JsonSchema)]
struct NewLine {
    account: AccountOf,
    /// Path of the one-time address; works for 24 hours.
    set_up: String,
}

async fn units(ctx: Ctx) -> Told<Units> {
    let units = ctx.app().list_units(&ctx.actor).await?;
    Ok((StatusCode::OK, Json(Units { units: units.into_iter().map(UnitLine::of).collect() })))
}

async fn add_unit(ctx: Ctx, Body(sent): Body<NewUnit>) -> Told<UnitLine> {
    let division = sent.division.0.to_string();
    let unit = ctx.app().add_unit(&ctx.actor, &sent.name.0, sent.kind.0.name(), &division, ctx.wall()).await?;
    Ok((StatusCode::CREATED, Json(UnitLine::of(unit))))
}

async fn accounts(ctx: Ctx) -> Told<Accounts> {
    let accounts = ctx.app().list_accounts(&ctx.actor).await?;
    let accounts = accounts.into_iter().map(|AccountLine { account, .. }| AccountOf::of(account)).collect();
    Ok((StatusCode::OK, Json(Accounts { accounts })))
}

async fn add_account(ctx: Ctx, Body(sent): Body<AccountForm>) -> Told<NewLine> {
    let form = NewAccount {
        unit: sent.unit.0.to_string(),
        login: sent.login.0,
        name: sent.name.0,
        role: sent.role.0.name().to_owned(),
    };
    let (account, token) = ctx.app().add_account(&ctx.actor, &form, ctx.wall()).await?;
    let line = NewLine { account: AccountOf::of(account), set_up: format!("/setup/{token}") };
    Ok((StatusCode::CREATED, Json(line)))
}

async fn close(ctx: Ctx, Id(id): Id) -> Result<StatusCode, Failure> {
    ctx.app().close_account(&ctx.actor, id, ctx.wall()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl UnitLine {
    fn of(unit: Unit) -> Self {
        Self { id: Key(unit.id), name: unit.name, kind: unit.kind, division: Division(unit.division) }
    }
}

impl AccountOf {
    fn of(account: sizao_app::accounts::Account) -> Self {
        Self {
            id: Key(account.id),
            unit: Key(account.unit),
            demo: account.demo,
            made_at: Moment(account.made_at),
            closed_at: account.closed_at.map(Moment),
            login: account.login,
            name: account.name,
            role: account.role,
        }
    }
}
