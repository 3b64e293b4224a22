//! Bytes to text by MSH-18 (table 0211). A blank means ASCII; UTF-8, which ASCII is a part of, is taken for it too.

use std::borrow::Cow;

use encoding_rs::{BIG5, EUC_KR, Encoding, GB18030, ISO_8859_2, ISO_8859_5, ISO_8859_6, ISO_8859_7, ISO_8859_8};
use encoding_rs::{ISO_2022_JP, ISO_8859_15, SHIFT_JIS, UTF_8, WINDOWS_874, WINDOWS_1252, WINDOWS_1254};
use memchr::memchr2;

use super::{Hl7Error, Message};

/// Text of a message. A mark of UTF-8 at the beginning is dropped.
///
/// # Errors
/// [`Hl7Error::Charset`] when the bytes are in another character set than the message says, [`Hl7Error::UnknownCharset`].
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Hl7Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let name = charset_name(bytes);
    let encoding = encoding_of(&name).ok_or_else(|| Hl7Error::UnknownCharset { name: name.clone() })?;
    let refuse = |byte| {
        let charset = if name.is_empty() { "ASCII or UTF-8".to_owned() } else { name.clone() };
        Hl7Error::Charset { charset, byte }
    };
    if encoding == UTF_8 {
        return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| refuse(error.valid_up_to() + 1));
    }
    encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| {
        let first = (1..=bytes.len()).find(|&end| {
            let mut decoder = encoding.new_decoder_without_bom_handling();
            let mut text = String::with_capacity(4 * end);
            matches!(
                decoder.decode_to_string_without_replacement(&bytes[..end], &mut text, false).0,
                encoding_rs::DecoderResult::Malformed(..)
            )
        });
        refuse(first.unwrap_or(bytes.len()))
    })
}

/// First repetition of MSH-18, upper case. The header up to there is ASCII in every character set of the table.
fn charset_name(bytes: &[u8]) -> String {
    let line = &bytes[..memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len()).min(8_192)];
    let line = String::from_utf8_lossy(line);
    let Ok(header) = Message::parse(&line) else { return String::new() };
    let first = header.header(18).repetitions().next().map(|one| one.raw().trim().to_ascii_uppercase());
    first.unwrap_or_default()
}

fn encoding_of(name: &str) -> Option<&'static Encoding> {
    Some(match name {
        "" | "\"\"" | "ASCII" | "UNICODE" | "UNICODE UTF-8" | "UTF-8" | "UTF8" | "8859/1 UTF-8" => UTF_8,
        // ISO 8859-1 as everybody writes it, with the signs of Windows 1252.
        "8859/1" | "ISO-8859-1" | "WINDOWS-1252" => WINDOWS_1252,
        "8859/2" => ISO_8859_2,
        "8859/5" => ISO_8859_5,
        "8859/6" => ISO_8859_6,
        "8859/7" => ISO_8859_7,
        "8859/8" => ISO_8859_8,
        "8859/9" => WINDOWS_1254,
        "8859/15" => ISO_8859_15,
        "GB 18030-2000" | "GB18030" | "GB2312" | "GBK" => GB18030,
        "BIG-5" | "BIG5" => BIG5,
        "KS X 1001" => EUC_KR,
        "ISO IR14" | "ISO IR87" | "ISO IR159" => ISO_2022_JP,
        "SHIFT_JIS" => SHIFT_JIS,
        "CNS 11643-1992" => return None,
        "TIS-620" => WINDOWS_874,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(charset: &str) -> String {
        format!("MSH|^~\\&|LAB|||CDC|20220317||ORU^R01|1|P|2.5.1||||||{charset}\rPID|1||||张三\r")
    }

    #[test]
    fn a_message_in_the_charset_it_names_is_read() {
        let text = message("GB 18030-2000");
        let (bytes, _, _) = GB18030.encode(&text);
        assert_eq!(decode(&bytes).unwrap(), text);
        for charset in ["UNICODE UTF-8", "", "UNICODE UTF-8~GB 18030-2000"] {
            assert_eq!(decode(message(charset).as_bytes()).unwrap(), message(charset));
        }
    }

    #[test]
    fn a_message_in_another_charset_is_refused_at_its_first_wrong_byte() {
        let text = message("UNICODE UTF-8");
        let (bytes, _, _) = GB18030.encode(&text);
        let wrong = text.find('张').unwrap() + 1;
        assert_eq!(decode(&bytes), Err(Hl7Error::Charset { charset: "UNICODE UTF-8".to_owned(), byte: wrong }));
        assert!(matches!(decode(message("EBCDIC").as_bytes()), Err(Hl7Error::UnknownCharset { .. })));
    }
}
