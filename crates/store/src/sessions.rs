//! Sessions and failed sign-ins. What the browser holds is a random token; the store keeps its digest alone.

use sizao_model::Instant;
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    keys::sha256,
    store::Store,
};

/// A session of an account on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id, to show and to end it by; not what signs in.
    pub id: Uuid,
    /// Whose.
    pub account: Uuid,
    /// What the browser calls itself.
    pub device: String,
    /// When it began.
    pub made_at: Instant,
    /// When it was last used, to the minute.
    pub seen_at: Instant,
    /// When it ends by itself.
    pub expires_at: Instant,
}

struct Row {
    id: Uuid,
    account: Uuid,
    device: String,
    made_at: i64,
    seen_at: i64,
    expires_at: i64,
}
positional!(Row { id: 0, account: 1, device: 2, made_at: 3, seen_at: 4, expires_at: 5 });

impl Store {
    /// Begins a session; its token is given once, here.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin_session(
        &self,
        account: Uuid,
        device: &str,
        now: Instant,
        expires_at: Instant,
    ) -> Result<[u8; 32], StoreError> {
        let token = self.random_bytes::<32>();
        let id = self.session_id(&token, account);
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO session (token, id, account, device, made_at, seen_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $5, $6)",
            )
            .bind(sha256(&[&token]).to_vec()).bind(id).bind(account).bind(device).bind(now.as_micros())
            .bind(expires_at.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await?;
        Ok(token)
    }

    /// The session of a token, if it holds.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_session(&self, token: &[u8], now: Instant) -> Result<Option<SessionRecord>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT s.id, s.account, s.device, s.made_at, s.seen_at, s.expires_at FROM session s \
                 JOIN account a ON a.id = s.account \
                 WHERE s.token = $1 AND s.ended_at IS NULL AND s.expires_at > $2 AND a.closed_at IS NULL",
            )
            .bind(sha256(&[token]).to_vec()).bind(now.as_micros()).fetch_optional(pool).await?
        });
        Ok(row.filter(|row| row.id == self.session_id(token, row.account)).map(Row::into_record))
    }

    /// The id of a session says whose it is, under a key that the owner of the database does not have: a row that was
    /// put in, or given to another account, signs nobody in.
    fn session_id(&self, token: &[u8], account: Uuid) -> Uuid {
        Uuid::from_bytes(self.keys.assessment_mac(&[b"session", token, account.as_bytes()]))
    }

    /// Notes that a session was used and moves its end.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn touch_session(&self, id: Uuid, now: Instant, expires_at: Instant) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("UPDATE session SET seen_at = $2, expires_at = $3 WHERE id = $1 AND ended_at IS NULL")
                .bind(id).bind(now.as_micros()).bind(expires_at.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Sessions of an account that hold, latest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_sessions(&self, account: Uuid, now: Instant) -> Result<Vec<SessionRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT id, account, device, made_at, seen_at, expires_at FROM session \
                 WHERE account = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY seen_at DESC, id LIMIT 50",
            )
            .bind(account).bind(now.as_micros()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Ends a session of an account; of nobody else.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_session(&self, id: Uuid, account: Uuid, now: Instant) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let ended = on!(&mut tx, tx => {
            sqlx::query("UPDATE session SET ended_at = $3 WHERE id = $1 AND account = $2 AND ended_at IS NULL")
                .bind(id).bind(account).bind(now.as_micros()).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(ended == 1)
    }

    /// Counts a try to sign in before it is checked, so that tries made at once are all counted. Gives the failures so
    /// far, this one included, or until when the login is locked.
    ///
    /// - `lock`: how long a login is locked after so many failures; microseconds.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_try(
        &self,
        login: &str,
        now: Instant,
        lock: impl Fn(i64) -> i64,
    ) -> Result<Result<i64, Instant>, StoreError> {
        let key = self.keys.search_token(&[b"sign-in", login.as_bytes()]).to_vec();
        let mut tx = self.db.begin().await?;
        let outcome = on!(&mut tx, tx => {
            sqlx::query("INSERT INTO sign_in_failure (login, failures, locked_till, last_at) VALUES ($1, 0, 0, $2) ON CONFLICT (login) DO NOTHING")
                .bind(&key).bind(now.as_micros()).execute(&mut **tx).await?;
            // A try beyond the lock counts; one inside it does not and learns when the lock ends.
            let counted: Option<i64> = sqlx::query_scalar(
                "UPDATE sign_in_failure SET failures = failures + 1, last_at = $2 \
                 WHERE login = $1 AND locked_till <= $2 RETURNING failures",
            )
            .bind(&key).bind(now.as_micros()).fetch_optional(&mut **tx).await?;
            match counted {
                Some(failures) => {
                    sqlx::query("UPDATE sign_in_failure SET locked_till = $2 WHERE login = $1")
                        .bind(&key).bind(now.as_micros() + lock(failures)).execute(&mut **tx).await?;
                    Ok(failures)
                }
                None => {
                    let till: i64 = sqlx::query_scalar("SELECT locked_till FROM sign_in_failure WHERE login = $1")
                        .bind(&key).fetch_one(&mut **tx).await?;
                    Err(Instant::from_micros(till))
                }
            }
        });
        commit(tx).await?;
        Ok(outcome)
    }

    /// Forgets the failures of a login, after it signed in.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_tries(&self, login: &str) -> Result<(), StoreError> {
        let key = self.keys.search_token(&[b"sign-in", login.as_bytes()]).to_vec();
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("DELETE FROM sign_in_failure WHERE login = $1").bind(&key).execute(&mut **tx).await?;
        });
        commit(tx).await
    }
}

impl Row {
    fn into_record(self) -> SessionRecord {
        SessionRecord {
            id: self.id,
            account: self.account,
            device: self.device,
            made_at: Instant::from_micros(self.made_at),
            seen_at: Instant::from_micros(self.seen_at),
            expires_at: Instant::from_micros(self.expires_at),
        }
    }
}
