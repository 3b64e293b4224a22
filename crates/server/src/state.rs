//! What all requests share: the node, its clocks, imports under way.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use sizao_app::App;
use sizao_model::{Clock, Instant};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::{
    metrics::Metrics,
    pages::{imports::ImportJob, packs::comparing::ComparisonJob},
};

/// What the operator chose.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The browser reaches the node by HTTPS: cookies are sent that way alone.
    pub secure: bool,
}

/// What all requests share.
pub struct Shared {
    /// The node.
    pub app: Arc<App>,
    /// The clock on the wall: for sessions, codes and the record of who looked. The node's own clock may be simulated.
    pub wall: Arc<dyn Clock>,
    /// What the operator chose.
    pub settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) imports: Mutex<HashMap<Uuid, Arc<ImportJob>>>,
    pub(crate) comparisons: Mutex<HashMap<Uuid, Arc<ComparisonJob>>>,
    /// Comparing packs keeps many facts in memory: one at a time.
    pub(crate) comparing: Semaphore,
    /// Whether the last round of jobs ended well.
    pub(crate) jobs_fine: AtomicBool,
    /// When the last round of jobs ended, microseconds; 0: not yet.
    pub(crate) jobs_at: AtomicI64,
    /// Verifying reads the whole log: one at a time.
    pub(crate) verifying: Semaphore,
    /// Requests at once; more are told to come back.
    pub(crate) turns: Semaphore,
}

/// Requests at once.
const TURNS: usize = 256;

impl Shared {
    /// Puts it together.
    pub fn new(app: Arc<App>, wall: Arc<dyn Clock>, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            app,
            wall,
            settings,
            metrics: Metrics::default(),
            imports: Mutex::default(),
            comparisons: Mutex::default(),
            comparing: Semaphore::new(1),
            jobs_fine: AtomicBool::new(true),
            jobs_at: AtomicI64::new(0),
            verifying: Semaphore::new(1),
            turns: Semaphore::new(TURNS),
        })
    }

    /// The moment, by the clock on the wall.
    pub fn now(&self) -> Instant {
        self.wall.now()
    }
}

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(5);
/// An answer that was not fetched for so long is forgotten, with its file.
const FORGET_MINUTES: i64 = 60;

/// Follows the log, ends measures on time, forgets old uploads; until `stop` becomes true.
pub(crate) async fn run_jobs(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        let done = round(&shared).await;
        if let Err(error) = &done {
            tracing::error!(error = %error, "A round of jobs failed; it is tried again");
        }
        shared.jobs_fine.store(done.is_ok(), Ordering::Relaxed);
        shared.jobs_at.store(shared.now().as_micros(), Ordering::Relaxed);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

async fn round(shared: &Shared) -> Result<(), sizao_app::AppError> {
    shared.app.follow_log().await?;
    let changed = shared.app.announce_changes(shared.app.now()).await?;
    if changed > 0 {
        tracing::info!(changed, "Measures changed on time for {changed} people");
    }
    let followed = shared.app.follow_loops().await?;
    if followed.released > 0 || followed.assigned > 0 {
        let (released, assigned, lapsed) = (followed.released, followed.assigned, followed.lapsed);
        tracing::info!(released, assigned, lapsed, "Loops followed: {released} released, {assigned} assigned");
    }
    if followed.lapsed > 0 {
        tracing::warn!(lapsed = followed.lapsed, "Measures lapsed without an exit test; somebody has to ask why");
    }
    let oldest = shared.now().plus_minutes(-FORGET_MINUTES);
    shared.imports.lock().expect("no thread panics with it").retain(|_, job| job.made_at > oldest || job.is_running());
    let mut comparisons = shared.comparisons.lock().expect("no thread panics with it");
    comparisons.retain(|_, job| job.made_at > oldest || job.is_running());
    Ok(())
}
