//! Counts of a block are what a look at each of its rows gives, whether they come from tallies, from templates or from rows.

use std::collections::BTreeMap;

use model::pattern::Search;
use model::records::{Counting, KeyPlace, KeySource};

use super::*;
use crate::wide::block::{Head, count};
use crate::wide::condition::written;

#[derive(Debug, Clone)]
struct Line {
    stream: u32,
    time: i64,
    body: String,
    fields: Vec<(&'static str, Origin, FieldRef<'static>)>,
}

/// Lines of a few shapes, with fields that templates tell, that they do not tell, of two types, and with many values.
fn line() -> impl Strategy<Value = Line> {
    let body = (0..5usize, 0..40u32, "[a-z]{0,3}").prop_map(|(shape, n, word)| match shape {
        0 => format!("took {n} ms at /api/v1/orders"),
        1 => format!("no answer from {word} within {n} ms"),
        2 => format!("\"agent {word}\" says added {n}"),
        3 => "all is well".to_owned(),
        _ => format!("un\u{11}split {word}"),
    });
    let fields = (0..4usize, 0..3usize, 0..400i64);
    (0..3u32, -40..40i64, body, fields).prop_map(|(stream, time, body, (level, odd, n))| {
        let told = if body.starts_with("took") { "INFO" } else { "warn" };
        let mut fields = vec![("severity", Origin::Sent, FieldRef::Text(told))];
        match level {
            0 => {}
            1 => fields.push(("level", Origin::Sent, FieldRef::Text(""))),
            _ => fields.push(("level", Origin::Detected, FieldRef::Text(["Debug", "ERROR"][level % 2]))),
        }
        match odd {
            0 => fields.push(("n", Origin::Detected, FieldRef::Int(n))),
            1 => fields.push(("n", Origin::Detected, FieldRef::Bool(n % 2 == 0))),
            _ => fields.push(("few", Origin::Detected, FieldRef::Int(n % 3))),
        }
        Line { stream, time, body, fields }
    })
}

const APPS: [&str; 3] = ["orders", "", "cart"];

fn text_of(line: &Line, source: &KeySource) -> String {
    let origin = if source.place == KeyPlace::Sent { Origin::Sent } else { Origin::Detected };
    let text = match source.place {
        KeyPlace::Label => APPS[line.stream as usize].to_owned(),
        _ => line
            .fields
            .iter()
            .find(|(name, of, _)| *name == source.name && *of == origin)
            .map_or(String::new(), |(_, _, value)| written(*value).into_owned()),
    };
    if source.lower { text.to_ascii_lowercase() } else { text }
}

type Counts = BTreeMap<(Vec<String>, i64), u64>;

fn check(lines: &[Line], scan: &RecordScan, wanted: &[bool], counting: &Counting) {
    let mut builder = Builder::default();
    for line in lines {
        builder.row(line.time, line.stream, &line.body);
        line.fields
            .iter()
            .for_each(|(name, origin, value)| builder.field(&Arc::from(*name), *origin, *value, None));
    }
    let block = builder.finish(1).unwrap();
    let head = Head::read(&block.bytes[..block.head_len as usize]).unwrap();
    let plan = Plan::new(scan);
    let streams =
        APPS.map(|app| if app.is_empty() { Labels::empty() } else { Labels::from_pairs([("app", app)]) });
    let asked = Asked { plan: &plan, streams: &streams, wanted, natural: false, except: &[], range: None };
    let mut found = Counts::new();
    count(&head, &Memory(&block, Cell::new(0)), &asked, counting, None, &mut |key, step, rows| {
        *found.entry((key.iter().map(|k| (*k).to_owned()).collect(), step)).or_default() += rows;
        Ok(())
    })
    .unwrap();
    let mut want = Counts::new();
    let holds = |line: &&Line| {
        wanted[line.stream as usize]
            && (scan.start_ns..=scan.end_ns).contains(&line.time)
            && plan.body.iter().all(|test| test.holds(&line.body))
    };
    for line in lines.iter().filter(holds) {
        let text = |sources: &Vec<KeySource>| {
            sources.iter().map(|s| text_of(line, s)).find(|text| !text.is_empty()).unwrap_or_default()
        };
        let key = counting.by.iter().map(text).collect();
        *want.entry((key, counting.step_of(line.time))).or_default() += 1;
    }
    assert_eq!(found, want, "{scan:?} {wanted:?} {counting:?}");
}

proptest! {
    #[test]
    fn counts_are_those_of_rows(
        mut lines in prop::collection::vec(line(), 1..300),
        range in prop_oneof![2 => Just((i64::MIN, i64::MAX)), 1 => (-40..0i64, 0..40i64)],
        unit in prop_oneof![Just(1i64), Just(1_000_000_000), Just(20_000_000_000)],
        step_ns in prop_oneof![Just(1_000i64), Just(60), Just(3), 1..30i64],
        wanted in prop_oneof![2 => Just([true; 3]), 1 => any::<[bool; 3]>()],
        by in prop::collection::vec(0..6usize, 0..3),
    ) {
        // Minutes are three or sixty of these: runs are cut into pieces.
        lines.iter_mut().for_each(|line| line.time *= unit);
        let (range, step_ns) = ((range.0.saturating_mul(unit), range.1.saturating_mul(unit)), step_ns * unit);
        lines.sort_by_key(|line| (line.stream, line.time));
        let source = |place, name: &str, lower| KeySource { place, name: name.to_owned(), lower };
        let parts = [
            vec![source(KeyPlace::Sent, "severity", true), source(KeyPlace::Label, "severity", false)],
            vec![source(KeyPlace::Sent, "level", false), source(KeyPlace::Detected, "level", true), source(KeyPlace::Label, "app", false)],
            vec![source(KeyPlace::Label, "app", false)],
            vec![source(KeyPlace::Detected, "n", false)],
            vec![source(KeyPlace::Sent, "none", false), source(KeyPlace::Detected, "few", false)],
            vec![source(KeyPlace::Label, "app", false), source(KeyPlace::Detected, "few", false)],
        ];
        let by: Vec<_> = by.into_iter().map(|part| parts[part].clone()).collect();
        let counting = Counting { by, reading: None, end_ns: 600 * unit, step_ns };
        let search = |regex: &str| TextTest::Matches(Search::new(regex).unwrap());
        let contains = |text: &str| TextTest::ContainsAny(vec![text.to_owned()]);
        let bodies = [
            vec![],
            vec![contains("no answer from")],
            vec![contains("took 7 ms at")],
            vec![contains("agent a"), contains("\" says added 1")],
            vec![search("from .*within [1-3]")],
            vec![TextTest::ContainsNone(vec!["all is well".to_owned(), "split".to_owned()])],
        ];
        for body in bodies {
            let scan = RecordScan { start_ns: range.0, end_ns: range.1, body, ..RecordScan::everything(EventKind::Log) };
            check(&lines, &scan, &wanted, &counting);
        }
    }
}

#[test]
fn a_field_of_few_values_is_counted_without_its_rows() {
    let mut builder = Builder::default();
    for row in 0..20_000i64 {
        builder.row(row + 1, 0, &format!("request {row} of {}", row * 7919 % 10_007));
        builder.field(
            &Arc::from("path"),
            Origin::Detected,
            FieldRef::Text(["/a", "/b", "/c"][row as usize % 3]),
            None,
        );
    }
    let block = builder.finish(1).unwrap();
    let head = Head::read(&block.bytes[..block.head_len as usize]).unwrap();
    let source = KeySource { place: KeyPlace::Detected, name: "path".to_owned(), lower: false };
    let counting = Counting { by: vec![vec![source]], reading: None, end_ns: 100_000, step_ns: 1_000_000 };
    let body = vec![TextTest::ContainsAny(vec!["request ".to_owned()])];
    for (body, by, want) in [
        (vec![], counting.by.clone(), vec![("/a", 6667), ("/b", 6667), ("/c", 6666)]),
        (body, vec![], vec![("", 20_000)]),
    ] {
        let plan = Plan::new(&RecordScan { body, ..RecordScan::everything(EventKind::Log) });
        let asked = Asked {
            plan: &plan,
            streams: &[Labels::empty()],
            wanted: &[true],
            natural: false,
            except: &[],
            range: None,
        };
        let memory = Memory(&block, Cell::new(0));
        let mut found = Vec::new();
        count(&head, &memory, &asked, &Counting { by, ..counting.clone() }, None, &mut |key, _, rows| {
            found.push((key.first().map_or(String::new(), |text| (*text).to_owned()), rows));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, want.into_iter().map(|(text, rows)| (text.to_owned(), rows)).collect::<Vec<_>>());
        assert!(memory.1.get() < 200, "{} bytes of {} were read", memory.1.get(), block.bytes.len());
    }
}
