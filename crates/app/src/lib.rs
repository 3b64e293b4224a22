//! Room `app`: the use cases. The only room that joins the others; it decides who may do what, in which transaction,
//! by which clock.

mod error;
pub mod imports;
mod names;

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use sizao_model::{Clock, Instant};
use sizao_store::Store;
use uuid::Uuid;

pub use error::AppError;

/// A node at work: its store, its clock and the recorder on whose behalf it acts.
pub struct App {
    store: Store,
    clock: Arc<dyn Clock>,
    signer: SigningKey,
    recorder: Uuid,
}

impl App {
    /// Puts a node together. The recorder's key is made known to the store under `recorder_name`.
    ///
    /// # Errors
    /// [`AppError::Store`].
    pub async fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        signer: SigningKey,
        recorder_name: &str,
    ) -> Result<Self, AppError> {
        let recorder = store.add_recorder(recorder_name, &signer.verifying_key(), clock.now()).await?;
        Ok(Self { store, clock, signer, recorder })
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The present instant, by this node's clock.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Ends the node: everything is written to the main file.
    pub async fn close(self) {
        self.store.close().await;
    }
}
