//! Ids of a table as numbers: `u32` values as they are, any other text by its rank.

use std::borrow::Cow;
use std::cmp::Ordering;

use rustc_hash::FxHashSet;

/// Collects the ids of one kind: first [`Self::look`] at all, then [`Self::add`] all if they are texts.
#[derive(Debug, Default)]
pub(super) struct IdsBuilder {
    /// Whether some id is no `u32` in its shortest form; then all are texts.
    are_texts: bool,
    texts: FxHashSet<Box<str>>,
}

/// Ids of one kind; numbers have the order of the ids.
#[derive(Debug)]
pub(super) enum Ids {
    /// All are `u32` and stand for themselves.
    Numbers,
    /// Any text, sorted; the number is the position.
    Texts(Vec<Box<str>>),
}

impl IdsBuilder {
    /// Notes what kind of id it is; an empty one is none.
    pub(super) fn look(&mut self, id: &str) {
        let id = id.trim();
        self.are_texts |= as_number(id).is_none() && !id.is_empty();
    }

    /// Whether the ids have to be added.
    pub(super) fn are_texts(&self) -> bool {
        self.are_texts
    }

    /// Keeps an id, if ids are texts.
    pub(super) fn add(&mut self, id: &str) {
        let id = id.trim();
        if self.are_texts && !id.is_empty() && !self.texts.contains(id) {
            self.texts.insert(id.into());
        }
    }

    pub(super) fn finish(self) -> Ids {
        if !self.are_texts {
            return Ids::Numbers;
        }
        let mut texts: Vec<Box<str>> = self.texts.into_iter().collect();
        texts.sort_unstable_by(|a, b| order(a, b));
        Ids::Texts(texts)
    }
}

impl Ids {
    /// Number of an id that was added; `None` for an empty one.
    pub(super) fn number(&self, id: &str) -> Option<u32> {
        let id = id.trim();
        match self {
            Self::Numbers => as_number(id),
            Self::Texts(texts) => texts.binary_search_by(|text| order(text, id)).ok().map(|rank| rank as u32),
        }
    }

    /// The id of a number.
    pub(super) fn text(&self, number: u32) -> Cow<'_, str> {
        match self {
            Self::Numbers => Cow::Owned(number.to_string()),
            Self::Texts(texts) => Cow::Borrowed(&texts[number as usize]),
        }
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

    fn sorted(ids: &[&str]) -> Vec<String> {
        let mut builder = IdsBuilder::default();
        ids.iter().for_each(|id| builder.look(id));
        ids.iter().for_each(|id| builder.add(id));
        let ids_of_kind = builder.finish();
        let mut numbers: Vec<u32> = ids.iter().filter_map(|id| ids_of_kind.number(id)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|number| ids_of_kind.text(number).into_owned()).collect()
    }

    #[test]
    fn numbers_sort_by_value_and_texts_behind_them() {
        assert_eq!(sorted(&["4294967295", "10", "9", "", " 9 "]), ["9", "10", "4294967295"]);
        assert_eq!(sorted(&["b", "10", "4294967296", "9", "07", "a"]), ["9", "10", "4294967296", "07", "a", "b"]);
    }
}
