//! Beside Debian's programs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use model::{SeriesData, is_stale_nan};
use testkit::prometheus::Prometheus;
use wire::chunk::Options;
use wire::prometheus_block::{Block, ChunkFile, Index, ReadAt, Tombstones};

use crate::damage::{ULID, data};
use crate::write::block;

/// A file, for [`ReadAt`].
struct OnDisk(File);

impl ReadAt for OnDisk {
    fn size(&self) -> u64 {
        self.0.metadata().unwrap().len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }
}

fn open(dir: &Path) -> Block<OnDisk> {
    let file = |name: &str| OnDisk(File::open(dir.join(name)).unwrap());
    Block::new(
        Index::new(file("index")).unwrap(),
        vec![Some(ChunkFile::new(file("chunks/000001")).unwrap())],
        Tombstones::read(&std::fs::read(dir.join("tombstones")).unwrap()).unwrap(),
    )
}

/// Times as whole seconds: what a text file can say.
fn exposition(series: &[SeriesData]) -> String {
    let mut text = String::new();
    for one in series.iter().filter(|s| s.histograms.is_empty()) {
        for (t, v) in one.t.iter().zip(&one.v).filter(|(_, v)| !is_stale_nan(**v)) {
            let labels = one.labels.to_string().replace(", ", ",");
            writeln!(text, "{labels} {v:?} {}.{:03}", t / 1000, t % 1000).unwrap();
        }
    }
    text.push_str("# EOF\n");
    text
}

pub(crate) fn blocks_of_promtool_read_as_it_dumps_them() {
    let promtool = testkit::reference("promtool").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.om"), folder.path().join("data"));
    std::fs::write(&input, exposition(&data(1_700_000_000_000))).unwrap();
    let made = Command::new(&promtool)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&input, &output])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    // It wants to see a log, and an empty folder will do.
    std::fs::create_dir(output.join("wal")).unwrap();
    // What promtool prints of each sample: labels, value, time.
    let dump = Command::new(&promtool).args(["tsdb", "dump"]).arg(&output).output().unwrap();
    let dumped = String::from_utf8(dump.stdout).unwrap();
    let mut expected = BTreeSet::new();
    for line in dumped.lines() {
        let mut parts = line.rsplitn(3, ' ');
        let (t, v, labels) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        expected.insert((labels.to_owned(), t.parse::<i64>().unwrap(), v.parse::<f64>().unwrap().to_bits()));
    }
    let mut found = BTreeSet::new();
    let blocks = std::fs::read_dir(&output).unwrap().map(|e| e.unwrap().path());
    for dir in blocks.filter(|p| p.join("meta.json").is_file()) {
        let (mut block, mut series) = (open(&dir), SeriesData::default());
        while block.next(&|_| true, (i64::MIN, i64::MAX), &mut series, &mut |damage| panic!("{damage}")) {
            let pairs: Vec<String> = series.labels.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
            let labels = format!("{{{}}}", pairs.join(", "));
            for (t, v) in series.t.iter().zip(&series.v) {
                found.insert((labels.clone(), *t, v.to_bits()));
            }
        }
    }
    assert!(found.len() > 10_000, "{} samples", found.len());
    assert!(found == expected, "only here: {:?}", found.difference(&expected).next());
}

pub(crate) fn chunks_encoded_here_are_served_by_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let from = 1_700_000_000_000;
    let data = data(from);
    block(ULID, &data, Options::default(), &[]).put(&folder.path().join("data"), ULID);
    let prometheus = Prometheus::start(&testkit::reference("prometheus").unwrap(), folder.path()).unwrap();
    let end = (from / 1000 + 7000).to_string();
    let answer = prometheus.ask("query", &[("query", "{__name__=~'.+'}[7200s]"), ("time", &end)]).unwrap();
    let result = answer["data"]["result"].as_array().unwrap();
    assert_eq!(result.len(), data.len(), "{answer}");
    for one in &data {
        let metric: serde_json::Value = serde_json::to_value(&one.labels).unwrap();
        let shown = result.iter().find(|r| r["metric"] == metric).unwrap();
        let floats = shown["values"].as_array().cloned().unwrap_or_default();
        let expected: Vec<(i64, f64)> =
            (one.t.iter().copied().zip(one.v.iter().copied())).filter(|(_, v)| !is_stale_nan(*v)).collect();
        assert_eq!(floats.len(), expected.len(), "{}", one.labels);
        for (shown, (t, v)) in floats.iter().zip(expected) {
            assert_eq!((shown[0].as_f64().unwrap() * 1000.0).round() as i64, t);
            assert_eq!(shown[1].as_str().unwrap().parse::<f64>().unwrap(), v, "{} at {t}", one.labels);
        }
    }
    let (start, end) = ((from / 1000).to_string(), (from / 1000 + 5985).to_string());
    let range = [("query", "{__name__=~'hist_.+'}"), ("start", &start), ("end", &end), ("step", "15")];
    let answer = prometheus.ask("query_range", &range).unwrap();
    let result = answer["data"]["result"].as_array().unwrap();
    for one in data.iter().filter(|one| !one.histograms.is_empty()) {
        let metric: serde_json::Value = serde_json::to_value(&one.labels).unwrap();
        let shown = result.iter().find(|r| r["metric"] == metric).unwrap();
        for step in shown["histograms"].as_array().unwrap() {
            let at = (step[0].as_f64().unwrap() * 1000.0).round() as i64;
            let (_, h) = one.histograms.iter().rfind(|(t, _)| *t <= at).unwrap();
            let number = |name: &str| step[1][name].as_str().unwrap().parse::<f64>().unwrap();
            assert_eq!((number("count"), number("sum")), (h.count, h.sum), "{} at {at}", one.labels);
            let mut counts: Vec<f64> = (step[1]["buckets"].as_array().into_iter().flatten())
                .map(|b| b[3].as_str().unwrap().parse().unwrap())
                .collect();
            let all = h.positive_buckets.iter().chain(&h.negative_buckets).chain([&h.zero_count]);
            let mut want: Vec<f64> = all.copied().filter(|c| *c != 0.0).collect();
            counts.sort_by(f64::total_cmp);
            want.sort_by(f64::total_cmp);
            assert_eq!(counts, want, "{}", one.labels);
        }
    }
}
