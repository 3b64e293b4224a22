//! Whether the clock on the wall can be trusted: deadlines, ends of measures and signatures hang on it.
//!
//! Three things are compared every round: the wall with the machine's steady clock (somebody set it), with the clock of
//! the database where that is another machine, and the node's clock with the last signature of the log (it went back).

use std::sync::{
    Mutex,
    atomic::{AtomicI64, Ordering},
};

use sizao_model::Instant;
use tokio::time::Instant as Steady;

use crate::state::Shared;

/// Further apart, and somebody has to look; microseconds.
const APART_MAX: i64 = 5_000_000;

/// What was seen of the clock.
#[derive(Default)]
pub(crate) struct ClockWatch {
    /// The wall and the steady clock when it was looked first, moved on with each jump that was told.
    since: Mutex<Option<(Instant, Steady)>>,
    /// How far apart clocks are at most; microseconds, the wall minus the other.
    apart: AtomicI64,
    /// How often the wall was set.
    jumps: AtomicI64,
}

impl ClockWatch {
    /// Compares the clocks, and says so once when they come to differ.
    pub(crate) async fn look(&self, shared: &Shared) -> Result<(), sizao_app::AppError> {
        let wall = shared.now();
        self.note_steady(wall, Steady::now());
        let head = shared.app.store().head().await?;
        let database = shared.app.store().clock_of_database().await?;
        self.note(wall, database, shared.app.now(), head.signed_at);
        Ok(())
    }

    /// Whether the wall went as far as the steady clock since the last jump.
    fn note_steady(&self, wall: Instant, steady: Steady) {
        let mut since = self.since.lock().expect("no thread panics with it");
        let (wall_then, steady_then) = *since.get_or_insert((wall, steady));
        let went = (steady - steady_then).as_micros() as i64;
        let jump = wall.as_micros() - wall_then.as_micros() - went;
        if jump.abs() > APART_MAX {
            tracing::error!(seconds = jump / 1_000_000, "The machine's clock was set: deadlines have moved with it");
            self.jumps.fetch_add(1, Ordering::Relaxed);
            *since = Some((wall, steady));
        }
    }

    fn note(&self, wall: Instant, database: Option<Instant>, node: Instant, signed_at: Instant) {
        let from_database = database.map_or(0, |there| wall.as_micros() - there.as_micros());
        // Only behind the log is wrong: the last fact may be long ago.
        let behind_log = (node.as_micros() - signed_at.as_micros()).min(0);
        let apart = if from_database.abs() > behind_log.abs() { from_database } else { behind_log };
        let before = self.apart.swap(apart, Ordering::Relaxed);
        if apart.abs() > APART_MAX && before.abs() <= APART_MAX {
            tracing::error!(seconds = apart / 1_000_000, "The machine's clock is wrong: {apart} microseconds apart");
        }
    }

    /// How far apart clocks are, in seconds; none while they agree.
    pub(crate) fn wrong_by(&self) -> Option<i64> {
        let apart = self.apart.load(Ordering::Relaxed);
        (apart.abs() > APART_MAX).then_some(apart / 1_000_000)
    }

    /// For counters: seconds apart, and how often the wall was set.
    pub(crate) fn figures(&self) -> (f64, f64) {
        (self.apart.load(Ordering::Relaxed) as f64 / 1e6, self.jumps.load(Ordering::Relaxed) as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: i64) -> Instant {
        Instant::from_micros(1_647_480_600_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn a_clock_that_was_set_is_told_once_in_each_direction() {
        let (watch, steady) = (ClockWatch::default(), Steady::now());
        let later = |seconds| steady + Duration::from_secs(seconds);
        for (wall, elapsed, jumps) in
            [(0, 0, 0), (60, 60, 0), (124, 120, 0), (3_720, 180, 1), (3_780, 240, 1), (0, 300, 2)]
        {
            watch.note_steady(at(wall), later(elapsed));
            assert_eq!(watch.figures().1, f64::from(jumps), "{wall} {elapsed}");
        }
    }

    #[test]
    fn a_slow_drift_adds_up_until_it_is_told() {
        let (watch, steady) = (ClockWatch::default(), Steady::now());
        for minute in 0..20 {
            watch.note_steady(at(minute * 60 + minute), steady + Duration::from_secs(minute as u64 * 60));
        }
        assert_eq!(watch.figures().1, 3.0, "one second a minute is six seconds after six minutes, three times");
    }

    #[test]
    fn the_database_and_the_log_show_a_wrong_clock() {
        let watch = ClockWatch::default();
        watch.note(at(0), None, at(0), at(-86_400));
        assert_eq!(watch.wrong_by(), None, "a quiet day is no fault");
        watch.note(at(0), Some(at(4)), at(0), at(0));
        assert_eq!(watch.wrong_by(), None);
        watch.note(at(0), Some(at(-90)), at(0), at(0));
        assert_eq!(watch.wrong_by(), Some(90));
        watch.note(at(0), None, at(0), at(600));
        assert_eq!(watch.wrong_by(), Some(-600), "the log was signed by a later clock");
    }
}
