//! A list of numbers below 2^32 stored in as few bits as its largest needs.

use super::huge::Huge;

/// Numbers of equal width, one behind the other in 64-bit words.
#[derive(Debug)]
pub(crate) struct PackedNumbers {
    width: u32,
    words: Huge<u64>,
}

impl PackedNumbers {
    /// Packs `numbers`, each below `2^width`, with `width` 1 to 32; `count` is how many will come.
    pub(crate) fn pack(width: u32, count: usize, numbers: impl Iterator<Item = u32>) -> Self {
        assert!((1..=32).contains(&width), "a packed number has 1 to 32 bits");
        // Two words more than needed: a last one in part, and so that `get` may always read two.
        let mut words = Huge::zeros((count * width as usize).div_ceil(64) + 2);
        let list = words.as_mut();
        let (mut pending, mut filled, mut next) = (0u128, 0, 0);
        for number in numbers {
            debug_assert!(u64::from(number) < 1 << width, "the number fits its width");
            pending |= u128::from(number) << filled;
            filled += width;
            if filled >= 64 {
                list[next] = pending as u64;
                next += 1;
                pending >>= 64;
                filled -= 64;
            }
        }
        list[next] = pending as u64;
        Self { width, words }
    }

    /// The number at `index`.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> u32 {
        let bit = index * self.width as usize;
        let (word, shift) = (bit / 64, bit % 64);
        let words = &self.words[word..word + 2];
        let pair = u128::from(words[0]) | u128::from(words[1]) << 64;
        ((pair >> shift) as u64 & ((1 << self.width) - 1)) as u32
    }

    /// Bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.words.bytes()
    }
}

/// Bits that hold every number up to and including `largest`; at least 1.
pub(crate) fn width_of(largest: u64) -> u32 {
    (64 - largest.leading_zeros()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_gives_back_what_it_was_given() {
        for width in 1..=32 {
            let mask = ((1u64 << width) - 1) as u32;
            let numbers: Vec<u32> = (0..200u32).map(|n| n.wrapping_mul(0x9e37_79b9) & mask).collect();
            let packed = PackedNumbers::pack(width, numbers.len(), numbers.iter().copied());
            let back: Vec<u32> = (0..numbers.len()).map(|index| packed.get(index)).collect();
            assert_eq!(back, numbers, "width {width}");
        }
    }

    #[test]
    fn the_width_holds_the_largest() {
        assert_eq!([0, 1, 2, 255, 256, u64::from(u32::MAX)].map(width_of), [1, 1, 2, 8, 9, 32]);
    }
}
