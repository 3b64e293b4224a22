//! The index of an immutable set of stays: by place for "who else was here", by person for "where were they".
//!
//! Persons and places are dense numbers here (ranks in a [`crate::roster::Roster`]); times count from the epoch
//! of the index. One row is 64 bits, sorted by place and entering; the list by person holds row numbers only.
//! Neither holds the place: a row's neighbours are its place, and a bit marks where one begins.

mod build;
mod huge;
mod layout;
mod offsets;
pub(crate) mod packed;

use std::ops::Range;

use crate::stay::Span;
use huge::Huge;
use layout::{RowLayout, is_first};
use offsets::Offsets;
use packed::PackedNumbers;

/// Rows that share one summary: two cache lines.
const BLOCK: usize = 16;

/// Summary of a block in which a place begins: no search passes over it.
const HAS_FIRST: u32 = u32::MAX;

/// Rows of one cache line.
const LINE: usize = 8;

/// Blocks that share one summary.
const HEAP: usize = 64;

/// Stays by place and by person; never changes once built.
#[derive(Debug)]
pub(crate) struct Index {
    /// What all times of rows count from; seconds since 1970.
    epoch_s: u32,
    layout: RowLayout,
    rows: Huge<u64>,
    /// Rows whose length does not fit, with their leaving after the epoch; by row.
    long: Vec<(u32, u32)>,
    places: Offsets,
    persons: Offsets,
    /// Row numbers, by person and time of entering.
    by_person: PackedNumbers,
    /// Latest leaving of each block, seconds after the epoch, or [`HAS_FIRST`].
    blocks: Huge<u32>,
    /// The same for [`HEAP`] blocks.
    heaps: Vec<u32>,
}

/// A stay as found in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Number of the row.
    pub(crate) row: u32,
    /// Dense number of the person.
    pub(crate) person: u32,
    /// The stay; seconds since 1970.
    pub(crate) span: Span,
}

impl Index {
    /// Number of stays.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Earliest time of entering; seconds since 1970.
    pub(crate) fn epoch_s(&self) -> u32 {
        self.epoch_s
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes()
            + self.long.capacity() * size_of::<(u32, u32)>()
            + self.places.bytes()
            + self.persons.bytes()
            + self.by_person.bytes()
            + self.blocks.bytes()
            + self.heaps.capacity() * size_of::<u32>()
    }

    /// The stay in a row.
    pub(crate) fn found(&self, row: usize) -> Found {
        let word = self.rows[row];
        let from_s = self.epoch_s + self.layout.enter_s(word);
        let until_s = self.epoch_s + self.leave_s(row, word);
        Found { row: row as u32, person: self.layout.person(word), span: Span { from_s, until_s } }
    }

    /// Rows of a place.
    pub(crate) fn rows_at(&self, place: u32) -> Range<usize> {
        self.places.range(place)
    }

    /// Number of rows of a person.
    pub(crate) fn row_count_of(&self, person: u32) -> usize {
        self.persons.range(person).len()
    }

    /// Dense number of the place of a row.
    pub(crate) fn place_of(&self, row: usize) -> u32 {
        self.places.key_of(row)
    }

    /// Calls `visit` with every stay of a person that overlaps or touches `window`.
    pub(crate) fn for_rows_of(&self, person: u32, window: Span, mut visit: impl FnMut(Found)) {
        for position in self.persons.range(person) {
            let found = self.found(self.by_person.get(position) as usize);
            let span = found.span;
            if span.from_s <= window.until_s && span.until_s >= window.from_s {
                visit(found);
            }
        }
    }

    /// Adds the row numbers of a person, without reading the rows.
    pub(crate) fn add_rows_of(&self, person: u32, mut add: impl FnMut(u32)) {
        self.persons.range(person).for_each(|position| add(self.by_person.get(position)));
    }

    /// The row as it is stored; for [`Self::span_of`].
    #[inline]
    pub(crate) fn word(&self, row: u32) -> u64 {
        self.rows[row as usize]
    }

    /// The stay in a row that was read before; seconds since 1970.
    #[inline]
    pub(crate) fn span_of(&self, row: u32, word: u64) -> Span {
        Span {
            from_s: self.epoch_s + self.layout.enter_s(word),
            until_s: self.epoch_s + self.leave_s(row as usize, word),
        }
    }

    /// Reads what a plan around a row will read, and returns something that depends on it.
    ///
    /// Done for many rows before the first plan, the reads wait for memory together instead of one after another.
    #[inline]
    pub(crate) fn touch(&self, row: u32) -> u64 {
        let row = row as usize;
        let next = self.rows.get(row + LINE).copied().unwrap_or(0);
        u64::from(self.blocks[(row / BLOCK).saturating_sub(1)]) ^ next
    }

    /// Adds to `blocks` the blocks at or before `row` at its place that may hold company for `span`, nearest first.
    pub(crate) fn plan(&self, row: usize, span: Span, least_s: u32, blocks: &mut Vec<u32>) {
        let Some(search) = self.search(span, least_s) else { return };
        let mut block = row / BLOCK;
        blocks.push(block as u32);
        if self.blocks[block] == HAS_FIRST && self.rows[block * BLOCK..=row].iter().any(|&word| is_first(word)) {
            return;
        }
        loop {
            // The first row of all begins a place, so the walk ends at block 0 at the latest.
            while block.is_multiple_of(HEAP) && self.heaps[block / HEAP - 1] < search.leave_min_s {
                block -= HEAP;
            }
            block -= 1;
            let latest_leave_s = self.blocks[block];
            if latest_leave_s >= search.leave_min_s {
                blocks.push(block as u32);
                if latest_leave_s == HAS_FIRST {
                    return;
                }
            }
        }
    }

    /// Reads the rows of a planned block, as [`Self::touch`].
    #[inline]
    pub(crate) fn touch_block(&self, block: u32) -> u64 {
        let begin = block as usize * BLOCK;
        self.rows[begin] ^ self.rows.get(begin + LINE).copied().unwrap_or(0)
    }

    /// Adds to `company` every stay at the place of row `anchor` that shares at least `least_s` (1 or more) seconds
    /// with `span`, the anchor among them, and some that do not: [`Self::time_together`] tells. `plan` is that of the
    /// same anchor.
    #[inline]
    pub(crate) fn add_company(&self, anchor: usize, plan: &[u32], span: Span, least_s: u32, company: &mut Company) {
        let Some(search) = self.search(span, least_s) else { return };
        let later = &self.rows[anchor + 1..];
        let entered = |&&word: &&u64| !is_first(word) && self.layout.enter_s(word) <= search.enter_max_s;
        let later = later.iter().take_while(entered).count();
        let (out, mut count) = company.room(later + plan.len() * BLOCK);
        count = self.sift(anchor + 1..anchor + 1 + later, search.leave_min_s, out, count);
        let mut end = anchor + 1;
        for &block in plan {
            let mut begin = block as usize * BLOCK;
            end = end.min(begin + BLOCK);
            if self.blocks[block as usize] == HAS_FIRST {
                begin += self.rows[begin..end].iter().rposition(|&word| is_first(word)).unwrap_or(0);
            }
            count = self.sift(begin..end, search.leave_min_s, out, count);
        }
        company.count = count;
    }

    /// Writes every row of `rows` to `out` at `count`, and counts those that left late enough or may have.
    ///
    /// Whether a row counts cannot be predicted, and a branch that is guessed wrong costs more than a write. The test
    /// is as short as it can be; [`Self::time_together`] makes it exact for the rows that are left.
    #[inline]
    fn sift(&self, rows: Range<usize>, leave_min_s: u32, out: &mut [Met], mut count: usize) -> usize {
        let layout = self.layout;
        let long_s = layout.long_s();
        for (row, &word) in rows.clone().zip(&self.rows[rows]) {
            let length_s = layout.length_s(word);
            out[count] = Met { word, row: row as u32 };
            count += usize::from((layout.enter_s(word) + length_s >= leave_min_s) | (length_s == long_s));
        }
        count
    }

    /// Person met, and the time together with `span` if it is at least `least_s` seconds; seconds since 1970.
    #[inline]
    pub(crate) fn time_together(&self, met: Met, span: Span, least_s: u32) -> Option<(u32, Span)> {
        let together = self.span_of(met.row, met.word).intersection(span);
        (together.length_s() >= least_s).then_some((self.layout.person(met.word), together))
    }

    /// The same for a place by its dense number.
    pub(crate) fn add_company_at(&self, place: u32, span: Span, least_s: u32, company: &mut Company) {
        let Some(search) = self.search(span, least_s) else { return };
        let range = self.rows_at(place);
        let in_time = self.rows[range.clone()].partition_point(|&word| self.layout.enter_s(word) <= search.enter_max_s);
        if in_time > 0 {
            let last = range.start + in_time - 1;
            let mut plan = Vec::new();
            self.plan(last, span, least_s, &mut plan);
            self.add_company(last, &plan, span, least_s, company);
        }
    }

    /// Calls `visit` with every stay at a place that meets `window`; zero-length stays must lie in it.
    pub(crate) fn for_visits_at(&self, place: u32, window: Span, mut visit: impl FnMut(Found)) {
        let range = self.rows_at(place);
        let rows = &self.rows[range.clone()];
        let in_time = rows.partition_point(|&word| self.epoch_s + self.layout.enter_s(word) < window.until_s);
        for row in range.start..range.start + in_time {
            let found = self.found(row);
            let span = found.span;
            if span.until_s > window.from_s || (span.is_empty() && span.from_s >= window.from_s) {
                visit(found);
            }
        }
    }

    fn search(&self, span: Span, least_s: u32) -> Option<Search> {
        let least_s = least_s.max(1);
        let from_s = span.from_s.saturating_sub(self.epoch_s);
        let until_s = span.until_s.checked_sub(self.epoch_s)?;
        let enter_max_s = until_s.checked_sub(least_s)?;
        let leave_min_s = from_s.checked_add(least_s)?;
        (enter_max_s >= from_s).then_some(Search { enter_max_s, leave_min_s })
    }

    /// Leaving of a row, seconds after the epoch.
    #[inline]
    fn leave_s(&self, row: usize, word: u64) -> u32 {
        let length_s = self.layout.length_s(word);
        if length_s == self.layout.long_s() { self.long_leave_s(row) } else { self.layout.enter_s(word) + length_s }
    }

    #[cold]
    fn long_leave_s(&self, row: usize) -> u32 {
        let at = self.long.binary_search_by_key(&(row as u32), |&(row, _)| row).expect("every long row is in the list");
        self.long[at].1
    }
}

/// What a row must satisfy to be company; seconds after the epoch.
struct Search {
    /// Whoever enters later cannot stay long enough.
    enter_max_s: u32,
    /// Whoever leaves earlier was not there long enough.
    leave_min_s: u32,
}

/// A row that may be company.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Met {
    word: u64,
    pub(crate) row: u32,
}

/// A list that is only sometimes made longer.
#[derive(Debug, Default)]
pub(crate) struct Company {
    met: Vec<Met>,
    count: usize,
}

impl Company {
    /// The list with room for `rows` more entries and one, and how many it has.
    fn room(&mut self, rows: usize) -> (&mut [Met], usize) {
        if self.met.len() <= self.count + rows {
            self.met.resize((self.count + rows + 1).next_power_of_two(), Met::default());
        }
        (&mut self.met, self.count)
    }

    /// Empties the list.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    /// All that were added.
    pub(crate) fn met(&self) -> &[Met] {
        &self.met[..self.count]
    }
}
