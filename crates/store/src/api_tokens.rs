//! Tokens of programs, kept as digests; and answers that were given under an idempotency key.

use sizao_model::Instant;
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    keys::sha256,
    store::Store,
};

/// What a program signs its requests with, on behalf of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiTokenRecord {
    /// Its id, to show and to end it by; not what signs in.
    pub id: Uuid,
    /// On whose behalf.
    pub account: Uuid,
    /// What its holder calls it.
    pub name: String,
    /// Words of the actions for which it may be used, separated by blanks.
    pub scopes: String,
    /// When it was made.
    pub made_at: Instant,
    /// When it was last used, to the minute.
    pub seen_at: Option<Instant>,
    /// When it ends by itself.
    pub expires_at: Instant,
}

/// What was answered under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAnswer {
    /// SHA-256 of what was sent.
    pub content: [u8; 32],
    /// What was answered, as JSON.
    pub answer: String,
    /// When.
    pub made_at: Instant,
}

struct Row {
    id: Uuid,
    account: Uuid,
    name: String,
    scopes: String,
    made_at: i64,
    seen_at: Option<i64>,
    expires_at: i64,
    mac: Option<Vec<u8>>,
}
positional!(Row { id: 0, account: 1, name: 2, scopes: 3, made_at: 4, seen_at: 5, expires_at: 6, mac: 7 });

impl Store {
    /// Keeps a new token; what its program sends is given once, here.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_api_token(&self, token: &ApiTokenRecord) -> Result<[u8; 32], StoreError> {
        let secret = self.random_bytes::<32>();
        let mac = self.token_mac(&secret, token.account, &token.scopes, token.expires_at.as_micros());
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO api_token (token, id, account, name, scopes, made_at, expires_at, mac) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(sha256(&[&secret]).to_vec()).bind(token.id).bind(token.account).bind(&token.name)
            .bind(&token.scopes).bind(token.made_at.as_micros()).bind(token.expires_at.as_micros())
            .bind(mac).execute(&mut **tx).await?;
        });
        commit(tx).await?;
        Ok(secret)
    }

    /// The token that a program sent, if it holds.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_api_token(&self, secret: &[u8], now: Instant) -> Result<Option<ApiTokenRecord>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT t.id, t.account, t.name, t.scopes, t.made_at, t.seen_at, t.expires_at, t.mac FROM api_token t \
                 JOIN account a ON a.id = t.account \
                 WHERE t.token = $1 AND t.ended_at IS NULL AND t.expires_at > $2 AND a.closed_at IS NULL",
            )
            .bind(sha256(&[secret]).to_vec()).bind(now.as_micros()).fetch_optional(pool).await?
        });
        let fits =
            |row: &Row| row.mac.as_deref() == Some(&*self.token_mac(secret, row.account, &row.scopes, row.expires_at));
        Ok(row.filter(fits).map(Row::into_record))
    }

    /// What a token may do and for whom, sealed: a row that was put in or changed opens nothing.
    fn token_mac(&self, secret: &[u8], account: Uuid, scopes: &str, expires_at: i64) -> Vec<u8> {
        let parts: [&[u8]; 5] = [b"token", secret, account.as_bytes(), scopes.as_bytes(), &expires_at.to_be_bytes()];
        self.keys.assessment_mac(&parts).to_vec()
    }

    /// Notes that a token was used.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn touch_api_token(&self, id: Uuid, now: Instant) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("UPDATE api_token SET seen_at = $2 WHERE id = $1 AND ended_at IS NULL")
                .bind(id).bind(now.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Tokens of an account that hold, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_api_tokens(
        &self,
        account: Uuid,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<ApiTokenRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT id, account, name, scopes, made_at, seen_at, expires_at, mac FROM api_token \
                 WHERE account = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY made_at DESC, id LIMIT $3",
            )
            .bind(account).bind(now.as_micros()).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Ends a token of an account; of nobody else.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_api_token(&self, id: Uuid, account: Uuid, now: Instant) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let ended = on!(&mut tx, tx => {
            sqlx::query("UPDATE api_token SET ended_at = $3 WHERE id = $1 AND account = $2 AND ended_at IS NULL")
                .bind(id).bind(account).bind(now.as_micros()).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(ended == 1)
    }

    /// What a unit was answered under an idempotency key.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_api_answer(&self, unit: Uuid, key: &str) -> Result<Option<ApiAnswer>, StoreError> {
        let asked = self.asked(unit, key);
        let row: Option<(Vec<u8>, String, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT content, answer, made_at FROM api_answer WHERE asked = $1")
                .bind(asked).fetch_optional(pool).await?
        });
        Ok(row.and_then(|(content, answer, made_at)| {
            Some(ApiAnswer { content: content.try_into().ok()?, answer, made_at: Instant::from_micros(made_at) })
        }))
    }

    /// Keeps an answer. When two requests of the same key were under way at once, the first one kept stands.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keep_api_answer(&self, unit: Uuid, key: &str, answer: &ApiAnswer) -> Result<(), StoreError> {
        let asked = self.asked(unit, key);
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO api_answer (asked, content, answer, made_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (asked) DO NOTHING",
            )
            .bind(asked).bind(answer.content.to_vec()).bind(&answer.answer).bind(answer.made_at.as_micros())
            .execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Keys of senders may lead to people: they are kept as tokens alone.
    fn asked(&self, unit: Uuid, key: &str) -> Vec<u8> {
        self.keys.search_token(&[b"idempotency", unit.as_bytes(), key.as_bytes()]).to_vec()
    }
}

impl Row {
    fn into_record(self) -> ApiTokenRecord {
        ApiTokenRecord {
            id: self.id,
            account: self.account,
            name: self.name,
            scopes: self.scopes,
            made_at: Instant::from_micros(self.made_at),
            seen_at: self.seen_at.map(Instant::from_micros),
            expires_at: Instant::from_micros(self.expires_at),
        }
    }
}
