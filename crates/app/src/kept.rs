//! Sums that are kept for a moment: boards and lists of a province ask for the same numbers again and again.
//!
//! What is kept is a sum of a division, never anything about one person, and its key is the division that was allowed:
//! nothing crosses from one reader to another that the other could not count alike. A sum is used again for five seconds
//! at most. As soon as the log or a projection has moved on it is counted anew, unless it is so large that counting
//! takes long and a few people more or less change nothing.

use std::{collections::HashMap, hash::Hash, sync::Mutex};

use sizao_model::Instant;

/// How long a sum is used again.
const MICROS: i64 = 5_000_000;
/// From here on a sum may be so old although the log has grown.
const LARGE: u64 = 20_000;
/// Sums that are kept; beyond it all are forgotten.
const KEPT_MAX: usize = 4_096;

/// How far log and projections were when something was counted.
pub(crate) type Stand = (u64, u64);

/// Sums by what was counted.
pub(crate) struct Kept<K, V>(Mutex<HashMap<K, Entry<V>>>);

struct Entry<V> {
    at: Instant,
    stand: Stand,
    size: u64,
    value: V,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// What was counted, if it still holds.
    pub(crate) fn get(&self, key: &K, now: Instant, stand: Stand) -> Option<V> {
        let kept = self.0.lock().expect("no thread panics with it");
        let entry = kept.get(key)?;
        let age = now.as_micros() - entry.at.as_micros();
        let holds = (0..MICROS).contains(&age) && (entry.stand == stand || entry.size >= LARGE);
        holds.then(|| entry.value.clone())
    }

    /// Keeps what was counted.
    ///
    /// - `size`: how many people were counted.
    pub(crate) fn put(&self, key: K, at: Instant, stand: Stand, size: u64, value: V) {
        let mut kept = self.0.lock().expect("no thread panics with it");
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, Entry { at, stand, size, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Instant {
        Instant::from_micros(1_647_480_600_000_000 + micros)
    }

    #[test]
    fn a_sum_is_kept_while_nothing_moves_and_for_seconds_alone() {
        let kept = Kept::default();
        kept.put("4101", at(0), (7, 7), 12, 12);
        assert_eq!(kept.get(&"4101", at(MICROS - 1), (7, 7)), Some(12));
        assert_eq!(kept.get(&"4101", at(MICROS), (7, 7)), None, "too old");
        assert_eq!(kept.get(&"4101", at(-1), (7, 7)), None, "the clock went back");
        assert_eq!(kept.get(&"4101", at(1), (8, 7)), None, "the log has grown");
        assert_eq!(kept.get(&"4101", at(1), (7, 8)), None, "a projection has moved on");
        assert_eq!(kept.get(&"4102", at(1), (7, 7)), None, "another division");
    }

    #[test]
    fn a_large_sum_may_be_seconds_old_while_the_log_grows() {
        let kept = Kept::default();
        kept.put("41", at(0), (7, 7), LARGE, LARGE);
        assert_eq!(kept.get(&"41", at(1), (8, 8)), Some(LARGE));
        assert_eq!(kept.get(&"41", at(MICROS), (8, 8)), None);
    }
}
