//! How envelopes get from one outbox to another node: one trait, and the round that uses it.
//!
//! A transport brings bytes. It may bring them twice, in another order, late or not at all; none of that changes what
//! is taken in, and its word is no promise of durability: an envelope leaves the outbox when the *receiver* has asked for
//! what comes after it.

use std::{future::Future, pin::Pin};

use sizao_store::{PeerRecord, SentEnvelope};
use thiserror::Error;

use super::exchange::TakenIn;
use crate::{App, AppError};

/// Envelopes fetched at a time.
const FETCH: u32 = 64;
/// Fetches of one round.
const FETCHES_MAX: u32 = 1_000;

/// Why a way to a peer does not work now. It is tried again.
#[derive(Clone, Debug, Error)]
#[error("{0}")]
pub struct TransportError(pub String);

/// What a transport's work gives, some time.
pub type Brought<'a, T> = Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send + 'a>>;

/// A way to other nodes.
pub trait Transport: Send + Sync {
    /// What a peer has for us after a number, oldest first; at most `limit`. Asking says that everything up to `after` is
    /// durable here.
    fn pull<'a>(&'a self, peer: &'a PeerRecord, after: u64, limit: u32) -> Brought<'a, Vec<Vec<u8>>>;

    /// Offers what waits in our outbox; up to which number the peer is known to have it, where the way can tell. Ways that
    /// are only asked need not do anything.
    fn offer<'a>(&'a self, peer: &'a PeerRecord, waiting: Vec<SentEnvelope>) -> Brought<'a, Option<u64>> {
        let _ = (peer, waiting);
        Box::pin(async { Ok(None) })
    }
}

/// What a round brought.
#[derive(Clone, Debug, Default)]
pub struct Exchanged {
    /// What was taken in.
    pub taken: TakenIn,
    /// Why the way did not work, if it did not.
    pub trouble: Option<String>,
}

impl App {
    /// One round with a peer: offers what waits, fetches what it has until there is nothing new.
    ///
    /// # Errors
    /// [`AppError::Store`]. Trouble on the way is no error.
    pub async fn exchange_with(&self, transport: &dyn Transport, peer: &PeerRecord) -> Result<Exchanged, AppError> {
        let mut done = Exchanged::default();
        let link = self.store().link_state(peer.node).await?;
        let waiting = self.store().outbox(peer.node, link.confirmed, FETCH).await?;
        match transport.offer(peer, waiting).await {
            Ok(Some(upto)) => {
                self.store().confirm_sent(peer.node, upto.min(link.sent), self.now()).await?;
            }
            Ok(None) => {}
            Err(trouble) => done.trouble = Some(trouble.0),
        }
        for _ in 0..FETCHES_MAX {
            let after = self.store().link_state(peer.node).await?.done;
            let brought = match transport.pull(peer, after, FETCH).await {
                Ok(brought) => brought,
                Err(trouble) => {
                    done.trouble = Some(trouble.0);
                    break;
                }
            };
            let before = done.taken.messages;
            for envelope in &brought {
                done.taken.add(self.take_in_envelope(envelope).await?);
            }
            if done.trouble.is_none() {
                self.store().peer_heard(peer.node, self.now()).await?;
            }
            if done.taken.messages == before {
                break;
            }
        }
        Ok(done)
    }
}
