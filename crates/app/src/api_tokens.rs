//! Tokens by which programs act on behalf of an account, for no more than they were made for.

use sizao_model::Instant;
use sizao_store::{ApiTokenRecord, from_hex, hex};
use uuid::Uuid;

pub use sizao_store::ApiTokenRecord as ApiToken;

use crate::{
    App, AppError,
    access::Reason,
    accounts::{NowV7, checked_name},
    authorization::{Action, can, purposes, usual_purpose},
    identity::{Actor, Role},
    refusal::Refusal,
};

/// What every token begins with, so that one left in a file is recognised for what it is.
pub const PREFIX: &str = "sizao_";
/// A token lasts so many days at most.
pub const DAYS_MAX: i64 = 90;
/// Tokens of one account that hold at once.
pub const TOKENS_MAX: usize = 20;

/// What the holder of an account fills in for a new token.
#[derive(Clone, Debug, Default)]
pub struct NewApiToken {
    /// What it is called.
    pub name: String,
    /// Words of the actions for which it may be used.
    pub scopes: Vec<String>,
    /// How many days it lasts.
    pub days: String,
}

/// The actions that a role may give to a program: all its own but the making of tokens.
pub fn scopes_of(role: Role) -> Vec<Action> {
    let own = |action: &Action| *action != Action::MakeTokens && !purposes(role, *action).is_empty();
    Action::ALL.into_iter().filter(own).collect()
}

impl App {
    /// Makes a token; what its program sends is given once, here. Programs make no tokens.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::Field`], [`AppError::Store`].
    pub async fn make_api_token(
        &self,
        actor: &Actor,
        form: &NewApiToken,
        now: Instant,
    ) -> Result<(ApiTokenRecord, String), AppError> {
        let purpose = usual_purpose(actor, Action::MakeTokens)?;
        can(actor, Action::MakeTokens, actor.division, purpose)?;
        let name = checked_name("token_name", &form.name)?;
        let allowed = scopes_of(actor.role);
        let scopes = form.scopes.iter().map(|word| {
            let action = Action::from_name(word).filter(|action| allowed.contains(action));
            action.map(Action::name).ok_or(Refusal::field("scopes", "choose"))
        });
        let scopes = scopes.collect::<Result<Vec<_>, _>>()?;
        if scopes.is_empty() {
            return Err(Refusal::field("scopes", "choose").into());
        }
        let days: i64 = form.days.trim().parse().map_err(|_| Refusal::field("token_days", "token-days"))?;
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(Refusal::field("token_days", "token-days").into());
        }
        if self.own_api_tokens(actor, now).await?.len() >= TOKENS_MAX {
            return Err(Refusal::field("token_name", "tokens-many").into());
        }
        let token = ApiTokenRecord {
            id: Uuid::now_v7_at(now),
            account: actor.account,
            name,
            scopes: scopes.join(" "),
            made_at: now,
            seen_at: None,
            expires_at: now.plus_hours(24 * days),
        };
        let secret = self.store().add_api_token(&token).await?;
        let told = Reason::of(&format!("{}: {}", token.name, token.scopes));
        self.log_deed(actor, Action::MakeTokens, purpose, None, told, now).await?;
        Ok((token, format!("{PREFIX}{}", hex(&secret))))
    }

    /// The actor's own tokens that hold, latest first.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn own_api_tokens(&self, actor: &Actor, now: Instant) -> Result<Vec<ApiTokenRecord>, AppError> {
        Ok(self.store().list_api_tokens(actor.account, now, TOKENS_MAX as u32).await?)
    }

    /// Ends one of the actor's own tokens, at once.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn end_api_token(&self, actor: &Actor, id: Uuid, now: Instant) -> Result<(), AppError> {
        if !self.store().end_api_token(id, actor.account, now).await? {
            return Err(Refusal::NotFound.into());
        }
        let purpose = usual_purpose(actor, Action::MakeTokens)?;
        self.log_deed(actor, Action::MakeTokens, purpose, None, Reason::of(&format!("{id} ended")), now).await
    }

    /// On whose behalf a program asks, and for what it may.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`], [`AppError::Store`].
    pub async fn actor_of_token(&self, token: &str, request: &str, now: Instant) -> Result<Actor, AppError> {
        let secret = token.strip_prefix(PREFIX).and_then(from_hex).filter(|bytes| bytes.len() == 32);
        let secret = secret.ok_or(Refusal::SignedOut)?;
        let token = self.store().find_api_token(&secret, now).await?.ok_or(Refusal::SignedOut)?;
        let account = self.store().load_account(token.account).await?.ok_or(Refusal::SignedOut)?;
        let unit = self.store().load_unit(account.unit).await?.ok_or(Refusal::SignedOut)?;
        let role = Role::from_name(&account.role).ok_or(Refusal::SignedOut)?;
        if token.seen_at.is_none_or(|seen| now.as_micros() - seen.as_micros() > 60_000_000) {
            self.store().touch_api_token(token.id, now).await?;
        }
        Ok(Actor {
            account: account.id,
            name: account.name,
            role,
            unit: unit.id,
            unit_name: unit.name,
            division: unit.division,
            demo: account.demo,
            session: token.id,
            scopes: Some(token.scopes.split(' ').filter_map(Action::from_name).collect()),
            request: request.to_owned(),
        })
    }
}
