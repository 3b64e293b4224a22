//! Ids of a table as numbers: `u32` values as they are, any other text by its rank.

use std::borrow::Cow;
use std::cmp::Ordering;

use rustc_hash::FxHashMap;

use super::cell::Cell;

/// Ids of one kind, met one after another.
///
/// As long as all are `u32` in their shortest form they stand for themselves. With the first that is not, all become
/// texts, numbered as they come; [`Self::rank`] puts them in order when no more come.
#[derive(Debug, Default)]
pub(super) struct Ids {
    texts: Vec<Box<str>>,
    numbers: FxHashMap<Box<str>, u32>,
    are_texts: bool,
}

impl Ids {
    /// Number of an id; `None` for an empty or unreadable one. If it makes all ids texts, `earlier` is given those
    /// numbers that were handed out before, to be changed.
    pub(super) fn take(&mut self, cell: Cell<'_>, earlier: impl FnOnce(&mut dyn FnMut(&mut u32))) -> Option<u32> {
        let written;
        let text = match cell {
            Cell::Number(number) => {
                if !self.are_texts
                    && let Ok(id) = u32::try_from(number)
                {
                    return Some(id);
                }
                written = number.to_string();
                &written
            }
            Cell::Text(text) => text.trim(),
            Cell::Empty | Cell::Unreadable => return None,
        };
        if text.is_empty() {
            return None;
        }
        if !self.are_texts {
            if let Some(id) = as_number(text) {
                return Some(id);
            }
            self.are_texts = true;
            earlier(&mut |id| *id = self.intern(&id.to_string()));
        }
        Some(self.intern(text))
    }

    /// Numbers the ids in their order; the list says the new number of each old one. `None`: nothing changes.
    pub(super) fn rank(&mut self) -> Option<Vec<u32>> {
        if !self.are_texts {
            return None;
        }
        let mut by_order: Vec<u32> = (0..self.texts.len() as u32).collect();
        by_order.sort_unstable_by(|&a, &b| order(&self.texts[a as usize], &self.texts[b as usize]));
        let mut ranks = vec![0; by_order.len()];
        for (rank, &number) in (0..).zip(&by_order) {
            ranks[number as usize] = rank;
        }
        self.numbers = FxHashMap::default();
        self.texts = by_order.iter().map(|&number| std::mem::take(&mut self.texts[number as usize])).collect();
        Some(ranks)
    }

    /// The id of a number; after [`Self::rank`] of its new one.
    pub(super) fn text(&self, number: u32) -> Cow<'_, str> {
        if self.are_texts { Cow::Borrowed(&self.texts[number as usize]) } else { Cow::Owned(number.to_string()) }
    }

    fn intern(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }
}

/// Value of a `u32` in its shortest form.
fn as_number(id: &str) -> Option<u32> {
    is_whole(id).then(|| id.parse().ok()).flatten()
}

/// Whether the id is a whole number in its shortest form, of any length.
fn is_whole(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_digit()) && !id.is_empty() && (id == "0" || !id.starts_with('0'))
}

/// Whole numbers by value, then all else by bytes.
fn order(a: &str, b: &str) -> Ordering {
    match (is_whole(a), is_whole(b)) {
        (true, true) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (false, false) => a.cmp(b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(cells: &[Cell<'_>]) -> Vec<String> {
        let mut ids = Ids::default();
        let mut numbers: Vec<u32> = Vec::new();
        for &cell in cells {
            let number = ids.take(cell, |change| numbers.iter_mut().for_each(change));
            numbers.extend(number);
        }
        if let Some(ranks) = ids.rank() {
            numbers.iter_mut().for_each(|number| *number = ranks[*number as usize]);
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|number| ids.text(number).into_owned()).collect()
    }

    #[test]
    fn numbers_sort_by_value_and_texts_behind_them() {
        let texts = |ids: &[&'static str]| ids.iter().map(|&id| Cell::Text(id)).collect::<Vec<_>>();
        assert_eq!(sorted(&texts(&["4294967295", "10", "9", "", " 9 "])), ["9", "10", "4294967295"]);
        let mixed = texts(&["b", "10", "4294967296", "9", "07", "a"]);
        assert_eq!(sorted(&mixed), ["9", "10", "4294967296", "07", "a", "b"]);
    }

    #[test]
    fn ids_met_before_the_first_text_keep_their_meaning() {
        let cells = [Cell::Number(10), Cell::Text("9"), Cell::Number(-4), Cell::Text("10"), Cell::Number(9)];
        assert_eq!(sorted(&cells), ["9", "10", "-4"]);
    }
}
