//! Adds up encounters per person without a cache miss for each: first they are sorted into ranges of persons, then
//! each range is added up in a table that fits the second-level cache.

use rayon::prelude::*;

/// Persons of one range: 2^14 entries of 32 bytes are half of a 1 MiB second-level cache.
const RANGE_BITS: u32 = 14;
const RANGE: usize = 1 << RANGE_BITS;

/// Encounters that a worker gathers for each person before they are added up: the more, the less often all sums are
/// gone through; the fewer, the less memory.
const GATHERED_PER_PERSON: usize = 4;

/// Bounds of what a worker gathers: 4 MB and 128 MB of 8-byte records.
const GATHERED_MIN: usize = 1 << 19;
const GATHERED_MAX: usize = 1 << 24;

/// One person's sums.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    /// Seconds together.
    pub(crate) overlap_s: u64,
    /// Encounters; 0 = the person does not occur.
    pub(crate) encounters: u32,
    /// Different sources.
    pub(crate) sources: u32,
    /// First start, seconds after the tally's epoch.
    pub(crate) first_s: u32,
    /// Last end, seconds after the tally's epoch.
    pub(crate) last_s: u32,
    /// Source counted last, plus one.
    stamp: u32,
}

/// What one worker gathers: encounters by range of persons, in the order of its sources.
pub(crate) struct Gathered<R> {
    ranges: Vec<Vec<R>>,
    /// Source that the last record of each range belongs to, plus one.
    source_of: Vec<u32>,
    count_max: usize,
    count: usize,
}

impl<R: Record> Gathered<R> {
    pub(crate) fn new(person_count: usize) -> Self {
        let ranges = person_count.div_ceil(RANGE);
        let count_max = (person_count * GATHERED_PER_PERSON).clamp(GATHERED_MIN, GATHERED_MAX);
        Self { ranges: (0..ranges).map(|_| Vec::new()).collect(), source_of: vec![0; ranges], count_max, count: 0 }
    }

    /// Adds an encounter with a source; all of one source follow each other. Times count from the tally's epoch.
    #[inline]
    pub(crate) fn add(&mut self, source: u32, person: u32, start_s: u32, length_s: u32) {
        let range = (person >> RANGE_BITS) as usize;
        let source = source + 1;
        if self.source_of[range] != source {
            self.source_of[range] = source;
            self.ranges[range].push(R::source(source));
        }
        self.ranges[range].push(R::encounter(person & (RANGE as u32 - 1), start_s, length_s));
        self.count += 1;
    }

    /// Whether it is time to add up.
    pub(crate) fn is_full(&self) -> bool {
        self.count >= self.count_max
    }

    fn clear(&mut self) {
        self.ranges.iter_mut().for_each(Vec::clear);
        self.source_of.fill(0);
        self.count = 0;
    }
}

/// Sums per person, by range; a range without sums is empty.
pub(crate) struct Tally {
    ranges: Vec<Vec<Sum>>,
}

impl Tally {
    pub(crate) fn new(person_count: usize) -> Self {
        Self { ranges: vec![Vec::new(); person_count.div_ceil(RANGE)] }
    }

    /// Adds what the workers gathered and empties them. The sources of one call must differ from those of others.
    pub(crate) fn add<R: Record>(&mut self, gathered: &mut [Gathered<R>]) {
        let workers = &*gathered;
        self.ranges.par_iter_mut().enumerate().for_each(|(range, sums)| {
            sums.resize(RANGE, Sum::default());
            workers.iter().for_each(|worker| add_range(sums, &worker.ranges[range]));
        });
        gathered.iter_mut().for_each(Gathered::clear);
    }

    /// Adds what is left with the workers and gives the rows of the persons that occur and that `make` wants, in
    /// their order.
    pub(crate) fn finish<R: Record, T: Send + Copy>(
        self,
        gathered: &[Gathered<R>],
        make: impl Fn(u32, &Sum) -> Option<T> + Sync,
    ) -> Vec<T> {
        let rows_of = |spare: &mut Vec<Sum>, (range, mut sums): (usize, Vec<Sum>)| {
            // Sums that were never needed before live in the worker's cache only.
            let sums = if sums.is_empty() {
                spare.clear();
                spare.resize(RANGE, Sum::default());
                spare
            } else {
                &mut sums
            };
            gathered.iter().for_each(|worker| add_range(sums, &worker.ranges[range]));
            let persons = (range * RANGE) as u32..;
            let occurring = persons.zip(&*sums).filter(|(_, sum)| sum.encounters > 0);
            occurring.filter_map(|(person, sum)| make(person, sum)).collect::<Vec<T>>()
        };
        let parts: Vec<Vec<T>> = self.ranges.into_par_iter().enumerate().map_init(Vec::new, rows_of).collect();
        parts.concat()
    }
}

fn add_range<R: Record>(sums: &mut [Sum], records: &[R]) {
    let mut source = 0;
    for &record in records {
        match record.read() {
            Read::Source(number) => source = number,
            Read::Encounter { person, start_s, length_s } => {
                let sum = &mut sums[person as usize];
                let end_s = start_s + length_s;
                sum.first_s = if sum.encounters == 0 { start_s } else { sum.first_s.min(start_s) };
                sum.last_s = sum.last_s.max(end_s);
                sum.overlap_s += u64::from(length_s);
                sum.encounters += 1;
                sum.sources += u32::from(sum.stamp != source);
                sum.stamp = source;
            }
        }
    }
}

/// An encounter, or whose encounters follow, in few bytes.
pub(crate) trait Record: Copy + Send + Sync {
    /// Encounter of the person at `offset` in the range; times in seconds.
    fn encounter(offset: u32, start_s: u32, length_s: u32) -> Self;
    /// The following encounters are with this source.
    fn source(number: u32) -> Self;
    fn read(self) -> Read;
}

pub(crate) enum Read {
    Source(u32),
    Encounter { person: u32, start_s: u32, length_s: u32 },
}

/// Times below 2^24 s, 194 days: every ledger of a pack's term.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Narrow(u64);

/// First moment that a [`Narrow`] record cannot hold; seconds.
pub(crate) const NARROW_S: u32 = 1 << 24;

const MARK: u64 = 1 << 63;

impl Record for Narrow {
    #[inline]
    fn encounter(offset: u32, start_s: u32, length_s: u32) -> Self {
        Self(u64::from(start_s) << 38 | u64::from(length_s) << 14 | u64::from(offset))
    }

    #[inline]
    fn source(number: u32) -> Self {
        Self(MARK | u64::from(number))
    }

    #[inline]
    fn read(self) -> Read {
        if self.0 & MARK != 0 {
            return Read::Source(self.0 as u32);
        }
        let (start_s, length_s) = ((self.0 >> 38) as u32, (self.0 >> 14) as u32 & (NARROW_S - 1));
        Read::Encounter { person: self.0 as u32 & (RANGE as u32 - 1), start_s, length_s }
    }
}

/// Any times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide {
    offset: u32,
    start_s: u32,
    length_s: u32,
}

impl Record for Wide {
    fn encounter(offset: u32, start_s: u32, length_s: u32) -> Self {
        Self { offset, start_s, length_s }
    }

    fn source(number: u32) -> Self {
        Self { offset: u32::MAX, start_s: number, length_s: 0 }
    }

    fn read(self) -> Read {
        match self {
            Self { offset: u32::MAX, start_s, .. } => Read::Source(start_s),
            Self { offset, start_s, length_s } => Read::Encounter { person: offset, start_s, length_s },
        }
    }
}
