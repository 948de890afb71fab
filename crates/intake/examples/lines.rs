//! What decoding a push, limits, masking and detection of generated lines cost, each by itself: MB per CPU second and
//! nanoseconds a line. `cargo run --release -p intake --example lines -- MEGABYTES`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a command-line report")]

#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../testkit/generated_logs.rs"]
mod generated_logs;

use std::sync::Arc;

use generated_logs::Lines as Generated;
use intake::lines::{Config, Lines};
use model::records::Written;
use model::{Clock, EventKind, Labels, ManualClock, Position, RecordWriter, Records, Result, Tenant};

const START_NS: i64 = 1_700_000_000_000_000_000;

/// Takes everything and keeps nothing.
struct Nothing;

impl RecordWriter for Nothing {
    fn write(&self, _: &Tenant, _: EventKind, records: &Records, _: &[Position<'_>]) -> Result<Written> {
        Ok(Written { accepted: records.len(), refused: Vec::new() })
    }

    fn position(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// A part with a length, as protobuf.
fn put(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n > 127 {
        out.push(n as u8 | 128);
        n >>= 7;
    }
    out.push(n as u8);
}

/// The push of a batch: protobuf and JSON.
fn pushes(records: &Records) -> (Vec<u8>, String) {
    let (mut binary, mut json) = (Vec::new(), String::from("{\"streams\":["));
    for (at, labels) in records.streams().iter().enumerate() {
        let (mut stream, mut values) = (Vec::new(), Vec::new());
        put(&mut stream, 1, labels.to_string().as_bytes());
        for row in records.iter().filter(|row| row.stream().get() == at) {
            let (mut time, mut entry) = (vec![8], Vec::new());
            varint(&mut time, (row.time_ns() / 1_000_000_000) as u64);
            time.push(16);
            varint(&mut time, (row.time_ns() % 1_000_000_000) as u64);
            put(&mut entry, 1, &time);
            put(&mut entry, 2, row.body().as_bytes());
            put(&mut stream, 2, &entry);
            values.push(format!("[\"{}\",{:?}]", row.time_ns(), row.body()));
        }
        put(&mut binary, 1, &stream);
        let pairs: Vec<_> = labels.iter().map(|(n, v)| format!("{n:?}:{v:?}")).collect();
        json += &format!(
            "{}{{\"stream\":{{{}}},\"values\":[{}]}}",
            if at > 0 { "," } else { "" },
            pairs.join(","),
            values.join(",")
        );
    }
    (binary, json + "]}")
}

fn main() {
    let megabytes: usize = std::env::args().nth(1).map_or(100, |a| a.parse().unwrap());
    let (mut lines, mut batches) = (Generated::new(1, START_NS), Vec::new());
    let (mut bytes, mut count) = (0usize, 0usize);
    while bytes < megabytes << 20 {
        let mut records = Records::new();
        for line in lines.by_ref().take(2000) {
            let pod = format!("{}-{}", line.app, line.instance);
            let stream = records.stream(&Labels::from_pairs([("app", line.app.to_owned()), ("pod", pod)]));
            records.push(stream, line.time_ns, &line.body);
            bytes += line.body.len() + 1;
            count += 1;
        }
        batches.push(records);
    }
    let report = |name: &str, seconds: f64| {
        let (rate, each) = (bytes as f64 / 1e6 / seconds, seconds * 1e9 / count as f64);
        println!("{name:32} {rate:7.0} MB per CPU second {each:7.0} ns a line");
    };
    let encoded: Vec<(Vec<u8>, String)> = batches.iter().map(pushes).collect();
    let mut records = Records::new();
    let before = cpu();
    for (binary, _) in &encoded {
        records.clear();
        let mut rows = wire::logs::Rows::new(&mut records, wire::logs::Limits::default(), START_NS);
        wire::loki::read_protobuf(binary, &mut rows).unwrap();
    }
    report("decode protobuf", cpu() - before);
    let before = cpu();
    for (_, json) in &encoded {
        records.clear();
        let mut rows = wire::logs::Rows::new(&mut records, wire::logs::Limits::default(), START_NS);
        wire::loki::read_json(json.as_bytes(), &mut rows).unwrap();
    }
    report("decode JSON", cpu() - before);
    drop(encoded);

    let clock = Arc::new(ManualClock::at_ms(START_NS / 1_000_000 + 86_400_000));
    let store: Arc<dyn RecordWriter> = Arc::new(Nothing);
    for (name, masks, detects) in [
        ("limits", false, false),
        ("limits, masking", true, false),
        ("limits, detection", false, true),
        ("limits, masking, detection", true, true),
    ] {
        let mut config = Config::default();
        config.detection.enabled = detects;
        if !masks {
            config.masking.credentials = false;
            config.masking.resident_registration_numbers = false;
        }
        let lines = Lines::new(&config, store.clone(), clock.clone() as Arc<dyn Clock>).unwrap();
        let before = cpu();
        for records in &batches {
            lines.write(&Tenant::default(), EventKind::Log, records, &[]).unwrap();
        }
        report(name, cpu() - before);
    }
}
