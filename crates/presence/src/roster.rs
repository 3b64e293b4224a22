//! Dense numbers for ids that may be any `u32`.

use rustc_hash::FxHashMap;

/// Gives every id of a ledger a number from 0; numbers never change while the roster lives.
///
/// Ids known when it is built are numbered in their order, so results sorted by number are sorted by id; those
/// added later come behind, until the roster is built anew.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    ordered: Vec<u32>,
    added: Vec<u32>,
    numbers_of_added: FxHashMap<u32, u32>,
}

impl Roster {
    /// How many ids.
    pub(crate) fn len(&self) -> usize {
        self.ordered.len() + self.added.len()
    }

    /// Whether numbers have the order of ids.
    pub(crate) fn is_ordered(&self) -> bool {
        self.added.is_empty()
    }

    /// Number of an id.
    pub(crate) fn number(&self, id: u32) -> Option<u32> {
        // Ids without gaps, the common case, are found at once.
        let offset = id.wrapping_sub(*self.ordered.first().unwrap_or(&0));
        if self.ordered.get(offset as usize) == Some(&id) {
            return Some(offset);
        }
        match self.ordered.binary_search(&id) {
            Ok(number) => Some(number as u32),
            Err(_) => self.numbers_of_added.get(&id).copied(),
        }
    }

    /// Number of an id, a new one if it has none.
    pub(crate) fn number_or_add(&mut self, id: u32) -> u32 {
        if let Some(number) = self.number(id) {
            return number;
        }
        let number = self.len() as u32;
        self.added.push(id);
        self.numbers_of_added.insert(id, number);
        number
    }

    /// Id of a number that the roster gave.
    #[inline]
    pub(crate) fn id(&self, number: u32) -> u32 {
        let number = number as usize;
        self.ordered.get(number).copied().unwrap_or_else(|| self.added[number - self.ordered.len()])
    }

    /// All ids, by number.
    #[cfg(test)]
    fn ids(&self) -> impl Iterator<Item = u32> {
        self.ordered.iter().chain(&self.added).copied()
    }

    /// Bytes in memory, the hash table counted by its slots.
    pub(crate) fn bytes(&self) -> usize {
        (self.ordered.capacity() + self.added.capacity()) * size_of::<u32>()
            + self.numbers_of_added.capacity() * (size_of::<(u32, u32)>() + 1)
    }
}

/// Collects ids and numbers them all at once; far quicker than asking a [`Roster`] for each of many rows.
#[derive(Debug, Default)]
pub(crate) struct RosterBuilder {
    pages: Vec<Option<Box<Page>>>,
}

/// 65,536 neighbouring ids: which occur, and the number of the first of each 64.
#[derive(Debug)]
struct Page {
    bits: [u64; 1024],
    first: [u32; 1024],
}

impl RosterBuilder {
    /// Notes that an id occurs.
    pub(crate) fn add(&mut self, id: u32) {
        let page = (id >> 16) as usize;
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        let page = self.pages[page].get_or_insert_with(|| Box::new(Page { bits: [0; 1024], first: [0; 1024] }));
        page.bits[(id >> 6 & 1023) as usize] |= 1 << (id & 63);
    }

    /// The roster of all ids added.
    pub(crate) fn finish(&mut self) -> Roster {
        let mut ordered = Vec::new();
        for (high, page) in self.pages.iter_mut().enumerate() {
            let Some(page) = page else { continue };
            for word in 0..1024 {
                page.first[word] = ordered.len() as u32;
                let mut left = page.bits[word];
                while left != 0 {
                    ordered.push((high as u32) << 16 | (word as u32) << 6 | left.trailing_zeros());
                    left &= left - 1;
                }
            }
        }
        ordered.shrink_to_fit();
        Roster { ordered, ..Roster::default() }
    }

    /// Number of an id that was added, once finished.
    pub(crate) fn number(&self, id: u32) -> u32 {
        let page = self.pages[(id >> 16) as usize].as_ref().expect("the id was added");
        let word = (id >> 6 & 1023) as usize;
        page.first[word] + (page.bits[word] & ((1 << (id & 63)) - 1)).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster_of(ids: &[u32]) -> (Roster, RosterBuilder) {
        let mut builder = RosterBuilder::default();
        ids.iter().for_each(|&id| builder.add(id));
        (builder.finish(), builder)
    }

    #[test]
    fn ids_over_the_whole_range_are_numbered_in_their_order() {
        let ids = [u32::MAX, 0, 65_536, 7, 7, 65_535];
        let (roster, builder) = roster_of(&ids);
        assert!(ids.iter().all(|&id| roster.number(id) == Some(builder.number(id))));
        assert_eq!(roster.ids().collect::<Vec<_>>(), [0, 7, 65_535, 65_536, u32::MAX]);
        assert!(roster.ids().enumerate().all(|(number, id)| roster.number(id) == Some(number as u32)));
        assert_eq!(roster.number(8), None);
    }

    #[test]
    fn an_added_id_keeps_its_number() {
        let (mut roster, _) = roster_of(&[5, 9]);
        assert_eq!(roster.number_or_add(7), 2);
        assert_eq!(roster.number_or_add(7), 2);
        assert_eq!((roster.id(2), roster.number(9), roster.is_ordered()), (7, Some(1), false));
    }
}
