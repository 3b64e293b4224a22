//! Who bought drugs and for whom: sealed, read only for the follow-up that the rule allows, gone after its term.

use aes_gcm_siv::aead::{Aead, Payload};
use sizao_model::{CivilDay, DivisionCode, FactId, Instant, fact::RetentionClass};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    bulk::{self, Column},
    db::{commit, on},
    error::StoreError,
    facts::seeded,
    store::Store,
    vault::{division_key, division_range},
};

/// The named part of a sale, without the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleRecord {
    /// The report that counts the sale.
    pub fact: FactId,
    /// Where it was sold.
    pub institution: Uuid,
    /// Where that is.
    pub division: DivisionCode,
    /// On which day.
    pub sold_on: CivilDay,
    /// Last day on which the names are kept.
    pub term_on: CivilDay,
}

/// A row with its sealed part: fact, institution, division, days, key.
type Sealed = (Uuid, Uuid, i64, i64, i64, i64, Vec<u8>);

impl Store {
    /// Keeps the named part of a sale under the key of its day; once for each report.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Erasure`] when the names of that day were erased.
    pub async fn keep_sale(&self, sale: &SaleRecord, named: &str, now: Instant) -> Result<(), StoreError> {
        let mut fill = seeded(self.random_bytes::<32>());
        let key_day = now.day();
        let key = self.keys.data_key(&self.db, RetentionClass::Sale, key_day, &mut fill).await?;
        let place = sale.fact.uuid();
        let payload = Payload { msg: named.as_bytes(), aad: place.as_bytes() };
        let nonce = self.random_bytes::<12>();
        let text = key.cipher.encrypt(&nonce.into(), payload).expect("an entry is within the cipher's limits");
        let sealed = [&nonce[..], &text].concat();
        let columns = [
            ("fact", Column::Id(vec![place])),
            ("institution", Column::Id(vec![sale.institution])),
            ("division", Column::Int(vec![division_key(sale.division)])),
            ("sold_on", Column::Int(vec![sale.sold_on.number().into()])),
            ("key_day", Column::Int(vec![key_day.number().into()])),
            ("term_on", Column::Int(vec![sale.term_on.number().into()])),
            ("data_key", Column::Int(vec![key.no])),
            ("sealed", Column::Bytes(vec![sealed])),
        ];
        let mut tx = self.db.begin().await?;
        bulk::insert(&mut tx, "sale_person", "ON CONFLICT (fact) DO NOTHING", &columns).await?;
        commit(tx).await
    }

    /// Sales of a division from a day on whose names are still kept, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sales_kept(
        &self,
        within: DivisionCode,
        from: CivilDay,
        limit: u32,
    ) -> Result<Vec<SaleRecord>, StoreError> {
        let (low, high) = division_range(within);
        let rows: Vec<(Uuid, Uuid, i64, i64, i64)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT fact, institution, division, sold_on, term_on FROM sale_person \
                 WHERE division >= $1 AND division < $2 AND sold_on >= $3 ORDER BY sold_on DESC, fact DESC LIMIT $4",
            )
            .bind(low).bind(high).bind(i64::from(from.number())).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(record).collect())
    }

    /// The named part of a sale and where it was; none after its term.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`] when it does not open.
    pub async fn open_sale(&self, fact: FactId) -> Result<Option<(SaleRecord, Zeroizing<String>)>, StoreError> {
        let row: Option<Sealed> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT fact, institution, division, sold_on, term_on, data_key, sealed FROM sale_person WHERE fact = $1",
            )
            .bind(fact.uuid()).fetch_optional(pool).await?
        });
        let Some((id, institution, division, sold_on, term_on, key_no, sealed)) = row else { return Ok(None) };
        let key = match self.keys.by_no(key_no) {
            Some(key) => key,
            None => match self.keys.refresh(&self.db, key_no).await? {
                Some(key) => key,
                None => return Ok(None),
            },
        };
        let damaged = || StoreError::Keys("the named part of a sale does not open".to_owned());
        let (nonce, text) = sealed.split_first_chunk::<12>().ok_or_else(damaged)?;
        let payload = Payload { msg: text, aad: id.as_bytes() };
        let plain = key.cipher.decrypt(&(*nonce).into(), payload).map_err(|_| damaged())?;
        let plain = String::from_utf8(plain).map_err(|_| damaged())?;
        Ok(Some((record((id, institution, division, sold_on, term_on)), Zeroizing::new(plain))))
    }

    /// Days under whose keys every kept sale is past its term.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn sale_days_past_term(&self, today: CivilDay) -> Result<Vec<CivilDay>, StoreError> {
        let days: Vec<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT key_day FROM sale_person GROUP BY key_day HAVING MAX(term_on) < $1 ORDER BY key_day LIMIT 400")
                .bind(i64::from(today.number())).fetch_all(pool).await?
        });
        Ok(days.into_iter().map(|day| CivilDay::from_number(day as i32)).collect())
    }

    /// Takes the rows of a day away, after its key was destroyed.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn drop_sales(&self, key_day: CivilDay) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let dropped = on!(&mut tx, tx => {
            sqlx::query("DELETE FROM sale_person WHERE key_day = $1")
                .bind(i64::from(key_day.number())).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(dropped)
    }
}

fn record((fact, institution, division, sold_on, term_on): (Uuid, Uuid, i64, i64, i64)) -> SaleRecord {
    SaleRecord {
        fact: FactId::new(fact),
        institution,
        division: crate::identity::division_of(division),
        sold_on: CivilDay::from_number(sold_on as i32),
        term_on: CivilDay::from_number(term_on as i32),
    }
}
