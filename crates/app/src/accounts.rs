//! Accounts and units: set-up by one-time link, sign-in, sessions.

mod units;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use sizao_model::{DivisionCode, Instant};
use sizao_store::{AccountRecord, SessionRecord, UnitRecord, hex, sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use self::units::{AccountLine, NewAccount, NewUnit};
use crate::{
    App, AppError,
    identity::{Actor, Role, UnitKind},
    refusal::Refusal,
    totp,
};
pub use sizao_store::{AccountRecord as Account, SessionRecord as Session, UnitRecord as Unit};

/// A password has so many characters at least.
pub const PASSWORD_MIN: usize = 10;
/// Longer ones would only cost time.
pub const PASSWORD_MAX: usize = 200;
/// A name, of a person, a unit or a device.
pub const NAME_MAX: usize = 80;
/// How long a set-up link works.
const LINK_HOURS: i64 = 24;
/// A session ends by itself after so long without use.
const IDLE_MINUTES: i64 = 30;
/// A session ends after so long in any case.
const SESSION_HOURS: i64 = 12;
/// Failed tries before a login is locked.
const FREE_TRIES: i64 = 5;
/// Hashes computed at once: each takes 19 MiB and some tens of milliseconds.
static HASHING: Semaphore = Semaphore::const_new(4);

/// What the holder of a set-up link fills in.
#[derive(Clone, Default)]
pub struct SetUp {
    /// Of the first administrator: the unit's name.
    pub unit_name: String,
    /// Of the first administrator: the unit's kind.
    pub unit_kind: String,
    /// Of the first administrator: the unit's division.
    pub division: String,
    /// Of the first administrator: what is typed to sign in.
    pub login: String,
    /// Of the first administrator: the holder's name.
    pub name: String,
    /// The password.
    pub password: String,
    /// The password once more.
    pub repeated: String,
    /// The code of the authenticator app.
    pub code: String,
}

/// What a set-up link is for.
#[derive(Clone, Debug)]
pub struct SetUpLink {
    /// The account whose first password it sets; none: it makes the first unit and administrator.
    pub account: Option<AccountRecord>,
    /// Until when it works.
    pub expires_at: Instant,
    /// Secret for the authenticator app, base 32.
    pub secret: String,
}

/// What a browser sends to sign in.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The login.
    pub login: String,
    /// The password.
    pub password: String,
    /// The code of the authenticator app.
    pub code: String,
}

impl App {
    /// A one-time link for the first administrator, when there is no account yet.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn first_link(&self, now: Instant) -> Result<Option<String>, AppError> {
        if self.store().has_accounts().await? {
            return Ok(None);
        }
        Ok(Some(hex(&self.store().add_link(None, now, now.plus_hours(LINK_HOURS)).await?)))
    }

    /// What a set-up link is for.
    ///
    /// # Errors
    /// [`Refusal::LinkOver`], [`AppError::Store`].
    pub async fn set_up_link(&self, token: &str, now: Instant) -> Result<SetUpLink, AppError> {
        let bytes = sizao_store::from_hex(token).ok_or(Refusal::LinkOver)?;
        let link = self.store().find_link(&bytes, now).await?.ok_or(Refusal::LinkOver)?;
        let account = match link.account {
            Some(id) => Some(self.store().load_account(id).await?.ok_or(Refusal::LinkOver)?),
            None if self.store().has_accounts().await? => return Err(Refusal::LinkOver.into()),
            None => None,
        };
        Ok(SetUpLink { account, expires_at: link.expires_at, secret: totp::base32(&secret_of(&bytes)) })
    }

    /// Uses a set-up link. Everything is checked before it is used up; gives the login.
    ///
    /// # Errors
    /// [`Refusal::Field`], [`Refusal::LinkOver`], [`AppError::Store`].
    pub async fn set_up(&self, token: &str, form: SetUp, now: Instant) -> Result<String, AppError> {
        let link = self.set_up_link(token, now).await?;
        let bytes = sizao_store::from_hex(token).ok_or(Refusal::LinkOver)?;
        let secret = secret_of(&bytes);
        let first = link.account.is_none();
        let (unit, mut account) = match link.account {
            Some(account) => (None, account),
            None => {
                let unit = new_unit(&form.unit_name, &form.unit_kind, &form.division, now)?;
                let account = AccountRecord {
                    id: Uuid::now_v7_at(now),
                    unit: unit.id,
                    login: checked_login(&form.login)?,
                    name: checked_name("name", &form.name)?,
                    role: Role::UnitAdmin.name().to_owned(),
                    password: String::new(),
                    totp: None,
                    totp_step: 0,
                    demo: false,
                    made_at: now,
                    closed_at: None,
                };
                (Some(unit), account)
            }
        };
        check_password(&form.password, &form.repeated, &account.login)?;
        account.totp_step =
            totp::matching_step(&secret, &form.code, now).ok_or(Refusal::field("code", "code-wrong"))?;
        account.totp = Some(secret.to_vec());
        account.password = self.hash(form.password).await?;
        if !self.store().use_link(&bytes, unit.as_ref(), &account, now).await? {
            return Err(Refusal::LinkOver.into());
        }
        tracing::info!(account.id = %account.id, first, "An account was set up");
        Ok(account.login)
    }

    /// Signs in: gives the token that the browser keeps. A new session each time, whatever the browser sent before.
    ///
    /// # Errors
    /// [`Refusal::Credentials`], [`Refusal::Locked`], [`AppError::Store`].
    pub async fn sign_in(&self, sent: Credentials, device: &str, now: Instant) -> Result<String, AppError> {
        let login = sent.login.trim().to_lowercase();
        if login.chars().count() > NAME_MAX || sent.password.len() > 4 * PASSWORD_MAX {
            return Err(Refusal::Credentials.into());
        }
        if let Err(until) = self.store().count_try(&login, now, lock_micros).await? {
            return Err(Refusal::Locked { until }.into());
        }
        let account = self.store().find_account(&login).await?.filter(|account| account.closed_at.is_none());
        let known = account.as_ref().map(|account| account.password.clone()).filter(|hash| !hash.is_empty());
        // Without an account a hash is computed all the same: how long it takes tells nothing.
        let fits = self.verify(sent.password, known).await?;
        let account = account.filter(|_| fits).ok_or(Refusal::Credentials)?;
        if let Some(secret) = &account.totp {
            let step = totp::matching_step(secret, &sent.code, now).ok_or(Refusal::Credentials)?;
            if !self.store().use_totp_step(account.id, step).await? {
                return Err(Refusal::Credentials.into());
            }
        } else if !(account.demo && self.store().kind().has_simulated_clock()) {
            return Err(Refusal::Credentials.into());
        }
        self.store().forget_tries(&login).await?;
        let device: String = device.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        let token = self.store().begin_session(account.id, &device, now, now.plus_minutes(IDLE_MINUTES)).await?;
        Ok(hex(&token))
    }

    /// Who a token belongs to; each use moves the session's end.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`], [`AppError::Store`].
    pub async fn actor(&self, token: &str, request: &str, now: Instant) -> Result<Actor, AppError> {
        let bytes = sizao_store::from_hex(token).filter(|bytes| bytes.len() == 32).ok_or(Refusal::SignedOut)?;
        let session = self.store().find_session(&bytes, now).await?.ok_or(Refusal::SignedOut)?;
        let last = session.made_at.plus_hours(SESSION_HOURS);
        if last <= now {
            return Err(Refusal::SignedOut.into());
        }
        let account = self.store().load_account(session.account).await?.ok_or(Refusal::SignedOut)?;
        let unit = self.store().load_unit(account.unit).await?.ok_or(Refusal::SignedOut)?;
        let role = Role::from_name(&account.role).ok_or(Refusal::SignedOut)?;
        if now.as_micros() - session.seen_at.as_micros() > 60_000_000 {
            self.store().touch_session(session.id, now, now.plus_minutes(IDLE_MINUTES).min(last)).await?;
        }
        Ok(Actor {
            account: account.id,
            name: account.name,
            role,
            unit: unit.id,
            unit_name: unit.name,
            division: unit.division,
            demo: account.demo,
            session: session.id,
            scopes: None,
            request: request.to_owned(),
        })
    }

    /// The actor's own sessions that hold.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn own_sessions(&self, actor: &Actor, now: Instant) -> Result<Vec<SessionRecord>, AppError> {
        Ok(self.store().list_sessions(actor.account, now).await?)
    }

    /// Ends one of the actor's own sessions.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`AppError::Store`].
    pub async fn end_own_session(&self, actor: &Actor, id: Uuid, now: Instant) -> Result<(), AppError> {
        if self.store().end_session(id, actor.account, now).await? { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }

    pub(crate) async fn hash(&self, password: String) -> Result<String, AppError> {
        let salt = self.store().salts(1)[0];
        let _turn = HASHING.acquire().await.map_err(|_| Refusal::Busy)?;
        let hashed = tokio::task::spawn_blocking(move || {
            hasher()
                .hash_password_with_salt(password.as_bytes(), &salt[..16])
                .map(|hash: PasswordHash| hash.to_string())
        });
        let hashed = hashed.await.map_err(|_| AppError::Stopped("hashing a password"))?;
        hashed.map_err(|_| Refusal::field("password", "password-long").into())
    }

    async fn verify(&self, password: String, known: Option<String>) -> Result<bool, AppError> {
        let Some(known) = known else {
            self.hash(password.chars().take(PASSWORD_MAX).collect()).await?;
            return Ok(false);
        };
        let _turn = HASHING.acquire().await.map_err(|_| Refusal::Busy)?;
        let verified = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&known).is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok())
        });
        verified.await.map_err(|_| AppError::Stopped("checking a password"))
    }
}

/// Argon2id with 19 MiB, two passes and one lane.
///
/// # Source
/// OWASP Password Storage Cheat Sheet; RFC 9106.
fn hasher() -> Argon2<'static> {
    let params = Params::new(19_456, 2, 1, None).expect("these parameters are within Argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The secret for the authenticator app follows from the link's token, which only its holder has.
fn secret_of(token: &[u8]) -> [u8; 20] {
    sha256(&[b"totp", token])[..20].try_into().expect("a digest has more than twenty bytes")
}

/// How long a login is locked after so many failures: not before five, then 30 s, doubled each time, at most an hour.
fn lock_micros(failures: i64) -> i64 {
    let beyond = failures - FREE_TRIES;
    if beyond < 0 { 0 } else { (30i64 << beyond.min(7)).min(3_600) * 1_000_000 }
}

fn new_unit(name: &str, kind: &str, division: &str, now: Instant) -> Result<UnitRecord, Refusal> {
    Ok(UnitRecord {
        id: Uuid::now_v7_at(now),
        name: checked_name("unit_name", name)?,
        kind: UnitKind::from_name(kind).ok_or(Refusal::field("unit_kind", "choose"))?.name().to_owned(),
        division: checked_division("division", division)?,
        made_at: now,
        closed_at: None,
    })
}

pub(crate) fn checked_division(field: &'static str, text: &str) -> Result<DivisionCode, Refusal> {
    let division = DivisionCode::parse(text.trim()).map_err(|_| Refusal::field(field, "division-code"))?;
    crate::places::name(division).is_some().then_some(division).ok_or(Refusal::field(field, "division-unknown"))
}

/// A name as it is shown: trimmed, not empty, without control characters, not longer than anybody's.
pub(crate) fn checked_name(field: &'static str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::field(field, "empty"));
    }
    if text.chars().count() > NAME_MAX {
        return Err(Refusal::field(field, "too-long"));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::field(field, "control-characters"));
    }
    Ok(text.to_owned())
}

fn checked_login(text: &str) -> Result<String, Refusal> {
    let login = text.trim().to_lowercase();
    let fits = (3..=40).contains(&login.len())
        && login.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'@'));
    fits.then_some(login).ok_or(Refusal::field("login", "login-form"))
}

fn check_password(password: &str, repeated: &str, login: &str) -> Result<(), Refusal> {
    let count = password.chars().count();
    if count < PASSWORD_MIN {
        return Err(Refusal::field("password", "password-short"));
    }
    if count > PASSWORD_MAX {
        return Err(Refusal::field("password", "password-long"));
    }
    if password.to_lowercase().contains(login) {
        return Err(Refusal::field("password", "password-login"));
    }
    if password != repeated {
        return Err(Refusal::field("repeated", "password-differs"));
    }
    Ok(())
}

/// Ids that sort by time.
pub(crate) trait NowV7 {
    /// An id of this moment.
    fn now_v7_at(now: Instant) -> Self;
}

impl NowV7 for Uuid {
    fn now_v7_at(now: Instant) -> Self {
        let micros = now.as_micros().max(0) as u64;
        let time = uuid::Timestamp::from_unix(uuid::NoContext, micros / 1_000_000, (micros % 1_000_000) as u32 * 1_000);
        Self::new_v7(time)
    }
}

/// The word that forms of a session carry, so that no other site's page can send them.
pub fn form_word(token: &str) -> String {
    hex(&sha256(&[b"form", token.as_bytes()])[..16])
}
