//! Names and telephones of people, opened. The caller masks them, or records who looked and why.

use std::collections::HashMap;

use sizao_model::{DivisionCode, PersonId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{PART_FULL_NAME, PART_PHONES};
use crate::{
    db::{Either, on},
    error::StoreError,
    identity::division_of,
    store::Store,
};

/// What the vault says about a person beside names in lists. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub struct PersonDetails {
    /// Family and given name.
    pub full_name: Option<String>,
    /// Telephones.
    pub phones: Vec<String>,
}

impl std::fmt::Debug for PersonDetails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonDetails(***)")
    }
}

impl Store {
    /// Names and telephones of these people; those without any are left out.
    ///
    /// # Errors
    /// [`StoreError::Keys`] when an entry does not fit its seal, [`StoreError::Database`].
    pub async fn reveal_details(&self, people: &[PersonId]) -> Result<HashMap<PersonId, PersonDetails>, StoreError> {
        let mut rows: Vec<(Uuid, i64, Vec<u8>)> = Vec::new();
        match self.db.reader() {
            Either::Sqlite(pool) => {
                for chunk in people.chunks(500) {
                    let places = chunk.len().next_power_of_two();
                    let text = format!(
                        "SELECT person, part, sealed FROM vault_detail WHERE person IN ({}) ORDER BY person, part",
                        vec!["?"; places].join(",")
                    );
                    let mut query = sqlx::query_as(AssertSqlSafe(text));
                    for at in 0..places {
                        query = query.bind(chunk.get(at).map(|person| person.uuid()));
                    }
                    rows.extend(query.fetch_all(pool).await?);
                }
            }
            Either::Postgres(pool) => {
                let people: Vec<Uuid> = people.iter().map(|person| person.uuid()).collect();
                rows = sqlx::query_as(
                    "SELECT person, part, sealed FROM vault_detail WHERE person = ANY($1) ORDER BY person, part",
                )
                .bind(people)
                .fetch_all(pool)
                .await?;
            }
        }
        let mut found: HashMap<PersonId, PersonDetails> = HashMap::new();
        for (person, part, sealed) in rows {
            let text = self.open_vault(person, part, &sealed)?;
            let details = found.entry(PersonId::new(person)).or_default();
            if part == PART_FULL_NAME {
                details.full_name = Some(text);
            } else if part >= PART_PHONES {
                details.phones.push(text.split_once('\t').map_or(text.as_str(), |(_, number)| number).to_owned());
            }
        }
        Ok(found)
    }

    /// Where a person is looked after: by the vault, and by the stored assessment if there is one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn divisions_of(&self, person: PersonId) -> Result<Vec<DivisionCode>, StoreError> {
        let keys: Vec<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT division FROM person WHERE id = $1 UNION SELECT division FROM course WHERE person = $1 \
                 UNION SELECT division FROM assessment WHERE person = $1",
            )
            .bind(person.uuid()).fetch_all(pool).await?
        });
        Ok(keys.into_iter().map(division_of).collect())
    }
}
