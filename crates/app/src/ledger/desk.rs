//! Where rows of the ledger come in: whoever waits at one moment shares a transaction, and is answered once it is
//! committed and the index has it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use sizao_store::{PresenceReceipt, PresenceRow};
use tokio::sync::oneshot;

use crate::{App, AppError};

/// Rows of one transaction at most.
const SHARED_MAX: usize = 8_192;
/// Rows that may wait; more are told to come back.
const WAITING_MAX: usize = 200_000;

type Answer = Result<Vec<PresenceReceipt>, Arc<AppError>>;

/// The rows that wait.
#[derive(Default)]
pub(crate) struct Desk {
    waiting: Mutex<VecDeque<Job>>,
    busy: AtomicBool,
    /// Held while rows are committed and taken into the index.
    pub(super) gate: tokio::sync::Mutex<()>,
}

struct Job {
    rows: Vec<PresenceRow>,
    reply: oneshot::Sender<Answer>,
}

impl App {
    /// Stores rows; they are committed and can be asked for when this returns, also when nobody waits for the answer.
    pub(super) async fn put_rows(self: &Arc<Self>, rows: Vec<PresenceRow>) -> Result<Vec<PresenceReceipt>, AppError> {
        // Before the first row is committed, so that none is read from the store and applied again.
        self.live().await?;
        let (reply, answer) = oneshot::channel();
        {
            let mut waiting = self.ledger.desk.waiting.lock().expect("no thread panics with it");
            if waiting.iter().map(|job| job.rows.len()).sum::<usize>() > WAITING_MAX {
                return Err(crate::Refusal::Busy.into());
            }
            waiting.push_back(Job { rows, reply });
        }
        if !self.ledger.desk.busy.swap(true, Ordering::AcqRel) {
            // On its own: a request that is given up must not take the transaction of others with it.
            let app = self.clone();
            tokio::spawn(async move { app.serve_desk().await });
        }
        let answer = answer.await.map_err(|_| AppError::Stopped("the desk of the ledger closed"))?;
        answer.map_err(|error| Arc::try_unwrap(error).unwrap_or_else(|error| AppError::Desk(error.to_string())))
    }

    async fn serve_desk(self: Arc<Self>) {
        loop {
            let jobs = self.next_jobs();
            if jobs.is_empty() {
                self.ledger.desk.busy.store(false, Ordering::Release);
                // Somebody may have come between the look and the word.
                let left = self.ledger.desk.waiting.lock().expect("no thread panics with it").is_empty();
                if left || self.ledger.desk.busy.swap(true, Ordering::AcqRel) {
                    return;
                }
                continue;
            }
            let mut rows = Vec::new();
            let mut senders = Vec::with_capacity(jobs.len());
            for job in jobs {
                let from = rows.len();
                rows.extend(job.rows);
                senders.push((from..rows.len(), job.reply));
            }
            let done = self.commit_rows(&rows).await.map_err(Arc::new);
            for (range, sender) in senders {
                let answer = done.as_ref().map(|receipts| receipts[range].to_vec()).map_err(Arc::clone);
                // Whoever gave up has the row all the same, and learns of it when it is sent again.
                let _ = sender.send(answer);
            }
        }
    }

    fn next_jobs(&self) -> Vec<Job> {
        let mut waiting = self.ledger.desk.waiting.lock().expect("no thread panics with it");
        let (mut jobs, mut rows) = (Vec::new(), 0);
        while let Some(job) = waiting.front()
            && (jobs.is_empty() || rows + job.rows.len() <= SHARED_MAX)
        {
            rows += job.rows.len();
            jobs.push(waiting.pop_front().expect("it was looked at"));
        }
        jobs
    }

    async fn commit_rows(&self, rows: &[PresenceRow]) -> Result<Vec<PresenceReceipt>, AppError> {
        let _gate = self.ledger.desk.gate.lock().await;
        let receipts = self.store().append_presence(rows).await?;
        let mut live = self.live().await?.write().expect("no thread panics with it");
        for (row, _) in rows.iter().zip(&receipts).filter(|(_, receipt)| **receipt == PresenceReceipt::Stored) {
            live.apply(row)?;
        }
        Ok(receipts)
    }
}
