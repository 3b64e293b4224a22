//! Erasure: the bodies of one retention class and day go, with their key; the log keeps that they were there.

use sizao_model::{
    CivilDay, DivisionCode, FactId, Happened, Instant, PersonId,
    fact::{Erasure, RetentionClass},
};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Either, Tx, commit, on},
    envelope::Channel,
    error::StoreError,
    facts::{Receipt, Submission, lock_head, recorder_id},
    keys::{hex, sha256},
    seal::{IntakeKey, NewFact},
    store::Store,
};

/// That bodies were erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Counted from 1 in each store.
    pub number: u64,
    /// How many bodies went.
    pub bodies: u64,
    /// The erasure in the log.
    pub leaf: u64,
    /// People whose assessments have to be made again.
    pub people: Vec<PersonId>,
}

impl Store {
    /// Erases every body of a retention class that was recorded on a day, with the key that encrypted them.
    ///
    /// One transaction writes the erasure into the log, destroys the key and takes the bodies. SQLite then overwrites
    /// the freed pages and empties its write-ahead log. PostgreSQL is vacuumed, but its own write-ahead log keeps bodies
    /// and wrapped key until it is recycled: whoever has that and the master key of that time can read them until then.
    /// Rotating the master key and destroying the old one ends that.
    ///
    /// # Errors
    /// [`StoreError::Erasure`] when there is nothing to erase or the class is never erased, [`StoreError::Database`].
    pub async fn erase(
        &self,
        class: RetentionClass,
        recorded_on: CivilDay,
        basis: &str,
        now: Instant,
    ) -> Result<Certificate, StoreError> {
        if class == RetentionClass::Governance {
            return Err(StoreError::Erasure("decisions are never erased: they name no one under measures".to_owned()));
        }
        self.add_recorder("node", &self.public_key(), now).await?;
        let source = self.source("node").await?;
        let day_key = self.data_key_for_governance(now).await?;
        let mut tx = self.db.begin().await?;
        let frontier = lock_head(&mut tx).await?;
        let key_no = find_key(&mut tx, class, recorded_on).await?;
        let (bodies, digest) = count_bodies(&mut tx, key_no).await?;
        let people = people_named(&mut tx, key_no).await?;
        let number = next_certificate(&mut tx).await?;
        let fact = NewFact {
            id: self.new_fact_id(now),
            person: None,
            division: DivisionCode::HENAN,
            happened: Happened::at(now),
            recorded_at: now,
            body: Erasure {
                certificate: number,
                class,
                recorded_on,
                bodies,
                ids_digest: hex(&digest).into(),
                basis: basis.into(),
            }
            .into(),
            recorder: recorder_id(&self.public_key()),
            channel: Channel::System,
            source,
            intake_key: IntakeKey::Sender(format!("erasure {number}").into()),
        };
        let sealed = crate::seal::SealedFact::seal(fact, &self.keys, &day_key, &self.random_bytes());
        let submission = Submission::sign(std::slice::from_ref(&sealed), &self.keys.signing);
        let receipts = self.append_in(&mut tx, vec![sealed], &submission, frontier, now).await?;
        let [Receipt::Stored { leaf, .. }] = receipts[..] else {
            return Err(StoreError::Erasure(format!("certificate {number} was given already")));
        };
        take_bodies(&mut tx, key_no, number, leaf).await?;
        forget_derived(&mut tx, key_no, &people).await?;
        commit(tx).await?;
        self.keys.forget(key_no);
        self.scrub().await?;
        Ok(Certificate { number, bodies, leaf, people })
    }

    /// Makes what was freed unreadable in the files of the database.
    async fn scrub(&self) -> Result<(), StoreError> {
        match self.db.writer() {
            Either::Sqlite(_) => self.db.empty_log().await?,
            Either::Postgres(pool) => {
                sqlx::query("VACUUM body").execute(pool).await?;
                sqlx::query("VACUUM data_key").execute(pool).await?;
            }
        }
        Ok(())
    }

    /// A new fact id: UUID v7 of this moment.
    pub fn new_fact_id(&self, now: Instant) -> FactId {
        let bytes = self.random_bytes::<10>();
        let millis = (now.as_micros().max(0) / 1000) as u64;
        FactId::new(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
}

async fn find_key(tx: &mut Tx, class: RetentionClass, day: CivilDay) -> Result<i64, StoreError> {
    let found: Option<(i64, Option<i64>)> = on!(tx, tx => {
        sqlx::query_as("SELECT no, certificate FROM data_key WHERE purpose = $1 AND day = $2")
            .bind(i64::from(class.code())).bind(i64::from(day.number())).fetch_optional(&mut **tx).await?
    });
    match found {
        Some((no, None)) => Ok(no),
        Some((_, Some(certificate))) => Err(StoreError::Erasure(format!(
            "the {} facts recorded on {day} were erased already, under certificate {certificate}",
            class.name()
        ))),
        None => Err(StoreError::Erasure(format!("no {} facts were recorded on {day}", class.name()))),
    }
}

async fn count_bodies(tx: &mut Tx, key_no: i64) -> Result<(u64, [u8; 32]), StoreError> {
    let ids: Vec<Uuid> = on!(tx, tx => {
        sqlx::query_scalar("SELECT f.id FROM fact f JOIN body b ON b.leaf = f.leaf WHERE f.data_key = $1 ORDER BY f.leaf")
            .bind(key_no).fetch_all(&mut **tx).await?
    });
    let parts: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    Ok((ids.len() as u64, sha256(&parts)))
}

async fn people_named(tx: &mut Tx, key_no: i64) -> Result<Vec<PersonId>, StoreError> {
    let keys: Vec<Vec<u8>> = on!(tx, tx => {
        sqlx::query_scalar(
            "SELECT m.key FROM mention m JOIN fact f ON f.leaf = m.leaf WHERE f.data_key = $1 \
             UNION SELECT m.key FROM mention_recent m JOIN fact f ON f.leaf = m.leaf WHERE f.data_key = $1",
        )
        .bind(key_no).fetch_all(&mut **tx).await?
    });
    Ok(keys
        .iter()
        .filter_map(|key| key.strip_prefix(&[1]))
        .filter_map(|id| Uuid::from_slice(id).ok())
        .map(PersonId::new)
        .collect())
}

async fn next_certificate(tx: &mut Tx) -> Result<u64, StoreError> {
    let highest: i64 = on!(tx, tx => {
        sqlx::query_scalar("SELECT COALESCE(MAX(certificate), 0) FROM erasure").fetch_one(&mut **tx).await?
    });
    Ok(highest as u64 + 1)
}

async fn take_bodies(tx: &mut Tx, key_no: i64, certificate: u64, leaf: u64) -> Result<(), StoreError> {
    bulk::insert(
        tx,
        "erasure",
        "",
        &[
            ("certificate", Column::Int(vec![certificate as i64])),
            ("data_key", Column::Int(vec![key_no])),
            ("leaf", Column::Int(vec![leaf as i64])),
        ],
    )
    .await?;
    on!(tx, tx => {
        sqlx::query("DELETE FROM body WHERE data_key = $1").bind(key_no).execute(&mut **tx).await?;
        sqlx::query("UPDATE data_key SET wrapped = NULL, certificate = $1 WHERE no = $2")
            .bind(certificate as i64).bind(key_no).execute(&mut **tx).await?;
    });
    Ok(())
}

async fn forget_derived(tx: &mut Tx, key_no: i64, people: &[PersonId]) -> Result<(), StoreError> {
    on!(tx, tx => {
        sqlx::query("DELETE FROM mention_recent WHERE leaf IN (SELECT leaf FROM fact WHERE data_key = $1)")
            .bind(key_no).execute(&mut **tx).await?;
        sqlx::query("DELETE FROM mention WHERE leaf IN (SELECT leaf FROM fact WHERE data_key = $1)")
            .bind(key_no).execute(&mut **tx).await?;
        for person in people {
            sqlx::query("DELETE FROM assessment WHERE person = $1").bind(person.uuid()).execute(&mut **tx).await?;
        }
    });
    Ok(())
}
