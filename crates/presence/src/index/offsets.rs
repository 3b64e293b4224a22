//! Where the entries of each key begin in a list sorted by key.

use std::ops::Range;

/// Starts of the runs of keys `0..n`: one number a key, or one a present key when few are.
#[derive(Debug, Clone)]
pub(crate) enum Offsets {
    /// `starts[key]..starts[key + 1]`.
    Dense(Vec<u32>),
    /// Keys that occur, ascending, and their starts; one start more than keys.
    Sparse(Vec<u32>, Vec<u32>),
}

impl Offsets {
    /// From the number of entries of each key.
    pub(crate) fn from_counts(counts: &[u32]) -> Self {
        let present = counts.iter().filter(|&&count| count > 0).count();
        if present * 4 >= counts.len() {
            return Self::Dense(starts(counts));
        }
        let keys: Vec<u32> = (0..counts.len() as u32).filter(|&key| counts[key as usize] > 0).collect();
        let present: Vec<u32> = keys.iter().map(|&key| counts[key as usize]).collect();
        Self::Sparse(keys, starts(&present))
    }

    /// Entries of a key; empty for a key that is not known.
    #[inline]
    pub(crate) fn range(&self, key: u32) -> Range<usize> {
        let (slot, starts) = match self {
            Self::Dense(starts) if key as usize + 1 < starts.len() => (key as usize, starts),
            Self::Dense(_) => return 0..0,
            Self::Sparse(keys, starts) => match keys.binary_search(&key) {
                Ok(slot) => (slot, starts),
                Err(_) => return 0..0,
            },
        };
        starts[slot] as usize..starts[slot + 1] as usize
    }

    /// Key of an entry.
    pub(crate) fn key_of(&self, entry: usize) -> u32 {
        let slot = |starts: &[u32]| starts.partition_point(|&start| start as usize <= entry) - 1;
        match self {
            Self::Dense(starts) => slot(starts) as u32,
            Self::Sparse(keys, starts) => keys[slot(starts)],
        }
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = match self {
            Self::Dense(starts) => starts.capacity(),
            Self::Sparse(keys, starts) => keys.capacity() + starts.capacity(),
        };
        numbers * size_of::<u32>()
    }
}

/// Running sum of counts, beginning with 0 and ending with the total.
pub(crate) fn starts(counts: &[u32]) -> Vec<u32> {
    let mut starts = Vec::with_capacity(counts.len() + 1);
    let mut sum = 0;
    starts.push(0);
    for &count in counts {
        sum += count;
        starts.push(sum);
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counts: &[u32]) {
        let offsets = Offsets::from_counts(counts);
        let mut entry = 0;
        for (key, &count) in counts.iter().enumerate() {
            if count > 0 {
                assert_eq!(offsets.range(key as u32), entry..entry + count as usize);
            } else {
                assert!(offsets.range(key as u32).is_empty());
            }
            for _ in 0..count {
                assert_eq!(offsets.key_of(entry), key as u32);
                entry += 1;
            }
        }
        assert!(offsets.range(counts.len() as u32 + 5).is_empty());
    }

    #[test]
    fn dense_and_sparse_keys_find_their_entries() {
        check(&[2, 0, 3, 1]);
        check(&[0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0]);
        check(&[]);
    }
}
