//! Lumberjack, versions 1 and 2: how Beats and Logstash send events, window by window.

use std::borrow::Cow;

use model::{Error, Result};

use crate::gelf::inflate;
use crate::logs::{Rows, Shape, lossy};
use crate::tree::Tree;

/// A part of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// So many events are to come before an acknowledgement is waited for.
    Window(u32),
    /// An event: its number and its JSON.
    Json(u32, &'a [u8]),
    /// An event of version 1: its number and its pairs, one behind the other.
    Pairs(u32, &'a [u8]),
    /// Frames, compressed by zlib.
    Compressed(&'a [u8]),
}

/// Reads the frame at the start of `buffer`, and says how long it is. `None`: more bytes are needed, never more than
/// `most`.
///
/// # Errors
/// Kind `Invalid` where it is no frame, kind `TooLarge` where it is larger than `most`.
pub fn frame(buffer: &[u8], most: usize) -> Result<Option<(Frame<'_>, usize)>> {
    let [version, kind, rest @ ..] = buffer else { return Ok(None) };
    if !matches!(version, b'1' | b'2') {
        return Err(Error::invalid(format_args!("byte {version:#04x} is no version of the protocol")));
    }
    let number = |at: usize| rest.get(at..at + 4).map(|b| b.iter().fold(0, |n, b| n << 8 | u32::from(*b)));
    let part = |at: usize, len: u32| -> Result<Option<&[u8]>> {
        let len = len as usize;
        if len > most {
            return Err(Error::too_large(format_args!("a frame of {len} bytes is larger than {most} bytes")));
        }
        Ok(rest.get(at..at + len))
    };
    Ok(match kind {
        b'W' => number(0).map(|size| (Frame::Window(size), 6)),
        b'C' => match number(0) {
            Some(len) => part(4, len)?.map(|bytes| (Frame::Compressed(bytes), 6 + bytes.len())),
            None => None,
        },
        b'J' => match (number(0), number(4)) {
            (Some(at), Some(len)) => part(8, len)?.map(|bytes| (Frame::Json(at, bytes), 10 + bytes.len())),
            _ => None,
        },
        b'D' => match (number(0), number(4)) {
            (Some(at), Some(pairs)) => {
                pairs_end(rest, pairs, most)?.map(|end| (Frame::Pairs(at, &rest[8..end]), 2 + end))
            }
            _ => None,
        },
        _ => return Err(Error::invalid(format_args!("byte {kind:#04x} is no kind of frame"))),
    })
}

/// Where the pairs behind number and count end.
fn pairs_end(rest: &[u8], pairs: u32, most: usize) -> Result<Option<usize>> {
    let mut at = 8;
    for _ in 0..u64::from(pairs) * 2 {
        let Some(len) = rest.get(at..at + 4) else { return Ok(None) };
        at += 4 + len.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        if at > most {
            return Err(Error::too_large(format_args!("an event is larger than {most} bytes")));
        }
    }
    Ok((at <= rest.len()).then_some(at))
}

/// What is within a compressed frame, at most `most` bytes.
///
/// # Errors
/// Kind `Invalid` or `TooLarge`.
pub fn unpack(compressed: &[u8], most: usize) -> Result<Cow<'static, [u8]>> {
    inflate(flate2::read::ZlibDecoder::new(compressed), most)
}

/// Adds an event. What is no JSON is a message of its own; `false` then.
pub fn read(event: &[u8], rows: &mut Rows<'_>) -> bool {
    let labels = [("input", "beats")];
    match Tree::of_json(event) {
        Ok(tree @ Tree::Map(_)) => {
            Shape::SHIPPED.add(rows, &tree, &labels, None);
            true
        }
        _ => {
            rows.begin(&model::Labels::from_pairs(labels), None, &lossy(event));
            false
        }
    }
}

/// Adds an event of version 1, whose message is `line`.
pub fn read_pairs(pairs: &[u8], rows: &mut Rows<'_>) {
    let mut rest = pairs;
    let mut text = || {
        let (len, behind) = rest.split_first_chunk::<4>()?;
        let (text, behind) = behind.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        rest = behind;
        Some(lossy(text))
    };
    let mut members = Vec::new();
    while let (Some(name), Some(value)) = (text(), text()) {
        let name = if name == "line" { Cow::Borrowed("message") } else { name };
        members.push((name, Tree::Text(value)));
    }
    Shape::SHIPPED.add(rows, &Tree::Map(members), &[("input", "beats")], None);
}

/// The acknowledgement of all events up to a number.
pub fn acknowledgement(version: u8, number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [version, b'A', a, b, c, d]
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use model::records::Records;
    use proptest::prelude::*;

    use super::*;
    use crate::logs::Limits;

    fn json(number: u32, event: &str) -> Vec<u8> {
        let mut out = b"2J".to_vec();
        out.extend(number.to_be_bytes());
        out.extend((event.len() as u32).to_be_bytes());
        out.extend_from_slice(event.as_bytes());
        out
    }

    fn compressed(frames: &[u8]) -> Vec<u8> {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        zlib.write_all(frames).unwrap();
        let bytes = zlib.finish().unwrap();
        let mut out = b"2C".to_vec();
        out.extend((bytes.len() as u32).to_be_bytes());
        out.extend(bytes);
        out
    }

    #[test]
    fn frames_are_found_once_they_are_whole() {
        let event = r#"{"@timestamp":"2026-01-02T03:04:05.000Z","message":"hi","host":{"name":"h"}}"#;
        let packed = compressed(&json(1, event));
        let all = [b"2W\0\0\0\x02".to_vec(), packed.clone()].concat();
        for at in 0..6 {
            assert_eq!(frame(&all[..at], 1000).unwrap(), None);
        }
        assert_eq!(frame(&all, 1000).unwrap(), Some((Frame::Window(2), 6)));
        for at in 6..all.len() {
            assert_eq!(frame(&all[6..at], 1000).unwrap(), None);
        }
        let Some((Frame::Compressed(inner), len)) = frame(&packed, 1000).unwrap() else { panic!() };
        assert_eq!(len, packed.len());
        let plain = unpack(inner, 1000).unwrap();
        let Some((Frame::Json(1, found), _)) = frame(&plain, 1000).unwrap() else { panic!() };
        let mut records = Records::new();
        let mut rows = Rows::new(&mut records, Limits::default(), 0);
        assert!(read(found, &mut rows));
        assert!(!read(b"{", &mut rows));
        assert_eq!(records.get(0).unwrap().labels().to_string(), r#"{input="beats", node="h"}"#);
        assert_eq!((records.get(0).unwrap().body(), records.get(1).unwrap().body()), ("hi", "{"));
        assert_eq!(acknowledgement(b'2', 258), *b"2A\0\0\x01\x02");
    }

    #[test]
    fn pairs_of_version_1_are_read() {
        let mut all = b"1D\0\0\0\x07\0\0\0\x02".to_vec();
        for text in ["line", "hi", "host", "h"] {
            all.extend((text.len() as u32).to_be_bytes());
            all.extend_from_slice(text.as_bytes());
        }
        assert_eq!(frame(&all[..all.len() - 1], 100).unwrap(), None);
        let Some((Frame::Pairs(7, pairs), len)) = frame(&all, 100).unwrap() else { panic!() };
        assert_eq!(len, all.len());
        let mut records = Records::new();
        read_pairs(pairs, &mut Rows::new(&mut records, Limits::default(), 0));
        let row = records.get(0).unwrap();
        assert_eq!((row.body(), row.labels().get("node")), ("hi", Some("h")));
    }

    #[test]
    fn what_is_no_frame_is_told() {
        assert!(frame(b"GET /", 10).unwrap_err().message.contains("no version"));
        assert!(frame(b"2X", 10).unwrap_err().message.contains("no kind"));
        assert!(frame(b"2J\0\0\0\0\xff\0\0\0", 10).unwrap_err().message.contains("larger"));
        assert!(frame(b"1D\0\0\0\0\xff\0\0\0\xff\0\0\0", 10).unwrap_err().message.contains("larger"));
        let bomb = compressed(&vec![0; 1 << 20]);
        assert_eq!(unpack(&bomb[6..], 1 << 10).unwrap_err().kind, model::ErrorKind::TooLarge);
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60), kind in 0usize..5) {
            let head = [&b""[..], b"2J\0\0\0\0\0\0\0", b"1D\0\0\0\0\0\0\0", b"2C\0\0\0", b"2W"][kind];
            let all = [head, &bytes].concat();
            let mut records = Records::new();
            let mut rows = Rows::new(&mut records, Limits::default(), 0);
            if let Ok(Some((frame, len))) = frame(&all, 100) {
                prop_assert!(len <= all.len());
                match frame {
                    Frame::Json(_, event) => drop(read(event, &mut rows)),
                    Frame::Pairs(_, pairs) => read_pairs(pairs, &mut rows),
                    Frame::Compressed(bytes) => drop(unpack(bytes, 100)),
                    Frame::Window(_) => {}
                }
            }
        }
    }
}
