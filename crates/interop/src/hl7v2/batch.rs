//! Files of several messages, with or without the envelopes FHS, BHS, BTS and FTS around them.

use super::{Delimiters, Hl7Problem};

/// One message of a file, or one line of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Which.
    pub kind: ChunkKind,
    /// Its bytes, line ends behind it included: the chunks of a file, one behind another, are the file.
    pub bytes: &'a [u8],
    /// Line on which it begins, from 1.
    pub line: u64,
}

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// A message.
    Message,
    /// FHS, BHS, BTS or FTS.
    Envelope,
    /// Text before the first of these that is not blank.
    Stray,
}

/// Cuts a file where a message or a line of an envelope begins. No byte is lost.
///
/// This comes before decoding, as each message names its own character set; in all of them a line end is a line end.
pub fn split(text: &[u8]) -> Vec<Chunk<'_>> {
    let mut chunks: Vec<Chunk<'_>> = Vec::new();
    let (mut from, mut line, mut begun_on) = (0, 1, 1);
    let mut kind = ChunkKind::Stray;
    let mut at = 0;
    while at < text.len() {
        if let Some(next) = kind_of(&text[at..], kind) {
            push(&mut chunks, kind, &text[from..at], begun_on);
            (from, begun_on, kind) = (at, line, next);
        }
        let end = memchr::memchr2(b'\r', b'\n', &text[at..]).map_or(text.len(), |end| at + end);
        at = end + line_end(&text[end..]);
        line += 1;
    }
    push(&mut chunks, kind, &text[from..], begun_on);
    chunks
}

fn push<'a>(chunks: &mut Vec<Chunk<'a>>, kind: ChunkKind, bytes: &'a [u8], line: u64) {
    if !bytes.is_empty() {
        chunks.push(Chunk { kind, bytes, line });
    }
}

/// What begins here, if something does. Behind an envelope's line nothing but an envelope or a message can come.
fn kind_of(bytes: &[u8], before: ChunkKind) -> Option<ChunkKind> {
    // A separator that is no letter or digit stands behind the id, or nothing does.
    let separated = bytes.get(3).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    match bytes.get(..3)? {
        b"MSH" if separated => Some(ChunkKind::Message),
        b"FHS" | b"BHS" | b"BTS" | b"FTS" if separated => Some(ChunkKind::Envelope),
        _ if before == ChunkKind::Envelope && !matches!(bytes[0], b'\r' | b'\n') => Some(ChunkKind::Stray),
        _ => None,
    }
}

fn line_end(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', ..] => 2,
        [_, ..] => 1,
        [] => 0,
    }
}

/// Compares the counts of BTS-1 and FTS-1 with what the file holds: a difference means that something was lost.
pub fn check_counts(chunks: &[Chunk<'_>]) -> Vec<Hl7Problem> {
    let (mut messages, mut batches) = (0u64, 0u64);
    let mut problems = Vec::new();
    let mut separator = '|';
    for chunk in chunks {
        let line = String::from_utf8_lossy(chunk.bytes);
        match (chunk.kind, line.get(..3)) {
            (ChunkKind::Message, _) => messages += 1,
            (ChunkKind::Envelope, Some("BHS" | "FHS")) => {
                separator = Delimiters::of_header(line.trim_end()).map_or('|', |signs| char::from(signs.field));
                messages = 0;
            }
            (ChunkKind::Envelope, Some("BTS")) => {
                problems.extend(check_count(&line, separator, messages, "messages in the batch"));
                batches += 1;
            }
            (ChunkKind::Envelope, Some("FTS")) => {
                problems.extend(check_count(&line, separator, batches, "batches in the file"));
            }
            _ => {}
        }
    }
    problems
}

fn check_count(line: &str, separator: char, counted: u64, what: &str) -> Option<Hl7Problem> {
    let said = line.trim_end().split(separator).nth(1).unwrap_or_default();
    let wrong = said.parse::<u64>().is_ok_and(|said| said != counted);
    wrong.then(|| Hl7Problem {
        segment: line[..3].to_owned(),
        occurrence: 1,
        field: 1,
        value: said.to_owned(),
        rule: format!("there are {counted} {what}").into(),
        cure: "Ask the sender for what is missing; the rest is in".into(),
        fatal: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|1\rPID|1\rMSH|^~\\&|2\r\nPID|1\r\nBTS|2\rFTS|1\r";

    #[test]
    fn a_file_is_cut_into_messages_and_envelopes_without_losing_a_character() {
        let chunks = split(FILE.as_bytes());
        assert_eq!(chunks.iter().map(|chunk| chunk.bytes).collect::<Vec<_>>().concat(), FILE.as_bytes());
        let messages: Vec<_> = chunks.iter().filter(|chunk| chunk.kind == ChunkKind::Message).collect();
        assert_eq!(messages.iter().map(|chunk| chunk.line).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(messages[1].bytes, b"MSH|^~\\&|2\r\nPID|1\r\n");
        assert!(check_counts(&chunks).is_empty());
    }

    #[test]
    fn a_batch_that_lost_a_message_says_so() {
        let short = FILE.replace("MSH|^~\\&|2\r\nPID|1\r\n", "");
        let problems = check_counts(&split(short.as_bytes()));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].segment, "BTS");
        assert_eq!(problems[0].rule, "there are 1 messages in the batch");
    }

    #[test]
    fn what_is_no_message_is_kept_apart() {
        let chunks = split(b"\n\nhello\nMSH|^~\\&|1\rPID|1");
        assert_eq!(chunks[0], Chunk { kind: ChunkKind::Stray, bytes: b"\n\nhello\n", line: 1 });
        assert_eq!(chunks[1].line, 4);
    }
}
