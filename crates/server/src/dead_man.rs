//! The alarm that sounds when jobs have stopped, in whichever process they should run: measures that end would not be
//! put on record, nobody would be told that an appeal is late.
//!
//! Whoever ends a round of jobs notes it in the store. A task of its own reads the note, so that a round that hangs, a
//! process that died with its lease and a store that does not answer all sound the same alarm: the note grows old.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use sizao_model::Instant;
use tokio::sync::watch;

use crate::state::Shared;

/// Seconds without a finished round after which the alarm sounds.
pub(crate) const SECONDS_MAX: i64 = 60;
/// Between two looks at the note.
const LOOK: Duration = Duration::from_secs(5);

/// What is known of the jobs.
pub(crate) struct DeadMan {
    /// When this process began to look, microseconds.
    since: i64,
    /// The youngest note, microseconds; 0: none yet.
    noted: AtomicI64,
    /// It has been told that they stopped.
    told: AtomicBool,
}

impl DeadMan {
    /// Begins to wait.
    pub(crate) fn from(now: Instant) -> Self {
        Self { since: now.as_micros(), noted: AtomicI64::new(0), told: AtomicBool::new(false) }
    }

    /// When the last round ended, in whichever process.
    pub(crate) fn last(&self) -> Option<Instant> {
        let noted = self.noted.load(Ordering::Relaxed);
        (noted > 0).then(|| Instant::from_micros(noted))
    }

    /// Seconds since a round ended; since this process began where it has seen none.
    pub(crate) fn age(&self, now: Instant) -> i64 {
        let from = self.noted.load(Ordering::Relaxed).max(self.since);
        (now.as_micros() - from) / 1_000_000
    }

    /// Whether rounds end.
    pub(crate) fn is_fine(&self, now: Instant) -> bool {
        self.age(now) < SECONDS_MAX
    }

    /// Takes a look at the note. Whether the alarm begins or ends with it.
    fn look(&self, noted: Option<Instant>, now: Instant) -> Option<bool> {
        self.noted.fetch_max(noted.map_or(0, Instant::as_micros), Ordering::Relaxed);
        let sounds = !self.is_fine(now);
        (self.told.swap(sounds, Ordering::Relaxed) != sounds).then_some(sounds)
    }
}

/// Looks until `stop` becomes true, and says once when the jobs stop and when they run again.
pub(crate) async fn watch(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    loop {
        let noted = tokio::time::timeout(LOOK, shared.app.store().jobs_noted_at()).await;
        let now = shared.now();
        match shared.jobs.look(noted.ok().and_then(Result::ok).flatten(), now) {
            Some(true) => {
                let seconds = shared.jobs.age(now);
                tracing::error!(
                    seconds,
                    "No process has ended a round of jobs for {seconds} seconds: measures and appeals are not followed"
                );
            }
            Some(false) => tracing::info!("Jobs end their rounds again"),
            None => {}
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Instant {
        Instant::from_micros(1_647_480_600_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn jobs_that_stop_are_told_once_and_so_is_that_they_run_again() {
        let man = DeadMan::from(at(0));
        assert_eq!(man.look(None, at(30)), None, "it has only begun");
        assert_eq!(man.look(Some(at(58)), at(59)), None);
        assert_eq!(man.look(Some(at(58)), at(117)), None);
        assert_eq!(man.look(Some(at(58)), at(118)), Some(true), "a minute without a round");
        assert_eq!((man.look(Some(at(58)), at(200)), man.age(at(200))), (None, 142), "told once");
        assert_eq!(man.look(None, at(201)), None, "a store that does not answer is no better");
        assert_eq!(man.look(Some(at(202)), at(203)), Some(false));
        assert!(man.is_fine(at(203)));
    }

    #[test]
    fn jobs_that_never_began_are_told_too() {
        let man = DeadMan::from(at(0));
        // What another process noted long ago does not count against one that has just begun.
        assert_eq!(man.look(Some(at(-9_000)), at(5)), None);
        assert_eq!(man.look(Some(at(-9_000)), at(60)), Some(true));
        assert_eq!(man.last(), Some(at(-9_000)));
    }
}
