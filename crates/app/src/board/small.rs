//! Which numbers of a publication are hidden, so that nobody can be told from them.

/// A count from one to less than this is hidden.
pub(crate) const SMALL_CELL: u64 = 5;

/// Which of these counts are hidden: the small ones, and where only one would be, the least of the others too. With the
/// sum known, a single hidden number would be the rest.
pub(crate) fn hidden(counts: &[u64]) -> Vec<bool> {
    let mut hidden: Vec<bool> = counts.iter().map(|count| is_small(*count)).collect();
    if hidden.iter().filter(|hidden| **hidden).count() == 1 {
        let others = counts.iter().enumerate().filter(|(at, count)| **count > 0 && !hidden[*at]);
        if let Some((least, _)) = others.min_by_key(|(_, count)| **count) {
            hidden[least] = true;
        }
    }
    hidden
}

/// Whether a count alone is too small to be told.
pub(crate) const fn is_small(count: u64) -> bool {
    count > 0 && count < SMALL_CELL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_counts_are_hidden_and_never_one_alone() {
        assert_eq!(hidden(&[0, 5, 12]), [false, false, false]);
        assert_eq!(hidden(&[1, 4, 12]), [true, true, false]);
        assert_eq!(hidden(&[0, 3, 12, 9]), [false, true, false, true], "the rest of the sum would be 3");
        assert_eq!(hidden(&[3, 0]), [true, false], "there is nothing else to hide it behind");
        assert_eq!(hidden(&[]), [false; 0]);
    }
}
