//! What scans hold at one time.

use model::records::{Columns, RecordReader, RecordScan};
use model::{Budget, Ctx, ErrorKind, Order, Result};

use super::{Bed, Line, all, line, write};
use crate::wide::Store;

const SECOND: i64 = 1_000_000_000;

fn rows(store: &Store, order: Order, budget: Budget) -> Result<usize> {
    let ctx = Ctx { budget, ..Ctx::unbounded() };
    let mut stream = store.scan(&ctx, &RecordScan { order, ..all() })?;
    let (mut batch, mut rows) = (Columns::default(), 0);
    while stream.next(&mut batch)? {
        rows += batch.len();
    }
    Ok(rows)
}

#[test]
fn a_scan_of_everything_holds_few_blocks_at_a_time() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    let text = "a text that is long enough to be worth something ".repeat(64);
    let (mut written, mut bytes) = (0, 0u64);
    for round in 0..24i64 {
        let lines: Vec<Line> = (0..400)
            .map(|n| {
                let time = (round - 24) * 60 * SECOND + n;
                line(time, ["a", "b"][n as usize % 2], &format!("{round} {n} {text}"))
            })
            .collect();
        write(&store, &lines, None).unwrap();
        written += lines.len();
        bytes += lines.iter().map(|l| l.body.len() as u64).sum::<u64>();
        bed.clock.advance_ms(1000);
        store.maintain().unwrap();
    }
    for order in [Order::Ascending, Order::Descending] {
        let budget = Budget::new("test", bytes / 2);
        assert_eq!(rows(&store, order, budget.clone()).unwrap(), written);
        assert_eq!(budget.used(), 0);
        let error = rows(&store, order, Budget::new("test", 10_000)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limited, "{error}");
    }
}
