//! A scan finds what a look at every line finds, wherever the lines are.

use std::collections::BTreeMap;

use model::pattern::Search;
use model::records::{Counting, KeyPlace, KeySource, Origin, RecordReader, RecordScan, TextTest, Wanted};
use model::{Ctx, Matcher, Order};
use proptest::prelude::*;

use super::{Bed, Line, NS, all, line, scan, write};
use crate::wide::Store;

const SECOND: i64 = 1_000_000_000;

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u32..5000, 0u32..60, "[0-9a-f]{8}")
            .prop_map(|(n, s, id)| format!("took {n} ms at 12:00:{s:02} id={id} done")),
        (0u32..9, "[0-9a-f]{4}").prop_map(|(n, id)| format!("GET /a/{id}/0{n} HTTP/1.{n} 결제 실패")),
        "[가-라 ab01=:/.]{0,20}",
        "trace=[0-9a-f]{16} order [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}( panic)?",
        "user [a-z]{3,5} (logged in|failed)",
        Just(String::new()),
        "x\u{11}[0-9]{1,2}",
        "\\{\"ts\":1[0-9]{9},\"msg\":\"(ok|no)\",\"f\":0\\.[0-9]{1,4}\\}",
    ]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let field = prop_oneof![
        Just(None),
        "INFO|WARN|ERROR".prop_map(|v| Some(("level".to_owned(), Origin::Detected, v))),
        "[a-f][0-9a-f]{8,12}".prop_map(|v| Some(("trace_id".to_owned(), Origin::Detected, v))),
        "[1-9][0-9]{0,2}".prop_map(|v| Some(("status".to_owned(), Origin::Detected, v))),
        "[a-z]{1,2}".prop_map(|v| Some(("status".to_owned(), Origin::Sent, v))),
    ];
    let one = (-30i64..30, 0usize..4, body(), field).prop_map(|(time, app, body, field)| {
        // A few lie in the day before.
        let mut line =
            line(time * SECOND * if app == 3 { 2000 } else { 1 }, ["a", "b", "c", "d"][app], &body);
        line.time = line.time.min(NS);
        line.fields.extend(field);
        line
    });
    prop::collection::vec(one, 0..80)
}

/// What a scan must find, by looking at every line. Lines of one time and different streams may come in any order.
fn grep(all: &[Line], scan: &RecordScan, holds: impl Fn(&Line) -> bool) -> Vec<Line> {
    let matches = |line: &&Line| {
        (scan.start_ns..=scan.end_ns).contains(&line.time)
            && scan.streams.iter().all(|m| m.matches(if m.name == "app" { &line.app } else { "" }))
            && holds(line)
    };
    let mut found: Vec<Line> = all.iter().filter(matches).cloned().collect();
    found.sort_by(|a, b| (a.time, &a.app).cmp(&(b.time, &b.app)));
    if scan.order == Order::Descending {
        found.reverse();
    }
    found
}

fn settled(mut lines: Vec<Line>, order: Order) -> Vec<Line> {
    lines.sort_by(|a, b| {
        let of = (a.time, &a.app).cmp(&(b.time, &b.app));
        if order == Order::Descending { of.reverse() } else { of }
    });
    lines
}

fn check(store: &Store, lines: &[Line], needles: &[String]) {
    for order in [Order::Ascending, Order::Descending] {
        let base = RecordScan { order, ..all() };
        let same = |scan_: &RecordScan, holds: &dyn Fn(&Line) -> bool| {
            let found = scan(store, scan_);
            assert!(found.is_sorted_by(|a, b| if order == Order::Descending {
                a.time >= b.time
            } else {
                a.time <= b.time
            }));
            assert_eq!(settled(found, order), grep(lines, scan_, holds), "{scan_:?}");
        };
        same(&base, &|_| true);
        same(&RecordScan { streams: vec![Matcher::equal("app", "b")], ..base.clone() }, &|_| true);
        same(&RecordScan { start_ns: NS - 5 * SECOND, end_ns: NS - SECOND, ..base.clone() }, &|_| true);
        for needle in needles {
            let any = vec![TextTest::ContainsAny(vec![needle.clone()])];
            same(&RecordScan { body: any, ..base.clone() }, &|l| l.body.contains(needle));
            let none = vec![TextTest::ContainsNone(vec![needle.clone(), "took".to_owned()])];
            same(&RecordScan { body: none, ..base.clone() }, &|l| {
                !l.body.contains(needle) && !l.body.contains("took")
            });
        }
        for regex in ["[0-9]{2}|실패$", "(took|GET) .*1", "order [0-9a-f]{4}.*panic", "ed|id=[a-f]+"] {
            let search = Search::new(regex).unwrap();
            let body = vec![TextTest::Matches(search.clone())];
            same(&RecordScan { body, ..base.clone() }, &|l| search.is_match(&l.body));
        }
        let of = |l: &Line, name: &str| l.fields.iter().find(|f| f.0 == name).map_or("", |f| &f.2).to_owned();
        let value = |l: &Line| of(l, "status");
        let id = lines.iter().map(|l| of(l, "trace_id")).find(|id| !id.is_empty()).unwrap_or_default();
        for id in [id.as_str(), "no-id-like-4his"] {
            let fields = vec![("trace_id".to_owned(), TextTest::In(vec![id.to_owned()]))];
            same(&RecordScan { fields, ..base.clone() }, &|l| of(l, "trace_id") == id);
        }
        let fields = vec![("status".to_owned(), TextTest::ContainsAny(vec!["1".to_owned(), "a".to_owned()]))];
        same(&RecordScan { fields, ..base.clone() }, &|l| value(l).contains(['1', 'a']));
        let fields = vec![("status".to_owned(), TextTest::NotIn(vec![String::new()]))];
        same(&RecordScan { fields, ..base.clone() }, &|l| !value(l).is_empty());

        let first = scan(store, &RecordScan { limit: 5, ..base.clone() });
        let times = |l: &[Line]| l.iter().map(|l| l.time).collect::<Vec<_>>();
        let want = grep(lines, &base, |_| true);
        assert_eq!(times(&first), times(&want[..want.len().min(5)]));
    }
    counts(store, lines, &needles[0]);
    let bodies = scan(store, &RecordScan { wanted: Wanted { body: true, fields: Some(vec![]) }, ..all() });
    assert!(bodies.len() == lines.len() && bodies.iter().all(|l| l.fields.is_empty()));
    let counted: u64 = store
        .patterns(&Ctx::unbounded(), &all(), SECOND)
        .unwrap()
        .iter()
        .flat_map(|p| &p.steps)
        .map(|s| s.1)
        .sum();
    assert_eq!(counted, lines.iter().filter(|l| !l.body.contains('\u{11}')).count() as u64);
    let streams = store.streams(&Ctx::unbounded(), model::EventKind::Log, &[], i64::MIN, i64::MAX).unwrap();
    assert_eq!(streams.iter().map(|s| s.records).sum::<u64>(), lines.len() as u64);
    let labels = |start, end| {
        let kind = model::EventKind::Log;
        let found = store.stream_labels(&Ctx::unbounded(), kind, &[], start, end).unwrap();
        found.iter().map(|l| l.get_or_empty("app").to_owned()).collect::<Vec<_>>()
    };
    let apps = |lines: &mut dyn Iterator<Item = &Line>| {
        lines
            .map(|l| l.app.clone())
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(i64::MIN, i64::MAX), apps(&mut lines.iter()));
}

/// Counting finds what a look at every line finds.
fn counts(store: &Store, lines: &[Line], needle: &str) {
    let source = |place, name: &str, lower| KeySource { place, name: name.to_owned(), lower };
    let app = vec![source(KeyPlace::Label, "app", false)];
    let level = vec![source(KeyPlace::Sent, "level", false), source(KeyPlace::Detected, "level", true)];
    let status = vec![source(KeyPlace::Sent, "status", false), source(KeyPlace::Detected, "status", false)];
    let body = vec![TextTest::ContainsAny(vec![needle.to_owned()])];
    let fields = vec![("status".to_owned(), TextTest::NotIn(vec![String::new()]))];
    let part = RecordScan { start_ns: NS - 9 * SECOND, end_ns: NS + 7 * SECOND, ..all() };
    for scan in [all(), part.clone(), RecordScan { body, ..part }, RecordScan { fields, ..all() }] {
        for by in [vec![], vec![app.clone()], vec![level.clone()], vec![status.clone(), app.clone()]] {
            let step_ns = if by.len() == 1 { i64::MAX / 4 } else { 7 * SECOND };
            let counting = Counting { by, reading: None, end_ns: NS, step_ns };
            let text = |line: &Line, source: &KeySource| {
                let origin = if source.place == KeyPlace::Sent { Origin::Sent } else { Origin::Detected };
                let value = match source.place {
                    KeyPlace::Label => line.app.clone(),
                    _ => line
                        .fields
                        .iter()
                        .find(|f| f.0 == source.name && f.1 == origin)
                        .map_or(String::new(), |f| f.2.clone()),
                };
                if source.lower { value.to_lowercase() } else { value }
            };
            let part = |line: &Line, sources: &Vec<KeySource>| {
                sources.iter().map(|s| text(line, s)).find(|t| !t.is_empty()).unwrap_or_default()
            };
            let mut want: BTreeMap<Vec<String>, BTreeMap<i64, u64>> = BTreeMap::new();
            let has = |l: &Line| {
                scan.fields.is_empty() || l.fields.iter().any(|f| f.0 == "status" && !f.2.is_empty())
            };
            for line in grep(lines, &scan, |l| (scan.body.is_empty() || l.body.contains(needle)) && has(l)) {
                let key = counting.by.iter().map(|sources| part(&line, sources)).collect();
                *want.entry(key).or_default().entry(counting.step_of(line.time)).or_default() += 1;
            }
            let found = store.count(&Ctx::unbounded(), &scan, &counting).unwrap().unwrap();
            let found: BTreeMap<_, BTreeMap<_, _>> =
                found.into_iter().map(|one| (one.key, one.steps.into_iter().collect())).collect();
            assert_eq!(found, want, "{scan:?} {counting:?}");
        }
    }
}

fn needles(lines: &[Line], from: usize, len: usize) -> Vec<String> {
    let part = |line: &Line| {
        let chars: Vec<char> = line.body.chars().collect();
        let from = from.min(chars.len());
        chars[from..(from + len).min(chars.len())].iter().collect::<String>()
    };
    let ids = lines.iter().filter(|l| l.body.starts_with("trace=")).take(1);
    let ids =
        ids.flat_map(|l| [l.body[6..22].to_owned(), l.body[29..65].to_owned(), l.body[2..30].to_owned()]);
    let fixed = ["ms at", "id=", "실패", "0", "12:00:0", "\u{11}", "logged in"].map(str::to_owned);
    lines.iter().take(3).map(part).chain(fixed).chain(ids).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_scan_finds_what_a_look_at_every_line_finds(
        batches in prop::collection::vec((lines(), any::<bool>()), 1..12),
        from in 0usize..30,
        len in 1usize..14,
    ) {
        let mut bed = Bed::new();
        bed.options.flush_ms = 1000;
        let mut store = bed.open();
        let mut written: Vec<Line> = Vec::new();
        for (lines, flush) in &batches {
            write(&store, lines, None).unwrap();
            written.extend(lines.iter().cloned());
            if *flush {
                bed.clock.advance_ms(1000);
                store.maintain().unwrap();
            }
        }
        let needles = needles(&written, from, len);
        check(&store, &written, &needles);
        drop(store);
        bed.fs.crash();
        store = bed.open();
        check(&store, &written, &needles);

        let doomed = RecordScan { body: vec![TextTest::ContainsAny(vec![needles[0].clone()])], ..all() };
        let before = written.len();
        written.retain(|l| !l.body.contains(&needles[0]));
        let gone = store.delete(&Ctx::unbounded(), &doomed).unwrap();
        prop_assert_eq!(gone as usize, before - written.len());
        check(&store, &written, &needles);
    }
}

#[test]
fn small_parts_are_merged_and_large_blocks_are_kept() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    let mut written = Vec::new();
    for round in 0..20i64 {
        let lines: Vec<Line> = (0..300)
            .map(|n| {
                line(-(n % 7) * SECOND, ["a", "b", "c"][(n % 3) as usize], &format!("round {round} line {n}"))
            })
            .collect();
        write(&store, &lines, None).unwrap();
        written.extend(lines);
        bed.clock.advance_ms(1000);
        store.maintain().unwrap();
    }
    assert!(store.metrics().merges.get() >= 2, "{}", store.metrics().merges.get());
    assert!(store.metrics().parts.get() < 8, "{}", store.metrics().parts.get());
    check(&store, &written, &["round 7".to_owned(), "line 29".to_owned()]);
}

#[test]
fn few_rows_of_several_blocks_come_whole_in_both_orders() {
    let mut bed = Bed::new();
    bed.options.flush_ms = 1000;
    let store = bed.open();
    let mut written = Vec::new();
    for round in 0..3i64 {
        let lines: Vec<Line> = (0..2000i64)
            .map(|n| {
                // All times differ; rounds lie between one another.
                let before = (n * 3 + round) * 1_234_567_891;
                let ns = NS - before;
                let (second, micros) = (ns / SECOND % 60, ns % SECOND / 1000);
                let (took, size) = (n * n % 4999, n * n * n % 70_001);
                let agent = ["curl", "wget", "fetch", "agent", "robot"][(n % 5) as usize];
                let body = format!("{agent} :{second:02}.{micros:06} id={n:08x} took {took} ms, {size} B");
                let mut line = line(-before, ["a", "b", "c"][(n % 3) as usize], &body);
                line.fields.push(("took".to_owned(), Origin::Detected, took.to_string()));
                line
            })
            .collect();
        write(&store, &lines, None).unwrap();
        written.extend(lines);
        bed.clock.advance_ms(1000);
        store.maintain().unwrap();
    }
    assert!(store.metrics().parts.get() > 1, "{}", store.metrics().parts.get());
    for order in [Order::Ascending, Order::Descending] {
        for needle in ["id=000007c", "id=0000004d", "robot", "0 ms, 17", ""] {
            for limit in [0, 1, 7] {
                let body = vec![TextTest::ContainsAny(vec![needle.to_owned()])];
                let asked = RecordScan { order, limit, body, ..all() };
                let mut want = grep(&written, &asked, |l| l.body.contains(needle));
                assert!(!want.is_empty());
                want.truncate(if limit == 0 { usize::MAX } else { limit });
                assert!(scan(&store, &asked) == want, "{needle} {limit} {order:?}");
            }
        }
    }
}
