//! Long lists of numbers that are read in no order, in large pages of memory.
//!
//! A list of a gigabyte has a quarter of a million ordinary pages, far more than a processor remembers the places of; of
//! pages of 2 MB it remembers all. Anonymous memory only, never a file.

use std::marker::PhantomData;
use std::ops::Deref;

use bytemuck::Pod;
use memmap2::MmapMut;

/// A list of fixed length.
pub(crate) struct Huge<T> {
    /// `None` for an empty list, which no mapping can be.
    map: Option<MmapMut>,
    items: PhantomData<T>,
}

impl<T: Pod> Huge<T> {
    /// A list of `length` zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        let bytes = length.checked_mul(size_of::<T>()).expect("a list is shorter than memory");
        let map = (bytes > 0).then(|| {
            let map = MmapMut::map_anon(bytes).expect("there is memory for the index");
            // Only advice: where it is not taken, reading is slower and nothing else.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            map
        });
        Self { map, items: PhantomData }
    }

    /// A list of the numbers of other lists, one after the other.
    pub(crate) fn concat<'a>(length: usize, lists: impl Iterator<Item = &'a [T]>) -> Self {
        let mut huge = Self::zeros(length);
        let mut rest = huge.as_mut();
        for list in lists {
            let (place, behind) = rest.split_at_mut(list.len());
            place.copy_from_slice(list);
            rest = behind;
        }
        assert!(rest.is_empty(), "the lists have the length that was said");
        huge
    }

    /// The list, to be changed.
    pub(crate) fn as_mut(&mut self) -> &mut [T] {
        self.map.as_mut().map_or(&mut [], |map| bytemuck::cast_slice_mut(map))
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.map.as_ref().map_or(0, |map| map.len())
    }
}

impl<T: Pod> Deref for Huge<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.map.as_ref().map_or(&[], |map| bytemuck::cast_slice(map))
    }
}

impl<T> std::fmt::Debug for Huge<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Huge({} bytes)", self.map.as_ref().map_or(0, |map| map.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stand_behind_each_other_and_an_empty_list_is_empty() {
        let huge = Huge::concat(5, [&[1u64, 2][..], &[], &[3, 4, 5]].into_iter());
        assert_eq!((&huge[..], huge.bytes()), (&[1, 2, 3, 4, 5][..], 40));
        assert!(Huge::<u32>::zeros(0).is_empty());
    }
}
