//! Builds an index: group by place, merge each person's stays there, pack, sort, list by person.

use std::ops::Range;

use rayon::prelude::*;

use super::huge::Huge;
use super::layout::{RowLayout, as_first, is_first};
use super::offsets::{Offsets, starts};
use super::packed::{PackedNumbers, width_of};
use super::{BLOCK, HAS_FIRST, HEAP, Index};
use crate::error::PresenceError;
use crate::stay::Stay;

/// A stay inside its place; seconds since 1970. Field order is sorting order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Visit {
    person: u32,
    enter_s: u32,
    leave_s: u32,
}

/// Finished rows of a run of places.
struct Part {
    rows: Vec<u64>,
    long: Vec<(u32, u32)>,
    rows_per_place: Vec<u32>,
}

impl Index {
    /// Index of `stays` in any order, duplicates and overlaps included, with dense numbers below the counts.
    ///
    /// # Errors
    /// [`PresenceError::TooMany`] for more rows or persons than fit the layout.
    pub(crate) fn build(stays: Vec<Stay>, person_count: usize, place_count: usize) -> Result<Self, PresenceError> {
        let max = u64::from(u32::MAX);
        if stays.len() as u64 > max {
            return Err(PresenceError::TooMany { what: "stays", count: stays.len() as u64, max });
        }
        let epoch_s = stays.par_iter().map(|stay| stay.enter_s).min().unwrap_or(0);
        let enter_max_s = stays.par_iter().map(|stay| stay.enter_s).max().unwrap_or(0) - epoch_s;
        let layout = RowLayout::new(person_count, enter_max_s)?;

        let starts_of_places = starts(&count_keys(&stays, place_count, |stay| stay.place.0));
        let mut visits = group(&stays, &starts_of_places, |_, stay| {
            let visit = Visit { person: stay.person.0, enter_s: stay.enter_s, leave_s: stay.leave_s };
            (stay.place.0, visit)
        });
        drop(stays);
        let parts = pack_places(&mut visits, &starts_of_places, layout, epoch_s);
        drop(visits);
        drop(starts_of_places);
        Ok(Self::assemble(parts, layout, epoch_s, person_count))
    }

    fn assemble(parts: Vec<Part>, layout: RowLayout, epoch_s: u32, person_count: usize) -> Self {
        let row_count = parts.iter().map(|part| part.rows.len()).sum();
        let rows = Huge::concat(row_count, parts.iter().map(|part| &part.rows[..]));
        let (mut long, mut rows_per_place, mut first) = (Vec::new(), Vec::new(), 0);
        for part in parts {
            long.extend(part.long.iter().map(|&(row, leave_s)| (first + row, leave_s)));
            rows_per_place.extend_from_slice(&part.rows_per_place);
            first += part.rows.len() as u32;
        }
        long.shrink_to_fit();

        let rows_per_person = count_keys(&rows, person_count, |&row| layout.person(row));
        let starts_of_persons = starts(&rows_per_person);
        let by_person = list_by_person(&rows, &starts_of_persons, layout);
        let mut index = Self {
            epoch_s,
            layout,
            rows,
            long,
            places: Offsets::from_counts(&rows_per_place),
            persons: Offsets::from_counts(&rows_per_person),
            by_person,
            blocks: Huge::zeros(0),
            heaps: Vec::new(),
        };
        let mut blocks = Huge::zeros(index.rows.len().div_ceil(BLOCK));
        blocks.as_mut().par_iter_mut().enumerate().for_each(|(block, latest)| *latest = index.summary(block));
        index.blocks = blocks;
        index.heaps = index.blocks.chunks(HEAP).map(|blocks| blocks.iter().copied().max().unwrap_or(0)).collect();
        index
    }

    fn summary(&self, block: usize) -> u32 {
        let rows = block * BLOCK..(block * BLOCK + BLOCK).min(self.rows.len());
        let latest = |row: usize| match self.rows[row] {
            word if is_first(word) => HAS_FIRST,
            word => self.leave_s(row, word),
        };
        rows.map(latest).max().unwrap_or(0)
    }
}

/// Merges, packs and sorts the visits of each place.
fn pack_places(visits: &mut [Visit], starts: &[u32], layout: RowLayout, epoch_s: u32) -> Vec<Part> {
    let parts = rayon::current_num_threads() * 8;
    split_by_load(visits, starts, parts)
        .into_par_iter()
        .map(|(places, visits)| {
            let mut part =
                Part { rows: Vec::with_capacity(visits.len()), long: Vec::new(), rows_per_place: Vec::new() };
            let base = starts[places.start];
            for place in places {
                let visits = &mut visits[(starts[place] - base) as usize..(starts[place + 1] - base) as usize];
                pack_place(visits, layout, epoch_s, &mut part);
            }
            part
        })
        .collect()
}

fn pack_place(visits: &mut [Visit], layout: RowLayout, epoch_s: u32, part: &mut Part) {
    visits.sort_unstable();
    let first = part.rows.len();
    let mut long = Vec::new();
    let mut finish = |visit: Visit| {
        let row = layout.pack(visit.person, visit.enter_s - epoch_s, visit.leave_s - visit.enter_s);
        if visit.leave_s - visit.enter_s >= layout.long_s() {
            long.push((row, visit.leave_s - epoch_s));
        }
        part.rows.push(row);
    };
    let mut merged: Option<Visit> = None;
    for &visit in &*visits {
        match &mut merged {
            Some(open) if open.person == visit.person && visit.enter_s <= open.leave_s => {
                open.leave_s = open.leave_s.max(visit.leave_s);
            }
            _ => {
                if let Some(done) = merged.replace(visit) {
                    finish(done);
                }
            }
        }
    }
    if let Some(done) = merged {
        finish(done);
    }
    let rows = &mut part.rows[first..];
    rows.sort_unstable();
    // Nobody enters a place twice in one second once stays are merged, so a row is found by its value.
    let position = |row| rows.binary_search(&row).expect("the row was just packed");
    part.long.extend(long.into_iter().map(|(row, leave_s)| ((first + position(row)) as u32, leave_s)));
    part.long.sort_unstable();
    if let Some(row) = rows.first_mut() {
        *row = as_first(*row);
    }
    part.rows_per_place.push((part.rows.len() - first) as u32);
}

/// Row numbers by person and time of entering.
fn list_by_person(rows: &[u64], starts: &[u32], layout: RowLayout) -> PackedNumbers {
    let mut entries =
        group(rows, starts, |row, &word| (layout.person(word), u64::from(layout.enter_s(word)) << 32 | row as u64));
    split_by_load(&mut entries, starts, rayon::current_num_threads() * 8).into_par_iter().for_each(
        |(persons, entries)| {
            let base = starts[persons.start];
            for person in persons {
                entries[(starts[person] - base) as usize..(starts[person + 1] - base) as usize].sort_unstable();
            }
        },
    );
    let width = width_of(rows.len().saturating_sub(1) as u64);
    PackedNumbers::pack(width, entries.len(), entries.iter().map(|&entry| entry as u32))
}

/// How often each key below `keys` occurs.
fn count_keys<T: Sync>(items: &[T], keys: usize, key: impl Fn(&T) -> u32 + Sync) -> Vec<u32> {
    let count = |items: &[T]| {
        let mut counts = vec![0u32; keys];
        items.iter().for_each(|item| counts[key(item) as usize] += 1);
        counts
    };
    let chunk = items.len().div_ceil(rayon::current_num_threads()).max(1 << 16);
    let add = |mut sum: Vec<u32>, counts: Vec<u32>| {
        sum.iter_mut().zip(&counts).for_each(|(sum, count)| *sum += count);
        sum
    };
    items.par_chunks(chunk).map(count).reduce_with(add).unwrap_or_else(|| vec![0; keys])
}

/// Puts items in the order of their keys, keeping the order within a key; each thread fills one range of keys.
fn group<T: Sync, U: Copy + Default + Send>(
    items: &[T],
    starts: &[u32],
    entry: impl Fn(usize, &T) -> (u32, U) + Sync,
) -> Vec<U> {
    let mut grouped = vec![U::default(); items.len()];
    let threads = if items.len() < 1 << 16 { 1 } else { rayon::current_num_threads() };
    split_by_load(&mut grouped, starts, threads).into_par_iter().for_each(|(keys, grouped)| {
        let base = starts[keys.start];
        let mut next: Vec<u32> = starts[keys.clone()].iter().map(|start| start - base).collect();
        for (number, item) in items.iter().enumerate() {
            let (key, value) = entry(number, item);
            if keys.contains(&(key as usize)) {
                let slot = &mut next[key as usize - keys.start];
                grouped[*slot as usize] = value;
                *slot += 1;
            }
        }
    });
    grouped
}

/// Cuts a grouped list into at most `parts` runs of whole keys of about equal length.
fn split_by_load<'a, U>(mut items: &'a mut [U], starts: &[u32], parts: usize) -> Vec<(Range<usize>, &'a mut [U])> {
    let keys = starts.len() - 1;
    let target = items.len().div_ceil(parts).max(1);
    let (mut runs, mut key) = (Vec::with_capacity(parts), 0);
    while key < keys {
        let limit = starts[key] as usize + target;
        let end = starts.partition_point(|&start| (start as usize) < limit).clamp(key + 1, keys);
        let (run, rest) = items.split_at_mut((starts[end] - starts[key]) as usize);
        runs.push((key..end, run));
        items = rest;
        key = end;
    }
    runs
}
