//! Which days of a class are kept, and on which of them something open rests.

use std::collections::HashSet;

use sizao_model::{CivilDay, PersonId, fact::RetentionClass};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::on,
    error::StoreError,
    store::Store,
};

/// Days of a class that one look gives.
const DAYS_MAX: i64 = 4_000;
/// People looked up at once.
const PEOPLE: usize = 5_000;

impl Store {
    /// Days of a class before a day that were not erased, oldest first, with the number of their key.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn days_kept(&self, class: RetentionClass, before: CivilDay) -> Result<Vec<(CivilDay, i64)>, StoreError> {
        let rows: Vec<(i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT day, no FROM data_key WHERE purpose = $1 AND day < $2 AND certificate IS NULL \
                 ORDER BY day LIMIT $3",
            )
            .bind(i64::from(class.code())).bind(i64::from(before.number())).bind(DAYS_MAX).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(day, no)| (CivilDay::from_number(day as i32), no)).collect())
    }

    /// People with an open loop or an undecided appeal.
    async fn people_in_use(&self) -> Result<Vec<PersonId>, StoreError> {
        let people: Vec<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT person FROM closed_loop WHERE ended_at IS NULL OR owed = 1 \
                 UNION SELECT person FROM appeal WHERE outcome = 0",
            )
            .fetch_all(pool).await?
        });
        Ok(people.into_iter().map(PersonId::new).collect())
    }

    /// How many people have an open loop or an undecided appeal.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_in_use(&self) -> Result<u64, StoreError> {
        Ok(self.people_in_use().await?.len() as u64)
    }

    /// Keys of days on which something about a person with an open loop or appeal was recorded.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keys_in_use(&self) -> Result<HashSet<i64>, StoreError> {
        let mut keys = HashSet::new();
        for people in self.people_in_use().await?.chunks(PEOPLE) {
            let about = self.leaves_about(people).await?;
            let leaves: Vec<i64> = about.values().flatten().map(|(leaf, _)| *leaf as i64).collect();
            let select = "SELECT data_key FROM fact WHERE leaf";
            let found: Vec<(i64,)> = bulk::find(self.db.lookup(), select, &Column::Int(leaves), "").await?;
            keys.extend(found.into_iter().map(|(key,)| key));
        }
        Ok(keys)
    }
}
