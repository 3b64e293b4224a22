//! What of a cell may be shown in a message. Messages travel: into terminals, mails and tickets.

/// The cell as a message may show it.
pub(crate) fn shown(cell: &str, sensitive: bool, chars_max: usize) -> String {
    if sensitive || looks_identifying(cell) {
        return masked(cell);
    }
    let mut short: String = cell.chars().take(chars_max).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < cell.len() {
        short.push('…');
    }
    short
}

/// Whether a text has the shape of an identity or telephone number, wherever it stands.
pub(crate) fn looks_identifying(cell: &str) -> bool {
    let (mut run, mut letters, mut longest, mut passport) = (0, 0, 0, false);
    for c in cell.chars() {
        if c.is_ascii_digit() || ('０'..='９').contains(&c) || (matches!(c, 'x' | 'X') && run == 17) {
            run += 1;
            longest = longest.max(run);
            passport |= run >= 7 && (1..=2).contains(&letters) && cell.chars().count() == run + letters;
        } else {
            letters = if run == 0 && c.is_ascii_alphabetic() { letters + 1 } else { 0 };
            run = 0;
        }
    }
    // Eight digits are a day, ten to fourteen a day with a time; a mobile telephone has eleven and begins with 1[3-9].
    let mobile = longest == 11 && cell.bytes().filter(u8::is_ascii_digit).count() < 14;
    let long = longest >= 15;
    let foreign = cell.starts_with('+') && longest >= 7;
    mobile || long || foreign || passport
}

/// The first and the last character of longer texts; stars alone for shorter ones.
fn masked(cell: &str) -> String {
    let count = cell.chars().count();
    let stars = "*".repeat(count.clamp(2, 12) - if count > 4 { 2 } else { 0 });
    match (cell.chars().next(), cell.chars().next_back()) {
        (Some(first), Some(last)) if count > 4 => format!("{first}{stars}{last}"),
        _ => stars,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_may_identify_are_masked_wherever_they_stand() {
        for number in ["11010519491231002X", "110105194912310021", "13800138000", "+442079460018", "E12345678"] {
            assert!(looks_identifying(number), "{number}");
            assert!(!shown(number, false, 40).contains(&number[2..6]), "{number}");
        }
        for plain in ["2022-03-32", "20220332", "2022-03-02T10:00:00+08:00", "202203021000", "阳性", "36.6", "410102"]
        {
            assert_eq!(shown(plain, false, 40), plain);
        }
    }

    #[test]
    fn sensitive_cells_show_no_more_than_their_ends() {
        assert_eq!(shown("张三", true, 40), "**");
        assert_eq!(shown("ankang-13", true, 40), "a*******3");
    }

    #[test]
    fn long_cells_are_cut_and_control_characters_taken_out() {
        assert_eq!(shown("a\nb", false, 40), "a b");
        assert_eq!(shown(&"长".repeat(50), false, 3), "长长长…");
    }
}
