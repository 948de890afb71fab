//! Counting by what parsers find is the same whether templates tell it or each line passes the pipeline: random lines and
//! queries, evaluated over blocks, over the memory of the store on disk, and row by row over vectors.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test file is no library; a panic is its report"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use events::wide::{Options, Store};
use model::records::{
    ColumnStream, Columns, Counted, Counting, FieldRef, Origin, PatternSeries, RecordReader, RecordScan,
    RecordWriter, Records, StreamSummary, VolumeSeries,
};
use model::{Ctx, EventKind, Labels, ManualClock, Matcher, Result, Tenant};
use proptest::prelude::*;
use query::logql::{Direction, Engine, Expr, LogQuery, parse};
use testkit::MemoryRecords;

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_000 * SECOND;

/// A line: its shape, what stands for each `#` in it, its stream, and what is sent or found beside it.
#[derive(Debug, Clone)]
struct Line {
    shape: usize,
    variables: Vec<String>,
    stream: usize,
    beside: usize,
}

const STREAMS: [&[(&str, &str)]; 3] =
    [&[("app", "x")], &[("app", "y"), ("path", "of-stream")], &[("app", "x"), ("status", "7")]];

const BESIDE: [&[(&str, Origin, &str)]; 6] = [
    &[],
    &[],
    &[("path", Origin::Sent, "sent")],
    &[("a.b", Origin::Sent, "dotted"), ("level", Origin::Detected, "WARN")],
    &[("status", Origin::Detected, "found"), ("path", Origin::Detected, "/found")],
    &[("x_2", Origin::Sent, "two"), ("level", Origin::Sent, "sent")],
];

fn records(shapes: &[String], lines: &[Line]) -> Records {
    let mut records = Records::new();
    for (n, line) in lines.iter().enumerate() {
        let mut variables = line.variables.iter().cycle();
        let mut body = String::new();
        for c in shapes[line.shape % shapes.len()].chars() {
            match c {
                '#' => body.push_str(variables.next().map_or("", String::as_str)),
                c => body.push(c),
            }
        }
        let labels = Labels::from_pairs(STREAMS[line.stream % STREAMS.len()].iter().copied());
        let stream = records.stream(&labels);
        records.push(stream, START + n as i64 * SECOND / 4, &body);
        for (name, origin, value) in BESIDE[line.beside % BESIDE.len()] {
            records.field(name, *origin, FieldRef::Text(value));
        }
    }
    records
}

/// A store with everything in blocks, and how often it counted by what messages say.
struct Flushed {
    store: Store,
    counted: AtomicUsize,
}

impl RecordReader for Flushed {
    fn scan(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Box<dyn ColumnStream>> {
        self.store.scan(ctx, scan)
    }

    fn scan_unordered(
        &self,
        ctx: &Ctx,
        scan: &RecordScan,
        visit: &(dyn Fn(&Columns) -> Result<()> + Sync),
    ) -> Result<bool> {
        self.store.scan_unordered(ctx, scan, visit)
    }

    fn streams(
        &self,
        ctx: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<StreamSummary>> {
        self.store.streams(ctx, kind, matchers, start_ns, end_ns)
    }

    fn count(&self, ctx: &Ctx, scan: &RecordScan, counting: &Counting) -> Result<Option<Vec<Counted>>> {
        self.counted.fetch_add(usize::from(counting.reading.is_some()), Ordering::Relaxed);
        self.store.count(ctx, scan, counting)
    }

    fn volume(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<VolumeSeries>> {
        self.store.volume(ctx, scan, step_ns)
    }

    fn field_names(&self, ctx: &Ctx, scan: &RecordScan) -> Result<Vec<(String, Origin)>> {
        self.store.field_names(ctx, scan)
    }

    fn patterns(&self, ctx: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<PatternSeries>> {
        self.store.patterns(ctx, scan, step_ns)
    }

    fn delete(&self, ctx: &Ctx, scan: &RecordScan) -> Result<u64> {
        self.store.delete(ctx, scan)
    }
}

fn store(folder: &Path, records: &Records, flush: bool) -> Flushed {
    let clock = Arc::new(ManualClock::at_ms(3_600_000));
    let options = Options { flush_ms: if flush { 0 } else { 3_600_000 }, ..Options::default() };
    let store = Store::open(Arc::new(disk::RealFs), folder, options, clock).unwrap();
    store.write(&Tenant::default(), EventKind::Log, records, &[]).unwrap();
    store.maintain().unwrap();
    assert_eq!(store.metrics().memory.get() == 0, flush);
    Flushed { store, counted: AtomicUsize::new(0) }
}

/// What a query gives, as text.
fn answer(reader: &dyn RecordReader, query: &str) -> String {
    let ctx = Ctx::unbounded();
    let engine = Engine::default();
    match parse(query).unwrap_or_else(|e| panic!("{query}: {e}")) {
        Expr::Metric(expr) => {
            let end = START / 1_000_000 + 60_000;
            match engine.range(&ctx, reader, &expr, (end - 60_000, end, 7_000)) {
                Ok((output, _)) => format!("{:?}", output.value),
                Err(error) => error.to_string(),
            }
        }
        Expr::Log(expr) => {
            let query = LogQuery {
                start_ns: START,
                end_ns: START + 3600 * SECOND,
                limit: 5,
                direction: Direction::Backward,
                interval_ns: 0,
                by_stream: false,
            };
            match engine.logs(&ctx, reader, &expr, query) {
                Ok((streams, _)) => format!("{streams:?}"),
                Err(error) => error.to_string(),
            }
        }
    }
}

fn check(shapes: &[String], lines: &[Line], queries: &[String]) -> usize {
    let records = records(shapes, lines);
    let rows = MemoryRecords::new();
    rows.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let stores = [store(folders[0].path(), &records, true), store(folders[1].path(), &records, false)];
    for query in queries {
        let want = answer(&rows, query);
        for (store, place) in stores.iter().zip(["blocks", "memory"]) {
            let bodies: Vec<&str> = records.iter().map(|row| row.body()).collect();
            assert_eq!(answer(store, query), want, "{query} over {place} of\n{}", bodies.join("\n"));
        }
    }
    stores[0].counted.load(Ordering::Relaxed)
}

/// Words that stand for `#`.
fn variable() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0u32..5000).prop_map(|n| n.to_string()),
        1 => (0u32..9).prop_map(|n| format!("0{n}")),
        1 => "[a-f]{4,6}|v[12]|5ms|1e5|[0-9a-f]{16}|u00[46][0-9a-f]",
    ]
}

/// A value of JSON, now and then one that is none.
fn json_value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("#"), 2 => Just("#.#"), 1 => Just("-#"), 1 => Just("-#.#"), 1 => Just("#e-#"),
        4 => Just("\"#\""), 4 => Just("\"/api/#/x/#\""), 2 => Just("\"ok\""), 1 => Just("\"\""), 1 => Just("\" # \""),
        1 => Just("\"a\\\"#\""), 1 => Just("\"\\#\""), 1 => Just("\"\\\\#\""), 1 => Just("\"tab\\t한글\""),
        1 => Just("null"), 1 => Just("true"), 1 => Just("[#,\"#\"]"), 1 => Just("{\"b\":#,\"path\":\"n#\"}"),
        1 => Just("{\"b\":{\"c\":\"#\"}}"), 1 => Just("{}"), 1 => Just("bad"), 1 => Just("\"open"), 1 => Just("\"a=# b=\\\"x #\\\"\""),
    ]
    .prop_map(str::to_owned)
}

fn json_key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("path"), 4 => Just("status"), 3 => Just("a"), 2 => Just("a.b"), 2 => Just("level"), 2 => Just("app"),
        1 => Just("x-#"), 1 => Just("x_2"), 1 => Just("#"), 1 => Just("pa\\u0074h"), 1 => Just("\\#"), 1 => Just(" path "),
        1 => Just("path_extracted"), 1 => Just("__error__"), 1 => Just(""), 1 => Just("detected_level"),
    ]
    .prop_map(str::to_owned)
}

fn json_shape() -> impl Strategy<Value = String> {
    let pair = (json_key(), json_value(), prop_oneof![4 => Just(":"), 1 => Just(" : ")]);
    (
        prop::collection::vec(pair, 0..6),
        prop_oneof![9 => Just("}"), 1 => Just("} #"), 1 => Just(""), 1 => Just(",}")],
    )
        .prop_map(|(pairs, end)| {
            let pairs: Vec<String> = pairs.iter().map(|(k, v, colon)| format!("\"{k}\"{colon}{v}")).collect();
            format!("{{{}{end}", pairs.join(","))
        })
}

fn logfmt_shape() -> impl Strategy<Value = String> {
    let key = prop_oneof![4 => Just("path"), 3 => Just("status"), 2 => Just("a"), 1 => Just("x_2"), 1 => Just("#"), 1 => Just("k#"), 1 => Just("")];
    let value = prop_oneof![
        4 => Just("#"), 2 => Just("/a/#"), 2 => Just("\"x # y\""), 1 => Just(""), 1 => Just("\"a\\\"#\""), 1 => Just("\"\\#\""),
        1 => Just("\"open #"), 1 => Just("a=b"), 1 => Just("x\"y"),
    ];
    let pair = (key, prop_oneof![8 => Just("="), 1 => Just(""), 1 => Just("\"")], value);
    prop::collection::vec(pair, 0..5).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.iter().map(|(k, eq, v)| format!("{k}{eq}{v}")).collect();
        pairs.join(" ")
    })
}

fn shape() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => json_shape(),
        3 => logfmt_shape(),
        1 => Just("#.# - - [#] \"GET /a/# HTTP/#.#\" # #".to_owned()),
        1 => Just("plain text # of #".to_owned()),
        1 => prop_oneof![Just("#"), Just(" -# "), Just("\"#\""), Just("true #"), Just("# #"), Just("[#] {"), Just(" {")]
            .prop_map(str::to_owned),
        1 => Just("한국어 # 경로=/x/#".to_owned()),
    ]
}

fn parser() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("| json"),
        3 => Just("| json path=\"path\""),
        2 => Just("| json path=\"path\", status=\"status\", b=\"a.b\""),
        1 => Just("| json path=\"a[0]\", x_2=\"[\\\"x-2\\\"]\""),
        1 => Just("| json path=\"path\", path=\"a\""),
        3 => Just("| logfmt"),
        1 => Just("| logfmt --keep-empty"),
        1 => Just("| logfmt --strict"),
        2 => Just("| logfmt path=\"path\", status"),
        1 => Just("| logfmt path=\"k8s\", x_2"),
        1 => Just("| pattern \"<_> - - [<status>] \\\"<_> <path> HTTP/<_>\\\" <a> <_>\""),
        1 => Just("| pattern \"<_>:<path>,<_>\""),
        1 => Just("| pattern \"<path>5<_>\""),
        1 => Just("| regexp \"/(?P<path>[0-9a-z]+)\""),
        1 => Just("| json | logfmt"),
        1 => Just("| json a=\"a\" | line_format \"{{.a}}\" | logfmt"),
        1 => Just("| unpack"),
        1 => Just("| json | line_format \"{{.path}}-{{ .status }}\""),
        1 => Just("| json | line_format \"{{__line__}} {{.path | ToUpper}}\" | label_format path=\"{{__line__}}\""),
        1 => Just("| logfmt | label_format path=\"{{.status}}:{{.a}}\""),
    ]
    .prop_map(str::to_owned)
}

fn filter() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("| __error__=\"\""),
        4 => Just(""),
        2 => Just("| status >= 500"),
        1 => Just("| path=~\"/api.*\""),
        1 => Just("| path=\"\""),
        1 => Just("| status != \"7\" | drop path"),
        1 => Just("| keep path, app"),
        1 => Just("| drop __error__, __error_details__"),
        1 => Just("| label_format path=status"),
        1 => Just("| detected_level=\"warn\" or a_b=\"dotted\""),
        1 => Just("|= \"path\""),
        1 => Just("!~ \"x.2\""),
        1 => Just("| __error_details__=\"\""),
        1 => Just("| path_extracted=\"/found\""),
    ]
    .prop_map(str::to_owned)
}

fn query() -> impl Strategy<Value = String> {
    let by = prop_oneof![
        4 => Just("path"), 2 => Just("path, status"), 1 => Just("app, path"), 1 => Just("a_b"), 1 => Just("x_2"), 1 => Just("a"),
        1 => Just("__error__"), 1 => Just("level, detected_level"), 1 => Just("path_extracted"), 1 => Just("a_b_c"),
    ];
    let selector = prop_oneof![3 => Just("{app=~\".+\"}"), 1 => Just("{app=\"x\"}")];
    let stages = (filter(), parser(), filter(), filter()).prop_map(|(before, parser, one, two)| {
        if before.contains("status") {
            format!("{before} {parser} {one} {two}")
        } else {
            format!("{parser} {one} {two}")
        }
    });
    (selector, stages, by, 0..13).prop_map(|(selector, stages, by, form)| match form {
        0 | 6 => format!("{selector} {stages}"),
        1 => format!("sum by ({by}) (rate({selector} {stages} [10s]))"),
        2 => format!("count_over_time({selector} {stages} [10s])"),
        3 => format!("sum by ({by}) (bytes_over_time({selector} {stages} [10s]))"),
        4 => format!("max by ({by}) (max_over_time({selector} {stages} | unwrap status [30s]))"),
        7 => format!(
            "sum by ({by}) (sum_over_time({selector} {stages} | unwrap status | __error__=\"\" [30s]))"
        ),
        8 => format!("last_over_time({selector} {stages} | unwrap status | status > 5 [30s]) by ({by})"),
        5 => format!("sum(count_over_time({selector} {stages} [7s]))"),
        _ => format!("sum by ({by}) (count_over_time({selector} {stages} [20s]))"),
    })
}

fn line() -> impl Strategy<Value = Line> {
    (0usize..9, prop::collection::vec(variable(), 1..7), 0usize..9, 0usize..9)
        .prop_map(|(shape, variables, stream, beside)| Line { shape, variables, stream, beside })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn templates_tell_what_lines_say(
        shapes in prop::collection::vec(shape(), 1..4),
        lines in prop::collection::vec(line(), 1..120),
        queries in prop::collection::vec(query(), 12),
    ) {
        check(&shapes, &lines, &queries);
    }
}

#[test]
fn stores_are_asked_to_count_by_what_messages_say() {
    let shapes = ["{\"path\":\"/api/v1/orders/#\",\"status\":#}".to_owned()];
    let line = |n: usize| Line {
        shape: 0,
        variables: vec![(n % 7).to_string(), (490 + n % 20).to_string()],
        stream: 0,
        beside: 0,
    };
    let lines: Vec<Line> = (0..100).map(line).collect();
    let queries = ["| json path=\"path\"", "| json | status >= 500", "| json | __error__=\"\"", "| logfmt"]
        .map(|stages| format!("topk(3, sum by (path) (count_over_time({{app=\"x\"}} {stages} [1m])))"));
    assert_eq!(check(&shapes, &lines, &queries), queries.len());
}

#[test]
fn keys_with_variables_in_them_are_looked_at() {
    let shapes = ["{\"x-#\":#,\"b\":1}".to_owned(), "x_#=# b=1".to_owned()];
    let line = |n: usize| Line {
        shape: n % 2,
        variables: vec![(1 + n % 3).to_string(), (n % 5).to_string()],
        stream: 0,
        beside: 0,
    };
    let lines: Vec<Line> = (0..200).map(line).collect();
    let stages = [
        "| json | __error__=\"\"",
        "| json x_2=\"[\\\"x-2\\\"]\" | __error__=\"\"",
        "| logfmt",
        "| logfmt x_2=\"x_2\"",
        "| json | x_2 >= 2 | __error__=\"\"",
    ];
    let queries = stages.map(|stages| format!("sum by (x_2) (count_over_time({{app=\"x\"}} {stages} [1m]))"));
    assert_eq!(check(&shapes, &lines, &queries), queries.len());
}
