//! The vault: who a person is. Found by keyed tokens, sealed at rest, never part of a fact.

pub(crate) mod reveal;

use std::{collections::HashMap, sync::atomic::Ordering};

use aes_gcm_siv::aead::{Aead, Payload};
use sizao_model::{
    DivisionCode, Instant, PersonId,
    draft::{PersonDraft, PersonName},
    identity::{Document, DocumentKind},
};
use uuid::Uuid;

use crate::{
    bulk::{self, Column},
    db::{Either, Tx, commit, on},
    error::StoreError,
    store::Store,
    tiered::VAULT_TOKEN,
};

/// A person on the way into the vault.
#[derive(Clone, Debug)]
pub struct VaultPerson {
    /// What the file says.
    pub draft: PersonDraft,
    /// Words under which the person can be found: whole name, pinyin, initials.
    pub search_terms: Vec<String>,
}

/// Kind of a code that some list gave; documents have the codes of their kind.
pub(crate) const CODE: i64 = 100;
pub(crate) const PART_FULL_NAME: i64 = 1;
pub(crate) const PART_PHONES: i64 = 10;

impl Store {
    /// The ids of these people, in order: those the vault knows under one of their names, new ones for the others.
    ///
    /// A new name of a known person is added. Two records are never merged here: when names of one draft belong to
    /// different people, the first name decides and the others stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn resolve_people(&self, people: &[VaultPerson], now: Instant) -> Result<Vec<PersonId>, StoreError> {
        let tokens: Vec<Vec<Vec<u8>>> = people
            .iter()
            .map(|person| person.draft.names.iter().map(|name| self.name_token(name).to_vec()).collect())
            .collect();
        let _alone = self.caches.naming.lock().await;
        let mut tx = self.claim_names().await?;
        let mut known = self.find_names(&mut tx, tokens.iter().flatten().cloned().collect()).await?;
        let mut ids = Vec::with_capacity(people.len());
        let mut new = NewEntries::default();
        for (person, tokens) in people.iter().zip(tokens) {
            let found = tokens.iter().find_map(|token| known.get(token).copied());
            let id = found.unwrap_or_else(|| self.add_person(person, now, &mut new));
            for (name, token) in person.draft.names.iter().zip(tokens) {
                known.entry(token.clone()).or_insert_with(|| {
                    let sealed = self.seal_vault(id, name_kind(name), name_text(name).as_bytes());
                    new.names.push((token, name_kind(name), id, sealed));
                    id
                });
            }
            ids.push(PersonId::new(id));
        }
        if self.db.is_sqlite() {
            commit(tx).await?;
            if new.people.is_empty() && new.names.is_empty() {
                return Ok(ids);
            }
            tx = self.db.begin().await?;
        }
        let added = new.insert(&mut tx).await?;
        commit(tx).await?;
        self.db.wrote(added);
        self.caches.tokens_added.fetch_add(added, Ordering::Relaxed);
        self.merge_when_large(&VAULT_TOKEN, &self.caches.tokens_added).await?;
        Ok(ids)
    }

    /// The people to whom a search term leads, within a division; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn search_people(
        &self,
        term: &str,
        division: DivisionCode,
        limit: u32,
    ) -> Result<Vec<PersonId>, StoreError> {
        let token = self.term_token(term).to_vec();
        let (from, to) = division_range(division);
        let ids: Vec<Uuid> = on!(self.db.reader(), pool => {
            sqlx::query_scalar(
                "SELECT p.id FROM person p WHERE p.id IN (SELECT person FROM vault_token_recent WHERE token = $1 \
                 UNION SELECT person FROM vault_token WHERE token = $1) \
                 AND p.division >= $2 AND p.division < $3 ORDER BY p.id LIMIT $4",
            )
            .bind(token).bind(from).bind(to).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(ids.into_iter().map(PersonId::new).collect())
    }

    /// The person whom the vault knows under this name.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn find_person(&self, name: &PersonName) -> Result<Option<PersonId>, StoreError> {
        let mut tx = self.db.begin_read().await?;
        let found = self.find_names(&mut tx, vec![self.name_token(name).to_vec()]).await?;
        commit(tx).await?;
        Ok(found.into_values().next().map(PersonId::new))
    }

    /// The codes and document numbers of a person, opened; the caller records who looked and why.
    ///
    /// # Errors
    /// [`StoreError::Keys`] when an entry does not fit its seal, [`StoreError::Database`].
    pub async fn reveal_names(&self, person: PersonId) -> Result<Vec<String>, StoreError> {
        Ok(self.reveal_words(person).await?.into_iter().map(|(_, word)| word).collect())
    }

    /// The documents of a person, opened, by kind; the caller records who looked and why.
    ///
    /// # Errors
    /// [`StoreError::Keys`] when an entry does not fit its seal, [`StoreError::Database`].
    pub async fn reveal_documents(&self, person: PersonId) -> Result<Vec<Document>, StoreError> {
        let document = |(kind, number): (i64, String)| {
            Document::new(u8::try_from(kind).ok().and_then(DocumentKind::from_code)?, &number).ok()
        };
        Ok(self.reveal_words(person).await?.into_iter().filter_map(document).collect())
    }

    async fn reveal_words(&self, person: PersonId) -> Result<Vec<(i64, String)>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT kind, sealed FROM vault_word WHERE person = $1 ORDER BY kind, token")
                .bind(person.uuid()).fetch_all(pool).await?
        });
        let opened = |(kind, sealed): (i64, Vec<u8>)| Ok((kind, self.open_vault(person.uuid(), kind, &sealed)?));
        rows.into_iter().map(opened).collect()
    }

    /// Number of people in the vault, in a division or in all.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_people(&self, within: Option<DivisionCode>) -> Result<u64, StoreError> {
        let (from, to) = within.map_or((0, i64::MAX), division_range);
        let count: i64 = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT COUNT(*) FROM person WHERE division >= $1 AND division < $2")
                .bind(from).bind(to).fetch_one(pool).await?
        });
        Ok(count as u64)
    }

    fn add_person(&self, person: &VaultPerson, now: Instant, new: &mut NewEntries) -> Uuid {
        let id = self.new_person_id(now);
        new.people.push((id, division_key(person.draft.division), now.as_micros()));
        if let Some(name) = &person.draft.full_name {
            new.details.push((id, PART_FULL_NAME, self.seal_vault(id, PART_FULL_NAME, name.as_bytes())));
        }
        for (part, phone) in (PART_PHONES..).zip(&person.draft.phones) {
            let text = format!("{}\t{}", phone.role.code(), phone.reveal());
            new.details.push((id, part, self.seal_vault(id, part, text.as_bytes())));
            new.search.push((self.term_token(phone.last_four()).to_vec(), id));
        }
        new.search.extend(person.search_terms.iter().map(|term| (self.term_token(term).to_vec(), id)));
        id
    }

    /// Time-ordered, so that people who came together lie together on disk; otherwise random.
    fn new_person_id(&self, now: Instant) -> Uuid {
        let mut bytes = self.random_bytes::<16>();
        bytes[..6].copy_from_slice(&(now.as_micros() / 1000).to_be_bytes()[2..]);
        uuid::Builder::from_custom_bytes(bytes).with_version(uuid::Version::SortRand).into_uuid()
    }

    fn name_token(&self, name: &PersonName) -> [u8; 16] {
        self.keys.search_token(&[b"name", &name_kind(name).to_be_bytes(), name_text(name).as_bytes()])
    }

    fn term_token(&self, term: &str) -> [u8; 16] {
        self.keys.search_token(&[b"term", term.to_lowercase().as_bytes()])
    }

    pub(crate) fn seal_vault(&self, person: Uuid, part: i64, plain: &[u8]) -> Vec<u8> {
        let nonce = self.random_bytes::<12>();
        let place = [person.as_bytes().as_slice(), &part.to_be_bytes()].concat();
        let sealed = self
            .keys
            .vault
            .encrypt(&nonce.into(), Payload { msg: plain, aad: &place })
            .expect("an entry is within the cipher's limits");
        [nonce.as_slice(), &sealed].concat()
    }

    pub(crate) fn open_vault(&self, person: Uuid, part: i64, sealed: &[u8]) -> Result<String, StoreError> {
        let damaged = || StoreError::Keys("an entry of the vault does not fit its seal".to_owned());
        let (nonce, sealed) = sealed.split_first_chunk::<12>().ok_or_else(damaged)?;
        let place = [person.as_bytes().as_slice(), &part.to_be_bytes()].concat();
        let plain = self.keys.vault.decrypt(&(*nonce).into(), Payload { msg: sealed, aad: &place });
        String::from_utf8(plain.map_err(|_| damaged())?).map_err(|_| damaged())
    }

    /// A transaction in which names can be looked for that nobody else will put in before it ends. One process owns a
    /// SQLite file and names people one batch at a time, so there reading is enough, and need not wait for the writer.
    async fn claim_names(&self) -> Result<Tx, StoreError> {
        if self.db.is_sqlite() {
            return self.db.begin_lookup().await;
        }
        let mut tx = self.db.begin().await?;
        if let Either::Postgres(tx) = &mut tx {
            // Two processes never make one person twice. A merge waits, too.
            sqlx::query("LOCK TABLE vault_token IN SHARE ROW EXCLUSIVE MODE").execute(&mut **tx).await?;
        }
        Ok(tx)
    }

    async fn find_names(&self, tx: &mut Tx, tokens: Vec<Vec<u8>>) -> Result<HashMap<Vec<u8>, Uuid>, StoreError> {
        let mut tokens = tokens;
        tokens.sort_unstable();
        let tokens = Column::Bytes(tokens);
        let mut found = HashMap::new();
        for table in [VAULT_TOKEN.recent, VAULT_TOKEN.merged] {
            let select = format!("SELECT token, person FROM {table} WHERE token");
            let rows: Vec<(Vec<u8>, Uuid)> = bulk::find_in(tx, &select, &tokens, "").await?;
            found.extend(rows);
        }
        Ok(found)
    }
}

#[derive(Default)]
struct NewEntries {
    people: Vec<(Uuid, i64, i64)>,
    names: Vec<(Vec<u8>, i64, Uuid, Vec<u8>)>,
    details: Vec<(Uuid, i64, Vec<u8>)>,
    search: Vec<(Vec<u8>, Uuid)>,
}

impl NewEntries {
    /// Number of tokens put in.
    async fn insert(mut self, tx: &mut Tx) -> Result<u64, StoreError> {
        // In the order of the index: neighbouring keys share pages.
        self.people.sort_unstable();
        self.names.sort_unstable_by(|one, other| (one.2, &one.0).cmp(&(other.2, &other.0)));
        let mut tokens: Vec<(Vec<u8>, Uuid)> = self.names.iter().map(|row| (row.0.clone(), row.2)).collect();
        tokens.append(&mut self.search);
        tokens.sort_unstable();
        tokens.dedup();
        let people = [
            ("id", Column::Id(self.people.iter().map(|row| row.0).collect())),
            ("division", Column::Int(self.people.iter().map(|row| row.1).collect())),
            ("added_at", Column::Int(self.people.iter().map(|row| row.2).collect())),
        ];
        bulk::insert(tx, "person", "", &people).await?;
        let words = [
            ("person", Column::Id(self.names.iter().map(|row| row.2).collect())),
            ("token", Column::Bytes(self.names.iter().map(|row| row.0.clone()).collect())),
            ("kind", Column::Int(self.names.iter().map(|row| row.1).collect())),
            ("sealed", Column::Bytes(self.names.into_iter().map(|row| row.3).collect())),
        ];
        bulk::insert(tx, "vault_word", "", &words).await?;
        let details = [
            ("person", Column::Id(self.details.iter().map(|row| row.0).collect())),
            ("part", Column::Int(self.details.iter().map(|row| row.1).collect())),
            ("sealed", Column::Bytes(self.details.into_iter().map(|row| row.2).collect())),
        ];
        bulk::insert(tx, "vault_detail", "", &details).await?;
        let added = tokens.len() as u64;
        let tokens = [
            ("person", Column::Id(tokens.iter().map(|row| row.1).collect())),
            ("token", Column::Bytes(tokens.into_iter().map(|row| row.0).collect())),
        ];
        let table = VAULT_TOKEN.takes_new(tx);
        bulk::insert(tx, table, "ON CONFLICT DO NOTHING", &tokens).await?;
        Ok(added)
    }
}

fn name_kind(name: &PersonName) -> i64 {
    match name {
        PersonName::Document(document) => document.kind().code().into(),
        PersonName::Code { .. } => CODE,
    }
}

fn name_text(name: &PersonName) -> String {
    match name {
        PersonName::Document(document) => document.reveal().to_owned(),
        PersonName::Code { scope, code } => format!("{scope}\u{1f}{code}"),
    }
}

/// A division as a number that sorts like its code.
pub(crate) fn division_key(division: DivisionCode) -> i64 {
    division.sort_key() as i64
}

/// The keys of a division and all under it: `[from, to)`.
pub(crate) fn division_range(division: DivisionCode) -> (i64, i64) {
    let from = division.sort_key();
    let width = 10u64.pow(12 - division.to_string().len() as u32);
    (from as i64, (from + width) as i64)
}
