//! Peers, the outbox to each, and what came from each: numbered, each number once.

use sizao_model::{DivisionCode, Instant};
use uuid::Uuid;

use super::{AssistTx, digest, instant, place};
use crate::{
    db::{commit, on, positional},
    error::StoreError,
    store::Store,
    vault::division_key,
};

/// A node that we work with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRecord {
    /// The id of its store.
    pub node: Uuid,
    /// What it is called.
    pub name: String,
    /// For which division it stands.
    pub division: DivisionCode,
    /// Ed25519 key with which it signs.
    pub signing: Vec<u8>,
    /// X25519 key to which seals are made.
    pub sealing: Vec<u8>,
    /// SHA-256 of its certificate.
    pub certificate: Vec<u8>,
    /// Host and port of its door for peers; empty: it only comes to us.
    pub address: String,
    /// When it was put on record.
    pub added_at: Instant,
    /// When we stopped working with it.
    pub closed_at: Option<Instant>,
    /// When we last heard of it.
    pub heard_at: Option<Instant>,
}

/// An envelope of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentEnvelope {
    /// Its number on the link.
    pub seq: u64,
    /// The envelope.
    pub envelope: Vec<u8>,
}

/// An envelope that came before an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingEnvelope {
    /// Its digest.
    pub digest: [u8; 32],
    /// The envelope.
    pub envelope: Vec<u8>,
    /// When it came.
    pub came_at: Instant,
}

/// How a link stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Last number that we sent.
    pub sent: u64,
    /// Last number that the peer is known to have.
    pub confirmed: u64,
    /// Since when the oldest unconfirmed one waits.
    pub waiting_since: Option<Instant>,
    /// Last number that was done here.
    pub done: u64,
    /// Highest number that came.
    pub highest: u64,
    /// How many wait for an earlier one.
    pub waiting: u64,
}

/// An envelope that was turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEnvelope {
    /// When.
    pub at: Instant,
    /// From whom it claims to be.
    pub origin: Option<Uuid>,
    /// Its number.
    pub seq: Option<u64>,
    /// Why, as a word.
    pub why: String,
    /// Why, in words; nothing about a person.
    pub told: String,
}

struct PeerRow {
    node: Uuid,
    name: String,
    division: i64,
    signing: Vec<u8>,
    sealing: Vec<u8>,
    certificate: Vec<u8>,
    address: String,
    added_at: i64,
    closed_at: Option<i64>,
    heard_at: Option<i64>,
}
positional!(PeerRow {
    node: 0,
    name: 1,
    division: 2,
    signing: 3,
    sealing: 4,
    certificate: 5,
    address: 6,
    added_at: 7,
    closed_at: 8,
    heard_at: 9,
});

/// Lines of what was turned away that are kept.
const REFUSED_KEPT: i64 = 1_000;

impl Store {
    /// Puts a peer on record, or its new keys and address; one that was closed is open again.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn save_peer(&self, peer: &PeerRecord) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query(
                "INSERT INTO assist_peer (node, name, division, signing, sealing, certificate, address, added_at, closed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (node) DO UPDATE SET name = excluded.name, \
                 division = excluded.division, signing = excluded.signing, sealing = excluded.sealing, \
                 certificate = excluded.certificate, address = excluded.address, closed_at = excluded.closed_at",
            )
            .bind(peer.node).bind(&peer.name).bind(division_key(peer.division)).bind(&peer.signing).bind(&peer.sealing)
            .bind(&peer.certificate).bind(&peer.address).bind(peer.added_at.as_micros())
            .bind(peer.closed_at.map(Instant::as_micros)).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// The peers, by name; closed ones too.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_peers(&self) -> Result<Vec<PeerRecord>, StoreError> {
        let rows: Vec<PeerRow> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT node, name, division, signing, sealing, certificate, address, added_at, closed_at, heard_at \
                 FROM assist_peer ORDER BY name, node",
            )
            .fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(PeerRow::into_record).collect())
    }

    /// Notes that we heard of a peer.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn peer_heard(&self, node: Uuid, at: Instant) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        on!(&mut tx, tx => {
            sqlx::query("UPDATE assist_peer SET heard_at = $2 WHERE node = $1")
                .bind(node).bind(at.as_micros()).execute(&mut **tx).await?;
        });
        commit(tx).await
    }

    /// What waits in the outbox for a peer after a number, in order; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn outbox(&self, peer: Uuid, after: u64, limit: u32) -> Result<Vec<SentEnvelope>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT seq, envelope FROM assist_sent WHERE peer = $1 AND seq > $2 AND envelope IS NOT NULL \
                 ORDER BY seq LIMIT $3",
            )
            .bind(peer).bind(after as i64).bind(i64::from(limit)).fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(|(seq, envelope)| SentEnvelope { seq: seq as u64, envelope }).collect())
    }

    /// The peer has everything up to a number: the envelopes go, their digests stay. How many went.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn confirm_sent(&self, peer: Uuid, upto: u64, at: Instant) -> Result<u64, StoreError> {
        let waiting: Option<i64> = on!(self.db.reader(), pool => {
            sqlx::query_scalar("SELECT MIN(seq) FROM assist_sent WHERE peer = $1 AND seq <= $2 AND confirmed_at IS NULL")
                .bind(peer).bind(upto as i64).fetch_one(pool).await?
        });
        if waiting.is_none() {
            return Ok(0);
        }
        let mut tx = self.db.begin().await?;
        let done = on!(&mut tx, tx => {
            sqlx::query(
                "UPDATE assist_sent SET confirmed_at = $3, envelope = NULL \
                 WHERE peer = $1 AND seq <= $2 AND confirmed_at IS NULL",
            )
            .bind(peer).bind(upto as i64).bind(at.as_micros()).execute(&mut **tx).await?.rows_affected()
        });
        commit(tx).await?;
        Ok(done)
    }

    /// How the link to a peer stands.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn link_state(&self, peer: Uuid) -> Result<LinkState, StoreError> {
        let sent: (Option<i64>, Option<i64>, Option<i64>) = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT MAX(seq), MAX(CASE WHEN confirmed_at IS NOT NULL THEN seq END), \
                 MIN(CASE WHEN confirmed_at IS NULL THEN made_at END) FROM assist_sent WHERE peer = $1",
            )
            .bind(peer).fetch_one(pool).await?
        });
        let come: (Option<i64>, Option<i64>, i64) = on!(self.db.reader(), pool => {
            sqlx::query_as(
                "SELECT MAX(CASE WHEN state > 0 THEN seq END), MAX(seq), COUNT(CASE WHEN state = 0 THEN 1 END) \
                 FROM assist_come WHERE origin = $1",
            )
            .bind(peer).fetch_one(pool).await?
        });
        let number = |value: Option<i64>| value.unwrap_or(0) as u64;
        Ok(LinkState {
            sent: number(sent.0),
            confirmed: number(sent.1),
            waiting_since: instant(sent.2),
            done: number(come.0),
            highest: number(come.1),
            waiting: come.2 as u64,
        })
    }

    /// Notes an envelope that was turned away; the oldest notes go.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn note_refused(&self, refused: &RefusedEnvelope) -> Result<(), StoreError> {
        let mut tx = self.begin_assists().await?;
        tx.note_refused(refused).await?;
        tx.commit().await
    }

    /// What was turned away, latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_refused(&self, limit: u32) -> Result<Vec<RefusedEnvelope>, StoreError> {
        type Row = (i64, Option<Uuid>, Option<i64>, String, String);
        let rows: Vec<Row> = on!(self.db.reader(), pool => {
            sqlx::query_as("SELECT at, origin, seq, why, told FROM assist_refused ORDER BY no DESC LIMIT $1")
                .bind(i64::from(limit)).fetch_all(pool).await?
        });
        let refused = |(at, origin, seq, why, told): (i64, Option<Uuid>, Option<i64>, String, String)| {
            RefusedEnvelope { at: Instant::from_micros(at), origin, seq: seq.map(|seq| seq as u64), why, told }
        };
        Ok(rows.into_iter().map(refused).collect())
    }
}

impl AssistTx<'_> {
    /// Number and digest of the last envelope that we sent to a peer; 0 and zeroes before the first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn last_sent(&mut self, peer: Uuid) -> Result<(u64, [u8; 32]), StoreError> {
        let row: Option<(i64, Vec<u8>)> = on!(&mut self.tx, tx => {
            sqlx::query_as("SELECT seq, digest FROM assist_sent WHERE peer = $1 ORDER BY seq DESC LIMIT 1")
                .bind(peer).fetch_optional(&mut **tx).await?
        });
        Ok(row.map_or((0, [0; 32]), |(seq, bytes)| (seq as u64, digest(bytes))))
    }

    /// Puts an envelope into the outbox.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn send(
        &mut self,
        peer: Uuid,
        seq: u64,
        digest: [u8; 32],
        envelope: Vec<u8>,
        at: Instant,
    ) -> Result<(), StoreError> {
        on!(&mut self.tx, tx => {
            sqlx::query("INSERT INTO assist_sent (peer, seq, digest, envelope, made_at) VALUES ($1, $2, $3, $4, $5)")
                .bind(peer).bind(seq as i64).bind(digest.to_vec()).bind(envelope).bind(at.as_micros())
                .execute(&mut **tx).await?;
        });
        Ok(())
    }

    /// The digest under which a number of an origin came before.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn came(&mut self, origin: Uuid, seq: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let row: Option<Vec<u8>> = on!(&mut self.tx, tx => {
            sqlx::query_scalar("SELECT digest FROM assist_come WHERE origin = $1 AND seq = $2")
                .bind(origin).bind(seq as i64).fetch_optional(&mut **tx).await?
        });
        Ok(row.map(digest))
    }

    /// Number and digest of the last envelope of an origin that was done; 0 and zeroes before the first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn last_done(&mut self, origin: Uuid) -> Result<(u64, [u8; 32]), StoreError> {
        let row: Option<(i64, Vec<u8>)> = on!(&mut self.tx, tx => {
            sqlx::query_as(
                "SELECT seq, digest FROM assist_come WHERE origin = $1 AND state > 0 ORDER BY seq DESC LIMIT 1",
            )
            .bind(origin).fetch_optional(&mut **tx).await?
        });
        Ok(row.map_or((0, [0; 32]), |(seq, bytes)| (seq as u64, digest(bytes))))
    }

    /// How many of an origin wait for an earlier one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn waiting(&mut self, origin: Uuid) -> Result<u64, StoreError> {
        let count: i64 = on!(&mut self.tx, tx => {
            sqlx::query_scalar("SELECT COUNT(*) FROM assist_come WHERE origin = $1 AND state = 0")
                .bind(origin).fetch_one(&mut **tx).await?
        });
        Ok(count as u64)
    }

    /// The envelope of a number that came before an earlier one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn waiting_envelope(&mut self, origin: Uuid, seq: u64) -> Result<Option<WaitingEnvelope>, StoreError> {
        let row: Option<(Vec<u8>, Option<Vec<u8>>, i64)> = on!(&mut self.tx, tx => {
            sqlx::query_as("SELECT digest, envelope, came_at FROM assist_come WHERE origin = $1 AND seq = $2 AND state = 0")
                .bind(origin).bind(seq as i64).fetch_optional(&mut **tx).await?
        });
        Ok(row.map(|(bytes, envelope, came_at)| WaitingEnvelope {
            digest: digest(bytes),
            envelope: envelope.unwrap_or_default(),
            came_at: Instant::from_micros(came_at),
        }))
    }

    /// Notes what came: 0 waits, with its envelope; 1 done; 2 did not fit.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn note_come(
        &mut self,
        (origin, seq): (Uuid, u64),
        digest: [u8; 32],
        envelope: Option<Vec<u8>>,
        at: Instant,
        state: i64,
    ) -> Result<(), StoreError> {
        on!(&mut self.tx, tx => {
            sqlx::query(
                "INSERT INTO assist_come (origin, seq, digest, envelope, came_at, state) VALUES ($1, $2, $3, $4, $5, $6) \
                 ON CONFLICT (origin, seq) DO UPDATE SET state = excluded.state, envelope = excluded.envelope",
            )
            .bind(origin).bind(seq as i64).bind(digest.to_vec()).bind(envelope).bind(at.as_micros()).bind(state)
            .execute(&mut **tx).await?;
        });
        Ok(())
    }

    /// An envelope that waited turned out not to fit: it goes, so that the right one can come.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn drop_waiting(&mut self, origin: Uuid, seq: u64) -> Result<(), StoreError> {
        on!(&mut self.tx, tx => {
            sqlx::query("DELETE FROM assist_come WHERE origin = $1 AND seq = $2 AND state = 0")
                .bind(origin).bind(seq as i64).execute(&mut **tx).await?;
        });
        Ok(())
    }

    /// Notes an envelope that was turned away; the oldest notes go.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn note_refused(&mut self, refused: &RefusedEnvelope) -> Result<(), StoreError> {
        on!(&mut self.tx, tx => {
            sqlx::query("INSERT INTO assist_refused (at, origin, seq, why, told) VALUES ($1, $2, $3, $4, $5)")
                .bind(refused.at.as_micros()).bind(refused.origin).bind(refused.seq.map(|seq| seq as i64))
                .bind(&refused.why).bind(&refused.told).execute(&mut **tx).await?;
            sqlx::query("DELETE FROM assist_refused WHERE no <= (SELECT MAX(no) FROM assist_refused) - $1")
                .bind(REFUSED_KEPT).execute(&mut **tx).await?;
        });
        Ok(())
    }
}

impl PeerRow {
    fn into_record(self) -> PeerRecord {
        PeerRecord {
            node: self.node,
            name: self.name,
            division: place(self.division),
            signing: self.signing,
            sealing: self.sealing,
            certificate: self.certificate,
            address: self.address,
            added_at: Instant::from_micros(self.added_at),
            closed_at: instant(self.closed_at),
            heard_at: instant(self.heard_at),
        }
    }
}
