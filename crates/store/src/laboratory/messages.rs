//! The queue of messages of laboratories that could not be taken in: mended and sent again, or dropped.

use sizao_model::{DivisionCode, Instant};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::division_key,
};

/// Part of a seal: what came.
const TEXT: i64 = 201;

/// A message that could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabMessageRecord {
    /// Its id, made of unit and content.
    pub id: Uuid,
    /// The unit that sent it.
    pub unit: Uuid,
    /// Where that unit is.
    pub division: DivisionCode,
    /// When it came.
    pub received_at: Instant,
    /// `hl7v2` or `fhir-r4`.
    pub form: String,
    /// The sender's own id of it, where it could be read.
    pub label: String,
    /// Why it could not be taken in; never with a name.
    pub reason: String,
    /// How many bytes it had.
    pub bytes: i64,
    /// 0 waits, 1 mended, 2 dropped.
    pub state: i64,
}

struct Row {
    id: Uuid,
    unit: Uuid,
    division: i64,
    received_at: i64,
    form: String,
    label: String,
    reason: String,
    bytes: i64,
    state: i64,
}
positional!(Row { id: 0, unit: 1, division: 2, received_at: 3, form: 4, label: 5, reason: 6, bytes: 7, state: 8 });

macro_rules! messages {
    ($where:literal) => {
        concat!(
            "SELECT id, unit, division, received_at, form, label, reason, bytes, state FROM lab_message WHERE ",
            $where
        )
    };
}

impl Store {
    /// Keeps a message with the reason; the same message of a unit is kept once, with the latest reason, and waits
    /// again. False, and nothing kept, where `max` of the unit wait.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn keep_lab_message(
        &self,
        message: &LabMessageRecord,
        digest: [u8; 32],
        text: &str,
        max: u32,
    ) -> Result<bool, StoreError> {
        let sealed = self.seal_vault(message.id, TEXT, text.as_bytes());
        let mut tx = self.db.begin().await?;
        let fits = on!(&mut tx, tx => {
            let again = sqlx::query(
                "UPDATE lab_message SET reason = $3, state = 0, sealed = $4 WHERE unit = $1 AND digest = $2 AND id = $5",
            )
            .bind(message.unit).bind(digest.to_vec()).bind(&message.reason).bind(&sealed).bind(message.id)
            .execute(&mut **tx).await?.rows_affected();
            let open: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM lab_message WHERE unit = $1 AND state = 0")
                .bind(message.unit).fetch_one(&mut **tx).await?;
            if again == 0 && open < i64::from(max) {
                sqlx::query(
                    "INSERT INTO lab_message (id, unit, division, received_at, form, label, digest, reason, bytes, sealed, \
                     state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)",
                )
                .bind(message.id).bind(message.unit).bind(division_key(message.division))
                .bind(message.received_at.as_micros()).bind(&message.form).bind(&message.label)
                .bind(digest.to_vec()).bind(&message.reason).bind(message.bytes).bind(sealed)
                .execute(&mut **tx).await?;
            }
            again > 0 || open < i64::from(max)
        });
        commit(tx).await?;
        Ok(fits)
    }

    /// The messages of a unit that wait, the oldest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn lab_messages_of(&self, unit: Uuid, limit: u32) -> Result<Vec<LabMessageRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(messages!("unit = $1 AND state = 0 ORDER BY received_at, id LIMIT $2"))
                .bind(unit).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// A message of a unit, with what came.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn load_lab_message(
        &self,
        unit: Uuid,
        id: Uuid,
    ) -> Result<Option<(LabMessageRecord, String)>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(messages!("unit = $1 AND id = $2")).bind(unit).bind(id).fetch_optional(pool).await?
        });
        let Some(row) = row else { return Ok(None) };
        let sealed: Vec<u8> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT sealed FROM lab_message WHERE id = $1").bind(id).fetch_one(pool).await?
        });
        let text = self.open_vault(id, TEXT, &sealed)?;
        Ok(Some((row.into_record(), text)))
    }

    /// Closes a message that waits; what came goes, the reason stays. Whether it waited.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn close_lab_message(
        &self,
        (unit, id): (Uuid, Uuid),
        state: i64,
        by: Uuid,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let emptied = self.seal_vault(id, TEXT, b"");
        let mut tx = self.db.begin().await?;
        let done = on!(&mut tx, tx => {
            sqlx::query(
                "UPDATE lab_message SET state = $3, done_at = $4, account = $5, sealed = $6 WHERE unit = $1 AND id = $2 \
                 AND state = 0",
            )
            .bind(unit).bind(id).bind(state).bind(now.as_micros()).bind(by).bind(emptied)
            .execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(done == 1)
    }
}

impl Row {
    fn into_record(self) -> LabMessageRecord {
        LabMessageRecord {
            id: self.id,
            unit: self.unit,
            division: division_of(self.division),
            received_at: Instant::from_micros(self.received_at),
            form: self.form,
            label: self.label,
            reason: self.reason,
            bytes: self.bytes,
            state: self.state,
        }
    }
}
