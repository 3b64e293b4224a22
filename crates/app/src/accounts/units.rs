//! Entering units and accounts, and closing them.

use sizao_model::Instant;
use sizao_store::{AccountRecord, UnitRecord, hex};
use uuid::Uuid;

use super::{LINK_HOURS, NowV7, checked_login, checked_name, new_unit};
use crate::{
    App, AppError,
    access::Reason,
    authorization::{Action, Purpose, Scope, can},
    identity::{Actor, Role},
    refusal::Refusal,
};

/// At most so many units or accounts on a page.
const LISTED_MAX: u32 = 500;

/// What an administrator fills in for a new account.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// Id of the unit.
    pub unit: String,
    /// What is typed to sign in.
    pub login: String,
    /// The holder's name.
    pub name: String,
    /// The role.
    pub role: String,
}

/// A unit to enter.
#[derive(Clone, Copy, Debug)]
pub struct NewUnit<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its kind, as a word.
    pub kind: &'a str,
    /// Code of its division.
    pub division: &'a str,
}

/// An account as it is listed.
#[derive(Clone, Debug)]
pub struct AccountLine {
    /// The account.
    pub account: AccountRecord,
    /// Its unit.
    pub unit: UnitRecord,
}

impl App {
    /// The units that an administrator keeps.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn list_units(&self, actor: &Actor) -> Result<Vec<UnitRecord>, AppError> {
        let scope = Scope::of(actor, Action::ManageAccounts, Purpose::Administration)?;
        Ok(self.store().list_units(scope.division(), LISTED_MAX).await?)
    }

    /// The accounts that an administrator keeps.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn list_accounts(&self, actor: &Actor) -> Result<Vec<AccountLine>, AppError> {
        let scope = Scope::of(actor, Action::ManageAccounts, Purpose::Administration)?;
        let units = self.store().list_units(scope.division(), 10 * LISTED_MAX).await?;
        let accounts = self.store().list_accounts(scope.division(), LISTED_MAX).await?;
        let line = |account: AccountRecord| {
            let unit = units.iter().find(|unit| unit.id == account.unit)?.clone();
            Some(AccountLine { account, unit })
        };
        Ok(accounts.into_iter().filter_map(line).collect())
    }

    /// Enters a unit in the actor's division or under it.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::Field`], [`AppError::Store`].
    pub async fn add_unit(
        &self,
        actor: &Actor,
        name: &str,
        kind: &str,
        division: &str,
        now: Instant,
    ) -> Result<UnitRecord, AppError> {
        let scope = Scope::of(actor, Action::ManageAccounts, Purpose::Administration)?;
        let unit = new_unit(name, kind, division, now)?;
        scope.narrowed(unit.division).map_err(|_| Refusal::field("division", "division-outside"))?;
        self.store().add_unit(&unit).await?;
        self.log_deed(actor, Action::ManageAccounts, Purpose::Administration, None, Reason::of(&unit.name), now)
            .await?;
        Ok(unit)
    }

    /// Makes an account and a one-time link by which its holder sets a password; gives the link's token, once.
    ///
    /// # Errors
    /// [`Refusal::NotAllowed`], [`Refusal::Field`], [`AppError::Store`].
    pub async fn add_account(
        &self,
        actor: &Actor,
        form: &NewAccount,
        now: Instant,
    ) -> Result<(AccountRecord, String), AppError> {
        can(actor, Action::ManageAccounts, actor.division, Purpose::Administration)?;
        let no_unit = Refusal::field("unit", "choose");
        let unit = Uuid::try_parse(&form.unit).map_err(|_| no_unit.clone())?;
        let unit = self.store().load_unit(unit).await?.ok_or(no_unit.clone())?;
        can(actor, Action::ManageAccounts, unit.division, Purpose::Administration).map_err(|_| no_unit)?;
        let role = Role::from_name(&form.role).ok_or(Refusal::field("role", "choose"))?;
        let account = AccountRecord {
            id: Uuid::now_v7_at(now),
            unit: unit.id,
            login: checked_login(&form.login)?,
            name: checked_name("name", &form.name)?,
            role: role.name().to_owned(),
            password: String::new(),
            totp: None,
            totp_step: 0,
            demo: false,
            made_at: now,
            closed_at: None,
        };
        if !self.store().add_account(&account).await? {
            return Err(Refusal::field("login", "login-taken").into());
        }
        let token = self.store().add_link(Some(account.id), now, now.plus_hours(LINK_HOURS)).await?;
        let told = Reason::of(&format!("{} {}", account.login, account.role));
        self.log_deed(actor, Action::ManageAccounts, Purpose::Administration, None, told, now).await?;
        Ok((account, hex(&token)))
    }

    /// Closes an account; its sessions end at once.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::NotAllowed`], [`AppError::Store`].
    pub async fn close_account(&self, actor: &Actor, id: Uuid, now: Instant) -> Result<(), AppError> {
        can(actor, Action::ManageAccounts, actor.division, Purpose::Administration)?;
        let account = self.store().load_account(id).await?.ok_or(Refusal::NotFound)?;
        let unit = self.store().load_unit(account.unit).await?.ok_or(Refusal::NotFound)?;
        can(actor, Action::ManageAccounts, unit.division, Purpose::Administration)?;
        if account.id == actor.account {
            return Err(Refusal::field("account", "own-account").into());
        }
        self.store().close_account(id, now).await?;
        let told = Reason::of(&format!("{} closed", account.login));
        self.log_deed(actor, Action::ManageAccounts, Purpose::Administration, None, told, now).await
    }

    /// Enters a unit of the demonstration; only in a store for demonstrations.
    ///
    /// # Errors
    /// [`Refusal::Changed`] in a store of real people, [`Refusal::Field`], [`AppError::Store`].
    pub async fn add_demo_unit(&self, unit: &NewUnit<'_>, now: Instant) -> Result<UnitRecord, AppError> {
        if !self.store().kind().has_simulated_clock() {
            return Err(Refusal::Changed.into());
        }
        let unit = new_unit(unit.name, unit.kind, unit.division, now)?;
        self.store().add_unit(&unit).await?;
        Ok(unit)
    }

    /// Makes a marked account of the demonstration, without an authenticator; only in a store for demonstrations.
    ///
    /// # Errors
    /// [`Refusal::Changed`] in a store of real people or when the login is taken, [`AppError::Store`].
    pub async fn add_demo_account(
        &self,
        unit: &UnitRecord,
        role: Role,
        login: &str,
        name: &str,
        password: &str,
        now: Instant,
    ) -> Result<Uuid, AppError> {
        if !self.store().kind().has_simulated_clock() {
            return Err(Refusal::Changed.into());
        }
        let account = AccountRecord {
            id: Uuid::now_v7_at(now),
            unit: unit.id,
            login: checked_login(login)?,
            name: checked_name("name", name)?,
            role: role.name().to_owned(),
            password: self.hash(password.to_owned()).await?,
            totp: None,
            totp_step: 0,
            demo: true,
            made_at: now,
            closed_at: None,
        };
        if self.store().add_account(&account).await? { Ok(account.id) } else { Err(Refusal::Changed.into()) }
    }
}
