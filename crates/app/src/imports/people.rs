//! The first stage of an import: who the rows are about.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sizao_interop::{Imported, Row, RowError};
use sizao_model::PersonId;
use sizao_store::VaultPerson;
use tokio::sync::mpsc;

use super::{REMEMBERED_MAX, RowBatch, row_number};
use crate::{App, AppError, names};

/// Rows whose facts name people by their ids in the vault.
pub(super) struct KnownBatch {
    pub(super) rows: Vec<Row>,
    pub(super) refused: Vec<RowError>,
    pub(super) last_row: u64,
    pub(super) bytes: u64,
}

/// Ids of people by their provisional ones.
pub(super) struct People {
    app: Arc<App>,
    known: FxHashMap<PersonId, PersonId>,
}

impl People {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app, known: FxHashMap::default() }
    }

    /// Sends on the rows after `rows_done` until the file ends or nobody takes them.
    pub(super) async fn run(
        mut self,
        mut from: mpsc::Receiver<RowBatch>,
        rows_done: u64,
        to: mpsc::Sender<KnownBatch>,
    ) -> Result<(), AppError> {
        while let Some(batch) = from.recv().await {
            let batch = self.read(batch, rows_done).await?;
            if to.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn read(&mut self, batch: RowBatch, rows_done: u64) -> Result<KnownBatch, AppError> {
        let RowBatch { rows, bytes } = batch;
        let last_row = rows.last().map_or(0, row_number);
        let (mut accepted, mut refused) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in rows {
            match row {
                // Refused rows whichever run refused them: the file of rows to mend is written anew.
                Imported::Rejected(error) => refused.push(error),
                Imported::Accepted(row) if row.origin.row > rows_done => accepted.push(row),
                Imported::Accepted(_) => {}
            }
        }
        self.learn(&mut accepted).await?;
        let mut rows = Vec::with_capacity(accepted.len());
        for mut row in accepted {
            match self.name(&mut row) {
                Ok(()) => rows.push(row),
                Err(rule) => refused.push(row.source.refuse(rule, "Send the list that describes them first")),
            }
        }
        Ok(KnownBatch { rows, refused, last_row, bytes })
    }

    /// Asks the vault for the people of these rows; new ones get their ids.
    async fn learn(&mut self, rows: &mut [Row]) -> Result<(), AppError> {
        if self.known.len() > REMEMBERED_MAX {
            self.known.clear();
        }
        let mut unknown: Vec<VaultPerson> = Vec::new();
        for draft in rows.iter_mut().flat_map(|row| std::mem::take(&mut row.people)) {
            if draft.names.iter().any(|name| !self.known.contains_key(&name.provisional())) {
                unknown.push(VaultPerson { search_terms: names::search_terms(&draft), draft });
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let ids = self.app.store().resolve_people(&unknown, self.app.now()).await?;
        for (person, id) in unknown.iter().zip(ids) {
            self.known.extend(person.draft.names.iter().map(|name| (name.provisional(), id)));
        }
        Ok(())
    }

    /// Puts the ids of the vault into the facts of a row.
    fn name(&self, row: &mut Row) -> Result<(), &'static str> {
        let known = |id: PersonId| {
            self.known.get(&id).copied().ok_or("it names a person whom neither this list nor the store describes")
        };
        for draft in &mut row.facts {
            draft.person = draft.person.map(known).transpose()?;
            draft.body.try_map_people(known)?;
        }
        Ok(())
    }
}
