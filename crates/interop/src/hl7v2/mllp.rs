//! The minimal lower layer protocol: a message between VT and FS CR on a stream.
//!
//! Bytes come in pieces of any size. Whatever stands outside a frame is noise and is counted, not kept.

use memchr::memchr;

use super::MESSAGE_BYTES_MAX;

const BEGIN: u8 = 0x0b;
const END: u8 = 0x1c;
const RETURN: u8 = 0x0d;

/// What a stream held next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message.
    Message(Vec<u8>),
    /// A frame longer than [`MESSAGE_BYTES_MAX`] was passed over; so many bytes.
    TooLong(usize),
    /// A frame began before the last one had ended; what it held, for the queue of bad messages.
    Broken(Vec<u8>),
}

/// A message as it goes over a stream.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 3);
    out.push(BEGIN);
    out.extend_from_slice(message);
    out.extend_from_slice(&[END, RETURN]);
    out
}

/// Takes frames out of a stream.
#[derive(Debug, Default)]
pub struct Deframer {
    frame: Vec<u8>,
    state: State,
    /// Bytes of a frame that is too long.
    skipped: usize,
    noise: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Outside,
    Inside,
    /// FS was seen; CR ends the frame.
    Ending,
}

impl Deframer {
    /// Takes in bytes and gives back the frames that they complete.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some((&byte, rest)) = bytes.split_first() {
            match (self.state, byte) {
                (State::Outside, BEGIN) => self.state = State::Inside,
                (State::Outside, _) => {
                    // Some senders end with CR LF; an idle line sends nothing else.
                    self.noise += u64::from(!matches!(byte, b'\r' | b'\n'));
                }
                (State::Inside, BEGIN) => frames.push(self.break_off()),
                (State::Inside, END) => self.state = State::Ending,
                (State::Inside, _) => {
                    let run = bytes.len().min(memchr::memchr2(BEGIN, END, bytes).unwrap_or(bytes.len()));
                    self.keep(&bytes[..run]);
                    bytes = &bytes[run..];
                    continue;
                }
                (State::Ending, RETURN) => frames.push(self.complete()),
                // FS inside a text: not an end.
                (State::Ending, _) => {
                    self.keep(&[END]);
                    self.state = State::Inside;
                    continue;
                }
            }
            bytes = rest;
        }
        frames
    }

    /// Bytes seen outside of frames.
    pub const fn noise(&self) -> u64 {
        self.noise
    }

    /// What a frame that was cut off held so far: when the line goes down, it is not a message.
    pub fn finish(mut self) -> Option<Frame> {
        (self.state != State::Outside).then(|| self.break_off())
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.skipped > 0 || self.frame.len() + bytes.len() > MESSAGE_BYTES_MAX {
            self.skipped += self.frame.len() + bytes.len();
            self.frame = Vec::new();
        } else {
            self.frame.extend_from_slice(bytes);
        }
    }

    fn complete(&mut self) -> Frame {
        self.state = State::Outside;
        match std::mem::take(&mut self.skipped) {
            0 => Frame::Message(std::mem::take(&mut self.frame)),
            bytes => Frame::TooLong(bytes),
        }
    }

    fn break_off(&mut self) -> Frame {
        match std::mem::take(&mut self.skipped) {
            0 => Frame::Broken(std::mem::take(&mut self.frame)),
            bytes => Frame::TooLong(bytes),
        }
    }
}

/// Whether bytes hold a frame's beginning anywhere, so that a file of frames is told from a file of messages.
pub(super) fn is_framed(bytes: &[u8]) -> bool {
    memchr(BEGIN, &bytes[..bytes.len().min(16)]).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_the_bytes_are_cut() {
        let stream = [frame(b"MSH|1\rPID|1\r"), b"\r\n".to_vec(), frame(b"MSH|2\x1ctext\r")].concat();
        for size in 1..stream.len() {
            let mut deframer = Deframer::default();
            let frames: Vec<Frame> = stream.chunks(size).flat_map(|bytes| deframer.push(bytes)).collect();
            let expect = [Frame::Message(b"MSH|1\rPID|1\r".to_vec()), Frame::Message(b"MSH|2\x1ctext\r".to_vec())];
            assert_eq!(frames, expect, "cut into {size}");
            assert_eq!(deframer.noise(), 0);
            assert_eq!(deframer.finish(), None);
        }
    }

    #[test]
    fn a_frame_that_never_ends_does_not_swallow_the_next() {
        let mut deframer = Deframer::default();
        let frames = deframer.push(b"noise\x0bMSH|1\x0bMSH|2\x1c\r\x0bMSH");
        assert_eq!(frames, [Frame::Broken(b"MSH|1".to_vec()), Frame::Message(b"MSH|2".to_vec())]);
        assert_eq!(deframer.noise(), 5);
        assert_eq!(deframer.finish(), Some(Frame::Broken(b"MSH".to_vec())));
    }

    #[test]
    fn a_frame_of_fifty_megabytes_is_passed_over_in_little_memory() {
        let mut deframer = Deframer::default();
        assert!(deframer.push(&[BEGIN]).is_empty());
        for _ in 0..50 {
            assert!(deframer.push(&vec![b'x'; 1 << 20]).is_empty());
            assert!(deframer.frame.len() <= MESSAGE_BYTES_MAX);
        }
        assert_eq!(deframer.push(b"\x1c\r\x0bMSH\x1c\r"), [Frame::TooLong(50 << 20), Frame::Message(b"MSH".to_vec())]);
    }
}
