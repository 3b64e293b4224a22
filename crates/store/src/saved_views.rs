//! Lists of people that an account comes back to.

use sizao_model::{DivisionCode, Instant};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::division_key,
};

/// A list under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub account: Uuid,
    /// How its owner calls it.
    pub name: String,
    /// Which group of people, as a word.
    pub group: String,
    /// Of which division.
    pub division: DivisionCode,
    /// When it was saved.
    pub made_at: Instant,
}

struct Row {
    id: Uuid,
    account: Uuid,
    name: String,
    group: String,
    division: i64,
    made_at: i64,
}
positional!(Row { id: 0, account: 1, name: 2, group: 3, division: 4, made_at: 5 });

impl Store {
    /// Saves a list; one of the same name is replaced. False, and nothing saved, where the account has `max` others.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_view(&self, view: &SavedView, max: u32) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let fits = on!(&mut tx, tx => {
            let others: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM saved_view WHERE account = $1 AND name <> $2")
                .bind(view.account).bind(&view.name).fetch_one(&mut **tx).await?;
            if others < i64::from(max) {
                sqlx::query(
                    "INSERT INTO saved_view (id, account, name, grouping, division, made_at) VALUES ($1, $2, $3, $4, $5, $6) \
                     ON CONFLICT (account, name) DO UPDATE SET grouping = excluded.grouping, division = excluded.division",
                )
                .bind(view.id).bind(view.account).bind(&view.name).bind(&view.group)
                .bind(division_key(view.division)).bind(view.made_at.as_micros()).execute(&mut **tx).await?;
            }
            others < i64::from(max)
        });
        commit(tx).await?;
        Ok(fits)
    }

    /// The lists of an account, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn saved_views(&self, account: Uuid) -> Result<Vec<SavedView>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT id, account, name, grouping, division, made_at FROM saved_view WHERE account = $1 ORDER BY made_at, id")
                .bind(account).fetch_all(pool).await?
        });
        let view = |row: Row| SavedView {
            id: row.id,
            account: row.account,
            name: row.name,
            group: row.group,
            division: division_of(row.division),
            made_at: Instant::from_micros(row.made_at),
        };
        Ok(rows.into_iter().map(view).collect())
    }

    /// Forgets a list of an account; whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn drop_view(&self, account: Uuid, id: Uuid) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let gone = on!(&mut tx, tx => {
            sqlx::query("DELETE FROM saved_view WHERE account = $1 AND id = $2")
                .bind(account).bind(id).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(gone > 0)
    }
}
