//! Who put facts on record, and finding a person by the number by which people speak of them.

use std::collections::HashMap;

use sizao_model::{FactId, PersonId};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Either, positional},
    envelope::Channel,
    error::StoreError,
    store::Store,
};

/// On whose behalf a fact stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its leaf.
    pub leaf: u64,
    /// How it came in.
    pub channel: Option<Channel>,
    /// Holder and unit of the account that signed it; none where a node, a device or another system did.
    pub account: Option<(String, String)>,
    /// The recorder's name.
    pub recorder: String,
}

struct Row {
    id: Uuid,
    leaf: i64,
    channel: i64,
    recorder: String,
    holder: Option<String>,
    unit: Option<String>,
}
positional!(Row { id: 0, leaf: 1, channel: 2, recorder: 3, holder: 4, unit: 5 });

/// Bytes of a person's id that the number is made of, counted from 0.
const NUMBER: std::ops::Range<usize> = 11..16;

impl Store {
    /// Who put these facts on record.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn recorded(&self, facts: &[FactId]) -> Result<HashMap<FactId, Recorded>, StoreError> {
        let select = "SELECT f.id, f.leaf, f.channel, r.name, a.name, u.name FROM fact f \
                      JOIN recorder r ON r.id = f.recorder LEFT JOIN account_key k ON k.public_key = r.public_key \
                      LEFT JOIN account a ON a.id = k.account LEFT JOIN unit u ON u.id = a.unit WHERE f.id";
        let ids = Column::Id(facts.iter().map(|fact| fact.uuid()).collect());
        let rows: Vec<Row> = bulk::find(self.db.reader(), select, &ids, "").await?;
        let recorded = |row: Row| {
            let channel = u8::try_from(row.channel).ok().and_then(Channel::from_code);
            let account = row.holder.zip(row.unit);
            (FactId::new(row.id), Recorded { leaf: row.leaf as u64, channel, account, recorder: row.recorder })
        };
        Ok(rows.into_iter().map(recorded).collect())
    }

    /// Cases and contacts whose number is made of these bytes; as a rule one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_by_number(&self, number: [u8; NUMBER.end - NUMBER.start]) -> Result<Vec<PersonId>, StoreError> {
        let number = number.to_vec();
        let ids: Vec<Uuid> = match self.db.reader() {
            Either::Sqlite(pool) => {
                sqlx::query_scalar("SELECT person FROM course WHERE substr(person, 12, 5) = ?1 LIMIT 50")
                    .bind(number)
                    .fetch_all(pool)
                    .await?
            }
            Either::Postgres(pool) => {
                sqlx::query_scalar("SELECT person FROM course WHERE substr(uuid_send(person), 12, 5) = $1 LIMIT 50")
                    .bind(number)
                    .fetch_all(pool)
                    .await?
            }
        };
        Ok(ids.into_iter().map(PersonId::new).collect())
    }
}
