//! What all requests share: the node, its clocks, imports under way.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sizao_app::{App, certificates::TrustList, identity::Actor, retention::TermsDone};
use sizao_model::{Clock, Instant};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::{
    clock_watch::ClockWatch,
    dead_man::DeadMan,
    metrics::Metrics,
    pages::{announce::RateGate, imports::ImportJob, packs::comparing::ComparisonJob},
};

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The browser reaches the node by HTTPS: cookies are sent that way alone.
    pub secure: bool,
    /// Requests at once. Readings beyond it are told to come back; what is sent waits for its turn.
    pub turns: usize,
    /// By how much what is sent may fall behind the slowest line that is borne.
    pub slowest_body: Duration,
    /// Who may sign certificates that are shown at a gate.
    pub trust: TrustList,
    /// Between two verifications of the log, at least; a log that takes long to read is read less often.
    pub verify_pause: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secure: false,
            turns: 256,
            slowest_body: Duration::from_secs(20),
            trust: TrustList::default(),
            verify_pause: Duration::from_secs(30),
        }
    }
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
    /// The alarm that sounds when no process ends a round of jobs any more.
    pub(crate) jobs: DeadMan,
    /// The hour for which signals were looked for last.
    pub(crate) watched_hour: AtomicI64,
    /// The public figures, as they were counted last.
    pub(crate) figures: tokio::sync::Mutex<Option<sizao_app::transparency::Figures>>,
    /// What the node found when it verified the log by itself.
    pub(crate) found: Mutex<Option<sizao_app::audit::Verified>>,
    /// Verifying reads the whole log: one at a time.
    pub(crate) verifying: Semaphore,
    /// Whether the wall's clock can be trusted.
    pub(crate) clock: ClockWatch,
    /// Announcements of arrivals by address.
    pub(crate) announcing: RateGate,
    /// Requests at once; more are told to come back.
    pub(crate) turns: Semaphore,
    /// Who sent scans a moment ago, by the digest of the token.
    pub(crate) senders: Mutex<HashMap<String, (Actor, tokio::time::Instant)>>,
}

impl Shared {
    /// Puts it together.
    pub fn new(app: Arc<App>, wall: Arc<dyn Clock>, settings: Settings) -> Arc<Self> {
        let jobs = DeadMan::from(wall.now());
        Arc::new(Self {
            app,
            wall,
            turns: Semaphore::new(settings.turns),
            settings,
            metrics: Metrics::default(),
            imports: Mutex::default(),
            comparisons: Mutex::default(),
            comparing: Semaphore::new(1),
            jobs,
            watched_hour: AtomicI64::new(i64::MIN),
            figures: tokio::sync::Mutex::default(),
            found: Mutex::default(),
            verifying: Semaphore::new(1),
            clock: ClockWatch::default(),
            senders: Mutex::default(),
            announcing: RateGate::default(),
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
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// Of the time, at most one part in so many is spent on verifying.
const VERIFY_SHARE: u32 = 10;

/// Verifies the log again and again, so that what somebody changed in the database shows within a minute.
pub(crate) async fn run_verifying(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        let began = tokio::time::Instant::now();
        if let Ok(_turn) = shared.verifying.try_acquire() {
            let verifying = shared.app.verify_by_itself(shared.now());
            let verified = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                verified = verifying => verified,
            };
            match verified {
                Ok(verified) => {
                    for finding in verified.findings.iter().take(20) {
                        tracing::error!(finding, "The log does not fit its seals: {finding}");
                    }
                    *shared.found.lock().expect("no thread panics with it") = Some(verified);
                }
                Err(error) => tracing::error!(error = %error, "The log could not be verified; it is tried again"),
            }
        }
        let pause = shared.settings.verify_pause.max(began.elapsed() * VERIFY_SHARE);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn round(shared: &Shared) -> Result<(), sizao_app::AppError> {
    shared.clock.look(shared).await?;
    shared.app.follow_log().await?;
    // The detector of the fence is this process's own.
    shared.app.keep_fence().await?;
    forget_answers(shared);
    // Of several processes on one store one runs the jobs, whichever comes first; the others look whether it does.
    let Some(lease) = shared.app.store().lease_jobs().await? else { return Ok(()) };
    let changed = shared.app.announce_changes(shared.app.now()).await?;
    if changed > 0 {
        tracing::info!(changed, "Measures changed on time for {changed} people");
    }
    let arrivals = shared.app.follow_arrivals().await?;
    if arrivals.linked > 0 || arrivals.no_shows > 0 {
        let (linked, no_shows) = (arrivals.linked, arrivals.no_shows);
        tracing::info!(linked, no_shows, "Arrivals followed: {linked} records put together, {no_shows} did not come");
    }
    shared.app.follow_checkpoints().await?;
    let followed = shared.app.follow_loops().await?;
    if followed.released > 0 || followed.assigned > 0 {
        let (released, assigned, lapsed) = (followed.released, followed.assigned, followed.lapsed);
        tracing::info!(released, assigned, lapsed, "Loops followed: {released} released, {assigned} assigned");
    }
    if followed.lapsed > 0 {
        tracing::warn!(lapsed = followed.lapsed, "Measures lapsed without an exit test; somebody has to ask why");
    }
    let lapsed = shared.app.lapse_appeals().await?;
    if lapsed > 0 {
        tracing::warn!(lapsed, "{lapsed} appeals lapsed in favour of the person: nobody decided in time");
    }
    let watched = shared.app.watch_proposals().await?;
    if watched.frozen > 0 {
        tracing::warn!(frozen = watched.frozen, "{} freezes wait for an auditor", watched.frozen);
    }
    let breached = shared.app.follow_assists().await?;
    if breached > 0 {
        tracing::warn!(breached, "{breached} lines of other cities were not answered within six hours");
    }
    shared.app.forget_passes().await?;
    let handed = shared.app.escalate_signals().await?;
    if handed > 0 {
        tracing::warn!(handed, "{handed} signals were not answered in time and went to the next level");
    }
    let hour = shared.app.now().as_micros().div_euclid(3_600_000_000);
    if shared.watched_hour.swap(hour, Ordering::Relaxed) != hour {
        let open = shared.app.refresh_signals().await?;
        let forgotten = shared.app.forget_sales().await?;
        let (closed, dropped) = shared.app.follow_ledger().await?;
        if closed > 0 || dropped > 0 {
            tracing::info!(closed, dropped, "The ledger: {closed} parts of days closed, {dropped} days dropped");
        }
        tracing::info!(open, forgotten, "Looked for signals: {open} happenings");
        // Where the clock is invented, so are the days; what a demonstration shows would go at its first hour.
        if !shared.app.store().kind().has_simulated_clock() {
            let terms = shared.app.apply_terms().await?;
            if terms != TermsDone::default() {
                let TermsDone { erased, bodies, held } = terms;
                tracing::info!(erased, bodies, held, "Terms of keeping: {erased} days of a class went, {held} wait");
            }
        }
    }
    Ok(shared.app.store().note_jobs(&lease, shared.now()).await?)
}

/// Answers that nobody fetched.
fn forget_answers(shared: &Shared) {
    let oldest = shared.now().plus_minutes(-FORGET_MINUTES);
    shared.imports.lock().expect("no thread panics with it").retain(|_, job| job.made_at > oldest || job.is_running());
    let mut comparisons = shared.comparisons.lock().expect("no thread panics with it");
    comparisons.retain(|_, job| job.made_at > oldest || job.is_running());
}
