//! Closed days: which segments there are, by digest, and how a day goes for good.
//!
//! A segment is in the ledger once its row is in the manifest, which one transaction writes together with the digest in
//! the log, and which takes the rows of the live day away that the segment holds. A file without such a row is nothing.

use sizao_model::{
    CivilDay, DivisionCode, Happened, Instant,
    fact::{LedgerDay, RetentionClass},
};

use super::{PresenceKey, PresenceRow};
use crate::{
    bulk::{self, Column},
    db::{Either, commit, on},
    envelope::Channel,
    error::StoreError,
    facts::{Receipt, Submission, lock_head, recorder_id},
    keys::{hex, sha256},
    log::erase::Certificate,
    seal::{IntakeKey, NewFact, SealedFact},
    store::Store,
};

/// A segment of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRecord {
    /// The day in which its stays ended.
    pub day: CivilDay,
    /// Counted from 1 within the day.
    pub part: u32,
    /// Name of its file in the folder of segments.
    pub file: String,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    /// Leaf of the fact that names the digest.
    pub leaf: u64,
    /// Stays in it.
    pub rows: u64,
    /// Length of the file.
    pub bytes: u64,
}

/// What a closing moves from the live day into a segment.
pub struct Closing<'a> {
    /// The segment, written and synced; its leaf is given here.
    pub segment: SegmentRecord,
    /// The rows that it holds, and those that are left out.
    pub rows: &'a [PresenceRow],
    /// How many of them are left out.
    pub left_out: u64,
}

impl Store {
    /// The secret under which the segments of a day are sealed.
    ///
    /// # Errors
    /// [`StoreError::Erasure`] once the day was dropped, [`StoreError::Database`].
    pub async fn segment_secret(&self, day: CivilDay) -> Result<[u8; 32], StoreError> {
        let key = self.presence_data_key(day).await?;
        let secret = self.keys.secret_of(&self.db, key.no).await?;
        Ok(sha256(&[b"sizao segment\0", &*secret]))
    }

    /// The segments, by day and part.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_segments(&self) -> Result<Vec<SegmentRecord>, StoreError> {
        type Row = (i64, i64, String, Vec<u8>, i64, i64, i64);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT day, part, file, digest, leaf, rows, bytes FROM manifest ORDER BY day, part")
                .fetch_all(pool).await?
        });
        rows.into_iter()
            .map(|(day, part, file, digest, leaf, rows, bytes)| {
                let digest = digest.try_into();
                Ok(SegmentRecord {
                    day: CivilDay::from_number(day as i32),
                    part: part as u32,
                    file,
                    digest: digest.map_err(|_| StoreError::Keys("a digest of the manifest is damaged".to_owned()))?,
                    leaf: leaf as u64,
                    rows: rows as u64,
                    bytes: bytes as u64,
                })
            })
            .collect()
    }

    /// Takes a segment into the ledger: its digest into the log and the manifest, its rows out of the live day.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then the rows are where they were, and the file is nothing.
    pub async fn take_segment(&self, closing: Closing<'_>, now: Instant) -> Result<SegmentRecord, StoreError> {
        let Closing { mut segment, rows, left_out } = closing;
        self.add_recorder("node", &self.public_key(), now).await?;
        let source = self.source("node").await?;
        let day_key = self.data_key_for_governance(now).await?;
        let mut tx = self.db.begin().await?;
        let frontier = lock_head(&mut tx).await?;
        let fact = NewFact {
            id: self.new_fact_id(now),
            person: None,
            division: DivisionCode::HENAN,
            happened: Happened::at(now),
            recorded_at: now,
            body: LedgerDay {
                day: segment.day,
                part: segment.part,
                stays: segment.rows,
                left_out,
                digest: hex(&segment.digest).into(),
            }
            .into(),
            recorder: recorder_id(&self.public_key()),
            channel: Channel::System,
            source,
            intake_key: IntakeKey::Sender(format!("ledger {} {}", segment.day, segment.part).into()),
        };
        let sealed = SealedFact::seal(fact, &self.keys, &day_key, &self.random_bytes());
        let submission = Submission::sign(std::slice::from_ref(&sealed), &self.keys.signing);
        let receipts = self.append_in(&mut tx, vec![sealed], &submission, frontier, now).await?;
        let [Receipt::Stored { leaf, .. }] = receipts[..] else {
            return Err(StoreError::Keys(format!("part {} of {} is in the log already", segment.part, segment.day)));
        };
        segment.leaf = leaf;
        let manifest = [
            ("day", Column::Int(vec![segment.day.number().into()])),
            ("part", Column::Int(vec![segment.part.into()])),
            ("file", Column::Text(vec![segment.file.clone()])),
            ("digest", Column::Bytes(vec![segment.digest.to_vec()])),
            ("leaf", Column::Int(vec![leaf as i64])),
            ("rows", Column::Int(vec![segment.rows as i64])),
            ("bytes", Column::Int(vec![segment.bytes as i64])),
        ];
        bulk::insert(&mut tx, "manifest", "", &manifest).await?;
        // Keys and seats of a day go with the day of its segment, which is never before that of coming.
        let day = i64::from(segment.day.number());
        let keys: Vec<PresenceKey> = rows.iter().map(|row| row.key).collect();
        let kept = [
            ("key", Column::Bytes(keys.iter().map(|key| key.to_vec()).collect())),
            ("day", Column::Int(vec![day; rows.len()])),
            ("content", Column::Bytes(rows.iter().map(|row| self.content_of(&row.entry).to_vec()).collect())),
        ];
        bulk::insert(&mut tx, "presence_key", "ON CONFLICT (key) DO NOTHING", &kept).await?;
        for chunk in keys.chunks(5_000) {
            on!(&mut tx, tx => {
                for key in chunk {
                    sqlx::query(
                        "INSERT INTO presence_seat (key, day, sealed) SELECT key, day, sealed FROM presence_row \
                         WHERE key = $1 AND LENGTH(sealed) > $2 ON CONFLICT (key) DO NOTHING",
                    )
                    .bind(key.to_vec()).bind(PLAIN_BYTES).execute(&mut **tx).await?;
                    sqlx::query("DELETE FROM presence_row WHERE key = $1").bind(key.to_vec()).execute(&mut **tx).await?;
                }
            });
        }
        commit(tx).await?;
        Ok(segment)
    }

    /// Drops a day of the ledger for good: an erasure in the log, the key destroyed, rows, seats, keys and manifest
    /// taken away. Gives the certificate, if the key had not gone before, and the files that are nothing any more.
    ///
    /// # Errors
    /// [`StoreError::Database`]. Repeating it ends what was begun.
    pub async fn drop_presence_day(
        &self,
        day: CivilDay,
        basis: &str,
        now: Instant,
    ) -> Result<(Option<Certificate>, Vec<String>), StoreError> {
        let certificate = match self.erase(RetentionClass::Presence, day, basis, now).await {
            Ok(certificate) => Some(certificate),
            // The key went before, and the process with it; or the day never had one.
            Err(StoreError::Erasure(_)) => None,
            Err(error) => return Err(error),
        };
        let number = i64::from(day.number());
        let mut tx = self.db.begin().await?;
        let files: Vec<String> = on!(&mut tx, tx => {
            let files = sqlx::query_scalar("SELECT file FROM manifest WHERE day = $1 ORDER BY part")
                .bind(number).fetch_all(&mut **tx).await?;
            for text in [
                "DELETE FROM manifest WHERE day = $1",
                "DELETE FROM presence_row WHERE day = $1",
                "DELETE FROM presence_seat WHERE day = $1",
                "DELETE FROM presence_key WHERE day = $1",
            ] {
                sqlx::query(text).bind(number).execute(&mut **tx).await?;
            }
            files
        });
        commit(tx).await?;
        match self.db.writer() {
            Either::Sqlite(_) => self.db.empty_log().await?,
            Either::Postgres(pool) => {
                for text in ["VACUUM presence_row", "VACUUM presence_seat", "VACUUM presence_key", "VACUUM manifest"] {
                    sqlx::query(text).execute(pool).await?;
                }
            }
        }
        Ok((certificate, files))
    }

    /// Days of which the ledger still has something, rows of the live day included.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn presence_days(&self) -> Result<Vec<CivilDay>, StoreError> {
        let days: Vec<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT day FROM manifest UNION SELECT day FROM presence_row UNION SELECT day FROM presence_seat \
                 UNION SELECT day FROM presence_key ORDER BY day",
            )
            .fetch_all(pool).await?
        });
        Ok(days.into_iter().map(|day| CivilDay::from_number(day as i32)).collect())
    }
}

/// Length of a sealed row without a seat: 36 bytes and the seal's 16.
const PLAIN_BYTES: i64 = 52;
