//! One cell of a table, as its file format gives it.

/// A cell of a row, whatever the format of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing there.
    Empty,
    /// A whole number.
    Number(i128),
    /// Text, also digits.
    Text(&'a str),
    /// Something that is neither.
    Unreadable,
}

impl Cell<'_> {
    /// Whether nothing is there.
    pub(super) fn is_empty(self) -> bool {
        matches!(self, Self::Empty) || matches!(self, Self::Text(text) if text.trim().is_empty())
    }

    /// Whole number; `1646092800.0`, as tables with gaps are often written, is one too.
    #[must_use]
    pub fn whole(self) -> Option<i128> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => {
                let text = text.trim();
                let whole = match text.split_once('.') {
                    Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
                    _ => text,
                };
                whole.parse().ok()
            }
            Self::Empty | Self::Unreadable => None,
        }
    }

    /// The cell in a message.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.chars().take(80).collect(),
            Self::Unreadable => "?".to_owned(),
        }
    }
}
