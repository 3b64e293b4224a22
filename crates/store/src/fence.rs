//! What the fence keeps between restarts, sealed and with a term; never a position, a time, or an order of towers.

use aes_gcm_siv::aead::{Aead, Payload};
use sizao_model::{CivilDay, FactId};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{commit, on},
    error::StoreError,
    store::Store,
};

/// What every sealed sketch is bound to.
const PLACE: &[u8] = b"fence sketch";

impl Store {
    /// The keyed hash of a tower; without the node's key nobody can try towers against it.
    pub fn fence_tower_hash(&self, tower: &[u8]) -> u64 {
        let token = self.keys.search_token(&[b"fence tower", tower]);
        u64::from_be_bytes(std::array::from_fn(|index| token[index]))
    }

    /// Puts these sketches, as bytes under a number of the person, in place of all that are kept.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_sketches(&self, sketches: &[(u64, Vec<u8>)], ends_on: CivilDay) -> Result<(), StoreError> {
        let seal = |plain: &[u8], token: &[u8]| {
            let nonce = self.random_bytes::<12>();
            let aad = [PLACE, token].concat();
            let sealed = self.keys.vault.encrypt(&nonce.into(), Payload { msg: plain, aad: &aad });
            [nonce.as_slice(), &sealed.expect("a sketch is within the cipher's limits")].concat()
        };
        let mut rows: Vec<(Vec<u8>, Vec<u8>)> = sketches
            .iter()
            .map(|(person, plain)| {
                let token = self.keys.search_token(&[b"fence person", &person.to_be_bytes()]).to_vec();
                let sealed = seal(plain, &token);
                (token, sealed)
            })
            .collect();
        rows.sort_unstable();
        let columns = [
            ("token", Column::Bytes(rows.iter().map(|row| row.0.clone()).collect())),
            ("sealed", Column::Bytes(rows.iter().map(|row| row.1.clone()).collect())),
            ("ends_on", Column::Int(vec![ends_on.number().into(); rows.len()])),
        ];
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => { sqlx::query("DELETE FROM fence_sketch").execute(&mut **tx).await?; });
        bulk::insert(&mut tx, "fence_sketch", "", &columns).await?;
        commit(tx).await
    }

    /// The sketches that are kept, opened; those that do not fit their seal are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn load_sketches(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT token, sealed FROM fence_sketch ORDER BY token").fetch_all(pool).await?
        });
        let open = |(token, sealed): (Vec<u8>, Vec<u8>)| {
            let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
            let aad = [PLACE, token.as_slice()].concat();
            self.keys.vault.decrypt(&(*nonce).into(), Payload { msg: sealed, aad: &aad }).ok()
        };
        Ok(rows.into_iter().filter_map(open).collect())
    }

    /// Number of people of whom a sketch is kept, and of questions whose words are.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_fence(&self) -> Result<(u64, u64), StoreError> {
        let (sketches, questions): (i64, i64) = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT (SELECT COUNT(*) FROM fence_sketch), (SELECT COUNT(*) FROM fence_question)")
                .fetch_one(pool).await?
        });
        Ok((sketches as u64, questions as u64))
    }

    /// Keeps why a question was asked, in words.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_fence_question(
        &self,
        fact: FactId,
        per_mille: i64,
        words: [&str; 2],
        ends_on: CivilDay,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO fence_question (fact, probability, zh, en, ends_on) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (fact) DO NOTHING",
            )
            .bind(fact.uuid()).bind(per_mille).bind(words[0]).bind(words[1]).bind(i64::from(ends_on.number()))
            .execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// Why these questions were asked: probability in thousandths, Chinese, English.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn fence_questions(&self, facts: &[FactId]) -> Result<Vec<(FactId, i64, String, String)>, StoreError> {
        let facts = Column::Id(facts.iter().map(|fact| fact.uuid()).collect());
        let select = "SELECT fact, probability, zh, en FROM fence_question WHERE fact";
        let rows: Vec<(Uuid, i64, String, String)> = bulk::find(self.db.lookup(), select, &facts, "").await?;
        Ok(rows.into_iter().map(|(fact, p, zh, en)| (FactId::new(fact), p, zh, en)).collect())
    }

    /// Destroys what is over by a day; with no day, everything.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_fence(&self, on: Option<CivilDay>) -> Result<u64, StoreError> {
        let upto = on.map_or(i64::MAX, |day| day.number().into());
        let mut tx = self.db.begin().await?;
        let done = on!(&mut tx, tx => {
            let sketches = sqlx::query("DELETE FROM fence_sketch WHERE ends_on <= $1").bind(upto)
                .execute(&mut **tx).await?.rows_affected();
            sqlx::query("DELETE FROM fence_question WHERE ends_on <= $1").bind(upto).execute(&mut **tx).await?;
            sketches
        });
        commit(tx).await?;
        Ok(done)
    }
}
