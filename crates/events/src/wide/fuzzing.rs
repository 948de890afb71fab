//! A door for the fuzzer, past the checksums.

use model::records::{Counting, KeyPlace, KeySource, RecordScan, TextTest};
use model::{EventKind, Labels, Result};

use super::block::{Asked, Bytes, Head, count, filter, matching, open, patterned};
use super::record;
use super::scan::Plan;

struct Any<'a>(&'a [u8]);

impl Bytes for Any<'_> {
    fn read(&self, offset: u32, len: u32) -> Result<Vec<u8>> {
        let end = (offset as usize).saturating_add(len as usize);
        let bytes = self.0.get(offset as usize..end).map(<[u8]>::to_vec);
        bytes.ok_or_else(|| model::Error::internal("too short"))
    }

    fn checks(&self) -> bool {
        false
    }
}

/// Any bytes as a log record, and as a block: the first byte says how long its head is. Not part of the interface.
#[doc(hidden)]
pub fn fuzz(bytes: &[u8]) {
    if let Ok(logged) = record::read(bytes) {
        for place in &logged.places {
            assert!(record::content(bytes, place.at).is_ok_and(|c| c.bytes().is_ok()));
        }
    }
    let Some((len, rest)) = bytes.split_first() else { return };
    let (head, columns) = rest.split_at(usize::from(*len).min(rest.len()));
    let Ok(head) = Head::read(head) else { return };
    let streams = [Labels::empty(), Labels::from_pairs([("a", "b")])];
    let scan = RecordScan::everything(EventKind::Log);
    let body =
        vec![TextTest::ContainsAny(vec!["a 1 ".to_owned(), "b".to_owned(), "0123456789abcdef".to_owned()])];
    let fields = vec![("f".to_owned(), TextTest::In(vec!["1".to_owned()]))];
    for scan in [RecordScan { body, fields, ..scan.clone() }, scan] {
        let plan = Plan::new(&scan);
        let asked = Asked {
            plan: &plan,
            streams: &streams,
            wanted: &[true, true],
            natural: false,
            except: &[],
            range: None,
        };
        let _ = open(&head, &Any(columns), &asked);
        let _ = filter(&head, &Any(columns));
        let _ = matching(&head, &Any(columns), &asked);
        let _ = patterned(&head, &Any(columns), &asked, 1000);
        let source = |place| KeySource { place, name: "f".to_owned(), lower: true };
        let by =
            vec![vec![source(KeyPlace::Sent), source(KeyPlace::Label)], vec![source(KeyPlace::Detected)]];
        let counting = Counting { by, reading: None, end_ns: 0, step_ns: 1000 };
        let mut total = 0u64;
        let counted = count(&head, &Any(columns), &asked, &counting, None, &mut |key, _, rows| {
            assert_eq!(key.len(), 2);
            total = total.saturating_add(rows);
            Ok(())
        });
        assert!(counted.is_err() || total <= head.rows() as u64);
    }
}
