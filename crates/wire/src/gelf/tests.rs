use std::io::Write as _;

use model::records::{FieldRef, Records};
use proptest::prelude::*;

use super::chunks::PATIENCE_NS;
use super::*;
use crate::logs::Limits;

const DOCKER: &str = r#"{"version":"1.1","host":"box","short_message":"hello","timestamp":1767323045.25,"level":3,
    "_command":"run --password=x","_container_id":"abc","_container_name":"web","_image_id":"i","_image_name":"nginx","_n":1}"#;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text).unwrap();
    out.finish().unwrap()
}

/// Cuts a message into pieces of at most `size` bytes.
fn pieces(message: &[u8], id: u8, size: usize) -> Vec<Vec<u8>> {
    let count = message.len().div_ceil(size);
    let piece = |(n, piece): (usize, &[u8])| {
        let mut out = vec![0x1e, 0x0f, id, 0, 0, 0, 0, 0, 0, 0, n as u8, count as u8];
        out.extend_from_slice(piece);
        out
    };
    message.chunks(size).enumerate().map(piece).collect()
}

#[test]
fn a_message_of_dockers_driver_keeps_all_but_the_command() {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    for packed in [DOCKER.as_bytes().to_vec(), gzip(DOCKER.as_bytes()), zlib(DOCKER.as_bytes())] {
        read(&unpack(&packed, 1000).unwrap(), "peer", &mut rows).unwrap();
        assert_eq!(unpack(&packed, 50).unwrap_err().kind, model::ErrorKind::TooLarge);
    }
    for row in records.iter() {
        assert_eq!(
            row.labels().to_string(),
            r#"{container="web", container_id="abc", input="gelf", node="box"}"#
        );
        assert_eq!((row.body(), row.time_ns()), ("hello", 1_767_323_045_250_000_000));
        let fields: Vec<_> = row.fields().map(|(name, _, value)| (name, value)).collect();
        let text = FieldRef::Text;
        assert_eq!(
            fields,
            [
                ("stream", text("stderr")),
                ("image_id", text("i")),
                ("image_name", text("nginx")),
                ("n", FieldRef::Int(1))
            ]
        );
    }
    assert_eq!(records.len(), 3);
}

#[test]
fn what_was_said_and_its_stack_trace_are_one_message() {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    for full in ["it failed\nTraceback", "Traceback"] {
        let message = serde_json::json!({"short_message": "it failed", "full_message": full});
        read(message.to_string().as_bytes(), "peer", &mut rows).unwrap();
    }
    assert!(records.iter().all(|row| row.body() == "it failed\nTraceback"));
}

#[test]
fn what_is_no_message_is_told() {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 0);
    for (bad, why) in [("{", "no JSON object"), ("{}", "neither short_message"), ("[]", "neither")] {
        assert!(read(bad.as_bytes(), "", &mut rows).unwrap_err().message.contains(why));
    }
    assert!(unpack(&[0x1f, 0x8b, 1], 10).unwrap_err().message.contains("cannot be read"));
}

#[test]
fn pieces_come_together_in_any_order() {
    let message: Vec<u8> = (0..1000u32).map(|n| n as u8).collect();
    let mut chunks = Chunks::new(10_000);
    let (a, b) = (pieces(&message, 1, 100), pieces(&message[..300], 2, 50));
    for (n, piece) in a.iter().rev().enumerate() {
        let whole = chunks.add(piece, 0);
        match n {
            9 => assert_eq!(whole, Whole::Message(message.clone().into())),
            _ => assert_eq!(whole, Whole::More),
        }
        if let Some(other) = b.get(n) {
            let whole = chunks.add(other, 0);
            assert_eq!(whole == Whole::More, n < 5);
        }
    }
    assert_eq!((chunks.bytes, chunks.open.len(), chunks.given_up), (0, 0, 0));
}

#[test]
fn what_stays_incomplete_is_given_up_and_counted() {
    let mut chunks = Chunks::new(250);
    let two = |id| pieces(&[7; 200], id, 100);
    chunks.add(&two(1)[0], 0);
    chunks.add(&two(2)[0], 1);
    // No room for a third.
    assert_eq!(chunks.add(&two(3)[0], 1), Whole::More);
    assert_eq!((chunks.given_up, chunks.open.len(), chunks.bytes), (1, 2, 200));
    assert_eq!(chunks.add(&two(1)[1], PATIENCE_NS), Whole::More);
    assert_eq!(chunks.given_up, 2);
    for bad in [
        &[0x1e, 0x0f, 1][..],
        &[0x1e, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
        &[0x1e, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] {
        assert_eq!(chunks.add(bad, 0), Whole::Malformed);
    }
}

proptest! {
    #[test]
    fn any_datagrams_are_taken_or_refused(all in proptest::collection::vec(proptest::collection::vec(0u8..32, 0..40), 0..40)) {
        let mut chunks = Chunks::new(500);
        let mut records = Records::new();
        let mut rows = Rows::new(&mut records, Limits::default(), 0);
        for datagram in &all {
            if let Whole::Message(message) = chunks.add(datagram, 0)
                && let Ok(plain) = unpack(&message, 1000)
            {
                let _ = read(&plain, "", &mut rows);
            }
            prop_assert!(chunks.bytes <= 500);
        }
    }
}
