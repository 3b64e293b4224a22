//! The Merkle tree of RFC 6962 over the leaves of the log, kept as a frontier of complete subtrees.
//!
//! Appending needs the frontier only (one hash for each 1 bit of the size). Proofs need hashes of complete subtrees,
//! which [`subtree_hash`] puts together: from every 256th node kept in the store, and from leaves below that.
//!
//! # Source
//! RFC 6962, section 2.1; the proof algorithms are those of RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// Hash of a leaf: SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    for part in data {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// Root of the tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The complete subtrees of a tree of some size, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// A complete subtree of 256, 65,536, … leaves that an append finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinishedNode {
    /// 1 for 256 leaves, 2 for 65,536.
    pub level: u8,
    /// Counted from 0 at its level.
    pub position: u64,
    /// Its root.
    pub hash: Hash,
}

impl Frontier {
    /// The frontier as it was stored, or nothing when the number of peaks does not fit the size.
    pub fn from_parts(size: u64, peaks: &[u8]) -> Option<Self> {
        let peaks: Vec<Hash> = peaks.chunks(32).map(|chunk| chunk.try_into().ok()).collect::<Option<_>>()?;
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The peaks as bytes, largest first.
    pub fn peaks(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// Adds a leaf. Subtrees of 256^n leaves that it finishes are reported to `finished`.
    pub fn push(&mut self, leaf: Hash, mut finished: impl FnMut(FinishedNode)) {
        let mut hash = leaf;
        let mut height = 0u8;
        while self.size >> height & 1 == 1 {
            let left = self.peaks.pop().expect("a set bit of the size has a peak");
            hash = node_hash(&left, &hash);
            height += 1;
            if height.is_multiple_of(8) {
                finished(FinishedNode { level: height / 8, position: self.size >> height, hash });
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Root of the whole tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(smallest) => peaks.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }
}

/// A range of leaves whose hash a proof needs: `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// First leaf.
    pub start: u64,
    /// Leaf after the last.
    pub end: u64,
}

impl Subtree {
    fn len(self) -> u64 {
        self.end - self.start
    }

    /// Largest power of two smaller than the number of leaves.
    fn split(self) -> u64 {
        debug_assert!(self.len() > 1, "one leaf has no halves");
        1 << (63 - (self.len() - 1).leading_zeros())
    }

    fn halves(self) -> (Self, Self) {
        let middle = self.start + self.split();
        (Self { start: self.start, end: middle }, Self { start: middle, end: self.end })
    }
}

/// The subtrees whose hashes prove that leaf `index` is in the tree of `size`, lowest first.
pub fn inclusion_path(index: u64, size: u64) -> Vec<Subtree> {
    let mut path = Vec::new();
    let mut tree = Subtree { start: 0, end: size };
    while tree.len() > 1 {
        let (left, right) = tree.halves();
        if index < right.start {
            path.push(right);
            tree = left;
        } else {
            path.push(left);
            tree = right;
        }
    }
    path.reverse();
    path
}

/// The subtrees whose hashes prove that the tree of `size` begins with the tree of `old_size`.
pub fn consistency_path(old_size: u64, size: u64) -> Vec<Subtree> {
    let mut path = Vec::new();
    if old_size == 0 || old_size == size {
        return path;
    }
    let mut tree = Subtree { start: 0, end: size };
    let mut whole = true;
    while tree.end != old_size {
        let (left, right) = tree.halves();
        if old_size <= right.start {
            path.push(right);
            tree = left;
        } else {
            path.push(left);
            tree = right;
            whole = false;
        }
    }
    if !whole {
        path.push(tree);
    }
    path.reverse();
    path
}

/// Hash of a subtree from `node(level, position)` (complete subtrees of 256^level leaves; level 0 is a leaf).
///
/// `node` is asked for the fewest nodes that cover the range.
pub fn subtree_hash<E>(tree: Subtree, node: &mut impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let len = tree.len();
    if len.is_power_of_two() && tree.start.is_multiple_of(len) && len.trailing_zeros().is_multiple_of(8) {
        let height = len.trailing_zeros();
        return node((height / 8) as u8, tree.start >> height);
    }
    let (left, right) = tree.halves();
    Ok(node_hash(&subtree_hash(left, node)?, &subtree_hash(right, node)?))
}

/// Whether the path proves that `leaf` is number `index` in the tree with this size and root.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for step in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(step, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the path proves that the tree `(size, root)` begins with the tree `(old_size, old_root)`.
pub fn verify_consistency(old_size: u64, old_root: &Hash, size: u64, root: &Hash, path: &[Hash]) -> bool {
    if old_size == size {
        return path.is_empty() && old_root == root;
    }
    if old_size == 0 || old_size > size {
        return old_size == 0 && path.is_empty();
    }
    let mut steps = path.iter();
    let (mut node, mut last) = (old_size - 1, size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let first = if old_size.is_power_of_two() { Some(old_root) } else { steps.next() };
    let Some(first) = first else { return false };
    let (mut old, mut new) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(step, &old);
            new = node_hash(step, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, step);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == *old_root && new == *root
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// The definition of RFC 6962, section 2.1, word by word.
    fn obvious_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            many => {
                let mut split = 1;
                while split * 2 < many.len() {
                    split *= 2;
                }
                node_hash(&obvious_root(&many[..split]), &obvious_root(&many[split..]))
            }
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| leaf_hash(&[&number.to_be_bytes()])).collect()
    }

    fn proof(leaves: &[Hash], path: Vec<Subtree>) -> Vec<Hash> {
        path.into_iter().map(|tree| obvious_root(&leaves[tree.start as usize..tree.end as usize])).collect()
    }

    #[test]
    fn the_published_roots_of_the_certificate_transparency_test_tree_come_out() {
        // Test data of the reference implementation, quoted in many logs' tests: eight inputs, roots after 1, 2, … 8.
        let inputs: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let mut frontier = Frontier::default();
        let mut roots = Vec::new();
        for input in inputs {
            frontier.push(leaf_hash(&[input]), |_| {});
            roots.push(frontier.root().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        }
        assert_eq!(roots[0], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(roots[7], "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn the_frontier_equals_the_definition_and_an_independent_library() {
        let all = leaves(300);
        let mut frontier = Frontier::default();
        let mut peer = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for count in 0..300usize {
            assert_eq!(frontier.root(), obvious_root(&all[..count]), "{count} leaves");
            assert_eq!(frontier.root().as_slice(), &peer.root().as_bytes()[..], "{count} leaves");
            assert_eq!(Frontier::from_parts(count as u64, &frontier.peaks()).unwrap(), frontier);
            frontier.push(all[count], |_| {});
            peer.push((count as u64).to_be_bytes().to_vec());
        }
    }

    #[test]
    fn every_inclusion_and_consistency_proof_verifies_and_a_changed_one_does_not() {
        let all = leaves(70);
        for size in 1..=70u64 {
            let root = obvious_root(&all[..size as usize]);
            for index in 0..size {
                let mut path = proof(&all, inclusion_path(index, size));
                assert!(verify_inclusion(all[index as usize], index, size, &path, &root), "{index} in {size}");
                assert!(!verify_inclusion(all[(index as usize + 1) % 70], index, size, &path, &root));
                if let Some(step) = path.first_mut() {
                    step[0] ^= 1;
                    assert!(!verify_inclusion(all[index as usize], index, size, &path, &root));
                }
            }
            for old in 1..=size {
                let old_root = obvious_root(&all[..old as usize]);
                let mut path = proof(&all, consistency_path(old, size));
                assert!(verify_consistency(old, &old_root, size, &root, &path), "{old} to {size}");
                if let Some(step) = path.last_mut() {
                    step[5] ^= 1;
                    assert!(!verify_consistency(old, &old_root, size, &root, &path));
                }
            }
        }
    }

    #[test]
    fn subtree_hashes_come_from_stored_nodes() {
        let all = leaves(70_000);
        let mut frontier = Frontier::default();
        let mut nodes = HashMap::new();
        for leaf in &all {
            frontier.push(*leaf, |node| {
                nodes.insert((node.level, node.position), node.hash);
            });
        }
        assert_eq!(nodes.len(), 70_000 / 256 + 1);
        let mut asked = 0;
        let mut node = |level: u8, position: u64| -> Result<Hash, ()> {
            asked += 1;
            Ok(if level == 0 { all[position as usize] } else { nodes[&(level, position)] })
        };
        let root = subtree_hash(Subtree { start: 0, end: 70_000 }, &mut node).unwrap();
        assert_eq!(root, frontier.root());
        assert!(asked < 300, "asked for {asked} nodes");
    }
}
