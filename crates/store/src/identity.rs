//! Units and accounts, and the one-time links by which people set their first password.

use sizao_model::{DivisionCode, Instant};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    keys::sha256,
    store::Store,
    vault::{division_key, division_range},
};

/// An organisation (机构) in a division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitRecord {
    /// Its id.
    pub id: Uuid,
    /// Its name, as its letterhead has it.
    pub name: String,
    /// What kind of organisation, as a word.
    pub kind: String,
    /// Where it is responsible.
    pub division: DivisionCode,
    /// When it was entered.
    pub made_at: Instant,
    /// When it ended, if it did.
    pub closed_at: Option<Instant>,
}

/// An account (账号). `Debug` shows neither password nor secret.
#[derive(Clone)]
pub struct AccountRecord {
    /// Its id.
    pub id: Uuid,
    /// Its unit.
    pub unit: Uuid,
    /// What is typed to sign in; lower case.
    pub login: String,
    /// Name of the holder.
    pub name: String,
    /// Role, as a word.
    pub role: String,
    /// PHC string of the password's hash; empty until the holder has set one.
    pub password: String,
    /// Secret of the time-based code.
    pub totp: Option<Vec<u8>>,
    /// Last time step whose code was used; older codes count no more.
    pub totp_step: i64,
    /// Made by the demonstration, in a store for demonstrations.
    pub demo: bool,
    /// When it was made.
    pub made_at: Instant,
    /// When it was closed, if it was.
    pub closed_at: Option<Instant>,
}

impl std::fmt::Debug for AccountRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRecord").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

/// A one-time link that may still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneTimeLink {
    /// Whose first password it sets; nobody: it makes the first administrator.
    pub account: Option<Uuid>,
    /// Until when it works.
    pub expires_at: Instant,
}

struct UnitRow {
    id: Uuid,
    name: String,
    kind: String,
    division: i64,
    made_at: i64,
    closed_at: Option<i64>,
    mac: Option<Vec<u8>>,
}
positional!(UnitRow { id: 0, name: 1, kind: 2, division: 3, made_at: 4, closed_at: 5, mac: 6 });

struct AccountRow {
    id: Uuid,
    unit: Uuid,
    login: String,
    name: String,
    role: String,
    password: String,
    totp: Option<Vec<u8>>,
    totp_step: i64,
    demo: i64,
    made_at: i64,
    closed_at: Option<i64>,
    mac: Option<Vec<u8>>,
}
positional!(AccountRow {
    id: 0,
    unit: 1,
    login: 2,
    name: 3,
    role: 4,
    password: 5,
    totp: 6,
    totp_step: 7,
    demo: 8,
    made_at: 9,
    closed_at: 10,
    mac: 11,
});

macro_rules! account_columns {
    () => {
        "SELECT a.id, a.unit, a.login, a.name, a.role, a.password, a.totp, a.totp_step, a.demo, a.made_at, a.closed_at, \
         a.mac \
         FROM account a "
    };
}

/// The seal of an account's secret names its place.
const PART_TOTP: i64 = 200;

impl Store {
    /// Enters a unit.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_unit(&self, unit: &UnitRecord) -> Result<(), StoreError> {
        let mac = self.unit_mac(unit.id, &unit.kind, division_key(unit.division), None);
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("INSERT INTO unit (id, name, kind, division, made_at, mac) VALUES ($1, $2, $3, $4, $5, $6)")
                .bind(unit.id).bind(&unit.name).bind(&unit.kind).bind(division_key(unit.division))
                .bind(unit.made_at.as_micros()).bind(mac).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// A unit.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_unit(&self, id: Uuid) -> Result<Option<UnitRecord>, StoreError> {
        let row: Option<UnitRow> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT id, name, kind, division, made_at, closed_at, mac FROM unit WHERE id = $1")
                .bind(id).fetch_optional(pool).await?
        });
        Ok(row.filter(|row| self.unit_fits(row)).map(UnitRow::into_record))
    }

    /// The units in a division and under it, by division; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_units(&self, within: DivisionCode, limit: u32) -> Result<Vec<UnitRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<UnitRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT id, name, kind, division, made_at, closed_at, mac FROM unit \
                 WHERE division >= $1 AND division < $2 ORDER BY division, name, id LIMIT $3",
            )
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().filter(|row| self.unit_fits(row)).map(UnitRow::into_record).collect())
    }

    /// Makes an account; `false` when its login is taken.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_account(&self, account: &AccountRecord) -> Result<bool, StoreError> {
        let totp = account.totp.as_ref().map(|secret| self.seal_vault(account.id, PART_TOTP, &hexed(secret)));
        let mac = self.account_mac(account, false);
        let mut tx = self.db.begin().await?;
        let added = on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO account (id, unit, login, name, role, password, totp, totp_step, demo, made_at, mac) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (login) DO NOTHING",
            )
            .bind(account.id).bind(account.unit).bind(&account.login).bind(&account.name).bind(&account.role)
            .bind(&account.password).bind(totp).bind(account.totp_step).bind(i64::from(account.demo))
            .bind(account.made_at.as_micros()).bind(mac).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(added == 1)
    }

    /// The account of a login, closed ones too.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn find_account(&self, login: &str) -> Result<Option<AccountRecord>, StoreError> {
        let row: Option<AccountRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(concat!(account_columns!(), "WHERE a.login = $1")).bind(login).fetch_optional(pool).await?
        });
        Ok(row.map(|row| self.account(row)).transpose()?.flatten())
    }

    /// An account.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn load_account(&self, id: Uuid) -> Result<Option<AccountRecord>, StoreError> {
        let row: Option<AccountRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(concat!(account_columns!(), "WHERE a.id = $1")).bind(id).fetch_optional(pool).await?
        });
        Ok(row.map(|row| self.account(row)).transpose()?.flatten())
    }

    /// The accounts of units in a division and under it, by login; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn list_accounts(&self, within: DivisionCode, limit: u32) -> Result<Vec<AccountRecord>, StoreError> {
        let (from, to) = division_range(within);
        let rows: Vec<AccountRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(concat!(
                account_columns!(),
                "JOIN unit u ON u.id = a.unit WHERE u.division >= $1 AND u.division < $2 ORDER BY a.login LIMIT $3"
            ))
            .bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        rows.into_iter().filter_map(|row| self.account(row).transpose()).collect()
    }

    /// Whether there is any account.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn has_accounts(&self) -> Result<bool, StoreError> {
        let found: Option<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT id FROM account LIMIT 1").fetch_optional(pool).await?
        });
        Ok(found.is_some())
    }

    /// Notes that the code of a time step was used; `false` when that step or a later one was used before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn use_totp_step(&self, account: Uuid, step: i64) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let used = on!(&mut tx, tx => {
            sqlx::query("UPDATE account SET totp_step = $2 WHERE id = $1 AND totp_step < $2")
                .bind(account).bind(step).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(used == 1)
    }

    /// Closes an account and ends its sessions.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close_account(&self, account: Uuid, now: Instant) -> Result<(), StoreError> {
        let Some(record) = self.load_account(account).await? else { return Ok(()) };
        let mac = self.account_mac(&record, true);
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("UPDATE account SET closed_at = $2, mac = $3 WHERE id = $1 AND closed_at IS NULL")
                .bind(account).bind(now.as_micros()).bind(mac).execute(&mut **tx).await?;
            sqlx::query("UPDATE session SET ended_at = $2 WHERE account = $1 AND ended_at IS NULL")
                .bind(account).bind(now.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Makes a one-time link; its token is given once, here.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_link(
        &self,
        account: Option<Uuid>,
        now: Instant,
        expires_at: Instant,
    ) -> Result<[u8; 24], StoreError> {
        let token = self.random_bytes::<24>();
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            // Links that were not used end when another is given for the same purpose.
            sqlx::query("UPDATE one_time_link SET expires_at = $2 WHERE used_at IS NULL AND expires_at > $2 AND (account = $1 OR ($1 IS NULL AND account IS NULL))")
                .bind(account).bind(now.as_micros()).execute(&mut **tx).await?;
            sqlx::query("INSERT INTO one_time_link (token, account, made_at, expires_at, mac) VALUES ($1, $2, $3, $4, $5)")
                .bind(sha256(&[&token]).to_vec()).bind(account).bind(now.as_micros()).bind(expires_at.as_micros())
                .bind(self.link_mac(&token, account, expires_at.as_micros())).execute(&mut **tx).await?;
        });
        commit(tx).await?;
        Ok(token)
    }

    /// The link of a token, if it may still be used.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_link(&self, token: &[u8], now: Instant) -> Result<Option<OneTimeLink>, StoreError> {
        let row: Option<(Option<Uuid>, i64, Option<Vec<u8>>)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT account, expires_at, mac FROM one_time_link WHERE token = $1 AND used_at IS NULL AND expires_at > $2")
                .bind(sha256(&[token]).to_vec()).bind(now.as_micros()).fetch_optional(pool).await?
        });
        let fits =
            |row: &(Option<Uuid>, i64, Option<Vec<u8>>)| row.2.as_deref() == Some(&*self.link_mac(token, row.0, row.1));
        let link = |(account, expires_at, _)| OneTimeLink { account, expires_at: Instant::from_micros(expires_at) };
        Ok(row.filter(fits).map(link))
    }

    /// Uses a link to set the first password of its account, or to make the first unit and administrator. All of it is
    /// one transaction; `false` when the link was used or ended meanwhile, or the login is taken.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn use_link(
        &self,
        token: &[u8],
        first_unit: Option<&UnitRecord>,
        account: &AccountRecord,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let totp = account.totp.as_ref().map(|secret| self.seal_vault(account.id, PART_TOTP, &hexed(secret)));
        let mac = self.account_mac(account, false);
        let of_unit = first_unit.map(|unit| self.unit_mac(unit.id, &unit.kind, division_key(unit.division), None));
        // Whose link it is was looked at before; here it counts once.
        if self.find_link(token, now).await?.is_none() {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let done = on!(&mut tx, tx => {
            let used = sqlx::query("UPDATE one_time_link SET used_at = $2 WHERE token = $1 AND used_at IS NULL AND expires_at > $2")
                .bind(sha256(&[token]).to_vec()).bind(now.as_micros()).execute(&mut **tx).await?.rows_affected();
            if used == 0 {
                false
            } else if let Some(unit) = first_unit {
                sqlx::query("INSERT INTO unit (id, name, kind, division, made_at, mac) VALUES ($1, $2, $3, $4, $5, $6)")
                    .bind(unit.id).bind(&unit.name).bind(&unit.kind).bind(division_key(unit.division))
                    .bind(unit.made_at.as_micros()).bind(of_unit).execute(&mut **tx).await?;
                sqlx::query(
                    "INSERT INTO account (id, unit, login, name, role, password, totp, totp_step, demo, made_at, mac) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10) ON CONFLICT (login) DO NOTHING",
                )
                .bind(account.id).bind(account.unit).bind(&account.login).bind(&account.name).bind(&account.role)
                .bind(&account.password).bind(totp).bind(account.totp_step).bind(account.made_at.as_micros())
                .bind(mac).execute(&mut **tx).await?.rows_affected() == 1
            } else {
                sqlx::query("UPDATE account SET password = $2, totp = $3, totp_step = $4, mac = $5 WHERE id = $1 AND closed_at IS NULL")
                    .bind(account.id).bind(&account.password).bind(totp).bind(account.totp_step).bind(mac)
                    .execute(&mut **tx).await?.rows_affected() == 1
            }
        });
        if done {
            commit(tx).await?;
        }
        Ok(done)
    }

    /// The account of a row; nobody where its MAC does not fit.
    fn account(&self, row: AccountRow) -> Result<Option<AccountRecord>, StoreError> {
        let Some(mac) = row.mac else { return Ok(None) };
        let secret = row.totp.map(|sealed| self.open_vault(row.id, PART_TOTP, &sealed)).transpose()?;
        let record = AccountRecord {
            id: row.id,
            unit: row.unit,
            login: row.login,
            name: row.name,
            role: row.role,
            password: row.password,
            totp: secret.and_then(|text| crate::keys::from_hex(&text)),
            totp_step: row.totp_step,
            demo: row.demo != 0,
            made_at: Instant::from_micros(row.made_at),
            closed_at: row.closed_at.map(Instant::from_micros),
        };
        Ok((self.account_mac(&record, record.closed_at.is_some()) == mac).then_some(record))
    }

    /// What seals an account: who it is, for which unit, with which role, and what it takes to sign in.
    fn account_mac(&self, account: &AccountRecord, closed: bool) -> Vec<u8> {
        let (totp, flags) = (account.totp.as_deref().unwrap_or_default(), [u8::from(account.demo), u8::from(closed)]);
        let mac = self.keys.assessment_mac(&[
            b"account",
            account.id.as_bytes(),
            account.unit.as_bytes(),
            account.login.as_bytes(),
            account.role.as_bytes(),
            account.password.as_bytes(),
            totp,
            &flags,
        ]);
        mac.to_vec()
    }

    fn unit_mac(&self, id: Uuid, kind: &str, division: i64, closed_at: Option<i64>) -> Vec<u8> {
        let closed = closed_at.unwrap_or(0).to_be_bytes();
        let parts: [&[u8]; 5] = [b"unit", id.as_bytes(), kind.as_bytes(), &division.to_be_bytes(), &closed];
        self.keys.assessment_mac(&parts).to_vec()
    }

    fn unit_fits(&self, row: &UnitRow) -> bool {
        row.mac.as_deref() == Some(&*self.unit_mac(row.id, &row.kind, row.division, row.closed_at))
    }

    fn link_mac(&self, token: &[u8], account: Option<Uuid>, expires_at: i64) -> Vec<u8> {
        let account = account.unwrap_or_default().into_bytes();
        let parts: [&[u8]; 4] = [b"one-time link", token, &account, &expires_at.to_be_bytes()];
        self.keys.assessment_mac(&parts).to_vec()
    }

    /// Logins of accounts and names of units that fit no seal: changed or put in by somebody without the key.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn unsealed_identities(&self) -> Result<Vec<String>, StoreError> {
        let (accounts, units): (Vec<AccountRow>, Vec<UnitRow>) = on!(self.db.reader(), pool => {
            (
                sqlx::query_as(concat!(account_columns!(), "ORDER BY a.login")).fetch_all(pool).await?,
                sqlx::query_as("SELECT id, name, kind, division, made_at, closed_at, mac FROM unit ORDER BY id")
                    .fetch_all(pool).await?,
            )
        });
        let mut found = Vec::new();
        for row in accounts {
            let login = row.login.clone();
            // A secret that does not open is no better than a MAC that does not fit.
            if !matches!(self.account(row), Ok(Some(_))) {
                found.push(format!("account {login}"));
            }
        }
        found.extend(units.iter().filter(|row| !self.unit_fits(row)).map(|row| format!("unit {}", row.id)));
        Ok(found)
    }

    /// Seals accounts and units of before there were seals; never those whose seal does not fit. How many.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn seal_identities(&self) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let (accounts, units): (Vec<AccountRow>, Vec<UnitRow>) = on!(&mut tx, tx => {
            (
                sqlx::query_as(concat!(account_columns!(), "WHERE a.mac IS NULL")).fetch_all(&mut **tx).await?,
                sqlx::query_as(
                    "SELECT id, name, kind, division, made_at, closed_at, mac FROM unit WHERE mac IS NULL",
                )
                .fetch_all(&mut **tx).await?,
            )
        });
        let sealed = (accounts.len() + units.len()) as u64;
        for row in accounts {
            let secret = row.totp.map(|totp| self.open_vault(row.id, PART_TOTP, &totp)).transpose()?;
            let (id, closed_at) = (row.id, row.closed_at.map(Instant::from_micros));
            let record = AccountRecord {
                id,
                unit: row.unit,
                login: row.login,
                name: row.name,
                role: row.role,
                password: row.password,
                totp: secret.and_then(|text| crate::keys::from_hex(&text)),
                totp_step: row.totp_step,
                demo: row.demo != 0,
                made_at: Instant::from_micros(row.made_at),
                closed_at,
            };
            let mac = self.account_mac(&record, closed_at.is_some());
            on!(&mut tx, tx => {
                sqlx::query("UPDATE account SET mac = $2 WHERE id = $1").bind(id).bind(mac).execute(&mut **tx).await?;
            });
        }
        for row in units {
            let mac = self.unit_mac(row.id, &row.kind, row.division, row.closed_at);
            on!(&mut tx, tx => {
                sqlx::query("UPDATE unit SET mac = $2 WHERE id = $1").bind(row.id).bind(mac).execute(&mut **tx).await?;
            });
        }
        commit(tx).await?;
        Ok(sealed)
    }
}

impl UnitRow {
    fn into_record(self) -> UnitRecord {
        UnitRecord {
            id: self.id,
            name: self.name,
            kind: self.kind,
            division: division_of(self.division),
            made_at: Instant::from_micros(self.made_at),
            closed_at: self.closed_at.map(Instant::from_micros),
        }
    }
}

/// The division of a key; keys come from divisions.
pub(crate) fn division_of(key: i64) -> DivisionCode {
    DivisionCode::parse(&format!("{key:012}")).unwrap_or(DivisionCode::HENAN)
}

fn hexed(bytes: &[u8]) -> Vec<u8> {
    crate::keys::hex(bytes).into_bytes()
}
