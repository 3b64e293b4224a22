//! Adds up encounters per person without a cache miss for each: first they are sorted into ranges of persons, then
//! each range is added up in a table that fits the second-level cache.

use rayon::prelude::*;

/// Persons of one range: 2^14 entries of 32 bytes are half of a 1 MiB second-level cache.
const RANGE_BITS: u32 = 14;
const RANGE: usize = 1 << RANGE_BITS;

/// Encounters gathered before they are added up: 2^22 of 8 bytes for each thread.
const GATHERED_MAX: usize = 1 << 22;

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
    count: usize,
}

impl<R: Record> Gathered<R> {
    pub(crate) fn new(person_count: usize) -> Self {
        let ranges = person_count.div_ceil(RANGE);
        Self { ranges: (0..ranges).map(|_| Vec::new()).collect(), source_of: vec![0; ranges], count: 0 }
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
        self.count >= GATHERED_MAX
    }

    fn clear(&mut self) {
        self.ranges.iter_mut().for_each(Vec::clear);
        self.source_of.fill(0);
        self.count = 0;
    }
}

/// Sums per person.
pub(crate) struct Tally {
    sums: Vec<Sum>,
}

impl Tally {
    pub(crate) fn new(person_count: usize) -> Self {
        Self { sums: vec![Sum::default(); person_count] }
    }

    /// Adds what the workers gathered and empties them. The sources of one call must differ from those of others.
    pub(crate) fn add<R: Record>(&mut self, gathered: &mut [Gathered<R>]) {
        let workers = &*gathered;
        self.sums.par_chunks_mut(RANGE).enumerate().for_each(|(range, sums)| {
            for worker in workers {
                add_range(sums, &worker.ranges[range]);
            }
        });
        gathered.iter_mut().for_each(Gathered::clear);
    }

    /// Rows for the persons that occur and that `make` wants, in their order.
    pub(crate) fn rows<T: Send + Copy>(&self, make: impl Fn(u32, &Sum) -> Option<T> + Sync) -> Vec<T> {
        let parts: Vec<Vec<T>> = self
            .sums
            .par_chunks(RANGE)
            .enumerate()
            .map(|(range, sums)| {
                let persons = (range * RANGE) as u32..;
                persons.zip(sums).filter(|(_, sum)| sum.encounters > 0).filter_map(|(p, sum)| make(p, sum)).collect()
            })
            .collect();
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
