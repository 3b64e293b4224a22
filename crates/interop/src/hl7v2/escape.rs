//! Escapes of chapter 2.7: the signs themselves, bytes in hexadecimal, and marks of formatted text.

use std::borrow::Cow;

use memchr::memchr;

use super::message::Delimiters;

/// Resolves escapes. Marks of formatting become line breaks or nothing; an escape that nobody knows stays as it is.
pub fn unescape(text: &str, delimiters: Delimiters) -> Cow<'_, str> {
    if memchr(delimiters.escape, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let sign = char::from(delimiters.escape);
    while let Some(at) = rest.find(sign) {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let Some(length) = behind.find(sign) else {
            // Never closed: an ordinary character.
            out.push(sign);
            rest = behind;
            continue;
        };
        let code = &behind[..length];
        if resolve(code, delimiters, &mut out) {
            rest = &behind[length + 1..];
        } else {
            out.push(sign);
            rest = behind;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn resolve(code: &str, delimiters: Delimiters, out: &mut String) -> bool {
    match code {
        "F" => out.push(char::from(delimiters.field)),
        "S" => out.push(char::from(delimiters.component)),
        "T" => out.push(char::from(delimiters.subcomponent)),
        "R" => out.push(char::from(delimiters.repetition)),
        "E" => out.push(char::from(delimiters.escape)),
        "P" => out.push(char::from(delimiters.truncation.unwrap_or(b'#'))),
        "H" | "N" => {}
        _ if code.starts_with(".br") || code.starts_with(".sp") || code == ".ce" => out.push('\n'),
        _ if code.starts_with('.') => {}
        // Switches of the character set, and what sender and receiver agree on: nothing to show.
        _ if code.starts_with(['C', 'M', 'Z']) && is_hex(&code[1..]) => {}
        _ if code.starts_with('X') && is_hex(&code[1..]) => {
            out.push_str(&String::from_utf8_lossy(&bytes_of(&code[1..])))
        }
        _ => return false,
    }
    true
}

fn is_hex(digits: &str) -> bool {
    !digits.is_empty() && digits.len().is_multiple_of(2) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn bytes_of(digits: &str) -> Vec<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).map_or(0, |value| value as u8);
    digits.as_bytes().chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])).collect()
}

/// Writes a text so that none of its characters cuts a message. Line ends become `.br`.
pub fn escape(text: &str, delimiters: Delimiters) -> Cow<'_, str> {
    let code = |byte: u8| match byte {
        b'\r' | b'\n' => Some(".br"),
        _ if byte == delimiters.field => Some("F"),
        _ if byte == delimiters.component => Some("S"),
        _ if byte == delimiters.subcomponent => Some("T"),
        _ if byte == delimiters.repetition => Some("R"),
        _ if byte == delimiters.escape => Some("E"),
        _ => None,
    };
    if !text.bytes().any(|byte| code(byte).is_some()) {
        return Cow::Borrowed(text);
    }
    let sign = char::from(delimiters.escape);
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.replace("\r\n", "\n").chars() {
        match u8::try_from(character).ok().filter(u8::is_ascii).and_then(code) {
            Some(code) => {
                out.push(sign);
                out.push_str(code);
                out.push(sign);
            }
            None => out.push(character),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(unescape(text, Delimiters::default()), expect);
    }

    #[test]
    fn escapes_become_what_they_stand_for() {
        check("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\P\\", "a|b^c&d~e\\f#");
        check("one\\.br\\two\\H\\three\\N\\", "one\ntwothree");
        check("\\X41C3A9\\", "Aé");
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        check("C:\\temp", "C:\\temp");
        check("\\Q\\x", "\\Q\\x");
        check("\\XZZ\\", "\\XZZ\\");
        check("end\\", "end\\");
    }

    #[test]
    fn what_was_escaped_reads_back() {
        let text = "a|b^c~d\\e&f\nnext 四早";
        assert_eq!(unescape(&escape(text, Delimiters::default()), Delimiters::default()), text);
    }
}
