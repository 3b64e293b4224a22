//! What is derived from the log: which facts name whom, whom they concern, and the assessments. All of it can be
//! rebuilt.
//!
//! A projection remembers how far it has read the log; what lies beyond is the work that is owed. A fact and that work
//! are therefore one commit, and a process that dies loses neither.

mod assessments;
mod mentions;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

pub use self::{
    assessments::StoredAssessment,
    mentions::{MentionEntry, MentionKey, SAMPLED_BLOCK, SampledBlock},
};
use crate::{
    db::{commit, on},
    error::StoreError,
    keys::{hex, sha256},
    store::Store,
    tiered::index_intake,
};

impl Store {
    /// How far a projection has read the log.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn watermark(&self, projection: &'static str) -> Result<u64, StoreError> {
        let leaf: Option<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT leaf FROM watermark WHERE projection = $1")
                .bind(projection).fetch_optional(pool).await?
        });
        Ok(leaf.unwrap_or(0) as u64)
    }

    /// Forgets every projection; the log is read again from its beginning. The index of intake keys is made at once.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn clear_projections(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for table in [
                "mention", "mention_recent", "concerned", "assessment", "sentinel_report", "appeal", "closed_loop",
                "loop_changed", "watched", "watched_register", "watch_freeze", "figure", "refused_order", "watermark",
                "arrival", "arrival_key", "inspection", "lane_journey", "disinfection", "tube", "swab", "self_test",
                "key_member", "key_pause", "screening_round", "sampled_block",
            ] {
                sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut **tx).await?;
            }
        });
        commit(tx).await?;
        index_intake(&self.db).await
    }

    /// What stored assessments owe to the packs in force.
    ///
    /// - `standing`: digest of packs, program and the last moment at which packs changed.
    /// - `coverage`: digest of the program and of what decides whom a fact concerns. Where it differs the assessments are
    ///   forgotten, and the log is read again.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn assess_under(&self, standing: &[u8; 32], coverage: &[u8; 32]) -> Result<Owed, StoreError> {
        let before: Option<String> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT value FROM meta WHERE name = 'assessed_under'").fetch_optional(pool).await?
        });
        let now = under(standing, coverage);
        if before.as_ref() == Some(&now) {
            return Ok(Owed::Nothing);
        }
        if before.as_ref().is_some_and(|before| before.ends_with(&hex(coverage))) {
            return Ok(Owed::Concerned);
        }
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for text in [
                "DELETE FROM assessment",
                "DELETE FROM concerned",
                "DELETE FROM watermark WHERE projection = 'assessment'",
            ] {
                sqlx::query(text).execute(&mut **tx).await?;
            }
        });
        note_assessed_under(&mut tx, &now).await?;
        commit(tx).await?;
        Ok(if before.is_some() { Owed::Everything } else { Owed::Nothing })
    }

    /// Notes that everybody concerned was assessed under the packs in force.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn assessed_under(&self, standing: &[u8; 32], coverage: &[u8; 32]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        note_assessed_under(&mut tx, &under(standing, coverage)).await?;
        commit(tx).await
    }

    /// SHA-256 over index and answers in their order: equal before and after a rebuild.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn projection_digest(&self) -> Result<[u8; 32], StoreError> {
        use futures_util::TryStreamExt;
        let mut digest = [0; 32];
        on!(self.db.reader(), pool => {
            let mut rows = sqlx::query_as::<_, (Vec<u8>, i64)>("SELECT key, leaf FROM mention UNION ALL SELECT key, leaf FROM mention_recent ORDER BY key, leaf").fetch(pool);
            while let Some((key, leaf)) = rows.try_next().await? {
                digest = sha256(&[&digest, &key, &leaf.to_be_bytes()]);
            }
            let mut rows =
                sqlx::query_as::<_, (Uuid, String)>("SELECT person, answer FROM assessment ORDER BY person").fetch(pool);
            while let Some((person, answer)) = rows.try_next().await? {
                digest = sha256(&[&digest, person.as_bytes(), answer.as_bytes()]);
            }
        });
        Ok(digest)
    }
}

/// What is owed when other packs are in force than those under which assessments were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// Nothing.
    Nothing,
    /// Everybody whom a strong fact ever concerned is assessed again.
    Concerned,
    /// The log is read again from its beginning.
    Everything,
}

fn under(standing: &[u8; 32], coverage: &[u8; 32]) -> String {
    format!("{} {}", hex(standing), hex(coverage))
}

async fn note_assessed_under(tx: &mut crate::db::Tx, under: &str) -> Result<(), StoreError> {
    on!(tx, tx => {
        sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('assessed_under', $1) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(under).execute(&mut **tx).await?;
    });
    Ok(())
}

pub(crate) async fn set_watermark(
    tx: &mut crate::db::Tx,
    projection: &'static str,
    leaf: u64,
) -> Result<(), StoreError> {
    on!(tx, tx => {
        sqlx::query(
            "INSERT INTO watermark (projection, leaf) VALUES ($1, $2) \
             ON CONFLICT (projection) DO UPDATE SET leaf = excluded.leaf WHERE watermark.leaf < excluded.leaf",
        )
        .bind(projection).bind(leaf as i64).execute(&mut **tx).await?;
    });
    Ok(())
}
