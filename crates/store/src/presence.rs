//! Presence of the live day: rows and never facts, sealed under the key of their day; people and places by number.
//!
//! A row is there once under its key, whatever is sent again. Rows leave when their day is closed into a segment
//! ([`segments`]), which lies outside the database.

pub(crate) mod segments;

use std::collections::HashMap;

use aes_gcm_siv::aead::{Aead, Payload};
use sizao_model::{CivilDay, DivisionCode, Instant, PersonId, fact::RetentionClass};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Either, Tx, commit, on},
    error::StoreError,
    facts::seeded,
    identity::division_of,
    keys::DataKey,
    store::Store,
    vault::{division_key, division_range},
};

/// Under which a row is there once: a MAC over who sent it and the sender's key.
pub type PresenceKey = [u8; 16];

/// What a row says. Times are whole seconds since 1970.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PresenceEntry {
    /// Number of the person in the ledger.
    pub person: u32,
    /// Number of the place.
    pub place: u32,
    /// When the person came; for a leaving alone the same as `leave_s`.
    pub enter_s: u32,
    /// When the person left, where that is known.
    pub leave_s: Option<u32>,
    /// For a leaving alone: the row of the coming.
    pub of: Option<PresenceKey>,
    /// How it is known; `app` gives the numbers their meaning.
    pub how: u8,
    /// What makes it implausible; `app` gives the bits their meaning.
    pub flags: u8,
    /// Seat, carriage, class, as JSON.
    pub seat: Option<Box<str>>,
}

impl std::fmt::Debug for PresenceEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresenceEntry(***)")
    }
}

/// A row of the live day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceRow {
    /// Under which it is there once.
    pub key: PresenceKey,
    /// The day whose key seals it: that of coming.
    pub day: CivilDay,
    /// What it says.
    pub entry: PresenceEntry,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresenceReceipt {
    /// It was stored now.
    Stored,
    /// It was there before.
    Repeat,
    /// Another row was there under its key.
    Conflict,
}

/// A place of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRecord {
    /// Its number in the ledger.
    pub no: u32,
    /// Its id.
    pub id: Uuid,
    /// Where it is.
    pub division: DivisionCode,
    /// What kind of place; `app` gives the words their meaning.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How many may be in it, where that is set.
    pub capacity: Option<u32>,
    /// Since when it is in the register.
    pub added_at: Instant,
}

/// No row has a person or a place of this number.
const NUMBERS_MAX: i64 = u32::MAX as i64 - 1;

/// Number, id, division, kind, sealed name, capacity, since when.
type PlaceRow = (i64, Uuid, i64, String, Vec<u8>, Option<i64>, i64);
const PLACE: &str = "SELECT no, id, division, kind, sealed, capacity, added_at FROM place";

impl Store {
    /// Numbers of people in the ledger, new ones for those who have none.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn ledger_numbers(&self, people: &[PersonId]) -> Result<HashMap<PersonId, u32>, StoreError> {
        let mut ids: Vec<Uuid> = people.iter().map(|person| person.uuid()).collect();
        ids.sort_unstable();
        ids.dedup();
        let select = "SELECT person, no FROM ledger_person WHERE person";
        let mut known: Vec<(Uuid, i64)> = bulk::find(self.db.reader(), select, &Column::Id(ids.clone()), "").await?;
        if known.len() < ids.len() {
            let mut tx = self.db.begin().await?;
            if let Either::Postgres(tx) = &mut tx {
                sqlx::query("LOCK TABLE ledger_person IN SHARE ROW EXCLUSIVE MODE").execute(&mut **tx).await?;
            }
            known = bulk::find_in(&mut tx, select, &Column::Id(ids.clone()), "").await?;
            let there: HashMap<Uuid, i64> = known.iter().copied().collect();
            let new: Vec<Uuid> = ids.into_iter().filter(|id| !there.contains_key(id)).collect();
            let highest = highest(&mut tx, "ledger_person").await?;
            let numbers: Vec<i64> = (highest + 1..).take(new.len()).collect();
            if numbers.last().is_some_and(|last| *last > NUMBERS_MAX) {
                return Err(StoreError::Keys("the ledger has no number left for another person".to_owned()));
            }
            known.extend(new.iter().copied().zip(numbers.iter().copied()));
            bulk::insert(&mut tx, "ledger_person", "", &[("no", Column::Int(numbers)), ("person", Column::Id(new))])
                .await?;
            commit(tx).await?;
        }
        Ok(known.into_iter().map(|(id, no)| (PersonId::new(id), no as u32)).collect())
    }

    /// The number of a person, if the ledger knows them.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn ledger_number(&self, person: PersonId) -> Result<Option<u32>, StoreError> {
        let number: Option<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT no FROM ledger_person WHERE person = $1")
                .bind(person.uuid()).fetch_optional(pool).await?
        });
        Ok(number.map(|number| number as u32))
    }

    /// The people of these numbers.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn ledger_people(&self, numbers: &[u32]) -> Result<HashMap<u32, PersonId>, StoreError> {
        let mut numbers: Vec<i64> = numbers.iter().map(|no| i64::from(*no)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let select = "SELECT no, person FROM ledger_person WHERE no";
        let rows: Vec<(i64, Uuid)> = bulk::find(self.db.reader(), select, &Column::Int(numbers), "").await?;
        Ok(rows.into_iter().map(|(no, id)| (no as u32, PersonId::new(id))).collect())
    }

    /// Takes the numbers of people away who have no stay left: all but `kept`, ascending.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_ledger_numbers(&self, kept: &[u32]) -> Result<u64, StoreError> {
        let all: Vec<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT no FROM ledger_person ORDER BY no").fetch_all(pool).await?
        });
        let gone: Vec<i64> = all.into_iter().filter(|no| kept.binary_search(&(*no as u32)).is_err()).collect();
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            for no in &gone {
                sqlx::query("DELETE FROM ledger_person WHERE no = $1").bind(no).execute(&mut **tx).await?;
            }
        });
        commit(tx).await?;
        match self.db.writer() {
            Either::Sqlite(_) => self.db.empty_log().await?,
            Either::Postgres(pool) => {
                sqlx::query("VACUUM ledger_person").execute(pool).await?;
            }
        }
        Ok(gone.len() as u64)
    }

    /// Enters places; those whose words (sender and the sender's code) are known already stay as they are. In order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_places(
        &self,
        places: &[(String, DivisionCode, String, String, Option<u32>)],
        now: Instant,
    ) -> Result<Vec<u32>, StoreError> {
        let tokens: Vec<Vec<u8>> =
            places.iter().map(|(words, ..)| self.keys.search_token(&[b"place", words.as_bytes()]).to_vec()).collect();
        let mut sorted = tokens.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let select = "SELECT token, no FROM place WHERE token";
        let mut tx = self.db.begin().await?;
        if let Either::Postgres(tx) = &mut tx {
            sqlx::query("LOCK TABLE place IN SHARE ROW EXCLUSIVE MODE").execute(&mut **tx).await?;
        }
        let rows: Vec<(Vec<u8>, i64)> = bulk::find_in(&mut tx, select, &Column::Bytes(sorted), "").await?;
        let mut known: HashMap<Vec<u8>, i64> = rows.into_iter().collect();
        let mut next = highest(&mut tx, "place").await?;
        let mut new: Vec<(i64, Uuid, Vec<u8>, usize)> = Vec::new();
        let numbers = tokens
            .into_iter()
            .enumerate()
            .map(|(at, token)| {
                let no = *known.entry(token.clone()).or_insert_with(|| {
                    next += 1;
                    new.push((next, self.random_id(), token, at));
                    next
                });
                no as u32
            })
            .collect();
        let columns = [
            ("no", Column::Int(new.iter().map(|row| row.0).collect())),
            ("id", Column::Id(new.iter().map(|row| row.1).collect())),
            ("token", Column::Bytes(new.iter().map(|row| row.2.clone()).collect())),
            ("division", Column::Int(new.iter().map(|row| division_key(places[row.3].1)).collect())),
            ("kind", Column::Text(new.iter().map(|row| places[row.3].2.clone()).collect())),
            (
                "sealed",
                Column::Bytes(
                    new.iter().map(|row| self.seal_vault(row.1, row.0, places[row.3].3.as_bytes())).collect(),
                ),
            ),
            ("capacity", Column::OptInt(new.iter().map(|row| places[row.3].4.map(i64::from)).collect())),
            ("added_at", Column::Int(new.iter().map(|_| now.as_micros()).collect())),
        ];
        bulk::insert(&mut tx, "place", "", &columns).await?;
        commit(tx).await?;
        Ok(numbers)
    }

    /// The number of the place that these words name.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_place(&self, words: &str) -> Result<Option<u32>, StoreError> {
        let token = self.keys.search_token(&[b"place", words.as_bytes()]).to_vec();
        let number: Option<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT no FROM place WHERE token = $1").bind(token).fetch_optional(pool).await?
        });
        Ok(number.map(|number| number as u32))
    }

    /// Places of these numbers.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`] when a name does not open.
    pub async fn load_places(&self, numbers: &[u32]) -> Result<HashMap<u32, PlaceRecord>, StoreError> {
        let mut numbers: Vec<i64> = numbers.iter().map(|no| i64::from(*no)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut places = HashMap::with_capacity(numbers.len());
        for no in numbers {
            let row: Option<PlaceRow> = on!(self.db.reader(), pool => {
                sqlx::query_as(sqlx::AssertSqlSafe(format!("{PLACE} WHERE no = $1"))).bind(no).fetch_optional(pool).await?
            });
            if let Some(row) = row {
                places.insert(no as u32, self.place_of_row(row)?);
            }
        }
        Ok(places)
    }

    /// The place of an id.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn load_place(&self, id: Uuid) -> Result<Option<PlaceRecord>, StoreError> {
        let row: Option<PlaceRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(format!("{PLACE} WHERE id = $1"))).bind(id).fetch_optional(pool).await?
        });
        row.map(|row| self.place_of_row(row)).transpose()
    }

    /// Kind of every place that has one of its own, by number: all but plain venues.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn place_kinds(&self, plain: &str) -> Result<Vec<(u32, String)>, StoreError> {
        let rows: Vec<(i64, String)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT no, kind FROM place WHERE kind <> $1").bind(plain).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(no, kind)| (no as u32, kind)).collect())
    }

    /// Places of a division that are no homes, in the order of their numbers; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Keys`].
    pub async fn list_places(
        &self,
        within: DivisionCode,
        without: &str,
        after: u32,
        limit: u32,
    ) -> Result<Vec<PlaceRecord>, StoreError> {
        let (low, high) = division_range(within);
        let text = format!(
            "{PLACE} WHERE division >= $1 AND division < $2 AND kind <> $3 AND no > $4 AND closed_at IS NULL ORDER BY no LIMIT $5"
        );
        let rows: Vec<PlaceRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(text))
                .bind(low).bind(high).bind(without).bind(i64::from(after)).bind(i64::from(limit)).fetch_all(pool).await?
        });
        rows.into_iter().map(|row| self.place_of_row(row)).collect()
    }

    fn place_of_row(
        &self,
        (no, id, division, kind, sealed, capacity, added_at): PlaceRow,
    ) -> Result<PlaceRecord, StoreError> {
        Ok(PlaceRecord {
            no: no as u32,
            id,
            division: division_of(division),
            kind,
            name: self.open_vault(id, no, &sealed)?,
            capacity: capacity.map(|capacity| capacity as u32),
            added_at: Instant::from_micros(added_at),
        })
    }

    /// MAC over the parts of a place code: nobody else can make one.
    pub fn place_code_mac(&self, place: u32, epoch: u64) -> [u8; 16] {
        self.keys.search_token(&[b"place code", &place.to_be_bytes(), &epoch.to_be_bytes()])
    }

    /// The key of a row, out of who sends it and the sender's own key.
    pub fn presence_key(&self, scope: &str, key: &str) -> PresenceKey {
        self.keys.search_token(&[b"presence", scope.as_bytes(), key.as_bytes()])
    }

    /// Stores rows, each once under its key; committed when this returns. Receipts come in the order of the rows.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Erasure`] for a row of a day that was dropped. Then no row was stored.
    pub async fn append_presence(&self, rows: &[PresenceRow]) -> Result<Vec<PresenceReceipt>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut days: HashMap<CivilDay, DataKey> = HashMap::new();
        for row in rows {
            if let std::collections::hash_map::Entry::Vacant(e) = days.entry(row.day) {
                e.insert(self.presence_data_key(row.day).await?);
            }
        }
        let mut tx = self.db.begin().await?;
        if let Either::Postgres(tx) = &mut tx {
            // Two processes never store one row twice, and none is stored behind the back of a closing.
            sqlx::query("LOCK TABLE presence_row IN SHARE ROW EXCLUSIVE MODE").execute(&mut **tx).await?;
        }
        let mut before = self.rows_before(&mut tx, rows).await?;
        let mut new: Vec<(PresenceKey, i64, Vec<u8>)> = Vec::with_capacity(rows.len());
        let mut receipts = Vec::with_capacity(rows.len());
        for row in rows {
            let content = self.content_of(&row.entry);
            receipts.push(match before.get(&row.key) {
                Some(there) if *there == content => PresenceReceipt::Repeat,
                Some(_) => PresenceReceipt::Conflict,
                None => {
                    before.insert(row.key, content);
                    new.push((row.key, row.day.number().into(), seal(&days[&row.day], row)));
                    PresenceReceipt::Stored
                }
            });
        }
        new.sort_unstable();
        let columns = [
            ("key", Column::Bytes(new.iter().map(|row| row.0.to_vec()).collect())),
            ("day", Column::Int(new.iter().map(|row| row.1).collect())),
            ("sealed", Column::Bytes(new.into_iter().map(|row| row.2).collect())),
        ];
        bulk::insert(&mut tx, "presence_row", "", &columns).await?;
        commit(tx).await?;
        Ok(receipts)
    }

    /// Every row that is in no segment yet, in the order of their keys. Those of a dropped day are left out.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Tampered`] where a row does not open.
    pub async fn load_presence(&self) -> Result<Vec<PresenceRow>, StoreError> {
        self.load_sealed("presence_row").await
    }

    /// The rows with seats that are in segments.
    ///
    /// # Errors
    /// As [`Self::load_presence`].
    pub async fn load_seats(&self) -> Result<Vec<PresenceRow>, StoreError> {
        self.load_sealed("presence_seat").await
    }

    async fn load_sealed(&self, table: &'static str) -> Result<Vec<PresenceRow>, StoreError> {
        let text = format!("SELECT key, day, sealed FROM {table} ORDER BY key");
        let rows: Vec<(Vec<u8>, i64, Vec<u8>)> = on!(self.db.reader(), pool => {
            sqlx::query_as(sqlx::AssertSqlSafe(text)).fetch_all(pool).await?
        });
        let mut days: HashMap<i64, Option<DataKey>> = HashMap::new();
        let mut opened = Vec::with_capacity(rows.len());
        for (key, day, sealed) in rows {
            if let std::collections::hash_map::Entry::Vacant(e) = days.entry(day) {
                let found = match self.presence_data_key(CivilDay::from_number(day as i32)).await {
                    Ok(found) => Some(found),
                    Err(StoreError::Erasure(_)) => None,
                    Err(error) => return Err(error),
                };
                e.insert(found);
            }
            let Some(data_key) = &days[&day] else { continue };
            opened.push(open(data_key, &key, day, &sealed)?);
        }
        Ok(opened)
    }

    pub(crate) async fn presence_data_key(&self, day: CivilDay) -> Result<DataKey, StoreError> {
        let mut fill = seeded(self.random_bytes::<32>());
        self.keys.data_key(&self.db, RetentionClass::Presence, day, &mut fill).await
    }

    /// What stands under these keys, as digests of contents.
    async fn rows_before(
        &self,
        tx: &mut Tx,
        rows: &[PresenceRow],
    ) -> Result<HashMap<PresenceKey, [u8; 16]>, StoreError> {
        let mut keys: Vec<Vec<u8>> = rows.iter().map(|row| row.key.to_vec()).collect();
        keys.sort_unstable();
        keys.dedup();
        let keys = Column::Bytes(keys);
        let mut before = HashMap::new();
        let live: Vec<(Vec<u8>, i64, Vec<u8>)> =
            bulk::find_in(tx, "SELECT key, day, sealed FROM presence_row WHERE key", &keys, "").await?;
        for (key, day, sealed) in live {
            let known = match self.keys.known(RetentionClass::Presence, day) {
                None if !self.db.is_sqlite() => self.presence_data_key(CivilDay::from_number(day as i32)).await.ok(),
                known => known,
            };
            // A row of a dropped day that was not taken away yet: nobody can say what it was.
            let Some(data_key) = known else { continue };
            let row = open(&data_key, &key, day, &sealed)?;
            before.insert(row.key, self.content_of(&row.entry));
        }
        let closed: Vec<(Vec<u8>, Vec<u8>)> =
            bulk::find_in(tx, "SELECT key, content FROM presence_key WHERE key", &keys, "").await?;
        for (key, content) in closed {
            if let (Ok(key), Ok(content)) = (key.try_into(), content.try_into()) {
                before.insert(key, content);
            }
        }
        Ok(before)
    }

    /// Says whether two rows say the same, and nothing else about them. What the node noted beside does not count.
    pub(crate) fn content_of(&self, entry: &PresenceEntry) -> [u8; 16] {
        let plain = PresenceEntry { flags: 0, ..entry.clone() };
        self.keys.row_mac(&[b"presence", &encode(&plain)])
    }
}

async fn highest(tx: &mut Tx, table: &'static str) -> Result<i64, StoreError> {
    let text = format!("SELECT COALESCE(MAX(no), 0) FROM {table}");
    Ok(on!(tx, tx => sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_one(&mut **tx).await?))
}

/// A key stands for one content under one data key, so that its first bytes are a nonce used once; the cipher also bears
/// one that is not.
fn seal(data_key: &DataKey, row: &PresenceRow) -> Vec<u8> {
    let place = place_of(&row.key, row.day.number().into());
    let nonce: [u8; 12] = row.key[..12].try_into().expect("a key has sixteen bytes");
    let payload = Payload { msg: &encode(&row.entry), aad: &place };
    data_key.cipher.encrypt(&nonce.into(), payload).expect("a row is within the cipher's limits")
}

fn open(data_key: &DataKey, key: &[u8], day: i64, sealed: &[u8]) -> Result<PresenceRow, StoreError> {
    let damaged = || StoreError::Keys("a row of the ledger does not fit its seal".to_owned());
    let key: PresenceKey = key.try_into().map_err(|_| damaged())?;
    let nonce: [u8; 12] = key[..12].try_into().expect("a key has sixteen bytes");
    let payload = Payload { msg: sealed, aad: &place_of(&key, day) };
    let plain = data_key.cipher.decrypt(&nonce.into(), payload).map_err(|_| damaged())?;
    let entry = decode(&plain).ok_or_else(damaged)?;
    Ok(PresenceRow { key, day: CivilDay::from_number(day as i32), entry })
}

fn place_of(key: &PresenceKey, day: i64) -> Vec<u8> {
    [key.as_slice(), &day.to_be_bytes()].concat()
}

const HAS_LEAVE: u8 = 1;
const HAS_OF: u8 = 2;

fn encode(entry: &PresenceEntry) -> Vec<u8> {
    let has = if entry.leave_s.is_some() { HAS_LEAVE } else { 0 } | if entry.of.is_some() { HAS_OF } else { 0 };
    let mut bytes = vec![1, has, entry.how, entry.flags];
    for word in [entry.person, entry.place, entry.enter_s, entry.leave_s.unwrap_or(0)] {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    bytes.extend_from_slice(&entry.of.unwrap_or_default());
    bytes.extend_from_slice(entry.seat.as_deref().unwrap_or_default().as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<PresenceEntry> {
    let [1, has, how, flags] = *bytes.first_chunk::<4>()? else { return None };
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let of: PresenceKey = bytes.get(20..36)?.try_into().ok()?;
    let seat = std::str::from_utf8(bytes.get(36..)?).ok()?;
    Some(PresenceEntry {
        person: word(4)?,
        place: word(8)?,
        enter_s: word(12)?,
        leave_s: (has & HAS_LEAVE != 0).then_some(word(16)?),
        of: (has & HAS_OF != 0).then_some(of),
        how,
        flags,
        seat: (!seat.is_empty()).then(|| seat.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_as_it_was_written() {
        let entry = PresenceEntry {
            person: u32::MAX,
            place: 7,
            enter_s: 1,
            leave_s: Some(0),
            of: Some([9; 16]),
            how: 3,
            flags: 5,
            seat: Some("{\"row\":12}".into()),
        };
        assert!(decode(&encode(&entry)) == Some(entry.clone()));
        let bare = PresenceEntry { leave_s: None, of: None, seat: None, ..entry };
        assert!(decode(&encode(&bare)) == Some(bare));
        assert!(decode(&[1, 0, 0, 0]).is_none(), "cut off");
    }
}
