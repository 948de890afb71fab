//! Files of Docker's `local` log driver, and of the copy that the engine keeps beside drivers that it cannot read
//! ("dual logging"): the length of a message as four bytes, big-endian, a message of protobuf, and its length again.

use std::borrow::Cow;

use crate::json_file::Entry;
use crate::remote_write::proto::{Message, Value};

/// The longest message: the engine refuses to read longer ones.
const MOST: usize = 2 << 20;
const LENGTH: usize = 4;
/// What every message begins with: its first field, six bytes long, `stdout` or `stderr`.
const BEGIN: &[u8] = b"\x0a\x06std";

/// What the beginning of some bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message, and how many bytes it takes with its lengths.
    Message(&'a [u8], usize),
    /// More bytes are needed.
    Unfinished,
    /// Nothing of this format (half written before a crash), and how many bytes until there may be something.
    Malformed(usize),
}

/// Looks at what `bytes` begin with.
pub fn frame(bytes: &[u8]) -> Frame<'_> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else { return Frame::Unfinished };
    let size = u32::from_be_bytes(*length) as usize;
    if size > MOST {
        return Frame::Malformed(next(bytes));
    }
    match (rest.get(..size), rest.get(size..size + LENGTH)) {
        (Some(message), Some(again)) if again == length => Frame::Message(message, size + 2 * LENGTH),
        (_, Some(_)) => Frame::Malformed(next(bytes)),
        _ => Frame::Unfinished,
    }
}

/// Where the next message may begin, at least one byte on.
fn next(bytes: &[u8]) -> usize {
    let from = LENGTH + 1;
    let found = bytes.get(from..).and_then(|rest| memchr::memmem::find(rest, BEGIN));
    match found {
        Some(at) => from + at - LENGTH,
        // It may have begun already.
        None => bytes.len().saturating_sub(LENGTH + BEGIN.len() - 1).max(1),
    }
}

/// Reads a message; `None` where it is none of this format.
pub fn decode(message: &[u8]) -> Option<Entry<'_>> {
    let mut entry = Entry { text: Cow::Borrowed(""), stderr: false, time_ns: None, partial: false };
    let (mut is_piece, mut is_last, mut has_source) = (false, false, false);
    let mut fields = Message { bytes: message, at: 0 };
    while let Some((number, value)) = fields.field().ok()? {
        match (number, value) {
            (1, Value::Bytes(source)) => (entry.stderr, has_source) = (source.bytes == b"stderr", true),
            (2, Value::Varint(time)) => entry.time_ns = Some(time.cast_signed()),
            (3, Value::Bytes(line)) => entry.text = String::from_utf8_lossy(line.bytes),
            (4, Value::Varint(partial)) => is_piece = partial != 0,
            (5, Value::Bytes(mut piece)) => {
                while let Some((number, value)) = piece.field().ok()? {
                    if let (1, Value::Varint(last)) = (number, value) {
                        is_last = last != 0;
                    }
                }
            }
            _ => {}
        }
    }
    entry.partial = is_piece && !is_last;
    // What a terminal has at the end of a line.
    if !entry.partial && entry.text.ends_with('\r') {
        let length = entry.text.len() - 1;
        match &mut entry.text {
            Cow::Borrowed(text) => *text = &text[..length],
            Cow::Owned(text) => text.truncate(length),
        }
    }
    has_source.then_some(entry)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the driver of the engine 20.10 wrote them.
    const SHORT: &[u8] =
        b"\0\0\0\x17\x0a\x06stderr\x10\xc2\xb4\xa5\xf7\xcb\x97\x9c\xf5\x18\x1a\x03err\0\0\0\x17";
    const LAST: &[u8] =
        b"\0\0\0\x69\x0a\x06stdout\x10\x8f\xfd\xea\x8e\xca\x97\x9c\xf5\x18\x1a\x0baaaaaaaaaaa \x01*F\
        \x08\x01\x12@ec49ede9dcb2e7387271795a2b2822c0eec02e1fa1963395d93970eb304f4025\x18\x03\0\0\0\x69";

    fn all(mut bytes: &[u8]) -> (Vec<Entry<'_>>, usize) {
        let (mut found, mut malformed) = (Vec::new(), 0);
        loop {
            match frame(bytes) {
                Frame::Message(message, length) => {
                    found.extend(decode(message));
                    bytes = &bytes[length..];
                }
                Frame::Malformed(length) => {
                    malformed += 1;
                    bytes = &bytes[length..];
                }
                Frame::Unfinished => return (found, malformed),
            }
        }
    }

    #[test]
    fn entries_of_an_engine() {
        let (found, malformed) = all(SHORT);
        assert_eq!((found.len(), malformed), (1, 0));
        assert_eq!((found[0].text.as_ref(), found[0].stderr, found[0].partial), ("err", true, false));
        // A piece goes on unless it is the last one of its line.
        let (found, _) = all(LAST);
        assert_eq!((found[0].text.as_ref(), found[0].partial), ("aaaaaaaaaaa", false));
        let piece = b"\x0a\x06stdout\x10\x07\x1a\x03a\xff\r\x20\x01\x2a\x02\x12\x00";
        let found = decode(piece).unwrap();
        assert_eq!((found.text.as_ref(), found.partial, found.time_ns), ("a\u{fffd}\r", true, Some(7)));
        let ended = decode(b"\x0a\x06stdout\x10\x07\x1a\x03a\xff\r").unwrap();
        assert_eq!((ended.text.as_ref(), ended.partial), ("a\u{fffd}", false));
        assert_eq!(decode(b""), None);
        assert_eq!(decode(b"{\"log\":\"x\"}"), None);
    }

    #[test]
    fn what_was_half_written_is_passed_over() {
        for cut in 1..LAST.len() {
            let bytes = [&LAST[..cut], &SHORT.repeat(8)].concat();
            let (found, malformed) = all(&bytes);
            let texts: Vec<&str> = found.iter().map(|entry| entry.text.as_ref()).collect();
            assert!(texts.ends_with(&["err", "err"]), "{cut}: {texts:?}");
            assert!(malformed > 0, "{cut}");
        }
    }

    proptest! {
        #[test]
        fn noise_is_passed_over_in_steps(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
            let mut mixed = bytes;
            mixed.splice(at.min(mixed.len())..at.min(mixed.len()), SHORT.iter().copied());
            all(&mixed);
            decode(&mixed);
        }
    }
}
