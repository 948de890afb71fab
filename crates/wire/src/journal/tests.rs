use std::io::Read as _;

use proptest::prelude::*;
use testkit::journal::{Compress, JournalFile};

use super::*;

const ID: [u8; 16] = [7; 16];

fn zstd(plain: &[u8]) -> Option<(u8, Vec<u8>)> {
    (plain.len() > 100).then(|| (4, zstd::bulk::compress(plain, 3).unwrap()))
}

fn lz4(plain: &[u8]) -> Option<(u8, Vec<u8>)> {
    let packed = || [&(plain.len() as u64).to_le_bytes()[..], &lz4_flex::block::compress(plain)].concat();
    (plain.len() > 100).then(|| (2, packed()))
}

fn xz(plain: &[u8]) -> Option<(u8, Vec<u8>)> {
    let packed = || {
        let mut out = Vec::new();
        liblzma::read::XzEncoder::new(plain, 1).read_to_end(&mut out).unwrap();
        out
    };
    (plain.len() > 100).then(|| (1, packed()))
}

fn journal(compact: bool, compress: Compress, entries: u64) -> JournalFile {
    let mut file = JournalFile::new(compact, ID, compress);
    for n in 1..=entries {
        // Numbers have holes where another file has them.
        let long = "x".repeat(if n.is_multiple_of(5) { 3000 } else { 3 });
        let message = format!("line {n} {long}");
        file.entry(2 * n, 1000 + n, &[("MESSAGE", &message), ("PRIORITY", "6"), ("_CMDLINE", "secret")]);
    }
    file
}

fn all(bytes: &[u8]) -> Vec<(u64, String, Option<String>)> {
    let mut reader = Reader::open(bytes, 1 << 20).unwrap();
    rest(&mut reader)
}

fn rest(reader: &mut Reader<&[u8]>) -> Vec<(u64, String, Option<String>)> {
    let (mut entry, mut out) = (Entry::default(), Vec::new());
    while reader.next(&mut |name| name != "_CMDLINE", &mut entry).unwrap() {
        assert_eq!(entry.get("_CMDLINE"), None);
        let priority = entry.get("PRIORITY").map(std::borrow::Cow::into_owned);
        out.push((entry.seqnum, entry.get("MESSAGE").unwrap().into_owned(), priority));
    }
    out
}

#[test]
fn entries_come_in_order_whatever_their_form() {
    for compact in [false, true] {
        for compress in [|_: &[u8]| None, zstd, lz4, xz] as [Compress; 4] {
            let file = journal(compact, compress, 100);
            let got = all(file.bytes());
            assert_eq!(got.len(), 100);
            for (at, (seqnum, message, priority)) in got.iter().enumerate() {
                let n = at as u64 + 1;
                assert_eq!((*seqnum, priority.as_deref()), (2 * n, Some("6")));
                assert!(message.starts_with(&format!("line {n} xxx")), "{message}");
                let tail = if n.is_multiple_of(5) { 3000 } else { 3 };
                assert_eq!(message.len(), format!("line {n} ").len() + tail);
            }
        }
    }
}

#[test]
fn reading_goes_on_where_it_stopped() {
    let file = journal(true, zstd, 100);
    for (from, first) in [(0, 2), (1, 2), (2, 4), (99, 100), (101, 102), (199, 200)] {
        let mut reader = Reader::open(file.bytes(), 100).unwrap();
        reader.skip_to(from).unwrap();
        assert_eq!(rest(&mut reader)[0].0, first, "behind {from}");
    }
    let mut reader = Reader::open(file.bytes(), 100).unwrap();
    reader.skip_to(200).unwrap();
    assert!(rest(&mut reader).is_empty());
    let mut reader = Reader::open(file.bytes(), 100).unwrap();
    reader.skip_past(1050).unwrap();
    assert_eq!(rest(&mut reader)[0].0, 102);
    for count in [0, 1, 4, 5, 99] {
        let mut reader = Reader::open(file.bytes(), 100).unwrap();
        reader.skip_entries(count).unwrap();
        assert_eq!((reader.passed(), rest(&mut reader)[0].0), (count, 2 * count + 2));
    }
}

#[test]
fn what_is_added_meanwhile_is_seen_after_a_refresh() {
    struct Shared<'a>(&'a std::cell::RefCell<Vec<u8>>);
    impl Bytes for Shared<'_> {
        fn read(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
            Bytes::read(&mut &self.0.borrow()[..], offset, into)
        }
    }
    let mut file = journal(false, zstd, 3);
    let bytes = std::cell::RefCell::new(file.bytes().to_vec());
    let mut reader = Reader::open(Shared(&bytes), 1000).unwrap();
    let mut entry = Entry::default();
    for n in 4..60 {
        while reader.next(&mut |_| true, &mut entry).unwrap() {}
        file.entry(2 * n, n, &[("MESSAGE", &n.to_string())]);
        *bytes.borrow_mut() = file.bytes().to_vec();
        assert!(!reader.next(&mut |_| true, &mut entry).unwrap());
        reader.refresh().unwrap();
        assert!(reader.next(&mut |_| true, &mut entry).unwrap());
        assert_eq!((entry.seqnum, entry.get("MESSAGE").unwrap().into_owned()), (2 * n, n.to_string()));
    }
}

#[test]
fn foreign_files_are_told_and_long_fields_are_cut() {
    let error = |bytes: &[u8]| Reader::open(bytes, 10).unwrap_err().to_string();
    assert!(error(b"LPKSHHRH").contains("shorter than a header"));
    assert!(error(&[0; 300]).contains("begins otherwise"));
    let mut newer = journal(false, zstd, 1).bytes().to_vec();
    newer[12] |= 32;
    assert!(error(&newer).contains("newer systemd"));
    for compress in [|_: &[u8]| None, zstd, xz] as [Compress; 3] {
        let file = journal(false, compress, 5);
        let mut reader = Reader::open(file.bytes(), 100).unwrap();
        let messages = rest(&mut reader);
        // What is over belongs to the room of the name.
        assert!((100..200).contains(&messages[4].1.len()), "{}", messages[4].1.len());
    }
    // A bomb is not unpacked.
    let bomb: Compress = |plain| Some((2, [&u64::MAX.to_le_bytes()[..], plain].concat()));
    let file = journal(false, bomb, 1);
    let mut entry = Entry::default();
    assert!(Reader::open(file.bytes(), 100).unwrap().next(&mut |_| true, &mut entry).unwrap());
    assert_eq!((entry.unreadable, entry.fields().count()), (3, 0));
}

/// Reads a file to its end, however damaged.
fn survive(bytes: &[u8]) {
    let Ok(mut reader) = Reader::open(bytes, 1000) else { return };
    let _ = reader.skip_to(bytes.len() as u64 % 100);
    let mut entry = Entry::default();
    // Every call goes on by an entry, or ends.
    for _ in 0..10_000 {
        match reader.next(&mut |_| true, &mut entry) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) if reader.ended => break,
            Err(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn damage_ends_in_an_error(
        at in prop::collection::vec((0usize..20_000, any::<u8>()), 1..6),
        cut in 0usize..40_000,
        compact in any::<bool>(),
    ) {
        for compress in [zstd, lz4, xz] as [Compress; 3] {
            let mut bytes = journal(compact, compress, 40).bytes().to_vec();
            for (at, value) in &at {
                let at = at % bytes.len();
                bytes[at] = *value;
            }
            bytes.truncate(cut.max(100));
            survive(&bytes);
        }
    }
}
