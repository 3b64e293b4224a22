//! The same work for many series, on all processors, in order; results do not depend on the number of threads.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Maps each item; results keep the order of the items whatever the number of threads (0: one per processor).
pub fn map<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, |n| n.get());
    let threads = if threads == 0 { processors } else { threads }.min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    // Chunks keep threads from meeting at the counter for every short series.
    let chunk = (items.len() / (threads * 16)).max(1);
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let first = next.fetch_add(chunk, Ordering::Relaxed);
            if first >= items.len() {
                return done;
            }
            let last = (first + chunk).min(items.len());
            done.push((first, items[first..last].iter().map(&work).collect::<Vec<R>>()));
        }
    };
    let mut parts: Vec<(usize, Vec<R>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no series panics")).collect()
    });
    parts.sort_by_key(|(first, _)| *first);
    parts.into_iter().flat_map(|(_, part)| part).collect()
}
