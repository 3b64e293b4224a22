//! Mandates (采集授权): leave to collect one kind of data in an area for a time.

use sizao_model::{DivisionCode, FactId, Instant, fact::Mandate};
use uuid::Uuid;

use crate::{
    db::{commit, on, positional},
    error::StoreError,
    identity::division_of,
    store::Store,
    vault::{division_key, division_range},
};

/// A mandate, proposed or in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MandateRecord {
    /// Its id.
    pub id: Uuid,
    /// What may be collected, as a word.
    pub collection: String,
    /// Where.
    pub area: DivisionCode,
    /// Law and article.
    pub legal_basis: String,
    /// Who gives it.
    pub authority: String,
    /// What for.
    pub purpose: String,
    /// Where the impact assessment is kept.
    pub impact_assessment: String,
    /// From when.
    pub starts_at: Instant,
    /// When it ends by itself.
    pub ends_at: Instant,
    /// Who proposed it.
    pub proposed_by: Uuid,
    /// When it was proposed.
    pub proposed_at: Instant,
    /// The second signature: who, when, and the fact in the log.
    pub signed: Option<(Uuid, Instant, FactId)>,
    /// When it was ended early, and by whom.
    pub ended: Option<(Instant, Uuid)>,
}

impl MandateRecord {
    /// What the log says of it once it is signed.
    pub fn body(&self) -> Mandate {
        Mandate {
            legal_basis: self.legal_basis.as_str().into(),
            authority: self.authority.as_str().into(),
            purpose: self.purpose.as_str().into(),
            collection: self.collection.as_str().into(),
            area: self.area,
            until: self.ends_at,
            impact_assessment: self.impact_assessment.as_str().into(),
        }
    }
}

struct Row {
    id: Uuid,
    collection: String,
    area: i64,
    legal_basis: String,
    authority: String,
    purpose: String,
    impact_assessment: String,
    starts_at: i64,
    ends_at: i64,
    proposed_by: Uuid,
    proposed_at: i64,
    signed_by: Option<Uuid>,
    signed_at: Option<i64>,
    fact: Option<Uuid>,
    ended_at: Option<i64>,
    ended_by: Option<Uuid>,
}
positional!(Row {
    id: 0,
    collection: 1,
    area: 2,
    legal_basis: 3,
    authority: 4,
    purpose: 5,
    impact_assessment: 6,
    starts_at: 7,
    ends_at: 8,
    proposed_by: 9,
    proposed_at: 10,
    signed_by: 11,
    signed_at: 12,
    fact: 13,
    ended_at: 14,
    ended_by: 15,
});

macro_rules! mandates {
    ($condition:literal) => {
        concat!(
            "SELECT id, collection, area, legal_basis, authority, purpose, impact_assessment, starts_at, ends_at, \
             proposed_by, proposed_at, signed_by, signed_at, fact, ended_at, ended_by FROM mandate WHERE ",
            $condition
        )
    };
}

impl Store {
    /// Keeps a proposal.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn propose_mandate(&self, mandate: &MandateRecord) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO mandate (id, collection, area, legal_basis, authority, purpose, impact_assessment, \
                 starts_at, ends_at, proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            )
            .bind(mandate.id).bind(&mandate.collection).bind(division_key(mandate.area)).bind(&mandate.legal_basis)
            .bind(&mandate.authority).bind(&mandate.purpose).bind(&mandate.impact_assessment)
            .bind(mandate.starts_at.as_micros()).bind(mandate.ends_at.as_micros()).bind(mandate.proposed_by)
            .bind(mandate.proposed_at.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Puts the second signature; `false` when it was signed or ended before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sign_mandate(&self, id: Uuid, by: Uuid, at: Instant, fact: FactId) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let signed = on!(&mut tx, tx => {
            sqlx::query("UPDATE mandate SET signed_by = $2, signed_at = $3, fact = $4 WHERE id = $1 AND signed_by IS NULL AND ended_at IS NULL")
                .bind(id).bind(by).bind(at.as_micros()).bind(fact.uuid()).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(signed == 1)
    }

    /// Ends a mandate early; `false` when it ended before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn end_mandate(&self, id: Uuid, by: Uuid, at: Instant) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let ended = on!(&mut tx, tx => {
            sqlx::query("UPDATE mandate SET ended_at = $3, ended_by = $2 WHERE id = $1 AND ended_at IS NULL")
                .bind(id).bind(by).bind(at.as_micros()).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(ended == 1)
    }

    /// A mandate.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_mandate(&self, id: Uuid) -> Result<Option<MandateRecord>, StoreError> {
        let row: Option<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(mandates!("id = $1")).bind(id).fetch_optional(pool).await?
        });
        Ok(row.map(Row::into_record))
    }

    /// Mandates of areas in a division and under it, and of the areas that hold it, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_mandates(&self, within: DivisionCode, limit: u32) -> Result<Vec<MandateRecord>, StoreError> {
        let (from, to) = division_range(within);
        let above: Vec<i64> = above(within);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(mandates!(
                "(area >= $1 AND area < $2) OR area = $3 OR area = $4 OR area = $5 ORDER BY proposed_at DESC, id LIMIT $6"
            ))
            .bind(from).bind(to).bind(above[0]).bind(above[1]).bind(above[2]).bind(i64::from(limit))
            .fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }

    /// Mandates for a collection that hold at a moment and were signed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn mandates_in_force(&self, collection: &str, at: Instant) -> Result<Vec<MandateRecord>, StoreError> {
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as(mandates!(
                "collection = $1 AND signed_by IS NOT NULL AND starts_at <= $2 AND ends_at > $2 \
                 AND (ended_at IS NULL OR ended_at > $2) ORDER BY area LIMIT 1000"
            ))
            .bind(collection).bind(at.as_micros()).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Row::into_record).collect())
    }
}

/// The keys of province, city and county in which a division lies; the division's own where there is none.
fn above(division: DivisionCode) -> Vec<i64> {
    use sizao_model::division::DivisionLevel::{City, County, Province};
    [Province, City, County].map(|level| division_key(division.at(level).unwrap_or(division))).into()
}

impl Row {
    fn into_record(self) -> MandateRecord {
        let at = Instant::from_micros;
        let signed = self.signed_by.zip(self.signed_at).zip(self.fact);
        MandateRecord {
            id: self.id,
            collection: self.collection,
            area: division_of(self.area),
            legal_basis: self.legal_basis,
            authority: self.authority,
            purpose: self.purpose,
            impact_assessment: self.impact_assessment,
            starts_at: at(self.starts_at),
            ends_at: at(self.ends_at),
            proposed_by: self.proposed_by,
            proposed_at: at(self.proposed_at),
            signed: signed.map(|((by, when), fact)| (by, at(when), FactId::new(fact))),
            ended: self.ended_at.zip(self.ended_by).map(|(when, by)| (at(when), by)),
        }
    }
}
