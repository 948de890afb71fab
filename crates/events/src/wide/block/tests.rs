mod counted;
mod derived;
mod timed;

use std::cell::Cell;
use std::sync::Arc;

use model::records::{FieldRef, Origin, RecordScan, TextTest};
use model::{EventKind, Labels, Result};
use proptest::prelude::*;

use super::{Asked, Builder, Bytes, Finished, Head, Kind, open};
use crate::wide::scan::Plan;

/// A block in memory that counts what is read of it.
struct Memory<'a>(&'a Finished, Cell<usize>);

impl Bytes for Memory<'_> {
    fn read(&self, offset: u32, len: u32) -> Result<Vec<u8>> {
        let start = (self.0.head_len + offset) as usize;
        self.1.set(self.1.get() + len as usize);
        let bytes = self.0.bytes.get(start..start + len as usize);
        bytes.map(<[u8]>::to_vec).ok_or_else(|| model::Error::internal("short"))
    }
}

fn read(block: &Finished, test: Option<TextTest>) -> (Option<Vec<String>>, usize) {
    let head = Head::read(&block.bytes[..block.head_len as usize]).unwrap();
    let mut scan = RecordScan::everything(EventKind::Log);
    scan.body.extend(test);
    let plan = Plan::new(&scan);
    let streams = [Labels::empty()];
    let asked =
        Asked { plan: &plan, streams: &streams, wanted: &[true], natural: false, except: &[], range: None };
    let memory = Memory(block, Cell::new(0));
    let columns = open(&head, &memory, &asked).unwrap();
    let bodies = columns.map(|c| (0..c.len()).map(|row| c.body(row).to_owned()).collect());
    (bodies, memory.1.get())
}

fn block(lines: impl IntoIterator<Item = String>) -> Finished {
    let mut builder = Builder::default();
    for (n, line) in lines.into_iter().enumerate() {
        builder.row(n as i64, 0, &line);
    }
    builder.finish(1).unwrap()
}

#[test]
fn a_needle_that_no_template_has_costs_the_templates_only() {
    let line = |n: u64| format!("request {n} from 10.0.{}.{} took {} ms", n % 7, n % 251, n * 31 % 997);
    let block = block((0..20_000).map(line));
    let (all, everything) = read(&block, None);
    assert_eq!(all.unwrap(), (0..20_000).map(line).collect::<Vec<_>>());
    let test = |needle: &str| TextTest::ContainsAny(vec![needle.to_owned()]);
    let (none, read_of) = read(&block, Some(test("response 7 from")));
    assert!(none.is_none() && read_of * 10 < everything, "{read_of} of {everything} bytes were read");
    let (some, _) = read(&block, Some(test("st 77 from 1")));
    assert_eq!(some.unwrap(), [line(77)]);
    assert!(block.bytes.len() < 20_000 * 7, "{} bytes", block.bytes.len());
}

#[test]
fn fields_beyond_the_most_columns_are_kept_together() {
    let mut builder = Builder::default();
    for row in 0..3 {
        builder.row(row, 0, "x");
        for n in 0..700 {
            let name = Arc::from(format!("f{n}"));
            builder.field(&name, Origin::Sent, FieldRef::Int(n * row), None);
            builder.field(&name, Origin::Detected, FieldRef::Text("t"), None);
        }
    }
    let block = builder.finish(1).unwrap();
    let head = Head::read(&block.bytes[..block.head_len as usize]).unwrap();
    let mut scan = RecordScan::everything(EventKind::Log);
    scan.fields = vec![("f699".to_owned(), TextTest::In(vec!["1398".to_owned()]))];
    let plan = Plan::new(&scan);
    let asked = Asked {
        plan: &plan,
        streams: &[Labels::empty()],
        wanted: &[true],
        natural: false,
        except: &[],
        range: None,
    };
    let columns = open(&head, &Memory(&block, Cell::new(0)), &asked).unwrap().unwrap();
    assert_eq!(columns.len(), 1);
    for n in 0..700 {
        let name = format!("f{n}");
        assert_eq!(columns.field(0, &name), Some(FieldRef::Int(n * 2)));
        let both = columns.fields.iter().filter(|f| *f.name == *name && f.get(0).is_some()).count();
        assert_eq!(both, 2, "{name}");
    }
}

#[test]
fn every_type_of_field_comes_back_where_it_was() {
    let mut builder = Builder::default();
    let value = |row: i64| match row % 5 {
        0 => Some(FieldRef::Int(i64::MIN + row)),
        1 => Some(FieldRef::Float(f64::from_bits(0x7ff8_0000_0000_0001 + row as u64))),
        2 => Some(FieldRef::Bool(row % 2 == 0)),
        3 => Some(FieldRef::Text("끝")),
        _ => None,
    };
    for row in 0..1000 {
        builder.row(row, 0, "");
        if let Some(value) = value(row) {
            builder.field(&Arc::from("v"), Origin::Sent, value, None);
        }
    }
    let block = builder.finish(3).unwrap();
    let head = Head::read(&block.bytes[..block.head_len as usize]).unwrap();
    let plan = Plan::new(&RecordScan::everything(EventKind::Log));
    let asked = Asked {
        plan: &plan,
        streams: &[Labels::empty()],
        wanted: &[true],
        natural: false,
        except: &[3, 4],
        range: None,
    };
    let columns = open(&head, &Memory(&block, Cell::new(0)), &asked).unwrap().unwrap();
    assert_eq!(columns.len(), 998);
    for row in 0..998 {
        let got = columns.field(row, "v");
        match (got, value(columns.times[row])) {
            (Some(FieldRef::Float(a)), Some(FieldRef::Float(b))) => assert_eq!(a.to_bits(), b.to_bits()),
            (got, want) => assert_eq!(got, want),
        }
    }
}

proptest! {
    #[test]
    fn decay_is_an_error_or_the_same_rows(at in 0usize..4000, bit in 0u8..8) {
        let line = |n: usize| format!("n={n} {:04x} {}", n * 7919 % 65536, ["ok", "no"][n % 2]);
        let mut block = block((0..200).map(line));
        let at = at % block.bytes.len();
        block.bytes[at] ^= 1 << bit;
        let Ok(head) = Head::read(&block.bytes[..block.head_len as usize]) else { return Ok(()) };
        let plan = Plan::new(&RecordScan::everything(EventKind::Log));
        let asked =
            Asked { plan: &plan, streams: &[Labels::empty()], wanted: &[true], natural: false, except: &[], range: None };
        if head.rows() == 200 && at >= block.head_len as usize {
            // Filters come last, and are not read where no word is searched for.
            let is_filter = |kind: &Kind| matches!(kind, Kind::Words | Kind::Filter);
            let unread: u32 = head.sections.iter().filter(|s| is_filter(&s.kind)).map(|s| s.len).sum();
            let in_filter = at >= block.bytes.len() - unread as usize;
            prop_assert_eq!(open(&head, &Memory(&block, Cell::new(0)), &asked).is_ok(), in_filter);
        } else {
            let _ = open(&head, &Memory(&block, Cell::new(0)), &asked);
        }
    }

    #[test]
    fn foreign_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::wide::fuzz(&bytes);
    }

    #[test]
    fn blocks_that_changed_are_no_panic(changes in prop::collection::vec((0usize..4000, any::<u8>()), 1..6)) {
        let line = |n: usize| format!("n={n} {:04x} {}", n * 7919 % 65536, ["ok", "no"][n % 2]);
        // So few that columns are not compressed.
        let block = block((0..5).map(line));
        let mut bytes = vec![block.head_len as u8];
        bytes.extend_from_slice(&block.bytes);
        for (at, byte) in changes {
            let len = bytes.len();
            bytes[at % len] = byte;
        }
        crate::wide::fuzz(&bytes);
    }
}
