//! Filters of blocks: damage in one is found when it is first asked, and what one rules out is not opened.

use model::records::{RecordScan, TextTest};
use model::{Budget, Ctx, Order};

use super::crash::parts;
use super::{Bed, Line, all, line, scan, try_scan, write};
use crate::wide::Store;
use crate::wide::block::filter;
use crate::wide::filter::LINE;

const SECOND: i64 = 1_000_000_000;

fn id(n: u64) -> String {
    format!("{:032x}", u128::from(n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

fn asked(id: String) -> RecordScan {
    RecordScan { body: vec![TextTest::ContainsAny(vec![id])], ..all() }
}

/// A part for each of some rounds, with ids of their own.
fn filled(bed: &mut Bed, rounds: u64) -> Store {
    bed.options.flush_ms = 1000;
    let store = bed.open();
    for round in 0..rounds {
        let lines: Vec<Line> = (0..200)
            .map(|n| {
                let body = format!("order {n} has trace {} and is done", id(round * 1000 + n));
                line((round as i64 - 100) * SECOND, "a", &body)
            })
            .collect();
        write(&store, &lines, None).unwrap();
        bed.clock.advance_ms(1000);
        store.maintain().unwrap();
    }
    store
}

#[test]
fn a_damaged_filter_or_head_is_found_when_it_is_first_asked() {
    // What is damaged: the bits of the filter, how many bits words set, the head of the block.
    for damage in 0..3 {
        let mut bed = Bed::new();
        let store = filled(&mut bed, 2);
        let (file, place) = {
            let part = &store.shelves[0].parts()[0];
            let (head, bytes) = part.head(&part.blocks[0]).unwrap();
            let place = filter(&head, &bytes).unwrap().unwrap();
            (parts(&bed)[0].clone(), (part.blocks[0].offset, part.blocks[0].head_len, place.offset))
        };
        let bits = (place.0 + u64::from(place.1 + place.2)) as usize;
        bed.fs.corrupt(&file, |bytes| match damage {
            0 => bytes[bits..bits + LINE].fill(0),
            1 => bytes[bits - 1] ^= 1,
            _ => bytes[place.0 as usize + 1] ^= 1,
        });
        // Whoever asks first, and whatever for.
        let error = try_scan(&store, &asked(id(1001))).unwrap_err();
        assert!(error.message.contains("corrupt"), "{damage}: {error}");
        store.maintain().unwrap();
        assert_eq!(store.metrics().quarantined.get(), 1);
        assert_eq!(scan(&store, &asked(id(1005))).len(), 1);
        assert_eq!(scan(&store, &asked(id(5))), []);
    }
}

#[test]
fn what_filters_rule_out_is_not_opened() {
    let mut bed = Bed::new();
    let store = filled(&mut bed, 7);
    for order in [Order::Ascending, Order::Descending] {
        let ask = |question: String, budget: Budget| {
            let ctx = Ctx { budget, ..Ctx::unbounded() };
            let mut stream =
                model::records::RecordReader::scan(&store, &ctx, &RecordScan { order, ..asked(question) })?;
            let (mut batch, mut rows) = (model::Columns::default(), 0);
            while stream.next(&mut batch)? {
                rows += batch.len();
            }
            Ok::<usize, model::Error>(rows)
        };
        // Opening a block takes memory; asking its filter does not.
        let nothing = |question: &u64| ask(id(*question), Budget::new("none", 0)).is_ok_and(|rows| rows == 0);
        let ruled_out = (100_000..100_100).filter(nothing).count();
        assert!(ruled_out >= 80, "{ruled_out} of 100 ids");
        assert!(ask(id(3004), Budget::new("none", 0)).is_err());
        assert_eq!(ask(id(3004), Budget::unlimited()).unwrap(), 1);
    }
}

#[test]
fn the_first_rows_are_found_however_uneven_the_blocks_are() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    let mut written: Vec<Line> = Vec::new();
    for round in 0..6i64 {
        // Most of a part lies at one of its ends, and one part within another.
        let lines: Vec<Line> = (0..400i64)
            .map(|n| {
                let time = match n % 20 {
                    0 => -2000 - (round * 397 + n * 7) % 1900,
                    _ if round % 2 == 0 => -2000 - n % 5,
                    _ => -100 - round,
                };
                line(time * SECOND, ["a", "b", "c"][n as usize % 3], &format!("{round} {n}"))
            })
            .collect();
        write(&store, &lines, None).unwrap();
        written.extend(lines);
        if round < 5 {
            bed.clock.advance_ms(1000);
            store.maintain().unwrap();
        }
    }
    written.sort_by_key(|line| line.time);
    for order in [Order::Ascending, Order::Descending] {
        let mut times: Vec<i64> = written.iter().map(|line| line.time).collect();
        if order == Order::Descending {
            times.reverse();
        }
        for limit in [1, 7, 100, 900, 2000, 10_000] {
            let found = scan(&store, &RecordScan { limit, order, ..all() });
            let first = &times[..limit.min(times.len())];
            assert!(found.len() >= first.len(), "{} of {limit}", found.len());
            assert_eq!(found[..first.len()].iter().map(|line| line.time).collect::<Vec<_>>(), first);
        }
    }
}
