//! A message cut into segments, fields, repetitions, components and subcomponents, as slices of its text.
//!
//! Nothing is changed by reading: [`Message::write`] gives back every character, line ends and trailing separators
//! included. Fields are cut further only when somebody asks.

use std::{borrow::Cow, fmt};

use memchr::{memchr, memchr2};

use super::{Hl7Error, MESSAGE_BYTES_MAX, escape::unescape};

/// The signs that cut a message, from MSH-1 and MSH-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// Between fields, usually `|`.
    pub field: u8,
    /// Between components, usually `^`.
    pub component: u8,
    /// Between repetitions, usually `~`.
    pub repetition: u8,
    /// Begins and ends an escape, usually `\`.
    pub escape: u8,
    /// Between subcomponents, usually `&`.
    pub subcomponent: u8,
    /// Marks a text that was cut short (since 2.7), usually `#`; many senders of older versions name it too.
    pub truncation: Option<u8>,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { field: b'|', component: b'^', repetition: b'~', escape: b'\\', subcomponent: b'&', truncation: None }
    }
}

impl Delimiters {
    /// Reads them from a header segment (MSH, FHS or BHS).
    ///
    /// # Errors
    /// [`Hl7Error::Delimiters`] unless there are four or five different signs.
    pub fn of_header(line: &str) -> Result<Self, Hl7Error> {
        let bytes = line.as_bytes();
        let refuse = |found: &str| Hl7Error::Delimiters { found: found.chars().take(10).collect() };
        let Some(&field) = bytes.get(3).filter(|byte| byte.is_ascii_punctuation()) else { return Err(refuse(line)) };
        let signs = &bytes[4..4 + memchr(field, &bytes[4..]).unwrap_or(bytes.len() - 4)];
        let shown = || refuse(&String::from_utf8_lossy(signs));
        let (&[component, repetition, escape, subcomponent], rest) =
            signs.split_first_chunk::<4>().ok_or_else(shown)?;
        let distinct =
            |index: usize, sign: &u8| sign.is_ascii_graphic() && *sign != field && !signs[..index].contains(sign);
        if rest.len() > 1 || !signs.iter().enumerate().all(|(index, sign)| distinct(index, sign)) {
            return Err(shown());
        }
        Ok(Self { field, component, repetition, escape, subcomponent, truncation: rest.first().copied() })
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    delimiters: Delimiters,
    segments: Vec<Segment<'a>>,
}

/// One segment: a line of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    id: &'a str,
    /// Between id and first field: the field separator, when there is one.
    fields: Vec<&'a str>,
    /// Line ends behind it, as they came.
    end: &'a str,
}

/// One field, with what is needed to cut it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    text: &'a str,
    delimiters: Delimiters,
}

impl<'a> Message<'a> {
    /// Cuts a text into segments and fields.
    ///
    /// Lines end with CR, as on the wire, or with LF or both, as in files; empty lines are kept and passed over.
    ///
    /// # Errors
    /// [`Hl7Error::TooLong`], [`Hl7Error::NoHeader`], [`Hl7Error::Delimiters`].
    pub fn parse(text: &'a str) -> Result<Self, Hl7Error> {
        if text.len() > MESSAGE_BYTES_MAX {
            return Err(Hl7Error::TooLong { bytes: text.len() });
        }
        if !text.starts_with("MSH") {
            return Err(Hl7Error::NoHeader { found: text.chars().take(10).collect() });
        }
        let delimiters = Delimiters::of_header(first_line(text))?;
        let mut segments = Vec::with_capacity(16);
        let mut rest = text;
        while !rest.is_empty() {
            let (segment, behind) = Segment::parse(rest, delimiters.field);
            segments.push(segment);
            rest = behind;
        }
        Ok(Self { delimiters, segments })
    }

    /// The signs that cut it.
    pub const fn delimiters(&self) -> Delimiters {
        self.delimiters
    }

    /// All segments, in order.
    pub fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// The first segment with this id.
    pub fn segment(&self, id: &str) -> Option<&Segment<'a>> {
        self.segments.iter().find(|segment| segment.id == id)
    }

    /// A field of a segment of this message; an absent one is empty.
    pub fn field(&self, segment: &Segment<'a>, number: usize) -> Field<'a> {
        Field { text: segment.raw(number), delimiters: self.delimiters }
    }

    /// A field of the header.
    pub fn header(&self, number: usize) -> Field<'a> {
        self.field(&self.segments[0], number)
    }

    /// The text again, character for character as it was read.
    pub fn write(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            segment.write(&mut text, self.delimiters.field);
            text.push_str(segment.end);
        }
        text
    }

    /// The text in the form of the wire: each segment ends with CR and nothing else.
    pub fn write_wire(&self) -> String {
        let mut text = String::new();
        for segment in &self.segments {
            segment.write(&mut text, self.delimiters.field);
            text.push('\r');
        }
        text
    }
}

impl<'a> Segment<'a> {
    fn parse(text: &'a str, separator: u8) -> (Self, &'a str) {
        let line = first_line(text);
        let behind = &text[line.len()..];
        let ends = behind.bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (end, rest) = behind.split_at(ends);
        let Some(cut) = memchr(separator, line.as_bytes()) else {
            return (Self { id: line, fields: Vec::new(), end }, rest);
        };
        let mut fields = Vec::with_capacity(24);
        let mut from = cut + 1;
        for at in memchr::memchr_iter(separator, &line.as_bytes()[from..]) {
            fields.push(&line[from..cut + 1 + at]);
            from = cut + 1 + at + 1;
        }
        fields.push(&line[from..]);
        (Self { id: &line[..cut], fields, end }, rest)
    }

    /// Id such as OBX; of a broken segment, whatever stands in its place.
    pub const fn id(&self) -> &'a str {
        self.id
    }

    /// Whether the id has the form of one: a capital letter and two capitals or digits.
    pub fn is_well_formed(&self) -> bool {
        let id = self.id.as_bytes();
        id.len() == 3 && id[0].is_ascii_uppercase() && id.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    }

    /// A field as it stands in the text, by its number in the standard; empty when it is absent. In headers, where the
    /// separator itself counts as field 1, it is cut from field 2 on and field 1 is empty here.
    pub fn raw(&self, number: usize) -> &'a str {
        let skipped = if matches!(self.id, "MSH" | "FHS" | "BHS") { 2 } else { 1 };
        number.checked_sub(skipped).and_then(|index| self.fields.get(index)).copied().unwrap_or("")
    }

    /// How many fields there are, trailing empty ones included.
    pub fn field_count(&self) -> usize {
        self.fields.len() + usize::from(matches!(self.id, "MSH" | "FHS" | "BHS"))
    }

    fn write(&self, text: &mut String, separator: u8) {
        text.push_str(self.id);
        for field in &self.fields {
            text.push(char::from(separator));
            text.push_str(field);
        }
    }
}

impl<'a> Field<'a> {
    /// As it stands in the text.
    pub const fn raw(self) -> &'a str {
        self.text
    }

    /// Whether nothing stands there.
    pub const fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// Whether the sender says with `""` that the value is to be deleted.
    pub fn is_null(self) -> bool {
        self.text == "\"\""
    }

    /// Its repetitions; an empty field has one, which is empty.
    pub fn repetitions(self) -> impl Iterator<Item = Field<'a>> {
        let delimiters = self.delimiters;
        self.text.split(char::from(delimiters.repetition)).map(move |text| Field { text, delimiters })
    }

    /// A component of the first repetition, by its number from 1; empty when absent.
    pub fn component(self, number: usize) -> Field<'a> {
        let first = cut(self.text, self.delimiters.repetition, 1);
        Field { text: cut(first, self.delimiters.component, number), delimiters: self.delimiters }
    }

    /// A subcomponent of this component, by its number from 1; empty when absent.
    pub fn subcomponent(self, number: usize) -> Field<'a> {
        Field { text: cut(self.text, self.delimiters.subcomponent, number), delimiters: self.delimiters }
    }

    /// What it says, escapes resolved. Of a component with subcomponents this is all of them, with their separators.
    pub fn text(self) -> Cow<'a, str> {
        if self.is_null() {
            return Cow::Borrowed("");
        }
        unescape(self.text, self.delimiters)
    }

    /// What it says, unless that is nothing.
    pub fn said(self) -> Option<Cow<'a, str>> {
        Some(self.text()).filter(|text| !text.trim().is_empty())
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

fn cut(text: &str, separator: u8, number: usize) -> &str {
    text.split(char::from(separator)).nth(number - 1).unwrap_or("")
}

fn first_line(text: &str) -> &str {
    &text[..memchr2(b'\r', b'\n', text.as_bytes()).unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "MSH|^~\\&|LAB^1.2^ISO|||CDC|20220317\rPID|1||A~B^^^X&1.3&ISO||\r\n\nOBX|1|ST|||a\\T\\b|||\r";

    #[test]
    fn writing_gives_back_every_character() {
        let message = Message::parse(TEXT).unwrap();
        assert_eq!(message.write(), TEXT);
        assert_eq!(message.write_wire(), TEXT.replace("\r\n\n", "\r"));
    }

    #[test]
    fn fields_are_counted_as_the_standard_counts_them() {
        let message = Message::parse(TEXT).unwrap();
        assert_eq!(message.header(2).raw(), "^~\\&");
        assert_eq!(message.header(3).component(2).raw(), "1.2");
        assert_eq!(message.header(7).raw(), "20220317");
        let pid = message.segment("PID").unwrap();
        let names: Vec<_> = message.field(pid, 3).repetitions().map(|one| one.component(1).text()).collect();
        assert_eq!(names, ["A", "B"]);
        let second = message.field(pid, 3).repetitions().nth(1).unwrap();
        assert_eq!(second.component(4).subcomponent(2).text(), "1.3");
        assert_eq!(message.field(message.segment("OBX").unwrap(), 5).text(), "a&b");
        assert_eq!(message.field(pid, 40).raw(), "");
    }

    #[test]
    fn five_signs_are_read_whatever_the_version() {
        let message = Message::parse("MSH|^~\\&#|A\rPID|1").unwrap();
        assert_eq!(message.delimiters().truncation, Some(b'#'));
        assert_eq!(message.header(3).raw(), "A");
    }

    #[test]
    fn other_signs_cut_as_the_usual_ones_do() {
        let message = Message::parse("MSH!*%/?!A*B!!\rPID!1!!X*Y%Z").unwrap();
        assert_eq!(message.header(3).component(2).raw(), "B");
        let pid = message.segment("PID").unwrap();
        assert_eq!(message.field(pid, 3).repetitions().count(), 2);
    }

    #[test]
    fn signs_that_are_not_four_different_ones_are_refused() {
        for text in ["MSH|^~\\|A", "MSH|^^\\&|A", "MSH|^~\\&#!|A", "MSH", "MSH|"] {
            assert!(matches!(Message::parse(text), Err(Hl7Error::Delimiters { .. })), "{text}");
        }
        assert!(matches!(Message::parse("PID|1"), Err(Hl7Error::NoHeader { .. })));
    }
}
