//! The nearest of several words, for messages that suggest one.

/// The word with the fewest changed characters, if few enough to be worth a suggestion.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    known
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, candidate)| distance * 2 <= folded.len().max(candidate.chars().count()))
        .map(|(_, candidate)| candidate)
}

fn fold(word: &str) -> Vec<char> {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(100).collect()
}

/// Edit distance (Levenshtein 1965), one row at a time.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_word_finds_its_neighbour_and_a_strange_one_none() {
        let known = ["采样日期", "检测结果", "sampled_at"];
        assert_eq!(nearest("采样时间", known.into_iter()), Some("采样日期"));
        assert_eq!(nearest("Sampled at", known.into_iter()), Some("sampled_at"));
        assert_eq!(nearest("身份证号", known.into_iter()), None);
    }
}
